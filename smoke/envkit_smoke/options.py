"""What the command line asked for, and what each mode does where it asked for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")  # tf32: float32 with products of 11 bits
HALF_DTYPES = ("bfloat16", "float16")
VARIANTS = ("eager", "functional", "foreach", "fused", "compile", "cuda-graph")


@dataclass(frozen=True)
class Mode:
    """What is measured: dtypes and variants as far as a device has them; epochs; seconds for speed on each."""

    dtypes: Sequence[str]
    variants: Sequence[str]
    epochs: int
    budget: float


LECTURE_EPOCHS = 100

MODES = {
    # The functional optimizer spares the import of torch._dynamo, a second or more. Every step is judged by itself, so
    # that few of them prove as much of each operation.
    "quick": Mode(("float32",), ("functional",), 4, 0.0),
    "usual": Mode(DTYPES, ("eager", "foreach", "fused"), LECTURE_EPOCHS, 30.0),
    "full": Mode(DTYPES, VARIANTS, LECTURE_EPOCHS, 120.0),
}


@dataclass(frozen=True)
class Options:
    """What is to be done; no device means every one that is there.

    ``dtypes`` and ``variants`` are as wanted: a device without one of them is skipped there, and that is told
    where ``explicit`` names it. ``budget`` are seconds for the measurements of speed on each device, 0 for none;
    ``memory`` bytes that they may use there, None for half of what is free. ``network`` is the path of a JSON
    network that backprop trains instead of the textbook's. ``distributed`` makes this process one of torchrun's
    ranks, which gives the others up when none has moved for ``patience`` seconds.
    """

    devices: Sequence[str]
    workloads: Sequence[str]
    dtypes: Sequence[str]
    variants: Sequence[str]
    explicit: frozenset[str]
    mode: str
    epochs: int
    seed: int
    budget: float
    memory: int | None
    network: str | None
    list_only: bool
    distributed: bool = False
    patience: float = 60.0

    def trainings(self) -> list[tuple[str, str]]:
        """The dtypes and variants that go together. A fused update in 16 bits is for the full mode, or to be named.

        Few use it, and on CPUs it is wrong in torch 2.13: who does not ask for it should not be told of a failure.
        """
        pairs = [(dtype, variant) for dtype in self.dtypes for variant in self.variants]
        seldom = [(dtype, "fused") for dtype in HALF_DTYPES if not {dtype, "fused"} & self.explicit]
        return [pair for pair in pairs if self.mode == "full" or pair not in seldom]
