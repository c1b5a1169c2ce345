"""The machine that a question is about: the one at hand, or what its options name in the place of it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envkit.errors import EnvkitError
from envkit.planning.compatibility import Setting
from envkit.planning.machine import read_machine
from envkit.snapshot import Absent, Host, Nvml, NvmlDevice, PciGpu, Snapshot, Unknown
from envkit.systems import USUAL_ARCHITECTURE, name_architecture

if TYPE_CHECKING:
    from envkit.matrix import Matrix
    from envkit.planning.model import Request

_DRIVER = re.compile(r"\d{3}(\.\d+){0,3}")
_CAPABILITY = re.compile(r"\d{1,2}\.\d")
_PLATFORMS = (
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("windows", "x86_64"),
    ("windows", "arm64"),
    ("macos", "arm64"),
    ("macos", "x86_64"),
)
_UNTOLD = Unknown(why="described on the command line")


class Question(NamedTuple):
    """What options name; None and () leave it open."""

    request: Request
    own_system: str
    """The system of this machine, of which the question may be."""
    gpus: tuple[str, ...] = ()
    driver: str | None = None
    os: str | None = None
    arch: str | None = None
    libc: str | None = None
    python_named: bool = False
    """An interpreter of this machine, or a version, is meant."""
    everything: bool = False

    @property
    def elsewhere(self) -> bool:
        """Whether the system itself is another one than this."""
        return self.everything or self.os is not None or self.arch is not None or self.libc is not None

    @property
    def described(self) -> bool:
        """Whether options say what the machine is."""
        return self.elsewhere or bool(self.gpus) or self.driver is not None

    @property
    def any_python(self) -> bool:
        """Whether each build is looked at with a Python of its own."""
        return self.request.python is None if self.elsewhere else self.described and not self.python_named


class _Named(NamedTuple):
    """The GPUs that options name, by maker."""

    nvidia: tuple[NvmlDevice, ...] = ()
    others: tuple[PciGpu, ...] = ()
    apple: tuple[str, ...] = ()


def settings_elsewhere(question: Question, matrix: Matrix) -> tuple[Setting, ...]:
    """Return the machines that are meant, with nothing of this one; none where this one is meant.

    Raise `EnvkitError` for what names nothing.
    """
    if question.driver is not None and not _DRIVER.fullmatch(question.driver):
        raise EnvkitError(
            f"`{question.driver}` is no NVIDIA driver version",
            hint="give it as in `--driver 535.104` or `--driver 470`",
        )
    named = _named_gpus(question.gpus, matrix)
    if question.everything and question.os is None and question.arch is None:
        return tuple(_elsewhere(question, matrix, named, os, arch) for os, arch in _PLATFORMS)
    system = _system(question, named)
    if question.elsewhere or system[0] != question.own_system:
        return (_elsewhere(question, matrix, named, *system),)
    return ()


def setting_here(question: Question, snapshot: Snapshot, matrix: Matrix) -> Setting:
    """Return this machine, with what options put in the place of its own."""
    named = _named_gpus(question.gpus, matrix)
    complete = False
    if question.described:
        snapshot, complete = _with_named(snapshot, question, named)
    machine = read_machine(_with_python(question, matrix), snapshot, matrix)
    return Setting(
        machine=machine._replace(glibc=None) if question.described else machine,
        any_python=question.any_python,
        left_open=() if complete else _left_open(question, named),
        apple=named.apple,
    )


def _named_gpus(names: tuple[str, ...], matrix: Matrix) -> _Named:
    """Return what the names stand for; raise `EnvkitError` for a name of nothing, or of different GPUs."""
    nvidia: list[NvmlDevice] = []
    others: list[PciGpu] = []
    apple: list[str] = []
    for name in names:
        if capability := name if _CAPABILITY.fullmatch(name) else matrix.gpus.compute_capability(name):
            shown = "a GPU" if name == capability else name
            nvidia.append(NvmlDevice(index=len(nvidia), name=shown, compute_capability=capability))
        elif gfx := matrix.gpus.gfx_target(name):
            others.append(PciGpu(address="", vendor="amd", device_id="", name=name, architecture=gfx))
        elif matrix.gpus.xpu_generation(name):
            others.append(PciGpu(address="", vendor="intel", device_id="", name=name))
        else:
            _check_apple(name)
            apple.append(name)
    return _Named(tuple(nvidia), tuple(others), tuple(apple))


def _check_apple(name: str) -> None:
    """Raise `EnvkitError` for a name that is not that of an Apple chip, the last that it can be."""
    from envkit.matrix.gpu_names import GpuNames

    known = GpuNames.load()
    if known.is_apple(name):
        return
    several = known.going_by(name)
    if several:
        raise EnvkitError(
            f"different GPUs go by the name `{name}`: {', '.join(several)}",
            hint=f"name one of them in full: `--gpu {shlex.quote(several[0])}`",
        )
    near = known.nearest(name)
    raise EnvkitError(
        f"envkit knows no GPU `{name}`{'; the nearest names are ' if near else ''}{', '.join(near)}",
        hint="name it as its maker does, or an NVIDIA GPU by its compute capability: `--gpu 8.6`",
    )


def _system(question: Question, named: _Named) -> tuple[str, str]:
    """Return the system that options describe; what they leave open is this machine's, where it can be."""
    own = question.own_system if question.own_system in USUAL_ARCHITECTURE else "linux"
    os = question.os or ("macos" if named.apple else own)
    if os == "macos" and question.os is None and not named.apple and (question.gpus or question.driver):
        os = "linux"  # no GPU that can be named but Apple's is in a Mac that torch supports
    return os, name_architecture(question.arch or USUAL_ARCHITECTURE[os], os)


