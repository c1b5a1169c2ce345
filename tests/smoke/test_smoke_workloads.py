"""The workloads on this machine's torch: right numbers pass, wrong arithmetic of any kind is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from envkit_smoke import backprop, network, regression, workload
from envkit_smoke.arithmetic import ARITHMETIC
from envkit_smoke.optimizers import OPTIMIZERS, ClassSGD, FunctionalSGD
from envkit_smoke.recorder import Recorder
from envkit_smoke.workload import Task
from torch.utils._python_dispatch import TorchDispatchMode

Change = Callable[[torch.Tensor], torch.Tensor]


def task(**overrides: Any) -> Task:
    given = {"device": "cpu", "dtype": "float32", "variant": "functional", "seed": 0, "epochs": 12}
    return Task(**{**given, "synchronise": lambda: None, **overrides})


def failed(name: str, wanted: Task | None = None) -> set[str]:
    one = workload.load([name])[name]
    return {check.name for check in one.judge(one.observe(wanted or task())).checks if not check.passed}


class Faulty(TorchDispatchMode):
    """A device on which one kernel gives changed numbers."""

    def __init__(self, kernel: str, change: Change) -> None:
        super().__init__()
        self.kernel = kernel
        self.change = change
        self.changed = 0

    def __torch_dispatch__(self, kernel: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = kernel(*args, **(kwargs or {}))
        if kernel.overloadpacket.__name__ != self.kernel:
            return result
        self.changed += 1
        return self.change(result)


def failed_with(kernel: str, change: Change, name: str) -> set[str]:
    with Faulty(kernel, change) as device:
        names = failed(name)
    assert device.changed > 0, f"the workload never ran {kernel}"
    return names


def slightly_off(result: torch.Tensor) -> torch.Tensor:
    return result * (1 + 1e-4)


def one_bit_off(result: torch.Tensor) -> torch.Tensor:
    """Flip the seventh bit from the end of each mantissa: a relative change of about 2**-17."""
    return (result.contiguous().view(torch.int32) ^ (1 << 6)).view(torch.float32)


def half_precision(result: torch.Tensor) -> torch.Tensor:
    return result.to(torch.bfloat16).to(torch.float32)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
@pytest.mark.parametrize("name", workload.TRAININGS)
def test_this_cpu_passes_every_check(name: str, seed: int) -> None:
    assert failed(name, task(seed=seed)) == set()


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("name", workload.TRAININGS)
def test_short_runs_pass(name: str, epochs: int) -> None:
    assert failed(name, task(epochs=epochs)) == set()


@pytest.mark.parametrize("change", [slightly_off, one_bit_off, half_precision])
@pytest.mark.parametrize(
    ("kernel", "name", "check"),
    [
        ("addmm", "linear-regression", "initial-predictions"),
        ("addmm", "linear-regression", "gradient"),
        ("addmm", "linear-regression", "loss"),
        ("addmm", "linear-regression", "closed-form"),
        ("mm", "linear-regression", "gradient"),
        ("mm", "linear-regression", "trajectory"),
        ("mse_loss", "linear-regression", "loss"),
        ("mse_loss_backward", "linear-regression", "gradient"),
        ("mm", "backprop", "every-step"),
        ("sigmoid", "backprop", "every-step"),
        ("sigmoid", "backprop", "trajectory"),
        ("sigmoid", "backprop", "loss"),
        ("sigmoid_backward", "backprop", "gradient"),
    ],
)
def test_wrong_arithmetic_of_a_kernel_is_caught(kernel: str, name: str, check: str, change: Change) -> None:
    assert check in failed_with(kernel, change, name)


def test_a_wrong_loss_alone_fails_the_loss_checks_alone() -> None:
    assert failed_with("mse_loss", slightly_off, "linear-regression") == {
        "initial-predictions",
        "closed-form",
        "loss",
    }


def test_a_wrong_backward_kernel_alone_leaves_the_hand_written_pass_right() -> None:
    assert failed_with("sigmoid_backward", slightly_off, "backprop") == {"gradient"}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", workload.TRAININGS)
def test_this_cpu_passes_every_check_in_every_dtype(name: str, dtype: str) -> None:
    assert failed(name, task(dtype=dtype, epochs=6)) == set()


@pytest.mark.parametrize("variant", ["eager", "functional", "foreach", "fused"])
@pytest.mark.parametrize("name", workload.TRAININGS)
def test_every_variant_of_the_update_passes_every_check(name: str, variant: str) -> None:
    assert failed(name, task(variant=variant)) == set()


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("kernel", "name"), [("mm", "linear-regression"), ("mm", "backprop"), ("sigmoid", "backprop")])
def test_a_kernel_that_is_wrong_by_twenty_roundoffs_is_caught_in_every_dtype(
    kernel: str, name: str, dtype: str
) -> None:
    off = 1 + 20 * 2.0 ** -ARITHMETIC[dtype].digits
    with Faulty(kernel, lambda result: result * off):
        assert failed(name, task(dtype=dtype)) & {"every-step", "gradient"}


def test_features_are_scaled_for_float16_only() -> None:
    largest = {
        dtype: float(regression.observe(task(dtype=dtype, epochs=1)).batch_inputs.max())
        for dtype in ("float64", "float32", "bfloat16", "float16")
    }
    assert largest == {"float64": 134.0, "float32": 134.0, "bfloat16": 134.0, "float16": 134.0 / 16}


def test_a_kernel_that_is_wrong_once_is_caught() -> None:
    calls = iter(range(10**6))
    change = lambda result: slightly_off(result) if next(calls) == 40 else result  # noqa: E731
    assert "gradient" in failed_with("mm", change, "linear-regression")


def test_a_kernel_with_random_bits_is_not_repeatable() -> None:
    change = lambda result: result * (1 + 1e-7 * torch.rand(()))  # noqa: E731
    assert "repeatable" in failed_with("mm", change, "backprop")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"momentum": 0.9001}, id="momentum"),
        pytest.param({"lr": 1.001e-4}, id="rate"),
    ],
)
def test_an_optimizer_with_wrong_settings_is_caught(wrong: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    def make(parameters: Any, **settings: float) -> FunctionalSGD:
        return FunctionalSGD(parameters, **{**settings, **wrong})

    monkeypatch.setitem(OPTIMIZERS, "functional", make)
    assert {"every-step"} <= failed("linear-regression") <= {"every-step", "trajectory", "wide-update"}


def test_an_optimizer_that_forgets_to_clear_the_gradients_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FunctionalSGD, "zero_grad", lambda self: None)
    assert {"gradient", "trajectory"} <= failed("linear-regression")


def test_a_loader_that_repeats_a_batch_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Repeating(torch.utils.data.DataLoader):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            batches = list(super().__iter__())
            return iter([batches[0], *batches[:-1]])

    monkeypatch.setattr(regression, "DataLoader", Repeating)
    assert failed("linear-regression") == {"epoch-permutation"}


def test_function_and_class_of_the_optimizer_give_the_same_bits() -> None:
    bits = [regression.observe(task(epochs=3, variant=name)).observed_bits for name in ("functional", "eager")]
    assert bits[0] == bits[1]


@pytest.mark.parametrize("make", [FunctionalSGD, ClassSGD])
def test_momenta_are_the_gradients_after_the_first_step(make: Any) -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = make([parameter], lr=0.1, momentum=0.9)
    assert optimizer.momenta == [None]
    parameter.grad = torch.tensor([1.0, 2.0])
    optimizer.step()
    assert optimizer.momenta[0].tolist() == [1.0, 2.0]


def test_another_seed_gives_another_run() -> None:
    runs = [regression.observe(task(seed=seed, epochs=1)).observed_bits for seed in (0, 1)]
    assert runs[0] != runs[1]


def test_another_seed_deals_the_batches_in_another_order() -> None:
    dealt = [regression.observe(task(seed=seed, epochs=1)).batch_inputs.tobytes() for seed in (0, 1)]
    assert dealt[0] != dealt[1]


def test_batches_come_in_another_order_each_epoch() -> None:
    inputs = regression.observe(task(epochs=3)).batch_inputs.reshape(3, -1)
    assert len({epoch.tobytes() for epoch in inputs}) > 1


def test_times_are_of_as_many_steps_and_epochs_as_told() -> None:
    timing = regression.observe(task(epochs=30)).timing
    assert (timing.warmup_steps, len(timing.step_seconds), len(timing.epoch_seconds)) == (10, 100, 30)


def test_short_runs_time_the_steps_they_have() -> None:
    assert len(regression.observe(task(epochs=2)).timing.step_seconds) == 10


def test_the_device_is_waited_for_around_every_timed_unit() -> None:
    waits: list[None] = []
    timing = backprop.observe(task(epochs=4, synchronise=lambda: waits.append(None))).timing
    assert len(waits) == 2 * (timing.warmup_steps + len(timing.step_seconds))


@pytest.mark.parametrize(
    ("module", "names"),
    [
        pytest.param(
            regression,
            {
                "weight",
                "bias",
                "inputs",
                "targets",
                "predictions",
                "loss",
                "full loss",
                "all inputs",
                "all targets",
                "gradient of weight",
                "gradient of bias",
                "momentum of weight",
                "momentum of bias",
            },
            id="linear-regression",
        ),
        pytest.param(
            backprop,
            {
                "inputs",
                "targets",
                "loss",
                *(
                    f"{what} {layer}"
                    for layer in (1, 2)
                    for what in (
                        *("net", "output", "delta", "weights", "biases", "gradient of weights", "gradient of biases"),
                        *("autograd of weights", "autograd of biases"),
                    )
                ),
            },
            id="backprop",
        ),
    ],
)
def test_every_tensor_of_the_training_is_seen_on_its_device(module: Any, names: set[str]) -> None:
    assert module.observe(task(epochs=1)).placements == {(name, "cpu") for name in names}


class OnFirstGpu(torch.Tensor):
    """A tensor that says it is on a GPU, and like one cannot be joined with others before it is copied back."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", 0)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.cat:
            raise RuntimeError("Expected all tensors to be on the same device")
        result = super().__torch_function__(func, types, args, kwargs or {})
        return torch.tensor(result.tolist()) if func is torch.Tensor.cpu else result


