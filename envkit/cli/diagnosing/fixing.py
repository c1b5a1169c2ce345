"""`envkit doctor --fix`: the fixes that change the target environment alone, done with consent, and looked at again."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from envkit.cli.output import echo_json, step_progress
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.apply.mending import Mending, Told
    from envkit.apply.run import StepRun
    from envkit.cli.diagnosing.asked import Asked
    from envkit.cli.doctor import Examined


class Mended(NamedTuple):
    """What came of one mending. With neither runs nor a failure its finding had gone already."""

    mending: Mending
    runs: tuple[StepRun, ...] = ()
    failure: EnvkitError | None = None


def fix(asked: Asked, examine: Callable[[], Examined]) -> int:
    """Show what envkit may do about the findings, do it after consent, and return the exit code of the last look."""
    from envkit.apply.mending import plan_mending

    before = examine()
    plan = plan_mending(before.diagnosis, before.snapshot)
    if not asked.as_json:
        from envkit.checks.shells import shell_of
        from envkit.render.terminal.lines import output
        from envkit.render.terminal.mending import print_mending

        before.show(verbose=asked.verbose)
        shell = shell_of(before.snapshot)
        lines = {mending.code: [shell.command(*step.argv) for step in mending.steps] for mending in plan}
        print_mending(output(), before.diagnosis, lines)
    if not plan or not _has_consent(asked):
        return _answer(asked, before, before, plan, None)
    with step_progress(as_json=asked.as_json) as progress:
        done, after = _carry_out(plan, before, examine, progress)
    return _answer(asked, before, after, plan, done)


def _has_consent(asked: Asked) -> bool:
    if asked.yes or asked.as_json:
        return asked.yes
    if sys.stdin and sys.stdin.isatty():
        return click.confirm("Run these commands?", err=True)
    click.echo("nothing was run: `--yes` gives the consent that nobody can be asked for here", err=True)
    return False


def _carry_out(
    plan: tuple[Mending, ...], now: Examined, examine: Callable[[], Examined], progress: Told
) -> tuple[tuple[Mended, ...], Examined]:
    """Mend one finding after the other, looking again after each: what went with another needs no more doing."""
    from envkit.apply.mending import mend, note

    done: list[Mended] = []
    for mending in plan:
        if mending.code not in now.codes:
            done.append(Mended(mending))
            continue
        try:
            done.append(Mended(mending, mend(mending, progress)))
        except EnvkitError as failure:
            done.append(Mended(mending, failure=failure))
        now = examine()
        with suppress(OSError):  # what cannot be written to has failed already, and said so
            note(mending.path, finding=mending.code, state="still there" if mending.code in now.codes else "gone")
        if done[-1].failure:
            break
    return tuple(done), now


def _answer(
    asked: Asked, before: Examined, after: Examined, plan: tuple[Mending, ...], done: tuple[Mended, ...] | None
) -> int:
    if asked.as_json:
        told = {
            "planned": [_planned(mending) for mending in plan],
            "done": done and [_done(one, after) for one in done],
        }
        echo_json({**after.document(), "fix": {**told, "before": before.diagnosis}})
    elif done is not None:
        from envkit.apply.mending import LOG
        from envkit.render.terminal.lines import output
        from envkit.render.terminal.mending import print_outcome

        click.echo()
        after.show(verbose=asked.verbose)
        click.echo()
        for mending, _, failure in done:
            gone = mending.code not in after.codes
            print_outcome(output(), mending.code, str(mending.path / LOG), failure, gone=gone)
    return after.exit_code


def _planned(mending: Mending) -> dict[str, Any]:
    return {"code": mending.code, "path": str(mending.path), "commands": [step.argv for step in mending.steps]}


def _done(mended: Mended, after: Examined) -> dict[str, Any]:
    from envkit.apply.mending import JOURNAL, LOG

    mending, failure = mended.mending, mended.failure
    return {
        "code": mending.code,
        "gone": mending.code not in after.codes,
        "steps": [step._asdict() for step in mended.runs],
        "error": failure and {"message": failure.message, "hint": failure.hint},
        "log": str(mending.path / LOG),
        "journal": str(mending.path / JOURNAL),
    }
