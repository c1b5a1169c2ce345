"""One rank of a run over several processes, as torchrun starts it: its work, the watch over all, and the telling.

The work is done in a thread of its own, since a collective operation waits without end for a rank that does not come.
The main thread watches the board: when a rank fails, or all stand still, it can still say which and where. On each
machine the first rank tells what all have reported.
"""

from __future__ import annotations

import socket
import threading
import traceback
from collections import Counter
from datetime import timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from envkit_smoke import devices, ranks
from envkit_smoke.board import Board, connect
from envkit_smoke.checks import Check, on_device
from envkit_smoke.measure import Measure
from envkit_smoke.toolchain import one_line

if TYPE_CHECKING:
    from envkit_smoke.options import Options
    from envkit_smoke.ranks import Place
    from envkit_smoke.reporter import Reporter

WORKLOAD = "distributed"
FAILED = "distributed-failed"
POLL = 0.05  # seconds
SETTLE = 1.0  # seconds that the other ranks have to report too once one has failed
FAREWELL = 10.0  # seconds that a rank waits for the tellers to have told

Posts = Mapping[int, Mapping[str, Any]]


def run(torch: Any, options: Options, reporter: Reporter, kind: str) -> None:
    """Take part in the run of all ranks; the teller of each machine tells it."""
    place = ranks.find_place()
    reporter = reporter.about(device=kind, workload=WORKLOAD, dtype="float32")
    if place is None:
        reporter.fault(FAILED, "--distributed is for processes that torchrun started: RANK and others are not set")
        return
    try:
        board = Board(connect(torch.distributed, place, options.patience, host=place.hosts_store), place)
        posts = attend(Work(torch, options, place, kind, board), board, place, options.patience)
        failure = explain(posts, board, place.world, options.patience)
    except Exception as error:  # noqa: BLE001 - the board is out of reach: torchrun or the rank that hosts it ended
        traceback.print_exc()
        reporter.fault(FAILED, f"rank {place.rank} lost the others: {one_line(error)}")
        return
    if failure:
        reporter.fault(FAILED, failure)
    else:
        tell(reporter, ranks.BACKENDS[kind], [posts[rank] for rank in range(place.world)])
    if place.speaks:
        board.arrive("told")
    _farewell(board, place)
    if not place.speaks:
        # All is told by another; a failing exit code would make torchrun end that one before it has come to its end.
        reporter.tally.code = 0


class Work(threading.Thread):
    """What a rank does. ``report`` is what it has to say in the end."""

    def __init__(self, torch: Any, options: Options, place: Place, kind: str, board: Board) -> None:
        super().__init__(daemon=True)  # it may never end
        self.torch = torch
        self.options = options
        self.place = place
        self.kind = kind
        self.board = board
        self.report: dict[str, Any] = {}

    def run(self) -> None:
        """Do it all; whatever goes wrong is reported."""
        try:
            self.board.mark("the start")
            self.report = self._work()
        except Exception as error:  # noqa: BLE001 - a device, a network or a library may fail in any way
            traceback.print_exc()
            self.report = {"error": one_line(error)}

    def _work(self) -> dict[str, Any]:
        from envkit_smoke import collectives

        place, mark, distributed = self.place, self.board.mark, self.torch.distributed
        device = self._take_device()
        synchronise = devices.synchroniser(self.torch, device)
        mark("the forming of the group")
        # Twice the patience: whoever waits is to be named before torch gives up.
        distributed.init_process_group(
            ranks.BACKENDS[self.kind],
            store=distributed.PrefixStore(
                f"envkit-smoke/{place.run}", connect(distributed, place, self.options.patience)
            ),
            rank=place.rank,
            world_size=place.world,
            timeout=timedelta(seconds=2 * self.options.patience),
        )
        try:
            mark("the checks of collective operations")
            checks = collectives.check_all(place, device, self.options.seed, self.board)
            trained, bits = self._train(device)
            mark("the timing of all-reduce")
            size, seconds = collectives.time_all_reduce(device, synchronise)
            mark("the end")
            distributed.barrier()
        finally:
            distributed.destroy_process_group()
        return {
            "device": device,
            "host": socket.gethostname(),
            "checks": [[check.name, check.error, check.tolerance, check.detail] for check in [*checks, *trained]],
            "bits": bits.hex(),
            "bytes": size,
            "seconds": seconds,
        }

    def _take_device(self) -> str:
        if self.kind == "cpu":
            return "cpu"
        device = f"{self.kind}:{self.place.local_rank}"
        if device not in devices.names(devices.detect(self.torch)):
            raise RuntimeError(f"{device} is not available: {devices.why_unavailable(self.torch, device)}")
        getattr(self.torch, self.kind).set_device(self.place.local_rank)
        return device

    def _train(self, device: str) -> tuple[list[Check], bytes]:
        """The linear regression, shared by all ranks and alone; verdicts and the bits of the shared parameters."""
        from torch.nn.parallel import DistributedDataParallel

        from envkit_smoke import descent, stepwise

        def wrap(model: Any) -> Any:
            return DistributedDataParallel(model, device_ids=None if device == "cpu" else [self.place.local_rank])

        lessons = stepwise.draw_lessons(self.options.seed, self.options.epochs)
        shared = descent.Descent(lessons, device, self.place.rank, self.place.world, wrap)
        watched = shared.watched(lambda number: self.board.mark(f"training step {number + 1}"))
        self.board.mark("the training alone")
        alone = descent.Descent(lessons, device).watched()
        checks = [
            stepwise.check_steps(watched.trace, lessons),
            stepwise.check_gradient(watched.trace, lessons),
            stepwise.check_same_end(watched.trace, alone.trace, lessons),
            on_device(watched.placements, device),
        ]
        return checks, watched.bits


