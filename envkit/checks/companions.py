"""Do the packages that are built for one torch release stand beside that release?"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from envkit import reading
from envkit.checks.backend_extensions import FailedExtension, failed_extension, start_without
from envkit.checks.damage import describe_damage, library_is_harmed
from envkit.checks.fixes import as_installed, backend_there, conda, in_target, install_torch, pip
from envkit.checks.requirements import required, version_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.matrix.versions import minor, public
from envkit.snapshot import Distribution, Snapshot

_BY_TABLE = ("torchvision", "torchaudio", "torchtext")
"""What has compiled parts of its own, and a release for each of torch's."""

_BREAKS_IMPORT = ("torch-corrupt", "msvc-runtime-missing")


class Misfit(NamedTuple):
    """A package that does not fit the installed torch, and why."""

    installed: Distribution
    why: str
    sure: bool
    """The package itself says so, or torch refuses it; not only a table of what belongs together."""
    mild: bool = False
    """The package just does not know of a release as new as this: as a rule it works."""


def check_companion_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find torchvision, torchaudio, xformers, ... of another torch release, or of another CUDA build."""
    quotes = reading.quotes(snapshot, matrix, "companion-mismatch") + _of_extensions(snapshot, matrix)
    if snapshot.taken_at:
        quotes = ()  # a live run imports torch alone: what that says is of no package beside it
    misfits = tuple(misfits_of(snapshot, matrix))
    failed = failed_extension(snapshot)
    if failed:
        return _failed(snapshot, failed, misfits)
    if not quotes and not misfits:
        return None
    torch, installed = reading.installed_torch(snapshot), reading.packages(snapshot)
    complete = installed is not None and installed.complete
    sure = bool(quotes) or any((one.sure or complete) and not one.mild for one in misfits)
    return Finding(
        code="companion-mismatch",
        severity=Severity.ERROR if sure else Severity.WARNING,
        summary=f"{misfits[0].installed.name} does not fit the installed torch"
        if misfits
        else "a package that is built for another torch is used with this one",
        cause=misfits[0].why
        if misfits
        else "its compiled part asks torch's libraries for what this release, or this build, does not have",
        expected="packages that are built for the installed torch release and its CUDA",
        facts=(
            *((torch.fact,) if torch else ()),
            *(Fact(one.installed.name, one.installed.version, one.installed.metadata) for one in misfits),
            *quotes,
        ),
        fix=_fitting(snapshot, matrix, misfits, quotes),
        explains=_BREAKS_IMPORT,
    )


def _failed(snapshot: Snapshot, failed: FailedExtension, misfits: tuple[Misfit, ...]) -> Finding:
    """An extension that torch loads at its import, and that ends it: for another torch, or without what it needs."""
    torch = reading.installed_torch(snapshot)
    misfit = next((one for one in misfits if one.installed is failed.installed), None)
    broken = f"`import torch` loads {failed.name} (an entry point of torch.backends), and that fails"
    return Finding(
        code="companion-mismatch",
        severity=Severity.ERROR,
        summary=f"{failed.name} does not fit the installed torch, which loads it at its import"
        if misfit
        else f"{failed.name}, which torch loads at its import, fails",
        cause=f"{misfit.why}; {broken}" if misfit else f"{broken}: {failed.why}" if failed.why else broken,
        expected=f"a {failed.name} that is made for the installed torch and finds its libraries, or none",
        facts=(*((torch.fact,) if torch else ()), *failed.facts),
        fix=start_without(snapshot, failed, misfit=misfit is not None),
        explains=_BREAKS_IMPORT,
    )


def _of_extensions(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """A CUDA library that is missed beside a torch without CUDA is missed by somebody else's extension."""
    torch, live = reading.installed_torch(snapshot), reading.runtime(snapshot)
    if torch is None or torch.cuda != "" or (live is not None and live.error):
        return ()
    return reading.quotes(snapshot, matrix, "nvidia-wheels-mismatch")


def misfits_of(snapshot: Snapshot, matrix: Matrix) -> Iterator[Misfit]:
    """Yield every installed package that does not fit the installed torch, the surest reasons first."""
    torch, installed = reading.installed_torch(snapshot), reading.packages(snapshot)
    if torch is None or installed is None:
        return
    seen = set[str]()
    for misfit in _torch_s_own_pins(snapshot):
        seen.add(misfit.installed.name)
        yield misfit
    for reason in (_by_requirement, _by_build, _by_files, _by_release):
        for one in installed.distributions:
            if one.name in seen or one.name in ("torch", "pytorch"):
                continue
            why = reason(snapshot, one, torch, matrix)
            if why:
                seen.add(one.name)
                mild = reason is _by_requirement and _is_cautious(snapshot, one, torch)
                yield Misfit(one, why, reason is not _by_release, mild)


