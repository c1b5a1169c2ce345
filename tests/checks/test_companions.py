"""What stands beside torch: which requirements count here, and the fix that leaves torch as it is where it works."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Fix
from envkit.intake import recorded
from envkit.snapshot import (
    Distribution,
    EnvironmentKind,
    FileDamage,
    Snapshot,
    TorchBuild,
    TorchError,
    TorchRuntime,
    Unknown,
)
from tests.builders import (
    SITE,
    make_gpu_snapshot,
    make_host,
    make_interpreter,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
)

CPU = "https://download.pytorch.org/whl/cpu"
CU126 = "https://download.pytorch.org/whl/cu126"
PIN = "triton==3.7.1; platform_system == 'Linux'"


def beside(name: str, version: str, *requires: str, torch: Distribution | None = None, **facts: Any) -> Any:
    other = Distribution(
        name=name, version=version, metadata="", site=SITE, **{"installer": "pip", "requires": requires, **facts}
    )
    pip = Distribution(name="pip", version="26.3", metadata="", site=SITE, installer="pip")
    return make_packages(torch or make_torch_distribution(), other, pip)


def mismatch(snapshot: Snapshot) -> Finding | None:
    found = diagnose(snapshot, matrix.load()).findings
    return next((one for one in found if one.code == "companion-mismatch"), None)


def way_out(snapshot: Snapshot) -> Fix:
    finding = mismatch(snapshot)
    assert finding is not None
    assert finding.fix is not None
    return finding.fix


HARMED = FileDamage(entries=9, missing=1, altered=0, examples=("torchvision/_C.so is missing",))
IMAGE = ("install", "--force-reinstall", "--no-deps", "--index-url", CPU, "torchvision==0.28.0+cpu")


# -- markers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requires", "target", "host", "fits"),
    [
        pytest.param(("torch==2.9.1; platform_machine == 's390x'",), {}, {}, True, id="another processor's"),
        pytest.param(("torch==2.9.1; platform_machine != 's390x'",), {}, {}, False, id="this processor's"),
        pytest.param(("torch==2.9.1; sys_platform == 'win32'",), {}, {}, True, id="another system's"),
        pytest.param(("torch==2.9.1; python_version < '3.10'",), {}, {}, True, id="an older Python's"),
        pytest.param(("torch==2.9.1; python_version < '3.10'",), {"version": "3.9.1"}, {}, False, id="this Python's"),
        pytest.param(("torch==2.9.1; os_name == 'nt'",), {}, {"os": "windows"}, False, id="Windows'"),
        pytest.param(("torch==2.9.1; platform_version == 'odd'",), {}, {}, True, id="on what nobody knows"),
        pytest.param(("torch==2.9.1; extra == 'old'",), {}, {}, True, id="an extra's"),
        pytest.param(("Torch == 2.9.1",), {}, {}, False, id="spelt otherwise"),
    ],
)
def test_a_requirement_counts_where_its_marker_holds(
    requires: tuple[str, ...], target: dict[str, Any], host: dict[str, Any], fits: bool
) -> None:
    snapshot = make_snapshot(
        packages=beside("vllm", "1.0", *requires),
        target=make_interpreter(machine="x86_64", **target),
        host=make_host(**host),
    )
    assert (mismatch(snapshot) is None) is fits


@pytest.mark.parametrize(("system", "fits"), [("linux", False), ("macos", True)])
def test_the_triton_that_torch_pins_is_a_matter_of_the_marker(system: str, fits: bool) -> None:
    packages = beside("triton", "2.0.0", torch=make_torch_distribution(requires=(PIN,)))
    assert (mismatch(make_snapshot(packages=packages, host=make_host(os=system))) is None) is fits


def test_what_pip_says_is_required_is_so_whatever_its_marker() -> None:
    text = "torch 2.1.2 requires triton==2.1.0; os_name == 'posix', but you have triton 2.2.0 which is incompatible."
    assert mismatch(recorded.read(text.encode(), "x")) is not None


# -- the way out --------------------------------------------------------------------------------


def test_a_torch_that_works_stays_and_its_companion_comes_from_its_index() -> None:
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.15.0", "torch==2.0.0")))
    assert fix.pip == (IMAGE, ("install", "torchvision==0.28.0+cpu", "torch==2.13.0"))
    assert [command.partition(" -m pip ")[2] for command in fix.commands] == [" ".join(one) for one in fix.pip]


def test_the_companion_is_for_the_build_that_is_there_not_the_one_that_fits_the_machine() -> None:
    build = TorchBuild(version="2.13.0+cu126", cuda="12.6", hip="", xpu="")
    torch = make_torch_distribution(version="2.13.0+cu126", build=build)
    packages = beside("torchvision", "0.28.0+cpu", torch=torch)
    fix = way_out(make_gpu_snapshot(packages=packages))
    assert fix.pip[0][3:] == ("--index-url", CU126, "torchvision==0.28.0+cu126")


def test_beside_the_build_of_the_default_index_goes_its_own() -> None:
    torch = make_torch_distribution(
        version="2.13.0", build=TorchBuild(version="2.13.0+cu130", cuda="13.0", hip="", xpu="")
    )
    live = make_runtime(version="2.13.0+cu130", cuda="13.0")
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.15.0", torch=torch), torch=live))
    assert fix.pip == (
        ("install", "--force-reinstall", "--no-deps", "torchvision===0.28.0"),
        ("install", "torchvision===0.28.0", "torch==2.13.0"),
    )


BROKEN = make_runtime(stage="import", version=None, error=TorchError(type="OSError", message="planted"))
GONE = FileDamage(entries=9, missing=1, altered=0, examples=("torch/__init__.py is missing",))


@pytest.mark.parametrize(
    ("live", "damage"),
    [pytest.param(BROKEN, None, id="not imported"), pytest.param(make_runtime(), GONE, id="files are gone")],
)
def test_a_torch_that_does_not_work_comes_anew_with_its_companion(
    live: TorchRuntime, damage: FileDamage | None
) -> None:
    torch = make_torch_distribution(damage=damage)
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.15.0", torch=torch), torch=live))
    assert "torch==2.13.0+cpu torchvision==0.28.0+cpu" in fix.commands[0]
    assert fix.pip


def test_a_damaged_library_of_a_companion_leads_to_that_companion() -> None:
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.28.0+cpu", damage=HARMED)))
    assert fix.pip[0] == IMAGE


@pytest.mark.parametrize(
    "requires", [pytest.param((PIN,), id="pinned by torch"), pytest.param((), id="pinned by nothing")]
)
def test_a_damaged_triton_comes_in_the_release_that_is_there(requires: tuple[str, ...]) -> None:
    harm = FileDamage(entries=9, missing=1, altered=0, examples=("triton/_C/libtriton.so is missing",))
    packages = beside("triton", "3.7.1", torch=make_torch_distribution(requires=requires), damage=harm)
    fix = way_out(make_snapshot(packages=packages))
    assert fix.pip == (
        ("install", "--force-reinstall", "--no-deps", "triton==3.7.1"),
        ("install", "triton==3.7.1", "torch==2.13.0"),
    )


def test_an_extension_is_left_to_who_knows_its_releases() -> None:
    fix = way_out(make_snapshot(packages=beside("xformers", "0.0.20", "torch==2.0.1")))
    assert fix.pip == ()
    assert fix.commands == ("/env/bin/python -m pip check",)
    assert "xformers: install the release that names this torch" in fix.steps[-1]


REPORT = """[pip3] torch==2.5.1+cu121
[pip3] torchvision=={version}
PyTorch version: 2.5.1+cu121
Collecting environment information...
OS: Ubuntu 22.04.3 LTS (x86_64)
Python version: 3.10.12 (main) [GCC 11.4.0] (64-bit runtime)
RuntimeError: operator torchvision::nms does not exist
"""


@pytest.mark.parametrize("version", ["0.15.2+cu118", "0.20.1+cu121"], ids=["another release", "the right release"])
def test_a_report_is_told_the_companion_of_the_build_that_it_names(version: str) -> None:
    fix = way_out(recorded.read(REPORT.format(version=version).encode(), "x"))
    assert fix.commands[0].endswith("--index-url https://download.pytorch.org/whl/cu121 torchvision==0.20.1+cu121")
    assert not any("--force-reinstall torch" in command for command in fix.commands)


def test_a_machine_that_is_not_known_gets_what_belongs_to_its_torch() -> None:
    unknown = Unknown(why="planted")
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.15.0"), host=unknown, target=unknown))
    assert fix.commands == ("python -m pip install torch==2.13.0 torchvision==0.28.0",)


def test_pip_lays_no_companion_over_conda_s() -> None:
    packages = beside("torchvision", "0.15.0", installer="conda")
    fix = way_out(make_snapshot(packages=packages, target=make_interpreter(kind=EnvironmentKind.CONDA)))
    assert fix.commands[0] == "conda remove --prefix /env --force torchvision"
    assert fix.pip == ()


def test_conda_s_torch_gets_its_companion_in_a_new_environment() -> None:
    torch = make_torch_distribution(name="pytorch", version="2.5.1", installer="conda", build=None)
    live = make_runtime(version="2.5.1", cuda="12.4")
    fix = way_out(make_snapshot(packages=beside("torchvision", "0.15.0", torch=torch), torch=live))
    assert fix.commands[0] == "envkit create --conda --with torchvision > environment.yml"
