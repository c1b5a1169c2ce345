"""Whatever else went wrong: exceptions, warnings, and error lines of pip, conda, the loader, the kernel, compilers."""

import re
from collections.abc import Iterator

from envkit import matrix
from envkit.intake.part import Part
from envkit.intake.text import Text, shape
from envkit.snapshot import Complaint

_MOST = 300
_LONGEST = 1_000
_FOLLOWING = 6
"""Lines of an exception's message after its first."""

_WORDS = (
    *("error", "warn", "fail", "fatal", "exception", "cannot", "can't", "couldn't", "could not", "unable to"),
    *("not found", "no such", "no module", "no python", "no matching", "no solution", "no space", "no longer"),
    *("unsupported", "not supported", "mismatch", "xid", "nvrm", "insufficient", "corrupt", "killed", "abort"),
    *("segmentation", "denied", "not permitted", "fallen off", "too old", "too small", "externally", "timed out"),
    *("out of memory", "not compiled", "not compatible", "incompatible", "exited with", "not available", "is zero"),
    *("requires ", "has requirement", "but you have", "not loaded", "not linked", "unrecognized", "not recognized"),
    *("refused", "unreachable", "undefined symbol", "undefined reference", "conflict", "did not run successfully"),
    *("not enough", "no version of", "exit code", "exit status", "exitcode", "sigkill", "-> python[version="),
    *("no working", "invalid", "missing", "required", "reset by peer", "bad_alloc", "terminate called", "bus error"),
    *("died ", "enospc", "no nvcc", "hash mismatch", "running low", "is only supported", "refusing", "unsatisfied"),
    *("out of shared", "oom-kill", "oomkill", "unsatisfiable", "quota exceeded", "no route to host", "too many open"),
    *("not a symbolic link", "cuda_error_", "nvml", "only supports", "tried to allocate", "does not match", "hangs"),
    *("cudaerror", "nvreg_", "no kernel", "not running", "not ready", "throttl", "out of vram", "hiperror"),
    *("hang ", "hanging", "stuck", "deadlock", "freez", "core dumped", "sigsegv", "not load", "power cap"),
    *("compatible gpus", "fatbinary", "notfound", "__kmp_", "omp.dylib`"),
    *("one of its dependencies", "compiled with", "too short", "illegal instruction", "not a supported"),
)
"""In lower case: a line with none of them, and no sentence of the table of errors, complains of nothing."""

_SOURCES = (
    ("kernel", re.compile(r"NVRM|\bXid\b|pcieport|nouveau|amdgpu|kernel:|^\[ *\+?\d+\.\d+\]")),
    ("nvidia-smi", re.compile(r"NVIDIA-SMI|nvidia-smi|initialize NVML|device handle for GPU", re.IGNORECASE)),
    ("warning", re.compile(r"Warning:|^WARNING\b|\bWARN\b")),
    ("python", re.compile(r"^\s*(?:E\s+)?(?:\w+\.){0,6}[A-Z]\w{2,60}(?:Error|Exception|Interrupt|Exit)\b")),
    (
        "pip",
        re.compile(
            r"^\s*(?:ERROR|error): |externally[- ]managed|matching distribution|satisfies the requirement|"
            r"No solution found|^\s*\S+ [\d.]+ (?:requires|has requirement) ",
            re.IGNORECASE,
        ),
    ),
    (
        "loader",
        re.compile(
            r"shared object|shared librar|undefined symbol|\bELF\b|\bDLL\b|not defined in file|dlopen|"
            r"version `\w+_[\d.]+' not found",
            re.IGNORECASE,
        ),
    ),
)
_CODE = re.compile(r"^\s*(?:raise |except |if |return |#(?!error)|//|print\(|File \"|def |import |from )")
_HEADING = re.compile(r"#{1,6} \S")
_STARTS_A_MESSAGE = re.compile(r"(?:Error|Exception|Warning):?\s*$|^\s*\w+(?:\.\w+)*(?:Error|Exception): ")


