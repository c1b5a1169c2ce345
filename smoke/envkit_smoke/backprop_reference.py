"""A network of any depth and width and its backpropagation, in float64 with rounding bounds; no torch.

Shapes: inputs (..., rows, in), nets, outputs and deltas (..., rows, out) of each layer, parameters and gradients
(..., in + 1, out), weights above, biases in the last row, which the constant 1 multiplies. The leading axes are
training steps, so that a whole run is checked in one sweep. With A_0 the inputs, and for each layer

    Z = A_before W + theta,   A = f(Z),   delta = dE/dZ,   dE/dW = A_before^T delta,   dE/dtheta = sum of delta

the lecture's formulas, but for the sign of its delta, which points downhill. delta of the last layer comes from the
loss E, that of another from the one after it, (delta_after W_after^T), times the slope of f. T are the targets:

    half-sse       E = 1/2 sum of (A - T)^2                     dE/dA = A - T
    mse            E = mean of (A - T)^2 over N elements        dE/dA = 2 / N (A - T)
    cross-entropy  E = mean over rows of -sum of T ln A         dE/dZ = (A sum of T - T) / rows, A a softmax
                   ... -sum of T ln A + (1 - T) ln (1 - A)      dE/dZ = (A - T) / rows, A a sigmoid

The slope of the sigmoid is A (1 - A), of tanh 1 - A^2, of relu 1 where Z > 0, else 0; the softmax, whose outputs all
depend on all net inputs of their row, turns g = dE/dA into A (g - sum of A g).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Iterator, Sequence

import numpy as np

from envkit_smoke.arithmetic import FLOAT64, Arithmetic
from envkit_smoke.bounded import Bounded, constant

if TYPE_CHECKING:
    from envkit_smoke.bounded import Array
    from envkit_smoke.network import Layer, Network

ACTIVATE: dict[str, Callable[[Bounded], Bounded]] = {
    "sigmoid": Bounded.sigmoid,
    "tanh": Bounded.tanh,
    "relu": Bounded.relu,
    "identity": lambda net: net,
    "softmax": Bounded.softmax,
}

# From g = dE/dA, with net inputs Z and outputs A, to dE/dZ.
PASS_BACK: dict[str, Callable[[Bounded, Bounded, Bounded], Bounded]] = {
    "sigmoid": lambda g, _net, output: g * (output * (1.0 - output)),
    "tanh": lambda g, _net, output: g * (1.0 - output * output),
    "relu": lambda g, net, _output: g.where_positive(net),
    "identity": lambda g, _net, _output: g,
    "softmax": lambda g, _net, output: output * (g - (output * g).sum(-1, keep=True)),
}


@dataclass(frozen=True)
class Forward:
    """Net inputs and outputs of each layer."""

    nets: Sequence[Bounded]
    outputs: Sequence[Bounded]


@dataclass(frozen=True)
class Step:
    """Everything of one step from given parameters: per layer, and the loss before the update."""

    passed: Forward
    loss: Bounded
    deltas: Sequence[Bounded]
    gradients: Sequence[Bounded]
    parameters: Sequence[Bounded]


class Reference:
    """A network's formulas in the arithmetic of a dtype, for states that are given to them."""

    def __init__(self, network: Network, arithmetic: Arithmetic) -> None:
        self.network = network
        self.arithmetic = arithmetic
        self.inputs = constant(network.inputs, arithmetic)
        self.targets = constant(network.targets, arithmetic)

    def initial_parameters(self) -> list[Bounded]:
        """The network's own values as a device holds them, rounded once."""
        return [constant(joined(layer), self.arithmetic) for layer in self.network.layers]

    def forward(self, parameters: Sequence[Bounded]) -> Forward:
        """Net inputs and outputs, layer by layer."""
        nets: list[Bounded] = []
        outputs: list[Bounded] = []
        for layer, own in zip(self.network.layers, parameters):
            nets.append(self.net(outputs[-1] if outputs else self.inputs, own))
            outputs.append(ACTIVATE[layer.activation](nets[-1]))
        return Forward(nets, outputs)

    def net(self, before: Bounded, parameters: Bounded) -> Bounded:
        """Z = A_before W + theta."""
        return before.with_ones() @ parameters

    def backward(self, parameters: Sequence[Bounded], passed: Forward) -> list[Bounded]:
        """The deltas dE/dZ of each layer, from the last to the first."""
        deltas = [self.last_delta(passed.nets[-1], passed.outputs[-1])]
        for index in range(len(passed.nets) - 2, -1, -1):
            deltas.append(self.delta(index, deltas[-1], parameters[index + 1], passed))
        return deltas[::-1]

    def delta(self, index: int, delta_after: Bounded, parameters_after: Bounded, passed: Forward) -> Bounded:
        """The delta of a layer that is not the last."""
        reached = delta_after @ parameters_after[..., :-1, :].T
        activation = self.network.layers[index].activation
        return PASS_BACK[activation](reached, passed.nets[index], passed.outputs[index])

    def last_delta(self, net: Bounded, output: Bounded) -> Bounded:
        """The delta of the last layer, from the loss."""
        activation = self.network.layers[-1].activation
        rows, size = len(self.network.targets), self.targets.value.size
        if self.network.loss == "cross-entropy":
            total = self.targets.sum(-1, keep=True)
            wanted = output * total if activation == "softmax" else output
            return (wanted - self.targets) * (1.0 / rows)
        residual = output - self.targets
        upstream = residual if self.network.loss == "half-sse" else residual * (2.0 / size)
        return PASS_BACK[activation](upstream, net, output)

    def differentiated(self, parameters: Sequence[Bounded], passed: Forward) -> list[Bounded]:
        """The gradients by autograd's way, which begins otherwise: through the steps of the loss, each rounded."""
        deltas = [self._differentiated_loss(passed.nets[-1], passed.outputs[-1])]
        for index in range(len(passed.nets) - 2, -1, -1):
            deltas.append(self.delta(index, deltas[-1], parameters[index + 1], passed))
        return self.gradients(passed, deltas[::-1])

    def _differentiated_loss(self, net: Bounded, output: Bounded) -> Bounded:
        activation = self.network.layers[-1].activation
        rows = len(self.network.targets)
        if self.network.loss != "cross-entropy":
            scale = 0.5 if self.network.loss == "half-sse" else 1.0 / self.targets.value.size
            return PASS_BACK[activation]((output - self.targets) * 2.0 * scale, net, output)
        if activation == "softmax":
            total = self.targets.sum(-1, keep=True)
            return (net.log_softmax().exp() * total - self.targets) * (1.0 / rows)
        return ((1.0 - self.targets) * net.sigmoid() - self.targets * (-net).sigmoid()) * (1.0 / rows)

    def gradient(self, before: Bounded, delta: Bounded) -> Bounded:
        """dE/dW above dE/dtheta: A_before^T delta, and the sum of delta over the rows."""
        return before.with_ones().T @ delta

    def gradients(self, passed: Forward, deltas: Sequence[Bounded]) -> list[Bounded]:
        """The gradient of each layer."""
        return [self.gradient(before, delta) for before, delta in zip([self.inputs, *passed.outputs], deltas)]

    def loss(self, net: Bounded, output: Bounded) -> Bounded:
        """E, from the net inputs and outputs of the last layer, of which cross-entropy takes the first."""
        if self.network.loss == "cross-entropy":
            return self._cross_entropy(net)
        residual = output - self.targets
        squares = residual * residual
        return squares.mean_of_matrix() if self.network.loss == "mse" else squares.sum((-1, -2)) * 0.5

    def _cross_entropy(self, net: Bounded) -> Bounded:
        if self.network.layers[-1].activation == "softmax":
            likelihood = self.targets * net.log_softmax()
        else:
            likelihood = self.targets * net.log_sigmoid() + (1.0 - self.targets) * (-net).log_sigmoid()
        return -likelihood.sum((-1, -2)) * (1.0 / len(self.network.targets))

    def update(self, index: int, parameters: Bounded, gradient: Bounded) -> Bounded:
        """The parameters minus the rate times the gradient; biases that are not trained stay as they are."""
        moved = parameters - self.network.rate * gradient
        if self.network.layers[index].train_bias:
            return moved
        value, error = (np.concatenate(pair, axis=-2) for pair in _above_and_last(moved, parameters))
        return Bounded(value, error, self.arithmetic)

    def step(self, parameters: Sequence[Bounded]) -> Step:
        """One whole step."""
        passed = self.forward(parameters)
        deltas = self.backward(parameters, passed)
        gradients = self.gradients(passed, deltas)
        moved = [self.update(index, *pair) for index, pair in enumerate(zip(parameters, gradients))]
        return Step(passed, self.loss(passed.nets[-1], passed.outputs[-1]), deltas, gradients, moved)

    def trajectory(self) -> Iterator[Step]:
        """The steps from the network's own values, one after another, without end."""
        parameters: Sequence[Bounded] = self.initial_parameters()
        while True:
            step = self.step(parameters)
            yield step
            parameters = step.parameters


