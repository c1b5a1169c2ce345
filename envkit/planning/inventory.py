"""Plans for machines that are described: what is asked for each, and its answer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from envkit.errors import EnvkitError
from envkit.intake.host_description import Description, Wanted, described, parse
from envkit.planning.answers import Answer, Impossible, answer
from envkit.planning.model import Engine, Manager, Reason, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envkit.intake.inventory import Line
    from envkit.matrix import Matrix
    from envkit.snapshot import Snapshot

T = TypeVar("T")
_OF_CONDA = frozenset((Engine.CONDA, Engine.MAMBA, Engine.MICROMAMBA, Engine.RATTLER))


class Task(NamedTuple):
    """One machine to plan for, and what is asked for it."""

    request: Request
    snapshot: Snapshot
    assumed: tuple[Reason, ...] = ()


class Mistake(NamedTuple):
    """A line that could not be answered."""

    line: int
    error: EnvkitError


def recorded_task(request: Request, snapshot: Snapshot) -> Task:
    """Return the task for a machine that is not at hand."""
    return Task(msgspec.structs.replace(request, any_python=True, stated=True), snapshot)


def described_task(request: Request, description: Description) -> Task:
    """Return the task for a description, whose own wishes count before the request's."""
    snapshot, assumptions = described(description)
    assumed = tuple(Reason(one.what, one.taken, one.why) for one in assumptions)
    task = recorded_task(request, snapshot)._replace(assumed=assumed)
    return task._replace(request=_merged(task.request, description.request)) if description.request else task


def answer_lines(
    lines: Iterable[Line],
    request: Request,
    matrix: Matrix,
    finish: Callable[[Answer | Impossible], T],
    *,
    explain: bool = False,
) -> Iterator[tuple[Line, T | Mistake]]:
    """Return every line with its answer, finished; equal machines are thought about once."""

    @lru_cache(maxsize=16384)
    def answered(description: Description) -> T:
        task = described_task(request, description)
        return finish(answer(task.request, task.snapshot, matrix, assumed=task.assumed, explain=explain))

    def one(line: Line) -> T | Mistake:
        try:
            return answered(_read(line))
        except EnvkitError as error:
            return Mistake(line.number, error)

    return ((line, one(line)) for line in lines)


def _read(line: Line) -> Description:
    if line.is_too_long:
        raise EnvkitError(f"line {line.number} is too long for a description of a host")
    return parse(line.data, f"line {line.number}")


def _merged(request: Request, wanted: Wanted) -> Request:
    changes: dict[str, object] = {}
    if wanted.torch:
        changes["torch"] = wanted.torch
    if wanted.cuda or wanted.rocm or wanted.xpu:
        changes |= {"cuda": wanted.cuda, "rocm": wanted.rocm, "xpu": bool(wanted.xpu)}
    if wanted.python:
        minor = ".".join(wanted.python.rstrip("t").split(".")[:2])
        changes["python"] = f"{minor}t" if wanted.python.endswith("t") else minor
    if wanted.engine:
        changes |= _engine(request, wanted.engine)
    return msgspec.structs.replace(request, **changes)


def _engine(request: Request, name: str) -> dict[str, object]:
    try:
        engine = Engine(name)
    except ValueError:
        known = ", ".join(one.value for one in Engine)
        raise EnvkitError(f"`{name}` is no engine", hint=f"name one of {known}") from None
    manager = request.manager
    if engine in _OF_CONDA:
        manager = Manager.CONDA
    elif manager is Manager.CONDA:
        manager = Manager.VENV
    return {"engine": engine, "manager": manager}
