"""NumPy beside torch: what is wrong with it is told apart, and each trouble has its own way out."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Severity
from envkit.snapshot import (
    Distribution,
    EnvironmentKind,
    FileDamage,
    ModuleOrigin,
    Packages,
    RunEnd,
    Snapshot,
    TorchError,
    TorchRuntime,
)
from tests.builders import (
    SITE,
    make_host,
    make_interpreter,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
)

PIP = Distribution(name="pip", version="26.3", metadata="", site=SITE, installer="pip")
LEFT = f"rm -rf {SITE}/numpy {SITE}/numpy.libs"
ANEW = "/env/bin/python -m pip install --force-reinstall --no-deps"
CONDA = make_interpreter(kind=EnvironmentKind.CONDA)
CONDA_S_TORCH = make_torch_distribution(
    name="pytorch", version="2.5.1", installer="conda", metadata="/env/conda-meta/pytorch-2.5.1-0.json", site="/env"
)


def numpy(version: str = "2.4.6", **facts: Any) -> Distribution:
    return Distribution(
        **{"name": "numpy", "version": version, "metadata": "", "site": SITE, "installer": "pip", **facts}
    )


def conda_s(version: str = "2.4.6", **facts: Any) -> Distribution:
    metadata = f"/env/conda-meta/numpy-{version}-0.json"
    return numpy(version, **{"installer": "conda", "metadata": metadata, "site": "/env", **facts})


def of_numpy(snapshot: Snapshot) -> Finding | None:
    found = diagnose(snapshot, matrix.load()).findings
    return next((one for one in found if one.code == "numpy-abi"), None)


def commands(snapshot: Snapshot) -> tuple[str, ...]:
    finding = of_numpy(snapshot)
    assert finding is not None
    assert finding.fix is not None
    return finding.fix.commands


def warned(text: str) -> TorchRuntime:
    return make_runtime(warnings=(f"Failed to initialize NumPy: {text} (Triggered internally at planted.cpp:84.)",))


# -- cut short ----------------------------------------------------------------------------------


def cut_short(*more: Distribution, version: str = "", build: Distribution | None = None, **changes: Any) -> Snapshot:
    """A numpy folder that no metadata belongs to."""
    modules = (
        ModuleOrigin(name="torch", origin=f"{SITE}/torch/__init__.py", entry=SITE),
        ModuleOrigin(name="numpy", origin=f"{SITE}/numpy/__init__.py", entry=SITE, version=version),
    )
    packages = make_packages(build or make_torch_distribution(), PIP, *more, modules=modules)
    return make_snapshot(**{"packages": packages, **changes})


DIED = make_runtime(stage="import", version=None, end=RunEnd.CRASHED, died_of="SIGBUS", devices=())


@pytest.mark.parametrize(
    ("live", "severity"),
    [
        pytest.param(make_runtime(), Severity.WARNING, id="torch works"),
        pytest.param(warned("No module named 'numpy._utils'"), Severity.ERROR, id="torch misses a part of it"),
        pytest.param(DIED, Severity.ERROR, id="the import dies of it, and torch is whole"),
    ],
)
def test_a_folder_without_metadata_is_damaged(live: TorchRuntime, severity: Severity) -> None:
    first = diagnose(cut_short(torch=live), matrix.load()).findings[0]
    assert (first.code, first.severity) == ("numpy-abi", severity)


@pytest.mark.parametrize(
    ("snapshot", "requirement"),
    [
        pytest.param(cut_short(), "numpy", id="nothing tells"),
        pytest.param(cut_short(version="2.4.6"), "numpy==2.4.6", id="its own version.py"),
        pytest.param(cut_short(numpy("1.26.4", name="~umpy")), "numpy==1.26.4", id="what pip put aside"),
        pytest.param(
            cut_short(
                version="2.4.6", build=make_torch_distribution(version="2.1.2"), torch=make_runtime(version="2.1.2")
            ),
            "'numpy<2'",
            id="torch cannot use it",
        ),
    ],
)
def test_what_is_left_goes_and_the_release_that_was_there_comes(snapshot: Snapshot, requirement: str) -> None:
    assert commands(snapshot) == (LEFT, f"{ANEW} {requirement}")


def test_what_pip_put_aside_before_it_was_stopped_tells_that_numpy_is_gone() -> None:
    modules = (ModuleOrigin(name="numpy", origin="", entry=""),)
    packages = make_packages(make_torch_distribution(), PIP, numpy("2.4.0", name="~umpy"), modules=modules)
    snapshot = make_snapshot(packages=packages)
    finding = of_numpy(snapshot)
    assert finding is not None
    assert (finding.severity, commands(snapshot)) == (Severity.ERROR, (LEFT, f"{ANEW} numpy==2.4.0"))


def test_fix_may_remove_what_is_left_in_an_environment_alone() -> None:
    own = of_numpy(cut_short())
    assert own is not None
    assert own.fix is not None
    assert (own.fix.removes, bool(own.fix.pip)) == ((f"{SITE}/numpy", f"{SITE}/numpy.libs"), True)
    system = make_interpreter(kind=EnvironmentKind.SYSTEM, prefix="/env")
    assert not any("rm -rf" in command for command in commands(cut_short(target=system)))
    outside = make_interpreter(prefix="/elsewhere")
    assert not any("rm -rf" in command for command in commands(cut_short(target=outside)))


def test_on_windows_python_removes_what_is_left() -> None:
    assert "shutil.rmtree" in commands(cut_short(host=make_host(os="windows", libc="")))[0]


@pytest.mark.parametrize(
    "module",
    [
        ModuleOrigin(name="numpy", origin="/project/numpy/__init__.py", entry="/project", way_in="current-folder"),
        ModuleOrigin(name="numpy", origin="/opt/tool/numpy/__init__.py", entry="/opt/tool"),
        ModuleOrigin(name="numpy", origin="", entry=""),
    ],
    ids=["the user's own", "of a folder without installs", "none"],
)
def test_what_no_installer_put_there_is_no_install_that_was_cut_short(module: ModuleOrigin) -> None:
    packages = make_packages(make_torch_distribution(), PIP, modules=(module,))
    assert of_numpy(make_snapshot(packages=packages)) is None


# -- what its import says -----------------------------------------------------------------------


def live_beside(text: str, *copies: Distribution, **changes: Any) -> Snapshot:
    packages = make_packages(make_torch_distribution(), PIP, *copies)
    return make_snapshot(packages=packages, torch=warned(text), **changes)


OPENBLAS = "libscipy_openblas64_-32a4b2a6.so: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("text", "version", "torn"),
    [
        pytest.param("No module named 'numpy._utils'", "2.4.6", True, id="a part of its own"),
        pytest.param(OPENBLAS, "2.4.6", True, id="its library"),
        pytest.param("No module named 'numpy._core._multiarray_umath'", "2.4.6", True, id="_core of NumPy 2"),
        pytest.param("No module named 'numpy.core._multiarray_umath'", "1.26.4", True, id="core of NumPy 1"),
        pytest.param("No module named 'numpy._core'", "1.26.4", False, id="NumPy 2's name in NumPy 1"),
        pytest.param("No module named 'numpy.core._multiarray_umath'", "2.4.6", False, id="NumPy 1's name in NumPy 2"),
        pytest.param("_ARRAY_API not found", "2.4.6", False, id="built for another"),
    ],
)
def test_a_part_that_is_missing_is_no_other_major_release(text: str, version: str, torn: bool) -> None:
    expected = (LEFT, f"{ANEW} numpy=={version}") if torn else ("/env/bin/python -m pip install 'numpy<2'",)
    assert commands(live_beside(text, numpy(version))) == expected


def test_numpy_s_own_long_message_is_read_to_its_end() -> None:
    text = "\n\nImporting the numpy C-extensions failed.\n\nOriginal error was: No module named 'numpy._core._x'"
    live = make_runtime(stage="import", version=None, error=TorchError(type="ImportError", message=text))
    packages = make_packages(make_torch_distribution(), PIP, numpy())
    assert commands(make_snapshot(packages=packages, torch=live)) == (LEFT, f"{ANEW} numpy==2.4.6")


@pytest.mark.parametrize(("torch", "requirement"), [("2.13.0+cpu", "numpy"), ("2.1.2+cpu", "'numpy<2'")])
def test_a_numpy_that_is_missing_comes_as_torch_takes_it(torch: str, requirement: str) -> None:
    text = "Failed to initialize NumPy: No module named 'numpy' (Triggered internally at planted.cpp:84.)"
    live = make_runtime(version=torch, warnings=(text,))
    snapshot = make_snapshot(packages=make_packages(make_torch_distribution(version=torch), PIP), torch=live)
    assert commands(snapshot) == (f"/env/bin/python -m pip install {requirement}",)


# -- who installs -------------------------------------------------------------------------------

HARM = FileDamage(entries=9, missing=1, altered=0, examples=("lib/numpy/_core/_multiarray_umath.so is missing",))


def in_conda(*found: Distribution, **changes: Any) -> Snapshot:
    return make_snapshot(**{"packages": make_packages(*found), "target": CONDA, **changes})


def test_conda_s_numpy_is_mended_by_conda_in_its_environment() -> None:
    finding = of_numpy(in_conda(CONDA_S_TORCH, conda_s(damage=HARM), numpy(installer="conda")))
    assert finding is not None
    assert finding.fix is not None
    assert finding.fix.commands == ("conda install --prefix /env --force-reinstall numpy==2.4.6",)
    assert finding.fix.pip == ()
    assert ("file", "conda's record") in [(fact.what, fact.source) for fact in finding.facts]


def test_a_numpy_that_conda_s_torch_misses_comes_from_conda() -> None:
    snapshot = in_conda(CONDA_S_TORCH, torch=warned("No module named 'numpy'"))
    assert commands(snapshot) == ("conda install --prefix /env numpy",)


def test_what_conda_shares_with_its_cache_is_cleared_there_too() -> None:
    harm = FileDamage(entries=9, missing=0, altered=1, examples=("lib/numpy/_core/a.so has 0 bytes instead of 9",))
    finding = of_numpy(in_conda(CONDA_S_TORCH, conda_s(damage=harm)))
    assert finding is not None
    assert finding.fix is not None
    assert "conda clean --packages" in finding.fix.steps[0]


def test_conda_s_record_of_what_pip_replaced_is_no_damage() -> None:
    packages: Packages = make_packages(make_torch_distribution(), PIP, numpy("2.4.6"), conda_s("1.26.4", damage=HARM))
    assert of_numpy(make_snapshot(packages=packages, target=CONDA)) is None


def test_fix_leaves_conda_s_own_environment_alone() -> None:
    itself = Distribution(name="conda", version="24.1.0", metadata="", site="/env", installer="conda")
    harmed = numpy(damage=HARM)
    for more, planned in (((), True), ((itself,), False)):
        packages = make_packages(make_torch_distribution(), PIP, harmed, *more)
        finding = of_numpy(make_snapshot(packages=packages, target=CONDA))
        assert finding is not None
        assert finding.fix is not None
        assert bool(finding.fix.pip) is planned
