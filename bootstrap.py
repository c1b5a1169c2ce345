"""Set envkit up in this checkout: make `.venv`, install what fits this machine, then prove that it works.

usage:
  python3 bootstrap.py                  set up, then run `envkit doctor` and `envkit smoke`
  python3 bootstrap.py test [ARGS...]   set up with the test tools, then run pytest with ARGS
  python3 bootstrap.py check            set up with the developer tools, then lint, types and import rules
  python3 bootstrap.py --help           show this text

Again is quick: what is already in `.venv` stays, and a half-made `.venv` is made anew. The exit code is
that of the first command that failed. pip's own settings (pip.conf, PIP_*) are respected.
"""
# Python 2.7 parses the whole file before it gets to the version check: hence type comments, and no
# syntax here that it cannot read. What follows the check runs on 3.9 and newer.

import sys

if sys.version_info < (3, 9):
    sys.stderr.write("error: envkit needs Python 3.10 to 3.14, and this is {}.{}.{}".format(*sys.version_info))
    sys.exit("\n\nhint: name a newer one, `python3.11 bootstrap.py`, or first get it, `uv python install 3.11`")

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable  # noqa: F401 -- in type comments
from pathlib import Path
from typing import Any  # noqa: F401 -- in type comments

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

MARKER = VENV / "envkit-bootstrap.json"
"""The first thing written to `.venv`: says whose it is, and once all is installed also what is in it."""

PIP_LOG = VENV / "pip.log"
"""All that the last pip, and the pips that it ran, did: a lost connection is often only told there."""

DRAFT = MARKER.with_suffix(".new")

CONSTRAINTS = "constraints.txt"
"""The tested versions; named from ROOT, because pip splits PIP_* variables at the spaces of a path."""

OLDEST, NEWEST = (3, 10), (3, 14)
"""The Pythons on which both envkit and the tested torch run."""

PREFERRED = ("3.11", "3.12", "3.13", "3.10", "3.14")
SIGN_OF_LIFE = 30
"""Seconds after which a long download says that it goes on."""

WORK = {
    "setup": (
        ("virtualenv",),
        (
            ("envkit doctor", (PYTHON, "-m", "envkit", "doctor", "--python", PYTHON)),
            ("envkit smoke", (PYTHON, "-m", "envkit", "smoke", "--quick", "--python", PYTHON)),
        ),
    ),
    "test": (("virtualenv", "test"), (("pytest", (PYTHON, "-m", "pytest")),)),
    "check": (
        ("virtualenv", "test", "dev"),
        (
            ("ruff check", (PYTHON, "-m", "ruff", "check", ".")),
            ("ruff format --check", (PYTHON, "-m", "ruff", "format", "--check", ".")),
            ("mypy", (PYTHON, "-m", "mypy")),
            ("lint-imports", (BIN / "lint-imports",)),
        ),
    ),
}  # type: dict[str, tuple[tuple[str, ...], tuple[tuple[str, tuple[Path | str, ...]], ...]]]
"""What each command needs installed (extras of envkit), and what it then runs."""


class BootstrapError(Exception):
    """What is in the way, in one sentence, and what to type."""

    def __init__(self, sentence, hint):
        # type: (str, str) -> None
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def main(argv):
    # type: (list[str]) -> int
    """Do what the command line asks and return the exit code."""
    if argv[:1] in (["-h"], ["--help"]):
        sys.stdout.write(str(__doc__))
        return 0
    command, rest = (argv[0], argv[1:]) if argv else ("setup", [])
    if command not in WORK or (rest and command != "test"):
        return fail("`{}` is no command".format(" ".join(argv)), "`python3 bootstrap.py --help`", exit_code=2)
    extras, work = WORK[command]
    try:
        steps_before = set_up(extras, len(work))
        return run_work([(title, args + tuple(rest)) for title, args in work], steps_before)
    except BootstrapError as problem:
        return fail(problem.sentence, problem.hint)
    except OSError as problem:
        return fail(*describe_os_error(problem))
    except KeyboardInterrupt:
        say("\ninterrupted: type the same command to go on")
        return 130


