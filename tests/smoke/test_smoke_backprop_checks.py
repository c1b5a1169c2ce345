"""Judging the sigmoid network: a faultless run passes, and each fault fails the check that is there for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from envkit_smoke import backprop_reference as reference
from envkit_smoke.backprop_checks import BackpropRun, judge

NAMES = [
    "published-figures",
    "central-differences",
    "every-step",
    "gradient",
    "loss",
    "on-device",
    "repeatable",
]


def failed(run: BackpropRun) -> set[str]:
    return {check.name for check in judge(run).checks if not check.passed}


def scaled(array: Any, place: Any, factor: float) -> Any:
    changed = np.array(array)
    changed[place] *= np.float32(factor)
    return changed


def test_faultless_run_passes_every_check(backprop_run: BackpropRun) -> None:
    assert [check.name for check in judge(backprop_run).checks] == NAMES
    assert failed(backprop_run) == set()


def test_report_has_the_loss_after_each_epoch_and_no_optimum(backprop_run: BackpropRun) -> None:
    report = judge(backprop_run)
    assert report.losses == [float(loss) for loss in backprop_run.losses[1:]]
    assert report.optimum is None


@pytest.mark.parametrize(
    "field",
    [
        "net_hidden",
        "hidden",
        "net_output",
        "output",
        "delta_hidden",
        "delta_output",
        "hidden_steps",
        "output_steps",
    ],
)
def test_any_number_of_a_step_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun, field: str) -> None:
    # Of the last rows of the steps, which belong to the biases: some inputs and so some steps are zero.
    wrong = scaled(getattr(backprop_run, field), (5, -1, -1), 1 + 1e-5)
    assert failed(replace(backprop_run, **{field: wrong})) == {"every-step"}


@pytest.mark.parametrize("field", ["hidden_parameters", "output_parameters"])
def test_a_last_parameter_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun, field: str) -> None:
    wrong = scaled(getattr(backprop_run, field), (-1, -1, -1), 1 + 1e-5)
    assert "every-step" in failed(replace(backprop_run, **{field: wrong}))


@pytest.mark.parametrize("field", ["hidden_gradients", "output_gradients"])
def test_autograd_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun, field: str) -> None:
    wrong = scaled(getattr(backprop_run, field), (5, -1, -1), 1 + 1e-5)
    assert failed(replace(backprop_run, **{field: wrong})) == {"gradient"}


def test_autograd_with_the_other_sign_fails(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, hidden_gradients=-backprop_run.hidden_gradients)) == {"gradient"}


def test_a_loss_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, losses=scaled(backprop_run.losses, 0, 1 + 1e-5))) == {"loss"}


def test_a_net_input_that_is_not_the_textbooks_fails(backprop_run: BackpropRun) -> None:
    wrong = scaled(backprop_run.net_output, 0, 1.02)
    assert "published-figures" in failed(replace(backprop_run, net_output=wrong))


def test_a_reference_whose_gradient_is_wrong_fails_the_central_differences(
    backprop_run: BackpropRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "slope", lambda activation: activation * (1.0 - activation) * 1.0000001)
    assert "central-differences" in failed(backprop_run)


def test_a_tensor_elsewhere_fails(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, device="cuda:0")) == {"on-device"}


def test_other_bits_in_the_second_run_fail(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, timed_bits=b"other")) == {"repeatable"}
