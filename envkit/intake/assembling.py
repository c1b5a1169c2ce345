"""The facts of a report as a Snapshot: what was not told is unknown, and says so."""

from typing import Any

import msgspec

from envkit.intake import values
from envkit.intake.part import Part
from envkit.snapshot import (
    Absent,
    Backend,
    CudaDriver,
    Distribution,
    EnvironmentKind,
    Host,
    Interpreter,
    Nvml,
    Packages,
    RunEnd,
    Toolkit,
    TorchBuild,
    TorchDevice,
    TorchRuntime,
    Traces,
    Unknown,
)

_NO_CUDA_ON_MACOS = "CUDA does not exist on macOS"


def sections(part: Part) -> dict[str, Any]:
    """Return the sections of a Snapshot that the facts make up."""
    if part.os is None and part.mps_available:
        part = msgspec.structs.replace(part, os="macos")  # Metal is there alone
    return {
        "host": _host(part),
        "target": _target(part),
        "packages": _packages(part),
        "nvml": _nvml(part),
        "cuda": _cuda(part),
        "torch": _torch(part),
        "toolkit": Toolkit(nvcc=part.nvcc, gcc=part.gcc, cuda_home=part.cuda_home),
        "complaints": part.complaints or (),
        "launchers": part.launchers or (),
        "refusals": part.refusals or (),
    }


def _host(part: Part) -> Host | Unknown:
    if part.os is None and part.display is None and not (part.container or part.variables):
        return Unknown(why="the report does not say which system it is of")
    return Host(
        os=part.os or "",
        os_name=part.os_name,
        kernel=part.kernel,
        arch=part.arch,
        libc=part.libc if part.os == "linux" else "",
        cpu=part.cpu,
        cpus=part.cpus,
        memory_total=part.memory_total,
        shm_total=part.shm_total,
        container=part.container,
        wsl=part.wsl if part.os == "linux" else 0,
        gpus=part.display,
        kernel_module_version=part.kernel_module,
        variables=part.variables or {},
        traces=Traces(nodes=part.nodes),
    )


def _target(part: Part) -> Interpreter | Absent | Unknown:
    if part.environment_broken:
        return Absent(why="its interpreter does not start: No Python at its base", environment=part.environment_broken)
    if part.python is None:
        return Unknown(why="the report does not say which Python it is of")
    return Interpreter(
        executable=part.executable or "python",
        chosen_by="the Python of the report",
        version=part.python,
        implementation=part.implementation or "cpython",
        # Not told is as good as 64: a report on a 32-bit Python shows it by its paths or its banner.
        bits=part.bits or 64,
        prefix="",
        base_prefix="",
        kind=part.kind or EnvironmentKind.SYSTEM,
        externally_managed=bool(part.externally_managed),
        site_dirs=(),
        user_site="",
        user_site_enabled=False,
        search_path=(),
        current_folder="",
        platform_tag="",
        machine=part.arch or "",
        libc=part.libc,
    )


def _packages(part: Part) -> Packages | Unknown:
    """What is installed; a list that may have been cut does not show that torch is missing."""
    listed = part.distributions or ()
    has_torch = any(one.name in ("torch", "pytorch") for one in listed)
    own = any(one.way_in for one in part.modules or ())
    if has_torch or part.whole_list or part.torch or part.torch_absent or own:
        return Packages(
            distributions=tuple(_with_build(one, part) for one in listed), modules=_modules(part), complete=False
        )
    if listed:
        return Unknown(why="the lists in the report do not name torch, and may have been cut: `pip list` tells")
    return Unknown(why="the report lists no installed packages: `pip list` tells")


def _with_build(one: Distribution, part: Part) -> Distribution:
    """A listed torch with what was told of the build of the same release."""
    if one.build is None or (part.torch and _public(part.torch) != _public(one.version)):
        return one
    cuda = part.torch_cuda if one.build.cuda is None else one.build.cuda
    hip = part.torch_hip if one.build.hip is None else one.build.hip
    build = TorchBuild(version=one.build.version, cuda=cuda, hip=hip, xpu=one.build.xpu)
    return msgspec.structs.replace(one, build=build)


def _modules(part: Part) -> tuple[Any, ...]:
    """Where torch comes from, or that the import system finds none; a report of both is of two interpreters."""
    found = part.modules or ()
    present = sorted((one for one in found if one.origin), key=lambda one: not one.way_in)
    each = {one.name: one for one in reversed(present)}
    return tuple(reversed(each.values())) or (found[:1] if not part.torch else ())


