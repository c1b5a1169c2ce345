"""Drivers, containers, GPUs and other accelerators, from facts: one builder call and one assertion a case."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Severity
from envkit.snapshot import (
    Absent,
    Backend,
    DeviceNode,
    NvmlDevice,
    Snapshot,
    TorchBuild,
    TorchDevice,
    Traces,
    Unknown,
)
from tests.builders import (
    A100,
    make_cuda,
    make_cuda_runtime,
    make_gpu_snapshot,
    make_host,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
    nvidia_pci,
)


def findings(snapshot: Snapshot) -> tuple[Finding, ...]:
    return diagnose(snapshot, matrix.load()).findings


def first(snapshot: Snapshot) -> tuple[str, Severity]:
    found = findings(snapshot)[0]
    return found.code, found.severity


def gpus(**facts: Any) -> Any:
    """NVML's two GPUs, the first of them with these facts."""
    return make_nvml(
        devices=(
            NvmlDevice(index=0, name=A100, compute_capability="8.0", **facts),
            NvmlDevice(index=1, name=A100, compute_capability="8.0"),
        )
    )


def linux(**changes: Any) -> Any:
    return make_host(gpus=(nvidia_pci(kernel_driver="nvidia"),), **{"kernel_module_version": "560.35.03", **changes})


NO_CUDA = make_cuda_runtime(
    backends=(Backend(name="cuda", built=True, available=False, device_count=0),),
    devices=(TorchDevice(device="cpu", works=True),),
)
CLOSED = DeviceNode(path="/dev/nvidia0", openable=False, group="gpu")


def failing(code: int = 999, **sections: Any) -> Snapshot:
    """A machine on which cuInit fails."""
    return make_gpu_snapshot(**{"cuda": make_cuda(init_error=code, devices=None), "torch": NO_CUDA, **sections})


def rocm(**changes: Any) -> Any:
    """A ROCm build that finds nothing, unless told otherwise."""
    facts: dict[str, Any] = {
        "version": "2.9.0+rocm6.4",
        "hip": "6.4.43482",
        "arch_list": ("gfx90a", "gfx1030", "gfx1100"),
        "backends": (Backend(name="cuda", built=True, available=False, device_count=0),),
    }
    return make_runtime(**{**facts, **changes})


def amd_pci(**changes: Any) -> Any:
    return nvidia_pci(**{"vendor": "amd", "device_id": "0x73bf", **changes})


def intel_pci(**changes: Any) -> Any:
    return nvidia_pci(**{"vendor": "intel", "device_id": "0x56a0", **changes})


def build(version: str, **backends: str) -> Any:
    made = TorchBuild(version=version, **{"cuda": "", "hip": "", "xpu": "", **backends})
    return make_packages(make_torch_distribution(version=version, build=made))


CUDA_BUILD: dict[str, Any] = {"packages": build("2.13.0+cu126", cuda="12.6"), "torch": NO_CUDA}
XPU_BUILD: dict[str, Any] = {
    "packages": build("2.9.0+xpu", xpu="20250301"),
    "torch": make_runtime(version="2.9.0+xpu", backends=(Backend(name="xpu", built=True, available=False),)),
}

