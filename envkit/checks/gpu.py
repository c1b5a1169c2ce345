"""Is there a GPU, may this process see it, and does the build have code for it?"""

from envkit import reading
from envkit.checks.fixes import install_torch, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.errors import NOT_A_FAULT
from envkit.matrix.gpus import runs_on
from envkit.snapshot import Absent, CudaDriver, RunEnd, Snapshot

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_CUDA_NO_DEVICE = 100


def check_gpu_hidden(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find GPUs that CUDA_VISIBLE_DEVICES keeps from the process, all of them."""
    value, driver, manager = (
        reading.variables(snapshot).get(_VARIABLE),
        reading.cuda(snapshot),
        reading.nvml(snapshot),
    )
    if value is None or driver is None or not _sees_none(driver):
        return None
    if manager is not None and (manager.error != 0 or not manager.devices):
        return None  # nothing is there to be hidden
    if manager is None and not reading.nvidia_gpus(snapshot):
        return None
    shown = repr(value) if value else "empty"
    return Finding(
        code="gpu-hidden",
        severity=Severity.ERROR,
        summary=f"{_VARIABLE} hides every GPU from this process",
        cause=f"{_VARIABLE} is {shown}, which names no GPU of this machine",
        expected=f"{_VARIABLE} unset, or naming GPUs that exist (0, 0,1, a UUID)",
        facts=(Fact(_VARIABLE, shown, "environment"), reading.gpu_fact(snapshot)),
        fix=Fix(summary="unset it", commands=(_unset(snapshot),)),
        explains=("driver-init-failed",),
    )


def _sees_none(driver: CudaDriver) -> bool:
    return driver.init_error == _CUDA_NO_DEVICE or (driver.init_error == 0 and driver.devices == ())


def _unset(snapshot: Snapshot) -> str:
    machine = reading.host(snapshot)
    return f"Remove-Item Env:{_VARIABLE}" if machine and machine.os == "windows" else f"unset {_VARIABLE}"


def check_gpu_absent(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find that the machine has no GPU for torch: CPU only is then the right answer."""
    machine, live = reading.host(snapshot), reading.runtime(snapshot)
    if not _nothing_answers(snapshot) or reading.nvidia_gpus(snapshot) or _other_accelerator(snapshot):
        return None
    if machine and (machine.os, machine.arch) == ("macos", "arm64") and live is None:
        return None  # Apple silicon has a GPU; whether torch may use it, only torch can tell
    others = [gpu for gpu in (machine.gpus or ()) if gpu.vendor == "amd"] if machine else []
    also = f" (an AMD display device {others[0].device_id} is there; ROCm was not examined)" if others else ""
    return Finding(
        code="gpu-absent",
        severity=Severity.NOTE,
        summary="no NVIDIA GPU in this machine: torch computes on the CPU, and that is right",
        cause=f"no driver library answers with a device and none is on the PCI bus{also}",
        facts=(
            Fact("libcuda", _answer(snapshot.cuda), "loader"),
            Fact("NVML", _answer(snapshot.nvml), "loader"),
            reading.gpu_fact(snapshot),
        ),
    )


def _nothing_answers(snapshot: Snapshot) -> bool:
    """Say whether both libraries were really asked and neither has a device or a fault."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    cuda_empty = isinstance(snapshot.cuda, Absent) or (driver is not None and _sees_none(driver))
    nvml_empty = isinstance(snapshot.nvml, Absent) or (
        manager is not None and manager.error == 0 and not manager.devices
    )
    return cuda_empty and nvml_empty


def _other_accelerator(snapshot: Snapshot) -> bool:
    live = reading.runtime(snapshot)
    return live is not None and any(backend.available for backend in live.backends)


def _answer(section: object) -> str:
    return section.why if isinstance(section, Absent) else "loaded, lists no device"


def check_gpu_arch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a GPU that the installed build holds no code for."""
    live, driver = reading.runtime(snapshot), reading.cuda(snapshot)
    if live is None or not live.arch_list or driver is None or not live.cuda:
        return None
    left_out = [
        device
        for device in driver.devices or ()
        if device.compute_capability and not runs_on(live.arch_list, device.compute_capability)
    ]
    if not left_out:
        return None
    first = left_out[0]
    return Finding(
        code="gpu-arch-unsupported",
        severity=Severity.ERROR if len(left_out) == len(driver.devices or ()) else Severity.WARNING,
        summary=f"this torch holds no code for the {first.name or 'GPU'}",
        cause=f"the GPU has compute capability {first.compute_capability}; the build holds {' '.join(live.arch_list)}",
        expected="a build with code for every GPU of the machine",
        facts=(
            Fact("torch", live.version or "unknown", "live run"),
            *(
                Fact(f"GPU {device.index}", f"{device.name}, {device.compute_capability}", "libcuda")
                for device in left_out
            ),
        ),
        fix=install_torch(snapshot, matrix, "install a build that has it", reinstall=True),
        explains=("driver-init-failed",),
    )


_BY_TEXT = ("gpu-arch-unsupported", "gpu-memory-full", "gpu-exclusive", "gpu-lost")


def check_device_works(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a device that torch offers and that fails on a tiny operation, or kills the process."""
    live = reading.runtime(snapshot)
    failing = [device for device in live.devices if device.works is False] if live else []
    died_at = live.stage.removeprefix("device ") if live and live.end is RunEnd.CRASHED else "import"
    if live is None or not (failing or died_at != "import"):
        return None
    name, told = (failing[0].device, failing[0].error) if failing else (died_at, f"the process died of {live.died_of}")
    pointed = matrix.errors.cause_of(told)
    if snapshot.pasted and pointed == NOT_A_FAULT:
        return None  # what a program did to the device; a live run does nothing but a tiny operation
    otherwise = "torch-corrupt" if name == "cpu" else "driver-init-failed"
    return Finding(
        code=pointed if pointed in _BY_TEXT else otherwise,
        severity=Severity.ERROR,
        summary=f"torch offers {name} and fails when it is used",
        cause=told or "a tiny operation gave a wrong number",
        expected="a tiny operation on every device gives the right number",
        facts=(Fact(name, told or "wrong number", "live run"), reading.gpu_fact(snapshot)),
        fix=_after_failed_use(snapshot, matrix, pointed, name),
    )


def _after_failed_use(snapshot: Snapshot, matrix: Matrix, pointed: str | None, device: str) -> Fix:
    if pointed == "gpu-arch-unsupported":
        return install_torch(snapshot, matrix, "install a build that has code for it", reinstall=True)
    if pointed == "gpu-memory-full":
        return Fix(summary="see who holds the memory, and end it", commands=("nvidia-smi",))
    command = quoted(snapshot, "envkit", "smoke", "--device", device)
    return Fix(summary="see what the full test says", commands=(command,))


CHECKS = (check_gpu_hidden, check_gpu_arch, check_device_works, check_gpu_absent)
