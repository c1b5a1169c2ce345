"""Judging a run of the textbook's network against its float64 reference; no torch, no device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from envkit_smoke import backprop_reference as reference
from envkit_smoke import published
from envkit_smoke.bounded import Bounded
from envkit_smoke.checks import Check, Comparison, on_device, same_bits, within_bounds
from envkit_smoke.workload import Report

if TYPE_CHECKING:
    from envkit_smoke.timing import Timing


@dataclass(frozen=True)
class BackpropRun:
    """What a device did in S steps, in the float32 it computed in.

    ``hidden_parameters`` (S + 1, 4, 2) and ``output_parameters`` (S + 1, 3, 1) are the states before the
    first and after every step, biases in the last row; ``hidden_steps`` and ``output_steps`` what the
    lecture's formulas gave to add, before the rate, and ``..._gradients`` what autograd gave, both without
    the extra state. Net inputs, outputs and deltas are (S, 1, units), ``losses`` (S + 1) the loss at every
    state.
    """

    device: str
    hidden_parameters: Any
    output_parameters: Any
    net_hidden: Any
    hidden: Any
    net_output: Any
    output: Any
    delta_hidden: Any
    delta_output: Any
    hidden_steps: Any
    output_steps: Any
    hidden_gradients: Any
    output_gradients: Any
    losses: Any
    placements: frozenset[tuple[str, str]]
    observed_bits: bytes
    timed_bits: bytes
    timing: Timing


@dataclass(frozen=True)
class Figures:
    """The first step in the textbook's order: units 4, 5, 6; parameters after it; rounding bounds."""

    net_inputs: Bounded
    outputs: Bounded
    errors: Bounded
    hidden_after: Bounded
    output_after: Bounded


def judge(run: BackpropRun) -> Report:
    """All verdicts on a run."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a run that left the range of numbers
        checks = (
            check_published_figures(run),
            check_central_differences(run),
            check_every_step(run),
            check_gradient(run),
            check_loss(run),
            on_device(run.placements, run.device),
            same_bits(run.observed_bits, run.timed_bits),
        )
    return Report(checks, [float(loss) for loss in run.losses[1:]], None, run.timing)


def first_step() -> Figures:
    """The reference's own first step from the textbook's initial values."""
    hidden, output = reference.initial_parameters()
    passed = reference.forward(reference.sample(), hidden, output)
    back = reference.backward(reference.sample(), output, passed)
    return Figures(
        _units(passed.net_hidden, passed.net_output),
        _units(passed.hidden, passed.output),
        _units(back.delta_hidden, back.delta_output),
        reference.update(hidden, back.step_hidden),
        reference.update(output, back.step_output),
    )


def check_published_figures(run: BackpropRun) -> Check:
    """Reference and device both reproduce every figure that the textbook prints for the first step.

    The textbook works by hand from its own rounded figures, so that one of them may be off by a unit of its
    last decimal, and is by design allowed to be; the device's rounding comes on top.
    """
    own = first_step()
    device = Figures(
        _units(Bounded(run.net_hidden[0]), Bounded(run.net_output[0])),
        _units(Bounded(run.hidden[0]), Bounded(run.output[0])),
        _units(Bounded(run.delta_hidden[0]), Bounded(run.delta_output[0])),
        Bounded(run.hidden_parameters[1]),
        Bounded(run.output_parameters[1]),
    )
    return within_bounds(
        "published-figures",
        "The first step gives the figures that the textbook prints, to one unit of their last decimal",
        _against_textbook("reference", own, own) + _against_textbook("device", device, own),
    )


def _against_textbook(who: str, figures: Figures, rounding: Figures) -> list[Comparison]:
    table = (
        ("net input", "net_inputs", published.NET_INPUTS, published.THIRD_DECIMAL),
        ("output", "outputs", published.OUTPUTS, published.THIRD_DECIMAL),
        ("error", "errors", published.ERRORS, published.FOURTH_DECIMAL),
        ("hidden parameter", "hidden_after", published.HIDDEN_AFTER, published.THIRD_DECIMAL),
        ("output parameter", "output_after", published.OUTPUT_AFTER, published.THIRD_DECIMAL),
    )
    return [
        Comparison(
            f"{who}'s {what}",
            getattr(figures, field).value,
            Bounded(printed, unit + getattr(rounding, field).error),
        )
        for what, field, printed, unit in table
    ]


def check_central_differences(run: BackpropRun) -> Check:
    """The reference's analytic gradient is the slope of its own loss, at every state of the run."""
    hidden, output = _states(run)
    back = reference.backward(reference.sample(), output, reference.forward(reference.sample(), hidden, output))
    along_hidden, along_output = reference.central_differences(hidden.value, output.value)
    return within_bounds(
        "central-differences",
        "The reference's gradient is the slope of its loss by central differences in float64",
        [
            Comparison("hidden gradient", back.step_hidden.value, along_hidden, "step"),
            Comparison("output gradient", back.step_output.value, along_output, "step"),
        ],
    )


