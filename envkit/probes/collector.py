"""The collector: the probes in one text that runs where envkit is not, and writes the Snapshot that they write here."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from envkit import __version__
from envkit.errors import EnvkitError
from envkit.probes.framing import SCRIPTS

_MODULES = ("envkit.probes.host", "envkit.probes.toolkit", "envkit.probes.identity")
"""The probes that run in the collector itself, each with what it imports of envkit."""
_MODEL = "envkit.snapshot"
_PROCESSES = "envkit.processes"
_PROBES = ("probe.py", "cuda.py", "nvml.py")
_IN_TARGET = "envkit_probe"
"""The package beside them that probe.py runs."""

_RECORDS = '''\
"""Records of facts: what they were built with, and None for anything else."""

class Record(dict):
    __getattr__ = dict.get

'''

_RUN = '''\
"""Running a program, as far as the probes here need it."""

import subprocess

class Completed(object):
    def __init__(self, ok, stdout):
        self.ok, self.stdout = ok, stdout

def run(argv, timeout, limit=2**20):
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Completed(False, b"")
    return Completed(done.returncode == 0, done.stdout[-limit:])
'''


def render_collector() -> str:
    """Return the script: `collect.py` with the sources of the other probes put in."""
    sources = {script: (SCRIPTS / script).read_text("utf-8") for script in _PROBES}
    sources |= {_module_name(file): file.read_text("utf-8") for file in sorted((SCRIPTS / _IN_TARGET).glob("*.py"))}
    sources |= {"pynvml": _source("pynvml"), "envkit": "", "envkit.probes": "", **_modules()}
    script = (SCRIPTS / "collect.py").read_text("utf-8")
    filled = "SOURCES = {}  # type: dict[str, str]\n" + "".join(_literal(*source) for source in sources.items())
    for line, better in (
        ("SOURCES = {}  # type: dict[str, str]\n", filled),
        ('VERSION = ""\n', f"VERSION = {__version__!r}\n"),
    ):
        head, found, tail = script.partition(line)
        assert found, line  # noqa: S101 - collect.py is ours
        script = head + better + tail
    return script


def _module_name(file: Path) -> str:
    return _IN_TARGET if file.stem == "__init__" else f"{_IN_TARGET}.{file.stem}"


def _literal(name: str, source: str) -> str:
    """Return the statement that puts a source in, a line of it a line of the script."""
    lines = "".join(f"    {line!a}\n" for line in source.splitlines(keepends=True) or [""])
    return f"SOURCES[{name!r}] = (\n{lines})\n"


def _modules() -> dict[str, str]:
    """Return the probes that are modules, what they import of envkit, and a stand-in for the model of facts."""
    sources: dict[str, str] = {}
    records: set[str] = set()
    wanted = list(_MODULES)
    while wanted:
        name = wanted.pop()
        if name in sources:
            continue
        sources[name] = _without_annotations(_source(name))
        for module, names in _imports(sources[name]):
            if module == _MODEL:
                records |= names
            elif module.startswith("envkit."):
                wanted.append(module)
            elif module == "envkit":
                wanted += [f"envkit.{one}" for one in names if f"envkit.{one}" != _PROCESSES]
    sources[_PROCESSES] = _RUN
    return {**sources, _MODEL: _RECORDS + "".join(f"{record} = Record\n" for record in sorted(records))}


def _imports(source: str) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, {alias.name for alias in node.names}


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise EnvkitError(f"`{module}`, which envkit depends on, is not installed beside it", exit_code=3)
    return Path(spec.origin).read_text("utf-8")


def _without_annotations(source: str) -> str:
    """Return the source without the annotations of its functions, which old interpreters evaluate and cannot."""
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for begin, end in sorted(_annotations(ast.parse(source), data, starts), reverse=True):
        data = data[:begin] + data[end:]
    return data.decode()


def _annotations(tree: ast.AST, data: bytes, starts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield where annotations begin and end, with the mark before them."""
    for node in ast.walk(tree):
        told = getattr(node, "returns", None) or getattr(node, "annotation", None)
        if not isinstance(node, ast.FunctionDef | ast.arg) or told is None:
            continue
        at, end = (starts[line - 1] + column for line, column in _ends(told))
        mark = b"->" if isinstance(node, ast.FunctionDef) else b":"
        yield data.rindex(mark, 0, at), end


def _ends(node: ast.expr) -> Iterator[tuple[int, int]]:
    yield node.lineno, node.col_offset
    yield node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
