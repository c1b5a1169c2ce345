"""Durations and amounts of memory as people write them."""

import click
import pytest

from envkit.cli.options import Duration, Size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("30", 30), ("2m", 120), ("2 min", 120), ("500ms", 0.5), ("1.5h", 5400), ("0", 0), (" 3S ", 3)],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1e3", "inf", "nan", "30 seconds", "1s2", "25h", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("2GiB", 2 * 2**30),
        ("2g", 2 * 2**30),
        ("1.5 GB", 1_500_000_000),
        ("512MiB", 512 * 2**20),
        ("7kb", 7000),
    ],
)
def test_an_amount_of_memory_is_bytes(text: str, count: int) -> None:
    assert Size().convert(text, None, None) == count


@pytest.mark.parametrize("text", ["", "0", "-1", "1e9", "lots", "2XB", "9999999TiB", "0.0001k"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Size().convert(text, None, None)
