"""What to type to enter an environment, in each shell."""

import shutil
import subprocess
import sys

import pytest

from envkit.apply.activation import activation, current_shell, shell_among
from envkit.apply.engines import MAKE_VENV

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths as on POSIX")


@pytest.fixture
def environment(tmp_path):
    for name in ("activate", "activate.csh", "activate.fish", "activate.nu", "Activate.ps1", "activate.xsh"):
        (tmp_path / "env" / "bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "env" / "bin" / name).write_text("")
    return tmp_path / "env"


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("bash", ". {bin}/activate"),
        ("zsh", ". {bin}/activate"),
        ("fish", "source {bin}/activate.fish"),
        ("tcsh", "source {bin}/activate.csh"),
        ("nu", "overlay use r#'{bin}/activate.nu'#"),
        ("pwsh", "& '{bin}/Activate.ps1'"),
        ("xonsh", "source {bin}/activate.xsh"),
        ("", ". {bin}/activate"),
        ("unheard-of", ". {bin}/activate"),
    ],
)
def test_each_shell_has_its_own_command(environment, shell, expected):
    assert activation(environment, shell) == expected.format(bin=environment / "bin")


def test_a_shell_that_the_environment_has_no_script_for_gets_the_usual_one(environment):
    (environment / "bin" / "activate.nu").unlink()

    assert activation(environment, "nu") == f". {environment / 'bin' / 'activate'}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "fish"])
@pytest.mark.parametrize(
    "name", ["env", "my env", "it's", "a$(touch pwned)b", "a`touch pwned`", 'double"quote', "back\\slash", "ü!"]
)
def test_the_command_works_in_the_shell_that_it_is_for(tmp_path, shell, name):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    place = tmp_path / name
    subprocess.run([sys.executable, "-I", MAKE_VENV, place], check=True)

    command = f"{activation(place, shell)}\necho $VIRTUAL_ENV"
    done = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.stdout.strip() == str(place), done.stderr
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        (["python3", "-zsh", "login"], "zsh"),
        (["make", "sh", "fish"], "fish"),
        (["C:\\Windows\\System32\\cmd.exe"], "cmd"),
        (["PowerShell.EXE", "explorer.exe"], "powershell"),
        (["systemd"], ""),
    ],
)
def test_the_nearest_shell_counts(programs, expected):
    assert shell_among(programs) == expected


def test_with_no_shell_above_the_variable_counts(monkeypatch):
    monkeypatch.setattr("envkit.apply.activation._ancestors", lambda: ["systemd"])

    assert current_shell({"SHELL": "/usr/bin/fish"}) == "fish"
