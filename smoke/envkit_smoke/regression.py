"""The lecture's linear regression, run on a device and watched; nothing is judged here."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from envkit_smoke import published, regression_reference
from envkit_smoke.optimizers import OPTIMIZERS
from envkit_smoke.recorder import Recorder, bits
from envkit_smoke.regression_checks import Evaluation, RegressionRun
from envkit_smoke.timing import Timing, durations
from envkit_smoke.torch_dtypes import TORCH_DTYPES
from envkit_smoke.variants import prepared

if TYPE_CHECKING:
    from envkit_smoke.workload import Task

WARMUP_EPOCHS = 2
TIMED_STEPS = 100


class Step(NamedTuple):
    """The tensors of one training step, as they were on the device."""

    inputs: torch.Tensor
    targets: torch.Tensor
    predictions: torch.Tensor
    loss: torch.Tensor


class Training:
    """The lecture's model, data loader, loss and optimizer, with the model and every batch on the device."""

    def __init__(self, task: Task) -> None:
        torch.manual_seed(task.seed)
        self.seed = task.seed
        self.device = torch.device(task.device)
        self.dtype = TORCH_DTYPES[task.dtype]
        self.scale = regression_reference.feature_scale(task.dtype)
        rows = [torch.tensor(part).to(self.dtype) for part in regression_reference.dataset(self.scale)]
        self.order = torch.Generator().manual_seed(task.seed)
        dataset = TensorDataset(*rows)
        self.loader = DataLoader(dataset, batch_size=published.BATCH_ROWS, shuffle=True, generator=self.order)
        self.inputs, self.targets = (part.to(self.device) for part in rows)
        self.model = nn.Linear(3, 2, dtype=torch.float32).to(self.dtype).to(self.device)
        self.criterion = nn.MSELoss()
        make_optimizer = OPTIMIZERS[task.variant]
        self.optimizer = make_optimizer(
            self.model.parameters(), lr=published.LEARNING_RATE, momentum=published.MOMENTUM
        )
        self._start = [part.detach().clone() for part in self.parameters().values()]
        self._work = prepared(task.variant, self._moved, self._changed)

    def step(self, batch: tuple[torch.Tensor, ...]) -> Step:
        """Move a batch to the device, and the parameters by one update."""
        # Assigned, unlike in the lecture, whose xb.to(device) moves nothing.
        inputs, targets = (part.to(self.device) for part in batch)
        predictions, loss = self._work(inputs, targets)
        return Step(inputs, targets, predictions, loss)

    def _moved(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.optimizer.zero_grad()
        predictions = self.model(inputs)
        loss = self.criterion(predictions, targets)
        loss.backward()
        self.optimizer.step()
        return predictions, loss

    def _changed(self) -> list[torch.Tensor]:
        """The tensors that a step changes in place; the momenta, once there are any."""
        return [*self.parameters().values(), *self.momenta().values()]

    def restart(self) -> None:
        """Parameters, momenta and the order of the batches as they were at the beginning."""
        self.order.manual_seed(self.seed)
        with torch.no_grad():
            for parameter, start in zip(self.parameters().values(), self._start):
                parameter.copy_(start)
            for momentum in self.momenta().values():
                momentum.zero_()

    def epoch(self) -> None:
        """One pass over the data set."""
        for batch in self.loader:
            self.step(batch)

    def batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches of epoch after epoch, without end."""
        while True:
            yield from self.loader

    def full_loss(self) -> torch.Tensor:
        """The mean squared error over the whole data set, computed on the device."""
        with torch.no_grad():
            loss: torch.Tensor = self.criterion(self.model(self.inputs), self.targets)
        return loss

    def parameters(self) -> dict[str, torch.Tensor]:
        """Weight (2, 3) and bias (2)."""
        return {"weight": self.model.weight, "bias": self.model.bias}

    def gradients(self) -> dict[str, torch.Tensor]:
        """The derivatives of the last loss by weight and bias."""
        return _present("gradient of", {name: part.grad for name, part in self.parameters().items()})

    def momenta(self) -> dict[str, torch.Tensor]:
        """The optimizer's momentum buffers of weight and bias."""
        return _present("momentum of", dict(zip(self.parameters(), self.optimizer.momenta)))


def observe(task: Task) -> RegressionRun:
    """Train once under observation, evaluate at the lecture's two points, train again for the clock."""
    training = Training(task)
    start, steps, epochs = Recorder(), Recorder(), Recorder()
    batches: list[tuple[torch.Tensor, ...]] = []
    start.keep({**training.parameters(), "all inputs": training.inputs, "all targets": training.targets})
    for _ in range(task.epochs):
        for batch in training.loader:
            step = training.step(batch)
            batches.append(batch)
            steps.keep({**training.parameters(), **training.gradients(), **training.momenta(), **step._asdict()})
        epochs.keep({"full loss": training.full_loss()})
    observed_bits = bits(training.parameters().values())
    timing, timed_bits = measure_time(task, training)
    before, seen = start.arrays(), steps.arrays()
    inputs, targets = (torch.stack(part).to(torch.float64).numpy() for part in zip(*batches))
    momenta = _joined(seen, "momentum of ")
    return RegressionRun(
        device=task.device,
        dtype=task.dtype,
        batch_inputs=inputs,
        batch_targets=targets,
        parameters=np.concatenate([_joined(before), _joined(seen)]),
        momenta=np.concatenate([np.zeros_like(momenta[:1]), momenta]),
        gradients=_joined(seen, "gradient of "),
        losses=seen["loss"],
        epoch_losses=epochs.arrays()["full loss"],
        at_initial=evaluate(training, regression_reference.initial_parameters()),
        at_optimum=evaluate(training, regression_reference.closed_form()),
        wide_update=update_wide(task),
        placements=frozenset(start.placements | steps.placements | epochs.placements),
        observed_bits=observed_bits,
        timed_bits=timed_bits,
        timing=timing,
    )


def evaluate(training: Training, parameters: Any) -> Evaluation:
    """Predictions, loss and gradient over the whole data set, with parameters (2, 4) for the lecture's features."""
    values = torch.tensor(regression_reference.for_features(parameters, training.scale)).to(training.dtype)
    with torch.no_grad():
        training.model.weight.copy_(values[:, :3])
        training.model.bias.copy_(values[:, 3])
    training.optimizer.zero_grad()
    predictions = training.model(training.inputs)
    loss = training.criterion(predictions, training.targets)
    loss.backward()
    recorder = Recorder()
    recorder.keep({"predictions": predictions, "loss": loss, **training.gradients()})
    seen = recorder.arrays()
    return Evaluation(seen["predictions"][0], seen["loss"][0], _joined(seen, "gradient of ")[0])


def update_wide(task: Task) -> Any:
    """Where two steps of the variant's optimizer take a parameter of many elements: see the reference."""
    start, gradients = regression_reference.wide_gradients()
    dtype = TORCH_DTYPES[task.dtype]
    parameter = nn.Parameter(torch.tensor(start).to(dtype).to(task.device))
    rate, momentum = regression_reference.WIDE_RATE, regression_reference.WIDE_MOMENTUM
    optimizer = OPTIMIZERS[task.variant]([parameter], lr=rate, momentum=momentum)
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient).to(dtype).to(task.device)
        optimizer.step()
    return parameter.detach().cpu().to(torch.float64).numpy()


