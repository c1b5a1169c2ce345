"""Facts in, diagnosis out: one builder call and one assertion a case."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import CHECKS, diagnose
from envkit.findings import Diagnosis, Verdict
from envkit.snapshot import (
    Absent,
    Backend,
    Distribution,
    EnvironmentKind,
    ModuleOrigin,
    ProbeOutcome,
    ProbeRun,
    RunEnd,
    Snapshot,
    TorchError,
    Unknown,
    decode,
    encode,
)
from tests.builders import (
    SITE,
    make_cuda,
    make_cuda_runtime,
    make_gpu_snapshot,
    make_host,
    make_interpreter,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
    nvidia_pci,
)


def diagnosis(snapshot: Snapshot) -> Diagnosis:
    return diagnose(snapshot, matrix.load())


def _first_command(snapshot: Snapshot) -> str:
    fix = diagnosis(snapshot).findings[0].fix
    assert fix is not None
    return fix.commands[0]


def codes(snapshot: Snapshot) -> list[str]:
    return [finding.code for finding in diagnosis(snapshot).findings]


NOTHING = make_packages(Distribution(name="pip", version="26.3", metadata="", site=SITE), modules=())
NO_TORCH: dict[str, Any] = {"packages": NOTHING, "torch": Absent(why="No module named 'torch'")}

FIRST_CODES = [
    pytest.param(make_snapshot(), "gpu-absent", id="CPU only, and that is right"),
    pytest.param(make_gpu_snapshot(), "healthy", id="two GPUs at work"),
    pytest.param(make_snapshot(**NO_TORCH), "torch-missing", id="no torch"),
    pytest.param(
        make_snapshot(target=make_interpreter(version="3.8.20"), **NO_TORCH),
        "python-unsupported",
        id="Python 3.8",
    ),
    pytest.param(
        make_snapshot(target=make_interpreter(version="3.99.0"), **NO_TORCH),
        "python-unsupported",
        id="Python too new",
    ),
    pytest.param(
        make_snapshot(target=make_interpreter(implementation="pypy"), **NO_TORCH),
        "python-unsupported",
        id="PyPy",
    ),
    pytest.param(make_snapshot(target=make_interpreter(bits=32), **NO_TORCH), "python-32bit", id="32 bit"),
    pytest.param(make_snapshot(host=make_host(libc="musl 1.2"), **NO_TORCH), "platform-no-wheel", id="musl"),
    pytest.param(make_snapshot(host=make_host(gpus=(nvidia_pci(),))), "driver-missing", id="GPU on the bus, no driver"),
    pytest.param(
        make_snapshot(host=make_host(gpus=(nvidia_pci(),), container="docker", kernel_module_version="560.35.03")),
        "container-no-gpu",
        id="container without the GPU runtime",
    ),
    pytest.param(
        make_gpu_snapshot(
            cuda=make_cuda(init_error=100, devices=None),
            host=make_host(variables={"CUDA_VISIBLE_DEVICES": ""}),
        ),
        "gpu-hidden",
        id="hidden",
    ),
    pytest.param(
        make_gpu_snapshot(packages=make_packages(), torch=make_runtime()),
        "torch-cpu-build",
        id="CPU build, GPU ready",
    ),
    pytest.param(
        make_gpu_snapshot(packages=make_packages(), torch=Unknown(why="", outcome=ProbeOutcome.SKIPPED)),
        "torch-cpu-build",
        id="CPU build seen from disk alone",
    ),
    pytest.param(
        make_gpu_snapshot(nvml=make_nvml(driver_version="390.157"), torch=make_cuda_runtime("11.8")),
        "driver-too-old",
        id="390 with CUDA 11.8",
    ),
    pytest.param(
        make_gpu_snapshot(nvml=make_nvml(driver_version="470.57"), torch=make_cuda_runtime("11.8")),
        "healthy",
        id="470 runs 11.8 by minor-version compatibility",
    ),
    pytest.param(
        make_gpu_snapshot(nvml=Absent(why=""), host=make_host(), cuda=make_cuda(cuda_version="11.4")),
        "driver-too-old",
        id="libcuda alone tells its age",
    ),
    pytest.param(
        make_snapshot(
            torch=make_runtime(
                end=RunEnd.FINISHED,
                stage="import",
                version=None,
                error=TorchError(type="ImportError", message="libc10.so: undefined symbol"),
            )
        ),
        "torch-corrupt",
        id="import error",
    ),
]


@pytest.mark.parametrize(("snapshot", "code"), FIRST_CODES)
def test_the_root_cause_is_told_first(snapshot: Snapshot, code: str) -> None:
    assert codes(snapshot)[0] == code


@pytest.mark.parametrize(("snapshot", "code"), FIRST_CODES)
def test_a_diagnosis_outlives_a_trip_through_a_file(snapshot: Snapshot, code: str) -> None:
    assert diagnosis(decode(encode(snapshot))) == diagnosis(snapshot), code


@pytest.mark.parametrize(("snapshot", "code"), FIRST_CODES)
def test_every_error_states_facts_and_a_way_out(snapshot: Snapshot, code: str) -> None:
    for finding in diagnosis(snapshot).findings:
        if finding.severity.value == "error":
            assert finding.facts, code
            assert finding.fix, code
            assert finding.fix.commands or finding.fix.steps or finding.fix.summary, code


def test_a_cpu_build_with_a_driver_too_old_for_anything_is_not_two_equals() -> None:
    broken = make_gpu_snapshot(
        packages=make_packages(), torch=make_runtime(), cuda=make_cuda(init_error=999, devices=None)
    )
    assert codes(broken) == ["driver-init-failed"]


def test_a_consequence_stands_right_behind_its_cause() -> None:
    found = diagnosis(make_snapshot(target=make_interpreter(version="3.8.20"), **NO_TORCH)).findings
    assert [finding.code for finding in found][:2] == ["python-unsupported", "torch-missing"]
    assert found[0].explains == ("torch-missing",)


def test_what_is_unknown_is_neither_absent_nor_healthy() -> None:
    hung = ProbeRun(name="nvml", outcome=ProbeOutcome.TIMED_OUT, seconds=20.0, detail="timed out")
    answer = diagnosis(make_snapshot(nvml=Unknown(why="timed out"), probes=(hung,)))
    assert answer.verdict is Verdict.INCOMPLETE
    assert answer.findings == ()
    assert answer.incomplete == ("nvml: timed out",)


def test_an_imported_torch_is_supported_whatever_the_table_says() -> None:
    assert codes(make_snapshot(target=make_interpreter(version="3.99.0"))) == ["gpu-absent"]


def test_a_torch_that_a_later_release_replaced_is_no_fault_of_python() -> None:
    assert codes(make_snapshot(target=make_interpreter(version="3.15.0"), **NO_TORCH))[0] == "torch-missing"


def test_an_installed_torch_on_pythonpath_with_its_metadata_shadows_nothing() -> None:
    module = "/opt/modules/torch"
    packages = make_packages(
        make_torch_distribution(site="/opt/modules"),
        modules=(ModuleOrigin(name="torch", origin=f"{module}/__init__.py", entry="/opt/modules"),),
    )
    snapshot = make_snapshot(packages=packages, host=make_host(variables={"PYTHONPATH": "/opt/modules"}))
    assert codes(snapshot) == ["gpu-absent"]


def test_conda_s_own_dist_info_is_no_second_torch() -> None:
    conda = make_torch_distribution(
        name="pytorch",
        version="2.5.1",
        installer="conda",
        metadata="/env/conda-meta/pytorch-2.5.1-0.json",
        site="/env",
    )
    same = make_torch_distribution(version="2.5.1", installer="conda")
    assert codes(make_snapshot(packages=make_packages(conda, same))) == ["gpu-absent"]


def test_pip_over_conda_is_torch_duplicate() -> None:
    conda = make_torch_distribution(
        name="pytorch",
        version="2.5.1",
        installer="conda",
        metadata="/env/conda-meta/pytorch-2.5.1-0.json",
        site="/env",
    )
    assert codes(make_snapshot(packages=make_packages(conda, make_torch_distribution())))[0] == "torch-duplicate"


def test_the_fix_is_quoted_for_the_user_s_shell() -> None:
    spaced = make_interpreter(executable="/my env/bin/python")
    assert _first_command(make_snapshot(target=spaced, **NO_TORCH)).startswith("'/my env/bin/python' -m pip install")
    windows = make_host(os="windows", libc="")
    target = make_interpreter(executable=r"C:\My Env\Scripts\python.exe")
    assert _first_command(make_snapshot(host=windows, target=target, **NO_TORCH)).startswith(
        r"& 'C:\My Env\Scripts\python.exe' '-m' 'pip' 'install'"
    )


def test_the_fix_for_uv_s_environment_uses_uv() -> None:
    target = make_interpreter(kind=EnvironmentKind.UV)
    assert _first_command(make_snapshot(target=target, **NO_TORCH)).startswith(
        "uv pip install --python /env/bin/python"
    )


def test_the_fix_for_a_managed_python_is_an_environment() -> None:
    target = make_interpreter(kind=EnvironmentKind.SYSTEM, externally_managed=True)
    assert _first_command(make_snapshot(target=target, **NO_TORCH)) == "envkit create --apply .venv"


def test_torch_s_own_words_are_kept_when_only_torch_fails() -> None:
    told = make_cuda_runtime(
        backends=(Backend(name="cuda", built=True, available=False, device_count=0, error="planted"),)
    )
    finding = diagnosis(make_gpu_snapshot(torch=told)).findings[0]
    assert finding.code == "driver-init-failed"
    assert "planted" in finding.cause


@pytest.mark.parametrize(
    ("host", "nvml", "expected"),
    [
        pytest.param(make_host(), make_nvml(driver_version="470.57"), (True, False), id="470 runs 11.8 only"),
        pytest.param(make_host(), make_nvml(driver_version="525.60.13"), (True, True), id="525 runs both"),
        pytest.param(make_host(), make_nvml(driver_version="390.157"), (False, False), id="390 runs neither"),
        pytest.param(make_host(), Absent(why=""), (False, False), id="no GPU"),
        pytest.param(make_host(gpus=None), Absent(why=""), (None, None), id="nothing known"),
        pytest.param(make_host(os="macos", arch="arm64", libc=""), Absent(why=""), (False, False), id="macOS"),
    ],
)
def test_cuda_11_8_and_12_1_are_always_stated(host: Any, nvml: Any, expected: tuple[bool | None, bool | None]) -> None:
    stated = diagnosis(make_snapshot(host=host, nvml=nvml)).cuda
    assert [entry.cuda for entry in stated] == ["11.8", "12.1"]
    assert tuple(entry.driver_runs_it for entry in stated) == expected
    assert all(entry.why for entry in stated)


def test_every_check_is_in_the_list() -> None:
    from envkit.checks import driver, gpu, interpreter, torch_install

    defined = {
        value
        for module in (driver, gpu, interpreter, torch_install)
        for name, value in vars(module).items()
        if name.startswith("check_")
    }
    assert defined == set(CHECKS)
