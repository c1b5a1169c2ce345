"""The lecture's linear regression as fast as a device can do it, at the lecture's size and far beyond.

At the lecture's size a step is 24 multiplications and additions, and all of its time is what calling torch costs. The
lecture's loop makes some sixty calls a step, most of them in the data loader, autograd and the optimizer. Here it
takes three (``EpochSteps``): with the constant 1 beside the features the bias is a fourth weight, and

    R = Z W - Y                     one addmm
    M = 0.9 M + (2 / N) Z^T R       one addmm: the gradient is added to the fading momentum as it is computed
    W = W - 1e-4 M                  one add

are the sums that autograd and ``torch.optim.SGD`` compute. They go into memory that is there already (``out=`` and
in place), through bound methods, on views of the batches that are made once; inference mode spares the bookkeeping
of views and versions; the rows of an epoch are dealt out by one index_select instead of by fifteen Python calls.

At a large size all of its time is the reading of the data. Torch's operations would read it twice and write the
residuals between (``passes``); compiled into one loop (``one_pass``), each row is read once, and what it adds to the
gradient and the loss is summed up in registers. For that the data lies column by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from envkit_smoke import published, regression_reference

if TYPE_CHECKING:
    from torch import Tensor

FEATURES, OUTPUTS = 3, 2
COLUMNS = FEATURES + OUTPUTS
BLOCK_ROWS = 2**16  # of the reference: a few megabytes at a time


class EpochSteps:
    """The lecture's training, step for step: same batches, same sums, without a data loader.

    ``weights`` (4, 2) are those of the three features and the bias; ``momenta`` likewise. ``orders`` (epochs, 15) are
    the rows in the order of each epoch; after the last the first comes again.
    """

    def __init__(self, device: str, seed: int, epochs: int, dtype: torch.dtype = torch.float32) -> None:
        features, targets = (torch.tensor(part, dtype=dtype) for part in regression_reference.dataset())
        rows = torch.cat([features, torch.ones(len(features), 1, dtype=dtype), -targets], dim=1)
        self.rows = rows.to(device)
        self.orders = list(orders(len(rows), seed, epochs).to(device))
        self.weights, self.momenta = initial_state(seed, device, dtype)
        self._dealt = torch.empty_like(self.rows)
        self._residuals = torch.empty(published.BATCH_ROWS, OUTPUTS, dtype=dtype, device=device)
        self.batches = []
        for batch in torch.split(self._dealt, published.BATCH_ROWS):
            inputs, negated = batch[:, : FEATURES + 1], batch[:, FEATURES + 1 :]
            self.batches.append((inputs, inputs.t(), negated))

    def deal(self, epoch: int) -> None:
        """Put the rows of an epoch in their order."""
        torch.index_select(self.rows, 0, self.orders[epoch], out=self._dealt)

    def steps(self) -> Iterator[None]:
        """The five steps on the rows as they were dealt, one at a time."""
        weights, momenta, residuals = self.weights, self.momenta, self._residuals
        addmm, fade_and_add, add = torch.addmm, momenta.addmm_, weights.add_
        fade, gain, rate = published.MOMENTUM, 2.0 / residuals.numel(), -published.LEARNING_RATE
        for inputs, transposed, negated in self.batches:
            addmm(negated, inputs, weights, out=residuals)
            fade_and_add(transposed, residuals, beta=fade, alpha=gain)
            add(momenta, alpha=rate)
            yield

    def run(self) -> None:
        """All epochs."""
        for epoch in range(len(self.orders)):
            self.deal(epoch)
            for _ in self.steps():
                pass


def orders(rows: int, seed: int, epochs: int) -> Tensor:
    """The orders (epochs, rows) in which the lecture's data loader deals out the rows from this seed: asked of one."""
    generator = torch.Generator().manual_seed(seed)
    numbers = TensorDataset(torch.arange(rows))
    loader = DataLoader(numbers, batch_size=published.BATCH_ROWS, shuffle=True, generator=generator)
    return torch.stack([torch.cat([batch for (batch,) in loader]) for _ in range(epochs)])


