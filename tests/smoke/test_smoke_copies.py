"""Copies between devices: right ones pass, and every wrong bit is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from envkit_smoke import copies, joint
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable


def idle() -> None:
    """The CPU always is."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "LARGE", 4099)


class Corrupting(TorchDispatchMode):
    """A device whose copies go through a hand that spoils what it is told to."""

    def __init__(self, spoil: Callable[[torch.Tensor], None], *operators: str) -> None:
        super().__init__()
        self.spoil = spoil
        self.operators = operators

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in self.operators:
            self.spoil(result)
        return result


def flip_last_bit(tensor: torch.Tensor) -> None:
    tensor[-1:] ^= 1


def flip_when_spaced(tensor: torch.Tensor) -> None:
    if tensor.dim() == 1 and tensor.stride(0) > 1:
        tensor[-1:] ^= 1


def flip_when_transposed(tensor: torch.Tensor) -> None:
    if tensor.dim() == 2:
        tensor[-1:, -1:] ^= 1


def flip_when_large(tensor: torch.Tensor) -> None:
    if tensor.numel() == copies.LARGE:
        tensor[-1:] ^= 1


def flip_in_bytes(tensor: torch.Tensor) -> None:
    if tensor.dtype == torch.uint8:
        tensor[-1:] ^= 1


def check(spoil: Callable[[torch.Tensor], None] | None = None, operators: tuple[str, ...] = ()) -> Any:
    if spoil is None:
        return joint.check_copies(copies.observe("cpu", "cpu:0", 0, idle))
    with Corrupting(spoil, *operators):
        return joint.check_copies(copies.observe("cpu", "cpu:0", 0, idle))


def test_every_two_devices_are_a_pair_in_both_directions() -> None:
    assert copies.pairs(["cpu", "cuda:0", "cuda:1"]) == [
        ("cpu", "cuda:0"), ("cpu", "cuda:1"), ("cuda:0", "cpu"), ("cuda:0", "cuda:1"), ("cuda:1", "cpu"),
        ("cuda:1", "cuda:0"),
    ]  # fmt: skip
    assert copies.pairs(["cpu"]) == []


def test_the_bits_are_those_of_splitmix64() -> None:
    def splitmix64(state: int) -> int:
        word = 2**64 - 1
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & word
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & word
        return state ^ (state >> 31)

    made = [number % 2**64 for number in copies.bits(5, 0, "cpu").tolist()]
    assert made == [splitmix64(count * 0x9E3779B97F4A7C15 % 2**64) for count in range(1, 6)]


def test_the_bits_are_half_ones_and_differ_with_the_seed() -> None:
    some = copies.bits(4096, 1, "cpu").numpy().view("uint8")
    assert sum(octet.bit_count() for octet in some.tolist()) / (8 * some.size) == pytest.approx(0.5, abs=0.01)
    assert not torch.equal(copies.bits(64, 1, "cpu"), copies.bits(64, 2, "cpu"))


def test_right_copies_pass_and_the_pair_is_named() -> None:
    verdict = check()
    assert verdict.passed
    assert verdict.detail.endswith("copies from cpu to cpu:0 arrived bit for bit")


@pytest.mark.parametrize(
    ("spoil", "operators", "named"),
    [
        pytest.param(flip_last_bit, ("copy_", "_to_copy"), "1 numbers", id="every copy"),
        pytest.param(flip_last_bit, ("_to_copy",), "1 numbers", id="only what to() copies"),
        pytest.param(flip_in_bytes, ("copy_",), "7 bytes at an odd address", id="only odd addresses"),
        pytest.param(flip_when_spaced, ("copy_",), "every second of 2 numbers, written", id="only strided writes"),
        pytest.param(flip_when_transposed, ("_to_copy",), "a matrix of 33 x 31, transposed", id="only transposed"),
        pytest.param(flip_when_large, ("copy_",), "4099 numbers, round 1", id="only large ones"),
    ],
)  # fmt: skip
def test_one_wrong_bit_is_found_and_named(
    spoil: Callable[[torch.Tensor], None], operators: tuple[str, ...], named: str
) -> None:
    verdict = check(spoil, operators)
    assert not verdict.passed
    assert f"copies from cpu to cpu:0 are wrong, first {named}: 1 of " in verdict.detail


def test_a_write_between_the_numbers_is_found() -> None:
    def spill(tensor: torch.Tensor) -> None:
        if tensor.dim() == 1 and tensor.stride(0) == 2:
            torch.as_strided(tensor, (1,), (1,), tensor.storage_offset() + 1).fill_(7)

    verdict = check(spill, ("copy_",))
    assert not verdict.passed
    assert "first the numbers between 1 that were written: 1 of 1 differ" in verdict.detail


def test_peer_access_is_stated_where_torch_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.cuda, "can_device_access_peer", lambda device, peer: (device, peer) == ("cuda:1", "cuda:0")
    )
    assert copies.peer_access("cuda:0", "cuda:1") is True
    assert copies.peer_access("cuda:1", "cuda:0") is False
    assert copies.peer_access("cpu", "cuda:0") is None
    told = joint.check_copies(
        copies.Pair("cuda:1", "cuda:0", [copies.Copied("3 numbers", 0, 3)], [0.1], 8, peer_access=False)
    )
    assert (
        told.detail
        == "all 1 copies from cuda:1 to cuda:0 (no peer access: through the CPU's memory) arrived bit for bit"
    )
