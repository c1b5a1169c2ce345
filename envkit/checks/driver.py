"""Does the NVIDIA driver answer, and does it run the CUDA that this torch was built with?"""

import msgspec

from envkit import reading
from envkit.checks.containers import with_gpu
from envkit.checks.driver_facts import USE_FAILS, driver_codes, module_facts, node_facts, pci_facts
from envkit.checks.fixes import install_torch, on_driver_s_machine, plan_for, quoted
from envkit.errors import EnvkitError
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.errors import NOT_A_FAULT, ErrorName
from envkit.matrix.versions import numbers
from envkit.snapshot import Absent, Host, Snapshot, Traces

_NVML_NOT_LOADED, _NVML_MISMATCH = 9, 18
_CUDA_NO_DEVICE = 100
_CUDA_FABRIC = (802, 919)
_CUDA_COMPAT = (803, 804)


def check_driver_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an NVIDIA GPU without the driver, or with half of it."""
    machine, manager = reading.host(snapshot), reading.nvml(snapshot)
    quotes = reading.quotes(snapshot, matrix, "driver-missing")
    if reading.cuda_works(snapshot) or (machine is not None and (machine.wsl or machine.os == "macos")):
        return None  # the driver of WSL is that of Windows; macOS has none
    absent = snapshot.cuda if isinstance(snapshot.cuda, Absent) else None
    half = bool(machine and machine.kernel_module_version) or bool(manager and manager.devices)
    whole = bool(reading.nvidia_gpus(snapshot)) and isinstance(snapshot.nvml, Absent)
    if not (machine and ((absent and half) or (whole and not reading.cuda(snapshot)))) and not _said_missing(
        snapshot, quotes
    ):
        return None
    loader = (Fact("libcuda", absent.why, "loader"),) if absent else ()
    facts = (*pci_facts(snapshot), *loader, *_version_facts(snapshot), *quotes)
    return _half_a_driver(snapshot, facts) if half and absent else _no_driver(snapshot, facts)


def _said_missing(snapshot: Snapshot, quotes: tuple[Fact, ...]) -> bool:
    """Say whether somebody misses the driver, and nothing else makes it likely that none is wanted or one is there."""
    torch, machine = reading.installed_torch(snapshot), reading.host(snapshot)
    for_cpu = torch is not None and torch.cuda == "" and not torch.hip
    # A machine whose GPUs are known, none of them NVIDIA's, misses nothing.
    others = machine is not None and machine.gpus is not None and not reading.cards(snapshot, "nvidia")
    elsewhere = bool(machine and machine.container) or bool(reading.nvml(snapshot)) or others
    return bool(quotes) and not for_cpu and not elsewhere and not reading.cuda_works(snapshot)


def _no_driver(snapshot: Snapshot, facts: tuple[Fact, ...]) -> Finding:
    return Finding(
        code="driver-missing",
        severity=Severity.ERROR,
        summary="there is an NVIDIA GPU and no NVIDIA driver"
        if reading.nvidia_gpus(snapshot)
        else "no NVIDIA driver is installed",
        cause=f"neither libcuda nor NVML, which the driver brings, is to be found{_nouveau(snapshot)}",
        expected="libcuda.so.1 and libnvidia-ml.so.1, which the driver package brings (the CUDA toolkit does not)",
        facts=facts,
        fix=_driver_install(snapshot),
        explains=("driver-init-failed", "driver-too-old", *USE_FAILS),
    )


def _nouveau(snapshot: Snapshot) -> str:
    used = any(gpu.kernel_driver == "nouveau" for gpu in reading.cards(snapshot, "nvidia"))
    return "; nouveau, the free driver, which cannot run CUDA, holds the GPU" if used else ""


def _half_a_driver(snapshot: Snapshot, facts: tuple[Fact, ...]) -> Finding:
    """The driver is loaded and libcuda is not here: as a rule a container, whatever marks it leaves."""
    machine, torch = reading.host(snapshot), reading.installed_torch(snapshot)
    for_cpu = torch is not None and torch.cuda == "" and not torch.hip
    contained = bool(machine and machine.container)
    return Finding(
        code="container-no-gpu" if contained else "driver-missing",
        # A CPU build in a container that was given no GPU is what somebody wanted.
        severity=Severity.NOTE if contained and for_cpu else Severity.ERROR,
        summary="the NVIDIA driver is loaded, and its CUDA library is not here",
        cause="the kernel module answers and libcuda.so.1 is in no folder that the loader searches: a container that "
        "was started without the GPU or its compute part, or a driver package of which a part is missing",
        expected="libcuda.so.1, of the version of the loaded module",
        facts=facts,
        fix=with_gpu(snapshot) if contained else _both_halves(),
        explains=USE_FAILS,
    )


def _both_halves() -> Fix:
    return Fix(
        summary="in a container: start it with the whole GPU; else install the driver package again",
        commands=("docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE",),
        steps=(
            "the package must be of the version of the loaded module, which `cat /proc/driver/nvidia/version` tells",
        ),
    )


def _version_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    version = reading.driver_version(snapshot)
    return (Fact("driver", version, "kernel module or NVML"),) if version else ()


def _driver_install(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.os == "windows":
        return Fix(
            summary="install NVIDIA's driver for this GPU",
            steps=("take the newest that lists the GPU from nvidia.com/drivers, then restart Windows",),
        )
    return on_driver_s_machine(snapshot, _linux_driver(machine))


def _linux_driver(machine: Host | None) -> Fix:
    name = (machine.os_name or "").lower() if machine else ""
    if "ubuntu" in name:
        return Fix(summary="install the recommended driver", commands=("sudo ubuntu-drivers install", "sudo reboot"))
    if "debian" in name:
        steps = ("enable the non-free component in the package sources first",)
        return Fix(
            summary="install the driver",
            commands=("sudo apt install nvidia-driver", "sudo reboot"),
            steps=steps,
        )
    return Fix(
        summary="install the NVIDIA driver",
        steps=(
            "use your distribution's driver package, or NVIDIA's installer, then restart the machine",
            "without an NVIDIA GPU in the machine there is nothing to install: take a CPU build of torch",
        ),
    )


def check_fabric_manager_down(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an NVSwitch machine whose fabric is not ready."""
    driver, traces = reading.cuda(snapshot), reading.traces(snapshot)
    not_ready = driver is not None and driver.init_error in _CUDA_FABRIC
    down = bool(traces.nvswitches) and traces.fabric_manager is False and not _contained(snapshot)
    quotes = reading.quotes(snapshot, matrix, "fabric-manager-down")
    fails = driver is not None and driver.init_error != 0
    if not (not_ready or (down and fails) or (quotes and not reading.cuda_starts(snapshot))):
        return None
    version = reading.driver_version(snapshot) or "VERSION"
    return Finding(
        code="fabric-manager-down",
        severity=Severity.ERROR,
        summary="the GPUs wait for the Fabric Manager",
        cause="on a machine with NVSwitch no program can use CUDA until a Fabric Manager of the driver's own version "
        "runs and has set up the fabric; cuInit answers 802 until then",
        expected=f"nvidia-fabricmanager {version} running",
        facts=(*driver_codes(snapshot, matrix), *_fabric_facts(traces), *quotes),
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="start it, in the version of the driver",
                commands=(
                    "sudo systemctl enable --now nvidia-fabricmanager",
                    "systemctl status nvidia-fabricmanager",
                ),
                steps=(f"if it is not installed: nvidia-fabricmanager-{version.split('.')[0]}, exactly {version}",),
            ),
        ),
        explains=("driver-init-failed", *USE_FAILS),
    )


