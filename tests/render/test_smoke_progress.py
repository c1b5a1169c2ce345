"""Progress of a smoke run: what now, how far, how much of the budget is left."""

import io

import pytest

from envkit.render.terminal.smoke_progress import SmokeProgress, SmokeState
from tests.bench.recorded import GOOD, start, training


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(*events: dict[str, object], later: float = 0.0) -> str:
    clock = Clock()
    state = SmokeState(clock)
    for event in events:
        state.hear(event)
    clock.now = later
    return state.line()


def test_nothing_is_known_until_torch_is_there() -> None:
    assert told(later=3.0) == "importing torch, 3 s"


def test_what_is_measured_is_told_with_how_far_it_is() -> None:
    events = training("cpu", "backprop", "eager", 1e-4)
    assert told(start("cpu"), *events, {"event": "begin", "device": "cpu", "workload": "backprop"}) == (
        "cpu backprop, 1 of 4 trainings, 2 checks, 0 s"
    )


def test_of_the_budget_it_is_told_what_is_left() -> None:
    speed = {"device": "cpu", "workload": "speed"}
    begun = ({"event": "begin", **speed}, {"event": "conditions", "device": "cpu"})
    line = told(start("cpu"), *begun, later=12.0)
    assert line == "cpu, preparing sizes, 0 of 4 trainings, 12 s, 18 s of 30 s for speed left"
    line = told(start("cpu"), *begun, {"event": "progress", **speed, "part": 0.4}, later=12.0)
    assert line == "cpu speed, 40% timed, 0 of 4 trainings, 12 s, 18 s of 30 s for speed left"


def test_the_next_device_has_its_own_budget() -> None:
    line = told(
        start("cpu", "cuda:0"),
        {"event": "conditions", "device": "cpu"},
        {"event": "begin", "device": "cuda:0"},
        later=40.0,
    )
    assert line == "cuda:0, 0 of 8 trainings, 40 s"


def test_a_terminal_has_one_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with SmokeProgress(repeat=3, stream=stream) as progress:
        for event in GOOD[:5]:
            progress.hear(event)
    shown = stream.getvalue()
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")
    lines = [line for line in shown.split("\r\x1b[K") if line]
    assert lines[0].startswith("smoke: run 1 of 3: importing torch")
    assert max(map(len, lines)) == 39


@pytest.mark.parametrize("term", ["dumb", None])
def test_where_no_line_can_be_written_over_nothing_is_told(monkeypatch: pytest.MonkeyPatch, term: str | None) -> None:
    monkeypatch.setenv("TERM", term or "xterm")
    stream = Terminal() if term else io.StringIO()
    with SmokeProgress(stream=stream) as progress:
        for event in GOOD:
            progress.hear(event)
    assert stream.getvalue() == ""


def test_names_from_the_target_cannot_move_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with SmokeProgress(stream=stream) as progress:
        progress.hear({"event": "begin", "device": "cpu\x1b[2J\n\n"})
    assert "\x1b[2J" not in stream.getvalue()
    assert "\n" not in stream.getvalue()
