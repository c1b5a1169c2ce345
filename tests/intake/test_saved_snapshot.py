"""Snapshots kept in files."""

from pathlib import Path

import msgspec
import pytest

from envkit.errors import EnvkitError
from envkit.intake import saved_snapshot
from envkit.snapshot import Snapshot
from tests.builders import make_gpu_snapshot, make_snapshot


@pytest.mark.parametrize("snapshot", [make_snapshot(), make_gpu_snapshot()], ids=["cpu", "gpu"])
def test_what_is_saved_is_loaded(snapshot: Snapshot, tmp_path: Path) -> None:
    saved_snapshot.save(snapshot, tmp_path / "machine.json")
    assert saved_snapshot.load(tmp_path / "machine.json") == snapshot


def test_a_snapshot_of_a_newer_envkit_asks_for_an_upgrade(tmp_path: Path) -> None:
    newer = msgspec.structs.replace(make_snapshot(), schema_version=99, envkit_version="9.0")
    saved_snapshot.save(newer, tmp_path / "machine.json")
    with pytest.raises(EnvkitError, match=r"envkit 9\.0, newer than this one"):
        saved_snapshot.load(tmp_path / "machine.json")


def test_a_newer_snapshot_need_not_be_understood_otherwise(tmp_path: Path) -> None:
    newer = {"schema_version": 2, "envkit_version": "9.0", "host": ["unheard of"], "accelerators": {}}
    (tmp_path / "machine.json").write_bytes(msgspec.json.encode(newer))
    with pytest.raises(EnvkitError, match=r"envkit 9\.0, newer than this one"):
        saved_snapshot.load(tmp_path / "machine.json")


@pytest.mark.parametrize("text", ['{"schema_version": "two"}', "[]", '{"host": ' + "[" * 100_000])
def test_what_is_no_snapshot_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "machine.json").write_text(text)
    with pytest.raises(EnvkitError, match="is not a snapshot of envkit"):
        saved_snapshot.load(tmp_path / "machine.json")


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EnvkitError, match="cannot be written"):
        saved_snapshot.save(make_snapshot(), tmp_path / "no/such/folder.json")
