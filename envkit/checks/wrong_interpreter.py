"""Do pip, python, the notebook and the user's own folder belong to one environment?"""

import re

import msgspec

from envkit import reading
from envkit.checks.fixes import conda, install_torch, quoted
from envkit.checks.interpreter import NOT_INSTALLED
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import minor
from envkit.snapshot import EnvironmentKind, Launcher, ModuleOrigin, Packages, Snapshot


def check_interpreter_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that what installs, or a notebook, belongs to another Python than the one that is run."""
    foreign = _of_another_python(snapshot, matrix)
    if foreign:
        return foreign
    found = _two_sessions(snapshot) or _other_pip(snapshot) or _other_kernel(snapshot) or _editor_s(snapshot, matrix)
    if found is None:
        return None
    cause, facts, severity = found
    target = reading.interpreter(snapshot)
    python = target.executable if target else "python"
    return Finding(
        code="interpreter-mismatch",
        severity=severity,
        summary="packages are installed for one Python, and another one is run",
        cause=cause,
        expected="pip, python and the notebook's kernel of one environment",
        facts=facts,
        fix=Fix(
            summary="let the Python that runs your program do the installing",
            commands=(
                quoted(snapshot, python, "-c", "import sys; print(sys.executable)"),
                quoted(snapshot, python, "-m", "pip", "install", "torch"),
            ),
            steps=(
                "run the first command where the program runs: in a notebook as a cell `import sys; sys.executable`",
                "for a notebook: run `python -m ipykernel install --user --name NAME` in the right environment",
            ),
        ),
        explains=("torch-missing", "torch-corrupt", "torch-duplicate", "python-unsupported"),
    )


_FOREIGN = ("module-shadowed", "torch-corrupt", "torch-duplicate", "companion-mismatch", "numpy-abi")


def _of_another_python(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that what is imported was built for another Python: copied, or reached over PYTHONPATH."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    foreign = [
        module
        for module in (installed.modules if installed else ())
        if reading.for_another_python(snapshot, module.name)
    ]
    # A NumPy that lies in the environment itself is the affair of the check of NumPy.
    if target is None or not any(one.name == "torch" or one.way_in for one in foreign):
        return None
    first = foreign[0]
    meant = reading.for_another_python(snapshot, first.name)
    return Finding(
        code="interpreter-mismatch",
        severity=Severity.ERROR,
        summary=f"{first.name} is installed for another Python, {meant}, than the one that is run",
        cause=f"the {first.name} that is imported was built for {meant}, and this is Python {target.version}, which "
        f"cannot load its compiled part; {_came_by(snapshot, first)}",
        expected=f"a {first.name} whose compiled part ends in {target.extension_suffixes[0]}",
        facts=tuple(
            Fact(f"import {one.name}", f"{one.origin} ({', '.join(one.compiled)})", "import system") for one in foreign
        ),
        fix=_for_this_python(snapshot, matrix, first, meant, _named(installed, foreign[1:])),
        explains=_FOREIGN,
    )


def _came_by(snapshot: Snapshot, module: ModuleOrigin) -> str:
    if module.way_in == "PYTHONPATH":
        return "PYTHONPATH names its folder, and every Python sees that"
    if reading.outside(snapshot, module.entry):
        return "its folder is another environment's, and something puts it on the search path here"
    return "the packages of an environment cannot be copied into that of another Python"


def _named(installed: Packages | None, modules: list[ModuleOrigin]) -> tuple[str, ...]:
    """Modules as requirements, in the releases that are there."""
    copies = [installed.named(module.name)[:1] for module in modules] if installed else []
    return tuple(f"{copy.name}=={copy.version}" for found in copies for copy in found)


def _for_this_python(
    snapshot: Snapshot, matrix: Matrix, module: ModuleOrigin, meant: str, beside: tuple[str, ...]
) -> Fix:
    torch = reading.installed_torch(snapshot)
    run = f"or run the program with the Python that {module.entry} belongs to, {meant}"
    if not module.way_in and not reading.outside(snapshot, module.entry):
        release = torch.version if torch else None
        # pip would leave a NumPy of the same release as it is.
        first = (("install", "--force-reinstall", "--no-deps", *beside),) if beside else ()
        again = install_torch(
            snapshot, matrix, "install it for this Python", torch=release, reinstall=True, before=first
        )
        others = "whatever else here has compiled parts is of the other Python too: a new environment is surer, "
        return msgspec.structs.replace(again, steps=(*again.steps, f"{others}`envkit create --apply .venv-new`", run))
    off = _without(snapshot, module.entry) if module.way_in == "PYTHONPATH" else ""
    steps = (run,) if off else (f"take {module.entry} off the search path: a .pth file names it, or PYTHONPATH", run)
    # What the folder hides is this Python's own.
    missing = () if module.otherwise or module.hidden else install_torch(snapshot, matrix, "").commands
    summary = "keep the other Python's folder off the search path"
    return Fix(
        summary=f"{summary}, then install torch for this Python" if missing else summary,
        commands=(*((off,) if off else ()), *missing),
        steps=steps,
    )


def _without(snapshot: Snapshot, folder: str) -> str:
    """Return the command that takes a folder out of PYTHONPATH."""
    separator = ";" if reading.system(snapshot) == "windows" else ":"
    entries = reading.variables(snapshot).get("PYTHONPATH", "").split(separator)
    kept = [entry for entry in entries if entry and entry.rstrip("/\\") != folder.rstrip("/\\")]
    shell = shell_of(snapshot)
    if not kept or len(kept) == len(entries):
        return shell.unset("PYTHONPATH")
    return shell.set({"PYTHONPATH": separator.join(kept)})


_Mismatch = tuple[str, tuple[Fact, ...], Severity]


def _two_sessions(snapshot: Snapshot) -> _Mismatch | None:
    """A report in which torch is missing for one Python and there for another."""
    missing = [one for one in reading.said(snapshot) if _NO_TORCH.search(one.text)]
    if not missing or reading.building(snapshot):
        return None
    torch = reading.installed_torch(snapshot)
    owners = tuple(one for one in reading.launchers(snapshot) if one.has_torch)
    if torch is None and not owners:
        return None
    where = owners[0].path if owners else "another Python of the report"
    version = f" {torch.version}" if torch else ""
    return (
        f"torch{version} is installed for {where}, and the Python that was run has none",
        (Fact("said", reading.first_line(missing[0].text), missing[0].source), *_launcher_facts(snapshot)),
        Severity.ERROR,
    )


_NO_TORCH = re.compile(r"No module named ['\"]?torch['\"]?\s*$", re.MULTILINE)


def _launcher_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    return tuple(
        Fact(one.program, f"{one.path}{f' (Python {one.version})' if one.version else ''}", "report or PATH")
        for one in reading.launchers(snapshot)
    )


def _other_pip(snapshot: Snapshot) -> _Mismatch | None:
    """The `pip` that is typed installs elsewhere than the `python` that is typed imports from."""
    pythons = [one for one in reading.launchers(snapshot) if one.program == "python"]
    for one in (one for one in reading.launchers(snapshot) if one.program == "pip"):
        python = next((each for each in pythons if _elsewhere(each.prefix, one.prefix)), None)
        if _complete(snapshot) and not _typed(snapshot, pythons, one):
            continue
        if not _complete(snapshot) and python is None and not _other_version(snapshot, one.version):
            continue
        return (
            f"`pip` belongs to {one.prefix or one.path}"
            + (f" (Python {one.version})" if one.version else "")
            + f", and `python` to {_python_of(snapshot, python)}",
            _launcher_facts(snapshot),
            _weight(snapshot, one),
        )
    return None


def _python_of(snapshot: Snapshot, python: Launcher | None) -> str:
    target = reading.interpreter(snapshot)
    if target is not None and _complete(snapshot):
        return target.prefix
    return python.prefix if python else f"Python {reading.python_minor(snapshot)}"


def _typed(snapshot: Snapshot, pythons: list[Launcher], pip: Launcher) -> bool:
    """Say whether the target is what `python` starts here, and `pip` is another's."""
    target = reading.interpreter(snapshot)
    if target is None or not _elsewhere(target.prefix, pip.prefix):
        return False
    has_none = target.kind is EnvironmentKind.UV and reading.torch_distributions(snapshot)
    return not has_none and any(not _elsewhere(target.prefix, one.prefix) for one in pythons if one.prefix)


