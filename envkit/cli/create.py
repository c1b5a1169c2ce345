"""`envkit create`: the environment that fits this machine, written down or made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from envkit.cli.creating.asked import Asked

_EPILOG = """\b
Examples:
  envkit create > create.sh                     the script that makes it here
  envkit create --apply                         make it now, in .venv
  envkit create --virtualenv --apply env        with virtualenv, in env
  envkit create --conda > environment.yml
  envkit create --torch 2.5.1 --cuda 12.1 --python 3.11 --with torchvision
  envkit create --format dockerfile > Dockerfile
  envkit create --output recipe                 all files, for every shell
  envkit create --for server.json --explain     for another machine, and why

\b
Exit codes: 0 done, 1 impossible or failed, 2 usage, 3 envkit failed, 4 incomplete
"""

_ENGINES = ("pip", "uv", "conda", "mamba", "micromamba", "rattler")


@click.command("create", epilog=_EPILOG)
@click.argument("place", metavar="[PATH]", required=False)
@click.option("--venv", "manager", flag_value="venv", help="an environment of the standard venv (default)")
@click.option("--virtualenv", "manager", flag_value="virtualenv", help="one made by virtualenv")
@click.option("--conda", "manager", flag_value="conda", help="one for conda, mamba or micromamba")
@click.option("--engine", type=click.Choice(_ENGINES), help="what installs into it (default: the best one present)")
@click.option("--python", metavar="VERSION|PATH", help="its Python (default: the one that is active here)")
@click.option("--torch", metavar="VERSION", help='a release, or a range such as ">=2.4"')
@click.option("--cuda", metavar="RELEASE", help="12.1, 11.8, ..., cpu or auto (default: what driver and GPUs allow)")
@click.option("--rocm", metavar="[RELEASE]", is_flag=False, flag_value="auto", help="a build for AMD GPUs")
@click.option("--xpu", is_flag=True, help="the build for Intel GPUs")
@click.option("--with", "packages", multiple=True, metavar="PACKAGE", help="also install; may be repeated")
@click.option("--bare", is_flag=True, help="with --apply: pip alone, no torch")
@click.option("--name", metavar="NAME", help="the environment's name")
@click.option("--path", metavar="PATH", help="where it goes; the same as the argument")
@click.option("--for", "machine", metavar="FILE", help="plan for the machine that a file describes; - for stdin")
@click.option("--format", "formats", multiple=True, metavar="FILE", help="this file alone (sh, uv, ...); repeatable")
@click.option("--output", metavar="DIR", help="write all files of the recipe into a folder; - for stdout")
@click.option("--apply", "apply_now", is_flag=True, help="make the environment, then check it")
@click.option("--dry-run", is_flag=True, help="with --apply or --output: only tell what would be done")
@click.option("--update", is_flag=True, help="with --apply: bring an environment that is there to the plan")
@click.option("--replace", is_flag=True, help="with --apply: remove an environment of envkit's and make it anew")
@click.option("--check", metavar="PATH", help="compare an environment with the plan that it was made from")
@click.option("--index", metavar="URL", help="take torch from this index in place of PyTorch's own")
@click.option("--kernel", is_flag=True, help="with --apply: also register it as a Jupyter kernel")
@click.option("--no-verify", is_flag=True, help="with --apply: leave out doctor and smoke")
@click.option("--force", is_flag=True, help="with --output: overwrite files that differ")
@click.option("--explain", is_flag=True, help="also tell why each other build was not chosen")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
def command(**options: Any) -> int:
    """Decide which torch fits this machine, and write down, or make, the environment for it.

    Driver, GPUs, Python and system decide together; each decision is told with its reason.
    """
    asked = Asked(**options)
    _check_combination(asked)
    if asked.check is not None:
        from envkit.cli.creating.checking import check

        return check(asked)
    if asked.apply_now:
        from envkit.cli.creating.making import make

        return make(asked)
    if asked.machine is not None:
        from envkit.cli.creating.inventory import plan_for

        return plan_for(asked)
    from envkit.cli.creating.deciding import decide, explain
    from envkit.cli.creating.writing import write_down

    plan, snapshot = decide(asked)
    write_down(asked, plan, explain(asked, asked.request, snapshot))
    return 0


# What makes no sense together with each way to run the command, and what is then said.
_ALONE = ("check", "as_json")
_NOT_WRITTEN = ("update", "replace", "kernel", "no_verify")
_NOT_MADE = {
    "output": "--apply makes the environment and --output writes it down: one at a time",
    "formats": "--apply makes the environment and --format writes it down: one at a time",
    "machine": "--apply makes the environment here, and --for plans for another machine",
    "force": "--force overwrites files in a folder: --output DIR",
}
_NOT_BARE = ("torch", "cuda", "rocm", "xpu", "packages", "kernel", "explain")
_BARE_IN_CONDA = ("index", "update")
"""conda's Python and pip come from a channel, and there may be newer ones."""


def _check_combination(asked: Asked) -> None:
    empty = next((name for name, value in asdict(asked).items() if value == ""), None)
    if empty:
        raise click.UsageError(f"{_option(empty)} is empty; is a variable not set?")
    given = {name for name, value in asdict(asked).items() if value not in (None, False, ())}
    if asked.place is not None and asked.path not in (None, asked.place):
        raise click.UsageError("the path is given twice, as an argument and with --path")
    if asked.check is not None and (more := sorted(given - {*_ALONE})):
        raise click.UsageError(f"--check compares an environment that is there: {_option(more[0])} has no part in it")
    if asked.apply_now and (clash := next((why for name, why in _NOT_MADE.items() if name in given), None)):
        raise click.UsageError(clash)
    if asked.update and asked.replace:
        raise click.UsageError("--update keeps the environment that is there and --replace does not: one of them")
    if not asked.apply_now and (idle := [name for name in _NOT_WRITTEN if name in given]):
        raise click.UsageError(f"{_option(idle[0])} is for --apply")
    if asked.force and asked.folder is None:
        raise click.UsageError("--force overwrites files in a folder: --output DIR")
    not_bare = _NOT_BARE if asked.manager == "conda" else (*_NOT_BARE, *_BARE_IN_CONDA)
    if asked.bare and (more := [name for name in not_bare if name in given]):
        raise click.UsageError(f"--bare is an environment with pip alone: {_option(more[0])} has no part in it")
    if asked.formats:
        _check_formats(asked)


def _option(name: str) -> str:
    """Return an option as it is typed."""
    other = {"place": "PATH", "apply_now": "--apply", "machine": "--for", "formats": "--format", "packages": "--with"}
    return other.get(name, f"--{name.replace('_', '-')}")


def _check_formats(asked: Asked) -> None:
    from envkit.planning.formats import find_format

    if len({find_format(word) for word in asked.formats}) > 1 and asked.folder is None and not asked.as_json:
        raise click.UsageError("several files need a folder: --output DIR")
