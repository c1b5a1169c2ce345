"""The format of our own: a snapshot as `envkit doctor --save` wrote it."""

import errno
from contextlib import suppress
from pathlib import Path

import msgspec

from envkit.errors import EnvkitError
from envkit.snapshot import SCHEMA_VERSION, Snapshot, decode, encode

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class _Head(msgspec.Struct):
    """What every version of the format begins with, whatever follows."""

    schema_version: int = SCHEMA_VERSION
    envkit_version: str = ""


def save(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot; raise `EnvkitError` when the file cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(encode(snapshot), indent=1) + b"\n")
    except OSError as error:
        full = error.errno in _FULL
        if full and path.is_file():  # half of a snapshot is none
            with suppress(OSError):
                path.unlink()
        message = f"{path} cannot be written: {error.strerror}"
        raise EnvkitError(message, hint="name another file", exit_code=3 if full else 2) from error


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
