"""How the making of an environment is told, to a person and to a program."""

import io
import json

import pytest

from envkit.render.events import EventProgress
from envkit.render.terminal.progress import StepProgress


def tell_all(progress):
    with progress:
        progress.resumed(1)
        progress.started("install torch", 2, 3)
        progress.said("Collecting torch")
        progress.received(1024, 4096)
        progress.ended(1.5)


def test_a_pipe_gets_a_line_when_a_step_begins_and_one_when_it_is_done():
    sent = io.StringIO()

    tell_all(StepProgress(sent))

    assert sent.getvalue().splitlines() == [
        "going on where a run was stopped: 1 of its steps is done",
        "2/3  install torch",
        "2/3  install torch  done in 1.5 s",
    ]


def test_a_terminal_shows_what_is_done_right_now_over_one_line():
    sent = io.StringIO()

    tell_all(StepProgress(sent, live=True, width=80))

    shown = sent.getvalue().split("\r\x1b[K")
    assert [line.strip() for line in shown[1:]] == [
        "2/3 install torch",
        "2/3 install torch Collecting torch",
        "2/3 install torch 1.0 KiB of 4.0 KiB",
        "2/3  install torch  done in 1.5 s",
    ]


@pytest.mark.parametrize(
    "said", ["Collecting " + "very-long-name " * 20, "two\rlines", "\x1b]0;pwned\x07 torch", "ü" * 200]
)
def test_whatever_a_step_says_stays_on_one_line(said):
    sent = io.StringIO()

    with StepProgress(sent, live=True, width=60) as progress:
        progress.started("install torch", 2, 3)
        progress.said(said)

    shown = sent.getvalue().split("\r\x1b[K")[2]
    assert len(shown) < 60
    assert not set(shown) & {"\n", "\r", "\x1b", "\x07"}


def test_a_program_gets_one_json_object_a_line():
    sent = io.StringIO()

    tell_all(EventProgress(sent))

    assert [json.loads(line) for line in sent.getvalue().splitlines()] == [
        {"event": "resumed", "done": 1},
        {"event": "started", "step": "install torch", "number": 2, "total": 3},
        {"event": "said", "line": "Collecting torch"},
        {"event": "received", "bytes": 1024, "of": 4096},
        {"event": "ended", "seconds": 1.5},
    ]
