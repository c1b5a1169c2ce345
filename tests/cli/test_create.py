"""`envkit create` as a person runs it: what it prints, writes, makes and refuses."""

import io
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from rich.console import Console

from envkit import matrix
from envkit.planning.decide import plan
from envkit.planning.model import Request
from envkit.render.terminal.plan import StepProgress, print_files, print_plan
from tests.planning.hosts import HOSTS
from tests.recipes.local_index import make_indexes

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = ("create", "--python", sys.executable)
VERSIONS = "from importlib.metadata import version as v; print(v('torch'), v('numpy'), v('filelock'))"

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="paths and signals as on POSIX")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    return make_indexes(tmp_path_factory.mktemp("indexes"))


def ask(environment, program):
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.strip()


# -- what is printed ----------------------------------------------------------------------------


@posix_only
def test_the_script_for_this_machine_is_all_of_stdout(cli):
    done = cli(*HERE)

    assert done.code == 0
    assert done.out.startswith("#!/bin/sh\n")
    assert done.out.endswith('main "$@"\n')
    assert f"VENV  torch 2.13.0 (cpu) for Python {PYTHON}" in done.err
    assert "`--output DIR` also writes create.ps1, create.cmd, requirements.txt" in done.err


def test_conda_gets_an_environment_file_with_a_name(cli):
    done = cli(*HERE, "--conda")

    assert done.code == 0
    assert 'name: "torch-2.13.0-cpu"\nchannels:\n  - conda-forge\n' in done.out
    assert f'  - "python={PYTHON}"\n' in done.out


@posix_only
def test_driver_and_gpus_of_the_machine_decide(cli, driver):
    done = cli(*HERE, "--json", env=driver(cuinit=0, nvml=0, version="550.54.14"))

    assert done.json["plan"]["backend"] == "cu126"
    assert done.json["install"][0][-1] == "torch==2.13.0+cu126"


def test_json_is_one_document_with_plan_installs_and_files(cli):
    done = cli(*HERE, "--dry-run", "--json", "--with", "torchvision")

    assert done.code == 0
    assert set(done.json) == {"schema_version", "envkit_version", "plan", "install", "files"}
    assert done.json["schema_version"] == 1
    assert done.json["install"][-1][:2] == ["torch==2.13.0+cpu", "torchvision==0.28.0+cpu"]
    assert set(done.json["files"]) == {"create.sh", "create.ps1", "create.cmd", "requirements.txt"}


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        pytest.param("60", 60, id="narrow"),
        pytest.param("200", 200, id="wide"),
    ],
)
def test_no_line_is_wider_than_the_terminal(cli, width, expected):
    done = cli(*HERE, "--name", "a-name", env={"COLUMNS": width})

    assert max(map(len, done.err.splitlines())) <= expected


def test_nothing_is_coloured_without_a_terminal(cli):
    assert "\x1b" not in cli(*HERE).err


def test_help_shows_examples(cli):
    done = cli("create", "--help")

    assert done.code == 0
    assert "envkit create --virtualenv --apply env" in done.out


# -- what is written ----------------------------------------------------------------------------


def test_output_writes_every_file(cli, tmp_path):
    done = cli(*HERE, "--output", str(tmp_path / "recipe"))

    written = sorted(path.name for path in (tmp_path / "recipe").iterdir())
    assert written == ["create.cmd", "create.ps1", "create.sh", "requirements.txt"]
    assert sorted(done.out.split()) == [str(tmp_path / "recipe" / name) for name in written]


@posix_only
def test_the_written_script_can_be_run(cli, tmp_path):
    cli(*HERE, "--output", str(tmp_path))

    assert os.access(tmp_path / "create.sh", os.X_OK)


def test_output_to_a_dash_is_stdout(cli):
    assert cli(*HERE, "--conda", "--output", "-").out == cli(*HERE, "--conda").out


def test_a_dry_run_writes_nothing(cli, tmp_path):
    done = cli(*HERE, "--output", str(tmp_path / "recipe"), "--dry-run")

    assert done.code == 0
    assert not (tmp_path / "recipe").exists()


