"""Is the target a Python that torch can live in?"""

from envkit import reading
from envkit.checks.fixes import python_command, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import minor, numbers, public
from envkit.snapshot import Absent, Interpreter, Snapshot


def check_venv_broken(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find an environment whose base interpreter is gone."""
    target = snapshot.target
    if not isinstance(target, Absent) or not target.environment:
        return None
    return Finding(
        code="venv-broken",
        severity=Severity.ERROR,
        summary="the environment has lost its interpreter",
        cause=f"{target.why}: the Python that the environment was made from was removed or moved",
        expected="an interpreter in the environment that starts",
        facts=(Fact("environment", target.environment, "its folder"),),
        fix=Fix(
            summary="make an environment anew; what was installed in the old one must be installed again",
            # Into a new place: nothing that somebody had is emptied on envkit's word.
            commands=(quoted(snapshot, python_command(snapshot), "-m", "venv", f"{target.environment}-new"),),
            steps=("if another environment was meant: leave this one with `deactivate`",),
        ),
    )


def check_python_supported(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a Python that is too old or too new for the torch installed, or for any torch worth installing."""
    target = reading.interpreter(snapshot)
    live = reading.runtime(snapshot)
    if target is None or (live is not None and live.version):
        return None  # it imports, so it is supported, whatever a table says
    wanted = _torch_in_question(snapshot, matrix)
    if wanted is None:
        return None
    pythons = matrix.torch.pythons(wanted)
    here = minor(target.version)
    if not reading.wheel_python(target):
        why = f"torch has wheels for CPython only, and this is {target.implementation}"
    elif not pythons or here in pythons or _newer_release_has(here, wanted, matrix):
        return None
    else:
        side = "old" if numbers(here) < numbers(pythons[0]) else "new"
        why = f"Python {here} is too {side} for torch {wanted}, which has wheels for {pythons[0]} to {pythons[-1]}"
    return Finding(
        code="python-unsupported",
        severity=Severity.ERROR,
        summary=f"torch {wanted} does not run on this Python",
        cause=why,
        expected=f"CPython {pythons[0]} to {pythons[-1]}" if pythons else "CPython",
        facts=(
            Fact("Python", f"{target.implementation} {target.version}", target.executable),
            *_end_of_life(here, matrix),
            *_last_release(target, snapshot, matrix),
        ),
        fix=_newer_python(pythons, snapshot),
        explains=("torch-missing", "torch-corrupt"),
    )


def _torch_in_question(snapshot: Snapshot, matrix: Matrix) -> str | None:
    """The installed release, else the one that would be; None where a torch may be there whose release is unknown."""
    installed, listed = reading.installed_torch(snapshot), reading.packages(snapshot)
    if installed:
        return public(installed.version)
    module = listed.module("torch") if listed else None
    return None if listed is None or (module and module.origin) else matrix.torch.tested


def _newer_release_has(python: str, torch: str, matrix: Matrix) -> bool:
    """Say whether a later release has wheels for a Python: then it is torch that is too old, not Python."""
    later = (release for release in matrix.torch.releases() if numbers(release) > numbers(torch))
    return any(python in matrix.torch.pythons(release) for release in later)


def _end_of_life(python: str, matrix: Matrix) -> tuple[Fact, ...]:
    month = matrix.pythons.end_of_life(python)
    return (Fact(f"end of life of Python {python}", month, "matrix"),) if month else ()


def _last_release(target: Interpreter, snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    builds = matrix.torch.builds(platform=reading.platform(snapshot), python=reading.wheel_python(target))
    return (Fact("newest torch for this Python", builds[-1].torch if builds else "none", "matrix"),)


def _newer_python(pythons: tuple[str, ...], snapshot: Snapshot) -> Fix:
    middle = pythons[len(pythons) // 2] if pythons else "3.12"
    return Fix(
        summary=f"make an environment with another Python, {middle} for one",
        commands=(quoted(snapshot, "envkit", "create", "--python", middle, "--apply", ".venv"),),
        steps=(
            f"if there is no Python {middle} here, `uv python install {middle}` gets one without touching the system",
        ),
    )


def check_bits(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a 32-bit interpreter."""
    target = reading.interpreter(snapshot)
    if target is None or target.bits != 32:
        return None
    return Finding(
        code="python-32bit",
        severity=Severity.ERROR,
        summary="this Python is a 32-bit program",
        cause="torch has no wheels for 32-bit interpreters, on any system",
        expected="a 64-bit Python",
        facts=(Fact("bits", str(target.bits), target.executable),),
        fix=Fix(summary="install a 64-bit Python and make the environment with it"),
        explains=("torch-missing",),
    )


def check_platform(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a system that no torch wheel is made for."""
    machine, target = reading.host(snapshot), reading.interpreter(snapshot)
    if machine is None or machine.arch is None or reading.platform(snapshot) or reading.installed_torch(snapshot):
        return None
    libc = f", {reading.libc_of(machine, target)}" if machine.os == "linux" else ""
    return Finding(
        code="platform-no-wheel",
        severity=Severity.ERROR,
        summary="no torch wheel is made for this system",
        cause=f"there are wheels for glibc Linux (x86_64, aarch64), macOS and Windows; this is {machine.os} "
        f"{machine.arch}{libc}",
        facts=(Fact("platform", _tag(target), "sysconfig"),),
        fix=Fix(summary="use a container or machine with glibc Linux on x86_64 or aarch64"),
        explains=("torch-missing",),
    )


def _tag(target: Interpreter | None) -> str:
    return target.platform_tag if target else "unknown"


CHECKS = (check_venv_broken, check_python_supported, check_bits, check_platform)
