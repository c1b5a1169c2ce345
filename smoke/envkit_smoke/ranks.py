"""One of the processes that torchrun started: its place among them, what it takes, and that it never outlives torchrun.

torchrun gives every process a session of its own, so that whoever kills torchrun does not reach them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from dataclasses import dataclass
from time import sleep
from typing import Any, Mapping, Sequence

from envkit_smoke import devices

BACKENDS = {"cpu": "gloo", "cuda": "nccl", "xpu": "xccl"}
"""What carries the collective operations, for each kind of device that has such a thing."""

PARENT_POLL = 0.2  # seconds
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Place:
    """Where a process stands among all: torchrun's environment variables, as its documentation lists them.

    ``node`` numbers the machines. ``hosts_store`` says that this process is to open the store at ``address`` and
    ``port``, since no agent of torchrun has.
    """

    rank: int
    world: int
    local_rank: int
    node: int
    nodes: int
    address: str
    port: int
    hosts_store: bool
    run: str

    @property
    def speaks(self) -> bool:
        """Whether this process writes the events: one on each machine, so that nobody sees an empty stream."""
        return self.local_rank == 0


def find_place(environment: Mapping[str, str] | None = None) -> Place | None:
    """The place of this process; None when torchrun did not start it."""
    told = os.environ if environment is None else environment
    if not all(name in told for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")):
        return None
    rank = int(told["RANK"])
    return Place(
        rank=rank,
        world=int(told["WORLD_SIZE"]),
        local_rank=int(told["LOCAL_RANK"]),
        node=int(told.get("GROUP_RANK", "0")),
        nodes=int(told.get("GROUP_WORLD_SIZE", "1")),
        address=told["MASTER_ADDR"],
        port=int(told["MASTER_PORT"]),
        hosts_store=rank == 0 and told.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
        run=told.get("TORCHELASTIC_RUN_ID", "") + "/" + told.get("TORCHELASTIC_RESTART_COUNT", "0"),
    )


def kind_of(wanted: Sequence[str], available: Sequence[str]) -> str:
    """The kind of device that the ranks take: the one that was asked for, else GPUs where there are any."""
    named = [name for name in wanted if name != devices.ALL]
    if named:
        return named[0].partition(":")[0]
    kinds = [name.partition(":")[0] for name in available]
    return next((kind for kind in ("cuda", "xpu") if kind in kinds), "cpu")


def of_kind(kind: str, available: Sequence[str]) -> list[str]:
    """The devices of one kind."""
    return [name for name in available if name.partition(":")[0] == kind]


def why_not(torch: Any, kind: str) -> str | None:
    """One sentence on why this torch cannot work in several processes on such devices; None if it can."""
    distributed = getattr(torch, "distributed", None)
    version = f"this torch ({torch.__version__})"
    if distributed is None or not distributed.is_available():
        return f"{version} was built without torch.distributed"
    backend = BACKENDS.get(kind)
    if backend is None:
        return f"torch.distributed has no backend for {kind}; use --device cpu"
    has = getattr(distributed, f"is_{backend}_available", None)
    if has is not None and not has():
        return f"{version} was built without {backend}, which {kind} devices need for it; use --device cpu"
    return None


def leave_with_parent() -> None:
    """Make this process end when the one that started it has ended, however that came about."""
    parent = os.getppid()
    if sys.platform == "linux":
        # The kernel sees to it, even while this process is stopped or hangs in native code.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        sleep(PARENT_POLL)
    os._exit(1)
