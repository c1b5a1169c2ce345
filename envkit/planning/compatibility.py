"""Question x Matrix -> every build of torch that is meant, each with the reason why it does not run, if so."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from envkit.matrix import Matrix
from envkit.matrix.cuda import cuda_of
from envkit.matrix.learned import UNKNOWN
from envkit.matrix.torch_releases import Build
from envkit.matrix.versions import numbers
from envkit.planning.candidates import Candidate, candidates
from envkit.planning.choice import Preference, choose_for, preference
from envkit.planning.constraints import (
    Case,
    build_name,
    first_objection,
    kind_of,
    object_to_backend,
    object_to_release,
    release_of,
    served,
)
from envkit.planning.machine import Machine
from envkit.planning.model import Manager
from envkit.planning.nvidia import Gpu
from envkit.planning.packages import BUILT_PER_BACKEND
from envkit.planning.wishes import Wish

_LEAST: Preference = (0, False, (), (), 0)


class Setting(NamedTuple):
    """A machine that builds are held against, and what of it is left open."""

    machine: Machine
    any_python: bool = False
    """Each build is looked at with a Python of its own."""
    left_open: tuple[str, ...] = ()
    """The kinds of build ("cu", "rocm", "xpu") for which a driver or GPU that is not given is no hindrance."""
    apple: tuple[str, ...] = ()
    """Apple chips, as they were named."""


class Target(msgspec.Struct, frozen=True):
    """A GPU that builds were held against, and what code for it is called: "8.6", "gfx1100"."""

    name: str
    target: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({self.target})"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One build on one platform, held against the setting."""

    torch: str
    backend: str
    """"unknown" where an index lists wheels that do not tell."""
    platform: str
    pythons: tuple[str, ...]
    fits: bool | None
    """Whether it can be installed and will run; None where that is not known."""
    why: str
    """Why it does not fit, in words that follow its name; "" when it does."""
    left_out: tuple[Target, ...]
    """GPUs of the machine that a build which fits has no code for."""
    cuda: str | None
    min_driver: str | None
    """The lowest NVIDIA driver that runs it."""
    archs: tuple[str, ...] | None
    min_glibc: str | None
    min_macos: str | None
    index: str | None
    """None: the index that pip is configured with."""
    channel: str
    """The conda channel, "" for a wheel."""
    numpy2: bool | None
    companions: dict[str, str]
    inferred: bool
    learned: bool

    @property
    def label(self) -> str:
        """The build in a few words."""
        return f"torch {self.torch} ({self.backend})"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows were held against; None stands for any."""

    platforms: tuple[str, ...]
    python: str | None
    end_of_life: str | None
    """Of that Python, "2028-10"."""
    driver: str | None
    gpus: tuple[Target, ...]
    apple: tuple[str, ...]
    no_gpu: str
    """Why no GPU counts, "" where one does or none needs to."""
    left_out: tuple[str, ...]
    """GPUs that do not count beside others that do, and why."""


class Compatibility(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: all builds that are meant, best first."""

    about: About
    rows: tuple[Row, ...]
    chosen: tuple[str, str] | None
    """The release and backend that a plan for this machine takes; None where another machine is meant."""
    why: str
    """Why nothing fits, "" when something does."""

    @property
    def fitting(self) -> tuple[Row, ...]:
        """The builds that can be installed and will run."""
        return tuple(row for row in self.rows if row.fits)


def compare(wish: Wish, settings: tuple[Setting, ...], manager: Manager, matrix: Matrix) -> Compatibility:
    """Hold every build that the wish allows against the settings, one for each platform."""
    found = [
        (preference(option, case), row)
        for setting in settings
        for option, case, row in _rows(Case(wish, setting.machine, matrix), setting, manager)
    ]
    unknown = [(_LEAST, row) for row in _undetermined(wish, settings, manager, matrix)]
    best: dict[str, Preference] = {}
    for rank, row in found:
        if row.fits:
            best[row.torch] = max(best.get(row.torch, _LEAST), rank)
    # Releases by the best that each has to offer, then newest first; in each the best build first.
    ordered = sorted(
        (*found, *unknown),
        key=lambda one: (
            one[1].torch in best,
            best.get(one[1].torch, _LEAST)[:2],
            numbers(one[1].torch),
            bool(one[1].fits),
            one[0],
        ),
        reverse=True,
    )
    rows = tuple(row for _, row in ordered)
    return Compatibility(
        about=_about(settings, matrix),
        rows=rows,
        chosen=_chosen(wish, settings, manager, matrix),
        why="" if any(row.fits for row in rows) else _why(wish, settings, rows, matrix),
    )


def _rows(case: Case, setting: Setting, manager: Manager) -> Iterator[tuple[Candidate, Case, Row]]:
    for option in candidates(case.matrix, manager, setting.machine.platform):
        if object_to_release(option, case) or object_to_backend(option, case):
            continue
        held = case
        if setting.any_python:
            held = held._replace(machine=held.machine._replace(python=option.pythons[-1]))
        if option.backend.startswith(setting.left_open):
            # Asked for by name, a build is not held against what is not known.
            held = held._replace(wish=held.wish._replace(backend=option.backend))
        yield option, held, _row(option, held)


