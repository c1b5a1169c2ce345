"""Where the import system would take torch and its companions from: asked, nothing imported."""

import os
import re
import site
import sys

from envkit_probe.files import listing, read_text, real
from envkit_probe.search_path import site_dirs, user_site

if sys.version_info >= (3,):
    import importlib.machinery
    import importlib.util

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


OWN_VERSION = re.compile(r"^(?:__version__|version)\b[^=\n]*= *['\"]([^'\"\n]+)['\"]", re.MULTILINE)
COMPILED = {"torch": ("", "_C."), "numpy": ("_core", "_multiarray_umath.")}
"""The folder in the package, and the name, of the compiled part that its import begins with."""
MODULES = ("torch", "torchvision", "torchaudio", "numpy")


def module_origins(path, current_folder):
    # type: (list[str], str) -> list[dict[str, Any]]
    if sys.version_info < (3,):
        return []  # its import system cannot be asked
    ways = ways_in(current_folder)
    # The current folder is only the first entry: it may be on the path once more for a reason that lasts.
    lasting = [
        entry
        for entry in path[1 if current_folder else 0 :]
        if ways.get(real(entry)) not in ("PYTHONPATH", "user-site")
    ]
    return [module_origin(name, path, lasting, ways) for name in MODULES]


def ways_in(current_folder):
    # type: (str) -> dict[str, str]
    """The folders that the user's situation, not the environment, puts on the search path, each with how."""
    own = set(map(real, site_dirs()))
    if site.ENABLE_USER_SITE:
        own.add(real(user_site()))
    variable = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    named = map(real, variable.split(os.pathsep)) if variable else []
    ways = dict((folder, "PYTHONPATH") for folder in named if folder not in own)
    if site.ENABLE_USER_SITE:
        ways[real(user_site())] = "user-site"
    if current_folder:
        ways[real(current_folder)] = "current-folder"
    return ways


def module_origin(name, path, lasting, ways):
    # type: (str, list[str], list[str], dict[str, str]) -> dict[str, Any]
    """Where `import name` would take the module from: asked of the import system, nothing imported."""
    origin = origin_on(path, name)
    copies = []  # type: list[tuple[str, str]]
    for entry in path:
        try:
            found = importlib.machinery.PathFinder.find_spec(name, [entry])
        except Exception:
            continue
        if found is not None and found.origin and found.origin not in [copy for copy, _ in copies]:
            copies.append((found.origin, entry))
    entry = next((entry for copy, entry in copies if copy == origin), os.path.dirname(origin))
    way_in = ways.get(real(entry), "") if origin else ""
    otherwise = origin_on(lasting, name) if way_in else origin
    return {
        "name": name,
        "origin": origin,
        "entry": real(entry) if origin else "",
        "way_in": way_in,
        "otherwise": origin if real(otherwise) == real(origin) else otherwise,
        "hidden": [copy for copy, _ in copies if copy != origin],
        "version": own_version(origin),
        "compiled": compiled(name, origin),
    }


def compiled(name, origin):
    # type: (str, str) -> list[str]
    """Which files of its compiled part are there: the name of each tells the Python that loads it."""
    if not origin or name not in COMPILED:
        return []
    folder, part = COMPILED[name]
    files = listing(os.path.join(os.path.dirname(origin), folder))
    return [file for file in files if file.startswith(part) and file.endswith((".so", ".pyd"))]


def own_version(origin):
    # type: (str) -> str
    """What the version.py of a package assigns, read as text: its metadata may be gone."""
    folder = origin if os.path.isdir(origin) else os.path.dirname(origin)
    text = read_text(os.path.join(folder, "version.py")) if origin else None
    found = OWN_VERSION.search(text or "")
    return found.group(1) if found else ""


def origin_on(path, name):
    # type: (list[str], str) -> str
    """The file that `import name` would take with this search path, "" when there is none."""
    before = list(sys.path)
    sys.path[:] = path
    try:
        return spec_origin(importlib.util.find_spec(name))
    except Exception:  # a broken import hook of the target's
        return ""
    finally:
        sys.path[:] = before


def spec_origin(spec):
    # type: (Any) -> str
    if spec is None:
        return ""
    if spec.origin and spec.origin != "namespace":
        return str(spec.origin)
    return str(next(iter(spec.submodule_search_locations or []), ""))  # a folder without __init__.py
