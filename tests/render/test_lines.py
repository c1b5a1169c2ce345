"""Plain lines: what is written to a terminal, and to a pipe."""

import io

import pytest

from envkit.render.terminal.lines import Lines, Style

ESCAPE = "\x1b"


def written(show, **reader):
    stream = io.StringIO()
    show(Lines(stream, **reader))
    return stream.getvalue()


def test_facts_stand_in_two_columns():
    assert written(lambda lines: lines.facts([("python", "3.11"), ("gpu", "none")]), width=80) == (
        "python  3.11\ngpu     none\n"
    )


def test_a_long_value_is_folded_below_itself():
    text = written(lambda lines: lines.facts([("torch", "newest release that fits this machine")]), width=30)

    assert text == "torch  newest release that\n       fits this machine\n"


def test_a_word_longer_than_the_line_is_broken_and_not_lost():
    text = written(lambda lines: lines.facts([("index", "x" * 50)]), width=30)

    assert "".join(text.replace("index", "").split()) == "x" * 50


@pytest.mark.parametrize("width", [1, 10, 22])
def test_a_terminal_of_a_few_columns_still_gets_every_word(width):
    text = written(lambda lines: lines.facts([("backend", "there is no NVIDIA driver")]), width=width)

    assert text.split() == ["backend", "there", "is", "no", "NVIDIA", "driver"]


def test_colour_is_for_a_terminal_only():
    def show(lines):
        lines.styled("VENV", Style.GOOD, "  torch")

    assert ESCAPE in written(show, coloured=True)
    assert written(show) == "VENV  torch\n"


def test_escapes_in_foreign_text_are_shown_and_not_sent():
    def show(lines):
        lines.line(f"a{ESCAPE}[2J")
        lines.styled(f"b{ESCAPE}c", Style.WARNING, f"d{ESCAPE}c")
        lines.facts([(f"e{ESCAPE}c", f"f{ESCAPE}c")])
        lines.whole(f"g{ESCAPE}c")

    assert ESCAPE not in written(show, coloured=False)


def test_an_empty_value_leaves_no_blanks_at_the_end():
    assert written(lambda lines: lines.facts([("libc", "")]), width=80) == "libc\n"


def test_the_width_of_a_pipe_can_be_told(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")

    assert max(map(len, written(lambda lines: lines.facts([("a", "word " * 20)])).splitlines())) <= 30


def test_what_is_indented_stays_so_where_it_is_folded():
    def show(lines):
        lines.facts([("cause", "the driver is too old"), ("", "and more")], indent=2)
        lines.line("restart the machine, then look again", indent=6)

    assert written(show, width=30) == (
        "  cause  the driver is too old\n         and more\n      restart the machine,\n      then look again\n"
    )


def test_a_whole_line_is_never_folded():
    command = "python -m pip install " + "torch " * 30
    assert written(lambda lines: lines.whole(command, Style.COMMAND, indent=4), width=30) == f"    {command}\n"
