"""A run of `smoke/` in several processes: torchrun of the target in, its event stream and its end out as Results.

torchrun belongs to the target's torch and runs under the target's interpreter. What it prints about the end of its
processes is read here, since a rank that was killed can say nothing itself.
"""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from envkit import matrix, processes
from envkit.bench.collecting import collect_results
from envkit.bench.smoke_run import SMOKE_LIMIT, OnEvent
from envkit.bench.stream import Event, parse_event
from envkit.payload import find_payload
from envkit.processes import Completed, End
from envkit.results import Results, SmokeError

CPU_RANKS = 2
"""Processes where the CPU does the work and nobody said how many: the fewest that have anybody to talk to."""

PATIENCE = 60.0
"""Seconds that ranks may stand still before they are given up, where the time limit leaves that much."""

_OUTPUT_LIMIT = 2**20
_FAILED = "distributed-failed"
_NCCL = "nccl-failure"
_TORCHRUN_ENDED = ("died", "device-died")
"""What is told of torchrun's own end, which says nothing of the rank that brought it about."""


class Launch(NamedTuple):
    """How many processes where, in torchrun's words; None leaves it to what the target has."""

    nproc_per_node: int | None = None
    nnodes: int = 1
    node_rank: int | None = None
    rdzv_endpoint: str | None = None
    rdzv_id: str | None = None
    rdzv_backend: str | None = None
    max_restarts: int = 0


class Ended(NamedTuple):
    """The rank that failed first, as torchrun saw it: its exit code is negative when a signal ended it."""

    rank: int
    host: str
    code: int
    signal: str


def run_distributed(
    python: str,
    launch: Launch,
    *,
    device: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    timeout: float = SMOKE_LIMIT,
    on_event: OnEvent | None = None,
) -> Results:
    """Run the linear regression in several processes under `python` and return what they told.

    `device` is a kind (cpu, cuda), of which each process takes its own. Whatever torchrun or a process of it does
    comes back as `Results` that say so.
    """
    smoke = [str(find_payload("smoke")), "--distributed", *(("--device", device) if device else ())]
    # -B: nothing is written into the payload's folder, which may be read-only or another user's.
    events, listed = _listen([python, "-B", *smoke, "--list"], timeout, None)
    first_look = collect_results(python, events, listed)
    if not first_look.passed:
        return first_look
    left = max(1.0, timeout - listed.seconds)
    options = ["--patience", f"{min(PATIENCE, left / 3):g}"]
    options += ["--epochs", str(epochs)] if epochs is not None else []
    options += ["--seed", str(seed)] if seed is not None else []
    argv = [*torchrun(python, launch, count_ranks(events), left), *smoke, *options]
    events, completed = _listen(argv, left, on_event)
    results = collect_results(python, events, completed)
    return msgspec.structs.replace(results, errors=explain(results.errors, events, completed, launch))


def torchrun(python: str, launch: Launch, ranks: int, limit: float) -> list[str]:
    """Return the command that starts the processes, but for what they run.

    The options are spelled with underscores, as every torch since 1.13 reads them. On one machine the rendezvous is
    torchrun's own; on several `c10d`, unless a rank of this machine was given, which `static` is for.
    """
    argv = [python, "-m", "torch.distributed.run", "--nproc_per_node", str(launch.nproc_per_node or ranks)]
    argv += ["--max_restarts", str(launch.max_restarts)]
    if launch.nnodes == 1 and launch.rdzv_endpoint is None:
        return [*argv, "--standalone"]
    backend = launch.rdzv_backend or ("c10d" if launch.node_rank is None else "static")
    # It gives up in its own words before it is cut off.
    wait = max(1, int(0.8 * limit))
    waits = f"timeout={wait},join_timeout={wait},read_timeout={min(60, wait)}"
    argv += ["--nnodes", str(launch.nnodes), "--rdzv_backend", backend, "--rdzv_conf", waits]
    for option, value in (
        ("--node_rank", launch.node_rank),
        ("--rdzv_endpoint", launch.rdzv_endpoint),
        ("--rdzv_id", launch.rdzv_id),
    ):
        argv += [option, str(value)] if value is not None else []
    return argv


