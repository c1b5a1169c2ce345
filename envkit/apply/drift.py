"""What became of an environment since it was made: its record held against what is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envkit import processes
from envkit.apply.ownership import is_conda_environment
from envkit.apply.places import is_unfinished
from envkit.apply.record import RECORD, installed_packages, python_version, read_record, torch_backend
from envkit.apply.steps import interpreter_in
from envkit.errors import EnvkitError

_ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
_TIMEOUT = 20.0


class Drift(NamedTuple):
    """One difference; "" where one of the two has no such thing."""

    kind: str
    """"added", "removed", "changed", "backend", "python", "gone" (an interpreter that does not run)."""
    subject: str
    recorded: str
    found: str


def find_drift(path: Path) -> tuple[Drift, ...]:
    """Return every difference, the gravest kind first; raise `EnvkitError` when there is nothing to compare with."""
    if not path.is_dir():
        raise EnvkitError(f"there is no environment at `{path}`", hint="name the folder of one", exit_code=2)
    if is_unfinished(path):
        raise EnvkitError(
            f"`{path}` is not finished: an `envkit create` is at work on it, or was broken off",
            hint="wait for it, or run the same command again: it goes on from there",
            exit_code=1,
        )
    record = read_record(path)
    if record is None or not isinstance(record.get("packages"), dict):
        raise EnvkitError(
            f"`{path}` holds no {RECORD} that tells what was installed: this envkit did not make it",
            hint="`envkit doctor --python PATH` examines any environment",
            exit_code=2,
        )
    recorded = {str(name): str(release) for name, release in record["packages"].items()}
    return (
        *_in_python(path, str(record.get("python_version") or "")),
        *_in_backend(path, str(record.get("backend") or "")),
        *_in_packages(recorded, installed_packages(path)),
    )


def _in_python(path: Path, recorded: str) -> Iterator[Drift]:
    inside = interpreter_in(path, conda=is_conda_environment(path))
    told = processes.run((str(inside), "-I", "-c", _ASK), timeout=_TIMEOUT)
    if not told.ok:
        yield Drift("gone", str(inside), recorded, f"does not run: {told.describe()}")
        return
    found = told.stdout.decode("utf-8", "replace").strip()
    if found != (recorded or python_version(path)):
        yield Drift("python", str(inside), recorded, found)


def _in_backend(path: Path, recorded: str) -> Iterator[Drift]:
    found = torch_backend(path)
    if recorded and found and found != recorded:
        yield Drift("backend", "torch", recorded, found)


def _in_packages(recorded: dict[str, str], found: dict[str, str]) -> Iterator[Drift]:
    for name in sorted({*recorded, *found}):
        before, now = recorded.get(name, ""), found.get(name, "")
        if before != now:
            yield Drift("removed" if not now else "added" if not before else "changed", name, before, now)
