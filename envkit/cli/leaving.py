"""Leaving on a signal: nothing that envkit started is left running."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from envkit import processes

if TYPE_CHECKING:
    from types import TracebackType

# Ctrl-C; a polite kill; the terminal was closed.
_SIGNALS = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)


class Leaving:
    """While it is entered, a signal to leave first kills all that was started, then raises KeyboardInterrupt.

    `signal` is the number of the signal that came. It is kept because Python may swallow the exception
    (raised inside a weak reference's callback, it is only printed).
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Leaving:  # noqa: PYI034 - Self is 3.11
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._leave) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        processes.start_again()

    def _leave(self, number: int, _frame: object) -> None:
        self.signal = number
        processes.stop()
        raise KeyboardInterrupt


class Gently:
    """While it is entered, the first Ctrl-C asks what runs to end by itself and lets the caller go on; `asked` says so.

    The second one is the command line's: everything is killed.
    """

    def __init__(self, grace: float) -> None:
        self.asked = False
        self._grace = grace
        self._before: Any = None

    def __enter__(self) -> Gently:  # noqa: PYI034 - Self is 3.11
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)
        processes.interrupt(self._grace)
