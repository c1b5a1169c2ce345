"""Reading a network from a file: what is good arrives, and what is not is told by place, find and expectation."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from envkit_smoke.network import Layer, Network, NetworkInvalidError, parse, read

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "layers": [
        {"weights": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "biases": [0, 1, 2], "activation": "relu", "train_bias": False},
        {"weights": [[1], [2], [3]], "biases": [0.5], "activation": "sigmoid"},
    ],
    "inputs": [[1, 2], [3, 4]],
    "targets": [[0], [1]],
    "loss": "cross-entropy",
    "rate": 0.9,
    "steps": 2,
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good network with another value at a path such as "layers.0.biases.1"; None takes it away."""
    data = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    holder: Any = data
    for part in way:
        holder = holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return data


def test_a_good_network_arrives() -> None:
    assert parse(GOOD) == Network(
        layers=(
            Layer(((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), (0.0, 1.0, 2.0), "relu", train_bias=False),
            Layer(((1.0,), (2.0,), (3.0,)), (0.5,), "sigmoid", train_bias=True),
        ),
        inputs=((1.0, 2.0), (3.0, 4.0)),
        targets=((0.0,), (1.0,)),
        loss="cross-entropy",
        rate=0.9,
        steps=2,
    )


def test_one_step_is_taken_where_no_number_of_them_is_given() -> None:
    assert parse(changed("steps", None)).steps == 1


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("layers", [], "layers is an empty list, expected a list that is not empty"),
        ("layers", {}, "layers is an object, expected a list that is not empty"),
        ("layers.1", 7, "layers[1] is 7, expected an object with weights, biases, activation, train_bias"),
        ("loss", None, "the file has no loss, expected layers, inputs, targets, loss, rate, steps"),
        ("layers.0.biases", None, "layers[0] has no biases, expected weights, biases, activation, train_bias"),
        (
            "layers.0.bias",
            [1],
            'layers[0] has the unknown key "bias", expected only weights, biases, activation, train_bias',
        ),
        ("layers.0.weights.1", [1, 2], "layers[0].weights[1] has 2 numbers, expected 3, as layers[0].weights[0] has"),
        ("layers.0.weights.1.2", "x", 'layers[0].weights[1][2] is "x", expected a number'),
        ("layers.0.weights.1.2", True, "layers[0].weights[1][2] is true, expected a number"),
        ("layers.0.weights.1", [], "layers[0].weights[1] is an empty list, expected a list that is not empty"),
        ("layers.0.biases", [1], "layers[0].biases has 1 number, expected 3, one for each column of layers[0].weights"),
        (
            "layers.0.activation",
            "selu",
            'layers[0].activation is "selu", expected sigmoid, tanh, relu, identity or softmax',
        ),
        (
            "layers.0.activation",
            ["relu"],
            "layers[0].activation is a list, expected sigmoid, tanh, relu, identity or softmax",
        ),
        ("layers.0.train_bias", 1, "layers[0].train_bias is 1, expected true or false"),
        (
            "layers.1.weights",
            [[1], [2]],
            "layers[1].weights has 2 rows, expected 3, one for each column of layers[0].weights",
        ),
        ("inputs", [[1, 2, 3], [3, 4, 5]], "layers[0].weights has 2 rows, expected 3, one for each column of inputs"),
        ("inputs.0.1", float("nan"), "inputs[0][1] is NaN, which float64 cannot hold, expected a finite number"),
        ("inputs.0.1", float("-inf"), "inputs[0][1] is -Infinity, which float64 cannot hold, expected a finite number"),
        ("inputs.0.1", 10**400, "which float64 cannot hold, expected a finite number"),
        ("targets", [[0]], "targets has 1 row, expected 2, one for each row of inputs"),
        ("targets", [[0, 1], [1, 0]], "targets has 2 columns, expected 1, one for each column of layers[1].weights"),
        ("targets.1.0", 1.5, "targets[1][0] is 1.5, expected a probability from 0 to 1, for the loss cross-entropy"),
        (
            "layers.1.activation",
            "tanh",
            'layers[1].activation is "tanh", expected softmax or sigmoid, whose outputs the loss cross-entropy is of',
        ),
        ("loss", "hinge", 'loss is "hinge", expected half-sse, mse or cross-entropy'),
        ("rate", -0.1, "rate is -0.1, expected a number that is not negative"),
        ("rate", "0.1", 'rate is "0.1", expected a number'),
        ("steps", -1, "steps is -1, expected a whole number from 1 to 1000000"),
        ("steps", 0, "steps is 0, expected a whole number from 1 to 1000000"),
        ("steps", 1.5, "steps is 1.5, expected a whole number from 1 to 1000000"),
        ("steps", True, "steps is true, expected a whole number from 1 to 1000000"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_is_expected(path: str, value: Any, told: str) -> None:
    with pytest.raises(NetworkInvalidError) as raised:
        parse(changed(path, value))
    assert str(raised.value).endswith(told)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(json.dumps(GOOD), encoding="utf-8-sig")
    assert read(str(file)) == parse(GOOD)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b'{"layers": [', "is not JSON: Expecting value at line 1, column 13", id="cut off"),
        pytest.param(b"", "is not JSON: Expecting value at line 1, column 1", id="empty"),
        pytest.param(b"[1]", "the file is a list, expected an object with layers, inputs", id="a list"),
        pytest.param(b"\xff\xfe{", "cannot be read as UTF-8 text", id="not UTF-8"),
        pytest.param(b"[" * 200_000, "its lists are nested too deeply", id="deep"),
        pytest.param(b'{"rate": ' + b"1" * 5000 + b"}", "", id="a number of thousands of digits"),
        pytest.param(
            json.dumps(changed("inputs.0.1", float("inf"))).encode(), "inputs[0][1] is Infinity, which", id="Infinity"
        ),
    ],
)
def test_a_file_that_holds_no_network_is_told_by_its_path(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_bytes(content)
    with pytest.raises(NetworkInvalidError) as raised:
        read(str(file))
    assert str(raised.value).startswith(f"{file}: ")
    assert told in str(raised.value)


@pytest.mark.parametrize("name", ["absent.json", ".", "nul\0.json"])
def test_a_file_that_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(NetworkInvalidError, match="cannot be read"):
        read(str(tmp_path / name))
