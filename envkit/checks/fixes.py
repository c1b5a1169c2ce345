"""Commands that mend, for the target at hand and the shell of its user."""

from typing import TYPE_CHECKING

import msgspec

from envkit import reading
from envkit.checks.shells import shell_of
from envkit.errors import EnvkitError
from envkit.findings import Fix
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.matrix.versions import minor, public
from envkit.snapshot import Distribution, EnvironmentKind, Snapshot
from envkit.systems import USUAL_ARCHITECTURE

if TYPE_CHECKING:
    from envkit.planning.model import Plan


def quoted(snapshot: Snapshot, *words: str) -> str:
    """Return a command line for the user's shell."""
    return shell_of(snapshot).command(*words)


def python_command(snapshot: Snapshot) -> str:
    """Return the command that starts some Python on the user's system."""
    return "py" if reading.system(snapshot) == "windows" else "python3"


def pip(snapshot: Snapshot, *arguments: str) -> str:
    """Return the command that runs pip, or uv where the environment is uv's, for the target."""
    target = reading.interpreter(snapshot)
    if target is None:
        return quoted(snapshot, "python", "-m", "pip", *arguments)
    if target.kind is EnvironmentKind.UV:
        return quoted(snapshot, "uv", "pip", arguments[0], "--python", target.executable, *arguments[1:])
    return quoted(snapshot, target.executable, "-m", "pip", *arguments)


def conda(snapshot: Snapshot, *arguments: str) -> str:
    """Return the command that runs conda for the target's environment, whichever one is active."""
    target = reading.interpreter(snapshot)
    prefix = ("--prefix", target.prefix) if target and target.prefix else ()
    # `conda env config vars set` takes it at its end.
    at = len(arguments) - 1 if arguments[0] == "env" else 1
    return quoted(snapshot, "conda", *arguments[:at], *prefix, *arguments[at:])


def is_from_conda(found: tuple[Distribution, ...]) -> bool:
    """Say whether conda installed a package, and nobody laid another copy over it."""
    return bool(found) and all(copy.installer == "conda" for copy in found)


def in_target(
    snapshot: Snapshot,
    summary: str,
    *arguments: tuple[str, ...],
    steps: tuple[str, ...] = (),
    removes: tuple[str, ...] = (),
    over: str = "",
) -> Fix:
    """Return the fix that tells pip something; `arguments` are what follows `pip`, one tuple a command.

    `removes` are the folders that go before; `over` is the folder of what is replaced, where it is known.

    It changes the target and nothing else. Where that is an environment, envkit may do it itself; in a system's own
    Python it would change what others use.
    """
    if reading.outside(snapshot, over):
        return _outside(snapshot, summary, over, arguments, steps)
    target = reading.interpreter(snapshot)
    own = target is not None and target.kind is not EnvironmentKind.SYSTEM and not target.externally_managed
    own = own and not _is_conda_itself(snapshot)
    return Fix(
        summary=summary,
        commands=(
            *_remove(snapshot, removes),
            *_get_pip(snapshot),
            *(pip(snapshot, *each) for each in arguments),
        ),
        steps=steps,
        pip=arguments if own else (),
        removes=removes if own else (),
    )


def _outside(
    snapshot: Snapshot, summary: str, folder: str, arguments: tuple[tuple[str, ...], ...], steps: tuple[str, ...]
) -> Fix:
    """Tell pip to replace what lies in a folder that is none of the target's: what it installs as ever is not imported.

    What that depends on is found where it was; nothing is for envkit to do, as others may import from there too.
    """
    into = ("install", "--upgrade", "--no-deps", "--target", folder)
    kept = tuple(tuple(word for word in each[1:] if word not in _PLAIN) for each in arguments)
    leave = f"or take {folder} off the search path (PYTHONPATH names it, or a .pth file of the environment)"
    return Fix(
        summary=f"{summary}, in {folder}, from where it is imported",
        commands=(*_get_pip(snapshot), *(pip(snapshot, *into, *each) for each in kept)),
        steps=(*steps, leave),
    )


