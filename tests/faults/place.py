"""Where a fault is planted: an environment of its own, a project folder and a home, thrown away after the run."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import CHECKOUT, site_of
from tests.faults.needs import WITHOUT_RIGHTS

# Nothing of the user's own reaches a fault: the tests' cache folder is the one thing that is taken over.
_KEPT = ("PATH", "ENVKIT_CACHE_DIR", "SYSTEMROOT", "TEMP", "TMP")

# As -P, which is Python 3.11's: the current folder is the target's matter.
_START = f"import sys; sys.path[0] = {str(CHECKOUT)!r}; from envkit.__main__ import main; main()"


@dataclass
class Place:
    """One machine in small. What a fault does to it is done before envkit is started there."""

    folder: Path
    python: Path
    drivers: Path | None = None
    """The folder with the stand-in libcuda and NVML."""
    arguments: tuple[str, ...] = ()
    """Of `envkit doctor --json`; without any the environment's interpreter is the target."""
    variables: dict[str | bytes, str | bytes] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Variables that are not set."""
    started_by: tuple[str, ...] = ()
    """What starts envkit, its command line following: `setpriv`, `sh -c`, ..."""
    flags: tuple[str, ...] = ()
    """Of envkit's own Python: ("-E",) where a variable keeps every Python from starting."""
    cwd: Path = Path()

    def __post_init__(self) -> None:
        self.home, self.cwd, self.tools = (self.folder / name for name in ("home", "project", "tools"))
        for folder in (self.home, self.cwd, self.tools):
            folder.mkdir()

    @property
    def site(self) -> Path:
        """The site-packages folder of the environment."""
        return site_of(self.python)

    @property
    def prefix(self) -> Path:
        """The environment."""
        return self.python.parent.parent

    def program(self, name: str, body: str) -> Path:
        """Put a shell script into a folder that stands first on PATH."""
        file = self.tools / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
        self.variables["PATH"] = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return file

    def driver(self, **answers: object) -> None:
        """Put the stand-in driver in place, with these answers: `driver(cuinit=802, driver="535.104.05")`."""
        named = {"nvml": "NVML_INIT"}
        values = {f"STANDIN_{named.get(key, key.upper())}": str(value) for key, value in answers.items()}
        self.variables |= {"LD_LIBRARY_PATH": str(self.drivers), **values}

    def without_rights(self) -> None:
        """Let the modes of files count, for root too."""
        self.started_by = WITHOUT_RIGHTS if os.geteuid() == 0 else ()

    def in_shell(self, script: str) -> None:
        """Let a shell start envkit: in the script, `"$@"` is its command line."""
        self.started_by = ("sh", "-c", script, "sh")


@dataclass(frozen=True)
class Outcome:
    """What `envkit doctor --json` did at a place."""

    exit: int
    out: bytes
    err: str
    seconds: float
    changed: tuple[str, ...]
    """What it changed in the place."""

    @property
    def document(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def first(self) -> Any:
        """The first finding, or the error that stands in the place of a diagnosis."""
        return self.document["findings"][0] if "findings" in self.document else self.document["error"]


def clone(blank: Path, folder: Path) -> Path:
    """Copy an environment that nothing was installed in: a third of the time that making one takes."""
    shutil.copytree(blank.parent.parent, folder, symlinks=True)
    return folder / blank.relative_to(blank.parent.parent)


def examine(place: Place, limit: float, *, as_json: bool = True) -> Outcome:
    """Run the doctor at a place, as a person would there; past `limit` seconds it raises."""
    arguments = place.arguments or ("--python", str(place.python))
    before, began = _contents(place.folder), time.monotonic()
    done = subprocess.run(
        [
            *place.started_by,
            sys.executable,
            *place.flags,
            "-c",
            _START,
            "doctor",
            *(["--json"] if as_json else []),
            *arguments,
        ],
        env=_environment(place),
        cwd=place.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit,
        check=False,
    )
    seconds, after = time.monotonic() - began, _contents(place.folder)
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return Outcome(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"), seconds, tuple(changed))


def _environment(place: Place) -> Mapping[str | bytes, str | bytes]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    variables = {"HOME": str(place.home), **kept, **place.variables}
    return {name: value for name, value in variables.items() if name not in place.without}


def _contents(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file and folder below, with mode, size and time of its last change."""
    paths = (Path(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files))
    found = {}
    for path in paths:
        told = path.lstat()
        found[os.fspath(path)] = (told.st_mode, told.st_size, told.st_mtime_ns)
    return found
