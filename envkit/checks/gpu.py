"""Is there a GPU, may this process see it, and does the build have code for it?"""

from typing import NamedTuple

from envkit import reading
from envkit.checks.fixes import install_torch, quoted
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.matrix.errors import NOT_A_FAULT
from envkit.matrix.gpus import runs_on
from envkit.matrix.versions import minor, public
from envkit.snapshot import HOSTED, Absent, Backend, CudaDriver, Nvml, RunEnd, Snapshot

_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
_CUDA_NO_DEVICE = 100


def check_gpu_hidden(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find GPUs that a variable keeps from the process, all of them or the one that it asks for."""
    quotes = reading.quotes(snapshot, matrix, "gpu-hidden")
    name = _hiding(snapshot, complained=bool(quotes))
    if name is None:
        return None
    value = reading.variables(snapshot)[name]
    shown = repr(value) if value else "empty"
    return Finding(
        code="gpu-hidden",
        severity=Severity.ERROR,
        summary=f"{name} hides GPUs from this process",
        cause=f"{name} is {shown}, which does not name the GPU that the program asks for",
        expected=f"{name} unset, or naming GPUs that exist (0, 0,1, a UUID)",
        facts=(Fact(name, shown, "environment"), reading.gpu_fact(snapshot), *quotes),
        fix=Fix(summary="unset it", commands=(shell_of(snapshot).unset(name),), steps=(_NUMBERED_ANEW,)),
        explains=("driver-init-failed", "rocm-permission", "rocm-driver-mismatch", "xpu-runtime-missing"),
    )


_NUMBERED_ANEW = "GPUs that it names are numbered from 0 for the program: with `2,3` they are cuda:0 and cuda:1"


def _hiding(snapshot: Snapshot, *, complained: bool) -> str | None:
    """The variable that hides what is asked for, None where none does."""
    values, live = reading.variables(snapshot), reading.runtime(snapshot)
    if _hides_all_of_nvidia(snapshot):
        return _VARIABLES[0]
    name = next((name for name in _VARIABLES if name in values), None)
    if name is None or (reading.cuda_works(snapshot) and not complained):
        return None
    if complained:
        return name  # a program was refused a GPU, and the report says that a variable chooses among them
    hip = bool(live and live.hip)
    amd = hip and name != _VARIABLES[3] and bool(reading.cards(snapshot, "amd"))
    return name if amd and values[name].strip() in ("", "-1") else None


def _hides_all_of_nvidia(snapshot: Snapshot) -> bool:
    """Say whether CUDA_VISIBLE_DEVICES is set, libcuda shows no device, and there are some."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    if _VARIABLES[0] not in reading.variables(snapshot) or driver is None or not _sees_none(driver):
        return False
    if manager is not None:
        return manager.error == 0 and bool(manager.devices)
    return bool(reading.nvidia_gpus(snapshot))


def _sees_none(driver: CudaDriver) -> bool:
    return driver.init_error == _CUDA_NO_DEVICE or (driver.init_error == 0 and driver.devices == ())


def check_no_gpu_offered(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a program that was refused a GPU which it asked for, and nothing that says why: the last resort."""
    machine = reading.host(snapshot)
    hosted = machine is not None and machine.container == HOSTED
    quotes = reading.quotes(snapshot, matrix, "gpu-hidden")
    if hosted and not quotes:
        quotes = reading.quotes(snapshot, matrix, "driver-missing")
    # Of a machine that was looked at and has no GPU, torch's complaint is no fault.
    without = not snapshot.pasted and _nothing_answers(snapshot, matrix) and not reading.nvidia_gpus(snapshot)
    if not quotes or without:
        return None
    if hosted and not reading.cuda_works(snapshot):
        return Finding(
            code="gpu-absent",
            severity=Severity.WARNING,
            summary="the hosted notebook was started without a GPU",
            cause="the program asks for a GPU, and this kind of machine has one only where it was chosen",
            expected="a GPU in the machine, or a program that computes on the CPU",
            facts=quotes,
            fix=Fix(
                summary="choose a machine with a GPU",
                steps=("Colab: Runtime, Change runtime type, a GPU; the notebook starts anew",),
            ),
            explains=("gpu-hidden",),
        )
    return Finding(
        code="gpu-hidden",
        severity=Severity.ERROR,
        summary="the GPU that the program asks for is not offered to it",
        cause="the driver starts and offers no such device: a variable that is set inside the program or by what "
        "starts it hides it, or its number is higher than the GPUs are many",
        expected="as many GPUs as the program asks for",
        facts=(*quotes, *reading.variable_facts(snapshot, *_VARIABLES), reading.gpu_fact(snapshot)),
        fix=Fix(
            summary="see what the program is offered",
            commands=(
                'python -c "import torch; print(torch.cuda.device_count())"',
                shell_of(snapshot).list_variables("VISIBLE_DEVICES"),
            ),
            steps=(
                "CUDA_VISIBLE_DEVICES set after torch has begun to use CUDA has no effect, or the wrong one",
                _NUMBERED_ANEW,
            ),
        ),
    )


def check_chosen_gpu_lacking(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a report in which torch has no CUDA, and a variable names none of the known GPUs: the last resort."""
    torch, backend = reading.installed_torch(snapshot), _backend(snapshot, "cuda")
    refused = backend is not None and backend.available is False
    value = reading.variables(snapshot).get(_VARIABLES[0])
    if not snapshot.pasted or not refused or value is None or (torch is not None and (torch.cuda == "" or torch.hip)):
        return None
    gpus = reading.nvidia_gpus(snapshot)
    if not _chooses_none(value, len(gpus) if gpus else 1):
        return None
    return Finding(
        code="gpu-hidden",
        severity=Severity.ERROR,
        summary=f"{_VARIABLES[0]} names no GPU that is known here",
        cause=f"{_VARIABLES[0]} is {value or 'empty'}; of GPUs, {_known(len(gpus or ()))}",
        expected=f"{_VARIABLES[0]} unset, or naming GPUs that exist (0, 0,1, a UUID)",
        facts=(Fact(_VARIABLES[0], repr(value), "environment"), reading.gpu_fact(snapshot)),
        fix=Fix(summary="unset it", commands=(shell_of(snapshot).unset(_VARIABLES[0]),), steps=(_NUMBERED_ANEW,)),
    )


def _known(count: int) -> str:
    if not count:
        return "none beyond number 0 is told of"
    return "one is known, which is number 0" if count == 1 else f"{count} are known, which are 0 to {count - 1}"


def _chooses_none(value: str, count: int) -> bool:
    """Say whether the first entry, at which CUDA stops when it does not exist, is no GPU of so many."""
    first = value.partition(",")[0].strip()
    return first in ("", "-1") or (first.isdecimal() and int(first) >= count)


def check_gpu_absent(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that the machine has no GPU for torch: CPU only is then the right answer."""
    machine = reading.host(snapshot)
    asked = reading.quotes(snapshot, matrix, "torch-cpu-build") if machine and machine.os == "macos" else ()
    if (
        not (asked or _nothing_answers(snapshot, matrix) or _said_without(snapshot, matrix))
        or reading.nvidia_gpus(snapshot)
        or _other_accelerator(snapshot)
    ):
        return None
    mps = _backend(snapshot, "mps")
    silicon = machine is not None and (machine.os, machine.arch) == ("macos", "arm64")
    if silicon and not asked and (mps is None or mps.available is not False):
        return None  # Apple silicon has a GPU; whether torch may use it, only torch can tell
    others = [gpu for gpu in (machine.gpus or ()) if gpu.vendor == "amd"] if machine else []
    also = f" (an AMD display device {others[0].device_id} is there; ROCm was not examined)" if others else ""
    return Finding(
        code="gpu-absent",
        severity=Severity.NOTE,
        summary="no NVIDIA GPU in this machine: torch computes on the CPU, and that is right"
        if reading.installed_torch(snapshot)
        else "no NVIDIA GPU in this machine: a torch for the CPU would be right here",
        cause="CUDA does not exist on macOS: the program must ask for `mps` or `cpu`"
        if asked
        else f"no driver library answers with a device and none is on the PCI bus{also}",
        facts=(
            *asked,
            Fact("libcuda", _answer(snapshot.cuda), "loader"),
            Fact("NVML", _answer(snapshot.nvml), "loader"),
            reading.gpu_fact(snapshot),
        ),
    )


def _backend(snapshot: Snapshot, name: str) -> Backend | None:
    live = reading.runtime(snapshot)
    return live.backend(name) if live else None


def _said_without(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether a report tells of a machine without a GPU for torch, in which a program looks for one."""
    machine = reading.host(snapshot)
    if reading.quotes(snapshot, matrix, "gpu-absent"):
        return True
    asks = any(reading.quotes(snapshot, matrix, code) for code in ("driver-missing", "gpu-hidden"))
    known = machine is not None and machine.gpus is not None and not isinstance(snapshot.nvml, Nvml)
    return asks and known and not reading.cards(snapshot, "amd")


def _nothing_answers(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether both libraries were really asked and neither has a device or a fault."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    cuda_empty = isinstance(snapshot.cuda, Absent) or (driver is not None and _sees_none(driver))
    nvml_empty = isinstance(snapshot.nvml, Absent) or (
        manager is not None
        and not manager.devices
        and (manager.error == 0 or matrix.errors.nvml(manager.error).diagnosis == "gpu-absent")
    )
    return cuda_empty and nvml_empty


def _other_accelerator(snapshot: Snapshot) -> bool:
    live = reading.runtime(snapshot)
    return live is not None and any(backend.available for backend in live.backends)


def _answer(section: object) -> str:
    return section.why if isinstance(section, Absent) else "loaded, lists no device"


def check_gpu_arch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a GPU that the installed build holds no code for."""
    torch = reading.installed_torch(snapshot)
    if torch is not None and torch.hip:
        return None  # a ROCm build speaks of the same in other words
    gpus, archs = _capabilities(snapshot, matrix), _code_objects(snapshot, matrix)
    left_out = [gpu for gpu in gpus if archs and not runs_on(archs, gpu.capability)]
    quotes = reading.quotes(snapshot, matrix, "gpu-arch-unsupported")
    if not (left_out or quotes):
        return None
    named = f"this torch holds no code for the {left_out[0].name or 'GPU'}" if left_out else _NO_CODE
    return Finding(
        code="gpu-arch-unsupported",
        severity=Severity.ERROR if quotes or len(left_out) == len(gpus) else Severity.WARNING,
        summary=named,
        cause=f"the GPU has compute capability {left_out[0].capability}; the build holds {' '.join(archs)}"
        if left_out
        else "what was compiled holds code for other GPUs than this one, which is too new or too old for it",
        expected="a build with code for every GPU of the machine",
        facts=(
            *((torch.fact,) if torch else ()),
            *(Fact(f"GPU {gpu.number}", f"{gpu.name}, {gpu.capability}", gpu.source) for gpu in left_out or gpus),
            *quotes,
        ),
        fix=install_torch(snapshot, matrix, "install a build that has it", reinstall=True),
        explains=("driver-init-failed", "companion-mismatch"),
    )


_NO_CODE = "there is no code for this GPU in what was meant to run on it"


class _Gpu(NamedTuple):
    number: int
    name: str | None
    capability: str
    source: str


def _capabilities(snapshot: Snapshot, matrix: Matrix) -> list[_Gpu]:
    """The GPUs whose compute capability is known: from libcuda, else NVML, else by their name."""
    driver = reading.cuda(snapshot)
    asked = [
        _Gpu(one.index, one.name, one.compute_capability, "libcuda")
        for one in (driver.devices if driver else None) or ()
        if one.compute_capability
    ]
    if asked:
        return asked
    return [
        _Gpu(one.index, one.name, capability, "NVML" if one.compute_capability else "its name")
        for one in reading.devices(snapshot)
        if (capability := one.compute_capability or matrix.gpus.compute_capability(one.name or ""))
    ]


def _code_objects(snapshot: Snapshot, matrix: Matrix) -> tuple[str, ...]:
    """The code objects of the build: torch's own word, else what the matrix knows of the release; () is unknown."""
    live, torch, platform = (
        reading.runtime(snapshot),
        reading.installed_torch(snapshot),
        reading.platform(snapshot),
    )
    if live is not None and live.arch_list:
        return live.arch_list if live.cuda != "" else ()
    if torch is None or not torch.cuda or platform is None:
        return ()
    known = matrix.torch.builds(torch=public(torch.version), backend=backend_of(minor(torch.cuda)), platform=platform)
    return next((build.archs for build in known if build.archs), ())


_BY_TEXT = (
    *("gpu-arch-unsupported", "gpu-memory-full", "gpu-exclusive", "gpu-lost", "gpu-memory-errors", "gpu-mig"),
    *("driver-too-old", "fabric-manager-down", "forward-compat-unsupported", "driver-library-mismatch"),
    *("rocm-gpu-unsupported", "rocm-permission", "rocm-driver-mismatch", "xpu-runtime-missing", "mps-unavailable"),
    *("library-path-conflict", "gpu-hidden", "nccl-failure"),
)
"""What the words of a failed operation may name; checks of their own tell them with what else is known."""


def check_device_works(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a device that torch offers and that fails on a tiny operation, or kills the process."""
    live = reading.runtime(snapshot)
    # What has no version is no whole torch: as a rule a check of the install has told already.
    return _failing_device(snapshot, matrix) if live and (live.version or snapshot.pasted) else None


def check_nameless_device(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that what is called torch fails on first use, and no other check says why: the last resort."""
    return _failing_device(snapshot, matrix)


def _failing_device(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    live = reading.runtime(snapshot)
    failing = [device for device in live.devices if device.works is False] if live else []
    died_at = live.stage.removeprefix("device ") if live and live.end is RunEnd.CRASHED else "import"
    if live is None or not (failing or died_at != "import"):
        return None
    name, told = (failing[0].device, failing[0].error) if failing else (died_at, f"the process died of {live.died_of}")
    pointed = matrix.errors.cause_of(told)
    if pointed in _BY_TEXT:
        return None
    if snapshot.pasted and pointed in (None, NOT_A_FAULT):
        return None  # what a program did to the device; a live run does nothing but a tiny operation
    return Finding(
        code="torch-corrupt" if name == "cpu" else "driver-init-failed",
        severity=Severity.ERROR,
        summary=f"torch offers {name} and fails when it is used",
        cause=told or "a tiny operation gave a wrong number",
        expected="a tiny operation on every device gives the right number",
        facts=(Fact(name, told or "wrong number", "live run"), reading.gpu_fact(snapshot)),
        fix=Fix(
            summary="see what the full test says",
            commands=(quoted(snapshot, "envkit", "smoke", "--device", name),),
        ),
    )


CHECKS = (
    check_gpu_hidden,
    check_gpu_arch,
    check_device_works,
    check_gpu_absent,
)
LAST_RESORT = (check_chosen_gpu_lacking, check_no_gpu_offered, check_nameless_device)
