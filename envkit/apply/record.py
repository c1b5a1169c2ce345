"""What is kept in an environment of how it was made, and what is to be seen in it without running it."""

import json
import os
import re
from pathlib import Path
from typing import Any

from envkit import __version__
from envkit.apply.ownership import site_folders

RECORD = "envkit-plan.json"

_VARIABLE = re.compile(r"^(?P<name>__version__|cuda|hip)\b[^=\n]*=\s*['\"](?P<value>[^'\"]*)['\"]", re.MULTILINE)


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Keep how the environment was made and what is in it, all at once or not at all."""
    record = {
        "schema_version": 1,
        "envkit_version": __version__,
        **content,
        "python_version": python_version(path),
        "packages": installed_packages(path),
    }
    torn = path / f"{RECORD}.new"
    torn.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    torn.replace(path / RECORD)


def read_record(path: Path) -> dict[str, Any] | None:
    """Return what was kept, None where there is nothing that can be read."""
    try:
        record = json.loads((path / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def installed_packages(path: Path) -> dict[str, str]:
    """Return the packages in an environment and their releases, by the names of their metadata."""
    pip = (found.name.removesuffix(".dist-info") for site in site_folders(path) for found in site.glob("*.dist-info"))
    conda = (found.stem.rpartition("-")[0] for found in (path / "conda-meta").glob("*.json"))
    packages = (name.rpartition("-") for name in (*conda, *pip))
    return dict(sorted((_normal(name), release) for name, _, release in packages if name))


def python_version(path: Path) -> str:
    """Return the version of an environment's Python, "" where it does not say."""
    for found in (path / "conda-meta").glob("python-[0-9]*.json"):
        return found.stem.split("-")[1]
    config = read_config(path)
    return ".".join((config.get("version_info") or config.get("version") or "").split(".")[:3])


def read_config(path: Path) -> dict[str, str]:
    """Return the settings of `pyvenv.cfg`."""
    try:
        lines = (path / "pyvenv.cfg").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return {}
    settings = (line.partition("=") for line in lines)
    return {name.strip().lower(): value.strip() for name, found, value in settings if found}


def torch_backend(path: Path) -> str | None:
    """Return the build of torch in an environment, "cu121" or "cpu"; None where there is no torch of pip's."""
    for site in site_folders(path):
        try:
            text = (site / "torch" / "version.py").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        told = {found["name"]: found["value"] for found in _VARIABLE.finditer(text)}
        local = told.get("__version__", "").partition("+")[2]
        if local:
            return local
        if told.get("cuda"):
            return "cu" + "".join(told["cuda"].split(".")[:2])
        return f"rocm{told['hip']}" if told.get("hip") else "cpu"
    return None


def pip_release(path: Path) -> tuple[int, ...]:
    """Return the release of the pip in an environment, () where there is none."""
    release = installed_packages(path).get("pip", "")
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", os.fspath(name)).lower()
