"""The facts of a snapshot that a plan turns on, in the matrix's own words."""

from typing import NamedTuple

from envkit import reading
from envkit.errors import EnvkitError
from envkit.matrix import Matrix
from envkit.planning.model import ImpossibleError, Reason, Request
from envkit.planning.nvidia import Nvidia, read_nvidia
from envkit.snapshot import Absent, Host, Interpreter, Snapshot, Unknown


class Machine(NamedTuple):
    """What the choice of a build depends on."""

    platform: str
    driver_os: str
    """The system whose NVIDIA driver is meant: inside WSL that of Windows."""
    glibc: str | None
    """None where there is none, or it is not known."""
    python: str
    nvidia: Nvidia
    reasons: tuple[Reason, ...]
    """How these facts were come by, where that is not plain."""


def read_machine(request: Request, snapshot: Snapshot, matrix: Matrix) -> Machine:
    """Return what decides on this machine; raise `ImpossibleError` where no torch can run at all."""
    host = snapshot.host
    if isinstance(host, Unknown):
        raise EnvkitError(f"nothing is known of this machine: {host.why}", exit_code=1)
    target = None if request.python else _usable(snapshot.target)
    libc = reading.libc_of(host, target)
    nvidia = read_nvidia(snapshot, matrix)
    python = request.python or (reading.wheel_python(target) if target else "")
    return Machine(
        platform=_platform(host, target),
        driver_os=reading.driver_os(host),
        glibc=libc.removeprefix("glibc ") if libc and libc.startswith("glibc ") else None,
        python=python,
        nvidia=nvidia,
        reasons=(_python_reason(python, target), *_libc_reason(host, libc), *nvidia.reasons),
    )


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
    because = f"the version of {target.executable}, {target.chosen_by}" if target else "as asked"
    return Reason("python", python, because)


def _libc_reason(host: Host, libc: str | None) -> tuple[Reason, ...]:
    if host.os != "linux" or libc:
        return ()
    return (Reason("libc", "not checked", "the version of this machine's C library is not known"),)


def _platform(host: Host, target: Interpreter | None) -> str:
    platform = reading.wheel_platform(host, target)
    if platform is None:
        arch = (target.machine if target else "") or host.arch
        libc = reading.libc_of(host, target) if host.os == "linux" else ""
        what = " ".join(part for part in (host.os, arch, libc) if part)
        raise ImpossibleError(f"torch has no wheel for {what}")
    return platform