def test_recorder_survives_tensors_on_two_devices_and_says_where_they_were() -> None:
    recorder = Recorder()
    weight = torch.ones(2).as_subclass(OnFirstGpu)
    recorder.keep({"weight": weight, "inputs": torch.zeros(1, 2)})
    assert recorder.placements == {("weight", "cuda:0"), ("inputs", "cpu")}
    assert {name: array.shape for name, array in recorder.arrays().items()} == {
        "weight": (1, 2),
        "inputs": (1, 1, 2),
    }


def test_recorder_keeps_what_a_tensor_was_not_what_it_becomes() -> None:
    recorder, tensor = Recorder(), torch.tensor([1.5])
    for _ in range(2):
        recorder.keep({"weight": tensor})
        tensor.mul_(2)
    assert recorder.arrays()["weight"].tolist() == [[1.5], [3.0]]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_recorder_keeps_every_dtype_s_numbers_exactly(dtype: torch.dtype) -> None:
    recorder, tensor = Recorder(), torch.tensor(0.1, dtype=dtype)
    recorder.keep({"loss": tensor})
    assert recorder.arrays()["loss"].tolist() == [tensor.item()]


def test_evaluation_is_at_the_given_parameters() -> None:
    seen = regression.evaluate(regression.Training(task()), np.zeros((2, 4)))
    assert np.all(seen.predictions == 0)
    assert seen.predictions.shape == (15, 2)


