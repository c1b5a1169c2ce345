"""Is the target a Python that torch can live in?"""

import re

from envkit import reading
from envkit.checks.fixes import python_command, quoted
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.modules import Headers, headers_of
from envkit.matrix.versions import minor
from envkit.snapshot import Absent, Snapshot, Unknown

NOT_INSTALLED = ("torch-missing", "torch-corrupt", "network-index")
"""What follows where torch cannot be installed, or its environment does not start."""


def check_venv_broken(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an environment whose base interpreter is gone, or which was moved away from its place."""
    other = _of_another_minor(snapshot)
    if other:
        return other
    target = snapshot.target
    lost = target if isinstance(target, Absent) and target.environment else None
    quotes = () if lost else reading.quotes(snapshot, matrix, "venv-broken") + _last_words(snapshot, matrix)
    if lost is None and not quotes:
        return None
    if lost is None and "PYTHONHOME" in reading.variables(snapshot):
        return _wrong_home(snapshot, quotes)
    if lost is None and (part := _unbuilt(snapshot, quotes)):
        return part
    folder = lost.environment if lost else ".venv"
    return Finding(
        code="venv-broken",
        severity=Severity.ERROR,
        summary="the environment has lost its interpreter",
        cause=f"{lost.why if lost else quotes[0].value}: the Python that the environment was made from was removed or "
        "moved, or the environment itself was moved or copied",
        expected="an interpreter in the environment that starts",
        facts=(Fact("environment", lost.environment, "its folder"),) if lost else quotes,
        fix=Fix(
            summary="make an environment anew; what was installed in the old one must be installed again",
            # Into a new place: nothing that somebody had is emptied on envkit's word.
            commands=(quoted(snapshot, python_command(snapshot), "-m", "venv", f"{folder}-new"),),
            steps=("if another environment was meant: leave this one with `deactivate`",),
        ),
        explains=NOT_INSTALLED,
    )


def _of_another_minor(snapshot: Snapshot) -> Finding | None:
    """An environment whose Python is another minor release now, which looks for packages in a folder of its own."""
    target = reading.interpreter(snapshot)
    if target is None or not target.made_with or minor(target.made_with) == minor(target.version):
        return None
    if reading.torch_distributions(snapshot):
        return None  # somebody has installed into it anew
    was, now = minor(target.made_with), minor(target.version)
    return Finding(
        code="venv-broken",
        severity=Severity.ERROR,
        summary=f"the environment was made with Python {was}, and another one, {now}, is in its place now",
        cause=f"its interpreter leads to Python {target.version}: an upgrade put that where {target.made_with} was; "
        f"what was installed for Python {was} is not looked at, and cannot be used by another",
        expected=f"Python {was} in the environment",
        facts=(
            Fact("interpreter", f"{target.executable} (Python {target.version})", target.chosen_by),
            Fact("made with", target.made_with, "pyvenv.cfg"),
        ),
        fix=Fix(
            summary="make an environment anew; what was installed in the old one must be installed again",
            commands=(quoted(snapshot, target.executable, "-m", "venv", f"{target.prefix}-new"),),
            steps=(f"or install Python {was} again where it was: then the environment is as it was",),
        ),
        explains=NOT_INSTALLED,
    )


def _last_words(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """What an interpreter said that did not come to answer, where it is that it lacks its standard library."""
    target = snapshot.target
    lacks = isinstance(target, Unknown) and matrix.errors.cause_of(target.why) == "venv-broken"
    return (Fact("said", target.why, "interpreter"),) if isinstance(target, Unknown) and lacks else ()


_NO_MODULE = re.compile(r"No module named '(\w+)'")


def _unbuilt(snapshot: Snapshot, quotes: tuple[Fact, ...]) -> Finding | None:
    """A Python that was built without a part of its library: an environment that is made from it lacks it too."""
    named = [found[1] for one in quotes if (found := _NO_MODULE.search(one.value)) and headers_of(found[1])]
    headers = headers_of(named[0]) if named else None
    if headers is None:
        return None
    target, version = reading.interpreter(snapshot), reading.python_minor(snapshot)
    base = f" ({target.base_prefix})" if target and target.base_prefix else ""
    return Finding(
        code="venv-broken",
        severity=Severity.ERROR,
        summary=f"this Python was built without {named[0]}, a part of its standard library",
        cause=f"{named[0]} is built only where the headers of the library that it uses are installed; when this "
        f"Python{base} was built they were not, and every environment that is made from it lacks it too",
        expected=f"a Python with {named[0]}",
        facts=(*quotes, *((Fact("interpreter", target.executable, target.chosen_by),) if target else ())),
        fix=Fix(
            summary="make an environment of a Python that has it; what was installed must be installed again",
            commands=(
                quoted(
                    snapshot,
                    *("uv", "venv", "--python-preference", "only-managed"),
                    *(("--python", version) if version else ()),
                    ".venv-new",
                ),
            ),
            steps=_built_again(snapshot, headers),
        ),
        explains=NOT_INSTALLED,
    )


def _built_again(snapshot: Snapshot, headers: Headers) -> tuple[str, ...]:
    if reading.system(snapshot) not in ("linux", ""):
        return ("or install this Python again, from python.org or conda",)
    target = reading.interpreter(snapshot)
    pyenv = target is not None and ".pyenv/versions/" in target.base_prefix
    again = f"`pyenv install --force {target.version}`" if target and pyenv else "build this Python again"
    headers_first = f"`apt-get install {headers.debian}` (Debian, Ubuntu), `dnf install {headers.fedora}` (Fedora)"
    return (f"or, as root, {headers_first}; then {again}",)


def _wrong_home(snapshot: Snapshot, quotes: tuple[Fact, ...]) -> Finding:
    """A variable that sends every Python to another one's standard library."""
    shell = shell_of(snapshot)
    return Finding(
        code="venv-broken",
        severity=Severity.ERROR,
        summary="PYTHONHOME keeps this Python from its own standard library",
        cause="PYTHONHOME names a folder that does not hold the standard library of this Python, which therefore "
        "cannot start; no environment needs the variable",
        expected="PYTHONHOME unset",
        facts=(*reading.variable_facts(snapshot, "PYTHONHOME"), *quotes),
        fix=Fix(
            summary=f"unset it, where it is set too ({shell.start_file}, the image, a module)",
            commands=(shell.unset("PYTHONHOME"),),
        ),
        explains=NOT_INSTALLED,
    )


def check_externally_managed(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a Python whose owner refuses installs (PEP 668), where one was refused or torch is wanted in it."""
    quotes = reading.quotes(snapshot, matrix, "externally-managed")
    target = reading.interpreter(snapshot)
    managed = target is not None and target.externally_managed
    if not quotes and not (managed and reading.installed_torch(snapshot) is None):
        return None
    return Finding(
        code="externally-managed",
        # A Python that nobody has tried to install into is as its owner wants it.
        severity=Severity.ERROR if quotes else Severity.NOTE,
        summary="this Python's owner refuses installs into it (PEP 668)",
        cause="the operating system, or Homebrew, manages the packages of this Python and marks it with a file "
        "EXTERNALLY-MANAGED; pip and uv then install into environments only",
        expected="an environment of its own for torch",
        facts=quotes or ((Fact("interpreter", target.executable, target.chosen_by),) if target else ()),
        fix=Fix(
            summary="make an environment and install into it",
            commands=("envkit create --apply .venv",),
            steps=("--break-system-packages may break what the system itself needs",),
        ),
        explains=("torch-missing",) if quotes else (),
    )


CHECKS = (check_venv_broken, check_externally_managed)
