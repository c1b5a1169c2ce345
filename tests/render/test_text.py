"""Foreign text made safe, figures made readable."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.render.text import clean, counted, duration, size


@given(st.text())
def test_nothing_that_steers_a_terminal_survives(text: str) -> None:
    kept = set(clean(text)) - {"\n", "\t"}
    assert not [character for character in kept if unicodedata.category(character)[0] == "C"]


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31mred", "\\x1b[31mred"), ("a\u202eb", "a\\u202eb"), ("bell\x07", "bell\\x07"), ("\ud800", "\\ud800")],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "unknown"),
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (25 * 2**30, "25.0 GiB"),
        (2**41, "2.0 TiB"),
    ],
)
def test_sizes(count: int | None, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "unknown"),
        (75.0, "75 s"),
        (1.234, "1.23 s"),
        (0.035, "35 ms"),
        (74e-6, "74 µs"),
        (5e-9, "5 ns"),
        (0.9996, "1 s"),
        (0.9994, "999 ms"),
        (999.9, "1000 s"),
        (86400.0, "86400 s"),
        (-0.9996, "-1 s"),
        (0.0, "0 ns"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_equal_names_are_counted() -> None:
    assert counted(["A100", "H100", "A100"]) == "2 x A100, H100"
