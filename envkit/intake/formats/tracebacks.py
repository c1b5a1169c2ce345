"""Python's tracebacks: the failed import of torch, where modules came from, which Python it was."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.matrix.modules import imported_by_torch
from envkit.snapshot import Complaint, ModuleOrigin, TorchError
from envkit.tracebacks import INSTALLED, Traceback, module_in_the_way, read_tracebacks

_MOST = 200

_TORCH_FILE = re.compile(r"[\\/]torch[\\/]__init__\.py$")
_IN_SITE = re.compile(r"-packages[\\/](\w+)")
_IMPORTING = (
    "ImportError",
    "ModuleNotFoundError",
    "OSError",
    "AttributeError",
    "RuntimeError",
    "NameError",
    "ValueError",
)


def parse(text: Text) -> Iterator[Part]:
    """Yield what the tracebacks of the text tell of torch, deepest cause first."""
    told, failed = list(islice(read_tracebacks(text.lines), _MOST)), False
    for one in told:
        torch = next((file for file, function in reversed(one.frames) if _TORCH_FILE.search(file)), None)
        importing = any(_TORCH_FILE.search(file) and function in ("<module>", "") for file, function in one.frames)
        if torch:
            yield Part(torch_file=torch, modules=(_origin("torch", torch),))
        if local := module_in_the_way(one):
            yield Part(modules=(local,))
        if place := _where_it_broke(one):
            told_there = f"{place}: {one.type}: {one.message}".rstrip(": ")[:1_000]
            yield Part(complaints=(Complaint(source="python", text=told_there),))
        if importing and one.type.rpartition(".")[2] in _IMPORTING and not _missing(one, "torch"):
            error = TorchError(type=one.type, message=one.message[:4_000], traceback=one.source[-8_000:])
            yield Part(import_error=error)
            failed = True
        elif one.type == "SyntaxError" and one.frames and INSTALLED.search(one.frames[-1][0]):
            unread = f"{one.message} in {one.frames[-1][0]}"
            packages = {found[1] for file, _ in one.frames if (found := _IN_SITE.search(file))}
            if packages & {"torch", *imported_by_torch()}:
                yield Part(import_error=TorchError(type=one.type, message=unread))
            else:  # of whoever wrote that package
                yield Part(complaints=(Complaint(source="python", text=f"SyntaxError: {unread}"[:1_000]),))
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


def _missing(one: Traceback, name: str) -> bool:
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


def _where_it_broke(one: Traceback) -> str:
    """What a traceback shows by its frames where its message does not: in which work the error came up."""
    last, function = one.frames[-1] if one.frames else ("", "")
    if _OF_NUMPY.search(last) and function == "<module>" and one.type in ("AttributeError", "ImportError", "TypeError"):
        return "NumPy cannot be imported whole"
    if not any(_OF_INSTALLERS.search(file) for file, _ in one.frames):
        return ""
    if one.type.endswith(_UNPACKING):
        return "the installer cannot unpack what it downloaded"
    return "the installer's connection broke" if _OF_CONNECTIONS.search(last) else ""


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
