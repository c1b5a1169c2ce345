"""Python's tracebacks as text: their frames, and what they show of a file that took the place of a module."""

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from envkit.matrix.modules import imported_by_torch, often_beside_torch
from envkit.snapshot import ModuleOrigin, TorchError

_LONGEST = 400
"""Lines of one traceback."""

_FRAME = re.compile(r"^\s*(?:File \")?([^\"\n]{1,400})\", line \d{1,7}(?:, in (\S{1,100}))?")
_NOTEBOOK_FRAME = re.compile(r"^\s*(?:File )?(\S[^\n]{0,380}?\.py)c?(?:\(\d+\)|:\d+)?(?:,)? in (\S{1,60})")
_PYTEST_FRAME = re.compile(r"^\s*(\S[^\n:]{0,300}?(?::\\[^\n:]{1,300})?\.py):\d{1,6}: in (\S{1,80})")
_LAST = re.compile(
    r"^\s*((?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,80}(?:Error|Exception|Interrupt|Exit|Warning|NotFound))(?::\s?(.*))?$"
)
_BEGIN = "Traceback (most recent call last)"

_CHAINED = ("The above exception was", "During handling of the above")


class Traceback(NamedTuple):
    """What one traceback says."""

    frames: tuple[tuple[str, str], ...]
    """File and function, outermost first."""
    type: str
    message: str
    source: str


def read_tracebacks(lines: list[str]) -> Iterator[Traceback]:
    """Yield each traceback of a text; one whose beginning was cut away has frames all the same."""
    frames: list[tuple[str, str]] = []
    begun, headed, until = 0, False, -1
    for number, line in enumerate(lines):
        if number < until:
            continue
        if _BEGIN in line or (frames and number - begun > _LONGEST):
            frames, begun, headed = [], number, True
        frame = _frame(line)
        if frame:
            begun = begun if frames or headed else number
            frames.append(frame)
            continue
        if line[:1] == "" or not ("Error" in line or "Exception" in line or "Exit" in line or "Interrupt" in line):
            continue
        last = _LAST.match(line)
        if last is None:
            continue
        message, until = _message(lines, number, last[2] or "")
        source = "\n".join(lines[begun if frames else number : until])
        yield Traceback(tuple(frames[-100:]), last[1], message, source)
        frames, headed = [], False


def _frame(line: str) -> tuple[str, str] | None:
    if ".py" not in line and '", line ' not in line:
        return None
    if '", line ' in line:  # its beginning may not have been copied
        found = _FRAME.match(line)
        return (found[1], found[2] or "") if found else None
    if " in " in line:
        found = _PYTEST_FRAME.match(line) or _NOTEBOOK_FRAME.match(line)
        return (found[1], found[2].partition("(")[0]) if found else None
    return None


def _message(lines: list[str], number: int, first: str) -> tuple[str, int]:
    """The message of an exception with the lines that go on with it, and the number of the line after it."""
    told, at = [first], number + 1
    while at < len(lines) and at < number + 12:
        following = lines[at]
        if not following.strip() or _BEGIN in following or following.startswith(_CHAINED) or _frame(following):
            break
        if _LAST.match(following) or following.lstrip().startswith(("$", ">>>", "```", "(venv)", "In [")):
            break
        told.append(following.strip())
        at += 1
    return "\n".join(told).strip(), at


_LIBRARY = re.compile(
    r"/lib(?:64)?/python\d[\d.]*/|^[A-Za-z]:.*[\\/]lib[\\/]|[\\/](?:site|dist)-packages[\\/]|^<", re.IGNORECASE
)
INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_LACKS = re.compile(
    r"(?P<begun>partially initialized )?module '(?P<module>\w+)' has no attribute|"
    r"cannot import name '?\w+'?(?: from (?P<half>partially initialized module )?'(?P<source>\w+)')?"
)
_ITS_FILE = re.compile(r"\((?P<file>[^\n()]{1,300}?\.py)\)\s*$|renaming '(?P<named>[^\n']{1,300}?\.py)'", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from|import) (\w+)\b", re.MULTILINE)
_NOT_PARSED = ("SyntaxError", "IndentationError", "TabError")


def lacking_module(one: Traceback) -> str:
    """Return the module that an error says has not what is looked for in it, "" where it says no such thing."""
    lacks = _LACKS.search(one.message) if one.type in ("AttributeError", "ImportError") else None
    return (lacks["module"] or lacks["source"] or "") if lacks else ""


def tracebacks_of(error: TorchError) -> Iterator[Traceback]:
    """Yield the tracebacks of an exception as Python wrote them, the last with its own type and message."""
    yield from read_tracebacks(error.traceback.splitlines())
    frames = map(_frame, error.traceback.rpartition(_BEGIN)[2].splitlines())
    yield Traceback(tuple(frame for frame in frames if frame), error.type, error.message, error.traceback)


def module_in_the_way(one: Traceback) -> ModuleOrigin | None:
    """Return the local file that took the place of a module of the standard library, or of a package that is imported.

    It shows itself where an installed module's import runs it, by the path that Python adds to its message, by a module
    that imports itself, or by what a file of the standard library does not find in another one: nothing else changes
    those.
    """
    frames = one.frames
    for (importer, function), (file, within) in pairwise(frames):
        runs = within == "<module>" or (within == "" and one.type in _NOT_PARSED)
        if function == "<module>" and runs and _LIBRARY.search(importer) and _is_wanted(file, importer):
            return _local(file)
    lacks = _LACKS.search(one.message) if one.type in ("AttributeError", "ImportError") else None
    if lacks is None:
        return None
    told = _ITS_FILE.search(one.message)
    if told:
        file = told["file"] or told["named"]
        takes_place = _is_standard(file) or module_of(file) in often_beside_torch()
        return _local(file) if takes_place and not _LIBRARY.search(file) else None
    imported = _IMPORTED.findall(one.source)
    name = lacks["module"] or lacks["source"] or (imported[-1] if imported else "")
    last = frames[-1][0] if frames else ""
    own = [file for file, _ in frames if module_of(file) == name and not _LIBRARY.search(file)]
    installed = any(INSTALLED.search(file) for file, _ in frames)
    itself = (lacks["begun"] or lacks["half"]) and not installed and (own or name in often_beside_torch())
    standard = name in sys.stdlib_module_names and _LIBRARY.search(last) and not INSTALLED.search(last)
    if not (itself or standard):
        return None
    return _local(next(iter(own), f"{name}.py"))


def _is_wanted(file: str, importer: str) -> bool:
    """Say whether an import by a library meant another file of that name: the standard library's, a package's."""
    required = INSTALLED.search(importer) is not None and module_of(file) in imported_by_torch()
    return _is_standard(file) or (required and not _LIBRARY.search(file))


def _is_standard(file: str) -> bool:
    """Say whether a file that is not of the library is named like a module of it."""
    return not _LIBRARY.search(file) and module_of(file) in sys.stdlib_module_names


def module_of(file: str) -> str:
    """Return the module that a file is imported as: its own name, or its folder's."""
    return re.split(r"[\\/]", re.sub(r"(?:[\\/]__init__)?\.py$", "", file))[-1]


def _local(file: str) -> ModuleOrigin:
    name = module_of(file)
    return ModuleOrigin(name=name, origin=file, entry=file[: file.rindex(name)].rstrip("\\/"), way_in="script-folder")
