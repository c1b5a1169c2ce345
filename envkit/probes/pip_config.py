"""What pip is configured with: the indexes that it would ask, and how it gets to them."""

import ast
import re
from collections.abc import Iterable

from envkit import processes
from envkit.snapshot import Record, Unknown

# As `python -m pip config list`, without the current folder on the path: a `pip.py` that lies there is not pip.
_LIST = (
    "import runpy, sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "sys.argv = ['pip', 'config', 'list']; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
_LIMIT = 20.0
"""Seconds: `pip config list` imports pip and reads a few small files."""

# One line a setting: its section, its name, its value as Python writes a text.
_SETTING = re.compile(r"(?P<section>:env:|\w+)\.(?P<name>[\w-]+)=(?P<value>'.*'|\".*\")")

# pip reads them in this order for its `install` command, each in the place of the one before.
_SECTIONS = ("global", "install", ":env:")
_TRUE = ("1", "t", "true", "y", "yes", "on")


class PipSources(Record, frozen=True, kw_only=True):
    """Where pip takes packages from; `index_url` None: from the default index."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    """File with the certificates to trust."""
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    """Hosts whose certificate is not asked for."""


def read_pip_sources(python: str) -> PipSources | Unknown:
    """Ask the pip of that interpreter for its configuration: files and PIP_* variables, merged as it does."""
    completed = processes.run((python, "-c", _LIST), timeout=_LIMIT)
    if not completed.ok:
        said = completed.error_text.splitlines()
        return Unknown(why=f"`{python} -m pip config list`: {said[-1] if said else completed.describe()}")
    return _sources(completed.stdout.decode("utf-8", "replace").splitlines())


def _sources(lines: Iterable[str]) -> PipSources:
    settings = _merged(lines)
    return PipSources(
        index_url=settings.get("index-url") or settings.get("pypi-url") or None,
        extra_index_urls=tuple(settings.get("extra-index-url", "").split()),
        find_links=tuple(settings.get("find-links", "").split()),
        no_index=settings.get("no-index", "").lower() in _TRUE,
        cert=settings.get("cert"),
        client_cert=settings.get("client-cert"),
        proxy=settings.get("proxy"),
        trusted_hosts=tuple(settings.get("trusted-host", "").split()),
    )


def _merged(lines: Iterable[str]) -> dict[str, str]:
    """Return the value that counts for each setting; an empty one counts as not given."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in lines:
        setting = _SETTING.fullmatch(line.strip())
        if setting and setting["section"] in found:
            value = _text(setting["value"])
            if value:
                found[setting["section"]][setting["name"]] = value
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def _text(literal: str) -> str:
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        return ""
    return value.strip() if isinstance(value, str) else ""
