"""Facts about the tools that extensions are built with: nvcc, the host's compilers, ninja.

Where torch.utils.cpp_extension looks, this looks: CUDA_HOME, CUDA_PATH, then PATH, then the usual folder.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from envkit import processes
from envkit.snapshot import Toolkit

_NVCC = re.compile(r"release (\d+\.\d+)(?:, V(\d+\.\d+\.\d+))?")
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_USUAL = Path("/usr/local/cuda")
_LIMIT = 64 * 2**10
"""Bytes of output that a version can take."""


def probe_toolkit(timeout: float, variables: Mapping[str, str] | None = None) -> Toolkit:
    """Ask each tool for its version; one that does not answer in time is unknown, and the others still answer.

    All of them together take no longer than `timeout` seconds.
    """
    known = os.environ if variables is None else variables
    path, share = known.get("PATH"), timeout / 4
    home = known.get("CUDA_HOME") or known.get("CUDA_PATH") or ""
    return Toolkit(
        nvcc=_nvcc(home, path, share),
        cuda_home=home,
        gcc=_version(known.get("CC") or "gcc", path, share),
        gxx=_version(known.get("CXX") or "g++", path, share),
        ninja=_version("ninja", path, share, "--version"),
    )


def _nvcc(home: str, path: str | None, timeout: float) -> str | None:
    """The version of the compiler that torch would take, "" when there is none."""
    folder = Path(home) if home else None
    if folder is None:
        found = shutil.which("nvcc", path=path)
        program = found or shutil.which("nvcc", path=str(_USUAL / "bin"))
    else:
        program = shutil.which("nvcc", path=str(folder / "bin"))
    if program is None:
        return ""
    said = _ask([program, "--version"], timeout)
    release = _NVCC.search(said or "")
    return (release[2] or release[1]) if release else None


def _version(command: str, path: str | None, timeout: float, *arguments: str) -> str | None:
    """What a compiler says of its version, "" when it is not there."""
    words = command.split()
    program = shutil.which(words[0], path=path) if words else None
    if program is None:
        return ""
    said = _ask([program, *words[1:], *(arguments or ("-dumpfullversion", "-dumpversion"))], timeout)
    found = _VERSION.search(said or "")
    return found.group() if found else None


def _ask(argv: list[str], timeout: float) -> str | None:
    completed = processes.run(argv, timeout=timeout, limit=_LIMIT)
    return completed.stdout.decode("utf-8", "replace") if completed.ok else None
