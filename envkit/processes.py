"""The one door to other programs: an argument list, a time limit, bounded output, never a shell.

Whatever the program does (absent, hanging, killed by a signal, printing without end, leaving
grandchildren behind) comes back as a `Completed`; nothing here raises for it.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

OUTPUT_LIMIT = 8 * 2**20
"""Bytes kept of each stream unless the caller says otherwise; the end is kept, not the beginning."""

_CHUNK = 64 * 2**10
_READERS_GRACE = 1.0
"""Seconds that a pipe may stay open after its program ended: a grandchild may hold it for ever."""
_KILL_GRACE = 2.0
"""Seconds that a killed program has to be gone: one that waits for a dead disk or driver never is."""
_LONGEST_POLL = 2**31 - 1
"""Milliseconds, a C int."""

_WINDOWS = sys.platform == "win32"
_running: set["subprocess.Popen[bytes]"] = set()
_running_lock = threading.RLock()  # a signal handler may come while it is held
_stopping = threading.Event()


class Deadline:
    """A time limit that can be put off while the program runs."""

    def __init__(self, seconds: float) -> None:
        self.renew(seconds)

    def renew(self, seconds: float) -> None:
        """Let the program run for so many seconds from now on."""
        self._end = time.perf_counter() + seconds

    def left(self) -> float:
        """Return the seconds that are left, less than 0 when it has passed."""
        return self._end - time.perf_counter()


class End(str, Enum):
    """How a program came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed-out"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What is left of a program that ran, or did not start. `seconds` is wall-clock time."""

    argv: tuple[str, ...]
    end: End
    exit_code: int | None
    """None when it was never started, or outlived being killed."""
    stdout: bytes
    stderr: bytes
    seconds: float
    reason: str = ""
    """Why it could not be started, in the operating system's words."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.end is End.EXITED and self.exit_code == 0

    @property
    def error_text(self) -> str:
        """The end of stderr as text."""
        return self.stderr.decode("utf-8", "replace").strip()

    def describe(self) -> str:
        """Say how it ended in a few words: "exit code 3", "SIGSEGV", "timed out after 10.0 s"."""
        if self.end is End.TIMED_OUT:
            return f"timed out after {self.seconds:.1f} s"
        if self.end is End.NOT_STARTED:
            return f"could not be started: {self.reason}"
        if self.end is End.SIGNALLED:
            return _signal_name(-(self.exit_code or 0))
        return f"exit code {self.exit_code}"


class _Tail:
    """The last bytes of a stream, read to its end in a thread of its own."""

    def __init__(self, stream: IO[bytes], limits: tuple[int, int], on_line: Callable[[bytes], None] | None) -> None:
        self._stream = stream
        self._limit, self._longest_line = limits
        self._on_line = on_line
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        unfinished = b""
        with self._stream:
            while chunk := _read_chunk(self._stream.fileno()):
                self._keep(chunk)
                if self._on_line is not None:
                    *lines, unfinished = (unfinished + chunk).split(b"\n")
                    unfinished = unfinished[-self._longest_line :]
                    for line in lines:
                        self._on_line(line)
        if self._on_line is not None and unfinished:
            self._on_line(unfinished)

    def _keep(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._limit:
            self._size -= len(self._chunks.popleft())

    def text(self) -> bytes:
        return b"".join(tuple(self._chunks))[-self._limit :]


def _read_chunk(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


def run(
    argv: Sequence[str],
    *,
    timeout: float | Deadline,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    given: bytes = b"",
    limit: int = OUTPUT_LIMIT,
    longest_line: int | None = None,
    on_line: Callable[[bytes], None] | None = None,
    on_error_line: Callable[[bytes], None] | None = None,
) -> Completed:
    """Run a program to its end, or kill it with all it started after `timeout` seconds.

    `given` is what it may read from stdin. `limit` bounds the bytes kept of each stream (the last ones). `on_line` is
    called with each line of stdout as it comes, `on_error_line` with each of stderr, in other threads; of a line that
    is longer than `longest_line` (`limit` unless told otherwise), with its end. On KeyboardInterrupt the program is
    killed first.
    """
    began = time.perf_counter()
    try:
        if _stopping.is_set():
            raise InterruptedError("envkit is leaving")
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            # A group of its own, so that what it starts can be killed with it and Ctrl-C reaches us first.
            start_new_session=not _WINDOWS,
        )
    except (OSError, ValueError) as refusal:
        return Completed(
            argv=tuple(argv),
            end=End.NOT_STARTED,
            exit_code=None,
            stdout=b"",
            stderr=b"",
            seconds=time.perf_counter() - began,
            reason=getattr(refusal, "strerror", None) or str(refusal),
        )
    with _running_lock:
        _running.add(process)
    if _stopping.is_set():  # meanwhile
        _kill(process)
    if process.stdin is not None:
        threading.Thread(target=_give, args=(process.stdin, given), daemon=True).start()
    try:
        deadline = timeout if isinstance(timeout, Deadline) else Deadline(timeout)
        limits = (limit, limit if longest_line is None else longest_line)
        return _finish(process, tuple(argv), began, deadline, limits, (on_line, on_error_line))
    except BaseException:
        _kill(process)
        raise
    finally:
        with _running_lock:
            _running.discard(process)


def _give(stream: IO[bytes], given: bytes) -> None:
    with suppress(OSError), stream:  # it may end before it has read all
        stream.write(given)


def _finish(
    process: "subprocess.Popen[bytes]",
    argv: tuple[str, ...],
    began: float,
    allowed: Deadline,
    limits: tuple[int, int],
    on_lines: tuple[Callable[[bytes], None] | None, Callable[[bytes], None] | None],
) -> Completed:
    assert process.stdout is not None  # noqa: S101 - both are pipes, as opened in run()
    assert process.stderr is not None  # noqa: S101
    tails = (_Tail(process.stdout, limits, on_lines[0]), _Tail(process.stderr, limits, on_lines[1]))
    timed_out = not _ends_within(process, allowed)
    if timed_out:
        _kill(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_GRACE)
    _kill_left_behind(process)
    deadline = time.perf_counter() + _READERS_GRACE
    for tail in tails:
        tail.thread.join(max(0.0, deadline - time.perf_counter()))
    code: int | None = process.returncode
    return Completed(
        argv=argv,
        end=End.TIMED_OUT if timed_out else End.SIGNALLED if (code or 0) < 0 else End.EXITED,
        exit_code=code,
        stdout=tails[0].text(),
        stderr=tails[1].text(),
        seconds=time.perf_counter() - began,
    )


def _ends_within(process: "subprocess.Popen[bytes]", allowed: Deadline) -> bool:
    while (left := allowed.left()) > 0:
        with suppress(subprocess.TimeoutExpired):  # it may have been put off meanwhile
            _await_end(process, left)
            return True
    return process.poll() is not None


def _await_end(process: "subprocess.Popen[bytes]", timeout: float) -> None:
    """Do as `process.wait(timeout)`, which looks only every 50 ms after a while: a probe may take little longer."""
    deadline = time.perf_counter() + timeout
    if sys.platform == "linux":
        with suppress(OSError):  # a kernel before 5.3, or a sandbox that forbids it
            watched = os.pidfd_open(process.pid)
            try:
                poll = select.poll()
                poll.register(watched, select.POLLIN)
                poll.poll(min(timeout * 1000, _LONGEST_POLL))
            finally:
                os.close(watched)
    process.wait(max(0.0, deadline - time.perf_counter()))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the program and everything that it started.

    Its group goes in one blow. What left the group for a session of its own (torchrun gives one to all that it starts)
    is found as its offspring, and must be looked for before: who has lost its parent is nobody's offspring.
    """
    if _WINDOWS:
        _kill_tree(process)
        return
    offspring = _find_offspring(process)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()
    _kill_each(offspring)


