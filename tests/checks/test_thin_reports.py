"""A report that says too little for a plan has a way out all the same."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.intake.recorded import read

WINDOWS = """PyTorch version: 2.5.1+cpu
CUDA used to build PyTorch: None
OS: Microsoft Windows 11 Pro
Python version: 3.11.5 | packaged by Anaconda, Inc. | [MSC v.1916 64 bit (AMD64)] (64-bit runtime)
Is CUDA available: False
GPU models and configuration: GPU 0: NVIDIA GeForce RTX 3070
Nvidia driver version: 566.03
"""
TOO_NEW = """PyTorch version: 2.6.0+cu124
CUDA used to build PyTorch: 12.4
OS: Ubuntu 22.04.3 LTS
Python version: 3.11.5 (main, Sep 11 2023, 13:26:23) [GCC 11.2.0] (64-bit runtime)
Is CUDA available: True
GPU models and configuration: GPU 0: NVIDIA GeForce RTX 5090
Nvidia driver version: 570.86
"""
WARNED = (
    "UserWarning: NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch "
    "installation.\n"
)


def first(text: str) -> Finding:
    return diagnose(read(text.encode(), "report"), matrix.load()).findings[0]


@pytest.mark.parametrize(
    ("text", "code", "requirement"),
    [
        pytest.param(WINDOWS, "torch-cpu-build", "torch==2.5.1+cu124", id="Windows"),
        pytest.param(TOO_NEW + WARNED, "gpu-arch-unsupported", "+cu12", id="Linux, and a GPU that is too new"),
    ],
)
def test_the_usual_processor_is_assumed_and_that_is_said(text: str, code: str, requirement: str) -> None:
    finding = first(text)
    assert finding.code == code
    assert finding.fix is not None
    assert requirement in finding.fix.commands[0]
    assert "the report does not say its processor: it is taken to be x86_64" in finding.fix.steps


def test_where_no_build_can_be_chosen_envkit_is_to_choose_it_on_the_machine() -> None:
    finding = first(WARNED)
    assert finding.code == "gpu-arch-unsupported"
    assert finding.fix is not None
    assert finding.fix.commands == ("envkit create --apply .venv",)
    assert "nothing is known" not in finding.fix.summary
