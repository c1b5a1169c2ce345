"""Nothing is wrong: said of a machine, and of a report whose error is the program's own."""

import pytest

from envkit.findings import Verdict
from envkit.snapshot import ProbeOutcome, Unknown
from tests.builders import make_gpu_snapshot, make_interpreter
from tests.checks.reports import codes_of, diagnosis_of, first_of, gpu_report_of, report_of
from tests.intake.reading import snapshot_of

OWN = [
    pytest.param("RuntimeError: CUDA error: device-side assert triggered", id="an index out of range"),
    pytest.param(
        "NotImplementedError: The operator 'aten::x' is not currently implemented for the MPS device.", id="MPS"
    ),
    pytest.param("RuntimeError: Cannot re-initialize CUDA in forked subprocess.", id="fork"),
    pytest.param("RuntimeError: CUDA error: misaligned address", id="an address that a kernel got wrong"),
    pytest.param("RuntimeError: CUDA error: invalid argument", id="an argument"),
    pytest.param("RuntimeError: HIP error: hipErrorInvalidValue", id="a value on AMD"),
    pytest.param("ValueError: not enough values to unpack (expected 3, got 2)", id="the program's own code"),
    pytest.param("Assertion `t >= 0 && t < n_classes` failed.", id="an assertion in a kernel"),
]


@pytest.mark.parametrize("text", OWN)
def test_an_error_of_the_program_is_quoted_and_no_fault_of_the_environment(text: str) -> None:
    found = first_of(gpu_report_of(text, source="python"))
    assert (found.code, [fact.value for fact in found.facts]) == ("healthy", [text])


@pytest.mark.parametrize("text", OWN)
def test_it_is_never_met_with_silence(text: str) -> None:
    assert codes_of(report_of(text, source="python"))[0] == "healthy"


@pytest.mark.parametrize("said", ["misaligned address", "device-side assert triggered", "unspecified launch failure"])
def test_what_a_program_did_to_a_device_is_no_fault_of_the_device(said: str) -> None:
    found = diagnosis_of(snapshot_of(f"torch.cuda.synchronize()\nRuntimeError: CUDA error: {said}\n"))
    assert [one.code for one in found.findings] == ["healthy"]


def test_a_report_of_a_machine_that_works_is_healthy() -> None:
    found = diagnosis_of(gpu_report_of())
    assert (found.verdict, [one.code for one in found.findings]) == (Verdict.HEALTHY, ["healthy"])


def test_an_unrelated_warning_does_not_hide_it() -> None:
    assert codes_of(gpu_report_of("UserWarning: Detected call of `lr_scheduler.step()`", source="warning")) == [
        "healthy"
    ]


def test_a_fault_of_the_environment_comes_before_what_the_program_says() -> None:
    both = report_of("ValueError: x", "OSError: [Errno 28] No space left on device", source="python")
    assert codes_of(both)[0] == "disk-low"


def test_a_live_machine_that_kept_something_back_is_not_called_healthy() -> None:
    late = Unknown(why="no answer within 20 s", outcome=ProbeOutcome.TIMED_OUT)
    assert codes_of(make_gpu_snapshot(nvml=late)) == []


def test_a_live_machine_names_the_interpreter_that_was_examined() -> None:
    assert "/env/bin/python" in first_of(make_gpu_snapshot(target=make_interpreter())).cause
