"""Copies between devices: whether every bit arrives, and how fast.

Each end makes the same random bits by itself, from a count, with integer arithmetic: so a copy is judged where it
arrived, and one pair that fails is not taken for another that carried the proof back. Nothing here is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Callable, Iterator, Sequence

import torch

SMALL = (1, 3, 1021)
LARGE = 2**22 + 7  # elements of 8 bytes, an odd number of them: 32 MiB
ROUNDS = 9
KEPT = -1  # what stands where a copy must not write

# The finaliser of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014), as signed numbers: products of int64
# keep their low 64 bits on every device.
GOLDEN, FIRST, SECOND = (number - 2**64 for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@dataclass(frozen=True)
class Copied:
    """One copy as it arrived: what was copied, and how many of its numbers were wrong."""

    what: str
    wrong: int
    count: int


@dataclass(frozen=True)
class Pair:
    """All copies from one device to another; seconds of each copy of ``size`` bytes, the largest."""

    source: str
    target: str
    copies: Sequence[Copied]
    seconds: Sequence[float]
    size: int
    peer_access: bool | None


def pairs(devices: Sequence[str]) -> list[tuple[str, str]]:
    """Every two of them, in both directions."""
    places = range(len(devices))
    return [(devices[source], devices[target]) for source in places for target in places if source != target]


def observe(source: str, target: str, seed: int, synchronise: Callable[[], None]) -> Pair:
    """Copy bits of several sizes and layouts; ``synchronise`` waits until both devices are idle."""
    copies = [Copied(what, *_count_wrong(*ends)) for what, ends in _small_copies(source, target, seed)]
    sent, expected = bits(LARGE, seed, source), bits(LARGE, seed, target)
    seconds = []
    for number in range(ROUNDS):
        arrived = torch.full_like(expected, KEPT)
        synchronise()
        began = perf_counter()
        arrived.copy_(sent)
        synchronise()
        seconds.append(perf_counter() - began)
        copies.append(Copied(f"{LARGE} numbers, round {number + 1}", *_count_wrong(arrived, expected)))
    return Pair(source, target, copies, seconds, LARGE * sent.element_size(), peer_access(source, target))


def bits(count: int, seed: int, device: str) -> torch.Tensor:
    """``count`` int64 of random bits, the same on every device."""
    state = (torch.arange(1, count + 1, dtype=torch.int64, device=device) + (seed % 2**31) * 2**31) * GOLDEN
    state = (state ^ _shifted(state, 30)) * FIRST
    state = (state ^ _shifted(state, 27)) * SECOND
    return state ^ _shifted(state, 31)


def peer_access(source: str, target: str) -> bool | None:
    """Whether one CUDA device reads the other's memory without the CPU's; None where torch does not tell."""
    if not (source.startswith("cuda") and target.startswith("cuda")) or source == target:
        return None
    return bool(torch.cuda.can_device_access_peer(target, source))


def _small_copies(source: str, target: str, seed: int) -> Iterator[tuple[str, tuple[torch.Tensor, torch.Tensor]]]:
    """What was copied, as it arrived and as it should be."""
    for count in SMALL:
        sent, expected = bits(count, seed, source), bits(count, seed, target)
        yield f"{count} numbers", (sent.to(target, copy=True), expected)
        # Bytes from the second on: an odd number of them, at an odd address.
        octets = torch.empty(8 * count - 1, dtype=torch.uint8, device=target)
        octets.copy_(sent.view(torch.uint8)[1:])
        yield f"{8 * count - 1} bytes at an odd address", (octets, expected.view(torch.uint8)[1:])
        spaced = torch.full((2 * count,), KEPT, dtype=torch.int64, device=target)
        spaced[::2].copy_(sent)
        yield f"every second of {2 * count} numbers, written", (spaced[::2], expected)
        yield f"the numbers between {count} that were written", (spaced[1::2], torch.full_like(expected, KEPT))
        yield f"every second of {count} numbers, read", (sent[::2].to(target, copy=True), expected[::2])
    sent, expected = (bits(33 * 31, seed, device).reshape(33, 31) for device in (source, target))
    yield "a matrix of 33 x 31, transposed", (sent.T.to(target, copy=True), expected.T)


def _shifted(state: torch.Tensor, places: int) -> torch.Tensor:
    """Shifted to the right with zeros coming in, where torch lets the sign come in."""
    shifted: torch.Tensor = (state >> places) & (2 ** (64 - places) - 1)
    return shifted


def _count_wrong(arrived: Any, expected: Any) -> tuple[int, int]:
    return int((arrived != expected).sum()), arrived.numel()