def _elsewhere(question: Question, matrix: Matrix, named: _Named, os: str, arch: str) -> Setting:
    """Return the machine that options describe; nothing of this one is in it."""
    snapshot = Snapshot(
        host=Host(
            os=os,
            arch=arch,
            libc=question.libc if os == "linux" else "",
            wsl=0,
            gpus=named.others if question.gpus else None,
        ),
        target=Absent(why=_UNTOLD.why),
        packages=_UNTOLD,
        nvml=_nvml(question, named, None),
        cuda=_UNTOLD,
        torch=_UNTOLD,
    )
    return Setting(
        machine=read_machine(_with_python(question, matrix), snapshot, matrix),
        any_python=question.any_python,
        left_open=_left_open(question, named),
        apple=named.apple,
    )


def _nvml(question: Question, named: _Named, own: Nvml | None) -> Nvml | Absent | Unknown:
    """Return what the driver would answer: the named driver and GPUs, and what is not named from this machine's own."""
    if own is None and question.driver is None and not named.nvidia:
        return Absent(why="no NVIDIA GPU is among those that were named") if question.gpus else _UNTOLD
    return Nvml(
        error=0,
        driver_version=question.driver or (own.driver_version if own else None),
        devices=named.nvidia if question.gpus else own.devices if own else None,
    )


def _with_named(snapshot: Snapshot, question: Question, named: _Named) -> tuple[Snapshot, bool]:
    """Return this machine with the named driver and GPUs in it, and whether its own complete what is named."""
    own = snapshot.nvml if isinstance(snapshot.nvml, Nvml) and not snapshot.nvml.error else None
    host = snapshot.host
    if isinstance(host, Host) and question.gpus:
        host = msgspec.structs.replace(host, gpus=named.others, device_nodes=None)
    nvml = _nvml(question, named, own)
    changed = msgspec.structs.replace(snapshot, host=host, nvml=nvml, cuda=Unknown(why="not the driver that is meant"))
    return changed, isinstance(nvml, Nvml) and bool(nvml.driver_version) and bool(nvml.devices)


def _left_open(question: Question, named: _Named) -> tuple[str, ...]:
    """Return the kinds of build that are not held against hardware, since options do not say enough of it."""
    if not question.described:
        return ()
    if named.nvidia or (question.driver and not question.gpus):
        return () if named.nvidia and question.driver else ("cu",)
    return () if question.gpus else ("cu", "rocm", "xpu")


def _with_python(question: Question, matrix: Matrix) -> Request:
    """Return the request with a Python, which a machine has; where any will do it is never looked at."""
    request = msgspec.structs.replace(question.request, stated=bool(question.gpus))
    if request.python or not (question.elsewhere or question.any_python):
        return request
    return msgspec.structs.replace(request, python=matrix.torch.pythons(matrix.torch.tested)[-1])
