"""A request, checked and put into the words that candidates are compared in."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from envkit.errors import EnvkitError
from envkit.matrix.cuda import backend_of, cuda_of
from envkit.matrix.versions import numbers
from envkit.planning.model import Manager, Request
from envkit.planning.quoting import UnquotableError, check_printable
from envkit.urls import holds_credentials, redacted

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

_BARE_VERSION = re.compile(r"\d+(\.\d+)*")
_PYTHON = re.compile(r"\d+\.\d+t?")
_RELEASE = re.compile(r"\d+\.\d+(\.\d+)?")
_BACKEND = re.compile(r"cpu|mps|xpu|cu\d{3,}|rocm\d+\.\d+(\.\d+)?")
_INDEX = re.compile(r"(?:https?|file)://[^\s'\"<>`|\\^{}]+")


class Wish(NamedTuple):
    """What a candidate must match; None and () leave it open."""

    torch: frozenset[str] | None
    """Every known release that answers to what was asked."""
    torch_asked: str
    """As it was typed."""
    backend: str | None
    """As torch spells it; "rocm" for any release of it."""
    packages: tuple[Requirement, ...]


def read_wish(request: Request, releases: tuple[str, ...]) -> Wish:
    """Check a request for what can be told without the machine; raise `EnvkitError` (usage) otherwise."""
    for what, value in (("--name", request.name), ("--path", request.path)):
        if value is not None:
            _check_writable(what, value)
    if request.manager is Manager.CONDA and request.name:
        _check_conda_name(request.name)
    if request.python is not None and not _PYTHON.fullmatch(request.python):
        raise EnvkitError(f"`{request.python}` is no Python version", hint="give it as in `--python 3.12`")
    if request.index is not None:
        _check_index(request.index)
    return Wish(
        torch=_torch(request.torch, releases) if request.torch else None,
        torch_asked=request.torch or "",
        backend=_backend(request),
        packages=tuple(_package(text, request.manager) for text in request.packages),
    )


@lru_cache(maxsize=1024)
def _torch(asked: str, releases: tuple[str, ...]) -> frozenset[str]:
    """Return the releases that answer to a version or a range of them."""
    if "+" in asked:
        version, _, local = asked.partition("+")
        raise EnvkitError(
            f"`--torch {asked}` names a build, which --cuda chooses",
            hint=f"`--torch {version.lstrip('=')} --cuda {cuda_of(local) or local}`",
        )
    if _BARE_VERSION.fullmatch(asked):
        given = numbers(asked)
        # "2.5.1" is one release, "2.5" and "2" are all that begin so.
        return frozenset(release for release in releases if numbers(release)[: len(given)] == given)
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return frozenset(SpecifierSet(asked).filter(releases))
    except InvalidSpecifier:
        raise EnvkitError(
            f"`{asked}` is neither a version of torch nor a range of them",
            hint='give it as in `--torch 2.5.1` or `--torch ">=2.4"`',
        ) from None


def _backend(request: Request) -> str | None:
    """Return the one backend that was asked for, None where it is left open."""
    asked = {
        option: backend
        for option, backend in (
            ("--cuda", _cuda(request.cuda) if request.cuda else None),
            ("--rocm", _rocm(request.rocm) if request.rocm else None),
            ("--xpu", "xpu" if request.xpu else None),
        )
        if backend
    }
    if len(asked) > 1:
        raise EnvkitError(f"{' and '.join(asked)} ask for different builds", hint="ask for one of them")
    return next(iter(asked.values()), None)


def _cuda(asked: str) -> str | None:
    if asked == "auto":
        return None
    if _BACKEND.fullmatch(asked):
        return asked
    if not _RELEASE.fullmatch(asked):
        raise EnvkitError(
            f"`{asked}` is no CUDA release",
            hint="give it as in `--cuda 12.1`, or `--cuda cpu`, or `--cuda auto`",
        )
    return backend_of(".".join(asked.split(".")[:2]))


def _rocm(asked: str) -> str:
    release = asked.removeprefix("rocm")
    if asked == "auto":
        return "rocm"
    if not _RELEASE.fullmatch(release):
        raise EnvkitError(f"`{asked}` is no ROCm release", hint="give it as in `--rocm 6.2`, or `--rocm` alone")
    return f"rocm{release}"


def _package(text: str, manager: Manager) -> Requirement:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise EnvkitError(f"`--with {text}` is no requirement", hint="give a name and versions: `pandas>=2`") from None
    if canonicalize_name(requirement.name) == "torch":
        raise EnvkitError("--with adds packages to torch", hint="choose torch itself with `--torch 2.5.1`")
    if requirement.url or requirement.marker:
        raise EnvkitError(
            f"`--with {text}` goes beyond a name and versions",
            hint="install it into the finished environment with pip",
        )
    _check_writable("--with", str(requirement))
    if manager is Manager.CONDA and (requirement.extras or not all(map(_is_for_conda, requirement.specifier))):
        raise EnvkitError(f"conda cannot express `--with {text}`", hint="give a name and versions: `pandas>=2`")
    return requirement


def _is_for_conda(specifier: Specifier) -> bool:
    """Tell whether conda has words for it: there are none for "~=", nor for all that "===" takes beside versions."""
    from packaging.version import InvalidVersion, Version

    if specifier.operator != "===":
        return specifier.operator != "~="
    try:
        Version(specifier.version)
    except InvalidVersion:
        return False
    return True


def _check_writable(what: str, value: str) -> None:
    if not value.strip():
        raise EnvkitError(f"{what} is empty")
    try:
        check_printable(value)
    except UnquotableError as problem:
        raise EnvkitError(f"{what} cannot stand in a recipe: {problem}") from None


def check_place(path: str, platform: str) -> None:
    """Refuse a folder whose programs no shell would find; raise `EnvkitError` (usage)."""
    separator = ";" if platform.startswith("win") else ":"
    if separator in path:
        raise EnvkitError(
            f"an environment cannot lie in `{path}`: {separator} parts the folders of PATH from each other",
            hint="name another: `--path torch`",
        )


def _check_conda_name(name: str) -> None:
    if name in ("base", "root"):
        raise EnvkitError(f"`{name}` is conda's own environment", hint="give the new one another name")
    forbidden = sorted(set(name) & set("/\\ :#"))
    if forbidden:
        raise EnvkitError(
            f"a conda environment's name cannot hold {forbidden[0]!r}",
            hint="give a folder with `--path` for one outside conda's own",
        )
    # The folders "." and ".." are conda's own; what is left would be an option, or a home, to `conda activate`.
    if name in (".", "..") or name.startswith(("-", "~")):
        raise EnvkitError(f"a conda environment cannot be called `{name}`", hint="name another: `--name torch`")


def _check_index(url: str) -> None:
    _check_writable("--index", url)
    if not _INDEX.fullmatch(url):
        raise EnvkitError(
            f"--index is no http, https or file URL: `{redacted(url)}`",
            hint="for example https://mirror.example/whl/cpu; a folder is file:///path/to/it",
        )
    if holds_credentials(url):
        raise EnvkitError(
            "--index holds credentials, and the recipe would spread them",
            hint="keep them where pip looks for them: ~/.netrc, or a keyring",
        )
