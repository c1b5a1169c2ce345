"""The linear regression on a device, one given batch after the other, alone or as one of several ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import numpy as np
import torch
from torch import nn

from envkit_smoke import published
from envkit_smoke.optimizers import FunctionalSGD
from envkit_smoke.recorder import Recorder
from envkit_smoke.stepwise import Trace, loss_scale, shard

if TYPE_CHECKING:
    from envkit_smoke.stepwise import Lessons


class Watched(NamedTuple):
    """An observed training: its trace, where its tensors were, and the bits of its last parameters."""

    trace: Trace
    placements: frozenset[tuple[str, str]]
    bits: bytes


def _ignore(_number: int) -> None:
    """Nobody wants to hear of a step."""


class Descent:
    """The lecture's model on a device, and its lessons there.

    ``wrap`` is what makes one model of those of all ranks, ``DistributedDataParallel``; a rank works on its share of
    each batch. The optimizer is the functional one, which spares every process the import of ``torch._dynamo``.
    """

    def __init__(
        self,
        lessons: Lessons,
        device: str,
        rank: int = 0,
        world: int = 1,
        wrap: Callable[[nn.Module], nn.Module] | None = None,
    ) -> None:
        rows, outputs = lessons.targets.shape[1:]
        mine = shard(rows, world, rank)
        self.world = world
        self.scale = loss_scale(rows * outputs, world)
        self.inputs = torch.from_numpy(lessons.inputs[:, mine].copy()).to(device)
        self.targets = torch.from_numpy(lessons.targets[:, mine].copy()).to(device)
        # Without drawing parameters: the generator belongs to the whole process.
        skip_init: Any = nn.utils.skip_init
        self.layer = skip_init(nn.Linear, 3, 2, dtype=torch.float32, device=device)
        values = torch.from_numpy(lessons.parameters)
        with torch.no_grad():
            self.layer.weight.copy_(values[:, :3])
            self.layer.bias.copy_(values[:, 3])
        self.model = self.layer if wrap is None else wrap(self.layer)
        self.criterion = nn.MSELoss(reduction="sum")
        self.optimizer = FunctionalSGD(self.layer.parameters(), lr=published.LEARNING_RATE, momentum=published.MOMENTUM)

    def __len__(self) -> int:
        """The number of lessons."""
        return len(self.inputs)

    def step(self, number: int, before_backward: Callable[[int], None] = _ignore) -> None:
        """One update by a batch, or by this rank's share of it. The ranks meet in the backward pass."""
        self.optimizer.zero_grad()
        loss = self.scale * self.criterion(self.model(self.inputs[number]), self.targets[number])
        before_backward(number)
        loss.backward()
        self.optimizer.step()

    def run(self) -> None:
        """All lessons, unobserved."""
        for number in range(len(self)):
            self.step(number)

    def watched(self, before_backward: Callable[[int], None] = _ignore) -> Watched:
        """All lessons, observed."""
        start, steps = Recorder(), Recorder()
        start.keep({**self._parameters(), "inputs": self.inputs, "targets": self.targets})
        for number in range(len(self)):
            self.step(number, before_backward)
            steps.keep({**self._parameters(), **self._named("gradient"), **self._named("momentum")})
        before, seen = start.arrays(), steps.arrays()
        momenta = _joined(seen, "momentum of ")
        trace = Trace(
            parameters=np.concatenate([_joined(before), _joined(seen)]),
            momenta=np.concatenate([np.zeros_like(momenta[:1]), momenta]),
            gradients=_joined(seen, "gradient of "),
            world=self.world,
        )
        return Watched(trace, frozenset(start.placements | steps.placements), self.bits())

    def bits(self) -> bytes:
        """The parameters as the device holds them."""
        return b"".join(part.detach().cpu().numpy().tobytes() for part in self._parameters().values())

    def _parameters(self) -> dict[str, torch.Tensor]:
        return {"weight": self.layer.weight, "bias": self.layer.bias}

    def _named(self, what: str) -> dict[str, Any]:
        parts = [part.grad for part in self._parameters().values()] if what == "gradient" else self.optimizer.momenta
        return {f"{what} of {name}": part for name, part in zip(self._parameters(), parts)}


def _joined(arrays: dict[str, Any], prefix: str = "") -> Any:
    """Weights (moments, 2, 3) and biases (moments, 2) as one (moments, 2, 4)."""
    return np.concatenate([arrays[prefix + "weight"], arrays[prefix + "bias"][..., None]], axis=-1)
