"""Taking a folder, and giving it back as it was."""

import os
import sys

import pytest

from envkit.apply.claim import check_free, claimed
from envkit.errors import EnvkitError


def fill(path):
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "module.py").write_text("")
    (path / "pyvenv.cfg").write_text("")


def fill_and_fail(path, end=ValueError, more=lambda: None):
    with claimed(path):
        fill(path)
        more()
        raise end


def test_what_succeeds_stays(tmp_path):
    with claimed(tmp_path / "env"):
        fill(tmp_path / "env")

    assert (tmp_path / "env" / "lib" / "module.py").is_file()


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_nothing_not_even_the_folders_above(tmp_path, end):
    with pytest.raises(end):
        fill_and_fail(tmp_path / "a" / "b" / "env", end)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_above_that_someone_else_used_meanwhile_stays(tmp_path):
    with pytest.raises(ValueError):  # noqa: PT011 - our own, from above
        fill_and_fail(tmp_path / "a" / "env", more=(tmp_path / "a" / "other").touch)

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["other"]


def test_an_empty_folder_is_left_empty_and_stays(tmp_path):
    (tmp_path / "env").mkdir()

    with pytest.raises(ValueError):  # noqa: PT011
        fill_and_fail(tmp_path / "env")

    assert list((tmp_path / "env").iterdir()) == []


@pytest.mark.parametrize("was_there", [True, False])
def test_a_link_out_of_the_environment_is_not_followed(tmp_path, was_there):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    if was_there:
        (tmp_path / "env").mkdir()

    with pytest.raises(ValueError):  # noqa: PT011
        fill_and_fail(tmp_path / "env", more=lambda: (tmp_path / "env" / "link").symlink_to(outside))

    assert (outside / "kept").is_file()


def test_a_full_folder_is_refused_and_untouched(tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "thesis.tex").write_text("years of work")

    with pytest.raises(EnvkitError, match="is not empty") as refused, claimed(tmp_path / "env"):
        pytest.fail("the folder was taken")

    assert refused.value.hint == "name another path, or remove that folder first"
    assert (tmp_path / "env" / "thesis.tex").read_text() == "years of work"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "env").write_text("")

    with pytest.raises(EnvkitError, match="is no folder"):
        check_free(tmp_path / "env")


@pytest.mark.skipif(sys.platform == "win32", reason="the separator stands in every absolute path there")
def test_a_path_that_would_fall_apart_on_path_is_refused(tmp_path):
    with pytest.raises(EnvkitError, match="cannot hold `:`"):
        check_free(tmp_path / f"a{os.pathsep}b")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvkitError, match="cannot be made: Not a directory"), claimed(tmp_path / "file" / "env"):
        pytest.fail("the folder was taken")
