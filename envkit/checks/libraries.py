"""Do the libraries that torch loads fit it and each other?"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from envkit import reading
from envkit.checks.damage import describe_damage, library_is_harmed, record_of
from envkit.checks.fixes import conda, in_target, torch_again, with_rights
from envkit.checks.requirements import required
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers, public
from envkit.snapshot import LoadedLibrary, Snapshot


def check_libc_too_old(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a C or C++ library older than the wheel was built against."""
    quotes = reading.quotes(snapshot, matrix, "libc-too-old") or _older_than_wheel(snapshot, matrix)
    if not quotes:
        return None
    return Finding(
        code="libc-too-old",
        severity=Severity.ERROR,
        summary="the C or C++ library of this system is older than what was installed needs",
        cause="the loader finds no such symbol version in the glibc or libstdc++ that is loaded",
        facts=(*quotes, *reading.libc_fact(snapshot)),
        fix=Fix(
            summary="use a newer system, or a container of one: the C library cannot be replaced on its own",
            steps=(f"where it is GLIBCXX or CXXABI and this is conda: `{_newer_libstdcxx(snapshot)}`",),
        ),
        explains=(*_BROKEN_IMPORT, "torch-missing", "platform-no-wheel", "python-unsupported"),
    )


def _newer_libstdcxx(snapshot: Snapshot) -> str:
    return conda(snapshot, "install", "-c", "conda-forge", "libstdcxx-ng")


_BROKEN_IMPORT = ("torch-corrupt",)


