"""What differs, in the terminal, against golden files. `ENVKIT_GOLDEN=write pytest tests/render` writes them anew."""

import io

import pytest
from msgspec.structs import replace

from envkit import matrix
from envkit.checks import diagnose
from envkit.differences import Side, compare
from envkit.intake.recorded import read
from envkit.render.terminal.differences import print_differences
from envkit.render.terminal.lines import Lines
from envkit.snapshot import Distribution, Snapshot, Unknown
from tests.builders import SITE, make_gpu_snapshot, make_host, make_packages, make_snapshot, make_torch_distribution
from tests.render.test_terminal import REPORTS, golden

RICH = Distribution(name="rich", version="15.0", metadata="", site=SITE)
PAIRS: dict[str, tuple[Snapshot, Snapshot]] = {
    "report-and-here": (read(REPORTS["report-driver"].encode(), "issue.txt"), make_gpu_snapshot()),
    "without-a-gpu": (make_snapshot(), make_gpu_snapshot()),
    "itself": (make_snapshot(), make_snapshot()),
    "rest": (make_snapshot(), make_snapshot(packages=make_packages(make_torch_distribution(), RICH))),
    "unknown": (make_gpu_snapshot(), make_gpu_snapshot(nvml=Unknown(why="?"), host=make_host(cpu="EPYC"))),
}


def page(name: str, width: int, *, verbose: bool = False) -> str:
    a, b = (
        Side(label, snapshot, diagnose(snapshot, matrix.load()))
        for label, snapshot in zip(("issue.txt", ".venv"), PAIRS[name], strict=True)
    )
    stream = io.StringIO()
    print_differences(Lines(stream, width=width), a, b, compare(a, b), verbose=verbose)
    return stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", PAIRS)
def test_differences_read_as_their_golden_file(name: str, width: int) -> None:
    golden(f"diff-{name}-{width}", page(name, width))


@pytest.mark.parametrize("name", PAIRS)
def test_all_of_it_reads_as_its_golden_file(name: str) -> None:
    golden(f"diff-{name}-verbose-80", page(name, 80, verbose=True))


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", PAIRS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(len(line) for line in page(name, width, verbose=True).splitlines()) <= width


def test_foreign_words_reach_no_terminal_as_they_are() -> None:
    hostile = make_snapshot(host=make_host(variables={"CUDA_X": "\x1b]0;owned\x07\u202e"}, os_name="\x1b[31mred"))
    a = Side("\x1b[1mA", hostile, diagnose(hostile, matrix.load()))
    plain = replace(hostile, host=make_host())
    stream = io.StringIO()
    b = Side("B", plain, diagnose(plain, matrix.load()))
    print_differences(Lines(stream, width=80), a, b, compare(a, b), verbose=True)
    assert "\\x1b" in stream.getvalue()
    assert not {"\x1b", "\x07", "\u202e"} & set(stream.getvalue())
