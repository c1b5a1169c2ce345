"""Channels and dependencies of a conda environment."""

import msgspec
import pytest

from envkit.errors import EnvkitError
from envkit.planning.candidates import candidates
from envkit.planning.conda import choose_conda, conda_spec
from envkit.planning.decide import plan
from envkit.planning.model import ImpossibleError, Manager, Request
from envkit.planning.packages import Packages
from tests.planning.hosts import HOSTS


@pytest.mark.parametrize(
    ("host", "request_", "channels", "dependencies"),
    [
        pytest.param(
            "linux-a100",
            {"torch": "2.1.0", "cuda": "12.1", "packages": ("torchvision",)},
            ("pytorch", "nvidia", "conda-forge"),
            (
                "python=3.11",
                "pytorch=2.1.0 *_cuda*",
                "pytorch-cuda=12.1",
                "mkl<2024.1",
                "torchvision=0.16.0 *_cu121",
                "numpy<2",
            ),
            id="the pytorch channel",
        ),
        pytest.param(
            "linux-a100",
            {"torch": "1.12.1", "cuda": "11.3", "python": "3.9"},
            ("pytorch", "conda-forge"),
            ("python=3.9", "pytorch=1.12.1 *_cuda*", "cudatoolkit=11.3", "mkl<2024.1", "numpy<2"),
            id="before pytorch-cuda",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "1.9.1", "python": "3.9", "packages": ("torchaudio",)},
            ("pytorch", "conda-forge"),
            ("python=3.9", "pytorch=1.9.1 *_cpu_*", "cpuonly", "mkl<2024.1", "torchaudio=0.9.1", "numpy<2"),
            id="before companions were named for their backend",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.5.1"},
            ("pytorch", "conda-forge"),
            ("python=3.11", "pytorch=2.5.1 *_cpu_*", "cpuonly", "mkl<2024.1", "numpy"),
            id="the pytorch channel, CPU",
        ),
        pytest.param(
            "macos-arm64",
            {"torch": "2.5.1"},
            ("pytorch", "conda-forge"),
            ("python=3.11", "pytorch=2.5.1", "numpy"),
            id="the pytorch channel, macOS",
        ),
        pytest.param(
            "linux-cpu", {}, ("conda-forge",), ("python=3.11", "pytorch-cpu=2.13.0", "numpy"), id="conda-forge, CPU"
        ),
        pytest.param(
            "linux-a100",
            {"packages": ("torchvision", "pandas>=2")},
            ("conda-forge",),
            ("python=3.11", "pytorch=2.13.0 cuda129*", "cuda-version=12.9", "torchvision", "numpy", "pandas>=2"),
            id="conda-forge, CUDA",
        ),
        pytest.param(
            "macos-arm64", {}, ("conda-forge",), ("python=3.11", "pytorch=2.13.0", "numpy"), id="conda-forge, macOS"
        ),
        pytest.param(
            "linux-aarch64",
            {"torch": "2.5.1"},
            ("conda-forge",),
            ("python=3.11", "pytorch-cpu=2.5.1", "numpy"),
            id="conda-forge for what the pytorch channel lacks",
        ),
    ],
)
def test_the_environment_comes_from_the_channel_that_has_it(matrix, host, request_, channels, dependencies):
    chosen = plan(Request(manager=Manager.CONDA, **request_), HOSTS[host], matrix)

    assert (chosen.channels, chosen.dependencies, chosen.index) == (channels, dependencies, None)


@pytest.mark.parametrize(
    ("requirement", "spec"),
    [
        pytest.param("pandas", "pandas", id="any"),
        pytest.param("Pandas>=2,<3", "pandas<3,>=2", id="a range"),
        pytest.param("scipy==1.11.4", "scipy==1.11.4", id="one release"),
        pytest.param("scipy===1.11.4", "scipy==1.11.4", id="one release, to the letter"),
        pytest.param("scipy==1.*", "scipy=1", id="all that begin so"),
        pytest.param("scipy!=1.10.*", "scipy!=1.10.*", id="all but those that begin so"),
    ],
)
def test_a_requirement_is_said_in_condas_words(requirement, spec):
    assert conda_spec(requirement) == spec


