"""Is torch installed, whole, once, and the one that is imported?"""

import re
import sys

from envkit import reading
from envkit.checks.damage import damage_facts, describe_damage, record_of
from envkit.checks.fixes import install_torch, python_command, quoted, torch_again, with_rights
from envkit.checks.requirements import named_in, unmet, version_of
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.modules import imported_by_torch
from envkit.matrix.versions import public
from envkit.snapshot import (
    Absent,
    Distribution,
    FileDamage,
    Interpreter,
    ModuleOrigin,
    Packages,
    RunEnd,
    Snapshot,
    TorchRuntime,
)
from envkit.tracebacks import lacking_module, module_in_the_way, module_of, tracebacks_of

_WAYS_IN = {
    "current-folder": "it is the current folder",
    "script-folder": "it is the folder of the script",
    "PYTHONPATH": "PYTHONPATH names it",
}

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


def check_module_shadowed(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a local file or folder that is imported in place of torch or what torch needs."""
    if reading.for_another_python(snapshot, "torch"):
        return None  # it is an installed one, of another Python
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    shadows = [module for module in installed.modules if _shadows(module, installed)] if installed else []
    if not shadows and (imported := _imported_instead(snapshot)):
        shadows = [imported]
    if not shadows:
        return _told_shadowed(snapshot, matrix)
    first = shadows[0]
    return Finding(
        code="module-shadowed",
        severity=Severity.ERROR,
        summary=f"`import {first.name}` takes {first.origin}, not the installed package",
        cause=f"{first.entry or 'that folder'} stands before the installed packages on the search path "
        f"({_WAYS_IN[first.way_in]}) and holds something called {first.name}",
        expected=f"{first.name} from {_rightful(first, target)}",
        facts=(
            *(Fact(f"import {shadow.name}", shadow.origin, _seen_by(shadow, installed)) for shadow in shadows),
            *_import_facts(snapshot),
        ),
        fix=_make_way(snapshot, shadows),
        explains=("torch-missing", "torch-corrupt"),
    )


def _imported_instead(snapshot: Snapshot) -> ModuleOrigin | None:
    """The user's own file over which `import torch` failed here, in the place of a module that torch needs."""
    live, target = reading.runtime(snapshot), reading.interpreter(snapshot)
    if snapshot.pasted or live is None or live.error is None or target is None:
        return None
    for one in tracebacks_of(live.error):
        shown = module_in_the_way(one)
        run = next((file for file, _ in reversed(one.frames) if file in live.own_modules.values()), "")
        file = live.own_modules.get(lacking_module(one)) or (shown.origin if shown and shown.entry else run)
        if file and (found := _on_the_path(file, target)):
            return found
    return None


def _on_the_path(file: str, target: Interpreter) -> ModuleOrigin | None:
    """The module of a file that lies where the user's situation lets Python look for modules first."""
    name = module_of(file)
    if name not in sys.stdlib_module_names and name not in imported_by_torch():
        return None  # an extension of torch's that is of the user's own is meant to be imported
    entry = re.split(rf"[\\/]{re.escape(name)}(?:\.py|[\\/]__init__\.py)$", file)[0]
    if entry not in target.search_path or entry == file:
        return None
    way_in = "current-folder" if entry == target.current_folder else "PYTHONPATH"
    return ModuleOrigin(name=name, origin=file, entry=entry, way_in=way_in)


def _seen_by(shadow: ModuleOrigin, installed: Packages | None) -> str:
    asked = installed is not None and installed.complete and shadow in installed.modules
    return "import system" if asked else "traceback"


def _rightful(shadow: ModuleOrigin, target: Interpreter | None) -> str:
    if shadow.name in sys.stdlib_module_names:
        return "the standard library"
    return shadow.otherwise or next(iter(target.site_dirs if target else ()), "site-packages")


_IN_SITE = ("site-packages", "dist-packages")


def _told_shadowed(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """A report whose error is that of a local copy, unless it names an installed one as what was imported."""
    installed = reading.packages(snapshot)
    if installed is not None and installed.complete and installed.modules:
        return None  # the import system was asked, and knows of none
    quotes = reading.quotes(snapshot, matrix, "module-shadowed")
    origin = _told_origin(snapshot)
    outside = bool(origin) and not any(folder in origin for folder in _IN_SITE)
    of_torch = any("torch" in one.value.lower() for one in quotes)
    half = outside and (_without_c(snapshot) or bool(reading.quotes(snapshot, matrix, "torch-corrupt")))
    if not (quotes or half) or (origin and not outside and of_torch):
        return None
    facts = (Fact("import torch", origin, "traceback"),) if outside else ()
    return Finding(
        code="module-shadowed",
        severity=Severity.ERROR,
        summary="a local file or folder is imported in the place of the installed package",
        cause=f"{origin} is no installed package: a script, or the source tree, in the folder where Python was started"
        if outside
        else "the error is that of a module that imports itself, or of a source tree: something of that name lies in "
        "the folder where Python was started",
        expected="the package from site-packages",
        facts=(*quotes, *facts),
        fix=Fix(
            summary="run from another folder, or rename your own file or folder of that name",
            commands=(quoted(snapshot, python_command(snapshot), "-c", "import torch; print(torch.__file__)"),),
        ),
        explains=("torch-missing", "torch-corrupt"),
    )


def _without_c(snapshot: Snapshot) -> bool:
    """Say whether torch's own folder fails by the name of its compiled part, which a source tree lacks."""
    live = reading.runtime(snapshot)
    return live is not None and live.error is not None and live.error.type == "NameError"


def _told_origin(snapshot: Snapshot) -> str:
    """The file that a report says `import torch` took."""
    installed, live = reading.packages(snapshot), reading.runtime(snapshot)
    module = installed.module("torch") if installed and not installed.complete else None
    return (module.origin if module else "") or (live.file if live and live.file else "")


def _shadows(module: ModuleOrigin, installed: Packages) -> bool:
    """Say whether the user's situation alone lets a module win, and it is no installed package."""
    return (
        module.way_in in _WAYS_IN
        and module.origin != module.otherwise
        and all(found.site != module.entry for found in installed.named(module.name))
    )


def _make_way(snapshot: Snapshot, shadows: list[ModuleOrigin]) -> Fix:
    # A single file is the user's own small script; a folder may be a source tree, which nobody wants renamed.
    files = [shadow.origin for shadow in shadows if not shadow.origin.endswith("__init__.py")]
    move = shell_of(snapshot).moving(reading.system(snapshot))
    renames = (
        quoted(snapshot, *move, file, file.removesuffix(".py") + "_local.py") for file in files if file[-3:] == ".py"
    )
    variable = any(shadow.way_in == "PYTHONPATH" for shadow in shadows)
    step = "take the folder out of PYTHONPATH" if variable else "run from another folder"
    return Fix(
        summary="let the installed package win", commands=tuple(renames), steps=(f"or {step}" if files else step,)
    )


def check_torch_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a target without torch."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    reported = isinstance(snapshot.torch, Absent) and (installed is None or not installed.complete)
    if reading.torch_distributions(snapshot) or ((target is None or installed is None) and not reported):
        return None
    module = installed.module("torch") if installed else None
    if reading.runtime(snapshot) or (module and module.origin):
        return None  # something called torch is imported: another check's matter
    if installed and installed.unreadable:
        return _not_seen(snapshot, installed)
    where = f"that {target.executable} imports from" if target and not reported else "that this Python imports from"
    return Finding(
        code="torch-missing",
        severity=Severity.ERROR,
        summary="torch is not installed in this interpreter",
        cause="a package is built in an environment of its own, which has no torch (build isolation)"
        if reported and reading.building(snapshot)
        else f"none of the folders {where} holds torch",
        expected="an installed torch",
        facts=(
            *(
                (Fact("interpreter", f"{target.executable} (Python {target.version})", target.chosen_by),)
                if target
                else ()
            ),
            *(
                (Fact("installed distributions", str(len(installed.distributions)), "metadata on disk"),)
                if installed
                else ()
            ),
            *((Fact("import torch", snapshot.torch.why, "report"),) if isinstance(snapshot.torch, Absent) else ()),
        ),
        fix=_bring_torch(snapshot, matrix, building=reported and reading.building(snapshot)),
    )


def _not_seen(snapshot: Snapshot, installed: Packages) -> Finding:
    """Folders that may not be read may hold torch: installing it again would stumble over the same."""
    folders = installed.unreadable
    return Finding(
        code="torch-missing",
        severity=Severity.ERROR,
        summary="torch cannot be found, and a folder that may hold it may not be read",
        cause=f"{folders[0]}: Permission denied; for this user there is no torch, whatever is in that folder",
        expected="folders that this user may read",
        facts=tuple(Fact("search path", f"{folder}: Permission denied", "file system") for folder in folders),
        fix=with_rights(snapshot, Fix(summary="make an environment of your own"), "Permission denied", folders[0]),
    )


def _bring_torch(snapshot: Snapshot, matrix: Matrix, *, building: bool) -> Fix:
    aside = reading.put_aside(snapshot, "torch") or None
    fix = install_torch(snapshot, matrix, "install the build that fits this machine", torch=aside)
    if not building:
        return fix
    step = "then build the package where torch is: `pip install --no-build-isolation PACKAGE`"
    return Fix(summary=fix.summary, commands=fix.commands, steps=(*fix.steps, step))


def check_torch_duplicate(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find several torch installs in one environment."""
    copies = _claims(reading.torch_distributions(snapshot)) + _nightlies(snapshot)
    quotes = reading.quotes(snapshot, matrix, "torch-duplicate")
    if len(copies) < 2 and not quotes:
        return None
    versions = " and ".join(f"{copy.version} ({copy.installer or 'unknown installer'})" for copy in copies)
    return Finding(
        code="torch-duplicate",
        severity=Severity.ERROR,
        summary=f"{len(copies)} installs of torch lie over each other"
        if len(copies) > 1
        else "one install of torch cannot be replaced by another",
        cause=f"one environment holds torch {versions}; their files overwrite each other"
        if len(copies) > 1
        else "the torch that is there was installed by another installer, which pip cannot take away",
        expected="one torch in one environment",
        facts=(*(Fact(f"torch {copy.version}", copy.metadata, "metadata on disk") for copy in copies), *quotes),
        fix=_remove_and_install(snapshot, matrix, copies),
        explains=("torch-corrupt",),
    )


def _nightlies(snapshot: Snapshot) -> tuple[Distribution, ...]:
    """Nightly builds, conda's and pip's, builds under a name of their own, beside a release."""
    installed = reading.packages(snapshot)
    nightly = installed.named("pytorch-nightly") + installed.named("torch-nightly") if installed else ()
    return (*nightly, *reading.torch_distributions(snapshot)[:1]) if nightly else ()


def _remove_and_install(snapshot: Snapshot, matrix: Matrix, copies: tuple[Distribution, ...]) -> Fix:
    imported = reading.installed_torch(snapshot)
    release = imported.version if imported else copies[0].version if copies else None
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
    symptom = _proven(snapshot, found) or _killed(snapshot) or _told_broken(snapshot, matrix)
    if symptom is None:
        return None
    cause, facts = symptom
    live = reading.runtime(snapshot)
    works = live is not None and live.stage == "done" and all(device.works for device in live.devices)
    again = torch_again(snapshot, matrix, "install it again")
    proven = _proven(snapshot, found) == symptom
    # Without a RECORD nothing shows damage; it is pip that will stumble over it.
    whole = works and not _harmed(found)
    return Finding(
        code="torch-corrupt",
        severity=Severity.WARNING if whole else Severity.ERROR,
        summary="the files of the installed torch are those of another release than its metadata"
        if symptom == _of_two_releases(found)
        else "the installed torch works, and pip's record of it is gone"
        if whole
        else "the installed torch is damaged",
        cause=cause,
        expected=f"every file of the installed torch as {_record(found)} lists it, and an import that succeeds",
        facts=(*(Fact("torch", copy.version, copy.metadata) for copy in found), *facts, *_import_facts(snapshot)),
        fix=with_rights(snapshot, again, " ".join(fact.value for fact in facts), found[0].site if found else ""),
        # That its import dies is a symptom: whatever else is wrong is the cause, as far as torch's files are whole.
        passes_for=() if symptom == _killed(snapshot) else _BROKEN_IMPORTS,
        proven=proven,
    )


def _record(found: tuple[Distribution, ...]) -> str:
    return record_of(found[0]) if found and found[0].damage else "its RECORD"


def _harmed(found: tuple[Distribution, ...]) -> bool:
    return any(copy.damage and (copy.damage.missing or copy.damage.altered) for copy in found)


_Symptom = tuple[str, tuple[Fact, ...]]


def _proven(snapshot: Snapshot, found: tuple[Distribution, ...]) -> _Symptom | None:
    """What is seen of its files, whatever its import says."""
    return _damage(found) or _no_module(snapshot, found) or _no_metadata(snapshot, found) or _of_two_releases(found)


def _of_two_releases(found: tuple[Distribution, ...]) -> _Symptom | None:
    """What torch/version.py says against the metadata beside it; conda numbers its own builds anew."""
    for copy in found:
        says = copy.build.version if copy.build and copy.installer != "conda" and copy.name == "torch" else None
        # A check of every run: a plain comparison comes before one that needs `packaging`.
        if not says or public(says) == public(copy.version):
            continue
        inside, outside = version_of(says), version_of(copy.version)
        if inside and outside and inside.release != outside.release:
            cause = f"torch/version.py says {says}, and the metadata {copy.version}: one lies over the other"
            return cause, (Fact("torch/version.py", says, "file"),)
    return None


def _damage(found: tuple[Distribution, ...]) -> _Symptom | None:
    for copy in found:
        if copy.damage and (copy.damage.missing or copy.damage.altered):
            return describe_damage(copy.damage, "torch"), damage_facts(copy)
    if any(_lists_nothing(copy.damage) and copy.installer in ("pip", "uv") for copy in found):
        return (
            "its RECORD, the list of its files, is missing or empty: an install that was cut short, or meddled with",
            (),
        )
    return None


def _lists_nothing(harm: FileDamage | None) -> bool:
    return harm is None or harm.entries == 0


def _no_module(snapshot: Snapshot, found: tuple[Distribution, ...]) -> _Symptom | None:
    installed = reading.packages(snapshot)
    module = installed.module("torch") if installed else None
    if not found or module is None or module.origin:
        return None
    return "torch is listed as installed, and its package folder is gone", ()


def _no_metadata(snapshot: Snapshot, found: tuple[Distribution, ...]) -> _Symptom | None:
    installed = reading.packages(snapshot)
    module = installed.module("torch") if installed else None
    if installed is None or not installed.complete or found or module is None or not module.origin:
        return None  # a report need not list what it has installed
    if module.way_in in _WAYS_IN:
        return None  # the user's own, which nobody installed
    cause = "a torch folder can be imported, and no installed distribution owns it: an install that was cut short"
    return cause, (Fact("import torch", module.origin, "import system"),)


_ALL_IN_PLACE = "the files that could be compared are in place, so a library of torch's, or one it loads, is broken"


def _killed(snapshot: Snapshot) -> _Symptom | None:
    """A torch with all its files whose import still ends the interpreter."""
    live = reading.runtime(snapshot)
    if live is None or live.end is not RunEnd.CRASHED or live.stage != "import":
        return None
    return f"`import torch` ended the interpreter with {live.died_of}; {_ALL_IN_PLACE}", ()


def _told_broken(snapshot: Snapshot, matrix: Matrix) -> _Symptom | None:
    """What a report says that only a torch with parts of two releases, or without some of its files, says."""
    installed = reading.packages(snapshot)
    module = installed.module("torch") if installed and installed.complete else None
    if module and module.way_in in _WAYS_IN:
        return None  # that was said of the user's own file, which was imported in the place of torch
    if _of_a_dependency(snapshot):
        return None  # torch's own files are not to blame
    quotes = reading.quotes(snapshot, matrix, "torch-corrupt")
    if not quotes:
        quotes = reading.quotes(snapshot, matrix, "module-shadowed")
        origin = module.origin if module else _told_origin(snapshot)
        of_torch = any("torch" in one.value.lower() for one in quotes)
        if not (of_torch and any(folder in origin for folder in _IN_SITE)):
            return None
    return "files of the installed torch are missing, or are those of another release", quotes


def _of_a_dependency(snapshot: Snapshot) -> bool:
    """Say whether the import fails over a package that is not there as torch's metadata asks for it."""
    live = reading.runtime(snapshot)
    error = f"{live.error.type}: {live.error.message}" if live and live.error else ""
    return bool(error) and bool(named_in(error, unmet(snapshot)))


def _import_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    live: TorchRuntime | None = reading.runtime(snapshot)
    if live is None or (live.error is None and not live.died_of):
        return ()
    told = f"{live.error.type}: {reading.first_line(live.error.message)}" if live.error else live.died_of
    return (Fact("import torch", told, "live run"),)


CHECKS = (check_module_shadowed, check_torch_missing, check_torch_duplicate, check_torch_corrupt)
