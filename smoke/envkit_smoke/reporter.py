"""Telling the stream what happens, and where: on which device, in which workload, dtype and variant."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Iterable

from envkit_smoke import toolchain

if TYPE_CHECKING:
    from envkit_smoke.checks import Check
    from envkit_smoke.events import EventStream

PASSED, FAILED, INTERNAL, INTERRUPTED = 0, 1, 3, 130


@dataclass
class Tally:
    """The exit code so far, the devices there are and those that failed, and the place where the run is at work."""

    code: int = PASSED
    available: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    place: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reporter:
    """Emits events about one place; ``about`` gives a reporter of a place within it."""

    stream: EventStream
    tally: Tally
    place: dict[str, Any] = field(default_factory=dict)

    def about(self, **place: Any) -> Reporter:
        """A reporter whose events say this too, told as a begin event; a run that stops now, stops there."""
        inner = self.of(**place)
        self.tally.place = inner.place
        inner.emit("begin")
        return inner

    def of(self, **place: Any) -> Reporter:
        """A reporter whose events say this too, of what is done already."""
        return Reporter(self.stream, self.tally, {**self.place, **place})

    def emit(self, event: str, **fields: Any) -> None:
        """An event about this place."""
        self.stream.emit(event, **self.place, **fields)

    def fault(self, kind: str, message: str, code: int = FAILED) -> None:
        """An error event; the run has failed."""
        self.tally.code = code
        where = {"device": self.place.get("device"), "workload": self.place.get("workload")}
        more = {name: value for name, value in self.place.items() if name not in where}
        self.stream.emit("error", kind=kind, **where, **more, message=message, available=self.tally.available)

    def skip(self, kind: str, reason: str) -> None:
        """A skip event: this is not measured here, and nothing is wrong with the numbers."""
        self.emit("skip", kind=kind, reason=reason)

    def checks(self, checks: Iterable[Check]) -> bool:
        """An event for each check; True if all passed. One that did not fails the run."""
        passed = True
        for check in checks:
            self.emit("check", **check.fields())
            passed = passed and check.passed
        if not passed:
            self.tally.code = FAILED
        return passed

    def attempt(self, work: Callable[[], Any]) -> Any:
        """What ``work`` returns; whatever it raises is the device's failure, told as such, and None comes back."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            self.failed(error)
            return None

    def failed(self, error: Exception, doing: str = "") -> None:
        """What was raised while the device worked: its failure."""
        traceback.print_exception(type(error), error, error.__traceback__)
        self.tally.failed.add(str(self.place.get("device")))
        self.fault("device-failed", doing + toolchain.one_line(error))
