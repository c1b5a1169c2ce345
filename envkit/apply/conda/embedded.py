"""The embedded conda: py-rattler solves, fetches and links in a process of its own.

Run as `python -m envkit.apply.conda.embedded --prefix PATH --channel CHANNEL ... -- SPEC ...`. It tells its progress in
lines on stdout, and on stderr a last line that begins with "ERROR:" when it fails. Run again, it goes on from what is
there: packages that are linked stay, a half-linked one is linked anew, and what was fetched lies in rattler's cache.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import rattler
from rattler.install import InstallerReporter

from envkit.apply.conda.condarc import CondaConfiguration, read_configuration
from envkit.apply.conda.sources import Source, find_sources
from envkit.apply.conda.words import megabytes, one_line, tell
from envkit.errors import EnvkitError
from envkit.urls import holds_credentials, redacted

_TELL_EVERY = 0.5
_LOOK_EVERY = 0.1
_CUDA = re.compile(r"(?:cuda-version|pytorch-cuda)\s*=+\s*(\d+\.\d+)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the prefix and return the exit code."""
    parser = argparse.ArgumentParser(prog="envkit.apply.conda.embedded")
    parser.add_argument("--prefix", type=Path, required=True)
    parser.add_argument("--channel", dest="channels", action="append", required=True)
    parser.add_argument("specs", nargs="+")
    asked = parser.parse_args(arguments)
    try:
        asyncio.run(_fill(asked.prefix, asked.channels, asked.specs, read_configuration()))
    except EnvkitError as refused:
        sys.stderr.write(f"ERROR: {refused.message}\n")
        return 1
    return 0


async def _fill(prefix: Path, channels: Sequence[str], specs: Sequence[str], configuration: CondaConfiguration) -> None:
    client = _client(configuration)
    gateway = rattler.Gateway(client=client)
    tell(f"asking {', '.join(channels)}")
    sources = await find_sources(gateway, channels, configuration)
    records = await _solve(gateway, sources, specs, configuration)
    size = megabytes(sum(record.size or 0 for record in records))
    tell(f"{len(records)} packages, {size} to fetch where they are not in the cache")
    wanted = {record.name.normalized for record in records}
    try:
        progress = _Progress(len(records))  # type: ignore[abstract] # its empty methods are meant to be left empty
        await rattler.install(
            records,
            prefix,
            client=client,
            show_progress=False,
            reporter=progress,
            # What somebody added to an environment that is brought up to date is left to them.
            ignored_packages=_installed(prefix) - wanted,
        )
    except Exception as failure:  # noqa: BLE001 - rattler's classes share no base of their own
        raise EnvkitError(one_line(str(failure))) from None
    _forget_passwords(prefix)
    _write_history(prefix, records, specs)
    tell(f"{len(records)} packages in place")


def _client(configuration: CondaConfiguration) -> rattler.Client:
    """Return a client with the user's proxies, certificates and mirrors, of rattler's configuration and of conda's."""
    try:
        settings = rattler.Config.load_from_default_locations("rattler")
    except Exception as refusal:  # noqa: BLE001
        raise EnvkitError(f"rattler's configuration cannot be read: {one_line(str(refusal))}") from None
    for scheme in ("http", "https"):
        if scheme in configuration.proxy_servers:
            settings.set(f"proxy-config.{scheme}", configuration.proxy_servers[scheme])
    if not configuration.ssl_verify:
        settings.set("tls-no-verify", "true")
    return rattler.Client.from_config(settings)


async def _solve(
    gateway: rattler.Gateway, sources: Sequence[Source], specs: Sequence[str], configuration: CondaConfiguration
) -> list[rattler.RepoDataRecord]:
    # Python brings pip with it, as in conda, where a channel has one.
    has_pip = any("pip" in source.names for source in sources)
    if not has_pip:
        tell("no channel has pip: the environment comes without it")
    tell(f"solving for {', '.join(specs)}")
    machine = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    try:
        return await rattler.solve(
            [source.channel for source in sources],
            [spec for spec in specs if spec != "pip" or has_pip],
            gateway=gateway,
            platforms=list(dict.fromkeys(platform for source in sources for platform in source.platforms)),
            virtual_packages=machine,
            channel_priority=rattler.ChannelPriority[configuration.channel_priority.capitalize()],
            add_pip_as_python_dependency=has_pip and configuration.add_pip,
        )
    except Exception as failure:  # noqa: BLE001
        raise _unsolvable(str(failure), specs, machine) from None


