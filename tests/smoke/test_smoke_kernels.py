"""Single operations: this CPU is right to the bit, and every planted fault is found and named by its operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from envkit_smoke import kernels
from envkit_smoke.arithmetic import ARITHMETIC, decode, encode, holds
from envkit_smoke.kernel_checks import OPERATIONS, Numbers, judge
from envkit_smoke.kernels import INTEGERS
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from envkit_smoke.checks import Check

Change = Callable[[torch.Tensor], None]

DTYPES = ["float64", "float32", "bfloat16", "float16"]

# Torch's kernel, and the check that must name it.
KERNELS = {
    "mm": "matmul",
    "addmm": "matmul",
    "sum": "reduction",
    "mean": "reduction",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "_to_copy": "copy",
    "clone": "copy",
    "copy_": "copy",
}


class Faulty(TorchDispatchMode):
    """A device on which one kernel's results are changed: those of one of its calls, or of all."""

    def __init__(self, kernel: str, change: Change, call: int | None = None) -> None:
        super().__init__()
        self.kernel = kernel
        self.change = change
        self.call = call
        self.calls = 0

    def __torch_dispatch__(self, kernel: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = kernel(*args, **(kwargs or {}))
        if kernel.overloadpacket.__name__ == self.kernel:
            self.calls += 1
            if self.call in (None, self.calls):
                self.change(result)
        return result


def flip(bit: int, element: int = 0) -> Change:
    """Flip a bit of an element, the last where there are fewer."""

    def change(result: torch.Tensor) -> None:
        width = result.element_size() * 8
        at = result.as_strided((result.numel(),), (1,)) if result.is_contiguous() else result
        place = np.unravel_index(min(element, result.numel() - 1), tuple(at.shape))
        number = at[place].reshape(1).view(INTEGERS[width])
        number ^= torch.tensor(1 << bit if bit < width - 1 else -(1 << bit), dtype=number.dtype)

    return change


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The faults are the same with one, and threads wait long for each other where many processes share few cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def failed(dtype: str = "float32", operations: Sequence[str] = OPERATIONS) -> dict[str, Check]:
    outcomes = kernels.observe("cpu", dtype, seed=0, operations=operations)
    return {check.name: check for check in judge(outcomes, ARITHMETIC[dtype]) if not check.passed}


def failed_with(
    kernel: str,
    change: Change,
    dtype: str = "float32",
    call: int | None = None,
    operations: Sequence[str] | None = None,
) -> dict[str, Check]:
    """The checks that fail with a faulty kernel; of those that are to name it alone, unless others are wanted."""
    with Faulty(kernel, change, call) as device:
        checks = failed(dtype, operations or [KERNELS[kernel]])
    assert device.calls >= (call or 1), f"{kernel} was not called so often"
    return checks


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_this_cpu_passes_every_operation(dtype: str, seed: int) -> None:
    checks = judge(kernels.observe("cpu", dtype, seed), ARITHMETIC[dtype])
    assert [check.name for check in checks] == list(OPERATIONS)
    assert [check.detail for check in checks if not check.passed] == []


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("dtype", "bit"), [(dtype, bit) for dtype in DTYPES for bit in range(ARITHMETIC[dtype].bits)])
def test_any_flipped_bit_of_one_element_is_found_and_named(kernel: str, dtype: str, bit: int) -> None:
    assert KERNELS[kernel] in failed_with(kernel, flip(bit), dtype)


@pytest.mark.parametrize("element", [1, 7, 64, 500, 10**9])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_lowest_bit_of_any_element_is_found(kernel: str, element: int) -> None:
    assert KERNELS[kernel] in failed_with(kernel, flip(0, element))


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_lowest_bit_is_found_in_any_single_call(kernel: str) -> None:
    counter = Faulty(kernel, lambda result: None)
    with counter:
        assert failed(operations=[KERNELS[kernel]]) == {}
    for call in range(1, counter.calls + 1):
        assert KERNELS[kernel] in failed_with(kernel, flip(0), call=call), f"call {call} of {counter.calls}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", ["mm", "addmm", "sum", "mean", "sigmoid", "tanh", "relu"])
def test_a_relative_error_of_one_roundoff_is_found_and_named(kernel: str, dtype: str) -> None:
    # A unit in the last place; what is smaller than half of it the dtype cannot hold.
    off = 1 + 2.0 ** (1 - ARITHMETIC[dtype].digits)
    assert KERNELS[kernel] in failed_with(kernel, lambda result: result.mul_(off), dtype)


