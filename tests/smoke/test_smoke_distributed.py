"""What is made of the ranks' reports: who failed, who is behind, whose numbers are wrong.

The real ranks run in ``tests/cli/test_smoke_distributed.py``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from envkit_smoke import distributed
from envkit_smoke.board import Board
from envkit_smoke.ranks import Place


class Store:
    """torch's TCPStore as far as the board uses it, in one process."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    def set(self, key: str, value: str) -> None:
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        return self.values[key]

    def add(self, key: str, amount: int) -> int:
        self.counts[key] = self.counts.get(key, 0) + amount
        return self.counts[key]


def place(rank: int, world: int = 3) -> Place:
    return Place(rank, world, rank, 0, 1, "localhost", 1, hosts_store=False, run="job/0")


def boards(*progress: int) -> list[Board]:
    """The boards of ranks that have passed so many points of "step 1", "step 2", ..."""
    store = Store()
    made = [Board(store, place(rank, len(progress))) for rank in range(len(progress))]
    for board, passed in zip(made, progress, strict=True):
        for number in range(passed):
            board.mark(f"step {number + 1}")
    return made


def report(bits: str = "00", error: float = 0.5, name: str = "every-step") -> dict[str, Any]:
    return {"device": "cpu", "host": "here", "checks": [[name, error, 1.0, "as it is"]], "bits": bits}


class Work:
    """A rank's work that ends with a report after so many polls, or never."""

    def __init__(self, report: dict[str, Any], polls: float = 1) -> None:
        self.report = report
        self.left = polls

    def start(self) -> None:
        """Nothing to start."""

    def join(self, timeout: float) -> None:
        self.left -= 1

    def is_alive(self) -> bool:
        return self.left > 0


def test_all_reports_together_are_the_end_and_there_is_nothing_to_explain() -> None:
    first, second = boards(2, 2)
    second.post(report("01"))
    posts = distributed.attend(Work(report()), first, place(0, 2), patience=60)
    assert {rank: post["bits"] for rank, post in posts.items()} == {0: "00", 1: "01"}
    assert distributed.explain(posts, first, 2, 60) is None


def test_a_rank_that_failed_is_named_with_the_place_and_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "SETTLE", 0)
    first, second, _ = boards(4, 3, 4)
    second.post({"error": "ValueError: bad luck"})
    posts = distributed.attend(Work(report(), polls=float("inf")), first, place(0), patience=60)
    assert distributed.explain(posts, first, 3, 60) == "rank 1 failed in step 3: ValueError: bad luck"


def test_a_rank_that_is_gone_comes_before_those_that_lost_it() -> None:
    first, _, third = boards(4, 3, 4)
    third.post({"error": "RuntimeError: Connection closed by peer"})
    first.post({"error": "RuntimeError: Connection reset by peer"})
    assert distributed.explain(first.posts(), first, 3, 60) == (
        "rank 1 did not come further than step 3; "
        "rank 2 failed in step 4: RuntimeError: Connection closed by peer; "
        "rank 0 failed in step 4: RuntimeError: Connection reset by peer"
    )


def test_ranks_that_stand_still_are_given_up_and_the_one_behind_is_named() -> None:
    first = boards(4, 3, 4)[0]
    posts = distributed.attend(Work({}, polls=float("inf")), first, place(0), patience=0.2)
    assert distributed.explain(posts, first, 3, 0.2) == (
        "rank 1 did not come further than step 3; no rank moved for 0.2 seconds, with ranks 0, 1, 2 still at work; "
        "ranks 0, 2 came to step 4"
    )


def test_a_rank_that_never_started_is_named() -> None:
    first = boards(1, 0)[0]
    assert (distributed.explain({}, first, 2, 60) or "").startswith("rank 1 did not come further than its launch; ")


def test_ranks_that_all_stand_at_one_place_are_told_with_it() -> None:
    first = boards(2, 2)[0]
    assert distributed.explain({}, first, 2, 60) == (
        "no rank moved for 60 seconds, with ranks 0, 1 still at work; ranks 0, 1 came to step 2"
    )


def test_of_each_check_the_worst_rank_is_told() -> None:
    (check,) = distributed.gather([report(error=0.2), report(error=0.7), report(error=0.3)])
    assert (check.name, check.error, check.passed) == ("every-step", 0.7, True)
    assert check.detail == "on all 3 ranks; rank 1: as it is"


@pytest.mark.parametrize("error", [2.0, float("nan")])
def test_a_check_that_fails_on_one_rank_fails_and_names_it(error: float) -> None:
    posts = [report(error=0.2), report(error=0.3), json.loads(json.dumps(report(error=error)))]
    (check,) = distributed.gather(posts)
    assert not check.passed
    assert check.detail == "rank 2 failed; rank 2: as it is"


def test_ranks_that_ended_with_the_same_bits_agree() -> None:
    assert distributed.agree(["aa", "aa"]).passed


def test_a_rank_with_other_bits_is_named() -> None:
    check = distributed.agree(["aa", "aa", "ab"])
    assert (check.passed, check.error) == (False, 1)
    assert check.detail == "rank 2 ended with other bits than the rest of 3"


def test_the_store_of_an_earlier_try_is_not_read() -> None:
    store = Store()
    Board(store, place(0)).post(report())
    later = Place(0, 3, 0, 0, 1, "localhost", 1, hosts_store=False, run="job/1")
    assert Board(store, later).posts() == {}