def _unsolvable(explanation: str, specs: Sequence[str], machine: Iterable[rattler.VirtualPackage]) -> EnvkitError:
    tell(explanation)
    why = one_line(explanation)
    if "__cuda" in explanation:
        why += f"; {_seen_of_cuda(machine)}"
        wanted = next((found[1] for spec in specs if (found := _CUDA.match(spec))), None)
        if wanted:
            why += f", and CONDA_OVERRIDE_CUDA={wanted} would say that it is meant for a machine that has it"
    return EnvkitError(f"no set of packages satisfies the plan: {why}")


def _seen_of_cuda(machine: Iterable[rattler.VirtualPackage]) -> str:
    known = (package.into_generic() for package in machine)
    cuda = next((package.version for package in known if package.name.normalized == "__cuda"), None)
    return f"the NVIDIA driver here runs CUDA up to {cuda}" if cuda else "no NVIDIA driver is seen here"


class _Progress(InstallerReporter):
    """Tells how far fetching and linking have come; called from rattler's own threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._told = time.monotonic()
        self._fetched: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._linked = 0

    def on_download_start(self, cache_entry: int) -> int:
        """Return what the download is to be known by."""
        return cache_entry

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002 - rattler's signature
        """Return what the package is to be known by."""
        return operation

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        """Note the bytes that have come."""
        self._fetched[download_idx] = progress
        self._expected[download_idx] = total or progress
        self._tell_now_and_then()

    def on_link_complete(self, index: int) -> None:  # noqa: ARG002
        """Note a package that is in place."""
        self._linked += 1
        self._tell_now_and_then()

    def _tell_now_and_then(self) -> None:
        with self._lock:
            if time.monotonic() - self._told < _TELL_EVERY:
                return
            self._told = time.monotonic()
        fetched, expected = sum(self._fetched.values()), sum(self._expected.values())
        if fetched < expected:
            tell(f"Progress {fetched} of {expected}")  # as pip tells its bytes to programs
        else:
            tell(f"{self._linked} of {self._total} packages in place")


def _installed(prefix: Path) -> set[str]:
    """Return the packages that are there.

    A record that a killed run left torn goes, so that its package is linked anew.
    """
    names = set()
    for path in (prefix / "conda-meta").glob("*.json"):
        name = _name_in(path)
        if name:
            names.add(name)
        else:
            path.unlink()
    return names


def _name_in(record: Path) -> str:
    try:
        return str(json.loads(record.read_bytes())["name"])
    except (ValueError, KeyError, TypeError):
        return ""


def _forget_passwords(prefix: Path) -> None:
    """Take the credentials of channels out of the records that rattler wrote: what is installed needs them no more."""
    for path in (prefix / "conda-meta").glob("*.json"):
        text = path.read_text("utf-8")
        if not holds_credentials(text):
            continue
        record = json.loads(text)
        for name in ("url", "channel"):
            if isinstance(record.get(name), str):
                record[name] = redacted(record[name])
        torn = path.with_suffix(".json.new")
        torn.write_text(json.dumps(record, indent=2), encoding="utf-8")
        torn.replace(path)


def _write_history(prefix: Path, records: Iterable[rattler.RepoDataRecord], specs: Sequence[str]) -> None:
    """Add the entry by which conda knows an environment, what is in it and what was asked for."""
    entry = (
        f"==> {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} <==",
        "# cmd: envkit create --conda --apply",
        *sorted(map(_distribution, records)),
        f"# update specs: {json.dumps(list(specs))}",
    )
    with (prefix / "conda-meta" / "history").open("a", encoding="utf-8") as history:
        history.writelines(f"{line}\n" for line in entry)


def _distribution(record: rattler.RepoDataRecord) -> str:
    channel, _, file = redacted(record.url).rpartition("/")
    return f"+{channel}::{file.removesuffix('.conda').removesuffix('.tar.bz2')}"


def _end_with_parent() -> None:
    """End when envkit is gone, however it went: whoever runs it again must find nobody at work on the prefix."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: rattler's threads may still hold Python objects, and an interpreter that shuts down under them crashes.
    os._exit(code)
