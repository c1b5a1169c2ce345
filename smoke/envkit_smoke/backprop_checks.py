"""Judging a network's run against its float64 reference; no torch, no device.

Every number of a step is judged by those that it was computed from, as the device itself had them: a net input by the
outputs before it, a delta by the one after it, an update by its gradient. So a bound is a few roundings wide at any
depth, and a fault cannot hide behind what came before it. A number that was stored may have been used before it was
rounded, as compilers do that fuse operations, or after: its bound has one rounding for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

from envkit_smoke import backprop_reference, published
from envkit_smoke.arithmetic import ARITHMETIC, FLOAT64
from envkit_smoke.backprop_reference import ACTIVATE, Forward, Reference, Step
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, on_device, same_bits, trajectory, within_bounds
from envkit_smoke.workload import Report

if TYPE_CHECKING:
    from envkit_smoke.network import Network
    from envkit_smoke.timing import Timing


@dataclass(frozen=True)
class BackpropRun:
    """What a device did in S steps, as float64, which has every dtype's numbers exactly.

    A list has an array for each layer. ``parameters`` (S + 1, in + 1, out) are the states before the first and after
    every step, biases in the last row; ``gradients`` (S, in + 1, out) those of the written out backward pass,
    ``differentiated`` autograd's. Net inputs, outputs and deltas are (S, rows, out), ``losses`` (S + 1) the loss at
    every state.
    """

    device: str
    dtype: str
    network: Network
    parameters: Sequence[Any]
    nets: Sequence[Any]
    outputs: Sequence[Any]
    deltas: Sequence[Any]
    gradients: Sequence[Any]
    differentiated: Sequence[Any]
    losses: Any
    placements: frozenset[tuple[str, str]]
    observed_bits: bytes
    timed_bits: bytes
    timing: Timing

    def stored(self, numbers: Any) -> Bounded:
        """Numbers as the device has them."""
        return Bounded(numbers, arithmetic=ARITHMETIC[self.dtype])

    @property
    def reference(self) -> Reference:
        """The network's formulas, bounded for the device's arithmetic."""
        return Reference(self.network, ARITHMETIC[self.dtype])

    @property
    def states(self) -> list[Bounded]:
        """The parameters that each step started from."""
        return [self.stored(layer[:-1]) for layer in self.parameters]

    @property
    def passed(self) -> Forward:
        """Net inputs and outputs, which may have been used before they were rounded."""
        return Forward(
            [self.stored(net).once_rounded() for net in self.nets],
            [self.stored(output).once_rounded() for output in self.outputs],
        )


def judge(run: BackpropRun) -> Report:
    """All verdicts on a run."""
    with np.errstate(all="ignore"):  # of a run that left the range of numbers
        checks = [
            check_central_differences(run),
            check_every_step(run),
            check_trajectory(run),
            check_gradient(run),
            check_loss(run),
            on_device(run.placements, run.device),
            same_bits(run.observed_bits, run.timed_bits),
        ]
        if is_textbook(run.network):
            checks.insert(0, check_published_figures(run))
    return Report(checks, [float(loss) for loss in run.losses[1:]], None, run.timing)


def is_textbook(network: Network) -> bool:
    """Whether it is the textbook's, of which there are published figures; for any number of steps."""
    textbook = published.TEXTBOOK
    same = ("layers", "inputs", "targets", "loss", "rate")
    return all(getattr(network, field) == getattr(textbook, field) for field in same)


def reference_steps(network: Network) -> list[Step]:
    """The float64 reference's own steps from the network's values."""
    with np.errstate(all="ignore"):
        return list(islice(Reference(network, FLOAT64).trajectory(), network.steps))


def records(run: BackpropRun) -> list[dict[str, object]]:
    """What the network event tells of the device's steps."""
    return [
        {
            "loss": float(run.losses[step]),
            "layers": [
                backprop_reference.layer_record(*(part[step] for part in layer))
                for layer in zip(
                    run.nets, run.outputs, run.deltas, run.gradients, (layer[1:] for layer in run.parameters)
                )
            ],
        }
        for step in range(len(run.losses) - 1)
    ]


def check_published_figures(run: BackpropRun) -> Check:
    """Reference and device both reproduce every figure that the textbook prints for the first step.

    The textbook works by hand from its own rounded figures, so that one of them may be off by a unit of its
    last decimal, and is by design allowed to be; the device's rounding comes on top.
    """
    own = next(Reference(run.network, FLOAT64).trajectory())
    rounding = next(run.reference.trajectory())
    device = Step(
        Forward([run.stored(net[0]) for net in run.nets], [run.stored(output[0]) for output in run.outputs]),
        run.stored(run.losses[0]),
        [run.stored(delta[0]) for delta in run.deltas],
        [run.stored(gradient[0]) for gradient in run.gradients],
        [run.stored(layer[1]) for layer in run.parameters],
    )
    return within_bounds(
        "published-figures",
        "The first step gives the figures that the textbook prints, to one unit of their last decimal",
        _against_textbook("reference", own, own) + _against_textbook("device", device, rounding),
    )


