"""`envkit collector`: the script that it prints, run as on a machine without envkit, against `envkit doctor` here."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, installed_python, site_of
from tests.standins.torch_package import install_torch

PYTHONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PASSING = ("memory_available", "disk_free", "shm_free", "variables")
"""Facts of a host that change from one moment, or one process, to the next."""
LATER = ("import_seconds", "stderr")

Collect = Callable[..., Any]


@pytest.fixture(scope="module")
def script() -> str:
    command = [sys.executable, "-m", "envkit", "collector"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def collect(script: str, tmp_path: Path) -> Collect:
    """Run the script by way of stdin, in a folder of its own; return what it wrote, in full as the doctor's is."""
    folder = tmp_path / "remote"
    folder.mkdir()

    def run(python: str | Path, *options: str, cwd: Path = folder, env: dict[str, str] | None = None) -> Any:
        done = subprocess.run(
            [python, "-", "--no-redact", *options],
            input=script.encode(),
            capture_output=True,
            timeout=120,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **(env or {})},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        return json.loads(done.stdout)

    return run


def facts(section: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a section says, told the same way by both: nothing left out that has a default."""
    return {name: value for name, value in section.items() if name not in without}


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_collects_what_the_doctor_sees(cli: Cli, collect: Collect, tmp_path: Path, version: str) -> None:
    if (python := installed_python(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    (tmp_path / "collected.json").write_text(json.dumps(collect(python)))
    there = cli("doctor", "--json", "--from", str(tmp_path / "collected.json"))
    here = cli("doctor", "--json", "--python", python, cwd=tmp_path / "remote", env={"HOME": ""})
    assert there.codes == here.codes
    seen, collected = here.json["snapshot"], there.json["snapshot"]
    assert facts(collected["host"], PASSING) == facts(seen["host"], PASSING)
    away = ("chosen_by", "executable", "user_site", "search_path")
    assert facts(collected["target"], away) == facts(seen["target"], away)
    assert collected["packages"]["distributions"] == seen["packages"]["distributions"]
    for section in ("nvml", "cuda", "torch"):
        assert collected[section]["state"] == seen[section]["state"]
    assert {probe["name"] for probe in collected["probes"]} == {probe["name"] for probe in seen["probes"]}


def test_a_torch_that_works_is_collected(cli: Cli, collect: Collect, bare_target: Path, tmp_path: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    collected = collect(bare_target)
    here = cli("doctor", "--json", "--python", str(bare_target), cwd=tmp_path / "remote")
    seen = here.json["snapshot"]
    assert collected["torch"]["stage"] == "done"
    for name, value in facts(collected["torch"], LATER).items():
        assert seen["torch"][name] == value or name in ("backends", "devices")
    assert [device["works"] for device in collected["torch"]["devices"]] == [True]
    assert collected["packages"]["modules"] == seen["packages"]["modules"]


def test_the_driver_answers_the_same(
    cli: Cli, collect: Collect, driver: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    variables = driver(cuinit=0, nvml=0, version="535.104.05", cuda_devices=2, nvml_devices=2)
    (tmp_path / "collected.json").write_text(json.dumps(collect(sys.executable, "--quick", env=variables)))
    there = cli("doctor", "--json", "--from", str(tmp_path / "collected.json"))
    here = cli("doctor", "--json", "--quick", "--python", sys.executable, env=variables)
    assert there.json["snapshot"]["nvml"] == here.json["snapshot"]["nvml"]
    assert there.json["snapshot"]["cuda"] == here.json["snapshot"]["cuda"]
    assert there.json["snapshot"]["nvml"]["devices"]


@pytest.mark.parametrize(
    ("prelude", "end", "died_of"),
    [
        pytest.param("import os; os.abort()", "crashed", "SIGABRT", id="abort"),
        pytest.param("import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV", id="segfault"),
        pytest.param("import time; time.sleep(600)", "timed-out", "timed out after 3.0 s", id="hang"),
    ],
)
def test_an_import_that_goes_wrong_is_a_fact(
    collect: Collect, bare_target: Path, prelude: str, end: str, died_of: str
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=prelude)
    torch = collect(bare_target, "--timeout", "3")["torch"]
    assert (torch["stage"], torch["end"], torch["died_of"]) == ("import", end, died_of)


def test_what_is_printed_around_it_spoils_nothing(collect: Collect, bare_target: Path) -> None:
    site = site_of(bare_target)
    noise = "import sys; sys.stdout.write('{}\\n' * 1000 + '\\x1b[31m'); sys.stdout.flush()"
    install_torch(site, "2.13.0+cpu", cuda=None, prelude=noise)
    assert collect(bare_target)["torch"]["stage"] == "done"


def test_nothing_is_written_and_the_user_s_files_are_not_run(collect: Collect, tmp_path: Path) -> None:
    folder = tmp_path / "locked down"
    folder.mkdir()
    for name in ("json", "csv", "ctypes", "subprocess", "pynvml"):
        (folder / f"{name}.py").write_text(f"open('{name}-was-run', 'w')\n")
    folder.chmod(0o555)
    collected = collect(sys.executable, "--quick", cwd=folder, env={"HOME": "/nonexistent"})
    assert collected["packages"]["state"] == "known"
    assert collected["target"]["current_folder"] == str(folder)
    assert sorted(path.suffix for path in folder.iterdir()) == [".py"] * 5


def test_another_interpreter_can_be_named(collect: Collect, bare_target: Path) -> None:
    target = collect(sys.executable, "--quick", "--python", str(bare_target))["target"]
    assert target["executable"] == str(bare_target)


def test_the_bytes_of_files_are_compared_where_asked_for(collect: Collect, bare_target: Path) -> None:
    site = site_of(bare_target)
    library = install_torch(site, "2.13.0+cpu", cuda=None) / "lib/libtorch_cpu.so"
    library.write_bytes(bytes(byte ^ 1 for byte in library.read_bytes()))

    def damage(*options: str) -> dict[str, Any]:
        (torch,) = collect(bare_target, *options)["packages"]["distributions"]
        found: dict[str, Any] = torch["damage"]
        return found

    assert (damage("--quick")["altered"], damage("--quick")["hashed"]) == (0, 0)
    deep = damage("--quick", "--deep")
    assert (deep["altered"], deep["hashed"]) == (1, 3)
    assert deep["examples"] == ["torch/lib/libtorch_cpu.so has other bytes than its hash tells"]


@pytest.mark.skipif("os.name == 'nt'", reason="Windows keeps a folder that somebody is in")
def test_a_folder_that_is_gone_costs_nothing_but_itself(script: str, tmp_path: Path) -> None:
    command = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" - --quick'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], input=script.encode(), capture_output=True, cwd=tmp_path, check=True
    )
    collected = json.loads(done.stdout)
    assert (collected["target"]["state"], collected["packages"]["state"]) == ("known", "known")
    assert collected["target"]["current_folder"] == ""


def test_an_interpreter_that_is_not_there_is_a_fact(collect: Collect, tmp_path: Path) -> None:
    target = collect(sys.executable, "--python", str(tmp_path / "none"))["target"]
    assert target["state"] == "unknown"
    assert "could not be started" in target["why"]


def test_a_folder_is_no_interpreter(script: str, bare_target: Path) -> None:
    folder = bare_target.parent.parent
    command = [sys.executable, "-", "--python", folder]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--python wants the path of an interpreter, and {folder} is a folder" in done.stderr


def test_a_python_that_is_too_old_is_told(script: str) -> None:
    if (python := installed_python("2.7")) is None:
        pytest.skip("no Python 2.7 on this machine")
    done = subprocess.run([python, "-"], input=script.encode(), capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().strip() == "the collector needs Python 3.6 or later, and this is 2.7"


def test_all_of_it_is_syntax_of_python_3_6(script: str) -> None:
    tree = ast.parse(script, feature_version=(3, 6))
    sources = {
        node.targets[0].slice.value: node.value.value  # type: ignore[attr-defined]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
    }
    assert {"probe.py", "nvml.py", "cuda.py", "pynvml", "envkit.probes.host", "envkit.probes.paths"} <= set(sources)
    for source in sources.values():
        ast.parse(source, feature_version=(3, 6))


def test_the_probes_in_it_are_the_probes_here(script: str) -> None:
    from envkit.probes.framing import SCRIPTS

    code: dict[str, Any] = {"__name__": "collector"}
    path = list(sys.path)
    exec(compile(script, "collector", "exec"), code)
    sys.path[:] = path
    for name in ("probe.py", "nvml.py", "cuda.py"):
        assert code["SOURCES"][name] == (SCRIPTS / name).read_text("utf-8")
    modules = {file.stem: file.read_text("utf-8") for file in (SCRIPTS / "envkit_probe").glob("*.py")}
    assert code["SOURCES"]["envkit_probe"] == modules.pop("__init__")
    assert {name: code["SOURCES"][f"envkit_probe.{name}"] for name in modules} == modules
