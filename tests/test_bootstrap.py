"""bootstrap.py in throwaway checkouts: the real venv and pip, stand-ins for envkit, torch and pytest."""

import ast
import errno
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[1] / "bootstrap.py"
PYTHON_IN_VENV = Path(".venv", "Scripts/python.exe" if os.name == "nt" else "bin/python")
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="signals and links of POSIX")

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import pathlib, zipfile

NAME, FOLDER = "torch_envkit-0.1.0", pathlib.Path(__file__).parent

def build_editable(folder, config_settings=None, metadata_directory=None):
    wheel = NAME + "-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, wheel), "w") as archive:
        archive.writestr("torch_envkit.pth", str(FOLDER))
        archive.writestr(NAME + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        archive.writestr(NAME + ".dist-info/METADATA", (FOLDER / "METADATA").read_text())
        archive.writestr(NAME + ".dist-info/RECORD", "")
    return wheel
"""
METADATA = """Metadata-Version: 2.1
Name: torch-envkit
Version: 0.1.0
Requires-Dist: virtualenv
Provides-Extra: virtualenv
Provides-Extra: test
Requires-Dist: torch>=1.13; extra == "test"
Requires-Dist: pytest; extra == "test"
"""
ENVKIT = """
import json, os, pathlib, sys, time

def answer(command, options):
    tested_fits = os.environ.get("STAND_IN_TORCH") is None
    if command == "create" and ("--torch" not in options or tested_fits):
        index = os.environ.get("STAND_IN_INDEX", "").split()
        torch = "torch==" + os.environ.get("STAND_IN_TORCH", "2.13.0")
        print(json.dumps({"install": [index + [torch], ["numpy"]]}))
    elif command == "create":
        return 1
    return int(os.environ.get("STAND_IN_" + command.upper(), "0"))

with open(pathlib.Path(__file__).parent / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == os.environ.get("STAND_IN_SLEEPS"):
    import signal
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print("asleep", flush=True)
    time.sleep(60)
sys.exit(answer(sys.argv[1], sys.argv[2:]))
"""
PYTEST = "import sys; print('pytest got', sys.argv[1:]); sys.exit(5)"


def write_wheel(folder, name, version, files, requires=""):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder, "torch", "2.13.0", {"torch/__init__.py": ""}, "Requires-Dist: sympy>=1.13.3\n")
    write_wheel(folder, "torch", "2.5.1", {"torch/__init__.py": ""}, "Requires-Dist: sympy==1.13.1\n")
    for name, version in [
        ("numpy", "2.4.6"),
        ("sympy", "1.13.1"),
        ("sympy", "1.14.0"),
        ("virtualenv", "21.0"),
    ]:
        write_wheel(folder, name, version, {f"{name}/__init__.py": ""})
    write_wheel(folder, "pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": PYTEST})
    write_wheel(folder, "pytest", "9.9", {"pytest/__init__.py": "", "pytest/__main__.py": PYTEST})
    return folder


@pytest.fixture(scope="module")
def environment(wheels):
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "STAND_IN_"))}
    return ours | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(), "PIP_CONFIG_FILE": os.devnull}


def make_checkout(folder):
    (folder / "envkit").mkdir(parents=True)
    shutil.copy(BOOTSTRAP, folder)
    files = {
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND,
        "METADATA": METADATA,
        "constraints.txt": "pytest==9.0\nsympy==1.14.0\ntorch==2.13.0\n",
        "envkit/__init__.py": "",
        "envkit/__main__.py": ENVKIT,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def bootstrap(checkout, environment, *args, python=sys.executable, **more):
    """Run bootstrap.py as a newcomer does, in a folder of their own; return what came out."""
    return subprocess.run(
        [python, checkout / "bootstrap.py", *args],
        cwd=checkout.parent,
        env=environment | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def load_bootstrap(checkout):
    """Import the bootstrap.py of a checkout, for its smaller parts."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", checkout / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_calls(checkout):
    calls = checkout / "envkit" / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return lines


def find_in_venv(checkout, pattern):
    return sorted(path.name for path in (checkout / ".venv").rglob(pattern))


@pytest.fixture(scope="module")
def set_up(tmp_path_factory, environment):
    """Return a checkout that was set up, what its first run said, and how it called envkit."""
    checkout = make_checkout(tmp_path_factory.mktemp("set up") / "a checkout")
    return checkout, bootstrap(checkout, environment), read_calls(checkout)


@pytest.fixture
def ready(set_up, environment):
    """Return the checkout that was set up, whole again after a test that damaged it."""
    checkout = set_up[0]
    if bootstrap(checkout, environment).returncode:
        pytest.fail("the throwaway checkout cannot be set up")
    read_calls(checkout)
    return checkout


# The first run, and the next


def test_first_run_says_its_steps_on_stderr(set_up):
    version = sysconfig.get_python_version() + "." + str(sys.version_info.micro)
    assert (set_up[1].returncode, set_up[1].stdout, set_up[1].stderr.splitlines()) == (
        0,
        "",
        [
            f"[1/5] making `.venv` with Python {version}",
            "[2/5] installing envkit",
            "[3/5] installing the torch build that fits this machine",
            "[4/5] envkit doctor",
            "[5/5] envkit smoke",
        ],
    )


def test_first_run_asks_envkit_for_the_torch_then_judges_and_tries_the_new_python(set_up):
    python = set_up[0] / PYTHON_IN_VENV
    assert set_up[2] == [
        f"create --venv --dry-run --json --python {python} --torch 2.13.0",
        f"doctor --python {python}",
        f"smoke --quick --python {python}",
    ]


def test_first_run_installs_the_tested_versions(ready):
    assert find_in_venv(ready, "torch-*.dist-info") == ["torch-2.13.0.dist-info"]
    assert find_in_venv(ready, "sympy-*.dist-info") == ["sympy-1.14.0.dist-info"]


def test_second_run_installs_nothing_and_is_quick(ready, environment):
    started = time.monotonic()
    second = bootstrap(ready, environment, PIP_FIND_LINKS="")
    assert time.monotonic() - started < 5
    assert second.stderr.splitlines() == ["[1/2] envkit doctor", "[2/2] envkit smoke"]


def test_other_run_from_inside_the_venv_uses_what_is_there(ready, environment):
    inside = bootstrap(ready, environment, python=ready / PYTHON_IN_VENV)
    assert inside.stderr.splitlines() == ["[1/2] envkit doctor", "[2/2] envkit smoke"]


@pytest.mark.parametrize(
    ("doctor", "smoke", "expected"),
    [("0", "0", 0), ("4", "0", 4), ("0", "1", 1), ("1", "3", 1)],
)
def test_exit_code_is_the_first_that_is_not_0(ready, environment, doctor, smoke, expected):
    done = bootstrap(ready, environment, STAND_IN_DOCTOR=doctor, STAND_IN_SMOKE=smoke)
    assert (done.returncode, len(read_calls(ready))) == (expected, 2)


def test_test_command_adds_the_test_tools_and_hands_over_to_pytest(ready, environment):
    done = bootstrap(ready, environment, "test", "-k", "one or two", "-x")
    assert (done.returncode, done.stdout) == (5, "pytest got ['-k', 'one or two', '-x']\n")
    assert find_in_venv(ready, "pytest-*.dist-info") == ["pytest-9.0.dist-info"]


def test_setup_after_test_keeps_the_test_tools(ready, environment):
    bootstrap(ready, environment, "test")
    assert bootstrap(ready, environment).stderr.splitlines() == ["[1/2] envkit doctor", "[2/2] envkit smoke"]


def test_changed_constraints_are_installed_without_a_new_venv(ready, environment):
    constraints = ready / "constraints.txt"
    before = constraints.read_text()
    constraints.write_text(before.replace("pytest==9.0", "pytest==9.9"))
    changed = bootstrap(ready, environment, "test")
    constraints.write_text(before)
    assert changed.stderr.splitlines()[0] == "[1/4] installing envkit"
    assert find_in_venv(ready, "pytest-*.dist-info") == ["pytest-9.9.dist-info"]


def test_torch_other_than_the_tested_one_comes_with_versions_of_its_own(tmp_path, environment):
    checkout = make_checkout(tmp_path / "checkout")
    done = bootstrap(checkout, environment, "test", STAND_IN_TORCH="2.5.1")
    installed = {name: find_in_venv(checkout, f"{name}-*.dist-info") for name in ("torch", "sympy", "pytest")}
    assert (done.returncode, installed) == (
        5,
        {
            "torch": ["torch-2.5.1.dist-info"],
            "sympy": ["sympy-1.13.1.dist-info"],
            "pytest": ["pytest-9.0.dist-info"],
        },
    )


@pytest.mark.parametrize("args", [("tset",), ("check", "envkit"), ("--verbose",)])
def test_unknown_usage_is_refused_with_2(tmp_path, environment, args):
    done = bootstrap(make_checkout(tmp_path / "checkout"), environment, *args)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: `{' '.join(args)}` is no command\n\nhint: `python3 bootstrap.py --help`\n",
    )


def test_help_is_the_usage_on_stdout(tmp_path, environment):
    done = bootstrap(make_checkout(tmp_path / "checkout"), environment, "--help")
    assert (done.returncode, done.stdout) == (
        0,
        ast.get_docstring(ast.parse(BOOTSTRAP.read_text()), clean=False),
    )


# A half-made or foreign .venv


@POSIX_ONLY
def test_run_after_a_kill_makes_the_venv_anew(tmp_path, environment):
    checkout = make_checkout(tmp_path / "checkout")
    command = [sys.executable, checkout / "bootstrap.py"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True) as first:
        while b"[2/5]" not in first.stderr.readline():
            pass
        os.killpg(first.pid, signal.SIGKILL)
    second = bootstrap(checkout, environment)
    assert (second.returncode, second.stderr.count("making `.venv`")) == (0, 1)


@POSIX_ONLY
def test_venv_whose_python_is_gone_is_made_anew(ready, environment):
    for python in ready.glob(".venv/bin/python*"):
        python.unlink()
    (ready / PYTHON_IN_VENV).symlink_to("gone")
    again = bootstrap(ready, environment)
    assert (again.returncode, again.stderr.count("making `.venv`")) == (0, 1)


@pytest.mark.parametrize(
    ("pattern", "lack"),
    [
        ("**/site-packages/torch", "it lacks torch/__init__.py"),
        ("**/site-packages/sympy/__init__.py", "it lacks sympy/__init__.py"),
        ("**/site-packages/pip", "it lacks pip/__init__.py and more"),
        ("**/site-packages/numpy-*.dist-info", "it lacks numpy"),
        ("**/site-packages/numpy-*.dist-info/RECORD", "it lacks numpy-2.4.6.dist-info/RECORD"),
        (PYTHON_IN_VENV.name, "its Python does not start"),
    ],
)
def test_missing_part_is_seen_and_named(ready, capsys, pattern, lack):
    part = next((ready / ".venv").rglob(pattern))
    module = load_bootstrap(ready)
    whole = module.read_usable_record()
    away = part.rename(part.with_name("away"))
    damaged = module.read_usable_record()
    away.rename(part)
    assert (whole["root"], damaged) == (str(ready), {})
    assert capsys.readouterr().err == f"`.venv` is damaged and will be made anew: {lack}\n"


def test_venv_that_lacks_a_file_is_made_anew(ready, environment):
    next(ready.glob(".venv/**/site-packages/sympy/__init__.py")).unlink()
    again = bootstrap(ready, environment)
    assert (again.returncode, again.stderr.count("making `.venv`")) == (0, 1)
    assert bootstrap(ready, environment).stderr.splitlines() == ["[1/2] envkit doctor", "[2/2] envkit smoke"]


def test_what_python_writes_again_and_what_never_was_there_is_no_damage(ready):
    module = load_bootstrap(ready)
    before = module.MARKER.read_text()
    site = next((ready / ".venv").rglob("**/site-packages"))
    mine = site / "mine-1.0.dist-info"
    mine.mkdir()
    (mine / "RECORD").write_text("mine/never.py,,\n../../../bin/mine,,\n")
    module.write_marker(module.describe_venv(["virtualenv"]))
    for folder in site.rglob("__pycache__"):
        shutil.rmtree(folder)
    record = module.read_usable_record()
    shutil.rmtree(mine)
    module.MARKER.write_text(before)
    assert (record["absent"], "mine" in record["distributions"]) == (["mine/never.py"], True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param({"root": "elsewhere"}, id="made in another folder"),
        pytest.param({"python": "3.2"}, id="made by another Python"),
        pytest.param({"extras": None}, id="without a key"),
        pytest.param("{}\n", id="never finished"),
        pytest.param('{"roo', id="torn"),
        pytest.param("[]", id="something else"),
    ],
)
def test_marker_that_does_not_fit_is_seen(ready, text):
    marker = ready / ".venv" / "envkit-bootstrap.json"
    before = marker.read_text()
    if isinstance(text, dict):
        changed = json.loads(before) | text
        text = json.dumps({key: value for key, value in changed.items() if value is not None})
    marker.write_text(text)
    record = load_bootstrap(ready).read_usable_record()
    marker.write_text(before)
    assert record == {}


