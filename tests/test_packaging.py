"""What ships: the names in the wheel and the sdist, and the payload in every way of installing envkit."""

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import envkit

ROOT = Path(__file__).parents[1]
SHIPPED = {"envkit": "envkit", "recipes": "envkit/_payload/recipes", "smoke": "envkit/_payload/smoke"}
NOT_SOURCE = {".git", ".venv", "build", "dist", "__pycache__"}


def run(*command, cwd, **environment):
    """Run a command without the user's pip settings; return its output, or fail with all that it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=kept | {"PIP_CONFIG_FILE": os.devnull} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{command}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def list_tracked():
    """Return the tracked files; where nothing is tracked (an sdist, a first commit to be), all but build output."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    if "envkit/__init__.py" in names:
        return names
    walked = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [path.as_posix() for path in walked if not NOT_SOURCE & set(path.parts)]


def list_expected():
    """Return the names that the wheel must hold beside its dist-info."""
    split = (name.partition("/") for name in list_tracked())
    return {f"{SHIPPED[top]}/{rest}" for top, _, rest in split if rest and top in SHIPPED}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Return a copy of this checkout with what lies about in it, some of which no wheel may take."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    for top in SHIPPED:
        shutil.copytree(ROOT / top, copy / top)
        (copy / top / "__pycache__").mkdir(exist_ok=True)
        (copy / top / "__pycache__" / "stray.cpython-311.pyc").touch()
    for name in list_tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout):
    """Return the wheel that is built straight from the checkout."""
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", "../direct", cwd=checkout)
    return next((checkout.parent / "direct").glob("*.whl"))


@pytest.fixture(scope="module")
def sdist_and_its_wheel(checkout):
    """Return the sdist and the wheel that is built from it."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", "../via sdist", cwd=checkout)
    folder = checkout.parent / "via sdist"
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def list_names(wheel):
    return sorted(zipfile.ZipFile(wheel).namelist())


# Names


def test_wheel_holds_the_tracked_files_of_envkit_and_its_payload_and_nothing_else(wheel):
    names = {name for name in list_names(wheel) if ".dist-info/" not in name}
    untracked, left_out = names - list_expected(), list_expected() - names
    assert (untracked, left_out) == (set(), set())


def test_wheel_puts_nothing_but_envkit_beside_other_packages(wheel):
    tops = {name.partition("/")[0] for name in list_names(wheel)}
    assert tops == {"envkit", f"torch_envkit-{envkit.__version__}.dist-info"}


def test_dist_info_carries_the_license(wheel):
    info = f"torch_envkit-{envkit.__version__}.dist-info"
    names = [name.removeprefix(info + "/") for name in list_names(wheel) if name.startswith(info)]
    assert names == ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]


def test_wheel_from_the_sdist_holds_the_same_names(wheel, sdist_and_its_wheel):
    assert list_names(sdist_and_its_wheel[1]) == list_names(wheel)


def test_sdist_holds_only_tracked_files(sdist_and_its_wheel):
    with tarfile.open(sdist_and_its_wheel[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names - set(list_tracked()) == {"PKG-INFO"}


def test_version_of_the_wheel_is_the_one_in_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"torch_envkit-{envkit.__version__}.dist-info/METADATA").decode()
    metadata = email.message_from_string(text)
    assert (metadata["Name"], metadata["Version"]) == ("torch-envkit", envkit.__version__)


# Every way of installing


def make_environment(folder, *what):
    """Make an environment with envkit installed as said, and the dependencies of this one within reach."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site_packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    dependencies = Path(site_packages, "dependencies.pth")
    dependencies.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--no-index", "--no-deps", "--ignore-installed", "--no-build-isolation", *what, cwd=folder)
    return python


@pytest.fixture(scope="module")
def from_wheel(wheel, tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("from wheel"), wheel)


@pytest.fixture(scope="module")
def editable(checkout, tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("editable"), "--editable", checkout)


FIND = "import envkit.payload as p; print(p.find_payload('recipes'), p.find_payload('smoke'), sep='\\n')"


def test_payload_of_a_bare_checkout_is_the_checkouts(checkout, tmp_path):
    found = run(sys.executable, "-c", FIND, cwd=tmp_path, PYTHONPATH=str(checkout))
    assert found.splitlines() == [str(checkout / "recipes"), str(checkout / "smoke")]


def test_payload_of_an_editable_install_is_the_checkouts(editable, checkout, tmp_path):
    found = run(editable, "-c", FIND, cwd=tmp_path)
    assert found.splitlines() == [str(checkout / "recipes"), str(checkout / "smoke")]


def test_payload_of_a_wheel_is_its_own(from_wheel, tmp_path):
    found = run(from_wheel, "-c", FIND, cwd=tmp_path).splitlines()
    payload = next(from_wheel.parents[1].rglob("_payload"))
    assert found == [str(payload / "recipes"), str(payload / "smoke")]


def test_payload_of_a_wheel_cannot_be_imported(from_wheel, tmp_path):
    search = "import importlib.util as u; print([n for n in ('recipes', 'smoke', 'envkit_smoke') if u.find_spec(n)])"
    assert run(from_wheel, "-c", search, cwd=tmp_path) == "[]"


@pytest.mark.parametrize("install", ["from_wheel", "editable"])
def test_module_and_console_script_say_the_version(install, request, tmp_path):
    python = request.getfixturevalue(install)
    script = python.with_name("envkit.exe" if os.name == "nt" else "envkit")
    answers = [run(python, "-m", "envkit", "--version", cwd=tmp_path), run(script, "--version", cwd=tmp_path)]
    assert [answer.split()[-1] for answer in answers] == [envkit.__version__] * 2
