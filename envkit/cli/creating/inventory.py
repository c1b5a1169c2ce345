"""Plans for the machines that --for describes: in a snapshot, a pasted report, or a few words of JSON each."""

from __future__ import annotations

import io
import sys
from contextlib import nullcontext
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

import click
import msgspec

from envkit import matrix
from envkit.cli.creating.deciding import explain, plan_or_explain
from envkit.errors import EnvkitError
from envkit.intake.host_description import Description, Wanted, described, parse
from envkit.planning.answers import Answer, Impossible, answer
from envkit.planning.model import Engine, Manager, Reason, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from envkit.cli.creating.asked import Asked
    from envkit.snapshot import Snapshot

_LONGEST_LINE = 2**20
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOSTLY = 0.5
"""The share of lines that look like JSON objects from which a text is an inventory with mistakes, not a report."""


class Machine(NamedTuple):
    """One machine to plan for."""

    request: Request
    snapshot: Snapshot
    assumed: tuple[Reason, ...] = ()


def plan_for(asked: Asked) -> int:
    """Answer for every machine in the file, and return the exit code."""
    _check(asked)
    name = "stdin" if asked.machine == "-" else str(asked.machine)
    with _opened(str(asked.machine)) as stream:
        lines = _descriptions(stream)
        if isinstance(lines, bytes):
            from envkit.intake import recorded

            return _plan_one(asked, Machine(_request(asked), recorded.read(lines, name)))
        if asked.as_json and not asked.output and not asked.formats:
            return _stream(asked, lines)
        first, second = next(lines, None), next(lines, None)
        if first is not None and second is None:
            return _plan_one(asked, described_machine(asked, parse(first, name)))
        if asked.output or asked.formats:
            raise click.UsageError("--output and --format write one recipe, and the inventory has several machines")
        return _tabulate(asked, chain((line for line in (first, second) if line is not None), lines))


def _check(asked: Asked) -> None:
    if asked.python and not asked.python_version:
        raise click.UsageError("--python names an interpreter of this machine; give a version for another one")


# -- reading ------------------------------------------------------------------------------------


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise EnvkitError(f"{name} cannot be read: {error.strerror}", hint="name a file, or - for stdin") from error


def _descriptions(stream: BinaryIO) -> Iterator[bytes] | bytes:
    """Return the descriptions, one at a time as they come in; all of the bytes where they are something else."""
    head = next(_lines(stream), b"")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = (head + stream.read()).decode("utf-16", "replace")
        return _descriptions(io.BytesIO(text.encode()))
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _is_description(head):
        return chain((head,), _lines(stream))
    return _from_whole(head + stream.read())


def _from_whole(data: bytes) -> Iterator[bytes] | bytes:
    try:
        whole = msgspec.json.decode(data)
    except _NO_JSON:
        lines = [line for line in data.splitlines() if line.strip()]
        objects = sum(line.strip().startswith(b"{") and line.strip().endswith(b"}") for line in lines)
        return iter(lines) if objects and objects >= _MOSTLY * len(lines) else data
    if isinstance(whole, list):
        return map(bytes, msgspec.json.decode(data, type=list[msgspec.Raw]))
    return iter((data,)) if isinstance(whole, dict) and "schema_version" not in whole else data


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(_LONGEST_LINE):
        if line.strip():
            yield line


class _Head(msgspec.Struct):
    schema_version: object = None


def _is_description(line: bytes) -> bool:
    try:
        return msgspec.json.decode(line, type=_Head).schema_version is None
    except _NO_JSON:
        return False


# -- what is asked ------------------------------------------------------------------------------


def described_machine(asked: Asked, description: Description) -> Machine:
    """Return the machine of a description, with what is asked for it."""
    snapshot, assumptions = described(description)
    assumed = tuple(Reason(one.what, one.taken, one.why) for one in assumptions)
    return Machine(_request(asked, description.request), snapshot, assumed)


