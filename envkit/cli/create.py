"""`envkit create`: the environment that fits this machine, written down or made."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envkit.cli.output import echo_json, waiting
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envkit.apply.run import Applied
    from envkit.cli.doctor import Examined
    from envkit.cli.smoke import Exercised
    from envkit.planning.model import Plan, Request
    from envkit.planning.recipe import Recipe
    from envkit.snapshot import Snapshot

_EPILOG = """\b
Examples:
  envkit create > create.sh                     the script that makes it here
  envkit create --apply                         make it now, in .venv
  envkit create --virtualenv --apply env        with virtualenv, in env
  envkit create --conda > environment.yml
  envkit create --torch 2.5.1 --cuda 12.1 --python 3.11 --with torchvision
  envkit create --output recipe                 all files, for every shell

\b
Exit codes: 0 done, 1 impossible or failed, 2 usage, 3 envkit failed, 4 incomplete
"""

_VERSION = re.compile(r"(?P<minor>\d+\.\d+)(?:\.\d+)?(?P<free_threaded>t?)")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The options of a command line."""

    place: str | None
    manager: str | None
    python: str | None
    torch: str | None
    cuda: str | None
    packages: tuple[str, ...]
    name: str | None
    path: str | None
    output: str | None
    apply_now: bool
    dry_run: bool
    index: str | None
    no_verify: bool
    force: bool
    as_json: bool

    @property
    def python_version(self) -> str | None:
        """The version that --python asks for, None when it names an interpreter."""
        return self.python if self.python and _VERSION.fullmatch(self.python) else None

    @property
    def folder(self) -> Path | None:
        """The folder that --output names."""
        return None if self.output in (None, "-") else Path(self.output or "")


@click.command("create", epilog=_EPILOG)
@click.argument("place", metavar="[PATH]", required=False)
@click.option("--venv", "manager", flag_value="venv", help="an environment of the standard venv (default)")
@click.option("--virtualenv", "manager", flag_value="virtualenv", help="one made by virtualenv")
@click.option("--conda", "manager", flag_value="conda", help="one for conda, mamba or micromamba")
@click.option("--python", metavar="VERSION|PATH", help="its Python (default: the one that is active here)")
@click.option("--torch", metavar="VERSION", help='a release, or a range such as ">=2.4"')
@click.option("--cuda", metavar="RELEASE", help="12.1, 11.8, ..., cpu or auto (default: what driver and GPUs allow)")
@click.option("--with", "packages", multiple=True, metavar="PACKAGE", help="also install; may be repeated")
@click.option("--name", metavar="NAME", help="the environment's name")
@click.option("--path", metavar="PATH", help="where it goes; the same as the argument")
@click.option("--output", metavar="DIR", help="write all files of the recipe into a folder; - for stdout")
@click.option("--apply", "apply_now", is_flag=True, help="make the environment, then check it")
@click.option("--dry-run", is_flag=True, help="with --apply or --output: only tell what would be done")
@click.option("--index", metavar="URL", help="take torch from this index in place of PyTorch's own")
@click.option("--no-verify", is_flag=True, help="with --apply: leave out doctor and smoke")
@click.option("--force", is_flag=True, help="with --output: overwrite files that differ")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
def command(**options: Any) -> int:
    """Decide which torch fits this machine, and write down, or make, the environment for it.

    Driver, GPUs, Python and system decide together; each decision is told with its reason.
    """
    asked = _Asked(**options)
    if asked.place is not None and asked.path not in (None, asked.place):
        raise click.UsageError("the path is given twice, as an argument and with --path")
    if asked.apply_now and asked.output is not None:
        raise click.UsageError("--apply makes the environment and --output writes it down: one at a time")
    plan, snapshot = _decide(asked)
    if asked.apply_now:
        return _make(asked, plan, snapshot)
    _write_down(asked, plan)
    return 0


# -- deciding -----------------------------------------------------------------------------------


def _decide(asked: _Asked) -> tuple[Plan, Snapshot]:
    from envkit import probes

    # With a version asked for, no interpreter here is the target; envkit's own stands in for it.
    gathering = probes.start(sys.executable if asked.python_version else asked.python, quick=True)
    # What decides is loaded while the probes run.
    from envkit import matrix
    from envkit.planning.decide import plan

    with waiting("probing") as on_wait:
        snapshot = gathering.result(on_wait)
    return plan(_request(asked), snapshot, matrix.load()), snapshot


def _request(asked: _Asked) -> Request:
    from envkit.planning.model import Manager, Request

    version = _VERSION.fullmatch(asked.python or "")
    return Request(
        manager=Manager(asked.manager or "venv"),
        python=f"{version['minor']}{version['free_threaded']}" if version else None,
        torch=asked.torch,
        cuda=asked.cuda,
        name=asked.name,
        path=asked.place if asked.path is None else asked.path,
        packages=asked.packages,
        index=asked.index,
    )


# -- writing it down ----------------------------------------------------------------------------


def _write_down(asked: _Asked, plan: Plan) -> None:
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


# -- making it ----------------------------------------------------------------------------------


def _make(asked: _Asked, plan: Plan, snapshot: Snapshot) -> int:
    from envkit.apply.interpreters import base_interpreter
    from envkit.apply.run import apply_plan
    from envkit.apply.steps import check_manager
    from envkit.render.terminal.layout import console
    from envkit.render.terminal.plan import StepProgress, print_plan

    check_manager(plan)
    python = base_interpreter(asked.python_version, snapshot.target)
    path = Path(plan.path).absolute()
    out = console(stderr=True)
    print_plan(out, plan)
    if asked.dry_run:
        _rehearse(asked, plan, path, python)
        return 0
    with StepProgress(out) as progress:
        applied = apply_plan(plan, path, python, progress)
    return _verify(asked, plan, applied)


def _rehearse(asked: _Asked, plan: Plan, path: Path, python: str) -> None:
    """Print the commands that would make the environment."""
    from envkit.apply.claim import check_free
    from envkit.apply.steps import list_steps
    from envkit.render.json import plan_document

    check_free(path)
    steps = list_steps(plan, path, python)
    if asked.as_json:
        echo_json(plan_document(plan, path=str(path), steps=[step._asdict() for step in steps]))
        return
    for step in steps:
        click.echo(shlex.join(step.argv))


def _verify(asked: _Asked, plan: Plan, applied: Applied) -> int:
    """Run doctor and smoke in the new environment, and say how to enter it."""
    from envkit.apply.steps import activation
    from envkit.cli.doctor import examine
    from envkit.cli.smoke import exercise

    checks: dict[str, Callable[[str], Examined | Exercised]] = {"doctor": examine, "smoke": exercise}
    answers: dict[str, Examined | Exercised] = {}
    for name, check in ({} if asked.no_verify else checks).items():
        answers[name] = check(applied.python)
        if not asked.as_json:
            click.echo()
            answers[name].show()
    if asked.as_json:
        _print_applied(plan, applied, answers)
    else:
        click.echo(f"\nActivate it with:\n    {activation(Path(applied.path))}")
    return _worst([answer.exit_code for answer in answers.values()])


def _print_applied(plan: Plan, applied: Applied, answers: Mapping[str, Examined | Exercised]) -> None:
    from envkit.render.json import plan_document

    steps = [step._asdict() for step in applied.steps]
    told = {name: answer.document() for name, answer in answers.items()}
    echo_json(plan_document(plan, path=applied.path, python=applied.python, steps=steps, **told))


def _worst(codes: list[int]) -> int:
    """Return the code that says most: an error is told before an incomplete answer."""
    return 1 if 1 in codes else max(codes, default=0)
