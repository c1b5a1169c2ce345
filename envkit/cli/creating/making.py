"""The environment made: steps run, then doctor and smoke in it."""

from __future__ import annotations

import dataclasses
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from envkit.cli.output import echo_json, step_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envkit.apply.activation import Way
    from envkit.apply.places import Mode
    from envkit.apply.run import Applied
    from envkit.apply.work import Work
    from envkit.cli.creating.asked import Asked
    from envkit.cli.doctor import Examined
    from envkit.cli.smoking.measuring import Exercised
    from envkit.planning.model import Other, Plan
    from envkit.probes.pip_config import PipSources
    from envkit.render.events import EventProgress
    from envkit.render.terminal.progress import StepProgress


class _Order(NamedTuple):
    """A work, and what is to be told of it before it begins."""

    work: Work
    plan: Plan | None = None
    """None for an environment with pip alone."""
    told: str = ""
    need: int | None = None
    """About how many bytes it takes; None where that is not known."""
    others: tuple[Other, ...] = ()
    """Why each other build was not chosen, where that was asked for."""


def make(asked: Asked) -> int:
    """Make what was asked for and return the exit code."""
    from envkit.apply.preflight import check_before

    mode = _mode(asked)
    bare = asked.bare and asked.manager != "conda"
    order = _bare(asked, mode) if bare else _planned(asked, mode)
    check_before(order.work.path, mode, order.need)
    progress = step_progress(as_json=asked.as_json)
    _tell(asked, order, progress)
    if asked.dry_run:
        _rehearse(asked, order)
        return 0
    from envkit.apply.run import carried_out

    shell = _in_the_background(order)
    with progress, carried_out(order.work, progress) as applied:
        if applied.left:
            kept = ", ".join(map(str, applied.left[:3]))
            count = len(applied.left)
            progress.told(f"{count} files that no installer had put into the old environment are kept: {kept}")
        return _verify(asked, order, applied, shell())


def _mode(asked: Asked) -> Mode:
    from envkit.apply.places import Mode

    return Mode.UPDATE if asked.update else Mode.REPLACE if asked.replace else Mode.NEW


def _bare(asked: Asked, mode: Mode) -> _Order:
    """Return the making of an environment with pip alone: nothing but its interpreter matters."""
    from envkit.apply.engines import PIP, choose_installer
    from envkit.apply.interpreters import base_interpreter, outside
    from envkit.apply.places import place_of
    from envkit.apply.work import bare_work
    from envkit.planning.model import Engine, Manager
    from envkit.probes import find_interpreter
    from envkit.probes.pip_config import PipSources
    from envkit.snapshot import Absent

    installer = choose_installer(Engine(asked.engine), PipSources) if asked.engine else PIP
    path = place_of(Path(asked.place or asked.path or asked.name or ".venv"))
    version = asked.python_version
    uv = None if asked.manager == "virtualenv" else installer.program
    python = base_interpreter(version, Absent(why=""), uv) if version else find_interpreter(asked.python)
    python = outside(python, path)
    return _Order(bare_work(Manager(asked.manager or "venv"), installer, path, python, mode))


def _planned(asked: Asked, mode: Mode) -> _Order:
    """Return the making of what fits this machine, from sources that can be reached."""
    import msgspec

    from envkit import matrix
    from envkit.apply.engines import choose_installer
    from envkit.apply.interpreters import base_interpreter, outside
    from envkit.apply.places import Mode, place_of
    from envkit.apply.sources import listed_by_pip, listed_by_uv, settle
    from envkit.apply.uv_config import uv_sources
    from envkit.apply.work import conda_work, planned_work
    from envkit.cli.creating.deciding import decide, explain
    from envkit.matrix.sizes import least_bytes
    from envkit.planning.model import Engine

    asked = _for_what_is_there(asked, mode)
    plan, snapshot = decide(asked)
    others = explain(asked, asked.request, snapshot)
    path = place_of(Path(plan.path or plan.name))
    if asked.manager == "conda":
        return _Order(conda_work(plan, path, mode, kernel=asked.kernel), plan, others=others)
    configured = _Configured(snapshot.target)
    installer = choose_installer(plan.engine, configured.sources)
    # virtualenv wants a Python that is there; uv gets the one that it makes an environment from.
    uv = None if asked.manager == "virtualenv" else installer.program
    python = outside(base_interpreter(asked.python_version, snapshot.target, uv), path)
    # uv lists no releases: it is asked only where it has sources of its own, which pip does not know.
    by_uv = installer.engine is Engine.UV and uv_sources(os.environ)
    listed = partial(listed_by_uv, installer, python) if by_uv else partial(listed_by_pip, python)
    settled = settle(plan, asked.request, snapshot, matrix.load(), listed, configured.sources)
    plan = msgspec.structs.replace(settled.plan, reasons=(*settled.plan.reasons, installer.reason))
    work = planned_work(plan, installer, path, python, mode, kernel=asked.kernel)
    return _Order(work, plan, settled.told, None if mode is Mode.UPDATE else least_bytes(plan.backend), others)


