"""`envkit create --format` and `--output`: which files of a recipe are written or printed."""

import json
import sys

import pytest

from tests.recipes.local_index import make_indexes
from tests.recipes.validators import program, tomllib

HERE = ("create", "--python", "3.11", "--cuda", "cpu", "--torch", "2.13.0")

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the plan is for a Linux machine")


@pytest.mark.parametrize(
    ("word", "beginning"),
    [
        pytest.param("sh", "#!/bin/sh\n", id="sh"),
        pytest.param("fish", "#!/usr/bin/env fish\n", id="fish"),
        pytest.param("powershell", "# A venv environment", id="PowerShell"),
        pytest.param("cmd", "@echo off\r\n", id="cmd"),
        pytest.param("requirements", "# torch 2.13.0", id="requirements"),
        pytest.param("pyproject", "# torch 2.13.0", id="pyproject"),
        pytest.param("readme", "# torch 2.13.0", id="readme"),
    ],
)
def test_one_format_is_all_of_stdout(cli, word, beginning):
    done = cli(*HERE, "--format", word)

    assert done.code == 0
    assert done.out.startswith(beginning)


@linux_only
def test_a_dockerfile_can_be_piped_on(cli):
    done = cli(*HERE, "--format", "dockerfile", "--output", "-")

    assert done.code == 0
    assert "\nFROM python:3.11-slim-bookworm\n" in done.out


@linux_only
def test_a_folder_gets_the_named_files_alone(cli, tmp_path):
    done = cli(*HERE, "--format", "sh", "--format", "devcontainer", "--format", "sh", "--output", str(tmp_path / "a"))

    written = {path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert done.code == 0
    assert written == {"create.sh", ".devcontainer/devcontainer.json"}


def test_json_carries_the_named_files_alone(cli):
    done = cli(*HERE, "--format", "requirements", "--format", "pyproject", "--json")

    assert list(done.json["files"]) == ["requirements.txt", "pyproject.toml"]
    assert tomllib.loads(done.json["files"]["pyproject.toml"])["project"]["requires-python"] == "==3.11.*"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--format", "makefile"), "a recipe has no file called `makefile`", id="unknown"),
        pytest.param(("--format", "sh", "--format", "fish"), "several files need a folder", id="two on stdout"),
        pytest.param(("--format", "sh", "--apply"), "one at a time", id="made and written down"),
        pytest.param(("--format", "pylock", "--conda"), "not of conda", id="pylock for conda"),
        pytest.param(("--format", "environment"), "environment.yml is for environments of conda", id="conda's alone"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(cli, arguments, message):
    done = cli(*HERE, *arguments)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_an_unknown_format_is_refused_with_those_that_there_are(cli):
    hint = cli(*HERE, "--format", "makefile").err

    assert all(word in hint for word in ("create.fish", "pylock.toml", "Dockerfile", "README.md"))


def test_a_file_that_its_language_cannot_hold_is_refused_when_it_is_asked_for(cli, tmp_path):
    place = ("--path", "100% mine", "--format", "cmd")

    for options in ((), ("--output", str(tmp_path / "a")), ("--json",)):
        done = cli(*HERE, *place, *options)
        assert done.code == 1
        assert "create.cmd cannot be written: cmd gives % a meaning of its own" in done.out + done.err
    assert not (tmp_path / "a").exists()


def test_it_is_left_out_with_the_reason_when_all_files_are_written(cli, tmp_path):
    done = cli(*HERE, "--path", "100% mine", "--output", str(tmp_path))

    assert done.code == 0
    assert "left out  create.cmd: cmd gives % a meaning of its own in `100% mine`" in done.err
    assert (tmp_path / "create.fish").exists()
    assert not (tmp_path / "create.cmd").exists()


WINDOWS = '{"os": "windows", "arch": "x86_64", "python": "3.11.4", "gpus": [], "driver": null}'


@pytest.mark.parametrize("options", [("--output", "recipe"), ("--output", "recipe", "--json")])
def test_without_the_file_that_makes_the_environment_there_is_no_recipe(cli, tmp_path, options):
    (tmp_path / "host.json").write_text(WINDOWS)

    done = cli("create", "--for", "host.json", "--path", 'a"b', *options, cwd=tmp_path)

    assert done.code == 1
    assert "create.ps1 cannot be written: PowerShell 5 loses a double quote" in done.err + done.out
    assert not (tmp_path / "recipe").exists()


def test_an_empty_folder_name_is_wrong_usage(cli, tmp_path):
    done = cli(*HERE, "--output", "")

    assert done.code == 2
    assert "--output is empty" in done.err
    assert list((tmp_path / "cwd").iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--force",)])
def test_where_one_file_cannot_be_written_none_is(cli, tmp_path, options):
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / ".devcontainer").touch()

    done = cli(*HERE, "--output", str(folder), *options)

    assert done.code == 1
    assert ".devcontainer/devcontainer.json" in done.err
    assert [path.name for path in folder.iterdir()] == [".devcontainer"]


@pytest.fixture
def sources(tmp_path):
    """Options and variables with which all packages come from indexes in a folder."""
    torch_index, configured = make_indexes(tmp_path / "indexes")
    variables = {"UV_DEFAULT_INDEX": configured["PIP_INDEX_URL"], "UV_NO_CACHE": "1", "UV_NO_CONFIG": "1"}
    program("uv")
    return ("--index", torch_index), {**configured, **variables}


def test_a_lock_file_is_resolved_by_uv_which_is_told(cli, sources):
    options, variables = sources

    done = cli(*HERE, *options, "--format", "pylock", env=variables)

    assert done.code == 0, done.err
    assert "uv resolves pylock.toml, and asks the indexes for it" in done.err
    versions = {package["name"]: package["version"] for package in tomllib.loads(done.out)["packages"]}
    assert versions == {"torch": "2.13.0+cpu", "numpy": "2.4.0", "filelock": "3.20.0"}


def test_a_lock_file_comes_from_where_pip_alone_is_told_to_look(cli, sources):
    options, variables = sources
    variables = {name: value for name, value in variables.items() if name != "UV_DEFAULT_INDEX"}

    done = cli(*HERE, *options, "--format", "pylock", "--json", env=variables)

    locked = tomllib.loads(json.loads(done.out)["files"]["pylock.toml"])["packages"]
    assert {package["name"] for package in locked} == {"torch", "numpy", "filelock"}
    assert all(wheel["url"].startswith("file:") for package in locked for wheel in package["wheels"])


def test_a_lock_file_of_what_no_index_has_is_refused_with_what_is_missing(cli, sources):
    options, variables = sources

    done = cli(*HERE, *options, "--with", "nothing-of-this-name", "--format", "pylock", env=variables)

    assert (done.code, done.out) == (1, "")
    assert "uv could not resolve pylock.toml" in done.err
    assert "nothing-of-this-name" in done.err
