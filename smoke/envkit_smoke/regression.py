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
from envkit_smoke.recorder import Recorder
from envkit_smoke.regression_checks import Evaluation, RegressionRun
from envkit_smoke.timing import Timing, durations

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
        self.device = torch.device(task.device)
        rows = [torch.tensor(part, dtype=torch.float32) for part in regression_reference.dataset()]
        order = torch.Generator().manual_seed(task.seed)
        self.loader = DataLoader(TensorDataset(*rows), batch_size=published.BATCH_ROWS, shuffle=True, generator=order)
        self.inputs, self.targets = (part.to(self.device) for part in rows)
        self.model = nn.Linear(3, 2, dtype=torch.float32).to(self.device)
        self.criterion = nn.MSELoss()
        make_optimizer = OPTIMIZERS[task.variant]
        self.optimizer = make_optimizer(
            self.model.parameters(), lr=published.LEARNING_RATE, momentum=published.MOMENTUM
        )

    def step(self, batch: tuple[torch.Tensor, ...]) -> Step:
        """Move a batch to the device, and the parameters by one update."""
        # Assigned, unlike in the lecture, whose xb.to(device) moves nothing.
        inputs, targets = (part.to(self.device) for part in batch)
        self.optimizer.zero_grad()
        predictions = self.model(inputs)
        loss = self.criterion(predictions, targets)
        loss.backward()
        self.optimizer.step()
        return Step(inputs, targets, predictions, loss)

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

    def bits(self) -> bytes:
        """The parameters as the device holds them."""
        parts = [part.detach().cpu().numpy().tobytes() for part in self.parameters().values()]
        return b"".join(parts)


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
    timing, timed_bits = measure_time(task)
    before, seen = start.arrays(), steps.arrays()
    inputs, targets = (torch.stack(part).numpy() for part in zip(*batches))
    momenta = _joined(seen, "momentum of ")
    return RegressionRun(
        device=task.device,
        batch_inputs=inputs,
        batch_targets=targets,
        parameters=np.concatenate([_joined(before), _joined(seen)]),
        momenta=np.concatenate([np.zeros_like(momenta[:1]), momenta]),
        gradients=_joined(seen, "gradient of "),
        losses=seen["loss"],
        epoch_losses=epochs.arrays()["full loss"],
        at_initial=evaluate(task, regression_reference.initial_parameters()),
        at_optimum=evaluate(task, regression_reference.closed_form()),
        placements=frozenset(start.placements | steps.placements | epochs.placements),
        observed_bits=training.bits(),
        timed_bits=timed_bits,
        timing=timing,
    )


def evaluate(task: Task, parameters: Any) -> Evaluation:
    """Predictions, loss and gradient over the whole data set with given parameters (2, 4)."""
    training = Training(task)
    values = torch.tensor(parameters, dtype=torch.float32)
    with torch.no_grad():
        training.model.weight.copy_(values[:, :3])
        training.model.bias.copy_(values[:, 3])
    predictions = training.model(training.inputs)
    loss = training.criterion(predictions, training.targets)
    loss.backward()
    recorder = Recorder()
    recorder.keep({"predictions": predictions, "loss": loss, **training.gradients()})
    seen = recorder.arrays()
    return Evaluation(seen["predictions"][0], seen["loss"][0], _joined(seen, "gradient of ")[0])


def measure_time(task: Task) -> tuple[Timing, bytes]:
    """Times of a second whole run from the same seed, unobserved, and the bits of its final parameters.

    Epochs are timed over that run; steps, from moving the batch to the update, over the start of another,
    since waiting for the device after every step would slow its epochs down.
    """
    warmup = Training(task)
    for _ in range(WARMUP_EPOCHS):
        warmup.epoch()
    by_epoch, by_step = Training(task), Training(task)
    epoch_seconds = durations((by_epoch.epoch for _ in range(task.epochs)), task.synchronise)
    steps = min(TIMED_STEPS, task.epochs * len(by_step.loader))
    units = ((lambda batch=batch: by_step.step(batch)) for batch in islice(by_step.batches(), steps))
    step_seconds = durations(units, task.synchronise)
    return Timing(WARMUP_EPOCHS * len(warmup.loader), step_seconds, epoch_seconds), by_epoch.bits()


def _present(prefix: str, tensors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {f"{prefix} {name}": tensor for name, tensor in tensors.items() if tensor is not None}


def _joined(arrays: dict[str, Any], prefix: str = "") -> Any:
    """Weights (moments, 2, 3) and biases (moments, 2) as one (moments, 2, 4)."""
    return np.concatenate([arrays[prefix + "weight"], arrays[prefix + "bias"][..., None]], axis=-1)
