"""What every recipe must hold, whatever its text."""

import pytest

from envkit.planning.model import Manager
from envkit.planning.recipe import recipe

EVERYWHERE = {
    "create.sh",
    "create.fish",
    "create.ps1",
    "create.cmd",
    "Dockerfile",
    ".devcontainer/devcontainer.json",
    "README.md",
}


@pytest.mark.parametrize(
    ("manager", "files"),
    [
        pytest.param(Manager.VENV, {*EVERYWHERE, "requirements.txt", "pyproject.toml"}, id="venv"),
        pytest.param(Manager.VIRTUALENV, {*EVERYWHERE, "requirements.txt", "pyproject.toml"}, id="virtualenv"),
        pytest.param(Manager.CONDA, {*EVERYWHERE, "environment.yml"}, id="conda"),
    ],
)
def test_there_is_a_script_for_every_shell_and_a_file_for_every_tool(make_plan, manager, files):
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

    assert set(made.files) == set(made.names) - {"create.cmd"}
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

    assert {url.rstrip(":,)").rpartition("/")[0] for url in urls} <= {"https://download.pytorch.org/whl"}


def test_the_readme_does_not_tell_where_things_lie_on_this_machine(make_plan):
    plan = make_plan()
    text = recipe(plan).text("README.md")

    assert any("/env/bin/python" in reason.because for reason in plan.reasons)
    assert "/env/bin/python" not in text
    assert "- torch: " in text