def _weight(snapshot: Snapshot, pip: Launcher) -> Severity:
    if reading.torch_distributions(snapshot) and _complete(snapshot):
        return Severity.NOTE  # torch is where it is wanted, whatever `pip` would do
    return Severity.ERROR if pip.has_torch or not _complete(snapshot) else Severity.WARNING


def _complete(snapshot: Snapshot) -> bool:
    installed = reading.packages(snapshot)
    return installed is not None and installed.complete


def _elsewhere(one: str, other: str) -> bool:
    """Say whether two known environments are two."""
    a, b = (name.replace("\\", "/").rstrip("/").lower() for name in (one, other))
    # ~/.local belongs to whatever Python is run: its own version decides.
    return bool(a and b) and a != b and "/.local" not in (a[-7:], b[-7:]) and {a, b} != {"/usr", "/usr/local"}


def _other_version(snapshot: Snapshot, version: str) -> bool:
    target = reading.interpreter(snapshot)
    return bool(version and target) and not _complete(snapshot) and minor(version) != reading.python_minor(snapshot)


def _other_kernel(snapshot: Snapshot) -> _Mismatch | None:
    """A notebook kernel of this environment that starts another Python, or one that is gone."""
    target = reading.interpreter(snapshot)
    kernels = [one for one in reading.launchers(snapshot) if one.program.startswith("jupyter kernel")]
    if target is None:
        return None
    wrong = [one for one in kernels if not one.prefix or _elsewhere(one.prefix, target.prefix)]
    if not wrong:
        return None
    first = wrong[0]
    return (
        f"the {first.program} starts {first.path}"
        + (f", of {first.prefix}" if first.prefix else ", which is not there")
        + f"; this environment is {target.prefix}",
        _launcher_facts(snapshot),
        Severity.WARNING,
    )


