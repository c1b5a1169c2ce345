"""Which shell is typed into: small trees of processes as Linux tells them, and real shells."""

import subprocess
import sys
from pathlib import Path

import pytest

from envkit.probes.shell import find_shell
from tests.conftest import CHECKOUT

Process = tuple[str, int]
"""Its name and its process group; each is started by the next."""


def above(root: Path, *processes: Process) -> Path:
    """Write down a chain of processes, this one first."""
    for number, (name, group) in enumerate(processes):
        folder = root / "proc" / (str(1000 - number) if number else "self")
        folder.mkdir(parents=True)
        parent = 1000 - number - 1 if number + 1 < len(processes) else 0
        (folder / "stat").write_text(f"{1000 - number} ({name}) S {parent} {group} 7 34816 8 4194304 1 2 3\n")
    return root


@pytest.mark.parametrize(
    ("processes", "shell"),
    [
        pytest.param([("python", 9), ("fish", 8), ("tmux: server", 7), ("bash", 6)], "fish", id="the nearest"),
        pytest.param([("python", 9), ("sh", 9), ("make", 9), ("zsh", 8)], "zsh", id="not one that runs a command"),
        pytest.param(
            [("python", 9), ("bash", 9), ("sshd", 7)], "bash", id="one that runs a command, where it is alone"
        ),
        pytest.param([("python", 9), ("uv", 9), ("-tcsh", 8), ("login", 7)], "tcsh", id="of a log-in"),
        pytest.param([("python", 9), ("a (b) S 1 2 3", 8), ("pwsh", 7)], "pwsh", id="an odd name"),
        pytest.param([("python", 9), ("systemd", 1)], None, id="none"),
    ],
)
def test_the_nearest_that_is_typed_into(tmp_path: Path, processes: list[Process], shell: str | None) -> None:
    assert find_shell(above(tmp_path, *processes), "linux", {}) == shell


@pytest.mark.parametrize(
    ("os_name", "variables", "shell"),
    [
        ("linux", {"SHELL": "/usr/bin/fish"}, "fish"),
        ("linux", {"SHELL": "/usr/sbin/nologin"}, None),
        ("linux", {"PROMPT": "$P$G"}, None),
    ],
)
def test_where_no_shell_is_above_the_user_s_own_is_taken(
    tmp_path: Path, os_name: str, variables: dict[str, str], shell: str | None
) -> None:
    assert find_shell(tmp_path, os_name, variables) == shell


SYSTEM_S = r"C:\Windows\system32\WindowsPowerShell\v1.0\Modules"


@pytest.mark.parametrize(
    ("variables", "shell"),
    [
        ({"PSModulePath": rf"C:\Users\me\Documents\WindowsPowerShell\Modules;{SYSTEM_S}"}, "powershell"),
        ({"PSModulePath": rf"C:\Users\me\Documents\PowerShell\Modules;{SYSTEM_S}", "PROMPT": "$P$G"}, "powershell"),
        ({"PSModulePath": SYSTEM_S, "PROMPT": "$P$G"}, "cmd"),
        ({"PSModulePath": SYSTEM_S}, None),
        ({"SHELL": r"C:\Program Files\Git\usr\bin\bash.exe", "PROMPT": "$P$G"}, "bash"),
    ],
)
def test_on_windows_variables_tell_where_no_process_does(
    variables: dict[str, str], shell: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)  # as where the collector runs
    assert find_shell(Path("/"), "windows", variables) == shell


@pytest.mark.skipif(sys.platform == "win32", reason="bash with job control")
@pytest.mark.parametrize("os_name", ["linux", "macos"])
def test_a_shell_above_is_found_by_both_ways_of_looking(os_name: str) -> None:
    if os_name == "linux" and sys.platform != "linux":
        pytest.skip("/proc is Linux's")
    look = "import sys, pathlib; from envkit.probes.shell import find_shell as find; "
    look += "print(find(pathlib.Path('/'), sys.argv[1], {}))"
    command = ["bash", "-m", "-c", '"$@"; exit $?', "bash", sys.executable, "-c", look, os_name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert done.stdout.strip() == "bash"
