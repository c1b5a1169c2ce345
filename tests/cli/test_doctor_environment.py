"""`envkit doctor` on real environments whose parts were broken here, through the command line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, make_target, site_of
from tests.standins.torch_package import add_metadata, install_torch

MakeLibrary = Callable[[Path], Path]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> MakeLibrary:
    """Make a shared library with nothing in it: `library(folder / "libcudnn.so.9")`."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("stand-in libraries need Linux and a C compiler")
    source = tmp_path_factory.mktemp("source") / "empty.c"
    source.write_text("int standin(void) { return 0; }\n")

    def make(file: Path) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", file, source], check=True)
        return file

    return make


def loading(*files: Path | str) -> str:
    """What a stand-in torch runs on import to load libraries."""
    return "import ctypes\n" + "\n".join(f"ctypes.CDLL({str(file)!r})" for file in files)


def severity_of(run: Any, code: str) -> str:
    return next(finding["severity"] for finding in run.json["findings"] if finding["code"] == code)


@pytest.mark.parametrize(
    ("torch", "companion", "version", "requires"),
    [
        pytest.param("2.13.0+cpu", "torchvision", "0.19.1+cpu", ("torch==2.4.1",), id="asks for another torch"),
        pytest.param("2.13.0+cpu", "torchvision", "0.28.0+cu126", ("torch==2.13.0",), id="of another build"),
        pytest.param("2.13.0+cpu", "torchvision", "0.19.1", (), id="of another release"),
        pytest.param("2.13.0+cpu", "xformers", "0.0.27", ("numpy", "torch==2.3.1"), id="xformers"),
    ],
)
def test_a_companion_of_another_torch_is_companion_mismatch(
    cli: Cli, bare_target: Path, torch: str, companion: str, version: str, requires: tuple[str, ...]
) -> None:
    site = site_of(bare_target)
    install_torch(site, torch, cuda=None)
    add_metadata(site, companion, version, requires=requires)
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "companion-mismatch"
    assert companion in run.json["findings"][0]["summary"]
    assert any("torch==2.13.0" in command for command in run.json["findings"][0]["fix"]["commands"]) or companion == (
        "xformers"
    )


def test_companions_that_fit_are_no_finding(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    install_torch(site, "2.13.0+cpu", cuda=None)
    add_metadata(site, "torchvision", "0.28.0+cpu", requires=("torch==2.13.0", "numpy"))
    add_metadata(site, "xformers", "0.0.40", requires=("torch>=2.10", "torch==2.4.0; extra == 'old'"))
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.codes == ["gpu-absent"]
    assert run.code == 0


def test_numpy_2_with_a_torch_of_numpy_1_is_numpy_abi(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    install_torch(site, "2.1.2", cuda=None)
    add_metadata(site, "numpy", "2.1.0")
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "numpy-abi"
    assert "2.1.0" in run.json["findings"][0]["cause"]


_PIN = ("nvidia-cudnn-cu13==9.20.0.48; platform_system == 'Linux'", "nvidia-nothing==1; platform_system == 'Windows'")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="torch pins these wheels on Linux")
@pytest.mark.parametrize(
    ("installed", "told"),
    [
        pytest.param((), "is not installed", id="removed"),
        pytest.param((("nvidia-cudnn-cu13", "9.1.0"),), "9.1.0 is installed", id="of another version"),
    ],
)
def test_a_wheel_that_torch_pins_and_that_is_not_so_is_nvidia_wheels_mismatch(
    cli: Cli, bare_target: Path, installed: tuple[tuple[str, str], ...], told: str
) -> None:
    site = site_of(bare_target)
    install_torch(site, requires=_PIN)
    for name, version in installed:
        add_metadata(site, name.replace("-", "_"), version)
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "nvidia-wheels-mismatch"
    assert told in run.json["findings"][0]["cause"]


def test_a_library_from_ld_library_path_is_library_path_conflict(
    cli: Cli, bare_target: Path, tmp_path: Path, library: MakeLibrary
) -> None:
    site = site_of(bare_target)
    library(site / "nvidia/cudnn/lib/libcudnn.so.9")
    # As a toolkit has it: the name that is asked for is a link.
    other = library(tmp_path / "cuda/libcudnn.so.9.1.0")
    (tmp_path / "cuda/libcudnn.so.9").symlink_to(other.name)
    install_torch(site, prelude=loading("libcudnn.so.9"))
    run = cli("doctor", "--json", "--python", str(bare_target), env={"LD_LIBRARY_PATH": str(tmp_path / "cuda")})
    assert run.code == 1
    assert run.codes[0] == "library-path-conflict"
    assert str(other) in run.json["findings"][0]["cause"]
    assert "unset LD_LIBRARY_PATH LD_PRELOAD" in run.json["findings"][0]["fix"]["commands"]


def test_a_copy_that_waits_on_ld_library_path_is_told(
    cli: Cli, bare_target: Path, tmp_path: Path, library: MakeLibrary
) -> None:
    site = site_of(bare_target)
    own = library(site / "nvidia/cudnn/lib/libcudnn.so.9")
    library(tmp_path / "cuda/libcudnn.so.9")
    variables = {"LD_LIBRARY_PATH": str(tmp_path / "cuda")}
    install_torch(site)
    run = cli("doctor", "--json", "--python", str(bare_target), env=variables)
    assert (run.codes[0], severity_of(run, "library-path-conflict")) == ("library-path-conflict", "warning")
    (site / "torch/__init__.py").unlink()
    shutil.rmtree(site / "torch")
    shutil.rmtree(next(site.glob("torch-*.dist-info")))
    install_torch(site, prelude=loading(own))
    again = cli("doctor", "--json", "--python", str(bare_target), env=variables)
    assert "library-path-conflict" not in again.codes  # torch's own copy was loaded all the same


def test_two_openmp_runtimes_of_one_family_are_told(
    cli: Cli, bare_target: Path, tmp_path: Path, library: MakeLibrary
) -> None:
    files = [library(tmp_path / name) for name in ("a/libiomp5.so", "b/libomp.so", "c/libgomp.so.1")]
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=loading(*files))
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.codes[0] == "openmp-duplicate"
    facts = [fact["value"] for fact in run.json["findings"][0]["facts"]]
    assert facts == [str(files[0]), str(files[1])]


