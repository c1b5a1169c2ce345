"""Whose a file in an environment is: the makers' and installers', or somebody else's, which is never removed."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from envkit.apply.journal import Span

MARK_FILE = ".envkit-unfinished"
"""Lies in an environment while it is being made, and says by which run."""
_TOP_FILES = ("pyvenv.cfg", "CACHEDIR.TAG", ".lock", MARK_FILE)
_OWN_FILES = re.compile(r"envkit-(create\.log|fix\.(log|jsonl)|plan\.json|environment\.yml)")
_COMMANDS = re.compile(
    r"(?i)(pythonw?|pypyw?|pip|wheel|easy_install|𝜋thon)[-\d.]*t?(\.exe|-config)?"
    r"|(de)?activate(_this\.py|\.(csh|fish|ps1|nu|bat|xsh|sh))?|pydoc(\.bat|\.exe)?"
)
_COMMAND_FOLDERS = ("bin", "Scripts")
_LIBRARY_FOLDERS = ("lib", "lib64", "Lib", "include", "Include", "share", "etc", "man", "doc", "data")
_CONDA_FOLDERS = (
    *("conda-meta", "ssl", "var", "sbin", "libexec", "compiler_compat", "shell", "condabin", "x86_64-conda-linux-gnu"),
    *("x86_64-conda_cos6-linux-gnu", "aarch64-conda-linux-gnu", "Library", "DLLs", "libs", "Tools", "Menu", "fonts"),
    *("targets", "nvvm", "pkgs", "docs", "info", "qml", "plugins", "mkspecs", "phrasebooks", "resources", "cmake"),
)
_SHEBANG = 512
"""Bytes that hold a script's first line, also where it is one for an odd path."""


def is_environment(path: Path) -> bool:
    """Tell whether the folder is an environment of venv's, virtualenv's, uv's or conda's, whole or damaged."""
    return (path / "pyvenv.cfg").is_file() or is_conda_environment(path)


def is_conda_environment(path: Path) -> bool:
    """Tell whether the folder is an environment of conda's."""
    return (path / "conda-meta" / "history").is_file()


def mark(path: Path, run: str) -> None:
    """Leave in the folder which run it is of: a path alone does not tell one folder from another."""
    (path / MARK_FILE).write_text(run, encoding="ascii")


def is_marked(path: Path, run: str) -> bool:
    """Tell whether a folder is the one that the run left its mark in; an empty one may have been given none yet."""
    file = path / MARK_FILE
    # A run that was killed over writing it left a beginning of it.
    return run.startswith(_text(file)) if file.is_file() else path.is_dir() and not any(path.iterdir())


def unmark(path: Path) -> None:
    """Take the mark away: the environment is made, or stays as it is."""
    (path / MARK_FILE).unlink(missing_ok=True)


def remove_environment(path: Path, spans: Sequence[Span] = ()) -> tuple[Path, ...]:
    """Remove what makers and installers put there and return the files that somebody else did, which stay.

    What an installer was killed over is in no record yet: in the folders that installers write to, what came to be
    while envkit was at work (`spans`) is theirs too.
    """
    recorded = frozenset(_recorded(path))
    left: list[Path] = []
    records: list[Path] = []
    for folder, folders, files in os.walk(path, topdown=False):
        inside = Path(folder)
        links = [name for name in folders if (inside / name).is_symlink()]
        for name in (*files, *links):
            file = inside / name
            if not (_is_installed(file, path, recorded) or _came_meanwhile(file, path, spans)):
                left.append(file)
            elif _is_record(file.relative_to(path)):
                records.append(file)
            else:
                file.unlink(missing_ok=True)
        if inside != path:
            _remove_if_empty(inside)
    # Last what tells whose the others are: a removal that is broken off can be gone on with.
    for file in records:
        file.unlink(missing_ok=True)
        for above in takewhile(lambda folder: folder != path, file.parents):
            _remove_if_empty(above)
    return tuple(left)


def _is_record(inside: Path) -> bool:
    return len(inside.parts) == 1 or inside.parts[0] == "conda-meta" or inside.name == "RECORD"