def _row(option: Candidate, case: Case) -> Row:
    cuda, platform = cuda_of(option.backend), case.machine.platform
    _, why = first_objection(option, case)
    torch, gpus = case.matrix.torch, case.machine.gpus
    used = served(option, gpus)
    companions = {name: torch.companion(option.torch, name, option.channel) for name in BUILT_PER_BACKEND}
    return Row(
        torch=option.torch,
        backend=option.backend,
        platform=platform,
        pythons=option.pythons,
        fits=not why,
        why=why,
        left_out=_targets(gpu for gpu in gpus if gpu not in used) if used else (),
        cuda=cuda,
        min_driver=case.matrix.cuda.minimum_driver(cuda, case.machine.driver_os) if cuda else None,
        archs=option.archs,
        min_glibc=option.min_glibc,
        min_macos=option.min_macos,
        index=option.index_url,
        channel=option.channel,
        numpy2=torch.numpy2(option.torch, platform),
        companions={name: release for name, release in companions.items() if release},
        inferred=option.inferred,
        learned=option.torch in torch.learned,
    )


def _targets(gpus: Iterable[Gpu]) -> tuple[Target, ...]:
    return tuple(Target(gpu.name, gpu.capability, gpu.kind) for gpu in gpus)


def _undetermined(wish: Wish, settings: tuple[Setting, ...], manager: Manager, matrix: Matrix) -> Iterator[Row]:
    """Return the learned wheels of which nothing tells what they were built for."""
    if wish.backend or manager is Manager.CONDA:
        return
    for setting in settings:
        for build in matrix.torch.builds(backend=UNKNOWN, platform=setting.machine.platform):
            if wish.torch is None or build.torch in wish.torch:
                yield _undetermined_row(build, setting)


def _undetermined_row(build: Build, setting: Setting) -> Row:
    python = setting.machine.python
    missing = not setting.any_python and python not in build.pythons
    return Row(
        torch=build.torch,
        backend=UNKNOWN,
        platform=build.platform,
        pythons=build.pythons,
        fits=False if missing else None,
        why=f"has no wheel for Python {python}" if missing else "does not tell what it was built for",
        left_out=(),
        cuda=None,
        min_driver=None,
        archs=None,
        min_glibc=build.min_glibc,
        min_macos=None,
        index=None,
        channel="",
        numpy2=None,
        companions={},
        inferred=False,
        learned=True,
    )


def _chosen(wish: Wish, settings: tuple[Setting, ...], manager: Manager, matrix: Matrix) -> tuple[str, str] | None:
    if len(settings) != 1 or settings[0].any_python or settings[0].left_open:
        return None
    best = choose_for(manager, Case(wish, settings[0].machine, matrix))
    return (best.build.torch, best.build.backend) if best else None


def _about(settings: tuple[Setting, ...], matrix: Matrix) -> About:
    first = settings[0]
    nvidia = first.machine.nvidia
    python = None if first.any_python else first.machine.python
    return About(
        platforms=tuple(setting.machine.platform for setting in settings),
        python=python,
        end_of_life=matrix.pythons.end_of_life(python.removesuffix("t")) if python else None,
        driver=nvidia.driver,
        gpus=_targets(first.machine.gpus),
        apple=first.apple,
        no_gpu="" if "cu" in first.left_open or first.machine.gpus else nvidia.lack.why,
        left_out=tuple(
            f"{reason.choice}: {reason.because}" for reason in first.machine.reasons if reason.decides == "gpu"
        ),
    )


def _why(wish: Wish, settings: tuple[Setting, ...], rows: tuple[Row, ...], matrix: Matrix) -> str:
    """Say why nothing fits: what does not exist, else what the closest build lacks."""
    releases = matrix.torch.releases()
    if wish.torch == frozenset():
        return f"there is no torch {wish.torch_asked} among the releases from {releases[0]} to {releases[-1]}"
    where = ", ".join(setting.machine.platform for setting in settings)
    if not rows:
        return "; ".join((_no_such_build(wish, where), *_what_there_is(wish, matrix)))
    pythons = _spread(chain.from_iterable(row.pythons for row in rows))
    lacking = [row for row in rows if "for Python" not in row.why]
    if not lacking:
        told = _named(wish) or "torch"
        return f"{told} has no build for Python {settings[0].machine.python} on {where}; for Python {pythons} it has"
    closest = lacking[0]
    return f"{closest.label} {closest.why}"


def _named(wish: Wish) -> str:
    build = f" with {build_name(wish.backend)}" if wish.backend else ""
    return f"torch{wish.torch_asked and ' '}{wish.torch_asked}{build}" if wish.torch_asked or build else ""


def _no_such_build(wish: Wish, where: str) -> str:
    if not wish.torch_asked:
        return f"no torch release has a build for {build_name(wish.backend)} on {where}"
    build = f" for {build_name(wish.backend)}" if wish.backend else ""
    return f"torch {wish.torch_asked} has no build{build} on {where}"


def _what_there_is(wish: Wish, matrix: Matrix) -> Iterator[str]:
    """Tell which releases have the backend, and which backends the release has."""
    if wish.backend:
        builds = matrix.torch.builds(backend=wish.backend)
        if builds:
            platforms = ", ".join(sorted({build.platform for build in builds}))
            yield f"{build_name(wish.backend)} is in torch {_spread(build.torch for build in builds)} on {platforms}"
        else:
            known = {cuda for build in matrix.torch.builds() if (cuda := cuda_of(build.backend))}
            yield f"torch has builds for CUDA {', '.join(sorted(known, key=numbers))}"
    if wish.torch and len(wish.torch) == 1:
        (torch,) = wish.torch
        backends = {build.backend for build in matrix.torch.builds(torch=torch)}
        if backends:
            ordered = sorted(backends, key=lambda backend: (kind_of(backend), release_of(backend)))
            yield f"torch {torch} has {', '.join(ordered)}"


def _spread(versions: Iterable[str]) -> str:
    ordered = sorted({version for version in versions if not version.endswith("t")}, key=numbers)
    if not ordered:
        return "none"
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
