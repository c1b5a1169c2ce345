"""A rank's place among the others, the devices that ranks take, and that none outlives torchrun."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from envkit_smoke import ranks

from tests.conftest import is_running
from tests.smoke.conftest import SMOKE

TOLD = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "GROUP_RANK": "1", "GROUP_WORLD_SIZE": "2",
    "MASTER_ADDR": "node0", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}  # fmt: skip


def place(**told: str) -> ranks.Place:
    found = ranks.find_place({**TOLD, **told})
    assert found is not None
    return found


def fake_torch(**distributed: Any) -> SimpleNamespace:
    return SimpleNamespace(
        __version__="2.9", distributed=SimpleNamespace(**{"is_available": lambda: True, **distributed})
    )


def test_the_place_is_what_torchrun_tells() -> None:
    assert place() == ranks.Place(5, 8, 1, 1, 2, "node0", 29500, hosts_store=False, run="job/0")


def test_without_torchrun_there_is_no_place() -> None:
    assert ranks.find_place({"RANK": "0"}) is None


@pytest.mark.parametrize(
    ("rank", "agent", "hosts"), [("0", "False", True), ("0", "True", False), ("1", "False", False)]
)
def test_rank_0_hosts_the_store_where_torchrun_does_not(rank: str, agent: str, hosts: bool) -> None:
    assert place(RANK=rank, TORCHELASTIC_USE_AGENT_STORE=agent).hosts_store is hosts


def test_one_rank_of_each_machine_speaks() -> None:
    assert [place(LOCAL_RANK=local).speaks for local in "012"] == [True, False, False]


@pytest.mark.parametrize(
    ("wanted", "available", "kind"),
    [
        pytest.param([], ["cpu"], "cpu", id="nothing else"),
        pytest.param([], ["cpu", "cuda:0", "cuda:1"], "cuda", id="GPUs first"),
        pytest.param(["all"], ["cpu", "xpu:0"], "xpu", id="all"),
        pytest.param(["cpu"], ["cpu", "cuda:0"], "cpu", id="asked for"),
        pytest.param(["cuda:0"], ["cpu"], "cuda", id="asked for and not there"),
        pytest.param([], ["cpu", "mps:0"], "cpu", id="mps has no backend"),
    ],
)
def test_ranks_take_the_kind_that_was_asked_for_else_gpus(wanted: list[str], available: list[str], kind: str) -> None:
    assert ranks.kind_of(wanted, available) == kind


def test_a_torch_without_distributed_says_so() -> None:
    assert ranks.why_not(fake_torch(is_available=lambda: False), "cpu") == (
        "this torch (2.9) was built without torch.distributed"
    )


def test_a_torch_without_nccl_says_so() -> None:
    told = ranks.why_not(fake_torch(is_nccl_available=lambda: False), "cuda")
    assert told == "this torch (2.9) was built without nccl, which cuda devices need for it; use --device cpu"


def test_a_kind_without_a_backend_says_so() -> None:
    assert ranks.why_not(fake_torch(), "mps") == "torch.distributed has no backend for mps; use --device cpu"


def test_an_old_torch_that_does_not_tell_of_gloo_is_tried() -> None:
    assert ranks.why_not(fake_torch(), "cpu") is None


RANK = f"""
import sys, time
sys.path.insert(0, {str(SMOKE)!r})
from envkit_smoke import ranks
ranks.leave_with_parent()
print("ready", flush=True)
time.sleep(600)
"""
AGENT = f"""
import subprocess, sys, time
rank = subprocess.Popen([sys.executable, "-c", {RANK!r}], stdout=subprocess.PIPE, start_new_session=True)
rank.stdout.readline()
print(rank.pid, flush=True)
time.sleep(600)
"""


def test_a_rank_ends_when_the_one_that_started_it_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", AGENT], stdout=subprocess.PIPE) as agent:
        assert agent.stdout
        rank = int(agent.stdout.readline())
        assert is_running(rank)
        agent.kill()
    until = time.monotonic() + 10
    while is_running(rank) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(rank)


def test_where_the_kernel_does_not_see_to_it_a_thread_does(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([1, 1, 7])
    left: list[int] = []
    monkeypatch.setattr(ranks.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(ranks.os, "_exit", left.append)
    monkeypatch.setattr(ranks, "PARENT_POLL", 0)
    ranks._watch_parent(1)
    assert left == [1]
