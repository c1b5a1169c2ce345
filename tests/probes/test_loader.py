"""Where the dynamic loader would find a library, against trees and against the loader itself."""

import ctypes
from pathlib import Path

import pytest

from envkit.probes.loader import is_certainly_absent

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="glibc's loader")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.cache").write_bytes(b"glibc-ld.so.cache1.1\0libm.so.6\0/lib/libm.so.6\0")
    return tmp_path


def test_a_library_in_no_folder_is_absent(root: Path) -> None:
    assert is_certainly_absent("libcuda.so.1", {}, root)


def test_a_library_in_the_cache_is_not(root: Path) -> None:
    assert not is_certainly_absent("libm.so.6", {}, root)


def test_a_longer_name_in_the_cache_is_another_library(root: Path) -> None:
    assert is_certainly_absent("libm.so", {}, root)


@pytest.mark.parametrize("folder", ["lib", "usr/lib64", "usr/lib/x86_64-linux-gnu"])
def test_a_library_in_a_trusted_folder_is_not_absent(root: Path, folder: str) -> None:
    (root / folder).mkdir(parents=True)
    (root / folder / "libcuda.so.1").write_bytes(b"")
    assert not is_certainly_absent("libcuda.so.1", {}, root)


@pytest.mark.parametrize("inside", ["", "glibc-hwcaps/x86-64-v3"])
def test_a_library_on_ld_library_path_is_not_absent(root: Path, inside: str) -> None:
    folder = root / "mine" / inside
    folder.mkdir(parents=True)
    (folder / "libcuda.so.1").write_bytes(b"")
    assert not is_certainly_absent("libcuda.so.1", {"LD_LIBRARY_PATH": f"/nowhere:{root}/mine"}, root)


def test_without_a_readable_cache_there_is_no_telling(tmp_path: Path) -> None:
    assert not is_certainly_absent("libcuda.so.1", {}, tmp_path)


@pytest.mark.parametrize("library", ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "no-such-library.so.1"])
def test_what_the_loader_finds_is_never_called_absent(library: str) -> None:
    try:
        ctypes.CDLL(library)
    except OSError:
        assert is_certainly_absent(library)
    else:
        assert not is_certainly_absent(library)


def test_a_folder_that_cannot_be_looked_into_holds_nothing(root: Path) -> None:
    # A name that no file system takes is refused like a folder that one may not enter, also for root.
    assert is_certainly_absent("libcuda.so.1", {"LD_LIBRARY_PATH": "/" + "x" * 5000}, root)
