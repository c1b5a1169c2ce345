"""The POSIX scripts with real interpreters and a real pip, against indexes in a folder."""

import os
import shutil
import subprocess
import sys

import pytest

from envkit.planning.model import Manager
from envkit.planning.recipe import recipe
from tests.recipes.local_index import make_indexes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells only")

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
VERSIONS = "from importlib.metadata import version as v; print(v('torch'), v('numpy'), v('filelock'))"


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    return make_indexes(tmp_path_factory.mktemp("indexes"))


@pytest.fixture
def run(tmp_path):
    """Run a script with the interpreter of these tests as the one on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / f"python{PYTHON}").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tools / f"python{PYTHON}").chmod(0o755)

    def run(shell, text, *arguments, env):
        script = tmp_path / "create.sh"
        script.write_text(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL"))}
        return subprocess.run(
            [shell, script, *arguments],
            cwd=tmp_path,
            env={**kept, **env, "PATH": f"{tools}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("shell", "manager", "name"),
    [
        pytest.param("dash", Manager.VENV, "it's $(touch pwned)", id="dash venv"),
        pytest.param("bash", Manager.VIRTUALENV, 'my "env"; touch pwned', id="bash virtualenv"),
    ],
)
def test_the_script_makes_the_planned_environment(make_plan, run, indexes, tmp_path, shell, manager, name):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    torch_index, configured = indexes
    plan = make_plan(manager=manager, python=PYTHON, index=torch_index)

    # Settings that would send the packages elsewhere must not reach the new environment.
    done = run(shell, recipe(plan).files["create.sh"], name, env={**configured, "PIP_USER": "1", "PYTHONPATH": "/x"})

    assert done.returncode == 0, done.stderr
    python = tmp_path / name / "bin" / "python"
    told = subprocess.run([python, "-I", "-c", VERSIONS], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["2.13.0+cpu", "2.4.0", "3.20.0"]
    assert not list(tmp_path.rglob("pwned"))


def test_a_build_that_the_index_lacks_is_never_swapped(make_plan, run, tmp_path):
    torch_index, configured = make_indexes(tmp_path / "indexes", torch=("2.13.0+cu126",))
    plan = make_plan(manager=Manager.VIRTUALENV, python=PYTHON, index=torch_index)

    done = run("sh", recipe(plan).files["create.sh"], "env", env=configured)

    assert done.returncode != 0
    assert "No matching distribution found for torch==2.13.0+cpu" in done.stderr
    assert not list((tmp_path / "env").glob("lib/python*/site-packages/torch*"))


def test_pip_takes_the_planned_build_from_requirements_too(make_plan, indexes, tmp_path):
    torch_index, configured = indexes
    plan = make_plan(python=PYTHON, index=torch_index)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(recipe(plan).files["requirements.txt"])

    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-r", requirements],
        # The requirements file adds its index to the configured one, as it would for a user.
        env={**os.environ, **configured},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Would install filelock-3.20.0 numpy-2.4.0 torch-2.13.0+cpu" in done.stdout
