"""What a smoke run is asked for, as words for the command line of `smoke/`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

WORKLOADS = {
    "kernels": "single operations, judged to the bit: copies, products, sums, sigmoid, tanh, relu",
    "linear-regression": "the lecture's apples and oranges: 15 rows, 3 features, 2 targets, momentum descent",
    "backprop": "the textbook's 3-2-1 sigmoid network, or one of your own with --network",
}
"""The names that `smoke/` takes, each with what it is."""

DTYPES = {
    "float64": "53 bits: on most GPUs far slower",
    "float32": "24 bits",
    "tf32": "float32 whose products have 11 bits, on GPUs that have it",
    "bfloat16": "8 bits with the range of float32",
    "float16": "11 bits with a small range",
}

VARIANTS = {
    "eager": "torch.nn, DataLoader and torch.optim.SGD, as in the lecture",
    "functional": "the function behind torch.optim.SGD, without the class: starts a second sooner",
    "foreach": "the optimizer takes all parameters at once",
    "fused": "the optimizer is one kernel",
    "compile": "torch.compile, which needs a compiler or Triton",
    "cuda-graph": "the step as a recorded CUDA graph",
}


class Request(NamedTuple):
    """What to measure; empty and None stand for what the mode does. `budget` is seconds for speed on each device."""

    devices: Sequence[str] = ()
    workloads: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    variants: Sequence[str] = ()
    mode: str | None = None
    epochs: int | None = None
    seed: int | None = None
    budget: float | None = None
    memory: int | None = None
    network: str | None = None
    list_only: bool = False

    def arguments(self) -> list[str]:
        """Return the options of `smoke/` that say this."""
        return [*self._words(), *(["--list"] if self.list_only else [])]

    def _words(self) -> Iterator[str]:
        several = {
            "--device": self.devices,
            "--workload": self.workloads,
            "--dtype": self.dtypes,
            "--variant": self.variants,
        }
        for option, names in several.items():
            for name in names:
                yield from (option, name)
        single = {
            "--mode": self.mode,
            "--epochs": self.epochs,
            "--seed": self.seed,
            "--budget": None if self.budget is None else f"{self.budget:g}",
            "--memory": self.memory,
            "--network": self.network,
        }
        for option, value in single.items():
            if value is not None:
                yield from (option, str(value))
