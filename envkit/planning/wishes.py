"""A request, checked and put into the words that candidates are compared in."""

import re
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envkit.errors import EnvkitError
from envkit.matrix.cuda import backend_of, cuda_of
from envkit.planning.model import Manager, Request
from envkit.planning.quoting import UnquotableError, check_printable

_BARE_VERSION = re.compile(r"\d+(\.\d+)*")
_PYTHON = re.compile(r"\d+\.\d+t?")
_CUDA = re.compile(r"\d+\.\d+")
_INDEX = re.compile(r"(?:https?|file)://[^\s'\"<>`|\\^{}]+")
_CREDENTIALS = re.compile(r"://[^/]*@")


class Wish(NamedTuple):
    """What a candidate must match; None and () leave it open."""

    torch: frozenset[str] | None
    """Every known release that answers to what was asked."""
    torch_asked: str
    """As it was typed."""
    backend: str | None
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
        torch=frozenset(_torch(request.torch).filter(releases)) if request.torch else None,
        torch_asked=request.torch or "",
        backend=_backend(request.cuda) if request.cuda else None,
        packages=tuple(_package(text, request.manager) for text in request.packages),
    )


def _torch(asked: str) -> SpecifierSet:
    if "+" in asked:
        version, _, local = asked.partition("+")
        raise EnvkitError(
            f"`--torch {asked}` names a build, which --cuda chooses",
            hint=f"`--torch {version.lstrip('=')} --cuda {cuda_of(local) or local}`",
        )
    if not _BARE_VERSION.fullmatch(asked):
        try:
            return SpecifierSet(asked)
        except InvalidSpecifier:
            raise EnvkitError(
                f"`{asked}` is neither a version of torch nor a range of them",
                hint='give it as in `--torch 2.5.1` or `--torch ">=2.4"`',
            ) from None
    return SpecifierSet(f"=={asked}" if asked.count(".") >= 2 else f"=={asked}.*")


def _backend(asked: str) -> str | None:
    if asked == "auto":
        return None
    if asked == "cpu" or cuda_of(asked):
        return asked
    if not _CUDA.fullmatch(asked):
        raise EnvkitError(
            f"`{asked}` is no CUDA release",
            hint="give it as in `--cuda 12.1`, or `--cuda cpu`, or `--cuda auto`",
        )
    return backend_of(asked)


def _package(text: str, manager: Manager) -> Requirement:
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
    if manager is Manager.CONDA and (requirement.extras or "~=" in str(requirement.specifier)):
        raise EnvkitError(f"conda cannot express `--with {text}`", hint="give a name and versions: `pandas>=2`")
    return requirement


def _check_writable(what: str, value: str) -> None:
    if not value.strip():
        raise EnvkitError(f"{what} is empty")
    try:
        check_printable(value)
    except UnquotableError as problem:
        raise EnvkitError(f"{what} cannot stand in a recipe: {problem}") from None


def _check_conda_name(name: str) -> None:
    forbidden = sorted(set(name) & set("/\\ :#"))
    if forbidden:
        raise EnvkitError(
            f"a conda environment's name cannot hold {forbidden[0]!r}",
            hint="give a folder with `--path` for one outside conda's own",
        )


def _check_index(url: str) -> None:
    if not _INDEX.fullmatch(url):
        raise EnvkitError("--index is no http, https or file URL")
    if _CREDENTIALS.search(url):
        raise EnvkitError(
            "--index holds credentials, and the recipe would spread them",
            hint="keep them where pip looks for them: ~/.netrc, or a keyring",
        )
