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


def search_path() -> list[str]:
    """Return where envkit itself imports from, without the current folder: what lies there is the user's."""
    return [entry for entry in sys.path if entry and entry != os.getcwd()]  # noqa: PTH109 - compared as text


@cache
def find_plugins() -> tuple[Plugin, ...]:
    """Return what the distributions beside envkit declare, by name.

    The files are looked at as they lie: `importlib.metadata` takes longer to be imported than all of this.
    """
    found: dict[tuple[Kind, str], Plugin] = {}
    for text in _declarations():
        for plugin in _read(text):
            found.setdefault((plugin.kind, plugin.name), plugin)
    return tuple(found[key] for key in sorted(found))


def _declarations() -> Iterator[str]:
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
                yield data.decode("utf-8", "replace")


def _read(text: str) -> Iterator[Plugin]:
    kind = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            kind = next((one for one in Kind if line == f"[{one.value}]"), None)
        elif kind is not None and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield Plugin(kind, name.strip(), value.partition("[")[0].strip())


def describe(code: str) -> str | None:
    """Return a page on the code of a plugin's check, in Markdown; None where it is none."""
    found = next((plugin for plugin in find_plugins() if plugin == (Kind.CHECK, code, plugin.value)), None)
    return found and f"# {found.name}\n\nA plugin finds it: `{found.value}`, which says more.\n"


def check_names() -> tuple[str, ...]:
    """Return the diagnosis codes that plugins may find."""
    return tuple(plugin.name for plugin in find_plugins() if plugin.kind is Kind.CHECK)
