"""What is installed, as its metadata on disk tells."""

import json
import os
import re
import sys

from envkit_probe.files import is_closed, is_text, listing, read_text, real
from envkit_probe.modules import module_origins
from envkit_probe.records import damage, look_up, record_damage

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

    from envkit_probe.records import Compare, File  # noqa: F401


NOTABLE = re.compile(
    r"(torch|torchvision|torchaudio|torchtext|torchdata|torchcodec|torchrec|numpy|triton|pytorch(-.*)?|xformers|libtorch"
    r"|flash-attn|fbgemm-gpu.*|vllm|mmcv|nvidia-.*)$"
)


def packages_facts(path, current_folder, compare):
    # type: (list[Any], str, Compare) -> dict[str, Any]
    entries = [entry for entry in path if is_text(entry)]
    installed = []
    seen = set()  # type: set[str]
    for folder in map(real, entries):
        if folder not in seen:
            seen.add(folder)
            installed += [(folder, entry) for entry in listing(folder) if entry.endswith((".dist-info", ".egg-info"))]
    notable = set(entry for _, entry in installed if NOTABLE.match(name_and_version(entry)[0]))
    records, owned = conda_distributions(os.path.join(sys.prefix, "conda-meta"), notable)
    return {
        "distributions": [pip_distribution(folder, entry, owned, compare) for folder, entry in installed] + records,
        "modules": module_origins(entries, current_folder),
        "unreadable": [folder for folder in sorted(seen) if is_closed(folder)],
    }


def normalised(name):
    # type: (str) -> str
    return re.sub(r"[-_.]+", "-", name).lower()


def name_and_version(entry):
    # type: (str) -> tuple[str, str]
    """What the name of a .dist-info or .egg-info tells: "torch-2.1.0-py3.11.egg-info" is torch 2.1.0."""
    name, _, version = entry.rsplit(".", 1)[0].partition("-")
    return normalised(name), version.split("-py")[0]


def pip_distribution(folder, entry, owned, compare):
    # type: (str, str, set[str], Compare) -> dict[str, Any]
    name, version = name_and_version(entry)
    metadata = os.path.join(folder, entry)
    facts = {"name": name, "version": version, "metadata": metadata, "site": folder}  # type: dict[str, Any]
    if NOTABLE.match(name):
        facts.update(distribution_details(facts, os.path.normcase(metadata) in owned, compare))
    return facts


def distribution_details(facts, owned_by_conda, compare):
    # type: (dict[str, str], bool, Compare) -> dict[str, Any]
    metadata, site_folder = facts["metadata"], facts["site"]
    installer = "conda" if owned_by_conda else (read_text(os.path.join(metadata, "INSTALLER")) or "").strip()
    details = {"installer": installer}  # type: dict[str, Any]
    header = metadata_header(metadata)
    version = re.search(r"^Version: (.+)$", header or "", re.MULTILINE)
    if version:
        details["version"] = version.group(1).strip()
    requires = [line.strip() for line in re.findall(r"^Requires-Dist: (.+)$", header or "", re.MULTILINE)]
    # An .egg-info keeps them elsewhere, in a form of its own.
    details["requires"] = requires if requires or metadata.endswith(".dist-info") else None
    # conda rewrites prefixes inside files: the sizes in RECORD are those before. Its own record is compared instead.
    record = os.path.join(metadata, "RECORD")
    details["damage"] = None if installer == "conda" else record_damage(record, site_folder, compare)
    if facts["name"] == "torch":
        details["build"] = torch_build(site_folder)
    return details


def metadata_header(metadata):
    # type: (str) -> str | None
    """The fields of a distribution's metadata; an .egg-info is a folder with PKG-INFO, or such a file itself."""
    for path in (os.path.join(metadata, "METADATA"), os.path.join(metadata, "PKG-INFO"), metadata):
        text = read_text(path)
        if text is not None:
            return text.replace("\r\n", "\n").split("\n\n")[0]
    return None


VERSION_LINE = re.compile(r"^(__version__|cuda|hip|xpu)\b[^=\n]*= *(?:'([^'\n]*)'|\"([^\"\n]*)\"|None)", re.MULTILINE)


def torch_build(folder):
    # type: (str) -> dict[str, str] | None
    """What torch/version.py assigns, read as text."""
    text = read_text(os.path.join(folder, "torch", "version.py"))
    if text is None:
        return None
    values = dict((name, single or double) for name, single, double in VERSION_LINE.findall(text))
    if "__version__" in values:
        values["version"] = values.pop("__version__")
    return values


def conda_distributions(folder, wanted):
    # type: (str, set[str]) -> tuple[list[dict[str, Any]], set[str]]
    """Conda's own records, and the paths of the `wanted` metadata that one of them lists as conda's."""
    found = []
    owned = set()  # type: set[str]
    for entry in listing(folder):
        parts = entry[: -len(".json")].rsplit("-", 2)
        if not entry.endswith(".json") or len(parts) != 3:
            continue
        metadata = os.path.join(folder, entry)
        facts = {
            "name": normalised(parts[0]),
            "version": parts[1],
            "metadata": metadata,
            "site": sys.prefix,
            "installer": "conda",
        }  # type: dict[str, Any]
        notable = NOTABLE.match(facts["name"])
        text = (read_text(metadata) if notable or wanted else None) or ""
        # Records are long; only those that have to do with torch are worth parsing.
        if notable or any(name in text for name in wanted):
            files = conda_files(text)
            owned |= set(owned_metadata(files or (), wanted))
            if notable:
                facts["damage"] = conda_damage(files)
        found.append(facts)
    return found, owned


def conda_files(record):
    # type: (str) -> list[str] | None
    """The files of a package, relative to the prefix, from the text of its record; None when it is damaged."""
    try:
        return [name for name in json.loads(record)["files"] if isinstance(name, type(""))]
    except (ValueError, KeyError, TypeError):
        return None


def owned_metadata(files, wanted):
    # type: (Any, set[str]) -> list[str]
    prefix = os.path.realpath(sys.prefix)
    found = []
    for name in files:
        head, inside, _ = name.partition("-info/")
        path = head + "-info" if inside else name
        if path.rsplit("/", 1)[-1] in wanted:
            found.append(os.path.normcase(os.path.join(prefix, path)))
    return found


def conda_damage(files):
    # type: (list[str] | None) -> dict[str, Any] | None
    """Presence only: conda rewrites prefixes inside files, which changes their size."""
    if files is None:
        return None
    kept = [(name, "", None) for name in files if not name.endswith(".pyc")]  # type: list[File]
    return damage(len(kept), *look_up(sys.prefix, kept))