def _request(asked: Asked, wanted: Wanted | None = None) -> Request:
    """Return what the options ask for, unless the description itself asks for something else."""
    request = msgspec.structs.replace(asked.request, any_python=True)
    return _merged(request, wanted) if wanted else request


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


_OF_CONDA = frozenset((Engine.CONDA, Engine.MAMBA, Engine.MICROMAMBA, Engine.RATTLER))


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


# -- answering ----------------------------------------------------------------------------------


def _plan_one(asked: Asked, machine: Machine) -> int:
    """Write down the recipe for one machine, as for the one at hand."""
    from envkit.cli.creating.writing import write_down

    chosen = plan_or_explain(asked, machine.request, machine.snapshot)
    chosen = msgspec.structs.replace(chosen, reasons=(*machine.assumed, *chosen.reasons))
    write_down(asked, chosen, explain(asked, machine.request, machine.snapshot))
    return 0


class Mistake(NamedTuple):
    """A line that could not be answered."""

    line: int
    error: EnvkitError


T = TypeVar("T")


def _answers(
    asked: Asked, lines: Iterable[bytes], finish: Callable[[Answer | Impossible], T]
) -> Iterator[tuple[bytes, T | Mistake]]:
    """Return every line with its answer, finished; equal machines are thought about once."""
    tables = matrix.load()

    @lru_cache(maxsize=16384)
    def answered(description: Description) -> T:
        machine = described_machine(asked, description)
        return finish(answer(machine.request, machine.snapshot, tables, assumed=machine.assumed, explain=asked.explain))

    def one(number: int, line: bytes) -> T | Mistake:
        try:
            return answered(parse(line, f"line {number}"))
        except EnvkitError as error:
            return Mistake(number, error)

    return ((line, one(number, line)) for number, line in enumerate(lines, start=1))


def _stream(asked: Asked, lines: Iterable[bytes]) -> int:
    """Print one JSON answer a line, each as soon as it is there."""
    out = sys.stdout.buffer
    encode = msgspec.json.Encoder().encode
    count = mistakes = refusals = 0
    for count, (_, told) in enumerate(_answers(asked, lines, encode), start=1):  # noqa: B007 - counted for the code
        if isinstance(told, Mistake):
            mistakes += 1
            error = {"line": told.line, "message": told.error.message, "hint": told.error.hint}
            told = encode({"error": error})  # noqa: PLW2901
        refusals += told.startswith(b'{"impossible"')
        out.write(told + b"\n")
        out.flush()
    return _code(count, mistakes, refusals)


def _code(count: int, mistakes: int, refusals: int) -> int:
    """Return 1 where a line could not be answered, or the only machine can have nothing."""
    return 1 if mistakes or (refusals and count == 1) else 0


class _Label(msgspec.Struct):
    """What inventories call a machine."""

    name: object = None
    hostname: object = None
    host: object = None
    id: object = None


def _tabulate(asked: Asked, lines: Iterable[bytes]) -> int:
    """Print a line for people for each machine."""
    from envkit.render.terminal.explanation import answer_text, print_others
    from envkit.render.terminal.lines import Lines

    out = Lines(sys.stdout)
    count = mistakes = refusals = 0
    for count, (line, told) in enumerate(_answers(asked, lines, _itself), start=1):
        label = _label(line) or f"line {count}"
        if isinstance(told, Mistake):
            mistakes += 1
            out.line(f"{label}  not answered: {told.error.message}")
            continue
        refusals += isinstance(told, Impossible)
        out.line(f"{label}  {answer_text(told)}")
        if isinstance(told, Answer):
            print_others(out, told.others)
    return _code(count, mistakes, refusals)


def _itself(found: Answer | Impossible) -> Answer | Impossible:
    return found


def _label(line: bytes) -> str:
    try:
        label = msgspec.json.decode(line, type=_Label)
    except _NO_JSON:
        return ""
    return next((one for one in (label.name, label.hostname, label.host, label.id) if isinstance(one, str)), "")
