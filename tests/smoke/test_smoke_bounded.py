"""The rounding bounds hold for float32 arithmetic in any order, and are no larger than they need to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from envkit_smoke.arithmetic import ARITHMETIC, FLOAT32, FLOAT64, Arithmetic
from envkit_smoke.bounded import Bounded, constant, gamma
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
    assert constant(0.9).error == FLOAT32.unit * 0.9


def test_a_constant_that_float32_holds_is_exact() -> None:
    assert constant(0.5).error == 0


def test_a_number_minus_an_array_is_not_the_array_minus_the_number() -> None:
    assert (1.0 - Bounded([0.25])).value.tolist() == [0.75]


def test_gamma_is_highams() -> None:
    assert gamma(3, U) == 3 * U / (1 - 3 * U)


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
    assert float(result.error.max()) == pytest.approx(units * FLOAT32.unit * abs(float(result.value.max())), rel=1e-6)


def test_the_float64_arithmetic_stays_with_a_computation() -> None:
    result = (Bounded(1.0, arithmetic=FLOAT64) * 0.3).sigmoid()
    assert result.error < 20 * FLOAT64.unit


def test_numbers_below_the_normal_range_may_be_flushed_to_zero() -> None:
    product = Bounded(2.0**-100) * Bounded(2.0**-30)
    assert product.value > 0
    assert product.error >= product.value
    assert product.error >= FLOAT32.smallest


def test_appended_ones_are_exact() -> None:
    extended = Bounded([[2.0]], 0.5).with_ones()
    assert extended.value.tolist() == [[2.0, 1.0]]
    assert extended.error.tolist() == [[0.5, 0.0]]


def test_transposing_swaps_the_last_two_axes_of_value_and_error() -> None:
    turned = Bounded(np.arange(6.0).reshape(1, 2, 3), np.arange(6.0).reshape(1, 2, 3)).T
    assert turned.value.shape == (1, 3, 2)
    assert turned.error[0, 2, 1] == 5


def test_a_stored_number_may_have_been_used_before_it_was_rounded() -> None:
    assert Bounded([1.0, 0.0]).once_rounded().error.tolist() == [FLOAT32.unit * (1 + FLOAT32.smallest), 0.0]


@settings(deadline=None)
@given(arrays(np.float32, 6, elements=st.floats(-20, 20, width=32)))
def test_bound_of_the_hyperbolic_tangent_holds(z: Any) -> None:
    assert worst_ratio(np.tanh(z), Bounded(z).tanh()) <= 1


@settings(deadline=None)
@given(arrays(np.float32, (3, 4), elements=st.floats(-30, 30, width=32)))
def test_bound_of_the_softmax_holds(z: Any) -> None:
    powers = np.exp(z - z.max(-1, keepdims=True))
    assert worst_ratio(powers / powers.sum(-1, keepdims=True), Bounded(z).softmax()) <= 1


@settings(deadline=None)
@given(arrays(np.float32, (3, 4), elements=st.floats(-30, 30, width=32)))
def test_bound_of_the_logarithm_of_the_softmax_holds(z: Any) -> None:
    shifted = z - z.max(-1, keepdims=True)
    computed = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    assert worst_ratio(computed, Bounded(z).log_softmax()) <= 1


@settings(deadline=None)
@given(arrays(np.float32, 6, elements=st.floats(-80, 80, width=32)))
def test_bound_of_the_logarithm_of_the_sigmoid_holds(z: Any) -> None:
    computed = np.minimum(z, np.float32(0)) - np.log1p(np.exp(-np.abs(z)))
    assert worst_ratio(computed, Bounded(z).log_sigmoid()) <= 1


@settings(deadline=None)
@given(arrays(np.float64, (2, 3), elements=st.floats(-9, 9)), arrays(np.float64, (2, 3), elements=st.floats(-1, 1)))
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "relu", "softmax", "log_softmax", "log_sigmoid", "exp"])
def test_bound_of_a_function_carries_the_error_of_its_argument(function: str, z: Any, off: Any) -> None:
    computed = getattr(Bounded(z + off), function)().value
    expected = getattr(Bounded(z, np.abs(off)), function)()
    rounding = 1e-14 * np.maximum(1, np.abs(computed))  # of z + off, which relu does not add to
    assert np.all(np.abs(computed - expected.value) <= expected.error + rounding)


def test_relu_passes_back_where_its_argument_was_positive() -> None:
    passed = Bounded([1.0, 2.0]).where_positive(Bounded([-0.5, 0.5]))
    assert (passed.value.tolist(), passed.error.tolist()) == ([0.0, 2.0], [0.0, 0.0])


def test_at_its_kink_relu_may_pass_back_all_or_nothing() -> None:
    passed = Bounded([1.0, 2.0]).where_positive(Bounded([-0.5, 0.5], 0.6))
    assert (passed.value.tolist(), passed.error.tolist()) == ([0.0, 2.0], [1.0, 2.0])


def test_relu_of_what_is_no_number_may_pass_back_all_or_nothing() -> None:
    assert Bounded([2.0]).where_positive(Bounded([np.nan])).error.tolist() == [2.0]


def test_beyond_the_range_of_the_dtype_the_bound_is_infinite() -> None:
    half = ARITHMETIC["float16"]
    product = Bounded([300.0, 100.0], arithmetic=half) * Bounded([300.0, 100.0], arithmetic=half)
    assert np.isinf(product.error).tolist() == [True, False]


def test_what_comes_of_a_number_beyond_the_range_has_an_infinite_bound_too() -> None:
    half = ARITHMETIC["float16"]
    beyond = Bounded([[1e6, 1.0]], arithmetic=half)
    with np.errstate(invalid="ignore"):
        assert np.isinf((beyond @ Bounded([[0.0], [1.0]], arithmetic=half)).error).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@settings(deadline=None)
@given(arrays(np.float32, (2, 3), elements=st.floats(-4, 4, width=16)))
def test_bounds_of_16_bit_numbers_hold_when_float32_computes_and_rounds_once(dtype: str, a: Any) -> None:
    arithmetic = ARITHMETIC[dtype]
    held = rounded(a, arithmetic)
    product = rounded(held @ held.T, arithmetic)
    bounded = Bounded(held, arithmetic=arithmetic)
    for computed, expected in (
        (product, bounded @ bounded.T),
        (rounded(1 / (1 + np.exp(-held)), arithmetic), bounded.sigmoid()),
        (rounded(np.tanh(held), arithmetic), bounded.tanh()),
    ):
        assert np.all(np.abs(computed - expected.value) <= expected.error)


def rounded(numbers: Any, arithmetic: Arithmetic) -> Any:
    """The nearest numbers of the dtype, by its digits."""
    mantissa, exponent = np.frexp(np.asarray(numbers, np.float64))
    return np.ldexp(np.rint(np.ldexp(mantissa, arithmetic.digits)), exponent - arithmetic.digits)


@settings(deadline=None)
@given(MATRICES, MATRICES)
def test_bound_of_a_product_in_tf32_holds_when_operands_are_truncated(a: Any, b: Any) -> None:
    cut = [(part.view(np.int32) & ~0x1FFF).view(np.float32) for part in (a, b)]
    tf32 = ARITHMETIC["tf32"]
    expected = Bounded(a, arithmetic=tf32) @ Bounded(b, arithmetic=tf32)
    assert worst_ratio(cut[0] @ cut[1], expected) <= 1
