"""Judging a run of the linear regression against its float64 reference; no torch, no device.

Only the one-step map is compared: each step starts from the parameters and momenta that the device really
had, so its honest error is a few roundings and has a bound. Two whole trajectories could not be compared: the
largest eigenvalue of the loss's Hessian is near 17 909, so that with batches of three rows, a rate of 1e-4
and a momentum of 0.9 the run is at the edge of stability, and a difference in the last bit grows until the
ends have nothing in common (other seeds end anywhere between 1.6 and 2045). For the same reason "the loss
went down" would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from envkit_smoke import published
from envkit_smoke import regression_reference as reference
from envkit_smoke.arithmetic import ARITHMETIC
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, epoch_permutation, on_device, same_bits, trajectory, within_bounds
from envkit_smoke.workload import Report

if TYPE_CHECKING:
    from envkit_smoke.bounded import Array
    from envkit_smoke.timing import Timing


@dataclass(frozen=True)
class Evaluation:
    """The whole data set at given parameters: predictions (15, 2), loss (), gradient (2, 4)."""

    predictions: Any
    loss: Any
    gradient: Any


@dataclass(frozen=True)
class RegressionRun:
    """What a device did in S steps and E epochs, as float64, which has every dtype's numbers exactly.

    ``batch_inputs`` (S, 3, 3) and ``batch_targets`` (S, 3, 2) are what the loader gave, before any device had
    them. ``parameters`` and ``momenta`` (S + 1, 2, 4) are the states before the first and after every step,
    ``gradients`` (S, 2, 4) autograd's, ``losses`` (S) the batches', ``epoch_losses`` (E) the whole data set's
    after each epoch.
    """

    device: str
    dtype: str
    batch_inputs: Any
    batch_targets: Any
    parameters: Any
    momenta: Any
    gradients: Any
    losses: Any
    epoch_losses: Any
    at_initial: Evaluation
    at_optimum: Evaluation
    wide_update: Any
    placements: frozenset[tuple[str, str]]
    observed_bits: bytes
    timed_bits: bytes
    timing: Timing

    def stored(self, numbers: Any) -> Bounded:
        """Numbers as the device has them."""
        return Bounded(numbers, arithmetic=ARITHMETIC[self.dtype])

    def dataset(self) -> tuple[Bounded, Bounded]:
        """The whole data set as the device has it, with the constant 1 in the inputs."""
        features, targets = reference.dataset(reference.feature_scale(self.dtype))
        return self.stored(features).with_ones(), self.stored(targets)

    def rounded(self, parameters: Array) -> Bounded:
        """Parameters for the lecture's features, as the device holds them for its own, rounded once."""
        fitting = reference.for_features(parameters, reference.feature_scale(self.dtype))
        return reference.stored(fitting, ARITHMETIC[self.dtype])


def judge(run: RegressionRun) -> Report:
    """All verdicts on a run."""
    with np.errstate(all="ignore"):  # of a run that left the range of numbers
        checks = (
            check_initial_predictions(run),
            check_closed_form(run),
            check_every_step(run),
            check_trajectory(run),
            check_gradient(run),
            check_wide_update(run),
            check_loss(run),
            check_epoch_permutation(run),
            on_device(run.placements, run.device),
            same_bits(run.observed_bits, run.timed_bits),
        )
    return Report(checks, [float(loss) for loss in run.epoch_losses], published.CLOSED_FORM_MSE, run.timing)


def check_initial_predictions(run: RegressionRun) -> Check:
    """With the lecture's initial parameters, the predictions and the MSE are those that the lecture prints.

    A printed prediction is known to half a unit of its fourth decimal, and the device adds its rounding, that
    of the stored parameters included. For the MSE see :func:`regression_reference.initial_mse_tolerance`.
    """
    inputs, targets = run.dataset()
    predictions = reference.predict(inputs, run.rounded(reference.initial_parameters()))
    mse = reference.mean_squared_error(predictions, targets)
    printed = np.tile(published.INITIAL_PREDICTIONS, (published.REPEATS, 1))
    lecture_predictions = Bounded(printed, published.HALF_OF_FOURTH_DECIMAL + predictions.error)
    tolerance = reference.initial_mse_tolerance() + float(mse.error)
    return within_bounds(
        "initial-predictions",
        "With the lecture's initial parameters the device predicts what the lecture prints, with its MSE",
        [
            Comparison("prediction", run.at_initial.predictions, lecture_predictions, "row"),
            Comparison("MSE", run.at_initial.loss, Bounded(published.INITIAL_MSE, tolerance)),
        ],
    )