def _contained(snapshot: Snapshot) -> bool:
    """Say whether this is a container, which does not see the processes of its host."""
    machine = reading.host(snapshot)
    return bool(machine and machine.container)


def _fabric_facts(traces: Traces) -> tuple[Fact, ...]:
    if not traces.nvswitches:
        return ()
    runs = {None: "unknown", True: "running", False: "not running"}[traces.fabric_manager]
    return (Fact("NVSwitch", str(traces.nvswitches), "/dev"), Fact("nv-fabricmanager", runs, "/proc"))


def check_forward_compat(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find cuda-compat libraries where hardware or driver does not allow them."""
    driver = reading.cuda(snapshot)
    quotes = reading.quotes(snapshot, matrix, "forward-compat-unsupported")
    code = driver.init_error if driver and driver.init_error in _CUDA_COMPAT else None
    if code is None and (not quotes or reading.cuda_starts(snapshot)):
        return None
    return Finding(
        code="forward-compat-unsupported",
        severity=Severity.ERROR,
        summary="the libcuda that is loaded does not belong to this driver",
        cause=f"cuInit answers {code or '803 or 804'}: a libcuda from a cuda-compat package, as CUDA "
        "containers bring it, is used with a GPU or a kernel driver that does not allow it; only data-centre GPUs do",
        expected="the libcuda of the installed driver",
        facts=(*driver_codes(snapshot, matrix), *quotes),
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="take the compat folder out of the loader's path, or update the driver",
                steps=(
                    f"the library in use: {(driver and driver.library) or 'libcuda.so.1'}",
                    "remove cuda/compat from LD_LIBRARY_PATH and from /etc/ld.so.conf.d, then run `sudo ldconfig`",
                    "if the driver was just updated, restart the machine",
                ),
            ),
        ),
        explains=("driver-init-failed", *USE_FAILS),
    )


def check_driver_error(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an error of cuInit or NVML that no other check names, by what the error table says it points to."""
    error = _error(snapshot, matrix)
    quotes = reading.quotes(snapshot, matrix, "driver-init-failed")
    if error is None:
        return None if not quotes or reading.cuda_starts(snapshot) else _does_not_start(snapshot, matrix, quotes)
    driver = reading.cuda(snapshot)
    works = driver is not None and driver.init_error == 0
    causes = f"; usual causes: {', '.join(error.causes)}" if error.causes else ""
    return Finding(
        code=error.diagnosis if error.diagnosis not in ("", NOT_A_FAULT) else "driver-init-failed",
        # NVML alone may be out of order (in a sandbox, on a vGPU) while CUDA works.
        severity=Severity.WARNING if works else Severity.ERROR,
        summary="NVML is out of order" if works else "the NVIDIA driver is there and does not initialise",
        cause=f"{error.name}: {error.meaning}{_without_uvm(snapshot)}{causes}",
        expected="cuInit and nvmlInit answer 0",
        facts=(*driver_codes(snapshot, matrix), *node_facts(snapshot), *module_facts(snapshot), *quotes),
        fix=_start_anew(snapshot),
        explains=("gpu-hidden",),
    )


_ELSEWHERE = (
    "device-permission",
    "wsl-driver",
    "gpu-lost",
    "gpu-exclusive",
    "gpu-memory-errors",
    "gpu-memory-full",
    "gpu-absent",
)
"""What the error table points to and checks of their own tell."""


def _error(snapshot: Snapshot, matrix: Matrix) -> ErrorName | None:
    """The answer of cuInit or NVML that is left to this check, None where there is none."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    error = None
    if driver is not None and driver.init_error not in {0, _CUDA_NO_DEVICE, *_CUDA_FABRIC, *_CUDA_COMPAT}:
        error = matrix.errors.cuda(driver.init_error)
    elif manager is not None and manager.error not in (0, _NVML_NOT_LOADED, _NVML_MISMATCH):
        error = matrix.errors.nvml(manager.error)
    if error is None or error.diagnosis in _ELSEWHERE:
        return None
    # In words and as a number it is one finding.
    told = error.diagnosis == "driver-too-old" and reading.quotes(snapshot, matrix, "driver-too-old")
    return None if told else error


def _without_uvm(snapshot: Snapshot) -> str:
    modules = reading.traces(snapshot).modules
    lacking = modules is not None and "nvidia" in modules and "nvidia_uvm" not in modules
    return "; the module nvidia_uvm, which CUDA needs, is not loaded" if lacking else ""


def _does_not_start(snapshot: Snapshot, matrix: Matrix, quotes: tuple[Fact, ...]) -> Finding:
    return Finding(
        code="driver-init-failed",
        severity=Severity.ERROR,
        summary="the NVIDIA driver is there and does not initialise",
        cause=f"a program reports that the driver answered with an error: {quotes[0].value}",
        expected="cuInit and nvmlInit answer 0",
        facts=(*quotes, *driver_codes(snapshot, matrix)),
        fix=_start_anew(snapshot),
        explains=("gpu-hidden",),
    )


def _start_anew(snapshot: Snapshot) -> Fix:
    anew = Fix(
        summary="load the unified-memory module again; if that does not help, restart the machine",
        commands=("sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm", "ls -l /dev/nvidia*"),
    )
    return on_driver_s_machine(snapshot, anew)


def check_devices_without_cuda(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find GPUs that NVML lists and CUDA does not, though no variable hides them."""
    if not _devices_without_cuda(snapshot):
        return None
    return Finding(
        code="driver-init-failed",
        severity=Severity.ERROR,
        summary="NVML lists GPUs that CUDA does not find",
        cause="no variable hides them: the device nodes cannot be opened, or the GPU did not start",
        expected="cuInit answers 0",
        facts=(*driver_codes(snapshot, matrix), *node_facts(snapshot), reading.gpu_fact(snapshot)),
        fix=_start_anew(snapshot),
    )


def _devices_without_cuda(snapshot: Snapshot) -> bool:
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    hidden = "CUDA_VISIBLE_DEVICES" in reading.variables(snapshot)
    return bool(
        driver
        and manager
        and driver.init_error == _CUDA_NO_DEVICE
        and manager.error == 0
        and manager.devices
        and not hidden
    )


def check_driver_too_old(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a driver older than the CUDA of the torch build needs."""
    torch, version = reading.installed_torch(snapshot), reading.driver_version(snapshot)
    machine = reading.host(snapshot)
    quotes = reading.quotes(snapshot, matrix, "driver-too-old")
    cuda = torch and (torch.cuda or _of_default_wheel(snapshot, matrix, torch))
    if torch is None or not cuda or machine is None or reading.cuda_works(snapshot):
        # What works is new enough, whatever a table says: there are compat libraries.
        return _said_too_old(snapshot, matrix, quotes)
    os = reading.driver_os(machine)
    minimum = matrix.cuda.minimum_driver(cuda, os)
    runs = matrix.cuda.fit(cuda, version, os).runs if version else _runs_by_api(cuda, snapshot)
    if runs is not False:
        return _said_too_old(snapshot, matrix, quotes)
    return Finding(
        code="driver-too-old",
        severity=Severity.ERROR,
        summary=f"the driver is too old for the CUDA {cuda} that this torch is built with",
        cause=f"CUDA {cuda} needs driver {minimum} or newer, and {version or 'an older one'} is installed",
        expected=f"driver {minimum} or newer",
        facts=(torch.fact, *driver_codes(snapshot, matrix), reading.gpu_fact(snapshot), *quotes),
        fix=_older_build_or_newer_driver(snapshot, matrix, minimum),
        explains=("driver-init-failed", *USE_FAILS),
    )


def _of_default_wheel(snapshot: Snapshot, matrix: Matrix, torch: reading.InstalledTorch) -> str | None:
    """The CUDA of the wheel that pip gets on Linux, where a report does not tell the build and torch found no GPU."""
    live, machine = reading.runtime(snapshot), reading.host(snapshot)
    backend = live.backend("cuda") if live else None
    refused = backend is not None and backend.available is False
    if not (snapshot.pasted and refused and torch.cuda is None and machine and machine.os == "linux"):
        return None
    platform = reading.platform(snapshot) or "linux-x86_64"
    served = (one for one in matrix.torch.builds(torch=torch.version, platform=platform) if one.default_index)
    return next((cuda_of(one.backend) for one in served), None) or matrix.cuda.of_old_wheel(torch.version)


def _said_too_old(snapshot: Snapshot, matrix: Matrix, quotes: tuple[Fact, ...]) -> Finding | None:
    """What a program says of the driver's age, where no versions tell."""
    if not quotes:
        return None
    return Finding(
        code="driver-too-old",
        severity=Severity.ERROR,
        summary="the driver is too old for what is meant to run on it",
        cause=f"a program that needs a newer NVIDIA driver says so: {quotes[0].value}",
        expected="a driver that runs the CUDA release which the program was built with",
        facts=(*quotes, *driver_codes(snapshot, matrix)),
        fix=_older_build_or_newer_driver(snapshot, matrix, None),
        explains=("driver-init-failed", "container-no-gpu", *USE_FAILS),
    )


def _runs_by_api(cuda: str, snapshot: Snapshot) -> bool | None:
    """Judge by libcuda's own API version: from CUDA 11 on any minor of the same major runs."""
    driver = reading.cuda(snapshot)
    if driver is None or driver.cuda_version is None:
        return None
    have, need = numbers(driver.cuda_version), numbers(cuda)
    return have >= need or (have[0] == need[0] >= 11)


def _older_build_or_newer_driver(snapshot: Snapshot, matrix: Matrix, minimum: str | None) -> Fix:
    least = f"{minimum} or newer" if minimum else "the newest for this GPU"
    update = f"update the driver to {least} and keep this torch; then restart the machine"
    try:
        fitting = plan_for(snapshot, matrix)
    except EnvkitError:
        fitting = None
    if fitting is None or not fitting.backend.startswith("cu"):
        return Fix(summary=update)  # no CUDA build runs on this driver, and one for the CPU would leave the GPU idle
    build = install_torch(
        snapshot, matrix, "keep the driver and install a build that it runs", fitting=fitting, reinstall=True
    )
    return msgspec.structs.replace(build, steps=(*build.steps, f"or {update}"))


def check_unused_gpu(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a torch for GPUs that uses none beside one of its kind: the last resort, when no other check told why."""
    live, machine = reading.runtime(snapshot), reading.host(snapshot)
    backend = live.backend("cuda") if live else None
    if live is None or backend is None or not backend.built or backend.available is not False:
        return None
    amd = any(gpu.vendor == "amd" for gpu in (machine.gpus if machine else None) or ())
    if not (amd if live.hip else reading.nvidia_gpus(snapshot)):
        return None
    return Finding(
        code="rocm-driver-mismatch" if live.hip else "driver-init-failed",
        severity=Severity.ERROR,
        summary="there is a GPU, this torch is built for its kind, and does not find it",
        cause=f"no known cause shows; torch says: {backend.error or 'nothing'}",
        expected="torch.cuda.is_available() is True",
        facts=(
            Fact("torch", live.version or "unknown", "live run"),
            *driver_codes(snapshot, matrix),
            *node_facts(snapshot),
        ),
        fix=Fix(
            summary="look at what differs for torch's process",
            commands=(quoted(snapshot, "envkit", "doctor", "--json"),),
            steps=("LD_LIBRARY_PATH and LD_PRELOAD are the usual suspects: try without them",),
        ),
    )


CHECKS = (
    check_driver_missing,
    check_fabric_manager_down,
    check_forward_compat,
    check_driver_too_old,
    check_driver_error,
    check_devices_without_cuda,
)
LAST_RESORT = (check_unused_gpu,)
