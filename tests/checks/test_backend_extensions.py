"""An extension that torch loads at its import, and over which the import fails."""

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.snapshot import Complaint, Distribution, Snapshot, TorchError, Unknown
from tests.builders import SITE, make_packages, make_runtime, make_snapshot, make_torch_distribution

TOLD = (
    "Failed to load the backend extension: torch_npu. You can disable extension auto-loading with "
    "TORCH_DEVICE_BACKEND_AUTOLOAD=0."
)
CHAIN = f"""Traceback (most recent call last):
  File "{SITE}/torch/__init__.py", line 3030, in _import_device_backends
    entrypoint = backend_extension.load()
  File "{SITE}/torch_npu/__init__.py", line 1, in <module>
    raise ImportError("libhccl.so: cannot open shared object file")
ImportError: libhccl.so: cannot open shared object file

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "{SITE}/torch/__init__.py", line 3034, in _import_device_backends
    raise RuntimeError(
RuntimeError: {TOLD}
"""


def failing(*requires: str) -> Snapshot:
    plugin = Distribution(name="torch-npu", version="2.1.0", metadata="", site=SITE, requires=requires)
    error = TorchError(type="RuntimeError", message=TOLD, traceback=CHAIN)
    return make_snapshot(
        taken_at="2026-11-25",
        packages=make_packages(make_torch_distribution(), plugin),
        torch=make_runtime(stage="import", version=None, error=error),
    )


def first(snapshot: Snapshot) -> Finding:
    return diagnose(snapshot, matrix.load()).findings[0]


def test_one_that_asks_for_another_torch_is_told_so() -> None:
    finding = first(failing("torch==2.1.0"))
    assert finding.code == "companion-mismatch"
    assert finding.cause.startswith("torch-npu 2.1.0 asks for torch==2.1.0, and torch 2.13.0+cpu is installed")


def test_one_that_lacks_a_library_is_told_so() -> None:
    finding = first(failing("torch>=2"))
    assert finding.code == "companion-mismatch"
    assert finding.cause.endswith("ImportError: libhccl.so: cannot open shared object file")


def test_torch_stays_and_starts_without_it() -> None:
    fix = first(failing()).fix
    assert fix is not None
    assert fix.commands == ("export TORCH_DEVICE_BACKEND_AUTOLOAD=0",)
    assert fix.pip == ()
    assert fix.steps[-1] == "where nothing here needs it: `/env/bin/python -m pip uninstall torch-npu`"


def test_torch_is_not_called_damaged() -> None:
    told = [one.code for one in diagnose(failing(), matrix.load()).findings]
    assert "torch-corrupt" not in told


def test_a_report_tells_it_by_its_words_alone() -> None:
    said = Complaint(source="python", text=f"RuntimeError: {TOLD}")
    unknown = {name: Unknown(why="not told") for name in ("target", "packages", "nvml", "cuda", "torch", "host")}
    finding = first(make_snapshot(pasted=True, complaints=(said,), **unknown))
    assert (finding.code, "torch_npu" in finding.summary) == ("companion-mismatch", True)
