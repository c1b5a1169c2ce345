"""The verdicts: a bound, a placement, a permutation, the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, epoch_permutation, on_device, same_bits, within_bounds

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])


def compare(measured: float, error: float = 0.5) -> Check:
    return within_bounds("loss", "The loss agrees", [Comparison("loss", [measured], Bounded([1.0], error))])


@pytest.mark.parametrize(
    ("measured", "passed", "ratio"),
    [
        pytest.param(1.0, True, 0.0, id="equal"),
        pytest.param(1.5, True, 1.0, id="at the bound"),
        pytest.param(0.0, False, 2.0, id="beyond the bound"),
        pytest.param(np.inf, False, np.inf, id="infinite"),
    ],
)
def test_error_is_the_difference_in_units_of_its_bound(*, measured: float, passed: bool, ratio: float) -> None:
    check = compare(measured)
    assert (check.passed, check.error, check.tolerance) == (passed, ratio, 1.0)


def test_what_is_not_a_number_fails() -> None:
    assert not compare(np.nan).passed


def test_what_is_not_a_number_fails_beside_good_comparisons() -> None:
    good, bad = (Comparison("loss", [value], Bounded([1.0], 0.5)) for value in (1.0, np.nan))
    assert [within_bounds("loss", "All agree", pair).passed for pair in ([good, bad], [bad, good])] == [False] * 2


def test_an_exact_value_allows_no_difference() -> None:
    assert compare(1.0, error=0.0).passed
    assert not compare(1.0 + 2**-40, error=0.0).passed


def test_the_largest_ratio_of_all_comparisons_decides() -> None:
    near, far = (Comparison("loss", [value], Bounded([1.0], 0.5)) for value in (1.1, 3.0))
    assert within_bounds("loss", "All agree", [far, near]).error == 4.0


def test_a_comparison_of_different_shapes_is_refused() -> None:
    with pytest.raises(ValueError, match="loss"):
        Comparison("loss", [1.0, 2.0], Bounded([1.0]))


def test_detail_of_a_failure_says_where_and_what() -> None:
    comparison = Comparison("gradient", [[0.0], [3.0]], Bounded([[0.0], [1.0]], 0.5), "step")
    detail = within_bounds("gradient", "Autograd agrees", [comparison]).detail
    assert detail == (
        "Not so: autograd agrees; closest to its bound: gradient at step 2 measured 3, reference 1, "
        "4 of the allowed difference"
    )


def test_tensors_on_the_named_device_pass() -> None:
    check = on_device({("inputs", "cuda:1"), ("weight", "cuda:1")}, "cuda:1")
    assert (check.passed, check.error) == (True, 0)


def test_a_tensor_elsewhere_fails_and_is_named() -> None:
    check = on_device({("inputs", "cpu"), ("weight", "cuda:0")}, "cuda:0")
    assert (check.passed, check.error) == (False, 1)
    assert check.detail == "not everything was on cuda:0: inputs was on cpu"


def test_another_index_is_another_device() -> None:
    assert not on_device({("weight", "cuda:0")}, "cuda:1").passed


def test_a_tensor_that_was_only_once_elsewhere_fails() -> None:
    assert not on_device([("inputs", "cuda:0"), ("inputs", "cpu"), ("inputs", "cuda:0")], "cuda:0").passed


def test_no_tensor_at_all_proves_nothing() -> None:
    assert not on_device([], "cpu").passed


def test_many_strays_are_counted_and_not_all_named() -> None:
    check = on_device({(f"tensor {number}", "cpu") for number in range(6)}, "cuda:0")
    assert check.error == 6
    assert check.detail.endswith("and 2 more")


def test_rows_in_another_order_are_a_permutation() -> None:
    assert epoch_permutation(np.stack([ROWS[::-1], ROWS]), ROWS).passed


@pytest.mark.parametrize(
    "epoch",
    [
        pytest.param(ROWS[[0, 0, 2]], id="a row is missing"),
        pytest.param(ROWS[[0, 1, 1]], id="a row comes too often"),
        pytest.param(ROWS[:, ::-1], id="columns are swapped"),
        pytest.param(ROWS + np.array([[0, 0], [0, 1e-6], [0, 0]]), id="a value is off"),
    ],
)
def test_an_epoch_that_is_not_the_data_set_is_counted(epoch: np.ndarray) -> None:
    check = epoch_permutation(np.stack([ROWS, epoch]), ROWS)
    assert (check.passed, check.error) == (False, 1)
    assert check.detail.endswith("first in epoch 2")


@pytest.mark.parametrize(
    ("second", "differing"),
    [
        pytest.param(b"abcd", 0, id="same"),
        pytest.param(b"abcx", 1, id="one byte differs"),
        pytest.param(b"abc", 1, id="one byte is missing"),
    ],
)
def test_same_bits_counts_differing_bytes(second: bytes, differing: int) -> None:
    check = same_bits(b"abcd", second)
    assert (check.passed, check.error) == (differing == 0, differing)
