"""Whose a file in an environment is: the makers' and installers', or somebody else's, which is never removed."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from envkit.apply.journal import Span

_TOP_FILES = ("pyvenv.cfg", ".gitignore", "CACHEDIR.TAG", ".lock")
_OWN_FILES = re.compile(r"envkit-(create\.log|fix\.(log|jsonl)|plan\.json|environment\.yml)")
_COMMANDS = re.compile(r"(?i)(python|pypy|pip|wheel|easy_install|activate|deactivate|pydoc|𝜋thon)[\w.+-]*")
_COMMAND_FOLDERS = ("bin", "Scripts")
_LIBRARY_FOLDERS = ("lib", "lib64", "Lib", "include", "Include", "share", "etc", "man", "doc", "data")
_CONDA_FOLDERS = (
    *("conda-meta", "ssl", "var", "sbin", "libexec", "compiler_compat", "shell", "condabin", "x86_64-conda-linux-gnu"),
    *("x86_64-conda_cos6-linux-gnu", "aarch64-conda-linux-gnu", "Library", "DLLs", "libs", "Tools", "Menu", "fonts"),
    *("targets", "nvvm", "pkgs", "docs", "info", "qml", "plugins", "mkspecs", "phrasebooks", "resources", "cmake"),
)
_SHEBANG = 512


def is_environment(path: Path) -> bool:
    """Tell whether the folder is an environment of venv's, virtualenv's, uv's or conda's, whole or damaged."""
    return (path / "pyvenv.cfg").is_file() or (path / "conda-meta" / "history").is_file()


def remove_environment(path: Path, spans: Sequence[Span] = (), home: Path | None = None) -> tuple[Path, ...]:
    """Remove what makers and installers put there and return the files that somebody else did, which stay.

    What an installer was killed over is in no record yet: in the folders that installers write to, what came to be
    while envkit was at work (`spans`) is theirs too. `home` is where the environment lay before it was moved.
    """
    home = home or path
    recorded = frozenset(_recorded(path))
    left: list[Path] = []
    for folder, folders, files in os.walk(path, topdown=False):
        inside = Path(folder)
        links = [name for name in folders if (inside / name).is_symlink()]
        for name in (*files, *links):
            file = inside / name
            if _is_installed(file, path, home, recorded) or _came_meanwhile(file, path, spans):
                file.unlink(missing_ok=True)
            else:
                left.append(file)
        if inside != path:
            _remove_if_empty(inside)
    return tuple(left)


def forget_torn(path: Path, spans: Sequence[Span]) -> None:
    """Remove the metadata of packages over which an installer was killed, so that they are installed anew.

    Metadata alone would do for the installer to take such a package for one that is there. Its record is written last,
    with the installer's own mark in it.
    """
    for site in site_folders(path):
        for info in site.glob("*.dist-info"):
            if any(info.lstat().st_ctime in span for span in spans) and not _is_whole(info):
                shutil.rmtree(info, ignore_errors=True)


def _is_whole(info: Path) -> bool:
    entries = [entry[0] for entry in csv.reader(_text(info / "RECORD").splitlines()) if entry]
    marked = f"{info.name}/INSTALLER" in (entry.replace("\\", "/") for entry in entries)
    return marked and all((info.parent / entry).exists() for entry in entries)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _is_installed(file: Path, path: Path, home: Path, recorded: frozenset[str]) -> bool:
    inside = file.relative_to(path)
    if len(inside.parts) == 1:
        return inside.name in (*_TOP_FILES, "lib64") or bool(_OWN_FILES.fullmatch(inside.name))
    if str(inside) in recorded or inside.parts[0] == "conda-meta":
        return True
    if inside.parent.name == "__pycache__" and inside.suffix == ".pyc":
        return inside.parts[0] in (*_LIBRARY_FOLDERS, *_COMMAND_FOLDERS)
    return inside.parent.name == inside.parts[0] in _COMMAND_FOLDERS and _is_command(file, home)


def _is_command(file: Path, home: Path) -> bool:
    """Tell whether a command is one of the environment's own: by its name, or it starts with its interpreter."""
    if _COMMANDS.fullmatch(file.name):
        return True
    try:
        with file.open("rb") as stream:
            start = stream.read(_SHEBANG)
    except OSError:
        return False
    return start.startswith(b"#!") and os.fsencode(home / file.parent.name / "python") in start


def _came_meanwhile(file: Path, path: Path, spans: Sequence[Span]) -> bool:
    inside = file.relative_to(path)
    # Commands that pip installs begin with the environment's interpreter; those of conda are programs.
    in_conda = (*_CONDA_FOLDERS, *_COMMAND_FOLDERS) if (path / "conda-meta").is_dir() else ()
    if len(inside.parts) == 1 or inside.parts[0] not in (*_LIBRARY_FOLDERS, *in_conda):
        return False
    try:
        changed = file.lstat().st_ctime
    except OSError:
        return False
    return any(changed in span for span in spans)


def _recorded(path: Path) -> Iterator[str]:
    """Yield what the installers' records list, relative to the environment."""
    for site in site_folders(path):
        for record in site.glob("*.dist-info/RECORD"):
            for entry in csv.reader(_text(record).splitlines()):
                if entry:
                    yield os.path.relpath(os.path.join(site, entry[0]), path)  # noqa: PTH118 - entries climb with ".."
            yield from (str((record.parent / name).relative_to(path)) for name in ("RECORD", "INSTALLER", "REQUESTED"))
        # virtualenv's own mark of what it seeded
        yield from (str(mark.relative_to(path)) for mark in site.glob("*.virtualenv"))
        yield from (str((site / name).relative_to(path)) for name in ("_virtualenv.py", "_virtualenv.pth"))
    for record in (path / "conda-meta").glob("*.json"):
        with suppress(ValueError, AttributeError):
            yield from json.loads(_text(record)).get("files", ())


def site_folders(path: Path) -> tuple[Path, ...]:
    """Return the folders for packages of an environment."""
    found = (*path.glob("lib/python*/site-packages"), *path.glob("Lib/site-packages"))
    return tuple(dict.fromkeys(found))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
