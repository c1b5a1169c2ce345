"""Linear regression by momentum gradient descent, in float64 with rounding bounds; no torch.

Shapes: inputs (..., rows, 4), three features and the constant 1; targets and predictions (..., rows, 2);
parameters, momenta and gradients (..., 2, 4), an output's three weights and its bias. The leading axes are
training steps, so that a whole run is checked in one sweep. Formulas: the lecture's, as ``nn.Linear``,
``nn.MSELoss`` and ``torch.optim.SGD`` define them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from envkit_smoke import published
from envkit_smoke.arithmetic import FLOAT32
from envkit_smoke.bounded import Bounded, constant

if TYPE_CHECKING:
    from envkit_smoke.arithmetic import Arithmetic
    from envkit_smoke.bounded import Array


# float16 ends at 65504, which the squared residuals of the lecture's run, at the edge of stability, exceed. Features
# of a sixteenth, an exact power of two, make the run stable. Weights that are sixteen times as large then predict the
# same, so that the figures at given parameters, the optimum among them, are the lecture's still.
FEATURE_SCALES = {"float16": 2.0**-4}


def feature_scale(dtype: str) -> float:
    """What the features are multiplied by for a dtype that has not the range for them: a power of two."""
    return FEATURE_SCALES.get(dtype, 1.0)


def dataset(scale: float = 1.0) -> tuple[Array, Array]:
    """The lecture's 15 rows: features (15, 3) times the scale, and targets (15, 2), exact in every dtype."""
    inputs = np.tile(np.array(published.DISTINCT_INPUTS, dtype=np.float64), (published.REPEATS, 1))
    targets = np.tile(np.array(published.DISTINCT_TARGETS, dtype=np.float64), (published.REPEATS, 1))
    return scale * inputs, targets


def for_features(parameters: Array, scale: float) -> Array:
    """Parameters (2, 4) that predict from scaled features what these predict from the lecture's."""
    return np.asarray(parameters / np.array([scale, scale, scale, 1.0]))


def with_ones(inputs: Array, arithmetic: Arithmetic = FLOAT32) -> Bounded:
    """Features as they are stored, exact, with the constant 1 that multiplies the bias."""
    return Bounded(inputs, arithmetic=arithmetic).with_ones()


def predict(inputs: Bounded, parameters: Bounded) -> Bounded:
    """The linear model: x W^T + b."""
    return inputs @ parameters.T


def mean_squared_error(predictions: Bounded, targets: Bounded) -> Bounded:
    """The mean of the squared residuals over all rows and both outputs."""
    residuals = predictions - targets
    return (residuals * residuals).mean_of_matrix()


def gradient(inputs: Bounded, targets: Bounded, parameters: Bounded) -> Bounded:
    """The derivative of the mean squared error: 2 / N (predictions - targets)^T x, with N = rows x outputs.

    The residuals may cancel to almost nothing, near the optimum from terms of about 100 to about 0.7. Their
    error comes from the terms, not from the residual, and the running bound carries it along.
    """
    residuals = predict(inputs, parameters) - targets
    size: int = residuals.value.shape[-1] * residuals.value.shape[-2]
    return ((2.0 / size) * residuals).T @ inputs


def momentum_step(parameters: Bounded, momenta: Bounded, gradients: Bounded) -> tuple[Bounded, Bounded]:
    """One update of ``torch.optim.SGD``: m = 0.9 m + g, then p = p - 1e-4 m. Returns parameters and momenta.

    The first step, where torch sets m = g, is the same with m = 0 before it.
    """
    momenta = published.MOMENTUM * momenta + gradients
    return parameters - published.LEARNING_RATE * momenta, momenta


WIDE = 1000  # parameters: several of the widest vectors of any processor, and a rest
WIDE_RATE = WIDE_MOMENTUM = 0.5


def wide_gradients() -> tuple[Array, tuple[Array, Array]]:
    """A parameter (1000) and its gradients in two steps: whole numbers below 8, of which no update rounds anything."""
    start, first, second = np.random.default_rng(0).integers(-7, 8, (3, WIDE)).astype(np.float64)
    return start, (first, second)


def wide_update() -> Array:
    """Where two steps of momentum descent with halves for rate and momentum take that parameter: exact."""
    start, (first, second) = wide_gradients()
    moved: Array = start - WIDE_RATE * first - WIDE_RATE * (WIDE_MOMENTUM * first + second)
    return moved


def closed_form() -> Array:
    """The parameters (2, 4) of least mean squared error, by float64 least squares."""
    inputs, targets = dataset()
    return _least_squares(with_ones(inputs).value, targets)


def initial_parameters() -> Array:
    """The lecture's initial parameters (2, 4), to more decimals than it prints.

    The printed parameters have four decimals, too few for the printed MSE: they give 5763.036. The printed
    predictions have four decimals too, which pin down the weights far better, by the size of the features,
    but the bias less well. So both, all known to half a unit of the fourth decimal, are fitted together by
    least squares.
    """
    inputs = with_ones(np.array(published.DISTINCT_INPUTS)).value
    system = np.vstack([inputs, np.eye(4)])
    printed = np.vstack([published.INITIAL_PREDICTIONS, np.transpose(published.INITIAL_PARAMETERS)])
    return _least_squares(system, printed)


def initial_mse_tolerance() -> float:
    """How far the MSE of the recovered parameters may be from the lecture's printed one.

    Let W* be the lecture's true parameters, W the recovered ones, B the system of :func:`initial_parameters`
    and d its nine printed numbers an output. W is the least-squares solution, so B (W - W*) is the projection
    of d - B W*, whose entries are at most h = 0.5e-4 plus the rounding of the lecture's own float32
    predictions. The five predictions of an output thus moved by at most sqrt(9) h in the 2-norm, their root
    mean square by r = sqrt(9 / 5) h. By the Cauchy-Schwarz inequality the MSE then moved by at most 2
    sqrt(MSE) r + r^2. The lecture's float32 rounding of its MSE comes on top; that of the device is not in it.
    """
    features, targets = dataset()
    predictions = predict(with_ones(features), stored(initial_parameters(), FLOAT32))
    h = published.HALF_OF_FOURTH_DECIMAL + float(np.max(predictions.error))
    r = float(np.sqrt(9.0 / 5.0)) * h
    rounding = float(mean_squared_error(predictions, Bounded(targets)).error)
    return 2 * float(np.sqrt(published.INITIAL_MSE)) * r + r * r + rounding


def stored(parameters: Array, arithmetic: Arithmetic) -> Bounded:
    """Parameters rounded once to the dtype, as the device holds them."""
    return constant(parameters, arithmetic)


def _least_squares(system: Array, targets: Array) -> Array:
    """The parameters, one row an output, that bring the system closest to its targets."""
    return np.asarray(np.linalg.lstsq(system, targets, rcond=None)[0].T, dtype=np.float64)
