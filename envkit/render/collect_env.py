"""The block of `python -m torch.utils.collect_env`, for maintainers who ask for it: its labels, our facts.

What the Snapshot does not know reads "Could not collect", as torch's own script has it.
"""

import re
from collections.abc import Iterator

from envkit.render.text import clean
from envkit.snapshot import (
    Absent,
    CudaDriver,
    Host,
    Interpreter,
    Nvml,
    Packages,
    Snapshot,
    TorchRuntime,
)

_UNKNOWN, _NOT_APPLICABLE, _NO_CUDA = "Could not collect", "N/A", "No CUDA"
_ALLOCATORS = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
_LISTED = re.compile(
    "mypy|flake8|onnx|torch|numpy|triton|optree|cuda-(?:cudart|cupti|libraries|opencl|nvrtc|runtime)|cublas|cudnn|cufft"
    "|curand|cusolver|cusparse|nccl|nvjitlink|nvtx|dpcpp-cpp-rt|intel-(?:cmplr|opencl-rt|sycl-rt|openmp|pti)|mkl|tbb"
    "|impi-|oneccl|umf|tcmlib|cudatoolkit|soumith|magma"
)
"""What torch's script lists of what is installed."""
_CPU_COLUMN = 41
_MODELS = "GPU models and configuration"
"""The one label with several lines behind it."""

Rows = Iterator[tuple[str, str | None]]


def render_collect_env(snapshot: Snapshot) -> str:
    """Return the block, and behind it the errors that it has no label for."""
    told = ["\n".join(_row(*row) for row in rows) for rows in (_torch(snapshot), _system(snapshot), _runtime(snapshot))]
    told += [f"CPU:\n{_cpu(snapshot)}", f"Versions of relevant libraries:\n{_libraries(snapshot)}"]
    said = list(dict.fromkeys(filter(None, map(str.strip, _said(snapshot)))))
    told += [clean("\n\n".join(["What was said:", *said]))] if said else []
    return "\n\n".join(told) + "\n"


def _row(label: str, value: str | None) -> str:
    return f"{label}: {_UNKNOWN if value is None else value if label == _MODELS else _line(value)}"


def _line(text: object) -> str:
    """Foreign text on one line: what it holds must not read as another label."""
    return " ".join(clean(str(text)).split())


def _torch(snapshot: Snapshot) -> Rows:
    live = _live(snapshot)
    yield "PyTorch version", live.version if live else _without(snapshot)
    yield "Is debug build", None if live else _without(snapshot)
    yield "CUDA used to build PyTorch", _built_for_cuda(snapshot)
    yield "ROCM used to build PyTorch", (live.hip or _NOT_APPLICABLE) if live else _without(snapshot)


def _system(snapshot: Snapshot) -> Rows:
    host = snapshot.host if isinstance(snapshot.host, Host) else None
    name = (host.os_name or host.os) if host else None
    yield "OS", f"{name} ({host.arch})" if host and name and host.arch and f"({host.arch})" not in name else name
    yield "GCC version", snapshot.toolkit.gcc or None
    yield "Clang version", None
    yield "CMake version", None
    libc = host.libc if host else None
    yield "Libc version", libc.replace(" ", "-") if libc else _NOT_APPLICABLE if libc == "" else None


def _runtime(snapshot: Snapshot) -> Rows:
    live, target, toolkit = _live(snapshot), snapshot.target, snapshot.toolkit
    known = isinstance(target, Interpreter) and target.version
    yield "Python version", f"{target.version} ({target.bits}-bit runtime)" if known else None  # type: ignore[union-attr]
    yield "Python platform", _platform(snapshot)
    yield "Is CUDA available", _available(snapshot, "cuda")
    no_cuda = _NO_CUDA if _is_without_cuda(snapshot) else None
    yield "CUDA runtime version", toolkit.nvcc or no_cuda
    yield "CUDA_MODULE_LOADING set to", _module_loading(snapshot)
    yield _MODELS, _gpus(snapshot) or no_cuda
    yield "Nvidia driver version", _driver(snapshot) or no_cuda
    yield "cuDNN version", no_cuda
    yield "Is XPU available", _available(snapshot, "xpu")
    without = _NOT_APPLICABLE if live and live.hip == "" else None if live else _without(snapshot)
    yield "HIP runtime version", without
    yield "MIOpen runtime version", without
    yield "Is XNNPACK available", None if live else _without(snapshot)
    yield "Caching allocator config", _allocator(snapshot)


def _live(snapshot: Snapshot) -> TorchRuntime | None:
    """Torch as it told of itself; None where the import failed, as torch's script sees it then."""
    found = snapshot.torch
    return found if isinstance(found, TorchRuntime) and found.version and not found.error else None


