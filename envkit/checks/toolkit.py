"""Can extensions with CUDA code be built for this torch: the CUDA toolkit, and the compiler of the host?"""

import re
from collections.abc import Iterable

from envkit import reading
from envkit.checks.fixes import conda, pip
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import minor, numbers
from envkit.snapshot import EnvironmentKind, Snapshot

_FAILED_BUILD = (
    "Error compiling objects for extension",
    "Error building extension",
    "ninja: build stopped",
    "Failed building wheel",
    "Failed to build",
    "Compiling the CUDA compiler identification source file",
    "failed with exit status",
    "failed with exit code",
)
"""What setuptools, ninja and pip say when a build has failed, whatever of."""


def _severity(snapshot: Snapshot, quotes: tuple[Fact, ...]) -> Severity | None:
    """A fault where a build has failed of it; who names a toolkit is about to build; to others it is nothing."""
    if quotes:
        return Severity.ERROR
    return Severity.WARNING if snapshot.toolkit.cuda_home and not snapshot.pasted else None


# -- nvcc against torch -----------------------------------------------------------------------------

_ARCHITECTURE = re.compile(r"'(?:compute|sm)_(\d{2,3})[af]?'")


def check_toolkit_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an nvcc of another major release than torch's CUDA, or one that cannot make code for the GPU."""
    quotes = reading.quotes(snapshot, matrix, "toolkit-mismatch")
    torch, nvcc = reading.installed_torch(snapshot), snapshot.toolkit.nvcc
    cuda = torch.cuda if torch else None
    differ = bool(nvcc and cuda) and numbers(nvcc or "")[:1] != numbers(cuda or "")[:1]
    if not quotes and not differ:
        return None
    failed = quotes or (_failed_build_facts(snapshot) if differ else ())
    severity = _severity(snapshot, failed)
    if severity is None:
        return None
    asked = next((found[1] for quote in quotes if (found := _ARCHITECTURE.search(quote.value))), None)
    return Finding(
        code="toolkit-mismatch",
        severity=severity,
        summary="the CUDA compiler cannot make code for this GPU"
        if asked and not differ
        else "the CUDA compiler and torch are of different CUDA releases: extensions cannot be built",
        cause=_why_it_differs(nvcc, cuda, asked if not differ else None, matrix),
        expected=f"an nvcc of CUDA {minor(cuda)}, or at least of the same major release" if cuda else "",
        facts=(*failed, *toolkit_facts(snapshot), *((torch.fact,) if torch else ())),
        fix=_other_toolkit(snapshot, minor(cuda) if cuda and differ else None, nvcc, asked, matrix),
        explains=("compiler-unsupported",) if differ else (),
    )


def _why_it_differs(nvcc: str | None, cuda: str | None, asked: str | None, matrix: Matrix) -> str:
    if asked:
        capability = f"{asked[:-1]}.{asked[-1]}"
        known = matrix.cuda.compiles_for(minor(nvcc)) if nvcc else None
        age = ""
        if known:
            age = ": it is older than the GPU" if numbers(capability) > max(map(numbers, known)) else ": it dropped it"
        return f"nvcc {nvcc or 'of another release'} makes no code for compute capability {capability}{age}"
    if nvcc and cuda:
        return (
            f"nvcc is of CUDA {minor(nvcc)}, torch is built for CUDA {cuda}: torch.utils.cpp_extension and what "
            "follows it refuse to build when the major releases differ"
        )
    return "the nvcc that is found first is of another CUDA release than the one that torch is built for"


def _other_toolkit(snapshot: Snapshot, release: str | None, nvcc: str | None, asked: str | None, matrix: Matrix) -> Fix:
    """The toolkit of torch's own release, or a torch of the toolkit's."""
    if release is None and asked:
        able = [one for one in matrix.cuda.releases() if _makes(matrix, one, asked)]
        steps = (f"a CUDA toolkit that can: {able[0]} to {able[-1]}, of torch's major release",) if able else ()
        older = "or name an older architecture that the GPU runs too, in TORCH_CUDA_ARCH_LIST: it then makes PTX"
        return Fix(summary="build with an nvcc that knows this GPU", steps=(*steps, older))
    fix = install_toolkit(snapshot, release)
    other = f"or take a torch that is built for CUDA {numbers(nvcc)[0]}: `envkit create` says which" if nvcc else ""
    return Fix(
        summary=f"build with the toolkit of CUDA {release}" if release else "build with the toolkit of torch's CUDA",
        commands=fix.commands,
        steps=(*fix.steps, *((other,) if other else ())),
    )