def joined(layer: Layer) -> Array:
    """Weights (in, out) above biases (out): (in + 1, out)."""
    return np.concatenate([np.asarray(layer.weights, np.float64), np.asarray([layer.biases], np.float64)])


def records(steps: Sequence[Step]) -> list[dict[str, object]]:
    """What the network event tells of these steps."""
    return [record(step) for step in steps]


def record(step: Step) -> dict[str, object]:
    """One step as the network event tells it."""
    layers = zip(step.passed.nets, step.passed.outputs, step.deltas, step.gradients, step.parameters)
    told = [layer_record(*(part.value for part in layer)) for layer in layers]
    return {"loss": float(step.loss.value), "layers": told}


def layer_record(net: Array, output: Array, delta: Array, gradient: Array, parameters: Array) -> dict[str, object]:
    """A layer's numbers of one step, with the updated weights and biases."""
    return {
        "net": net.tolist(),
        "output": output.tolist(),
        "delta": delta.tolist(),
        "weight_gradient": gradient[:-1].tolist(),
        "bias_gradient": gradient[-1].tolist(),
        "weights": parameters[:-1].tolist(),
        "biases": parameters[-1].tolist(),
    }


# Of the size of the parameter. A power of two, so that float64 adds it without rounding, and balanced for float64: the
# truncation error grows with its square, the rounding error with its inverse, and both stay near 1e-10.
DIFFERENCE = 2.0**-15
MOST_STATES = 16  # of the run, spread evenly
MOST_SLOPES = 64  # of a layer's parameters, drawn by chance where there are more
MOST_NUMBERS = 2**22  # of a layer or its outputs, moved copies counted: a large one gets fewer slopes
MOST_PRODUCTS = 2**24  # of one pass through the network at all states: a large one gets fewer


