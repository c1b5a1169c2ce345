"""Which builds are held against a machine, and what is said of those that do not fit."""

import pytest

from envkit import matrix as tables
from envkit.matrix.data_files import read
from envkit.matrix.learned import Kept, LearnedRelease, LearnedWheel, Overlay
from envkit.matrix.torch_releases import TORCH_INDEX, TorchTable, _File
from envkit.matrix.versions import numbers
from envkit.planning.compatibility import Setting, compare
from envkit.planning.decide import plan
from envkit.planning.machine import read_machine
from envkit.planning.model import ImpossibleError, Manager, Request
from envkit.planning.wishes import read_wish
from tests.planning.hosts import HOSTS


def held(matrix, host="linux-cpu", *, settings=None, **request):
    asked = Request(**request)
    machine = read_machine(asked, HOSTS[host], matrix)
    wish = read_wish(asked, matrix.torch.releases())
    return compare(wish, settings or (Setting(machine),), asked.manager, matrix)


def backends(found, torch):
    return [row.backend for row in found.fitting if row.torch == torch]


def test_an_old_gpu_with_a_new_driver_gets_the_builds_that_have_its_code(matrix):
    found = held(matrix, "linux-1080ti-new-driver", torch="2.7.1")
    assert backends(found, "2.7.1")[:2] == ["cu126", "cu118"]
    lost = {row.backend: row.why for row in found.rows if not row.fits}
    assert lost["cu128"] == "has no code for NVIDIA GeForce GTX 1080 Ti (6.1)"


def test_an_old_driver_leaves_the_builds_that_it_runs(matrix):
    found = held(matrix, "linux-1080ti-old-driver", torch="2.5.1")
    assert backends(found, "2.5.1")[0] == "cu118"
    lost = {row.backend: row.why for row in found.rows if not row.fits}
    assert lost["cu121"] == "needs NVIDIA driver 525.60.13 or newer, and this machine has 470.57.02"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("manager", [Manager.VENV, Manager.CONDA])
def test_what_a_plan_takes_is_a_row_that_fits_and_nothing_fits_where_it_is_impossible(matrix, host, manager):
    asked = Request(manager=manager)
    try:
        chosen = plan(asked, HOSTS[host], matrix)
    except ImpossibleError:
        return
    found = held(matrix, host, manager=manager)
    assert found.chosen == (chosen.torch, chosen.backend)
    assert found.chosen in {(row.torch, row.backend) for row in found.fitting}


def test_every_row_says_why_it_does_not_fit_and_no_other_does(matrix):
    rows = held(matrix, "linux-1080ti-old-driver").rows
    assert all(bool(row.why) is (row.fits is False) for row in rows)


def test_releases_that_serve_the_gpu_come_before_those_for_the_cpu_alone_each_newest_first(matrix):
    found = held(matrix, "linux-1080ti-old-driver")
    releases = list(dict.fromkeys(row.torch for row in found.fitting))
    serving = list(dict.fromkeys(row.torch for row in found.fitting if row.cuda))
    alone = [torch for torch in releases if torch not in serving]
    assert releases == serving + alone
    assert serving == sorted(serving, key=numbers, reverse=True)
    assert alone == sorted(alone, key=numbers, reverse=True)


def test_gpus_that_a_build_leaves_out_are_named(matrix):
    found = held(matrix, "linux-mixed", torch="2.13.0", cuda="12.6")
    (row,) = found.fitting
    assert [str(gpu) for gpu in row.left_out] == ["NVIDIA GeForce RTX 5090 (12.0)"]


def test_with_any_python_a_build_is_looked_at_with_its_own(matrix):
    machine = read_machine(Request(python="3.14"), HOSTS["linux-cpu"], matrix)
    assert held(matrix, settings=(Setting(machine),), torch="2.5.1", python="3.14").fitting == ()
    assert held(matrix, settings=(Setting(machine, any_python=True),), torch="2.5.1", python="3.14").fitting


