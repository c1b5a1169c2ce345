"""Whether uv has been told where to take packages from."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.]+)\s*\]")
_SETTING = re.compile(r"\s*(?:index|index-url|extra-index-url|find-links|no-index)\s*=")


def uv_sources(variables: Mapping[str, str]) -> bool:
    """Tell whether uv has an index or a folder of wheels of its own: in a variable, or in a file that it reads."""
    if any(variables.get(name) for name in _VARIABLES):
        return True
    return any(
        _has_source(_read(file), "tool.uv" if file.name == "pyproject.toml" else "") for file in _files(variables)
    )


def _has_source(text: str, root: str) -> bool:
    """Tell whether uv's settings, which lie in the table `root` of a file ("" for all of it), name a source."""
    within = f"{root}." if root else ""
    table = ""
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            table = header[2]
            if header[1] == "[[" and table == f"{within}index":
                return True
        elif table in (root, f"{within}pip") and _SETTING.match(line):
            return True
    return False


def _files(variables: Mapping[str, str]) -> Iterator[Path]:
    named = variables.get("UV_CONFIG_FILE")
    if named:
        yield Path(named)
        return
    if variables.get("UV_NO_CONFIG"):
        return
    yield from _of_project(Path.cwd())
    config = variables.get("XDG_CONFIG_HOME") or variables.get("APPDATA")
    yield (Path(config) if config else Path.home() / ".config") / "uv" / "uv.toml"
    system = variables.get("SYSTEMDRIVE")
    yield Path(f"{system}/ProgramData/uv/uv.toml") if system else Path("/etc/uv/uv.toml")


def _of_project(here: Path) -> Iterator[Path]:
    """Yield the nearest file with settings of uv's: in one folder `uv.toml` counts alone."""
    for folder in (here, *here.parents):
        if (folder / "uv.toml").is_file():
            yield folder / "uv.toml"
            return
        if re.search(r"^\s*\[\[?\s*tool\.uv\b", _read(folder / "pyproject.toml"), re.MULTILINE):
            yield folder / "pyproject.toml"
            return


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
