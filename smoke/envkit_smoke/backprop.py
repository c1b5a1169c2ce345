"""The textbook's sigmoid network, trained on a device and watched; nothing is judged here.

The forward and backward passes are written out in tensor operations; autograd differentiates the same forward
pass beside them, so that both can be held against the reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, NamedTuple

import numpy as np
import torch

from envkit_smoke import published
from envkit_smoke.backprop_checks import BackpropRun
from envkit_smoke.recorder import Recorder
from envkit_smoke.timing import Timing, durations

if TYPE_CHECKING:
    from envkit_smoke.workload import Task

WARMUP_STEPS = 10


class Forward(NamedTuple):
    """Net inputs and outputs of the hidden layer (1, 2) and the output unit (1, 1), and E = (y - o)^2 / 2."""

    net_hidden: torch.Tensor
    hidden: torch.Tensor
    net_output: torch.Tensor
    output: torch.Tensor
    loss: torch.Tensor


class Network:
    """Three inputs, two hidden units, one output; all its tensors on the device, float32."""

    def __init__(self, task: Task) -> None:
        self.device = torch.device(task.device)
        self.inputs = self._tensor([published.NETWORK_INPUT])
        self.target = self._tensor([[published.NETWORK_TARGET]])
        *hidden_weights, hidden_bias = published.HIDDEN_PARAMETERS
        *output_weights, output_bias = published.OUTPUT_PARAMETERS
        values = (hidden_weights, hidden_bias, output_weights, output_bias)
        names = ("hidden weights", "hidden bias", "output weights", "output bias")
        self.parameters = {name: self._tensor(value).requires_grad_() for name, value in zip(names, values)}

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32).to(self.device)

    def forward(self) -> Forward:
        """Z = X W + theta and A = sigma(Z), layer by layer."""
        hidden_weights, hidden_bias, output_weights, output_bias = self.parameters.values()
        net_hidden = self.inputs @ hidden_weights + hidden_bias
        hidden = torch.sigmoid(net_hidden)
        net_output = hidden @ output_weights + output_bias
        output = torch.sigmoid(net_output)
        return Forward(net_hidden, hidden, net_output, output, (0.5 * (self.target - output) ** 2).sum())

    def backward(self, passed: Forward) -> dict[str, torch.Tensor]:
        """The lecture's deltas, which point downhill, and the step for each parameter."""
        output_weights = self.parameters["output weights"]
        delta_output = (self.target - passed.output) * passed.output * (1 - passed.output)
        delta_hidden = (delta_output @ output_weights.T) * (passed.hidden * (1 - passed.hidden))
        return {
            "delta hidden": delta_hidden,
            "delta output": delta_output,
            "step of hidden weights": self.inputs.T @ delta_hidden,
            "step of hidden bias": delta_hidden.sum(0),
            "step of output weights": passed.hidden.T @ delta_output,
            "step of output bias": delta_output.sum(0),
        }

    def step(self) -> dict[str, torch.Tensor]:
        """One forward and backward pass, autograd's gradients beside it, and the update."""
        passed = self.forward()
        gradients = torch.autograd.grad(passed.loss, list(self.parameters.values()))
        with torch.no_grad():
            worked_out = self.backward(passed)
            for name, parameter in self.parameters.items():
                parameter.add_(published.NETWORK_RATE * worked_out["step of " + name])
        named_gradients = {"gradient of " + name: part for name, part in zip(self.parameters, gradients)}
        return {**passed._asdict(), **worked_out, **named_gradients}

    def bits(self) -> bytes:
        """The parameters as the device holds them."""
        return b"".join(part.detach().cpu().numpy().tobytes() for part in self.parameters.values())


def observe(task: Task) -> BackpropRun:
    """Train once under observation and once against the clock; both runs start from the textbook's values."""
    network = Network(task)
    start, steps, end = Recorder(), Recorder(), Recorder()
    start.keep({"inputs": network.inputs, "target": network.target, **network.parameters})
    for _ in range(task.epochs):
        seen = network.step()
        steps.keep({**seen, **network.parameters})
    with torch.no_grad():
        end.keep({"loss": network.forward().loss})
    timing, timed_bits = measure_time(task)
    before, during = start.arrays(), steps.arrays()
    return BackpropRun(
        device=task.device,
        hidden_parameters=np.concatenate([_joined(before, "hidden"), _joined(during, "hidden")]),
        output_parameters=np.concatenate([_joined(before, "output"), _joined(during, "output")]),
        net_hidden=during["net_hidden"],
        hidden=during["hidden"],
        net_output=during["net_output"],
        output=during["output"],
        delta_hidden=during["delta hidden"],
        delta_output=during["delta output"],
        hidden_steps=_joined(during, "step of hidden"),
        output_steps=_joined(during, "step of output"),
        hidden_gradients=_joined(during, "gradient of hidden"),
        output_gradients=_joined(during, "gradient of output"),
        losses=np.concatenate([during["loss"], end.arrays()["loss"]]),
        placements=frozenset(start.placements | steps.placements | end.placements),
        observed_bits=network.bits(),
        timed_bits=timed_bits,
        timing=timing,
    )


def measure_time(task: Task) -> tuple[Timing, bytes]:
    """Times of a second, unobserved run and the bits of its final parameters.

    There is one sample, so that an epoch is one step and the same times count for both.
    """
    warmup, network = Network(task), Network(task)
    durations(_repeat(warmup, WARMUP_STEPS), task.synchronise)
    seconds: list[float] = durations(_repeat(network, task.epochs), task.synchronise)
    return Timing(WARMUP_STEPS, seconds, seconds), network.bits()


def _repeat(network: Network, times: int) -> Iterable[Any]:
    return (network.step for _ in range(times))


def _joined(arrays: dict[str, Any], layer: str) -> Any:
    """Weights (moments, n, units) and biases (moments, units) as one (moments, n + 1, units)."""
    return np.concatenate([arrays[layer + " weights"], arrays[layer + " bias"][:, None, :]], axis=1)
