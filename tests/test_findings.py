"""The order in which findings are told."""

from hypothesis import given
from hypothesis import strategies as st

from envkit.findings import Finding, Severity, Verdict, consequences, judge, rank

CODES = ("python-unsupported", "torch-missing", "driver-init-failed", "gpu-hidden", "gpu-absent", "odd")


def make(code: str, *explains: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code=code, severity=severity, summary=code, cause="", explains=explains)


findings = st.lists(
    st.builds(make, st.sampled_from(CODES), *[st.sampled_from(CODES)] * 2, severity=st.sampled_from(list(Severity))),
    max_size=8,
)


def codes(*found: Finding) -> list[str]:
    return [finding.code for finding in rank(found)]


@given(findings)
def test_no_finding_is_lost_and_none_told_twice(found: list[Finding]) -> None:
    assert sorted(finding.code for finding in rank(found)) == sorted(finding.code for finding in found)


@given(findings)
def test_what_is_explained_is_among_the_findings(found: list[Finding]) -> None:
    present = {finding.code for finding in found}
    assert all(set(finding.explains) <= present - {finding.code} for finding in rank(found))


def test_errors_come_before_notes() -> None:
    assert codes(make("gpu-absent", severity=Severity.NOTE), make("torch-missing")) == ["torch-missing", "gpu-absent"]


def test_a_consequence_follows_its_cause_at_once() -> None:
    assert codes(make("torch-missing"), make("gpu-hidden"), make("odd", "torch-missing")) == [
        "gpu-hidden",
        "odd",
        "torch-missing",
    ]


def test_of_two_causes_the_one_that_is_checked_first_is_told_first() -> None:
    assert codes(make("gpu-hidden"), make("torch-missing")) == ["gpu-hidden", "torch-missing"]


def test_a_chain_of_causes_is_told_in_its_order() -> None:
    assert codes(make("a", "b"), make("c"), make("b", "c")) == ["a", "b", "c"]


def test_findings_that_explain_each_other_are_both_told() -> None:
    assert sorted(codes(make("a", "b"), make("b", "a"))) == ["a", "b"]


def test_errors_that_explain_each_other_come_before_notes_in_their_order() -> None:
    assert codes(make("note", severity=Severity.NOTE), make("b", "a"), make("a", "b")) == ["b", "a", "note"]


@given(findings)
def test_what_is_told_first_is_of_the_gravest_and_no_consequence(found: list[Finding]) -> None:
    told = rank(found)
    gravest = min((list(Severity).index(finding.severity) for finding in found), default=None)
    assert not told or list(Severity).index(told[0].severity) == gravest
    assert not told or told[0].code not in consequences(told)


def test_a_warning_is_not_the_cause_of_an_error() -> None:
    told = rank([make("memory-low", "torch-corrupt", severity=Severity.WARNING), make("torch-corrupt")])
    assert [(finding.code, finding.explains) for finding in told] == [("torch-corrupt", ()), ("memory-low", ())]


def test_of_two_that_explain_each_other_the_second_is_told_under_the_first() -> None:
    told = rank([make("torch-corrupt", "numpy-abi"), make("numpy-abi", "torch-corrupt")])
    assert [finding.explains for finding in told] == [("numpy-abi",), ()]


def test_what_its_own_facts_prove_is_no_consequence_of_what_a_failed_import_passes_for() -> None:
    def pair(*, proven: bool) -> list[tuple[str, ...]]:
        torch = Finding(
            code="torch-corrupt", severity=Severity.ERROR, summary="", cause="", passes_for=("numpy-abi",), proven=True
        )
        numpy = Finding(
            code="numpy-abi",
            severity=Severity.ERROR,
            summary="",
            cause="",
            passes_for=("torch-corrupt",),
            proven=proven,
        )
        return [finding.explains for finding in rank([torch, numpy])]

    assert pair(proven=True) == [(), ()]
    assert pair(proven=False) == [("numpy-abi",), ()]


def test_an_error_outweighs_missing_facts() -> None:
    assert judge([make("a")], ("something",)) is Verdict.FAULTY
    assert judge([make("a", severity=Severity.WARNING)], ("something",)) is Verdict.INCOMPLETE
    assert judge([make("a", severity=Severity.WARNING)], ()) is Verdict.HEALTHY
