"""Python's tracebacks: the failed import of torch, where modules came from, which Python it was."""

import re
import sys
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from envkit import matrix
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Complaint, ModuleOrigin, TorchError

_MOST = 200
_LONGEST = 400
"""Lines of one traceback."""

_FRAME = re.compile(r"^\s*(?:File \")?([^\"\n]{1,400})\", line \d{1,7}(?:, in (\S{1,100}))?")
_NOTEBOOK_FRAME = re.compile(r"^\s*(?:File )?(\S[^\n]{0,380}?\.py)c?(?:\(\d+\)|:\d+)?(?:,)? in (\S{1,60})")
_PYTEST_FRAME = re.compile(r"^\s*(\S[^\n:]{0,300}?(?::\\[^\n:]{1,300})?\.py):\d{1,6}: in (\S{1,80})")
_LAST = re.compile(
    r"^\s*((?:[A-Za-z_]\w{0,60}\.){0,6}[A-Z]\w{0,80}(?:Error|Exception|Interrupt|Exit|Warning|NotFound)"
    r"|zipfile\.BadZipFile|zlib\.error|socket\.timeout)(?::\s?(.*))?$"
)
_BEGIN = "Traceback (most recent call last)"

_TORCH_FILE = re.compile(r"[\\/]torch[\\/]__init__\.py$")
_IMPORTING = (
    "ImportError",
    "ModuleNotFoundError",
    "OSError",
    "AttributeError",
    "RuntimeError",
    "NameError",
    "ValueError",
)
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_CHAINED = ("The above exception was", "During handling of the above")


class _Traceback(NamedTuple):
    frames: tuple[tuple[str, str], ...]
    """File and function, outermost first."""
    type: str
    message: str
    source: str


def parse(text: Text) -> Iterator[Part]:
    """Yield what the tracebacks of the text tell of torch, deepest cause first."""
    told, failed = list(islice(_tracebacks(text), _MOST)), False
    for one in told:
        torch = next((file for file, function in reversed(one.frames) if _TORCH_FILE.search(file)), None)
        importing = any(_TORCH_FILE.search(file) and function in ("<module>", "") for file, function in one.frames)
        if torch:
            yield Part(torch_file=torch, modules=(_origin("torch", torch),))
        if local := _in_the_way(one):
            yield Part(modules=(local,))
        if place := _where_it_broke(one):
            yield Part(
                complaints=(
                    Complaint(source="python", text=f"{place}: {one.type}: {one.message}".rstrip(": ")[:1_000]),
                )
            )
        if importing and one.type.rpartition(".")[2] in _IMPORTING and not _missing(one, "torch"):
            error = TorchError(type=one.type, message=one.message[:4_000], traceback=one.source[-8_000:])
            yield Part(import_error=error)
            failed = True
        elif one.type == "SyntaxError" and one.frames and _INSTALLED.search(one.frames[-1][0]):
            yield Part(import_error=TorchError(type=one.type, message=f"{one.message} in {one.frames[-1][0]}"))
    missing = any(_missing(one, "torch") for one in told) or (text.has(*_ABSENT) and _NO_MODULE.search(text.text))
    if missing:
        yield Part(torch_absent="No module named 'torch'", modules=(ModuleOrigin(name="torch", origin="", entry=""),))
    loaded = None if failed else _loading(text)
    if loaded:
        yield Part(import_error=loaded)


_ABSENT = (
    *(
        "No module named",
        "not found: torch",
        "the PyTorch library but",
        "None of PyTorch",
        "At least one of TensorFlow",
    ),
    "PyTorch is not installed",
)
_NO_MODULE = re.compile(
    r"No module named '?\"?torch'?\"?(?![\w.])|Package\(s\) not found: torch\b|\bPyTorch is not installed\b|"
    r"(?:requires|import) the PyTorch library but it was not found|"
    r"None of PyTorch,[^\n]{0,60} have been found|At least one of TensorFlow [\d.]+ or PyTorch should be installed"
)


def _missing(one: _Traceback, name: str) -> bool:
    return re.search(rf"No module named '?{name}'?$", one.message.strip()) is not None