def _older_than_wheel(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """The glibc that the wheel in question needs, where the system's is older and torch was not imported."""
    live, machine, platform = reading.runtime(snapshot), reading.host(snapshot), reading.platform(snapshot)
    if machine is None or platform is None or (live is not None and live.version):
        return ()
    name, _, here = (reading.libc_of(machine, reading.interpreter(snapshot)) or "").partition(" ")
    torch = reading.installed_torch(snapshot)
    wanted = torch.version if torch else next((one.version for one in snapshot.refusals if one.name == "torch"), "")
    needs = {build.min_glibc for build in matrix.torch.builds(torch=public(wanted), platform=platform)} - {None}
    if name != "glibc" or not here or not wanted or not needs:
        return ()
    least = min((one for one in needs if one), key=numbers)
    if numbers(here) >= numbers(least):
        return ()
    return (Fact(f"torch {public(wanted)}", f"needs glibc {least}, and {here} is here", "matrix"),)


def check_mkl_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an MKL that conda's build of torch cannot use."""
    quotes = reading.quotes(snapshot, matrix, "mkl-mismatch")
    if not quotes:
        return None
    return Finding(
        code="mkl-mismatch",
        severity=Severity.ERROR,
        summary="this torch cannot use the MKL that is installed",
        cause="the MKL beside it is of another release than the build was linked with, or parts of it are missing",
        facts=quotes,
        fix=Fix(
            summary="take the MKL that fits, in the conda environment",
            commands=tuple(conda(snapshot, "install", pin) for pin in _mkl_pins(matrix)),
            steps=("or make the environment anew with one installer: pip's torch has MKL inside",),
        ),
        explains=_BROKEN_IMPORT,
    )


def _mkl_pins(matrix: Matrix) -> tuple[str, ...]:
    """What MKL conda's builds of torch can use."""
    pins = (pin for pins in matrix.torch.pytorch_channel_pins.values() for pin in pins)
    return tuple(dict.fromkeys(pin for pin in pins if pin.startswith("mkl")))


def check_library_path_conflict(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CUDA library that is loaded in the place of the one that torch brings."""
    quotes = reading.quotes(snapshot, matrix, "library-path-conflict")
    broken = _broken_first(snapshot)
    if broken:
        return broken
    loaded = _foreign(snapshot)
    waiting = () if loaded else _waiting(snapshot)
    if not (quotes or loaded or waiting):
        return None
    return Finding(
        code="library-path-conflict",
        # What works is left alone; what only lies in wait may never be loaded.
        severity=Severity.ERROR if quotes or (loaded and not reading.cuda_works(snapshot)) else Severity.WARNING,
        summary="another copy of a library is loaded in the place of the one that torch brings"
        if quotes or loaded
        else "a folder that the loader searches first holds another copy of a library that torch brings",
        cause=f"{loaded[0].name} was loaded from {loaded[0].path}; torch brings its own, {loaded[0].bundled}"
        if loaded
        else "a folder that the loader searches first holds a library of the same name, as a rule of another release",
        expected="the libraries that torch was built with, from its own folder and the nvidia-* wheels",
        facts=(
            *quotes,
            *(Fact(one.name, one.path, "loaded") for one in loaded),
            *(Fact(PurePosixPath(file).name, file, "LD_LIBRARY_PATH, LD_PRELOAD") for file in waiting),
            *reading.variable_facts(snapshot, "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH"),
        ),
        fix=_search_anew(snapshot),
        passes_for=_BROKEN_IMPORT,
        proven=bool(loaded or waiting),
    )


def _broken_first(snapshot: Snapshot) -> Finding | None:
    """A library over which the import failed, in a folder that the loader searches before torch's own."""
    target, live = reading.interpreter(snapshot), reading.runtime(snapshot)
    told = reading.first_line(f"{live.error.type}: {live.error.message}") if live and live.error else ""
    files = [file for file in (target.loader_first if target else ()) if file in told]
    files += [found[1] for found in _NOT_LOADED.finditer(told) if _is_searched_first(snapshot, found[1])]
    if not files:
        return None
    return Finding(
        code="library-path-conflict",
        severity=Severity.ERROR,
        summary="a library that is searched for before torch's own cannot be loaded",
        cause=f"{files[0]} lies in a folder that the loader searches first, and is no library that it can load: {told}",
        expected="the libraries that torch was built with, from its own folder and the nvidia-* wheels",
        facts=(
            Fact("import torch", told, "live run"),
            *reading.variable_facts(snapshot, "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH"),
        ),
        fix=_search_anew(snapshot),
        passes_for=_BROKEN_IMPORT,
        proven=True,
    )


_NOT_LOADED = re.compile(r"(/[^:\n]+\.so[\d.]*): (?:file too short|invalid ELF header|wrong ELF class)")


def _is_searched_first(snapshot: Snapshot, file: str) -> bool:
    folders = reading.variables(snapshot).get("LD_LIBRARY_PATH", "").split(":")
    return str(PurePosixPath(file).parent) in {folder.rstrip("/") for folder in folders}


def _search_anew(snapshot: Snapshot) -> Fix:
    shell = shell_of(snapshot)
    if reading.system(snapshot) == "windows":
        return Fix(
            summary="take folders with other copies of CUDA's and cuDNN's DLLs out of PATH",
            commands=("where.exe cudnn*.dll cublas*.dll",),
            steps=("a copy in C:\\Windows\\System32 wins over every other: it does not belong there",),
        )
    return Fix(
        summary="start without LD_LIBRARY_PATH and LD_PRELOAD",
        commands=(shell.unset("LD_LIBRARY_PATH", "LD_PRELOAD"),),
        steps=(
            f"they are set in {shell.start_file}, /etc/environment, a module or the image: take the folder out there",
            "what comes from the system's own folders: `ldconfig -p | grep -E 'cudnn|cublas|nccl|nvJitLink'` lists it",
        ),
    )


_OPENMP = ("libiomp", "libomp")


def _foreign(snapshot: Snapshot) -> tuple[LoadedLibrary, ...]:
    """The libraries that were loaded from elsewhere than from where torch brings them.

    An OpenMP runtime in the place of another does no harm; two beside each other do.
    """
    live = reading.runtime(snapshot)
    loaded = (one for one in (live.libraries if live else None) or () if not one.name.startswith(_OPENMP))
    return tuple(one for one in loaded if one.bundled and one.bundled != one.path)


def _waiting(snapshot: Snapshot) -> tuple[str, ...]:
    """Libraries in the variables' folders that torch brings too, and which may yet be loaded in their place.

    cuDNN and others load their parts on first use.
    """
    target, live = reading.interpreter(snapshot), reading.runtime(snapshot)
    if target is None or reading.cuda_works(snapshot):
        return ()
    settled = {one.name for one in (live.libraries if live else None) or () if one.bundled == one.path}
    return tuple(file for file in target.loader_first if PurePosixPath(file).name not in settled)


def check_openmp_duplicate(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find several OpenMP runtimes in one process."""
    quotes = reading.quotes(snapshot, matrix, "openmp-duplicate") or _crash_beside(snapshot)
    twice = _openmp_twice(snapshot)
    if not quotes and not twice:
        return None
    live = reading.runtime(snapshot)
    works = live is not None and live.stage == "done"
    return Finding(
        code="openmp-duplicate",
        severity=Severity.ERROR if quotes or not works else Severity.WARNING,
        summary="two OpenMP runtimes were loaded into one process",
        cause="packages of different origin each bring their own: as a rule conda's and pip's in one environment",
        expected="one OpenMP runtime of Intel's or LLVM's family in a process",
        facts=(*quotes, *(Fact("OpenMP runtime", one.path, "loaded") for one in twice)),
        fix=Fix(
            summary="keep one OpenMP runtime: install numpy and torch with the same installer",
            steps=("KMP_DUPLICATE_LIB_OK=TRUE only hides it: results may be wrong",),
        ),
        passes_for=_BROKEN_IMPORT,
        proven=bool(twice),
    )


_BRINGS_OPENMP = ("lightgbm", "xgboost", "faiss")
"""What on macOS takes an OpenMP runtime of Homebrew's, or its own, beside torch's."""
_CRASHES = ("segmentation fault", "sigsegv", "exit code 139")


def _crash_beside(snapshot: Snapshot) -> tuple[Fact, ...]:
    """A crash on macOS, in a report that has torch in one process with what brings another OpenMP."""
    installed = reading.packages(snapshot)
    names = [one.name for one in installed.distributions] if installed else []
    told = [one for one in reading.said(snapshot) if any(mark in one.text.lower() for mark in _CRASHES)]
    words = " ".join((*names, *(one.text.lower() for one in told)))
    if reading.system(snapshot) != "macos" or "torch" not in words or not any(map(words.__contains__, _BRINGS_OPENMP)):
        return ()
    return tuple(Fact("said", reading.first_line(one.text), one.source) for one in told[:1])


def _openmp_twice(snapshot: Snapshot) -> tuple[LoadedLibrary, ...]:
    """The runtimes of Intel's and LLVM's family, which abort beside each other; GNU's do not mind."""
    live = reading.runtime(snapshot)
    kmp = tuple(one for one in (live.libraries if live else None) or () if one.name.startswith(_OPENMP))
    return kmp if len(kmp) > 1 else ()


def check_msvc_runtime_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a DLL of Microsoft's that is not on this Windows."""
    quotes = reading.quotes(snapshot, matrix, "msvc-runtime-missing")
    if not quotes:
        return None
    return Finding(
        code="msvc-runtime-missing",
        severity=Severity.ERROR,
        summary="a DLL that torch needs is missing on this Windows",
        cause="torch's DLLs need Microsoft's Visual C++ runtime, which Windows does not bring",
        facts=quotes,
        fix=Fix(
            summary="install Microsoft's Visual C++ redistributable",
            commands=("winget install Microsoft.VCRedist.2015+.x64",),
        ),
        explains=_BROKEN_IMPORT,
    )


def check_nvidia_wheels_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find nvidia-* wheels that are missing, or of another release than torch pins."""
    torch, live = reading.installed_torch(snapshot), reading.runtime(snapshot)
    # What is missed beside a torch without CUDA that can be imported, is missed by somebody else's extension.
    others = torch is not None and torch.cuda == "" and not (live and live.error)
    quotes = () if others else reading.quotes(snapshot, matrix, "nvidia-wheels-mismatch")
    twice = _two_majors(snapshot)
    # Two that unpack into one folder harm each other by that.
    unmet = (*_unmet_pins(snapshot), *(() if twice else _harmed_wheels(snapshot)))
    if not (quotes or unmet or twice):
        return None
    return Finding(
        code="nvidia-wheels-mismatch",
        # Another release than the pinned one may work: a GPU in use is left alone.
        severity=Severity.WARNING if not quotes and (twice or reading.cuda_works(snapshot)) else Severity.ERROR,
        summary="a CUDA library that torch pins is missing, damaged or of another release",
        cause=unmet[0].value
        if unmet
        else f"{' and '.join(twice)} write their files into one folder, over each other"
        if twice
        else f"the nvidia-* wheels beside torch are not those that it was installed with: {quotes[0].value}",
        expected="the nvidia-* wheels that the metadata of torch names",
        facts=(
            *quotes,
            *unmet,
            *(Fact("installed", name, "metadata on disk") for name in twice),
            *((torch.fact,) if torch else ()),
        ),
        fix=_wheels_anew(snapshot, matrix, twice, tuple(fact.what for fact in unmet)),
        explains=_BROKEN_IMPORT,
    )


def _wheels_anew(snapshot: Snapshot, matrix: Matrix, twice: tuple[str, ...], names: tuple[str, ...]) -> Fix:
    """Bring the wheels that torch's own metadata pins, those names alone; where it does not tell them, torch too."""
    doubled = tuple(name.partition(" ")[0] for name in twice)
    before = (("uninstall", "--yes", *doubled),) if twice else ()
    copies = [copy for copy in reading.imported_torch(snapshot) if copy.name == "torch" and copy.installer != "conda"]
    pins = required(snapshot, copies[0].requires if copies else (), lambda name: name.startswith("nvidia-"))
    pinned = {wanted.name: f"{wanted.name}{wanted.specifier}" for wanted in pins}
    meant = [pinned[name] for name in pinned if name in (*names, *doubled)]
    wheels = tuple(meant or pinned.values())
    target = reading.interpreter(snapshot)
    if not wheels or target is None or target.externally_managed:
        return torch_again(snapshot, matrix, "install it again with all it needs", before=before)
    alone = ("install", "--force-reinstall", "--no-deps", *wheels)
    return in_target(snapshot, "install the wheels again that torch pins; torch itself stays", *before, alone)


def _unmet_pins(snapshot: Snapshot) -> Iterator[Fact]:
    """What the metadata of the imported torch asks of the nvidia-* wheels, and is not so."""
    installed = reading.packages(snapshot)
    copies = [copy for copy in reading.imported_torch(snapshot) if copy.name == "torch" and copy.installer != "conda"]
    if installed is None or not copies:
        return
    for wanted in required(snapshot, copies[0].requires, lambda name: name.startswith("nvidia-")):
        found = installed.named(wanted.name)
        if not found and installed.complete:
            yield Fact(
                wanted.name,
                f"torch {copies[0].version} needs {wanted.name}{wanted.specifier}, which is not installed",
                "metadata on disk",
            )
        elif found and not any(wanted.specifier.contains(one.version, prereleases=True) for one in found):
            yield Fact(
                wanted.name,
                f"torch {copies[0].version} needs {wanted.name}{wanted.specifier}, and {found[0].version} is installed",
                found[0].metadata,
            )


def _harmed_wheels(snapshot: Snapshot) -> Iterator[Fact]:
    installed = reading.packages(snapshot)
    for one in installed.distributions if installed else ():
        if one.name.startswith("nvidia-") and one.damage and library_is_harmed(one.damage):
            told = f"{describe_damage(one.damage, f'{one.name} {one.version}')}: {', '.join(one.damage.examples)}"
            yield Fact(one.name, told, record_of(one))


_ONE_FOLDER = re.compile(r"(nvidia-(?:cudnn|nccl|cusparselt|nvshmem))-cu\d+")


def _two_majors(snapshot: Snapshot) -> tuple[str, ...]:
    """The wheels of one library for two CUDA releases, where both unpack into the same folder."""
    installed = reading.packages(snapshot)
    found = [
        (match[1], one)
        for one in (installed.distributions if installed else ())
        if (match := _ONE_FOLDER.fullmatch(one.name))
    ]
    repeated = {library for library, count in Counter(library for library, _ in found).items() if count > 1}
    return tuple(f"{one.name} {one.version}" for library, one in found if library in repeated)


def check_unexplained_import(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an import of torch that raises what no other check explains: the last resort."""
    live = reading.runtime(snapshot)
    if live is None or live.error is None:
        return None
    told = reading.first_line(f"{live.error.type}: {live.error.message.strip()}")
    installed, copies = reading.installed_torch(snapshot), reading.imported_torch(snapshot)
    again = torch_again(snapshot, matrix, "install it again with all it needs")
    whole = any(copy.damage and not (copy.damage.missing or copy.damage.altered) for copy in copies)
    if whole:
        again = _as_it_was_installed(snapshot, again)
    return Finding(
        code="torch-corrupt",
        severity=Severity.ERROR,
        summary="torch is installed and cannot be imported",
        cause=f"`import torch` fails: {told}",
        expected="an import that succeeds",
        facts=(Fact("import torch", told, "live run"), *((installed.fact,) if installed else ())),
        fix=with_rights(snapshot, again, told, copies[0].site if copies else ""),
    )


def _as_it_was_installed(snapshot: Snapshot, again: Fix) -> Fix:
    """Files that are all in place need not come again: that is for its user to decide, after what else it may be."""
    set_here = tuple(name for name in reading.variables(snapshot) if name.startswith(("TORCH_", "PYTORCH_")))
    off = (shell_of(snapshot).unset(*set_here),) if set_here else ()
    step = "its files are those that were installed: what they run into may lie outside; `--deep` compares every byte"
    first = f"first start without {', '.join(set_here)}; if that does not help, {again.summary}"
    return Fix(summary=first if off else again.summary, commands=(*off, *again.commands), steps=(step, *again.steps))


CHECKS = (
    check_libc_too_old,
    check_mkl_mismatch,
    check_library_path_conflict,
    check_openmp_duplicate,
    check_msvc_runtime_missing,
    check_nvidia_wheels_mismatch,
)
LAST_RESORT = (check_unexplained_import,)
