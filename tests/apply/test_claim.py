"""Taking a path, going on where a killed run stopped, and giving it back as it was."""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from envkit.apply.claim import claimed
from envkit.apply.places import Mode, check_place, place_of
from envkit.errors import EnvkitError


def fill(path):
    for name in ("pyvenv.cfg", "bin/python", "bin/pip", "lib/python3.11/site-packages/torch/half.py"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("new")


def make(path, mode=Mode.NEW, what="these commands"):
    with claimed(path, mode, what) as claim:
        fill(path)
        (path / "envkit-plan.json").write_text('{"made": true}')
        claim.complete()
    return claim


def fail(path, mode=Mode.NEW, end=ValueError, more=lambda: None):
    with claimed(path, mode, "these commands"):
        fill(path)
        more()
        raise end


class Killed(BaseException):
    """Stands for the end of the process: what is done about it is taken out."""


def be_killed(path, monkeypatch, mode=Mode.NEW, steps=0, when="filled"):
    """Leave what a run leaves that is killed, its journal above all."""
    with monkeypatch.context() as patched:
        patched.setattr("envkit.apply.claim._give_up", lambda *_: ())
        patched.setattr("envkit.apply.claim.unmark", lambda _path: None)
        with suppress(Killed), claimed(path, mode, "these commands") as claim:
            if when == "filled":
                fill(path)
            for number in range(1, steps + 1):
                claim.journal.step_done(number)
            if when == "complete":
                fill(path)
                claim.journal.finish()
            patched.setattr("envkit.apply.journal.Journal.remove", lambda _self: None)
            raise Killed


def journal_of(path):
    return path.parent / f".{path.name}.envkit"


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_what_succeeds_stays_and_the_journal_goes(tmp_path):
    make(tmp_path / "env")

    assert (tmp_path / "env" / "bin" / "pip").is_file()
    assert names(tmp_path) == ["env"]


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_nothing_not_even_the_folders_above(tmp_path, end):
    with pytest.raises(end):
        fail(tmp_path / "a" / "b" / "env", end=end)

    assert names(tmp_path) == []


def test_a_folder_above_that_someone_else_used_meanwhile_stays(tmp_path):
    with pytest.raises(ValueError):  # noqa: PT011 - our own, from above
        fail(tmp_path / "a" / "env", more=(tmp_path / "a" / "other").touch)

    assert names(tmp_path / "a") == ["other"]


def test_an_empty_folder_is_left_empty_and_stays(tmp_path):
    (tmp_path / "env").mkdir()

    with pytest.raises(ValueError):  # noqa: PT011
        fail(tmp_path / "env")

    assert names(tmp_path / "env") == []


def test_what_someone_else_put_there_stays_and_is_named(tmp_path):
    mine = tmp_path / "env" / "thesis.tex"

    with pytest.raises(EnvkitError) as failed:
        fail(tmp_path / "env", end=EnvkitError("no", hint="look"), more=lambda: mine.write_text("mine"))

    assert failed.value.hint == f"look; what envkit did not make stays: `{mine}`"
    assert names(tmp_path / "env") == ["thesis.tex"]


def test_a_replaced_environment_is_gone_when_the_new_one_is_there(tmp_path):
    make(tmp_path / "env")
    (tmp_path / "env" / "bin" / "pip").write_text("old")

    make(tmp_path / "env", Mode.REPLACE)

    assert (tmp_path / "env" / "bin" / "pip").read_text() == "new"
    assert (tmp_path / "env.before" / "lib" / "python3.11" / "site-packages" / "torch" / "half.py").is_file()


def test_a_replaced_environment_is_back_when_the_new_one_fails(tmp_path):
    make(tmp_path / "env")
    (tmp_path / "env" / "bin" / "pip").write_text("old")

    with pytest.raises(ValueError):  # noqa: PT011
        fail(tmp_path / "env", Mode.REPLACE)

    assert (tmp_path / "env" / "bin" / "pip").read_text() == "old"
    assert names(tmp_path) == ["env"]


@pytest.mark.parametrize("mode", [Mode.UPDATE, Mode.REPLACE])
def test_with_nothing_there_to_update_or_replace_it_is_made(tmp_path, mode):
    assert make(tmp_path / "env", mode).mode is Mode.NEW


# -- after a run that was killed ----------------------------------------------------------------


def test_the_same_commands_go_on_where_they_stopped(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, steps=2)

    assert make(tmp_path / "env").done == 2
    assert names(tmp_path) == ["env"]


def test_the_same_commands_find_it_complete_when_only_what_follows_was_killed(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, when="complete")

    with claimed(tmp_path / "env", Mode.NEW, "these commands") as claim:
        assert claim.is_complete

    assert names(tmp_path) == ["env"]


def test_other_commands_find_an_environment_there(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, when="complete")

    with pytest.raises(EnvkitError, match="is an environment already"):
        make(tmp_path / "env", what="other commands")

    assert names(tmp_path) == ["env"]


def test_what_a_killed_replacement_left_of_the_old_one_goes_in_the_end(tmp_path, monkeypatch):
    make(tmp_path / "env")
    (tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "torch" / "half.py").unlink()
    be_killed(tmp_path / "env", monkeypatch, Mode.REPLACE, when="complete")
    assert names(tmp_path) == [".env.envkit", "env", "env.before"]

    make(tmp_path / "env", Mode.REPLACE)

    assert names(tmp_path) == ["env"]


def test_other_commands_begin_anew(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, steps=2)

    with claimed(tmp_path / "env", Mode.NEW, "other commands") as claim:
        assert names(tmp_path / "env") == [".envkit-unfinished"]

    assert claim.done == 0


@pytest.mark.parametrize("when", ["filled", "empty"])
def test_other_commands_get_the_replaced_environment_back_first(tmp_path, monkeypatch, when):
    make(tmp_path / "env")
    (tmp_path / "env" / "bin" / "pip").write_text("old")
    be_killed(tmp_path / "env", monkeypatch, Mode.REPLACE, when=when)

    with pytest.raises(EnvkitError, match="is an environment already"):
        make(tmp_path / "env", what="other commands")

    assert (tmp_path / "env" / "bin" / "pip").read_text() == "old"
    assert names(tmp_path) == ["env"]


def test_a_run_killed_before_it_moved_the_old_environment_has_done_it_no_harm(tmp_path, monkeypatch):
    make(tmp_path / "env")
    (tmp_path / "env" / "bin" / "pip").write_text("old")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            make(tmp_path / "env", Mode.REPLACE)

    with pytest.raises(EnvkitError, match="is an environment already"):
        make(tmp_path / "env")

    assert (tmp_path / "env" / "bin" / "pip").read_text() == "old"


def test_what_was_put_where_the_old_environment_belongs_is_moved_not_removed(tmp_path, monkeypatch):
    make(tmp_path / "env")
    be_killed(tmp_path / "env", monkeypatch, Mode.REPLACE)
    (tmp_path / "env" / "thesis.tex").write_text("mine")

    with pytest.raises(EnvkitError, match="is an environment already"):
        make(tmp_path / "env", what="other commands")

    (kept,) = tmp_path.rglob("thesis.tex")
    assert kept.read_text() == "mine"
    assert (tmp_path / "env" / "pyvenv.cfg").is_file()


@pytest.mark.parametrize("what", ["these commands", "other commands"])
@pytest.mark.parametrize("when", ["filled", "complete"])
def test_a_journal_says_nothing_of_another_folder_of_the_same_name(tmp_path, monkeypatch, what, when):
    be_killed(tmp_path / "env", monkeypatch, steps=2, when=when)
    shutil.rmtree(tmp_path / "env")
    fill(tmp_path / "env")

    with pytest.raises(EnvkitError, match="is an environment already"):
        make(tmp_path / "env", what=what)

    assert (tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "torch" / "half.py").is_file()
    assert names(tmp_path) == ["env"]


def test_what_was_moved_away_for_a_folder_that_is_gone_is_named(tmp_path, monkeypatch):
    make(tmp_path / "env")
    be_killed(tmp_path / "env", monkeypatch, Mode.REPLACE)
    shutil.rmtree(tmp_path / "env")
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "thesis.tex").write_text("mine")

    with pytest.raises(EnvkitError, match="is not empty") as refused:
        make(tmp_path / "env", Mode.REPLACE)

    assert f"moved out of the way lies at `{tmp_path / 'env.before'}`" in refused.value.hint
    assert (tmp_path / "env.before" / "pyvenv.cfg").is_file()


