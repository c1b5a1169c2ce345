"""What doctor and smoke leave behind for a CI service: JUnit XML, GitHub's annotations and step summary."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envkit.cli.doctor import Examined
    from envkit.cli.smoking.measuring import Exercised
    from envkit.findings import Finding
    from envkit.render.cases import Suite

_OPTIONS = (
    click.option(
        "--junit",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="also write JUnit XML, each check a test case",
    ),
    click.option(
        "--github/--no-github",
        default=None,
        help="annotations and a step summary for GitHub Actions (default: where GITHUB_ACTIONS is true)",
    ),
)


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets them as one `reports`."""

    @functools.wraps(command)
    def gathered(*, junit: Path | None, github: bool | None, **options: Any) -> Any:
        return command(reports=Reports(junit, github), **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


class Reports(NamedTuple):
    """What was asked for. It is told before the answer is shown: a file that cannot be written is then one error."""

    junit: Path | None = None
    github: bool | None = None
    """None: where Actions runs it."""

    @property
    def to_github(self) -> bool:
        """Say whether Actions reads along."""
        return os.environ.get("GITHUB_ACTIONS") == "true" if self.github is None else self.github

    def check(self) -> None:
        """Raise for a file that could not be written after the work."""
        if self.junit is not None and not self.junit.parent.is_dir():
            why = f"{self.junit} cannot be written: {self.junit.parent} is no folder"
            raise EnvkitError(why, hint="name another file")

    @contextmanager
    def shown_as_text(self) -> Iterator[None]:
        """Keep the runner from taking a line of a page, which may quote strangers, for one of its commands."""
        if not self.to_github:
            yield
            return
        token = os.urandom(16).hex()
        click.echo(f"::stop-commands::{token}")
        try:
            yield
        finally:
            click.echo(f"::{token}::")

    def tell_diagnosis(self, examined: Examined, *, strict: bool) -> None:
        """Tell what the doctor found."""
        if self.junit is None and not self.to_github:
            return
        from envkit.render.cases import diagnosis_suite
        from envkit.render.github import diagnosis_headline

        suite = diagnosis_suite(examined.diagnosis, examined.snapshot, strict=strict)
        self._tell(suite, diagnosis_headline(examined.diagnosis), examined.diagnosis.findings)

    def tell_results(self, exercised: Exercised) -> None:
        """Tell what a smoke run found."""
        if self.junit is None and not self.to_github:
            return
        from envkit.render.cases import results_suite

        results = exercised.results
        suite = results_suite(results, exercised.findings, exercised.comparison)
        verdict = "passed" if exercised.exit_code == 0 else "did not pass"
        self._tell(suite, f"envkit smoke: {verdict}: torch {results.torch or 'unknown'}", exercised.findings)

    def _tell(self, suite: Suite, headline: str, findings: Iterable[Finding]) -> None:
        if self.to_github:
            from envkit.render.github import render_annotations, render_summary

            # The runner reads both streams, and stdout may be a document.
            for line in render_annotations(findings, suite):
                click.echo(line, err=True)
            _summarise(render_summary(headline, findings, suite))
        if self.junit is not None:
            from envkit.render.junit import render_junit

            _write(self.junit, render_junit((suite,)))


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EnvkitError(
            f"{path} cannot be written: {error.strerror}", hint="name another file", exit_code=3
        ) from error


def _summarise(page: str) -> None:
    """Append to the page of the job; one that cannot be written is told, and is no failure of the answer."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(page)
    except OSError as error:
        click.echo(f"envkit: the step summary cannot be written: {error.strerror}", err=True)