def forget_torn(path: Path, spans: Sequence[Span], *, stash: bool = True) -> None:
    """Remove the metadata of packages over which an installer was killed, so that they are installed anew.

    Metadata alone would do for the installer to take such a package for one that is there. Its record is written last,
    with the installer's own mark in it. Without `stash` nothing that was there before is lost: metadata that pip was
    about to put aside is put aside, as pip does it.
    """
    for site in site_folders(path):
        for info in site.glob("*.dist-info"):
            is_torn = _changed_within(info, spans) and not _is_whole(info) and not info.name.startswith("~")
            if is_torn and (stash or not _put_aside(info)):
                shutil.rmtree(info, ignore_errors=True)
        # Where pip puts what it replaces, until it is done: "~orch" was torch.
        for old in site.glob("~*") if stash else ():
            if _changed_within(old, spans) and old.is_dir() and not old.is_symlink():
                shutil.rmtree(old, ignore_errors=True)


def _put_aside(info: Path) -> bool:
    """Give metadata the name of what pip puts aside; tell whether that could be: what has the name is the older."""
    aside = info.with_name(f"~{info.name[1:]}")
    if aside.exists():
        return False
    with suppress(OSError):
        info.rename(aside)
    return aside.exists()


def _changed_within(file: Path, spans: Sequence[Span]) -> bool:
    try:
        changed = file.lstat().st_ctime
    except OSError:
        return False
    return any(changed in span for span in spans)


def _is_whole(info: Path) -> bool:
    entries = [entry[0] for entry in csv.reader(_text(info / "RECORD").splitlines()) if entry]
    marked = f"{info.name}/INSTALLER" in (entry.replace("\\", "/") for entry in entries)
    return marked and all((info.parent / entry).exists() for entry in entries)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _is_installed(file: Path, path: Path, recorded: frozenset[str]) -> bool:
    inside = file.relative_to(path)
    if len(inside.parts) == 1:
        return _is_top_file(file)
    if str(inside) in recorded or _is_record_of_conda(file, inside):
        return True
    if inside.parent.name == "__pycache__" and inside.suffix == ".pyc":
        return inside.parts[0] in (*_LIBRARY_FOLDERS, *_COMMAND_FOLDERS)
    return inside.parent.name == inside.parts[0] in _COMMAND_FOLDERS and bool(_COMMANDS.fullmatch(inside.name))


def _is_record_of_conda(file: Path, inside: Path) -> bool:
    if inside.parts[0] != "conda-meta" or len(inside.parts) != 2 or inside.suffix != ".json":
        return inside.as_posix() == "conda-meta/history"
    with suppress(ValueError, KeyError, TypeError):
        record = json.loads(_text(file))
        return inside.stem == f"{record['name']}-{record['version']}-{record['build']}"
    return False


def _is_top_file(file: Path) -> bool:
    if file.name == ".gitignore":  # that of the makers ignores everything; a person's own has more to say
        lines = (line.strip() for line in _text(file).splitlines())
        return {line for line in lines if line and not line.startswith("#")} <= {"*"}
    return file.name in (*_TOP_FILES, "lib64") or bool(_OWN_FILES.fullmatch(file.name))


def _came_meanwhile(file: Path, path: Path, spans: Sequence[Span]) -> bool:
    inside = file.relative_to(path)
    if len(inside.parts) == 1 or not spans:
        return False
    # Commands that pip installs begin with the environment's interpreter; those of conda are programs.
    in_conda = (*_CONDA_FOLDERS, *_COMMAND_FOLDERS) if is_conda_environment(path) else ()
    if inside.parts[0] not in (*_LIBRARY_FOLDERS, *in_conda) and not _starts_with_interpreter(file, path):
        return False
    return _changed_within(file, spans)


def _starts_with_interpreter(file: Path, path: Path) -> bool:
    if file.parent not in [path / folder for folder in _COMMAND_FOLDERS]:
        return False
    try:
        with file.open("rb") as stream:
            start = stream.read(_SHEBANG)
    except OSError:
        return False
    return start.startswith(b"#!") and os.fsencode(file.parent / "python") in start


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