def _against_textbook(who: str, step: Step, rounding: Step) -> list[Comparison]:
    table = (
        ("net input", lambda one: _units(one.passed.nets), published.NET_INPUTS, published.THIRD_DECIMAL),
        ("output", lambda one: _units(one.passed.outputs), published.OUTPUTS, published.THIRD_DECIMAL),
        ("error", lambda one: -_units(one.deltas), published.ERRORS, published.FOURTH_DECIMAL),
        ("hidden parameter", lambda one: one.parameters[0], published.HIDDEN_AFTER, published.THIRD_DECIMAL),
        ("output parameter", lambda one: one.parameters[1], published.OUTPUT_AFTER, published.THIRD_DECIMAL),
    )
    return [
        Comparison(f"{who}'s {what}", of(step).value, Bounded(printed, unit + of(rounding).error))
        for what, of, printed, unit in table
    ]


def _units(layers: Sequence[Bounded]) -> Bounded:
    """The numbers of the units of both layers, (1, 2) and (1, 1), as one row of three."""
    value, error = (np.concatenate([getattr(layer, part)[0] for layer in layers]) for part in ("value", "error"))
    return Bounded(value, error, layers[0].arithmetic)


def check_central_differences(run: BackpropRun) -> Check:
    """The reference's analytic gradient is the slope of its own loss, at states of the run."""
    slopes = backprop_reference.central_differences(run.network, [layer[:-1] for layer in run.parameters])
    compared, bent = sum(one.analytic.size for one in slopes), sum(one.bent for one in slopes)
    left_out = f"; {bent} were left out where the loss bends too sharply" if bent else ""
    return within_bounds(
        "central-differences",
        f"The reference's gradient is the slope of its loss by {compared} central differences in float64{left_out}",
        [
            Comparison(f"gradient in layer {number}", one.analytic, one.differences, "parameter")
            for number, one in enumerate(slopes, 1)
        ],
    )


def check_every_step(run: BackpropRun) -> Check:
    """Every number of every step, from net inputs to new parameters, is the float64 one within rounding."""
    reference, states, passed = run.reference, run.states, run.passed
    deltas = [run.stored(delta).once_rounded() for delta in run.deltas]
    last = len(states) - 1
    comparisons = []
    for index, layer in enumerate(run.network.layers):
        before = passed.outputs[index - 1] if index else reference.inputs
        if index == last:
            delta = reference.last_delta(passed.nets[index], passed.outputs[index])
        else:
            delta = reference.delta(index, deltas[index + 1], states[index + 1], passed)
        used = run.stored(run.gradients[index]).once_rounded()
        pairs = (
            ("net input", run.nets, reference.net(before, states[index])),
            ("output", run.outputs, ACTIVATE[layer.activation](passed.nets[index])),
            ("delta", run.deltas, delta),
            ("gradient", run.gradients, reference.gradient(before, deltas[index])),
            ("parameter", [one[1:] for one in run.parameters], reference.update(index, states[index], used)),
        )
        where = f"of layer {index + 1}"
        comparisons += [
            Comparison(f"{what} {where}", measured[index], expected, "step") for what, measured, expected in pairs
        ]
    return within_bounds(
        "every-step",
        f"Every number of {len(run.losses) - 1} steps of backpropagation agrees with float64, within rounding",
        comparisons,
    )


def check_trajectory(run: BackpropRun) -> Check:
    """The parameters are where float64 goes from the same start, as long as the growing bound says anything."""
    steps = (step.parameters for step in run.reference.trajectory())
    names = [f"parameter of layer {number}" for number, _ in enumerate(run.parameters, 1)]
    return trajectory(steps, [layer[1:] for layer in run.parameters], names)


def check_gradient(run: BackpropRun) -> Check:
    """Autograd's gradient is the analytic one."""
    reference, passed = run.reference, run.passed
    expected = reference.differentiated(run.states, passed)
    return within_bounds(
        "gradient",
        f"Autograd's gradient of each of {len(run.losses) - 1} steps agrees with the analytic one in float64",
        [
            Comparison(f"gradient in layer {number}", measured, one, "step")
            for number, (measured, one) in enumerate(zip(run.differentiated, expected), 1)
        ],
    )


def check_loss(run: BackpropRun) -> Check:
    """The loss at every state is the float64 one."""
    reference, own = run.reference, run.passed
    passed = reference.forward([run.stored(layer) for layer in run.parameters])
    of_outputs = reference.loss(own.nets[-1], own.outputs[-1])
    return within_bounds(
        "loss",
        f"The loss before and after each of {len(run.losses) - 1} updates agrees with float64",
        [
            Comparison("loss of the outputs", run.losses[:-1], of_outputs, "step"),
            Comparison("loss", run.losses, reference.loss(passed.nets[-1], passed.outputs[-1]), "state"),
        ],
    )
