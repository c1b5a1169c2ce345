"""What was read of a pasted report: only what it tells, and what to ask its author for."""

from collections.abc import Iterator

from envkit.findings import Diagnosis
from envkit.render.terminal.lines import Rows
from envkit.render.text import counted, size
from envkit.snapshot import CudaDriver, Host, Interpreter, Nvml, ProbeOutcome, Snapshot, TorchRuntime

_CONTRADICTION, _CUT = "contradiction", "reading"
_NOT_FORMATS = (_CONTRADICTION, _CUT)
_MOST = 3


def told_rows(snapshot: Snapshot, *, verbose: bool = False) -> Rows:
    """Yield the formats that were read, and each part of the machine that they tell of."""
    crashed = [run for run in snapshot.probes if run.outcome is ProbeOutcome.CRASHED]
    formats = [run for run in snapshot.probes if run.name not in _NOT_FORMATS and run not in crashed]
    if verbose:
        yield from ((run.name, run.detail) for run in formats)
    else:
        yield "read", ", ".join(run.name for run in formats) or "nothing but words"
    parts = (
        ("Python", _python(snapshot)),
        ("torch", _torch(snapshot)),
        ("driver", _driver(snapshot)),
        ("GPU", _gpus(snapshot)),
        ("host", _host(snapshot)),
        ("tools", _tools(snapshot)),
    )
    for name, told in parts:
        text = ", ".join(told)
        if text:
            yield name, text
    unclear = [run.detail for run in snapshot.probes if run.name == _CONTRADICTION]
    unclear += [f"{run.name}: {run.detail}" for run in crashed]
    yield from (("unclear", each) for each in (unclear if verbose else unclear[:_MOST]))
    yield from (("cut", run.detail) for run in snapshot.probes if run.name == _CUT)


def asked_rows(diagnosis: Diagnosis) -> Rows:
    """Yield what to ask for, and what it will tell."""
    for at, ask in enumerate(diagnosis.asks):
        yield "ask for" if at == 0 else "", f"{ask.command}  (tells {', '.join(ask.facts)})"


def _python(snapshot: Snapshot) -> Iterator[str]:
    target = snapshot.target
    if isinstance(target, Interpreter):
        yield target.version
        yield from [target.implementation] if target.implementation != "cpython" else []
        yield from ["32 bit"] if target.bits != 64 else []
        yield from [target.kind.value] if target.kind.value != "system" else []


def _torch(snapshot: Snapshot) -> Iterator[str]:
    live = snapshot.torch
    if not isinstance(live, TorchRuntime):
        return
    if live.error:
        yield f"import fails: {live.error.type}: {live.error.message}".partition("\n")[0]
        return
    built = f"built for CUDA {live.cuda}" if live.cuda else f"built for ROCm {live.hip}" if live.hip else ""
    yield from filter(None, (live.version, built or ("built without CUDA" if live.cuda == "" else "")))
    for backend in live.backends:
        if backend.available is not None:
            yield f"torch.{backend.name}.is_available() is {backend.available}"
    yield from (f"{device.device} fails: {device.error}" for device in live.devices if device.works is False)


def _driver(snapshot: Snapshot) -> Iterator[str]:
    nvml, cuda = snapshot.nvml, snapshot.cuda
    if isinstance(nvml, Nvml):
        yield from [f"NVIDIA {nvml.driver_version}"] if nvml.driver_version else []
        yield from [f"CUDA {nvml.cuda_version} at most"] if nvml.cuda_version else []
        yield from [f"NVML answers {nvml.error}"] if nvml.error else []
    if isinstance(cuda, CudaDriver) and cuda.init_error:
        yield f"CUDA answers {cuda.init_error}"


def _gpus(snapshot: Snapshot) -> Iterator[str]:
    nvml, cuda, host = snapshot.nvml, snapshot.cuda, snapshot.host
    listed = (nvml.devices if isinstance(nvml, Nvml) else None) or (
        cuda.devices if isinstance(cuda, CudaDriver) else None
    )
    shown = host.gpus if isinstance(host, Host) else None
    names = [device.name for device in listed or () if device.name] or [gpu.name for gpu in shown or () if gpu.name]
    yield from [counted(names)] if names else []


def _host(snapshot: Snapshot) -> Iterator[str]:
    host = snapshot.host
    if not isinstance(host, Host):
        return
    name = host.os_name or host.os
    yield name
    yield from [host.arch] if host.arch and host.arch not in name else []
    yield from [host.libc] if host.libc else []
    yield from [f"in {host.container}"] if host.container else []
    yield from [f"WSL {host.wsl}"] if host.wsl else []
    yield from [f"memory {size(host.memory_total)}"] if host.memory_total is not None else []
    yield from [f"shared memory {size(host.shm_total)}"] if host.shm_total is not None else []


def _tools(snapshot: Snapshot) -> Iterator[str]:
    tools = snapshot.toolkit
    yield from [f"nvcc {tools.nvcc}"] if tools.nvcc else []
    yield from [f"gcc {tools.gcc}"] if tools.gcc else []
    yield from [f"CUDA_HOME {tools.cuda_home}"] if tools.cuda_home else []
