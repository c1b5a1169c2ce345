"""The facts of a snapshot that a plan turns on, in the matrix's own words."""

import re
from typing import NamedTuple

import msgspec

from envkit import reading
from envkit.errors import EnvkitError
from envkit.matrix import Matrix
from envkit.planning.accelerators import Accelerators, read_accelerators
from envkit.planning.model import ImpossibleError, Reason, Request
from envkit.planning.nvidia import Gpu, Lack, Missing, Nvidia, read_nvidia
from envkit.snapshot import Absent, Host, Interpreter, Snapshot, Unknown
from envkit.systems import USUAL_ARCHITECTURE


class Machine(NamedTuple):
    """What the choice of a build depends on."""

    platform: str
    driver_os: str
    """The system whose NVIDIA driver is meant: inside WSL that of Windows."""
    glibc: str | None
    """None where there is none, or it is not known."""
    python: str
    """A minor version; "" where the plan is to choose one."""
    nvidia: Nvidia
    reasons: tuple[Reason, ...]
    """How these facts were come by, where that is not plain."""
    accelerators: Accelerators = Accelerators()
    """The AMD and Intel GPUs."""
    macos: str | None = None
    """The release of macOS, None where it is another system or not known."""
    stated: bool = False
    """This very machine is meant: what it is known not to have, the environment will not find."""

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """Every GPU that can be planned for."""
        return self.nvidia.gpus + self.accelerators.gpus

    def no_gpu(self, kind: str) -> str:
        """Return why no GPU of that kind can be planned for, "" when one can."""
        return self._lack(kind).why

    def rules_out(self, kind: str) -> bool:
        """Say whether builds of a kind are of no use here even to who asks for one by name.

        That is so where it is known that no GPU here can run one, and, where this very machine is meant, where it is
        known that it has none. What is not known rules nothing out.
        """
        what = self._lack(kind).what
        return what is Missing.USELESS or (self.stated and what is Missing.NONE)

    def _lack(self, kind: str) -> Lack:
        return self.nvidia.lack if kind == "cuda" else self.accelerators.lack(kind)


def read_machine(request: Request, snapshot: Snapshot, matrix: Matrix) -> Machine:
    """Return what decides on this machine; raise `ImpossibleError` where no torch can run at all."""
    host = snapshot.host
    if isinstance(host, Unknown):
        raise EnvkitError(f"nothing is known of this machine: {host.why}", exit_code=1)
    host, assumed = _complete(host, snapshot, request)
    known = isinstance(snapshot.target, Interpreter)
    is_open = request.any_python and not known and not request.python
    target = None if request.python or is_open else _usable(snapshot.target)
    libc = reading.libc_of(host, target)
    nvidia = read_nvidia(snapshot, matrix)
    accelerators = read_accelerators(host, matrix)
    python = request.python or (reading.wheel_python(target) if target else "")
    return Machine(
        platform=_platform(host, target),
        driver_os=reading.driver_os(host),
        glibc=_glibc(libc),
        python=python,
        nvidia=nvidia,
        reasons=(
            *((_python_reason(python, target),) if python else ()),
            *assumed,
            *_libc_reason(host, libc),
            *nvidia.reasons,
            *accelerators.reasons,
        ),
        accelerators=accelerators,
        macos=_macos(host, matrix),
        stated=request.stated,
    )


def _complete(host: Host, snapshot: Snapshot, request: Request) -> tuple[Host, tuple[Reason, ...]]:
    """Return the host with the usual processor where a report of another machine does not tell which it has."""
    target = snapshot.target
    if host.arch or (isinstance(target, Interpreter) and target.machine):
        return host, ()
    arch = USUAL_ARCHITECTURE.get(host.os)
    if not request.any_python or arch is None:
        raise EnvkitError("which processor this machine has is not known", exit_code=1)
    return msgspec.structs.replace(host, arch=arch), (Reason("processor", arch, "assumed, as it is not known"),)


def _usable(target: Interpreter | Absent | Unknown) -> Interpreter:
    if not isinstance(target, Interpreter):
        raise EnvkitError(
            f"which Python the environment is for is not known: {target.why}",
            hint="name one: `envkit create --python 3.12`, or the path of an interpreter",
            exit_code=1,
        )
    if target.implementation != "cpython":
        raise ImpossibleError(
            f"torch has wheels for CPython alone, and {target.executable} is {target.implementation}",
            hint="name a CPython: `envkit create --python 3.12`",
        )
    if target.bits != 64:
        raise ImpossibleError(
            f"torch has no wheel for a {target.bits}-bit Python, which {target.executable} is",
            hint="install a 64-bit Python and name it with `--python PATH`",
        )
    return target


def _python_reason(python: str, target: Interpreter | None) -> Reason:
    if target is None:
        return Reason("python", python, "as asked")
    if not target.executable:
        return Reason("python", python, target.chosen_by)
    return Reason("python", python, f"the version of {target.executable}, {target.chosen_by}")


def _libc_reason(host: Host, libc: str | None) -> tuple[Reason, ...]:
    if host.os != "linux" or _glibc(libc):
        return ()
    return (Reason("libc", "not checked", "the version of this machine's C library is not known"),)


_GLIBC = re.compile(r"glibc\D*(\d+\.\d+)")
_MACOS = re.compile(r"macos\D*(\d+(?:\.\d+)*)", re.IGNORECASE)
_DARWIN = re.compile(r"Darwin (\d+\.\S+)")


def _glibc(libc: str | None) -> str | None:
    known = _GLIBC.match(libc or "")
    return known[1] if known else None


def _macos(host: Host, matrix: Matrix) -> str | None:
    """Return the release of macOS, as it is told or as its kernel tells."""
    if host.os != "macos":
        return None
    told = _MACOS.search(host.os_name or "")
    kernel = _DARWIN.search(host.os_name or "")
    if told:
        return told[1]
    return matrix.macs.release_of(kernel[1]) if kernel else None


def _platform(host: Host, target: Interpreter | None) -> str:
    platform = reading.wheel_platform(host, target)
    libc = reading.libc_of(host, target) if host.os == "linux" else ""
    if platform is None or (libc and not libc.startswith("glibc")):
        arch = (target.machine if target else "") or host.arch
        what = " ".join(part for part in (host.os, arch, libc) if part)
        raise ImpossibleError(f"torch has no wheel for {what}")
    return platform
