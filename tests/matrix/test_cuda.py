"""Drivers and CUDA releases: the published rules, as arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit import matrix
from envkit.matrix.cuda import backend_of, cuda_of
from envkit.matrix.versions import numbers

CUDA = matrix.load().cuda
releases = st.sampled_from(CUDA.releases())
drivers = st.tuples(st.integers(380, 700), st.integers(0, 200), st.integers(0, 99)).map(
    lambda parts: ".".join(map(str, parts))
)
systems = st.sampled_from(["linux", "windows"])


@pytest.mark.parametrize(
    ("cuda", "driver", "os", "runs"),
    [
        pytest.param("11.8", "450.80.02", "linux", True, id="11.8 from 450.80.02 by minor-version compatibility"),
        pytest.param("11.8", "450.51.06", "linux", False, id="11.8 not before"),
        pytest.param("12.1", "525.60.13", "linux", True, id="12.1 from 525.60.13"),
        pytest.param("12.1", "520.61.05", "linux", False, id="12.1 not on a CUDA 11 driver"),
        pytest.param("12.1", "470.57.02", "linux", False, id="12.1 not on 470"),
        pytest.param("12.1", "580.65.06", "linux", True, id="12.1 on a CUDA 13 driver"),
        pytest.param("10.2", "418.39", "linux", False, id="10.2 has no minor-version compatibility"),
        pytest.param("10.2", "440.33", "linux", True, id="10.2 from 440.33"),
        pytest.param("11.8", "452.39", "windows", True, id="11.8 on Windows from 452.39"),
        pytest.param("11.8", "451.48", "windows", False, id="11.8 on Windows not before"),
        pytest.param("13.0", "579.99", "linux", False, id="13.0 not before 580"),
        pytest.param("13.0", "580", "linux", True, id="a branch stands for its newest driver"),
        pytest.param("13.0", "575", "linux", False, id="a branch does not stand for the next"),
        pytest.param("11.8", "450.80", "linux", True, id="cut short, it may be the least"),
        pytest.param("12.1", "525.60", "linux", True, id="cut short, of another branch"),
        pytest.param("13.0", "580.65", "linux", True, id="cut short, of the newest"),
        pytest.param("13.0", "580.64", "linux", False, id="cut short and too old"),
        pytest.param("13.0", "580.00", "linux", False, id="with a number of its own it is no branch"),
        pytest.param("12.1", "525.60.11", "linux", False, id="told in full and too old"),
        pytest.param("99.9", "580.65.06", "linux", None, id="an unknown release"),
        pytest.param("12.1", "unknown", "linux", None, id="an unreadable driver"),
    ],
)
def test_a_driver_runs_a_cuda_release(cuda: str, driver: str, os: str, runs: bool | None) -> None:
    assert CUDA.fit(cuda, driver, os).runs is runs


@given(releases, drivers, drivers, systems)
def test_a_newer_driver_runs_all_that_an_older_one_does(cuda: str, one: str, other: str, os: str) -> None:
    older, newer = sorted((one, other), key=numbers)
    if CUDA.fit(cuda, older, os).runs:
        assert CUDA.fit(cuda, newer, os).runs


@given(releases)
def test_a_backend_name_and_its_release_are_one_to_one(cuda: str) -> None:
    assert cuda_of(backend_of(cuda)) == cuda


@pytest.mark.parametrize("backend", ["cpu", "mps", "rocm6.2", "xpu", "cu", "cuda"])
def test_other_backends_have_no_cuda_release(backend: str) -> None:
    assert cuda_of(backend) is None
