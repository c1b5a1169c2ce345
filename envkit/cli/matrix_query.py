"""The question that `envkit matrix` is asked: the machine at hand, or the one that its options describe."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from envkit import probes
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.matrix import Matrix
    from envkit.planning.compatibility import Compatibility, Setting
    from envkit.planning.model import Request
    from envkit.snapshot import Absent, Nvml, NvmlDevice, PciGpu, Snapshot

    OnWait = Callable[[tuple[str, ...]], None]

_PYTHON = re.compile(r"(?P<minor>\d+\.\d+)(?:\.\d+)?(?P<free_threaded>t?)")
_DRIVER = re.compile(r"\d{3}(\.\d+){0,3}")
_CAPABILITY = re.compile(r"\d{1,2}\.\d")

_NONE_NAMED = "no NVIDIA GPU is among those that were named"
_OWN_OS = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
_USUAL_ARCH = {"linux": "x86_64", "windows": "x86_64", "macos": "arm64"}
_SAME_ARCH = {
    ("linux", "amd64"): "x86_64",
    ("linux", "x64"): "x86_64",
    ("linux", "arm64"): "aarch64",
    ("windows", "amd64"): "x86_64",
    ("windows", "x64"): "x86_64",
    ("windows", "aarch64"): "arm64",
    ("macos", "aarch64"): "arm64",
}
_SYSTEMS = (
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("windows", "x86_64"),
    ("windows", "arm64"),
    ("macos", "arm64"),
    ("macos", "x86_64"),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of a command line."""

    torch: str | None
    python: str | None
    cuda: str | None
    rocm: str | None
    xpu: bool
    gpus: tuple[str, ...]
    driver: str | None
    os_name: str | None
    arch: str | None
    libc: str | None
    conda: bool
    everything: bool
    refresh: bool
    index: str | None
    timeout: float | None
    as_json: bool
    verbose: bool

    @property
    def python_version(self) -> str | None:
        """The minor version that --python asks for, None when it names an interpreter or nothing."""
        version = _PYTHON.fullmatch(self.python or "")
        return f"{version['minor']}{version['free_threaded']}" if version else None

    @property
    def elsewhere(self) -> bool:
        """Whether the system itself is another one than this."""
        return self.everything or self.os_name is not None or self.arch is not None or self.libc is not None

    @property
    def described(self) -> bool:
        """Whether options say what the machine is."""
        return self.elsewhere or bool(self.gpus) or self.driver is not None

    @property
    def request(self) -> Request:
        """What is asked of the planner."""
        from envkit.planning.model import Manager, Request

        return Request(
            manager=Manager.CONDA if self.conda else Manager.VENV,
            python=self.python_version,
            torch=self.torch,
            cuda=self.cuda,
            rocm=self.rocm,
            xpu=self.xpu,
        )


class _Named(NamedTuple):
    """The GPUs that options name, by maker."""

    nvidia: tuple[NvmlDevice, ...] = ()
    others: tuple[PciGpu, ...] = ()
    apple: tuple[str, ...] = ()


def answer(asked: Asked, on_wait: OnWait) -> Compatibility:
    """Return every build that is meant, held against the machine that is meant."""
    _check(asked)
    from envkit import matrix
    from envkit.planning.compatibility import compare
    from envkit.planning.wishes import read_wish

    tables = matrix.load()
    wish = read_wish(asked.request, tables.torch.releases())
    named = _named_gpus(asked.gpus, tables)
    if asked.everything and asked.os_name is None and asked.arch is None:
        settings = tuple(_described(asked, tables, named, os, arch) for os, arch in _SYSTEMS)
    elif asked.elsewhere or _system(asked, named)[0] != _OWN_OS:
        settings = (_described(asked, tables, named, *_system(asked, named)),)
    else:
        settings = (_here(asked, tables, named, on_wait),)
    return compare(wish, settings, asked.request.manager, tables)


def _check(asked: Asked) -> None:
    if asked.driver is not None and not _DRIVER.fullmatch(asked.driver):
        raise EnvkitError(
            f"`{asked.driver}` is no NVIDIA driver version", hint="give it as in `--driver 535.104` or `--driver 470`"
        )
    if asked.elsewhere and asked.python is not None and asked.python_version is None:
        raise click.UsageError("--python names an interpreter of this machine; give a version for another one")


def _named_gpus(names: tuple[str, ...], tables: Matrix) -> _Named:
    """Return what the names stand for; raise `EnvkitError` for a name of nothing, or of different GPUs."""
    from envkit.snapshot import NvmlDevice, PciGpu

    nvidia: list[NvmlDevice] = []
    others: list[PciGpu] = []
    apple: list[str] = []
    for name in names:
        if capability := name if _CAPABILITY.fullmatch(name) else tables.gpus.compute_capability(name):
            shown = "a GPU" if name == capability else name
            nvidia.append(NvmlDevice(index=len(nvidia), name=shown, compute_capability=capability))
        elif gfx := tables.gpus.gfx_target(name):
            others.append(PciGpu(address="", vendor="amd", device_id="", name=name, architecture=gfx))
        elif tables.gpus.xpu_generation(name):
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


