"""Float64 reference values that carry a bound on how far a device's rounded computation may be from them.

A device computes in a dtype, the reference here in float64. How far apart may the two honestly be? This is
running error analysis (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002,
sections 2.2, 3.1 and 3.3). It starts from the standard model of floating-point arithmetic,

    fl(a op b) = (a op b)(1 + d) + t,    |d| <= u,    |t| <= tiny,

with u the dtype's unit roundoff and tiny its smallest normal number (devices may flush smaller ones to zero). If
the device holds a + da with |da| <= ea, and b + db with |db| <= eb, then to the errors that are passed on,

    sum, difference:  p = ea + eb
    product:          p = |a| eb + |b| ea + ea eb
    sum of n terms:   p = sum of e_k
    inner product:    p = sum over k of the product rule
    function:         p = ea times the function's largest slope between a - ea and a + ea

the operation adds its own: u (|result| + p) for one rounding. A sum of n terms adds gamma(n-1) times the sum
of (|a_k| + e_k), an inner product gamma(n) times the sum of (|a_k b_k| + p_k), gamma(n) = n u / (1 - n u):
these hold for every order of summation, blocked or pairwise, with fused multiply-add or without (section
3.1), so that the same bound serves every device and library. A bias that starts or ends an inner product
counts as one of its terms. A function adds f (|result| + p), with f the dtype's ``functions``.

The float64 value has rounding errors of its own, which the unit includes: the bound is on the difference of the
two computations. ``arithmetic.py`` has the figures of each dtype and where they come from.

Where a number may honestly leave the dtype's range, the error is infinite, and so is that of all that follows from
it: there nothing can be judged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, Union

import numpy as np

from envkit_smoke.arithmetic import FLOAT32, Arithmetic, holds

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Operand = Union["Bounded", float]


def gamma(terms: int, unit: float) -> float:
    """Higham's gamma_n, the relative error of ``terms`` roundings in a row; infinite where there is no bound."""
    return terms * unit / (1 - terms * unit) if terms * unit < 1 else np.inf


