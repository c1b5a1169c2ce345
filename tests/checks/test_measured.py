"""What a smoke run says of the environment: results and facts in, findings out."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks.measured import Measured, judge_measured, needs_snapshot, why_slow
from envkit.checks.pages import read_page
from envkit.findings import Finding, Severity
from envkit.results import Results, Skip, SmokeError
from envkit.snapshot import EnvironmentKind, NvmlDevice, Snapshot
from tests.bench.recorded import END, H100, ceilings, results_of, start
from tests.builders import make_gpu_snapshot, make_interpreter

GPP = "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')"
HELD = NvmlDevice(
    index=0, throttle=("sw-power-cap",), pcie_width=4, pcie_width_best=16, pcie_generation=5, pcie_generation_best=5,
    clock=1200, clock_best=1980,
)  # fmt: skip


def results(**changes: Any) -> Results:
    return Results(**{"target": "python", "complete": True, "passed": False, "seconds": 1.0, **changes})


def judged(told: Results, *, snapshot: Snapshot | None = None, **more: Any) -> tuple[Finding, ...]:
    return judge_measured(Measured(told, snapshot or make_gpu_snapshot(), **more), matrix.load())


def h100(copy: float, matmul: float) -> Results:
    return results_of([start("cpu", "cuda:0"), *ceilings("cuda:0", copy, matmul), END])


def test_a_gpu_that_does_what_it_should_is_no_finding() -> None:
    assert judged(h100(3.0e12, 50e12), at_work={"cuda:0": HELD}) == ()


def test_a_slow_gpu_is_one_sentence_with_all_that_holds_it() -> None:
    (finding,) = judged(h100(0.41 * 3.35e12, 50e12), at_work={"cuda:0": HELD})
    assert finding.summary == f"Your {H100} does 41 % of what it should: clocks held by the power cap, PCIe at x4"
    assert (finding.code, finding.severity) == ("device-slow", Severity.WARNING)
    told = {fact.what: fact.value for fact in finding.facts}
    assert told["copy float32"] == "41 % of the data sheet"
    assert told["PCIe lanes"] == "4 of 16"
    assert told["clock, MHz"] == "1200 of 1980"


def test_the_worst_of_its_ceilings_counts() -> None:
    (finding,) = judged(h100(0.5 * 3.35e12, 0.2 * 67e12))
    assert "does 20 % of what it should" in finding.summary
    assert "is not known" in finding.summary


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(results_of([start("cpu"), *ceilings("cpu", 1e9, 1e9), END]), id="a processor"),
        pytest.param(
            results_of(
                [
                    start("cuda:0", devices=[{"device": "cuda:0", "name": "ACME 9000"}]),
                    *ceilings("cuda:0", 1.0, 1.0),
                    END,
                ]
            ),
            id="a card that the table does not know",
        ),
    ],
)
def test_what_has_no_data_sheet_is_not_called_slow(told: Results) -> None:
    assert judged(told) == ()


def test_a_slice_of_a_gpu_is_not_measured_by_the_whole() -> None:
    assert judged(h100(1e12, 1e12), at_work={"cuda:0": NvmlDevice(index=0, mig_enabled=True)}) == ()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        pytest.param({}, [], id="nothing known"),
        pytest.param({"throttle": ("hw-thermal",)}, ["clocks held by heat (hardware)"], id="heat"),
        pytest.param(
            {"power_limit": 300000, "power_limit_default": 700000},
            ["its power limit is set to 300 W of 700 W"],
            id="a limit that somebody set",
        ),
        pytest.param(
            {"clock": 600, "clock_best": 1980}, ["clocks at 600 of 1980 MHz"], id="clocks, for no reason told"
        ),
        pytest.param({"pcie_generation": 1, "pcie_generation_best": 5}, ["PCIe at generation 1 of 5"], id="slow link"),
        pytest.param({"processes": 3}, ["2 other processes on it"], id="others"),
        pytest.param({"ecc_uncorrected": 2}, ["its memory has uncorrectable errors"], id="ECC"),
    ],
)
def test_each_fact_that_holds_a_gpu_is_told(facts: dict[str, Any], told: list[str]) -> None:
    assert why_slow(NvmlDevice(index=0, **facts)) == told


@pytest.mark.parametrize(("asked", "severity"), [((), Severity.WARNING), (("compile",), Severity.ERROR)])
def test_a_missing_compiler_is_grave_only_for_who_asked_for_it(asked: tuple[str, ...], severity: Severity) -> None:
    skip = Skip(kind="compiler-unsupported", reason=GPP, device="cpu", variant="compile")
    (finding,) = judged(results(skips=(skip,)), asked=asked)
    assert (finding.code, finding.severity, finding.cause) == ("compiler-unsupported", severity, GPP)
    assert finding.fix is not None
    assert any("g++" in step for step in finding.fix.steps)


def test_a_missing_compiler_in_a_conda_environment_comes_from_conda() -> None:
    skip = Skip(kind="compiler-unsupported", reason=GPP, device="cpu")
    snapshot = make_gpu_snapshot(target=make_interpreter(kind=EnvironmentKind.CONDA))
    (finding,) = judged(results(skips=(skip,)), snapshot=snapshot)
    assert finding.fix is not None
    assert finding.fix.commands == ("conda install --prefix /env -c conda-forge gxx",)


def test_a_missing_triton_is_installed_by_pip() -> None:
    skip = Skip(kind="compiler-unsupported", reason="TritonMissing: Cannot find a working triton", device="cuda:0")
    (finding,) = judged(results(skips=(skip,)))
    assert finding.fix is not None
    assert finding.fix.commands[0].endswith("pip install triton")


def test_other_skips_are_no_findings() -> None:
    assert judged(results(skips=(Skip(kind="unsupported", reason="no tf32 here", device="cpu"),))) == ()


def test_the_text_of_an_error_points_to_the_doctor_s_diagnosis() -> None:
    error = SmokeError(kind="device-failed", message="CUDA error: out of memory", device="cuda:0")
    (finding,) = judged(results(errors=(error,)))
    assert finding.code == "gpu-memory-full"
    assert [(fact.source, fact.value) for fact in finding.facts if fact.what == "said"] == [
        ("cuda:0", "CUDA error: out of memory")
    ]


def test_why_a_device_is_not_there_is_diagnosed_too() -> None:
    message = "cuda:0 is not available: The NVIDIA driver on your system is too old (found version 10010)"
    error = SmokeError(kind="device-unavailable", message=message, device="cuda:0")
    assert [finding.code for finding in judged(results(errors=(error,)))] == ["driver-too-old"]


def test_a_device_that_died_stands_under_what_its_last_words_point_to() -> None:
    error = SmokeError(
        kind="device-died", message="backprop in float32, eager, on cuda:0: SIGABRT", device="cuda:0",
        workload="backprop", dtype="float32", variant="eager", last_words="x\nCUDA error: out of memory",
    )  # fmt: skip
    cause, died = judged(results(errors=(error,)))
    assert (cause.code, cause.explains) == ("gpu-memory-full", ("device-died",))
    assert died.code == "device-died"
    assert died.severity is Severity.ERROR
    assert {fact.what: fact.value for fact in died.facts}["at work on"] == "backprop, float32, eager"


def test_an_error_that_no_table_knows_is_left_to_its_own_words() -> None:
    assert judged(results(errors=(SmokeError(kind="device-failed", message="odd", device="cpu"),))) == ()


def test_machine_and_target_are_looked_at_only_where_something_is_to_be_explained() -> None:
    assert not needs_snapshot(h100(1e12, 1e12))
    assert needs_snapshot(results(errors=(SmokeError(kind="device-died", message=""),)))
    assert needs_snapshot(results(skips=(Skip(kind="compiler-unsupported", reason=""),)))


@pytest.mark.parametrize("code", ["device-died", "device-slow"])
def test_each_code_has_its_page(code: str) -> None:
    assert "envkit smoke" in read_page(code)
