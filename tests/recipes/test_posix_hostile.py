"""The scripts for POSIX shells and fish, run for real with names made to break out of them.

Nothing but the script's own steps may run. Python, pip, uv and conda are stand-ins that note how they were called.
"""

import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from envkit.planning.installs import pip_installs, uv_installs
from envkit.planning.model import Engine, Manager
from envkit.planning.quoting import UnquotableError, check_printable
from envkit.planning.recipe import recipe
from tests.recipes.validators import write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells only")

SHELLS = [shell for shell in ("dash", "bash", "zsh", "fish") if shutil.which(shell)]
HOSTILE = (
    "my env",
    "it's",
    'a "b"',
    "$(touch pwned)",
    "`touch pwned`",
    "a; touch pwned #",
    "a && touch pwned",
    "a | touch pwned",
    "-rf",
    "--help",
    "~",
    "*",
    "a\\",
    "$HOME",
    "%s%n",
    "ünï ☃",
    "!!",
    "a\tb",
    "' ; touch pwned ; '",
    "\\'; touch pwned; '",
    "(touch pwned)",
    "a'(touch pwned)'",
    "{a,b}",
    "@*",
    "=ls",
    "a\\\\'b",
)
# A stand-in program: notes its name and arguments, each ended by a NUL, and makes the environment that is asked for.
STANDIN = """#!/bin/sh
case "$1" in -c) exit 0 ;; esac
{ printf '%s\\0' "${0##*/}" "$@"; printf 'END\\0'; } >>"$CALLS"
case "${0##*/} $*" in
    uv\\ venv\\ *) mkdir -p "$5/bin" ;;
    *' venv '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
esac
"""


class Done(NamedTuple):
    """A finished script; text with its line ends as they came."""

    returncode: int
    stdout: str
    stderr: str


class Place:
    """A folder with stand-ins on PATH, in which a script is run."""

    def __init__(self, root):
        self.folder = root / "work"
        self.tools = root / "tools"
        self.calls_file = root / "calls"
        self.tools.mkdir(parents=True)
        for name in ("python3.11", "conda", "uv"):
            (self.tools / name).write_text(STANDIN)
            (self.tools / name).chmod(0o755)

    def run(self, shell, files, *arguments, locale="C.UTF-8", cwd=None, typed="", **variables):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.calls_file.unlink(missing_ok=True)
        self.folder.mkdir()
        write(self.folder, files)
        done = subprocess.run(
            [shell, os.path.relpath(self.folder / script_of(shell), cwd or self.folder), *arguments],
            cwd=cwd or self.folder,
            input=typed.encode(),
            env={
                "PATH": f"{self.tools}:/usr/bin:/bin",
                "CALLS": str(self.calls_file),
                "HOME": str(self.tools.parent / "home"),
                # Bytes beyond ASCII must arrive as they are with and without a locale that knows them.
                "LC_ALL": locale,
                **variables,
            },
            capture_output=True,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    @property
    def calls(self):
        words = self.calls_file.read_bytes().decode().split("\0")[:-1]
        calls = [[]]
        for word in words:
            if word == "END":
                calls.append([])
            else:
                calls[-1].append(word)
        return calls[:-1]

    def has_run_something_else(self):
        return any(path.name == "pwned" for path in self.folder.parent.rglob("*"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("hostile"))


def script_of(shell):
    return "create.fish" if shell == "fish" else "create.sh"


def words_of(shell, command_line):
    """Read back a printed command line as that shell would, and return its words."""
    listing = subprocess.run(
        [shell, "-c", f"printf '%s\\0' {command_line}"],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    return listing.stdout.decode().split("\0")[:-1]


# What a path given on the command line can hold; "/" alone would make several folders of one name.
names = st.text(
    st.one_of(
        st.sampled_from(" '\"$`\\;&|<>(){}[]*?!#~%=:,-\t"), st.characters(codec="utf-8", exclude_characters="\0\n/")
    ),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in (".", "..", "create.sh", "create.fish") and len(name.encode()) < 200)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names)
def test_a_path_argument_is_only_ever_a_path(place, make_plan, shell, name):
    check_path_argument(place, make_plan(), shell, name)


for hostile in HOSTILE:
    test_a_path_argument_is_only_ever_a_path = example(name=hostile)(test_a_path_argument_is_only_ever_a_path)


def check_path_argument(place, plan, shell, name):
    done = place.run(shell, recipe(plan, (script_of(shell),)).files, name)

    target = str(place.folder / name)
    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == expected_calls(plan, target)
    assert words_of(shell, done.stdout.partition("Activate it with:\n")[2]) == activation(shell, target)
    assert not place.has_run_something_else()


def activation(shell, target):
    return ["source", f"{target}/bin/activate.fish"] if shell == "fish" else [".", f"{target}/bin/activate"]


def expected_calls(plan, target):
    return [
        ["python3.11", "-I", "-m", "venv", target],
        *(["python", "-I", "-m", "pip", "install", *arguments] for arguments in pip_installs(plan)),
    ]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", HOSTILE)
def test_uv_is_told_the_same_path(place, make_plan, shell, name):
    plan = make_plan(engine=Engine.UV, packages=("torchvision",))

    done = place.run(shell, recipe(plan).files, name)

    target = str(place.folder / name)
    inside = f"{target}/bin/python"
    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == [
        ["uv", "venv", "--no-project", "--python", "3.11", target],
        ["uv", "pip", "install", "--python", inside, "pip"],
        *(["uv", "pip", "install", "--python", inside, *arguments] for arguments in uv_installs(plan)),
    ]
    assert not place.has_run_something_else()


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names.filter(lambda name: all(map(is_writable, name)) and name.strip()))
def test_a_path_written_into_the_script_is_only_ever_a_path(place, make_plan, shell, name):
    check_written_path(place, msgspec.structs.replace(make_plan(), path=name), shell, name)


for hostile in HOSTILE:
    if "\t" not in hostile:
        test_a_path_written_into_the_script_is_only_ever_a_path = example(name=hostile)(
            test_a_path_written_into_the_script_is_only_ever_a_path
        )


def is_writable(character):
    try:
        check_printable(character)
    except UnquotableError:
        return False
    return True


def check_written_path(place, plan, shell, name):
    done = place.run(shell, recipe(plan, (script_of(shell),)).files)

    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == expected_calls(plan, str(place.folder / name))
    assert not place.has_run_something_else()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", ["ünï ☃", "it's ä"])
def test_a_locale_without_letters_beyond_ascii_changes_nothing(place, make_plan, shell, name):
    plan = make_plan(path=name)

    done = place.run(shell, recipe(plan).files, locale="C")

    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == expected_calls(plan, str(place.folder / name))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "package", ["pandas===a|touch${IFS}pwned", "pandas===`touch${IFS}pwned`", "pandas==='&touch${IFS}pwned&'"]
)
def test_a_version_is_only_ever_a_version(place, make_plan, shell, package):
    plan = make_plan(packages=(package,))

    done = place.run(shell, recipe(plan).files, "env")

    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == expected_calls(plan, str(place.folder / "env"))
    assert place.calls[-1][-1] == package
    assert not place.has_run_something_else()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", [name for name in HOSTILE if not set(name) & set("\t/\\ :#")])