_PLAIN = ("--force-reinstall", "--no-deps")
"""What `--upgrade --no-deps --target` does anyway."""


def _remove(snapshot: Snapshot, folders: tuple[str, ...]) -> list[str]:
    """Return the command that removes folders, each of which may be gone."""
    if not folders:
        return []
    if reading.system(snapshot) != "windows":
        return [quoted(snapshot, "rm", "-rf", *folders)]
    program = "import shutil, sys; [shutil.rmtree(each, True) for each in sys.argv[1:]]"
    return [quoted(snapshot, python_command(snapshot), "-c", program, *folders)]


def install(
    snapshot: Snapshot, summary: str, *requirements: str, over: tuple[Distribution, ...], again: bool = False
) -> Fix:
    """Return the fix that installs requirements with the installer of what is there: pip's files never go over conda's.

    `over` is what they replace or belong to; `again` puts the same files there anew, and nothing that they depend on.
    """
    anew = ("--force-reinstall",) if again else ()
    if is_from_conda(over):
        return Fix(summary=summary, commands=(conda(snapshot, "install", *anew, *requirements),))
    alone = ("--no-deps",) if again else ()
    site = over[0].site if over else ""
    return in_target(snapshot, summary, ("install", *anew, *alone, *requirements), over=site)


def _is_conda_itself(snapshot: Snapshot) -> bool:
    """Say whether conda runs from the target: who breaks that has no conda any more."""
    installed = reading.packages(snapshot)
    return installed is not None and any(copy.installer == "conda" for copy in installed.named("conda"))


def _get_pip(snapshot: Snapshot) -> list[str]:
    """Return the command that brings pip into a target that is known to lack it."""
    target, installed = reading.interpreter(snapshot), reading.packages(snapshot)
    if target is None or installed is None or target.kind is EnvironmentKind.UV:
        return []
    if installed.named("pip") or not installed.complete:
        return []
    return [quoted(snapshot, target.executable, "-m", "ensurepip")]


def plan_for(snapshot: Snapshot, matrix: Matrix, torch: str | None = None, companions: tuple[str, ...] = ()) -> "Plan":
    """Return what envkit would install here; raise `EnvkitError` when nothing fits.

    `torch` is the release to keep, if it is one that the matrix knows (a nightly is not).
    """
    # Only a fault needs a plan.
    from envkit.planning.decide import plan
    from envkit.planning.model import Request

    known = torch if torch is not None and public(torch) in matrix.torch.releases() else None
    return plan(Request(torch=public(known) if known else None, packages=companions), _as_most(snapshot), matrix)


def _as_most(snapshot: Snapshot) -> Snapshot:
    """The same with the processor that nearly every such machine has, where a report does not tell it."""
    machine = reading.host(snapshot)
    if machine is None or not _lacks_processor(snapshot):
        return snapshot
    return msgspec.structs.replace(snapshot, host=msgspec.structs.replace(machine, arch=USUAL_ARCHITECTURE[machine.os]))


def _lacks_processor(snapshot: Snapshot) -> bool:
    target, machine = reading.interpreter(snapshot), reading.host(snapshot)
    told = bool((machine and machine.arch) or (target and target.machine))
    small = target is not None and target.bits == 32
    return snapshot.pasted and not told and not small and reading.system(snapshot) in ("linux", "windows")


