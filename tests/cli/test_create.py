"""`envkit create` as a person runs it: what it prints, writes, makes and refuses."""

import io
import os
import sys

import pytest

from envkit import matrix
from envkit.planning.decide import plan
from envkit.planning.model import Request
from envkit.render.terminal.lines import Lines
from envkit.render.terminal.plan import print_files, print_plan
from tests.planning.hosts import HOSTS

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = ("create", "--python", sys.executable)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="paths and signals as on POSIX")


# -- what is printed ----------------------------------------------------------------------------


@posix_only
def test_the_script_for_this_machine_is_all_of_stdout(cli):
    done = cli(*HERE)

    assert done.code == 0
    assert done.out.startswith("#!/bin/sh\n")
    assert done.out.endswith('main .venv "$@"\n')
    assert f"VENV  torch 2.15.0 (cpu) for Python {PYTHON}" in done.err
    assert "`--output DIR` also writes create.fish, create.ps1, create.cmd, requirements.txt" in done.err


def test_conda_gets_an_environment_file_with_a_name(cli):
    done = cli(*HERE, "--conda")

    assert done.code == 0
    assert 'name: "torch-2.13.0-cpu"\nchannels:\n  - conda-forge\n' in done.out
    assert f'  - "python={PYTHON}"\n' in done.out


@posix_only
def test_driver_and_gpus_of_the_machine_decide(cli, driver):
    done = cli(*HERE, "--json", env=driver(cuinit=0, nvml=0, version="550.54.14"))

    assert done.json["plan"]["backend"] == "cu126"
    assert done.json["install"][0][-1] == "torch==2.14.1+cu126"


def test_json_is_one_document_with_plan_installs_and_files(cli):
    done = cli(*HERE, "--dry-run", "--json", "--with", "torchvision")

    assert done.code == 0
    assert set(done.json) == {"schema_version", "envkit_version", "plan", "install", "files"}
    assert done.json["schema_version"] == 1
    assert done.json["install"][-1][:2] == ["torch==2.15.0+cpu", "torchvision==0.29.2+cpu"]
    assert {"create.sh", "create.fish", "create.ps1", "create.cmd", "requirements.txt"} <= set(done.json["files"])


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

    written = {str(path) for path in (tmp_path / "recipe").rglob("*") if path.is_file()}
    assert set(done.out.split()) == written
    assert {str(tmp_path / "recipe" / name) for name in ("create.cmd", "create.fish", "requirements.txt")} < written


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
        pytest.param(("--update",), "--update is for --apply", id="update alone"),
        pytest.param(("--apply", ""), "PATH is empty", id="no path"),
        pytest.param(("--output", ""), "--output is empty", id="no folder"),
        pytest.param(("--force",), "--force overwrites files in a folder: --output DIR", id="nothing to overwrite"),
        pytest.param(("--check", ".", "--force"), "--force has no part in it", id="check with more"),
        pytest.param(("--bare", "--apply", "--torch", "2.5.1"), "--torch has no part in it", id="bare with torch"),
        pytest.param(("--bare", "--apply", "--update"), "--update has no part in it", id="nothing to update"),
        pytest.param(("--bare", "--apply", "--index", "https://a"), "--index has no part in it", id="nothing from it"),
        pytest.param(("--python", "/no/such/python"), "/no/such/python", id="no interpreter"),
    ],
)
def test_wrong_usage_is_one_sentence(cli, arguments, message):
    done = cli(*(HERE if "--python" not in arguments else ("create",)), *arguments)

    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


# -- what a terminal shows ----------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_plan_fits_the_terminal(width):
    sent = io.StringIO()
    out = Lines(sent, width=width)

    print_plan(out, plan(Request(cuda="12.1", name="x" * 300), HOSTS["linux-a100"], matrix.load()))
    print_files(out, ("create.ps1", "create.cmd"), {"create.cmd": "cmd gives % a meaning of its own"})

    assert max(map(len, sent.getvalue().splitlines())) <= width
    assert "https://download.pytorch.org/whl/cu121" in sent.getvalue().replace("\n", "")
