"""Runs of the workloads as a device of plain NumPy would give them, and a way to run smoke as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from envkit_smoke import published
from envkit_smoke import regression_reference as reference
from envkit_smoke.backprop_checks import BackpropRun
from envkit_smoke.backprop_reference import joined
from envkit_smoke.regression_checks import Evaluation, RegressionRun
from envkit_smoke.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

SMOKE = Path(__file__).parents[2] / "smoke"
EPOCHS = 20


@dataclass(frozen=True)
class Finished:
    """A finished process: its exit code, its events and what it wrote to standard error."""

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_constant=pytest.fail) for line in self.stdout.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


@pytest.fixture(scope="session")
def run_smoke() -> Callable[..., Finished]:
    """Run the folder ``smoke``, or another program in its place, in a process of its own."""

    def run(*arguments: str, flags: Any = ("-B",), program: Path = SMOKE, **environment: str) -> Finished:
        command = [sys.executable, *flags, str(program), *arguments]
        variables = {**os.environ, "PYTHONUNBUFFERED": "", **environment}
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def regression_gradient(inputs: Any, targets: Any, parameters: Any) -> Any:
    """What a float32 device would compute for one batch."""
    residuals = (inputs @ parameters.T - targets) * np.float32(2 / targets.size)
    return residuals.T @ inputs


def mean_squared_error(inputs: Any, targets: Any, parameters: Any) -> Any:
    return np.mean((inputs @ parameters.T - targets) ** 2, dtype=np.float32)


def evaluation(parameters: Any) -> Evaluation:
    inputs, targets = (part.astype(np.float32) for part in reference.dataset())
    inputs = np.c_[inputs, np.ones(len(inputs), np.float32)]
    held = parameters.astype(np.float32)
    loss = mean_squared_error(inputs, targets, held)
    return Evaluation(inputs @ held.T, loss, regression_gradient(inputs, targets, held))


@pytest.fixture(scope="session")
def regression_run() -> RegressionRun:
    """A faultless run of the linear regression in NumPy's float32."""
    order = np.random.default_rng(0)
    features, targets = (part.astype(np.float32) for part in reference.dataset())
    inputs = np.c_[features, np.ones(len(features), np.float32)]
    parameters = [order.uniform(-0.5, 0.5, (2, 4)).astype(np.float32)]
    momenta = [np.zeros((2, 4), np.float32)]
    batches: list[Any] = []
    gradients, losses, epoch_losses = [], [], []
    for _ in range(EPOCHS):
        for rows in order.permutation(len(inputs)).reshape(-1, published.BATCH_ROWS):
            batches.append(rows)
            gradients.append(regression_gradient(inputs[rows], targets[rows], parameters[-1]))
            losses.append(mean_squared_error(inputs[rows], targets[rows], parameters[-1]))
            momenta.append(np.float32(published.MOMENTUM) * momenta[-1] + gradients[-1])
            parameters.append(parameters[-1] - np.float32(published.LEARNING_RATE) * momenta[-1])
        epoch_losses.append(mean_squared_error(inputs, targets, parameters[-1]))
    return RegressionRun(
        device="cuda:0",
        dtype="float32",
        batch_inputs=features[batches],
        batch_targets=targets[batches],
        parameters=np.array(parameters),
        momenta=np.array(momenta),
        gradients=np.array(gradients),
        losses=np.array(losses),
        epoch_losses=np.array(epoch_losses),
        at_initial=evaluation(reference.initial_parameters()),
        at_optimum=evaluation(reference.closed_form()),
        wide_update=reference.wide_update(),
        placements=frozenset({("weight", "cuda:0"), ("inputs", "cuda:0")}),
        observed_bits=parameters[-1].tobytes(),
        timed_bits=parameters[-1].tobytes(),
        timing=Timing(10, [0.001] * 5, [0.01] * 3),
    )


def sigmoid(net: Any) -> Any:
    return np.float32(1) / (np.float32(1) + np.exp(-net))


def backprop_step(hidden_parameters: Any, output_parameters: Any) -> dict[str, Any]:
    """One step of the textbook's network in float32."""
    one = np.float32(1)
    inputs = np.c_[np.array(published.TEXTBOOK.inputs, np.float32), one]
    net_hidden = inputs @ hidden_parameters
    hidden = sigmoid(net_hidden)
    with_one = np.c_[hidden, one]
    net_output = with_one @ output_parameters
    output = sigmoid(net_output)
    delta_output = (output - one) * (output * (one - output))
    delta_hidden = delta_output @ output_parameters[:-1].T * (hidden * (one - hidden))
    return {
        "nets": (net_hidden, net_output),
        "outputs": (hidden, output),
        "deltas": (delta_hidden, delta_output),
        "gradients": (inputs.T @ delta_hidden, with_one.T @ delta_output),
        "loss": ((one - output) ** 2 * np.float32(0.5)).sum(),
    }


@pytest.fixture(scope="session")
def backprop_run() -> BackpropRun:
    """A faultless run of the textbook's network in NumPy's float32."""
    states = [[joined(layer).astype(np.float32) for layer in published.TEXTBOOK.layers]]
    steps = []
    for _ in range(EPOCHS):
        steps.append(backprop_step(*states[-1]))
        moved = zip(states[-1], steps[-1]["gradients"], strict=False)
        states.append([held - np.float32(published.TEXTBOOK.rate) * gradient for held, gradient in moved])
    losses = [*(step["loss"] for step in steps), backprop_step(*states[-1])["loss"]]

    def of_layers(name: str) -> list[Any]:
        return [np.array(layer) for layer in zip(*(step[name] for step in steps), strict=False)]

    return BackpropRun(
        device="cpu",
        dtype="float32",
        network=replace(published.TEXTBOOK, steps=EPOCHS),
        parameters=[np.array(layer) for layer in zip(*states, strict=False)],
        nets=of_layers("nets"),
        outputs=of_layers("outputs"),
        deltas=of_layers("deltas"),
        gradients=of_layers("gradients"),
        differentiated=of_layers("gradients"),
        losses=np.array(losses),
        placements=frozenset({("inputs", "cpu")}),
        observed_bits=b"same",
        timed_bits=b"same",
        timing=Timing(10, [0.001], [0.001]),
    )