def _origin(name: str, file: str) -> ModuleOrigin:
    folder = re.split(r"[\\/]torch[\\/]__init__\.py$", file)[0]
    return ModuleOrigin(name=name, origin=file, entry=folder)


_OF_NUMPY = re.compile(r"[\\/](?:site|dist)-packages[\\/]numpy[\\/]")
_OF_INSTALLERS = re.compile(
    r"[\\/](?:pip[\\/]_internal|conda[\\/]core|conda_package_\w{1,20})[\\/]|[\\/]pip-\d[\w.-]{0,40}\.whl[\\/]"
)
_OF_CONNECTIONS = re.compile(r"[\\/](?:urllib3[\\/](?:response|contrib[\\/]pyopenssl)|http[\\/]client|ssl|socket)\.py$")
_UNPACKING = ("BadZipFile", "zlib.error", "EOFError", "LZMAError")


def _where_it_broke(one: _Traceback) -> str:
    """What a traceback shows by its frames where its message does not: in which work the error came up."""
    last, function = one.frames[-1] if one.frames else ("", "")
    if _OF_NUMPY.search(last) and function == "<module>" and one.type in ("AttributeError", "ImportError", "TypeError"):
        return "NumPy cannot be imported whole"
    if not any(_OF_INSTALLERS.search(file) for file, _ in one.frames):
        return ""
    if one.type.endswith(_UNPACKING):
        return "the installer cannot unpack what it downloaded"
    return "the installer's connection broke" if _OF_CONNECTIONS.search(last) else ""


_LIBRARY = re.compile(
    r"/lib(?:64)?/python\d[\d.]*/|^[A-Za-z]:.*[\\/]lib[\\/]|[\\/](?:site|dist)-packages[\\/]|^<", re.IGNORECASE
)
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_LACKS = re.compile(
    r"(?P<begun>partially initialized )?module '(?P<module>\w+)' has no attribute|"
    r"cannot import name '?\w+'?(?: from (?P<half>partially initialized module )?'(?P<source>\w+)')?"
)
_IN_A_PACKAGE = re.compile(r"[\\/](?:site|dist)-packages[\\/][^\\/]+[\\/]")
"""What lies in a package's folder is imported by its bare name only where that folder is the current one."""
_ITS_FILE = re.compile(r"\((?P<file>[^\n()]{1,300}?\.py)\)\s*$|renaming '(?P<named>[^\n']{1,300}?\.py)'", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from|import) (\w+)\b", re.MULTILINE)
_OFTEN_BESIDE_TORCH = frozenset(
    (
        *("torch", "torchvision", "torchaudio", "numpy", "scipy", "pandas", "matplotlib", "sklearn", "PIL", "cv2"),
        *("datasets", "transformers", "tokenizers", "accelerate", "diffusers", "evaluate", "peft", "einops"),
        *("triton", "xformers", "deepspeed", "onnx", "tensorboard", "wandb", "tqdm", "yaml", "requests"),
    )
)


def _in_the_way(one: _Traceback) -> ModuleOrigin | None:
    """A local file with the name of a module of the standard library, or of a package that many programs import.

    It shows itself where an installed module's import runs it, by the path that Python adds to its message, by a module
    that imports itself, or by what a file of the standard library does not find in another one: nothing else changes
    those.
    """
    frames = one.frames
    for (importer, function), (file, within) in pairwise(frames):
        if (function, within) == ("<module>", "<module>") and _LIBRARY.search(importer) and _is_standard(file):
            return _local(file)
    lacks = _LACKS.search(one.message) if one.type in ("AttributeError", "ImportError") else None
    if lacks is None or matrix.load().errors.cause_of(one.message) == "companion-mismatch":
        return None
    told = _ITS_FILE.search(one.message)
    if told:
        file = told["file"] or told["named"]
        if _name(file) in (lacks["module"], lacks["source"]) and _IN_A_PACKAGE.search(file) and _is_named_so(file):
            return _local(file)
        takes_place = _is_standard(file) or _name(file) in _OFTEN_BESIDE_TORCH
        return _local(file) if takes_place and not _LIBRARY.search(file) else None
    imported = _IMPORTED.findall(one.source)
    name = lacks["module"] or lacks["source"] or (imported[-1] if imported else "")
    last = frames[-1][0] if frames else ""
    own = [file for file, _ in frames if _name(file) == name and not _LIBRARY.search(file)]
    installed = any(_INSTALLED.search(file) for file, _ in frames)
    itself = (lacks["begun"] or lacks["half"]) and not installed and (own or name in _OFTEN_BESIDE_TORCH)
    named = bool(own) and (name in _OFTEN_BESIDE_TORCH or name in sys.stdlib_module_names)
    standard = name in sys.stdlib_module_names and _LIBRARY.search(last) and not _INSTALLED.search(last)
    if not (itself or named or standard):
        return None
    return _local(next(iter(own), f"{name}.py"))


