"""The overlay: where it is kept, that it is read as it was written, and that nothing else is believed."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from envkit.errors import EnvkitError
from envkit.matrix import learned
from envkit.matrix.data_files import read
from envkit.matrix.learned import LearnedRelease, LearnedWheel, Overlay, overlay_file, read_overlay, write_overlay
from envkit.matrix.torch_releases import TORCH_INDEX, TorchTable, _File

RELEASE = LearnedRelease(
    plain={
        "linux-x86_64": LearnedWheel(pythons=("3.13", "3.14"), variant="cu132", min_glibc="2.28"),
        "macos-arm64": LearnedWheel(pythons=("3.13",), variant="cpu"),
        "win-amd64": LearnedWheel(pythons=("3.13",)),
    },
    variants={"cpu": {"win-amd64": ("3.13",)}, "cu126": {"linux-x86_64": ("3.13",)}},
    indexes={"cpu": TORCH_INDEX, "cu126": "https://mirror.example/torch"},
)
OVERLAY = Overlay(written="2027-01-02T03:04:05+00:00", releases={"9.1.0": RELEASE})


def table(overlay=OVERLAY):
    return TorchTable(read("torch.json", _File), learned.Kept(overlay))


# -- where --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "~/.cache/envkit"),
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache/envkit"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/envkit"),
        ("darwin", {"XDG_CACHE_HOME": "/cache"}, "~/Library/Caches/envkit"),
        ("win32", {}, "~/AppData/Local/envkit"),
        ("linux", {"ENVKIT_CACHE_DIR": "/mine", "XDG_CACHE_HOME": "/cache"}, "/mine"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(platform, variables, folder):
    assert overlay_file(variables, platform) == Path(folder).expanduser() / "torch-releases.json"


def test_windows_names_its_folder(tmp_path):
    assert overlay_file({"LOCALAPPDATA": str(tmp_path)}, "win32") == tmp_path / "envkit/torch-releases.json"


# -- written and read ---------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "new/folder/file.json"
    assert write_overlay(OVERLAY, path) == path
    assert read_overlay(path) == (OVERLAY, "")
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]


def test_without_a_file_nothing_is_learned_and_nothing_is_said(tmp_path):
    assert read_overlay(tmp_path / "none.json") == (Overlay(), "")


def _changed(**changes):
    return msgspec.json.encode({**msgspec.to_builtins(OVERLAY), **changes})


def _with_release(version="9.1.0", **changes):
    return _changed(releases={version: {**msgspec.to_builtins(RELEASE), **changes}})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(msgspec.json.encode(OVERLAY)[:-40], "truncated", id="cut off"),
        pytest.param(b"\x80\x81\x82", "malformed", id="no text"),
        pytest.param(b'{"format":1,"x":' + b"[" * 50_000, "ecursion", id="deep"),
        pytest.param(b"{}", "format", id="no format"),
        pytest.param(_changed(format=2), "format 2, and this envkit reads 1", id="another format"),
        pytest.param(_changed(extra=1), "unknown field `extra`", id="a field too many"),
        pytest.param(_with_release("9.x"), "'9.x' is no release", id="no release"),
        pytest.param(_with_release(variants={"cuda": {}}), "'cuda' is no backend", id="no backend"),
        pytest.param(_with_release(plain={"amiga": {"pythons": ["3.9"]}}), "is no platform", id="no platform"),
        pytest.param(_with_release(plain={"win-amd64": {"pythons": ["3.13", "2.7"]}}), "is no Python", id="no Python"),
        pytest.param(_with_release(plain={"win-amd64": {"pythons": []}}), "no Python at all", id="for no Python"),
        pytest.param(
            _with_release(plain={"win-amd64": {"pythons": ["3.9"], "variant": "; rm"}}), "no variant", id="no variant"
        ),
        pytest.param(
            _with_release(plain={"win-amd64": {"pythons": ["3.9"], "min_glibc": "x"}}), "no glibc", id="no glibc"
        ),
        pytest.param(_with_release(indexes={}), "no index has", id="no index"),
        pytest.param(
            _with_release(indexes={"cpu": "https://x/$(id) y", "cu126": TORCH_INDEX}), "no index has", id="no URL"
        ),
        pytest.param(b" " * (learned.SIZE_LIMIT + 1), "larger than", id="too large"),
    ],
)
def test_a_damaged_file_is_passed_over_with_a_notice(tmp_path, data, problem):
    path = tmp_path / "file.json"
    path.write_bytes(data)
    overlay, notice = read_overlay(path)
    assert overlay == Overlay()
    assert problem in notice
    assert str(path) in notice
    assert path.read_bytes() == data


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(b"{}")
    path.chmod(0)
    assert "cannot be read" in read_overlay(path).notice


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path):
    assert "cannot be read" in read_overlay(tmp_path).notice


def test_a_cache_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    with pytest.raises(EnvkitError, match="cannot be kept") as problem:
        write_overlay(OVERLAY, in_the_way / "envkit/torch-releases.json")
    assert "ENVKIT_CACHE_DIR" in problem.value.hint
    assert in_the_way.read_text() == "mine"


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_overlay(OVERLAY, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(EnvkitError, match="No space left"):
        write_overlay(Overlay(), path)
    assert read_overlay(path).overlay == OVERLAY
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]


# -- in the table -------------------------------------------------------------------------------


def test_a_learned_release_is_in_the_table_and_marked():
    torch = table()
    assert torch.learned == ("9.1.0",)
    assert torch.releases()[-1] == "9.1.0"
    assert {build.learned for build in torch.builds(torch="9.1.0")} == {True}
    assert {build.learned for build in torch.builds(torch="2.5.1")} == {False}


def test_its_builds_are_what_was_learned_and_the_rest_is_unknown():
    found = {(build.backend, build.platform): build for build in table().builds(torch="9.1.0")}
    assert set(found) == {
        ("cu132", "linux-x86_64"),
        ("mps", "macos-arm64"),
        ("cpu", "win-amd64"),
        ("cu126", "linux-x86_64"),
    }
    assert {build.archs for build in found.values()} == {None}
    assert found["cu132", "linux-x86_64"].index is None
    assert found["cpu", "win-amd64"].index == f"{TORCH_INDEX}/cpu"
    assert found["cu126", "linux-x86_64"].index == "https://mirror.example/torch"
    assert table().numpy2("9.1.0", "linux-x86_64") is None
    assert table().companion("9.1.0", "torchvision") is None


def test_a_build_of_unknown_kind_can_be_looked_up_and_is_never_offered():
    torch = table()
    assert [build.platform for build in torch.builds(torch="9.1.0", backend="unknown")] == ["win-amd64"]
    assert "unknown" not in {build.backend for build in torch.builds()}


def test_what_is_shipped_stands_above_what_was_learned():
    torch = table(Overlay(releases={"2.5.1": RELEASE}))
    assert torch.learned == ()
    assert torch.builds(torch="2.5.1") == TorchTable(read("torch.json", _File)).builds(torch="2.5.1")


def test_the_release_that_is_taken_unasked_stays_the_tested_one():
    assert table().tested == TorchTable(read("torch.json", _File)).tested