CASES = [
    # the driver
    pytest.param(
        failing(803, cuda=make_cuda(init_error=803, library="/usr/lib/libcuda.so.535.54.03", devices=None)),
        "driver-library-mismatch",
        id="libcuda's file is of another version than the module",
    ),
    pytest.param(
        failing(803, cuda=make_cuda(init_error=803, library="/usr/local/cuda/compat/libcuda.so.570.86", devices=None)),
        "forward-compat-unsupported",
        id="a compat library is of another version by nature",
    ),
    pytest.param(
        failing(999, host=linux(traces=Traces(nvswitches=4, fabric_manager=False))),
        "fabric-manager-down",
        id="NVSwitches, and no manager",
    ),
    pytest.param(
        failing(999, host=linux(traces=Traces(nvswitches=4, fabric_manager=True))),
        "driver-init-failed",
        id="NVSwitches and their manager",
    ),
    pytest.param(
        failing(999, host=linux(container="docker", traces=Traces(nvswitches=4, fabric_manager=False))),
        "driver-init-failed",
        id="a container does not see the manager of its host",
    ),
    # permissions
    pytest.param(
        failing(100, host=linux(traces=Traces(nodes=(CLOSED,))), nvml=make_nvml(error=4, devices=None)),
        "device-permission",
        id="closed device files",
    ),
    pytest.param(failing(304), "device-permission", id="an OS call failed"),
    pytest.param(
        failing(999, host=linux(container="docker"), nvml=make_nvml(error=999, devices=None)),
        "device-permission",
        id="a container that lost its devices",
    ),
    pytest.param(
        failing(999, host=linux(container=""), nvml=make_nvml(error=999, devices=None)),
        "driver-init-failed",
        id="outside a container NVML's unknown error is the driver's",
    ),
    # WSL
    pytest.param(
        failing(100, host=make_host(wsl=2), cuda=make_cuda(init_error=100, devices=None)),
        "wsl-driver",
        id="a Linux libcuda inside WSL",
    ),
    pytest.param(
        make_snapshot(host=make_host(wsl=2, traces=Traces(wsl_driver=True, wsl_paravirtual=True)), **CUDA_BUILD),
        "wsl-driver",
        id="Windows' folder is not on the loader's path",
    ),
    pytest.param(make_snapshot(host=make_host(wsl=1), **CUDA_BUILD), "wsl-driver", id="WSL 1"),
    pytest.param(
        make_snapshot(host=make_host(wsl=2, traces=Traces(wsl_driver=False)), **CUDA_BUILD),
        "gpu-absent",
        id="WSL on a Windows without an NVIDIA driver",
    ),
    pytest.param(make_snapshot(host=make_host(wsl=2)), "gpu-absent", id="a CPU build in WSL"),
    # containers
    pytest.param(
        make_gpu_snapshot(
            host=make_host(
                container="docker", kernel_module_version="560.35.03", variables={"NVIDIA_VISIBLE_DEVICES": "void"}
            ),
            nvml=Absent(why=""),
            cuda=Absent(why=""),
            torch=NO_CUDA,
        ),
        "container-no-gpu",
        id="the devices are withheld",
    ),
    pytest.param(
        make_snapshot(host=make_host(container="docker"), **CUDA_BUILD),
        "gpu-absent",
        id="a CUDA build in a container on a machine without a GPU",
    ),
    # the GPU's use
    pytest.param(
        failing(100, nvml=gpus(mig_enabled=True, mig_instances=0)),
        "driver-init-failed",
        id="one of two GPUs is split: that is not why there is none",
    ),
    pytest.param(failing(46, nvml=gpus(compute_mode="exclusive-process")), "gpu-exclusive", id="46 in exclusive mode"),
    pytest.param(
        make_gpu_snapshot(
            host=linux(variables={"CUDA_VISIBLE_DEVICES": "0"}), nvml=gpus(compute_mode="exclusive-process")
        ),
        "healthy",
        id="exclusive, and it works",
    ),
    pytest.param(
        make_snapshot(
            host=make_host(gpus=(amd_pci(),), device_nodes=("/dev/kfd",), variables={"HIP_VISIBLE_DEVICES": "-1"}),
            torch=rocm(),
        ),
        "gpu-hidden",
        id="HIP_VISIBLE_DEVICES hides AMD's",
    ),
    # code for the GPU
    pytest.param(
        make_gpu_snapshot(
            cuda=Unknown(why=""),
            nvml=make_nvml(devices=(NvmlDevice(index=0, name="NVIDIA GeForce RTX 5090"),)),
            packages=build("2.5.1+cu124", cuda="12.4"),
            torch=make_cuda_runtime("12.4", version="2.5.1+cu124", arch_list=None),
        ),
        "gpu-arch-unsupported",
        id="a release of which the matrix knows the code objects, and a GPU by its name",
    ),
    # AMD
    pytest.param(
        make_snapshot(
            host=make_host(
                gpus=(amd_pci(),),
                traces=Traces(gfx=("gfx1030",), nodes=(DeviceNode(path="/dev/kfd", openable=False, group="render"),)),
            ),
            torch=rocm(),
        ),
        "rocm-permission",
        id="kfd is closed",
    ),
    pytest.param(
        make_snapshot(host=make_host(gpus=(amd_pci(),), traces=Traces(gfx=(), nodes=())), torch=rocm()),
        "rocm-driver-mismatch",
        id="no kfd",
    ),
    pytest.param(
        make_snapshot(
            host=make_host(
                gpus=(amd_pci(),), traces=Traces(gfx=("gfx803",), nodes=(DeviceNode(path="/dev/kfd", openable=True),))
            ),
            torch=rocm(),
        ),
        "rocm-gpu-unsupported",
        id="a target that is not in the build",
    ),
    pytest.param(
        make_snapshot(host=make_host(gpus=(amd_pci(),)), **CUDA_BUILD), "torch-wrong-backend", id="CUDA beside AMD"
    ),
    # Intel
    pytest.param(
        make_snapshot(host=make_host(gpus=(intel_pci(),), traces=Traces(level_zero=False)), **XPU_BUILD),
        "xpu-runtime-missing",
        id="no Level Zero",
    ),
    pytest.param(
        make_snapshot(host=make_host(gpus=(intel_pci(device_id="0x1916"),)), **CUDA_BUILD),
        "gpu-absent",
        id="a graphics chip that no build is for",
    ),
    # Apple
    pytest.param(
        make_snapshot(
            host=make_host(os="macos", arch="arm64", libc="", gpus=None, device_nodes=None),
            torch=make_runtime(backends=(Backend(name="mps", built=True, available=False),)),
        ),
        "mps-unavailable",
        id="built with Metal, and it is not there",
    ),
    pytest.param(
        make_snapshot(
            host=make_host(os="macos", arch="arm64", libc="", gpus=None, device_nodes=None),
            torch=make_runtime(backends=(Backend(name="mps", built=True, available=True),)),
        ),
        "healthy",
        id="Metal at work",
    ),
]


