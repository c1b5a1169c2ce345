"""The channels to solve with: which of them answer, what they have, and what stands in for one that does not."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import rattler

from envkit.apply.conda.condarc import CondaConfiguration
from envkit.apply.conda.words import one_line, tell
from envkit.errors import EnvkitError
from envkit.urls import redacted


class Source(NamedTuple):
    """A channel and what asking it for its packages gave."""

    channel: rattler.Channel
    names: frozenset[str] = frozenset()
    platforms: tuple[rattler.Subdir, ...] = ()
    """What it has packages for, of this machine's platform and "noarch"."""
    why: str = ""
    """Why it could not be asked; "" when it answered."""

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return redacted(self.channel.base_url).rstrip("/")


async def find_sources(
    gateway: rattler.Gateway, planned: Sequence[str], configuration: CondaConfiguration
) -> tuple[Source, ...]:
    """Return the channels to solve with, most important first; the user's own come last.

    Where one that is planned does not answer they stand in for it, which is said: the plan pins its builds, so that
    no other can take their place. Without any, raise `EnvkitError`.
    """
    asked = await _ask(gateway, planned, configuration)
    own = await _ask(gateway, configuration.channels, configuration)
    known = {source.channel.base_url for source in asked}
    spare = tuple(source for source in own if not source.why and source.channel.base_url not in known)
    for source in asked:
        if source.why and not spare:
            raise EnvkitError(f"the channel {source.url} cannot be used: {source.why}")
        if source.why:
            tell(f"the channel {source.url} cannot be used: {source.why}")
            tell(f"its place is taken by what conda is configured with: {', '.join(one.url for one in spare)}")
    return (*(source for source in asked if not source.why), *spare)


async def _ask(
    gateway: rattler.Gateway, channels: Iterable[str], configuration: CondaConfiguration
) -> tuple[Source, ...]:
    urls = dict.fromkeys(url for channel in channels for url in configuration.locate(channel))
    return tuple(await asyncio.gather(*(_ask_one(gateway, rattler.Channel(url)) for url in urls)))


async def _ask_one(gateway: rattler.Gateway, channel: rattler.Channel) -> Source:
    own, noarch = rattler.Subdir.current(), rattler.Subdir("noarch")
    source = await _ask_for(gateway, channel, (own, noarch))
    if "'noarch'" not in source.why:
        return source
    # A folder that somebody filled by hand may lack this half.
    alone = await _ask_for(gateway, channel, (own,))
    return alone if alone.names else source


async def _ask_for(gateway: rattler.Gateway, channel: rattler.Channel, platforms: tuple[rattler.Subdir, ...]) -> Source:
    try:
        names = await gateway.names([channel], platforms)
    except Exception as failure:  # noqa: BLE001 - rattler's classes share no base of their own
        return Source(channel, why=one_line(str(failure)))
    return Source(channel, frozenset(name.normalized for name in names), platforms)
