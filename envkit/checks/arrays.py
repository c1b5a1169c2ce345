"""Does the NumPy beside torch work with it, and is it whole?"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from envkit import reading
from envkit.checks.damage import damage_facts, describe_damage, library_is_harmed
from envkit.checks.fixes import in_target, install, is_from_conda
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers
from envkit.snapshot import Distribution, EnvironmentKind, RunEnd, Snapshot

_NAMES = ("numpy", "numpy-base")
"""conda's default channel keeps the files of NumPy in a package beside it."""


class _Trouble(NamedTuple):
    """What is wrong, and the way out."""

    summary: str
    cause: str
    facts: tuple[Fact, ...]
    fix: Fix
    severity: Severity = Severity.ERROR
    proven: bool = False
    """Its files, or its release, show it."""


_APART = "torch and the NumPy here do not work together"
_DAMAGED = "the installed NumPy is damaged"


def check_numpy_abi(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a NumPy that torch or what stands beside it cannot work with, or whose files are gone."""
    copies = _copies(snapshot)
    quotes = reading.quotes(snapshot, matrix, "numpy-abi")
    trouble = (
        _harmed(snapshot, copies)
        or _unowned(snapshot, matrix, quotes)
        or _too_new(snapshot, matrix, copies, quotes)
        or (_told(snapshot, matrix, copies, quotes) if quotes else None)
    )
    if trouble is None:
        return None
    return Finding(
        code="numpy-abi",
        severity=trouble.severity,
        summary=trouble.summary,
        cause=trouble.cause,
        facts=(*(Fact(copy.name, copy.version, copy.metadata) for copy in copies), *trouble.facts),
        fix=trouble.fix,
        passes_for=("torch-corrupt",),
        proven=trouble.proven,
    )


def _copies(snapshot: Snapshot) -> tuple[Distribution, ...]:
    """The NumPy that is imported, as its metadata tells: what pip laid over conda's leaves conda's record behind."""
    installed = reading.packages(snapshot)
    found = tuple(copy for name in _NAMES for copy in (installed.named(name) if installed else ()))
    return tuple(copy for copy in found if copy.installer != "conda") or found


# -- files of it are gone -----------------------------------------------------------------------


def _harmed(snapshot: Snapshot, copies: tuple[Distribution, ...]) -> _Trouble | None:
    harmed = [copy for copy in copies if copy.damage and (copy.damage.missing or library_is_harmed(copy.damage))]
    if not harmed or harmed[0].damage is None or reading.installed_torch(snapshot) is None:
        return None
    one, harm = harmed[0], harmed[0].damage
    fix = _again(snapshot, f"{one.name}=={one.version}", (one,))
    if harm.altered and is_from_conda((one,)):
        # The file in conda's cache of packages is the same one: a hard link.
        step = "what was altered in its place is altered in conda's cache too: `conda clean --packages` empties that"
        fix = msgspec.structs.replace(fix, steps=(*fix.steps, step))
    return _Trouble(_DAMAGED, describe_damage(harm, "NumPy"), damage_facts(one), fix, proven=True)


def _again(snapshot: Snapshot, requirement: str, over: tuple[Distribution, ...]) -> Fix:
    return install(snapshot, "install NumPy again, in the release that is there", requirement, over=over, again=True)


def _unowned(snapshot: Snapshot, matrix: Matrix, quotes: tuple[Fact, ...]) -> _Trouble | None:
    """A package folder that no metadata belongs to: pip was stopped over it."""
    installed = reading.packages(snapshot)
    module = installed.module("numpy") if installed and installed.complete else None
    if installed is None or module is None or module.way_in or reading.installed_torch(snapshot) is None:
        return None
    aside = installed.named("~umpy")
    site = module.entry if module.origin else aside[0].site if aside else ""
    # Where no package of an installer's lies, nobody has installed it.
    if any(map(installed.named, _NAMES)) or site not in {one.site for one in installed.distributions}:
        return None
    live = reading.runtime(snapshot)
    done = live is not None and live.end is RunEnd.FINISHED and live.stage == "done"
    works = done and bool(module.origin) and not quotes
    release = (aside[0].version if aside else "") or module.version
    steps = ("what pip had put aside (~umpy*, beside it) can go when all is well",) if aside else ()
    return _Trouble(
        _DAMAGED,
        "a numpy folder can be imported, and no installed distribution owns it: an install that was cut short"
        if module.origin
        else "pip has put NumPy aside to replace it, and was stopped before it had",
        (Fact("import numpy", module.origin or "nothing is found", "import system"), *quotes),
        _anew(snapshot, site, _fitting(snapshot, matrix, release), steps),
        Severity.WARNING if works else Severity.ERROR,
        proven=True,
    )


def _anew(snapshot: Snapshot, site: str, requirement: str, steps: tuple[str, ...] = ()) -> Fix:
    """Install over nothing: what is left of another release would stay between the new files."""
    target = reading.interpreter(snapshot)
    own = target is not None and target.kind is not EnvironmentKind.SYSTEM and _lies_in(site, target.prefix)
    slash = "\\" if reading.system(snapshot) == "windows" else "/"
    left = tuple(f"{site}{slash}{name}" for name in ("numpy", "numpy.libs")) if own else ()
    summary = "remove what is left of NumPy and install it anew" if own else "install NumPy anew"
    alone = ("install", "--force-reinstall", "--no-deps", requirement)
    return in_target(snapshot, summary, alone, steps=steps, removes=left, over=site)


def _lies_in(folder: str, prefix: str) -> bool:
    return bool(prefix) and folder.startswith((f"{prefix}/", f"{prefix}\\"))


def _fitting(snapshot: Snapshot, matrix: Matrix, release: str = "") -> str:
    """Return the NumPy to install: the release that was there, unless torch cannot use it."""
    limit = "numpy<2" if _takes_2(snapshot, matrix) is False else "numpy"
    if not release:
        return limit
    return limit if limit != "numpy" and numbers(release)[:1] >= (2,) else f"numpy=={release}"


# -- it is of another major release -------------------------------------------------------------


def _takes_2(snapshot: Snapshot, matrix: Matrix) -> bool | None:
    torch, platform = reading.installed_torch(snapshot), reading.platform(snapshot)
    return matrix.torch.numpy2(torch.version, platform) if torch and platform else None


def _too_new(
    snapshot: Snapshot, matrix: Matrix, copies: tuple[Distribution, ...], quotes: tuple[Fact, ...]
) -> _Trouble | None:
    torch = reading.installed_torch(snapshot)
    if torch is None or not copies or numbers(copies[0].version)[:1] < (2,):
        return None
    if _takes_2(snapshot, matrix) is not False:
        return None
    installed = reading.packages(snapshot)
    # A report that complains of something else may never hand a tensor to NumPy.
    severity = Severity.ERROR if quotes or (installed and installed.complete) else Severity.WARNING
    cause = f"torch {torch.version} was built against NumPy 1, and NumPy {copies[0].version} is installed"
    return _Trouble(_APART, cause, quotes, _other(snapshot, "numpy<2", copies), severity, proven=True)


def _other(snapshot: Snapshot, requirement: str, copies: tuple[Distribution, ...]) -> Fix:
    """Install with who brought what is there; where nothing is, with who brought torch."""
    over = copies or reading.torch_distributions(snapshot)
    return install(snapshot, "install a NumPy that fits", requirement, over=over)


# -- what its import says -----------------------------------------------------------------------

_MISSING = re.compile(r"No module named '?numpy'?(?![\w.])")
_PART = re.compile(r"No module named '?numpy\.(\w+)")
_LIBRARY = re.compile(
    r"\S*(?:openblas|numpy)\S*\.(?:so|dylib|dll)\S*: (?:cannot open shared|file too short|invalid ELF)", re.IGNORECASE
)
_HALF = re.compile(r"NumPy cannot be imported whole[^\n]{0,200}|cannot import name '?\w+'? from '?numpy[\w.]*'?")


def _told(snapshot: Snapshot, matrix: Matrix, copies: tuple[Distribution, ...], quotes: tuple[Fact, ...]) -> _Trouble:
    said = [one.text for one in reading.said(snapshot) if matrix.errors.cause_of(one.text) == "numpy-abi"]
    release = copies[0].version if copies else ""
    torn = next(_torn(said, release), None)
    if torn:
        requirement = _fitting(snapshot, matrix, release)
        fix = (
            _again(snapshot, requirement, copies)
            if is_from_conda(copies)
            else _anew(snapshot, copies[0].site if copies else "", requirement)
        )
        return _Trouble(_DAMAGED, f"a part of NumPy itself is not there: {torn}", quotes, fix)
    if any(map(_MISSING.search, said)):
        cause = "torch finds no NumPy, which `Tensor.numpy()` and `torch.from_numpy` need"
        return _Trouble(_APART, cause, quotes, _other(snapshot, _fitting(snapshot, matrix), copies))
    cause = "something here was built against another NumPy than is installed: NumPy 1 beside NumPy 2, as a rule"
    return _Trouble(_APART, cause, quotes, _other(snapshot, "numpy<2", copies))


def _torn(said: list[str], release: str) -> Iterator[str]:
    """Yield what the texts miss of NumPy's own files.

    NumPy 2 calls `_core` what was `core` in NumPy 1: who misses the other's name was made for the other.
    """
    own = {"1": "core", "2": "_core"}.get(release.partition(".")[0], "")
    for text in said:
        part, library = _PART.search(text), _LIBRARY.search(text)
        if part and (part[1] not in ("core", "_core") or part[1] == own):
            yield part[0]
        half = _HALF.search(text)
        for found in filter(None, (library, half)):
            yield found[0]


CHECKS = (check_numpy_abi,)
