"""The float64 reference of networks: the textbook's printed figures, and slopes that are its loss's own; no torch."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from envkit_smoke import published
from envkit_smoke.arithmetic import FLOAT32, FLOAT64
from envkit_smoke.backprop_reference import (
    MOST_SLOPES,
    MOST_STATES,
    Reference,
    Step,
    central_differences,
    joined,
    record,
)
from envkit_smoke.bounded import Bounded
from envkit_smoke.network import ACTIVATIONS, LOSSES, PROBABILITIES, Layer, Network
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

WEIGHTS = st.floats(-2, 2, width=32)
KINDS = [
    pytest.param(hidden, output, loss, id=f"{hidden}-{output}-{loss}")
    for hidden in ACTIVATIONS
    for output in ACTIVATIONS
    for loss in LOSSES
    if loss != "cross-entropy" or output in PROBABILITIES
]


def first_step(network: Network = published.TEXTBOOK) -> Step:
    return next(Reference(network, FLOAT64).trajectory())


def network(hidden: str, output: str, loss: str, *, width: int = 3, rows: int = 2, train_bias: bool = True) -> Network:
    """Three layers of random values."""
    chance = np.random.default_rng(1)
    widths = (2, width, width, 3)

    def numbers(*shape: int) -> Any:
        return chance.uniform(-1, 1, size=shape).tolist()

    layers = tuple(
        Layer(numbers(fed, units), numbers(units), activation, train_bias)
        for fed, units, activation in zip(widths, widths[1:], (hidden, hidden, output), strict=False)
    )
    targets = chance.dirichlet(np.ones(3), size=rows).tolist()
    return Network(layers, numbers(rows, 2), targets, loss, rate=0.05, steps=4)


def within_a_unit(value: Any, printed: Any, unit: float) -> bool:
    return bool(np.all(np.abs(np.asarray(value) - np.asarray(printed)) <= unit))


def test_net_inputs_are_the_textbooks() -> None:
    hidden, output = first_step().passed.nets
    assert np.round(np.c_[hidden.value, output.value], 3).tolist() == [[-0.7, 0.1, -0.105]]


def test_outputs_are_the_textbooks() -> None:
    hidden, output = first_step().passed.outputs
    assert np.round(np.c_[hidden.value, output.value], 3).tolist() == [[0.332, 0.525, 0.474]]


def test_errors_are_the_textbooks_to_a_unit_of_their_last_decimal() -> None:
    hidden, output = first_step().deltas
    assert within_a_unit(-np.c_[hidden.value, output.value][0], published.ERRORS, published.FOURTH_DECIMAL)


def test_an_error_that_the_textbook_rounded_by_hand_is_off_by_less_than_a_unit() -> None:
    # 0.1311 is printed; the exact value rounds to 0.1312.
    assert round(-float(first_step().deltas[1].value[0, 0]), 4) == 0.1312


@pytest.mark.parametrize(("layer", "printed"), [(0, published.HIDDEN_AFTER), (1, published.OUTPUT_AFTER)])
def test_updated_parameters_are_the_textbooks(layer: int, printed: Any) -> None:
    assert within_a_unit(first_step().parameters[layer].value, printed, published.THIRD_DECIMAL)


def test_weights_from_the_silent_input_do_not_move() -> None:
    before = Reference(published.TEXTBOOK, FLOAT64).initial_parameters()[0]
    assert first_step().parameters[0].value[1].tolist() == before.value[1].tolist()


@pytest.mark.parametrize(("hidden", "output", "loss"), KINDS)
def test_steps_go_downhill(hidden: str, output: str, loss: str) -> None:
    one = replace(network(hidden, output, loss), rate=0.01)
    losses = [float(step.loss.value) for step in islice(Reference(one, FLOAT64).trajectory(), 3)]
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize(("hidden", "output", "loss"), KINDS)
def test_analytic_gradient_is_the_central_difference(hidden: str, output: str, loss: str) -> None:
    one = network(hidden, output, loss)
    states = [step.parameters for step in islice(Reference(one, FLOAT64).trajectory(), 3)]
    for slopes in central_differences(
        one, [np.array([part.value for part in layer]) for layer in zip(*states, strict=False)]
    ):
        assert np.all(np.abs(slopes.analytic - slopes.differences.value) <= slopes.differences.error)
        assert np.max(slopes.differences.error) < 1e-7, "sharp enough to tell a wrong gradient"
        assert np.any(slopes.analytic != 0)


@settings(deadline=None)
@given(arrays(np.float64, (1, 4, 2), elements=WEIGHTS), arrays(np.float64, (1, 3, 1), elements=WEIGHTS))
def test_analytic_gradient_is_the_central_difference_at_any_weights(hidden: Any, output: Any) -> None:
    for slopes in central_differences(published.TEXTBOOK, [hidden, output]):
        assert np.all(np.abs(slopes.analytic - slopes.differences.value) <= slopes.differences.error)


def test_a_slope_across_the_kink_of_a_relu_is_left_out() -> None:
    layers = (
        Layer(weights=((1.0, 1.0),), biases=(-1.0, 1.0), activation="relu"),  # the first unit stands at its kink
        Layer(weights=((1.0,), (1.0,)), biases=(0.0,), activation="identity"),
    )
    one = Network(layers, inputs=((1.0,),), targets=((0.0,),), loss="mse", rate=0.1, steps=1)
    first, second = central_differences(one, [joined(layer)[None] for layer in layers])
    assert (first.bent, second.bent) == (2, 0)  # its weight and its bias


def test_of_a_large_network_some_slopes_are_compared() -> None:
    one = network("tanh", "softmax", "cross-entropy", width=200)
    layers = [np.repeat(joined(layer)[None], 40, axis=0) for layer in one.layers]
    small, large, _ = central_differences(one, layers)
    assert small.analytic.shape == (MOST_SLOPES, MOST_STATES)
    assert 1 <= large.analytic.shape[0] < MOST_SLOPES


def test_biases_that_are_not_trained_have_a_gradient_and_stay() -> None:
    step = first_step(network("tanh", "sigmoid", "mse", train_bias=False))
    for layer, gradient, moved in zip(
        network("tanh", "sigmoid", "mse").layers, step.gradients, step.parameters, strict=False
    ):
        assert np.all(gradient.value[-1] != 0)
        assert moved.value[-1].tolist() == list(layer.biases)
        assert moved.error[-1].tolist() == [0.0] * len(layer.biases)


def test_cross_entropy_of_an_output_that_underflows_is_finite() -> None:
    layers = (Layer(weights=((800.0, -800.0),), biases=(0.0, 0.0), activation="softmax"),)
    one = Network(layers, inputs=((1.0,),), targets=((0.0, 1.0),), loss="cross-entropy", rate=0.1, steps=1)
    step = first_step(one)
    assert float(step.loss.value) == 1600.0
    assert step.deltas[0].value.tolist() == [[1.0, -1.0]]


def test_a_record_has_every_number_in_the_shapes_of_the_file() -> None:
    one = network("tanh", "softmax", "cross-entropy", rows=2)
    told: Any = record(first_step(one))
    assert list(told) == ["loss", "layers"]
    shapes = [{name: np.shape(numbers) for name, numbers in layer.items()} for layer in told["layers"]]
    assert shapes[0] == {
        "net": (2, 3),
        "output": (2, 3),
        "delta": (2, 3),
        "weight_gradient": (2, 3),
        "bias_gradient": (3,),
        "weights": (2, 3),
        "biases": (3,),
    }


@settings(deadline=None)
@given(arrays(np.float32, (4, 2), elements=WEIGHTS), arrays(np.float32, (3, 1), elements=WEIGHTS))
def test_one_float32_step_from_any_state_is_within_its_bound(hidden: Any, output: Any) -> None:
    one = np.float32(1)
    inputs = np.array([[1, 0, 1, 1]], np.float32)
    activation = one / (one + np.exp(-(inputs @ hidden)))
    with_one = np.c_[activation, one]
    result = one / (one + np.exp(-(with_one @ output)))
    delta_output = (result - one) * (result * (one - result))
    delta_hidden = activation * (delta_output * output[:-1].T) * (one - activation)
    moved = (
        hidden - np.float32(0.9) * (inputs.T * delta_hidden),
        output - np.float32(0.9) * (with_one.T * delta_output),
    )

    step = Reference(published.TEXTBOOK, FLOAT32).step([Bounded(hidden), Bounded(output)])
    for computed, expected in zip(moved, step.parameters, strict=False):
        assert np.all(np.abs(computed - expected.value) <= expected.error)
