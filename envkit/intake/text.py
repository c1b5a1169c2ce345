"""Pasted bytes as plain lines: encodings, quotes, colours and log prefixes taken away, everything bounded."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from envkit.intake.translations import in_english
from envkit.urls import redacted

MOST_CHARACTERS = 24_000_000
MOST_LINES = 200_000
_LAST_LINES = 50_000
"""Lines that are kept of the end of a text with too many: a log ends in what matters."""
LONGEST_LINE = 8_000
_MOST_VALUES = 64
"""Values of one label that are kept."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)?|[@-Z\\^_=>])")
_LOST_ESCAPES = re.compile(r"\[(?:\d{1,3};){0,4}\d{1,3}m")  # the escape character itself did not survive the paste
_ODD = {
    "\uff1a": ":",
    "\u00a0": " ",
    "\u3000": " ",
    "\u200b": "",
    "\u200e": "",
    "\u200f": "",
    "\ufeff": "",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\x00": "",
}
_ENTITIES = {"&gt;": ">", "&lt;": "<", "&quot;": '"', "&#39;": "'", "&nbsp;": " ", "&amp;": "&"}

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_BLANKS = re.compile(r"\n{4,}")

_QUOTED = re.compile(r"(?:[ \t]{0,8}>(?!>>)[ \t]?){1,8}")
_LOG_PREFIXES = re.compile(
    r"""(?:
      \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?[\ \t]+  # 2024-05-01T10:00:00.123Z
    | [\w.-]{1,60}[_-]\d{1,4}[\ \t]*\|[\ ]?                                     # compose service's name
    | (?:\([\w .-]{1,40}\ ?pid=\d{1,9}[^)\n]{0,60}\)[\ ]?){1,4}                  # (EngineCore pid=12)
    | (?:INFO|WARNING|ERROR|DEBUG|CRITICAL)\ \d\d-\d\d\ \d\d:\d\d:\d\d\ \[?[\w./]{1,60}:\d{1,6}\]\ ?
    | \[rank\d{1,5}\]:[\ ]?
    | \#\d{1,4}\ \d{1,6}\.\d{1,4}\ ?                                            # docker build's step and seconds
    | \[(?:\d{1,5},)?\d{1,5}\]<std(?:err|out)>:[\ ]?
    | E[\ ]{3}(?=\S)                                                              # pytest's
    | [\ ]{0,5}\d{1,5}[\ ]?[|\u2502][\ ]                                          # line numbers
    )+""",
    re.VERBOSE,
)
_STEP = re.compile(r"(#\d{1,4} )?\d{1,5}\.\d{2,3}(?: |\Z)")  # `docker build` puts its step and the seconds first
_STEP_STARTS = frozenset("#0123456789")
_TAGS = ("<details", "</details", "<summary", "</summary", "<pre", "</pre", "<code", "</code")
_TAG = re.compile(r"</?(?:details|summary|pre|code|p|b|em|strong)(?: [^<>]{0,60})?>")
_PREFIX_STARTS = frozenset(" \t>0123456789([#EIWDC")

_LABEL = re.compile(
    r"[ \t]*(?:[-*\u2022+][ \t]+)?[*_`]{0,3}([^\n:=]{1,60}?)[*_`]{0,3}[ \t]*([:=])[*_`]{0,3}(?![:/\\=])(.*)"
)
_DOTTED = re.compile(r"[ \t]*([A-Za-z][^\n.]{1,50}?) ?\.{4,80} ?(.*)")  # DeepSpeed's report

_COLLAPSED = re.compile(
    r"(?<!^)(?<![\n\w])(?=(?:Is debug build|CUDA used to build PyTorch|ROCM used to build PyTorch|OS|GCC version|"
    r"Clang version|CMake version|Libc version|Python version|Python platform|Is CUDA available|CUDA runtime version|"
    r"GPU models and configuration|Nvidia driver version|cuDNN version|HIP runtime version|"
    r"MIOpen runtime version|Is XNNPACK available|Versions of relevant libraries|GPU \d{1,2}): ?)"
    r"|(?<=\S) (?=\[(?:pip3?|conda)\] )"
)


class Labelled(NamedTuple):
    """A line of the form `label: value`, or `label=value`, which may as well set or ask for something."""

    line: int
    value: str
    assigned: bool = False


class Text:
    """A paste, ready for the formats."""

    def __init__(self, text: str, *, left_out: str = "") -> None:
        """Take plain text; `left_out` says what of the paste is not in it."""
        self.lines = text.split("\n")
        self.text = text
        self.left_out = left_out
        self._signs: dict[re.Pattern[str], bool] = {}

    @cached_property
    def labels(self) -> dict[str, list[Labelled]]:
        """Every `label: value` line by its label in lower case, a bounded number of each."""
        found: dict[str, list[Labelled]] = {}
        for number, line in enumerate(self.lines):
            if ":" not in line and "=" not in line and "...." not in line:
                continue
            match = _DOTTED.match(line) if "...." in line else _LABEL.match(line)
            if match is None:
                continue
            values = found.setdefault(" ".join(match[1].lower().split()), [])
            if len(values) < _MOST_VALUES:
                values.append(Labelled(number, match[match.re.groups].strip(), assigned=match[2] == "="))
        return found

    @cached_property
    def once(self) -> str:
        """Every line of the text once: a long log says the same again and again."""
        return "\n".join(dict.fromkeys(self.lines))

    @cached_property
    def shapes(self) -> str:
        """The same with each digit as 0: a log of training has a handful of lines that differ in nothing else."""
        return "\n".join(dict.fromkeys(shape(self.text).split("\n")))

    def has_sign(self, sign: re.Pattern[str]) -> bool:
        """Say whether a pattern, which stays within a line, is found in the text: it is searched for once."""
        if sign not in self._signs:
            self._signs[sign] = sign.search(self.once) is not None
        return self._signs[sign]

    def has(self, *marks: str) -> bool:
        """Say whether any of these strings, none of which goes over a line's end, is in the text."""
        return any(shape(mark) in self.shapes and (mark in self.shapes or mark in self.once) for mark in marks)


