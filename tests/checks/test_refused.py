"""Facts in, diagnosis out: what a driver, a folder or Python itself refuses, as a live machine shows it."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.snapshot import (
    Absent,
    Backend,
    Distribution,
    FileDamage,
    ModuleOrigin,
    Snapshot,
    TorchDevice,
    TorchError,
    Unknown,
)
from tests.builders import (
    SITE,
    make_cuda,
    make_cuda_runtime,
    make_gpu_snapshot,
    make_host,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
)

_NO_CUDA = make_cuda_runtime(
    backends=(Backend(name="cuda", built=True, available=False, error="No CUDA GPUs are available"),), devices=()
)


def findings(snapshot: Snapshot) -> tuple[Finding, ...]:
    return diagnose(snapshot, matrix.load()).findings


@pytest.mark.parametrize(
    ("code", "diagnosis"),
    [(2, "gpu-memory-full"), (46, "gpu-exclusive"), (214, "gpu-memory-errors"), (220, "gpu-memory-errors")],
)
def test_what_cuinit_answers_is_a_fact_of_what_it_points_to(code: int, diagnosis: str) -> None:
    first = findings(make_gpu_snapshot(cuda=make_cuda(init_error=code, devices=None), torch=_NO_CUDA))[0]
    assert first.code == diagnosis
    assert any(fact.value.startswith(f"{code} ") for fact in first.facts)


@pytest.mark.parametrize(("code", "diagnosis"), [(15, "gpu-lost"), (19, "gpu-exclusive"), (14, "gpu-memory-errors")])
def test_what_nvmlinit_answers_is_a_fact_of_what_it_points_to(code: int, diagnosis: str) -> None:
    nothing = make_cuda(init_error=100, devices=None)
    first = findings(make_gpu_snapshot(nvml=make_nvml(error=code, devices=None), cuda=nothing, torch=_NO_CUDA))[0]
    assert first.code == diagnosis
    assert any(fact.value.startswith(f"{code} ") for fact in first.facts)


@pytest.mark.parametrize("answer", [make_nvml(devices=()), make_nvml(error=28, devices=None)], ids=["none", "28"])
def test_a_driver_that_finds_no_gpu_in_a_machine_without_one_is_no_fault(answer: object) -> None:
    snapshot = make_snapshot(nvml=answer, cuda=make_cuda(init_error=100, devices=None), torch=_NO_CUDA)
    assert [one.code for one in findings(snapshot)] == ["gpu-absent"]


def test_a_driver_that_finds_no_gpu_though_the_bus_shows_one_has_lost_it() -> None:
    nothing = make_cuda(init_error=100, devices=None)
    snapshot = make_gpu_snapshot(nvml=make_nvml(error=28, devices=None), cuda=nothing, torch=_NO_CUDA)
    assert findings(snapshot)[0].code == "gpu-lost"


_NO_LIBRARY = Unknown(
    why="/env/bin/python gave no answer: exit code 1: ModuleNotFoundError: No module named 'encodings'"
)


@pytest.mark.parametrize(
    ("variables", "command"),
    [({"PYTHONHOME": "/opt/other"}, "unset PYTHONHOME"), ({}, "python3 -m venv .venv-new")],
    ids=["PYTHONHOME", "moved"],
)
def test_a_python_without_its_standard_library_is_venv_broken(variables: dict[str, str], command: str) -> None:
    snapshot = make_snapshot(
        host=make_host(variables=variables), target=_NO_LIBRARY, packages=_NO_LIBRARY, torch=_NO_LIBRARY
    )
    first = findings(snapshot)[0]
    assert (first.code, first.fix and first.fix.commands) == ("venv-broken", (command,))


def test_an_interpreter_that_ends_for_another_reason_is_not() -> None:
    silent = Unknown(why="/env/bin/python gave no answer: exit code 1: LookupError: unknown encoding: odd")
    snapshot = make_snapshot(target=silent, packages=silent, torch=silent)
    assert "venv-broken" not in [one.code for one in findings(snapshot)]


def test_a_folder_that_may_not_be_read_is_told_where_torch_is_not_found() -> None:
    packages = make_packages(Distribution(name="pip", version="26.3", metadata="", site="/a"), modules=())
    closed = make_packages(*packages.distributions, modules=(), unreadable=(SITE,))
    nothing = Absent(why="No module named 'torch'")
    first = findings(make_snapshot(packages=closed, torch=nothing))[0]
    assert (first.code, first.fix and first.fix.commands) == ("torch-missing", (f"chmod -R a+rX {SITE}",))
    assert "pip" in " ".join(findings(make_snapshot(packages=packages, torch=nothing))[0].fix.commands)  # type: ignore[union-attr]


_CLOSED = "torch/a cannot be seen: Permission denied"


@pytest.mark.parametrize(
    "snapshot",
    [
        make_snapshot(
            packages=make_packages(
                make_torch_distribution(damage=FileDamage(entries=9, missing=1, altered=0, examples=(_CLOSED,)))
            )
        ),
        make_snapshot(
            torch=make_runtime(
                version=None,
                stage="import",
                devices=(),
                backends=(),
                error=TorchError(type="PermissionError", message="[Errno 13] Permission denied: 'version.py'"),
            )
        ),
    ],
    ids=["seen from outside", "on import"],
)
def test_files_of_torch_that_may_not_be_read_are_opened_not_installed_again(snapshot: Snapshot) -> None:
    first = findings(snapshot)[0]
    assert (first.code, first.fix and first.fix.commands) == ("torch-corrupt", (f"chmod -R a+rX {SITE}",))


def test_an_empty_record_is_a_missing_one() -> None:
    empty = make_torch_distribution(damage=FileDamage(entries=0, missing=0, altered=0, examples=()))
    first = findings(make_snapshot(packages=make_packages(empty)))[0]
    assert (first.code, first.severity.value) == ("torch-corrupt", "warning")


def test_what_a_local_torch_cannot_do_is_not_said_of_the_installed_one() -> None:
    own = ModuleOrigin(
        name="torch", origin="/project/torch.py", entry="/project", way_in="current-folder", otherwise=f"{SITE}/torch"
    )
    told = "AttributeError: module 'torch' has no attribute 'arange'"
    live = make_runtime(
        version=None,
        devices=(TorchDevice(device="cpu", works=False, error=told),),
        backends=(Backend(name="cuda", error="AttributeError: module 'torch' has no attribute 'version'"),),
    )
    snapshot = make_snapshot(packages=make_packages(make_torch_distribution(), modules=(own,)), torch=live)
    codes = [one.code for one in findings(snapshot)]
    assert codes[0] == "module-shadowed"
    assert "torch-corrupt" not in codes


def test_what_the_import_of_torch_alone_says_is_said_of_no_companion() -> None:
    error = TorchError(type="RuntimeError", message="operator torchvision::nms does not exist")
    live = make_runtime(version=None, stage="import", devices=(), backends=(), error=error)
    assert findings(make_snapshot(torch=live))[0].code == "companion-mismatch"  # a report: whatever was imported
    assert findings(make_snapshot(torch=live, taken_at="2026-01-01T00:00:00+00:00"))[0].code == "torch-corrupt"
