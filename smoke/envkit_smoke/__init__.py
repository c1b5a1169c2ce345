"""The smoke workloads: small trainings whose every number is known, run in the interpreter under test.

They prove that a PyTorch environment computes the right numbers on every device it has, and time how fast.
Standard library, torch and numpy only; nothing of envkit is imported. How a run flows through the modules:

``cli`` reads the options, ``session`` runs the stages on each device and speaks JSON lines (``events``): single
operations (``kernels``), the trainings (``trainings``), then speed (``speed``). The first two observe (``kernels``,
``regression``, ``backprop``: torch on the device, judges nothing) and then judge (``kernel_checks``,
``regression_checks``, ``backprop_checks``: NumPy only, touches no device) against a float64 reference
(``regression_reference``, ``backprop_reference``) whose values carry their own rounding bounds (``bounded``), which
derive from the dtype (``arithmetic``). A network is data (``network``); the figures that the lecture and the textbook
print are in ``published``. How a step is run is for ``variants`` and ``optimizers``.

Speed times ``subjects`` (``fast_regression``, ``fast_backprop``, two ceilings), judged by ``step_checks``, in rounds
(``measure``) by the device's clock (``clocks``), within a ``memory`` and a time budget, on a ``machine`` whose state is
told. Several devices together are ``joint`` (``copies``, ``together``), several processes ``distributed`` (``ranks``,
``board``, ``collectives``); both train by ``descent`` and are judged by ``stepwise``.
"""