def test_the_same_files_may_be_written_again(cli, tmp_path):
    codes = [cli(*HERE, "--output", str(tmp_path)).code for _ in range(2)]

    assert codes == [0, 0]


def test_a_file_that_differs_is_kept_unless_forced(cli, tmp_path):
    (tmp_path / "requirements.txt").write_text("my-own==1\n")

    refused = cli(*HERE, "--output", str(tmp_path))

    assert refused.code == 1
    assert "has other files of these names: requirements.txt" in refused.err
    assert (tmp_path / "requirements.txt").read_text() == "my-own==1\n"
    assert not (tmp_path / "create.sh").exists()
    assert cli(*HERE, "--output", str(tmp_path), "--force").code == 0
    assert "torch==" in (tmp_path / "requirements.txt").read_text()


# -- what is refused ----------------------------------------------------------------------------


def test_the_impossible_is_refused_with_the_nearest(cli):
    done = cli("create", "--torch", "2.8.0", "--cuda", "12.1", "--python", "3.11")

    assert (done.code, done.out) == (1, "")
    assert "torch 2.8.0 has no CUDA 12.1 wheel; newest with CUDA 12.1: 2.5.1" in done.err
    assert "hint: `envkit create --torch 2.5.1 --cuda 12.1 --python 3.11`" in done.err


def test_a_refusal_is_json_too(cli):
    done = cli("create", "--torch", "9.9.9", "--json")

    assert done.code == 1
    assert done.json["error"]["message"].startswith("there is no torch 9.9.9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("one", "--path", "two"), "the path is given twice", id="two paths"),
        pytest.param(("--apply", "--output", "."), "one at a time", id="made and written down"),
        pytest.param(("--cuda", "twelve"), "`twelve` is no CUDA release", id="CUDA"),
        pytest.param(("--conda", "--apply"), "leaves their making to conda", id="conda"),
        pytest.param(("--python", "/no/such/python"), "/no/such/python", id="no interpreter"),
    ],
)
def test_wrong_usage_is_one_sentence(cli, arguments, message):
    done = cli(*(HERE if "--python" not in arguments else ("create",)), *arguments)

    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_python_that_is_not_there_is_refused_before_anything_is_made(cli, tmp_path):
    place = tmp_path / "env"

    done = cli("create", "--python", "3.8", "--apply", str(place), env={"PATH": str(tmp_path)})

    assert done.code == 1
    assert "there is no Python 3.8 on PATH" in done.err
    assert not place.exists()


# -- what is made -------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", ["--venv", "--virtualenv"])
def test_apply_makes_the_planned_environment(cli, indexes, tmp_path, manager):
    torch_index, configured = indexes
    place = tmp_path / "an env, $(touch pwned)"

    done = cli(
        *HERE, manager, "--apply", str(place), "--index", torch_index, "--no-verify", "--with", "torchvision",
        env={**configured, "PYTHONPATH": "/nowhere", "PIP_USER": "1"},
    )  # fmt: skip

    assert done.code == 0, done.err
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert ask(place, "import importlib.metadata as m; print(m.version('torchvision'))") == "0.28.0+cpu"
    assert "Activate it with:" in done.out
    assert "3/3  install its dependencies and the rest  done" in done.err
    assert {path.name for path in place.glob("envkit-*")} == {"envkit-create.log", "envkit-plan.json"}
    assert not list(tmp_path.rglob("pwned"))


def test_apply_in_json_tells_steps_and_what_doctor_and_smoke_say(cli, indexes, tmp_path):
    torch_index, configured = indexes

    done = cli(
        *HERE, "--virtualenv", "--apply", str(tmp_path / "env"), "--index", torch_index, "--json",
        env=configured,
    )  # fmt: skip

    # The stand-in torch computes nothing: the environment is made, and is told to be no good.
    assert done.code == 1
    assert done.json["path"] == str(tmp_path / "env")
    assert [step["name"] for step in done.json["steps"]] == [
        "make the environment",
        "install torch 2.13.0 (cpu)",
        "install its dependencies and the rest",
    ]
    assert done.json["doctor"]["verdict"] != "healthy"
    assert done.json["smoke"]["errors"]


