"""The event stream: strict JSON whatever the numbers."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from envkit_smoke.events import EventStream, to_strict


def written(**fields: Any) -> str:
    file = io.StringIO()
    EventStream(file).emit("training", **fields)
    return file.getvalue()


def test_an_event_is_one_line_that_begins_with_its_name() -> None:
    assert written(epochs=2, losses=[1.5]) == '{"event": "training", "epochs": 2, "losses": [1.5]}\n'


def test_a_line_break_in_a_text_does_not_break_the_line() -> None:
    assert written(message="one\ntwo\u2028three").count("\n") == 1


def test_numbers_that_json_lacks_become_null_and_are_named() -> None:
    event = json.loads(written(losses=[1.0, float("inf")], final_loss=float("nan")), parse_constant=pytest.fail)
    assert event == {
        "event": "training",
        "losses": [1.0, None],
        "final_loss": None,
        "not_finite": {"losses.1": "inf", "final_loss": "nan"},
    }


def test_places_inside_objects_are_named_in_full() -> None:
    _, lost = to_strict({"step_seconds": {"median": float("-inf")}})
    assert lost == {"step_seconds.median": "-inf"}


def test_text_that_is_no_unicode_still_makes_a_line() -> None:
    assert json.loads(written(executable="/odd/\udcff")) == {"event": "training", "executable": "/odd/\udcff"}


def test_each_event_is_flushed() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="utf-8")
    EventStream(file).emit("end", passed=True)
    assert raw.getvalue() == b'{"event": "end", "passed": true}\n'
