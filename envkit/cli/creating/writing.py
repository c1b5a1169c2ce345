"""The recipe written down: into a folder, or one of its files on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.output import echo_json
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from envkit.cli.creating.asked import Asked
    from envkit.planning.model import Other, Plan
    from envkit.planning.recipe import Recipe


def write_down(asked: Asked, plan: Plan, others: tuple[Other, ...] = ()) -> None:
    """Write the files, or print the one that was asked for or that makes the environment here."""
    from envkit.planning.recipe import recipe

    names = _names(asked, plan)
    made = recipe(plan, names, _resolved(names, plan))
    if asked.folder is not None or asked.as_json:
        _check_complete(asked, made)
    if asked.folder is not None:
        _write(asked, made)
    if asked.as_json:
        _print_document(plan, made, others)
        return
    # Told before anything is printed, and rendered only when it is needed.
    text = "" if asked.folder is not None else _text(made, names[0] if names else made.main)
    _tell(asked, plan, made, others)
    # The bytes of the file itself: line ends and encoding belong to its reader, not to this terminal.
    click.echo(text.encode(), nl=False)


def _names(asked: Asked, plan: Plan) -> tuple[str, ...]:
    """Return the files that --format names; raise `EnvkitError` for one that does not go with the plan."""
    from envkit.planning.formats import find_format

    formats = dict.fromkeys(find_format(word) for word in asked.formats)
    for one in formats:
        refusal = one.refusal(plan)
        if refusal:
            raise EnvkitError(refusal)
    return tuple(one.name for one in formats)


def _resolved(names: tuple[str, ...], plan: Plan) -> dict[str, str]:
    """Return the texts that an engine has to find; nothing else of a recipe asks an index."""
    from envkit.planning.formats import PYLOCK

    if PYLOCK not in names:
        return {}
    from envkit.apply.pylock import lock

    click.echo("envkit: uv resolves pylock.toml, and asks the indexes for it", err=True)
    return {PYLOCK: lock(plan)}


def _check_complete(asked: Asked, made: Recipe) -> None:
    """Refuse a recipe without a file that was asked for by name, or without the one that makes the environment."""
    wanted = made.names if asked.formats else (made.main,)
    refused = next((name for name in wanted if name in made.left_out), None)
    if refused:
        raise _not_expressible(refused, made.left_out[refused])


def _write(asked: Asked, made: Recipe) -> None:
    from envkit.apply.recipe_files import write_files

    if asked.folder is not None:
        for path in write_files(made.files, asked.folder, force=asked.force, dry_run=asked.dry_run):
            click.echo(path, err=asked.as_json)


def _print_document(plan: Plan, made: Recipe, others: tuple[Other, ...]) -> None:
    from envkit.render.json import plan_document

    echo_json(plan_document(plan, files=made.files, **({"others": others} if others else {})))


def _text(made: Recipe, name: str) -> str:
    from envkit.planning.quoting import UnquotableError

    try:
        return made.text(name)
    except UnquotableError as problem:
        raise _not_expressible(name, str(problem)) from None


def _not_expressible(name: str, why: str) -> EnvkitError:
    return EnvkitError(f"{name} cannot be written: {why}", exit_code=1)


def _tell(asked: Asked, plan: Plan, made: Recipe, others: tuple[Other, ...]) -> None:
    from envkit.render.terminal.lines import errors
    from envkit.render.terminal.plan import print_files, print_plan

    out = errors()
    print_plan(out, plan)
    if others:
        from envkit.render.terminal.explanation import print_others

        print_others(out, others)
    if asked.folder is not None:
        print_files(out, (), made.left_out)
    elif not asked.formats:
        print_files(out, tuple(name for name in made.names if name != made.main), {})