class Bounded:
    """An array ``value`` in float64 and, of the same shape, the largest honest ``error`` of a computed copy.

    A plain number in an expression is a constant of the program: exact where the dtype can hold it, otherwise
    rounded.
    """

    __array_ufunc__ = None  # an ndarray on the left leaves the operation to this class

    def __init__(self, value: ArrayLike, error: ArrayLike = 0.0, arithmetic: Arithmetic = FLOAT32) -> None:
        self.value: Array = np.asarray(value, dtype=np.float64)
        bound = np.broadcast_to(np.asarray(error, dtype=np.float64), self.value.shape)
        # Also where either is not a number: what comes of infinities is not judged.
        self.error: Array = np.where(np.abs(self.value) + bound <= arithmetic.largest, bound, np.inf)
        self.arithmetic = arithmetic

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

    def __neg__(self) -> Bounded:
        return self._like(-self.value, self.error)

    def __getitem__(self, index: Any) -> Bounded:
        return self._like(self.value[index], self.error[index])

    def __matmul__(self, other: Bounded) -> Bounded:
        terms, unit = self.value.shape[-1], self.arithmetic.unit
        left, right = self._as_operand(), other._as_operand()
        passed = _passed_on(left, right, np.matmul)
        magnitude = np.abs(self.value) @ np.abs(other.value) + passed
        error = passed + gamma(terms, unit) * magnitude + terms * self.arithmetic.smallest
        return self._like(self.value @ other.value, error)

    @property
    def T(self) -> Bounded:  # noqa: N802 - as ndarray.T
        """The matrices transposed: the last two axes swapped."""
        return self._like(np.swapaxes(self.value, -1, -2), np.swapaxes(self.error, -1, -2))

    def sum(self, axes: int | tuple[int, ...], *, keep: bool = False) -> Bounded:
        """The sum over some axes, in any order; with ``keep`` they stay, of length 1."""
        value: Array = np.asarray(self.value.sum(axes, keepdims=keep))
        terms = self.value.size // max(value.size, 1)
        passed = self.error.sum(axes, keepdims=keep)
        total = np.abs(self.value).sum(axes, keepdims=keep) + passed
        error = passed + gamma(terms - 1, self.arithmetic.unit) * total + terms * self.arithmetic.smallest
        return self._like(value, error)

    def mean_of_matrix(self) -> Bounded:
        """The mean over the last two axes: a sum, then a division (or a product with the rounded 1 / n)."""
        size: int = self.value.shape[-1] * self.value.shape[-2]
        return self.sum((-1, -2)) * (1.0 / size)

    def sigmoid(self) -> Bounded:
        """1 / (1 + exp(-z)), element by element; its slope s (1 - s) is largest where z is nearest to zero."""
        nearest = np.maximum(np.abs(self.value) - self.error, 0.0)
        there = np.exp(-nearest) / (1.0 + np.exp(-nearest)) ** 2
        return self._function(1.0 / (1.0 + np.exp(-self.value)), self.error * there)

    def exp(self) -> Bounded:
        """The exponential; the error of its argument is a relative one of its result."""
        value = np.exp(self.value)
        return self._function(value, value * np.expm1(self.error))

    def tanh(self) -> Bounded:
        """The hyperbolic tangent; its slope 1 - tanh^2 is largest where z is nearest to zero."""
        nearest = np.maximum(np.abs(self.value) - self.error, 0.0)
        return self._function(np.tanh(self.value), self.error * (1.0 - np.tanh(nearest) ** 2))

    def relu(self) -> Bounded:
        """The larger of z and zero, without rounding; where z is surely negative, it is surely zero."""
        return self._like(np.maximum(self.value, 0.0), np.where(self.value + self.error > 0, self.error, 0.0))

    def where_positive(self, other: Bounded) -> Bounded:
        """This where ``other`` is positive, else zero: what relu passes back. Uncertain at its kink."""
        positive = other.value > 0
        certain = np.where(positive, self.error, 0.0)
        uncertain = ~(np.abs(other.value) > other.error) & (other.error > 0)  # also where it is not a number
        error = np.where(uncertain, np.abs(self.value) + self.error, certain)
        return self._like(np.where(positive, self.value, 0.0), error)

    def softmax(self) -> Bounded:
        """Each exp(z - m) over the sum of them in the last axis, m the largest z.

        Arguments that are off by e and by at most E in their row change the result by a factor of at most
        exp(e + E). Rounding z - m by u |z - m| does as much; then come the exponential, the sum and the division.
        """
        shifted, shares = self._shares()
        unit, own = self.arithmetic.unit, self.arithmetic.functions
        passed = shares * np.expm1(self.error + self.error.max(-1, keepdims=True))
        arguments = np.abs(shifted) + (shares * np.abs(shifted)).sum(-1, keepdims=True)
        rounding = np.expm1(unit * arguments + 2 * own) + gamma(shifted.shape[-1], unit)
        return self._like(shares, passed + rounding * (shares + passed) + self.arithmetic.smallest)

    def log_softmax(self) -> Bounded:
        """The logarithm of the softmax, also where that is tiny: z - m - ln(sum of exp(z - m)) over the last axis.

        Its slopes along a row are 1 - s and -s, so that it passes on at most e + E.
        """
        shifted, shares = self._shares()
        unit, own = self.arithmetic.unit, self.arithmetic.functions
        logarithm = np.log(np.exp(shifted).sum(-1, keepdims=True))
        passed = self.error + self.error.max(-1, keepdims=True)
        in_sum = own + unit * (shares * np.abs(shifted)).sum(-1, keepdims=True) + gamma(shifted.shape[-1], unit)
        value = shifted - logarithm
        rounding = unit * np.abs(shifted) + np.expm1(in_sum) + own * np.abs(logarithm) + unit * np.abs(value)
        return self._like(value, passed + rounding + unit * passed + self.arithmetic.smallest)

    def log_sigmoid(self) -> Bounded:
        """ln(1 / (1 + exp(-z))) = min(z, 0) - ln(1 + exp(-|z|)): two terms of one sign, so nothing cancels."""
        value = np.minimum(self.value, 0.0) - np.log1p(np.exp(-np.abs(self.value)))
        return self._function(value, self.error)

    def with_ones(self) -> Bounded:
        """The rows with an exact 1 appended, so that the last row of a parameter matrix is the bias."""
        ones = np.ones((*self.value.shape[:-1], 1))
        value = np.concatenate([self.value, ones], axis=-1)
        return self._like(value, np.concatenate([self.error, 0 * ones], axis=-1))

    def once_rounded(self) -> Bounded:
        """Stored numbers that may have been used before they were rounded. A stored zero counts as one."""
        unit, smallest = self.arithmetic.unit, self.arithmetic.smallest
        own = np.where(self.value == 0, 0.0, unit * (np.abs(self.value) + smallest))
        return self._like(self.value, self.error + own)

    def _shares(self) -> tuple[Array, Array]:
        shifted = self.value - self.value.max(-1, keepdims=True)
        powers = np.exp(shifted)
        return shifted, powers / powers.sum(-1, keepdims=True)

    def _as_operand(self) -> Bounded:
        """As a matrix product reads it: TF32 drops the lower bits."""
        operands = self.arithmetic.operands
        if not operands:
            return self
        return self._like(self.value, self.error + operands * (np.abs(self.value) + self.error))

    def _operand(self, other: Operand) -> Bounded:
        return other if isinstance(other, Bounded) else _number(float(other), self.arithmetic)

    def _rounded(self, value: Array, passed: Array) -> Bounded:
        own = self.arithmetic.unit * (np.abs(value) + passed) + self.arithmetic.smallest
        return self._like(value, passed + own)

    def _function(self, value: Array, passed: Array) -> Bounded:
        own = self.arithmetic.functions * (np.abs(value) + passed) + self.arithmetic.smallest
        return self._like(value, passed + own)

    def _like(self, value: Array, error: Array) -> Bounded:
        return Bounded(value, error, self.arithmetic)


def constant(value: ArrayLike, arithmetic: Arithmetic = FLOAT32) -> Bounded:
    """A number or array written in the program: exact where the dtype holds it, else off by one rounding."""
    exact = np.asarray(value, dtype=np.float64)
    rounding = arithmetic.unit * np.abs(exact) + arithmetic.smallest * (np.abs(exact) < arithmetic.smallest)
    return Bounded(exact, np.where(holds(arithmetic, exact), 0.0, rounding), arithmetic)


_number = lru_cache(maxsize=256)(constant)


def _passed_on(left: Bounded, right: Bounded, product: Callable[[Array, Array], Array]) -> Array:
    """What a product makes of the errors of its factors: |a| eb + ea (|b| + eb)."""
    return product(np.abs(left.value), right.error) + product(left.error, np.abs(right.value) + right.error)