@posix_only
def test_a_dry_run_prints_the_commands(cli, tmp_path):
    done = cli(*HERE, "--apply", str(tmp_path / "my env"), "--dry-run")

    first, second, third = done.out.splitlines()
    assert first == f"{sys.executable} -I -m venv '{tmp_path}/my env'"
    assert second.endswith("--index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu")
    assert third.endswith("torch==2.13.0+cpu numpy")
    assert not (tmp_path / "my env").exists()


def test_an_existing_environment_is_refused_and_untouched(cli, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    done = cli(*HERE, "--apply", str(tmp_path))

    assert done.code == 1
    assert "is there already and is not empty" in done.err
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    assert not (tmp_path / "pyvenv.cfg").exists()


def test_when_pip_fails_nothing_is_left_behind(cli, tmp_path):
    torch_index, configured = make_indexes(tmp_path / "indexes", torch=("2.13.0+cu126",))
    logs = tmp_path / "logs"
    logs.mkdir()

    done = cli(
        *HERE, "--virtualenv", "--apply", str(tmp_path / "a" / "env"), "--index", torch_index,
        env={**configured, "TMPDIR": str(logs)},
    )  # fmt: skip

    assert done.code == 1
    assert "could not install torch 2.13.0 (cpu): No matching distribution found for torch==2.13.0+cpu" in done.err
    assert not (tmp_path / "a").exists()
    assert len(list(logs.glob("envkit-create-*.log"))) == 1


@posix_only
def test_ctrl_c_leaves_nothing_behind(tmp_path):
    place = tmp_path / "a" / "env"
    process = subprocess.Popen(
        [sys.executable, "-m", "envkit", *HERE, "--apply", str(place)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    # venv is at work once it has linked the interpreter; pip's own install then takes it some seconds
    while not (place / "bin" / "python").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told.endswith("envkit: interrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert not [found for found in psutil.process_iter(["cmdline"]) if str(place) in (found.info["cmdline"] or ())]


# -- what a terminal shows ----------------------------------------------------------------------


@pytest.fixture
def screen():
    """A terminal of that width, and what it was sent."""

    def make(width):
        sent = io.StringIO()
        return Console(file=sent, force_terminal=True, width=width, color_system=None, legacy_windows=False), sent

    return make


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_plan_fits_the_terminal(screen, width):
    out, sent = screen(width)

    print_plan(out, plan(Request(cuda="12.1", name="x" * 300), HOSTS["linux-a100"], matrix.load()))
    print_files(out, ("create.ps1", "create.cmd"), {"create.cmd": "cmd gives % a meaning of its own"})

    assert max(map(len, sent.getvalue().splitlines())) <= width
    assert "https://download.pytorch.org/whl/cu121" in sent.getvalue().replace("\n", "")


def test_a_long_line_of_output_stays_on_one_line(screen):
    out, sent = screen(60)

    with StepProgress(out) as progress:
        progress.started("install torch", 2, 3)
        progress.said("Collecting " + "very-long-name " * 20)
        time.sleep(0.2)

    assert "Collecting" in sent.getvalue()
    # The cursor goes up when a status of several lines is drawn anew, and once when it is taken away
    assert sent.getvalue().count("\x1b[1A") <= 1


def test_foreign_output_reaches_the_terminal_without_its_escapes(screen):
    out, sent = screen(80)

    with StepProgress(out) as progress:
        progress.started("install torch", 2, 3)
        progress.said("\x1b]0;pwned\x07 Collecting torch")
        time.sleep(0.2)
        progress.ended(1.5)

    assert "\x1b]0;" not in sent.getvalue()
    assert "\\x1b]0;pwned" in sent.getvalue()
    assert sent.getvalue().rstrip().endswith("2/3  install torch  done in 1.5 s")
