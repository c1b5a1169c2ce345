"""Judging the sigmoid network: a faultless run passes, and each fault fails the check that is there for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from envkit_smoke import backprop_reference, published
from envkit_smoke.backprop_checks import BackpropRun, judge, records

NAMES = [
    "published-figures",
    "central-differences",
    "every-step",
    "trajectory",
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


def with_layer(run: BackpropRun, field: str, index: int, numbers: Any) -> BackpropRun:
    layers = list(getattr(run, field))
    layers[index] = numbers
    return replace(run, **{field: layers})


def off(run: BackpropRun, field: str, index: int, place: Any, factor: float = 1 + 1e-5) -> BackpropRun:
    return with_layer(run, field, index, scaled(getattr(run, field)[index], place, factor))


def test_faultless_run_passes_every_check(backprop_run: BackpropRun) -> None:
    assert [check.name for check in judge(backprop_run).checks] == NAMES
    assert failed(backprop_run) == set()


def test_report_has_the_loss_after_each_epoch_and_no_optimum(backprop_run: BackpropRun) -> None:
    report = judge(backprop_run)
    assert report.losses == [float(loss) for loss in backprop_run.losses[1:]]
    assert report.optimum is None


def test_a_network_that_is_not_the_textbooks_has_no_published_figures(backprop_run: BackpropRun) -> None:
    other = replace(backprop_run, network=replace(published.TEXTBOOK, rate=0.8))
    assert [check.name for check in judge(other).checks] == NAMES[1:]


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("field", ["nets", "outputs", "deltas", "gradients"])
def test_any_number_of_a_step_off_by_a_hundred_thousandth_fails(
    backprop_run: BackpropRun, field: str, layer: int
) -> None:
    # Of the last rows of the gradients, which belong to the biases: some inputs and so some gradients are zero.
    assert "every-step" in failed(off(backprop_run, field, layer, (5, -1, -1)))


@pytest.mark.parametrize("layer", [0, 1])
def test_a_last_parameter_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun, layer: int) -> None:
    assert "every-step" in failed(off(backprop_run, "parameters", layer, (-1, -1, -1)))


@pytest.mark.parametrize("layer", [0, 1])
def test_autograd_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun, layer: int) -> None:
    assert failed(off(backprop_run, "differentiated", layer, (5, -1, -1))) == {"gradient"}


def test_autograd_with_the_other_sign_fails(backprop_run: BackpropRun) -> None:
    assert failed(with_layer(backprop_run, "differentiated", 0, -backprop_run.differentiated[0])) == {"gradient"}


def test_a_loss_off_by_a_hundred_thousandth_fails(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, losses=scaled(backprop_run.losses, 0, 1 + 1e-5))) == {"loss"}


def test_a_net_input_that_is_not_the_textbooks_fails(backprop_run: BackpropRun) -> None:
    assert "published-figures" in failed(off(backprop_run, "nets", 1, 0, 1.02))


def test_a_run_from_other_values_fails_its_trajectory(backprop_run: BackpropRun) -> None:
    first = backprop_run.network.layers[0]
    nudged = replace(first, biases=(first.biases[0] + 1e-5, first.biases[1]))
    network = replace(backprop_run.network, layers=(nudged, backprop_run.network.layers[1]))
    assert failed(replace(backprop_run, network=network)) == {"trajectory"}


def test_a_reference_whose_gradient_is_wrong_fails_the_central_differences(
    backprop_run: BackpropRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = lambda g, net, output: g * (output * (1.0 - output) * 1.0000001)  # noqa: E731
    monkeypatch.setitem(backprop_reference.PASS_BACK, "sigmoid", wrong)
    assert "central-differences" in failed(backprop_run)


def test_a_tensor_elsewhere_fails(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, device="cuda:0")) == {"on-device"}


def test_other_bits_in_the_second_run_fail(backprop_run: BackpropRun) -> None:
    assert failed(replace(backprop_run, timed_bits=b"other")) == {"repeatable"}


def test_records_tell_the_device_s_numbers_step_by_step(backprop_run: BackpropRun) -> None:
    told: Any = records(backprop_run)
    assert len(told) == backprop_run.network.steps
    assert told[3]["loss"] == backprop_run.losses[3]
    assert told[3]["layers"][1] == {
        "net": backprop_run.nets[1][3].tolist(),
        "output": backprop_run.outputs[1][3].tolist(),
        "delta": backprop_run.deltas[1][3].tolist(),
        "weight_gradient": backprop_run.gradients[1][3][:2].tolist(),
        "bias_gradient": backprop_run.gradients[1][3][2].tolist(),
        "weights": backprop_run.parameters[1][4][:2].tolist(),
        "biases": backprop_run.parameters[1][4][2].tolist(),
    }
