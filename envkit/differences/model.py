"""What a comparison tells."""

from enum import Enum
from typing import NamedTuple

import msgspec

from envkit.findings import Diagnosis, Severity
from envkit.snapshot import Snapshot


class Side(NamedTuple):
    """One of the two: where it is from, its facts, and what the doctor says of them."""

    name: str
    snapshot: Snapshot
    diagnosis: Diagnosis


class State(str, Enum):
    """Whether a fact is known; that there is none is a fact too."""

    KNOWN = "known"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Fact(msgspec.Struct, frozen=True):
    """A fact of one side."""

    state: State
    value: str = ""


ABSENT, UNKNOWN = Fact(State.ABSENT), Fact(State.UNKNOWN)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that can matter to torch, and is another on each side, or known on one alone."""

    group: str
    what: str
    why: str
    a: Fact
    b: Fact


class OnlyOne(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that only one side has."""

    side: str
    """"a" or "b"."""
    code: str
    severity: Severity
    summary: str
    certain: bool
    """Of the other side all is known that should be: it really has no such finding."""


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that rarely matters: the way to it in the snapshot, and both values; null where it is not there."""

    path: str
    a: str | None
    b: str | None


class Verdict(str, Enum):
    """The answer in a word."""

    SAME = "same"
    DIFFERENT = "different"
    INCOMPLETE = "incomplete"


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs, what matters most first."""

    verdict: Verdict
    findings: tuple[OnlyOne, ...] = ()
    differences: tuple[Difference, ...] = ()
    unclear: tuple[Difference, ...] = ()
    """Facts that one side alone tells: whether they differ is unknown."""
    others: tuple[Other, ...] = ()