def _makes(matrix: Matrix, release: str, asked: str) -> bool:
    return f"{asked[:-1]}.{asked[-1]}" in (matrix.cuda.compiles_for(release) or ())


def install_toolkit(snapshot: Snapshot, release: str | None) -> Fix:
    """Return how the toolkit of a CUDA release comes here: the compiler alone, no driver with it."""
    target, machine, shell = reading.interpreter(snapshot), reading.host(snapshot), shell_of(snapshot)
    named = release or "VERSION"
    which = "" if release else 'VERSION is what `python -c "import torch; print(torch.version.cuda)"` prints'
    more = (which,) if which else ()
    if target is not None and target.kind is EnvironmentKind.CONDA:
        command = conda(snapshot, "install", "-c", f"nvidia/label/cuda-{named}.0", "cuda-toolkit")
        return Fix(summary="install it into the conda environment", commands=(command,), steps=more)
    if machine is not None and machine.os == "windows":
        folder = rf"C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v{named}"
        steps = (f"install CUDA toolkit {named} from NVIDIA's archive, without its driver", *more)
        return Fix(summary="install it beside others", commands=(shell.set({"CUDA_HOME": folder}),), steps=steps)
    if machine is not None and machine.container:
        steps = ("use an image that holds the compiler: of pytorch/pytorch and nvidia/cuda those with `devel`", *more)
        return Fix(summary="take another image", steps=steps)
    steps = (
        f"install CUDA toolkit {named} from NVIDIA's archive (the runfile with `--toolkit` takes no driver)",
        *more,
    )
    folder = f"/usr/local/cuda-{named}"
    commands = (shell.set({"CUDA_HOME": folder}), shell.prepend_path(f"{folder}/bin"))
    return Fix(summary="install it beside others", commands=commands, steps=steps)


def toolkit_facts(snapshot: Snapshot) -> Iterable[Fact]:
    """Yield what is known of the tools."""
    tools = snapshot.toolkit
    known = (("nvcc", tools.nvcc), ("CUDA_HOME", tools.cuda_home), ("gcc", tools.gcc), ("g++", tools.gxx))
    return tuple(Fact(name, value or "not there", "toolkit") for name, value in known if value is not None)


def _failed_build_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    failed = (one for one in reading.said(snapshot) if any(mark in one.text for mark in _FAILED_BUILD))
    return tuple(Fact("said", reading.first_line(one.text), one.source) for one in failed)[:1]


# -- no nvcc ----------------------------------------------------------------------------------------


def check_toolkit_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a build that needs nvcc where there is none, or a CUDA_HOME that leads to none."""
    quotes = reading.quotes(snapshot, matrix, "toolkit-missing")
    tools = snapshot.toolkit
    astray = tools.nvcc == "" and bool(tools.cuda_home) and not snapshot.pasted
    if not quotes and not astray:
        return None
    torch = reading.installed_torch(snapshot)
    release = minor(torch.cuda) if torch and torch.cuda else None
    fix = install_toolkit(snapshot, release)
    wheel = "or install a wheel of that extension that fits this Python, torch and CUDA: it spares the build"
    return Finding(
        code="toolkit-missing",
        severity=Severity.ERROR if quotes else Severity.WARNING,
        summary="building this needs NVIDIA's CUDA compiler, and there is none"
        if quotes
        else "CUDA_HOME leads to a folder without the CUDA compiler",
        cause=f"CUDA_HOME is {tools.cuda_home} and holds no bin/nvcc"
        if astray
        else "neither CUDA_HOME nor PATH leads to an nvcc; torch's own CUDA libraries do not include the compiler",
        expected=f"nvcc of CUDA {release}" if release else "an nvcc of the CUDA release that torch is built for",
        facts=(*quotes, *toolkit_facts(snapshot), *((torch.fact,) if torch else ())),
        fix=Fix(
            summary=f"install the CUDA toolkit{f' {release}' if release else ''}, which is not the driver",
            commands=fix.commands,
            steps=(*fix.steps, wheel),
        ),
        explains=("compiler-unsupported",),
    )


# -- the host's compiler ----------------------------------------------------------------------------


def check_compiler_unsupported(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that the host's C++ compiler is missing, or newer than this nvcc takes."""
    quotes = reading.quotes(snapshot, matrix, "compiler-unsupported")
    tools = snapshot.toolkit
    newest = matrix.compilers.newest_gcc(tools.nvcc) if tools.nvcc else None
    too_new = bool(newest and tools.gcc) and numbers(tools.gcc or "")[0:1] > (newest,)
    if not quotes and not too_new:
        return None
    failed = quotes or (_failed_build_facts(snapshot) if too_new else ())
    severity = _severity(snapshot, failed)
    if severity is None:
        return None
    return Finding(
        code="compiler-unsupported",
        severity=severity,
        summary="the compiler of this system cannot build the extension",
        cause=f"gcc is {tools.gcc}; nvcc {tools.nvcc} takes none newer than {newest}"
        if too_new
        else _compiler_cause(quotes),
        expected=f"gcc {newest} or older" if newest and too_new else "",
        facts=(*failed, *toolkit_facts(snapshot)),
        fix=_other_compiler(snapshot, newest if too_new else None, quotes),
    )


