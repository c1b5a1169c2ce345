"""The ways to run a training step: as it stands, compiled by torch.compile, or captured in a CUDA graph."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import torch

from envkit_smoke import optimizers

Work = Callable[..., Any]
WARMUP_CALLS = 3  # before a capture, as torch's notes on CUDA graphs have it


class CompilerMissingError(Exception):
    """torch.compile cannot work here; the text says what is missing."""


def why_lacking(variant: str, device: str) -> str | None:
    """Why this torch or this device has no such variant, as far as that is known without trying it."""
    if variant == "compile" and not hasattr(torch, "compile"):
        return f"torch {torch.__version__} has no torch.compile, which came with 2.0"
    if variant == "cuda-graph" and not device.startswith("cuda"):
        return f"CUDA graphs are of CUDA GPUs, which {device} is not"
    return optimizers.why_lacking(variant)


def is_lacking(error: BaseException, variant: str) -> bool:
    """Whether this error, raised on trying, is torch's word that the fused update is not for this device."""
    return variant == "fused" and "fused" in str(error)


def prepared(variant: str, work: Work, state: Callable[[], list[torch.Tensor]]) -> Work:
    """The work as the variant runs it. ``state`` gives the tensors that it changes in place."""
    if variant == "compile":
        return Compiled(work)
    if variant == "cuda-graph":
        return Graphed(work, state)
    return work


class Compiled:
    """The work compiled by torch.compile at its first call, and for each size anew where ``dynamic`` is False."""

    def __init__(self, work: Work, *, dynamic: bool | None = None) -> None:
        if hasattr(torch, "_dynamo"):  # what was compiled before counts against its limit, beyond which it runs eagerly
            torch._dynamo.reset()  # noqa: SLF001 - as torch's own documentation has it
        self._work = torch.compile(work, dynamic=dynamic)

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """The work's result. Raises CompilerMissingError where there is no compiler or what it needs."""
        try:
            return self._work(*inputs)
        except Exception as error:
            reason = why_not_compiled(error)
            if reason is None:
                raise
            raise CompilerMissingError(reason) from error


class Graphed:
    """The work captured in a CUDA graph at the first call, and replayed at every one.

    A capture needs some calls before it, which change the state: it is put back as it was. Momenta that were not
    there before are zero then, from which the next step makes the same as from none (0.9 * 0 + g = g).
    """

    def __init__(self, work: Work, state: Callable[[], list[torch.Tensor]]) -> None:
        self._work = work
        self._state = state
        self._inputs: tuple[torch.Tensor, ...] = ()
        self._graph: Any = None
        self._outputs: Any = None

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """The work's result, in tensors that the next call overwrites."""
        if self._graph is None:
            self._capture(inputs)
        with torch.no_grad():
            for held, given in zip(self._inputs, inputs):
                held.copy_(given)
        self._graph.replay()
        return self._outputs

    def _capture(self, inputs: tuple[torch.Tensor, ...]) -> None:
        device = self._state()[0].device
        self._inputs = tuple(one.detach().clone() for one in inputs)
        before = [tensor.detach().clone() for tensor in self._state()]
        with torch.cuda.device(device):
            side: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARMUP_CALLS):
                    self._work(*self._inputs)
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._outputs = self._work(*self._inputs)
        with torch.no_grad():
            for index, tensor in enumerate(self._state()):
                if index < len(before):
                    tensor.copy_(before[index])
                else:
                    tensor.zero_()


COMPILER_MODULES = ("torch._dynamo", "torch._inductor", "torch._functorch", "triton")

# What the compilers' errors say, and what that means.
MISSING = (
    ("triton", "there is no Triton, which torch.compile needs on a GPU"),
    ("python.h", "there are no header files of this Python (Python.h), against which torch.compile builds"),
    ("omp.h", "there are no header files of OpenMP (omp.h), against which torch.compile builds"),
    ("dynamo is not supported", "there is no torch.compile for this Python in this torch"),
    ("not supported on python", "there is no torch.compile for this Python in this torch"),
    ("not supported on windows", "there is no torch.compile for Windows in this torch"),
    ("compiler", "there is no C++ compiler that torch.compile can run (set CXX to one)"),
)


def why_not_compiled(error: BaseException) -> str | None:
    """What torch.compile lacks, if this is an error of compiling; None if it is one of the work itself."""
    chain = list(_chain(error))
    if not any(_is_of_compiler(one) for one in chain):
        return None
    text = " ".join(str(chain[-1]).split())
    lower = " ".join(f"{type(one).__name__} {one}" for one in chain).lower()
    missing = next((what for sign, what in MISSING if sign in lower), "torch.compile does not work here")
    return f"{missing}: {type(chain[-1]).__name__}: {text[:500]}"


def _is_of_compiler(error: BaseException) -> bool:
    home = type(error).__module__ or ""
    known = home.startswith(COMPILER_MODULES) or isinstance(error, (ImportError, OSError))
    return known or "torch.compile" in str(error) or "Dynamo is not supported" in str(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, the first cause last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
