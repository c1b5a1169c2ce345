"""Texts in which nothing is wrong with the environment, though they complain: none may raise an error."""

import re
from pathlib import Path

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Severity
from envkit.intake import recorded

_TEXTS = re.split(r"^==== (.+)\n", Path(__file__).with_name("healthy_texts.txt").read_text("utf-8"), flags=re.MULTILINE)
HEALTHY = dict(zip(_TEXTS[1::2], _TEXTS[2::2], strict=True))
"""What it is, and what was pasted."""


@pytest.mark.parametrize("text", HEALTHY.values(), ids=HEALTHY.keys())
def test_what_a_healthy_environment_says_raises_no_error(text: str) -> None:
    found = diagnose(recorded.read(text.encode(), "report.txt"), matrix.load()).findings
    assert [one.code for one in found if one.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            "$ pip install torch\nWARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
            "ERROR: Could not install packages due to an OSError: Max retries exceeded with url: /simple/torch/\n"
            "$ pip install ./six.whl\nSuccessfully installed six-1.17.0\n",
            "network-index",
            id="what was installed afterwards is another thing",
        ),
        pytest.param(
            "Epoch 1 step 40 loss 2.31\nRuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n",
            "gpu-memory-full",
            id="the run ended there",
        ),
        pytest.param(
            "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n$ python small.py\nEpoch 1 step 1 loss 2\n",
            "gpu-memory-full",
            id="another run goes on",
        ),
        pytest.param("$ python train.py\nKilled\n", "memory-low", id="nobody asked for it"),
        pytest.param("$ python -c 'import torch'\nIllegal instruction (core dumped)\n", "platform-no-wheel", id="ours"),
        pytest.param(
            "Installing with pip install torch:\n"
            "HTTPSConnectionPool(host='files.index.example', port=443): Read timed out.\n",
            "network-index",
            id="an installer's connection",
        ),
        pytest.param(
            "ERROR: No matching distribution found for torch\n", "python-unsupported", id="the name is torch's own"
        ),
    ],
)
def test_the_same_words_at_another_place_are_a_fault(text: str, code: str) -> None:
    assert diagnose(recorded.read(text.encode(), "report.txt"), matrix.load()).findings[0].code == code
