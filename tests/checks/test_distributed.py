"""NCCL: the ranks of a run and the way between them."""

import pytest

from envkit.findings import Severity
from tests.checks.reports import codes_of, diagnosis_of, first_of, gpu_report_of, report_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("NCCL WARN Bootstrap : no socket interface found", "no network interface", id="no interface"),
        pytest.param(
            "Last error:\nsocketStartConnect: Connect to 10.0.0.7<1> failed : No route to host", "reach", id="route"
        ),
        pytest.param(
            "NCCL WARN Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 3b000", "same GPU", id="twice"
        ),
        pytest.param("Cuda failure 'peer access is not supported' NCCL error in: x.cpp:1", "directly", id="no P2P"),
        pytest.param("NCCL WARN Call to ibv_modify_qp failed", "InfiniBand", id="InfiniBand"),
        pytest.param(
            "what():  [Rank 3] Process group watchdog thread terminated with exception: x",
            "not joined",
            id="a watchdog cut short",
        ),
        pytest.param("Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1)", "not joined", id="timeout"),
        pytest.param("RuntimeError: Distributed package doesn't have NCCL built in", "no NCCL", id="no NCCL"),
        pytest.param("ncclSystemError: System call failed or device error.", "transport", id="nothing more is said"),
    ],
)
def test_each_way_of_failing_has_its_cause(text: str, words: str) -> None:
    found = first_of(report_of(text))
    assert (found.code, found.severity) == ("nccl-failure", Severity.ERROR)
    assert words in found.cause


def test_a_program_that_failed_in_one_rank_comes_first() -> None:
    both = gpu_report_of(
        "RuntimeError: CUDA error: device-side assert triggered",
        "NCCL error in: ProcessGroupNCCL.cpp:1, unhandled cuda error",
        source="python",
    )
    assert codes_of(both) == ["healthy", "nccl-failure"]
    assert diagnosis_of(both).findings[1].severity is Severity.WARNING