def test_kill_between_making_and_marking_the_folder_leaves_it_ours(tmp_path):
    checkout = make_checkout(tmp_path / "checkout")
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "envkit-bootstrap.new").touch()
    assert load_bootstrap(checkout).refuse_foreign_venv() is None


def make_foreign_venv(checkout):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "pyvenv.cfg").touch()


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(make_foreign_venv, id="a venv"),
        pytest.param(lambda checkout: (checkout / ".venv").write_text("3.12\n"), id="a file"),
        pytest.param(
            lambda checkout: (checkout / ".venv").symlink_to("gone"), id="a link to nowhere", marks=POSIX_ONLY
        ),
    ],
)
def test_foreign_venv_is_refused_and_left_alone(tmp_path, environment, put):
    checkout = make_checkout(tmp_path / "checkout")
    put(checkout)
    before = sorted(path.name for path in checkout.rglob("*"))
    done = bootstrap(checkout, environment)
    move = "ren" if os.name == "nt" else "mv"
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: `.venv` is here already, and bootstrap.py did not make it",
        "",
        f"hint: move it away: `{move} .venv old-venv`",
    ]
    assert sorted(path.name for path in checkout.rglob("*")) == before


# What is in the way, in one sentence


def find_python(version):
    """Return a Python of this version on this machine; None when there is none."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        *map(str, sorted(managed.glob(f"{version}.*/bin/python"))),
        shutil.which("python" + version),
    ]
    starts = (path for path in candidates if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(starts, None)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8"])
def test_old_python_gets_one_sentence(tmp_path, environment, version):
    python = find_python(version)
    if python is None:
        pytest.skip(f"this machine has no Python {version}")
    done = bootstrap(make_checkout(tmp_path / "checkout"), environment, python=python)
    first, empty, hint = done.stderr.splitlines()
    assert (done.returncode, empty) == (1, "")
    assert first.startswith(f"error: envkit needs Python 3.10 to 3.14, and this is {version}.")
    assert hint == "hint: name a newer one, `python3.11 bootstrap.py`, or first get it, `uv python install 3.11`"


def test_version_check_comes_before_anything_that_an_old_python_lacks():
    tree = ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 6))
    check = next(number for number, node in enumerate(tree.body) if isinstance(node, ast.If))
    before = [ast.unparse(node) for node in tree.body[1:check]]
    assert before == ["import sys"]


def test_whole_file_is_syntax_that_python_2_parses():
    tree = ast.parse(BOOTSTRAP.read_bytes().decode("ascii"))
    newer = (ast.AnnAssign, ast.AsyncFunctionDef, ast.JoinedStr, ast.NamedExpr, ast.Nonlocal, ast.YieldFrom)
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, newer)]
    displays = [node for node in ast.walk(tree) if isinstance(node, (ast.List, ast.Tuple, ast.Set))]
    unpacked = [ast.unparse(node) for node in displays if any(isinstance(part, ast.Starred) for part in node.elts)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    annotated = [node.name for node in functions if node.returns or any(arg.annotation for arg in node.args.args)]
    keyword_only = [node.name for node in functions if node.args.kwonlyargs or node.args.posonlyargs]
    chained = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.cause]
    assert (found, unpacked, annotated, keyword_only, chained) == ([], [], [], [], [])


def describe(version, implementation="CPython", **more):
    facts = {"is_64bit": True, "is_free_threaded": False, "makes_venvs": True}
    return {"version": version, "implementation": implementation, "executable": "/" + version} | facts | more


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        pytest.param(describe("3.9.18"), "CPython 3.9.18", id="too old"),
        pytest.param(describe("3.10.0"), "", id="oldest"),
        pytest.param(describe("3.14.2"), "", id="newest"),
        pytest.param(describe("3.15.0rc1"), "CPython 3.15.0rc1", id="too new"),
        pytest.param(describe("3.11.13", "PyPy"), "PyPy 3.11.13", id="not CPython"),
        pytest.param(describe("3.12.1", is_64bit=False), "a 32-bit CPython 3.12.1", id="32-bit"),
        pytest.param(describe("3.13.1", is_free_threaded=True), "a free-threaded CPython 3.13.1", id="no GIL"),
        pytest.param({}, "a Python that does not start", id="silent"),
    ],
)
def test_python_without_a_wheel_of_the_tested_torch_is_unfit(tmp_path, running, expected):
    assert load_bootstrap(make_checkout(tmp_path / "checkout")).find_unfitness(running) == expected


@pytest.fixture
def seeing(tmp_path, monkeypatch):
    """Return a function that loads a bootstrap.py to see these Pythons: the running one, then those on PATH."""

    def load(running, *on_path):
        module = load_bootstrap(make_checkout(tmp_path / "checkout"))
        answers = {"/" + python["version"]: python for python in on_path}
        monkeypatch.setattr(module, "list_candidates", lambda: [["/dead"], *([name] for name in answers)])
        monkeypatch.setattr(module, "ask_python", lambda command: (answers | {"/me": running}).get(command[0]))
        monkeypatch.setattr(module, "base_executable", lambda: "/me")
        monkeypatch.setattr(shutil, "which", {"brew": "/brew"}.get)
        return module

    return load


def test_running_python_is_taken_when_it_fits(seeing):
    assert seeing(describe("3.12.1"), describe("3.11.2")).choose_python()["version"] == "3.12.1"


def test_better_python_on_path_is_taken_when_the_running_one_is_unfit(seeing):
    module = seeing(describe("3.9.18"), describe("3.11.2", makes_venvs=False), describe("3.12.1"))
    assert module.choose_python()["version"] == "3.12.1"


def test_no_fitting_python_gets_one_sentence_and_the_command_for_this_machine(seeing):
    module = seeing(describe("3.9.18"), describe("3.8.1"))
    with pytest.raises(module.BootstrapError) as caught:
        module.choose_python()
    assert (caught.value.sentence, caught.value.hint) == (
        "envkit needs Python 3.10 to 3.14, this is CPython 3.9.18, and PATH has none that will do",
        "get one: `brew install python@3.12`, then `python3.12 bootstrap.py`",
    )


@pytest.fixture
def python_without_ensurepip(tmp_path):
    """Return a Python as Debian ships it without python3-venv: all of the library but ensurepip."""
    library = Path(sysconfig.get_path("stdlib"))
    copy = tmp_path / "debian" / "lib" / library.name
    copy.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in ("ensurepip", "site-packages", "dist-packages"):
            (copy / entry.name).symlink_to(entry)
    python = tmp_path / "debian" / "bin" / "python3"
    python.parent.mkdir()
    shutil.copy2(Path(sys._base_executable).resolve(), python)
    (python.parent / "apt-get").symlink_to(python)
    return python


@POSIX_ONLY
def test_missing_ensurepip_gets_one_sentence_and_no_venv(tmp_path, environment, python_without_ensurepip):
    checkout = make_checkout(tmp_path / "checkout")
    folder = str(python_without_ensurepip.parent)
    done = bootstrap(checkout, environment, python=python_without_ensurepip, PATH=folder)
    version = sysconfig.get_python_version()
    assert (done.returncode, (checkout / ".venv").exists()) == (1, False)
    assert done.stderr.splitlines() == [
        f"error: this Python {version} cannot make `.venv`: it lacks ensurepip",
        "",
        f"hint: `sudo apt-get install python{version}-venv`, then the same command again",
    ]


@pytest.fixture
def closed_port():
    """Return a port on which nobody answers."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield closed.getsockname()[1]


