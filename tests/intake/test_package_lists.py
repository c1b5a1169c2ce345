"""pip's and conda's lists."""

import pytest

from envkit.errors import EnvkitError
from envkit.snapshot import EnvironmentKind, Packages, Unknown
from tests.intake.reading import packages_of, snapshot_of, target_of


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "Package    Version\n---------- -----------\nnumpy      1.26.4\npip        24.0\ntorch      2.2.1+cu118",
            id="list",
        ),
        pytest.param("numpy==1.26.4\npip==24.0\ntorch==2.2.1+cu118", id="freeze"),
        pytest.param("$ pip list\nnumpy (1.26.4)\npip (24.0)\ntorch (2.2.1+cu118)", id="list of old"),
        pytest.param(
            "numpy==1.26.4 ; python_version >= '3.9'\npip==24.0\n"
            "torch @ https://download.pytorch.org/whl/cu118/torch-2.2.1+cu118-cp310-cp310-linux_x86_64.whl",
            id="freeze from a file",
        ),
    ],
)
def test_pip_s_forms(text: str) -> None:
    assert packages_of(text) == {"numpy": "1.26.4", "pip": "24.0", "torch": "2.2.1+cu118"}


def test_lines_that_grep_picked_out() -> None:
    text = "$ pip list | grep -i torch\ntorch                    2.1.0\ntorchvision              0.16.0\n"
    assert packages_of(text) == {"torch": "2.1.0", "torchvision": "0.16.0"}


def test_pip_show() -> None:
    assert packages_of("Name: torch\nVersion: 1.13.1+cu116\nSummary: Tensors\nHome-page: x") == {
        "torch": "1.13.1+cu116"
    }


def test_conda_s_list_with_builds_and_pip_s_entries() -> None:
    text = """
        # packages in environment at /opt/miniconda3/envs/x:
        #
        # Name                    Version                   Build  Channel
        numpy                     1.24.3          py310h5f9d8c6_1
        python                    3.10.13              h955ad1f_0
        pytorch                   2.1.0               py3.10_cpu_0    pytorch
        tensorboard               2.14.0                   pypi_0    pypi
    """
    found = snapshot_of(text).packages
    assert isinstance(found, Packages)
    torch = found.named("pytorch")[0]
    assert torch.build is not None
    assert (torch.version, torch.installer, torch.build.cuda) == ("2.1.0", "conda", "")
    assert found.named("tensorboard")[0].installer == ""
    assert (target_of(text).version, target_of(text).kind) == ("3.10.13", EnvironmentKind.CONDA)


def test_an_exported_environment_is_a_list_and_a_wanted_one_is_not() -> None:
    exported = "dependencies:\n  - python=3.9.18=h955ad1f_0\n  - pytorch=1.13.1=py3.9_cuda11.7_cudnn8.5.0_0\n"
    assert packages_of(exported) == {"python": "3.9.18", "pytorch": "1.13.1"}
    with pytest.raises(EnvkitError):
        snapshot_of("dependencies:\n  - python=3.9\n  - pytorch=1.13.1\n")


@pytest.mark.parametrize(
    ("build", "cuda"),
    [
        ("py3.8_cuda11.3_cudnn8.2.0_0", "11.3"),
        ("py3.7_cuda10.2.89_cudnn7.6.5_0", "10.2"),
        ("cuda118py310h1b2c3d4_300", "11.8"),
        ("cpu_py310h1234567_1", ""),
        ("py3.9_cpu_0", ""),
        ("py310h1234567_0", None),
    ],
)
def test_a_conda_build_tells_what_it_is_for(build: str, cuda: str | None) -> None:
    found = snapshot_of(f"$ conda list\npytorch   1.12.1   {build}   pytorch\n").packages
    assert isinstance(found, Packages)
    told = found.named("pytorch")[0].build
    assert told is not None
    assert told.cuda == cuda


def test_two_torches_of_different_releases_are_two_installs() -> None:
    text = "$ conda list\npytorch   1.12.1   py3.9_cpu_0   pytorch\ntorch    2.0.0   pypi_0   pypi\n"
    assert packages_of(text) == {"pytorch": "1.12.1", "torch": "2.0.0"}


def test_a_cut_list_without_torch_does_not_say_that_torch_is_missing() -> None:
    assert isinstance(snapshot_of("$ pip list | grep numpy\nnumpy     1.26.4\n").packages, Unknown)


def test_a_whole_list_without_torch_says_so() -> None:
    text = "Package    Version\n---------- -------\nnumpy      1.26.4\npip        24.0\nsetuptools 68.0.0\n"
    assert packages_of(text) == {"numpy": "1.26.4", "pip": "24.0", "setuptools": "68.0.0"}


def test_what_a_report_lists_is_not_taken_for_all() -> None:
    found = snapshot_of("torch==2.1.0\nnumpy==1.26.4").packages
    assert isinstance(found, Packages)
    assert not found.complete


def test_who_installed_what_pip_lists_is_not_guessed() -> None:
    found = snapshot_of("torch==2.1.0").packages
    assert isinstance(found, Packages)
    assert found.distributions[0].installer == ""
