"""A torch that is imported from elsewhere than the target installs to, or that was built for another Python."""

import pytest

from envkit import matrix, reading
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.snapshot import FileDamage, Interpreter, ModuleOrigin, Snapshot, TorchError, Unknown
from tests.builders import (
    SITE,
    make_host,
    make_interpreter,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
)

ELSEWHERE = "/shared/libs"
HARM = FileDamage(entries=9, missing=1, altered=0, examples=("torch/hub.py is missing",))
SUFFIXES = (".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so")
C_API = TorchError(type="ImportError", message="Failed to load PyTorch C extensions:\n    It appears")


def first(snapshot: Snapshot) -> Finding:
    return diagnose(snapshot, matrix.load()).findings[0]


def harmed(site: str, way_in: str = "", target: Interpreter | None = None) -> Snapshot:
    """A torch in that folder that lacks a file."""
    copy = make_torch_distribution(site=site, metadata=f"{site}/torch-2.13.0.dist-info", damage=HARM)
    module = ModuleOrigin(name="torch", origin=f"{site}/torch/__init__.py", entry=site, way_in=way_in)
    pip = make_packages().named("pip")
    packages = make_packages(copy, *pip, modules=(module,))
    return make_snapshot(packages=packages, target=target or make_interpreter())


@pytest.mark.parametrize("way_in", ["PYTHONPATH", ""], ids=["PYTHONPATH", "a .pth file"])
def test_a_torch_elsewhere_is_mended_where_it_is_imported_from(way_in: str) -> None:
    fix = first(harmed(ELSEWHERE, way_in)).fix
    assert fix is not None
    into = f"/env/bin/python -m pip install --upgrade --no-deps --target {ELSEWHERE}"
    assert fix.commands == (f"{into} --index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu",)
    assert fix.pip == ()  # nothing outside the target is for envkit to change
    assert any(f"take {ELSEWHERE} off the search path" in step for step in fix.steps)


@pytest.mark.parametrize(
    ("site", "target"),
    [
        pytest.param(SITE, make_interpreter(), id="its own"),
        pytest.param("/usr/lib/site", make_interpreter(site_dirs=(SITE, "/usr/lib/site")), id="its base's"),
        pytest.param("/home/user/.local/lib/python3.11/site-packages", make_interpreter(), id="the user's"),
    ],
)
def test_one_in_a_folder_that_the_target_installs_to_is_mended_there(site: str, target: Interpreter) -> None:
    fix = first(harmed(site, target=target)).fix
    assert fix is not None
    assert not any("--target" in command for command in fix.commands)
    assert fix.pip


# -- of another Python --------------------------------------------------------------------------


def of_another(entry: str, way_in: str = "", *, file: str = "_C.cpython-310-x86_64-linux-gnu.so") -> Snapshot:
    """A torch whose compiled part that Python alone loads."""
    module = ModuleOrigin(
        name="torch", origin=f"{entry}/torch/__init__.py", entry=entry, way_in=way_in, compiled=(file,)
    )
    copy = make_torch_distribution(site=entry, metadata=f"{entry}/torch-2.13.0.dist-info")
    return make_snapshot(
        host=make_host(variables={"PYTHONPATH": f"/mine:{entry}"} if way_in else {}),
        target=make_interpreter(extension_suffixes=SUFFIXES),
        packages=make_packages(copy, *make_packages().named("pip"), modules=(module,)),
        torch=make_runtime(stage="import", version=None, error=C_API),
    )


def test_a_torch_of_another_python_is_no_file_of_the_user_s() -> None:
    diagnosis = diagnose(of_another(SITE), matrix.load())
    finding = diagnosis.findings[0]
    assert finding.code == "interpreter-mismatch"
    assert "CPython 3.10" in finding.summary
    assert "module-shadowed" not in [one.code for one in diagnosis.findings]
    assert finding.fix is not None
    assert any("--force-reinstall" in arguments for arguments in finding.fix.pip)


def test_one_that_pythonpath_names_is_left_out_of_it() -> None:
    finding = first(of_another("/old/lib/python3.10/site-packages", "PYTHONPATH"))
    assert finding.code == "interpreter-mismatch"
    assert finding.fix is not None
    assert finding.fix.commands[0] == "export PYTHONPATH=/mine"
    assert finding.fix.pip == ()


@pytest.mark.parametrize(
    "file",
    [
        pytest.param("_C.cpython-311-x86_64-linux-gnu.so", id="this Python's"),
        pytest.param("_C.so", id="any Python's"),
        pytest.param("_C.abi3.so", id="any newer Python's"),
    ],
)
def test_a_compiled_part_that_this_python_loads_is_its_own(file: str) -> None:
    assert "interpreter-mismatch" not in [
        one.code for one in diagnose(of_another(SITE, file=file), matrix.load()).findings
    ]


@pytest.mark.parametrize(
    ("file", "python"),
    [
        pytest.param("_C.cp312-win_amd64.pyd", "CPython 3.12", id="Windows"),
        pytest.param("_C.pypy310-pp73-x86_64-linux-gnu.so", "PyPy 3.10", id="PyPy"),
        pytest.param("_C.cpython-313t-darwin.so", "CPython 3.13", id="macOS"),
    ],
)
def test_the_other_python_is_named(file: str, python: str) -> None:
    assert python in first(of_another(SITE, file=file)).summary


def test_a_folder_whose_name_only_begins_like_it_is_another() -> None:
    other = make_torch_distribution(version="2.1.0", site="/shared/lib", metadata="/shared/lib/torch-2.1.0.dist-info")
    mine = make_torch_distribution(site=ELSEWHERE, metadata=f"{ELSEWHERE}/torch-2.13.0.dist-info")
    module = ModuleOrigin(name="torch", origin=f"{ELSEWHERE}/torch/__init__.py", entry=ELSEWHERE)
    assert reading.imported_torch(make_snapshot(packages=make_packages(other, mine, modules=(module,)))) == (mine,)


# -- of another release of Python ---------------------------------------------------------------


def test_an_environment_whose_python_was_replaced_has_lost_its_own() -> None:
    packages = make_packages(*make_packages().named("pip"), modules=())
    target = make_interpreter(made_with="3.10.4")
    finding = first(make_snapshot(target=target, packages=packages, torch=Unknown(why="--quick")))
    assert finding.code == "venv-broken"
    assert finding.explains == ("torch-missing",)
    assert finding.fix is not None
    assert finding.fix.commands == ("/env/bin/python -m venv /env-new",)


@pytest.mark.parametrize("made_with", ["3.11.2", ""], ids=["a patch release", "it does not say"])
def test_one_of_the_same_minor_release_has_not(made_with: str) -> None:
    target = make_interpreter(made_with=made_with)
    packages = make_packages(*make_packages().named("pip"), modules=())
    assert first(make_snapshot(target=target, packages=packages, torch=Unknown(why="--quick"))).code == "torch-missing"


def test_nor_has_one_into_which_torch_was_installed_anew() -> None:
    codes = [
        one.code for one in diagnose(make_snapshot(target=make_interpreter(made_with="3.10.4")), matrix.load()).findings
    ]
    assert "venv-broken" not in codes