def check_closed_form(run: RegressionRun) -> Check:
    """At the least-squares optimum the MSE is the lecture's 0.483121 and there is no slope.

    The optimum is computed here and must itself be the published one to six decimals. Storing it moves it
    by one rounding; residuals of about 0.7 are what is left of terms of about 100. The running bound
    has both.
    """
    optimum = reference.closed_form()
    inputs, targets = run.dataset()
    parameters = run.rounded(optimum)
    mse = reference.mean_squared_error(reference.predict(inputs, parameters), targets)
    zero = Bounded(np.zeros_like(optimum), reference.gradient(inputs, targets, parameters).error)
    published_optimum = Bounded(published.CLOSED_FORM, published.HALF_OF_SIXTH_DECIMAL)
    lecture_mse = Bounded(published.CLOSED_FORM_MSE, published.HALF_OF_SIXTH_DECIMAL + mse.error)
    return within_bounds(
        "closed-form",
        "At the closed-form optimum the device finds the published MSE and no slope",
        [
            Comparison("optimum by NumPy", optimum, published_optimum, "output"),
            Comparison("MSE", run.at_optimum.loss, lecture_mse),
            Comparison("gradient", run.at_optimum.gradient, zero, "output"),
        ],
    )


def check_every_step(run: RegressionRun) -> Check:
    """Each step took the device's parameters and momenta where float64 takes them, within rounding."""
    gradients = run.stored(run.gradients).once_rounded()
    parameters, momenta = reference.momentum_step(
        run.stored(run.parameters[:-1]), run.stored(run.momenta[:-1]), gradients
    )
    return within_bounds(
        "every-step",
        f"Each of {len(run.losses)} training steps agrees with float64, within rounding",
        [
            Comparison("momentum", run.momenta[1:], momenta, "step"),
            Comparison("parameter", run.parameters[1:], parameters, "step"),
        ],
    )


def check_trajectory(run: RegressionRun) -> Check:
    """The device's parameters are where float64 goes from the same start by the same batches.

    The bound grows by the largest eigenvalue of the batches' loss, so that it says something of some steps only.
    """
    return trajectory(_steps(run), [run.parameters[1:]], ["parameter"])


def _steps(run: RegressionRun) -> Iterator[list[Bounded]]:
    parameters, momenta = run.stored(run.parameters[0]), run.stored(run.momenta[0])
    for inputs, targets in zip(run.batch_inputs, run.batch_targets):
        gradient = reference.gradient(run.stored(inputs).with_ones(), run.stored(targets), parameters)
        parameters, momenta = reference.momentum_step(parameters, momenta, gradient)
        yield [parameters]


def check_gradient(run: RegressionRun) -> Check:
    """Autograd's gradients are the analytic ones."""
    return within_bounds(
        "gradient",
        f"Autograd's gradient of each of {len(run.losses)} steps agrees with the analytic one in float64",
        [Comparison("gradient", run.gradients, _gradients(run), "step")],
    )


def check_wide_update(run: RegressionRun) -> Check:
    """Two steps of the optimizer move each of a thousand parameters exactly to where they should.

    The lecture's eight parameters are fewer than a vector of the processor holds: an update that is wrong for whole
    vectors alone would pass all else. Fused SGD of torch 2.13 on CPUs is one, in 16 bits.
    """
    expected = reference.wide_update()
    wrong = np.flatnonzero(np.asarray(run.wide_update) != expected)
    if not len(wrong):
        return Check("wide-update", 0, 0, f"two updates took each of {len(expected)} parameters where they should")
    first = int(wrong[0])
    detail = f"two updates took {len(wrong)} of {len(expected)} parameters elsewhere, the first number {first} to "
    return Check("wide-update", len(wrong), 0, f"{detail}{run.wide_update[first]:.9g} and not {expected[first]:.9g}")


def check_loss(run: RegressionRun) -> Check:
    """The loss of every batch, and of the data set after every epoch, is the float64 one of the same data."""
    inputs, targets = run.dataset()
    batches = run.stored(run.batch_inputs).with_ones()
    batch_predictions = reference.predict(batches, run.stored(run.parameters[:-1]))
    steps = len(run.losses) // len(run.epoch_losses)
    full_predictions = reference.predict(inputs, run.stored(run.parameters[steps::steps]))
    batch_losses = reference.mean_squared_error(batch_predictions, run.stored(run.batch_targets))
    full_losses = reference.mean_squared_error(full_predictions, targets)
    return within_bounds(
        "loss",
        f"The losses of {len(run.losses)} batches and {len(run.epoch_losses)} epochs agree with float64",
        [
            Comparison("batch loss", run.losses, batch_losses, "step"),
            Comparison("full loss", run.epoch_losses, full_losses, "epoch"),
        ],
    )


def check_epoch_permutation(run: RegressionRun) -> Check:
    """The loader deals out the data set, whole and once, in every epoch."""
    batches = np.concatenate([run.batch_inputs, run.batch_targets], axis=-1)
    epochs = batches.reshape(len(run.epoch_losses), -1, batches.shape[-1])
    rows = np.concatenate(reference.dataset(reference.feature_scale(run.dtype)), axis=-1)
    return epoch_permutation(epochs, rows)


def _gradients(run: RegressionRun) -> Bounded:
    parameters = run.stored(run.parameters[:-1])
    return reference.gradient(run.stored(run.batch_inputs).with_ones(), run.stored(run.batch_targets), parameters)
