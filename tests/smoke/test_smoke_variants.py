"""How a step can be run: compiled, captured in a graph, or neither; and what is said where it cannot be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from envkit_smoke import optimizers, torch_dtypes, variants, workload
from envkit_smoke.variants import Graphed, why_not_compiled
from envkit_smoke.workload import Task
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Recording(TorchDispatchMode):
    """What a CUDA graph is, on the CPU: the kernels that ran, and running them again on the same tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, kernel: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = kernel(*args, **(kwargs or {}))
        self.kernels.append((kernel, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Each kernel once more, its results put where they were."""
        with torch.no_grad():
            for kernel, args, kwargs, result in self.kernels:
                again = kernel(*args, **kwargs)
                if isinstance(result, torch.Tensor) and again.data_ptr() != result.data_ptr():
                    result.copy_(again)


class Stream:
    def wait_stream(self, other: Stream) -> None:
        pass


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """A stand-in for the part of ``torch.cuda`` that captures graphs; the graphs that were made."""
    made: list[Recording] = []

    def new() -> Recording:
        made.append(Recording())
        return made[-1]

    @contextmanager
    def within(one: Any) -> Iterator[None]:
        if isinstance(one, Recording):
            with one:
                yield
        else:
            yield

    stand_ins = {"CUDAGraph": new, "graph": within, "stream": within, "device": within}
    for name, stand_in in {**stand_ins, "Stream": Stream, "current_stream": Stream}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return made


@pytest.mark.parametrize("name", workload.TRAININGS)
def test_a_training_replayed_from_a_graph_passes_every_check(name: str, graphs: list[Recording]) -> None:
    one = workload.load([name])[name]
    report = one.judge(one.observe(Task("cpu", "float32", "cuda-graph", 0, 6, lambda: None)))
    assert [check.detail for check in report.checks if not check.passed] == []
    assert len(graphs) == 1


@pytest.mark.parametrize("name", workload.TRAININGS)
def test_a_training_replayed_from_a_graph_ends_with_the_bits_of_one_that_is_not(
    name: str, graphs: list[Recording]
) -> None:
    one = workload.load([name])[name]
    runs = [one.observe(Task("cpu", "float32", how, 0, 6, lambda: None)) for how in ("functional", "cuda-graph")]
    assert runs[0].observed_bits == runs[1].observed_bits


def test_a_capture_leaves_the_state_as_it_was(graphs: list[Recording]) -> None:
    parameter, extra = torch.ones(2), torch.zeros(2)
    state = [parameter]

    def work(inputs: torch.Tensor) -> torch.Tensor:
        if len(state) == 1:
            state.append(extra)  # as an optimizer makes its momenta in its first step
        extra.add_(inputs)
        return parameter.add_(inputs)

    graphed = Graphed(work, lambda: state)
    assert graphed(torch.tensor([1.0, 2.0])).tolist() == [2.0, 3.0]
    assert graphed(torch.tensor([10.0, 20.0])).tolist() == [12.0, 23.0]
    assert extra.tolist() == [11.0, 22.0]


def test_without_a_compiler_the_variant_is_skipped_and_the_reason_says_so(run_smoke: Any, tmp_path: Path) -> None:
    done = run_smoke(
        *("--device", "cpu", "--variant", "compile", "--workload", "linear-regression", "--mode", "quick"),
        CXX="/nonexistent/c++",
        TORCHINDUCTOR_CACHE_DIR=str(tmp_path),
    )
    assert done.code == 0
    (skip,) = done.named("skip")
    assert (skip["workload"], skip["variant"], skip["kind"]) == ("linear-regression", "compile", "compiler-unsupported")
    assert skip["reason"].startswith("there is no C++ compiler that torch.compile can run (set CXX to one): ")


def test_a_compiled_training_passes_every_check(run_smoke: Any, tmp_path: Path) -> None:
    """Or is skipped, on a machine without a compiler."""
    done = run_smoke(
        *("--device", "cpu", "--variant", "compile", "--workload", "backprop", "--mode", "quick"),
        TORCHINDUCTOR_CACHE_DIR=str(tmp_path),
    )
    assert done.code == 0
    skipped = {skip["kind"] for skip in done.named("skip")}
    assert skipped == {"compiler-unsupported"} or [one["passed"] for one in done.named("result")] == [True]
    assert (list(tmp_path.rglob("*.so")) == []) == bool(skipped), "what is not skipped was compiled"


class InductorError(RuntimeError):
    __module__ = "torch._inductor.exc"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(
            InductorError("Cannot find a working triton installation"),
            "there is no Triton, which torch.compile needs on a GPU: InductorError: Cannot find a working triton",
            id="triton",
        ),
        pytest.param(
            InductorError("C++ compile error\n fatal error: Python.h: No such file or directory"),
            "there are no header files of this Python (Python.h)",
            id="headers",
        ),
        pytest.param(
            RuntimeError("Dynamo is not supported on Python 3.15+"),
            "there is no torch.compile for this Python in this torch: RuntimeError: Dynamo is not supported",
            id="python",
        ),
        pytest.param(InductorError("boom"), "torch.compile does not work here: InductorError: boom", id="anything"),
    ],
)
def test_the_reason_says_what_the_compiler_lacks(error: Exception, reason: str) -> None:
    assert (why_not_compiled(error) or "").startswith(reason)


def test_the_cause_of_a_wrapped_error_is_told() -> None:
    wrapped = InductorError("backend 'inductor' raised")
    wrapped.__cause__ = FileNotFoundError("no such file: 'g++'")
    assert (why_not_compiled(wrapped) or "").endswith("FileNotFoundError: no such file: 'g++'")


def test_an_error_of_the_work_itself_is_not_the_compiler_s() -> None:
    assert why_not_compiled(RuntimeError("CUDA error: an illegal memory access was encountered")) is None


def test_an_sgd_without_the_argument_has_no_such_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    class OldSGD:
        def __init__(self, params: Any, lr: float, *, foreach: bool | None = None) -> None:
            pass

    monkeypatch.setattr(torch.optim, "SGD", OldSGD)
    assert optimizers.why_lacking("foreach") is None
    assert (optimizers.why_lacking("fused") or "").endswith("has no fused update")


def test_a_torch_without_compile_has_no_such_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch, "compile")
    assert "has no torch.compile" in (variants.why_lacking("compile", "cpu") or "")


@pytest.mark.parametrize(
    ("capability", "hip", "lacking"),
    [
        pytest.param((9, 0), None, False, id="Hopper"),
        pytest.param((7, 5), None, True, id="Turing"),
        pytest.param((9, 4), "6.2", True, id="AMD"),
    ],
)
def test_tf32_is_of_nvidia_gpus_from_ampere(
    capability: tuple[int, int], hip: str | None, *, lacking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert (torch_dtypes.why_lacking("tf32", "cuda:0") is not None) == lacking


def test_tf32_is_on_for_its_own_work_only() -> None:
    before = torch.get_float32_matmul_precision()
    with torch_dtypes.products("float32"):
        assert torch.get_float32_matmul_precision() == before
    with torch_dtypes.products("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    ("error", "dtype", "lacking"),
    [
        (RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'"), "float16", True),
        (
            TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64"),
            "float64",
            True,
        ),
        (NotImplementedError("Could not run 'aten::mm'"), "bfloat16", True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "bfloat16", False),
        (RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'"), "float32", False),
    ],
)
def test_a_dtype_is_lacking_where_torch_says_so(error: Exception, dtype: str, *, lacking: bool) -> None:
    assert torch_dtypes.is_lacking(error, dtype) == lacking
