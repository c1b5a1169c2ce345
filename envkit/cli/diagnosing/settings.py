"""`[tool.envkit]` in the nearest `pyproject.toml`: what a project always asks of the doctor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import msgspec

from envkit.errors import EnvkitError
from envkit.probes.paths import is_file

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "pyproject.toml"
_TABLE = "[tool.envkit]"
_MAY_HOLD_IT = re.compile(rb"""tool["'\s]*\.["'\s]*envkit|^\s*(?:\[\s*)?["']?tool["']?\s*[\]=]""", re.MULTILINE)
"""What a file that says something to envkit matches: `[tool.envkit]`, or the table spelled in parts."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a project. `source` says where they stand."""

    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    strict: bool | None = None
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=86400)] | None = None
    """Seconds."""
    source: str = ""


def read_settings(folder: Path) -> Settings:
    """Return what the nearest `pyproject.toml`, from `folder` upwards, asks for; raise `EnvkitError` for nonsense."""
    file = next((above / _FILE for above in (folder, *folder.parents) if is_file(above / _FILE)), None)
    text = _read(file) if file else b""
    # Most projects say nothing to envkit: they need no reader of TOML.
    if file is None or not _MAY_HOLD_IT.search(text):
        return Settings()
    try:
        table = msgspec.toml.decode(text).get("tool", {}).get("envkit", {})
        return msgspec.structs.replace(msgspec.convert(table, Settings), source=f"{_TABLE} in {file}")
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError) as nonsense:
        hint = f"{_TABLE} may set only, ignore (lists of codes), strict (true or false) and timeout (seconds)"
        raise EnvkitError(f"`{file}` cannot be used: {nonsense}", hint=hint) from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as refusal:
        raise EnvkitError(f"`{file}` cannot be read: {refusal.strerror}") from None
