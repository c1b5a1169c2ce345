"""Worked examples that others have published, through the engine: the reference and this CPU give their figures.

Mazur: Matt Mazur, "A Step by Step Backpropagation Example" (2015). Negnevitsky: Michael Negnevitsky, "Artificial
Intelligence: A Guide to Intelligent Systems", section 6.4, the three-layer network for Exclusive-OR, whose thresholds
are subtracted. CS231n: Stanford's course notes, "Linear Classification", the figure that compares the hinge with the
softmax loss.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from envkit_smoke import backprop, backprop_checks
from envkit_smoke.arithmetic import FLOAT64
from envkit_smoke.backprop_reference import Reference, record
from envkit_smoke.network import parse
from envkit_smoke.workload import Task

MAZUR = {
    "layers": [
        {
            "weights": [[0.15, 0.25], [0.20, 0.30]],
            "biases": [0.35, 0.35],
            "activation": "sigmoid",
            "train_bias": False,
        },
        {
            "weights": [[0.40, 0.50], [0.45, 0.55]],
            "biases": [0.60, 0.60],
            "activation": "sigmoid",
            "train_bias": False,
        },
    ],
    "inputs": [[0.05, 0.10]],
    "targets": [[0.01, 0.99]],
    "loss": "half-sse",
    "rate": 0.5,
    "steps": 2,
}
NEGNEVITSKY = {
    "layers": [
        {"weights": [[0.5, 0.9], [0.4, 1.0]], "biases": [-0.8, 0.1], "activation": "sigmoid"},
        {"weights": [[-1.2], [1.1]], "biases": [-0.3], "activation": "sigmoid"},
    ],
    "inputs": [[1, 1]],
    "targets": [[0]],
    "loss": "half-sse",
    "rate": 0.1,
    "steps": 1,
}
CS231N = {
    "layers": [
        {
            "weights": [[0.01, 0.7, 0.0], [-0.05, 0.2, -0.45], [0.1, 0.05, -0.2], [0.05, 0.16, 0.03]],
            "biases": [0.0, 0.2, -0.3],
            "activation": "softmax",
        }
    ],
    "inputs": [[-15, 22, -44, 56]],
    "targets": [[0, 0, 1]],
    "loss": "cross-entropy",
    "rate": 0.001,
    "steps": 1,
}
PLACES = {  # the example, the step, the place in its record, the printed figure, its decimals
    "mazur": (
        (0, ("loss",), 0.298371109, 9),
        (0, ("layers", 0, "net", 0, 0), 0.3775, 4),
        (0, ("layers", 0, "output", 0, 0), 0.593269992, 9),
        (0, ("layers", 0, "output", 0, 1), 0.596884378, 9),
        (0, ("layers", 1, "net", 0, 0), 1.105905967, 9),
        (0, ("layers", 1, "output", 0, 0), 0.75136507, 8),
        (0, ("layers", 1, "output", 0, 1), 0.772928465, 9),
        (0, ("layers", 1, "delta", 0, 0), 0.138498562, 9),
        (0, ("layers", 1, "weight_gradient", 0, 0), 0.082167041, 9),
        (0, ("layers", 1, "weights", 0, 0), 0.35891648, 8),
        (0, ("layers", 1, "weights", 1, 0), 0.408666186, 9),
        (0, ("layers", 1, "weights", 0, 1), 0.511301270, 9),
        (0, ("layers", 1, "weights", 1, 1), 0.561370121, 9),
        (0, ("layers", 1, "biases", 0), 0.60, 9),
        (0, ("layers", 0, "weight_gradient", 0, 0), 0.000438568, 9),
        (0, ("layers", 0, "weights", 0, 0), 0.149780716, 9),
        (0, ("layers", 0, "weights", 1, 0), 0.19956143, 8),
        (0, ("layers", 0, "weights", 0, 1), 0.24975114, 8),
        (0, ("layers", 0, "weights", 1, 1), 0.29950229, 8),
        (1, ("loss",), 0.291028, 6),  # 0.291027924 is printed, of weights that he rounded
    ),
    "negnevitsky": (
        (0, ("layers", 0, "output", 0, 0), 0.5250, 4),
        (0, ("layers", 0, "output", 0, 1), 0.8808, 4),
        (0, ("layers", 1, "output", 0, 0), 0.5097, 4),
        (0, ("layers", 1, "delta", 0, 0), 0.1274, 4),
        (0, ("layers", 0, "delta", 0, 0), -0.0381, 4),
        (0, ("layers", 0, "delta", 0, 1), 0.0147, 4),
        (0, ("layers", 0, "weights", 0, 0), 0.5038, 4),
        (0, ("layers", 0, "weights", 0, 1), 0.8985, 4),
        (0, ("layers", 0, "weights", 1, 0), 0.4038, 4),
        (0, ("layers", 0, "weights", 1, 1), 0.9985, 4),
        (0, ("layers", 1, "weights", 0, 0), -1.2067, 4),
        (0, ("layers", 1, "weights", 1, 0), 1.0888, 4),
        (0, ("layers", 0, "biases", 0), -0.7962, 4),
        (0, ("layers", 0, "biases", 1), 0.0985, 4),
        (0, ("layers", 1, "biases", 0), -0.3127, 4),
    ),
    "cs231n": (
        (0, ("layers", 0, "net", 0, 0), -2.85, 2),
        (0, ("layers", 0, "net", 0, 1), 0.86, 2),
        (0, ("layers", 0, "net", 0, 2), 0.28, 2),
        (0, ("layers", 0, "output", 0, 0), 0.016, 3),
        (0, ("layers", 0, "output", 0, 1), 0.631, 3),
        (0, ("layers", 0, "output", 0, 2), 0.353, 3),
        (0, ("loss",), 1.04, 2),
    ),
}
EXAMPLES = {"mazur": MAZUR, "negnevitsky": NEGNEVITSKY, "cs231n": CS231N}
FIGURES = [
    pytest.param(name, *figure, id=f"{name}-{figure[0]}-{'.'.join(map(str, figure[1]))}")
    for name, figures in PLACES.items()
    for figure in figures
]


def at(record: Any, place: tuple[Any, ...]) -> float:
    for part in place:
        record = record[part]
    return float(record)


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """The records of each example, by the reference and by this CPU in float64."""
    records: dict[str, dict[str, Any]] = {}
    for name, data in EXAMPLES.items():
        network = parse(data)
        own = [record(step) for step in islice(Reference(network, FLOAT64).trajectory(), network.steps)]
        run = backprop.observe(Task("cpu", "float64", "functional", 0, 1, lambda: None, network))
        records[name] = {"reference": own, "cpu": backprop_checks.records(run)}
    return records


@pytest.mark.parametrize("who", ["reference", "cpu"])
@pytest.mark.parametrize(("name", "step", "place", "printed", "decimals"), FIGURES)
def test_a_published_figure_comes_out(
    who: str, name: str, step: int, place: tuple[Any, ...], printed: float, decimals: int, told: Any
) -> None:
    # One unit of the last decimal: the authors work by hand, from figures that they rounded.
    assert at(told[name][who][step], place) == pytest.approx(printed, abs=10.0**-decimals)


def test_mazur_s_network_is_as_good_after_ten_thousand_passes_as_he_says() -> None:
    passes = Reference(parse(MAZUR), FLOAT64).trajectory()
    assert float(next(islice(passes, 9_999, None)).loss.value) == pytest.approx(0.0000351085, abs=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_every_check_in_every_dtype(name: str, dtype: str) -> None:
    run = backprop.observe(Task("cpu", dtype, "functional", 0, 1, lambda: None, parse(EXAMPLES[name])))
    assert [check.name for check in backprop_checks.judge(run).checks if not check.passed] == []
