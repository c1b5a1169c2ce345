"""What is written to be handed on: without names of people and machines, addresses and secrets, unless asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from envkit.redaction import Redactor
    from envkit.snapshot import Snapshot

T = TypeVar("T", bound=msgspec.Struct)


def redactor(*told: object) -> Redactor:
    """Return what redacts all that is told together, so that a name has one placeholder in it."""
    from envkit.probes.identity import probe_names
    from envkit.redaction import Redactor

    return Redactor(*map(msgspec.to_builtins, told), names=probe_names())


def redacted(told: T, by: Redactor) -> T:
    """Return a record of the same type, redacted."""
    return msgspec.convert(by.document(msgspec.to_builtins(told)), type(told))


def save(snapshot: Snapshot, path: Path, *, redact: bool) -> None:
    """Write a snapshot to a file."""
    from envkit.intake import saved_snapshot

    saved_snapshot.save(redacted(snapshot, redactor(snapshot)) if redact else snapshot, path)
