"""What every command has in common: the front page, exit codes, errors in one voice."""

import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envkit import __version__
from envkit.cli import app
from envkit.cli.output import waiting
from envkit.cli.overview import COMMANDS, page
from envkit.render.json import _envelope as envelope
from tests.conftest import CHECKOUT, Cli, is_running, site_of
from tests.standins.torch_package import install_torch


def mistaken(words: str) -> Callable[..., None]:
    """Return a function that fails as none of envkit's should."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(words)

    return fail


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no-such-command", "--json"), "no-such-command"),
        (("doctor", "--no-such-option", "--json"), "--no-such-option"),
        (("doctor", "--json", "--timeout", "x"), "--timeout"),
        (("smoke", "--json", "--device", "gpu"), "'gpu' is none of cpu"),
        (("create", "--json", "--torch"), "--torch"),
    ],
)
def test_wrong_usage_is_a_document_for_who_asks_for_json(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    run = cli(*arguments)
    assert run.code == 2
    assert set(run.json) == {"schema_version", "envkit_version", "error"}
    assert told in run.json["error"]["message"]
    assert "--help" in run.json["error"]["hint"]
    assert "Error:" in run.err


def test_a_mistake_of_envkit_s_own_is_a_document_for_who_asks_for_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("envkit.cli.doctor.examine", mistaken("planted"))
    assert app.run(["doctor", "--json"]) == 3
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert set(document) == {"schema_version", "envkit_version", "error"}
    assert "ZeroDivisionError: planted" in document["error"]["message"]
    assert "please report" in document["error"]["hint"]
    assert "ZeroDivisionError: planted" in err


def test_words_of_another_program_in_a_mistake_never_reach_the_terminal_as_escapes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("envkit.cli.doctor.examine", mistaken("\x1b]0;owned\x07"))
    assert app.run(["doctor"]) == 3
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "owned" in err


def test_names_of_another_program_stay_on_the_one_line_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with waiting("smoke") as show:
        show(("backprop\x1b[2J\nFAKE: all is well on cpu",))
    assert terminal.getvalue() == ("\r\x1b[Ksmoke: waiting for backprop\\x1b[2J FAKE: all is well on cpu\r\x1b[K")


def test_no_content_overrides_what_every_document_begins_with() -> None:
    document = envelope({"schema_version": 99, "envkit_version": "0", "more": 1})
    assert list(document)[:2] == ["schema_version", "envkit_version"]
    assert (document["schema_version"], document["envkit_version"]) == (1, __version__)


def test_a_mistake_of_envkit_s_own_is_exit_code_3_and_a_line_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("envkit.cli.doctor.examine", mistaken("planted"))
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


def test_a_deleted_current_folder_is_one_clear_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'cd "{gone}" && rmdir "{gone}" && "{sys.executable}" -m envkit doctor'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the current folder no longer exists" in done.stderr


@pytest.mark.skipif("sys.platform != 'linux'", reason="/dev/full")
@pytest.mark.parametrize("json", [(), ("--json",)], ids=["text", "JSON"])
def test_a_full_disk_behind_stdout_is_one_clear_error(json: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "envkit", "doctor", "--quick", *json, "--python", sys.executable]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "envkit: the output cannot be written: No space left on device\n"


def test_a_closed_stdout_is_no_failure() -> None:
    command = f'"{sys.executable}" -m envkit doctor --quick --python "{sys.executable}" >&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_leave_takes_the_children_along(number: int, bare_target: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    prelude = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=prelude)
    command = [sys.executable, "-m", "envkit", "doctor", "--python", str(bare_target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert not is_running(int(pid_file.read_text()))


@pytest.mark.parametrize("module", ["click", "msgspec"])
def test_nothing_on_the_user_s_path_takes_the_place_of_what_envkit_needs(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text("raise SystemExit('taken')")
    command = [sys.executable, "-m", "envkit", "matrix", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=CHECKOUT, check=False)
    assert "taken" not in done.stderr
    assert done.returncode == 0


def test_what_pythonpath_names_is_the_target_s_and_not_envkit_s(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in ("click.py", "msgspec.py", "rich.py"):
        (folder / name).write_text("raise RuntimeError('planted')\n")
    install_torch(folder, "2.13.0+cpu", cuda=None)
    run = cli("doctor", "--json", "--python", str(bare_target), env={"PYTHONPATH": str(folder)})
    assert "planted" not in run.out + run.err
    assert run.json["snapshot"]["torch"]["file"] == str(folder / "torch/__init__.py")