def measure_time(task: Task, training: Training) -> tuple[Timing, bytes]:
    """Times of a second whole run from the same seed, unobserved, and the bits of its final parameters.

    Epochs are timed over that run; steps, from moving the batch to the update, over the start of another,
    since waiting for the device after every step would slow its epochs down.
    """
    for _ in range(WARMUP_EPOCHS):
        training.epoch()
    training.restart()
    epoch_seconds = durations((training.epoch for _ in range(task.epochs)), task.synchronise)
    timed_bits = bits(training.parameters().values())
    training.restart()
    steps = min(TIMED_STEPS, task.epochs * len(training.loader))
    units = ((lambda batch=batch: training.step(batch)) for batch in islice(training.batches(), steps))
    step_seconds = durations(units, task.synchronise)
    return Timing(WARMUP_EPOCHS * len(training.loader), step_seconds, epoch_seconds), timed_bits


def _present(prefix: str, tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {f"{prefix} {name}": tensor for name, tensor in tensors.items() if tensor is not None}


def _joined(arrays: dict[str, Any], prefix: str = "") -> Any:
    """Weights (moments, 2, 3) and biases (moments, 2) as one (moments, 2, 4)."""
    return np.concatenate([arrays[prefix + "weight"], arrays[prefix + "bias"][..., None]], axis=-1)
