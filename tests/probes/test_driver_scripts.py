"""Absent, broken or there: what the driver's scripts make of a library, and envkit of what they say."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from envkit.probes import nvidia
from envkit.probes.framing import SCRIPTS
from envkit.snapshot import Absent, Unknown

NO_FILE = "cannot open shared object file: No such file or directory"
SCRIPT_OF = {"libcuda.so.1": "cuda", "libnvidia-ml.so.1": "nvml"}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("library", SCRIPT_OF)
@pytest.mark.parametrize(
    ("words", "absent"),
    [
        pytest.param("{library}: " + NO_FILE, True, id="glibc, none"),
        pytest.param("Error loading shared library {library}: No such file or directory", True, id="musl, none"),
        pytest.param("libnvidia-gpucomp.so: " + NO_FILE, False, id="glibc, one that it needs is missing"),
        pytest.param(
            "Error loading shared library libdep.so: No such file or directory (needed by /usr/lib/{library})",
            False,
            id="musl, one that it needs is missing",
        ),
        pytest.param("/usr/lib/{library}: file too short", False, id="truncated"),
        pytest.param("{library}: wrong ELF class: ELFCLASS32", False, id="32 bits"),
        pytest.param("/usr/lib/{library}: symbol foo, version BAR not found", False, id="a symbol not found"),
    ],
)
def test_only_a_library_that_is_not_there_is_absent(library: str, words: str, absent: bool) -> None:
    assert script(SCRIPT_OF[library]).is_absence(OSError(words.format(library=library))) is absent


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (FileNotFoundError("Could not find module 'nvcuda.dll' (or one of its dependencies)."), True),
        (OSError("[WinError 193] %1 is not a valid Win32 application"), False),
    ],
)
def test_windows_says_it_by_the_kind_of_error(monkeypatch: pytest.MonkeyPatch, error: OSError, absent: bool) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert script("cuda").is_absence(error) is absent


@pytest.mark.skipif("sys.platform != 'linux'", reason="glibc's loader")
@pytest.mark.parametrize(("library", "section"), SCRIPT_OF.items())
def test_a_library_that_cannot_be_loaded_is_unknown_not_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, section: str
) -> None:
    (tmp_path / library).write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    probe = nvidia.probe_cuda if section == "cuda" else nvidia.probe_nvml
    answer = probe(20)
    assert isinstance(answer, Unknown)
    assert "file too short" in answer.why


@pytest.mark.skipif("sys.platform != 'linux'", reason="glibc's loader")
@pytest.mark.parametrize("probe", [nvidia.probe_cuda, nvidia.probe_nvml])
def test_without_a_driver_the_scripts_agree_with_the_look_at_the_folders(
    monkeypatch: pytest.MonkeyPatch, probe: object
) -> None:
    first = probe(20)  # type: ignore[operator]
    if not isinstance(first, Absent):
        pytest.skip("this machine has the driver")
    monkeypatch.setattr(nvidia, "is_certainly_absent", lambda _library: False)
    assert isinstance(probe(20), Absent)  # type: ignore[operator]


def test_the_cuda_script_runs_nothing_of_the_current_folder(tmp_path: Path) -> None:
    for name in ("ctypes", "json", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user\\'s own file was run')\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", SCRIPTS / "cuda.py", "T"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.lstrip().startswith(b'T ["cuda", {')
