"""The commands of a plan."""

import sys
from pathlib import Path

import pytest

from envkit.apply import steps
from envkit.apply.steps import list_steps
from envkit.errors import EnvkitError
from envkit.planning.model import Manager

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths as on POSIX")

ENV = Path("/envs/one")
PIP = ("/envs/one/bin/python", "-I", "-m", "pip", "install")
INDEX = "https://download.pytorch.org/whl/cpu"


def commands(plan):
    """Name and command of each step, without pip's options about how it talks."""
    quiet = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    return [(step.name, tuple(word for word in step.argv if word not in quiet)) for step in list_steps(plan, ENV, "py")]


def test_venv_then_torch_then_the_rest(make_plan):
    assert commands(make_plan()) == [
        ("make the environment", ("py", "-I", "-m", "venv", "/envs/one")),
        (
            "install torch 2.13.0 (cpu)",
            (*PIP, "--no-deps", "--index-url", INDEX, "torch==2.13.0+cpu"),
        ),
        ("install its dependencies and the rest", (*PIP, "torch==2.13.0+cpu", "numpy")),
    ]


def test_one_install_when_the_default_index_has_the_build(make_plan):
    assert commands(make_plan("macos-arm64"))[1:] == [("install torch 2.13.0 (mps)", (*PIP, "torch==2.13.0", "numpy"))]


def test_virtualenv_runs_beside_envkit(make_plan):
    pytest.importorskip("virtualenv")

    assert commands(make_plan(manager=Manager.VIRTUALENV))[0] == (
        "make the environment",
        (sys.executable, "-m", "virtualenv", "--no-periodic-update", "--python", "py", "/envs/one"),
    )


def test_virtualenv_on_path_is_the_second_choice(make_plan, monkeypatch):
    monkeypatch.setattr(steps.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(steps.shutil, "which", lambda name: f"/usr/bin/{name}")

    assert commands(make_plan(manager=Manager.VIRTUALENV))[0][1][0] == "/usr/bin/virtualenv"


def test_without_virtualenv_the_extra_is_named(make_plan, monkeypatch):
    monkeypatch.setattr(steps.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(steps.shutil, "which", lambda _name: None)

    with pytest.raises(EnvkitError, match="virtualenv is not installed") as refused:
        list_steps(make_plan(manager=Manager.VIRTUALENV), ENV, "py")

    assert 'pip install "torch-envkit[virtualenv]"' in refused.value.hint


def test_conda_is_left_to_conda(make_plan):
    with pytest.raises(EnvkitError, match="leaves their making to conda") as refused:
        list_steps(make_plan(manager=Manager.CONDA), ENV, "py")

    assert "conda env create --file DIR/environment.yml" in refused.value.hint
