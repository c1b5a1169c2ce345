"""The rounding bounds hold for float32 arithmetic in any order, and are no larger than they need to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from envkit_smoke.bounded import FLOAT32, FLOAT64, TINY, Bounded, constant, gamma
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

if TYPE_CHECKING:
    from collections.abc import Callable

U = 2.0**-24
NUMBERS = st.floats(-1000, 1000, width=32)
VECTORS = arrays(np.float32, 6, elements=NUMBERS)
MATRICES = arrays(np.float32, (4, 4), elements=NUMBERS)


def worst_ratio(computed: Any, expected: Bounded) -> float:
    assert computed.dtype == np.float32
    return float(np.max(np.abs(computed.astype(np.float64) - expected.value) / expected.error))


@settings(deadline=None)
@given(VECTORS, VECTORS)
def test_bound_of_a_sum_holds(a: Any, b: Any) -> None:
    assert worst_ratio(a + b, Bounded(a) + Bounded(b)) <= 1


@settings(deadline=None)
@given(VECTORS, VECTORS)
def test_bound_of_a_difference_holds(a: Any, b: Any) -> None:
    assert worst_ratio(a - b, Bounded(a) - Bounded(b)) <= 1


@settings(deadline=None)
@given(VECTORS, VECTORS)
def test_bound_of_a_product_holds(a: Any, b: Any) -> None:
    assert worst_ratio(a * b, Bounded(a) * Bounded(b)) <= 1


@settings(deadline=None)
@given(VECTORS, VECTORS, VECTORS)
def test_errors_are_carried_through_a_cancellation(a: Any, b: Any, c: Any) -> None:
    exact = Bounded(a) * Bounded(b)
    assert worst_ratio((a * b + c) - (a * b), (exact + Bounded(c)) - exact) <= 1


@settings(deadline=None)
@given(MATRICES, MATRICES, st.permutations(range(4)))
def test_bound_of_an_inner_product_holds_in_every_order_of_summation(a: Any, b: Any, order: Any) -> None:
    total = np.zeros((4, 4), np.float32)
    for k in order:
        total = total + np.outer(a[:, k], b[k])
    assert worst_ratio(total, Bounded(a) @ Bounded(b)) <= 1


@settings(deadline=None)
@given(MATRICES, MATRICES, MATRICES)
def test_bound_of_a_product_of_three_matrices_holds(a: Any, b: Any, c: Any) -> None:
    assert worst_ratio((a @ b) @ c, (Bounded(a) @ Bounded(b)) @ Bounded(c)) <= 1


@settings(deadline=None)
@given(arrays(np.float32, (3, 2), elements=NUMBERS))
def test_bound_of_a_mean_holds_for_a_division_and_for_a_product_with_the_inverse(a: Any) -> None:
    total = np.float32(0)
    for number in a.ravel():
        total = total + number
    expected = Bounded(a).mean_of_matrix()
    assert worst_ratio(total / np.float32(6), expected) <= 1
    assert worst_ratio(total * np.float32(1 / 6), expected) <= 1


@settings(deadline=None)
@given(arrays(np.float32, 6, elements=st.floats(-8, 8, width=32)))
def test_bound_of_the_sigmoid_holds_for_both_of_its_formulas(z: Any) -> None:
    one, half = np.float32(1), np.float32(0.5)
    expected = Bounded(z).sigmoid()
    assert worst_ratio(one / (one + np.exp(-z)), expected) <= 1
    if np.max(np.abs(z)) <= 1:
        assert worst_ratio(half * (one + np.tanh(half * z)), expected) <= 1


@settings(deadline=None)
@given(st.floats(-8, 8), st.floats(-1, 1))
def test_bound_of_the_sigmoid_carries_the_error_of_its_argument(z: float, off: float) -> None:
    computed = Bounded(z + off).sigmoid().value
    expected = Bounded(z, abs(off)).sigmoid()
    assert abs(computed - expected.value) <= expected.error


def test_bound_of_the_sigmoid_is_sharp_where_its_slope_is_largest() -> None:
    moved = Bounded(0.01).sigmoid().value - 0.5
    assert moved == pytest.approx(Bounded(0.0, 0.01).sigmoid().error, rel=1e-3)


@settings(deadline=None)
@given(VECTORS)
def test_a_constant_that_float32_cannot_hold_counts_as_rounded(a: Any) -> None:
    assert worst_ratio(np.float32(0.9) * a, 0.9 * Bounded(a)) <= 1


def test_a_rounded_constant_has_one_roundoff_of_error() -> None:
    assert constant(0.9).error == FLOAT32 * 0.9


def test_a_constant_that_float32_holds_is_exact() -> None:
    assert constant(0.5).error == 0


def test_a_number_minus_an_array_is_not_the_array_minus_the_number() -> None:
    assert (1.0 - Bounded([0.25])).value.tolist() == [0.75]


def test_gamma_is_highams() -> None:
    assert gamma(3, U) == 3 * U / (1 - 3 * U)


def test_float32_counts_the_references_own_roundoff_too() -> None:
    assert FLOAT32 == 2.0**-24 + 2.0**-53


@pytest.mark.parametrize(
    ("operation", "units"),
    [
        pytest.param(lambda a, b: a + b, 1, id="sum"),
        pytest.param(lambda a, b: a - 4.0 * b, (8 + 7) / 7, id="difference of a product"),
        pytest.param(lambda a, b: a * b, 1, id="product"),
        pytest.param(lambda a, b: a @ b, 2, id="inner product of two terms"),
        pytest.param(lambda a, b: a.mean_of_matrix(), 1, id="mean of one"),
        pytest.param(lambda a, b: a.sigmoid(), 16, id="sigmoid"),
    ],
)
def test_a_bound_is_as_many_roundoffs_as_the_arithmetic_has(
    operation: Callable[[Bounded, Bounded], Bounded], units: float
) -> None:
    shape = (1, 2) if units == 2 else (1, 1)
    a, b = Bounded(np.ones(shape)), Bounded(2 * np.ones(shape[::-1]))
    result = operation(a, b)
    assert float(result.error.max()) == pytest.approx(units * FLOAT32 * abs(float(result.value.max())), rel=1e-6)


def test_the_float64_unit_stays_with_a_computation() -> None:
    result = (Bounded(1.0, unit=FLOAT64) * 0.3).sigmoid()
    assert result.error < 20 * FLOAT64


def test_numbers_below_the_normal_range_may_be_flushed_to_zero() -> None:
    product = Bounded(2.0**-100) * Bounded(2.0**-30)
    assert product.value > 0
    assert product.error >= product.value
    assert product.error >= TINY


def test_appended_ones_are_exact() -> None:
    extended = Bounded([[2.0]], 0.5).with_ones()
    assert extended.value.tolist() == [[2.0, 1.0]]
    assert extended.error.tolist() == [[0.5, 0.0]]


def test_transposing_swaps_the_last_two_axes_of_value_and_error() -> None:
    turned = Bounded(np.arange(6.0).reshape(1, 2, 3), np.arange(6.0).reshape(1, 2, 3)).T
    assert turned.value.shape == (1, 3, 2)
    assert turned.error[0, 2, 1] == 5
