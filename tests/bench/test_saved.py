"""Runs in files: written whole or not at all, never over what is somebody else's."""

import json
import sys
from pathlib import Path

import pytest

from envkit.bench import saved
from envkit.errors import EnvkitError
from envkit.render.json import results_document
from tests.bench.recorded import BOTH, results_of

DOCUMENT = results_document(results_of(BOTH, code=1))


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    saved.check_place(path)
    saved.save(DOCUMENT, path)
    assert saved.load(path) == results_of(BOTH, code=1)
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_a_saved_run_is_replaced_by_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    saved.save(DOCUMENT, path)
    saved.check_place(path)
    saved.save({**DOCUMENT, "seconds": 1.0}, path)
    assert saved.load(path).seconds == 1.0


@pytest.mark.parametrize("content", ["my thesis", '{"results": 1}', "[]", ""])
def test_another_s_file_is_refused_before_the_run(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thesis.json"
    path.write_text(content)
    with pytest.raises(EnvkitError, match="is there already"):
        saved.check_place(path)
    assert path.read_text() == content


def test_a_folder_that_is_not_there_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(EnvkitError, match="is no folder"):
        saved.check_place(tmp_path / "none" / "run.json")


def test_a_disk_that_fills_up_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    saved.save(DOCUMENT, path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(EnvkitError, match="No space left"):
        saved.save({**DOCUMENT, "seconds": 1.0}, path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"schema_version": 1}), "[" * 100_000])
def test_a_file_that_is_no_saved_run_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(EnvkitError, match="is not a saved smoke run"):
        saved.load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvkitError, match="cannot be read"):
        saved.load(tmp_path / "none.json")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
@pytest.mark.skipif(sys.platform != "linux", reason="Linux has these devices")
def test_a_device_is_no_saved_run_and_is_not_read_to_its_end(device: str) -> None:
    with pytest.raises(EnvkitError, match="no regular file"):
        saved.load(Path(device))
    with pytest.raises(EnvkitError, match="no saved run"):
        saved.check_place(Path(device))
