"""What the scripts for POSIX shells and fish do around conda, with stand-ins in its place."""

import sys

import pytest

from envkit.planning.model import Engine, Manager
from envkit.planning.recipe import recipe
from tests.recipes.test_posix_hostile import SHELLS, Place

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells only"),
    pytest.mark.parametrize("shell", SHELLS),
]

# Asks as micromamba does: an empty answer is a no to overwriting what is there, and a yes to everything else.
ASKING = """#!/bin/sh
yes=${MAMBA_ALWAYS_YES-false}
case " $* " in *' --yes '*) yes=true ;; esac
ask() {
    [ "$yes" = false ] || return 0
    read -r answer
    [ "${answer:-$1}" = y ]
}
if [ -d "$ENVS/work" ]; then
    ask n || exit 1
    rm -r "$ENVS/work"
fi
ask y || exit 1
mkdir "$ENVS/work"
"""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def envs(tmp_path):
    (tmp_path / "envs").mkdir()
    return tmp_path / "envs"


@pytest.fixture(params=[Engine.MICROMAMBA, Engine.MAMBA], ids=["micromamba", "mamba"])
def files(request, make_plan, place):
    """The recipe for an engine that asks before it does anything."""
    (place.tools / request.param.value).write_text(ASKING)
    (place.tools / request.param.value).chmod(0o755)
    return recipe(make_plan(manager=Manager.CONDA, engine=request.param, name="work")).files


@pytest.mark.parametrize("configured", [{}, {"MAMBA_ALWAYS_YES": "true"}], ids=["asks", "is told never to ask"])
def test_an_environment_that_is_there_is_never_overwritten(place, files, envs, shell, configured):
    (envs / "work").mkdir()
    (envs / "work" / "mine").touch()

    done = place.run(shell, files, typed="y\ny\n", ENVS=str(envs), **configured)

    assert done.returncode == 1
    assert "Done" not in done.stdout
    assert (envs / "work" / "mine").exists()


def test_a_new_environment_is_made_without_a_question_left_open(place, files, envs, shell):
    done = place.run(shell, files, typed="n\n", ENVS=str(envs))

    assert (done.returncode, done.stderr) == (0, "")
    assert (envs / "work").is_dir()


def test_the_file_beside_the_script_is_taken_wherever_one_is(place, make_plan, tmp_path, shell):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "environment.yml").write_text("name: another\n")

    done = place.run(shell, recipe(make_plan(manager=Manager.CONDA)).files, cwd=elsewhere)

    assert (done.returncode, done.stderr) == (0, "")
    assert place.calls == [["conda", "env", "create", "--file", str(place.folder / "environment.yml")]]
