"""The textbook's 3-2-1 sigmoid network and its backpropagation, in float64 with rounding bounds; no torch.

Shapes: inputs (1, 4), the sample and the constant 1; hidden parameters (..., 4, 2) and output parameters
(..., 3, 1), weights above, biases in the last row. The leading axes are training steps. Formulas: the
lecture's, with delta pointing downhill, so that an update adds the rate times a step:

    sigma'(Z) = A (1 - A)
    delta_o = (y - A_o) sigma'(Z_o)              dE/dW_o = -A_h^T delta_o
    delta_h = (delta_o W_o^T) sigma'(Z_h)        dE/dW_h = -X^T delta_h

where E = (y - A_o)^2 / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from envkit_smoke import published
from envkit_smoke.bounded import FLOAT32, FLOAT64, Bounded, constant

if TYPE_CHECKING:
    from envkit_smoke.bounded import Array

# Exactly representable, and balanced for float64: the truncation error grows with its square, the rounding
# error with its inverse, and both stay near 1e-10.
DIFFERENCE = 2.0**-14


@dataclass(frozen=True)
class Forward:
    """Net inputs and outputs of the hidden layer (..., 1, 2) and of the output unit (..., 1, 1)."""

    net_hidden: Bounded
    hidden: Bounded
    net_output: Bounded
    output: Bounded

    @property
    def loss(self) -> Bounded:
        """E = (y - output)^2 / 2, shape (..., 1, 1)."""
        residual = published.NETWORK_TARGET - self.output
        return residual * residual * 0.5


@dataclass(frozen=True)
class Backward:
    """Errors delta of the hidden (..., 1, 2) and output (..., 1, 1) units; steps, minus the gradient of E."""

    delta_hidden: Bounded
    delta_output: Bounded
    step_hidden: Bounded
    step_output: Bounded


def sample(unit: float = FLOAT32) -> Bounded:
    """The textbook's input (1, 1, 0, 1 with the constant last), shape (1, 4)."""
    return Bounded([published.NETWORK_INPUT], unit=unit).with_ones()


def forward(inputs: Bounded, hidden_parameters: Bounded, output_parameters: Bounded) -> Forward:
    """Z_h = X W_h + theta_h, A_h = sigma(Z_h), Z_o = A_h W_o + theta_o, A_o = sigma(Z_o)."""
    net_hidden = inputs @ hidden_parameters
    hidden = net_hidden.sigmoid()
    net_output = hidden.with_ones() @ output_parameters
    return Forward(net_hidden, hidden, net_output, net_output.sigmoid())


def backward(inputs: Bounded, output_parameters: Bounded, passed: Forward) -> Backward:
    """The lecture's deltas and steps (see the module). A product of three is bounded alike in every order."""
    residual = published.NETWORK_TARGET - passed.output
    delta_output = residual * slope(passed.output)
    weights = Bounded(output_parameters.value[..., :-1, :], output_parameters.error[..., :-1, :], inputs.unit)
    delta_hidden = (delta_output @ weights.T) * slope(passed.hidden)
    return Backward(delta_hidden, delta_output, inputs.T @ delta_hidden, passed.hidden.with_ones().T @ delta_output)


def slope(activation: Bounded) -> Bounded:
    """sigma'(Z) = A (1 - A)."""
    return activation * (1.0 - activation)


def update(parameters: Bounded, step: Bounded) -> Bounded:
    """The parameters, plus 0.9 times the step."""
    return parameters + published.NETWORK_RATE * step


def initial_parameters() -> tuple[Bounded, Bounded]:
    """The textbook's hidden (4, 2) and output (3, 1) parameters as a device holds them, rounded once."""
    return constant(published.HIDDEN_PARAMETERS), constant(published.OUTPUT_PARAMETERS)


def central_differences(hidden_parameters: Array, output_parameters: Array) -> tuple[Bounded, Bounded]:
    """Minus the slope of E along every parameter, by central differences in float64, with its error bound.

    Takes parameters (steps, 4, 2) and (steps, 3, 1) and returns the same shapes, comparable with
    ``step_hidden`` and ``step_output``. The quotient (E(p + h) - E(p - h)) / 2h is off by at most h^2 / 6
    times the largest third derivative, plus the rounding of E, which the running bound knows, over h.
    """
    hidden, output = np.asarray(hidden_parameters), np.asarray(output_parameters)
    curvature = third_derivative_bound(output)
    along_hidden = [_slope_along(hidden + nudge, output, hidden - nudge, output, curvature) for nudge in _nudges(4, 2)]
    along_output = [_slope_along(hidden, output + nudge, hidden, output - nudge, curvature) for nudge in _nudges(3, 1)]
    return _assemble(along_hidden, hidden.shape), _assemble(along_output, output.shape)


def third_derivative_bound(output_parameters: Array) -> Array:
    """A bound on |d^3 E / dp^3| for every parameter p, one number a step.

    With g(z) = (1 - sigma(z))^2 / 2, |sigma'| <= 0.25, |sigma''| <= 0.0963 and |sigma'''| <= 0.125 give |g'|
    <= 0.149, |g''| <= 0.159 and |g'''| = |3 sigma' sigma'' - (1 - sigma) sigma'''| <= 0.198: that is the
    bound for the output unit, whose inputs are at most 1. A hidden parameter reaches z through w sigma(.),
    whose derivatives are at most 0.25 |w|, 0.0963 |w| and 0.125 |w|; Faa di Bruno's g''' z'^3 + 3 g'' z' z''
    + g' z''' is below 0.034 max(1, |w|)^3.
    """
    largest = np.max(np.abs(output_parameters[..., :-1, :]), axis=(-1, -2)) + DIFFERENCE
    bound: Array = 0.2 * np.maximum(1.0, largest) ** 3
    return bound


def _nudges(rows: int, columns: int) -> Array:
    """One matrix for each parameter: ``DIFFERENCE`` there, zero elsewhere."""
    return (DIFFERENCE * np.eye(rows * columns)).reshape(-1, rows, columns)


def _slope_along(
    hidden_above: Array, output_above: Array, hidden_below: Array, output_below: Array, curvature: Array
) -> Bounded:
    above = _float64_loss(hidden_above, output_above)
    below = _float64_loss(hidden_below, output_below)
    truncation = curvature * DIFFERENCE**2 / 6
    rounding = (above.error + below.error)[..., 0, 0] / (2 * DIFFERENCE)
    return Bounded((below.value - above.value)[..., 0, 0] / (2 * DIFFERENCE), truncation + rounding, FLOAT64)


def _float64_loss(hidden_parameters: Array, output_parameters: Array) -> Bounded:
    hidden, output = Bounded(hidden_parameters, unit=FLOAT64), Bounded(output_parameters, unit=FLOAT64)
    return forward(sample(FLOAT64), hidden, output).loss


def _assemble(slopes: list[Bounded], shape: tuple[int, ...]) -> Bounded:
    value = np.stack([slope_.value for slope_ in slopes], axis=-1).reshape(shape)
    return Bounded(value, np.stack([slope_.error for slope_ in slopes], axis=-1).reshape(shape), FLOAT64)
