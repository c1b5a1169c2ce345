"""What every test may ask for: the command line as a person runs it, throwaway targets, stand-in drivers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STANDINS = Path(__file__).parent / "standins"
CHECKOUT = Path(__file__).resolve().parent.parent

# Whatever is active around the test run must not choose the target or hide a GPU.
_UNSET = (
    *("VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "PYTHONPATH", "COLUMNS"),
    *("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"),
)


# What starts the tests in the background may have them ignore Ctrl-C, and all programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What the user's own envkit learned must not reach a test: this folder is never made.
os.environ["ENVKIT_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / "envkit-tests-have-no-cache")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks the configured index, unless it is asked for: `pytest -m network`."""
    if config.getoption("markexpr"):
        return
    asked_for = [item for item in items if item.get_closest_marker("network")]
    config.hook.pytest_deselected(items=asked_for)
    items[:] = [item for item in items if item not in asked_for]


@dataclass(frozen=True)
class Run:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.json["findings"]]


Cli = Callable[..., Run]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run `envkit` in an empty folder: `cli("doctor", "--json", env={...}, cwd=...)`."""
    folder = tmp_path / "cwd"
    folder.mkdir()

    def run(*arguments: str, env: dict[str, str] | None = None, cwd: Path = folder, limit: float = 120) -> Run:
        variables = {name: value for name, value in os.environ.items() if name not in _UNSET}
        done = subprocess.run(
            # -P: the current folder is the target's matter, not envkit's own.
            [sys.executable, "-P", "-m", "envkit", *arguments]
            if sys.version_info >= (3, 11)
            else [sys.executable, "-m", "envkit", *arguments],
            env={**variables, **(env or {})},
            cwd=cwd,
            capture_output=True,
            timeout=limit,
            check=False,
        )
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def driver_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in libcuda.so.1 and libnvidia-ml.so.1, compiled here."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the stand-in drivers need Linux and a C compiler")
    folder = tmp_path_factory.mktemp("driver")
    for source, library in (("libcuda.c", "libcuda.so.1"), ("libnvidia_ml.c", "libnvidia-ml.so.1")):
        subprocess.run(
            [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", folder / library, STANDINS / source],
            check=True,
        )
    return folder


@pytest.fixture
def driver(driver_folder: Path) -> Callable[..., dict[str, str]]:
    """Variables that put the stand-in driver in place: `driver(cuinit=802, nvml=0, version="535.104.05")`.

    What has no short name is a variable of the stand-in: `ecc=3` is STANDIN_ECC.
    """

    def variables(**answers: object) -> dict[str, str]:
        names = {
            "cuinit": "STANDIN_CUINIT",
            "cuda_version": "STANDIN_CUDA_VERSION",
            "cuda_devices": "STANDIN_CUDA_DEVICES",
            "nvml": "STANDIN_NVML_INIT",
            "version": "STANDIN_DRIVER",
            "nvml_devices": "STANDIN_NVML_DEVICES",
        }
        return {
            "LD_LIBRARY_PATH": str(driver_folder),
            **{names.get(key, f"STANDIN_{key.upper()}"): str(value) for key, value in answers.items()},
        }

    return variables


@pytest.fixture
def bare_target(tmp_path: Path) -> Path:
    """The interpreter of a fresh environment with nothing in it."""
    return make_target(tmp_path / "target")


def make_target(folder: Path) -> Path:
    """Make an environment without pip (a tenth of the time) and return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_of(python: Path) -> Path:
    """Return the site-packages folder of an environment that `make_target` made."""
    prefix = python.parent.parent
    if os.name == "nt":
        return prefix / "Lib/site-packages"
    return prefix / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def is_running(pid: int) -> bool:
    """Say whether a process still runs a moment after it should be gone; a zombie waits only to be reaped."""
    import psutil

    for _ in range(50):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        time.sleep(0.1)
    return True


def installed_python(version: str) -> str | None:
    """Return a working interpreter of that version: a shim on PATH may be there and not start."""
    for name in (f"python{version}", *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))):
        try:
            done = subprocess.run([name, "-c", "pass"], capture_output=True, check=False, timeout=20)
        except OSError:
            continue
        if done.returncode == 0:
            return name
    return None
