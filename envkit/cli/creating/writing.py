"""The recipe written down: into a folder, or its main file on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.output import echo_json
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from envkit.cli.creating.asked import Asked
    from envkit.planning.model import Plan
    from envkit.planning.recipe import Recipe


def write_down(asked: Asked, plan: Plan) -> None:
    """Write the files, or print the one that makes the environment here."""
    from envkit.apply.recipe_files import write_files
    from envkit.planning.recipe import recipe
    from envkit.render.json import plan_document

    rendered = recipe(plan)
    if asked.folder is not None:
        for path in write_files(rendered.files, asked.folder, force=asked.force, dry_run=asked.dry_run):
            click.echo(path, err=asked.as_json)
    if asked.as_json:
        echo_json(plan_document(plan, files=rendered.files))
        return
    from envkit.render.terminal.layout import console
    from envkit.render.terminal.plan import print_files, print_plan

    out = console(stderr=True)
    print_plan(out, plan)
    others = tuple(name for name in rendered.files if name != rendered.main) if asked.folder is None else ()
    print_files(out, others, rendered.left_out)
    if asked.folder is None:
        _print_main(rendered)


def _print_main(rendered: Recipe) -> None:
    text = rendered.files.get(rendered.main)
    if text is None:
        raise EnvkitError(f"{rendered.main} cannot be written: {rendered.left_out[rendered.main]}", exit_code=1)
    # The bytes of the file itself: line ends and encoding belong to its reader, not to this terminal.
    click.echo(text.encode(), nl=False)
