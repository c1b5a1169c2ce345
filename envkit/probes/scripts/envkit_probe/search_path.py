"""Where modules are looked for in the user's own run."""

import os
import site
import sys

from envkit_probe.files import is_text, real

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


def user_search_path(path, scripts):
    # type: (list[Any], str) -> tuple[list[Any], str]
    """sys.path as `python -c` or `python -m` has it here, and the current folder that it begins with.

    Python put the script's folder first; the user's run has the current folder there, unless
    safe-path mode (-P, -I, PYTHONSAFEPATH) leaves both out: then the second answer is "".
    """
    path = list(path)
    if path and is_text(path[0]) and real(path[0]) == real(scripts):
        del path[0]
    # Before Python 3.11 there is no flag for safe-path mode, only -I, which includes it.
    if getattr(sys.flags, "safe_path", False) or getattr(sys.flags, "isolated", False):
        return path, ""
    try:
        folder = os.getcwd()
    except OSError:  # it was deleted under the user
        return path, ""
    path.insert(0, folder)
    return path, folder


def site_dirs():
    # type: () -> list[str]
    try:
        return list(site.getsitepackages())
    except AttributeError:  # virtualenv before 20 ships a site module without it
        return [entry for entry in sys.path if is_text(entry) and entry.endswith(("site-packages", "dist-packages"))]


def user_site():
    # type: () -> str
    try:
        return str(site.getusersitepackages())
    except Exception:
        return ""
