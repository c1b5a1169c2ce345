"""`envkit doctor --all-envs` on small homes with environments in every place where their makers put them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, make_target, site_of
from tests.standins.torch_package import install_torch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and folders as on POSIX")

# Whatever the machine that runs the tests is told about environments must not reach them.
QUIET = dict.fromkeys(("CONDA_EXE", "MAMBA_ROOT_PREFIX", "WORKON_HOME", "PYENV_ROOT", "PIPX_HOME", "PATH"), "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def look(cli: Cli, home: Path, *options: str, cwd: Path | None = None, **variables: str) -> Any:
    return cli(
        "doctor", "--all-envs", "--quick", *options,
        env={**QUIET, "HOME": str(home), "PYTHONNOUSERSITE": "1", **variables}, cwd=cwd or home,
    )  # fmt: skip


def found(run: Any) -> dict[str, dict[str, Any]]:
    return {environment["python"]: environment for environment in run.json["environments"]}


@pytest.mark.parametrize(
    ("place", "found_by"),
    [
        pytest.param(".venv", "the current folder", id="here"),
        pytest.param("work/thesis/.venv", "the current folder", id="below"),
        pytest.param(".virtualenvs/old", "the current folder", id="below a hidden folder"),
        pytest.param("miniforge3/envs/torch", "conda", id="conda"),
        pytest.param(".pyenv/versions/3.11.7", "pyenv", id="pyenv"),
        pytest.param(".pyenv/versions/3.11.7/envs/torch", "pyenv", id="pyenv-virtualenv"),
        pytest.param(".local/share/uv/python/cpython-3.11", "uv", id="uv"),
        pytest.param(".local/share/pipx/venvs/tool", "pipx", id="pipx"),
        pytest.param(".local/share/virtualenvs/thesis-x", "pipenv", id="pipenv"),
        pytest.param(".cache/pypoetry/virtualenvs/thesis", "poetry", id="poetry"),
    ],
)
def test_an_environment_is_found_where_its_maker_puts_it(cli: Cli, home: Path, place: str, found_by: str) -> None:
    python = make_target(home / place)
    if found_by == "conda":  # found by its place alone, not as a venv below the current folder
        (home / place / "pyvenv.cfg").unlink()
    environments = found(look(cli, home, "--json"))
    assert environments[str(python)]["found_by"] == found_by
    assert environments[str(python)]["code"] == "torch-missing"


def test_further_places_are_named_by_files_and_variables(cli: Cli, home: Path, tmp_path: Path) -> None:
    made = {
        name: make_target(tmp_path / "elsewhere" / name) for name in ("registered", "kernel", "workon/one", "active")
    }
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_text(f"{made['registered'].parent.parent}\n/nowhere/at/all\n")
    kernel = home / ".local/share/jupyter/kernels/mine"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": [str(made["kernel"]), "-m", "ipykernel"]}))
    (home / ".local/share/jupyter/kernels/broken").mkdir()
    (home / ".local/share/jupyter/kernels/broken/kernel.json").write_text("{}")
    variables = {"WORKON_HOME": str(tmp_path / "elsewhere/workon"), "VIRTUAL_ENV": str(tmp_path / "elsewhere/active")}
    environments = found(look(cli, home, "--json", **variables))
    assert {str(python): environments[str(python)]["found_by"] for python in made.values()} == {
        str(made["registered"]): "conda's environments.txt",
        str(made["kernel"]): "the Jupyter kernel mine",
        str(made["workon/one"]): "virtualenvwrapper",
        str(made["active"]): "active (VIRTUAL_ENV)",
    }


def test_each_is_told_in_a_line_and_the_worst_decides(cli: Cli, home: Path) -> None:
    whole, bare = make_target(home / "whole"), make_target(home / "bare")
    install_torch(site_of(whole), "2.13.0+cpu", cuda=None)
    run = look(cli, home)
    assert run.code == 1
    lines = {line.split("  ")[-3].strip(): line for line in run.out.splitlines()}
    assert lines[str(whole)].startswith("HEALTHY     gpu-absent ")
    assert lines[str(whole)].endswith("torch 2.13.0+cpu")
    assert lines[str(bare)].startswith("FAULTY      torch-missing ")
    assert lines[str(bare)].endswith("no torch")


def test_a_warning_beside_healthy_is_said_to_be_one(cli: Cli, home: Path) -> None:
    python = make_target(home / "env")
    install_torch(site_of(python), "2.13.0+cpu", cuda=None)
    shutil.rmtree(site_of(python) / "torch-2.13.0+cpu.dist-info")
    run = cli("doctor", "--all-envs", env={**QUIET, "HOME": str(home)}, cwd=home)
    (line,) = [line for line in run.out.splitlines() if str(python) in line]
    assert line.startswith("HEALTHY     torch-corrupt (warning) ")
    (line,) = [line for line in look(cli, home).out.splitlines() if str(python) in line]
    assert line.startswith("FAULTY      torch-corrupt ")
    assert line.endswith("torch 2.13.0+cpu")
    run = cli("doctor", "--python", str(python))
    assert run.code == 0
    assert run.out.startswith("HEALTHY  with a warning: the installed torch works, and pip's record of it is gone\n")


def test_an_environment_that_hangs_ends_at_its_limit(cli: Cli, home: Path) -> None:
    whole, stuck = make_target(home / "a"), make_target(home / "b")
    install_torch(site_of(whole), "2.13.0+cpu", cuda=None)
    install_torch(site_of(stuck), "2.13.0+cpu", cuda=None, prelude="import time; time.sleep(600)")
    variables = {**QUIET, "HOME": str(home)}
    run = cli("doctor", "--all-envs", "--json", "--timeout", "3", env=variables, cwd=home, limit=60)
    verdicts = {path: told["verdict"] for path, told in found(run).items()}
    assert (verdicts[str(whole)], verdicts[str(stuck)]) == ("healthy", "incomplete")
    assert run.code == 4


def test_one_environment_by_several_ways_is_told_once(cli: Cli, home: Path) -> None:
    python = make_target(home / "env")
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_text(f"{home / 'env'}\n{home / 'link'}\n")
    (home / "link").symlink_to(home / "env")
    run = look(cli, home, "--json", VIRTUAL_ENV=str(home / "env"), PATH=str(python.parent))
    assert [path for path in found(run) if path.startswith(str(home))] == [str(python)]


def test_an_interpreter_that_is_gone_is_told(cli: Cli, home: Path) -> None:
    python = make_target(home / "env")
    for link in python.parent.glob("python*"):
        link.unlink()
    python.symlink_to(home / "gone/python3")
    kernel = home / ".local/share/jupyter/kernels/mine"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["/nowhere/bin/python", "-m", "ipykernel"]}))
    environments = found(look(cli, home, "--json"))
    assert environments[str(python)]["code"] == "venv-broken"
    assert environments["/nowhere/bin/python"]["incomplete"] == ["/nowhere/bin/python does not exist"]


def test_the_search_is_bounded_in_depth_and_follows_no_links(cli: Cli, home: Path) -> None:
    make_target(home / "1/2/3/4/5/6/too-deep")
    make_target(home / "node_modules/package/venv")
    (home / "loop").symlink_to(home)
    environments = found(look(cli, home, "--json"))
    assert not [path for path in environments if path.startswith(str(home))]


def test_more_than_enough_environments_are_cut_and_told(home: Path) -> None:
    code = (
        "import os, pathlib, envkit.probes.environments as e; e.MOST = 3; "
        "found = e.find_environments({'HOME': os.getcwd()}, pathlib.Path.cwd()); print(len(found[0]), found.cut)"
    )
    for number in range(5):
        folder = home / f"env{number}/bin"
        folder.mkdir(parents=True)
        (folder / "python").write_text("")
        (folder.parent / "pyvenv.cfg").write_text("")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home, check=True)
    assert done.stdout.strip() == "3 more than 3 environments"


@pytest.mark.parametrize("beside", [("--python", "3"), ("--fix",), ("--save", "x.json")])
def test_what_makes_no_sense_beside_it_is_wrong_usage(cli: Cli, beside: tuple[str, ...]) -> None:
    run = cli("doctor", "--all-envs", *beside)
    assert run.code == 2
    assert "--all-envs" in run.err


def test_the_progress_is_a_line_on_a_terminal_alone(home: Path) -> None:
    pty = pytest.importorskip("pty")
    make_target(home / "env")
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "envkit", "doctor", "--all-envs", "--quick"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=home,
        env={**os.environ, **QUIET, "HOME": str(home)},
        check=False,
    )
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert "examining: waiting for 1 of " in shown
    assert shown.endswith("\x1b[K")
    assert b"examining" not in done.stdout