def say(text):
    # type: (str) -> None
    """Tell the person something, at once; stdout belongs to the commands that are run."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(sentence, hint, exit_code=1):
    # type: (str, str, int) -> int
    """Say what is in the way and return the exit code for it."""
    say("error: {}\n\nhint: {}".format(sentence, hint))
    return exit_code


def set_up(extras, steps_after):
    # type: (tuple[str, ...], int) -> int
    """Bring `.venv` to the state that `extras` asks for; return the number of steps that it took."""
    refuse_foreign_venv()
    record = read_usable_record()
    wanted = sorted(set(extras) | set(record.get("extras", ())))
    if record.get("digest") == digest_inputs() and record["extras"] == wanted:
        return 0
    steps = list_steps(record, wanted)
    write_marker({})
    for number, (title, action) in enumerate(steps, start=1):
        say("[{}/{}] {}".format(number, len(steps) + steps_after, title))
        action()
    write_marker(describe_venv(wanted))
    return len(steps)


def list_steps(record, wanted):
    # type: (dict[str, Any], list[str]) -> list[tuple[str, Callable[[], None]]]
    """Return the steps that are left to do, each with its title."""
    steps = []  # type: list[tuple[str, Callable[[], None]]]
    if not record:
        python = choose_python()
        title = "making `.venv` with Python {}".format(python["version"])
        steps.append((title, lambda: make_venv(python["executable"])))
    steps.append(("installing envkit", lambda: install_envkit(["virtualenv"])))
    steps.append(("installing the torch build that fits this machine", install_torch))
    if wanted != ["virtualenv"]:
        # After torch: these extras ask for any torch, and alone they would fetch the default build.
        tools = " and ".join(name for name in wanted if name != "virtualenv")
        steps.append(("installing the {} tools".format(tools), lambda: install_envkit(wanted)))
    return steps


def run_work(work, steps_before):
    # type: (list[tuple[str, tuple[Path | str, ...]]], int) -> int
    """Run the commands, all of them; return the first exit code that is not 0."""
    first_failure = 0
    for number, (title, args) in enumerate(work, start=steps_before + 1):
        say("[{}/{}] {}".format(number, steps_before + len(work), title))
        code = subprocess.run(list(map(str, args)), cwd=str(ROOT), check=False).returncode
        first_failure = first_failure or (code if code >= 0 else 128 - code)
    return first_failure


# The record in `.venv`


def refuse_foreign_venv():
    # type: () -> None
    """Raise when something is at `.venv` that this program did not make: it might be dear to somebody."""
    if not os.path.lexists(str(VENV)):
        return
    # A kill may have come between making the folder and marking it.
    if VENV.is_dir() and (MARKER.is_file() or all(entry == DRAFT for entry in VENV.iterdir())):
        return
    raise BootstrapError(
        "`.venv` is here already, and bootstrap.py did not make it",
        "move it away: `{} .venv old-venv`".format("ren" if os.name == "nt" else "mv"),
    )


def read_usable_record():
    # type: () -> dict[str, Any]
    """Return what `.venv` says of itself when that is still true, else nothing: it has to be made anew."""
    try:
        record = json.loads(MARKER.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict) or not set(record) >= RECORD_KEYS or record["root"] != str(ROOT):
        return {}
    running = ask_python([base_executable()])
    if running and not find_unfitness(running) and minor_version(running) != record["python"]:
        return {}
    damage = find_damage(record)
    if damage:
        say("`.venv` is damaged and will be made anew: {}".format(damage))
    return {} if damage else record


RECORD_KEYS = {"root", "python", "extras", "digest", "distributions", "absent"}


def describe_venv(extras):
    # type: (list[str]) -> dict[str, Any]
    """Return what a later run compares: the inputs, and what it must find when nothing was damaged."""
    python = minor_version(ask_python([str(PYTHON)]) or {})
    distributions, absent = look_into_venv(python)
    return {
        "root": str(ROOT),
        "python": python,
        "extras": extras,
        "digest": digest_inputs(),
        "distributions": sorted(distributions),
        "absent": sorted(absent),
    }


def find_damage(record):
    # type: (dict[str, Any]) -> str
    """Return what has gone from `.venv` since it was finished, else an empty string."""
    if minor_version(ask_python([str(PYTHON)]) or {}) != record["python"]:
        return "its Python does not start"
    distributions, absent = look_into_venv(record["python"])
    gone = sorted((set(record["distributions"]) - distributions) | (absent - set(record["absent"])))
    return "it lacks {}".format(" and ".join(gone[:1] + ["more"] * (len(gone) > 1))) if gone else ""


def look_into_venv(python):
    # type: (str) -> tuple[set[str], set[str]]
    """Return the names of the distributions in `.venv`, and the files that these list but do not have."""
    site = VENV / ("Lib" if os.name == "nt" else "lib/python" + python) / "site-packages"
    distributions = set()
    absent = set()
    for info in site.glob("*.dist-info"):
        distributions.add(info.name.partition("-")[0].lower())
        try:
            with (info / "RECORD").open(encoding="utf-8", newline="") as lines:
                paths = [row[0] for row in csv.reader(lines) if row]
        except (OSError, ValueError, csv.Error):
            absent.add(info.name + "/RECORD")
            continue
        # Python writes .pyc files again; what lies outside is not imported.
        needed = (path for path in paths if not path.endswith(".pyc") and not path.startswith(".."))
        absent.update(path for path in needed if not (site / path).exists())
    return distributions, absent


def write_marker(record):
    # type: (dict[str, Any]) -> None
    """Write the marker in one stroke, so that a kill leaves the old one or the new one."""
    VENV.mkdir(exist_ok=True)
    DRAFT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    DRAFT.replace(MARKER)


def digest_inputs():
    # type: () -> str
    """Return one digest of the files that say what to install."""
    contents = [(ROOT / name).read_bytes() for name in ("pyproject.toml", CONSTRAINTS)]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


# The Python that makes `.venv`


def choose_python():
    # type: () -> dict[str, Any]
    """Return the running Python when envkit and torch run on it, else the first on PATH that will do."""
    running = ask_python([base_executable()]) or {}
    unfitness = find_unfitness(running)
    if not unfitness:
        if not running["makes_venvs"]:
            raise describe_missing_ensurepip(running)
        return running
    for candidate in list_candidates():
        python = ask_python(candidate)
        if python and python["makes_venvs"] and not find_unfitness(python):
            return python
    sentence = "envkit needs Python 3.10 to 3.14, this is {}, and PATH has none that will do".format(unfitness)
    raise BootstrapError(sentence, "get one: {}".format(advise_python()))


def base_executable():
    # type: () -> str
    """Return the running Python, from outside of the virtual environment that it may be in."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def find_unfitness(python):
    # type: (dict[str, Any]) -> str
    """Return what this Python is when the tested torch has no wheel for it, else an empty string."""
    if not python:
        return "a Python that does not start"
    name = "{} {}".format(python["implementation"], python["version"])
    if python["implementation"] != "CPython":
        return name
    if not python["is_64bit"]:
        return "a 32-bit " + name
    if python["is_free_threaded"]:
        return "a free-threaded " + name
    return "" if OLDEST <= tuple(map(int, minor_version(python).split("."))) <= NEWEST else name


