"""The format of our own: a snapshot as `envkit doctor --save` wrote it."""

from pathlib import Path

import msgspec

from envkit.errors import EnvkitError
from envkit.snapshot import SCHEMA_VERSION, Snapshot, decode, encode


class _Head(msgspec.Struct):
    """What every version of the format begins with, whatever follows."""

    schema_version: int = SCHEMA_VERSION
    envkit_version: str = ""


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot; raise `EnvkitError` when the file cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(encode(snapshot), indent=1) + b"\n")
    except OSError as error:
        raise EnvkitError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error


def load(path: Path) -> Snapshot:
    """Read a snapshot; raise `EnvkitError` when the file cannot be read, or is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EnvkitError(f"{path} cannot be read: {error.strerror}") from error
    return read(data, str(path))


def read(data: bytes, source: str) -> Snapshot:
    """Return the snapshot that the bytes of `source` hold; raise `EnvkitError` when they hold none."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.schema_version > SCHEMA_VERSION:
            raise EnvkitError(
                f"{source} was written by envkit {head.envkit_version}, newer than this one",
                hint="upgrade: `python -m pip install --upgrade torch-envkit`",
            )
        return decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EnvkitError(
            f"{source} is not a snapshot of envkit: {error}",
            hint="`envkit doctor --save FILE` writes one",
        ) from error
