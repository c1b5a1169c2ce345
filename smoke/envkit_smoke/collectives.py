"""The operations that all ranks do together, held against whole numbers that each rank knows; and how fast they are."""

from __future__ import annotations

from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
import torch
import torch.distributed as dist

from envkit_smoke.checks import Check

if TYPE_CHECKING:
    from envkit_smoke.board import Board
    from envkit_smoke.ranks import Place

SIZES = (1, 1021, 2**16 + 1)
WARMUP_ROUNDS, ROUNDS = 3, 20
RATE_BYTES = {"cpu": 4 * 2**20, "cuda": 64 * 2**20, "xpu": 64 * 2**20}
STAGGER = 0.01  # seconds by which each rank comes later to the barrier than the one before it


def check_all(place: Place, device: str, seed: int, board: Board) -> list[Check]:
    """All operations, checked on this rank."""
    return [
        check_all_reduce(place, device, seed),
        check_all_gather(place, device, seed),
        check_broadcast(place, device, seed),
        check_barrier(place, board),
    ]


def check_all_reduce(place: Place, device: str, seed: int) -> Check:
    """Sums of whole numbers over all ranks are exact, in integers and in float32 that can hold them."""
    wrong = []
    for dtype, limit in ((np.int64, 2**40), (np.int32, 2**24), (np.float32, 2**24)):
        for size in SIZES:
            parts = [numbers(size, seed, rank, limit // place.world, dtype) for rank in range(place.world)]
            tensor = _on(device, parts[place.rank])
            dist.all_reduce(tensor)
            expected = np.sum(parts, axis=0, dtype=dtype)
            wrong += _differing(tensor, expected, f"{size} {np.dtype(dtype).name}")
    return _verdict("all-reduce", wrong, f"sums over {place.world} ranks are exact")


def check_all_gather(place: Place, device: str, seed: int) -> Check:
    """Each rank gets what every other one gave."""
    wrong = []
    for size in SIZES:
        parts = [numbers(size, seed, rank) for rank in range(place.world)]
        gathered = [torch.empty(size, dtype=torch.int64, device=device) for _ in parts]
        dist.all_gather(gathered, _on(device, parts[place.rank]))
        for rank, (tensor, expected) in enumerate(zip(gathered, parts)):
            wrong += _differing(tensor, expected, f"{size} numbers of rank {rank}")
    return _verdict("all-gather", wrong, f"what each of {place.world} ranks gave arrived")


def check_broadcast(place: Place, device: str, seed: int) -> Check:
    """Each rank gets what any one of them sends to all."""
    wrong = []
    for source in range(place.world):
        expected = numbers(SIZES[-1], seed, source)
        tensor = _on(device, expected) if source == place.rank else torch.zeros(len(expected), dtype=torch.int64)
        tensor = tensor.to(device)
        dist.broadcast(tensor, src=source)
        wrong += _differing(tensor, expected, f"{len(expected)} numbers of rank {source}")
    return _verdict("broadcast", wrong, f"what each of {place.world} ranks sent to all arrived")


def check_barrier(place: Place, board: Board) -> Check:
    """No rank passes the barrier before all have come to it, each a little later than the one before."""
    sleep(STAGGER * place.rank)
    board.arrive("barrier")
    dist.barrier()
    missing = place.world - board.arrived("barrier")
    detail = f"{missing} ranks had not yet come to the barrier" if missing else "all ranks had come to the barrier"
    return Check("barrier", missing, 0, f"{detail} when this one passed it")


def time_all_reduce(device: str, synchronise: Callable[[], None]) -> tuple[int, list[float]]:
    """Bytes on each rank, and seconds of each sum over all ranks."""
    size = RATE_BYTES[device.partition(":")[0]]
    tensor = torch.zeros(size // 4, dtype=torch.float32, device=device)  # sums of zeros stay what they are
    seconds = []
    for number in range(WARMUP_ROUNDS + ROUNDS):
        dist.barrier()
        synchronise()
        began = perf_counter()
        dist.all_reduce(tensor)
        synchronise()
        if number >= WARMUP_ROUNDS:
            seconds.append(perf_counter() - began)
    return size, seconds


def numbers(size: int, seed: int, rank: int, limit: int = 2**40, dtype: Any = np.int64) -> Any:
    """What a rank gives: whole numbers below ``limit`` in magnitude, the same whoever draws them."""
    drawn = np.random.default_rng([seed, rank, size]).integers(-limit, limit, size, endpoint=True)
    return drawn.astype(dtype)


def _on(device: str, values: Any) -> torch.Tensor:
    return torch.from_numpy(values.copy()).to(device)


def _differing(tensor: torch.Tensor, expected: Any, what: str) -> list[str]:
    count = int(np.sum(tensor.cpu().numpy() != expected))
    return [f"{what}: {count} of {len(expected)} differ"] if count else []


def _verdict(name: str, wrong: list[str], claim: str) -> Check:
    return Check(name, len(wrong), 0, f"not so: {wrong[0]}" if wrong else claim)