def _is_standard(file: str) -> bool:
    """Say whether a file that is not of the library is named like a module of it."""
    return not _LIBRARY.search(file) and _is_named_so(file)


def _is_named_so(file: str) -> bool:
    return _name(file) in sys.stdlib_module_names


def _name(file: str) -> str:
    """The module that a file is imported as: its own name, or its folder's."""
    return re.split(r"[\\/]", re.sub(r"(?:[\\/]__init__)?\.py$", "", file))[-1]


def _local(file: str) -> ModuleOrigin:
    name = _name(file)
    return ModuleOrigin(name=name, origin=file, entry=file[: file.rindex(name)].rstrip("\\/"), way_in="script-folder")


_LOAD_SIGNS = ("Error loading", "undefined symbol", "cannot open", "invalid ELF", ": symbol ")
_LOAD_ERROR = re.compile(
    r"(?:(OSError|ImportError): )?"
    r"((?:\[WinError \d{1,5}\] )?[^\n]{0,300}?Error loading \"[^\"\n]{0,300}[\\/]torch[\\/]lib[\\/][^\n]{0,200}"
    r"|[^\n]{0,300}[\\/]torch[\\/](?:lib[\\/][\w.-]{1,60}|_C\.[\w.-]{1,60}): "
    r"(?:undefined symbol|cannot open|invalid ELF|symbol )[^\n]{0,300}"
    r"|(?:\S{0,300}/)?lib(?:torch(?!audio|vision|text)|c10)[\w.]{0,40}: "
    r"(?:cannot open shared object|undefined symbol)[^\n]{0,300})"
)


def _loading(text: Text) -> TorchError | None:
    """A library of torch's that could not be loaded, told without its traceback."""
    if not text.has("torch"):
        return None
    for line in text.lines:
        if not any(map(line.__contains__, _LOAD_SIGNS)) or not ("torch" in line or "c10" in line):
            continue
        if found := _LOAD_ERROR.search(line):
            return TorchError(type=found[1] or "ImportError", message=found[2].strip()[:4_000])
    return None


def _tracebacks(text: Text) -> Iterator[_Traceback]:
    """Each traceback of the text; one whose beginning was cut away has frames all the same."""
    frames: list[tuple[str, str]] = []
    begun, headed, until = 0, False, -1
    for number, line in enumerate(text.lines):
        if number < until:
            continue
        if _BEGIN in line or (frames and number - begun > _LONGEST):
            frames, begun, headed = [], number, True
        frame = _frame(line)
        if frame:
            begun = begun if frames or headed else number
            frames.append(frame)
            continue
        if line[:1] == "" or not _may_end(line):
            continue
        last = _LAST.match(line)
        if last is None:
            continue
        message, until = _message(text.lines, number, last[2] or "")
        source = "\n".join(text.lines[begun if frames else number : until])
        yield _Traceback(tuple(frames[-100:]), last[1], message, source)
        frames, headed = [], False
    if frames and headed:  # the end was not copied
        yield _Traceback(tuple(frames[-100:]), "", "", "\n".join(text.lines[begun : begun + _LONGEST]))


def _may_end(line: str) -> bool:
    if "Error" in line or "Exception" in line or "Exit" in line or "Interrupt" in line:
        return True
    return ".BadZipFile" in line or "zlib.error" in line or "socket.timeout" in line


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
