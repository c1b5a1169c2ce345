"""Plots in plain characters, and tables that go on below."""

from envkit.render.terminal.columns import render_columns
from envkit.render.terminal.plot import Axis, Series, render_plot
from envkit.render.text import amount

X = Axis("bytes", amount)
Y = Axis("seconds", lambda value: f"{value:g}")


def test_a_plot_reads_as_it_should() -> None:
    roof = Series(".", "roof", [(1e2, 0.01), (1e6, 100.0)], joined=True)
    measured = Series("o", "measured", [(1e2, 1.0), (1e4, 1.0), (1e6, 100.0)])
    assert render_plot([roof, measured], X, Y, 40, 5) == [
        "seconds:  . roof  o measured",
        " 100 |                            ....o",
        "  10 |                     .......",
        "   1 |o           ....o....",
        " 0.1 |     .......",
        "0.01 |.....",
        "     +---------------------------------",
        "      100     1 k     10 k    100 k",
        "                                  bytes",
    ]


def test_what_is_clipped_does_not_stretch_the_axis() -> None:
    roof = Series(".", "roof", [(1e2, 1e-9), (1e6, 1.0)], joined=True, clipped=True)
    lines = render_plot([roof, Series("o", "measured", [(1e2, 0.5), (1e6, 2.0)])], X, Y, 60, 6)
    assert not any("1e-09" in line for line in lines)
    assert any("o" in line for line in lines[1:])


def test_a_single_point_is_no_plot() -> None:
    assert render_plot([Series("o", "measured", [(1e2, 0.5)])], X, Y, 60) == []


def test_a_flat_line_is_drawn() -> None:
    lines = render_plot([Series("o", "measured", [(1e2, 0.5), (1e4, 0.5)])], X, Y, 40, 5)
    assert sum(line.count("o") for line in lines[1:6]) == 2


def test_a_narrow_terminal_breaks_no_name_of_the_legend() -> None:
    named = [Series("o", "measured with care", [(1.0, 1.0), (10.0, 10.0)]), Series("*", "another one", [])]
    assert render_plot(named, X, Y, 30)[:3] == [
        "seconds:  o measured with care",
        "* another one",
        "10 |                        o",
    ]


def test_columns_that_do_not_fit_go_on_below() -> None:
    rows = [("15 x 3", "20 us", "3.6 M"), ("4096 x 16", "35 us", "3.76 G")]
    assert render_columns(("size", "step", "FLOP/s"), rows, 18) == [
        "size        step",
        "15 x 3     20 us",
        "4096 x 16  35 us",
        "",
        "size       FLOP/s",
        "15 x 3      3.6 M",
        "4096 x 16  3.76 G",
    ]


def test_columns_that_fit_stand_side_by_side() -> None:
    assert render_columns(("size", "step", "FLOP/s"), [("15", "20 us", "3 M")], 60) == [
        "size   step  FLOP/s",
        "15    20 us     3 M",
    ]
