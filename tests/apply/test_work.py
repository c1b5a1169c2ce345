"""What is to be done, before it is done."""

import pytest

from envkit.apply.engines import PIP
from envkit.apply.places import Mode
from envkit.apply.work import conda_work, planned_work
from envkit.errors import EnvkitError
from envkit.planning.model import Engine, Manager

MICROMAMBA = Engine.MICROMAMBA


@pytest.fixture(autouse=True)
def _micromamba(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "micromamba").write_text("#!/bin/sh\necho 2.0.5\n")
    (tmp_path / "bin" / "micromamba").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def conda_plan(make_plan, tmp_path, torch):
    return make_plan(manager=Manager.CONDA, engine=MICROMAMBA, torch=torch, path=str(tmp_path / "env"))


def test_two_conda_plans_are_not_the_same_work(make_plan, tmp_path):
    works = [
        conda_work(conda_plan(make_plan, tmp_path, torch), tmp_path / "env", Mode.NEW) for torch in ("2.1.0", "2.4.1")
    ]

    assert works[0].steps[0].argv == works[1].steps[0].argv
    assert works[0].what != works[1].what


def test_conda_does_not_update_what_venv_made(make_plan, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("version = 3.11.7\n")

    with pytest.raises(EnvkitError, match="is no conda environment, and the plan is for conda"):
        conda_work(conda_plan(make_plan, tmp_path, "2.4.1"), tmp_path / "env", Mode.UPDATE)


def conda_environment(path, python):
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta" / "history").write_text("")
    (path / "conda-meta" / f"python-{python}-h1_0.json").write_text("{}")


def test_pip_does_not_update_what_conda_made(make_plan, tmp_path):
    conda_environment(tmp_path / "env", "3.11.7")

    with pytest.raises(EnvkitError, match="is a conda environment, and the plan is for venv") as refused:
        planned_work(make_plan(), PIP, tmp_path / "env", "/py", Mode.UPDATE)

    assert "`--conda`" in refused.value.hint


def test_an_update_is_for_the_python_that_is_there(make_plan, tmp_path):
    conda_environment(tmp_path / "env", "3.9.18")

    with pytest.raises(EnvkitError, match=r"is an environment of Python 3.9.18, and the plan is for Python 3.11"):
        conda_work(conda_plan(make_plan, tmp_path, "2.4.1"), tmp_path / "env", Mode.UPDATE)
