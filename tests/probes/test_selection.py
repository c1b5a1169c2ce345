"""Which interpreter is the target."""

import os
import sys
from pathlib import Path

import pytest

from envkit.probes.selection import Choice, _on_path, choose_interpreter
from envkit.snapshot import Absent
from tests.conftest import make_target


def test_a_path_is_taken_as_it_is(bare_target: Path) -> None:
    assert choose_interpreter(str(bare_target), {}) == Choice(str(bare_target), f"--python {bare_target}")


def test_an_environment_s_folder_means_its_interpreter(bare_target: Path) -> None:
    folder = bare_target.parent.parent
    assert choose_interpreter(str(folder), {}) == Choice(str(bare_target), f"--python {folder}")


def test_a_name_is_looked_up_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_target(tmp_path / "env")
    monkeypatch.setenv("PATH", str(python.parent))
    assert choose_interpreter("python", {}) == Choice(str(python), "--python python")


def test_a_version_means_the_command_of_that_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "python3.42"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_interpreter("3.42", {}) == Choice(str(command), "--python 3.42")


def test_a_conda_environment_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_target(tmp_path / "envs/lecture")
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda/environments.txt").write_text(f"/gone\n{tmp_path}/envs/lecture\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert choose_interpreter("lecture", {}) == Choice(str(python), "conda environment lecture")


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_environment_comes_first(bare_target: Path, variable: str) -> None:
    prefix = str(bare_target.parent.parent)
    assert choose_interpreter(None, {variable: prefix}) == Choice(
        str(bare_target), f"the active environment ({variable})"
    )


def test_an_active_environment_that_is_gone_is_told_with_its_folder(tmp_path: Path) -> None:
    choice = choose_interpreter(None, {"VIRTUAL_ENV": str(tmp_path / "gone")})
    assert isinstance(choice, Absent)
    assert choice.environment == str(tmp_path / "gone")


def test_an_active_environment_without_its_interpreter_is_told_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = /gone\n")
    choice = choose_interpreter(None, {"VIRTUAL_ENV": str(tmp_path)})
    assert isinstance(choice, Absent)
    assert choice.environment == str(tmp_path)


def test_a_folder_that_is_no_environment_is_never_called_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")  # the fix for a broken one empties it
    choice = choose_interpreter(None, {"VIRTUAL_ENV": str(tmp_path)})
    assert isinstance(choice, Absent)
    assert choice.environment == ""


@pytest.mark.parametrize("name", ["r-environment", "gone"])
def test_a_conda_environment_without_python_leaves_the_choice_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "r-environment/conda-meta").mkdir(parents=True)
    python = make_target(tmp_path / "env")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(python.parent))
    choice = choose_interpreter(None, {"CONDA_PREFIX": str(tmp_path / name)})
    assert choice == Choice(str(python.with_name("python3")), "`python3` on PATH")


def test_with_nothing_active_envkit_s_own_environment_counts_when_it_holds_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/version.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    choice = choose_interpreter(None, {})
    assert isinstance(choice, Choice)
    assert choice.executable == sys.executable


def test_without_torch_beside_envkit_the_interpreter_on_path_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = make_target(tmp_path / "env")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(python.parent))
    assert choose_interpreter(None, {}) == Choice(str(python.with_name("python3")), "`python3` on PATH")


@pytest.mark.parametrize(("platform", "first"), [("win32", "python"), ("linux", "python3"), ("darwin", "python3")])
def test_each_system_has_its_first_name(monkeypatch: pytest.MonkeyPatch, platform: str, first: str) -> None:
    monkeypatch.setattr("envkit.probes.selection._which", lambda name, _path: f"/{name}")
    assert _on_path(platform) == Choice(f"/{first}", f"`{first}` on PATH")


def test_the_stand_in_of_the_windows_store_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("Microsoft/WindowsApps", "Python312"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "python").write_text("#!/bin/sh\n")
        (tmp_path / folder / "python").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/Microsoft/WindowsApps{os.pathsep}{tmp_path}/Python312")
    assert _on_path("win32") == Choice(f"{tmp_path}/Python312/python", "`python` on PATH")


@pytest.mark.parametrize("asked", ["no-such-name", "3.99", "./no/such/path", "x" * 5000])
def test_what_is_not_there_is_told_by_its_name(asked: str) -> None:
    choice = choose_interpreter(asked, {})
    assert isinstance(choice, Absent)
    assert asked in choice.why
    assert choice.environment == ""
