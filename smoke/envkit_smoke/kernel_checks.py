"""Single operations on a device, judged so that a single wrong bit is seen; no torch, no device.

Products and sums are of whole numbers so small that every partial sum in every order is one that the dtype has
exactly: an honest device has no rounding to do, and the result must be equal bit for bit. ``smoke/README.md`` says
what this cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Sequence, Union

import numpy as np

from envkit_smoke.arithmetic import decode, encode
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from envkit_smoke.arithmetic import Arithmetic
    from envkit_smoke.bounded import Array

TF32_DIGITS = 11
LANES = 64  # equal inputs side by side: a multiple of every processor's vector length
FUNCTIONS = ("sigmoid", "tanh", "relu")
FAR = 1000.0  # where sigmoid and tanh are 0, 1 or -1 in every dtype, by overflow or underflow of the exponential
OPERATIONS = ("copy", "matmul", "reduction", *FUNCTIONS)


@dataclass(frozen=True)
class Exact:
    """What came out, and what alone is right: integers of the dtype's width, bit for bit."""

    operation: str
    what: str
    got: NDArray[Any]
    expected: NDArray[Any]

    def wrong(self, _: Arithmetic) -> NDArray[np.bool_]:
        """Where it is wrong."""
        return np.asarray(self.got != self.expected)

    def right(self, arithmetic: Arithmetic, place: tuple[Any, ...]) -> str:
        """What would be right there."""
        differing = bin((int(self.got[place]) ^ int(self.expected[place])) & (2**arithmetic.bits - 1)).count("1")
        right = float(decode(arithmetic, self.expected[place].reshape(1))[0])
        return f"and not {right:.17g}, {differing} of {arithmetic.bits} bits differ"


@dataclass(frozen=True)
class Near:
    """What came out, as integers of the dtype's width, and the bounded value that it must be near."""

    operation: str
    what: str
    got: NDArray[Any]
    expected: Bounded

    def wrong(self, arithmetic: Arithmetic) -> NDArray[np.bool_]:
        """Where it is wrong."""
        return ~(np.abs(decode(arithmetic, self.got) - self.expected.value) <= self.expected.error)

    def right(self, _: Arithmetic, place: tuple[Any, ...]) -> str:
        """What would be right there."""
        return f"and not {self.expected.value[place]:.17g} to within {self.expected.error[place]:.3g}"


Outcome = Union[Exact, Near]


def judge(outcomes: Sequence[Outcome], arithmetic: Arithmetic) -> list[Check]:
    """A check for each operation observed; its error is the number of wrong elements."""
    names = list(dict.fromkeys(one.operation for one in outcomes))
    with np.errstate(all="ignore"):  # numbers that a faulty device made up
        return [_check(name, [one for one in outcomes if one.operation == name], arithmetic) for name in names]


def _check(operation: str, outcomes: Sequence[Outcome], arithmetic: Arithmetic) -> Check:
    wrong = [one.wrong(arithmetic) for one in outcomes]
    count = int(sum(part.sum() for part in wrong))
    elements = sum(part.size for part in wrong)
    if not count:
        return Check(operation, 0, 0, f"all {elements} elements of {len(outcomes)} operations are right")
    one, where = next((one, where) for one, where in zip(outcomes, wrong) if where.any())
    place = tuple(np.argwhere(where)[0])
    got = float(decode(arithmetic, one.got[place].reshape(1))[0])
    index = ", ".join(str(part) for part in place)
    first = f"{one.what}: element [{index}] is {got:.17g} {one.right(arithmetic, place)}"
    return Check(operation, count, 0, f"{count} of {elements} elements are wrong; first {first}")