_PINNED = (
    *("triton", "triton-rocm", "triton-xpu"),
    *("pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu"),
)


def _torch_s_own_pins(snapshot: Snapshot) -> Iterator[Misfit]:
    """Triton is made for torch: torch's own metadata names the release that its compiler calls."""
    installed = reading.packages(snapshot)
    for torch in reading.imported_torch(snapshot) if installed else ():
        for wanted in required(snapshot, torch.requires, _PINNED.__contains__):
            for one in installed.named(wanted.name) if installed else ():
                version = version_of(one.version)
                if version and not wanted.specifier.contains(version, prereleases=True):
                    why = f"torch {torch.version} needs {wanted.name}{wanted.specifier}, and {one.version} is installed"
                    yield Misfit(one, why, sure=True)


def _by_requirement(
    snapshot: Snapshot, one: Distribution, torch: reading.InstalledTorch, _matrix: Matrix
) -> str | None:
    """What the package's own metadata asks of torch."""
    for wanted in required(snapshot, one.requires, lambda name: name == "torch"):
        version = version_of(torch.version)
        if version and wanted.specifier and not wanted.specifier.contains(version, prereleases=True):
            return f"{one.name} {one.version} asks for torch{wanted.specifier}, and torch {torch.version} is installed"
    return None


def _is_cautious(snapshot: Snapshot, one: Distribution, torch: reading.InstalledTorch) -> bool:
    """Say whether a package without compiled parts for torch that are known here only rules out what is newer."""
    version = version_of(torch.version)
    violated = [
        limit
        for wanted in required(snapshot, one.requires, lambda name: name == "torch")
        for limit in wanted.specifier
        if version and not limit.contains(version, prereleases=True)
    ]
    return one.name not in _BY_TABLE and all(limit.operator in ("<", "<=", "!=") for limit in violated)


def _by_build(_snapshot: Snapshot, one: Distribution, torch: reading.InstalledTorch, _matrix: Matrix) -> str | None:
    """What the local part of its version, "+cu121", says that it is built for."""
    local = one.version.partition("+")[2]
    if one.name not in _BY_TABLE or not local.startswith(("cu", "cpu", "rocm")) or torch.cuda is None:
        return None
    mine = "rocm" if torch.hip else backend_of(torch.cuda) if torch.cuda else "cpu"
    theirs = "rocm" if local.startswith("rocm") else local
    if mine == theirs or one.name == "torchtext":
        return None
    return f"{one.name} {one.version} is built for {theirs}, and torch {torch.version} for {mine}"


def _by_files(_snapshot: Snapshot, one: Distribution, _torch: reading.InstalledTorch, _matrix: Matrix) -> str | None:
    """Libraries of its own that are gone, or not those that were installed."""
    if one.name not in (*_BY_TABLE, *_PINNED) or one.damage is None or not library_is_harmed(one.damage):
        return None
    return f"{describe_damage(one.damage, f'{one.name} {one.version}')}: {', '.join(one.damage.examples)}"


def _by_release(_snapshot: Snapshot, one: Distribution, torch: reading.InstalledTorch, matrix: Matrix) -> str | None:
    """What the table of releases that belong together says; another patch release is no fault."""
    expected = matrix.torch.companion(torch.version, one.name) if one.name in _BY_TABLE else None
    if expected is None or minor(public(one.version)) == minor(expected) or version_of(one.version) is None:
        return None
    return f"{one.name} {expected} belongs to torch {public(torch.version)}, and {one.version} is installed"


class _Wanted(NamedTuple):
    """What is to be installed beside torch."""

    companions: tuple[str, ...]
    """By name: the table of releases says which belongs to a torch."""
    exact: tuple[str, ...]
    """Requirements that torch's own metadata, or what is installed and damaged, names."""
    others: tuple[str, ...]
    """Built for another torch, and nobody here knows which release of it is for this one."""