def _kill_left_behind(process: "subprocess.Popen[bytes]") -> None:
    """Kill what an ended program left running in its group."""
    if not _WINDOWS:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and its offspring where there are no process groups."""
    offspring = _find_offspring(process)
    with suppress(OSError):
        process.kill()  # first: it starts no more of them
    _kill_each(offspring)


def _find_offspring(process: "subprocess.Popen[bytes]") -> "list[psutil.Process]":
    try:
        import psutil

        return psutil.Process(process.pid).children(recursive=True)
    except Exception:  # noqa: BLE001 - also where a signal came while psutil was being imported
        return []


def _kill_each(members: "list[psutil.Process]") -> None:
    """Kill them; who is gone or cannot be killed spares nobody else."""
    for member in members:
        with suppress(Exception):
            member.kill()


def interrupt(grace: float) -> None:
    """Ask every program that is still running to end, as Ctrl-C would, and start no more.

    What runs on after `grace` seconds is killed; this returns at once.
    """
    _stopping.set()
    with _running_lock:
        asked = tuple(_running)
    for process in asked:
        if not _WINDOWS:  # there, Ctrl-C reaches them by itself
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGINT)
    timer = threading.Timer(grace, _kill_unless_ended, (asked,))
    timer.daemon = True
    timer.start()


def _kill_unless_ended(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        with _running_lock:
            still_ours = process in _running
        if still_ours:
            _kill(process)


def kill_all() -> None:
    """Kill every program that is still running: the last act after Ctrl-C."""
    with _running_lock:
        left = tuple(_running)
    for process in left:
        _kill(process)


def stop() -> None:
    """Kill every program that is still running and start no more: envkit is leaving."""
    _stopping.set()
    kill_all()


def start_again() -> None:
    """Allow programs to be started after `stop`, where envkit did not leave after all."""
    _stopping.clear()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
