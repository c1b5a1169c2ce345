"""Running probes side by side and putting their answers together into a Snapshot."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple

from envkit import __version__, processes
from envkit.snapshot import Absent, ProbeOutcome, ProbeRun, RunEnd, Snapshot, Toolkit, TorchRuntime, Unknown

_MARGIN = 2.0
"""Seconds past its limit that a probe has to report that it was cut off."""
_POLL = 0.25

WaitingFor = Callable[[tuple[str, ...]], None]


class Probe(NamedTuple):
    """What fills which sections of the snapshot, within how many seconds."""

    sections: tuple[str, ...]
    collect: Callable[[], Any]
    """Returns the section, or a tuple of them when there are several."""
    limit: float
    progress: Callable[[], str] = str
    """Says how far it is, "" when there is nothing to tell."""


@dataclass
class _Running:
    """A probe in its thread; `answer` stays None until it has answered."""

    probe: Probe
    answer: tuple[Any, ...] | None = None
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.probe.sections[0]


class Gathering:
    """Probes under way. The caller may do other work before it asks for the `result`."""

    def __init__(
        self,
        probes: Sequence[Probe],
        *,
        skipped: Mapping[str, str] | None = None,
        absent: Mapping[str, Absent] | None = None,
    ) -> None:
        """Start `probes`; `skipped` and `absent` are sections known beforehand not to be probed."""
        self._began = time.perf_counter()
        self._skipped = dict(skipped or {})
        self._absent = dict(absent or {})
        self._running = [_Running(probe) for probe in probes]
        self._threads = [self._launch(running) for running in self._running]

    def _launch(self, running: _Running) -> threading.Thread:
        thread = threading.Thread(name=running.name, target=self._collect, args=(running,), daemon=True)
        thread.start()
        return thread

    def _collect(self, running: _Running) -> None:
        try:
            answer = running.probe.collect()
        except Exception as error:  # noqa: BLE001 - a probe's own mistake must not take the others along
            answer = (Unknown(why=f"the probe failed: {type(error).__name__}: {error}"),) * len(running.probe.sections)
        running.seconds = time.perf_counter() - self._began
        running.answer = answer if isinstance(answer, tuple) else (answer,)

    def waiting_for(self) -> tuple[str, ...]:
        """Return the names of the probes that have not answered, with how far they are."""
        waiting = [(running.name, running.probe.progress()) for running in self._running if running.answer is None]
        return tuple(f"{name} ({told})" if told else name for name, told in waiting)

    def result(self, on_wait: WaitingFor | None = None) -> Snapshot:
        """Wait for every probe up to its limit and return the snapshot.

        `on_wait` is called a few times a second with the names of those still awaited. On
        KeyboardInterrupt everything that was started is killed before the exception goes on.
        """
        try:
            for running, thread in zip(self._running, self._threads, strict=True):
                self._await(running, thread, on_wait)
        except BaseException:
            processes.kill_all()
            raise
        return self._snapshot()

    def _await(self, running: _Running, thread: threading.Thread, on_wait: WaitingFor | None) -> None:
        deadline = self._began + running.probe.limit + _MARGIN
        while thread.is_alive() and (left := deadline - time.perf_counter()) > 0:
            thread.join(min(_POLL, left))
            if on_wait is not None and thread.is_alive():
                on_wait(self.waiting_for())

    def _snapshot(self) -> Snapshot:
        sections: dict[str, Any] = dict(self._absent)
        for name, why in self._skipped.items():
            sections[name] = Unknown(why=why, outcome=ProbeOutcome.SKIPPED)
        for running in self._running:
            late = Unknown(why=f"no answer within {running.probe.limit:g} s", outcome=ProbeOutcome.TIMED_OUT)
            answer = running.answer or (late,) * len(running.probe.sections)
            sections.update(zip(running.probe.sections, answer, strict=True))
        runs = [_run_of(name, sections[name], 0.0) for name in self._skipped]
        for running in self._running:
            runs += [_run_of(name, sections[name], running.seconds) for name in running.probe.sections]
        return Snapshot(
            envkit_version=__version__,
            taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            probes=tuple(runs),
            **{**sections, "packages": _or_unknown(sections["packages"]), "toolkit": _tools(sections.get("toolkit"))},
        )


def _or_unknown(packages: Any) -> Any:
    """Packages are never absent: without an interpreter there is no telling."""
    return Unknown(why=packages.why) if isinstance(packages, Absent) else packages


def _tools(section: Any) -> Toolkit:
    """Tools that were not asked, or did not answer, are unknown each."""
    return section if isinstance(section, Toolkit) else Toolkit()


_ENDS = {
    RunEnd.FINISHED: ProbeOutcome.OK,
    RunEnd.CRASHED: ProbeOutcome.CRASHED,
    RunEnd.TIMED_OUT: ProbeOutcome.TIMED_OUT,
}


def _run_of(name: str, section: Any, seconds: float) -> ProbeRun:
    outcome, detail = ProbeOutcome.OK, ""
    if isinstance(section, Unknown):
        outcome, detail = section.outcome, section.why
    elif isinstance(section, TorchRuntime):
        outcome, detail = _ENDS[section.end], section.died_of
    return ProbeRun(name=name, outcome=outcome, seconds=round(seconds, 4), detail=detail)