def _for_what_is_there(asked: Asked, mode: Mode) -> Asked:
    """Plan an update for the Python of the environment that is there."""
    from envkit.apply.ownership import is_environment
    from envkit.apply.steps import interpreter_in

    path = Path(asked.place or asked.path or asked.name or ".venv").absolute()
    if mode.value != "update" or asked.python or asked.manager == "conda" or not is_environment(path):
        return asked
    return dataclasses.replace(asked, python=str(interpreter_in(path)))


class _Configured:
    """What pip is configured with, asked at most once, and only when it matters."""

    def __init__(self, target: object) -> None:
        self._target = getattr(target, "executable", None)
        self._sources: PipSources | None = None

    def sources(self) -> PipSources:
        """Ask the pip of the target, or the one beside envkit; with neither, nothing is configured."""
        from envkit.probes.pip_config import PipSources, read_pip_sources

        for python in dict.fromkeys((self._target, sys.executable)):
            if self._sources is None and python:
                told = read_pip_sources(python)
                self._sources = told if isinstance(told, PipSources) else None
        self._sources = self._sources or PipSources()
        return self._sources


def _tell(asked: Asked, order: _Order, progress: EventProgress | StepProgress) -> None:
    """Tell what was decided; a program finds it in the document."""
    if order.plan and not asked.as_json:
        from envkit.render.terminal.lines import errors
        from envkit.render.terminal.plan import print_plan

        print_plan(errors(), order.plan)
        if order.others:
            from envkit.render.terminal.explanation import print_others

            print_others(errors(), order.others)
    if order.told:
        progress.told(order.told)


def _rehearse(asked: Asked, order: _Order) -> None:
    """Print the commands that would make the environment."""
    if asked.as_json:
        _print_document(order, steps=[{"name": step.name, "argv": step.shown} for step in order.work.commands])
        return
    for step in order.work.commands:
        click.echo(step.line)


def _in_the_background(order: _Order) -> Callable[[], str]:
    """Begin to find out which shell it is, beside the steps, and return what waits for the answer."""
    import threading

    from envkit.apply.activation import current_shell

    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append("" if order.work.activate else current_shell()), daemon=True)
    thread.start()

    def wait() -> str:
        thread.join()
        return found[0] if found else ""

    return wait


def _verify(asked: Asked, order: _Order, applied: Applied, shell: str) -> int:
    """Run doctor and smoke in the new environment, and say how to enter it."""
    has_torch = order.plan is not None and order.plan.torch
    answers = _examine(applied.python, show=not asked.as_json) if has_torch and not asked.no_verify else {}
    ways = _activation(order, shell)
    if asked.as_json:
        steps = [step._asdict() for step in applied.steps]
        told = {name: answer.document() for name, answer in answers.items()}
        _print_document(order, python=applied.python, steps=steps, activate=[way.command for way in ways], **told)
    else:
        click.echo("\nActivate it with:" if answers else "Activate it with:")
        click.echo("\n".join(f"    {way.told}{way.command}" for way in ways))
    return _worst([answer.exit_code for answer in answers.values()])


def _examine(python: str, *, show: bool) -> Mapping[str, Examined | Exercised]:
    from envkit.cli.doctor import examine
    from envkit.cli.smoke import exercise

    checks: dict[str, Callable[[str], Examined | Exercised]] = {"doctor": examine, "smoke": exercise}
    answers: dict[str, Examined | Exercised] = {}
    for name, check in checks.items():
        answers[name] = check(python)
        if show:
            click.echo()
            answers[name].show()
    return answers


def _activation(order: _Order, shell: str) -> tuple[Way, ...]:
    from envkit.apply.activation import Way, activation

    return order.work.activate or (Way(activation(order.work.path, shell)),)


def _print_document(order: _Order, **more: Any) -> None:
    from envkit.render.json import plan_document

    explained = {"others": order.others} if order.others else {}
    echo_json(plan_document(order.plan, path=str(order.work.path), **explained, **more))


def _worst(codes: list[int]) -> int:
    """Return the code that says most: an error is told before an incomplete answer."""
    return 1 if 1 in codes else max(codes, default=0)
