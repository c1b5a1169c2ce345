"""The linear regression where several devices or processes have a hand in it, judged step by step; no torch.

Everybody starts from the same parameters and sees the same batches, both drawn by NumPy from the seed: torch's own
generator is shared by all threads of a process. As in ``regression_checks``, each step is judged from the state that
the device really had. Two whole trainings can be compared as well, since a step is an affine map of its state: see
:func:`drift`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from envkit_smoke import published
from envkit_smoke import regression_reference as reference
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, within_bounds

if TYPE_CHECKING:
    from envkit_smoke.bounded import Array


@dataclass(frozen=True)
class Lessons:
    """What is learned: initial parameters (2, 4), and each step's batch of inputs (S, 3, 3) and targets (S, 3, 2).

    All of them float32, which holds them exactly.
    """

    parameters: Any
    inputs: Any
    targets: Any


@dataclass(frozen=True)
class Trace:
    """What a device did in S steps, in the float32 it computed in.

    ``parameters`` and ``momenta`` (S + 1, 2, 4) are the states before the first and after every step, ``gradients``
    (S, 2, 4) those of the whole batch, which ``world`` processes shared.
    """

    parameters: Any
    momenta: Any
    gradients: Any
    world: int = 1


def draw_lessons(seed: int, epochs: int) -> Lessons:
    """The lecture's rows in batches of 3, shuffled anew each epoch; parameters as ``nn.Linear`` draws them."""
    generator = np.random.default_rng(seed)
    reach = 1 / np.sqrt(3)  # of nn.Linear(3, 2): one over the root of the number of its inputs
    parameters = generator.uniform(-reach, reach, (2, 4)).astype(np.float32)
    inputs, targets = (part.astype(np.float32) for part in reference.dataset())
    epoch_rows = [generator.permutation(len(inputs)).reshape(-1, published.BATCH_ROWS) for _ in range(epochs)]
    rows = np.concatenate(epoch_rows)
    return Lessons(parameters, inputs[rows], targets[rows])


def shard(rows: int, world: int, rank: int) -> slice:
    """The rows of a batch that a rank works on: as even as can be, the first ranks one more; none is a share too."""
    each, more = divmod(rows, world)
    first = rank * each + min(rank, more)
    return slice(first, first + each + (rank < more))


def loss_scale(batch_size: int, world: int) -> float:
    """What a rank multiplies its sum of squares by, so that the mean over the ranks is the mean over the batch.

    ``batch_size`` counts the numbers of the whole batch, rows x outputs. The mean of each rank's own mean would weigh
    the rows of a smaller share more.
    """
    return world / batch_size


def check_steps(trace: Trace, lessons: Lessons) -> Check:
    """Each step took the device's parameters and momenta where float64 takes them, within rounding."""
    parameters, momenta = _next_states(trace, lessons)
    return within_bounds(
        "every-step",
        f"Each of {len(trace.gradients)} training steps agrees with float64 on the whole batch, within rounding",
        [
            Comparison("momentum", trace.momenta[1:], momenta, "step"),
            Comparison("parameter", trace.parameters[1:], parameters, "step"),
        ],
    )


def check_gradient(trace: Trace, lessons: Lessons) -> Check:
    """The gradients are the analytic ones of the whole batch."""
    return within_bounds(
        "gradient",
        f"The gradient of each of {len(trace.gradients)} steps is that of the whole batch in float64, within rounding",
        [Comparison("gradient", trace.gradients, _gradients(trace, lessons), "step")],
    )


def check_same_end(trace: Trace, alone: Trace, lessons: Lessons) -> Check:
    """A training that was shared ends where one process alone ends, as far as rounding lets two trainings agree."""
    allowed = drift(trace, lessons) + drift(alone, lessons)
    return within_bounds(
        "single-process",
        f"After {len(trace.gradients)} steps the shared training is where one process alone came to",
        [Comparison("parameter", trace.parameters[-1], Bounded(alone.parameters[-1], allowed), "output")],
    )


def drift(trace: Trace, lessons: Lessons) -> Array:
    """How far rounding may have taken a training's last parameters (2, 4) from those of exact arithmetic.

    A step is an affine map of the state s = (p, m) of an output, its parameters and momenta: with the Hessian H of the
    batch's mean squared error, the momentum 0.9 and the rate a, m' = 0.9 m + H p + c and p' = p - a m', so

        s' = M s + k,    M = [[I - a H, -0.9 a I], [H, 0.9 I]].

    A rounded step adds an error d, which the running bound b of the one-step map limits: |d| <= b. Later steps
    multiply it by their M, exactly, since differences of an affine map are linear. The sum over all steps is

        e_S = sum over k of M_S ... M_{k+1} d_k,    |e_S| <= sum over k of |M_S ... M_{k+1}| b_k.

    The matrices are multiplied before the absolute values are taken: that is what keeps the bound small where the
    training is stable, and lets it grow where it is not. Two trainings from the same start differ by at most the sum
    of their drifts.
    """
    parameters, momenta = _next_states(trace, lessons)
    errors = np.concatenate([parameters.error, momenta.error], axis=-1)
    rows = reference.with_ones(lessons.inputs).value
    hessians = 2 / lessons.targets[0].size * (np.swapaxes(rows, -1, -2) @ rows)
    later, total = np.eye(8), np.zeros((2, 8))
    for error, hessian in zip(errors[::-1], hessians[::-1]):
        total = total + error @ np.abs(later).T
        later = later @ _step_matrix(hessian)
    return total[:, :4]


def _step_matrix(hessian: Array) -> Array:
    one, rate, momentum = np.eye(4), published.LEARNING_RATE, published.MOMENTUM
    return np.block([[one - rate * hessian, -momentum * rate * one], [hessian, momentum * one]])


def _next_states(trace: Trace, lessons: Lessons) -> tuple[Bounded, Bounded]:
    momenta = Bounded(trace.momenta[:-1])
    return reference.momentum_step(Bounded(trace.parameters[:-1]), momenta, _gradients(trace, lessons))


def _gradients(trace: Trace, lessons: Lessons) -> Bounded:
    """The gradients of the whole batches, with the roundings of a computation that ``world`` processes share.

    Each multiplies its residuals by 2 world / N, and the sum over its rows is divided by ``world`` before or after the
    ranks' sums are added up. Here the division stands before all sums: then its rounding is in proportion to the
    terms, which is the most that it comes to at any other place.
    """
    inputs, targets = reference.with_ones(lessons.inputs), Bounded(lessons.targets)
    parameters = Bounded(trace.parameters[:-1])
    if trace.world == 1:
        return reference.gradient(inputs, targets, parameters)
    residuals = reference.predict(inputs, parameters) - targets
    scaled = (2 * loss_scale(lessons.targets[0].size, trace.world)) * residuals
    return ((1.0 / trace.world) * scaled).T @ inputs
