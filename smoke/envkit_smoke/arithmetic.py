"""What is known of each dtype's arithmetic: the figures that every rounding bound derives from; no torch.

float64, float32, bfloat16 and float16 are as IEEE 754 and their makers define them. "tf32" is float32 whose
matrix products read their operands with 11 significant bits, which CUDA GPUs from compute capability 8.0 do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# What a reference in float64 rounds itself: it obeys the same rules as the device, with this unit roundoff. What
# the rules give for two unit roundoffs adds up to at most what they give for their sum, so the sum is used.
REFERENCE_UNIT = 2.0**-53


@dataclass(frozen=True)
class Arithmetic:
    """A dtype's arithmetic, for bounds on the difference to a float64 reference.

    ``digits`` are the significant bits, ``smallest`` the least normal number and ``largest`` the greatest.
    ``unit`` is the relative error of one operation, ``functions`` that of an exponential, logarithm, hyperbolic
    tangent or sigmoid, ``operands`` what a matrix product may do to its operands before it begins.
    """

    name: str
    digits: int
    bits: int
    smallest: float
    largest: float
    unit: float
    functions: float
    operands: float = 0.0


def _ieee(
    name: str, digits: int, exponent_bits: int, unit: float, functions: float, operands: float = 0.0
) -> Arithmetic:
    bias = 2 ** (exponent_bits - 1) - 1
    largest = (2.0 - 2.0 ** (1 - digits)) * 2.0**bias
    bits = {11: 16, 8: 16, 24: 32, 53: 64}[digits]
    return Arithmetic(name, digits, bits, 2.0 ** (1 - bias), largest, unit + REFERENCE_UNIT, functions, operands)


# Functions in float32 and float64, in units of u: an exponential within 5 ulp (10 u), an addition (1 u) and a
# division within 2.5 ulp (5 u) make a sigmoid. Every vendor's library promises this or better; the loosest in use
# is OpenCL's full profile, with 3 ulp for exp and log, 5 ulp for tanh and 2.5 ulp for a division.
#
# 16-bit numbers are computed in float32 and rounded once, so that an operation costs their u and what float32 adds
# (2**-22 for several roundings or truncations of it, as tensor cores have them); where a GPU has functions of its
# own for them they are good to an ulp: an exponential (2 u), an addition and a division (1 u each).
#
# TF32 truncates or rounds: the operands are off by up to 2**-10, and the sum is float32's, truncated: 2 u for 1.
ARITHMETIC = {
    one.name: one
    for one in (
        _ieee("float64", 53, 11, 2.0**-53, 16 * 2.0**-53),
        _ieee("float32", 24, 8, 2.0**-24, 16 * 2.0**-24),
        _ieee("tf32", 24, 8, 2.0**-23, 16 * 2.0**-24, 2.0**-10),
        _ieee("bfloat16", 8, 8, 2.0**-8 + 2.0**-22, 4 * 2.0**-8),
        _ieee("float16", 11, 5, 2.0**-11 + 2.0**-22, 4 * 2.0**-11),
    )
}
FLOAT64, FLOAT32 = ARITHMETIC["float64"], ARITHMETIC["float32"]


def holds(arithmetic: Arithmetic, numbers: ArrayLike) -> NDArray[np.bool_]:
    """Whether the dtype has each number exactly; of those below its normal range only zero counts."""
    exact = np.asarray(numbers, dtype=np.float64)
    mantissa, _ = np.frexp(exact)
    short = np.ldexp(mantissa, arithmetic.digits) == np.rint(np.ldexp(mantissa, arithmetic.digits))
    size = np.abs(exact)
    inside = (size == 0) | ((size >= arithmetic.smallest) & (size <= arithmetic.largest))
    return np.asarray(short & inside)


def encode(arithmetic: Arithmetic, numbers: ArrayLike) -> NDArray[Any]:
    """Numbers that the dtype has exactly, as the signed integers of its width whose bits they are."""
    exact = np.asarray(numbers, dtype=np.float64)
    if arithmetic.name == "bfloat16":  # the upper half of a float32
        return (exact.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.int16)
    floats = exact.astype(f"f{arithmetic.bits // 8}")
    return floats.view(f"i{arithmetic.bits // 8}")


def decode(arithmetic: Arithmetic, bits: NDArray[Any]) -> NDArray[np.float64]:
    """The numbers whose bits these integers of the dtype's width are; exact, since float64 has them all."""
    if arithmetic.name == "bfloat16":
        floats = (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        floats = bits.view(f"f{arithmetic.bits // 8}")
    with np.errstate(invalid="ignore"):  # a NaN that signals
        return np.asarray(floats, dtype=np.float64)
