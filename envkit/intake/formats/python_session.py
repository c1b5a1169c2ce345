"""An interactive Python, or `python -c`: its banner, and what torch answered to the usual questions."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import EnvironmentKind

_BANNER = re.compile(
    r"Python (\d\.\d+\.\d+\S{0,12}) ?([|(][^\n]{4,200})(?:\n\[([^\]\n]{3,100})\][^\n]{0,60}? on (\w+))?", re.MULTILINE
)
_BANNER_ON = re.compile(r"\[([^\]\n]{3,120})\][^\n]{0,60}? on (linux2?|win32|darwin)\b")
_VERSION = re.compile(r"^Python (\d\.\d+\.\d+\S{0,12})\s*$", re.MULTILINE)
_UV = re.compile(r"Using (CPython|PyPy) (\d\.\d+\.\d+)(?: interpreter at: (\S{3,300}))?")

_PROMPT = re.compile(r"^\s*(?:>>>|In ?\[\d{1,4}\]:) ?(\S[^\n]{0,300})$")
_ANSWER = re.compile(r"^(?:Out ?\[\d{1,4}\]: ?)?(.*)$")
_ONE_LINER = re.compile(r"python[\d.]{0,5}(?:\.exe)? (?:-\w+ ){0,3}-c +([\"'])(.{3,300}?)\1\s*$")


def parse(text: Text) -> Iterator[Part]:
    """Yield the Python of the banner, and each question with its answer."""
    yield from _pythons(text)
    if not text.has("torch"):
        return
    for question, answer in islice(_exchanges(text), 300):
        yield from _answered(question, answer)


def _pythons(text: Text) -> Iterator[Part]:
    for found in islice(_BANNER.finditer(text.text), 4) if text.has("Python ") else ():
        following = text.text[found.end(1) : found.end(1) + 300]
        on = _BANNER_ON.search(following)
        system = {"linux": "linux", "linux2": "linux", "win32": "windows", "darwin": "macos"}.get(on[2] if on else "")
        if system is None and "[MSC v." in found[0]:
            system = "windows"  # Microsoft's compiler builds for nothing else
        conda = re.search(r"[Cc]onda|Continuum", following.partition(">>>")[0])
        yield Part(
            python=values.python_version(found[1]),
            implementation="pypy" if "PyPy" in following[:200] else "cpython",
            bits=values.python_bits(on[1] if on else found[2]),
            arch=values.architecture(on[1], system) if on and system == "windows" else None,
            os=system,
            kind=EnvironmentKind.CONDA if conda else None,
        )
    plain = _VERSION.search(text.text) if text.has("Python ") else None
    if plain:
        yield Part(python=values.python_version(plain[1]), implementation="cpython")
    uv = _UV.search(text.text) if text.has("Using CPython", "Using PyPy") else None
    if uv:
        yield Part(python=uv[2], implementation=uv[1].lower(), kind=EnvironmentKind.UV)


def _exchanges(text: Text) -> Iterator[tuple[str, str]]:
    """Questions with the first line that was answered."""
    for number, line in enumerate(text.lines):
        if "torch" not in line:
            continue
        prompt = _PROMPT.match(line) if ">>>" in line or "In" in line else " -c" in line and _ONE_LINER.search(line)
        if not prompt:
            continue
        question = prompt[prompt.re.groups]
        for following in text.lines[number + 1 : number + 4]:
            if ">>>" in following or following.lstrip().startswith("In ["):
                break
            if following.strip():
                answer = _ANSWER.match(following.strip())
                yield question, answer[1] if answer else ""
                break


_LAST_EXPRESSION = re.compile(r"(?:print\()?\s*(torch\.[\w.]+(?:\([^()]*\))?)")


def _answered(question: str, answer: str) -> Iterator[Part]:
    """What each expression of the question tells: a print of several has its answers in one line."""
    asked = _LAST_EXPRESSION.findall(question)
    words = [word.strip(" ,()") for word in answer.split()] if len(asked) > 1 else [answer]
    if len(asked) != len(words):
        return
    for expression, word in zip(asked, words, strict=True):
        part = _told(expression, word.strip().strip("'\""))
        if part:
            yield part


def _truth(field: str) -> Callable[[str], Part | None]:
    def told(answer: str) -> Part | None:
        value: Any = values.truth(answer)
        return None if value is None else Part(**{field: value})

    return told


def _release(field: str) -> Callable[[str], Part | None]:
    def told(answer: str) -> Part | None:
        value: Any = "" if answer == "None" else values.release(answer)
        return None if value is None else Part(**{field: value})

    return told


def _version(answer: str) -> Part | None:
    value = values.torch_version(answer)
    return Part(torch=value) if value else None


def _arch_list(answer: str) -> Part | None:
    return Part(arch_list=tuple(re.findall(r"(?:sm|compute)_\d{2,3}[af]?", answer))) if "sm_" in answer else None


_QUESTIONS: dict[str, Callable[[str], Part | None]] = {
    "__version__": _version,
    "__file__": lambda answer: Part(torch_file=answer) if "torch" in answer else None,
    "version.cuda": _release("torch_cuda"),
    "version.hip": _release("torch_hip"),
    "cuda.is_available": _truth("cuda_available"),
    "cuda.device_count": lambda answer: Part(cuda_count=int(answer)) if answer.isdecimal() else None,
    "cuda.get_arch_list": _arch_list,
    "backends.mps.is_available": _truth("mps_available"),
    "xpu.is_available": _truth("xpu_available"),
    "xpu.device_count": lambda answer: Part(xpu_available=answer != "0") if answer.isdecimal() else None,
}


def _told(expression: str, answer: str) -> Part | None:
    meaning = _QUESTIONS.get(expression.removeprefix("torch.").partition("(")[0])
    return meaning(answer) if meaning else None
