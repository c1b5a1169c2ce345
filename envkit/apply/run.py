"""Running the steps of a work one after the other, telling each, keeping a log, leaving nothing half-made."""

import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from envkit import processes
from envkit.apply.claim import Claim, claimed
from envkit.apply.complaints import explain_failure
from envkit.apply.engines import step_variables
from envkit.apply.journal import MARK, stop_survivors
from envkit.apply.places import Mode
from envkit.apply.record import installed_packages, pip_release, read_record, torch_backend, write_record
from envkit.apply.steps import Step
from envkit.apply.work import Work
from envkit.errors import EnvkitError
from envkit.urls import redacted

LOG = "envkit-create.log"
WITH_PARENT = Path(__file__).parent / "scripts" / "with_parent.py"

_LIBRARY_GRACE = 10.0
"""Seconds that a library gets to end what it is at: it makes an environment in less than one."""
_PROGRESS = re.compile(r"Progress (?P<done>\d+) of (?P<total>\d+)")
_RAW_PROGRESS = (24, 1)
"""The release of pip that tells bytes to programs."""


class Progress(Protocol):
    """Who is told how it goes; `said` and `received` are called from other threads."""

    def resumed(self, done: int) -> None:
        """Tell that so many steps were done by a run that was killed."""

    def started(self, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""

    def said(self, line: str) -> None:
        """Tell a line of its output, as it came."""

    def received(self, done: int, total: int) -> None:
        """Tell how many bytes of a file have come."""

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
    left: tuple[Path, ...] = ()
    """What somebody else had put into the environment that was replaced."""


@contextmanager
def carried_out(work: Work, progress: Progress) -> Iterator[Applied]:
    """Make the environment, and hold its path while it is looked at; on any failure put things back as they were."""
    with claimed(work.path, work.mode, work.what) as claim:
        runs = () if claim.is_complete else _make(work, claim, progress)
        yield Applied(str(work.path), str(work.inside), runs, claim.left)


def _make(work: Work, claim: Claim, progress: Progress) -> tuple[StepRun, ...]:
    try:
        with _runner(work, claim, progress, LOG) as runner:
            runs = list(runner.run_all())
            _check_build(work)
            backend = torch_backend(work.path)
            write_record(work.path, {**work.record, "backend": backend, "made": _is_made(work, claim)})
            if work.register:  # last: nothing may point to an environment that is given up after all
                runs.append(runner.run(work.register, len(work.steps) + 1))
        claim.complete()
    except BrokenPipeError:  # nobody listens to the progress any more
        raise
    except OSError as failure:
        where = f"`{failure.filename}`" if failure.filename else "the environment"
        raise EnvkitError(f"{where} cannot be written: {failure.strerror or failure}", exit_code=1) from None
    return tuple(runs)


def run_steps(work: Work, claim: Claim, progress: Progress, log_name: str) -> tuple[StepRun, ...]:
    """Run the steps that are still to be done, each told, logged and noted in the journal of the claim."""
    with _runner(work, claim, progress, log_name) as runner:
        return runner.run_all()


@contextmanager
def _runner(work: Work, claim: Claim, progress: Progress, log_name: str) -> "Iterator[_Runner]":
    if claim.done:
        progress.resumed(claim.done)
    elif work.prepare:
        work.prepare(work.path)
    with (work.path / log_name).open("a", encoding="utf-8", errors="backslashreplace") as log, claim.journal.beating():
        yield _Runner(work, claim, progress, log)


def _is_made(work: Work, claim: Claim) -> bool:
    """Tell whether envkit made the environment, now or when what is updated was made."""
    return claim.mode is not Mode.UPDATE or bool((read_record(work.path) or {}).get("made"))


class _Runner:
    """Runs the steps of one work, each told, logged and noted in the journal as it goes."""

    def __init__(self, work: Work, claim: Claim, progress: Progress, log: IO[str]) -> None:
        self._work = work
        self._claim = claim
        self._progress = progress
        self._log = log
        self._writing = threading.Lock()
        self._variables = {**step_variables(os.environ), MARK: claim.journal.mark}

    def run_all(self) -> tuple[StepRun, ...]:
        """Run the steps that are still to be done."""
        numbered = list(enumerate(self._work.steps, 1))
        return tuple(self.run(step, number) for number, step in numbered[self._claim.done :])

    def run(self, step: Step, number: int) -> StepRun:
        """Run one step; raise `EnvkitError` when it does not succeed."""
        self._progress.started(step.name, number, len(self._work.commands))
        self._log.write(f"$ {step.line}\n")
        completed = self._call(step) if step.call else self._start(step)
        self._log.write(f"# {completed.describe()}, {completed.seconds:.1f} s\n")
        if not completed.ok:
            stays = self._claim.mode is Mode.UPDATE
            log = self._log.name if stays else _keep(self._log)
            raise explain_failure(step, completed, self._work.minor, log)
        _check_brought(step, self._work.path)
        if number <= len(self._work.steps):
            self._claim.journal.step_done(number)
        self._progress.ended(completed.seconds)
        return StepRun(step.name, step.shown, completed.seconds)

    def _start(self, step: Step) -> processes.Completed:
        return processes.run(
            (*_with_us(step.argv[0]), *step.argv),
            timeout=step.timeout,
            env=self._told_to(step),
            on_line=self._take,
            on_error_line=self._take,
        )

    def _call(self, step: Step) -> processes.Completed:
        """Do the step inside envkit, and tell how it ended as if it had been a process."""
        began, failed = time.perf_counter(), ""
        ended = threading.Event()

        def work() -> None:
            nonlocal failed
            try:
                if step.call:
                    step.call(self._variables)
            except (Exception, SystemExit) as failure:  # noqa: BLE001 - a library's own, told like a program's
                failed = f"ERROR: {failure or type(failure).__name__}"
                self._take(failed.encode())
            ended.set()

        thread = threading.Thread(target=work, daemon=True)
        try:
            thread.start()
            in_time = ended.wait(step.timeout)
        except BaseException:
            # It cannot be stopped, and what it still writes must not come after the roll-back.
            if thread.is_alive():
                thread.join(_LIBRARY_GRACE)
            raise
        if not in_time:  # what it waits for are programs of its own, which bear the mark of this run
            stop_survivors(self._claim.journal.mark)
            thread.join(_LIBRARY_GRACE)
        return processes.Completed(
            argv=step.argv,
            end=processes.End.EXITED if in_time else processes.End.TIMED_OUT,
            exit_code=0 if in_time and not failed else 1,
            stdout=b"",
            stderr=failed.encode(),
            seconds=time.perf_counter() - began,
        )

    def _told_to(self, step: Step) -> dict[str, str]:
        if step.argv[1:4] != ("-I", "-m", "pip"):
            return {**self._variables, **dict(step.variables)}
        raw = pip_release(self._work.path) >= _RAW_PROGRESS
        return {**self._variables, "PIP_PROGRESS_BAR": "raw" if raw else "off"}

    def _take(self, raw: bytes) -> None:
        line = redacted(raw.decode("utf-8", "replace").rstrip())
        progress = _PROGRESS.fullmatch(line)
        if progress:
            self._progress.received(int(progress["done"]), int(progress["total"]))
            return
        with self._writing, suppress(ValueError):  # something that the step left running still talks: the log is closed
            self._log.write(f"{line}\n")
        self._progress.said(line)


def _with_us(program: str) -> tuple[str, ...]:
    """Return what starts a program so that it ends with envkit, where the system can see to that."""
    if sys.platform != "linux" or not os.access(program, os.X_OK):
        return ()
    return (sys.executable, "-I", "-S", str(WITH_PARENT), str(os.getpid()))


def _keep(log: IO[str]) -> str:
    """Copy the log to where it outlives the environment, and return that place."""
    log.flush()
    descriptor, kept = tempfile.mkstemp(prefix="envkit-create-", suffix=".log")
    with os.fdopen(descriptor, "wb") as copy:
        copy.write(Path(log.name).read_bytes())
    return kept


def _check_brought(step: Step, path: Path) -> None:
    """Refuse the success of a step that did not bring what it is for: it may have been told to put it elsewhere."""
    packages = installed_packages(path) if step.brings else {}
    for name in step.brings:
        if name not in packages:
            raise EnvkitError(
                f"{name} did not come into the environment, though `{step.argv[0]}` says that all went well",
                hint="its configuration may send it elsewhere (`target`, `prefix`, `root`, `dry-run`): see "
                "`pip config list`, and uv.toml",
                exit_code=1,
            )


def _check_build(work: Work) -> None:
    """Refuse a build that took the planned one's place.

    Where the plan trusts the configured index, a mirror or a folder of wheels can hold another build of the
    same version, and pip prefers one with a local version.
    """
    found = torch_backend(work.path) if work.backend else None
    if found and found != work.backend and not (work.backend == "mps" and found == "cpu"):
        raise EnvkitError(
            f"the {found} build of torch was installed, and the plan is {work.backend}",
            hint=f"look where it came from (`pip config list`), or ask for that build: `--cuda {found}`",
            exit_code=1,
        )
