"""Requests that are refused for what can be told of their words alone."""

import pytest

from envkit.errors import EnvkitError
from envkit.planning.decide import plan
from envkit.planning.model import Manager, Request
from tests.planning.hosts import HOSTS


@pytest.mark.parametrize(
    ("wish", "option"),
    [
        pytest.param({"index": "https://h/\u202ex"}, "--index", id="index"),
        pytest.param({"packages": ("pandas===a\u202eb",)}, "--with", id="package"),
        pytest.param({"name": "a\u202eb"}, "--name", id="name"),
    ],
)
def test_what_a_reader_could_not_see_is_wrong_usage(matrix, wish, option):
    with pytest.raises(EnvkitError, match=f"{option} cannot stand in a recipe: it holds RIGHT-TO-LEFT") as refusal:
        plan(Request(**wish), HOSTS["linux-cpu"], matrix)

    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("host", "path"),
    [
        pytest.param("linux-cpu", "a:b", id="Linux"),
        pytest.param("macos-arm64", "a:b", id="macOS"),
        pytest.param("windows-cpu", "a;b", id="Windows"),
    ],
)
@pytest.mark.parametrize("wish", [{}, {"manager": Manager.CONDA}, {"manager": Manager.CONDA, "bare": True}])
def test_a_folder_that_path_cannot_hold_is_refused(matrix, host, path, wish):
    with pytest.raises(
        EnvkitError, match=f"an environment cannot lie in `{path}`: {path[1]} parts the folders of PATH"
    ):
        plan(Request(path=path, **wish), HOSTS[host], matrix)


@pytest.mark.parametrize(("host", "path"), [("windows-cpu", r"C:\envs\a"), ("linux-cpu", "a;b")])
def test_what_parts_folders_on_another_system_is_a_letter_like_others(matrix, host, path):
    assert plan(Request(path=path), HOSTS[host], matrix).path == path
