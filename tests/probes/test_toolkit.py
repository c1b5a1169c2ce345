"""The tools' probe: versions read from programs that behave, and from those that do not."""

import os
import time
from pathlib import Path

import pytest

from envkit.probes.toolkit import probe_toolkit
from envkit.snapshot import Toolkit

pytestmark = pytest.mark.skipif("os.name == 'nt'", reason="the stand-in programs are scripts for a POSIX shell")

NVCC = "echo 'Cuda compilation tools, release 12.4, V12.4.131'"


def program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def probed(path: Path, limit: float = 8.0, **variables: str) -> Toolkit:
    return probe_toolkit(limit, {"PATH": str(path), **variables})


def test_each_tool_tells_its_version(tmp_path: Path) -> None:
    for name, body in (("nvcc", NVCC), ("gcc", "echo 13.2.0"), ("g++", "echo 13.2.0"), ("ninja", "echo 1.12.1")):
        program(tmp_path, name, body)
    assert probed(tmp_path) == Toolkit(nvcc="12.4.131", cuda_home="", gcc="13.2.0", gxx="13.2.0", ninja="1.12.1")


def test_what_is_not_there_is_absent_not_unknown(tmp_path: Path) -> None:
    found = probed(tmp_path)
    assert (found.gcc, found.gxx, found.ninja) == ("", "", "")


def test_cuda_home_counts_before_path_as_torch_has_it(tmp_path: Path) -> None:
    program(tmp_path, "nvcc", NVCC)
    program(tmp_path / "cuda/bin", "nvcc", NVCC.replace("12.4", "11.8"))
    assert probed(tmp_path, CUDA_HOME=str(tmp_path / "cuda")).nvcc == "11.8.131"
    assert probed(tmp_path, CUDA_PATH=str(tmp_path / "cuda")).cuda_home == str(tmp_path / "cuda")


def test_a_cuda_home_without_a_compiler_has_none_whatever_path_holds(tmp_path: Path) -> None:
    program(tmp_path, "nvcc", NVCC)
    assert probed(tmp_path, CUDA_HOME=str(tmp_path / "empty")).nvcc == ""


def test_the_compiler_that_the_user_names_is_asked(tmp_path: Path) -> None:
    program(tmp_path, "gcc-11", "echo 11.4.0")
    assert probed(tmp_path, CC="gcc-11 -m64").gcc == "11.4.0"


@pytest.mark.parametrize("body", ["exit 1", "echo nonsense", "kill -9 $$"])
def test_a_tool_that_fails_is_unknown_and_the_others_still_answer(tmp_path: Path, body: str) -> None:
    program(tmp_path, "nvcc", body)
    program(tmp_path, "gcc", "echo 12.2.0")
    found = probed(tmp_path)
    assert (found.nvcc, found.gcc) == (None, "12.2.0")


def test_a_tool_that_hangs_takes_its_share_of_the_time_and_no_more(tmp_path: Path) -> None:
    program(tmp_path, "nvcc", "exec sleep 60")
    program(tmp_path, "gcc", "echo 12.2.0")
    began = time.perf_counter()
    found = probed(tmp_path, limit=2.0, PATH=f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert (found.nvcc, found.gcc) == (None, "12.2.0")
    assert time.perf_counter() - began < 8