def shape(text: str) -> str:
    """Return a text with each digit as 0."""
    # As bytes: these are translated ten times as fast as text that is not all ASCII.
    return text.encode("utf-8", "surrogatepass").translate(_DIGITS).decode("utf-8", "surrogatepass")


def read_text(data: bytes) -> Text:
    """Return what bytes from a file, a pipe or the clipboard say."""
    text = _decoded(data[: MOST_CHARACTERS * 2])
    left_out = ""
    if len(text) > MOST_CHARACTERS:
        text, left_out = text[:MOST_CHARACTERS], f"what follows the first {MOST_CHARACTERS:,} characters was not read"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") >= MOST_LINES:
        lines = text.split("\n")
        left_out = f"of its {len(lines):,} lines {len(lines) - MOST_LINES:,} in the middle were not read"
        text = "\n".join((*lines[: MOST_LINES - _LAST_LINES], *lines[-_LAST_LINES:]))
    text = _LOST_ESCAPES.sub("", _ESCAPES.sub("", text)) if "\x1b" in text or "m" in text else text
    if not text.isascii() or "\x00" in text:
        for odd, plain in _ODD.items():
            text = text.replace(odd, plain)
    if "&" in text:
        for entity, plain in _ENTITIES.items():
            text = text.replace(entity, plain)
    unquoted = map(_unquoted, in_english(text).split("\n"))
    moved = _without_steps(list(_moved_left(list(unquoted))))
    plain = "\n".join(map(_plain_line, moved))
    # What is read is printed and kept: of a password nothing is.
    if "://" in plain:
        plain = "\n".join(redacted(line) if "://" in line else line for line in plain.split("\n"))
    return Text(_BLANKS.sub("\n\n\n", plain), left_out=left_out)


def _decoded(data: bytes) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    # Without a mark, UTF-16 of plain text shows by its zero bytes.
    head = data[:2_000]
    if head.count(0) * 3 > len(head) > 1:
        return data.decode("utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # Only the end was cut within a character.
        return data.decode("utf-8", "ignore") if error.start > len(data) - 4 else data.decode("latin-1")


_FENCE = re.compile(r"([ \t]*)(?:`{3,}|~{3,})[ \t]*[\w+.-]{0,20}[ \t]*")


def _moved_left(lines: list[str]) -> Iterator[str]:
    """The lines without what all of them are indented by; a block within fences loses what its fence is indented by.

    The fences themselves become empty lines: what they enclose begins and ends there.
    """
    common = _common_indent(lines)
    inside: str | None = None
    for line in lines:
        moved = line.removeprefix(common)
        fence = _FENCE.fullmatch(moved) if "``" in moved or "~~~" in moved else None
        if fence is not None:
            inside = fence[1] if inside is None else None
            yield ""
        else:
            yield moved.removeprefix(inside) if inside else moved


def _common_indent(lines: list[str]) -> str:
    """What every line that is not empty begins with, of blanks and tabs."""
    common: str | None = None
    for line in lines:
        bare = line.lstrip(" \t")
        if not bare:
            continue
        indent = line[: len(line) - len(bare)]
        common = indent if common is None or common.startswith(indent) else common
        if not indent or not indent.startswith(common):
            return ""
    return common or ""


def _without_steps(lines: list[str]) -> list[str]:
    """The lines without the step and the seconds that `docker build` puts first, where this is such a log."""
    steps = [_STEP.match(line) if line[:1] in _STEP_STARTS else None for line in lines]
    numbered = any(step and step[1] and step[0][-1] == " " for step in steps)
    if not numbered and not any(map(all, zip(steps, steps[1:], steps[2:], strict=False))):
        return lines
    return [line[step.end() :] if step else line for line, step in zip(lines, steps, strict=True)]


_ENTRY = re.compile(r",[ ]?(?=['\"][^'\"]{1,60}['\"]: )")


def _dictionary(line: str) -> str:
    """The entries of a dictionary that Python printed, each as a line of its own."""
    entries = (entry.partition(": ") for entry in _ENTRY.split(line.strip(" {},")))
    told = (f"{label.strip(_QUOTES)}: {value.strip(_QUOTES)}" for label, _, value in entries)
    return "\n".join(told).replace("\\n", "\n")


_QUOTES = " '\""


def _unquoted(line: str) -> str:
    if len(line) > LONGEST_LINE:
        line = line[:LONGEST_LINE]
    quoted = _QUOTED.match(line) if ">" in line[:12] else None
    return line[quoted.end() :] if quoted else line


def _plain_line(line: str) -> str:
    if line[:1] in _PREFIX_STARTS or "|" in line[:66]:
        prefix = _LOG_PREFIXES.match(line)
        line = line[prefix.end() :] if prefix else line
    if len(line) > 150 and "PyTorch version" in line and "Is debug build" in line:
        return _COLLAPSED.sub("\n", line)
    if line[:1] == "<" and line.startswith(_TAGS):
        line = _TAG.sub("", line)
    if line[:2] == "{'" and line.count("': ") > 2:
        return _dictionary(line)
    return line.rstrip()
