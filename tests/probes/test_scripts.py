"""The scripts that run in foreign interpreters: their oldest syntax, and what they say under every Python here."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envkit.probes.framing import SCRIPTS, run_script
from tests.conftest import installed_python

PYTHONS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


@pytest.mark.parametrize("script", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.name)
def test_the_syntax_is_old_enough_for_python_3_6(script: Path) -> None:
    tree = ast.parse(script.read_text(), feature_version=(3, 6))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, newer)]  # 2.7 parses it too


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_tells_its_version_and_kind(version: str) -> None:
    if (python := installed_python(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    answers = run_script([python], "probe.py", ["interpreter", "packages"], timeout=30)
    facts = answers.merged("interpreter")
    packages = answers.merged("packages")
    assert packages is not None
    assert "failed" not in packages
    assert facts is not None
    assert "failed" not in facts
    assert facts["version"].startswith(version + ".")
    assert facts["bits"] in (32, 64)
    assert facts["search_path"]


def test_the_search_path_is_that_of_the_user_s_own_run(tmp_path: Path) -> None:
    own = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    expected = [str(tmp_path), *json.loads(own.stdout)[1:]]
    probed = subprocess.run(
        [sys.executable, SCRIPTS / "probe.py", "T", "interpreter"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    frame = next(line for line in probed.stdout.splitlines() if line.startswith("T "))
    assert json.loads(frame[2:])[1]["search_path"] == expected


def test_safe_path_mode_leaves_the_current_folder_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("PYTHONSAFEPATH came with Python 3.11")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.chdir(tmp_path)
    facts = run_script([sys.executable], "probe.py", ["interpreter"], timeout=30).merged("interpreter")
    assert facts is not None
    assert facts["current_folder"] == ""
    assert str(tmp_path) not in facts["search_path"]


@pytest.mark.parametrize("version", PYTHONS[1:])
def test_isolated_mode_leaves_the_current_folder_out(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (python := installed_python(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    monkeypatch.chdir(tmp_path)
    facts = run_script([python, "-I"], "probe.py", ["interpreter"], timeout=30).merged("interpreter")
    assert facts is not None
    assert facts["current_folder"] == ""
    assert str(tmp_path) not in facts["search_path"]


def test_a_deleted_current_folder_is_survived(tmp_path: Path) -> None:
    shell = shutil.which("sh")
    assert shell
    inner = tmp_path / "gone"
    inner.mkdir()
    done = subprocess.run(
        [
            shell,
            "-c",
            f'cd "{inner}" && rmdir "{inner}" && "{sys.executable}" "{SCRIPTS}/probe.py" T interpreter packages',
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"current_folder": ""' in done.stdout
    assert '"failed"' not in done.stdout


def test_the_script_finds_its_modules_where_its_folder_is_left_out() -> None:
    for flags in (["-I"], ["-P"] if sys.version_info >= (3, 11) else ["-I"]):
        facts = run_script([sys.executable, *flags], "probe.py", ["interpreter"], timeout=30).merged("interpreter")
        assert facts is not None
        assert str(SCRIPTS) not in facts["search_path"]


def test_frames_of_another_token_are_ignored() -> None:
    answers = run_script([sys.executable, "-c", "print('other [\"interpreter\", {}]')"], "probe.py", [], timeout=10)
    assert answers.frames == ()
