"""Commands that mend, for the target at hand and the shell of its user."""

import shlex

from envkit.checks import reading
from envkit.errors import EnvkitError
from envkit.findings import Fix
from envkit.matrix import Matrix
from envkit.snapshot import EnvironmentKind, Snapshot


def quoted(snapshot: Snapshot, *words: str) -> str:
    """Return a command line for the user's shell: PowerShell on Windows, POSIX elsewhere."""
    machine = reading.host(snapshot)
    if machine is None or machine.os != "windows":
        return shlex.join(words)
    return "& " + " ".join("'" + word.replace("'", "''") + "'" for word in words)


def pip(snapshot: Snapshot, *arguments: str) -> str:
    """Return the command that runs pip, or uv where the environment is uv's, for the target."""
    target = reading.interpreter(snapshot)
    if target is None:
        return quoted(snapshot, "python", "-m", "pip", *arguments)
    if target.kind is EnvironmentKind.UV:
        return quoted(snapshot, "uv", "pip", arguments[0], "--python", target.executable, *arguments[1:])
    return quoted(snapshot, target.executable, "-m", "pip", *arguments)


def install_torch(
    snapshot: Snapshot, matrix: Matrix, summary: str, *, torch: str | None = None, reinstall: bool = False
) -> Fix:
    """Return the fix that installs the torch build that fits this machine into the target."""
    # Only a fault needs a plan.
    from envkit.planning.decide import plan
    from envkit.planning.installs import pip_installs
    from envkit.planning.model import Request

    target = reading.interpreter(snapshot)
    if target is not None and target.externally_managed:
        return Fix(
            summary="make an environment of its own: this Python's owner refuses installs into it (PEP 668)",
            commands=("envkit create --apply .venv",),
        )
    try:
        fitting = plan(Request(torch=torch), snapshot, matrix)
    except EnvkitError as impossible:
        return Fix(summary=impossible.message, steps=(impossible.hint,) if impossible.hint else ())
    first, *rest = pip_installs(fitting)
    again = ("--force-reinstall",) if reinstall else ()
    commands = [pip(snapshot, "install", *again, *first), *(pip(snapshot, "install", *more) for more in rest)]
    return Fix(summary=f"{summary}: torch {fitting.torch}, {fitting.backend} build", commands=tuple(commands))
