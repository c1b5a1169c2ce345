"""What a fix says, in the shells that people type into: as written, and as the shells that are here understand it."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit.checks.fixes import quoted
from envkit.checks.shells import Shell, shell_of
from envkit.snapshot import Snapshot
from tests.builders import make_host, make_snapshot

HERE = {
    "bash": ("--norc", "-c"),
    "dash": ("-c",),
    "zsh": ("-f", "-c"),
    "fish": ("--no-config", "--private", "-c"),
    "tcsh": ("-f", "-c"),
    "pwsh": ("-NoProfile", "-Command"),
}
PRESENT = {name: path for name in HERE if (path := shutil.which(name))}
TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"


def typing_into(shell: str | None, system: str = "linux") -> Snapshot:
    return make_snapshot(host=make_host(os=system, shell=shell))


def writing(shell: str | None, system: str = "linux") -> Shell:
    return shell_of(typing_into(shell, system))


def told(shell: str, *lines: str) -> tuple[list[str], dict[str, str]]:
    """The arguments and variables that a program gets which the last of these lines runs."""
    done = subprocess.run(
        [PRESENT[shell], *HERE[shell], "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "ODD": "gone", "ODD_TOO": "gone", "HOME": "/nonexistent"},
    )
    arguments, variables = json.loads(done.stdout)
    return arguments, variables


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        (
            "bash",
            (
                "/my env/python -m pip install 'numpy<2'",
                "export A=1 B='x y'",
                "unset A B",
                'export PATH=/x/bin:"$PATH"',
            ),
        ),
        (
            "fish",
            (
                "'/my env/python' -m pip install 'numpy<2'",
                "set -gx A 1; set -gx B 'x y'",
                "set -e A B",
                "set -gx PATH /x/bin $PATH",
            ),
        ),
        (
            "tcsh",
            (
                "'/my env/python' -m pip install 'numpy<2'",
                "setenv A 1; setenv B 'x y'",
                "unsetenv A; unsetenv B",
                'setenv PATH /x/bin:"$PATH"',
            ),
        ),
        (
            "pwsh",
            (
                "& '/my env/python' '-m' 'pip' 'install' 'numpy<2'",
                "$env:A = '1'; $env:B = 'x y'",
                "Remove-Item Env:A, Env:B",
                "$env:PATH = '/x/bin' + [IO.Path]::PathSeparator + $env:PATH",
            ),
        ),
        (
            "cmd",
            (
                '"/my env/python" -m pip install "numpy<2"',
                'set "A=1" & set "B=x y"',
                'set "A=" & set "B="',
                'set "PATH=/x/bin;%PATH%"',
            ),
        ),
    ],
)
def test_each_shell_has_its_own_writing(shell: str, lines: tuple[str, ...]) -> None:
    own = writing(shell)
    command = quoted(typing_into(shell), "/my env/python", "-m", "pip", "install", "numpy<2")
    written = (command, own.set({"A": "1", "B": "x y"}), own.unset("A", "B"), own.prepend_path("/x/bin"))
    if shell == "bash":
        lines = ("'/my env/python' -m pip install 'numpy<2'", *lines[1:])
    assert written == lines


@pytest.mark.parametrize(
    ("shell", "system", "like"),
    [
        (None, "linux", "bash"),
        (None, "macos", "bash"),
        (None, "windows", "powershell"),
        ("elvish", "linux", "bash"),
        ("bash", "windows", "bash"),
        ("tcsh", "linux", "csh"),
    ],
)
def test_where_the_shell_is_not_known_it_is_what_most_have(shell: str | None, system: str, like: str) -> None:
    assert writing(shell, system) == writing(like, system)


@pytest.mark.parametrize(
    ("shell", "system", "move"),
    [
        ("fish", "linux", "mv -n a b"),
        ("powershell", "windows", "& 'mv' 'a' 'b'"),
        ("pwsh", "linux", "& 'mv' '-n' 'a' 'b'"),
        ("cmd", "windows", "move /-Y a b"),
        ("bash", "windows", "mv -n a b"),
    ],
)
def test_no_shell_moves_one_file_onto_another(shell: str, system: str, move: str) -> None:
    own = writing(shell, system)
    assert own.command(*own.moving(system), "a", "b") == move


@pytest.mark.parametrize("shell", PRESENT)
def test_a_shell_that_is_here_sets_and_unsets(shell: str) -> None:
    own = writing(shell)
    run = own.command(sys.executable, "-c", TELL)
    _, variables = told(shell, own.set({"FIRST": "a b", "SECOND": "$HOME"}), own.unset("ODD", "ODD_TOO"), run)
    assert (variables["FIRST"], variables["SECOND"]) == ("a b", "$HOME")
    assert not {"ODD", "ODD_TOO"} & set(variables)
    _, variables = told(shell, own.prepend_path("/x y/bin"), run)
    assert variables["PATH"] == "/x y/bin:/usr/bin:/bin"


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)
ODD = [
    "",
    "a b",
    "~",
    "=ls",
    "$HOME",
    "!!",
    "it's",
    'say "so"',
    "a\\b",
    "`id`",
    "numpy<2",
    "*",
    "%1",
    "{a,b}",
    "#",
    "-n",
]


@pytest.mark.parametrize("shell", PRESENT)
@settings(max_examples=25, deadline=None)
@given(words=st.lists(WORDS | st.sampled_from(ODD), max_size=6))
def test_a_shell_that_is_here_passes_every_word_on_as_it_is(shell: str, words: list[str]) -> None:
    if shell == "pwsh":
        words = [word.replace('"', "") for word in words]  # its older releases lose them on their way
    command = writing(shell).command(sys.executable, "-c", TELL, *words)
    assert told(shell, command)[0] == words


@pytest.mark.parametrize("shell", ["bash", "fish", "tcsh", "pwsh", "cmd"])
def test_what_no_shell_can_take_is_written_all_the_same(shell: str) -> None:
    assert "odd" in writing(shell).command("/odd\n\udcff/'\"%PATH%", "-m")
