"""Facts in, diagnosis out: one builder call and one assertion a case."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import CHECKS, GROUPS, LAST_RESORT, diagnose
from envkit.findings import Diagnosis, Verdict
from envkit.snapshot import (
    Absent,
    Backend,
    CudaDevice,
    Distribution,
    EnvironmentKind,
    FileDamage,
    ModuleOrigin,
    Nvml,
    NvmlDevice,
    ProbeOutcome,
    ProbeRun,
    RunEnd,
    Snapshot,
    TorchDevice,
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


TORCH_MODULE = ModuleOrigin(name="torch", origin=f"{SITE}/torch/__init__.py", entry=SITE)
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
        make_gpu_snapshot(nvml=make_nvml(driver_version="390.157"), torch=make_cuda_runtime("11.8", backends=())),
        "driver-too-old",
        id="390 with CUDA 11.8",
    ),
    pytest.param(
        make_gpu_snapshot(nvml=make_nvml(driver_version="470.57"), torch=make_cuda_runtime("11.8", backends=())),
        "healthy",
        id="470 runs 11.8 by minor-version compatibility",
    ),
    pytest.param(
        make_gpu_snapshot(
            nvml=Absent(why=""),
            host=make_host(),
            cuda=make_cuda(cuda_version="11.4"),
            torch=make_cuda_runtime(backends=()),
        ),
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
            assert finding.fix.summary, code


def test_a_cpu_build_on_a_driver_that_fails_has_one_cause() -> None:
    broken = make_gpu_snapshot(
        packages=make_packages(), torch=make_runtime(), cuda=make_cuda(init_error=999, devices=None)
    )
    assert codes(broken) == ["driver-init-failed"]


def test_a_cpu_build_where_no_cuda_build_fits_is_a_note() -> None:
    kepler = make_nvml(
        driver_version="390.157", devices=(NvmlDevice(index=0, name="Tesla K20", compute_capability="3.5"),)
    )
    answer = diagnosis(make_gpu_snapshot(packages=make_packages(), torch=make_runtime(), nvml=kepler))
    assert [(finding.code, finding.severity.value) for finding in answer.findings] == [("torch-cpu-build", "note")]
    assert answer.verdict is Verdict.HEALTHY


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
    module = ModuleOrigin(
        name="torch", origin="/opt/modules/torch/__init__.py", entry="/opt/modules", way_in="PYTHONPATH"
    )
    packages = make_packages(make_torch_distribution(site="/opt/modules"), modules=(module,))
    assert codes(make_snapshot(packages=packages)) == ["gpu-absent"]


def test_a_source_tree_that_is_installed_editable_shadows_nothing() -> None:
    origin = "/src/vision/torchvision/__init__.py"
    module = ModuleOrigin(
        name="torchvision", origin=origin, entry="/src/vision", way_in="current-folder", otherwise=origin
    )
    assert codes(make_snapshot(packages=make_packages(modules=(TORCH_MODULE, module)))) == ["gpu-absent"]


@pytest.mark.parametrize(
    ("origin", "renames"),
    [("/project/torch.py", ("mv -n /project/torch.py /project/torch_local.py",)), ("/project/torch/__init__.py", ())],
    ids=["a file is renamed", "a folder is left to its owner"],
)
def test_a_module_in_the_current_folder_shadows(origin: str, renames: tuple[str, ...]) -> None:
    module = ModuleOrigin(
        name="torch", origin=origin, entry="/project", way_in="current-folder", otherwise="/env/torch"
    )
    found = diagnosis(make_snapshot(packages=make_packages(modules=(module,)))).findings[0]
    assert found.code == "module-shadowed"
    assert found.fix is not None
    assert found.fix.commands == renames
    assert any("another folder" in step for step in found.fix.steps)


def test_a_damaged_torch_in_the_base_that_nothing_imports_is_no_fault() -> None:
    harmed = FileDamage(entries=9, missing=9, altered=0, examples=("torch/__init__.py is missing",))
    base = make_torch_distribution(site="/usr/lib/python3/dist-packages", damage=harmed)
    packages = make_packages(make_torch_distribution(), base)
    assert codes(make_snapshot(packages=packages)) == ["gpu-absent"]


def test_altered_files_are_an_error_though_torch_still_works() -> None:
    harmed = FileDamage(entries=9, missing=0, altered=1, examples=("torch/lib/libtorch_cpu.so has 1 bytes",))
    answer = diagnosis(make_snapshot(packages=make_packages(make_torch_distribution(damage=harmed))))
    assert (answer.findings[0].code, answer.findings[0].severity.value) == ("torch-corrupt", "error")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found", "libc-too-old"),
        ("libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent", "mkl-mismatch"),
        ("libcudnn.so.9: cannot open shared object file: No such file or directory", "nvidia-wheels-mismatch"),
        ("undefined symbol: __nvJitLinkComplete_12_4", "library-path-conflict"),
        ("something nobody has seen", "torch-corrupt"),
    ],
)
def test_an_import_error_is_named_by_what_its_text_points_to(message: str, code: str) -> None:
    live = make_runtime(stage="import", version=None, error=TorchError(type="ImportError", message=message))
    assert codes(make_snapshot(torch=live))[0] == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (34, "library-path-conflict"),
        (46, "gpu-exclusive"),
        (2, "gpu-memory-full"),
        (3, "driver-init-failed"),
        (777777, "driver-init-failed"),
    ],
)
def test_an_error_of_cuinit_is_named_by_the_table(error: int, code: str) -> None:
    assert codes(make_gpu_snapshot(cuda=make_cuda(init_error=error, devices=None)))[0] == code


def test_nvml_out_of_order_while_cuda_works_is_a_warning() -> None:
    answer = diagnosis(make_gpu_snapshot(nvml=make_nvml(error=999, devices=None)))
    assert (answer.findings[0].code, answer.findings[0].severity.value) == ("driver-init-failed", "warning")
    assert answer.verdict is Verdict.HEALTHY


def test_mig_without_instances_is_gpu_mig() -> None:
    split = make_nvml(devices=(NvmlDevice(index=0, name="NVIDIA H100 80GB HBM3", mig_enabled=True),))
    assert codes(make_gpu_snapshot(nvml=split, cuda=make_cuda(init_error=100, devices=None)))[0] == "gpu-mig"


def test_a_driver_that_works_with_torch_is_never_too_old() -> None:
    compat = make_gpu_snapshot(nvml=make_nvml(driver_version="470.57"), torch=make_cuda_runtime("13.0"))
    assert codes(compat) == ["healthy"]


def test_a_jetson_s_driver_number_is_not_held_against_the_desktop_s() -> None:
    jetson = make_gpu_snapshot(nvml=make_nvml(driver_version="35.3.1"), torch=make_cuda_runtime("11.4", backends=()))
    assert "driver-too-old" not in codes(jetson)


@pytest.mark.parametrize(
    ("host", "nvml", "code"),
    [
        pytest.param({"container": "docker"}, make_nvml(), "container-no-gpu", id="compute part not given"),
        pytest.param({}, make_nvml(), "driver-missing", id="libcuda's package is missing"),
        pytest.param(
            {"kernel_module_version": "560.35.03"}, Absent(why=""), "driver-missing", id="no marks of a container"
        ),
    ],
)
def test_a_loaded_driver_without_libcuda_is_named(host: dict[str, Any], nvml: Any, code: str) -> None:
    told = make_cuda_runtime(backends=(Backend(name="cuda", built=True, available=False, device_count=0),))
    snapshot = make_gpu_snapshot(host=make_host(**host), nvml=nvml, cuda=Absent(why="not found"), torch=told)
    assert codes(snapshot)[0] == code


def test_a_cpu_build_in_a_container_without_the_gpu_is_what_somebody_wanted() -> None:
    host = make_host(container="docker", kernel_module_version="560.35.03")
    assert diagnosis(make_snapshot(host=host)).verdict is Verdict.HEALTHY


def test_a_rocm_build_beside_an_nvidia_gpu_is_torch_wrong_backend() -> None:
    rocm = make_runtime(hip="6.2", backends=(Backend(name="cuda", built=True, available=False, device_count=0),))
    assert codes(make_gpu_snapshot(torch=rocm))[0] == "torch-wrong-backend"


def test_a_rocm_build_that_finds_no_amd_gpu_is_not_told_that_cpu_is_right() -> None:
    rocm = make_runtime(hip="6.2", backends=(Backend(name="cuda", built=True, available=False, device_count=0),))
    answer = diagnosis(make_snapshot(torch=rocm, host=make_host(gpus=(nvidia_pci(vendor="amd"),))))
    assert answer.findings[0].code == "rocm-driver-mismatch"
    assert answer.verdict is Verdict.FAULTY


@pytest.mark.parametrize("live", [Unknown(why="", outcome=ProbeOutcome.SKIPPED), Absent(why="No module named 'torch'")])
def test_on_apple_silicon_only_torch_can_tell_that_there_is_no_gpu(live: Any) -> None:
    mac = make_snapshot(host=make_host(os="macos", arch="arm64", libc="", gpus=None, device_nodes=None), torch=live)
    assert "gpu-absent" not in codes(mac)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (
            "AcceleratorError: CUDA error: no kernel image is available for execution on the device",
            "gpu-arch-unsupported",
        ),
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB", "gpu-memory-full"),
        ("RuntimeError: something else", "driver-init-failed"),
    ],
)
def test_a_device_that_fails_in_use_is_named_by_what_torch_says(told: str, code: str) -> None:
    live = make_cuda_runtime(devices=(TorchDevice(device="cuda:0", works=False, error=told),))
    assert codes(make_gpu_snapshot(torch=live)) == [code]


def test_a_gpu_that_the_build_lacks_explains_its_failure_in_use() -> None:
    failing = TorchDevice(device="cuda:0", works=False, error="RuntimeError: odd")
    answer = diagnosis(make_gpu_snapshot(torch=make_cuda_runtime(arch_list=("sm_90",), devices=(failing,))))
    assert [finding.code for finding in answer.findings] == ["gpu-arch-unsupported", "driver-init-failed"]
    assert answer.findings[0].explains == ("driver-init-failed",)


def test_a_crash_on_first_use_of_a_device_is_an_error() -> None:
    live = make_cuda_runtime(end=RunEnd.CRASHED, stage="device cuda:0", died_of="SIGSEGV", devices=())
    answer = diagnosis(make_gpu_snapshot(torch=live))
    assert answer.verdict is Verdict.FAULTY
    assert "SIGSEGV" in answer.findings[0].cause


def test_packages_that_could_not_be_read_leave_the_answer_incomplete() -> None:
    assert diagnosis(make_snapshot(packages=Unknown(why="cut off"))).verdict is Verdict.INCOMPLETE


def test_facts_that_trip_a_check_leave_the_others_judging() -> None:
    odd = make_cuda(devices=(CudaDevice(index=0, name="odd", compute_capability="x"),))
    answer = diagnosis(make_gpu_snapshot(cuda=odd, nvml=make_nvml(error=18)))
    assert answer.findings[0].code == "driver-library-mismatch"


@pytest.mark.parametrize("version", ["2.16.0.dev20261101+cpu", "2.1.0a0+32f93b1"])
def test_a_nightly_build_is_replaced_by_a_release(version: str) -> None:
    nightly = make_gpu_snapshot(
        packages=make_packages(make_torch_distribution(version=version)), torch=make_runtime(version=version)
    )
    fix = diagnosis(nightly).findings[0].fix
    assert fix is not None
    assert any("torch==2.14.1+cu126" in command for command in fix.commands)


def test_conda_s_torch_is_mended_by_conda() -> None:
    conda = make_torch_distribution(
        name="pytorch", version="2.5.1", installer="conda", metadata="/env/conda-meta/pytorch-2.5.1-0.json", site="/env"
    )
    broken = make_gpu_snapshot(packages=make_packages(conda), torch=make_runtime(version="2.5.1"))
    assert codes(broken) == ["torch-cpu-build"]
    assert not any("pip" in command for command in diagnosis(broken).findings[0].fix.commands)  # type: ignore[union-attr]


@pytest.mark.parametrize("host", [make_host(os="windows", libc=""), make_host(wsl=2)], ids=["Windows", "WSL"])
def test_a_driver_s_fix_is_told_for_the_system_that_has_the_driver(host: Any) -> None:
    fix = diagnosis(make_gpu_snapshot(host=host, cuda=make_cuda(init_error=999, devices=None))).findings[0].fix
    assert fix is not None
    assert not any("sudo" in command for command in fix.commands)


def test_in_wsl_the_windows_driver_counts() -> None:
    stated = diagnosis(make_gpu_snapshot(host=make_host(wsl=2), nvml=make_nvml(driver_version="526.98"))).cuda
    assert [entry.driver_runs_it for entry in stated] == [True, False]


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
    library = make_cuda() if isinstance(nvml, Nvml) else Absent(why="")
    stated = diagnosis(make_snapshot(host=host, nvml=nvml, cuda=library)).cuda
    assert [entry.cuda for entry in stated] == ["11.8", "12.1"]
    assert tuple(entry.driver_runs_it for entry in stated) == expected
    assert all(entry.why for entry in stated)


@pytest.mark.parametrize(
    ("api", "expected"), [("12.4", (True, True)), ("11.4", (True, False)), ("10.2", (False, False))]
)
def test_without_nvml_the_cuda_of_libcuda_tells_what_runs(api: str, expected: tuple[bool, bool]) -> None:
    stated = diagnosis(make_snapshot(cuda=make_cuda(cuda_version=api))).cuda
    assert tuple(entry.driver_runs_it for entry in stated) == expected


def test_without_libcuda_nothing_runs_whatever_nvml_says() -> None:
    stated = diagnosis(make_snapshot(nvml=make_nvml())).cuda
    assert [entry.driver_runs_it for entry in stated] == [False, False]
    assert "libcuda is not here" in stated[0].why


def test_a_driver_that_fails_leaves_unknown_whether_there_is_a_gpu() -> None:
    stated = diagnosis(make_snapshot(nvml=make_nvml(error=18, devices=None, driver_version=None))).cuda
    assert [entry.driver_runs_it for entry in stated] == [None, None]


def test_without_an_interpreter_it_is_unknown_which_torch_brings_a_cuda() -> None:
    stated = diagnosis(make_snapshot(target=Unknown(why="hangs"), packages=Unknown(why=""))).cuda
    assert [entry.torch_releases for entry in stated] == [None, None]


@pytest.mark.parametrize(
    "library",
    [Unknown(why="timed out", outcome=ProbeOutcome.TIMED_OUT), Absent(why="not found"), make_cuda(devices=())],
    ids=["hangs", "is not there", "lists no device"],
)
def test_a_gpu_that_only_nvml_lists_is_not_ready_for_use(library: Any) -> None:
    cpu_build = make_gpu_snapshot(packages=make_packages(), torch=make_runtime(), cuda=library)
    assert "torch-cpu-build" not in codes(cpu_build)


def test_a_cpu_build_keeps_its_release_only_where_a_cuda_build_of_it_fits() -> None:
    old = make_nvml(driver_version="470.57.02", cuda_version="11.4")
    broken = make_gpu_snapshot(packages=make_packages(), torch=make_runtime(), nvml=old)
    assert "torch==2.7.1+cu118" in _first_command(broken)


def test_the_duplicate_that_is_imported_is_the_one_to_keep() -> None:
    stale = make_torch_distribution(version="2.4.1", damage=None, installer="")
    fix = diagnosis(make_snapshot(packages=make_packages(make_torch_distribution(), stale))).findings[0].fix
    assert fix is not None
    assert any("torch==2.13.0" in command for command in fix.commands)


def test_a_pip_install_without_its_record_is_told() -> None:
    answer = diagnosis(make_snapshot(packages=make_packages(make_torch_distribution(damage=None))))
    assert (answer.findings[0].code, answer.findings[0].severity.value) == ("torch-corrupt", "warning")


def test_a_damaged_numpy_is_named() -> None:
    harmed = FileDamage(entries=900, missing=199, altered=0, examples=("numpy/_core/__init__.py is missing",))
    numpy = Distribution(name="numpy", version="2.4.6", metadata="", site=SITE, installer="pip", damage=harmed)
    assert codes(make_snapshot(packages=make_packages(make_torch_distribution(), numpy)))[0] == "numpy-abi"


def test_the_fix_of_a_broken_environment_empties_nothing() -> None:
    lost = Absent(why="no interpreter", environment="/home/user")
    fix = diagnosis(make_snapshot(target=lost, packages=Unknown(why=""), torch=lost)).findings[0].fix
    assert fix is not None
    assert not any("--clear" in command for command in fix.commands)


def test_a_target_without_pip_gets_pip_first() -> None:
    bare = make_snapshot(
        packages=make_packages(Distribution(name="odd", version="1", metadata="", site=SITE), modules=()),
        torch=Absent(why=""),
    )
    assert _first_command(bare) == "/env/bin/python -m ensurepip"


def test_every_check_is_in_the_list() -> None:
    defined = {value for module in GROUPS for name, value in vars(module).items() if name.startswith("check_")}
    assert defined == {*CHECKS, *LAST_RESORT}
