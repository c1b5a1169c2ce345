"""The environment as a Jupyter kernel: its name, and whose it may not take."""

import json

import pytest

from envkit.apply.kernel import check_free, kernel_name
from envkit.errors import EnvkitError


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path / "jupyter" / "kernels"


def register(kernels, name, content):
    (kernels / name).mkdir(parents=True)
    (kernels / name / "kernel.json").write_text(content)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("torch-2.13.0-cpu", "torch-2.13.0-cpu"), ("My Lecture!", "my-lecture"), ("ü", "envkit"), ("../up", "up")],
)
def test_a_name_becomes_one_that_jupyter_can_use(name, expected):
    assert kernel_name(name) == expected


def test_a_free_name_and_ones_own_are_free(kernels, tmp_path):
    register(kernels, "mine", json.dumps({"argv": [str(tmp_path / "env/bin/python"), "-m", "ipykernel_launcher"]}))

    check_free("other", tmp_path / "env")
    check_free("mine", tmp_path / "env")


@pytest.mark.parametrize("content", ['{"argv": ["/usr/bin/python3"]}', "{}", "torn {", '{"argv": []}'])
def test_the_kernel_of_another_is_not_overwritten(kernels, tmp_path, content):
    register(kernels, "theirs", content)

    with pytest.raises(EnvkitError, match="there is a Jupyter kernel `theirs` already"):
        check_free("theirs", tmp_path / "env")
