"""Ctrl-C in the gap between two runs: the first is shown, the others are not begun, and the exit code says so."""

import signal
import sys
from collections.abc import Iterator

import pytest

from envkit import processes
from envkit.bench import Request
from envkit.cli.smoking import measuring
from envkit.results import Results
from tests.bench.recorded import GOOD, results_of


@pytest.fixture(autouse=True)
def _start_again() -> Iterator[None]:
    yield
    processes.start_again()


def test_ctrl_c_between_runs_leaves_the_rest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped_at_its_end(*_: object, **__: object) -> Results:
        signal.raise_signal(signal.SIGINT)
        return results_of(GOOD)

    monkeypatch.setattr(measuring, "run_smoke", stopped_at_its_end)
    exercised = measuring.exercise(sys.executable, Request(), repeat=3)
    assert exercised.exit_code == 130
    assert (exercised.results.runs, exercised.results.interrupted) == (1, True)
    assert exercised.results.results == results_of(GOOD).results


def test_what_ctrl_c_did_before_is_what_it_does_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(measuring, "run_smoke", lambda *_, **__: results_of(GOOD))
    assert measuring.exercise(sys.executable, Request()).exit_code == 0
    assert signal.getsignal(signal.SIGINT) is before
