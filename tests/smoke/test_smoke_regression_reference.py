"""The float64 reference of the linear regression against the figures that the lecture prints; no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from envkit_smoke import published
from envkit_smoke import regression_reference as reference
from envkit_smoke.bounded import Bounded
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

FEATURES = st.floats(0, 140, width=32)
PARAMETERS = st.floats(-2, 2, width=32)


def full_mse(parameters: Any) -> Bounded:
    inputs, targets = reference.dataset()
    predictions = reference.predict(reference.with_ones(inputs), Bounded(parameters))
    return reference.mean_squared_error(predictions, Bounded(targets))


def test_data_set_is_the_lectures_five_rows_three_times() -> None:
    inputs, targets = reference.dataset()
    assert inputs.shape == (15, 3)
    assert inputs[5:10].tolist() == inputs[:5].tolist() == [list(row) for row in published.DISTINCT_INPUTS]
    assert targets[11].tolist() == [81, 101]


def test_closed_form_is_the_lectures_to_six_decimals() -> None:
    assert np.round(reference.closed_form(), 6).tolist() == [list(row) for row in published.CLOSED_FORM]


def test_mse_at_the_closed_form_is_the_lectures() -> None:
    assert round(float(full_mse(reference.closed_form()).value), 6) == published.CLOSED_FORM_MSE


def test_gradient_at_the_closed_form_is_zero() -> None:
    inputs, targets = reference.dataset()
    optimum = Bounded(reference.closed_form())
    slope = reference.gradient(reference.with_ones(inputs), Bounded(targets), optimum)
    assert np.max(np.abs(slope.value)) < 1e-9


def test_recovered_parameters_are_the_printed_ones_to_four_decimals() -> None:
    assert np.round(reference.initial_parameters(), 4).tolist() == [list(row) for row in published.INITIAL_PARAMETERS]


def test_recovered_parameters_give_the_printed_predictions() -> None:
    inputs = reference.with_ones(np.array(published.DISTINCT_INPUTS))
    predictions = reference.predict(inputs, Bounded(reference.initial_parameters())).value
    assert np.round(predictions, 4).tolist() == [list(row) for row in published.INITIAL_PREDICTIONS]


def test_recovered_parameters_give_the_printed_mse() -> None:
    assert float(full_mse(reference.initial_parameters()).value) == pytest.approx(published.INITIAL_MSE, abs=1e-3)


def test_printed_parameters_alone_would_miss_the_printed_mse() -> None:
    assert float(full_mse(published.INITIAL_PARAMETERS).value) == pytest.approx(5763.036, abs=5e-4)


def test_tolerance_of_the_initial_mse_is_far_below_what_four_decimals_miss_it_by() -> None:
    assert 1e-3 < reference.initial_mse_tolerance() < 0.577 / 20


def test_tolerance_of_the_initial_mse_allows_every_prediction_to_be_off_by_half_a_printed_unit() -> None:
    printed, targets = Bounded(published.INITIAL_PREDICTIONS), Bounded(published.DISTINCT_TARGETS)
    mse = reference.mean_squared_error(printed, targets)
    away = published.HALF_OF_FOURTH_DECIMAL * np.sign(printed.value - targets.value)
    moved = reference.mean_squared_error(Bounded(printed.value + away), targets)
    assert 0 < moved.value - mse.value <= reference.initial_mse_tolerance()


def test_largest_eigenvalue_of_the_hessian_is_what_makes_training_unstable() -> None:
    inputs = reference.with_ones(reference.dataset()[0]).value
    eigenvalues = np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))
    assert eigenvalues[-1] == pytest.approx(17909, abs=1)
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(2.2e6, rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 2.0**-4])
def test_parameters_for_scaled_features_predict_the_same_bits(scale: float) -> None:
    inputs, _ = reference.dataset(scale)
    parameters = reference.for_features(reference.closed_form(), scale)
    scaled, plain = reference.with_ones(inputs).value, reference.with_ones(reference.dataset()[0]).value
    assert np.array_equal(scaled @ parameters.T, plain @ reference.closed_form().T)


def test_gradient_is_the_slope_of_the_mean_squared_error() -> None:
    inputs, targets = reference.dataset()
    parameters = reference.initial_parameters()
    slope = reference.gradient(reference.with_ones(inputs), Bounded(targets), Bounded(parameters)).value
    nudge = np.zeros((2, 4))
    nudge[1, 2] = 2.0**-10
    # The loss is quadratic, so a central difference is exact but for rounding.
    difference = (full_mse(parameters + nudge).value - full_mse(parameters - nudge).value) / 2**-9
    assert slope[1, 2] == pytest.approx(float(difference), rel=1e-9)


def test_first_momentum_is_the_gradient_and_moves_the_parameters_by_the_rate() -> None:
    parameters, momenta = reference.momentum_step(Bounded([[1.0]]), Bounded([[0.0]]), Bounded([[50.0]]))
    assert momenta.value.tolist() == [[50.0]]
    assert parameters.value.tolist() == [[1.0 - 50.0 * 1e-4]]


def test_later_momentum_keeps_nine_tenths() -> None:
    _, momenta = reference.momentum_step(Bounded([[1.0]]), Bounded([[10.0]]), Bounded([[50.0]]))
    assert momenta.value.tolist() == [[59.0]]


@settings(deadline=None)
@given(
    arrays(np.float32, (3, 3), elements=FEATURES),
    arrays(np.float32, (3, 2), elements=FEATURES),
    arrays(np.float32, (2, 4), elements=PARAMETERS),
    arrays(np.float32, (2, 4), elements=st.floats(-1000, 1000, width=32)),
)
def test_one_float32_step_from_any_state_is_within_its_bound(
    features: Any, targets: Any, parameters: Any, momenta: Any
) -> None:
    residuals = features @ parameters[:, :3].T + parameters[:, 3] - targets
    scaled = residuals * np.float32(2 / 6)
    gradient = np.c_[scaled.T @ features, scaled.sum(0)]
    new_momenta = np.float32(0.9) * momenta + gradient
    new_parameters = parameters - np.float32(1e-4) * new_momenta

    expected = reference.gradient(reference.with_ones(features), Bounded(targets), Bounded(parameters))
    moved, momentum = reference.momentum_step(Bounded(parameters), Bounded(momenta), expected)
    assert np.all(np.abs(gradient - expected.value) <= expected.error)
    assert np.all(np.abs(new_momenta - momentum.value) <= momentum.error)
    assert np.all(np.abs(new_parameters - moved.value) <= moved.error)