def test_the_same_commands_begin_anew_where_the_folder_was_cleared_away(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, steps=2)
    shutil.rmtree(tmp_path / "env")

    assert make(tmp_path / "env").done == 0


def test_nothing_of_the_making_is_left_in_an_environment(tmp_path):
    make(tmp_path / "env")

    assert names(tmp_path / "env") == ["bin", "envkit-plan.json", "lib", "pyvenv.cfg"]


def test_what_an_update_was_broken_off_over_is_installed_anew(tmp_path):
    make(tmp_path / "env")
    info = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "torch-2.dist-info"

    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path / "env", Mode.UPDATE, KeyboardInterrupt, more=lambda: info.mkdir(parents=True))

    assert not info.exists()
    assert ".envkit-unfinished" not in names(tmp_path / "env")


@pytest.mark.parametrize(("made", "kept"), [("true", False), ("false", True)])
def test_what_pip_had_put_aside_stays_in_an_environment_of_somebodys(tmp_path, made, kept):
    make(tmp_path / "env")
    (tmp_path / "env" / "envkit-plan.json").write_text(f'{{"made": {made}}}')
    stash = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "~umpy"

    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path / "env", Mode.UPDATE, KeyboardInterrupt, more=lambda: stash.mkdir(parents=True))

    assert stash.exists() is kept


