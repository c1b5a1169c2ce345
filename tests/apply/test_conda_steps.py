"""The commands that fill a conda environment."""

import sys
from pathlib import Path

import pytest

from envkit.apply.activation import Way
from envkit.apply.conda.engines import CondaEngine
from envkit.apply.conda.steps import conda_activation, conda_path, conda_steps, prepare_conda
from envkit.apply.steps import interpreter_in
from envkit.planning.model import Engine, Manager

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths as on POSIX")

ENV = Path("/envs/my env")
FILE = "/envs/my env/envkit-environment.yml"
RATTLER = CondaEngine(Engine.RATTLER)
MICROMAMBA = CondaEngine(Engine.MICROMAMBA, "/bin/micromamba", "2.0.5")


@pytest.mark.parametrize(
    ("engine", "command"),
    [
        pytest.param(MICROMAMBA, ("install", "--yes", "--prefix", "/envs/my env", "--file", FILE), id="micromamba"),
        pytest.param(
            CondaEngine(Engine.MAMBA, "/bin/mamba", "2.0.5"),
            ("install", "--yes", "--prefix", "/envs/my env", "--file", FILE),
            id="mamba 2",
        ),
        pytest.param(
            CondaEngine(Engine.MAMBA, "/bin/mamba", "mamba 1.5.8\nconda 24.1.0"),
            ("env", "update", "--prefix", "/envs/my env", "--file", FILE),
            id="mamba 1",
        ),
        pytest.param(
            CondaEngine(Engine.CONDA, "/bin/conda", "conda 24.9.2"),
            ("env", "update", "--prefix", "/envs/my env", "--file", FILE),
            id="conda",
        ),
    ],
)
def test_each_engine_is_told_in_its_own_words(make_plan, engine, command):
    (step,) = conda_steps(make_plan(manager=Manager.CONDA), ENV, engine)

    assert step.name == f"install torch 2.13.0 (cpu) with {engine.engine.value}"
    assert step.argv == (engine.program, *command)


def test_the_embedded_one_is_a_process_of_its_own(make_plan):
    (step,) = conda_steps(make_plan(manager=Manager.CONDA, torch="2.1.0", cuda="12.1"), ENV, RATTLER)

    at = step.argv.index("-m")
    assert step.argv[0] == sys.executable
    assert step.argv[at + 1 :] == (
        "envkit.apply.conda.embedded", "--prefix", "/envs/my env",
        "--channel", "pytorch", "--channel", "nvidia", "--channel", "conda-forge", "--",
        "python=3.11", "pytorch=2.1.0 *_cuda*", "pytorch-cuda=12.1", "mkl<2024.1", "numpy<2",
    )  # fmt: skip


def test_the_folder_is_an_environment_before_anything_is_in_it(make_plan, tmp_path):
    plan = make_plan(manager=Manager.CONDA, name="lecture")

    prepare_conda(plan, tmp_path)
    (tmp_path / "conda-meta" / "history").write_text("what a first try wrote\n")
    prepare_conda(plan, tmp_path)

    assert (tmp_path / "conda-meta" / "history").read_text() == "what a first try wrote\n"
    assert 'name: "lecture"' in (tmp_path / "envkit-environment.yml").read_text()


def test_an_environment_known_by_its_name_goes_where_the_engine_keeps_its_own(make_plan, tmp_path, monkeypatch):
    pytest.importorskip("yaml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert conda_path(make_plan(manager=Manager.CONDA, name="lecture"), RATTLER) == tmp_path / ".conda/envs/lecture"


@pytest.mark.parametrize(
    ("system", "conda", "inside"),
    [("linux", True, "bin/python"), ("win32", True, "python.exe"), ("win32", False, "Scripts/python.exe")],
)
def test_the_interpreter_lies_where_its_maker_puts_it(monkeypatch, system, conda, inside):
    monkeypatch.setattr("envkit.apply.steps.sys.platform", system)

    assert interpreter_in(ENV, conda=conda) == ENV / inside


def test_activation_is_told_in_the_engines_own_words(make_plan):
    by_path = make_plan(manager=Manager.CONDA, path=str(ENV))
    by_name = make_plan(manager=Manager.CONDA, name="lecture")

    assert conda_activation(by_path, ENV, MICROMAMBA) == (Way("micromamba activate '/envs/my env'"),)
    assert conda_activation(by_name, ENV, MICROMAMBA) == (
        Way("micromamba activate lecture"),
        Way("micromamba activate '/envs/my env'", "or, by its folder: "),
    )
    assert conda_activation(by_path, ENV, RATTLER) == (
        Way("conda activate '/envs/my env'"),
        Way("'/envs/my env/bin/python'", "or, with no conda here, run its interpreter: "),
    )