def count_ranks(events: Sequence[Event]) -> int:
    """Return how many processes this machine has devices for, as the target told in its first event."""
    requested = [name for event in events if event.get("event") == "start" for name in event.get("requested") or ()]
    return CPU_RANKS if requested == ["cpu"] else max(1, len(requested))


def explain(
    errors: tuple[SmokeError, ...], events: Sequence[Event], completed: Completed, launch: Launch
) -> tuple[SmokeError, ...]:
    """Return the errors of a run with what torchrun knows of its cause, which comes first."""
    text = completed.error_text
    told = tuple(msgspec.structs.replace(error, kind=_NCCL) if _nccl_line(error.message) else error for error in errors)
    died = any(error.kind in _TORCHRUN_ENDED for error in told)
    ended = find_first_end(text)
    if ended is not None and (died or ended.signal):
        what = f"rank {ended.rank} on {ended.host} ended first, {ended.signal or f'with exit code {ended.code}'}"
        told = (_error(what), *(error for error in told if error.kind not in _TORCHRUN_ENDED))
    elif died and completed.end is not End.NOT_STARTED:
        told = (_error(_why_no_start(text, events, completed, launch)),)
    elif completed.end is End.TIMED_OUT and not events and launch.nnodes > 1:
        told = (*told, _error(f"no rank has started: {_rendezvous(launch)}"))
    said = _nccl_line(text)
    if said and not any(error.kind == _NCCL for error in told):
        told = (*told, SmokeError(kind=_NCCL, message=said))
    return told


_ROOT = re.compile(
    r"Root Cause.*?^\s*host\s*: (?P<host>\S+).*?^\s*rank\s*: (?P<rank>\d+).*?^\s*exitcode\s*: (?P<code>-?\d+)"
    r"(?:[^\n]*\((?P<signal>SIG\w+)\))?",
    re.DOTALL | re.MULTILINE,
)


def find_first_end(text: str) -> Ended | None:
    """Read in torchrun's last words which rank failed first; None where it says nothing of the kind."""
    found = _ROOT.search(text)
    if found is None:
        return None
    code = int(found["code"])
    signal = f"by {found['signal'] or f'signal {-code}'}" if code < 0 else ""
    return Ended(int(found["rank"]), found["host"], code, signal)


def _listen(argv: Sequence[str], timeout: float, on_event: OnEvent | None) -> tuple[list[Event], Completed]:
    events: list[Event] = []

    def hear(line: bytes) -> None:
        event = parse_event(line)
        if event is not None:
            events.append(event)
            if on_event is not None:
                on_event(event)

    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # the ranks too, whom torchrun starts without -B
    return events, processes.run(argv, timeout=timeout, env=env, limit=_OUTPUT_LIMIT, on_line=hear)


_RAISED = re.compile(
    r"^(?:[\w.]*\.)?(\w*(?:Rendezvous|DistNetwork|DistStore|Timeout|Connection|Runtime|Value)\w*Error: .*)"
)


def _why_no_start(text: str, events: Sequence[Event], completed: Completed, launch: Launch) -> str:
    """Say why torchrun ended without any rank's end."""
    raised = [found[1] for line in text.splitlines() if (found := _RAISED.match(line.strip()))]
    said = raised[-1] if raised else (text.splitlines() or [completed.describe()])[-1]
    if events:
        return f"torchrun ended before its ranks: {said}"
    return f"torchrun started no rank: {said}" + (f"; {_rendezvous(launch)}" if launch.rdzv_endpoint else "")


def _rendezvous(launch: Launch) -> str:
    return (
        f"all {launch.nnodes} machines must run this command with the same --rdzv-endpoint"
        f" {launch.rdzv_endpoint} (which each can reach), --rdzv-id and --nnodes"
    )


def _nccl_line(text: str) -> str | None:
    """Return the first line that NCCL's failure stands in, by the table of errors."""
    lines = [line.strip() for line in text.splitlines() if "nccl" in line.lower()]
    if not lines:
        return None
    table = matrix.load().errors
    return next((line[:1000] for line in lines if table.cause_of(line) == _NCCL), None)


def _error(message: str) -> SmokeError:
    return SmokeError(kind=_FAILED, message=message, workload="distributed")
