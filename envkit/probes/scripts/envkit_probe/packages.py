"""What is installed, as its metadata on disk tells."""

import json
import os
import re
import sys

from envkit_probe.files import is_closed, is_text, listing, read_bytes, read_text, real
from envkit_probe.modules import module_origins
from envkit_probe.records import record_damage
from envkit_probe.rooms import rooms

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

    from envkit_probe.records import File, Sizes  # noqa: F401


NOTABLE = re.compile(
    r"(torch|torchvision|torchaudio|torchtext|torchdata|torchcodec|torchrec|numpy|triton|pytorch(-.*)?|xformers|libtorch"
    r"|torch-.*|intel-extension-for-pytorch|habana-.*"
    r"|flash-attn|fbgemm-gpu.*|vllm|mmcv|numpy-base|nvidia-.*)$"
)


def packages_facts(path, current_folder, compare):
    # type: (list[Any], str, Sizes) -> dict[str, Any]
    entries = [entry for entry in path if is_text(entry)]
    installed = []
    seen = set()  # type: set[str]
    for folder in map(real, entries):
        if folder not in seen:
            seen.add(folder)
            installed += [(folder, entry) for entry in listing(folder) if entry.endswith((".dist-info", ".egg-info"))]
    notable = set(entry for _, entry in installed if NOTABLE.match(name_and_version(entry)[0]))
    records, owned = conda_distributions(os.path.join(sys.prefix, "conda-meta"), notable, compare)
    return {
        "distributions": [pip_distribution(folder, entry, owned, compare) for folder, entry in installed] + records,
        "modules": module_origins(entries, current_folder),
        "unreadable": [folder for folder in sorted(seen) if is_closed(folder)],
        "rooms": rooms(),
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
    # type: (str, str, set[str], Sizes) -> dict[str, Any]
    name, version = name_and_version(entry)
    metadata = os.path.join(folder, entry)
    facts = {"name": name, "version": version, "metadata": metadata, "site": folder}  # type: dict[str, Any]
    if NOTABLE.match(name):
        facts.update(distribution_details(facts, os.path.normcase(metadata) in owned, compare))
    elif compare.reads_all:
        facts.update(asked_of_torch(metadata))
    return facts


ASKS_TORCH = re.compile(r"^Requires-Dist: (torch(?![\w.-]).*)$", re.MULTILINE)


def asked_of_torch(metadata):
    # type: (str) -> dict[str, list[str]]
    """What a distribution of any name asks of torch: those lines of its metadata alone."""
    data = read_bytes(os.path.join(metadata, "METADATA")) or b""
    if b"Requires-Dist: torch" not in data:
        return {}  # most of them: there may be a thousand
    header = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n")[0]
    lines = [line.strip() for line in ASKS_TORCH.findall(header)]
    return {"requires": lines} if lines else {}


def distribution_details(facts, owned_by_conda, compare):
    # type: (dict[str, str], bool, Sizes) -> dict[str, Any]
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
    # conda writes the prefix into files: the sizes in RECORD are those before. Its own record is compared instead.
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


SHA256 = re.compile(r"[0-9a-f]{64}$")


def conda_distributions(folder, wanted, compare):
    # type: (str, set[str], Sizes) -> tuple[list[dict[str, Any]], set[str]]
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
            record = conda_record(text)
            owned |= set(owned_metadata([name for name, _, _ in record or ()], wanted))
            if notable:
                facts["damage"] = conda_damage(record, compare)
        found.append(facts)
    return found, owned


def conda_record(text):
    # type: (str) -> list[File] | None
    """The files of a package, relative to the prefix, each with its hash and size; None when its record is damaged.

    conda writes the prefix into files: those have another size than in the package, and their hash is told anew.
    """
    try:
        record = json.loads(text)
        names = [name for name in record["files"] if isinstance(name, type(""))]
        data = record.get("paths_data") or {}
        told = dict((one.get("_path"), one) for one in data.get("paths") or () if one.get("path_type") == "hardlink")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return [(name, conda_hash(told.get(name, {})), conda_size(told.get(name, {}))) for name in names]


def conda_hash(told):
    # type: (dict[str, Any]) -> str
    digest = str(told.get("sha256_in_prefix") or ("" if "prefix_placeholder" in told else told.get("sha256")))
    return "sha256=" + digest if SHA256.match(digest) else ""


def conda_size(told):
    # type: (dict[str, Any]) -> int | None
    size = told.get("size_in_bytes")
    return size if isinstance(size, int) and "prefix_placeholder" not in told else None


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


def conda_damage(record, compare):
    # type: (list[File] | None, Sizes) -> dict[str, Any] | None
    """Compare the files of a package with conda's record of it, as `record_damage` does with pip's."""
    if record is None:
        return None
    return compare.of_files(sys.prefix, [row for row in record if not row[0].endswith(".pyc")])
