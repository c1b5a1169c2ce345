"""Carrying out the fixes of a diagnosis, in the target environment alone, each step logged and noted."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from envkit.apply.claim import check_finished, claimed
from envkit.apply.engines import choose_installer, find_uv, seed_step
from envkit.apply.ownership import site_folders
from envkit.apply.places import Mode
from envkit.apply.reach import why_unreachable
from envkit.apply.run import Progress, StepRun, run_steps
from envkit.apply.steps import INSTALL_TIMEOUT, MAKE_TIMEOUT, Step
from envkit.apply.work import Work
from envkit.errors import EnvkitError
from envkit.findings import Diagnosis, Finding, Severity, consequences
from envkit.planning.model import Engine
from envkit.probes.pip_config import PipSources, read_pip_sources
from envkit.snapshot import EnvironmentKind, Interpreter, Packages, Snapshot

LOG = "envkit-fix.log"
JOURNAL = "envkit-fix.jsonl"
"""A line for each thing that is about to be done, or was; it stays."""

_INDEX = "--index-url"


class Told(Progress, Protocol):
    """Who is told how it goes, and what had to be decided on the way."""

    def told(self, text: str) -> None:
        """Tell something that had to be decided."""


class Mending(NamedTuple):
    """What is done about one finding."""

    code: str
    python: str
    path: Path
    """The environment that is changed."""
    steps: tuple[Step, ...]


def plan_mending(diagnosis: Diagnosis, snapshot: Snapshot) -> tuple[Mending, ...]:
    """Return what envkit may do about the findings, the root cause first; what only follows from another is left."""
    target = snapshot.target
    if not isinstance(target, Interpreter):
        return ()
    follows = consequences(diagnosis.findings)
    return tuple(
        Mending(finding.code, target.executable, Path(target.prefix), _steps(finding, target, snapshot))
        for finding in diagnosis.findings
        if finding.fix and finding.fix.pip and finding.severity is not Severity.NOTE and finding.code not in follows
    )


def _steps(finding: Finding, target: Interpreter, snapshot: Snapshot) -> tuple[Step, ...]:
    name = f"mend {finding.code}"
    told = finding.fix.pip if finding.fix else ()
    seed = (seed_step(Path(target.prefix)),) if _lacks_pip(target, snapshot) else ()
    torn = finding.fix.removes if finding.fix else ()
    removal = (Step(name, ("rm", "-rf", *torn), MAKE_TIMEOUT, partial(_remove, torn, target.prefix)),) if torn else ()
    return (*removal, *seed, *(Step(name, _command(target, arguments), INSTALL_TIMEOUT) for arguments in told))


def _remove(folders: tuple[str, ...], prefix: str, _variables: Mapping[str, str]) -> None:
    """Remove folders of the environment; one that is a link is only unlinked, and nothing outside is touched."""
    for folder in map(Path, folders):
        if not folder.parent.resolve().is_relative_to(Path(prefix).resolve()):
            raise EnvkitError(f"`{folder}` lies outside the environment")
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)


def _lacks_pip(target: Interpreter, snapshot: Snapshot) -> bool:
    installed = snapshot.packages
    return target.kind is not EnvironmentKind.UV and isinstance(installed, Packages) and not installed.named("pip")


def _command(target: Interpreter, arguments: tuple[str, ...]) -> tuple[str, ...]:
    if target.kind is not EnvironmentKind.UV:
        # Isolated: a pip.py in the current folder is not pip.
        return (target.executable, "-I", "-m", "pip", *arguments)
    # Without uv the step fails and says so.
    return (find_uv() or "uv", "pip", arguments[0], "--python", target.executable, *arguments[1:])


def mend(mending: Mending, progress: Told) -> tuple[StepRun, ...]:
    """Do what was planned about a finding; raise `EnvkitError` when a step fails. What was done until then stays."""
    check_finished(mending.path)
    sources = _sources(mending.python)
    mending = mending._replace(steps=tuple(_from_what_answers(step, sources, progress) for step in mending.steps))
    work = Work(mending.path, mending.steps, Path(mending.python), Mode.UPDATE, record={})
    noting, before = _Noting(mending, progress), _put_aside(mending.path)
    try:
        with claimed(work.path, work.mode, work.what) as claim:
            runs = run_steps(work, claim, noting, LOG)
            claim.complete()
    except KeyboardInterrupt:
        with suppress(OSError):  # on a full disk it is told all the same
            noting.broken_off(_put_aside(mending.path) - before)
        raise
    except BrokenPipeError:  # nobody listens to the progress any more
        raise
    except OSError as failure:
        where = failure.filename or mending.path
        raise EnvkitError(f"`{where}` cannot be written: {failure.strerror or failure}", exit_code=1) from None
    return runs


def _put_aside(path: Path) -> frozenset[Path]:
    """Return where pip has put what it was about to replace: "~umpy" was numpy."""
    return frozenset(file for site in site_folders(path) for file in site.glob("~*"))


def _sources(python: str) -> PipSources:
    """Return what the target's pip is configured with, or the one beside envkit: an environment of uv's has none."""
    told = (read_pip_sources(one) for one in dict.fromkeys((python, sys.executable)))
    return next((sources for sources in told if isinstance(sources, PipSources)), PipSources())


def _from_what_answers(step: Step, sources: PipSources, progress: Told) -> Step:
    """Leave out an index that cannot be reached: the requirements name the build, which a mirror may have."""
    if _INDEX in step.argv:
        at = step.argv.index(_INDEX)
        index = step.argv[at + 1]
        why = why_unreachable(index)
        if why and sources.proxy:
            why = why_unreachable(index, sources.proxy)
        if not why:
            return step
        progress.told(f"{index} cannot be reached: {why}; the same build is taken from where pip is configured to look")
        step = step._replace(argv=step.argv[:at] + step.argv[at + 2 :])
    if step.argv[1:3] != ("pip", "install"):
        return step
    # uv does not read what pip is configured with.
    uv = choose_installer(Engine.UV, lambda: sources)
    return step._replace(argv=(*step.argv, *uv.options), variables=uv.variables)


def note(path: Path, **entry: Any) -> None:
    """Add a line to the journal of what was done in an environment; raise `OSError` where it cannot be written."""
    line = {"at": datetime.now(timezone.utc).isoformat(timespec="seconds"), **entry}
    with (path / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(line) + "\n")


class _Noting:
    """Notes each step before it is begun and when it is done, and tells who is to be told."""

    def __init__(self, mending: Mending, progress: Told) -> None:
        self._mending = mending
        self._progress = progress
        self._number = 0
        self.resumed, self.said, self.received = progress.resumed, progress.said, progress.received

    def started(self, name: str, number: int, total: int) -> None:
        """Note that a step begins."""
        self._number = number
        self._note("begun")
        self._progress.started(name, number, total)

    def ended(self, seconds: float) -> None:
        """Note that the step succeeded."""
        self._note("done")
        self._progress.ended(seconds)

    def broken_off(self, aside: frozenset[Path]) -> None:
        """Tell in what state the environment is left, and how to go on; note it."""
        names = sorted(file.name for file in aside)
        was = f"; what pip had put aside of the old lies in {min(aside).parent} as {', '.join(names)}" if aside else ""
        again = shlex.join(("envkit", "doctor", "--fix", "--python", self._mending.python))
        self._progress.told(
            f"broken off at step {self._number} of {len(self._mending.steps)} for {self._mending.code}: what that was "
            f"installing may be half there{was}; `{again}` looks again and goes on from what it finds "
            f"(noted in {self._mending.path / JOURNAL})"
        )
        self._note("broken off", **({"aside": names} if names else {}))

    def _note(self, state: str, **more: Any) -> None:
        step = self._mending.steps[max(self._number, 1) - 1]
        note(self._mending.path, finding=self._mending.code, step=self._number, argv=step.shown, state=state, **more)
