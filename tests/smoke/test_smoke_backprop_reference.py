"""The float64 reference of the sigmoid network against the textbook's printed figures; no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from envkit_smoke import backprop_reference as reference
from envkit_smoke import published
from envkit_smoke.backprop_checks import first_step
from envkit_smoke.bounded import Bounded
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

WEIGHTS = st.floats(-2, 2, width=32)


def within_a_unit(value: Any, printed: Any, unit: float) -> bool:
    return bool(np.all(np.abs(np.asarray(value) - np.asarray(printed)) <= unit))


def test_net_inputs_are_the_textbooks() -> None:
    assert np.round(first_step().net_inputs.value, 3).tolist() == [-0.7, 0.1, -0.105]


def test_outputs_are_the_textbooks() -> None:
    assert np.round(first_step().outputs.value, 3).tolist() == [0.332, 0.525, 0.474]


def test_errors_are_the_textbooks_to_a_unit_of_their_last_decimal() -> None:
    assert within_a_unit(first_step().errors.value, published.ERRORS, published.FOURTH_DECIMAL)


def test_an_error_that_the_textbook_rounded_by_hand_is_off_by_less_than_a_unit() -> None:
    # 0.1311 is printed; the exact value rounds to 0.1312.
    assert round(float(first_step().errors.value[2]), 4) == 0.1312


def test_updated_hidden_parameters_are_the_textbooks() -> None:
    assert within_a_unit(first_step().hidden_after.value, published.HIDDEN_AFTER, published.THIRD_DECIMAL)


def test_updated_output_parameters_are_the_textbooks() -> None:
    assert within_a_unit(first_step().output_after.value, published.OUTPUT_AFTER, published.THIRD_DECIMAL)


def test_weights_from_the_silent_input_do_not_move() -> None:
    hidden, _ = reference.initial_parameters()
    assert first_step().hidden_after.value[1].tolist() == hidden.value[1].tolist()


def test_a_step_goes_downhill() -> None:
    hidden, output = reference.initial_parameters()
    step = first_step()
    before = reference.forward(reference.sample(), hidden, output).loss
    after = reference.forward(reference.sample(), step.hidden_after, step.output_after).loss
    assert float(after.value[0, 0]) < float(before.value[0, 0])


@settings(deadline=None)
@given(arrays(np.float64, (1, 4, 2), elements=WEIGHTS), arrays(np.float64, (1, 3, 1), elements=WEIGHTS))
def test_analytic_gradient_is_the_central_difference_anywhere(hidden: Any, output: Any) -> None:
    passed = reference.forward(reference.sample(), Bounded(hidden), Bounded(output))
    back = reference.backward(reference.sample(), Bounded(output), passed)
    along_hidden, along_output = reference.central_differences(hidden, output)
    assert np.all(np.abs(back.step_hidden.value - along_hidden.value) <= along_hidden.error)
    assert np.all(np.abs(back.step_output.value - along_output.value) <= along_output.error)


def test_central_differences_are_sharp_enough_to_tell_a_wrong_gradient() -> None:
    hidden, output = (part.value[None] for part in reference.initial_parameters())
    for along in reference.central_differences(hidden, output):
        assert np.max(along.error) < 1e-9


@pytest.mark.parametrize("weight", [0.0, 1.0, 3.0])
def test_third_derivative_bound_holds_for_the_loss_along_a_hidden_parameter(weight: float) -> None:
    output = np.array([[[weight], [weight], [0.3]]])
    nudge = 2.0**-6 * np.eye(8)[0].reshape(1, 4, 2)
    losses = [
        reference.forward(reference.sample(), Bounded(times * nudge), Bounded(output)).loss.value[0, 0, 0]
        for times in (-2, -1, 1, 2)
    ]
    third = (losses[3] - 2 * losses[2] + 2 * losses[1] - losses[0]) / (2 * 2.0**-18)
    assert abs(third) <= reference.third_derivative_bound(output)[0]


@settings(deadline=None)
@given(arrays(np.float32, (4, 2), elements=WEIGHTS), arrays(np.float32, (3, 1), elements=WEIGHTS))
def test_one_float32_step_from_any_state_is_within_its_bound(hidden: Any, output: Any) -> None:
    one = np.float32(1)
    inputs = np.array([[1, 0, 1, 1]], np.float32)
    activation = one / (one + np.exp(-(inputs @ hidden)))
    with_one = np.c_[activation, one]
    result = one / (one + np.exp(-(with_one @ output)))
    delta_output = (one - result) * (result * (one - result))
    delta_hidden = activation * (delta_output * output[:-1].T) * (one - activation)
    new_hidden = hidden + np.float32(0.9) * (inputs.T * delta_hidden)
    new_output = output + np.float32(0.9) * (with_one.T * delta_output)

    sample, hidden_before, output_before = reference.sample(), Bounded(hidden), Bounded(output)
    back = reference.backward(sample, output_before, reference.forward(sample, hidden_before, output_before))
    for computed, expected in (
        (new_hidden, reference.update(hidden_before, back.step_hidden)),
        (new_output, reference.update(output_before, back.step_output)),
    ):
        assert np.all(np.abs(computed - expected.value) <= expected.error)