def install_torch(
    snapshot: Snapshot,
    matrix: Matrix,
    summary: str,
    *,
    torch: str | None = None,
    fitting: "Plan | None" = None,
    reinstall: bool = False,
    before: tuple[tuple[str, ...], ...] = (),
    companions: tuple[str, ...] = (),
) -> Fix:
    """Return the fix that installs the torch build that fits this machine into the target.

    `torch` is the release to keep; `fitting` a plan that was made already; `before` what pip is told first;
    `companions` what is installed with it, each in the release that belongs to it.
    """
    anew = _in_an_environment_of_its_own(snapshot, companions)
    if anew:
        return anew
    try:
        fitting = fitting or plan_for(snapshot, matrix, torch, companions)
    except EnvkitError as impossible:
        why = (impossible.message, *((impossible.hint,) if impossible.hint else ()))
        return on_the_machine(*why) if snapshot.pasted else Fix(summary=why[0], steps=why[1:])
    from envkit.planning.installs import built_requirements, pip_installs

    first, *rest = pip_installs(fitting)
    again = ("--force-reinstall",) if reinstall else ()
    summary = f"{summary}: torch {fitting.torch}, {fitting.backend} build"
    folder = reading.imported_from(snapshot, "torch") if reinstall else ""
    if reading.outside(snapshot, folder):
        return in_target(snapshot, summary, ("install", *(word for word in first if word != "numpy")), over=folder)
    installs = (("install", *again, *first), *(("install", *more) for more in rest))
    if reinstall and not rest:  # the default index: nothing but the build itself comes anew
        installs = (("install", *again, "--no-deps", *built_requirements(fitting)), ("install", *first))
    return in_target(snapshot, summary, *before, *installs, steps=_taken(snapshot))


def _taken(snapshot: Snapshot) -> tuple[str, ...]:
    machine = reading.host(_as_most(snapshot)) if _lacks_processor(snapshot) else None
    return (f"the report does not say its processor: it is taken to be {machine.arch}",) if machine else ()


def on_the_machine(*why: str) -> Fix:
    """Return the way out where a report says too little to choose a build: envkit chooses where everything is known."""
    return Fix(
        summary="let envkit choose the build on the machine itself, and install it into a new environment",
        commands=("envkit create --apply .venv",),
        steps=tuple(f"it cannot be chosen from here: {one}" if number == 0 else one for number, one in enumerate(why)),
    )


def torch_again(snapshot: Snapshot, matrix: Matrix, summary: str, *, before: tuple[tuple[str, ...], ...] = ()) -> Fix:
    """Return the fix that installs the torch that is there again: its release, its build, and what it lacks beside it.

    What is beside it, torchvision's build and the NumPy that others were built against, stays as it is.
    """
    torch, platform = reading.installed_torch(snapshot), reading.platform(_as_most(snapshot))
    anew = _in_an_environment_of_its_own(snapshot, ())
    if anew or torch is None or platform is None:
        release = torch.version if torch else reading.put_aside(snapshot, "torch") or None
        return anew or install_torch(snapshot, matrix, summary, torch=release, reinstall=True, before=before)
    # Only a fault needs a plan.
    from envkit.planning.beside import Stays, installs_again

    installed = reading.packages(snapshot)
    numpy = installed is None or not installed.named("numpy")
    stays = Stays(as_installed(snapshot, torch), backend_there(torch), platform)
    installs = installs_again(stays, matrix, numpy=numpy)
    if installs is None:
        return _no_release(snapshot, torch)
    summary = f"{summary}: torch {torch.version}, the same build"
    folder = reading.imported_from(snapshot, "torch")
    if reading.outside(snapshot, folder):
        return in_target(snapshot, summary, installs[0], over=folder)
    return in_target(snapshot, summary, *before, *installs, steps=_taken(snapshot))


def as_installed(snapshot: Snapshot, torch: reading.InstalledTorch) -> str:
    """Return its version as its metadata has it: what the default index serves has no local part there."""
    copies = reading.imported_torch(snapshot)
    return copies[0].version if copies else torch.version


def backend_there(torch: reading.InstalledTorch) -> str | None:
    """Return what an installed torch is built for, as torch spells it; None where that is not known."""
    if torch.hip:
        return f"rocm{minor(torch.hip)}"
    return None if torch.cuda is None else backend_of(torch.cuda) if torch.cuda else "cpu"


_NIGHTLY = "https://download.pytorch.org/whl/nightly/"


