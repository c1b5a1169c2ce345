"""What pip says of installed packages that do not fit each other: the packages, and what one asks of the other."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Distribution, TorchBuild

_MOST = 40
_NAME, _NUMBER = r"[A-Za-z][\w.-]{0,60}", r"\d[\w.+!]{0,40}"

_CONFLICT = re.compile(
    rf"(?:^|\s)({_NAME}) ({_NUMBER}) (?:requires|has requirement|depends on) "
    rf"({_NAME}(?:\[\w+\])?[<>=!~][^\n]{{0,160}}?), "
    rf"but you(?:'ll)? have ({_NAME}) ({_NUMBER})"
)
_REQUIRED_BY = re.compile(
    rf"error: ({_NAME}) ({_NUMBER}) is installed but ({_NAME}[<>=!~][\w.,<>=!~+*]{{1,60}}) "
    rf"is required by \{{'({_NAME})'"
)
_OURS = re.compile(r"torch|nvidia-")


def parse(text: Text) -> Iterator[Part]:
    """Yield both packages of each conflict that has to do with torch, with the requirement that is not met."""
    found = []
    if text.has("but you have", "but you'll have"):
        for match in islice(_CONFLICT.finditer(text.text), _MOST):
            name, version, wanted, other, installed = match.groups()
            if _OURS.match(other.lower()) or name.lower() == "torch":
                found += [_installed(name, version, requires=(wanted,)), _installed(other, installed.rstrip("."))]
    if text.has("is required by {"):
        for match in islice(_REQUIRED_BY.finditer(text.text), _MOST):
            if _OURS.match(match[1].lower()):
                found += [_installed(match[4], "0", requires=(match[3],)), _installed(match[1], match[2])]
    if found:
        yield Part(distributions=tuple(dict.fromkeys(found)))


def _installed(name: str, version: str, requires: tuple[str, ...] | None = None) -> Distribution:
    plain, build = re.sub(r"[-_.]+", "-", name).lower(), values.build_of(version)
    return Distribution(
        name=plain,
        version=version,
        metadata=f"pip: {plain} {version}",
        site="",
        requires=requires,
        build=TorchBuild(version=version, cuda=build.cuda, hip=build.hip, xpu=build.xpu) if plain == "torch" else None,
    )
