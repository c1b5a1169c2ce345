"""Option types that several commands share."""

from __future__ import annotations

import math
import re
from typing import Any

import click


class Seconds(click.FloatRange):
    """A time limit: positive and finite ("nan" and "inf" are floats too)."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0.1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds; raise `click.BadParameter` on anything else."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


_NUMBER = r"(\d{1,9}(?:\.\d{1,6})?)"
_SECONDS_OF = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES_OF = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "k": 2**10,
    "kib": 2**10,
    "m": 2**20,
    "mib": 2**20,
    "g": 2**30,
    "gib": 2**30,
    "t": 2**40,
    "tib": 2**40,
}


class Duration(click.ParamType):  # type: ignore[type-arg]  # older clicks have it without
    """A span of time as people write it: "30s", "2m", "500ms"; a bare number is seconds, and 0 is none at all."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; raise `click.BadParameter` on anything else."""
        found = re.fullmatch(rf"{_NUMBER} ?([a-z]*)", str(value).strip().lower(), re.ASCII)
        if not found or found[2] not in _SECONDS_OF:
            self.fail(f"{value!r} is no duration: 30s, 2m, 500ms", param, ctx)
        seconds = float(found[1]) * _SECONDS_OF[found[2]]
        if seconds > _DAY:
            self.fail(f"{value} is longer than a day", param, ctx)
        return seconds


_DAY = 86400.0


class Size(click.ParamType):  # type: ignore[type-arg]  # likewise
    """An amount of memory as people write it: "2GiB", "512M", "1.5 GB"; a bare number is bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes, at least one; raise `click.BadParameter` on anything else."""
        found = re.fullmatch(rf"{_NUMBER} ?([a-z]*)", str(value).strip().lower(), re.ASCII)
        if not found or found[2] not in _BYTES_OF:
            self.fail(f"{value!r} is no amount of memory: 2GiB, 512M, 1.5GB", param, ctx)
        count = int(float(found[1]) * _BYTES_OF[found[2]])
        if not 1 <= count <= 2**50:
            self.fail(f"{value} is not between 1 byte and 1 PiB", param, ctx)
        return count
