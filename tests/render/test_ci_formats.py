"""JUnit XML and GitHub's formats: golden files, a schema, and words that no format may take for its own."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit import matrix
from envkit.checks import diagnose
from envkit.checks.applicable import ABOUT, why_not
from envkit.checks.pages import codes
from envkit.findings import Diagnosis, Fact, Finding, Fix, Severity, Verdict
from envkit.render.cases import Outcome, Suite, diagnosis_suite, results_suite
from envkit.render.github import diagnosis_headline, render_annotations, render_summary
from envkit.render.junit import render_junit
from envkit.snapshot import Unknown
from tests.builders import make_gpu_snapshot, make_host, make_snapshot
from tests.render.test_smoke_terminal import PAGES, shown
from tests.render.test_terminal import SNAPSHOTS, golden

XSD = Path(__file__).with_name("junit.xsd")


def diagnosed(name: str) -> Diagnosis:
    return diagnose(SNAPSHOTS[name], matrix.load())


def suite_of(name: str) -> Suite:
    return diagnosis_suite(diagnosed(name), SNAPSHOTS[name])


def checked(data: bytes) -> ET.Element:
    """The document, which holds to the schema."""
    pytest.importorskip("xmlschema").XMLSchema(XSD).validate(data.decode())
    return ET.fromstring(data)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_junit_of_a_diagnosis_reads_as_its_golden_file(name: str) -> None:
    data = render_junit((suite_of(name),))
    golden(f"junit-doctor-{name}", data.decode())
    checked(data)


@pytest.mark.parametrize("name", PAGES)
def test_junit_of_a_run_reads_as_its_golden_file(name: str) -> None:
    data = render_junit((results_suite(*shown(name)),))
    golden(f"junit-smoke-{name}", data.decode())
    checked(data)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_github_s_page_and_lines_of_a_diagnosis_read_as_their_golden_file(name: str) -> None:
    diagnosis, suite = diagnosed(name), suite_of(name)
    page = render_summary(diagnosis_headline(diagnosis), diagnosis.findings, suite)
    golden(f"github-doctor-{name}", "\n".join((*render_annotations(diagnosis.findings, suite), page)))


@pytest.mark.parametrize("name", PAGES)
def test_github_s_page_and_lines_of_a_run_read_as_their_golden_file(name: str) -> None:
    _, findings, _ = shown(name)
    suite = results_suite(*shown(name))
    page = render_summary("envkit smoke", findings, suite)
    golden(f"github-smoke-{name}", "\n".join((*render_annotations(findings, suite), page)))


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_every_code_is_a_case_and_the_counts_are_true(name: str) -> None:
    suite = suite_of(name)
    names = [case.name for case in suite.cases if case.group == "envkit.doctor"]
    assert sorted(names) == sorted(code for code in codes() if code != "healthy")
    root = checked(render_junit((suite,)))
    (told,) = root
    for tag, outcome in (("failures", Outcome.FAILED), ("errors", Outcome.ERROR), ("skipped", Outcome.SKIPPED)):
        assert int(told.get(tag, "")) == suite.count(outcome) == len(told.findall(f"testcase/{outcome.value}"))
    assert int(told.get("tests", "")) == len(told.findall("testcase")) == len(suite.cases)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_diagnosis_passes_as_the_command_does(name: str) -> None:
    bad = suite_of(name).count(Outcome.FAILED) + suite_of(name).count(Outcome.ERROR)
    assert (bad == 0) == (diagnosed(name).verdict is Verdict.HEALTHY)


def test_a_warning_fails_only_where_that_was_asked_for() -> None:
    finding = Finding(code="gpu-throttled", severity=Severity.WARNING, summary="slow", cause="heat")
    diagnosis = Diagnosis(verdict=Verdict.HEALTHY, findings=(finding,))
    assert diagnosis_suite(diagnosis, make_gpu_snapshot()).count(Outcome.FAILED) == 0
    assert diagnosis_suite(diagnosis, make_gpu_snapshot(), strict=True).count(Outcome.FAILED) == 1


def test_what_means_nothing_here_is_told_apart_from_what_is_not_known() -> None:
    here = make_snapshot()
    assert why_not("driver-too-old", here)
    assert why_not("driver-too-old", make_gpu_snapshot()) == ""
    assert why_not("driver-too-old", make_snapshot(cuda=Unknown(why="no answer"))) == "not known: cuda: no answer"
    assert why_not("wsl-driver", here) == "this is not WSL"
    assert why_not("wsl-driver", make_snapshot(host=make_host(wsl=None))) == ""
    assert why_not("rocm-permission", make_snapshot(host=Unknown(why="no answer"))) == "not known: host: no answer"


def test_what_codes_are_about_names_codes_that_there_are() -> None:
    for about in ABOUT:
        for beginning in about.codes:
            assert [code for code in codes() if code.startswith(beginning)], beginning


HOSTILE = (
    "]]>&<script>\x00\x1b[31m\ud800\ufffe\u202e\r\n::error::owned\n%0A%, | `` ``` @octocat #1 https://evil.example"
)


def hostile_finding(text: str) -> Finding:
    fix = Fix(summary=text, commands=(text,), steps=(text,))
    facts = (Fact(text, text, text),)
    return Finding(
        code="torch-corrupt", severity=Severity.ERROR, summary=text, cause=text, expected=text, facts=facts, fix=fix
    )


def hostile(text: str) -> tuple[Diagnosis, Suite]:
    diagnosis = Diagnosis(verdict=Verdict.FAULTY, findings=(hostile_finding(text),), incomplete=(text,))
    return diagnosis, diagnosis_suite(diagnosis, make_gpu_snapshot())


texts = st.one_of(st.text(max_size=80), st.text(alphabet=HOSTILE, max_size=80))


@given(texts.map(lambda text: text or "x"))
@settings(max_examples=200, deadline=None)
def test_whatever_a_machine_tells_is_text(text: str) -> None:
    diagnosis, suite = hostile(text)
    data = render_junit((suite,))
    data.decode()
    root = ET.fromstring(data)
    assert {element.tag for element in root.iter()} <= TAGS
    lines = list(render_annotations(diagnosis.findings, suite))
    assert all(LINE.fullmatch(line) for line in lines), lines
    page = render_summary(diagnosis_headline(diagnosis), diagnosis.findings, suite)
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    assert not set("<`@[") & set(outside), outside


TAGS = {"testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"}
LINE = re.compile(r"::(error|warning|notice) title=[^\r\n:,]*::[^\r\n]*")


def test_hostile_words_reach_the_reader_as_escapes() -> None:
    diagnosis, suite = hostile(HOSTILE)
    root = checked(render_junit((suite,)))
    (failure,) = root.iter("failure")
    told = failure.get("message") or ""
    assert "]]>&<script>\\x00\\x1b[31m\\ud800\\ufffe\\u202e" in told
    annotation, *_ = render_annotations(diagnosis.findings, suite)
    assert "%0A%3A%3A" not in annotation  # in the message a colon is what it is, and the line stays one
    assert "\\r%0A::error::owned%0A%250A%25, |" in annotation
    page = render_summary(diagnosis_headline(diagnosis), diagnosis.findings, suite)
    assert "&#60;script&#62;" in page
    assert "\n````\n" in page


def unescaped(line: str) -> dict[str, Any]:
    """What the runner reads in a workflow command."""
    _, head, message = line.split("::", 2)
    level, _, title = head.partition(" title=")
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        title = title.replace(code, character)
        message = message if code in ("%3A", "%2C") else message.replace(code, character)
    return {"level": level, "title": title, "message": message}


def test_the_runner_reads_what_was_meant() -> None:
    diagnosis, suite = hostile("50 %: a, b\nc %0A")
    first, *_ = (unescaped(line) for line in render_annotations(diagnosis.findings, suite))
    assert (first["level"], first["title"]) == ("error", "envkit: torch-corrupt")
    assert first["message"].startswith("50 %: a, b\nc %0A\ncause: 50 %: a, b\nc %0A\nfix:")
