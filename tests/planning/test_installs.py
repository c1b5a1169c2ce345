"""What pip and uv are told."""

import msgspec
import pytest

from envkit.planning.decide import plan
from envkit.planning.installs import pip_installs, uv_installs
from envkit.planning.model import Request
from tests.planning.hosts import HOSTS

INDEX = "https://download.pytorch.org/whl"


@pytest.mark.parametrize(
    ("host", "request_", "installs"),
    [
        pytest.param(
            "linux-cpu",
            {"torch": "2.13.0"},
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
            {"torch": "2.13.0", "packages": ("torchaudio",)},
            (
                ("--no-deps", "--index-url", f"{INDEX}/cu132", "torch==2.13.0+cu132"),
                ("torch==2.13.0+cu132", "torchaudio===2.11.0", "numpy"),
            ),
            id="a companion from the default index",
        ),
        pytest.param(
            "linux-7900xtx",
            {"torch": "2.13.0", "rocm": "7.2", "packages": ("torchvision",)},
            (
                (
                    "--no-deps",
                    "--index-url",
                    f"{INDEX}/rocm7.2",
                    "torch==2.13.0+rocm7.2",
                    "torchvision==0.28.0+rocm7.2",
                ),
                (
                    "--extra-index-url",
                    f"{INDEX}/rocm7.2",
                    "torch==2.13.0+rocm7.2",
                    "torchvision==0.28.0+rocm7.2",
                    "numpy",
                ),
            ),
            id="a ROCm build, whose Triton lies on its index alone",
        ),
        pytest.param(
            "macos-arm64", {"torch": "2.13.0"}, (("torch===2.13.0", "numpy"),), id="one step from the default index"
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.13.0", "cuda": "13.0", "packages": ("torchvision",)},
            (("torch===2.13.0", "torchvision===0.28.0", "numpy"),),
            id="one step for the default CUDA build",
        ),
    ],
)
def test_pip_is_told_build_first_dependencies_second(matrix, host, request_, installs):
    assert pip_installs(plan(Request(**request_), HOSTS[host], matrix)) == installs


def test_uv_is_told_the_same_with_an_index_that_no_variable_can_replace(matrix):
    chosen = plan(Request(torch="2.5.1", cuda="12.1", packages=("torchaudio",)), HOSTS["linux-a100"], matrix)

    build, others = uv_installs(chosen)

    assert build[:5] == ("--no-deps", "--index", f"{INDEX}/cu121", "--default-index", f"{INDEX}/cu121")
    assert build[5:] == ("torch==2.5.1+cu121", "torchaudio==2.5.1+cu121")
    assert others == pip_installs(chosen)[1]


def test_uv_is_shown_the_index_of_an_xpu_build_for_its_dependencies_too(matrix):
    _, others = uv_installs(plan(Request(torch="2.9.0", xpu=True), HOSTS["linux-arc"], matrix))

    options = ("--index", f"{INDEX}/xpu", "--index-strategy=unsafe-best-match")
    assert others == (*options, "torch==2.9.0+xpu", "numpy")


def test_an_environment_without_torch_has_only_what_was_asked_for(matrix):
    chosen = msgspec.structs.replace(plan(Request(), HOSTS["linux-cpu"], matrix), torch="", packages=("pandas",))

    assert pip_installs(chosen) == (("pandas",),)
    assert pip_installs(msgspec.structs.replace(chosen, packages=())) == ()
