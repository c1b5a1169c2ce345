"""Do the libraries that torch loads fit it and each other?"""

from envkit import reading
from envkit.checks.damage import damage_facts, describe_damage
from envkit.checks.fixes import in_target, install_torch
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Snapshot


def check_libc_too_old(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a C or C++ library older than the wheel was built against."""
    quotes = reading.quotes(snapshot, matrix, "libc-too-old")
    if not quotes:
        return None
    return Finding(
        code="libc-too-old",
        severity=Severity.ERROR,
        summary="the C or C++ library of this system is older than what was installed needs",
        cause="the loader finds no such symbol version in the system's glibc or libstdc++",
        facts=(*quotes, *reading.libc_fact(snapshot)),
        fix=Fix(
            summary="use a newer system, or a container of one: the C library cannot be replaced on its own",
            steps=("where it is GLIBCXX or CXXABI and this is conda: `conda install -c conda-forge libstdcxx-ng`",),
        ),
        explains=_BROKEN_IMPORT,
    )


_BROKEN_IMPORT = ("torch-corrupt",)


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
        fix=Fix(summary="take the MKL that fits, in the conda environment", commands=("conda install 'mkl<2024.1'",)),
        explains=_BROKEN_IMPORT,
    )


def check_library_path_conflict(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CUDA library that is loaded in the place of the one that torch brings."""
    quotes = reading.quotes(snapshot, matrix, "library-path-conflict")
    if not quotes:
        return None
    return Finding(
        code="library-path-conflict",
        severity=Severity.ERROR,
        summary="another copy of a library is loaded in the place of the one that torch brings",
        cause="a folder that the loader searches first holds a library of the same name and another release",
        facts=(*quotes, *reading.variable_facts(snapshot, "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH")),
        fix=Fix(summary="try without LD_LIBRARY_PATH and LD_PRELOAD", commands=("unset LD_LIBRARY_PATH LD_PRELOAD",)),
        explains=_BROKEN_IMPORT,
    )


def check_openmp_duplicate(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find several OpenMP runtimes in one process."""
    quotes = reading.quotes(snapshot, matrix, "openmp-duplicate")
    if not quotes:
        return None
    return Finding(
        code="openmp-duplicate",
        severity=Severity.ERROR,
        summary="two OpenMP runtimes were loaded into one process",
        cause="packages of different origin each bring their own: as a rule conda's and pip's in one environment",
        facts=quotes,
        fix=Fix(
            summary="keep one OpenMP runtime: install numpy and torch with the same installer",
            steps=("KMP_DUPLICATE_LIB_OK=TRUE only hides it: results may be wrong",),
        ),
        explains=_BROKEN_IMPORT,
    )


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
    quotes = reading.quotes(snapshot, matrix, "nvidia-wheels-mismatch")
    if not quotes:
        return None
    torch = reading.installed_torch(snapshot)
    return Finding(
        code="nvidia-wheels-mismatch",
        severity=Severity.ERROR,
        summary="a CUDA library that torch pins is missing or of another release",
        cause="the nvidia-* wheels beside torch are not those that it was installed with",
        facts=(*quotes, *((torch.fact,) if torch else ())),
        fix=install_torch(
            snapshot,
            matrix,
            "install it again with all it needs",
            torch=torch.version if torch else None,
            reinstall=True,
        ),
        explains=_BROKEN_IMPORT,
    )


def check_numpy_abi(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a NumPy that torch or what stands beside it cannot work with, or whose files are gone."""
    installed = reading.packages(snapshot)
    harmed = [copy for copy in (installed.named("numpy") if installed else ()) if copy.damage and copy.damage.missing]
    quotes = reading.quotes(snapshot, matrix, "numpy-abi")
    install: tuple[str, ...]
    if harmed and harmed[0].damage and reading.installed_torch(snapshot):
        cause, facts = describe_damage(harmed[0].damage, "NumPy"), damage_facts(harmed[0].damage)
        install = ("install", "--force-reinstall", "--no-deps", f"numpy=={harmed[0].version}")
    elif quotes:
        cause, facts = "something here was built against NumPy 1 and NumPy 2 is installed, or NumPy is missing", quotes
        install = ("install", "numpy<2")
    else:
        return None
    return Finding(
        code="numpy-abi",
        severity=Severity.ERROR,
        summary="torch and the NumPy here do not work together",
        cause=cause,
        facts=(*(Fact("numpy", copy.version, copy.metadata) for copy in harmed), *facts),
        fix=in_target(snapshot, "install a NumPy that fits", install),
        explains=_BROKEN_IMPORT,
    )


def check_unexplained_import(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an import of torch that raises what no other check explains: the last resort."""
    live = reading.runtime(snapshot)
    if live is None or live.error is None:
        return None
    told = reading.first_line(f"{live.error.type}: {live.error.message}")
    installed = reading.installed_torch(snapshot)
    return Finding(
        code="torch-corrupt",
        severity=Severity.ERROR,
        summary="torch is installed and cannot be imported",
        cause=f"`import torch` fails: {told}",
        expected="an import that succeeds",
        facts=(Fact("import torch", told, "live run"), *((installed.fact,) if installed else ())),
        fix=install_torch(
            snapshot,
            matrix,
            "install it again with all it needs",
            torch=installed.version if installed else None,
            reinstall=True,
        ),
    )


CHECKS = (
    check_libc_too_old,
    check_mkl_mismatch,
    check_library_path_conflict,
    check_openmp_duplicate,
    check_msvc_runtime_missing,
    check_nvidia_wheels_mismatch,
    check_numpy_abi,
)
LAST_RESORT = (check_unexplained_import,)