def _fitting(snapshot: Snapshot, matrix: Matrix, misfits: tuple[Misfit, ...], quotes: tuple[Fact, ...]) -> Fix:
    torch = reading.installed_torch(snapshot)
    wanted = _wanted(snapshot, matrix, misfits, quotes)
    if torch is None or not (wanted.companions or wanted.exact):
        return Fix(
            summary="install the release that fits the installed torch",
            commands=(pip(snapshot, "check"),),
            steps=(_built_anew(wanted.others),),
        )
    fix = _beside(snapshot, matrix, torch, wanted, misfits)
    return msgspec.structs.replace(fix, steps=(*fix.steps, _built_anew(wanted.others))) if wanted.others else fix


def _built_anew(others: tuple[str, ...]) -> str:
    return (
        f"{', '.join(others) or 'an extension (flash-attn, xformers, mmcv, ...)'}: install the release that names this "
        "torch, or build it again with `pip install --no-build-isolation --no-cache-dir --force-reinstall PACKAGE`"
    )


def _wanted(snapshot: Snapshot, matrix: Matrix, misfits: tuple[Misfit, ...], quotes: tuple[Fact, ...]) -> _Wanted:
    torch, copies = reading.installed_torch(snapshot), reading.imported_torch(snapshot)
    told = " ".join(fact.value for fact in quotes)
    names = [one.installed.name for one in misfits] or [name for name in _BY_TABLE if name in told]
    companions = tuple(name for name in names if torch and matrix.torch.companion(torch.version, name))
    pins = {
        pin.name: str(pin.specifier)
        for copy in copies
        for pin in required(snapshot, copy.requires, _PINNED.__contains__)
    }
    exact = {
        one.installed.name: one.installed.name + (pins.get(one.installed.name) or f"=={one.installed.version}")
        for one in misfits
        if one.installed.name in _PINNED
    }
    others = tuple(name for name in names if name not in companions and name not in exact)
    return _Wanted(companions, tuple(exact.values()), others)


def _beside(
    snapshot: Snapshot, matrix: Matrix, torch: reading.InstalledTorch, wanted: _Wanted, misfits: tuple[Misfit, ...]
) -> Fix:
    """Bring what belongs to the torch that is there, which stays where it works."""
    target = reading.interpreter(snapshot)
    of_another = any(one.installer == "conda" for one in reading.torch_distributions(snapshot))
    if of_another or not _works(snapshot) or (target is not None and target.externally_managed):
        together = "install torch and what belongs to it together"
        return install_torch(
            snapshot, matrix, together, torch=torch.version, reinstall=True, companions=wanted.companions
        )
    named = ", ".join((*wanted.companions, *wanted.exact))
    summary = f"install what belongs to torch {torch.version}, which stays: {named}"
    from_conda = [one.installed.name for one in misfits if one.installed.installer == "conda"]
    installs = _installs(snapshot, matrix, torch, wanted)
    if installs is None:
        # The machine is not known well enough to say which build; pip finds what belongs to this torch.
        pins = (f"{name}=={matrix.torch.companion(torch.version, name)}" for name in wanted.companions)
        return Fix(
            summary=f"install what belongs to torch {public(torch.version)}, from the index that it came from",
            commands=(pip(snapshot, "install", f"torch=={public(torch.version)}", *pins, *wanted.exact),),
        )
    fix = in_target(snapshot, summary, *installs)
    if not from_conda:
        return fix
    # pip would lay its files over conda's.
    removal = conda(snapshot, "remove", "--force", *from_conda)
    return Fix(summary=fix.summary, commands=(removal, *fix.commands), steps=fix.steps)


def _works(snapshot: Snapshot) -> bool:
    """Say whether nothing is known against the torch that is there."""
    live = reading.runtime(snapshot)
    copies = reading.imported_torch(snapshot)
    harmed = any(copy.damage and (copy.damage.missing or copy.damage.altered) for copy in copies)
    return not harmed and (live is None or (live.error is None and not live.died_of))


def _installs(
    snapshot: Snapshot, matrix: Matrix, torch: reading.InstalledTorch, wanted: _Wanted
) -> tuple[tuple[str, ...], ...] | None:
    # Only a fault needs a plan.
    from envkit.planning.beside import Stays, installs_beside

    platform = reading.platform(snapshot)
    stays = Stays(as_installed(snapshot, torch), backend_there(torch), platform or "")
    return installs_beside(stays, wanted.companions, wanted.exact, matrix)


CHECKS = (check_companion_mismatch,)
