"""A network of any depth and width, trained on a device and watched; nothing is judged here.

The forward and backward passes are written out in tensor operations by the formulas of ``backprop_reference.py``;
autograd differentiates the same forward pass beside them, so that both can be held against the reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence

import numpy as np
import torch

from envkit_smoke import published
from envkit_smoke.backprop_checks import BackpropRun
from envkit_smoke.optimizers import OPTIMIZERS
from envkit_smoke.recorder import Recorder, bits
from envkit_smoke.timing import Timing, durations
from envkit_smoke.torch_dtypes import TORCH_DTYPES
from envkit_smoke.variants import prepared

if TYPE_CHECKING:
    from envkit_smoke.network import Network
    from envkit_smoke.workload import Task

    Tensors = Sequence[torch.Tensor]

WARMUP_STEPS = 10

ACTIVATE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda net: net,
    "softmax": lambda net: torch.softmax(net, -1),
}

# From g = dE/dA, with net inputs Z and outputs A, to dE/dZ.
PASS_BACK: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda g, _net, output: g * (output * (1 - output)),
    "tanh": lambda g, _net, output: g * (1 - output * output),
    "relu": lambda g, net, _output: torch.where(net > 0, g, torch.zeros_like(g)),
    "identity": lambda g, _net, _output: g,
    "softmax": lambda g, _net, output: output * (g - (output * g).sum(-1, keepdim=True)),
}


class Training:
    """The network's tensors, all on the device and of its dtype, and one step after another."""

    def __init__(self, task: Task, network: Network) -> None:
        self.network = network
        self.device = torch.device(task.device)
        self.dtype = TORCH_DTYPES[task.dtype]
        self.inputs, self.targets = self._tensor(network.inputs), self._tensor(network.targets)
        self.weights = [self._tensor(layer.weights).requires_grad_() for layer in network.layers]
        self.biases = [self._tensor(layer.biases).requires_grad_() for layer in network.layers]
        self._start = [tensor.detach().clone() for tensor in self.parameters()]
        self.trained = [*self.weights, *(one for one, layer in zip(self.biases, network.layers) if layer.train_bias)]
        self.optimizer = OPTIMIZERS[task.variant](self.trained, lr=network.rate, momentum=0.0)
        self.step = prepared(task.variant, self._step, lambda: self.trained)

    def _tensor(self, values: Any) -> torch.Tensor:
        # float64 on the CPU first: exact, and not every device has it.
        return torch.tensor(values, dtype=torch.float64).to(self.dtype).to(self.device)

    def parameters(self) -> list[torch.Tensor]:
        """Weights (in, out) of every layer, then their biases (out)."""
        return [*self.weights, *self.biases]

    def restart(self) -> None:
        """The parameters as the network has them."""
        with torch.no_grad():
            for parameter, start in zip(self.parameters(), self._start):
                parameter.copy_(start)

    def forward(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Z = A_before W + theta and A = f(Z), layer by layer."""
        nets: list[torch.Tensor] = []
        outputs: list[torch.Tensor] = []
        for layer, weights, biases in zip(self.network.layers, self.weights, self.biases):
            before = outputs[-1] if outputs else self.inputs
            nets.append(before @ weights + biases)
            outputs.append(ACTIVATE[layer.activation](nets[-1]))
        return nets, outputs

    def loss(self, net: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """E, from the last layer; cross-entropy by the logarithm of its output, exact also where that is tiny."""
        if self.network.loss == "half-sse":
            return 0.5 * ((output - self.targets) ** 2).sum()
        if self.network.loss == "mse":
            return ((output - self.targets) ** 2).mean()
        if self.network.layers[-1].activation == "softmax":
            likelihood = self.targets * torch.log_softmax(net, -1)
        else:
            log_sigmoid = torch.nn.functional.logsigmoid
            likelihood = self.targets * log_sigmoid(net) + (1 - self.targets) * log_sigmoid(-net)
        return -likelihood.sum() / len(self.targets)

    def backward(self, nets: Tensors, outputs: Tensors) -> list[torch.Tensor]:
        """The deltas dE/dZ of each layer."""
        deltas = [self._last_delta(nets[-1], outputs[-1])]
        for index in range(len(nets) - 2, -1, -1):
            reached = deltas[-1] @ self.weights[index + 1].T
            deltas.append(PASS_BACK[self.network.layers[index].activation](reached, nets[index], outputs[index]))
        return deltas[::-1]

    def _last_delta(self, net: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        activation = self.network.layers[-1].activation
        if self.network.loss == "cross-entropy":
            total = self.targets.sum(-1, keepdim=True)
            wanted = output * total if activation == "softmax" else output
            return (wanted - self.targets) / len(self.targets)
        residual = output - self.targets
        scale = 1.0 if self.network.loss == "half-sse" else 2.0 / self.targets.numel()
        return PASS_BACK[activation](residual * scale, net, output)

    def _step(self) -> dict[str, torch.Tensor]:
        """One forward and backward pass and the update. Returns what it computed on its way."""
        with torch.no_grad():
            nets, outputs = self.forward()
            loss = self.loss(nets[-1], outputs[-1])
            deltas = self.backward(nets, outputs)
            before = [self.inputs, *outputs[:-1]]
            weight_gradients = [fed.T @ delta for fed, delta in zip(before, deltas)]
            bias_gradients = [delta.sum(0) for delta in deltas]
            for parameter, gradient in zip(self.parameters(), [*weight_gradients, *bias_gradients]):
                parameter.grad = gradient
        self.optimizer.step()
        return {
            "loss": loss,
            **named("net", nets),
            **named("output", outputs),
            **named("delta", deltas),
            **named("gradient of weights", weight_gradients),
            **named("gradient of biases", bias_gradients),
        }

    def differentiate(self) -> dict[str, torch.Tensor]:
        """Autograd's gradients of the loss at the parameters as they are."""
        nets, outputs = self.forward()
        gradients = torch.autograd.grad(self.loss(nets[-1], outputs[-1]), self.parameters())
        count = len(self.weights)
        return {
            **named("autograd of weights", gradients[:count]),
            **named("autograd of biases", gradients[count:]),
        }

    def state(self) -> dict[str, torch.Tensor]:
        """The parameters by name."""
        return {**named("weights", self.weights), **named("biases", self.biases)}


def named(what: str, tensors: Iterable[torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors by what they are and the number of their layer, from 1."""
    return {f"{what} {number}": tensor for number, tensor in enumerate(tensors, 1)}


def observe(task: Task) -> BackpropRun:
    """Train once under observation and once against the clock; both runs start from the network's values."""
    network = task.network or replace(published.TEXTBOOK, steps=task.epochs)
    training = Training(task, network)
    start, steps, end = Recorder(), Recorder(), Recorder()
    start.keep({"inputs": training.inputs, "targets": training.targets, **training.state()})
    for _ in range(network.steps):
        gradients = training.differentiate()
        steps.keep({**training.step(), **gradients, **training.state()})
    with torch.no_grad():
        nets, outputs = training.forward()
        end.keep({"loss": training.loss(nets[-1], outputs[-1])})
    observed_bits = bits(training.parameters())
    timing = measure_time(task, training)
    before, during = start.arrays(), steps.arrays()
    layers = range(1, len(network.layers) + 1)
    return BackpropRun(
        device=task.device,
        dtype=task.dtype,
        network=network,
        parameters=[np.concatenate([_joined(part, "{}", layer) for part in (before, during)]) for layer in layers],
        nets=[during[f"net {layer}"] for layer in layers],
        outputs=[during[f"output {layer}"] for layer in layers],
        deltas=[during[f"delta {layer}"] for layer in layers],
        gradients=[_joined(during, "gradient of {}", layer) for layer in layers],
        differentiated=[_joined(during, "autograd of {}", layer) for layer in layers],
        losses=np.concatenate([during["loss"], end.arrays()["loss"]]),
        placements=frozenset(start.placements | steps.placements | end.placements),
        observed_bits=observed_bits,
        timed_bits=bits(training.parameters()),
        timing=timing,
    )


def measure_time(task: Task, training: Training) -> Timing:
    """Times of the steps of a second, unobserved run, at whose end the training stands.

    All rows are one batch, so that an epoch is one step and the same times count for both.
    """
    durations((training.step for _ in range(WARMUP_STEPS)), task.synchronise)
    training.restart()
    seconds: list[float] = durations((training.step for _ in range(training.network.steps)), task.synchronise)
    return Timing(WARMUP_STEPS, seconds, seconds)


def _joined(arrays: dict[str, Any], name: str, layer: int) -> Any:
    """Weights (moments, in, out) and biases (moments, out) as one (moments, in + 1, out)."""
    weights, biases = (arrays[f"{name.format(part)} {layer}"] for part in ("weights", "biases"))
    return np.concatenate([weights, biases[:, None, :]], axis=1)
