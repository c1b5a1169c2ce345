"""What is timed on a device: the two ceilings, the lecture's loop and its fast equal, and both trainings by size.

A ``Candidate`` is ready to be timed, and its checks say whether it computes the right thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Sequence

import torch

from envkit_smoke import fast_backprop, fast_regression, published, regression, step_checks
from envkit_smoke.measure import Subject
from envkit_smoke.torch_dtypes import TORCH_DTYPES, products
from envkit_smoke.variants import Graphed
from envkit_smoke.workload import Task

if TYPE_CHECKING:
    from torch import Tensor

    from envkit_smoke.checks import Check

LECTURE_SIZE = {"rows": 15, "width": 3, "batch": published.BATCH_ROWS}
LECTURE_EPOCHS = 20  # timed together
WINDOWS = 16  # sets of samples taken in turn
SEED = 0
CHECKED_WIDTH = 256  # of backpropagation against NumPy, which is slow at more


@dataclass(frozen=True)
class Candidate:
    """Something to be timed, the event that will tell the result, and what was found out about its arithmetic."""

    event: str
    place: dict[str, Any]
    fields: dict[str, Any]
    subject: Subject
    checks: Sequence[Check] = field(default_factory=tuple)
    amount: float = 0.0
    """Of a ceiling: bytes or operations of a step."""
    lowered: dict[str, int] | None = None
    """The size that memory did not suffice for, where this one takes its place."""

    def lowered_from(self, size: dict[str, int]) -> Candidate:
        """The same in place of this size."""
        return replace(self, lowered=size)


def inference(work: Callable[[], object], dtype: str = "float32") -> Callable[[], None]:
    """``work`` without autograd's bookkeeping, and with the products that the dtype asks for."""

    def run() -> None:
        with torch.inference_mode():
            work()

    def run_in_dtype() -> None:
        with products(dtype):
            run()

    return run_in_dtype if dtype == "tf32" else run


def copy_ceiling(data: Tensor) -> Candidate:
    """One half of the data copied over the other: as many bytes are touched as a pass over all of it touches."""
    half = data.numel() // 2
    flat = data.view(-1)
    source, target = flat[:half], flat[half : 2 * half]
    size = half * data.element_size()
    fields = {"of": "copy", "size": {"bytes": size}, "unit": "B/s"}
    subject = Subject(inference(lambda: target.copy_(source)))
    return Candidate("ceiling", {"dtype": "float32"}, fields, subject, amount=2 * size)


def product_ceiling(width: int, device: str, dtype: str) -> Candidate:
    """The product of two random square matrices."""
    generator = torch.Generator(device).manual_seed(SEED)
    kind = TORCH_DTYPES[dtype]
    left, right = (torch.rand(width, width, device=device, generator=generator).sub_(0.5).to(kind) for _ in range(2))
    result = torch.empty(width, width, device=device, dtype=kind)
    work = inference(lambda: torch.mm(left, right, out=result), dtype)
    work()
    check = step_checks.product(left, right, result, dtype=dtype)
    fields = {"of": "matmul", "size": {"width": width}, "unit": "FLOP/s"}
    return Candidate("ceiling", {"dtype": dtype}, fields, Subject(work), [check], amount=2 * width**3)


def lecture_loop(device: str) -> Candidate:
    """The lecture's own training loop: a data loader, autograd and ``torch.optim.SGD``, batches really moved."""
    training = regression.Training(Task(device, "float32", "eager", SEED, LECTURE_EPOCHS, lambda: None))
    steps = LECTURE_EPOCHS * len(training.loader)

    def work() -> None:
        for _ in range(LECTURE_EPOCHS):
            training.epoch()

    return _lecture_point("lecture", Subject(work, steps), [])