def check_every_step(run: BackpropRun) -> Check:
    """Every number of every step, from net inputs to new parameters, is the float64 one within rounding."""
    hidden, output = _states(run)
    passed = reference.forward(reference.sample(), hidden, output)
    back = reference.backward(reference.sample(), output, passed)
    pairs = (
        ("hidden net input", run.net_hidden, passed.net_hidden),
        ("hidden output", run.hidden, passed.hidden),
        ("net input", run.net_output, passed.net_output),
        ("output", run.output, passed.output),
        ("hidden error", run.delta_hidden, back.delta_hidden),
        ("output error", run.delta_output, back.delta_output),
        ("hidden step", run.hidden_steps, back.step_hidden),
        ("output step", run.output_steps, back.step_output),
        ("hidden parameter", run.hidden_parameters[1:], reference.update(hidden, back.step_hidden)),
        ("output parameter", run.output_parameters[1:], reference.update(output, back.step_output)),
    )
    return within_bounds(
        "every-step",
        f"Each of {len(run.output)} updates by the lecture's formulas agrees with float64, within rounding",
        [Comparison(what, measured, expected, "step") for what, measured, expected in pairs],
    )


def check_gradient(run: BackpropRun) -> Check:
    """Autograd's gradient of E is minus the step of the lecture's formulas."""
    hidden, output = _states(run)
    back = reference.backward(reference.sample(), output, reference.forward(reference.sample(), hidden, output))
    return within_bounds(
        "gradient",
        f"Autograd's gradient of each of {len(run.output)} steps agrees with the analytic one in float64",
        [
            Comparison("hidden gradient", -run.hidden_gradients, back.step_hidden, "step"),
            Comparison("output gradient", -run.output_gradients, back.step_output, "step"),
        ],
    )


def check_loss(run: BackpropRun) -> Check:
    """The loss at every state is the float64 one."""
    hidden, output = Bounded(run.hidden_parameters), Bounded(run.output_parameters)
    expected = reference.forward(reference.sample(), hidden, output).loss
    return within_bounds(
        "loss",
        f"The loss before and after each of {len(run.output)} updates agrees with float64",
        [Comparison("loss", run.losses[:, None, None], expected, "state")],
    )


def _states(run: BackpropRun) -> tuple[Bounded, Bounded]:
    """The hidden and output parameters that each step started from."""
    return Bounded(run.hidden_parameters[:-1]), Bounded(run.output_parameters[:-1])


def _units(hidden: Bounded, output: Bounded) -> Bounded:
    """The two hidden units' (1, 2) and the output unit's (1, 1) numbers as one row of three."""
    value = np.concatenate([hidden.value[0], output.value[0]])
    return Bounded(value, np.concatenate([hidden.error[0], output.error[0]]))
