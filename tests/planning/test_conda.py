"""Channels and dependencies of a conda environment."""

import pytest

from envkit.planning.decide import plan
from envkit.planning.model import Manager, Request
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
                "pytorch=2.1.0",
                "pytorch-cuda=12.1",
                "mkl<2024.1",
                "torchvision=0.16.0",
                "numpy<2",
            ),
            id="the pytorch channel",
        ),
        pytest.param(
            "linux-a100",
            {"torch": "1.12.1", "cuda": "11.3", "python": "3.9"},
            ("pytorch", "conda-forge"),
            ("python=3.9", "pytorch=1.12.1", "cudatoolkit=11.3", "mkl<2024.1", "numpy<2"),
            id="before pytorch-cuda",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.5.1"},
            ("pytorch", "conda-forge"),
            ("python=3.11", "pytorch=2.5.1", "cpuonly", "mkl<2024.1", "numpy"),
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
            {"packages": ("pandas>=2",)},
            ("conda-forge",),
            ("python=3.11", "pytorch-gpu=2.13.0", "cuda-version=12.9", "numpy", "pandas>=2"),
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


def test_conda_takes_a_release_that_it_has(matrix):
    # 2.14 and later are on no channel yet; the tested release is
    chosen = plan(Request(manager=Manager.CONDA, torch=">=2.12"), HOSTS["linux-cpu"], matrix)

    assert chosen.torch == "2.13.0"