@pytest.mark.parametrize(("snapshot", "code"), CASES)
def test_the_root_cause_is_told_first(snapshot: Snapshot, code: str) -> None:
    assert findings(snapshot)[0].code == code


@pytest.mark.parametrize(("snapshot", "code"), CASES)
def test_an_error_states_facts_and_a_way_out(snapshot: Snapshot, code: str) -> None:
    for finding in findings(snapshot):
        if finding.severity is Severity.ERROR:
            assert finding.facts, code
            assert finding.fix, code
            assert finding.fix.commands or finding.fix.steps or finding.fix.summary, code


@pytest.mark.parametrize(("snapshot", "code"), CASES)
def test_a_cause_is_told_once(snapshot: Snapshot, code: str) -> None:
    told = [finding.code for finding in findings(snapshot)]
    assert len(told) == len(set(told)), code


@pytest.mark.parametrize(
    ("traces", "word"),
    [
        (Traces(modules=("nouveau",)), "nouveau"),
        (Traces(modules=(), secure_boot=True), "Secure Boot is on"),
        (Traces(modules=()), "not built for the running"),
    ],
    ids=["nouveau", "Secure Boot", "nothing known"],
)
def test_a_module_that_is_not_loaded_is_told_with_what_keeps_it_out(traces: Traces, word: str) -> None:
    host = make_host(gpus=(nvidia_pci(),), traces=traces)
    found = findings(failing(999, host=host, nvml=make_nvml(error=9, devices=None)))[0]
    assert found.code == "driver-not-loaded"
    assert word in found.cause


def test_the_group_of_a_closed_device_file_is_the_one_to_join() -> None:
    found = findings(failing(100, host=linux(traces=Traces(nodes=(CLOSED,))), nvml=make_nvml(error=4, devices=None)))[0]
    assert found.fix is not None
    assert found.fix.commands == ("sudo usermod --append --groups gpu $USER",)