def test_gnu_s_openmp_twice_is_no_finding(cli: Cli, bare_target: Path, tmp_path: Path, library: MakeLibrary) -> None:
    files = [library(tmp_path / name) for name in ("a/libgomp.so.1", "b/libgomp-a34b3233.so.1")]
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=loading(*files))
    assert cli("doctor", "--json", "--python", str(bare_target)).codes == ["gpu-absent"]


def _pip(folder: Path, python: Path) -> Path:
    """Write the script that pip is, for an interpreter, into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pip"
    script.write_text(f"#!{python}\nimport pip\n")
    script.chmod(0o755)
    return script


def _path(*folders: Path) -> str:
    return ":".join(map(str, (*folders, "/usr/bin", "/bin")))


@pytest.mark.skipif(sys.platform == "win32", reason="scripts with a first line that names their interpreter")
def test_the_pip_of_another_environment_is_interpreter_mismatch(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    other = make_target(tmp_path / "other")
    install_torch(site_of(other), "2.13.0+cpu", cuda=None)
    pip = _pip(tmp_path / "tools", other)
    variables = {"VIRTUAL_ENV": str(bare_target.parent.parent), "PATH": _path(pip.parent, bare_target.parent)}
    run = cli("doctor", "--json", env=variables)
    assert run.code == 1
    assert run.codes[:2] == ["interpreter-mismatch", "torch-missing"]
    assert str(tmp_path / "other") in run.json["findings"][0]["cause"]
    named = cli("doctor", "--json", "--python", str(bare_target), env={"PATH": _path(pip.parent, other.parent)})
    assert "interpreter-mismatch" not in named.codes  # nobody said that `python` is this one


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
@pytest.mark.parametrize("gone", [False, True], ids=["of another environment", "gone"])
def test_a_kernel_that_starts_another_python_is_interpreter_mismatch(
    cli: Cli, bare_target: Path, tmp_path: Path, gone: bool
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    starts = tmp_path / "gone/bin/python" if gone else make_target(tmp_path / "other")
    folder = bare_target.parent.parent / "share/jupyter/kernels/python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": [str(starts), "-m", "ipykernel_launcher"]}))
    run = cli("doctor", "--json", "--python", str(bare_target), env={"HOME": str(tmp_path)})
    assert run.codes[0] == "interpreter-mismatch"
    assert str(starts) in run.json["findings"][0]["cause"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
@pytest.mark.parametrize(
    ("in_environment", "severity"), [(True, "error"), (False, "warning")], ids=["over the environment's", "alone"]
)
def test_a_copy_in_the_user_s_site_folder_is_user_site_shadow(
    cli: Cli, tmp_path: Path, in_environment: bool, severity: str
) -> None:
    # In the order that conda's environments have: the user's site folder before the environment's.
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "env"], check=True
    )
    python = tmp_path / "env/bin/python"
    user = tmp_path / f"user/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    install_torch(user, "2.4.1+cpu", cuda=None)
    (site_of(python) / "order.pth").write_text(f"import sys; sys.path.insert(0, {str(user)!r})\n")
    if in_environment:
        install_torch(site_of(python), "2.13.0+cpu", cuda=None)
    run = cli("doctor", "--json", "--python", str(python), env={"PYTHONUSERBASE": str(tmp_path / "user")})
    assert run.codes[0] == "user-site-shadow"
    assert run.json["findings"][0]["severity"] == severity


@pytest.mark.skipif(sys.platform == "win32", reason="scripts with a first line that names their interpreter")
def test_a_python_that_is_a_script_belongs_to_no_environment(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3").write_text("#!/usr/bin/env bash\nexec false\n")
    (shims / "python3").chmod(0o755)
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), env={"PATH": _path(shims)})
    first = run.json["snapshot"]["target"]["launchers"][0]
    assert (first["path"], first["prefix"]) == (str(shims / "python3"), "")
