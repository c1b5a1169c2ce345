"""A run kept in a file: the document that `--json` prints, read back to be compared with."""

import errno
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from envkit.errors import EnvkitError
from envkit.results import Results
from envkit.snapshot import encode

_LARGEST = 512 * 2**20
"""Bytes: many times what the longest run with the largest networks comes to."""


class _Head(msgspec.Struct):
    schema_version: int
    envkit_version: str
    target: str
    results: list[Any]


def check_place(path: Path) -> None:
    """Refuse a file that could not be written after the run, or that is not a run that envkit saved before."""
    if not path.parent.is_dir():
        raise EnvkitError(f"{path} cannot be written: {path.parent} is no folder", hint="name another file")
    if path.exists() and not _is_saved_run(path):
        hint = "name another file; only a run that `envkit smoke --save` wrote is replaced"
        raise EnvkitError(f"{path} is there already, and no saved run", hint=hint)
    if not os.access(path.parent, os.W_OK):
        raise EnvkitError(f"{path} cannot be written: permission denied in {path.parent}", hint="name another file")


def save(document: Mapping[str, Any], path: Path) -> None:
    """Write a run's document, all of it or nothing: raise `EnvkitError` where that cannot be."""
    try:
        descriptor, half = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(encode(dict(document)), indent=1) + b"\n")
        # mkstemp's file is its maker's alone; a file like any other has what the umask leaves.
        Path(half).chmod(0o666 & ~_umask())
        Path(half).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(half).unlink()
        raise _unwritable(path, error) from error


def load(path: Path) -> Results:
    """Read a saved run; raise `EnvkitError` when the file cannot be read, or holds none."""
    try:
        data = _read(path)
    except OSError as error:
        raise EnvkitError(f"{path} cannot be read: {error.strerror}") from error
    try:
        msgspec.json.decode(data, type=_Head)
        return msgspec.json.decode(data, type=Results)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EnvkitError(
            f"{path} is not a saved smoke run: {error}", hint="`envkit smoke --save FILE` writes one"
        ) from error


def _is_saved_run(path: Path) -> bool:
    try:
        msgspec.json.decode(_read(path), type=_Head)
    except (OSError, msgspec.DecodeError, RecursionError):
        return False
    return True


def _read(path: Path) -> bytes:
    """All of a file that can be a saved run; a device has no end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than any saved run ({_LARGEST} bytes)")
    return data


def _umask() -> int:
    mask = os.umask(0o022)  # it can only be read by setting it
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> EnvkitError:
    return EnvkitError(f"{path} cannot be written: {error.strerror}", hint="name another file")