def test_a_conda_name_is_only_ever_a_name(place, make_plan, shell, name):
    plan = msgspec.structs.replace(make_plan(manager=Manager.CONDA), name=name)

    done = place.run(shell, recipe(plan).files)

    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == [["conda", "env", "create", "--file", str(place.folder / "environment.yml")]]
    assert words_of(shell, done.stdout.partition("Activate it with:\n")[2]) == ["conda", "activate", name]
    assert not place.has_run_something_else()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_conda_path_is_only_ever_a_path(place, make_plan, shell, name):
    done = place.run(shell, recipe(make_plan(manager=Manager.CONDA)).files, name)

    target = str(place.folder / name)
    assert (done.returncode, done.stderr) == (0, "")
    file = str(place.folder / "environment.yml")
    assert place.calls == [["conda", "env", "create", "--file", file, "--prefix", target]]
    assert words_of(shell, done.stdout.partition("Activate it with:\n")[2]) == ["conda", "activate", target]
    assert not place.has_run_something_else()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_engine_that_was_asked_for_is_the_one_that_is_taken(place, make_plan, shell):
    plan = make_plan(manager=Manager.CONDA, engine=Engine.MICROMAMBA)
    without = place.run(shell, recipe(plan).files)
    micromamba = place.tools.parent / "elsewhere" / "micromamba"
    micromamba.parent.mkdir(exist_ok=True)
    micromamba.write_text(STANDIN)
    micromamba.chmod(0o755)

    with_it = place.run(shell, recipe(plan).files, MAMBA_EXE=str(micromamba), CONDA_EXE="conda")

    assert (without.returncode, with_it.returncode) == (1, 0)
    assert "no micromamba on PATH" in without.stderr
    assert place.calls == [["micromamba", "create", "--file", str(place.folder / "environment.yml")]]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("", "the path is empty", id="empty"),
        pytest.param("a\nb", "the path holds a line break", id="line break"),
        pytest.param("a\n", "the path holds a line break", id="line break at the end"),
        pytest.param("create.ps1", "is there already and is no folder; name another path", id="a file"),
        pytest.param(".", "is there already; remove it or name another path", id="a full folder"),
    ],
)
def test_an_unfit_path_is_refused_before_anything_runs(place, make_plan, shell, name, why):
    done = place.run(shell, recipe(make_plan()).files, name)

    assert done.returncode == 1
    assert done.stderr.strip().endswith(why)
    assert not place.calls_file.exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_first_failing_step_ends_the_script(place, make_plan, shell):
    files = recipe(make_plan()).files
    fails = '#!/bin/sh\ncase $1 in -c) exit 0 ;; esac\nmkdir -p "$4" && exit 7\n'
    (place.tools / "python3.11").write_text(fails)
    try:
        done = place.run(shell, files, "env")
    finally:
        (place.tools / "python3.11").write_text(STANDIN)

    assert done.returncode == 7
    told, _, left = done.stderr.strip().rpartition(" ")
    assert told == f"{script_of(shell)}: stopped half-way; what is there so far:"
    assert words_of(shell, left) == [f"{place.folder}/env"]
    assert "Done" not in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_without_the_right_python_nothing_is_made(place, make_plan, shell):
    # /usr/bin may have a python3 of another version: the script asks it, and goes on looking
    done = place.run(shell, recipe(msgspec.structs.replace(make_plan(), python="3.99")).files, "env")

    assert done.returncode == 1
    assert "no Python 3.99 on PATH" in done.stderr
    assert not (place.folder / "env").exists()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("path", [r"C:\envs\t", "C:/envs/t", r"\\host\share\t"])
def test_on_windows_these_shells_know_a_whole_path_when_they_see_one(place, make_plan, shell, path):
    plan = make_plan("windows-cpu", path=path)

    place.run(shell, recipe(plan, (script_of(shell),)).files)

    assert place.calls[0] == ["python3.11", "-I", "-m", "venv", path]
