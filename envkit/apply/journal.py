"""What was begun at a path, written down before it is done, so that whoever comes next knows what is there."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from envkit.errors import EnvkitError

_LONGEST = 2**20
_BEGINNING = b'{"what": "'
"""How the first line of each journal begins; it may have been cut off."""
_BEAT = 0.25
"""Seconds between the signs of life of a run: how exactly a later one knows when this one was killed."""
MARK = "ENVKIT_RUN"
"""The variable by which the programs of a run are known, also after envkit itself is gone."""


class Span(NamedTuple):
    """A time in which envkit was at work, in seconds since the epoch."""

    began: float
    ended: float

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, float) and self.began <= moment <= self.ended


class Begun(NamedTuple):
    """What an earlier run left unfinished."""

    what: str
    """Identifies what was asked for: its mode and its commands."""
    mode: str
    mark: str
    first_mark: str
    """The mark of the run that began it, which lies in the folder too."""
    process: int
    made: tuple[str, ...]
    """The folders that were not there before, deepest first."""
    aside: str
    """Where the environment went whose place is taken, "" where there was none."""
    done: int
    """How many of its steps are."""
    finished: bool
    """Whether only what was in the way is still to be removed."""
    spans: tuple[Span, ...]

    def lasting_till_now(self) -> "Begun":
        """Return it with a last span that ends now: what it had started went on until then."""
        *before, last = self.spans
        return self._replace(spans=(*before, Span(last.began, time.time() + _BEAT)))


class Journal:
    """The open file, a line for each thing that is about to happen, or has happened."""

    def __init__(self, stream: BinaryIO, file: Path) -> None:
        self._stream = stream
        self._file = file
        self.mark = os.urandom(8).hex()

    def read(self) -> Begun | None:
        """Return what an earlier run left, None where there is nothing. A line that was cut off did not happen."""
        self._stream.seek(0)
        lines = self._stream.readlines(_LONGEST)
        entries = [entry for line in lines if (entry := _entry(line))]
        if not entries or "what" not in entries[0]:
            if lines and not _is_cut_off(lines):
                raise EnvkitError(
                    f"`{self._file}` is in the way: it is no journal of envkit's",
                    hint="move it, or name another path",
                    exit_code=1,
                )
            return None
        begun = entries[0]
        runs = [entry for entry in entries if "at" in entry]
        ends = [float(entry["before"]) for entry in runs[1:]] + [self._file.stat().st_mtime]
        return Begun(
            what=str(begun["what"]),
            mode=str(begun["mode"]),
            mark=str(runs[-1]["mark"]),
            first_mark=str(runs[0]["mark"]),
            process=int(runs[-1]["process"]),
            made=tuple(begun["made"]),
            aside=str(begun["aside"]),
            done=max((int(entry["done"]) for entry in entries if "done" in entry), default=0),
            finished=any("finished" in entry for entry in entries),
            spans=tuple(Span(run["at"], end + _BEAT) for run, end in zip(runs, ends, strict=True)),
        )

    def begin(self, *, what: str, mode: str, made: tuple[str, ...], aside: str) -> None:
        """Note what is about to be made, in the place of what an earlier run noted."""
        self._stream.truncate(0)
        self._write({"what": what, "mode": mode, "made": made, "aside": aside, **self._run()})

    def go_on(self) -> None:
        """Note that an earlier run is gone on with."""
        self._write({"before": self._file.stat().st_mtime, **self._run()})

    def step_done(self, number: int) -> None:
        """Note that a step is done."""
        self._write({"done": number})

    def beat(self) -> None:
        """Note that envkit is at work right now."""
        os.utime(self._file)

    def finish(self) -> None:
        """Note that all is made."""
        self._write({"finished": True})

    def remove(self) -> None:
        """Take the file away: nothing is left to be done."""
        if os.name == "nt":  # an open file cannot be removed there
            self._stream.truncate(0)
            return
        self._file.unlink(missing_ok=True)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the file's time up to date while something runs."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(_BEAT):
                with suppress(OSError):
                    os.utime(self._file)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _run(self) -> dict[str, Any]:
        return {"at": time.time(), "mark": self.mark, "process": os.getpid()}

    def _write(self, entry: dict[str, Any]) -> None:
        self._stream.seek(0, os.SEEK_END)
        self._stream.write(json.dumps(entry).encode() + b"\n")
        self._stream.flush()  # what the system has outlives the process, if not a power failure


def _is_cut_off(lines: list[bytes]) -> bool:
    """Tell whether it is the beginning of a journal's first line, which was not written to its end."""
    (line, *more) = lines
    return not more and not line.endswith(b"\n") and (_BEGINNING.startswith(line) or line.startswith(_BEGINNING))


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def stop_survivors(mark: str) -> bool:
    """Kill the programs that a killed run has left at work, and tell whether there were any.

    Their environment holds its mark.
    """
    import psutil

    found = False
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                process.kill()
                found = True
                process.wait(5)
    return found


def is_at_work(begun: Begun) -> bool:
    """Tell whether the process that wrote the journal still runs: for file systems that know no locks."""
    import psutil

    try:
        process = psutil.Process(begun.process)
        return process.create_time() <= begun.spans[-1].began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
