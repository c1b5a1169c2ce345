"""The lecture's backpropagation through one hidden layer, as fast as a device can do it, at any width.

All of a large step's time should be its five matrix products: two forward, two for the gradients, one that passes the
error back. So everything else is done in the memory that a product has just written, once over it: the sigmoid in
place, the error's product with the sigmoid's slope by the one kernel that autograd would call, and the updates inside
the products themselves (W + rate A^T delta is one addmm). Nothing is allocated in a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

PRODUCTS = 5


class Layers:
    """A network of ``width`` inputs, hidden units and outputs each, on ``batch`` samples; weights (in, out).

    The formulas are the lecture's, with delta pointing downhill; biases are rows of their own.
    """

    def __init__(self, width: int, batch: int, device: str, dtype: torch.dtype, seed: int, windows: int = 1) -> None:
        generator = torch.Generator(device).manual_seed(seed)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, device=device, generator=generator).mul_(2).sub_(1).to(dtype)

        scale = width**-0.5  # keeps net inputs of the order of one, where the sigmoid bends
        self.inputs = [uniform(batch, width) for _ in range(windows)]
        self.targets = [uniform(batch, width).mul_(0.4).add_(0.5) for _ in range(windows)]
        self.weights = [uniform(width, width).mul_(scale) for _ in range(2)]
        self.biases = [uniform(width).mul_(scale) for _ in range(2)]
        self.hidden, self.output, self.error = (torch.empty(batch, width, device=device, dtype=dtype) for _ in range(3))
        self.rate = 0.1 / batch

    def step_on(self, inputs: Tensor, targets: Tensor) -> None:
        """Forward, backward and update on these samples."""
        (first, second), (first_bias, second_bias) = self.weights, self.biases
        hidden, output, error, rate = self.hidden, self.output, self.error, self.rate
        torch.addmm(first_bias, inputs, first, out=hidden).sigmoid_()
        torch.addmm(second_bias, hidden, second, out=output).sigmoid_()
        # delta of the outputs, (y - a) a (1 - a), in the place of the outputs
        torch.sub(targets, output, out=error)
        delta = _times_slope(error, output)
        torch.mm(delta, second.t(), out=output)
        second.addmm_(hidden.t(), delta, alpha=rate)
        second_bias.add_(delta.sum(0), alpha=rate)
        delta = _times_slope(output, hidden)
        first.addmm_(inputs.t(), delta, alpha=rate)
        first_bias.add_(delta.sum(0), alpha=rate)

    def parameters(self) -> list[Tensor]:
        """Weights and biases, layer by layer."""
        return [part for pair in zip(self.weights, self.biases) for part in pair]


def _times_slope(error: Tensor, activation: Tensor) -> Tensor:
    """``error`` times a (1 - a), in the place of ``error``."""
    kernel = torch.ops.aten.sigmoid_backward.grad_input
    result: Tensor = kernel(error, activation, grad_input=error)
    return result


def flops(width: int, batch: int) -> int:
    """Of a step, counted from the algorithm: the products' multiplications and additions."""
    return PRODUCTS * 2 * batch * width * width


def traffic(width: int, batch: int, itemsize: int) -> int:
    """Bytes of a step, counted from the algorithm: samples are read, weights read and written once."""
    return (2 * batch * width + 4 * width * width) * itemsize
