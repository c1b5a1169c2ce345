"""Is there a wheel of torch for this Python, its bits, and this system?"""

import msgspec

from envkit import reading
from envkit.checks.fixes import quoted
from envkit.checks.interpreter import NOT_INSTALLED
from envkit.errors import EnvkitError
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import minor, numbers, public
from envkit.snapshot import Host, Interpreter, Refusal, Snapshot, Unknown


def check_python_supported(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a Python that is too old or too new for the torch installed, asked for, or any torch worth installing."""
    live, target = reading.runtime(snapshot), reading.interpreter(snapshot)
    if live is not None and live.version and not snapshot.refusals:
        # It imports, so it is supported, whatever a table says; only a part of it may have a limit of its own.
        return _said_unsupported(snapshot, matrix)
    refusal = _refused(snapshot)
    if refusal and _offers_nothing(refusal, matrix) and reading.quotes(snapshot, matrix, "network-index"):
        return None  # what could not be reached has nothing to offer
    told = _by_refusal(refusal, snapshot, matrix) if refusal else _by_table(target, snapshot, matrix)
    if told is None:
        return None if refusal else _said_unsupported(snapshot, matrix)
    wanted, why = told
    pythons = matrix.torch.pythons(wanted)
    here = minor(target.version) if target else ""
    return Finding(
        code="python-unsupported",
        severity=Severity.ERROR,
        summary=f"torch {wanted} does not run on this Python",
        cause=why,
        expected=f"CPython {pythons[0]} to {pythons[-1]}" if pythons else "a CPython that the release has wheels for",
        facts=(
            *((Fact("Python", f"{target.implementation} {target.version}", target.executable),) if target else ()),
            *((Fact("said", refusal.text, "installer"),) if refusal else ()),
            *(_end_of_life(here, matrix) if here else ()),
            *(_last_release(target, snapshot, matrix) if target else ()),
        ),
        fix=_another_python(snapshot, matrix, wanted),
        explains=NOT_INSTALLED,
        counts_with="" if refusal or reading.installed_torch(snapshot) else "torch-missing",
    )


def _by_table(target: Interpreter | None, snapshot: Snapshot, matrix: Matrix) -> tuple[str, str] | None:
    """The release in question and why this Python does not fit it, by the table of wheels."""
    wanted = _torch_in_question(snapshot, matrix) if target else None
    if target is None or wanted is None:
        return None
    pythons, here = matrix.torch.pythons(wanted), minor(target.version)
    if not reading.wheel_python(target):
        return wanted, f"torch has wheels for CPython only, and this is {target.implementation}"
    if not pythons or here in pythons or _newer_release_has(here, wanted, snapshot, matrix):
        return None
    return wanted, _wrong_side(here, wanted, pythons)


def _wrong_side(here: str, wanted: str, pythons: tuple[str, ...]) -> str:
    side = "old" if numbers(here) < numbers(pythons[0]) else "new"
    return f"Python {here} is too {side} for torch {wanted}, which has wheels for {pythons[0]} to {pythons[-1]}"


def _refused(snapshot: Snapshot) -> Refusal | None:
    """The refused install of torch, or of what comes with it; the one that tells most."""
    ours = [one for one in snapshot.refusals if one.name in ("torch", "torchvision", "torchaudio")]
    return max(ours, key=lambda one: (one.name == "torch", bool(one.version), one.offered is not None), default=None)


def _by_refusal(refusal: Refusal, snapshot: Snapshot, matrix: Matrix) -> tuple[str, str] | None:
    """What an installer's refusal tells of the Python; None where the index or the system is to blame."""
    target, asked = reading.interpreter(snapshot), public(refusal.version)
    wanted = asked if refusal.name == "torch" and asked else matrix.torch.tested
    pythons = _pythons_here(wanted, snapshot, matrix)
    here = minor(target.version) if target else ""
    if target and pythons and here not in pythons and refusal.name == "torch":
        return wanted, _wrong_side(here, wanted, pythons)
    offered = sorted((numbers(one) for one in refusal.offered or ()), key=tuple)
    offered = [one for one in offered if one >= numbers(matrix.torch.releases()[0])] or offered
    if refusal.offered is None or not refusal.version or not offered:
        # Nothing at all fits this interpreter; for a Python that has wheels, its system is not among theirs.
        return None if target and here in pythons else (wanted, "the index has no wheel of torch for this interpreter")
    least, most = offered[0], offered[-1]
    if numbers(asked) < least:
        return wanted, (
            f"torch {asked} is asked for, and the oldest release that the index has for this Python is "
            f"{'.'.join(map(str, least))}: this Python is too new for it"
        )
    if numbers(asked) > most:
        return wanted, (
            f"torch {asked} is asked for, and the newest release that the index has for this Python is "
            f"{'.'.join(map(str, most))}: this Python is too old for it"
        )
    return None


_SYSTEM_NAMES = {"windows": "win", "macos": "macos", "linux": "linux"}


def _pythons_here(torch: str, snapshot: Snapshot, matrix: Matrix) -> tuple[str, ...]:
    """The Pythons that a release has wheels for on this system, as far as the system is known."""
    platform, system = reading.platform(snapshot), _SYSTEM_NAMES.get(reading.system(snapshot), "")
    builds = matrix.torch.builds(torch=public(torch), platform=platform)
    by_platform: dict[str, set[str]] = {}
    for build in builds:
        if build.default_index and build.platform.startswith(system):
            by_platform.setdefault(build.platform, set()).update(build.pythons)
    # On a system that is not told, what some have and others lack is in doubt.
    everywhere = set.intersection(*by_platform.values()) if by_platform else set()
    return tuple(sorted((python for python in everywhere if not python.endswith("t")), key=numbers))


def _said_unsupported(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """A part of torch, or an installer, that itself names the Python as the reason."""
    quotes = reading.quotes(snapshot, matrix, "python-unsupported")
    target = reading.interpreter(snapshot)
    if not quotes or (snapshot.refusals and _by_platform(snapshot, matrix)) or _index_is_in_question(snapshot, matrix):
        return None
    return Finding(
        code="python-unsupported",
        severity=Severity.ERROR,
        summary="what is asked for does not run on this Python",
        cause=quotes[0].value,
        expected="a Python that the release supports",
        facts=(*quotes, *((Fact("Python", target.version, target.executable),) if target else ())),
        fix=_another_python(snapshot, matrix, matrix.torch.tested),
        explains=NOT_INSTALLED,
    )


def _index_is_in_question(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether an index was not reached, or answered with releases for this very Python."""
    offers = any(
        "(from versions: " in one.text and "(from versions: none" not in one.text for one in reading.said(snapshot)
    )
    return not snapshot.refusals and (offers or bool(reading.quotes(snapshot, matrix, "network-index")))


def _torch_in_question(snapshot: Snapshot, matrix: Matrix) -> str | None:
    """The installed release, else the one that would be; None where a torch may be there whose release is unknown."""
    installed, listed = reading.installed_torch(snapshot), reading.packages(snapshot)
    if installed:
        return public(installed.version)
    module = listed.module("torch") if listed else None
    # In a report of long ago, what would be installed today is not in question.
    if listed is None or not listed.complete or (module and module.origin):
        return None
    return _would_be_installed(snapshot, matrix)


def _would_be_installed(snapshot: Snapshot, matrix: Matrix) -> str:
    """The release that envkit would choose for this machine with a Python that fits it."""
    # Only a target without torch needs a plan.
    from envkit.planning.decide import plan
    from envkit.planning.model import Request

    open_choice = msgspec.structs.replace(snapshot, target=Unknown(why="any will do"))
    try:
        return plan(Request(any_python=True), open_choice, matrix).torch
    except EnvkitError:
        return matrix.torch.tested


def _newer_release_has(python: str, torch: str, snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether a later release has wheels for a Python: then it is torch that is too old, not Python.

    Where none is installed, so has one that is new enough to be taken.
    """
    since = torch if reading.installed_torch(snapshot) else min(torch, matrix.torch.tested, key=numbers)
    builds = matrix.torch.builds(platform=reading.platform(snapshot), python=python)
    return any(numbers(build.torch) >= numbers(since) for build in builds)


def _end_of_life(python: str, matrix: Matrix) -> tuple[Fact, ...]:
    month = matrix.pythons.end_of_life(python)
    return (Fact(f"end of life of Python {python}", month, "matrix"),) if month else ()


def _last_release(target: Interpreter, snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    builds = matrix.torch.builds(platform=reading.platform(snapshot), python=reading.wheel_python(target))
    return (Fact("newest torch for this Python", builds[-1].torch if builds else "none", "matrix"),)


def _usual_python(matrix: Matrix, torch: str = "") -> str:
    """A Python that a release has wheels for: neither the oldest nor the newest."""
    pythons = matrix.torch.pythons(torch) or matrix.torch.pythons(matrix.torch.tested)
    return pythons[len(pythons) // 2]


def _another_python(snapshot: Snapshot, matrix: Matrix, torch: str) -> Fix:
    middle = _usual_python(matrix, torch)
    return Fix(
        summary=f"make an environment with another Python, {middle} for one",
        commands=(quoted(snapshot, "envkit", "create", "--python", middle, "--apply", ".venv"),),
        steps=(
            f"if there is no Python {middle} here, `uv python install {middle}` gets one without touching the system",
        ),
    )


def check_bits(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a 32-bit interpreter."""
    target = reading.interpreter(snapshot)
    quotes = reading.quotes(snapshot, matrix, "python-32bit")
    by_elimination = _only_bits_left(snapshot, matrix)
    if not (target is not None and target.bits == 32) and not quotes and not by_elimination:
        return None
    facts = quotes or ((Fact("bits", str(target.bits), target.executable),) if target else ())
    return Finding(
        code="python-32bit",
        severity=Severity.ERROR,
        summary="this Python is a 32-bit program",
        cause="torch has no wheels for 32-bit interpreters, on any system"
        + ("; this Python and Windows have wheels in 64 bit, and the index offers it none" if by_elimination else ""),
        expected="a 64-bit Python",
        facts=facts,
        fix=Fix(
            summary="install a 64-bit Python and make the environment with it",
            commands=(f"winget install Python.Python.{_usual_python(matrix)}",)
            if reading.system(snapshot) == "windows"
            else (),
            steps=("`python -c \"import struct; print(struct.calcsize('P') * 8)\"` then says 64",),
        ),
        explains=(*NOT_INSTALLED, "python-unsupported", "platform-no-wheel"),
        counts_with="" if quotes or by_elimination or reading.installed_torch(snapshot) else "torch-missing",
    )


def _only_bits_left(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether the index offers nothing to a Python that has wheels on Windows, where it is of 64 bit."""
    refusal, target = _refused(snapshot), reading.interpreter(snapshot)
    if refusal is None or target is None or reading.system(snapshot) != "windows" or refusal.offered is None:
        return False
    if reading.platform(snapshot) not in (None, "win-amd64") or reading.quotes(snapshot, matrix, "network-index"):
        return False
    has = matrix.torch.builds(platform="win-amd64", python=minor(target.version))
    asked = public(refusal.version)
    return _offers_nothing(refusal, matrix) and any(not asked or build.torch == asked for build in has)


def _offers_nothing(refusal: Refusal, matrix: Matrix) -> bool:
    """Say whether the index has no wheel for this interpreter: the source archives of long ago are for any."""
    first = numbers(matrix.torch.releases()[0])
    return all(numbers(one) < first for one in refusal.offered or ())


def check_platform(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a system that no torch wheel is made for, or none of the release that was asked for."""
    machine, target = reading.host(snapshot), reading.interpreter(snapshot)
    told = bool(_refused(snapshot) or reading.quotes(snapshot, matrix, "platform-no-wheel"))
    if told:
        why = _by_platform(snapshot, matrix)
    elif (
        machine is None
        or not machine.os
        or machine.arch is None
        or reading.platform(snapshot)
        or reading.installed_torch(snapshot)
    ):
        return None
    else:
        why = _no_wheel_at_all(machine, target)
    if why is None:
        return None
    return Finding(
        code="platform-no-wheel",
        severity=Severity.ERROR,
        summary=f"no torch wheel{_asked(snapshot)} is made for this system",
        cause=why,
        facts=(
            Fact("platform", _tag(target) or reading.platform(snapshot) or "unknown", "sysconfig"),
            *reading.quotes(snapshot, matrix, "platform-no-wheel"),
        ),
        fix=_other_platform(snapshot, matrix),
        explains=NOT_INSTALLED,
        counts_with="" if told else "torch-missing",
    )


def _asked(snapshot: Snapshot) -> str:
    refusal = _refused(snapshot)
    return f" of what is asked for, {refusal.name} {refusal.version}," if refusal and refusal.version else ""


def _no_wheel_at_all(machine: Host, target: Interpreter | None) -> str:
    libc = f", {reading.libc_of(machine, target)}" if machine.os == "linux" else ""
    return (
        f"there are wheels for glibc Linux (x86_64, aarch64), macOS and Windows; this is {machine.os} "
        f"{machine.arch or ''}{libc}"
    )


def _by_platform(snapshot: Snapshot, matrix: Matrix) -> str | None:
    """Why a refused install fits no wheel of this system; None where the Python or the index is to blame."""
    machine, target, refusal = reading.host(snapshot), reading.interpreter(snapshot), _refused(snapshot)
    if machine is not None and (reading.libc_of(machine, target) or "").startswith("musl"):
        return _no_wheel_at_all(machine, target)
    if machine is not None and machine.os and machine.arch and reading.platform(snapshot) is None:
        return _no_wheel_at_all(machine, target)
    if refusal is None:
        quotes = reading.quotes(snapshot, matrix, "platform-no-wheel")
        return quotes[0].value if quotes else None
    platform, asked = reading.platform(snapshot) if machine else None, public(refusal.version)
    if machine is not None and machine.os == "macos" and platform is None:
        platform = _intel_mac(refusal, matrix)
    if platform and not asked and not any(build.default_index for build in matrix.torch.builds(platform=platform)):
        return f"the default index has no torch wheel for {platform}; PyTorch's own may have some"
    here = reading.python_minor(snapshot)
    if not platform and asked and refusal.offered is None and here in _pythons_here(asked, snapshot, matrix):
        return f"torch {asked} has wheels for Python {here}, so it is this system that it has none for"
    foreign = _foreign_build(refusal, snapshot, matrix)
    if foreign or not platform or not asked or not matrix.torch.builds(torch=asked):
        return foreign
    if matrix.torch.builds(torch=asked, platform=platform):
        return None
    newest = matrix.torch.builds(platform=platform)
    last = f"; the last release that has one is {newest[-1].torch}" if newest else ""
    return f"torch {asked} has no wheel for {platform}{last}"


def _foreign_build(refusal: Refusal, snapshot: Snapshot, matrix: Matrix) -> str | None:
    """Why a build that is asked for by its local version, as "+cu121", is made for other systems alone."""
    asked, _, local = refusal.version.partition("+")
    here = reading.platform(snapshot) or _SYSTEM_NAMES.get(reading.system(snapshot))
    systems = sorted({build.platform for build in matrix.torch.builds(torch=asked) if build.backend == local})
    if refusal.name != "torch" or not here or not systems or any(one.startswith(here) for one in systems):
        return None
    return f"the {local} build of torch {asked} is made for {', '.join(systems)}, not for {here}"


def _intel_mac(refusal: Refusal, matrix: Matrix) -> str | None:
    """On a Mac whose processor is not told: a release with wheels for Apple silicon alone was refused by another."""
    asked = public(refusal.version)
    if asked in map(public, refusal.offered or ()):
        return None
    platforms = {build.platform for build in matrix.torch.builds(torch=asked) if build.platform.startswith("macos")}
    return "macos-x86_64" if platforms == {"macos-arm64"} else None


def _other_platform(snapshot: Snapshot, matrix: Matrix) -> Fix:
    platform = reading.platform(snapshot)
    newest = matrix.torch.builds(platform=platform) if platform else ()
    elsewhere = "use a container or machine with glibc Linux on x86_64 or aarch64"
    refusal = _refused(snapshot)
    if refusal and "+" in refusal.version and public(refusal.version) in map(public, refusal.offered or ()):
        # The release is here, in another build.
        asked, _, local = refusal.version.partition("+")
        return Fix(summary=f"ask for {refusal.name}=={asked} without the +{local}, in requirements files too")
    if reading.system(snapshot) == "macos":
        newest = newest or matrix.torch.builds(platform="macos-x86_64")
        elsewhere = "newer releases need a Mac with Apple silicon, and a Python that is built for it"
    if not newest:
        return Fix(summary=elsewhere)
    return Fix(summary=f"take torch {newest[-1].torch}, the last release for this system", steps=(elsewhere,))


def _tag(target: Interpreter | None) -> str:
    return target.platform_tag if target else ""


CHECKS = (check_bits, check_platform, check_python_supported)
