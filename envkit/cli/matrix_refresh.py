"""`envkit matrix --refresh`: what was released after this version of envkit, learned from the configured index."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from envkit import __version__, probes
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envkit.cli.matrix_query import Asked
    from envkit.matrix import Matrix
    from envkit.matrix.learned import Refreshed
    from envkit.matrix.learning import Wheel
    from envkit.probes.index import IndexFile, Listing
    from envkit.probes.pip_config import PipSources

    OnWait = Callable[[tuple[str, ...]], None]

_LIMIT = 60.0
_METADATA_LIMIT = 16
"""Wheels whose metadata is read: two a release, of more releases than come between two versions of envkit."""
_INCOMPLETE = 4


class _Indexes(NamedTuple):
    """The indexes to read, most important first, and the one among them that need not answer."""

    urls: tuple[str, ...]
    optional: str | None


def refresh(asked: Asked, on_wait: OnWait) -> Refreshed:
    """Read the configured indexes and keep what is new; raise `EnvkitError` when none of them answers."""
    from envkit import matrix
    from envkit.matrix.learned import Overlay, Refreshed, SourceAnswer, overlay_file, read_overlay, write_overlay
    from envkit.matrix.learning import keep, learn
    from envkit.probes.index import check_reader, read_listings, read_metadata
    from envkit.urls import without_credentials

    check_reader()
    sources, notices = _pip_sources(asked)
    indexes = _indexes(asked, sources)
    limit = asked.timeout or _LIMIT
    deadline = time.monotonic() + limit
    listings = read_listings(indexes.urls, "torch", sources, seconds=limit, on_wait=on_wait)
    _check_answered(listings)

    tables = matrix.load()
    found = {listing.url: _new(listing, tables) for listing in listings}
    files = _telling_files(found, listings)
    metadata = read_metadata(files, sources, seconds=max(0.0, deadline - time.monotonic()), on_wait=on_wait)
    silent = {listing.url for listing in listings if listing.problem}
    incomplete = bool(silent - {without_credentials(indexes.optional or "")})
    path = overlay_file()
    before = read_overlay(path).overlay.releases
    overlay = Overlay(
        written=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        envkit_version=__version__,
        sources=tuple(listing.url for listing in listings if not listing.problem),
        releases=keep(before, learn(found, metadata), silent, plain_silent=incomplete),
    )
    written = write_overlay(overlay, path)
    # The tables that this process goes on with have what was just learned.
    matrix.load.cache_clear()
    return Refreshed(
        overlay=overlay,
        path=str(written),
        sources=tuple(
            SourceAnswer(
                url=listing.url,
                wheels=sum(not file.yanked and file.name.endswith(".whl") for file in listing.files),
                yanked=sum(file.yanked for file in listing.files),
                problem=listing.problem,
            )
            for listing in listings
        ),
        notices=notices,
        incomplete=incomplete,
    )


def _pip_sources(asked: Asked) -> tuple[PipSources, tuple[str, ...]]:
    """Return what pip is configured with, in the target or else beside envkit."""
    from envkit.probes.pip_config import PipSources, read_pip_sources

    try:
        target = probes.find_interpreter(None if asked.python_version else asked.python)
    except EnvkitError:
        target = sys.executable
    for python in dict.fromkeys((target, sys.executable)):
        sources = read_pip_sources(python)
        if isinstance(sources, PipSources):
            return sources, ()
        why = sources.why
    return PipSources(), (f"what pip is configured with is not known ({why}): the default index was read",)


def _indexes(asked: Asked, sources: PipSources) -> _Indexes:
    """Return pip's indexes, then PyTorch's own or the one in its place; raise `EnvkitError` where pip may use none."""
    from envkit.matrix.torch_releases import TORCH_INDEX
    from envkit.probes.index import default_index

    if asked.index is not None:
        _check_url(asked.index)
    if sources.no_index and asked.index is None:
        raise EnvkitError(
            "pip is configured to use no index (no-index), so none is read",
            hint="name one: `envkit matrix --refresh --index URL`",
            exit_code=1,
        )
    configured = () if sources.no_index else (sources.index_url or default_index(), *sources.extra_index_urls)
    optional = TORCH_INDEX if asked.index is None and TORCH_INDEX not in configured else None
    last = asked.index or optional
    return _Indexes(tuple(dict.fromkeys((*configured, *((last,) if last else ())))), optional)


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://", "file://")):
        raise EnvkitError(f"`--index {url}` is no http, https or file URL")


def _check_answered(listings: Sequence[Listing]) -> None:
    if all(listing.problem for listing in listings):
        told = "; ".join(f"{listing.url}: {listing.problem}" for listing in listings)
        raise EnvkitError(
            f"no index answers: {told}",
            hint="`python -m pip config list` shows which are configured; what was learned before is kept",
            exit_code=_INCOMPLETE,
        )


def _new(listing: Listing, tables: Matrix) -> tuple[Wheel, ...]:
    """Return the wheels of new releases; one that was withdrawn is not offered."""
    from envkit.matrix.learning import Source, new_wheels

    names = tuple(file.name for file in listing.files if not file.yanked)
    return new_wheels(Source(listing.url, names), tables.torch.shipped_releases, tables.pythons.minors())


def _telling_files(found: dict[str, tuple[Wheel, ...]], listings: Sequence[Listing]) -> tuple[IndexFile, ...]:
    """Return the files of the newest releases whose metadata may tell what their names do not."""
    from envkit.matrix.learning import telling
    from envkit.matrix.versions import numbers

    wheels = sorted(telling(one for of in found.values() for one in of), key=lambda one: numbers(one.version))
    wanted = {wheel.name for wheel in wheels[-_METADATA_LIMIT:]}
    by_name = {file.name: file for listing in reversed(listings) for file in listing.files}
    return tuple(file for name, file in by_name.items() if name in wanted)
