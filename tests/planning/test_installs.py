"""What pip is told."""

import pytest

from envkit.planning.decide import plan
from envkit.planning.installs import pip_installs
from envkit.planning.model import Request
from tests.planning.hosts import HOSTS

INDEX = "https://download.pytorch.org/whl"


@pytest.mark.parametrize(
    ("host", "request_", "installs"),
    [
        pytest.param(
            "linux-cpu",
            {},
            (
                ("--no-deps", "--index-url", f"{INDEX}/cpu", "torch==2.13.0+cpu"),
                ("torch==2.13.0+cpu", "numpy"),
            ),
            id="two steps from the torch index",
        ),
        pytest.param(
            "linux-a100",
            {"cuda": "12.1", "packages": ("torchvision", "pandas>=2")},
            (
                ("--no-deps", "--index-url", f"{INDEX}/cu121", "torch==2.5.1+cu121", "torchvision==0.20.1+cu121"),
                ("torch==2.5.1+cu121", "torchvision==0.20.1+cu121", "numpy", "pandas>=2"),
            ),
            id="companions beside the build",
        ),
        pytest.param(
            "linux-new-driver",
            {"packages": ("torchaudio",)},
            (
                ("--no-deps", "--index-url", f"{INDEX}/cu132", "torch==2.13.0+cu132"),
                ("torch==2.13.0+cu132", "torchaudio==2.11.0", "numpy"),
            ),
            id="a companion from the default index",
        ),
        pytest.param("macos-arm64", {}, (("torch==2.13.0", "numpy"),), id="one step from the default index"),
        pytest.param(
            "linux-cpu",
            {"cuda": "13.0", "packages": ("torchvision",)},
            (("torch==2.13.0", "torchvision==0.28.0", "numpy"),),
            id="one step for the default CUDA build",
        ),
    ],
)
def test_pip_is_told_build_first_dependencies_second(matrix, host, request_, installs):
    assert pip_installs(plan(Request(**request_), HOSTS[host], matrix)) == installs
