"""`--junit` and `--github`: what doctor and smoke leave behind for a CI service."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.test_doctor_recorded import TOO_OLD
from tests.conftest import Cli
from tests.render.test_ci_formats import checked

SMOKE = ("smoke", "--quick", "--device", "cpu", "--python", sys.executable)
ACTIONS = {"GITHUB_ACTIONS": "true"}


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "issue.txt"
    path.write_text(TOO_OLD)
    return str(path)


def failed(root: ET.Element) -> list[str | None]:
    return [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]


def test_a_finding_is_a_failed_case_with_its_cause_and_fix(cli: Cli, report: str, tmp_path: Path) -> None:
    run = cli("doctor", "--from", report, "--junit", str(tmp_path / "out.xml"))
    assert run.code == 1
    root = checked((tmp_path / "out.xml").read_bytes())
    assert failed(root) == ["driver-too-old"]
    text = next(root.iter("failure")).text or ""
    assert "cause: " in text
    assert "460.91.03" in text
    assert "\nfix: " in text
    assert not run.err


def test_a_live_target_without_torch_has_cases_that_mean_nothing(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    run = cli("doctor", "--quick", "--python", str(bare_target), "--junit", str(tmp_path / "out.xml"))
    root = checked((tmp_path / "out.xml").read_bytes())
    assert run.code == 1
    assert failed(root) == ["torch-missing"]
    skipped = {case.get("name"): case.find("skipped") for case in root.iter("testcase")}
    assert skipped["torch-corrupt"].get("message") == "no torch here"


def test_the_checks_of_smoke_are_cases(cli: Cli, tmp_path: Path) -> None:
    run = cli(*SMOKE, "--json", "--junit", str(tmp_path / "out.xml"))
    root = checked((tmp_path / "out.xml").read_bytes())
    names = [case.get("name") for case in root.iter("testcase")]
    expected = [check["name"] for result in run.json["results"] for check in result["checks"]]
    assert (run.code, failed(root)) == (0, [])
    assert names == expected
    assert len(names) > 3


def test_a_device_that_is_not_there_is_an_error_in_the_report(cli: Cli, tmp_path: Path) -> None:
    run = cli("smoke", "--quick", "--device", "cuda", "--python", sys.executable, "--junit", str(tmp_path / "out.xml"))
    root = checked((tmp_path / "out.xml").read_bytes())
    assert run.code == 1
    assert [error.get("type") for error in root.iter("error")] == ["device-unavailable"]


@pytest.mark.parametrize("command", [("doctor", "--quick"), ("smoke", "--quick", "--device", "cpu")])
def test_a_place_that_is_none_is_refused_before_the_work(cli: Cli, command: tuple[str, ...], tmp_path: Path) -> None:
    run = cli(*command, "--json", "--junit", str(tmp_path / "none/out.xml"))
    assert run.code == 2
    assert "is no folder" in run.json["error"]["message"]


def test_a_file_that_cannot_be_written_is_one_document(cli: Cli, report: str, tmp_path: Path) -> None:
    run = cli("doctor", "--from", report, "--json", "--junit", "/dev/full")
    assert run.code == 3
    assert set(run.json) == {"schema_version", "envkit_version", "error"}
    assert not list(tmp_path.glob("*.xml"))


@pytest.mark.parametrize("other", ["--all-envs", "--fix"])
def test_junit_is_for_one_look(cli: Cli, other: str) -> None:
    run = cli("doctor", other, "--junit", "x.xml")
    assert run.code == 2
    assert "--junit tells of one look" in run.err


def test_under_actions_annotations_and_a_summary_are_told_by_themselves(cli: Cli, report: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    env = {**ACTIONS, "GITHUB_STEP_SUMMARY": str(summary)}
    run = cli("doctor", "--from", report, "--json", env=env)
    assert run.code == 1
    assert run.codes[0] == "driver-too-old"  # stdout is the document alone
    assert run.err.startswith("::error title=envkit%3A driver-too-old::")
    assert summary.read_text().startswith("before\n### envkit doctor: faulty: ")
    assert "**error: driver-too-old**" in summary.read_text()


def test_without_actions_or_when_told_so_nothing_is_annotated(cli: Cli, report: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    env = {**ACTIONS, "GITHUB_STEP_SUMMARY": str(summary)}
    quiet = cli("doctor", "--from", report, "--no-github", env=env)
    elsewhere = cli("doctor", "--from", report, env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert (quiet.err, elsewhere.err, quiet.out) == ("", "", elsewhere.out)
    assert not summary.exists()


@pytest.mark.parametrize("command", ["doctor", "smoke"])
def test_the_runner_takes_no_line_of_the_page_for_a_command(cli: Cli, command: str, tmp_path: Path) -> None:
    words = " ".join(["::error::owned"] * 30)
    (tmp_path / "issue.txt").write_text(f"import torch\nRuntimeError: {words}\n")
    arguments = ("doctor", "--from", str(tmp_path / "issue.txt"), "-v") if command == "doctor" else SMOKE
    run = cli(*arguments, env=ACTIONS)
    first, *page, last = run.out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert (len(token), last) == (32, f"::{token}::")
    assert page
    assert command == "smoke" or any(line.strip().startswith("::error::") for line in page)
    assert not [line for line in run.err.splitlines() if line.strip().startswith("::") and "title=" not in line]


def test_it_can_be_asked_for_anywhere(cli: Cli, report: str) -> None:
    assert cli("doctor", "--from", report, "--github").err.startswith("::error ")


def test_a_summary_that_cannot_be_written_changes_no_answer(cli: Cli, report: str, tmp_path: Path) -> None:
    env = {**ACTIONS, "GITHUB_STEP_SUMMARY": str(tmp_path / "none/summary.md")}
    run = cli("doctor", "--from", report, "--json", env=env)
    assert (run.code, run.codes[0]) == (1, "driver-too-old")
    assert "the step summary cannot be written: No such file or directory" in run.err


def test_smoke_is_summarised_too(cli: Cli, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    run = cli(*SMOKE, "--json", env={**ACTIONS, "GITHUB_STEP_SUMMARY": str(summary)})
    checks = sum(len(result["checks"]) for result in run.json["results"])
    assert (run.code, "::" in run.err) == (0, False)
    assert f"{checks} checks: {checks} passed" in summary.read_text()
    wrong = cli("smoke", "--quick", "--device", "cuda", "--python", sys.executable, env=ACTIONS)
    assert (
        "::error title=envkit.smoke.cuda%3A0%3A device-unavailable::" in wrong.err or "device-unavailable" in wrong.err
    )
