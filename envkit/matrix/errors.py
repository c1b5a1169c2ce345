"""The error codes of the CUDA driver and of NVML, and the texts of errors: what each means and points to."""

from typing import NamedTuple

import msgspec

from envkit.matrix.data_files import read

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


_TOO_SHORT = 12
"""Of fewer characters than these, a text in other capitals may be another text."""


class _Pattern(msgspec.Struct, frozen=True):
    pattern: str
    diagnosis: str
    ends_line: bool = False

    def is_in(self, text: str, lower: str) -> bool:
        """Say whether a text, given as it is and in lower case, holds this one."""
        if self.ends_line:
            return f"{self.pattern}\n" in f"{text}\n"
        return self.pattern in text or (len(self.pattern) >= _TOO_SHORT and self.pattern.lower() in lower)


class _File(msgspec.Struct, frozen=True):
    cuda: dict[str, _Cuda]
    nvml: dict[str, _Nvml]
    patterns: tuple[_Pattern, ...]


class ErrorName(NamedTuple):
    """An error code in words, and the diagnosis code that it usually points to ("" for none)."""

    name: str
    meaning: str
    diagnosis: str
    causes: tuple[str, ...] = ()


class ErrorTable:
    """Queries on errors; a code that the table lacks is named by its number."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._causes: dict[str, str | None] = {}

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
        if text not in self._causes:
            lower = text.lower()
            found = (known.diagnosis for known in self._file.patterns if known.is_in(text, lower))
            self._causes[text] = next(found, None)
        return self._causes[text]
