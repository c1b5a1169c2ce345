"""The lecture's training loop says ``xb.to(device)`` and drops the result: the on-device check catches it.

``Tensor.to`` returns a moved copy and leaves the tensor where it was. The loop so trains on the CPU, or fails once the
model is elsewhere. The device here is torch's "meta" device, which every machine has.
"""

from __future__ import annotations

import torch
from envkit_smoke.checks import Check, on_device
from envkit_smoke.regression import Training
from envkit_smoke.workload import Task

DEVICE = "meta"


def check(batch: torch.Tensor, model: torch.nn.Linear) -> Check:
    tensors = {"inputs": batch, "weight": model.weight, "bias": model.bias}
    return on_device({(name, str(tensor.device)) for name, tensor in tensors.items()}, DEVICE)


def test_the_workloads_own_step_moves_its_batch() -> None:
    training = Training(Task(DEVICE, "float32", "functional", seed=0, epochs=1, synchronise=lambda: None))
    step = training.step(next(iter(training.loader)))
    moved = {**step._asdict(), **training.parameters(), **training.gradients(), **training.momenta()}
    assert {name: str(tensor.device) for name, tensor in moved.items()} == dict.fromkeys(moved, DEVICE)
    assert len(moved) == 10


def test_a_batch_moved_without_assignment_is_caught() -> None:
    model, xb = torch.nn.Linear(3, 2).to(DEVICE), torch.ones(3, 3)
    xb.to(DEVICE)
    verdict = check(xb, model)
    assert (verdict.passed, verdict.detail) == (False, "not everything was on meta: inputs was on cpu")


def test_a_batch_moved_with_assignment_passes() -> None:
    model, xb = torch.nn.Linear(3, 2).to(DEVICE), torch.ones(3, 3)
    xb = xb.to(DEVICE)
    assert check(xb, model).passed


def test_the_lectures_whole_loop_on_the_cpu_is_caught() -> None:
    model, xb = torch.nn.Linear(3, 2), torch.ones(3, 3)
    xb.to(DEVICE)
    model(xb).sum().backward()  # works, on the CPU, which is what makes it easy to miss
    verdict = check(xb, model)
    assert (verdict.passed, verdict.error) == (False, 3)