def test_what_a_replacement_was_broken_off_over_is_put_away_by_the_next_run(tmp_path, monkeypatch):
    make(tmp_path / "env")
    with monkeypatch.context() as patched:
        patched.setattr("envkit.apply.claim.remove_environment", lambda _path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "env", Mode.REPLACE)
    (tmp_path / "env.before" / "lib" / "python3.11" / "site-packages" / "torch" / "half.py").unlink()

    with claimed(tmp_path / "env", Mode.REPLACE, "these commands") as claim:
        assert claim.is_complete

    assert names(tmp_path) == ["env"]


@pytest.mark.parametrize("text", ["precious\n", "\nprecious\n", '{\n "a": 1}\n', "{\n"])
def test_a_file_of_somebodys_where_the_journal_goes_is_left_alone(tmp_path, text):
    journal_of(tmp_path / "env").write_text(text)

    with pytest.raises(EnvkitError, match="is in the way: it is no journal of envkit's"):
        make(tmp_path / "env")

    assert journal_of(tmp_path / "env").read_text() == text


@pytest.mark.parametrize("written", [0, 5])
def test_a_run_that_was_killed_over_its_mark_is_known_all_the_same(tmp_path, monkeypatch, written):
    make(tmp_path / "env")
    be_killed(tmp_path / "env", monkeypatch, Mode.REPLACE, when="empty")
    mark = tmp_path / "env" / ".envkit-unfinished"
    mark.write_text(mark.read_text()[:written])

    make(tmp_path / "env", Mode.REPLACE)

    assert names(tmp_path / "env") == ["bin", "envkit-plan.json", "lib", "pyvenv.cfg"]


def test_an_environment_of_somebodys_that_was_updated_is_not_replaced(tmp_path):
    fill(tmp_path / "env")
    with claimed(tmp_path / "env", Mode.UPDATE, "these commands") as claim:
        (tmp_path / "env" / "envkit-plan.json").write_text('{"made": false}')
        claim.complete()

    with pytest.raises(EnvkitError, match="was not made by envkit"):
        make(tmp_path / "env", Mode.REPLACE)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_where_the_journal_goes_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious\n")
    journal_of(tmp_path / "env").symlink_to(tmp_path / "precious")

    with pytest.raises(EnvkitError, match="cannot be written"):
        make(tmp_path / "env")

    assert (tmp_path / "precious").read_text() == "precious\n"


def test_a_journal_that_was_cut_off_in_its_first_line_says_nothing(tmp_path):
    journal_of(tmp_path / "env").write_text('{"what": "these')

    assert make(tmp_path / "env").done == 0


def test_a_line_that_was_cut_off_did_not_happen(tmp_path, monkeypatch):
    be_killed(tmp_path / "env", monkeypatch, steps=1)
    with journal_of(tmp_path / "env").open("a") as journal:
        journal.write('{"done": 2')

    assert make(tmp_path / "env").done == 1


def test_two_runs_on_one_path_are_one_too_many(tmp_path):
    with claimed(tmp_path / "env", Mode.NEW, "one"), pytest.raises(EnvkitError, match="is at work on"):
        make(tmp_path / "env", what="two")


def test_the_journal_is_on_disk_before_anything_is_made(tmp_path):
    with claimed(tmp_path / "env", Mode.NEW, "these commands"):
        first = json.loads(journal_of(tmp_path / "env").read_text().splitlines()[0])

    assert (first["what"], first["made"]) == ("these commands", [str(tmp_path / "env")])


# -- places that cannot be ----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="the separator stands in every absolute path there")
def test_a_path_that_would_fall_apart_on_path_is_refused(tmp_path):
    with pytest.raises(EnvkitError, match="cannot hold `:`"):
        place_of(tmp_path / f"a{os.pathsep}b")


@pytest.mark.parametrize("name", ["two\nlines", "not utf-8 \udcff", "tab\there"])
def test_a_name_that_no_environment_can_keep_is_refused(tmp_path, name):
    with pytest.raises(EnvkitError, match="the path of an environment cannot be"):
        place_of(tmp_path / name)


@pytest.mark.parametrize("length", [248, 255, 5000])
def test_a_name_that_is_too_long_for_it_or_its_journal_is_refused(tmp_path, length):
    with pytest.raises(EnvkitError, match=r"no environment can be made at a path that long: `.{,90}`$"):
        place_of(tmp_path / ("n" * length))


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvkitError, match="cannot be made: "):
        make(tmp_path / "file" / "env")


@pytest.mark.parametrize("spelling", ["real/env", "link/env"])
def test_envkits_own_environment_is_not_replaced(tmp_path, monkeypatch, spelling):
    make(tmp_path / "real" / "env")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "real" / "env"))

    with pytest.raises(EnvkitError, match="envkit itself runs from"):
        check_place(tmp_path / spelling, Mode.REPLACE)


@pytest.mark.parametrize("sign", ["pyvenv.cfg", "conda-meta/history"])
def test_what_envkit_did_not_make_is_not_replaced(tmp_path, sign):
    (tmp_path / "env" / sign).parent.mkdir(parents=True)
    (tmp_path / "env" / sign).write_text("")

    with pytest.raises(EnvkitError, match="was not made by envkit"):
        make(tmp_path / "env", Mode.REPLACE)

    assert (tmp_path / "env" / sign).is_file()
