"""Do the processes of a distributed run reach each other?"""

from typing import NamedTuple

from envkit import reading
from envkit.checks.shells import shell_of
from envkit.findings import Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.errors import NOT_A_FAULT
from envkit.snapshot import Snapshot


class _Way(NamedTuple):
    """A way of failing: what is said, what it means, the way out."""

    marks: tuple[str, ...]
    cause: str
    steps: tuple[str, ...]
    sets: str = ""
    """The variable that is set to 1."""
    unsets: str = ""


_WAYS = (
    _Way(
        ("doesn't have NCCL",),
        "this build of torch has no NCCL: those for Windows and macOS never have, nor has one without CUDA",
        ("use the backend `gloo` there: init_process_group('gloo')",),
    ),
    _Way(
        ("no socket interface found", "NCCL_SOCKET_IFNAME", "neither AF_INET"),
        "NCCL found no network interface to start on: NCCL_SOCKET_IFNAME names none that is here, or all were left out",
        ("or name the one that carries the address of the others: `ip -brief address` lists them",),
        unsets="NCCL_SOCKET_IFNAME",
    ),
    _Way(
        ("Duplicate GPU detected",),
        "two ranks were given the same GPU",
        ("give each process its own: torch.cuda.set_device(LOCAL_RANK), and no more processes than GPUs",),
    ),
    _Way(
        (
            "No route to host",
            "connect failed",
            "Connect to",
            "Connection refused",
            "reset by peer",
            "Connection closed",
        ),
        "a rank cannot reach another over the interface that NCCL chose",
        (
            "let NCCL_SOCKET_IFNAME name, on every node, the interface that leads to the others",
            "let the firewall pass between the nodes: NCCL takes any free port",
        ),
    ),
    _Way(
        ("peer access", "P2P", "iommu", "IOMMU"),
        "the GPUs cannot read each other's memory directly: the IOMMU, PCIe ACS or the GPU's kind forbids it",
        ("that is slower; the lasting way is to switch off the IOMMU or ACS for those slots in firmware and kernel",),
        sets="NCCL_P2P_DISABLE",
    ),
    _Way(
        ("ibv_", "NET/IB", "libibverbs", "GID"),
        "NCCL's InfiniBand transport fails",
        ("where it works without, mend the fabric: `ibstat`, and NCCL_IB_HCA, NCCL_IB_GID_INDEX",),
        sets="NCCL_IB_DISABLE",
    ),
    _Way(
        ("Watchdog caught", "watchdog thread terminated", "timed out", "timeout", "Timeout"),
        "a collective operation was not joined by all ranks in time: one of them failed, waited, or cannot be reached",
        (
            "look for the rank whose error came first: the others only wait for it",
            "where none failed, see whether all ranks make the same calls, and try NCCL_P2P_DISABLE=1",
        ),
    ),
    _Way(
        ("remote process exited", "ncclRemoteError"),
        "the connection to another rank broke: that process ended first",
        ("look at the log of the rank that ended first",),
    ),
)
_ANY = _Way(
    (),
    "NCCL could not set up or use its transport",
    ("the cause is in NCCL's own log, a few lines before the end",),
)


def check_nccl_failure(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that NCCL did not start, or that its ranks lost each other."""
    quotes = reading.quotes(snapshot, matrix, "nccl-failure")
    if not quotes:
        return None
    told = "\n".join(one.text for one in reading.said(snapshot) if matrix.errors.cause_of(one.text) == "nccl-failure")
    way = next((way for way in _WAYS if any(mark in told for mark in way.marks)), _ANY)
    shell = shell_of(snapshot)
    settings = {"NCCL_DEBUG": "INFO"} if not way.sets else {"NCCL_DEBUG": "INFO", way.sets: "1"}
    own = any(matrix.errors.cause_of(one.text) == NOT_A_FAULT for one in reading.said(snapshot))
    return Finding(
        code="nccl-failure",
        # A program that failed in one rank takes NCCL along in all others.
        severity=Severity.WARNING if own else Severity.ERROR,
        summary="the processes of the run lost, or never found, each other (NCCL)",
        cause=way.cause,
        facts=(*quotes, *reading.variable_facts(snapshot, "NCCL_SOCKET_IFNAME", "NCCL_P2P_DISABLE", "NCCL_IB_DISABLE")),
        fix=Fix(
            summary="see what NCCL says, and mend the transport",
            commands=(
                *(shell.set({name: value}) for name, value in settings.items()),
                *([shell.unset(way.unsets)] if way.unsets else []),
            ),
            steps=way.steps,
        ),
    )


CHECKS = (check_nccl_failure,)
