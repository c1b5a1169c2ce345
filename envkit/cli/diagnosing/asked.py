"""The options of `envkit doctor`, as the modules beside this one read them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envkit.checks.selection import Selection
    from envkit.cli.diagnosing.settings import Settings
    from envkit.cli.reporting import Reports
    from envkit.snapshot import Snapshot


class Asked(NamedTuple):
    """The options of a command line."""

    python: str | None
    quick: bool
    deep: bool
    timeout: float | None
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    strict: bool | None
    """None where the command line does not say."""
    as_json: bool
    markdown: bool
    collect_env: bool
    save: Path | None
    no_redact: bool
    recorded: Path | None
    """The file that --from names."""
    explain: str | None
    all_envs: bool
    fix: bool
    yes: bool
    verbose: bool
    reports: Reports

    @property
    def handed_on(self) -> bool:
        """Say whether stdout gets what is meant for others."""
        return self.markdown or self.collect_env

    def check_handed_on(self) -> None:
        """Raise for what does not go together with it."""
        told = "--markdown" if self.markdown else "--collect-env"
        if self.handed_on and (self.as_json or self.all_envs or self.fix):
            raise click.UsageError(f"{told} tells of one environment: no --json, --all-envs or --fix beside it")
        if self.markdown and self.collect_env:
            raise click.UsageError("--markdown and --collect-env are two formats of one page: name one")
        if self.no_redact and not (self.save or self.handed_on):
            raise click.UsageError("--no-redact is for what is handed on: --save, --markdown, --collect-env")

    def keep(self) -> Callable[[Snapshot], None] | None:
        """Return what writes a snapshot to the file that --save names."""
        if self.save is None:
            return None
        from envkit.cli.sharing import save

        return partial(save, path=self.save, redact=not self.no_redact)

    def limit(self, settings: Settings) -> float | None:
        """Return the limit of each probe in seconds; the command line wins."""
        return settings.timeout if self.timeout is None else self.timeout

    def is_strict(self, settings: Settings) -> bool:
        """Say whether warnings count as errors."""
        return bool(settings.strict) if self.strict is None else self.strict

    def selection(self, settings: Settings) -> Selection | None:
        """Return which findings count; None where nobody asked for a choice."""
        strict = self.is_strict(settings)
        if not (self.only or self.ignore or settings.only or settings.ignore or strict):
            return None
        from envkit.checks.pages import check_code
        from envkit.checks.selection import Codes, Selection
        from envkit.plugins import Kind, names

        only = Codes(self.only, "--only") if self.only else Codes(settings.only, settings.source)
        ignore = Codes(self.ignore, "--ignore") if self.ignore else Codes(settings.ignore, settings.source)
        # A probe finds nothing that could count alone, but one that fails can be passed over.
        for codes, kinds in ((only, (Kind.CHECK,)), (ignore, (Kind.CHECK, Kind.PROBE))):
            for code in codes.codes:
                check_code(code, codes.by, names(*kinds))
        if self.only and not self.ignore:  # who asks for a code by name is shown it
            ignore = ignore.without(self.only)
        return Selection(only, ignore, strict=strict)