def test_an_index_is_a_channel_that_has_everything(matrix):
    packages = Packages({}, (), ("numpy",), ())
    chosen = next(option for option in candidates(matrix, Manager.CONDA, "linux-x86_64") if option.torch == "2.1.0")

    conda = choose_conda(chosen, "linux-x86_64", "3.11", packages, matrix.torch, "file:///srv/store")

    assert conda.channels == ("file:///srv/store",)


def test_a_bare_environment_is_python_and_pip(matrix):
    chosen = plan(Request(manager=Manager.CONDA, bare=True, python="3.12"), HOSTS["linux-a100"], matrix)

    assert (chosen.channels, chosen.dependencies) == (("conda-forge",), ("python=3.12", "pip"))
    assert (chosen.torch, chosen.backend, chosen.name) == ("", "", "python-3.12")


def test_a_bare_environment_can_come_from_a_channel_of_ones_own(matrix):
    request = Request(manager=Manager.CONDA, bare=True, index="file:///srv/store")

    assert plan(request, HOSTS["linux-cpu"], matrix).channels == ("file:///srv/store",)


def test_the_pythons_are_those_that_the_channel_was_seen_with(matrix):
    # there are wheels of 2.0.0 for 3.11, and no package in the pytorch channel
    with pytest.raises(ImpossibleError, match=r"torch 2\.0\.0 has no CUDA 11\.8 package in conda for Python 3\.11"):
        plan(Request(manager=Manager.CONDA, torch="2.0.0", cuda="11.8"), HOSTS["linux-a100"], matrix)


def test_companions_are_those_that_the_channel_was_seen_with(matrix):
    request = Request(torch="2.0.0", python="3.10", packages=("torchvision", "torchaudio"))
    wheels = plan(request, HOSTS["linux-cpu"], matrix)
    conda = plan(msgspec.structs.replace(request, manager=Manager.CONDA), HOSTS["linux-cpu"], matrix)

    assert wheels.companions == {"torchvision": "0.15.1", "torchaudio": "2.0.1"}
    assert conda.companions == {"torchvision": "0.15.0", "torchaudio": "2.0.0"}
    assert {"torchvision=0.15.0 *_cpu", "torchaudio=2.0.0 *_cpu"} < set(conda.dependencies)


@pytest.mark.parametrize("name", ["base", "root"])
def test_condas_own_environment_is_not_planned_over(matrix, name):
    with pytest.raises(EnvkitError, match=f"`{name}` is conda's own environment"):
        plan(Request(manager=Manager.CONDA, name=name), HOSTS["linux-cpu"], matrix)


def test_conda_takes_a_release_that_it_has(matrix):
    # 2.14 and later are on no channel yet; the tested release is
    chosen = plan(Request(manager=Manager.CONDA, torch=">=2.12"), HOSTS["linux-cpu"], matrix)

    assert chosen.torch == "2.13.0"


@pytest.mark.parametrize("name", [".", "..", "-rf", "--help", "~", "~x"])
def test_a_name_that_conda_takes_for_something_else_is_refused(matrix, name):
    with pytest.raises(EnvkitError, match=f"a conda environment cannot be called `{name}`"):
        plan(Request(manager=Manager.CONDA, name=name), HOSTS["linux-cpu"], matrix)


@pytest.mark.parametrize(
    "package", ["pandas===*[channel=evil]", "pandas===#x", "pandas===`x`", "pandas===%PATH%", "pandas~=2.0", "a[b]"]
)
def test_what_conda_has_no_words_for_is_refused(matrix, package):
    with pytest.raises(EnvkitError, match="conda cannot express"):
        plan(Request(manager=Manager.CONDA, packages=(package,)), HOSTS["linux-cpu"], matrix)