def _nvml(part: Part) -> Nvml | Absent | Unknown:
    if part.nvml_error:
        return Nvml(error=part.nvml_error, driver_version=part.driver, devices=part.gpus)
    if part.driver or part.driver_cuda or part.gpus is not None:
        return Nvml(error=0, driver_version=part.driver, cuda_version=part.driver_cuda, devices=part.gpus)
    if part.os == "macos":
        return Absent(why=_NO_CUDA_ON_MACOS)
    if part.nvml_absent:
        return Absent(why=part.nvml_absent)
    return Unknown(why="the report does not say what the NVIDIA driver answers: `nvidia-smi` tells")


def _cuda(part: Part) -> CudaDriver | Absent | Unknown:
    if part.cuda_error:
        return CudaDriver(
            init_error=part.cuda_error,
            library=part.cuda_library,
            cuda_version=part.cuda_api,
            devices=part.cuda_devices,
        )
    if part.cuda_absent:
        return Absent(why=part.cuda_absent)
    uses = part.cuda_available and not part.torch_hip
    if uses or part.cuda_error == 0:
        # torch counts devices through libcuda: where it has one, cuInit has answered 0.
        return CudaDriver(init_error=0, cuda_version=part.cuda_api, devices=part.cuda_devices)
    if part.os == "macos":
        return Absent(why=_NO_CUDA_ON_MACOS)
    if part.nvml_absent and part.torch and part.cuda_available is False and part.torch_cuda == "":
        # Nobody asked libcuda. With no part of the driver to be found, there is none to be asked.
        return Absent(why=part.nvml_absent)
    return Unknown(why="the report does not say what libcuda answers")


def _torch(part: Part) -> TorchRuntime | Absent | Unknown:
    error = part.import_error
    if error is None and part.torch is None and part.torch_absent:
        return Absent(why=part.torch_absent)
    told = (
        part.torch,
        part.cuda_available,
        part.mps_available,
        part.xpu_available,
        part.device_error,
        part.torch_cuda,
        part.torch_hip,
        part.arch_list,
        part.cuda_why,
    )
    if error is None and all(fact is None for fact in told):
        return Unknown(why="the report does not say which torch it is of: `python -m torch.utils.collect_env` tells")
    built = _built(part)
    return TorchRuntime(
        end=RunEnd.FINISHED,
        stage="import" if error else "done",
        error=error,
        version=None if error else part.torch,
        file=part.torch_file,
        cuda=built[0],
        hip=built[1],
        arch_list=part.arch_list,
        backends=() if error else tuple(_backends(part, *built)),
        devices=() if error else _devices(part),
    )


def _built(part: Part) -> tuple[str | None, str | None]:
    """What the build is for: its own word, else its version's, else that of the same torch in a list."""
    lists = [one.build for one in part.distributions or () if one.build]
    same = [one for one in lists if not part.torch or _public(one.version) == _public(part.torch)]
    own = values.build_of(part.torch)
    cuda = next((told for told in (part.torch_cuda, own.cuda, *(one.cuda for one in same)) if told is not None), None)
    hip = next((told for told in (part.torch_hip, own.hip, *(one.hip for one in same)) if told is not None), None)
    return cuda, hip


def _public(version: str | None) -> str:
    return (version or "").partition("+")[0]


def _backends(part: Part, cuda: str | None, hip: str | None) -> list[Backend]:
    found = []
    built = True if cuda or hip or part.arch_list else False if cuda == "" and hip in ("", None) else None
    available = part.cuda_available
    if available is None and part.cuda_why:
        available = False
    if available is not None or built is not None:
        found.append(
            Backend(
                name="cuda",
                built=True if available else built,
                available=available,
                device_count=part.cuda_count,
                error=part.cuda_why or "",
            )
        )
    if part.mps_available is not None:
        found.append(Backend(name="mps", available=part.mps_available, error=part.mps_why or ""))
    if part.xpu_available is not None:
        found.append(Backend(name="xpu", available=part.xpu_available))
    return found


def _devices(part: Part) -> tuple[TorchDevice, ...]:
    if part.device_error:
        first = (part.cuda_devices or (None,))[0]
        return (
            TorchDevice(
                device="cuda",
                name=first.name if first else None,
                compute_capability=first.compute_capability if first else None,
                works=False,
                error=part.device_error,
            ),
        )
    return tuple(
        TorchDevice(device=f"cuda:{one.index}", name=one.name, compute_capability=one.compute_capability)
        for one in part.cuda_devices or ()
    )
