"""`envkit schema`, and what the commands really print against it."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.test_doctor_fix import AWAY, RELEASE
from tests.cli.test_smoke import NETWORK
from tests.conftest import Cli
from tests.recipes.local_index import make_indexes

PASTED = "PyTorch version: 2.2.2+cu121\nPython version: 3.10.12\nNvidia driver version: 460.91.03\n"


@pytest.fixture
def valid(cli: Cli) -> Any:
    """Say whether a document is what its schema says, with all that is wrong."""

    @cache
    def check(name: str) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(cli("schema", name).json)

    def errors(name: str, document: Any) -> list[str]:
        return [f"{one.json_path}: {one.message[:300]}" for one in check(name).iter_errors(document)]

    return errors


def test_the_schema_is_alone_on_stdout(cli: Cli) -> None:
    run = cli("schema", "findings")
    assert (run.code, run.err) == (0, "")
    assert run.json["$id"] == "urn:envkit:schema:findings:1"


def test_an_unknown_schema_is_wrong_usage_that_names_those_there_are(cli: Cli) -> None:
    run = cli("schema", "everything")
    assert run.code == 2
    assert "'snapshot', 'findings', 'results', 'plan'" in run.err


def test_a_real_run_of_the_doctor_is_valid(cli: Cli, valid: Any, tmp_path: Path) -> None:
    saved = tmp_path / "here.json"
    run = cli("doctor", "--python", sys.executable, "--json", "--save", str(saved))
    assert valid("findings", run.json) == []
    assert valid("snapshot", json.loads(saved.read_bytes())) == []


def test_the_collector_s_snapshot_is_valid(cli: Cli, valid: Any, tmp_path: Path) -> None:
    script = tmp_path / "collector.py"
    script.write_text(cli("collector").out, "utf-8")
    done = subprocess.run([sys.executable, script, "--quick"], capture_output=True, check=True, cwd=tmp_path)
    assert valid("snapshot", json.loads(done.stdout)) == []


def test_other_answers_of_the_doctor_are_valid_too(cli: Cli, valid: Any, tmp_path: Path, bare_target: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text(PASTED)
    ignored = cli("doctor", "--quick", "--python", str(bare_target), "--ignore", "torch-missing", "--json")
    assert ignored.json["ignored"]
    for run in (
        ignored,
        cli("doctor", "--from", str(report), "--json"),
        cli("doctor", "--quick", "--python", str(bare_target), "--fix", "--json"),
        cli("doctor", "--json", "--python", str(tmp_path / "none")),
        cli("doctor", "--json", "--no-such-option"),
    ):
        assert valid("findings", run.json) == []


def test_every_environment_of_this_machine_is_valid(cli: Cli, valid: Any, tmp_path: Path, bare_target: Path) -> None:
    env = {"HOME": str(tmp_path), "PATH": str(bare_target.parent)}
    run = cli("doctor", "--all-envs", "--quick", "--json", env=env)
    assert run.json["environments"]
    assert valid("findings", run.json) == []


def test_a_mended_environment_is_valid(cli: Cli, valid: Any, bare_target: Path, tmp_path: Path) -> None:
    torch_index, configured = make_indexes(tmp_path / "indexes", torch=(f"{RELEASE}+cpu",))
    env = {**configured, **AWAY, "PIP_EXTRA_INDEX_URL": torch_index}
    run = cli("doctor", "--quick", "--python", str(bare_target), "--fix", "--yes", "--json", env=env)
    assert run.json["fix"]["done"][0]["gone"]
    assert valid("findings", run.json) == []


def test_a_real_run_of_smoke_is_valid(cli: Cli, valid: Any, tmp_path: Path) -> None:
    saved = tmp_path / "before.json"
    first = cli("smoke", "--quick", "--device", "cpu", "--python", sys.executable, "--json", "--save", str(saved))
    again = cli(*("smoke", "--quick", "--device", "cpu", "--python", sys.executable), "--compare", str(saved), "--json")
    assert valid("results", first.json) == []
    assert valid("results", again.json) == []
    assert "comparison" in again.json
    assert valid("results", cli("smoke", "--list", "--json", "--python", sys.executable).json) == []
    assert valid("results", cli("smoke", "--quick", "--full", "--json").json) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--device", "cpu", "--budget", "2s"), "points", id="speed"),
        pytest.param(("--distributed",), "distributed", id="several processes"),
        pytest.param(("--quick", "--device", "cuda"), "errors", id="no such device"),
        pytest.param(("--quick", "--device", "cpu", "--network", "net.json"), "networks", id="network"),
    ],
)
def test_each_kind_of_smoke_run_is_valid(
    cli: Cli, valid: Any, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "net.json").write_text(json.dumps(NETWORK))
    run = cli("smoke", *arguments, "--python", sys.executable, "--json", cwd=tmp_path)
    assert run.json[told]
    assert valid("results", run.json) == []


def test_plans_and_refusals_are_valid(cli: Cli, valid: Any, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.jsonl"
    hosts = ({"os": "linux", "arch": "x86_64", "python": "3.11"}, {"os": "linux", "arch": "sparc"}, {"os": 1})
    inventory.write_text("".join(json.dumps(host) + "\n" for host in hosts))
    for options in (
        ("--python", "3.11", "--explain"),
        ("--conda", "--python", "3.11"),
        ("--torch", "2.8.0", "--cuda", "12.1", "--python", "3.11"),
        ("--apply", "--dry-run", str(tmp_path / "env")),
        ("--apply", "--bare", str(tmp_path / "bare")),
        ("--check", str(tmp_path / "bare")),
    ):
        assert valid("plan", cli("create", *options, "--json").json) == [], options
    lines = cli("create", "--for", str(inventory), "--json").out.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert valid("plan", json.loads(line)) == []
