"""What every command has in common: the front page, exit codes, errors in one voice."""

import importlib
import subprocess
import sys

import pytest

from envkit import __version__
from envkit.cli import app
from envkit.cli.overview import COMMANDS, page
from tests.conftest import Cli


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_front_page_is_shown(cli: Cli, arguments: tuple[str, ...]) -> None:
    run = cli(*arguments)
    assert run.code == 0
    assert run.out == page()


def test_the_front_page_is_the_same_by_way_of_click(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--help"]) == 0
    assert capsys.readouterr().out == page()


def test_the_front_page_loads_no_library() -> None:
    code = "import sys; sys.argv = ['envkit', '--help']; import envkit.__main__ as m; m.main(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"click", "rich", "msgspec", "jinja2", "psutil"} & set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_on_the_front_page_exists_and_helps_with_examples(cli: Cli, name: str) -> None:
    module, summary = COMMANDS[name]
    assert importlib.import_module(module).command.name == name
    assert summary
    run = cli(name, "--help")
    assert run.code == 0
    assert "Examples:" in run.out


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.strip() == f"envkit, version {__version__}"


@pytest.mark.parametrize(
    "arguments", [("no-such-command",), ("doctor", "--no-such-option"), ("doctor", "--timeout", "x")]
)
def test_wrong_usage_is_exit_code_2_and_no_traceback(cli: Cli, arguments: tuple[str, ...]) -> None:
    run = cli(*arguments)
    assert run.code == 2
    assert run.out == ""
    assert "Error:" in run.err
    assert "Traceback" not in run.err


def test_a_mistake_of_envkit_s_own_is_exit_code_3_and_a_line_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken(**_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("envkit.cli.doctor.examine", lambda *_, **__: mistaken())
    assert app.run(["doctor"]) == 3
    err = capsys.readouterr().err
    assert "ZeroDivisionError: planted" in err
    assert f"envkit {__version__}" in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    command = f"{sys.executable} -m envkit doctor --quick --json --python {sys.executable} | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "{"
    assert done.stderr == ""


def test_an_encoding_that_lacks_a_character_gets_its_escape(cli: Cli) -> None:
    run = cli("smoke", "--workload", "backprop", "--python", sys.executable, env={"PYTHONIOENCODING": "ascii"})
    assert run.code == 0
    assert "\\xb5s" in run.out or "ms" in run.out


def test_a_machine_without_a_home_is_survived(cli: Cli) -> None:
    run = cli("doctor", "--quick", "--python", "~nobody-here/python", env={"HOME": ""})
    assert run.code == 2
    assert "~nobody-here/python does not exist" in run.err
