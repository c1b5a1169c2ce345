"""Plans for the machines that --for describes: in a snapshot, a pasted report, or a few words of JSON each."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec

from envkit import matrix
from envkit.cli.creating.deciding import explain, plan_or_explain
from envkit.errors import EnvkitError
from envkit.intake.host_description import parse
from envkit.intake.inventory import Line, read_descriptions
from envkit.planning.answers import Answer, Impossible
from envkit.planning.inventory import Mistake, Task, answer_lines, described_task, recorded_task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from envkit.cli.creating.asked import Asked


def plan_for(asked: Asked) -> int:
    """Answer for every machine in the file, and return the exit code."""
    if asked.python and not asked.python_version:
        raise click.UsageError("--python names an interpreter of this machine; give a version for another one")
    name = "stdin" if asked.machine == "-" else str(asked.machine)
    with _opened(str(asked.machine)) as stream:
        lines = read_descriptions(stream, name)
        if isinstance(lines, bytes):
            from envkit.intake import recorded

            return _plan_one(asked, recorded_task(asked.request, recorded.read(lines, name)))
        if asked.as_json and not asked.output and not asked.formats:
            return _stream(asked, lines)
        first, second = next(lines, None), next(lines, None)
        if first is not None and second is None:
            return _plan_one(asked, described_task(asked.request, parse(first.data, name)))
        if asked.output or asked.formats:
            raise click.UsageError("--output and --format write one recipe, and the inventory has several machines")
        return _tabulate(asked, chain((line for line in (first, second) if line is not None), lines))


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise EnvkitError(f"{name} cannot be read: {error.strerror}", hint="name a file, or - for stdin") from error


def _plan_one(asked: Asked, task: Task) -> int:
    """Write down the recipe for one machine, as for the one at hand."""
    from envkit.cli.creating.writing import write_down

    chosen = plan_or_explain(asked, task.request, task.snapshot)
    chosen = msgspec.structs.replace(chosen, reasons=(*task.assumed, *chosen.reasons))
    write_down(asked, chosen, explain(asked, task.request, task.snapshot))
    return 0


def _stream(asked: Asked, lines: Iterable[Line]) -> int:
    """Print one JSON answer a line, each as soon as it is there."""
    out = sys.stdout.buffer
    encode = msgspec.json.Encoder().encode
    count = mistakes = refusals = 0
    answers = answer_lines(lines, asked.request, matrix.load(), encode, explain=asked.explain)
    for count, (_, told) in enumerate(answers, start=1):  # noqa: B007 - counted for the code
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


def _tabulate(asked: Asked, lines: Iterable[Line]) -> int:
    """Print a line for people for each machine."""
    from envkit.render.terminal.explanation import answer_text, print_others
    from envkit.render.terminal.lines import Lines

    out = Lines(sys.stdout)
    count = mistakes = refusals = 0
    answers = answer_lines(lines, asked.request, matrix.load(), _itself, explain=asked.explain)
    for count, (line, told) in enumerate(answers, start=1):  # noqa: B007 - counted for the code
        label = _label(line) or f"line {line.number}"
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


def _label(line: Line) -> str:
    try:
        label = msgspec.json.decode(line.data, type=_Label)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return next((one for one in (label.name, label.hostname, label.host, label.id) if isinstance(one, str)), "")
