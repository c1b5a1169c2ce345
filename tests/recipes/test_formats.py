"""Which files a recipe has, how they are asked for, and that none is rendered before it is needed."""

import pytest

from envkit.errors import EnvkitError
from envkit.planning.formats import FORMATS, find_format, formats_for
from envkit.planning.model import Manager
from envkit.planning.quoting import UnquotableError
from envkit.planning.recipe import recipe


@pytest.mark.parametrize(
    ("word", "name"),
    [
        pytest.param("sh", "create.sh", id="sh"),
        pytest.param("fish", "create.fish", id="fish"),
        pytest.param("powershell", "create.ps1", id="powershell"),
        pytest.param("ps1", "create.ps1", id="ps1"),
        pytest.param("cmd", "create.cmd", id="cmd"),
        pytest.param("requirements", "requirements.txt", id="requirements"),
        pytest.param("environment", "environment.yml", id="environment"),
        pytest.param("pyproject", "pyproject.toml", id="pyproject"),
        pytest.param("pylock", "pylock.toml", id="pylock"),
        pytest.param("Dockerfile", "Dockerfile", id="Dockerfile"),
        pytest.param("dockerfile", "Dockerfile", id="dockerfile"),
        pytest.param("devcontainer", ".devcontainer/devcontainer.json", id="devcontainer"),
        pytest.param("README.md", "README.md", id="the name itself"),
    ],
)
def test_a_file_is_asked_for_by_its_name_or_a_short_one(word, name):
    assert find_format(word).name == name


def test_no_two_files_share_a_word():
    words = [word for one in FORMATS for word in (one.name.lower(), *one.aliases)]

    assert len(words) == len(set(words))


def test_an_unknown_file_is_refused_with_all_that_there_are():
    with pytest.raises(EnvkitError, match="no file called `makefile`") as refusal:
        find_format("makefile")

    assert refusal.value.exit_code == 2
    assert all(one.name in refusal.value.hint for one in FORMATS)


@pytest.mark.parametrize(
    ("word", "host", "request_", "why"),
    [
        pytest.param(
            "pylock", "linux-cpu", {"manager": Manager.CONDA},
            "pylock.toml is for environments of venv and virtualenv, not of conda", id="pylock for conda",
        ),
        pytest.param(
            "environment", "linux-cpu", {"manager": Manager.VIRTUALENV},
            "environment.yml is for environments of conda, not of virtualenv", id="environment for virtualenv",
        ),
        pytest.param(
            "dockerfile", "windows-cpu", {},
            "there is no Dockerfile: an image holds Linux, and the plan is for win-amd64", id="image for Windows",
        ),
        pytest.param(
            "devcontainer", "macos-arm64", {},
            "there is no .devcontainer/devcontainer.json: an image holds Linux, and the plan is for macos-arm64",
            id="container for macOS",
        ),
        pytest.param(
            "dockerfile", "linux-cpu", {"python": "3.14t"},
            "there is no Dockerfile: there is no official image with the free-threaded Python 3.14t",
            id="image with free threads",
        ),
    ],
)  # fmt: skip
def test_a_file_that_does_not_go_with_the_plan_is_refused_with_the_reason(make_plan, word, host, request_, why):
    plan = make_plan(host, **request_)

    assert find_format(word).refusal(plan) == why
    assert find_format(word).name not in formats_for(plan)


@pytest.mark.parametrize("manager", list(Manager))
def test_every_file_that_goes_with_a_plan_can_be_rendered(make_plan, manager):
    made = recipe(make_plan(manager=manager))

    assert all(made.text(name) for name in made.names)


def test_a_file_that_asks_an_index_is_there_only_when_it_is_asked_for(make_plan):
    assert "pylock.toml" not in recipe(make_plan()).names


def test_one_file_can_be_had_where_another_cannot_be_written(make_plan):
    made = recipe(make_plan(path='a "b" 100%'))

    assert "main" in made.text("create.sh")
    with pytest.raises(UnquotableError):
        made.text("create.cmd")


def test_the_readme_speaks_of_the_files_beside_it_alone(make_plan):
    text = recipe(make_plan(), ("create.fish", "README.md")).text("README.md")

    assert "    fish create.fish" in text
    assert "create.sh" not in text
    assert "docker" not in text
