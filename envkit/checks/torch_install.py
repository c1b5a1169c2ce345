"""Is torch installed, whole, once, and the one that is imported?"""

from envkit.checks import reading
from envkit.checks.fixes import install_torch, pip, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import public
from envkit.snapshot import Distribution, Interpreter, ModuleOrigin, RunEnd, Snapshot, TorchRuntime


def check_module_shadowed(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a local file or folder that is imported in place of torch or what torch needs."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    if target is None or installed is None:
        return None
    ways_in = _ways_in(target, snapshot)
    shadows = [
        module
        for module in installed.modules
        if module.entry in ways_in and all(found.site != module.entry for found in installed.named(module.name))
    ]
    if not shadows:
        return None
    first = shadows[0]
    return Finding(
        code="module-shadowed",
        severity=Severity.ERROR,
        summary=f"`import {first.name}` takes {first.origin}, not the installed package",
        cause=f"{first.entry} stands before the installed packages on the search path "
        f"({ways_in[first.entry]}) and holds something called {first.name}",
        expected=f"{first.name} from {_hidden(first, target)}",
        facts=tuple(Fact(f"import {shadow.name}", shadow.origin, "import system") for shadow in shadows),
        fix=Fix(
            summary="rename it, or run from another folder",
            commands=tuple(_rename(snapshot, shadow) for shadow in shadows),
        ),
        explains=("torch-missing", "torch-corrupt", "torch-cpu-build"),
    )


def _ways_in(target: Interpreter, snapshot: Snapshot) -> dict[str, str]:
    """Return the entries of the search path that the user's situation put there, each with how."""
    separator = ";" if target.platform_tag.startswith("win") else ":"
    from_variable = reading.variables(snapshot).get("PYTHONPATH", "").split(separator)
    entries = {entry: "PYTHONPATH names it" for entry in from_variable if entry}
    if target.current_folder:
        entries[target.current_folder] = "it is the current folder"
    return entries


def _hidden(module: ModuleOrigin, target: Interpreter) -> str:
    return module.hidden[0] if module.hidden else (target.site_dirs or ("site-packages",))[0]


def _rename(snapshot: Snapshot, module: ModuleOrigin) -> str:
    entry = module.origin.removesuffix("/__init__.py").removesuffix("\\__init__.py")
    stem, dot, suffix = entry.rpartition(".py")
    new = f"{stem}_local{dot}{suffix}" if dot else f"{entry}_local"
    return quoted(snapshot, "mv", entry, new)


def check_torch_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a target without torch."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    if target is None or installed is None or reading.torch_distributions(snapshot):
        return None
    module = installed.module("torch")
    if reading.runtime(snapshot) or (module and module.origin):
        return None  # something called torch is imported: another check's matter
    return Finding(
        code="torch-missing",
        severity=Severity.ERROR,
        summary="torch is not installed in this interpreter",
        cause=f"none of the folders that {target.executable} imports from holds torch",
        expected="an installed torch",
        facts=(
            Fact("interpreter", f"{target.executable} (Python {target.version})", target.chosen_by),
            Fact("installed distributions", str(len(installed.distributions)), "metadata on disk"),
        ),
        fix=install_torch(snapshot, matrix, "install the build that fits this machine"),
    )


def check_torch_duplicate(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find several torch installs in one environment."""
    copies = _claims(reading.torch_distributions(snapshot))
    if len(copies) < 2:
        return None
    versions = " and ".join(f"{copy.version} ({copy.installer or 'unknown installer'})" for copy in copies)
    names = tuple(dict.fromkeys(copy.name for copy in copies if copy.installer != "conda")) or ("torch",)
    removals = tuple(pip(snapshot, "uninstall", "--yes", *names) for _ in copies)
    again = install_torch(snapshot, matrix, "remove every copy, then install one", torch=public(copies[-1].version))
    return Finding(
        code="torch-duplicate",
        severity=Severity.ERROR,
        summary=f"{len(copies)} installs of torch lie over each other",
        cause=f"one environment holds torch {versions}; their files overwrite each other",
        expected="one torch in one environment",
        facts=tuple(Fact(f"torch {copy.version}", copy.metadata, "metadata on disk") for copy in copies),
        fix=Fix(summary=again.summary, commands=removals + again.commands, steps=again.steps),
        explains=("torch-corrupt",),
    )


def _claims(found: tuple[Distribution, ...]) -> tuple[Distribution, ...]:
    """Return the installs that claim the same files: those of one site folder, and conda's with pip's.

    conda's package writes a dist-info of its own, with "conda" as its installer: the same install.
    """
    from_conda = [copy for copy in found if copy.name == "pytorch" or copy.metadata.endswith(".json")]
    from_pip = [copy for copy in found if copy not in from_conda and not (from_conda and copy.installer == "conda")]
    sites = [copy.site for copy in from_pip]
    repeated = [copy for copy in from_pip if sites.count(copy.site) > 1]
    if from_conda and from_pip:
        return (*from_conda, *from_pip)
    return tuple(repeated)


def check_torch_corrupt(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a torch whose files are gone or altered, or that cannot be imported for what it is."""
    found = reading.torch_distributions(snapshot)
    symptom = _damage(found) or _no_module(snapshot, found) or _no_metadata(snapshot, found) or _broken(snapshot)
    if symptom is None:
        return None
    cause, facts = symptom
    version = public(found[0].version) if found else None
    return Finding(
        code="torch-corrupt",
        severity=Severity.ERROR,
        summary="the installed torch is damaged",
        cause=cause,
        expected="every file of the installed torch as its RECORD lists it, and an import that succeeds",
        facts=(
            *(Fact("torch", copy.version, copy.metadata) for copy in found),
            *facts,
            *_import_facts(snapshot),
        ),
        fix=install_torch(snapshot, matrix, "install it again", torch=version, reinstall=True),
    )


_Symptom = tuple[str, tuple[Fact, ...]]


def _damage(found: tuple[Distribution, ...]) -> _Symptom | None:
    damaged = [copy.damage for copy in found if copy.damage and (copy.damage.missing or copy.damage.altered)]
    if not damaged:
        return None
    harm = damaged[0]
    parts = [f"{count} {word}" for count, word in ((harm.missing, "missing"), (harm.altered, "altered")) if count]
    cause = f"of the {harm.entries} files that torch installed, {' and '.join(parts)}"
    return cause, tuple(Fact("file", example, "RECORD") for example in harm.examples)


def _no_module(snapshot: Snapshot, found: tuple[Distribution, ...]) -> _Symptom | None:
    installed = reading.packages(snapshot)
    module = installed.module("torch") if installed else None
    if not found or module is None or module.origin:
        return None
    return "torch is listed as installed, and its package folder is gone", ()


def _no_metadata(snapshot: Snapshot, found: tuple[Distribution, ...]) -> _Symptom | None:
    installed = reading.packages(snapshot)
    module = installed.module("torch") if installed else None
    if installed is None or found or module is None or not module.origin:
        return None
    cause = "a torch folder can be imported, and no installed distribution owns it: an install that was cut short"
    return cause, (Fact("import torch", module.origin, "import system"),)


_ALL_IN_PLACE = "the files that could be compared are in place, so a library of torch's, or one it loads, is broken"


def _broken(snapshot: Snapshot) -> _Symptom | None:
    """A torch with all its files that still fails on import: something native in or beside it is broken."""
    live = reading.runtime(snapshot)
    if live is None:
        return None
    if live.end is RunEnd.CRASHED and live.stage == "import":
        return f"`import torch` ended the interpreter with {live.died_of}; {_ALL_IN_PLACE}", ()
    if live.error is not None:
        return f"`import torch` fails: {live.error.type}: {_first_line(live.error.message)}", ()
    return None


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0][:300]


def _import_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    live: TorchRuntime | None = reading.runtime(snapshot)
    if live is None or (live.error is None and not live.died_of):
        return ()
    told = f"{live.error.type}: {_first_line(live.error.message)}" if live.error else live.died_of
    return (Fact("import torch", told, "live run"),)


def check_torch_cpu_build(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CPU-only torch beside a GPU that is ready for use."""
    torch = reading.installed_torch(snapshot)
    if torch is None or torch.cuda != "" or torch.hip or not reading.usable_gpu(snapshot):
        return None
    return Finding(
        code="torch-cpu-build",
        severity=Severity.ERROR,
        summary="this torch is built for the CPU only, and a GPU is ready for use",
        cause=f"torch {torch.version} holds no CUDA code, so torch.cuda.is_available() is False whatever the driver",
        expected="a CUDA build of torch",
        facts=(
            torch.fact,
            reading.gpu_fact(snapshot),
            Fact("driver", reading.driver_version(snapshot) or "version unknown", "NVML"),
        ),
        fix=install_torch(
            snapshot, matrix, "install the CUDA build that fits", torch=public(torch.version), reinstall=True
        ),
    )
