"""Which Python other programs belong to: `pip` and `python` on PATH, and notebook kernels."""

import json
import os
import re
import sys

from envkit_probe.files import is_text, listing, read_text, real

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


def launchers():
    # type: () -> list[dict[str, Any]]
    """What `pip` and `python` start here, and the notebook kernels of this environment."""
    found = [launcher("python", name) for name in ("python3", "python")]
    found.append(launcher("pip", "pip") or launcher("pip", "pip3"))
    return [one for one in found if one] + kernels()


def launcher(program, name):
    # type: (str, str) -> dict[str, Any] | None
    windows = os.name == "nt"
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name + (".exe" if windows else ""))
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            starts = path if windows or (program == "python" and not is_script(path)) else shebang(path)
            prefix = prefix_of(starts) if starts else ""
            return {"program": program, "path": path, "prefix": prefix, "has_torch": holds_torch(prefix)}
    return None


def is_script(path):
    # type: (str) -> bool
    """Whether a `python` is itself a script, as pyenv's is, which starts the one that its settings name."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except (OSError, IOError):
        return False


def shebang(path):
    # type: (str) -> str
    """The interpreter that a script names; "" for `env`, which takes whatever is on PATH."""
    try:
        with open(path, "rb") as file:
            head = file.read(1000).decode("utf-8", "replace")
    except (OSError, IOError):
        return ""
    # A path that is too long for the first line, or holds a blank, is put into a line of shell.
    found = re.match(r"#! *(/\S*python[^/\s]*)\s", head) or re.match(
        r"#!/bin/sh\n'{3}exec' \"?(/[^\"\n]+?)\"? \"\$0\"", head
    )
    return found.group(1) if found else ""


def prefix_of(interpreter):
    # type: (str) -> str
    """The environment of an interpreter: the folder over its own. Its own link is not followed: it leaves a venv."""
    folder = os.path.dirname(os.path.abspath(interpreter))
    return real(os.path.dirname(folder) if os.path.basename(folder).lower() in ("bin", "scripts") else folder)


def holds_torch(prefix):
    # type: (str) -> bool | None
    if not prefix:
        return None
    folders = [os.path.join(prefix, "Lib", "site-packages")]
    for library in (os.path.join(prefix, "lib"), os.path.join(prefix, "local", "lib")):
        names = [name for name in listing(library) if name.startswith("python")]
        folders += [os.path.join(library, name, kind + "-packages") for name in names for kind in ("site", "dist")]
    return any(os.path.isfile(os.path.join(folder, "torch", "version.py")) for folder in folders)


def kernels():
    # type: () -> list[dict[str, Any]]
    """The kernels that a notebook in this environment offers as its own."""
    share = os.path.join(sys.prefix, "share", "jupyter")
    if not os.path.isdir(share):
        return []
    found = [os.path.join(share, "kernels", name) for name in listing(os.path.join(share, "kernels"))]
    # One of the user's own of this name is taken in the place of the environment's.
    home = "~/Library/Jupyter" if sys.platform == "darwin" else "~/.local/share/jupyter"
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.expanduser(home)
    found.append(os.path.join(data, "kernels", "python3"))
    return [one for one in map(kernel, found) if one]


def kernel(folder):
    # type: (str) -> dict[str, Any] | None
    text = read_text(os.path.join(folder, "kernel.json"))
    try:
        starts = json.loads(text)["argv"][0] if text else ""
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    # Jupyter itself puts its own Python in the place of a bare name.
    if not is_text(starts) or not os.path.isabs(starts):
        return None
    name = "jupyter kernel " + os.path.basename(folder)
    return {"program": name, "path": starts, "prefix": prefix_of(starts) if os.path.isfile(starts) else ""}
