"""Running a plan's steps one after the other, telling each, keeping a log, leaving nothing half-made."""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import msgspec

from envkit import __version__, processes
from envkit.apply.claim import claimed
from envkit.apply.complaints import explain_failure
from envkit.apply.steps import Step, interpreter_in, list_steps
from envkit.errors import EnvkitError
from envkit.planning.installs import pip_installs
from envkit.planning.model import Plan

LOG = "envkit-create.log"
RECORD = "envkit-plan.json"

# What these point to belongs to another Python, or to another place than the new environment.
_LEAKING = (
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_PYTHON",
)


class Progress(Protocol):
    """Who is told how it goes; `said` is called from another thread."""

    def started(self, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""

    def said(self, line: str) -> None:
        """Tell a line of its output, as it came."""

    def ended(self, seconds: float) -> None:
        """Tell that it succeeded."""


class StepRun(NamedTuple):
    """A step that succeeded."""

    name: str
    argv: tuple[str, ...]
    seconds: float


class Applied(NamedTuple):
    """The environment that was made."""

    path: str
    python: str
    steps: tuple[StepRun, ...]


def apply_plan(plan: Plan, path: Path, python: str, progress: Progress) -> Applied:
    """Make the environment at the absolute `path` from `python`; on any failure leave nothing behind."""
    steps = list_steps(plan, path, python)
    with claimed(path):
        _record(plan, path, python)
        with (path / LOG).open("w", encoding="utf-8") as log:
            runner = _Runner(plan, progress, log)
            runs = tuple(runner.run(step, number, len(steps)) for number, step in enumerate(steps, 1))
        _check_build(plan, path)
    return Applied(str(path), str(interpreter_in(path)), runs)


class _Runner:
    """Runs steps of one plan, each told and logged as it goes."""

    def __init__(self, plan: Plan, progress: Progress, log: IO[str]) -> None:
        self._plan = plan
        self._progress = progress
        self._log = log
        self._variables = _environment(os.environ)

    def run(self, step: Step, number: int, total: int) -> StepRun:
        self._progress.started(step.name, number, total)
        self._log.write(f"$ {' '.join(step.argv)}\n")
        completed = processes.run(step.argv, timeout=step.timeout, env=self._variables, on_line=self._take)
        self._log.write(f"{completed.error_text}\n# {completed.describe()}, {completed.seconds:.1f} s\n")
        if not completed.ok:
            raise explain_failure(step, completed, self._plan, _keep(self._log))
        self._progress.ended(completed.seconds)
        return StepRun(step.name, step.argv, completed.seconds)

    def _take(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        with suppress(ValueError):  # something that the step left running still talks, and the log is closed
            self._log.write(f"{line}\n")
        self._progress.said(line)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the user's variables, pip's configuration among them, without what leads elsewhere."""
    kept = {name: value for name, value in variables.items() if name not in _LEAKING}
    return {**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}


def _keep(log: IO[str]) -> str:
    """Copy the log to where it outlives the environment, and return that place."""
    log.flush()
    descriptor, kept = tempfile.mkstemp(prefix="envkit-create-", suffix=".log")
    with os.fdopen(descriptor, "wb") as copy:
        copy.write(Path(log.name).read_bytes())
    return kept


def _record(plan: Plan, path: Path, python: str) -> None:
    record = {
        "schema_version": 1,
        "envkit_version": __version__,
        "python": python,
        "plan": msgspec.to_builtins(plan),
        "install": pip_installs(plan),
    }
    (path / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _check_build(plan: Plan, path: Path) -> None:
    """Refuse a build that took the planned one's place.

    Where the plan trusts the configured index, a mirror or a folder of wheels can hold another build of the
    same version, and pip prefers one with a local version.
    """
    for found in (
        *path.glob("lib*/python*/site-packages/torch-*.dist-info"),
        *path.glob("Lib/site-packages/torch-*.dist-info"),
    ):
        _, _, local = found.name.removesuffix(".dist-info").partition("+")
        if local and local != plan.backend:
            raise EnvkitError(
                f"pip installed the {local} build of torch, and the plan is {plan.backend}",
                hint=f"look where it came from (`pip config list`), or ask for that build: `--cuda {local}`",
                exit_code=1,
            )