def random_network(seed: int) -> network.Network:
    """A network of random depth, widths, activations, loss, rate and size of weights; many of them diverge."""
    chance = np.random.default_rng(seed)
    depth = int(chance.integers(1, 6))
    widths = [int(chance.integers(1, 9)) for _ in range(depth + 1)]
    rows = int(chance.integers(1, 7))
    activations = [str(chance.choice(network.ACTIVATIONS)) for _ in range(depth)]
    loss = str(chance.choice(network.LOSSES))
    if loss == "cross-entropy":
        activations[-1] = str(chance.choice(network.PROBABILITIES))
    size = float(chance.choice([0.3, 1, 3, 10]))
    layers = tuple(
        network.Layer(
            (size * chance.normal(size=(fed, units))).tolist(),
            chance.normal(size=units).tolist(),
            activation,
            bool(chance.integers(2)),
        )
        for fed, units, activation in zip(widths, widths[1:], activations, strict=False)
    )
    inputs = chance.normal(size=(rows, widths[0])) * float(chance.choice([1, 5, 0]))
    targets = chance.uniform(size=(rows, widths[-1])).round(int(chance.integers(0, 5)))
    rate, steps = float(chance.choice([0, 0.01, 0.5, 0.9, 5])), int(chance.integers(1, 20))
    return network.Network(layers, inputs.tolist(), targets.tolist(), loss, rate, steps)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("seed", range(30, 50))
def test_any_network_passes_every_check_in_every_dtype(seed: int, dtype: str) -> None:
    assert failed("backprop", task(dtype=dtype, network=random_network(seed))) == set()


@pytest.mark.parametrize("variant", ["eager", "foreach", "fused"])
@pytest.mark.parametrize("seed", range(5))
def test_any_network_passes_every_check_in_every_variant(seed: int, variant: str) -> None:
    assert failed("backprop", task(variant=variant, network=random_network(seed))) == set()


def test_an_update_that_is_wrong_for_whole_vectors_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(FunctionalSGD):
        def step(self) -> None:
            super().step()
            for parameter in self.parameters:
                if parameter.numel() >= 16:
                    parameter.detach().view(-1)[:16] += 0.25

    monkeypatch.setitem(OPTIMIZERS, "functional", Lazy)
    assert failed("linear-regression") == {"wide-update"}