def parse(text: Text) -> Iterator[Part]:
    """Yield every complaint of the text once, in its order."""
    found: dict[str, Complaint] = {}
    lower = text.shapes.lower()
    words = [mark for mark in (*_WORDS, *matrix.load().errors.sentences) if shape(mark) in lower]
    seen = set[str]()
    for number, line in enumerate(text.lines if words else ()):
        if line in seen:
            continue
        seen.add(line)
        if not any(map(line.lower().__contains__, words)) or (
            _CODE.match(line) and not _is_heading(text.lines, number)
        ):
            continue
        told = line.strip()[:_LONGEST]
        if not told or told in found:
            continue
        if _STARTS_A_MESSAGE.search(line):
            told = "\n".join((told, *_following(text.lines, number)))[:_LONGEST]
        found[line.strip()[:_LONGEST]] = Complaint(source=_source(told, text, number), text=told)
        if len(found) >= _MOST:
            break
    if found:
        yield Part(complaints=tuple(found.values()))


def _is_heading(lines: list[str], number: int) -> bool:
    """Say whether a line is a title in Markdown, which begins a paragraph, and no comment in the midst of code."""
    begins = number == 0 or not lines[number - 1].strip()
    return begins and _HEADING.match(lines[number]) is not None


def _following(lines: list[str], number: int) -> Iterator[str]:
    for line in lines[number + 1 : number + 1 + _FOLLOWING]:
        if not line.strip() or "Traceback (most" in line:
            return
        yield line.strip()


def _source(told: str, text: Text, number: int) -> str:
    """Who said it: by the signs of its line, and where any program may say it by whether an installer is at work."""
    line = text.lines[number]
    source = next((source for source, sign in _SOURCES if sign.search(line)), "program")
    if not matrix.load().errors.is_of_any(told):
        return source
    if _NAMES_AN_INSTALLER.search(told) or _is_at_work(text, number):
        return "pip"
    return "program" if source == "pip" else source


_NAMES_AN_INSTALLER = re.compile(
    r"\bpip\b|/simple\b|\.whl\b|\.conda\b|conda|\buv\b|pypi|pythonhosted|pytorch\.org/whl|Retrying \(Retry|poetry|"
    r"repodata|download\.pytorch\.org(?!/models)",
    re.IGNORECASE,
)
_INSTALLS = re.compile(
    r"^\s*(?:Collecting \S|Looking in |Solving environment|Collecting package metadata|Installing collected|"
    r"Resolving depend|ERROR: |[`$#>%]?\s?(?:python\d? -m |!|sudo )?"
    r"(?:pip\d?|uv pip|conda|mamba|poetry) (?:install|add|env))|"
    r"\binstalling\b|\b(?:to|I|can't|cannot|not) install\b|"
    r"\binstall(?:ation)? (?:fail|stop|hang|error|of|issue|problem)|"
    r"\buv (?:pip|sync|add|lock)\b|matching distribution|\.whl\b|/simple\b",
    re.IGNORECASE | re.MULTILINE,
)
_FRAME = re.compile(r'^\s*File "([^"\n]{1,300})", line')
_MOST_FRAMES = 200


def _is_at_work(text: Text, number: int) -> bool:
    """Say whether an installer said the line: by the files of the traceback that it ends, else by what is around."""
    for at in range(number - 1, max(number - _MOST_FRAMES, -1), -1):
        line = text.lines[at]
        if frame := _FRAME.match(line):
            files = [frame[1]]
            top = max(at - 2 * _MOST_FRAMES, 0)
            while at > top and (text.lines[at - 1].startswith((" ", "\t")) or not text.lines[at - 1].strip()):
                at -= 1  # noqa: PLW2901
                if more := _FRAME.match(text.lines[at]):
                    files.append(more[1])
            return any(map(_NAMES_AN_INSTALLER.search, files))
        if not line.startswith((" ", "\t")):
            break
    return text.has_sign(_INSTALLS)