def minor_version(python):
    # type: (dict[str, Any]) -> str
    """Return `3.11` of a Python 3.11.7."""
    return ".".join(str(python.get("version", "")).split(".")[:2])


def list_candidates():
    # type: () -> list[list[str]]
    """Return the commands that may start a better Python, best first."""
    named = [[path] for path in (shutil.which("python" + version) for version in PREFERRED) if path]
    launcher = shutil.which("py") if os.name == "nt" else None
    return named + [[launcher, "-" + version] for version in PREFERRED if launcher]


def ask_python(command):
    # type: (list[str]) -> dict[str, Any] | None
    """Return the facts of the Python that this command starts; None when it does not start."""
    facts = ask_json(command + ["-I", "-c", DESCRIBE_PYTHON])
    return facts if isinstance(facts, dict) else None


DESCRIBE_PYTHON = """
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
    "executable": sys.executable,
    "version": platform.python_version(),
    "implementation": platform.python_implementation(),
    "is_64bit": sys.maxsize > 2**32,
    "is_free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "makes_venvs": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))
"""


def ask_json(command):
    # type: (list[str]) -> object
    """Run a command and return the JSON that it prints; None when it fails or prints none."""
    try:
        answer = subprocess.run(command, env=clean_environment(), capture_output=True, timeout=60, check=True)
        return json.loads(answer.stdout.decode("utf-8"))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def make_venv(python):
    # type: (str) -> None
    """Empty `.venv`, all but its marker, and let this Python make it."""
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        elif entry != MARKER:
            entry.unlink()
    code, output = run_quietly([python, "-I", "-m", "venv", "--prompt", "envkit", str(VENV)], {})
    if code == 0:
        return
    if "ensurepip" in output or "No module named venv" in output:
        raise describe_missing_ensurepip(ask_python([python]) or {})
    if "No space left on device" in output:
        raise OSError(errno.ENOSPC, "", str(VENV))
    sentence = "Python cannot make `.venv`: {}".format(name_error(output))
    raise BootstrapError(sentence, "see all that it says: `{} -m venv .venv`".format(python))


# What goes into `.venv`


