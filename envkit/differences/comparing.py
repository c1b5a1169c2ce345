"""The comparison: findings that one side has, facts that can matter, and all the rest."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from envkit import reading
from envkit.differences.model import Difference, Differences, Fact, OnlyOne, Other, Side, State, Verdict
from envkit.differences.subjects import PASSING, SUBJECTS, TOLD, Subject
from envkit.findings import Severity, consequences
from envkit.snapshot import Absent, Snapshot, Unknown

_SEVERITY = tuple(Severity)
_WELL = "healthy"


def compare(a: Side, b: Side) -> Differences:
    """Return what differs between two sides."""
    pairs = tuple(pair for subject in SUBJECTS for pair in _pairs(subject, a.snapshot, b.snapshot))
    unclear = tuple(one for one in pairs if State.UNKNOWN in (one.a.state, one.b.state))
    differences = tuple(one for one in pairs if one not in unclear)
    findings = _of_one_side(a, b)
    matters = bool(differences) or any(one.certain and one.severity is not Severity.NOTE for one in findings)
    gaps = bool(unclear) or any(side.diagnosis.incomplete and not side.snapshot.pasted for side in (a, b))
    gaps = gaps or not all(one.certain for one in findings)
    return Differences(
        verdict=Verdict.DIFFERENT if matters else Verdict.INCOMPLETE if gaps else Verdict.SAME,
        findings=findings,
        differences=differences,
        unclear=unclear,
        others=tuple(_others(a.snapshot, b.snapshot)),
    )


def _of_one_side(a: Side, b: Side) -> tuple[OnlyOne, ...]:
    """The findings that one side has and the other has not, the gravest first; no consequences of others."""
    told = [
        OnlyOne(
            side=name,
            code=one.code,
            severity=one.severity,
            summary=one.summary,
            certain=not other.diagnosis.incomplete,
        )
        for name, side, other in (("a", a, b), ("b", b, a))
        for one in side.diagnosis.findings
        if one.code not in (_WELL, *_codes(other), *consequences(side.diagnosis.findings))
    ]
    return tuple(sorted(told, key=lambda one: _SEVERITY.index(one.severity)))


def _codes(side: Side) -> frozenset[str]:
    return frozenset(one.code for one in side.diagnosis.findings)


def _pairs(subject: Subject, a: Snapshot, b: Snapshot) -> Iterator[Difference]:
    """The facts of one kind that are not the same on both sides."""
    of_a, of_b = subject.tell(a), subject.tell(b)
    for what in sorted({*of_a.facts, *of_b.facts}):
        left, right = of_a.facts.get(what, of_a.otherwise), of_b.facts.get(what, of_b.otherwise)
        if left is not None and right is not None and _placed(left, a) != _placed(right, b):
            yield Difference(group=subject.group, what=what, why=subject.why, a=left, b=right)


def _placed(fact: Fact, snapshot: Snapshot) -> Fact:
    """The fact without the place of its environment: two of them never lie in one."""
    return Fact(fact.state, _in_place(fact.value, snapshot))


def _in_place(text: str, snapshot: Snapshot) -> str:
    target = reading.interpreter(snapshot)
    return text.replace(target.prefix, "{environment}") if target and len(target.prefix) > 1 else text


# -- the rest -----------------------------------------------------------------------------------


def _others(a: Snapshot, b: Snapshot) -> Iterator[Other]:
    """Everything else that is told on both sides and differs, or is there on one of two that tell all."""
    of_a, of_b = dict(_leaves(a)), dict(_leaves(b))
    for path in sorted({*of_a, *of_b}):
        left, right = of_a.get(path, _NOT_THERE), of_b.get(path, _NOT_THERE)
        if left == right or None in (left, right):
            continue
        if any(value == _NOT_THERE and not _tells_all(side, path) for value, side in ((left, a), (right, b))):
            continue
        if not any(fnmatchcase(path, pattern) for pattern in (*TOLD, *PASSING)):
            yield Other(path=path, a=_or_nothing(left), b=_or_nothing(right))


_NOT_THERE = "\0"
"""No value that a snapshot holds, and no unknown one."""


def _or_nothing(value: str | None) -> str | None:
    return None if value == _NOT_THERE else value


def _tells_all(snapshot: Snapshot, path: str) -> bool:
    """Whether what a snapshot does not list there is really not there."""
    section = getattr(snapshot, path.partition(".")[0])
    is_gap = isinstance(section, Absent | Unknown)  # that it is one is told as the section's own state
    return not (snapshot.pasted or is_gap) and getattr(section, "complete", True)


def _leaves(snapshot: Snapshot) -> Iterator[tuple[str, str | None]]:
    """Yield the way to each value as text; None is unknown, as is what a report leaves empty."""
    for path, value in _walk(msgspec.to_builtins(snapshot), ""):
        told = None if value is None or (snapshot.pasted and value in ("", "False")) else _in_place(value, snapshot)
        yield path, told


_NAMES = ("name", "index", "device", "path", "address", "what")
"""Fields that tell the things of a list apart."""


def _walk(value: Any, path: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)) and any(isinstance(one, dict) for one in value):
        yield from _walk(_by_name(value), path)
    elif isinstance(value, (list, tuple)):
        if value:  # none of a list is not there, whatever its things would have been
            yield path, ", ".join(map(str, value))
    else:
        yield path, None if value is None else str(value)


def _by_name(things: Any) -> dict[str, Any]:
    """The things of a list by their names; a second one of the same name gets a number."""
    named: dict[str, Any] = {}
    for at, thing in enumerate(things):
        field = next((one for one in _NAMES if isinstance(thing, dict) and one in thing), None)
        name = str(thing[field]) if field else str(at)
        named[name if name not in named else f"{name} ({at})"] = thing
    return named
