"""The stage of single operations: products, sums, functions and copies on the device, in each of its dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Iterator, Sequence

import numpy as np
import torch

from envkit_smoke import kernel_checks, torch_dtypes, workload
from envkit_smoke.arithmetic import ARITHMETIC, Arithmetic, decode, encode
from envkit_smoke.kernel_checks import FAR, FUNCTIONS, LANES, OPERATIONS, Exact, Numbers, Outcome
from envkit_smoke.torch_dtypes import TORCH_DTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from envkit_smoke.stage import Bench

# Rows, terms and columns of products: odd and smaller than a tile, a whole tile, and several tiles with a rest.
PRODUCTS = ((5, 7, 3), (16, 16, 16), (131, 253, 67))
SUMS = ((5, 7), (131, 253))
MEANS = ((8, 16), (64, 256))  # powers of two, by which a division is exact
COPIES = ((5, 7), (131, 253))
ARGUMENTS = 997  # of a function, a prime number
VALUES = 24  # of each sign, in rows of equal numbers

INTEGERS = {16: torch.int16, 32: torch.int32, 64: torch.int64}


def run(bench: Bench) -> None:
    """Observe, judge and report the operations in every dtype."""
    if workload.KERNELS not in bench.options.workloads:
        return
    for dtype in bench.options.dtypes:
        _run_dtype(bench, dtype)


def _run_dtype(bench: Bench, dtype: str) -> None:
    reporter = bench.reporter.about(workload=workload.KERNELS, dtype=dtype)
    trial = workload.Trial(reporter, dtype, None, bench.options.explicit)
    lacking = torch_dtypes.why_lacking(dtype, bench.device)
    outcomes = trial.observe(lacking, lambda: observe(bench.device, dtype, bench.options.seed))
    if outcomes is not None:
        passed = reporter.checks(kernel_checks.judge(outcomes, ARITHMETIC[dtype]))
        reporter.emit("result", passed=passed)


def observe(device: str, dtype: str, seed: int, operations: Sequence[str] = OPERATIONS) -> list[Outcome]:
    """What came out of the operations, beside what should."""
    place = Place(torch.device(device), ARITHMETIC[dtype], TORCH_DTYPES[dtype])
    numbers = Numbers(place.arithmetic, seed)
    with torch_dtypes.products(dtype), torch.no_grad():
        return [one for name in operations for one in OBSERVERS[name](place, numbers)]


@dataclass(frozen=True)
class Place:
    """A device and a dtype, to which numbers go as bits and from which they come back as bits."""

    device: torch.device
    arithmetic: Arithmetic
    dtype: torch.dtype

    def host(self, bits: NDArray[Any]) -> torch.Tensor:
        """Bits as a tensor of the dtype on the host."""
        return torch.from_numpy(np.ascontiguousarray(bits)).view(self.dtype)

    def put(self, numbers: Any) -> torch.Tensor:
        """Numbers that the dtype has exactly, on the device."""
        return self.host(encode(self.arithmetic, numbers)).to(self.device)

    def bits(self, tensor: torch.Tensor) -> NDArray[Any]:
        """The bits of a tensor."""
        integers = tensor.cpu().contiguous().view(INTEGERS[self.arithmetic.bits])
        return np.asarray(integers.numpy())

    def exact(self, operation: str, what: str, got: torch.Tensor, expected: Any) -> Exact:
        """A result beside the numbers that it must be."""
        wanted = encode(self.arithmetic, np.asarray(expected, np.float64))
        return Exact(operation, what, self.bits(got).reshape(wanted.shape), wanted)


def _products(place: Place, numbers: Numbers) -> Iterator[Outcome]:
    for rows, terms, columns in PRODUCTS:
        a, b, c = numbers.factors(rows, terms, columns)
        left, right = place.put(a), place.put(b)
        turned_left, turned_right = place.put(a.T.copy()).T, place.put(b.T.copy()).T
        size, expected = f"{rows}x{terms} by {terms}x{columns}", _product(a, b)
        layouts = (
            ("mm", left, right),
            ("mm with the first operand transposed", turned_left, right),
            ("mm with the second operand transposed", left, turned_right),
            ("mm with both operands transposed", turned_left, turned_right),
        )
        for what, one, other in layouts:
            yield place.exact("matmul", f"{what}, {size}", torch.mm(one, other), expected)
        yield place.exact("matmul", f"addmm, {size}", torch.addmm(place.put(c), left, turned_right), expected + c)
        picks, full = numbers.picks(rows, terms, columns)
        product = torch.mm(place.put(picks), place.put(full))
        yield place.exact("matmul", f"mm that picks rows, {size}", product, _product(picks, full))


def _product(left: Any, right: Any) -> Any:
    """The product in float64 without a BLAS, which torch may share with NumPy; all sums in it are exact."""
    return np.einsum("ij,kj->ik", left, np.ascontiguousarray(right.T))


def _sums(place: Place, numbers: Numbers) -> Iterator[Outcome]:
    for shapes, what, reduce in ((SUMS, "sum", torch.sum), (MEANS, "mean", torch.mean)):
        for rows, columns in shapes:
            for axes, count, over in (
                ((0,), rows, "rows"),
                ((1,), columns, "columns"),
                ((0, 1), rows * columns, "all"),
            ):
                drawn = numbers.summands((rows, columns), count, positive=count % 2 == 0)
                total = drawn.sum(axes) / (count if what == "mean" else 1)
                tensor = place.put(drawn)
                got = reduce(tensor) if over == "all" else reduce(tensor, dim=axes)
                yield place.exact("reduction", f"{what} over {over} of {rows}x{columns}", got, total)


def _function(name: str, place: Place, numbers: Numbers) -> Iterator[Outcome]:
    drawn = decode(place.arithmetic, numbers.arguments(VALUES - 2))
    values = np.concatenate([[0.0, FAR], np.abs(drawn)])
    lanes = np.repeat(np.concatenate([values, -values])[:, None], LANES, axis=1) + 0.0
    arguments = decode(place.arithmetic, numbers.arguments(ARGUMENTS))
    function = getattr(torch, name)
    got = place.bits(function(place.put(lanes)))
    yield from kernel_checks.function_outcomes(name, lanes, got, place.arithmetic)
    once, again = (place.bits(function(place.put(arguments))) for _ in range(2))
    yield from kernel_checks.repeated_outcomes(name, arguments, once, again, place.arithmetic)


def _copies(place: Place, numbers: Numbers) -> Iterator[Outcome]:
    for rows, columns in COPIES:
        bits, size = numbers.patterns((rows, columns)), f"{rows}x{columns}"
        host = place.host(bits)
        there = host.to(place.device, copy=True)
        into = torch.zeros_like(there)
        into.copy_(there)
        spread = torch.zeros((rows, 2 * columns), dtype=place.dtype, device=place.device)
        spread[:, ::2].copy_(there)
        results = (
            ("to the device and back", there.to("cpu", copy=True), bits),
            ("cloned on the device", there.clone(), bits),
            ("copied into a tensor on the device", into, bits),
            ("transposed on the device", there.t().clone(memory_format=torch.contiguous_format), bits.T),
            ("every other column taken on the device", there[:, ::2].clone(), bits[:, ::2]),
            ("copied into every other column on the device", spread[:, ::2], bits),
            *_pinned(place, host, bits),
        )
        for what, got, expected in results:
            yield Exact("copy", f"{size} {what}", place.bits(got), np.ascontiguousarray(expected))


def _pinned(place: Place, host: torch.Tensor, bits: NDArray[Any]) -> Iterator[tuple[str, torch.Tensor, NDArray[Any]]]:
    """Through page-locked memory, without waiting: only with CUDA, whose driver locks it."""
    if place.device.type != "cuda":
        return
    there = host.pin_memory().to(place.device, non_blocking=True)
    back = torch.empty_like(host).pin_memory()
    back.copy_(there, non_blocking=True)
    torch.cuda.synchronize(place.device)
    yield "through pinned memory without waiting", back, bits


OBSERVERS: dict[str, Callable[[Place, Numbers], Iterator[Outcome]]] = {
    "copy": _copies,
    "matmul": _products,
    "reduction": _sums,
    **{name: partial(_function, name) for name in FUNCTIONS},
}
