"""`envkit doctor`: what is wrong with an environment, and what mends it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit import probes
from envkit.cli.progress import waiting

if TYPE_CHECKING:
    from envkit.findings import Diagnosis
    from envkit.snapshot import Snapshot

_EPILOG = """\b
Examples:
  envkit doctor
  envkit doctor --python .venv
  envkit doctor --python 3.12 --quick
  envkit doctor --json | python -m json.tool
  envkit doctor --save machine.json; envkit doctor --from machine.json

\b
Exit codes: 0 healthy, 1 errors found, 2 usage, 3 envkit failed, 4 incomplete
"""


@click.command("doctor", epilog=_EPILOG)
@click.option("--python", metavar="PATH|NAME", help="the interpreter or environment to examine")
@click.option("--quick", is_flag=True, help="leave out what imports torch")
@click.option("--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="limit of each probe")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="also write the snapshot to a file")
@click.option(
    "--from",
    "recorded",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="diagnose a saved snapshot instead of this machine",
)
@click.option("-v", "--verbose", is_flag=True, help="show every fact and consequence")
def command(
    *,
    python: str | None,
    quick: bool,
    timeout: float | None,
    as_json: bool,
    save: Path | None,
    recorded: Path | None,
    verbose: bool,
) -> int:
    """Say whether an environment is right for this machine, and if not, why and what mends it.

    The target is the active environment, else envkit's own when that holds torch, else the
    interpreter on PATH. Nothing is installed or changed in it.
    """
    return examine(python, quick=quick, timeout=timeout, as_json=as_json, save=save, recorded=recorded, verbose=verbose)


def examine(
    python: str | None,
    *,
    quick: bool = False,
    timeout: float | None = None,
    as_json: bool = False,
    save: Path | None = None,
    recorded: Path | None = None,
    verbose: bool = False,
) -> int:
    """Diagnose a live machine or a saved snapshot, print the answer, return the exit code."""
    snapshot = _load(recorded) if recorded else _gather(python, quick=quick, timeout=timeout, as_json=as_json)
    if save is not None:
        from envkit.intake import saved_snapshot

        saved_snapshot.save(snapshot, save)
    from envkit import matrix
    from envkit.checks import diagnose

    diagnosis = diagnose(snapshot, matrix.load())
    _print(diagnosis, snapshot, as_json=as_json, verbose=verbose)
    return EXIT_CODES[diagnosis.verdict.value]


def _load(recorded: Path) -> Snapshot:
    from envkit.intake import saved_snapshot

    return saved_snapshot.load(recorded)


def _gather(python: str | None, *, quick: bool, timeout: float | None, as_json: bool) -> Snapshot:
    gathering = probes.start(python, quick=quick, timeout=timeout)
    # What judges and shows is loaded while the probes run.
    import_module("envkit.checks")
    import_module("envkit.render.json" if as_json else "envkit.render.terminal")

    with waiting("probing") as on_wait:
        return gathering.result(on_wait)


EXIT_CODES = {"healthy": 0, "faulty": 1, "incomplete": 4}


def _print(diagnosis: Diagnosis, snapshot: Snapshot, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        from envkit.render.json import diagnosis_json

        click.echo(diagnosis_json(diagnosis, snapshot))
        return
    from envkit.render.terminal import console, print_diagnosis

    print_diagnosis(console(), diagnosis, snapshot, verbose=verbose)