def test_hardware_that_is_left_open_is_no_hindrance(matrix):
    machine = read_machine(Request(), HOSTS["linux-cpu"], matrix)
    found = held(matrix, settings=(Setting(machine, left_open=("cu",)),), torch="2.5.1")
    assert backends(found, "2.5.1") == ["cu124", "cu121", "cu118", "cpu"]
    assert found.chosen is None
    assert found.about.no_gpu == ""


# -- why nothing fits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "request_", "why"),
    [
        pytest.param(
            "linux-cpu",
            {"torch": "9.9"},
            "there is no torch 9.9 among the releases from 1.8.0 to 2.15.0",
            id="no such release",
        ),
        pytest.param(
            "linux-cpu",
            {"torch": "2.8.0", "cuda": "12.1"},
            "torch 2.8.0 has no build for CUDA 12.1 on linux-x86_64; "
            "CUDA 12.1 is in torch 2.1.0 to 2.5.1 on linux-x86_64, win-amd64; "
            "torch 2.8.0 has cpu, cu126, cu128, cu129, mps, rocm6.3, rocm6.4, xpu",
            id="no such build",
        ),
        pytest.param(
            "macos-arm64",
            {"cuda": "11.8"},
            "no torch release has a build for CUDA 11.8 on macos-arm64; "
            "CUDA 11.8 is in torch 2.0.0 to 2.7.1 on linux-x86_64, win-amd64",
            id="not on this platform",
        ),
        pytest.param(
            "linux-cpu",
            {"cuda": "11.8", "python": "3.14"},
            "torch with CUDA 11.8 has no build for Python 3.14 on linux-x86_64; for Python 3.8 to 3.13 it has",
            id="not for this Python",
        ),
        pytest.param(
            "linux-5090",
            {"cuda": "11.8"},
            "torch 2.7.1 (cu118) has no code for NVIDIA GeForce RTX 5090 (12.0)",
            id="not for this GPU",
        ),
    ],
)
def test_that_nothing_fits_is_explained(matrix, host, request_, why):
    assert held(matrix, host, **request_).why == why


# -- what was learned ---------------------------------------------------------------------------


@pytest.fixture
def learned():
    """The shipped matrix with one release that only an index told of."""
    release = LearnedRelease(
        plain={"linux-x86_64": LearnedWheel(pythons=("3.11", "3.12"))},
        variants={"cpu": {"linux-x86_64": ("3.11",)}, "cu126": {"linux-x86_64": ("3.11",)}},
        indexes={"cpu": TORCH_INDEX, "cu126": TORCH_INDEX},
    )
    found = tables.Matrix()
    found.__dict__["torch"] = TorchTable(read("torch.json", _File), Kept(Overlay(releases={"9.1.0": release})))
    return found


def test_a_learned_build_can_be_planned_for_when_it_is_asked_for(learned):
    assert plan(Request(torch="9.1.0", cuda="cpu"), HOSTS["linux-cpu"], learned).index == f"{TORCH_INDEX}/cpu"
    assert plan(Request(torch="9.1.0", cuda="12.6"), HOSTS["linux-a100"], learned).backend == "cu126"


def test_a_release_of_which_no_build_is_known_is_not_said_to_have_any():
    release = LearnedRelease(plain={"linux-x86_64": LearnedWheel(pythons=("3.11",))})
    found = tables.Matrix()
    found.__dict__["torch"] = TorchTable(read("torch.json", _File), Kept(Overlay(releases={"9.1.0": release})))
    assert held(found, torch="9.1.0", cuda="12.1").why == (
        "torch 9.1.0 has no build for CUDA 12.1 on linux-x86_64; "
        "CUDA 12.1 is in torch 2.1.0 to 2.5.1 on linux-x86_64, win-amd64"
    )


def test_wheels_that_do_not_tell_are_shown_and_neither_fit_nor_fail(learned):
    found = held(learned, torch="9.1.0")
    assert {row.backend: row.fits for row in found.rows}["unknown"] is None
    assert {row.learned for row in found.rows} == {True}
    assert backends(found, "9.1.0") == ["cpu"]
