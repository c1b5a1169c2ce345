"""The interpreter: what it is, where it looks for modules, which environment it belongs to."""

import os
import re
import site
import struct
import sys
import sysconfig

from envkit_probe.files import is_text, read_text, real
from envkit_probe.launchers import launchers
from envkit_probe.libraries import loader_first
from envkit_probe.search_path import site_dirs, user_site

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


def interpreter_facts(path, current_folder):
    # type: (list[Any], str) -> dict[str, Any]
    base_prefix = str(getattr(sys, "real_prefix", None) or getattr(sys, "base_prefix", sys.prefix))
    return {
        "executable": sys.executable or "",
        "version": "%d.%d.%d" % sys.version_info[:3],
        "implementation": getattr(getattr(sys, "implementation", None), "name", "cpython"),
        "bits": struct.calcsize("P") * 8,
        "prefix": sys.prefix,
        "base_prefix": base_prefix,
        "kind": environment_kind(base_prefix),
        "made_with": made_with(),
        "externally_managed": sys.prefix == base_prefix
        and os.path.isfile(os.path.join(sysconfig.get_path("stdlib") or "", "EXTERNALLY-MANAGED")),
        "site_dirs": with_real(site_dirs()),
        "user_site": user_site(),
        "user_site_enabled": bool(site.ENABLE_USER_SITE),
        "search_path": [str(entry) for entry in path],
        "current_folder": current_folder,
        "platform_tag": sysconfig.get_platform(),
        "machine": os.uname()[4] if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "libc": libc(),
        "free_threaded": free_threaded(),
        "extension_suffixes": extension_suffixes(),
        "loader_first": loader_first([entry for entry in path if is_text(entry)]),
        "launchers": launchers(),
    }


def with_real(folders):
    # type: (list[str]) -> list[str]
    """Folders, and what those that are reached over links really are: distributions are told by that."""
    return folders + [folder for folder in map(real, folders) if folder not in folders]


def environment_kind(base_prefix):
    # type: (str) -> str
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        return "conda"
    config = read_text(os.path.join(sys.prefix, "pyvenv.cfg"))
    if config is None:
        return "system" if sys.prefix == base_prefix else "virtualenv"
    keys = [line.split("=")[0].strip() for line in config.splitlines()]
    return "uv" if "uv" in keys else "virtualenv" if "virtualenv" in keys else "venv"


def made_with():
    # type: () -> str
    """The Python that an environment says it was made with: "3.11.7"."""
    config = read_text(os.path.join(sys.prefix, "pyvenv.cfg")) or ""
    found = re.search(r"^version(?:_info)? *= *(\d+\.\d+[\d.]*)", config, re.MULTILINE)
    return found.group(1).rstrip(".") if found else ""


def free_threaded():
    # type: () -> bool
    # Older ones have no such build, and what they were built with is long to read.
    return sys.version_info >= (3, 13) and bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def extension_suffixes():
    # type: () -> list[str]
    if sys.version_info < (3,):
        return []
    import importlib.machinery

    return list(importlib.machinery.EXTENSION_SUFFIXES)


def libc():
    # type: () -> str | None
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        pass
    if not sys.platform.startswith("linux"):
        return ""
    try:
        loaders = [name for name in os.listdir("/lib") if name.startswith("ld-musl-")]
    except OSError:
        return None
    return "musl" if loaders else None
