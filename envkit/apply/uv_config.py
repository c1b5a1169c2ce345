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
_SETTING = re.compile(
    r"^\s*(?:\[\[(?:tool\.uv\.)?index\]\]|(?:index|index-url|extra-index-url|find-links|no-index)\s*=)", re.MULTILINE
)


def uv_sources(variables: Mapping[str, str]) -> bool:
    """Tell whether uv has an index or a folder of wheels of its own: in a variable, or in a file that it reads."""
    if any(variables.get(name) for name in _VARIABLES):
        return True
    return any(_SETTING.search(_read(file)) for file in _files(variables))


def _files(variables: Mapping[str, str]) -> Iterator[Path]:
    named = variables.get("UV_CONFIG_FILE")
    if named:
        yield Path(named)
        return
    if variables.get("UV_NO_CONFIG"):
        return
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "uv.toml").is_file():
            yield folder / "uv.toml"
            break
    config = variables.get("XDG_CONFIG_HOME") or variables.get("APPDATA")
    yield (Path(config) if config else Path.home() / ".config") / "uv" / "uv.toml"
    system = variables.get("SYSTEMDRIVE")
    yield Path(f"{system}/ProgramData/uv/uv.toml") if system else Path("/etc/uv/uv.toml")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