_NEWER_THAN = re.compile(r"later than (\d{1,2}(?:\.\d)?)|gcc (\d{1,2}\.\d) and up")
_KINDS = (
    (("unsupported GNU", "unsupported clang", "unsupported Microsoft", "maximum required"), "newer than nvcc takes"),
    (("ABI-incompatible", "minimum required", "C++14", "C++17", "-std=c++"), "older than this torch needs"),
    (("Python.h",), "there, and the headers of this Python are not"),
    (("Ninja is required",), "there, and `ninja`, which drives it, is not"),
)


def _compiler_cause(quotes: tuple[Fact, ...]) -> str:
    told = " ".join(quote.value for quote in quotes)
    kind = next((kind for marks, kind in _KINDS if any(mark in told for mark in marks)), "missing or not found")
    return f"the host's C++ compiler is {kind}"


def _other_compiler(snapshot: Snapshot, newest: int | None, quotes: tuple[Fact, ...]) -> Fix:
    """The compiler that was named as the newest one, from where this host gets its programs."""
    target, machine = reading.interpreter(snapshot), reading.host(snapshot)
    told = " ".join(quote.value for quote in quotes)
    limit = _NEWER_THAN.search(told)
    version = str(newest) if newest else (limit[1] or "") if limit else ""
    if "Ninja is required" in told:
        return Fix(summary="install ninja", commands=(pip(snapshot, "install", "ninja"),))
    if machine is not None and machine.os == "windows":
        return Fix(summary="give the build a compiler that fits", steps=_VISUAL_STUDIO)
    if target is not None and target.kind is EnvironmentKind.CONDA:
        command = conda(snapshot, "install", "-c", "conda-forge", f"gxx={version}" if version else "gxx")
        return Fix(summary="install a compiler that fits into the conda environment", commands=(command,))
    if "Python.h" in told:
        return Fix(summary="install the headers of this Python", steps=_HEADERS)
    if not version.isdigit():
        return Fix(summary="give the build a compiler", steps=("install gcc and g++ from the system's packages",))
    return Fix(
        summary="give the build a compiler that fits",
        commands=(
            shell_of(snapshot).set({"CC": f"gcc-{version}", "CXX": f"g++-{version}", "CUDAHOSTCXX": f"g++-{version}"}),
        ),
        steps=(
            f"install gcc-{version} and g++-{version} from the system's packages",
            "or build with a newer CUDA toolkit of the same major release",
        ),
    )


_VISUAL_STUDIO = (
    "install the Visual Studio Build Tools with the C++ workload, of a year that this CUDA toolkit takes",
    "build in their `x64 Native Tools` prompt, so that cl.exe is found",
)
_HEADERS = ("install the system's package of Python's headers: python3-dev (Debian, Ubuntu), python3-devel (Fedora)",)


CHECKS = (check_toolkit_missing, check_toolkit_mismatch, check_compiler_unsupported)
