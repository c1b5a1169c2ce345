"""Checks and probes that other distributions bring, declared as entry points.

    [project.entry-points."envkit.checks"]
    acme-licence = "acme_envkit:check_licence"      # (snapshot, matrix) -> Finding | None

    [project.entry-points."envkit.probes"]
    acme = "acme_envkit:probe_acme"                 # () -> facts that can be written as JSON

The name of a check is the diagnosis code that it may find; the facts of a probe stand in `snapshot.plugins[name]`. Each
runs in a process of its own, with a time limit: one that hangs, crashes or prints takes nobody along.
"""

import os
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import NamedTuple

_FILE = "entry_points.txt"


class Kind(str, Enum):
    """What a plugin is, by the group of its entry point."""

    CHECK = "envkit.checks"
    PROBE = "envkit.probes"


class Plugin(NamedTuple):
    """An entry point."""

    kind: Kind
    name: str
    value: str
    """"module:function"."""
    distribution: str
    """What brings it: "acme-envkit 1.0"."""


def search_path() -> list[str]:
    """Return where envkit itself imports from, without the current folder: what lies there is the user's."""
    return [entry for entry in sys.path if entry and entry != os.getcwd()]  # noqa: PTH109 - compared as text


@cache
def find_plugins() -> tuple[Plugin, ...]:
    """Return what the distributions beside envkit declare, by name.

    The files are looked at as they lie: `importlib.metadata` takes longer to be imported than all of this.
    """
    found: dict[tuple[Kind, str], Plugin] = {}
    for distribution, text in _declarations():
        for plugin in _read(distribution, text):
            found.setdefault((plugin.kind, plugin.name), plugin)
    return tuple(found[key] for key in sorted(found))


def _declarations() -> Iterator[tuple[str, str]]:
    """Yield each distribution that declares plugins, with the file that does."""
    for folder in search_path():
        try:
            names = [name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))]  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name, _FILE), "rb") as file:  # noqa: PTH118, PTH123 - a hundred of them
                    data = file.read()
            except OSError:
                continue
            if b"[envkit." in data:
                who, _, version = name.rpartition(".")[0].partition("-")
                yield f"{who.replace('_', '-')} {version}".strip(), data.decode("utf-8", "replace")


def _read(distribution: str, text: str) -> Iterator[Plugin]:
    kind = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            kind = next((one for one in Kind if line == f"[{one.value}]"), None)
        elif kind is not None and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield Plugin(kind, name.strip(), value.partition("[")[0].strip(), distribution)


def names(*kinds: Kind) -> tuple[str, ...]:
    """Return the names of the plugins of these kinds: of a check it is the diagnosis code that it may find."""
    return tuple(plugin.name for plugin in find_plugins() if plugin.kind in kinds)
