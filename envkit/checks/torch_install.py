"""Is torch installed, whole, once, and the one that is imported?"""

from envkit import reading
from envkit.checks.damage import damage_facts, describe_damage
from envkit.checks.fixes import install_torch, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Distribution, ModuleOrigin, Packages, RunEnd, Snapshot, TorchRuntime

_WAYS_IN = {"current-folder": "it is the current folder", "PYTHONPATH": "PYTHONPATH names it"}

_BROKEN_IMPORTS = (
    "libc-too-old",
    "mkl-mismatch",
    "library-path-conflict",
    "openmp-duplicate",
    "msvc-runtime-missing",
    "nvidia-wheels-mismatch",
    "numpy-abi",
)
"""What a failed import may look like when files of torch are gone."""


def check_module_shadowed(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a local file or folder that is imported in place of torch or what torch needs."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    if target is None or installed is None:
        return None
    shadows = [module for module in installed.modules if _shadows(module, installed)]
    if not shadows:
        return None
    first = shadows[0]
    return Finding(
        code="module-shadowed",
        severity=Severity.ERROR,
        summary=f"`import {first.name}` takes {first.origin}, not the installed package",
        cause=f"{first.entry} stands before the installed packages on the search path "
        f"({_WAYS_IN[first.way_in]}) and holds something called {first.name}",
        expected=f"{first.name} from {first.otherwise or (target.site_dirs or ('site-packages',))[0]}",
        facts=tuple(Fact(f"import {shadow.name}", shadow.origin, "import system") for shadow in shadows),
        fix=_make_way(snapshot, shadows),
        explains=("torch-missing", "torch-corrupt"),
    )


def _shadows(module: ModuleOrigin, installed: Packages) -> bool:
    """Say whether the user's situation alone lets a module win, and it is no installed package."""
    return (
        module.way_in != ""
        and module.origin != module.otherwise
        and all(found.site != module.entry for found in installed.named(module.name))
    )


def _make_way(snapshot: Snapshot, shadows: list[ModuleOrigin]) -> Fix:
    # A single file is the user's own small script; a folder may be a source tree, which nobody wants renamed.
    files = [shadow.origin for shadow in shadows if not shadow.origin.endswith("__init__.py")]
    renames = (
        quoted(snapshot, "mv", file, file.removesuffix(".py") + "_local.py") for file in files if file[-3:] == ".py"
    )
    variable = any(shadow.way_in == "PYTHONPATH" for shadow in shadows)
    step = "take the folder out of PYTHONPATH" if variable else "run from another folder"
    return Fix(
        summary="let the installed package win", commands=tuple(renames), steps=(f"or {step}" if files else step,)
    )


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
    return Finding(
        code="torch-duplicate",
        severity=Severity.ERROR,
        summary=f"{len(copies)} installs of torch lie over each other",
        cause=f"one environment holds torch {versions}; their files overwrite each other",
        expected="one torch in one environment",
        facts=tuple(Fact(f"torch {copy.version}", copy.metadata, "metadata on disk") for copy in copies),
        fix=_remove_and_install(snapshot, matrix, copies),
        explains=("torch-corrupt",),
    )


def _remove_and_install(snapshot: Snapshot, matrix: Matrix, copies: tuple[Distribution, ...]) -> Fix:
    imported = reading.installed_torch(snapshot)
    release = imported.version if imported else copies[0].version
    # One uninstall takes away one of the records.
    removals = (("uninstall", "--yes", "torch"),) * len(copies)
    return install_torch(snapshot, matrix, "remove every copy, then install one", torch=release, before=removals)


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
    """Find a torch whose files are gone or altered, or whose import kills the interpreter."""
    found = reading.imported_torch(snapshot)
    symptom = _damage(found) or _no_module(snapshot, found) or _no_metadata(snapshot, found) or _killed(snapshot)
    if symptom is None:
        return None
    cause, facts = symptom
    live = reading.runtime(snapshot)
    works = live is not None and live.stage == "done" and all(device.works for device in live.devices)
    return Finding(
        code="torch-corrupt",
        # Without a RECORD nothing shows damage; it is pip that will stumble over it.
        severity=Severity.WARNING if works and not _harmed(found) else Severity.ERROR,
        summary="the installed torch is damaged",
        cause=cause,
        expected="every file of the installed torch as its RECORD lists it, and an import that succeeds",
        facts=(*(Fact("torch", copy.version, copy.metadata) for copy in found), *facts, *_import_facts(snapshot)),
        fix=install_torch(
            snapshot, matrix, "install it again", torch=found[0].version if found else None, reinstall=True
        ),
        explains=_BROKEN_IMPORTS,
    )


def _harmed(found: tuple[Distribution, ...]) -> bool:
    return any(copy.damage and (copy.damage.missing or copy.damage.altered) for copy in found)


_Symptom = tuple[str, tuple[Fact, ...]]


def _damage(found: tuple[Distribution, ...]) -> _Symptom | None:
    damaged = [copy.damage for copy in found if copy.damage and (copy.damage.missing or copy.damage.altered)]
    if damaged:
        return describe_damage(damaged[0], "torch"), damage_facts(damaged[0])
    if any(copy.damage is None and copy.installer in ("pip", "uv") for copy in found):
        return "its RECORD, the list of its files, is missing: an install that was cut short, or meddled with", ()
    return None


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


def _killed(snapshot: Snapshot) -> _Symptom | None:
    """A torch with all its files whose import still ends the interpreter."""
    live = reading.runtime(snapshot)
    if live is None or live.end is not RunEnd.CRASHED or live.stage != "import":
        return None
    return f"`import torch` ended the interpreter with {live.died_of}; {_ALL_IN_PLACE}", ()


def _import_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    live: TorchRuntime | None = reading.runtime(snapshot)
    if live is None or (live.error is None and not live.died_of):
        return ()
    told = f"{live.error.type}: {reading.first_line(live.error.message)}" if live.error else live.died_of
    return (Fact("import torch", told, "live run"),)


CHECKS = (check_module_shadowed, check_torch_missing, check_torch_duplicate, check_torch_corrupt)
