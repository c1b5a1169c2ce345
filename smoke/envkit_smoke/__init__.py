"""The smoke workloads: small trainings whose every number is known, run in the interpreter under test.

They prove that a PyTorch environment computes the right numbers on every device it has, and time how fast.
Standard library, torch and numpy only; nothing of envkit is imported. How a run flows through the modules:

``cli`` reads the options, ``session`` runs the workloads and speaks JSON lines (``events``). A workload
observes (``regression``, ``backprop``: torch on the device, judges nothing) and then judges
(``regression_checks``, ``backprop_checks``: NumPy only, touches no device) against a float64 reference
(``regression_reference``, ``backprop_reference``) whose values carry their own rounding bounds (``bounded``).
Several devices together are ``joint`` (``copies``, ``together``), several processes ``distributed`` (``ranks``,
``board``, ``collectives``); both train by ``descent`` and are judged by ``stepwise``.
The figures that the lecture and the textbook print are in ``published``.
"""
