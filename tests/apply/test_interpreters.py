"""Finding the interpreter of a version on PATH."""

import sys

import pytest

from envkit.apply.interpreters import base_interpreter, find_python
from envkit.errors import EnvkitError
from envkit.snapshot import Absent
from tests.builders import make_interpreter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Put stand-in commands on an otherwise empty PATH: `path("first", "python3.12", version="3.12.4")`."""
    entries = []

    def add(entry, name, *, version=None, script=None):
        folder = tmp_path / entry
        folder.mkdir(exist_ok=True)
        command = folder / name
        command.write_text(f"#!/bin/sh\n{script or f'echo {version}; echo /real/{entry}/{name}'}\n")
        command.chmod(0o755)
        if str(folder) not in entries:
            entries.append(str(folder))
        monkeypatch.setenv("PATH", ":".join(entries))

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return add


@pytest.mark.parametrize(
    ("name", "version", "wanted"),
    [
        pytest.param("python3.12", "3.12.4", "3.12", id="by its name"),
        pytest.param("python3.12", "3.12.4", "3.12.4", id="a full version"),
        pytest.param("python3", "3.12.4", "3.12", id="as python3"),
        pytest.param("python", "3.12.4", "3.12", id="as python"),
        pytest.param("python3.14t", "3.14.0t", "3.14t", id="free-threaded"),
    ],
)
def test_an_interpreter_is_found_by_what_it_says_of_itself(path, name, version, wanted):
    path("bin", name, version=version)

    assert find_python(wanted) == f"/real/bin/{name}"


@pytest.mark.parametrize(
    ("name", "version", "wanted"),
    [
        pytest.param("python3", "3.11.2", "3.12", id="another minor"),
        pytest.param("python3.1", "3.12.4", "3.1", id="a longer number"),
        pytest.param("python3.12", "3.12.4", "3.12.1", id="another patch"),
        pytest.param("python3.14", "3.14.0t", "3.14", id="free-threaded when it should not be"),
        pytest.param("python3", "3.14.0", "3.14t", id="not free-threaded when it should be"),
    ],
)
def test_another_version_is_not_taken(path, name, version, wanted):
    path("bin", name, version=version)

    with pytest.raises(EnvkitError, match=f"there is no Python {wanted} on PATH"):
        find_python(wanted)


def test_a_command_that_does_not_run_does_not_hide_one_that_does(path):
    # pyenv's shims answer to every version that it knows, and fail for those that are not switched on
    path("shims", "python3.12", script="echo 'pyenv: command not found' >&2; exit 127")
    path("bin", "python3.12", version="3.12.4")

    assert find_python("3.12") == "/real/bin/python3.12"


@pytest.mark.parametrize(("uv", "way"), [("/bin/uv", "`uv python install 3.12`"), (None, "3.12")])
def test_a_missing_python_is_one_sentence_and_how_to_get_it(path, monkeypatch, uv, way):
    monkeypatch.setattr("envkit.apply.interpreters.find_uv", lambda: uv)
    path("shims", "python3.12", script="echo 'pyenv: python3.12: command not found\n\nNote: see help' >&2; exit 127")

    with pytest.raises(EnvkitError) as refused:
        find_python("3.12")

    assert refused.value.message.startswith("there is no Python 3.12 on PATH; `")
    assert refused.value.message.endswith("` is there but does not run: pyenv: python3.12: command not found")
    assert way in refused.value.hint
    assert refused.value.exit_code == 1


def test_without_a_version_the_target_is_the_base():
    assert base_interpreter(None, make_interpreter(executable="/usr/bin/python3")) == "/usr/bin/python3"


def test_without_a_target_there_is_no_base():
    with pytest.raises(EnvkitError, match="no environment is active"):
        base_interpreter(None, Absent(why="no environment is active"))