@pytest.mark.parametrize("kernel", ["mm", "sigmoid", "sum"])
def test_other_operations_are_not_named(kernel: str) -> None:
    assert set(failed_with(kernel, flip(3), operations=OPERATIONS)) == {KERNELS[kernel]}


def test_a_failure_names_the_operation_the_place_and_both_numbers() -> None:
    detail = failed_with("mm", flip(23, element=5), call=1)["matmul"].detail
    assert detail.startswith("1 of 54288 elements are wrong; first mm, 5x7 by 7x3: element [1, 2] is ")
    assert detail.endswith("bits differ")


def test_a_function_that_is_wrong_at_one_argument_by_less_than_its_bound_is_not_found() -> None:
    """What cannot be told from honest rounding: a wrong last bit of every copy of one argument, away from the points
    where the value is known exactly."""

    def nudge(result: torch.Tensor) -> None:
        result[(result > 0.6) & (result < 0.7)] *= 1 + 2**-22

    assert failed_with("sigmoid", nudge) == {}


@pytest.mark.filterwarnings("ignore:Warning only once for all operators")  # that one is overridden, as is meant
def test_a_backend_of_torch_library_with_a_wrong_product_is_found() -> None:
    def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        result = (left[:, :, None] * right[None, :, :]).sum(1)
        result[-1, -1] *= 1 + 2**-23
        return result

    library = torch.library.Library("aten", "IMPL")
    try:
        library.impl("mm", product, "CPU")
        checks = failed()
    finally:
        library._destroy()
    assert set(checks) == {"matmul"}
    assert failed() == {}


def test_products_are_exact_in_every_order_of_summation() -> None:
    for dtype, arithmetic in ARITHMETIC.items():
        for rows, terms, columns in kernels.PRODUCTS:
            left, right, added = Numbers(arithmetic, 0).factors(rows, terms, columns)
            largest = np.abs(left) @ np.abs(right) + np.abs(added)
            assert np.max(largest) <= 2.0**arithmetic.digits, dtype
            assert np.all((left @ right + added) % 2 == 1)
            assert np.all(left @ right != 0)


def test_products_in_tf32_have_no_bits_to_lose() -> None:
    numbers = Numbers(ARITHMETIC["tf32"], 0)
    for rows, terms, columns in kernels.PRODUCTS:
        for part in (*numbers.factors(rows, terms, columns), *numbers.picks(rows, terms, columns)):
            assert np.all(part.astype(np.float32).view(np.int32) & 0x1FFF == 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_patterns_are_random_bits_and_no_nan(dtype: str) -> None:
    arithmetic = ARITHMETIC[dtype]
    bits = Numbers(arithmetic, 0).patterns((64, 65))
    assert not np.isnan(decode(arithmetic, bits)).any()
    for bit in range(arithmetic.bits):
        assert 0.4 < np.mean((bits >> bit) & 1) < 0.6


@pytest.mark.parametrize("dtype", DTYPES)
def test_encoded_numbers_are_torch_s(dtype: str) -> None:
    numbers = [0.0, 1.0, -1.5, 2.0**-3, 1.0 + 2.0 ** (1 - ARITHMETIC[dtype].digits)]
    tensor = torch.tensor(numbers, dtype=torch.float64).to(kernels.TORCH_DTYPES[dtype])
    bits = encode(ARITHMETIC[dtype], numbers)
    assert bits.tolist() == tensor.view(INTEGERS[ARITHMETIC[dtype].bits]).tolist()
    assert decode(ARITHMETIC[dtype], bits).tolist() == numbers


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_s_figures_are_torch_s(dtype: str) -> None:
    info, arithmetic = torch.finfo(kernels.TORCH_DTYPES[dtype]), ARITHMETIC[dtype]
    assert (arithmetic.bits, arithmetic.largest, arithmetic.smallest) == (info.bits, info.max, info.tiny)
    assert 2.0 ** (1 - arithmetic.digits) == info.eps
    assert info.eps / 2 < arithmetic.unit < info.eps / 2 * 1.001 + 2.0**-53


@pytest.mark.parametrize(
    ("number", "held"),
    [(0.0, True), (1.0, True), (255.0, True), (257.0, False), (0.1, False), (2.0**-126, True), (2.0**-127, False)],
)
def test_what_bfloat16_holds(number: float, *, held: bool) -> None:
    assert holds(ARITHMETIC["bfloat16"], number) == held
