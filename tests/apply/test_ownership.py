"""Whose a file in an environment is."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envkit.apply.journal import Span
from envkit.apply.ownership import forget_torn, is_environment, remove_environment
from tests.conftest import make_target, site_of
from tests.recipes.local_index import write_wheel

ALWAYS = (Span(0, 2**40),)
NEVER = ()
COMMAND = "../../../bin/pkg-command"
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"


@pytest.fixture
def environment(tmp_path):
    """An environment with one installed package and a command that pip made for it."""
    python = make_target(tmp_path / "env")
    site = site_of(python)
    put(site / "pkg" / "__init__.py")
    put(site / "pkg" / "__pycache__" / "__init__.cpython-311.pyc")
    put(tmp_path / "env" / "share" / "doc.txt")
    put(python.parent / "pkg-command", f"#!{python}\n")
    entries = (
        COMMAND,
        "pkg/__init__.py",
        "../../../share/doc.txt",
        "pkg-1.0.dist-info/INSTALLER",
        "pkg-1.0.dist-info/RECORD",
    )
    put(site / "pkg-1.0.dist-info" / "RECORD", "".join(f"{entry},,\n" for entry in entries))
    put(site / "pkg-1.0.dist-info" / "INSTALLER", "pip\n")
    return tmp_path / "env"


def put(file, text="mine"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_an_environment_is_removed_whole(environment):
    assert remove_environment(environment) == ()
    assert list(environment.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "thesis.tex",
        "notes/today.txt",
        "notes/__pycache__/mine.pyc",
        "bin/my-script",
        "bin/pipeline.sh",
        "bin/python_helper.py",
        "bin/activate_cuda.sh",
        "bin/wheelhouse",
        "bin/activate.local",
        "conda-meta/notes.txt",
        "conda-meta/my.json",
        ".gitignore",
        "lib/mine.txt",
        "share/mine.txt",
        f"{SITE}/mine.py",
        f"{SITE}/pkg/mine.txt",
    ],
)
def test_what_no_installer_put_there_stays(environment, name):
    mine = put(environment / name)

    left = remove_environment(environment)

    assert left == (mine,)
    assert mine.read_text() == "mine"
    assert [file for file in environment.rglob("*") if not file.is_dir()] == [mine]


def test_a_script_of_ones_own_for_its_python_stays(environment):
    mine = put(environment / "bin" / "train", f"#!{environment}/bin/python\n")

    assert remove_environment(environment) == (mine,)


def test_a_command_that_an_installer_was_killed_over_goes(environment):
    put(environment / "bin" / "half", f"#!{environment}/bin/python\n")

    assert remove_environment(environment, ALWAYS) == ()


def test_a_removal_that_is_broken_off_can_be_gone_on_with(environment, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", broken_off(after=4))
        with pytest.raises(KeyboardInterrupt):
            remove_environment(environment)

    assert remove_environment(environment) == ()


def broken_off(after):
    unlink, count = Path.unlink, itertools.count(1)

    def unlink_some(file, **options):
        if next(count) > after:
            raise KeyboardInterrupt
        unlink(file, **options)

    return unlink_some


def test_what_an_installer_was_killed_over_is_removed_with_it(environment):
    put(environment / SITE / "torch" / "half.py")

    assert remove_environment(environment, ALWAYS) == ()


@pytest.mark.parametrize("name", ["thesis.tex", "notes/today.txt", "bin/my-script"])
def test_what_came_meanwhile_where_no_installer_writes_stays(environment, name):
    mine = put(environment / name)

    assert remove_environment(environment, ALWAYS) == (mine,)


def test_what_came_after_a_run_was_killed_stays(environment):
    run = Span(0, time.time())
    time.sleep(0.05)
    mine = put(environment / SITE / "mine.py")

    assert remove_environment(environment, (run,)) == (mine,)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_not_followed(environment, tmp_path):
    kept = put(tmp_path / "outside" / "kept")
    (environment / "lib" / "link").symlink_to(tmp_path / "outside")

    remove_environment(environment, ALWAYS)

    assert kept.is_file()


@pytest.mark.parametrize(
    ("mark", "expected"),
    [("pyvenv.cfg", True), ("conda-meta/history", True), ("thesis.tex", False)],
)
def test_an_environment_is_known_by_its_mark(tmp_path, mark, expected):
    put(tmp_path / mark)

    assert is_environment(tmp_path) is expected


@pytest.mark.parametrize(
    ("tear", "spans", "stays"),
    [
        pytest.param(lambda _info: None, ALWAYS, True, id="whole"),
        pytest.param(lambda info: (info / "RECORD").unlink(), ALWAYS, False, id="no record"),
        pytest.param(lambda info: (info.parent / "pkg/__init__.py").unlink(), ALWAYS, False, id="a file is missing"),
        pytest.param(
            lambda info: put(info / "RECORD", "pkg/__init__.py,,\n"), ALWAYS, False, id="the wheel's own record"
        ),
        pytest.param(lambda info: (info / "RECORD").unlink(), NEVER, True, id="not of this run"),
    ],
)
def test_metadata_of_a_package_that_was_not_installed_to_its_end_is_forgotten(environment, tear, spans, stays):
    (info,) = environment.rglob("pkg-1.0.dist-info")
    tear(info)

    forget_torn(environment, spans)

    assert info.exists() is stays


@pytest.mark.parametrize(("spans", "stays"), [(ALWAYS, False), (NEVER, True)])
def test_what_pip_had_put_aside_when_it_was_broken_off_is_forgotten(environment, spans, stays):
    put(environment / SITE / "~kg" / "__init__.py")
    put(environment / SITE / "~kg-1.0.dist-info" / "RECORD")

    forget_torn(environment, spans)

    assert [(environment / SITE / name).exists() for name in ("~kg", "~kg-1.0.dist-info")] == [stays, stays]


def test_what_was_there_before_is_put_aside_as_pip_does_it(environment):
    (info,) = environment.rglob("pkg-1.0.dist-info")
    (info / "RECORD").unlink()

    forget_torn(environment, ALWAYS, stash=False)

    assert [one.name for one in info.parent.glob("*kg-1.0.dist-info")] == ["~kg-1.0.dist-info"]


def test_what_pip_has_put_aside_already_is_the_older(environment):
    (info,) = environment.rglob("pkg-1.0.dist-info")
    (info / "RECORD").unlink()
    put(environment / SITE / "~kg-1.0.dist-info" / "METADATA", "older")

    forget_torn(environment, ALWAYS, stash=False)

    assert not info.exists()
    assert (environment / SITE / "~kg-1.0.dist-info" / "METADATA").read_text() == "older"


def test_a_wheel_of_the_tests_is_whole_once_pip_has_installed_it(tmp_path):
    wheel = write_wheel(tmp_path, "pkg", "1.0")
    python = make_target(tmp_path / "env")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel]
    subprocess.run(command, check=True, capture_output=True)

    forget_torn(tmp_path / "env", ALWAYS)

    assert list((tmp_path / "env").rglob("pkg-1.0.dist-info"))
