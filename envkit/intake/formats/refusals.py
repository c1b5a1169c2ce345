"""Installs that pip, uv or Poetry refused: what was asked for, what the index has, and which interpreter it is."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Refusal

_MOST = 20
_OURS = r"(?:torch|torchvision|torchaudio|pytorch)"

_PIP = re.compile(
    rf"(?:satisfies the requirement|No matching distribution found for) ({_OURS})(?![\w-])"
    r"([^\n(]{0,80})([^\n]{0,4000})"
)
_ASKED = re.compile(r"===?\s?v?(\d[\w.!+]{0,40})")
_OFFERED = re.compile(r"from versions: ([^)\n]{0,4000})")
_DISTRIBUTION = re.compile(
    rf"`(?:({_OURS})==([^\s`]{{1,60}}) )?@ [^`\n]{{1,300}}` can't be installed because it doesn't have a source "
    r"distribution or wheel for the current platform"
)
_NO_TAG = re.compile(rf"\b({_OURS})==(\d[\w.+]{{0,40}}) has no wheels with a matching")
_CANDIDATES = re.compile(rf"Unable to find installation candidates for ({_OURS}) \((\d[\w.+]{{0,40}})\)")

_HERE = re.compile(r"You're on \w+ \(`(\w{3,60})`\)|matching platform tag \(e\.g\., `(\w{3,60})`\)")
_PYTHON_HERE = re.compile(
    r"You're using \w+ (\d\.\d{1,2}) \(`"
    r"|matching Python (?:ABI|version|implementation) tag \(e\.g\., `cp(\d)(\d{1,2})t?`\)"
)
_MARKED = re.compile(r"markers '(?:sys_platform|platform_system) != [\"'](\w{3,10})[\"']' don't match your environment")
_MARKS = {"darwin": "macos", "win32": "windows", "linux": "linux"}
_TAG = re.compile(r"(macosx|manylinux|musllinux|linux|win)_?(?:(\d{1,2})_(\d{1,2})_)?(\w{2,20})?")
_SYSTEMS = {"macosx": "macos", "win": "windows"}
_LIBCS = {"manylinux": "glibc", "musllinux": "musl"}
_ALPINE = re.compile(r"\bapk (?:add|update)\b|^FROM \S{0,80}alpine|\balpine\b", re.IGNORECASE | re.MULTILINE)
_MACHINE = re.compile(r"uname -m[^\n]{0,20}\n\s{0,8}(\w{4,10})\s{0,8}$", re.MULTILINE)


def parse(text: Text) -> Iterator[Part]:
    """Yield each refusal, and the interpreter and system that the refusing program names."""
    if not text.has("orch"):
        return
    found = (*_by_pip(text), *_by_others(text))
    if not found:
        return
    yield Part(refusals=found)
    yield from _here(text)
    if text.has("lpine", "apk ") and _ALPINE.search(text.text):
        yield Part(os="linux", libc="musl")
    machine = _MACHINE.search(text.text) if text.has("uname -m") else None
    if machine:
        arch = values.architecture(machine[1])
        yield Part(arch=arch, os=None if arch in ("x86_64", "arm64") else "linux")


def _by_pip(text: Text) -> tuple[Refusal, ...]:
    if not text.has("satisfies the requirement", "matching distribution"):
        return ()
    found: dict[tuple[str, str], Refusal] = {}
    for match in islice(_PIP.finditer(text.text), _MOST):
        asked, listed = _ASKED.search(match[2]), _OFFERED.search(match[2] + match[3])
        refusal = Refusal(
            name=match[1],
            version=asked[1] if asked else "",
            offered=_releases(listed[1]) if listed else None,
            text=match[0].strip()[:300],
        )
        # The second line of pip's repeats the first without its list; so may a title above.
        known = found.get((refusal.name, refusal.version))
        if known is None or known.offered is None:
            found[refusal.name, refusal.version] = refusal
    return tuple(found.values())


def _releases(listed: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\d[\w.+!]{0,40}", listed))


_PLACEHOLDER = ("PyTorch does not currently provide packages for PyPI", "No module named 'tools.nnwrap'")
"""What the source archives say that are all the index has for an interpreter without wheels."""


def _by_others(text: Text) -> tuple[Refusal, ...]:
    said = next((mark for mark in _PLACEHOLDER if text.has(mark)), "")
    if said:
        return (Refusal(name="torch", version="", text=said),)
    found = {}
    if text.has("can't be installed because"):
        found = {match[2]: match for match in islice(_DISTRIBUTION.finditer(text.text), _MOST)}
    if text.has("has no wheels with a matching"):
        found |= {match[2]: match for match in islice(_NO_TAG.finditer(text.text), _MOST)}
    if text.has("installation candidates"):
        found |= {match[2]: match for match in islice(_CANDIDATES.finditer(text.text), _MOST)}
    return tuple(
        Refusal(name=match[1] or "torch", version=match[2] or "", text=match[0][:300]) for match in found.values()
    )


def _here(text: Text) -> Iterator[Part]:
    """What pip and uv say of the interpreter that they install into."""
    tag = _HERE.search(text.text) if text.has("You're on ", "matching platform tag") else None
    if tag:
        yield _of_tag(tag[1] or tag[2])
    marked = _MARKED.search(text.text) if text.has("don't match your environment") else None
    if marked:
        yield Part(os=_MARKS.get(marked[1].lower()))
    python = _PYTHON_HERE.search(text.text) if text.has("You're using ", "matching Python") else None
    if python:
        yield Part(python=python[1] or f"{python[2]}.{python[3]}", implementation="cpython")


def _of_tag(tag: str) -> Part:
    """The system that a platform tag means: "macosx_15_0_x86_64", "manylinux_2_17_x86_64", "win_amd64"."""
    found = _TAG.fullmatch(tag)
    if found is None:
        return Part()
    os = _SYSTEMS.get(found[1], "linux")
    libc = f"{_LIBCS[found[1]]} {found[2]}.{found[3]}" if found[1] in _LIBCS and found[2] else None
    return Part(
        os=os, arch=values.architecture(found[4], os), libc=libc, bits=32 if tag in ("win32", "win_32") else None
    )
