"""Descriptions of machines as they come in: one, a list, or one a line, each as soon as it is there.

Nothing is read without a bound: a line, and a text that is no inventory from its first line on, may have so many bytes.
"""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from envkit.errors import EnvkitError
from envkit.intake.host_description import Description
from envkit.intake.recorded import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 2**20
"""A longer line is passed over, with an answer that says so."""

_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_KEYS = frozenset(Description.__struct_fields__)


class Line(NamedTuple):
    """One description as it stands in its line, which may be none."""

    number: int
    """Counted as an editor counts; in a list, the place."""
    data: bytes
    is_too_long: bool = False
    """`data` is not all of it."""


def read_descriptions(stream: BinaryIO, source: str) -> Iterator[Line] | bytes:
    """Return the descriptions, one at a time as they come in; all of the bytes where they are something else.

    Raise `EnvkitError`, which names `source`, for more than can be read.
    """
    before, head = 0, stream.readline(LONGEST_LINE)
    while head and not head.strip() and before < MOST_BYTES:
        before += 1
        head = stream.readline(LONGEST_LINE)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = _whole(head, stream, source).decode("utf-16", "replace")
        return read_descriptions(io.BytesIO(text.encode()), source)
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _is_description(head):
        return chain((Line(before + 1, head),), _numbered(stream, before + 1, source))
    return _from_whole(_whole(head, stream, source), before)


def _whole(head: bytes, stream: BinaryIO, source: str) -> bytes:
    data = head + stream.read(MOST_BYTES)
    if len(data) > MOST_BYTES:
        raise EnvkitError(
            f"{source} begins with no description of a host, and is too long for anything else: "
            f"more than {MOST_BYTES // 10**6} MB",
            hint="an inventory has one JSON object a line",
        )
    return data


def _numbered(stream: BinaryIO, number: int, source: str) -> Iterator[Line]:
    while data := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(data) > LONGEST_LINE and not data.endswith(b"\n"):
            _pass_over(stream, number, source)
            yield Line(number, data, is_too_long=True)
        elif data.strip():
            yield Line(number, data)


def _pass_over(stream: BinaryIO, number: int, source: str) -> None:
    """Read on to the end of the line."""
    for _ in range(MOST_BYTES // LONGEST_LINE):
        data = stream.readline(LONGEST_LINE)
        if not data or data.endswith(b"\n"):
            return
    raise EnvkitError(f"line {number} of {source} has no end within {MOST_BYTES // 10**6} MB")


def _from_whole(data: bytes, before: int) -> Iterator[Line] | bytes:
    try:
        whole = msgspec.json.decode(data)
    except _NO_JSON:
        lines = [line for line in enumerate(data.splitlines(), start=before + 1) if line[1].strip()]
        if not _is_inventory([line for _, line in lines]):
            return data
        return (Line(number, line, is_too_long=len(line) > LONGEST_LINE) for number, line in lines)
    if isinstance(whole, list):
        elements = enumerate(msgspec.json.decode(data, type=list[msgspec.Raw]), start=1)
        return (Line(place, bytes(one)) for place, one in elements)
    return iter((Line(before + 1, data),)) if isinstance(whole, dict) and "schema_version" not in whole else data


def _is_inventory(lines: list[bytes]) -> bool:
    """Tell lines with mistakes among them from a report: one describes a host, or the first one was meant to."""
    first = lines[0].strip() if lines else b""
    meant = first.startswith(b"{") and len(first) > 1 and b'"schema_version"' not in first
    return meant or any(_describes(line) for line in lines if line.lstrip().startswith(b"{"))


def _describes(line: bytes) -> bool:
    try:
        return not _KEYS.isdisjoint(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    except _NO_JSON:
        return False


class _Head(msgspec.Struct):
    schema_version: object = None


def _is_description(line: bytes) -> bool:
    try:
        return msgspec.json.decode(line, type=_Head).schema_version is None
    except _NO_JSON:
        return False
