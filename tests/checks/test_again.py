"""A damaged torch comes again as the build that it is, and nothing beside it changes."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Fix, Severity
from envkit.snapshot import Distribution, FileDamage, Snapshot, TorchBuild, Unknown
from tests.builders import (
    SITE,
    make_gpu_snapshot,
    make_interpreter,
    make_packages,
    make_snapshot,
    make_torch_distribution,
)

HARM = FileDamage(entries=9, missing=1, altered=0, examples=("torch/hub.py is missing",))
WHOLE = FileDamage(entries=9, missing=0, altered=0, examples=())
NUMPY = Distribution(name="numpy", version="1.26.4", metadata=f"{SITE}/numpy", site=SITE, installer="pip")
PIP = Distribution(name="pip", version="26.3", metadata="", site=SITE, installer="pip")
INDEX = "https://download.pytorch.org/whl/"
ALONE = ("install", "--force-reinstall", "--no-deps")


def harmed(version: str, cuda: str, *beside: Distribution, **changes: object) -> Snapshot:
    build = TorchBuild(version=version, cuda=cuda, hip="", xpu="")
    torch = make_torch_distribution(**{"version": version, "build": build, "damage": HARM, **changes})
    return make_gpu_snapshot(
        target=make_interpreter(), packages=make_packages(torch, PIP, *beside), torch=Unknown(why="--quick")
    )


def way_out(snapshot: Snapshot, code: str = "torch-corrupt") -> Fix:
    found = next(one for one in diagnose(snapshot, matrix.load()).findings if one.code == code)
    assert found.fix is not None
    return found.fix


@pytest.mark.parametrize(
    ("version", "cuda", "backend"),
    [
        pytest.param("2.6.0+cu118", "11.8", "cu118", id="an older CUDA than the driver runs"),
        pytest.param("2.13.0+cpu", "", "cpu", id="for the CPU, beside a GPU"),
    ],
)
def test_it_is_built_for_the_same_as_before(version: str, cuda: str, backend: str) -> None:
    fix = way_out(harmed(version, cuda, NUMPY))
    assert fix.pip == (
        (*ALONE, "--index-url", f"{INDEX}{backend}", f"torch=={version}"),
        ("install", f"torch=={version}"),
    )


def test_one_of_the_default_index_comes_alone_too() -> None:
    assert way_out(harmed("2.5.1", "12.4", NUMPY)).pip == ((*ALONE, "torch===2.5.1"), ("install", "torch===2.5.1"))


def test_numpy_is_brought_where_there_is_none() -> None:
    assert way_out(harmed("2.5.1", "12.4")).pip[-1] == ("install", "torch===2.5.1", "numpy")


NIGHTLY = f"/env/bin/python -m pip install --force-reinstall --no-deps --pre --index-url {INDEX}nightly/cpu"


@pytest.mark.parametrize(
    ("version", "commands"),
    [
        pytest.param("2.14.0.dev20260801+cpu", (f"{NIGHTLY} torch==2.14.0.dev20260801+cpu",), id="a nightly"),
        pytest.param("2.14.0a0+git123", (), id="of its user's own"),
        pytest.param("2.6.0a0+ecf3bae40a.nv25.01", (), id="of an image"),
    ],
)
def test_no_release_takes_the_place_of_what_is_none(version: str, commands: tuple[str, ...]) -> None:
    fix = way_out(harmed(version, "", NUMPY))
    assert fix.commands == commands
    assert fix.pip == ()
    assert fix.steps


def test_a_damaged_wheel_of_nvidia_s_comes_alone() -> None:
    library = FileDamage(entries=9, missing=1, altered=0, examples=("nvidia/cudnn/lib/libcudnn.so.9 is missing",))
    wheel = Distribution(name="nvidia-cudnn-cu12", version="9.1.0.70", metadata="", site=SITE, damage=library)
    snapshot = harmed(
        "2.5.1",
        "12.4",
        NUMPY,
        wheel,
        damage=WHOLE,
        requires=("nvidia-cudnn-cu12==9.1.0.70; platform_system == 'Linux'",),
    )
    assert way_out(snapshot, "nvidia-wheels-mismatch").pip == ((*ALONE, "nvidia-cudnn-cu12==9.1.0.70"),)


@pytest.mark.parametrize(
    ("inside", "outside", "told"),
    [
        pytest.param("2.13.1+cpu", "2.13.0", True, id="another release"),
        pytest.param("2.13.0+cpu", "2.13.0", False, id="the same, with its build"),
        pytest.param("2.14.0-rc1", "2.14.0rc1", False, id="the same, spelled otherwise"),
    ],
)
def test_files_of_another_release_than_the_metadata_are_told(inside: str, outside: str, told: bool) -> None:
    torch = make_torch_distribution(version=outside, build=TorchBuild(version=inside, cuda="", hip="", xpu=""))
    snapshot = make_snapshot(packages=make_packages(torch, PIP, NUMPY))
    found = [one for one in diagnose(snapshot, matrix.load()).findings if one.code == "torch-corrupt"]
    assert [one.severity for one in found] == ([Severity.WARNING] if told else [])
    assert all(inside in one.cause and outside in one.cause for one in found)