@pytest.fixture
def offline(environment, closed_port):
    """Return an environment whose package index cannot be reached."""
    rest = {name: value for name, value in environment.items() if name not in ("PIP_NO_INDEX", "PIP_FIND_LINKS")}
    return rest | {"PIP_INDEX_URL": f"http://127.0.0.1:{closed_port}/simple", "PIP_RETRIES": "0"}


def make_real_checkout(folder):
    """Copy what the first installation reads of this checkout: it builds with tools of its own, and pinned ones."""
    shutil.copytree(BOOTSTRAP.parent / "envkit", folder / "envkit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("bootstrap.py", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(BOOTSTRAP.parent / name, folder)
    return folder


@pytest.mark.parametrize("make", [make_checkout, make_real_checkout])
def test_unreachable_index_gets_one_sentence(tmp_path, offline, make):
    done = bootstrap(make(tmp_path / "checkout"), offline)
    assert (done.returncode, done.stderr.splitlines()[2:]) == (
        1,
        [
            "error: pip cannot reach `127.0.0.1`",
            "",
            "hint: connect this machine, or name a mirror that it reaches: `PIP_INDEX_URL=URL python3 bootstrap.py`",
        ],
    )


def test_unreachable_index_of_torch_gets_one_sentence(tmp_path, wheels, offline, closed_port):
    checkout = make_checkout(tmp_path / "checkout")
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(next(wheels.glob("virtualenv-*")), packages)
    done = bootstrap(
        checkout,
        offline,
        PIP_INDEX_URL="",
        PIP_FIND_LINKS=packages.as_uri(),
        STAND_IN_INDEX=f"--index-url http://localhost:{closed_port}/whl/cpu",
        STAND_IN_TORCH="2.13.0+cpu",
    )
    connect = "connect this machine, or name a mirror that it reaches"
    assert (done.returncode, done.stderr.splitlines()[3:]) == (
        1,
        [
            "error: pip cannot reach `localhost`",
            "",
            f"hint: {connect}: `PIP_EXTRA_INDEX_URL=URL python3 bootstrap.py`",
        ],
    )


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        pytest.param(
            "WARNING: Retrying after connection broken by 'NameResolutionError(\"HTTPSConnection(host='index.test', "
            "port=443): Failed to resolve 'index.test'\")'\nERROR: No matching distribution found for click",
            "pip cannot reach `index.test`",
            id="no name resolution",
        ),
        pytest.param(
            "Could not fetch URL https://me:secret@index.test/simple/click/: connection error: refused - skipping\n"
            "ERROR: No matching distribution found for click",
            "pip cannot reach `index.test`",
            id="refused, in the words of pip 26",
        ),
        pytest.param(
            "WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, "
            "'[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))': /simple/click/\n"
            "ERROR: No matching distribution found for click",
            "pip does not trust the certificate of the package index",
            id="certificate",
        ),
        pytest.param(
            "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: 2.2.2)\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "the package index has no `torch==2.13.0` for this Python and machine",
            id="no such distribution",
        ),
        pytest.param(
            "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='files.test', port=443): "
            "Max retries exceeded with url: /torch-2.13.0.whl",
            "pip cannot reach `files.test`",
            id="lost while downloading",
        ),
        pytest.param(
            "WARNING: Retrying after connection broken by 'ReadTimeoutError(\"Pool(host='index.test', port=443)\")'\n"
            "ERROR: Failed to build torch",
            "pip failed: Failed to build torch",
            id="lost for a while, then something else",
        ),
        pytest.param(
            "Could not fetch URL https://extra.test/torch/: connection error: refused - skipping\n"
            "ERROR: Failed to build torch",
            "pip failed: Failed to build torch",
            id="another index lost, then something else",
        ),
        pytest.param(
            "Could not fetch URL https://one.test/torch/: connection error: refused - skipping\n"
            "Could not fetch URL https://two.test/torch/: connection error: refused - skipping\n"
            "ERROR: Cannot install torch==2.13.0+cpu because these package versions have conflicting dependencies.\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.test",
            "pip cannot reach `one.test` and `two.test`",
            id="two lost, told as a conflict",
        ),
        pytest.param(
            "ERROR: Cannot install torch and sympy because these package versions have conflicting dependencies.\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.test",
            "pip failed: Cannot install torch and sympy because these package versions have conflicting dependencies.",
            id="conflict",
        ),
        pytest.param(
            "  error: subprocess-exited-with-error\n\n  \u00d7 Building wheel did not run.\n  \u2570\u2500> See above",
            "pip failed: Building wheel did not run.",
            id="announced by a code",
        ),
        pytest.param(
            "ERROR: Exception:\nTraceback (most recent call last):\n  File\nValueError: odd",
            "pip failed: ValueError: odd",
            id="crash of pip",
        ),
        pytest.param("", "pip failed: it said nothing", id="silence"),
        pytest.param(
            "ERROR: something new\nand then some more",
            "pip failed: something new",
            id="anything else",
        ),
    ],
)
def test_pip_failure_comes_down_to_one_sentence(tmp_path, output, sentence):
    module = load_bootstrap(make_checkout(tmp_path / "checkout"))
    assert module.describe_pip_failure(output, "", ["torch"]).sentence == sentence


