"""Which program fills a conda environment."""

import json
import sys

import pytest

from envkit.apply.conda import engines
from envkit.apply.conda.engines import CondaEngine, find_conda_engine, find_environments
from envkit.errors import EnvkitError
from envkit.planning.model import Engine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

VERSIONS = {"micromamba": "2.0.5", "mamba": "2.0.5", "conda": "conda 24.9.2"}


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """`tools("conda", info={...})` puts a stand-in on an otherwise empty PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CONDA_EXE", "MAMBA_EXE"):
        monkeypatch.delenv(name, raising=False)

    def add(name, *, version=None, fails=False, info=None, place=folder):
        place.mkdir(exist_ok=True)
        (place / "info.json").write_text(json.dumps(info) + "\n")
        answer = "exit 127" if fails else f"echo '{version or VERSIONS[name]}'"
        program = place / name
        program.write_text(
            f'#!/bin/sh\ncase $1 in info) while read -r x; do echo "$x"; done <{place}/info.json;; *) {answer};; esac\n'
        )
        program.chmod(0o755)
        return str(program)

    return add


@pytest.fixture
def without_rattler(monkeypatch):
    monkeypatch.setattr(engines, "has_rattler", lambda: False)


def test_the_fastest_one_that_is_there_is_taken(tools):
    tools("conda")
    mamba = tools("mamba")

    assert find_conda_engine() == CondaEngine(Engine.MAMBA, mamba, "2.0.5")


def test_one_that_does_not_run_does_not_hide_one_that_does(tools):
    tools("micromamba", fails=True)
    conda = tools("conda")

    assert find_conda_engine().program == conda


def test_a_shells_function_is_found_through_its_variable(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("MAMBA_EXE", tools("micromamba", place=tmp_path / "elsewhere"))

    assert find_conda_engine().engine is Engine.MICROMAMBA


def test_without_any_the_embedded_one_is_taken(tools):
    pytest.importorskip("rattler")

    assert find_conda_engine() == CondaEngine(Engine.RATTLER)


def test_the_one_that_was_asked_for_is_taken(tools):
    tools("micromamba")
    conda = tools("conda")

    assert find_conda_engine(Engine.CONDA).program == conda


@pytest.mark.parametrize(
    ("engine", "version", "classic"),
    [
        pytest.param("conda", "conda 24.9.2", True, id="conda"),
        pytest.param("mamba", "mamba 1.5.8\nconda 24.1.0", True, id="mamba 1 is a face of conda's"),
        pytest.param("mamba", "2.0.5", False, id="mamba 2"),
        pytest.param("micromamba", "1.5.8", False, id="micromamba"),
    ],
)
def test_who_takes_orders_as_conda_does(engine, version, classic):
    assert CondaEngine(Engine(engine), "/x", version).classic is classic


@pytest.mark.parametrize("asked", [Engine.PIP, Engine.UV])
def test_engines_of_another_kind_are_refused(asked):
    with pytest.raises(EnvkitError, match=f"{asked.value} cannot make a conda environment") as refused:
        find_conda_engine(asked)

    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(None, "there is no conda here: neither micromamba, mamba nor conda on PATH", id="none at all"),
        pytest.param(Engine.RATTLER, "py-rattler is not installed beside envkit", id="the embedded one"),
        pytest.param(Engine.MAMBA, "mamba is not on PATH", id="one by name"),
    ],
)
def test_one_that_is_missing_is_one_sentence(tools, without_rattler, asked, message):
    with pytest.raises(EnvkitError, match=message) as refused:
        find_conda_engine(asked)

    assert refused.value.exit_code == 1
    assert asked is Engine.MAMBA or '`python -m pip install "torch-envkit[conda]"`' in refused.value.hint


@pytest.mark.parametrize("key", ["envs_dirs", "envs directories"])
def test_environments_go_into_the_first_of_the_engines_folders_that_can_be_written_to(tools, tmp_path, key):
    program = tools("micromamba", info={key: ["/dev/null/envs", str(tmp_path / "envs"), str(tmp_path / "other")]})

    assert find_environments(CondaEngine(Engine.MICROMAMBA, program)) == tmp_path / "envs"


def test_an_engine_that_does_not_say_where_is_one_sentence(tools):
    program = tools("conda", info="no idea")

    with pytest.raises(EnvkitError, match="does not say where environments go"):
        find_environments(CondaEngine(Engine.CONDA, program))


def test_the_embedded_one_keeps_them_where_conda_is_configured_to(tmp_path, monkeypatch):
    pytest.importorskip("yaml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONDA_ENVS_PATH", raising=False)
    assert find_environments(CondaEngine(Engine.RATTLER)) == tmp_path / ".conda" / "envs"

    (tmp_path / ".condarc").write_text(f"envs_dirs: [{tmp_path}/mine]")
    assert find_environments(CondaEngine(Engine.RATTLER)) == tmp_path / "mine"
