"""Faults that are read from a file: what another machine's snapshot tells, and files that tell nothing."""

from typing import Any

import msgspec

from envkit.snapshot import Absent, encode
from tests.builders import make_host, make_interpreter, make_packages, make_snapshot
from tests.faults.fault import Fault
from tests.faults.place import Place

_MUSL = {"libc": "musl 1.2"}
_BITS = {"bits": 32, "machine": "i686", "platform_tag": "linux-i686"}


def report(content: bytes) -> object:
    """Return what puts a file there and makes it what is read."""

    def plant(place: Place) -> None:
        file = place.folder / "report"
        file.write_bytes(content)
        place.arguments = ("--from", str(file))

    return plant


def machine(host: dict[str, Any], target: dict[str, Any]) -> object:
    """Return what plants the snapshot of a machine without torch, and of which these facts are so."""
    snapshot = make_snapshot(
        host=make_host(**host),
        target=make_interpreter(**target),
        packages=msgspec.structs.replace(make_packages(), distributions=(), modules=()),
        torch=Absent(why="No module named 'torch'"),
    )
    return report(encode(snapshot))


FAULTS = (
    Fault("a machine of musl", machine(_MUSL, _MUSL), "platform-no-wheel", says="musl"),
    Fault("a 32-bit Python", machine({}, _BITS), "python-32bit"),
    Fault("a /dev/shm of 64 MiB", machine({"shm_total": 2**24}, {}), "torch-missing"),
    Fault("an empty report", report(b""), exit=2),
    Fault("a report of odd bytes", report(bytes(range(256)) * 100), exit=2),
    Fault("a report of brackets", report(b"[" * 1_000_000), exit=2),
    Fault("a snapshot cut short", report(encode(make_snapshot())[:700]), exit=2),
    Fault("a snapshot of another shape", report(b'{"schema_version": 1, "host": 7}'), exit=2),
    Fault("a snapshot of tomorrow", report(b'{"schema_version": 99}'), exit=2, says="newer"),
)
