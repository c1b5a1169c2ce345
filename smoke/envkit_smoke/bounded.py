"""Float64 reference values that carry a bound on how far a device's rounded computation may be from them.

A device computes in float32, the reference here in float64. How far apart may the two honestly be? This is
running error analysis (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002,
sections 2.2, 3.1 and 3.3). It starts from the standard model of floating-point arithmetic,

    fl(a op b) = (a op b)(1 + d) + t,    |d| <= u,    |t| <= tiny,

with u the unit roundoff and tiny the smallest normal number (devices may flush smaller ones to zero). If the
device holds a + da with |da| <= ea, and b + db with |db| <= eb, then to the errors that are passed on,

    sum, difference:  p = ea + eb
    product:          p = |a| eb + |b| ea + ea eb
    sum of n terms:   p = sum of e_k
    inner product:    p = sum over k of the product rule
    sigmoid:          p = ea / 4, as the slope of the sigmoid is at most 1/4

the operation adds its own: u (|result| + p) for one rounding. A sum of n terms adds gamma(n-1) times the sum
of (|a_k| + e_k), an inner product gamma(n) times the sum of (|a_k b_k| + p_k), gamma(n) = n u / (1 - n u):
these hold for every order of summation, blocked or pairwise, with fused multiply-add or without (section
3.1), so that the same bound serves every device and library. A bias that starts or ends an inner product
counts as one of its terms.

The float64 value has rounding errors of its own; they obey the same rules with 2**-53 for u. What the rules
give for two unit roundoffs adds up to at most what they give for their sum, so the sum is used, and the bound
is on the difference of the two computations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Union

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Operand = Union["Bounded", float]

FLOAT64 = 2.0**-53
FLOAT32 = 2.0**-24 + FLOAT64
TINY = 2.0**-126

# The sigmoid 1 / (1 + exp(-z)) in units of u, relative: an exponential within 5 ulp (10 u), an addition (1 u)
# and a division within 2.5 ulp (5 u). Every vendor's float32 library promises this or better for moderate
# arguments; the loosest in use is OpenCL's full profile, with 3 ulp and 2.5 ulp.
SIGMOID_UNITS = 16


def gamma(terms: int, unit: float) -> float:
    """Higham's gamma_n, the relative error of ``terms`` roundings in a row."""
    return terms * unit / (1 - terms * unit)


class Bounded:
    """An array ``value`` in float64 and, of the same shape, the largest honest ``error`` of a computed copy.

    A plain number in an expression is a constant of the program: exact where float32 can hold it, otherwise
    rounded.
    """

    __array_ufunc__ = None  # an ndarray on the left leaves the operation to this class

    def __init__(self, value: ArrayLike, error: ArrayLike = 0.0, unit: float = FLOAT32) -> None:
        self.value: Array = np.asarray(value, dtype=np.float64)
        self.error: Array = np.broadcast_to(np.asarray(error, dtype=np.float64), self.value.shape)
        self.unit = unit

    def __add__(self, other: Operand) -> Bounded:
        other = self._operand(other)
        return self._rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Operand) -> Bounded:
        other = self._operand(other)
        return self._rounded(self.value - other.value, self.error + other.error)

    def __rsub__(self, other: float) -> Bounded:
        return self._operand(other).__sub__(self)

    def __mul__(self, other: Operand) -> Bounded:
        other = self._operand(other)
        return self._rounded(self.value * other.value, _passed_on(self, other, np.multiply))

    __rmul__ = __mul__

    def __matmul__(self, other: Bounded) -> Bounded:
        terms = self.value.shape[-1]
        passed = _passed_on(self, other, np.matmul)
        magnitude = np.abs(self.value) @ np.abs(other.value) + passed
        error = passed + gamma(terms, self.unit) * magnitude + terms * TINY
        return Bounded(self.value @ other.value, error, self.unit)

    @property
    def T(self) -> Bounded:  # noqa: N802 - as ndarray.T
        """The matrices transposed: the last two axes swapped."""
        return Bounded(np.swapaxes(self.value, -1, -2), np.swapaxes(self.error, -1, -2), self.unit)

    def mean_of_matrix(self) -> Bounded:
        """The mean over the last two axes: a sum, then a division (or a product with the rounded 1 / n)."""
        terms: int = self.value.shape[-1] * self.value.shape[-2]
        total = np.abs(self.value).sum((-1, -2)) + self.error.sum((-1, -2))
        error = self.error.sum((-1, -2)) + gamma(terms - 1, self.unit) * total + terms * TINY
        return Bounded(self.value.sum((-1, -2)), error, self.unit) * (1.0 / terms)

    def sigmoid(self) -> Bounded:
        """1 / (1 + exp(-z)), element by element."""
        value = 1.0 / (1.0 + np.exp(-self.value))
        passed = self.error / 4
        return Bounded(value, passed + SIGMOID_UNITS * self.unit * (value + passed) + TINY, self.unit)

    def with_ones(self) -> Bounded:
        """The rows with an exact 1 appended, so that the last row of a parameter matrix is the bias."""
        ones = np.ones((*self.value.shape[:-1], 1))
        value = np.concatenate([self.value, ones], axis=-1)
        return Bounded(value, np.concatenate([self.error, 0 * ones], axis=-1), self.unit)

    def _operand(self, other: Operand) -> Bounded:
        if isinstance(other, Bounded):
            return other
        return constant(other, self.unit)

    def _rounded(self, value: Array, passed: Array) -> Bounded:
        return Bounded(value, passed + self.unit * (np.abs(value) + passed) + TINY, self.unit)


def constant(value: ArrayLike, unit: float = FLOAT32) -> Bounded:
    """A number or array written in the program: exact where float32 holds it, else off by one rounding."""
    exact = np.asarray(value, dtype=np.float64)
    held = exact.astype(np.float32).astype(np.float64) == exact
    return Bounded(exact, np.where(held, 0.0, unit * np.abs(exact)), unit)


def _passed_on(left: Bounded, right: Bounded, product: Callable[[Array, Array], Array]) -> Array:
    """What a product makes of the errors of its factors: |a| eb + ea (|b| + eb)."""
    return product(np.abs(left.value), right.error) + product(left.error, np.abs(right.value) + right.error)
