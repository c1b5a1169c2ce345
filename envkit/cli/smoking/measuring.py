"""A smoke run from its start to its answer: measured, judged, kept, compared, shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec.structs import replace

from envkit.bench import SMOKE_LIMIT, Request, run_smoke
from envkit.bench.load import LoadProbe
from envkit.cli.leaving import Gently
from envkit.cli.output import echo_json
from envkit.errors import EnvkitError
from envkit.probes import find_interpreter
from envkit.render.terminal.smoke_progress import SmokeProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envkit.bench.distributed import Launch
    from envkit.cli.smoking.asked import Asked
    from envkit.findings import Finding
    from envkit.results import Comparison, Results

EXIT_USAGE, EXIT_FAILED, EXIT_INCOMPLETE, EXIT_INTERRUPTED = 2, 3, 4, 130
_GRACE = 5.0
"""Seconds after Ctrl-C in which the workloads may finish what a device has begun and end their stream."""


def measure(asked: Asked) -> int:
    """Do all that was asked for and return the exit code."""
    from envkit.bench import saved

    before = saved.load(asked.compare) if asked.compare is not None else None
    exercised = exercise(
        asked.python,
        asked.request(),
        repeat=asked.repeat,
        timeout=asked.timeout,
        asked=asked.variants,
        launch=asked.launch,
    )
    if before is not None and not exercised.results.interrupted:
        from envkit.bench.comparing import compare

        exercised = exercised._replace(comparison=compare(before, exercised.results, str(asked.compare)))
    not_kept = _keep(asked, exercised)
    if asked.as_json:
        echo_json(exercised.document())
    elif asked.markdown:
        click.echo((exercised if asked.no_redact else exercised.redacted()).markdown(), nl=False)
    else:
        with asked.reports.shown_as_text():
            exercised.show(verbose=asked.verbose)
    for why in not_kept:
        click.echo(f"envkit: {why}", err=True)
    return EXIT_FAILED if not_kept and exercised.exit_code != EXIT_INTERRUPTED else exercised.exit_code


def _keep(asked: Asked, exercised: Exercised) -> list[str]:
    """Write the files that were asked for, before anything is shown, and return why one was not."""
    files = (asked.save, asked.plot, asked.reports.junit)
    if exercised.results.interrupted:
        return [f"half a run is not kept: {file} is not written" for file in files if file]
    try:
        if asked.save is not None:
            from envkit.bench import saved

            kept = exercised if asked.no_redact else exercised.redacted()
            saved.save(kept.document(), asked.save)
        if asked.plot is not None:
            from envkit.render.plot import draw

            draw(exercised.results, asked.plot)
        asked.reports.tell_results(exercised)
    except EnvkitError as refusal:
        return [refusal.message]
    return []


def exercise(
    python: str | None,
    request: Request,
    *,
    repeat: int = 1,
    timeout: float | None = None,
    asked: Sequence[str] = (),
    launch: Launch | None = None,
) -> Exercised:
    """Run the workloads in the interpreter that `python` names, and judge what they told.

    With `launch`, several processes share the linear regression.
    """
    target = find_interpreter(python)
    probe = LoadProbe()
    runs: list[Results] = []
    ready = _prepare_answer()
    with Gently(_GRACE) as leaving, SmokeProgress(repeat=repeat) as progress:

        def hear(event: dict[str, Any]) -> None:
            probe.hear(event)
            progress.hear(event)

        while len(runs) < repeat and not leaving.asked:
            if launch is None:
                run = run_smoke(target, request, timeout=timeout, on_event=hear, stopped=lambda: leaving.asked)
            else:
                run = _run_together(target, launch, request, timeout, hear)
            runs.append(run)
    ready.join()
    from envkit.bench.repeating import repeated

    results = repeated(runs)
    if leaving.asked:
        results = replace(results, interrupted=True, complete=False, passed=False)
    return Exercised(results, _findings(python, results, probe, asked))


def _run_together(
    target: str, launch: Launch, request: Request, timeout: float | None, hear: Callable[[dict[str, Any]], None]
) -> Results:
    from envkit.bench.distributed import run_distributed

    return run_distributed(
        target,
        launch,
        device=next(iter(request.devices), None),
        epochs=request.epochs,
        seed=request.seed,
        timeout=timeout or SMOKE_LIMIT,
        on_event=hear,
    )


def _prepare_answer() -> threading.Thread:
    """Import what shows the answer while the workloads run: it takes a tenth of the time that torch does."""

    def prepare() -> None:
        import envkit.render.terminal.layout
        import envkit.render.terminal.results  # noqa: F401

    thread = threading.Thread(target=prepare, daemon=True)
    thread.start()
    return thread


def _findings(python: str | None, results: Results, probe: LoadProbe, asked: Sequence[str]) -> tuple[Finding, ...]:
    if results.interrupted or not (results.ceilings or results.skips or results.errors):
        return ()
    from envkit import matrix
    from envkit.checks.measured import Measured, judge_measured, needs_snapshot
    from envkit.probes import start

    snapshot = start(python, quick=True).result() if needs_snapshot(results) else None
    return judge_measured(Measured(results, snapshot, probe.answers(), asked), matrix.load())


class Exercised(NamedTuple):
    """The results of a smoke run, and what follows from them."""

    results: Results
    findings: tuple[Finding, ...] = ()
    comparison: Comparison | None = None

    @property
    def exit_code(self) -> int:
        """The command's exit code."""
        results = self.results
        if results.interrupted:
            return EXIT_INTERRUPTED
        if any(error.kind == "network-invalid" for error in results.errors):
            return EXIT_USAGE
        if not results.complete:
            return EXIT_INCOMPLETE
        grave = any(finding.severity.value == "error" for finding in self.findings)
        if not results.passed or grave or (self.comparison and self.comparison.regressed):
            return 1
        return EXIT_INCOMPLETE if self.comparison and not self.comparison.compared else 0

    def show(self, *, verbose: bool = False) -> None:
        """Print them for a person."""
        from envkit.render.terminal.layout import console
        from envkit.render.terminal.results import print_results

        print_results(console(), self.results, self.findings, self.comparison, verbose=verbose)

    def markdown(self) -> str:
        """Return them for an issue tracker."""
        from envkit.render.markdown import render_results

        return render_results(self.results, self.findings, self.comparison)

    def redacted(self) -> Exercised:
        """Return them as they may be handed on."""
        from envkit.cli.sharing import redacted, redactor

        by = redactor(*filter(None, (self.results, *self.findings, self.comparison)))
        return Exercised(
            redacted(self.results, by),
            tuple(redacted(finding, by) for finding in self.findings),
            self.comparison and redacted(self.comparison, by),
        )

    def document(self) -> dict[str, Any]:
        """Return them for a program."""
        from envkit.render.json import results_document

        return results_document(self.results, self.findings, self.comparison)
