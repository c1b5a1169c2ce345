"""What is refused before anything is made."""

import os
from typing import NamedTuple

import pytest

from envkit.apply.places import Mode
from envkit.apply.preflight import check_before
from envkit.errors import EnvkitError
from envkit.matrix.sizes import least_bytes


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize("need", [None, 700 * 10**6])
def test_where_there_is_room_nothing_is_said(tmp_path, need, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(701 * 10**6))

    check_before(tmp_path / "a" / "env", Mode.NEW, need)


@pytest.mark.parametrize(
    ("free", "need", "message"),
    [
        (650 * 10**6, 700 * 10**6, "it takes about 700 MB, and `{there}` has 650 MB free"),
        (1 * 10**6, None, "it takes about 20 MB, and `{there}` has 1 MB free"),
        (2 * 10**9, 2900 * 10**6, "it takes about 2.9 GB, and `{there}` has 2.0 GB free"),
    ],
)
def test_too_little_room_is_told_with_both_figures(tmp_path, monkeypatch, free, need, message):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free))

    with pytest.raises(EnvkitError) as refused:
        check_before(tmp_path / "a" / "env", Mode.NEW, need)

    assert message.format(there=tmp_path) in refused.value.message


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(EnvkitError, match=r"cannot be made: `.*` may not be written to"):
        check_before(tmp_path / "env", Mode.NEW, None)


def test_a_file_in_the_way_above_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvkitError, match=r"`.*file` is no folder"):
        check_before(tmp_path / "file" / "env", Mode.NEW, None)


@pytest.mark.parametrize(("backend", "known"), [("cpu", True), ("cu121", True), ("mps", True), ("xpu", False)])
def test_sizes_are_known_or_said_not_to_be(backend, known):
    assert (least_bytes(backend) is not None) is known
