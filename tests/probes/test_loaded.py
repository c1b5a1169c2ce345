"""Which libraries are in a process, as Linux, macOS and Windows tell it: the last two by stand-ins for them."""

import ctypes
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from envkit.probes.framing import SCRIPTS
from tests.conftest import STANDINS


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("envkit_probe.loaded")


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("envkit_probe.libraries")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The stand-in for dyld and kernel32, compiled here."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the stand-ins need Linux and a C compiler")
    library = tmp_path_factory.mktemp("loader") / "loader.so"
    command = [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, STANDINS / "loader.c"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def test_macos_tells_each_image_that_has_a_name(
    loaded: ModuleType, system: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_LOADED", "/env/torch/lib/libomp.dylib\n\n/usr/lib/libSystem.B.dylib")
    assert loaded.of_dyld(system) == ["/env/torch/lib/libomp.dylib", "/usr/lib/libSystem.B.dylib"]


def test_windows_tells_each_module_that_has_a_name(
    loaded: ModuleType, system: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_LOADED", "C:\\env\\torch\\lib\\cudnn64_9.dll\n\nC:\\Windows\\System32\\ntdll.dll")
    assert loaded.of_windows(system) == ["C:\\Windows\\System32\\ntdll.dll", "C:\\env\\torch\\lib\\cudnn64_9.dll"]


def test_a_windows_that_refuses_to_tell_is_unknown(
    loaded: ModuleType, system: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STANDIN_LOADED", raising=False)
    assert loaded.of_windows(system) is None


def test_a_map_of_linux_tells_each_file_of_code_once(loaded: ModuleType) -> None:
    maps = (
        "7f1-7f2 r--p 0 08:01 1   /env/torch/lib/libtorch_cpu.so\n"
        "7f2-7f3 r-xp 1 08:01 1   /env/torch/lib/libtorch_cpu.so\n"
        "7f4-7f5 r-xp 0 08:01 2   /a folder/libcudnn.so.9.1.0\n7f6-7f7 rw-p 0 00:00 0   [heap]\n"
    )
    assert loaded.of_maps(maps) == ["/a folder/libcudnn.so.9.1.0", "/env/torch/lib/libtorch_cpu.so"]
    assert loaded.of_maps(None) is None


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_a_system_that_lacks_what_is_asked_for_is_unknown(
    loaded: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert loaded.loaded_files() is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("libcudnn_ops.so.9", True),
        ("libgomp-a34b3233.so.1", True),
        ("libomp.dylib", True),
        ("libiomp5.dylib", True),
        ("cudnn_ops64_9.dll", True),
        ("cublaslt64_12.dll", True),
        ("nvjitlink_120_0.dll", True),
        ("libiomp5md.dll", True),
        ("libtorch_cpu.so", False),
        ("libc++.1.dylib", False),
        ("libiompstubs5md.dll", False),  # torch brings it beside libiomp5md.dll and loads both
        ("nvcuda.dll", False),
    ],
)
def test_libraries_that_several_packages_bring_are_of_interest(libraries: ModuleType, name: str, told: bool) -> None:
    assert libraries.is_of_interest(name) is told


def test_each_is_told_with_the_copy_that_torch_or_a_wheel_brings(libraries: ModuleType, tmp_path: Path) -> None:
    brought = ("torch/lib/libiomp5md.dll", "nvidia/cudnn/bin/cudnn64_9.dll", "torch/lib/libomp.dylib")
    for name in brought:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    own, cudnn, omp = (str(tmp_path / name) for name in brought)
    files = [own, "/toolkit/cudnn64_9.dll", "/homebrew/libomp.dylib", "/toolkit/cublas64_12.dll", "/windows/ntdll.dll"]
    assert libraries.with_bundled(files, [str(tmp_path)]) == [
        {"name": "libiomp5md.dll", "path": own, "bundled": own},
        {"name": "cudnn64_9.dll", "path": "/toolkit/cudnn64_9.dll", "bundled": cudnn},
        {"name": "libomp.dylib", "path": "/homebrew/libomp.dylib", "bundled": omp},
        {"name": "cublas64_12.dll", "path": "/toolkit/cublas64_12.dll", "bundled": ""},
    ]