def test_a_missing_unified_memory_module_is_named() -> None:
    found = findings(failing(999, host=linux(traces=Traces(modules=("nvidia",)))))[0]
    assert "nvidia_uvm" in found.cause


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        pytest.param({"error": 15}, ("gpu-lost", Severity.ERROR), id="lost"),
        pytest.param({"ecc_uncorrected": 1}, ("gpu-memory-errors", Severity.ERROR), id="uncorrected errors"),
        pytest.param({"remap_pending": True}, ("gpu-memory-errors", Severity.WARNING), id="a repair waits"),
        pytest.param({"throttle": ("sw-thermal",)}, ("gpu-throttled", Severity.WARNING), id="hot"),
        pytest.param(
            {"throttle": ("sw-power-cap",), "power_limit": 100_000, "power_limit_default": 400_000},
            ("gpu-throttled", Severity.WARNING),
            id="a power limit that somebody set",
        ),
        pytest.param({"utilization": 99, "performance_state": 8}, ("gpu-throttled", Severity.WARNING), id="stuck"),
        pytest.param({"pcie_width": 1, "pcie_width_best": 16}, ("pcie-degraded", Severity.WARNING), id="one lane"),
        pytest.param(
            {"memory_used": 60, "memory_total": 100, "utilization": 0},
            ("gpu-memory-full", Severity.WARNING),
            id="held while nothing computes",
        ),
        pytest.param({"throttle": ("sw-power-cap",)}, ("healthy", Severity.NOTE), id="full load"),
        pytest.param(
            {"pcie_generation": 1, "pcie_generation_best": 4, "performance_state": 8},
            ("healthy", Severity.NOTE),
            id="a link at rest",
        ),
        pytest.param(
            {"memory_used": 95, "memory_total": 100, "utilization": 97}, ("healthy", Severity.NOTE), id="busy, own work"
        ),
    ],
)
def test_a_gpu_s_state_is_judged_by_nvml_s_facts(device: dict[str, Any], expected: tuple[str, Severity]) -> None:
    assert first(make_gpu_snapshot(nvml=gpus(**device))) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", ("gpu-lost", Severity.WARNING)),
        ("NVRM: Xid (PCI:0000:01:00): 48, An uncorrectable double bit error", ("gpu-memory-errors", Severity.WARNING)),
        ("NVRM: Xid (PCI:0000:01:00): 31, MMU Fault", ("healthy", Severity.NOTE)),
    ],
)
def test_an_old_line_of_the_kernel_log_is_no_error_while_cuda_works(line: str, expected: tuple[str, Severity]) -> None:
    assert first(make_gpu_snapshot(host=linux(traces=Traces(kernel_log=(line,))))) == expected


def test_a_lost_gpu_in_the_kernel_log_is_the_cause_where_cuda_fails() -> None:
    line = "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."
    assert first(failing(999, host=linux(traces=Traces(kernel_log=(line,))))) == ("gpu-lost", Severity.ERROR)


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (
            (
                "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has a total capacity of 23 GiB "
                "of which 1.12 GiB is free. Including non-PyTorch memory, this process has 22.51 GiB memory in use."
            ),
            Severity.WARNING,
        ),
        (
            (
                "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 8.00 GiB total capacity; "
                "1.00 GiB already allocated; 15.00 MiB free; 1.20 GiB reserved in total by PyTorch)"
            ),
            Severity.ERROR,
        ),
        ("RuntimeError: CUDA error: out of memory", Severity.ERROR),
    ],
    ids=["the program's own", "others'", "whose is not said"],
)
def test_memory_that_the_program_fills_itself_is_no_fault(told: str, severity: Severity) -> None:
    live = make_cuda_runtime(devices=(TorchDevice(device="cuda:0", works=False, error=told),))
    assert first(make_gpu_snapshot(torch=live)) == ("gpu-memory-full", severity)


@pytest.mark.parametrize("container", ["kubernetes", "podman", "docker", "apptainer"])
def test_the_way_to_a_gpu_is_told_for_the_runtime(container: str) -> None:
    host = make_host(
        container=container, kernel_module_version="560.35.03", variables={"NVIDIA_VISIBLE_DEVICES": "none"}
    )
    snapshot = make_gpu_snapshot(host=host, nvml=Absent(why=""), cuda=Absent(why=""), torch=NO_CUDA)
    fixes = [found.fix for found in findings(snapshot) if found.code == "container-no-gpu" and found.fix]
    words = " ".join((*fixes[0].commands, *fixes[0].steps))
    ways = {"kubernetes": "nvidia.com/gpu: 1", "podman": "podman run", "docker": "docker run", "apptainer": "--nv"}
    assert ways[container] in words