def _editor_s(snapshot: Snapshot, matrix: Matrix) -> _Mismatch | None:
    """An editor whose language server looks into another Python than the one that runs the program."""
    quotes = reading.quotes(snapshot, matrix, "interpreter-mismatch")
    if not quotes:
        return None
    return "the editor has another Python selected than the one that torch is installed in", quotes, Severity.ERROR


def check_user_site_shadow(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a copy in the user's own site folder that is imported in the place of the environment's."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    modules = installed.modules if installed else ()
    shadows = [one for one in modules if one.way_in == "user-site" and one.origin]
    if not shadows:
        return None
    first = shadows[0]
    complete = installed is not None and installed.complete
    if target is not None and target.kind is EnvironmentKind.SYSTEM and complete:
        return None  # with no environment the user's own site folder is the right place
    # Where the environment has a torch too, it is the one that its other packages were chosen for.
    two = any(one.name != "numpy" and (one.otherwise or not complete) for one in shadows)
    return Finding(
        code="user-site-shadow",
        severity=Severity.ERROR if two else Severity.WARNING,
        summary=f"`import {first.name}` takes the copy in your own site folder, not the environment's",
        cause=f"{first.entry} stands before the environment's packages on the search path; "
        "`pip install --user` put it there, and every environment of that Python version sees it",
        expected=f"{first.name} from {first.otherwise or 'the environment'}",
        facts=tuple(Fact(f"import {one.name}", one.origin, "import system") for one in shadows),
        fix=_without_user_site(snapshot, first.name),
        explains=(*NOT_INSTALLED, "companion-mismatch", "library-path-conflict", "torch-cpu-build", "numpy-abi"),
    )


def _without_user_site(snapshot: Snapshot, name: str) -> Fix:
    target = reading.interpreter(snapshot)
    off = shell_of(snapshot).set({"PYTHONNOUSERSITE": "1"})
    of_conda = target is not None and target.kind is EnvironmentKind.CONDA
    lasting = (conda(snapshot, "env", "config", "vars", "set", "PYTHONNOUSERSITE=1"),) if of_conda else ()
    return Fix(
        summary="leave the user's own site folder out, for this environment",
        commands=(off, *lasting),
        steps=(f"or remove the copy: `python -m pip uninstall {name}` with no environment active",),
    )


CHECKS = (check_interpreter_mismatch, check_user_site_shadow)
