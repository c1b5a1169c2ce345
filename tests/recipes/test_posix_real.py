"""The scripts with real interpreters and real engines, against indexes in a folder."""

import os
import subprocess
import sys

import pytest

from envkit.planning.model import Engine, Manager
from envkit.planning.recipe import recipe
from tests.recipes.local_index import make_indexes
from tests.recipes.validators import program

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
        script = tmp_path / "create"
        script.write_text(text)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "PYTHON", "UV_", "VIRTUAL"))
        }
        return subprocess.run(
            [shell, script, *arguments],
            cwd=tmp_path,
            env={**kept, **env, "PATH": f"{tools}:/usr/bin:/bin:{env.get('PATH', '')}", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def uv_settings(configured, engine):
    """Return what tells uv of the default index; an index in UV_INDEX has the build that must not be taken."""
    if engine is not Engine.UV:
        return {}
    default = configured["PIP_INDEX_URL"]
    folder = os.path.dirname(program("uv"))  # noqa: PTH120
    return {"UV_DEFAULT_INDEX": default, "UV_INDEX": default, "UV_NO_CACHE": "1", "UV_NO_CONFIG": "1", "PATH": folder}


@pytest.mark.parametrize(
    ("shell", "manager", "engine", "name"),
    [
        pytest.param("dash", Manager.VENV, None, "it's $(touch pwned)", id="dash venv"),
        pytest.param("bash", Manager.VIRTUALENV, None, 'my "env"; touch pwned', id="bash virtualenv"),
        pytest.param("zsh", Manager.VENV, Engine.UV, "=ls `touch pwned` ünï", id="zsh uv"),
        pytest.param("fish", Manager.VIRTUALENV, None, "(touch pwned)'(touch pwned)\\", id="fish virtualenv"),
        pytest.param("fish", Manager.VENV, Engine.UV, "-rf ;touch pwned", id="fish uv"),
    ],
)
def test_the_script_makes_the_planned_environment(make_plan, run, indexes, tmp_path, shell, manager, engine, name):
    torch_index, configured = indexes
    plan = make_plan(manager=manager, engine=engine, torch="2.13.0", python=PYTHON, index=torch_index)
    text = recipe(plan).text("create.fish" if shell == "fish" else "create.sh")

    # Settings that would send the packages elsewhere must not reach the new environment.
    elsewhere = {"PIP_USER": "1", "PYTHONPATH": "/x", "UV_PYTHON": "3.5", "UV_TORCH_BACKEND": "cu118"}
    done = run(program(shell), text, name, env={**configured, **uv_settings(configured, engine), **elsewhere})

    assert done.returncode == 0, done.stderr
    python = tmp_path / name / "bin" / "python"
    told = subprocess.run([python, "-I", "-c", VERSIONS], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["2.13.0+cpu", "2.4.0", "3.20.0"]
    assert not list(tmp_path.rglob("pwned"))


def test_a_build_that_the_index_lacks_is_never_swapped(make_plan, run, tmp_path):
    torch_index, configured = make_indexes(tmp_path / "indexes", torch=("2.13.0+cu126",))
    plan = make_plan(manager=Manager.VIRTUALENV, torch="2.13.0", python=PYTHON, index=torch_index)

    done = run("sh", recipe(plan).files["create.sh"], "env", env=configured)

    assert done.returncode != 0
    assert "No matching distribution found for torch==2.13.0+cpu" in done.stderr
    assert not list((tmp_path / "env").glob("lib/python*/site-packages/torch*"))