@dataclass(frozen=True)
class Slopes:
    """The slope of E along some parameters of a layer at some states, (slopes, states), and the analytic gradient.

    ``bent`` of them are left out (as zero on both sides): a relu bends between the points of the difference, or E is
    no parabola there yet.
    """

    differences: Bounded
    analytic: Array
    bent: int


def central_differences(network: Network, parameters: Sequence[Array]) -> list[Slopes]:
    """For each layer, slopes by central differences in float64 at some of the states (states, in + 1, out).

    The quotient D(h) = (E(p + h) - E(p - h)) / 2h is off by its truncation c h^2 + ..., which D(2h) has four times, so
    that |D(2h) - D(h)| is three times as large: an estimate from the loss itself, with that much to spare for the
    higher terms. That they are higher is seen from |D(4h) - D(2h)|, which is then four times as large; where it is not
    even twice, beside rounding, h is too long and nothing is said. The rounding of E, which the running bound knows,
    over h comes on top.
    """
    reference = Reference(network, FLOAT64)
    products = len(network.inputs) * sum(layer[0].size for layer in parameters)
    most = min(MOST_STATES, max(1, MOST_PRODUCTS // products))
    moments = sorted({int(moment) for moment in np.linspace(0, len(parameters[0]) - 1, most)})
    states = [np.asarray(layer[moments], np.float64) for layer in parameters]
    at = [Bounded(layer, arithmetic=FLOAT64) for layer in states]
    passed = reference.forward(at)
    gradients = reference.gradients(passed, reference.backward(at, passed))
    chance = np.random.default_rng(0)
    return [_slopes(reference, states, index, gradient.value, chance) for index, gradient in enumerate(gradients)]


def _slopes(
    reference: Reference, states: list[Array], index: int, gradient: Array, chance: np.random.Generator
) -> Slopes:
    count, rows, columns = states[index].shape
    places = np.arange(rows * columns)
    outputs = count * len(reference.network.inputs) * max(layer.shape[-1] for layer in states)
    most = min(MOST_SLOPES, max(1, MOST_NUMBERS // max(states[index].size, outputs)))
    if len(places) > most:
        places = np.sort(chance.choice(places, most, replace=False))
    here = states[index].reshape(count, -1)[:, places].T  # (slopes, states)
    step = DIFFERENCE * np.exp2(np.ceil(np.log2(np.maximum(np.abs(here), 1.0))))
    probes = [_at(reference, states, index, places, times * step) for times in (1, 2, 4)]
    signs = np.array([one.signs for pair in probes for one in pair])
    (slope, rounding), (wider, _), (widest, _) = (
        _quotient(pair, times * step) for pair, times in zip(probes, (1, 2, 4))
    )
    error = np.abs(wider - slope) + rounding
    bent = np.any(signs != signs[0], axis=(0, -1)) | ~(np.abs(widest - wider) + 4 * rounding >= 2 * (error - rounding))
    analytic = gradient.reshape(count, -1)[:, places].T
    zero = np.zeros_like(slope)
    expected = Bounded(np.where(bent, zero, slope), np.where(bent, zero, error), FLOAT64)
    return Slopes(expected, np.where(bent, zero, analytic), int(bent.sum()))


@dataclass(frozen=True)
class _Probe:
    """E (slopes, states), and the signs of all that goes into a relu, (slopes, states, units)."""

    loss: Bounded
    signs: Array


def _at(reference: Reference, states: list[Array], index: int, places: Array, step: Array) -> tuple[_Probe, _Probe]:
    """The loss with one parameter after another moved up by its step, and down."""
    probes = []
    for sign in (1.0, -1.0):
        moved = np.repeat(states[index][None], len(places), axis=0)
        flat = moved.reshape(len(places), len(states[index]), -1)
        flat[np.arange(len(places)), :, places] += sign * step
        layers = [moved if number == index else layer[None] for number, layer in enumerate(states)]
        passed = reference.forward([Bounded(layer, arithmetic=FLOAT64) for layer in layers])
        loss = reference.loss(passed.nets[-1], passed.outputs[-1])
        probes.append(_Probe(_spread(loss, step.shape), _relu_signs(reference.network, passed, step.shape)))
    return probes[0], probes[1]


def _spread(loss: Bounded, shape: tuple[int, ...]) -> Bounded:
    return Bounded(np.broadcast_to(loss.value, shape), np.broadcast_to(loss.error, shape), FLOAT64)


def _relu_signs(network: Network, passed: Forward, shape: tuple[int, ...]) -> Array:
    bent = [net.value for layer, net in zip(network.layers, passed.nets) if layer.activation == "relu"]
    flat = [np.broadcast_to(np.sign(net), (*shape, *net.shape[-2:])).reshape(*shape, -1) for net in bent]
    return np.concatenate([np.zeros((*shape, 1)), *flat], axis=-1)


def _quotient(probes: tuple[_Probe, _Probe], step: Array) -> tuple[Array, Array]:
    above, below = (one.loss for one in probes)
    slope: Array = (above.value - below.value) / (2 * step)
    rounding: Array = (above.error + below.error) / (2 * step)
    return slope, rounding


def _above_and_last(moved: Bounded, parameters: Bounded) -> Iterator[tuple[Array, Array]]:
    """The moved weights and the biases that stay: of the values, and of the errors."""
    yield moved.value[..., :-1, :], parameters.value[..., -1:, :]
    yield moved.error[..., :-1, :], parameters.error[..., -1:, :]