def _without(snapshot: Snapshot) -> str | None:
    """What stands for torch where it could not be imported; None where nobody tried."""
    failed = isinstance(snapshot.torch, Absent) or (isinstance(snapshot.torch, TorchRuntime) and snapshot.torch.error)
    return _NOT_APPLICABLE if failed else None


def _built_for_cuda(snapshot: Snapshot) -> str | None:
    live = _live(snapshot)
    if live is None:
        return _without(snapshot)
    if live.hip:
        return _NOT_APPLICABLE
    return live.cuda or ("None" if _is_without_cuda(snapshot) else None)


def _is_without_cuda(snapshot: Snapshot) -> bool:
    """Say whether nothing of CUDA is there: the driver was looked for in vain, or torch's script would say so too."""
    if isinstance(snapshot.nvml, Absent) and isinstance(snapshot.cuda, Absent):
        return True
    found = snapshot.toolkit.nvcc or _gpus(snapshot) or _driver(snapshot)
    return _available(snapshot, "cuda") == "False" and not found


def _available(snapshot: Snapshot, backend: str) -> str | None:
    live = _live(snapshot)
    if live is None:
        return _without(snapshot)
    told = live.backend(backend)
    return None if told is None or told.available is None else str(told.available)


def _platform(snapshot: Snapshot) -> str | None:
    host = snapshot.host
    if not isinstance(host, Host) or host.os != "linux" or not host.kernel or not host.arch:
        return None
    libc = f"-with-{host.libc.replace(' ', '')}" if host.libc else ""
    return f"Linux-{host.kernel}-{host.arch}{libc}"


def _module_loading(snapshot: Snapshot) -> str | None:
    if _available(snapshot, "cuda") == "True":
        return _variables(snapshot).get("CUDA_MODULE_LOADING")
    return _NOT_APPLICABLE if _live(snapshot) else _without(snapshot)


def _variables(snapshot: Snapshot) -> dict[str, str]:
    return snapshot.host.variables if isinstance(snapshot.host, Host) else {}


def _allocator(snapshot: Snapshot) -> str:
    told = {name: value for name, value in _variables(snapshot).items() if name in _ALLOCATORS and value}
    return str(told) if told else _NOT_APPLICABLE


def _gpus(snapshot: Snapshot) -> str | None:
    """The GPUs as nvidia-smi lists them; several begin on a line of their own."""
    listed = [
        (device.index, device.name)
        for section in (snapshot.nvml, snapshot.cuda)
        if isinstance(section, (Nvml, CudaDriver))
        for device in section.devices or ()
        if device.name
    ]
    shown = snapshot.host.gpus or () if isinstance(snapshot.host, Host) else ()
    lines = list(dict.fromkeys(f"GPU {index}: {name}" for index, name in listed))
    lines = lines or [gpu.name for gpu in shown if gpu.name]
    told = list(map(_line, lines))
    return "\n".join(["", *told, ""]) if len(told) > 1 else told[0] if told else None


def _driver(snapshot: Snapshot) -> str | None:
    return snapshot.nvml.driver_version if isinstance(snapshot.nvml, Nvml) else None


def _said(snapshot: Snapshot) -> Iterator[str]:
    """What went wrong, in the words of torch and of what a report quotes."""
    live = snapshot.torch
    if isinstance(live, TorchRuntime):
        error = live.error
        yield error.traceback or f"{error.type}: {error.message}" if error else ""
        yield from (backend.error for backend in live.backends)
        yield from (f"{device.device}: {device.error}" for device in live.devices if device.error)
        yield f"import torch: {live.died_of}\n{live.stderr}" if live.died_of else ""
    yield from (complaint.text for complaint in snapshot.complaints)
    yield from (refusal.text for refusal in snapshot.refusals)


def _cpu(snapshot: Snapshot) -> str:
    """What lscpu has of it; its own columns."""
    host = snapshot.host
    if not isinstance(host, Host):
        return _UNKNOWN
    rows = (("Architecture", host.arch), ("CPU(s)", host.cpus), ("Model name", host.cpu))
    lines = [f"{f'{label}:':<{_CPU_COLUMN}}{_line(value)}" for label, value in rows if value]
    return "\n".join(lines) or _UNKNOWN


def _libraries(snapshot: Snapshot) -> str:
    packages = snapshot.packages
    if not isinstance(packages, Packages):
        return f"[pip3] {_UNKNOWN}\n[conda] {_UNKNOWN}"
    found = [one for one in packages.distributions if _LISTED.search(one.name)]
    named = sorted({(_line(one.name), _line(one.version), one.installer == "conda") for one in found})
    # pip lists what conda installed too.
    by_pip = list(dict.fromkeys(f"[pip3] {name}=={version}" for name, version, _ in named))
    by_conda = [f"[conda] {name:<25} {version}" for name, version, is_conda in named if is_conda]
    return "\n".join([*(by_pip or ["[pip3] No relevant packages"]), *(by_conda or [f"[conda] {_UNKNOWN}"])])
