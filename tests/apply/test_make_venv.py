"""The script that makes an environment with pip in it, in the interpreters that are on this machine."""

import ast
import hashlib
import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from envkit.apply.engines import MAKE_VENV
from tests.conftest import installed_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there pip installs itself")

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_syntax_is_old_enough_for_python_3_6():
    assert ast.parse(MAKE_VENV.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", PYTHONS)
def test_pip_works_in_what_it_makes(tmp_path, version):
    python = installed_python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    place = tmp_path / "it's an env"

    made = run(python, "-I", str(MAKE_VENV), str(place))

    assert made.returncode == 0, made.stderr
    for command in ((place / "bin/pip",), (place / "bin/python", "-m", "pip")):
        told = run(*command, "list", "--format", "json", "--disable-pip-version-check")
        assert [package["name"] for package in json.loads(told.stdout)] == ["pip"], told.stderr


def test_every_file_of_pip_is_in_its_record_with_its_hash(tmp_path):
    run(sys.executable, "-I", str(MAKE_VENV), str(tmp_path / "env"))

    (record,) = (tmp_path / "env").rglob("pip-*.dist-info/RECORD")
    site = record.parent.parent
    listed = {}
    for line in record.read_text().splitlines():
        name, signature, _ = line.rsplit(",", 2)
        listed[os.path.normpath(site / name)] = signature
    for file, signature in listed.items():
        if signature:
            digest = urlsafe_b64encode(hashlib.sha256(Path(file).read_bytes()).digest()).rstrip(b"=").decode()
            assert signature == f"sha256={digest}", file
    there = {str(file) for folder in (site / "pip", record.parent) for file in folder.rglob("*") if file.is_file()}
    there |= {str(file) for file in (tmp_path / "env" / "bin").glob("pip*")}
    assert {file for file in there if "__pycache__" not in file} == set(listed)


def test_pip_can_replace_itself(tmp_path):
    run(sys.executable, "-I", str(MAKE_VENV), str(tmp_path / "env"))

    done = run(tmp_path / "env/bin/python", "-m", "pip", "uninstall", "-y", "pip")

    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "env").rglob("pip-*"))
    assert not list((tmp_path / "env/bin").glob("pip*"))


def test_an_interpreter_without_ensurepip_takes_the_wheel_that_it_is_given(tmp_path):
    (bundled,) = [*Path(os.__file__).parent.glob("ensurepip/_bundled/pip-*.whl")][:1] or pytest.skip("none to give")
    hidden = "import sys, sysconfig, os; os.__file__ = '/nowhere/os.py'; sys.argv = sys.argv[1:]; import runpy; "
    program = f"{hidden} runpy.run_path(sys.argv[0], run_name='__main__')"

    without = run(sys.executable, "-I", "-c", program, str(MAKE_VENV), str(tmp_path / "none"))
    given = run(sys.executable, "-I", "-c", program, str(MAKE_VENV), str(tmp_path / "one"), str(bundled))

    assert (without.returncode, given.returncode) == (1, 0)
    assert "ensurepip is not available" in without.stderr
    assert (tmp_path / "one/bin/pip").is_file()


def test_it_can_run_again_over_what_it_left(tmp_path):
    run(sys.executable, "-I", str(MAKE_VENV), str(tmp_path / "env"))
    (record,) = (tmp_path / "env").rglob("pip-*.dist-info/RECORD")
    before = record.read_bytes()

    assert run(sys.executable, "-I", str(MAKE_VENV), str(tmp_path / "env")).returncode == 0
    assert record.read_bytes() == before