def install_envkit(extras):
    # type: (list[str]) -> None
    """Install this checkout with the extras, so that an edit takes effect at once."""
    pip_install(["--editable", ".[{}]".format(",".join(extras))], choose_constraints())
    # pip compiles what it copies, and an editable install copies nothing. A checkout that is read-only does without.
    run_quietly([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "envkit")], {})


def install_torch():
    # type: () -> None
    """Install what envkit itself finds best for this machine."""
    tested = read_tested_torch()
    for args in ask_torch_plan(tested):
        versions = [match.group(1) for match in map(re.compile(r"torch===?([^+;\s]+)").match, args) if match]
        pip_install(args, CONSTRAINTS if versions in ([], [tested]) else "")


def ask_torch_plan(tested):
    # type: (str) -> list[list[str]]
    """Return the arguments of each `pip install`: the tested torch where it fits, else the one that does."""
    create = [str(PYTHON), "-m", "envkit", "create", "--venv", "--dry-run", "--json", "--python", str(PYTHON)]
    for options in (["--torch", tested], []):
        plan = ask_json(create + options)
        if isinstance(plan, dict) and plan.get("install"):
            return [list(map(str, args)) for args in plan["install"]]
    sentence = "`envkit create` cannot say which torch build fits this machine"
    raise BootstrapError(sentence, "see why: `{}`".format(" ".join(create)))


def choose_constraints():
    # type: () -> str
    """Return the file of tested versions, without those of an untested torch, where one was due."""
    installed = ask_json([str(PYTHON), "-I", "-c", LIST_INSTALLED])
    versions = installed if isinstance(installed, dict) else {}
    if versions.get("torch", "").partition("+")[0] in ("", read_tested_torch()):
        return CONSTRAINTS
    pins = (ROOT / CONSTRAINTS).read_text(encoding="utf-8").splitlines()
    rest = VENV / CONSTRAINTS
    rest.write_text("\n".join(pin for pin in pins if pin.partition("==")[0] not in versions), encoding="utf-8")
    return str(rest.relative_to(ROOT))


LIST_INSTALLED = """
import importlib.metadata, json, re
installed = importlib.metadata.distributions()
print(json.dumps({re.sub("[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in installed}))
"""