def test_what_the_pip_behind_pip_met_is_read_from_the_log(tmp_path):
    module = load_bootstrap(make_checkout(tmp_path / "checkout"))
    output = "error: subprocess-exited-with-error\n\u00d7 pip subprocess did not run successfully."
    log = "2026-11-23T06:00:25,575   ERROR: Could not find hatchling\n2026-11-23T06:00:25,576 gone\n"
    assert module.describe_pip_failure(output, log, []).sentence == "pip failed: Could not find hatchling"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, "the disk of `there` is full"),
        (errno.EACCES, "no permission to write `there`"),
        (errno.EPERM, "no permission to write `there`"),
        (errno.EROFS, "Read-only file system: `there`"),
    ],
)
def test_refusal_of_the_system_comes_down_to_one_sentence(tmp_path, number, expected):
    module = load_bootstrap(make_checkout(tmp_path / "checkout"))
    sentence, _ = module.describe_os_error(OSError(number, os.strerror(number), "there"))
    assert sentence == expected


@POSIX_ONLY
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_gets_one_sentence(tmp_path, environment):
    checkout = make_checkout(tmp_path / "checkout")
    checkout.chmod(0o555)
    done = bootstrap(checkout, environment)
    checkout.chmod(0o755)
    venv = checkout / ".venv"
    assert (done.returncode, done.stderr) == (
        1,
        f"error: no permission to write `{venv}`\n\nhint: see whose it is: `ls -ld {venv}`\n",
    )


