"""Smoke in the terminal against golden files. `ENVKIT_GOLDEN=write pytest tests/render` writes them anew."""

import io
import os
import subprocess
import sys
from functools import cache

import pytest
from msgspec.structs import replace
from rich.console import Console

from envkit import matrix
from envkit.bench.comparing import compare
from envkit.bench.repeating import repeated
from envkit.checks.measured import Measured, judge_measured
from envkit.findings import Finding
from envkit.processes import End
from envkit.render.terminal.results import print_results
from envkit.results import Comparison, Results
from envkit.snapshot import NvmlDevice
from tests.bench.recorded import BOTH, END, GOOD, on_device, place, points, results_of, start
from tests.builders import make_gpu_snapshot
from tests.render.test_terminal import golden, plain

Shown = tuple[Results, tuple[Finding, ...], Comparison | None]
HELD = NvmlDevice(index=0, throttle=("sw-power-cap",), pcie_width=4, pcie_width_best=16, clock=1200, clock_best=1980)


def _judged(results: Results) -> tuple[Finding, ...]:
    return judge_measured(Measured(results, make_gpu_snapshot(), {"cuda:0": HELD}), matrix.load())


def _held_back() -> Shown:
    results = results_of(BOTH, code=1)
    healthy = [*on_device("cpu", copy=11e9, matmul=95e9), *on_device("cuda:0", copy=3.0e12, matmul=51e12)]
    before = results_of([start("cpu", "cuda:0"), *healthy, END])
    return results, _judged(results), compare(before, results, "before.json")


def _noisy() -> Shown:
    """Three runs on a busy machine, one size of which found no memory."""
    noise = {"lowered_from": {"rows": 10**9, "width": 128, "batch": 10**8}}
    events = []
    for event in GOOD:
        changed = {**event, "load_average": 7.5, "governor": "powersave"}
        events.append(changed if event["event"] == "conditions" else event)
    sweep = points("cpu", "backprop", 4e9, **noise)[-1:]
    sweep[0]["seconds"].update(noise=0.12, outliers=4)
    run = results_of([*events[:-1], *sweep, END])
    slower = replace(run, points=points_slower(run))
    return repeated([run, slower, run]), (), None


def points_slower(run: Results) -> tuple[object, ...]:
    return tuple(replace(one, seconds=replace(one.seconds, median=one.seconds.median * 1.1)) for one in run.points)


def _died() -> Shown:
    words = b"Traceback\nCUDA error: uncorrectable ECC error encountered\n"
    events = [start("cuda:0"), {"event": "begin", **place("cuda:0")}]
    results = results_of(events, end=End.SIGNALLED, code=-6, stderr=words)
    return results, _judged(results), None


def _stopped() -> Shown:
    return results_of(GOOD[:9], end=End.SIGNALLED, code=-9, interrupted=True), (), None


def _network() -> Shown:
    layer = {"net": [[0.1]], "output": [[0.52]]}
    steps = [{"loss": 0.2 / (at + 1), "layers": [layer]} for at in range(7)]
    told = [
        {"event": "network", "device": "reference", "dtype": "float64", "steps": steps},
        {"event": "network", "device": "cpu", "dtype": "float32", "steps": [*steps[:6], {"loss": None, "layers": []}]},
    ]
    return results_of([start("cpu"), *told, END]), (), None


PAGES = {"held-back": _held_back, "noisy": _noisy, "died": _died, "stopped": _stopped, "network": _network}


@cache
def shown(name: str) -> Shown:
    return PAGES[name]()


def page(name: str, width: int, *, verbose: bool = False) -> str:
    out = plain(width)
    print_results(out, *shown(name), verbose=verbose)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", PAGES)
def test_a_run_reads_as_its_golden_file(name: str, width: int) -> None:
    golden(f"smoke-{name}-{width}", page(name, width))


def test_verbose_shows_every_check_and_every_comparison() -> None:
    golden("smoke-held-back-verbose-80", page("held-back", 80, verbose=True))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_but_a_command_is_wider_than_the_terminal(name: str, width: int) -> None:
    commands = [command for finding in shown(name)[1] if finding.fix for command in finding.fix.commands]
    lines = [line.rstrip() for line in page(name, width).splitlines()]
    assert not [line for line in lines if len(line) > width and line.strip() not in commands]


def test_figures_and_plots_are_plain_ascii_but_for_the_micro_sign() -> None:
    assert page("held-back", 80).replace("µ", "u").isascii()


def test_what_a_device_calls_itself_cannot_write_to_the_terminal() -> None:
    out = plain(80)
    events = [start("cpu", devices=[{"device": "cpu", "name": "evil\x1b[2J"}]), *GOOD[1:]]
    print_results(out, results_of(events))
    assert isinstance(out.file, io.StringIO)
    assert "\x1b" not in out.file.getvalue()
    assert "evil\\x1b[2J" in out.file.getvalue()


@pytest.mark.parametrize(
    "variables",
    [pytest.param({"NO_COLOR": "1"}, id="NO_COLOR"), pytest.param({"TERM": "dumb"}, id="a dumb terminal")],
)
def test_without_colours_no_escape_is_written(variables: dict[str, str]) -> None:
    program = (
        "import sys; sys.stdout.isatty = lambda: True\n"
        "from envkit.render.terminal.layout import console\n"
        "from envkit.render.terminal.results import print_results\n"
        "from tests.bench.recorded import *\n"
        "print_results(console(), results_of(BOTH))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "COLUMNS": "80", **variables},
        capture_output=True,
        check=True,
    )
    assert b"FAILED" in done.stdout
    assert b"\x1b[3" not in done.stdout


def test_colours_only_repeat_what_words_say() -> None:
    coloured = Console(file=io.StringIO(), width=80, color_system="truecolor", force_terminal=True, highlight=False)
    print_results(coloured, *shown("held-back"))
    assert isinstance(coloured.file, io.StringIO)
    import re

    told = re.sub(r"\x1b\[[\d;]*m", "", coloured.file.getvalue())
    assert [line.rstrip() for line in told.splitlines()] == [
        line.rstrip() for line in page("held-back", 80).splitlines()
    ]
