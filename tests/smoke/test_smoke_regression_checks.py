"""Judging the linear regression: a faultless run passes, and each fault fails the check that is there for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from envkit_smoke import published
from envkit_smoke.regression_checks import RegressionRun, judge

NAMES = [
    "initial-predictions",
    "closed-form",
    "every-step",
    "trajectory",
    "gradient",
    "wide-update",
    "loss",
    "epoch-permutation",
    "on-device",
    "repeatable",
]


def failed(run: RegressionRun) -> set[str]:
    return {check.name for check in judge(run).checks if not check.passed}


def scaled(array: Any, place: Any, factor: float) -> Any:
    changed = np.array(array)
    changed[place] *= np.float32(factor)
    return changed


def test_faultless_run_passes_every_check(regression_run: RegressionRun) -> None:
    report = judge(regression_run)
    assert [check.name for check in report.checks] == NAMES
    assert failed(regression_run) == set()


def test_report_has_the_measured_losses_and_the_published_optimum(regression_run: RegressionRun) -> None:
    report = judge(regression_run)
    assert report.losses == [float(loss) for loss in regression_run.epoch_losses]
    assert report.optimum == published.CLOSED_FORM_MSE


def test_bounds_leave_little_room(regression_run: RegressionRun) -> None:
    ratios = {check.name: check.error for check in judge(regression_run).checks}
    assert min(ratios[name] for name in ("every-step", "gradient", "loss")) > 0.05


def test_one_gradient_off_by_a_hundred_thousandth_fails(regression_run: RegressionRun) -> None:
    gradients = scaled(regression_run.gradients, (7, 1, 2), 1 + 1e-5)
    assert "gradient" in failed(replace(regression_run, gradients=gradients))


def test_one_momentum_off_fails_that_step(regression_run: RegressionRun) -> None:
    momenta = scaled(regression_run.momenta, (-1, 0, 0), 1 + 1e-5)
    assert failed(replace(regression_run, momenta=momenta)) == {"every-step"}


def test_one_parameter_off_in_the_last_step_fails(regression_run: RegressionRun) -> None:
    parameters = scaled(regression_run.parameters, (-1, 0, 0), 1 + 1e-5)
    assert "every-step" in failed(replace(regression_run, parameters=parameters))


def test_one_batch_loss_off_fails(regression_run: RegressionRun) -> None:
    losses = scaled(regression_run.losses, 3, 1 + 1e-4)
    assert failed(replace(regression_run, losses=losses)) == {"loss"}


def test_one_epoch_loss_off_fails(regression_run: RegressionRun) -> None:
    losses = scaled(regression_run.epoch_losses, -1, 1 + 1e-4)
    assert failed(replace(regression_run, epoch_losses=losses)) == {"loss"}


def test_a_loss_that_is_not_a_number_fails(regression_run: RegressionRun) -> None:
    losses = scaled(regression_run.losses, 3, np.nan)
    assert failed(replace(regression_run, losses=losses)) == {"loss"}


def test_a_run_that_leaves_float64_s_path_fails_its_trajectory(regression_run: RegressionRun) -> None:
    parameters = scaled(regression_run.parameters, (0, 0, 3), 1 + 1e-3)
    assert "trajectory" in failed(replace(regression_run, parameters=parameters))


def test_a_batch_with_a_wrong_row_fails_the_permutation(regression_run: RegressionRun) -> None:
    inputs = np.array(regression_run.batch_inputs)
    inputs[0, 0, 0] += 1
    assert "epoch-permutation" in failed(replace(regression_run, batch_inputs=inputs))


@pytest.mark.parametrize("field", ["predictions", "loss"])
def test_initial_figures_off_by_a_hundred_thousandth_fail(regression_run: RegressionRun, field: str) -> None:
    wrong = replace(
        regression_run.at_initial, **{field: getattr(regression_run.at_initial, field) * np.float32(1 + 1e-5)}
    )
    assert failed(replace(regression_run, at_initial=wrong)) == {"initial-predictions"}


def test_mse_of_the_four_printed_decimals_fails(regression_run: RegressionRun) -> None:
    wrong = replace(regression_run.at_initial, loss=np.float32(5763.036))
    assert failed(replace(regression_run, at_initial=wrong)) == {"initial-predictions"}


def test_mse_at_the_optimum_off_in_the_fourth_decimal_fails(regression_run: RegressionRun) -> None:
    wrong = replace(regression_run.at_optimum, loss=np.float32(published.CLOSED_FORM_MSE + 2e-4))
    assert failed(replace(regression_run, at_optimum=wrong)) == {"closed-form"}


def test_a_slope_at_the_optimum_fails(regression_run: RegressionRun) -> None:
    wrong = replace(regression_run.at_optimum, gradient=regression_run.at_optimum.gradient + np.float32(0.02))
    assert failed(replace(regression_run, at_optimum=wrong)) == {"closed-form"}


def test_a_tensor_on_the_cpu_fails(regression_run: RegressionRun) -> None:
    placements = regression_run.placements | {("inputs", "cpu")}
    assert failed(replace(regression_run, placements=placements)) == {"on-device"}


def test_other_bits_in_the_second_run_fail(regression_run: RegressionRun) -> None:
    assert failed(replace(regression_run, timed_bits=bytes(32))) == {"repeatable"}
