"""Driving smoke in a target: whatever the child does, the results say what was measured and how it ended."""

import sys
from pathlib import Path

import pytest

from envkit.bench import run_smoke
from envkit.bench.smoke_run import collect_results, parse_event
from envkit.processes import Completed, End

SPREAD = {"median": 1e-4, "p25": 9e-5, "p75": 2e-4, "min": 8e-5, "max": 1e-3, "count": 500}
GROUP = {"workload": "backprop", "device": "cpu", "dtype": "float32"}
EVENTS = [
    {"event": "start", "python": "3.11.7", "torch": "2.13.0", "devices": [{"device": "cpu"}]},
    {"event": "check", **GROUP, "name": "gradient", "passed": True, "error": 0.5, "tolerance": 1, "detail": "right"},
    {"event": "timing", **GROUP, "warmup_steps": 5, "steps": 500, "epochs": 100, "step_seconds": SPREAD,
     "epoch_seconds": SPREAD},
    {"event": "result", **GROUP, "passed": True},
    {"event": "end", "passed": True, "seconds": 1.0},
]  # fmt: skip


def ended(end: End = End.EXITED, code: int = 0, stderr: bytes = b"") -> Completed:
    return Completed(argv=(), end=end, exit_code=code, stdout=b"", stderr=stderr, seconds=2.0)


def test_the_events_of_a_workload_become_one_result() -> None:
    results = collect_results("python", EVENTS, ended())
    (result,) = results.results
    assert results.passed
    assert results.complete
    assert (result.workload, result.device, result.passed) == ("backprop", "cpu", True)
    assert result.timing is not None
    assert result.timing.step_seconds.median == 1e-4


def test_a_run_without_its_end_has_not_passed() -> None:
    results = collect_results("python", EVENTS[:-1], ended(End.SIGNALLED, -11, b"last words"))
    assert not results.passed
    assert not results.complete
    assert results.results[0].passed  # what was measured before is kept
    assert results.errors[-1].kind == "died"
    assert "SIGSEGV" in results.errors[-1].message
    assert "last words" in results.errors[-1].message


def test_a_workload_cut_short_has_not_passed() -> None:
    results = collect_results("python", [*EVENTS[:-2], EVENTS[-1]], ended())
    assert not results.passed


def test_an_exit_code_outweighs_a_claim_to_have_passed() -> None:
    assert not collect_results("python", EVENTS, ended(code=1)).passed


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param({"event": "start", "devices": 3}, id="devices that are a number"),
        pytest.param({"event": "start", "python": ["3.11"]}, id="a version that is a list"),
        pytest.param({"event": "check", **GROUP, "passed": "yes"}, id="a check without a name"),
        pytest.param({"event": "training", **GROUP, "losses": "low"}, id="losses that are a word"),
        pytest.param({"event": "timing", **GROUP, "step_seconds": None}, id="a timing without figures"),
        pytest.param({"event": "result", **GROUP, "passed": 1}, id="a verdict that is a number"),
        pytest.param({"event": "error"}, id="an error without words"),
        pytest.param({"event": "end", "passed": "true"}, id="an end that is a word"),
    ],
)
def test_an_event_that_makes_no_sense_is_told_and_the_rest_is_kept(nonsense: dict[str, object]) -> None:
    results = collect_results("python", [nonsense, *EVENTS], ended())
    (error,) = results.errors
    assert error.kind == "nonsense"
    assert repr(nonsense["event"]) in error.message
    assert not results.passed
    assert results.complete
    assert results.results[0].checks


@pytest.mark.parametrize("kind", ["new in a later version", ["end"], None, 7])
def test_an_event_of_an_unknown_kind_is_passed_over(kind: object) -> None:
    results = collect_results("python", [{"event": kind, **GROUP}, *EVENTS], ended())
    assert results.passed
    assert len(results.results) == 1


@pytest.mark.parametrize(
    ("line", "event"),
    [
        pytest.param(b'{"event": "end", "passed": true}', {"event": "end", "passed": True}, id="an event"),
        pytest.param(b'noise{"event": "end"}', {"event": "end"}, id="after an unfinished line of another's"),
        pytest.param(b"plain noise", None, id="noise"),
        pytest.param(b'{"event": "end", "pass', None, id="cut short"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b'{"event": ' + b"[" * 200_000, None, id="endlessly nested"),
        pytest.param(b'\xff\xfe{"other": 1}', None, id="another's JSON"),
    ],
)
def test_a_line_of_the_stream_is_an_event_or_nothing(line: bytes, event: object) -> None:
    assert parse_event(line) == event


def test_a_target_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    results = run_smoke(str(tmp_path / "no-python"))
    assert not results.passed
    assert "could not be started" in results.errors[0].message


def test_a_target_that_hangs_is_cut_off(tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 600\n")
    hanging.chmod(0o755)
    results = run_smoke(str(hanging), timeout=0.5)
    assert results.errors[0].kind == "timed-out"
    assert results.seconds < 10


def test_events_are_heard_as_they_come() -> None:
    heard: list[str] = []
    results = run_smoke(
        sys.executable, devices=["cpu"], workloads=["backprop"], on_event=lambda event: heard.append(event["event"])
    )
    assert results.passed, results
    assert heard[0] == "start"
    assert heard[-1] == "end"