class Numbers:
    """Random numbers whose sums and products are exact in the dtype, from a seed."""

    def __init__(self, arithmetic: Arithmetic, seed: int) -> None:
        self.arithmetic = arithmetic
        self.chance = np.random.default_rng(seed)

    def factors(self, rows: int, terms: int, columns: int) -> tuple[Array, Array, Array]:
        """Factors (rows, terms) and (terms, columns) and a row to add, (columns).

        All are odd, but for an even number in each sum where ``terms`` is even, and the row to add, which is even:
        so that every result is odd, and no zero, whose sign would depend on the order.
        """
        most = _odd_below(np.sqrt((2.0**self.arithmetic.digits - 2) / (terms + 1)))
        left, right = self._odd((rows, terms), most), self._odd((terms, columns), most)
        if terms % 2 == 0:
            left[:, 0] *= 2
        return left, right, 2.0 * self._signs((columns,))

    def picks(self, rows: int, terms: int, columns: int) -> tuple[Array, Array]:
        """A matrix that has one power of two in each row, and one of numbers with as many bits as a product reads."""
        left = np.zeros((rows, terms))
        left[np.arange(rows), self.chance.integers(terms, size=rows)] = 2.0 ** self.chance.integers(-1, 2, size=rows)
        digits = TF32_DIGITS if self.arithmetic.operands else self.arithmetic.digits
        full = 2.0 ** (digits - 1)
        right = self._signs((terms, columns)) * (full + self.chance.integers(int(full), size=(terms, columns))) / full
        return left, right

    def summands(self, shape: tuple[int, ...], count: int, *, positive: bool = False) -> Array:
        """Numbers any ``count`` of which can be summed; odd, or where that is too much, an odd number of ones."""
        reach = 2.0**self.arithmetic.digits / count
        if reach >= 1:
            drawn = self._odd(shape, _odd_below(reach))
        else:
            drawn = np.zeros(int(np.prod(shape)))
            ones = self.chance.choice(drawn.size, 2**self.arithmetic.digits - 1, replace=False)
            drawn[ones] = self._signs(ones.shape)
            drawn = drawn.reshape(shape)
        return np.abs(drawn) if positive else drawn

    def patterns(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Random bits, as integers of the dtype's width; but no NaN, whose bits a processor may change."""
        integer = np.dtype(f"i{self.arithmetic.bits // 8}")
        drawn = self.chance.integers(0, 256, size=(*shape[:-1], shape[-1] * integer.itemsize), dtype=np.uint8)
        bits = drawn.view(integer)
        return np.where(np.isnan(decode(self.arithmetic, bits)), bits & integer.type(1), bits)

    def arguments(self, count: int) -> NDArray[Any]:
        """Arguments of functions from -8 to 8, as the dtype has them, bits and all."""
        drawn = self.chance.uniform(-8, 8, size=count)
        kept = 2.0 ** (self.arithmetic.digits - 1 - np.floor(np.log2(np.abs(drawn))))
        return encode(self.arithmetic, np.rint(drawn * kept) / kept)

    def _odd(self, shape: tuple[int, ...], most: int) -> Array:
        return self._signs(shape) * (2.0 * self.chance.integers((most + 1) // 2, size=shape) + 1.0)

    def _signs(self, shape: tuple[int, ...]) -> Array:
        return np.asarray(self.chance.choice([-1.0, 1.0], size=shape))


def _odd_below(number: float) -> int:
    """The largest odd whole number that is not above it, of at most 24 bits."""
    whole = int(min(number, 2.0**24 - 1))
    return whole - (whole % 2 == 0)


VALUES: dict[str, Callable[[Bounded], Bounded]] = {
    "sigmoid": Bounded.sigmoid,
    "tanh": Bounded.tanh,
    "relu": Bounded.relu,
}
POINTS = {"sigmoid": ((0.0, 0.5), (FAR, 1.0), (-FAR, 0.0)), "tanh": ((0.0, 0.0), (FAR, 1.0), (-FAR, -1.0))}


def function_outcomes(name: str, lanes: Array, got: NDArray[Any], arithmetic: Arithmetic) -> list[Outcome]:
    """What a function made of ``lanes``: (values, LANES), the values and then the same with the other sign.

    It is near float64's, and at some points known exactly; equal arguments give equal results; tanh is odd.
    """
    outcomes: list[Outcome] = [
        Near(name, f"{name} of {lanes.size} numbers", got, _values(name, lanes, arithmetic)),
        Exact(name, f"{name} of {LANES} equal numbers a row", got, np.repeat(got[:, :1], LANES, axis=1)),
    ]
    for argument, value in POINTS.get(name, ()):
        here = got[lanes[:, 0] == argument]
        outcomes.append(Exact(name, f"{name} of {argument:g}", here, np.full_like(here, encode(arithmetic, value))))
    if name == "relu":
        outcomes.append(Exact(name, "relu, which rounds nothing", got, encode(arithmetic, np.maximum(lanes, 0.0))))
    if name == "tanh":
        half = len(got) // 2
        positive = decode(arithmetic, got[:half])
        nonzero = positive != 0
        outcomes.append(
            Exact(
                name,
                "tanh of the number with the other sign",
                got[half:][nonzero],
                encode(arithmetic, -positive)[nonzero],
            )
        )
    return outcomes


def repeated_outcomes(
    name: str, arguments: Array, got: NDArray[Any], again: NDArray[Any], arithmetic: Arithmetic
) -> list[Outcome]:
    """What a function made of as many different arguments as no vector length divides, and of the same once more."""
    return [
        Near(name, f"{name} of {arguments.size} different numbers", got, _values(name, arguments, arithmetic)),
        Exact(name, f"{name} of {arguments.size} different numbers, once more", again, got),
    ]


def _values(name: str, arguments: Array, arithmetic: Arithmetic) -> Bounded:
    with np.errstate(over="ignore"):  # of the exponential, at both ends
        return VALUES[name](Bounded(arguments, arithmetic=arithmetic))