@POSIX_ONLY
def test_ctrl_c_ends_with_one_line_and_130(ready, environment):
    with subprocess.Popen(
        [sys.executable, ready / "bootstrap.py"],
        env=environment | {"STAND_IN_SLEEPS": "doctor"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as run:
        assert run.stdout.readline() == "asleep\n"
        os.killpg(run.pid, signal.SIGINT)
        _, stderr = run.communicate(timeout=20)
    assert (run.returncode, stderr) == (
        130,
        "[1/2] envkit doctor\n\ninterrupted: type the same command to go on\n",
    )


def test_plan_without_a_torch_gets_one_sentence(ready, monkeypatch):
    module = load_bootstrap(ready)
    monkeypatch.setattr(module, "ask_json", lambda command: None)
    with pytest.raises(module.BootstrapError, match="cannot say which torch build fits this machine"):
        module.ask_torch_plan("2.13.0")


def test_tested_torch_is_known_however_it_is_pinned(ready, monkeypatch):
    module = load_bootstrap(ready)
    installed = []
    monkeypatch.setattr(module, "ask_torch_plan", lambda tested: [["torch===" + tested, "numpy"]])
    monkeypatch.setattr(module, "pip_install", lambda *arguments: installed.append(arguments))
    module.install_torch()
    assert installed == [(["torch===2.13.0", "numpy"], "constraints.txt")]
