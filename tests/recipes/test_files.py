"""What every recipe must hold, whatever its text."""

import pytest

from envkit.planning.model import Engine, Manager
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


@pytest.mark.parametrize(
    ("engine", "commands"),
    [
        pytest.param(None, ["conda env create --file environment.yml", "conda activate work"], id="any"),
        pytest.param(Engine.MAMBA, ["mamba env create --file environment.yml", "mamba activate work"], id="mamba"),
        pytest.param(
            Engine.MICROMAMBA,
            ["micromamba create --file environment.yml", "micromamba activate work"],
            id="micromamba",
        ),
    ],
)
def test_the_readme_tells_the_commands_of_the_engine_that_was_asked_for(make_plan, engine, commands):
    files = recipe(make_plan(manager=Manager.CONDA, engine=engine, name="work")).files

    assert set(commands) < {line.strip() for line in files["README.md"].splitlines()}
    assert f"# Use: {commands[0]}" in files["environment.yml"]


@pytest.mark.parametrize(
    ("host", "path", "activation"),
    [
        pytest.param("linux-cpu", "\\x", "conda activate './\\x'", id="a backslash on Linux"),
        pytest.param("windows-cpu", "C:\\x", "conda activate 'C:\\x'", id="a drive"),
        pytest.param("windows-cpu", "x", "conda activate ./x", id="a folder on Windows"),
    ],
)
def test_the_readme_activates_a_folder_by_what_conda_takes_for_one(make_plan, host, path, activation):
    text = recipe(make_plan(host, manager=Manager.CONDA, path=path)).text("README.md")

    assert f"\n    {activation}\n" in text


def test_the_readme_speaks_of_no_file_that_could_not_be_written(make_plan):
    text = recipe(make_plan("windows-cpu", path='a"b')).text("README.md")

    assert "create.ps1" not in text
    assert "create.cmd" not in text
    assert "python -m pip install -r requirements.txt" in text


def test_the_readme_does_not_tell_where_things_lie_on_this_machine(make_plan):
    plan = make_plan()
    text = recipe(plan).text("README.md")

    assert any("/env/bin/python" in reason.because for reason in plan.reasons)
    assert "/env/bin/python" not in text
    assert "- torch: " in text


def test_cmd_reads_the_recipes_own_folder_as_warily_as_the_new_one(make_plan):
    lines = recipe(make_plan(manager=Manager.CONDA)).text("create.cmd").splitlines()

    for variable in ("file", "target"):
        test = f'for /f "delims=%%^" %%p in ("x%{variable}%x") do if "%%p"=="x%{variable}%x" goto :readable_{variable}'
        calls = [place for place, line in enumerate(lines) if line.startswith("call ") and f'"%{variable}%"' in line]
        assert lines.index(test) < min(calls)
        assert f":readable_{variable}" in lines


@pytest.mark.parametrize(
    ("name", "command"),
    [
        pytest.param("create.sh", 'virtualenv --no-periodic-update --python "$python" "$target"', id="sh"),
        pytest.param("create.fish", "step virtualenv --no-periodic-update --python $python $target", id="fish"),
        pytest.param("create.ps1", "$command @('--no-periodic-update', '--python', '3.11', $target)", id="PowerShell"),
        pytest.param("create.cmd", 'call virtualenv --no-periodic-update --python 3.11 "%target%"', id="cmd"),
    ],
)
def test_a_virtualenv_on_path_stands_in_for_the_module(make_plan, name, command):
    text = recipe(make_plan(manager=Manager.VIRTUALENV)).text(name)

    assert command in text
    assert "virtualenv is missing; install it" in text
