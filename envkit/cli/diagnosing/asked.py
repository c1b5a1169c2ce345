"""The options of `envkit doctor`, as the modules beside this one read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from envkit.checks.selection import Selection
    from envkit.cli.diagnosing.settings import Settings
    from envkit.cli.reporting import Reports


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
    save: Path | None
    recorded: Path | None
    """The file that --from names."""
    explain: str | None
    all_envs: bool
    fix: bool
    yes: bool
    verbose: bool
    reports: Reports

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
