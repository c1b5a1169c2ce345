"""The interpreter that an environment is made from, by its version."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from envkit import processes
from envkit.apply.engines import find_uv
from envkit.apply.record import python_version, read_config
from envkit.errors import EnvkitError
from envkit.snapshot import Absent, Interpreter, Unknown

# A trailing t marks a free-threaded build, as in its command's name.
_ASK = """
import sys, sysconfig
mark = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("%d.%d.%d" % sys.version_info[:3] + mark)
print(sys.executable)
"""
_TIMEOUT = 20.0

_WAYS_TO_GET_IT = {
    "darwin": "`brew install python@{minor}`",
    "win32": "`winget install Python.Python.{minor}`",
    "linux": "`sudo apt install python{minor} python{minor}-venv`",
}


def base_interpreter(version: str | None, target: Interpreter | Absent | Unknown, uv: str | None = None) -> str:
    """Return the interpreter to make an environment from: of the version asked for, else the target.

    With uv at work, a Python that is not on PATH may be one of those that uv keeps; one that it can still get is
    named by its version alone.
    """
    if version is not None:
        return _with_uv(version, uv) if uv else find_python(version)
    if isinstance(target, Interpreter):
        return target.executable
    raise EnvkitError(target.why, hint="name an interpreter: `--python PATH`", exit_code=1)


def is_to_be_fetched(python: str) -> bool:
    """Tell whether `base_interpreter` named a Python that uv has to get first."""
    return not Path(python).is_absolute()


def outside(python: str, path: Path) -> str:
    """Return the interpreter, or what it was made from where it lies in the environment that is to be replaced."""
    # The folder it lies in, without links; the interpreter itself is a link out of the environment.
    if not Path(python).absolute().parent.resolve().is_relative_to(path.resolve()):
        return python
    config = read_config(path)
    named = (config.get("executable"), config.get("base-executable"))
    minor = ".".join(python_version(path).split(".")[:2])
    beside = (Path(config.get("home", "")) / name for name in (f"python{minor}", "python3", "python", "python.exe"))
    found = next((str(base) for base in (*map(Path, filter(None, named)), *beside) if base.is_file()), None)
    if found is None:
        raise EnvkitError(
            f"`{python}` lies in the environment that is to be replaced, and what it was made from is gone",
            hint="name another interpreter: `--python PATH` or `--python VERSION`",
            exit_code=1,
        )
    return found


def _with_uv(version: str, uv: str) -> str:
    try:
        return find_python(version)
    except EnvkitError:
        told = processes.run((uv, "python", "find", "--no-project", "--no-python-downloads", version), timeout=_TIMEOUT)
        found = told.stdout.decode("utf-8", "surrogateescape").strip()
        return found if told.ok and Path(found).is_absolute() else version


def find_python(wanted: str) -> str:
    """Return the path of an interpreter of that version ("3.12" or "3.12.4"), asking each one found on PATH."""
    broken = ""
    for command in _commands(wanted):
        told = processes.run([*command, "-I", "-c", _ASK], timeout=_TIMEOUT)
        version, _, executable = told.stdout.decode("utf-8", "replace").strip().partition("\n")
        if told.ok and _answers(version.strip(), wanted):
            return executable.strip()
        if not told.ok and not broken:
            broken = f"; `{' '.join(command)}` is there but does not run: {_reason(told.error_text)}"
    minor = _minor(wanted)
    uv = "`uv python install {minor}`"
    get_it = uv if find_uv() else _WAYS_TO_GET_IT.get(sys.platform, uv)
    get_it = get_it.format(minor=minor)
    raise EnvkitError(
        f"there is no Python {wanted} on PATH{broken}",
        hint=f"{get_it}, or name an interpreter: `--python PATH`; conda brings its own: `--conda`",
        exit_code=1,
    )


def _commands(wanted: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that may be that Python, most telling name first, on all of PATH.

    The first hit is not enough: pyenv leaves a `python3.12` on PATH for a 3.12 that is not switched on.
    """
    minor = _minor(wanted)
    launcher = shutil.which("py") if sys.platform == "win32" else None
    if launcher:
        yield (launcher, f"-{minor}")
    seen: set[str] = set()
    for name in (f"python{minor}", "python3", "python"):
        for entry in os.get_exec_path():
            found = shutil.which(name, path=entry)
            if found and os.path.realpath(found) not in seen and Path(found).is_absolute():
                seen.add(os.path.realpath(found))
                yield (found,)


def _minor(version: str) -> str:
    """Return "3.14t" for "3.14.1t"."""
    return ".".join(version.rstrip("t").split(".")[:2]) + ("t" if version.endswith("t") else "")


def _answers(version: str, wanted: str) -> bool:
    parts, asked = version.rstrip("t").split("."), wanted.rstrip("t").split(".")
    return parts[: len(asked)] == asked and version.endswith("t") == wanted.endswith("t")


def _reason(text: str) -> str:
    """Return the line that says why: the last of a traceback, else the first (pyenv goes on with advice)."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "it says nothing"
    return lines[-1 if lines[0].startswith("Traceback") else 0]