def fast_lecture(device: str, *, graph: bool = False) -> Candidate:
    """The same steps in three calls each, or all of them replayed as one CUDA graph."""
    with torch.inference_mode():
        steps = fast_regression.EpochSteps(device, SEED, LECTURE_EPOCHS)
        checks = [step_checks.same_batches(steps, device), step_checks.every_step(steps)]
    work = _graphed(steps.run, [steps.weights, steps.momenta]) if graph else inference(steps.run)
    return _lecture_point(_variant(graph=graph), Subject(work, LECTURE_EPOCHS * len(steps.batches)), checks)


def _lecture_point(variant: str, subject: Subject, checks: list[Check]) -> Candidate:
    rows = published.BATCH_ROWS
    fields = {
        "size": LECTURE_SIZE,
        "samples": rows,
        "bytes": fast_regression.traffic(rows, 4),
        "flops": fast_regression.flops(rows),
    }
    return Candidate("point", _place("linear-regression", "float32", variant), fields, subject, checks)


def regression_point(data: Tensor, rows: int, compiled: Callable[..., object] | None) -> Candidate:
    """Full-batch steps on so many rows, each on the next window of the data; ``compiled`` is the step in one pass."""
    weights, momenta = (torch.zeros(2, 4, device=data.device) for _ in range(2))
    windows = _windows(data, rows)
    if compiled is None:
        variant, steps = "fast", [fast_regression.passes(window, weights, momenta) for window in windows]
    else:
        step = compiled
        variant, steps = "fast-compile", [_bound(step, window, weights, momenta) for window in windows]

    def work() -> None:
        for step in steps:
            step()

    inference(steps[0])()
    check = step_checks.regression_step(windows[0], weights, momenta)
    fields = {
        "size": {"rows": rows, "width": fast_regression.FEATURES, "batch": rows},
        "samples": rows,
        "bytes": fast_regression.traffic(rows, data.element_size()),
        "flops": fast_regression.flops(rows),
    }
    place = _place("linear-regression", "float32", variant)
    return Candidate("point", place, fields, Subject(inference(work), len(steps)), [check])


def backprop_point(width: int, device: str, dtype: str, *, graph: bool = False) -> Candidate:
    """Steps of a network of this width on as many samples; windows in turn while they are small."""
    windows = max(1, min(WINDOWS, 2**22 // (width * width)))
    layers = fast_backprop.Layers(width, width, device, TORCH_DTYPES[dtype], SEED, windows)
    checks = []
    if width == CHECKED_WIDTH:
        before = [part.double().cpu().numpy().copy() for part in layers.parameters()]  # else float64 shares them
        inference(lambda: layers.step_on(layers.inputs[0], layers.targets[0]), dtype)()
        checks = [step_checks.backprop_step(layers, before, dtype)]

    def work() -> None:
        for inputs, targets in zip(layers.inputs, layers.targets):
            layers.step_on(inputs, targets)

    fields = {
        "size": {"rows": width, "width": width, "batch": width},
        "samples": width,
        "bytes": fast_backprop.traffic(width, width, layers.hidden.element_size()),
        "flops": fast_backprop.flops(width, width),
    }
    timed = _graphed(work, layers.parameters()) if graph else inference(work, dtype)
    return Candidate("point", _place("backprop", dtype, _variant(graph=graph)), fields, Subject(timed, windows), checks)


def _variant(*, graph: bool) -> str:
    return "fast-cuda-graph" if graph else "fast"


def _graphed(work: Callable[[], object], state: list[Tensor]) -> Callable[[], object]:
    """``work`` replayed as one CUDA graph; ``state`` are the tensors that it changes."""
    return Graphed(inference(work), lambda: state)


def _place(workload: str, dtype: str, variant: str) -> dict[str, Any]:
    return {"workload": workload, "dtype": dtype, "variant": variant}


def _windows(data: Tensor, rows: int) -> list[Tensor]:
    """Windows of so many rows, spread over all of the data so that no cache holds the next one."""
    count = min(WINDOWS, data.shape[1] // rows)
    stride = data.shape[1] // count
    return [data[:, start : start + rows] for start in range(0, count * stride, stride)]


def _bound(step: Callable[..., object], *arguments: Tensor) -> Callable[[], object]:
    return lambda: step(*arguments)
