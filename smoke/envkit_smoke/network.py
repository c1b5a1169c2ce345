"""A feed-forward network as data: its layers, what it learns from and how; and reading one from a JSON file.

``smoke/README.md`` describes the file. Shapes: inputs (rows, in), targets (rows, out), weights (in, out) of each
layer, biases (out).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Sequence

Matrix = Sequence[Sequence[float]]

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity", "softmax")
LOSSES = ("half-sse", "mse", "cross-entropy")
PROBABILITIES = ("softmax", "sigmoid")  # outputs whose cross-entropy there is
MOST_STEPS = 10**6


class NetworkInvalidError(Exception):
    """A file that holds no network; the text names the place, what stands there and what is expected."""


@dataclass(frozen=True)
class Layer:
    """Weights (in, out) and biases (out), and what is made of the net inputs; biases that are not trained stay."""

    weights: Matrix
    biases: Sequence[float]
    activation: str
    train_bias: bool = True


@dataclass(frozen=True)
class Network:
    """Layers from input to output, the rows they learn from, and gradient descent: ``steps`` of ``rate``."""

    layers: Sequence[Layer]
    inputs: Matrix
    targets: Matrix
    loss: str
    rate: float
    steps: int


def read(path: str) -> Network:
    """The network in a JSON file. Raises NetworkInvalidError, whose text begins with the path."""
    try:
        return parse(_load(path))
    except NetworkInvalidError as error:
        raise NetworkInvalidError(f"{path}: {error}") from None


def parse(data: Any) -> Network:
    """The network that decoded JSON describes. Raises NetworkInvalidError."""
    _keys(data, "", ("layers", "inputs", "targets", "loss", "rate", "steps"), optional=("steps",))
    layers = tuple(_layer(one, f"layers[{index}]") for index, one in enumerate(_list(data["layers"], "layers")))
    inputs, targets = (_matrix(data[name], name) for name in ("inputs", "targets"))
    loss = _choice(data["loss"], "loss", LOSSES)
    rate = _number(data["rate"], "rate")
    if rate < 0:
        _wrong("rate", _told(rate), "a number that is not negative")
    network = Network(layers, inputs, targets, loss, rate, _steps(data.get("steps", 1)))
    _fit(network)
    return network


def _load(path: str) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NetworkInvalidError(f"cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # of which a UnicodeDecodeError is one; a path with a NUL is another
        raise NetworkInvalidError(f"cannot be read as UTF-8 text: {error}") from None
    try:
        return json.loads(text, parse_constant=float)  # NaN gets its place told later
    except json.JSONDecodeError as error:
        raise NetworkInvalidError(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NetworkInvalidError("is not a network: its lists are nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise NetworkInvalidError(f"is not JSON that can be read: {error}") from None


def _layer(data: Any, place: str) -> Layer:
    _keys(data, place, ("weights", "biases", "activation", "train_bias"), optional=("train_bias",))
    train_bias = data.get("train_bias", True)
    if not isinstance(train_bias, bool):
        _wrong(f"{place}.train_bias", _told(train_bias), "true or false")
    weights = _matrix(data["weights"], f"{place}.weights")
    biases = _row(data["biases"], f"{place}.biases")
    if len(biases) != len(weights[0]):
        columns = f"{len(weights[0])}, one for each column of {place}.weights"
        _wrong(f"{place}.biases", _count(len(biases), "number"), columns, "has")
    return Layer(weights, biases, _choice(data["activation"], f"{place}.activation", ACTIVATIONS), train_bias)


def _fit(network: Network) -> None:
    """Each layer takes what the one before it gives, and the targets are what the last one gives."""
    width, source = len(network.inputs[0]), "inputs"
    for index, layer in enumerate(network.layers):
        if len(layer.weights) != width:
            place, rows = f"layers[{index}].weights", _count(len(layer.weights), "row")
            _wrong(place, rows, f"{width}, one for each column of {source}", "has")
        width, source = len(layer.biases), f"layers[{index}].weights"
    if len(network.targets[0]) != width:
        found = _count(len(network.targets[0]), "column")
        _wrong("targets", found, f"{width}, one for each column of {source}", "has")
    if len(network.targets) != len(network.inputs):
        found = _count(len(network.targets), "row")
        _wrong("targets", found, f"{len(network.inputs)}, one for each row of inputs", "has")
    if network.loss == "cross-entropy":
        _fit_cross_entropy(network)


def _fit_cross_entropy(network: Network) -> None:
    activation = network.layers[-1].activation
    if activation not in PROBABILITIES:
        place = f"layers[{len(network.layers) - 1}].activation"
        _wrong(place, _told(activation), f"{_either(PROBABILITIES)}, whose outputs the loss cross-entropy is of")
    for number, row in enumerate(network.targets):
        for column, target in enumerate(row):
            if not 0 <= target <= 1:
                place = f"targets[{number}][{column}]"
                _wrong(place, _told(target), "a probability from 0 to 1, for the loss cross-entropy")


def _keys(data: Any, place: str, known: Sequence[str], optional: Sequence[str]) -> None:
    what = place or "the file"
    if not isinstance(data, dict):
        _wrong(what, _told(data), "an object with " + ", ".join(known))
    for name in data:
        if name not in known:
            _wrong(what, f"the unknown key {_told(name)}", "only " + ", ".join(known), "has")
    for name in known:
        if name not in data and name not in optional:
            _wrong(what, f"no {name}", ", ".join(known), "has")


def _matrix(data: Any, place: str) -> Matrix:
    rows = tuple(_row(row, f"{place}[{index}]") for index, row in enumerate(_list(data, place)))
    for index, row in enumerate(rows):
        if len(row) != len(rows[0]):
            _wrong(f"{place}[{index}]", _count(len(row), "number"), f"{len(rows[0])}, as {place}[0] has", "has")
    return rows


def _row(data: Any, place: str) -> Sequence[float]:
    return tuple(_number(one, f"{place}[{index}]") for index, one in enumerate(_list(data, place)))


def _list(data: Any, place: str) -> list[Any]:
    if not isinstance(data, list) or not data:
        _wrong(place, "an empty list" if data == [] else _told(data), "a list that is not empty")
    return list(data)


def _number(data: Any, place: str) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        _wrong(place, _told(data), "a number")
    try:
        number = float(data)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _wrong(place, f"{_told(data)}, which float64 cannot hold", "a finite number")
    return number


def _steps(data: Any) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or not 1 <= data <= MOST_STEPS:
        _wrong("steps", _told(data), f"a whole number from 1 to {MOST_STEPS}")
    return int(data)


def _choice(data: Any, place: str, names: Sequence[str]) -> str:
    if data not in names or not isinstance(data, str):
        _wrong(place, _told(data), _either(names))
    return str(data)


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _told(data: Any) -> str:
    """What stands there, in a few characters."""
    if isinstance(data, (dict, list)):
        return "an object" if isinstance(data, dict) else "a list"
    text = json.dumps(data)
    return text if len(text) <= 40 else text[:36] + " ..."


def _wrong(place: str, found: str, expected: str, verb: str = "is") -> NoReturn:
    raise NetworkInvalidError(f"{place} {verb} {found}, expected {expected}")