def test_half_a_driver_in_apptainer_is_one_that_was_started_without_it() -> None:
    host = make_host(container="apptainer", kernel_module_version="560.35.03")
    snapshot = make_gpu_snapshot(host=host, nvml=Absent(why=""), cuda=Absent(why=""), torch=NO_CUDA)
    found = diagnose(snapshot, matrix.load()).findings[0]
    assert found.code == "container-no-gpu"
    assert found.fix
    assert found.fix.commands == ("apptainer exec --nv IMAGE nvidia-smi",)


def test_amd_s_devices_in_apptainer_are_the_machine_s() -> None:
    closed = Traces(nodes=(DeviceNode(path="/dev/kfd", openable=False, group="render"),))
    host = make_host(gpus=(amd_pci(),), container="apptainer", traces=closed)
    found = diagnose(make_snapshot(host=host, torch=make_runtime(hip="6.2", cuda="")), matrix.load()).findings[0]
    assert found.code == "rocm-permission"
    assert found.fix
    assert "--rocm" in found.fix.summary
    assert not any("docker" in command for command in found.fix.commands)


def test_an_override_of_the_target_sets_the_comparison_aside() -> None:
    works = (Backend(name="cuda", built=True, available=True, device_count=1),)
    host = make_host(
        gpus=(amd_pci(),),
        variables={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"},
        traces=Traces(gfx=("gfx1031",), nodes=(DeviceNode(path="/dev/kfd", openable=True),)),
    )
    snapshot = make_snapshot(host=host, torch=rocm(backends=works))
    assert "rocm-gpu-unsupported" not in [finding.code for finding in findings(snapshot)]


@pytest.mark.parametrize("host", [make_host(os="windows", libc=""), make_host(wsl=2)], ids=["Windows", "WSL"])
@pytest.mark.parametrize("device", [{"error": 15}, {"ecc_uncorrected": 1}, {"throttle": ("sw-thermal",)}])
def test_a_gpu_s_fix_is_told_for_the_system_that_has_its_driver(host: Any, device: dict[str, Any]) -> None:
    fix = findings(make_gpu_snapshot(host=host, nvml=gpus(**device)))[0].fix
    assert fix is not None
    assert fix.commands
    assert all(command.startswith("nvidia-smi") for command in fix.commands)


def test_the_driver_for_windows_is_installed_and_not_started_anew() -> None:
    windows = make_host(os="windows", libc="", gpus=(nvidia_pci(),), device_nodes=None)
    found = findings(make_snapshot(host=windows))[0]
    assert found.code == "driver-missing"
    assert found.fix is not None
    assert found.fix.summary.startswith("install")


def test_without_torch_s_word_an_old_line_of_the_log_is_past_where_libcuda_offers_a_gpu() -> None:
    line = "NVRM: API mismatch: the client has the version 1, but this kernel module has the version 2"
    quick = make_gpu_snapshot(host=linux(traces=Traces(kernel_log=(line,))), torch=Unknown(why=""))
    assert "driver-library-mismatch" not in [finding.code for finding in findings(quick)]


def test_a_graphics_chip_beside_a_cuda_build_is_nobody_s_fault_in_a_live_run() -> None:
    chip = make_host(gpus=(amd_pci(device_id="0x164e"),))
    live = make_snapshot(host=chip, taken_at="2026-01-01T00:00:00+00:00", **CUDA_BUILD)
    assert [finding.code for finding in findings(live)] == ["gpu-absent"]


def test_a_driver_that_runs_no_build_is_updated_and_the_gpu_not_given_up() -> None:
    old = make_nvml(driver_version="410.104", cuda_version="10.0")
    stays = findings(
        make_gpu_snapshot(nvml=old, cuda=make_cuda(cuda_version="10.0"), torch=make_cuda_runtime(backends=()))
    )
    assert stays[0].code == "driver-too-old"
    assert stays[0].fix is not None
    assert stays[0].fix.summary.startswith("update the driver to ")
    assert stays[0].fix.commands == ()


def test_a_driver_that_runs_an_older_build_may_stay_and_envkit_may_install_that() -> None:
    old = make_nvml(driver_version="450.80.02", cuda_version="11.0")
    found = findings(
        make_gpu_snapshot(nvml=old, cuda=make_cuda(cuda_version="11.0"), torch=make_cuda_runtime(backends=()))
    )[0]
    assert found.fix is not None
    assert "cu118 build" in found.fix.summary
    assert found.fix.pip
    assert "or update the driver" in found.fix.steps[-1]
