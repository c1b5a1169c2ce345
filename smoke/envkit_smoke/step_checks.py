"""Whether what is timed computes the right thing: one step, or one product, against NumPy in float64.

Large sums have many roundings. The bound that holds for certain grows with their number n and says nothing at tens of
millions; the bound here grows with its square root and holds with overwhelming probability (N. J. Higham, T. Mary, A
New Approach to Probabilistic Rounding Error Analysis, SIAM J. Sci. Comput. 41 (2019), theorem 2.4): a sum of n
products is off by at most

    lambda sqrt(n) u  times the sum of the products' magnitudes,

but for a chance below 2 n exp(-lambda^2 / 2): one in 10^20 for the largest n here and lambda = 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np
import torch

from envkit_smoke import fast_backprop, fast_regression, regression, regression_reference
from envkit_smoke.arithmetic import ARITHMETIC, FLOAT32, Arithmetic
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, within_bounds
from envkit_smoke.workload import Task

if TYPE_CHECKING:
    from torch import Tensor

LAMBDA = 12.0
ROWS_AT_ONCE = 1024


def growth(terms: int, arithmetic: Arithmetic) -> float:
    """The relative error of a sum of so many rounded products, what happens to their factors included."""
    return LAMBDA * float(np.sqrt(terms)) * arithmetic.unit + 2 * arithmetic.operands


def product(left: Tensor, right: Tensor, result: Tensor, *, dtype: str) -> Check:
    """A large matrix product, by R. Freivalds' test: (A B) v = A (B v) for a random v of -1 and 1.

    What is wrong with a single element shows in its row; the three float64 products of a matrix and a vector take
    next to no time (R. Freivalds, Probabilistic machines can use less running time, IFIP Congress 1977).
    """
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=right.shape[1])
    chosen = _by_rows(right, lambda block: block @ signs)
    sums = _by_rows(right, lambda block: np.abs(block).sum(axis=1))
    magnitude = _by_rows(left, lambda block: np.abs(block) @ sums)
    arithmetic = ARITHMETIC[dtype]
    # Every element has the error of its own sum of products, and of being stored.
    error = (growth(left.shape[1], arithmetic) + arithmetic.unit) * magnitude
    expected = Bounded(_by_rows(left, lambda block: block @ chosen), error)
    claim = f"The product of two {left.shape[0]} x {left.shape[0]} matrices is the float64 one, row by row"
    measured = _by_rows(result, lambda block: block @ signs)
    return within_bounds("product", claim, [Comparison("row", measured, expected, "row")])


def _by_rows(matrix: Tensor, work: Callable[[Any], Any]) -> Any:
    """What the work makes of the rows, some at a time: float64 copies of a large matrix may not fit the host."""
    blocks = (block.cpu().to(torch.float64).numpy() for block in torch.split(matrix, ROWS_AT_ONCE))
    return np.concatenate([work(block) for block in blocks])


def same_batches(steps: fast_regression.EpochSteps, device: str) -> Check:
    """The rows come in the order in which the lecture's data loader deals them out from the same seed."""
    training = regression.Training(Task(device, "float32", "functional", 0, 1, lambda: None))
    differing = 0
    for epoch in range(len(steps.orders)):
        steps.deal(epoch)
        for (inputs, _, negated), (features, targets) in zip(steps.batches, list(training.loader)):
            same = torch.equal(inputs[:, :3].cpu(), features) and torch.equal(-negated.cpu(), targets)
            differing += not same
    verdict = "has every batch" if not differing else f"lacks {differing} batches"
    return Check("same-batches", differing, 0, f"the fast loop {verdict} of the lecture's data loader, in its order")


def every_step(steps: fast_regression.EpochSteps) -> Check:
    """Each step took the parameters and momenta where float64 takes them from the same state, within rounding."""
    states, momenta = [steps.weights.cpu().clone()], [steps.momenta.cpu().clone()]
    inputs, targets = [], []
    for epoch in range(len(steps.orders)):
        steps.deal(epoch)
        for (batch, _, negated), _ in zip(steps.batches, steps.steps()):
            inputs.append(batch[:, :3].cpu().clone())
            targets.append(-negated.cpu())
            states.append(steps.weights.cpu().clone())
            momenta.append(steps.momenta.cpu().clone())
    parameters, moving = (_parameters(part) for part in (states, momenta))
    rows = regression_reference.with_ones(torch.stack(inputs).double().numpy())
    wanted = Bounded(torch.stack(targets).double().numpy())
    gradients = regression_reference.gradient(rows, wanted, Bounded(parameters[:-1]))
    expected, expected_momenta = regression_reference.momentum_step(
        Bounded(parameters[:-1]), Bounded(moving[:-1]), gradients
    )
    return within_bounds(
        "every-step",
        f"Each of {len(inputs)} steps of the fast loop agrees with float64, within rounding",
        [
            Comparison("momentum", moving[1:], expected_momenta, "step"),
            Comparison("parameter", parameters[1:], expected, "step"),
        ],
    )


def _parameters(states: Sequence[Tensor]) -> Any:
    """Weights (4, 2) at many moments as the reference has them: (moments, 2, 4)."""
    return np.swapaxes(torch.stack(list(states)).double().numpy(), -1, -2)


def regression_step(data: Tensor, weights: Tensor, momenta: Tensor) -> Check:
    """The first step on these rows, from weights and momenta of zero."""
    rows = data.shape[1]
    columns = data.cpu().numpy()
    before = np.zeros((fast_regression.OUTPUTS, fast_regression.FEATURES + 1))
    expected, expected_momenta = fast_regression.numpy_step(columns, before, before)
    # The gradient is a mean of products of two numbers below 2.1, each with a few roundings of its own.
    error = (growth(rows, FLOAT32) + 16 * FLOAT32.unit) * 2 * 2.1
    return within_bounds(
        "large-step",
        f"A step on {rows} rows agrees with float64",
        [
            Comparison("momentum", momenta.cpu().numpy(), Bounded(expected_momenta, error), "output"),
            Comparison("weight", weights.cpu().numpy(), Bounded(expected, fast_regression.RATE * error), "output"),
        ],
    )


def backprop_step(layers: fast_backprop.Layers, before: Sequence[Any], dtype: str) -> Check:
    """The step on the first samples, from the parameters before it, with the bounds of running error analysis."""
    arithmetic = ARITHMETIC[dtype]
    first, first_bias, second, second_bias = (Bounded(part, arithmetic=arithmetic) for part in before)
    samples, targets = (
        Bounded(part.double().cpu().numpy(), arithmetic=arithmetic) for part in (layers.inputs[0], layers.targets[0])
    )
    batch = samples.value.shape[0]
    hidden = (samples @ first + first_bias).sigmoid()
    output = (hidden @ second + second_bias).sigmoid()
    delta_output = (targets - output) * (output * (1.0 - output))
    delta_hidden = (delta_output @ second.T) * (hidden * (1.0 - hidden))
    rate = layers.rate
    expected = (
        first + rate * (samples.T @ delta_hidden),
        first_bias + rate * delta_hidden.sum(0),
        second + rate * (hidden.T @ delta_output),
        second_bias + rate * delta_output.sum(0),
    )
    names = ("hidden weight", "hidden bias", "output weight", "output bias")
    measured = [part.double().cpu().numpy() for part in layers.parameters()]
    comparisons = [Comparison(*each) for each in zip(names, measured, expected)]
    return within_bounds(
        "large-step", f"A step of {batch} samples at a width of {batch} agrees with float64", comparisons
    )
