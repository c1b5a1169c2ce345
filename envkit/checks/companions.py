"""Do the packages that are built for one torch release stand beside that release?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from envkit import reading
from envkit.checks.damage import describe_damage, library_is_harmed
from envkit.checks.fixes import install_torch, pip
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.matrix.versions import minor, public
from envkit.snapshot import Distribution, Snapshot

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.version import Version

_BY_TABLE = ("torchvision", "torchaudio", "torchtext")
"""What has compiled parts of its own, and a release for each of torch's."""

_BREAKS_IMPORT = ("torch-corrupt", "msvc-runtime-missing")


class Misfit(NamedTuple):
    """A package that does not fit the installed torch, and why."""

    installed: Distribution
    why: str
    sure: bool
    """The package itself says so, or torch refuses it; not only a table of what belongs together."""


def check_companion_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find torchvision, torchaudio, xformers, ... of another torch release, or of another CUDA build."""
    quotes = reading.quotes(snapshot, matrix, "companion-mismatch") + _of_extensions(snapshot, matrix)
    if snapshot.taken_at:
        quotes = ()  # a live run imports torch alone: what that says is of no package beside it
    misfits = tuple(misfits_of(snapshot, matrix))
    if not quotes and not misfits:
        return None
    torch, installed = reading.installed_torch(snapshot), reading.packages(snapshot)
    complete = installed is not None and installed.complete
    sure = bool(quotes) or any(one.sure for one in misfits) or complete
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
        fix=_fitting(snapshot, matrix, misfits),
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
            why = reason(one, torch, matrix)
            if why:
                seen.add(one.name)
                yield Misfit(one, why, reason is not _by_release)


_PINNED = ("triton", "pytorch-triton", "pytorch-triton-rocm")


def _torch_s_own_pins(snapshot: Snapshot) -> Iterator[Misfit]:
    """Triton is made for torch: torch's own metadata names the release that its compiler calls."""
    installed = reading.packages(snapshot)
    for torch in reading.imported_torch(snapshot):
        for line in torch.requires or ():
            wanted = _requirement(line, *_PINNED)
            if wanted is None or installed is None:
                continue
            for one in installed.named(wanted.name):
                version = _version(one.version)
                if version and not wanted.specifier.contains(version, prereleases=True):
                    why = f"torch {torch.version} needs {wanted.name}{wanted.specifier}, and {one.version} is installed"
                    yield Misfit(one, why, sure=True)


def _by_requirement(one: Distribution, torch: reading.InstalledTorch, _matrix: Matrix) -> str | None:
    """What the package's own metadata asks of torch."""
    for line in one.requires or ():
        wanted = _requirement(line, "torch")
        if wanted is None or (wanted.marker and "extra" in str(wanted.marker)):
            continue
        version = _version(torch.version)
        if version and wanted.specifier and not wanted.specifier.contains(version, prereleases=True):
            return f"{one.name} {one.version} asks for torch{wanted.specifier}, and torch {torch.version} is installed"
    return None


# `packaging` takes a tenth of a quick run to be imported, and most environments ask it nothing: only here.


def _requirement(line: str, *names: str) -> "Requirement | None":
    """Return what a line of metadata asks for, None where that is nothing of these names."""
    if not line.startswith(names):
        return None
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return None
    return wanted if wanted.name in names else None


def _version(text: str) -> "Version | None":
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def _by_build(one: Distribution, torch: reading.InstalledTorch, _matrix: Matrix) -> str | None:
    """What the local part of its version, "+cu121", says that it is built for."""
    local = one.version.partition("+")[2]
    if one.name not in _BY_TABLE or not local.startswith(("cu", "cpu", "rocm")) or torch.cuda is None:
        return None
    mine = "rocm" if torch.hip else backend_of(torch.cuda) if torch.cuda else "cpu"
    theirs = "rocm" if local.startswith("rocm") else local
    if mine == theirs or one.name == "torchtext":
        return None
    return f"{one.name} {one.version} is built for {theirs}, and torch {torch.version} for {mine}"


def _by_files(one: Distribution, _torch: reading.InstalledTorch, _matrix: Matrix) -> str | None:
    """Libraries of its own that are gone, or not those that were installed."""
    if one.name not in (*_BY_TABLE, *_PINNED) or one.damage is None or not library_is_harmed(one.damage):
        return None
    return f"{describe_damage(one.damage, f'{one.name} {one.version}')}: {', '.join(one.damage.examples)}"


def _by_release(one: Distribution, torch: reading.InstalledTorch, matrix: Matrix) -> str | None:
    """What the table of releases that belong together says; another patch release is no fault."""
    expected = matrix.torch.companion(torch.version, one.name) if one.name in _BY_TABLE else None
    if expected is None or minor(public(one.version)) == minor(expected) or _version(one.version) is None:
        return None
    return f"{one.name} {expected} belongs to torch {public(torch.version)}, and {one.version} is installed"


def _fitting(snapshot: Snapshot, matrix: Matrix, misfits: tuple[Misfit, ...]) -> Fix:
    torch = reading.installed_torch(snapshot)
    by_table = [one for one in misfits if torch and matrix.torch.companion(torch.version, one.installed.name)]
    others = tuple(one.installed.name for one in misfits if one not in by_table)
    step = (
        f"{', '.join(others) or 'an extension (flash-attn, xformers, mmcv, ...)'}: install the release that names this "
        "torch, or build it again with `pip install --no-build-isolation --no-cache-dir --force-reinstall PACKAGE`"
    )
    if torch and (by_table or not misfits):
        again = install_torch(
            snapshot, matrix, "install torch and what belongs to it together", torch=torch.version, reinstall=True
        )
        if again.commands or not by_table:
            return Fix(summary=again.summary, commands=again.commands, steps=(*again.steps, step))
        # The machine is not known well enough for a plan; what belongs to this torch is.
        wanted = [
            f"{one.installed.name}=={matrix.torch.companion(torch.version, one.installed.name)}" for one in by_table
        ]
        return Fix(
            summary=f"install what belongs to torch {public(torch.version)}, from the index that it came from",
            commands=(pip(snapshot, "install", f"torch=={public(torch.version)}", *wanted),),
        )
    return Fix(
        summary="install the release that fits the installed torch",
        commands=(pip(snapshot, "check"),),
        steps=(step,),
    )


CHECKS = (check_companion_mismatch,)