def _system(asked: Asked, named: _Named) -> tuple[str, str]:
    """Return the system that options describe; what they leave open is this machine's, where it can be."""
    os = asked.os_name or ("macos" if named.apple else _OWN_OS)
    if os == "macos" and asked.os_name is None and not named.apple and (asked.gpus or asked.driver):
        os = "linux"  # no GPU that can be named but Apple's is in a Mac that torch supports
    arch = (asked.arch or _USUAL_ARCH[os]).lower()
    return os, _SAME_ARCH.get((os, arch), arch)


def _described(asked: Asked, tables: Matrix, named: _Named, os: str, arch: str) -> Setting:
    """Return the machine that options describe; nothing of this one is in it."""
    from envkit.planning.compatibility import Setting
    from envkit.planning.machine import read_machine
    from envkit.snapshot import Absent, Host, Snapshot, Unknown

    nowhere = Unknown(why="described on the command line")
    snapshot = Snapshot(
        host=Host(os=os, arch=arch, libc=asked.libc if os == "linux" else "", wsl=0, gpus=named.others),
        target=Absent(why=nowhere.why),
        packages=nowhere,
        nvml=_nvml(asked, named, None),
        cuda=nowhere,
        torch=nowhere,
    )
    return Setting(
        machine=read_machine(_with_python(asked, tables), snapshot, tables),
        any_python=asked.python_version is None,
        left_open=_left_open(asked, named, known=False),
        apple=named.apple,
    )


def _nvml(asked: Asked, named: _Named, own: Nvml | None) -> Nvml | Absent:
    """Return what the driver would answer: the named driver and GPUs, and what is not named from this machine's own."""
    from envkit.snapshot import Absent, Nvml

    if own is None and asked.driver is None and not named.nvidia:
        return Absent(why=_NONE_NAMED)
    return Nvml(
        error=0,
        driver_version=asked.driver or (own.driver_version if own else None),
        devices=named.nvidia if asked.gpus else own.devices if own else None,
    )


def _left_open(asked: Asked, named: _Named, *, known: bool) -> tuple[str, ...]:
    """Return the kinds of build that are not held against hardware, since options do not say enough of it.

    `known`: what they do not name, this machine has.
    """
    if known or not asked.described:
        return ()
    if named.nvidia or (asked.driver and not asked.gpus):
        return () if named.nvidia and asked.driver else ("cu",)
    return () if asked.gpus else ("cu", "rocm", "xpu")


def _with_python(asked: Asked, tables: Matrix) -> Request:
    """Return the request with a Python, which a machine has; where any will do it is never looked at."""
    import msgspec

    newest = tables.torch.pythons(tables.torch.tested)[-1]
    return msgspec.structs.replace(asked.request, python=asked.python_version or newest)


def _here(asked: Asked, tables: Matrix, named: _Named, on_wait: OnWait) -> Setting:
    """Return this machine, with what options put in the place of its own."""
    from envkit.planning.compatibility import Setting
    from envkit.planning.machine import read_machine

    any_python = asked.described and asked.python is None
    # With any Python, or a version, no interpreter here is meant; envkit's own stands in for it.
    target = sys.executable if any_python or asked.python_version else asked.python
    snapshot = probes.start(target, packages=False).result(on_wait)
    complete = False
    if asked.described:
        snapshot, complete = _with_named(snapshot, asked, named)
    machine = read_machine(_with_python(asked, tables) if any_python else asked.request, snapshot, tables)
    return Setting(
        machine=machine._replace(glibc=None) if asked.described else machine,
        any_python=any_python,
        left_open=_left_open(asked, named, known=complete),
        apple=named.apple,
    )


def _with_named(snapshot: Snapshot, asked: Asked, named: _Named) -> tuple[Snapshot, bool]:
    """Return this machine with the named driver and GPUs in it, and whether its own complete what is named."""
    import msgspec

    from envkit.snapshot import Host, Nvml, Unknown

    own = snapshot.nvml if isinstance(snapshot.nvml, Nvml) and not snapshot.nvml.error else None
    host = snapshot.host
    if isinstance(host, Host) and asked.gpus:
        host = msgspec.structs.replace(host, gpus=named.others)
    nvml = _nvml(asked, named, own)
    changed = msgspec.structs.replace(snapshot, host=host, nvml=nvml, cuda=Unknown(why="not the driver that is meant"))
    return changed, isinstance(nvml, Nvml) and bool(nvml.driver_version) and bool(nvml.devices)
