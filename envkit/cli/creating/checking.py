"""An environment compared with what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.output import echo_json

if TYPE_CHECKING:
    from envkit.apply.drift import Drift
    from envkit.cli.creating.asked import Asked


def check(asked: Asked) -> int:
    """Tell every difference and return the exit code: 0 without one, 1 with."""
    from envkit.apply.drift import find_drift

    path = Path(asked.check or "").absolute()
    found = find_drift(path)
    if asked.as_json:
        from envkit.render.json import drift_document

        echo_json(drift_document(path=str(path), drift=[one._asdict() for one in found]))
    else:
        from envkit.render.text import clean

        for one in found:
            click.echo(clean(_sentence(one)))
        click.echo(clean(_verdict(path, found)))
    return 1 if found else 0


def _sentence(one: Drift) -> str:
    release = {
        "added": f"{one.subject} {one.found} was added",
        "removed": f"{one.subject} {one.recorded} was removed",
        "changed": f"{one.subject} was {one.recorded} and is {one.found}",
        "backend": f"the build of {one.subject} was {one.recorded} and is {one.found}",
        "python": f"Python was {one.recorded} and is {one.found}",
        "gone": f"Python was {one.recorded}, and {one.subject} {one.found}",
    }
    return release[one.kind]


def _verdict(path: Path, found: tuple[Drift, ...]) -> str:
    if not found:
        return f"{path} is as it was made"
    return f"\n{len(found)} {'difference' if len(found) == 1 else 'differences'} from what was made"