def _no_release(snapshot: Snapshot, torch: reading.InstalledTorch) -> Fix:
    """A nightly, or a build of somebody's own, which no release is to take the place of."""
    release = "or take a release in its place, in a new environment: `envkit create --apply .venv-new`"
    summary = f"bring torch {torch.version} back from where it came: it is none of the releases"
    if ".dev" not in torch.version:
        own = "build it again from its sources, or pull the image again that it came in"
        return Fix(summary=summary, steps=(own, release))
    index = _NIGHTLY + (torch.version.partition("+")[2] or "cpu")
    alone = ("install", "--force-reinstall", "--no-deps", "--pre", "--index-url", index)
    return Fix(
        summary=summary,
        commands=(pip(snapshot, *alone, f"torch=={torch.version}"),),
        steps=("nightlies are kept for some weeks: where it is gone, the same without its version", release),
    )


def _in_an_environment_of_its_own(snapshot: Snapshot, companions: tuple[str, ...]) -> Fix | None:
    """Return the fix where pip must not install torch into the target: its owner refuses that, or it is conda's."""
    target = reading.interpreter(snapshot)
    if target is not None and target.externally_managed:
        return Fix(
            summary="make an environment of its own: this Python's owner refuses installs into it (PEP 668)",
            commands=("envkit create --apply .venv",),
        )
    if any(copy.installer == "conda" for copy in reading.torch_distributions(snapshot)):
        return _new_conda_environment(companions)
    return None


def with_rights(snapshot: Snapshot, fix: Fix, told: str, folder: str) -> Fix:
    """Return a fix that first lets this user read a folder, where what was `told` is that this was refused."""
    if "Permission denied" not in told or reading.system(snapshot) == "windows":
        return fix
    return Fix(
        summary="let this user read the files, as their owner or as root",
        commands=(quoted(snapshot, "chmod", "-R", "a+rX", folder),),
        steps=(f"`{quoted(snapshot, 'ls', '-ld', folder)}` tells who that is",),
    )


def _new_conda_environment(companions: tuple[str, ...]) -> Fix:
    beside = "".join(f" --with {name}" for name in companions)
    return Fix(
        summary="make a new conda environment with the build that fits",
        commands=(f"envkit create --conda{beside} > environment.yml", "conda env create --file environment.yml"),
        steps=("pip inside the old one would lay a second torch over conda's",),
    )


def on_driver_s_machine(snapshot: Snapshot, fix: Fix) -> Fix:
    """Return a fix of the driver told for where the driver is: `fix` is written for a Linux host."""
    machine = reading.host(snapshot)
    if machine is None:
        return fix
    if machine.os == "windows":
        again = ("restart Windows", "if that does not help, install NVIDIA's current driver for this GPU again")
        return Fix(summary="start the driver anew", steps=again)
    if machine.wsl:
        steps = ("update NVIDIA's driver in Windows; inside WSL no driver is installed",)
        return Fix(summary="the driver is that of Windows", commands=("wsl.exe --shutdown",), steps=steps)
    if machine.container:
        return msgspec.structs.replace(fix, summary=f"on the machine that runs this container: {fix.summary}")
    return fix


def with_nvidia_smi(snapshot: Snapshot, fix: Fix) -> Fix:
    """Return a fix of the GPU itself told for where its driver is: Windows has nvidia-smi, and no sudo or dmesg."""
    machine = reading.host(snapshot)
    if machine is None or not (machine.os == "windows" or machine.wsl or machine.container):
        return fix
    if machine.container and not machine.wsl and machine.os != "windows":
        return msgspec.structs.replace(fix, summary=f"on the machine that runs this container: {fix.summary}")
    there = (command.removeprefix("sudo ") for command in fix.commands)
    steps = ("in a terminal of Windows that was started as administrator",) if fix.commands else ()
    return msgspec.structs.replace(
        fix, commands=tuple(one for one in there if one.startswith("nvidia-smi")), steps=(*steps, *fix.steps)
    )
