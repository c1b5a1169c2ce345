"""The error codes of the CUDA driver and of NVML, and the texts of errors: what each means and points to."""

import re
from typing import NamedTuple

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import numbers

NOT_A_FAULT = "healthy"
"""The diagnosis of what no environment is to blame for."""


class _Cuda(msgspec.Struct, frozen=True):
    driver: str | None
    runtime: str | None
    meaning: str
    diagnosis: str = ""
    causes: tuple[str, ...] = ()


class _Nvml(msgspec.Struct, frozen=True):
    name: str
    meaning: str
    diagnosis: str = ""


class _Xid(msgspec.Struct, frozen=True):
    meaning: str
    diagnosis: str = ""


class _Pattern(msgspec.Struct, frozen=True):
    pattern: str
    diagnosis: str
    """The code that it points to, "" for what only looks like a complaint."""
    also: str = ""
    """A second text that must stand in the same message."""
    near: tuple[str, ...] = ()
    """Texts in lower case of which one must stand in the same message: what went wrong with what the pattern names."""
    ends_line: bool = False
    whole: bool = False
    """Its last word ends with it: "torch" is not meant by "torchh" and "torch-foo"."""
    of_any: bool = False
    """Any program that uses a network says it: it counts where the one that speaks is an installer."""
    hint: bool = False
    """A warning that many a good run prints too: it says what failed only where nothing else does."""
    python_below: str = ""
    """The release of Python from which on its text has another cause."""
    python_from: str = ""
    """The release of Python up to which its text has another cause."""


class _File(msgspec.Struct, frozen=True):
    cuda: dict[str, _Cuda]
    nvml: dict[str, _Nvml]
    xid: dict[str, _Xid]
    patterns: tuple[_Pattern, ...]


class ErrorName(NamedTuple):
    """An error code in words, and the diagnosis code that it usually points to ("" for none)."""

    name: str
    meaning: str
    diagnosis: str
    causes: tuple[str, ...] = ()


_XID = re.compile(r"\bxid(?: errors?| code)? ?(?:\([^)\n]{0,40}\))?[: ]{1,3}(\d{1,3})\b", re.IGNORECASE)
_NAME = re.compile(r"\b(?:CUDA_ERROR|NVML_ERROR)_[A-Z_]+\b|\bcudaError[A-Z]\w+")
_LONG = 12
"""Letters from which on a text is told apart from all others without its capitals, which programs spell differently."""


class ErrorTable:
    """Queries on errors; a code that the table lacks is named by its number."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._long = tuple(
            (known.pattern.lower() if len(known.pattern) >= _LONG else "", known) for known in file.patterns
        )
        self._names = _names(file)
        self._found: dict[str, _Pattern | None] = {}
        self.sentences = tuple(long for long, known in self._long if " " in known.pattern.strip() and long)
        """The texts of more than a name, in lower case; names of files and functions stand in logs of good runs too."""

    @classmethod
    def load(cls) -> "ErrorTable":
        """Read the shipped table."""
        return cls(read("errors.json", _File))

    def cuda(self, code: int) -> ErrorName:
        """Return what a CUDA driver error means."""
        entry = self._file.cuda.get(str(code))
        if entry is None:
            return ErrorName(f"CUDA error {code}", "not in the table", "")
        return ErrorName(entry.driver or entry.runtime or str(code), entry.meaning, entry.diagnosis, entry.causes)

    def nvml(self, code: int) -> ErrorName:
        """Return what an NVML error means."""
        entry = self._file.nvml.get(str(code))
        if entry is None:
            return ErrorName(f"NVML error {code}", "not in the table", "")
        return ErrorName(entry.name, entry.meaning, entry.diagnosis)

    def cause_of(self, text: str) -> str | None:
        """Return the diagnosis code that an error's text points to, None when no known text is in it."""
        found = self._pattern_in(text)
        if found is None or found.hint:
            return self._of_xid(text) or self._of_name(text) or (found.diagnosis if found else None)
        return self._of_xid(text) or found.diagnosis or None

    def is_hint(self, text: str) -> bool:
        """Say whether a text points to its code only where nothing else is said."""
        found = self._pattern_in(text)
        return found is not None and found.hint and not (self._of_xid(text) or self._of_name(text))

    def is_of_any(self, text: str) -> bool:
        """Say whether any program may say this, an installer or not."""
        found = self._pattern_in(text)
        return found is not None and found.of_any

    def holds_on(self, text: str, python: str) -> bool:
        """Say whether a text can have its cause on a Python, "3.11", of which "" is any."""
        found = self._pattern_in(text)
        if found is None or not python:
            return True
        here, below, least = numbers(python), numbers(found.python_below), numbers(found.python_from)
        return (not below or here < below) and here >= least

    def _pattern_in(self, text: str) -> _Pattern | None:
        if text not in self._found:
            low = text.lower()
            self._found[text] = next((known for long, known in self._long if _holds(text, low, known, long)), None)
        return self._found[text]

    def xid(self, code: int) -> ErrorName | None:
        """Return what an Xid of the kernel log means, None for one that the table lacks."""
        entry = self._file.xid.get(str(code))
        return ErrorName(f"Xid {code}", entry.meaning, entry.diagnosis) if entry else None

    def _of_xid(self, text: str) -> str | None:
        found = _XID.search(text)
        named = self.xid(int(found[1])) if found else None
        return named.diagnosis if named else None

    def _of_name(self, text: str) -> str | None:
        found = _NAME.search(text)
        return self._names.get(found[0]) if found else None


def _names(file: _File) -> dict[str, str]:
    """What the names of errors point to, as programs print them that print no sentence."""
    cuda = {name: one.diagnosis for one in file.cuda.values() for name in (one.driver, one.runtime) if name}
    return {**cuda, **{one.name: one.diagnosis for one in file.nvml.values()}}


def _holds(text: str, low: str, known: _Pattern, long: str) -> bool:
    if known.also not in text or (known.near and not any(map(low.__contains__, known.near))):
        return False
    if known.ends_line:
        return f"{known.pattern}\n" in f"{text}\n"
    if known.whole:
        return re.search(rf"{re.escape(known.pattern)}(?![\w-]|\.\w)", text) is not None
    return long in low if long else known.pattern in text