def initial_state(seed: int, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The weights (4, 2) that ``nn.Linear(3, 2)`` starts from under this seed, and momenta of zero."""
    torch.manual_seed(seed)
    model = torch.nn.Linear(FEATURES, OUTPUTS, dtype=dtype)
    weights = torch.cat([model.weight.detach().t(), model.bias.detach()[None]]).contiguous().to(device)
    return weights, torch.zeros_like(weights)


def columns(rows: int, device: str, seed: int) -> Tensor:
    """Random data (5, rows) of which the last two rows are what the first three predict, with noise; float32.

    Features are uniform in (-1, 1): a well-conditioned problem, so that no step overflows however long it is timed.
    """
    generator = torch.Generator(device).manual_seed(seed)
    data = torch.rand(COLUMNS, rows, device=device, generator=generator)
    data.mul_(2).sub_(1)
    truth = torch.tensor([[0.5, -0.25, 1.0], [0.25, 0.75, -0.5]], device=device)
    noise = data[FEATURES:]
    for output, weights in enumerate(truth):  # one column at a time: no second copy of the data
        noise[output].mul_(0.01)
        for feature, weight in enumerate(weights.tolist()):
            noise[output].add_(data[feature], alpha=weight)
    return data


RATE = 0.1  # of descent on such data


def passes(data: Tensor, weights: Tensor, momenta: Tensor) -> Callable[[], object]:
    """A training step on all rows of ``data`` by torch's own operations; weights and momenta are (2, 4)."""
    features, targets = data[:FEATURES], data[FEATURES:]
    rows = data.shape[1]
    residuals = torch.empty(OUTPUTS, rows, dtype=data.dtype, device=data.device)
    slopes, bias = weights[:, :FEATURES], weights[:, FEATURES:]
    fading_slopes, fading_bias = momenta[:, :FEATURES], momenta[:, FEATURES]
    gain, transposed = 2.0 / (OUTPUTS * rows), features.t()

    def step() -> None:
        torch.addmm(targets, slopes, features, beta=-1, out=residuals)
        residuals.add_(bias)
        fading_slopes.addmm_(residuals, transposed, beta=published.MOMENTUM, alpha=gain)
        fading_bias.mul_(published.MOMENTUM).add_(residuals.sum(1), alpha=gain)
        weights.add_(momenta, alpha=-RATE)

    return step


def one_pass(data: Tensor, weights: Tensor, momenta: Tensor) -> Tensor:
    """A training step on all rows of ``data`` that reads each once when compiled; returns the loss before it.

    Written out output by output, since only sums over the same rows are joined into one loop. Weights and momenta are
    (2, 4) and are moved in place.
    """
    features = [data[index] for index in range(FEATURES)]
    sums = []
    squares = []
    for output in range(OUTPUTS):
        predicted = weights[output, FEATURES]
        for index, feature in enumerate(features):
            predicted = predicted + weights[output, index] * feature
        residual = predicted - data[FEATURES + output]
        sums += [(residual * feature).sum() for feature in features] + [residual.sum()]
        squares.append((residual * residual).sum())
    size = OUTPUTS * data.shape[1]
    gradient = torch.stack(sums).view(OUTPUTS, FEATURES + 1) * (2.0 / size)
    momenta.mul_(published.MOMENTUM).add_(gradient)
    weights.sub_(momenta, alpha=RATE)
    return (squares[0] + squares[1]) / size


def flops(rows: int) -> int:
    """Operations of a step, counted from the algorithm.

    Predictions and gradient take a multiplication and an addition each for every row, output and weight, the bias
    among them; a residual one subtraction.
    """
    return rows * OUTPUTS * (4 * (FEATURES + 1) + 1)


def traffic(rows: int, itemsize: int) -> int:
    """Bytes of a step, counted from the algorithm: every feature and target is read once."""
    return rows * COLUMNS * itemsize


def numpy_step(data: Any, weights: Any, momenta: Any) -> tuple[Any, Any]:
    """The step's weights and momenta (2, 4) in float64 by NumPy; data (5, rows)."""
    # Everything that the step asks of the data is in the products of its columns: W Z Z^T - Y Z^T with Z = (X, 1).
    products = column_products(data)
    inputs = [*range(FEATURES), COLUMNS]
    gradient = weights @ products[np.ix_(inputs, inputs)] - products[FEATURES:COLUMNS, inputs]
    momenta = published.MOMENTUM * momenta + gradient * (2.0 / (OUTPUTS * data.shape[1]))
    return weights - RATE * momenta, momenta


def column_products(data: Any) -> Any:
    """The sums (6, 6) over all rows of the products of the five columns and the constant 1, in float64, by blocks."""
    total = np.zeros((COLUMNS + 1, COLUMNS + 1))
    block = np.ones((COLUMNS + 1, BLOCK_ROWS))
    for begin in range(0, data.shape[1], BLOCK_ROWS):
        part = data[:, begin : begin + BLOCK_ROWS]
        held = block[:, : part.shape[1]]
        held[:COLUMNS] = part
        total += held @ held.T
    return total
