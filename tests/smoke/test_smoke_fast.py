"""The fast trainings compute what the lecture's do, at its size and far beyond; wrong arithmetic in them is caught."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from envkit_smoke import fast_backprop, fast_regression, regression, step_checks
from envkit_smoke.workload import Task
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable


def lecture(seed: int = 0) -> regression.Training:
    return regression.Training(
        Task(device="cpu", dtype="float32", variant="functional", seed=seed, epochs=1, synchronise=lambda: None)
    )


class Off(TorchDispatchMode):
    """A device whose one kernel is off by a small relative error."""

    def __init__(self, kernel: str, error: float = 1e-3) -> None:
        super().__init__()
        self.kernel = kernel
        self.error = error
        self.changed = 0

    def __torch_dispatch__(self, kernel: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = kernel(*args, **(kwargs or {}))
        if kernel.overloadpacket.__name__ == self.kernel:
            self.changed += 1
            result.mul_(1 + self.error)
        return result


@pytest.mark.parametrize("seed", [0, 7])
def test_the_fast_loop_starts_from_the_lectures_parameters(seed: int) -> None:
    weights, momenta = fast_regression.initial_state(seed, "cpu", torch.float32)
    model = lecture(seed).model
    assert torch.equal(weights[:3].t(), model.weight)
    assert torch.equal(weights[3], model.bias)
    assert torch.equal(momenta, torch.zeros(4, 2))


@pytest.mark.parametrize("seed", [0, 7])
def test_the_fast_loop_deals_the_rows_as_the_lectures_data_loader_does(seed: int) -> None:
    orders = fast_regression.orders(15, seed, 4)
    training = lecture(seed)
    for order in orders:
        dealt = torch.cat([inputs for inputs, _ in training.loader])
        assert torch.equal(training.inputs[order], dealt)


def test_the_fast_loops_first_epoch_is_the_lectures() -> None:
    training, steps = lecture(), fast_regression.EpochSteps("cpu", 0, 1)
    training.epoch()
    steps.run()
    assert torch.allclose(steps.weights[:3].t(), training.model.weight, rtol=1e-4)


def test_every_step_of_the_fast_loop_is_float64s() -> None:
    check = step_checks.every_step(fast_regression.EpochSteps("cpu", 0, 3))
    assert check.passed, check.detail


@pytest.mark.parametrize("kernel", ["addmm", "addmm_", "add_"])
def test_a_wrong_kernel_of_the_fast_loop_is_caught(kernel: str) -> None:
    steps = fast_regression.EpochSteps("cpu", 0, 3)
    with Off(kernel, 1e-4) as device:
        check = step_checks.every_step(steps)
    assert device.changed
    assert not check.passed


def test_batches_in_another_order_are_caught() -> None:
    steps = fast_regression.EpochSteps("cpu", 0, 2)
    assert step_checks.same_batches(steps, "cpu").passed
    steps.orders.reverse()
    assert not step_checks.same_batches(steps, "cpu").passed


def test_data_of_any_size_can_be_learnt() -> None:
    data = fast_regression.columns(5000, "cpu", 0)
    weights, momenta = torch.zeros(2, 4), torch.zeros(2, 4)
    losses = [float(fast_regression.one_pass(data, weights, momenta)) for _ in range(300)]
    assert losses[-1] < 1e-3 < losses[0]


@pytest.mark.parametrize("rows", [15, 1000, 300_000])
def test_both_ways_to_step_on_all_rows_are_float64s(rows: int) -> None:
    data = fast_regression.columns(rows, "cpu", 0)
    for step in (fast_regression.passes, lambda *parts: lambda: fast_regression.one_pass(*parts)):
        weights, momenta = torch.zeros(2, 4), torch.zeros(2, 4)
        step(data, weights, momenta)()
        check = step_checks.regression_step(data, weights, momenta)
        assert check.passed, check.detail


@pytest.mark.parametrize("kernel", ["addmm", "addmm_"])
def test_a_wrong_kernel_at_a_large_size_is_caught(kernel: str) -> None:
    data = fast_regression.columns(1000, "cpu", 0)
    weights, momenta = torch.zeros(2, 4), torch.zeros(2, 4)
    with Off(kernel, 1e-2) as device:
        fast_regression.passes(data, weights, momenta)()
    assert device.changed
    assert not step_checks.regression_step(data, weights, momenta).passed


def test_a_row_left_out_of_a_large_step_is_caught() -> None:
    data = fast_regression.columns(1000, "cpu", 0)
    weights, momenta = torch.zeros(2, 4), torch.zeros(2, 4)
    fast_regression.passes(data[:, :-1], weights, momenta)()
    assert not step_checks.regression_step(data, weights, momenta).passed


def layers(dtype: torch.dtype = torch.float32) -> tuple[fast_backprop.Layers, list[Any]]:
    made = fast_backprop.Layers(64, 64, "cpu", dtype, 0, windows=2)
    return made, [part.double().numpy().copy() for part in made.parameters()]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_wide_step_of_backpropagation_is_float64s(dtype: str) -> None:
    made, before = layers(getattr(torch, dtype))
    made.step_on(made.inputs[0], made.targets[0])
    check = step_checks.backprop_step(made, before, dtype)
    assert check.passed, check.detail


@pytest.mark.parametrize("kernel", ["addmm", "mm", "sigmoid_", "sigmoid_backward", "addmm_", "sum", "sub"])
def test_a_wrong_kernel_of_a_wide_step_is_caught(kernel: str) -> None:
    made, before = layers()
    with Off(kernel) as device:
        made.step_on(made.inputs[0], made.targets[0])
    assert device.changed
    assert not step_checks.backprop_step(made, before, "float32").passed


def test_wide_steps_bring_the_loss_down() -> None:
    made, _ = layers(torch.float64)
    losses = []
    for _ in range(200):
        made.step_on(made.inputs[0], made.targets[0])
        hidden = torch.sigmoid(made.inputs[0] @ made.weights[0] + made.biases[0])
        output = torch.sigmoid(hidden @ made.weights[1] + made.biases[1])
        losses.append(float(((made.targets[0] - output) ** 2).sum()))
    assert losses[-1] < losses[0]
    assert losses == sorted(losses, reverse=True)


def test_the_windows_of_a_wide_step_come_in_turn() -> None:
    made, _ = layers()
    assert not torch.equal(made.inputs[0], made.inputs[1])


def test_a_wide_step_is_autograds() -> None:
    made, before = layers(torch.float64)
    made.step_on(made.inputs[0], made.targets[0])
    parameters = [torch.tensor(part, requires_grad=True) for part in before]
    first, first_bias, second, second_bias = parameters
    hidden = torch.sigmoid(made.inputs[0] @ first + first_bias)
    output = torch.sigmoid(hidden @ second + second_bias)
    (0.5 * (made.targets[0] - output) ** 2).sum().backward()
    for ours, part in zip(made.parameters(), parameters, strict=True):
        np.testing.assert_allclose(ours.numpy(), (part.detach() - made.rate * part.grad).numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_right_product_passes(dtype: str) -> None:
    left, right = (torch.rand(128, 128).sub(0.5).to(getattr(torch, dtype)) for _ in range(2))
    check = step_checks.product(left, right, left @ right, dtype=dtype)
    assert check.passed, check.detail


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda result: result[3].mul_(1.01), id="a row a little too large"),
        pytest.param(lambda result: result[:, 5].zero_(), id="a column missing"),
        pytest.param(lambda result: result[7, 9].add_(0.01), id="one element"),
    ],
)
def test_a_wrong_product_is_caught(spoil: Callable[[torch.Tensor], object]) -> None:
    left, right = torch.rand(128, 128).sub(0.5), torch.rand(128, 128).sub(0.5)
    result = left @ right
    spoil(result)
    assert not step_checks.product(left, right, result, dtype="float32").passed


def test_operations_and_bytes_are_counted_from_the_algorithm() -> None:
    assert fast_regression.traffic(100, 4) == 100 * 5 * 4
    assert fast_regression.flops(1) == 2 * (4 + 4 + 4 + 4 + 1)
    assert fast_backprop.flops(32, 8) == 5 * 2 * 8 * 32 * 32
    assert fast_backprop.traffic(32, 8, 2) == (2 * 8 * 32 + 4 * 32 * 32) * 2
