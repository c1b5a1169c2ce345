"""Plots as files: the same run gives the same bytes, whatever the user's settings are."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from envkit.errors import EnvkitError
from envkit.render.plot import draw
from tests.bench.recorded import BOTH, END, results_of, start

RESULTS = results_of(BOTH, code=1)


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_run_gives_the_same_bytes(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(RESULTS, tmp_path / f"one{suffix}")
    monkeypatch.chdir(tmp_path)
    import matplotlib as mpl

    with mpl.rc_context({"axes.facecolor": "black", "svg.hashsalt": "mine", "font.size": 30}):
        draw(RESULTS, tmp_path / f"two{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_an_svg_has_a_plot_for_each_device_and_no_date(tmp_path: Path) -> None:
    draw(RESULTS, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    axes = [one for one in ET.fromstring(text).iter() if one.get("id", "").startswith("axes_")]
    assert len(axes) == 4  # time against size and loss, of two devices
    assert "dc:date" not in text


def test_a_run_without_times_and_losses_is_nothing_to_plot(tmp_path: Path) -> None:
    with pytest.raises(EnvkitError, match="nothing to plot"):
        draw(results_of([start("cpu"), END]), tmp_path / "plot.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "plot.svg").mkdir()
    with pytest.raises(EnvkitError, match="cannot be written"):
        draw(RESULTS, tmp_path / "plot.svg")
