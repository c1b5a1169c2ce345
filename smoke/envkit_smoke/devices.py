"""Which devices torch sees here, why it does not see another, and how to wait for one."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Callable, Sequence

ALL = "all"


@dataclass(frozen=True)
class Device:
    """A device as torch names it, index included, and what it calls itself."""

    device: str
    name: str


def parse(text: str) -> str:
    """The full name of a device as typed: "cuda" is "cuda:0", as in torch. ValueError if it is none."""
    if text in ("cpu", ALL):
        return text
    match = re.fullmatch(r"(cuda|xpu)(?::(\d{1,4}))?|mps(?::0)?", text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is no device: cpu, cuda, cuda:N, mps, xpu, xpu:N or all")
    return f"{match.group(1) or 'mps'}:{int(match.group(2) or 0)}"


def detect(torch: Any) -> list[Device]:
    """Every device torch can compute on now; "cpu" is always the first. A backend that fails has none."""
    found = [Device("cpu", cpu_name())]
    for backend in ("cuda", "xpu"):
        count = _count(torch, backend)
        found += [Device(f"{backend}:{index}", _name(torch, backend, index)) for index in range(count)]
    if _is_available(_mps(torch)):
        found.append(Device("mps:0", "Apple GPU"))
    return found


def why_unavailable(torch: Any, device: str) -> str:
    """One sentence on why torch does not offer a device that it does not offer."""
    backend = device.partition(":")[0]
    reasons = {"cuda": _why_no_cuda, "mps": _why_no_mps, "xpu": _why_no_xpu}
    count = _count(torch, backend) if backend != "mps" else 0
    if count:
        return f"torch sees {count} {backend} device{'s' if count > 1 else ''}, numbered from 0"
    return reasons[backend](torch)


def synchroniser(torch: Any, device: str) -> Callable[[], None]:
    """A function that returns once the device has done all that was asked of it."""
    backend = device.partition(":")[0]
    if backend == "cpu":
        return _nothing
    wait = getattr(getattr(torch, backend, None), "synchronize", None)
    if wait is None:  # mps before torch 2.0
        return lambda: _copy_back(torch, device)
    return wait if backend == "mps" else partial(wait, device)


def cpu_name() -> str:
    """The processor's own name where the system tells it, else its architecture."""
    try:
        name = model_name(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        name = None
    return name or platform.processor() or platform.machine() or "CPU"


def model_name(cpuinfo: str) -> str | None:
    """The "model name" of the first processor in the text of ``/proc/cpuinfo``; Arm kernels write none."""
    match = re.search(r"^model name[ \t]*:[ \t]*(\S.*?)[ \t]*$", cpuinfo, re.MULTILINE)
    return match.group(1) if match else None


def names(devices: Sequence[Device]) -> list[str]:
    """Their names alone, as ``--device`` takes them."""
    return [one.device for one in devices]


def _nothing() -> None:
    """The CPU has finished when the call returns."""


def _copy_back(torch: Any, device: str) -> None:
    """A copy to the CPU waits for all that was queued before it."""
    torch.zeros(1, device=device).cpu()


def _mps(torch: Any) -> Any:
    return getattr(getattr(torch, "backends", None), "mps", None)


def _is_available(backend: Any) -> bool:
    try:
        return bool(backend.is_available())
    except Exception:  # noqa: BLE001 - a broken driver may raise anything
        return False


def _count(torch: Any, backend: str) -> int:
    module: Any = getattr(torch, backend, None)
    try:
        return int(module.device_count()) if _is_available(module) else 0
    except Exception:  # noqa: BLE001 - likewise
        return 0


def _name(torch: Any, backend: str, index: int) -> str:
    try:
        return str(getattr(torch, backend).get_device_name(index))
    except Exception as error:  # noqa: BLE001 - the name is not worth losing the device
        return f"unknown ({type(error).__name__})"


def _why_no_cuda(torch: Any) -> str:
    version = torch.version
    if not (getattr(version, "cuda", None) or getattr(version, "hip", None)):
        return f"this torch ({torch.__version__}) was built without CUDA"
    reason = _initialisation_error(torch.cuda) or "torch finds no CUDA device"
    return reason + _hidden_by("CUDA_VISIBLE_DEVICES") + _hidden_by("HIP_VISIBLE_DEVICES")


def _why_no_mps(torch: Any) -> str:
    mps = _mps(torch)
    if mps is None or not mps.is_built():
        return f"this torch ({torch.__version__}) was built without MPS"
    return "torch has MPS, but this system has no Apple GPU or a macOS too old for it"


def _why_no_xpu(torch: Any) -> str:
    if getattr(torch, "xpu", None) is None or not getattr(torch.version, "xpu", None):
        return f"this torch ({torch.__version__}) was built without XPU"
    return _initialisation_error(torch.xpu) or "torch finds no XPU device"


def _initialisation_error(module: Any) -> str | None:
    """What torch itself says when it is made to start the backend."""
    try:
        module.init()
    except Exception as error:  # noqa: BLE001 - its text is what is wanted
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _hidden_by(variable: str) -> str:
    value = os.environ.get(variable)
    return "" if value is None else f" ({variable} is {value!r})"
