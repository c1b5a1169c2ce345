"""`envkit doctor`: what is wrong with an environment, and what mends it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from envkit import probes
from envkit.cli.diagnosing.asked import Asked
from envkit.cli.diagnosing.settings import read_settings
from envkit.cli.options import Seconds
from envkit.cli.output import echo_json, waiting
from envkit.cli.reporting import report_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.checks.selection import Selection
    from envkit.findings import Diagnosis, Plugged
    from envkit.snapshot import Snapshot

_EPILOG = """\b
Examples:
  envkit doctor
  envkit doctor --python .venv
  envkit doctor --python 3.12 --quick
  envkit doctor --deep
  envkit doctor --json | python -m json.tool
  envkit doctor --explain driver-too-old
  envkit doctor --all-envs --ignore torch-missing
  envkit doctor --fix
  envkit doctor --strict --ignore gpu-throttled
  envkit doctor --markdown
  envkit doctor --collect-env
  envkit doctor --save machine.json; envkit doctor --from machine.json
  python -m torch.utils.collect_env | envkit doctor --from -
  envkit doctor --junit envkit.xml

\b
Exit codes: 0 healthy, 1 errors found, 2 usage, 3 envkit failed, 4 incomplete
"""


@click.command("doctor", epilog=_EPILOG)
@click.option("--python", metavar="PATH|NAME", help="the interpreter or environment to examine")
@click.option("--quick", is_flag=True, help="leave out what imports torch, and the sizes of headers")
@click.option("--deep", is_flag=True, help="also read every file of torch and compare its hash")
@click.option("--timeout", type=Seconds(), metavar="SECONDS", help="limit of each probe")
@click.option("--only", multiple=True, metavar="CODE", help="let this diagnosis alone count; may be repeated")
@click.option("--ignore", multiple=True, metavar="CODE", help="let this diagnosis not count; may be repeated")
@click.option("--strict/--no-strict", default=None, help="let warnings count as errors")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("--markdown", is_flag=True, help="print it for an issue tracker: short, folded, redacted")
@click.option("--collect-env", is_flag=True, help="print the block that torch.utils.collect_env would, redacted")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="also write the snapshot to a file")
@click.option("--no-redact", is_flag=True, help="names, addresses and secrets as they are in what is handed on")
@click.option(
    "--from",
    "recorded",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="diagnose a saved snapshot or a pasted report instead of this machine; - reads it from stdin",
)
@click.option("--all-envs", is_flag=True, help="examine every environment on this machine, a line each")
@click.option("--fix", is_flag=True, help="show what envkit may mend in the target, and do it after consent")
@click.option("--yes", is_flag=True, help="with --fix: that is the consent")
@click.option("--explain", metavar="CODE", help="print the page of a diagnosis code; `list` names them all")
@click.option("-v", "--verbose", is_flag=True, help="show every fact and consequence")
@report_options
def command(**options: Any) -> int:
    """Say whether an environment is right for this machine, and if not, why and what mends it.

    The target is the active environment, else envkit's own when that holds torch, else the
    interpreter on PATH. Nothing is installed or changed in it, but with --fix.

    A project may set only, ignore, strict and timeout in `[tool.envkit]` of its pyproject.toml.
    """
    asked = Asked(**options)
    if asked.explain is not None:
        print_page(asked.explain)
        return 0
    _check_combination(asked)
    settings = read_settings(Path.cwd())
    look = partial(
        examine,
        quick=asked.quick,
        deep=asked.deep,
        timeout=asked.limit(settings),
        as_json=asked.as_json,
        save=asked.keep(),
        recorded=asked.recorded,
        selection=asked.selection(settings),
    )
    if asked.all_envs:
        from envkit.cli.diagnosing.environments import survey

        return survey(asked, partial(look, show=False))
    if asked.fix:
        from envkit.cli.diagnosing.fixing import fix

        return fix(asked, partial(look, asked.python))
    asked.reports.check()
    examined = look(asked.python)
    asked.reports.tell_diagnosis(examined, strict=asked.is_strict(settings))
    if asked.as_json:
        echo_json(examined.document())
    elif asked.handed_on:
        from envkit.cli.diagnosing.handing import hand_on

        click.echo(hand_on(asked, examined.diagnosis, examined.snapshot), nl=False)
    else:
        with asked.reports.shown_as_text():
            examined.show(verbose=asked.verbose)
    return examined.exit_code


def _check_combination(asked: Asked) -> None:
    live = asked.python is not None or asked.quick or asked.deep or asked.timeout is not None
    if asked.recorded is not None and live:
        raise click.UsageError(
            "--from diagnoses what was recorded: --python, --quick, --deep and --timeout have no part in it"
        )
    if asked.recorded is not None and asked.fix:
        raise click.UsageError("--fix mends an environment here, and --from diagnoses what was recorded elsewhere")
    if asked.all_envs and (asked.recorded or asked.python or asked.fix or asked.save):
        raise click.UsageError(
            "--all-envs looks at every environment here: no --python, --from, --fix or --save beside it"
        )
    asked.check_handed_on()
    if asked.reports.junit and (asked.all_envs or asked.fix):
        raise click.UsageError("--junit tells of one look at one environment: no --all-envs or --fix beside it")
    if asked.yes and not asked.fix:
        raise click.UsageError("--yes is for --fix")


def print_page(code: str) -> None:
    """Print what there is to know of a diagnosis code."""
    from envkit.checks import pages
    from envkit.plugins import pages as plugins
    from envkit.render.terminal.layout import console
    from envkit.render.terminal.page import print_markdown

    if code == "list":
        page = pages.render_list() + plugins.render_list()
    else:
        page = pages.read_page(code) if code in pages.codes() else plugins.describe(code) or pages.read_page(code)
    print_markdown(console(), page)


def examine(
    python: str | None,
    *,
    quick: bool = False,
    deep: bool = False,
    timeout: float | None = None,
    as_json: bool = False,
    save: Callable[[Snapshot], None] | None = None,
    recorded: Path | None = None,
    selection: Selection | None = None,
    show: bool = True,
) -> Examined:
    """Diagnose a live machine, or what was recorded of one.

    `selection` says which findings count, `show` whether it is told what is being waited for.
    """
    if recorded:
        snapshot = _load(recorded)
    else:
        gathering = probes.start(python, quick=quick, deep=deep, timeout=timeout)
        add = _start_plugins(timeout, selection)
        snapshot = _gather(gathering, add, quick=quick, as_json=as_json, show=show)
    if save is not None:
        save(snapshot)
    from envkit import matrix
    from envkit.checks import diagnose

    diagnosis = diagnose(snapshot, matrix.load(), _ask_plugins(snapshot, timeout, selection))
    if selection is not None:
        from envkit.checks.selection import select
        from envkit.plugins import Kind, names

        diagnosis = select(diagnosis, selection, names(Kind.CHECK))
    return Examined(diagnosis, snapshot)


def _ask_plugins(snapshot: Snapshot, timeout: float | None, selection: Selection | None) -> Plugged:
    from envkit.findings import Plugged
    from envkit.plugins import Kind, names

    if not names(Kind.CHECK):
        return Plugged()
    from envkit.plugins.running import run_checks

    return run_checks(snapshot, timeout, lambda name: selection is None or not selection.against(name))


def _load(recorded: Path) -> Snapshot:
    from envkit.intake.recorded import load

    return load(recorded)


def _gather(
    gathering: probes.Gathering, add: Callable[[Snapshot], Snapshot], *, quick: bool, as_json: bool, show: bool
) -> Snapshot:
    # What judges and shows is loaded while the probes run.
    import_module("envkit.checks")
    import_module("envkit.render.json" if as_json else "envkit.render.terminal.diagnosis")
    if not quick:  # the import of torch takes longer than what only some environments need
        import_module("packaging.requirements")

    with waiting("probing") as on_wait:
        return add(gathering.result(on_wait if show else None))


def _start_plugins(timeout: float | None, selection: Selection | None) -> Callable[[Snapshot], Snapshot]:
    from envkit.plugins import Kind, names

    if not names(Kind.PROBE):
        return lambda snapshot: snapshot
    from envkit.plugins.running import start_probes

    return start_probes(timeout, lambda name: selection is None or name not in selection.ignore.codes)


_EXIT_CODES = {"healthy": 0, "faulty": 1, "incomplete": 4}


class Examined(NamedTuple):
    """A diagnosis and the facts that it rests on."""

    diagnosis: Diagnosis
    snapshot: Snapshot

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that were found."""
        return tuple(finding.code for finding in self.diagnosis.findings)

    @property
    def exit_code(self) -> int:
        """The command's exit code."""
        return _EXIT_CODES[self.diagnosis.verdict.value]

    def show(self, *, verbose: bool = False) -> None:
        """Print it for a person."""
        from envkit.render.terminal.diagnosis import print_diagnosis
        from envkit.render.terminal.lines import output

        print_diagnosis(output(), self.diagnosis, self.snapshot, verbose=verbose)

    def document(self) -> dict[str, Any]:
        """Return it for a program."""
        from envkit.render.json import diagnosis_document

        return diagnosis_document(self.diagnosis, self.snapshot)