def attend(work: Any, board: Any, place: Place, patience: float) -> Posts:
    """Let this rank work and wait for all reports: until they are there, one is of a failure, or nothing moves."""
    work.start()
    seen: list[int] = []
    since, posted = monotonic(), False
    while True:
        work.join(POLL)
        if not posted and not work.is_alive():
            board.post(work.report)
            posted = True
        posts: Posts = board.posts()
        progress = [*board.progress(), len(posts)]
        if progress != seen:
            seen, since = progress, monotonic()
        limit = SETTLE if any("error" in post for post in posts.values()) else patience
        if len(posts) == place.world or monotonic() - since > limit:
            return posts


def explain(posts: Posts, board: Any, world: int, patience: float) -> str | None:
    """What went wrong, the rank first that began it as far as can be known; None when all ranks came to their end."""
    failures = sorted((post["order"], rank) for rank, post in posts.items() if "error" in post)
    silent = [rank for rank in range(world) if rank not in posts]
    if not failures and not silent:
        return None
    progress = board.progress()
    behind = [rank for rank in silent if progress[rank] < max(progress)]
    told = [f"{_named(behind)} did not come further than {board.where(behind[0])}"] if behind else []
    told += [f"rank {rank} failed in {board.where(rank)}: {posts[rank]['error']}" for _, rank in failures]
    if not failures:
        told.append(f"no rank moved for {patience:g} seconds, with {_named(silent)} still at work")
        others = [rank for rank in silent if rank not in behind]
        told += [f"{_named(others)} came to {board.where(others[0])}"] if others else []
    return "; ".join(told)


def tell(reporter: Reporter, backend: str, posts: Sequence[Mapping[str, Any]]) -> None:
    """The events of a run that came to its end."""
    first = posts[0]
    reporter.emit(
        "distributed",
        backend=backend,
        world=len(posts),
        ranks=[{"rank": rank, "device": post["device"], "host": post["host"]} for rank, post in enumerate(posts)],
        all_reduce={"bytes": first["bytes"], "seconds": Measure.of(first["seconds"]).fields()},
    )
    reporter.emit("result", passed=reporter.checks([*gather(posts), agree([post["bits"] for post in posts])]))


def gather(posts: Sequence[Mapping[str, Any]]) -> list[Check]:
    """One check for each name, that of the rank where it stands worst, which it names."""
    by_rank = [[Check(*fields) for fields in post["checks"]] for post in posts]
    return [_worst(checks) for checks in zip(*by_rank)]


def agree(bits: Sequence[str]) -> Check:
    """All ranks end with the same parameters, bit for bit. ``error`` counts the ranks that differ from the most."""
    usual = Counter(bits).most_common(1)[0][0]
    strays = [rank for rank, ended in enumerate(bits) if ended != usual]
    if not strays:
        return Check("ranks-agree", 0, 0, f"all {len(bits)} ranks ended with the same bits")
    return Check("ranks-agree", len(strays), 0, f"{_named(strays)} ended with other bits than the rest of {len(bits)}")


def _worst(checks: Sequence[Check]) -> Check:
    failed = [rank for rank, check in enumerate(checks) if not check.passed]
    rank = failed[0] if failed else max(range(len(checks)), key=lambda one: checks[one].error)
    worst = checks[rank]
    who = f"{_named(failed)} failed" if failed else f"on all {len(checks)} ranks"
    return Check(worst.name, worst.error, worst.tolerance, f"{who}; rank {rank}: {worst.detail}")


def _named(numbers: Sequence[int]) -> str:
    return ("rank " if len(numbers) == 1 else "ranks ") + ", ".join(map(str, numbers))


def _farewell(board: Board, place: Place) -> None:
    """Wait until each machine's teller has told; whoever hosts the board goes last."""
    _wait(lambda: board.arrived("told") >= place.nodes)
    board.arrive("farewell")
    if place.hosts_store:
        _wait(lambda: board.arrived("farewell") >= place.world)


def _wait(happened: Callable[[], bool]) -> None:
    until = monotonic() + FAREWELL
    try:
        while not happened() and monotonic() < until:
            sleep(POLL)
    except Exception:  # noqa: BLE001, S110 - the board is gone with the process that hosted it: there is nobody to wait for
        pass