def read_tested_torch():
    # type: () -> str
    """Return the version of torch that the constraints name."""
    found = re.search(r"^torch==(\S+)", (ROOT / CONSTRAINTS).read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


def pip_install(args, constraints):
    # type: (list[str], str) -> None
    """Run `pip install` in `.venv`; raise with the one sentence that its failure comes down to."""
    PIP_LOG.unlink(missing_ok=True)
    settings = {"PIP_USER": "0", "PIP_LOG": str(PIP_LOG)}
    if constraints:
        # By variable, as they hold for the tools that build envkit too: older pips read the first for
        # those, newer ones the second.
        settings.update(PIP_CONSTRAINT=constraints, PIP_BUILD_CONSTRAINT=constraints)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    code, output = run_quietly(command + args, settings)
    if code and "No space left on device" in output:
        raise OSError(errno.ENOSPC, "", str(VENV))
    if code:
        log = PIP_LOG.read_text(encoding="utf-8", errors="replace") if PIP_LOG.exists() else ""
        raise describe_pip_failure(output, log, args)


def run_quietly(command, settings):
    # type: (list[str], dict[str, str]) -> tuple[int, str]
    """Run a command and return its exit code and all that it said; show a sign of life now and then."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=dict(clean_environment(), **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            while True:
                try:
                    output = process.communicate(timeout=SIGN_OF_LIFE)[0]
                except subprocess.TimeoutExpired:  # noqa: PERF203
                    say("      still at it after {:.0f} s".format(time.monotonic() - started))
                else:
                    return process.returncode, output
        except BaseException:
            process.kill()
            raise


def clean_environment():
    # type: () -> dict[str, str]
    """Return the environment without what would send an installation elsewhere than to `.venv`."""
    strays = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in strays}


# What went wrong, in one sentence


def describe_missing_ensurepip(python):
    # type: (dict[str, Any]) -> BootstrapError
    """Return the error for a Python that comes in parts, without the one that makes environments."""
    version = minor_version(python)
    if shutil.which("apt-get"):
        hint = "`sudo apt-get install python{}-venv`, then the same command again".format(version)
    else:
        hint = "use a complete one: {}".format(advise_python())
    return BootstrapError("this Python {} cannot make `.venv`: it lacks ensurepip".format(version), hint)


def advise_python():
    # type: () -> str
    """Return the commands that get a fitting Python, with what is at hand here, and start again with it."""
    ways = (
        ("uv", "`uv run --no-project --python 3.12 bootstrap.py`"),
        ("conda", "`conda create --name py312 python=3.12`, then `conda run --name py312 python bootstrap.py`"),
        ("brew", "`brew install python@3.12`, then `python3.12 bootstrap.py`"),
        ("winget", "`winget install Python.Python.3.12`, then `py -3.12 bootstrap.py`"),
        ("dnf", "`sudo dnf install python3.12`, then `python3.12 bootstrap.py`"),
    )
    at_hand = (commands for tool, commands in ways if shutil.which(tool))
    return next(at_hand, "`pip install uv`, then `uv run --no-project --python 3.12 bootstrap.py`")


def describe_pip_failure(output, log, args):
    # type: (str, str, list[str]) -> BootstrapError
    """Return the error for what pip said and did."""
    # The log first: the pip that fetches the build tools tells only there what was in its way.
    story = re.sub(TIMESTAMP, "", log) + "\n" + output
    missing = re.search(r"No matching distribution found for ([\w.-]+)(.*)", story)
    # Without a connection pip goes on, to miss a package or to call what it was asked for a conflict. When it
    # failed for another reason, a connection that was lost for a while is no more than a warning.
    is_unresolved = missing or "ResolutionImpossible" in story
    told = [line for line in story.splitlines() if is_unresolved or not re.match(PASSING, line)]
    no_trust = [line for line in told if re.search(NO_TRUST, line)]
    no_connection = [line for line in told if re.search(NO_CONNECTION, line)]
    if no_trust:
        return BootstrapError(
            "pip does not trust the certificate of {}".format(name_hosts(no_trust)),
            "name your network's own: `PIP_CERT=/path/to/certificates.pem python3 bootstrap.py`",
        )
    if no_connection:
        # The index of a torch build is an argument of its own, which no PIP_INDEX_URL replaces.
        variable = "PIP_EXTRA_INDEX_URL" if "--index-url" in args else "PIP_INDEX_URL"
        return BootstrapError(
            "pip cannot reach {}".format(name_hosts(no_connection)),
            "connect this machine, or name a mirror that it reaches: `{}=URL python3 bootstrap.py`".format(variable),
        )
    if missing:
        return BootstrapError(
            "the package index has no `{}{}` for this Python and machine".format(*missing.groups()),
            "see what it has: `{} -m pip index versions {}`".format(PYTHON, missing.group(1)),
        )
    return BootstrapError(
        "pip failed: {}".format(name_error(story)),
        "see all it did in `{}`, or type `{} -m pip install {}`".format(PIP_LOG, PYTHON, " ".join(args)),
    )


TIMESTAMP = r"(?m)^\d{4}-\d\d-\d\dT\S+"
PASSING = r"\s*(?:WARNING|Could not fetch URL)"

# In the words of pip 21 to 26: the older ones print the exception, the newer ones a sentence.
NO_TRUST = r"CERTIFICATE_VERIFY_FAILED|SSLError|confirming the ssl certificate"
NO_CONNECTION = (
    r"connection error|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError"
    r"|ConnectionResetError|RemoteDisconnected|Max retries exceeded|Failed to connect|didn't respond within"
)


def name_hosts(lines):
    # type: (list[str]) -> str
    """Return the hosts in lines of pip's; the addresses around them may hold a password."""
    found = re.findall(r"(?:host='|Could not fetch URL \w+://(?:[^/@]*@)?)([^/:']+)", "\n".join(lines))
    return " and ".join("`{}`".format(host) for host in dict.fromkeys(found)) or "the package index"


def describe_os_error(problem):
    # type: (OSError) -> tuple[str, str]
    """Return the sentence and the hint for what the operating system refused."""
    path = problem.filename or str(ROOT)
    if problem.errno == errno.ENOSPC:
        return "the disk of `{}` is full".format(path), "free some gigabytes, then the same command again"
    if isinstance(problem, PermissionError):
        return "no permission to write `{}`".format(path), "see whose it is: `ls -ld {}`".format(path)
    return "{}: `{}`".format(problem.strerror or problem, path), "mend that, then the same command again"


def name_error(output):
    # type: (str) -> str
    """Return the first error that a program told of, else the last thing that it said."""
    # Not `error: some-code` or `ERROR: Exception:`, which only announce it; pip marks what follows by a cross.
    errors = re.findall(r"(?im)^\s*(?:error: (?![\w-]+:?$)|\u00d7 )(.+)", output)
    return (errors or output.strip().splitlines()[-1:] or ["it said nothing"])[0].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
