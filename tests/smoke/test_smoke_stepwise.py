"""A training that is shared, judged on the whole batch: any split and order passes, a wrong weight or bit does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from envkit_smoke import published, stepwise
from envkit_smoke.stepwise import Lessons, Trace

LESSONS = stepwise.draw_lessons(seed=3, epochs=20)


def trained(lessons: Lessons, world: int, *, mean_of_means: bool = False) -> Trace:
    """What ranks that compute in NumPy's float32 would do."""
    parameters, momenta, gradients = [lessons.parameters], [np.zeros((2, 4), np.float32)], []
    for features, targets in zip(lessons.inputs, lessons.targets, strict=True):
        inputs = np.c_[features, np.ones(len(features), np.float32)]
        total: Any = np.zeros((2, 4), np.float32)
        for rank in range(world):
            mine = stepwise.shard(len(inputs), world, rank)
            size = targets[mine].size if mean_of_means else targets.size / world
            residuals = inputs[mine] @ parameters[-1].T - targets[mine]
            total = total + (residuals * np.float32(2 / max(size, 1))).T @ inputs[mine] / np.float32(world)
        gradients.append(total)
        momenta.append(np.float32(published.MOMENTUM) * momenta[-1] + total)
        parameters.append(parameters[-1] - np.float32(published.LEARNING_RATE) * momenta[-1])
    return Trace(np.array(parameters), np.array(momenta), np.array(gradients), world)


def ended_elsewhere(trace: Trace, distance: float) -> Trace:
    parameters = trace.parameters.copy()
    parameters[-1, 0, 0] += distance
    return replace(trace, parameters=parameters)


@pytest.mark.parametrize(("rows", "world"), [(3, 1), (3, 2), (3, 3), (3, 5), (15, 4)])
def test_the_shares_of_all_ranks_are_the_batch_in_its_order(rows: int, world: int) -> None:
    shares = [list(range(rows))[stepwise.shard(rows, world, rank)] for rank in range(world)]
    assert [row for share in shares for row in share] == list(range(rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_lessons_are_the_data_set_in_every_epoch_and_the_same_for_the_same_seed() -> None:
    again, other = stepwise.draw_lessons(3, 20), stepwise.draw_lessons(4, 20)
    assert (again.inputs.tobytes(), again.parameters.tobytes()) == (
        LESSONS.inputs.tobytes(),
        LESSONS.parameters.tobytes(),
    )
    assert other.inputs.tobytes() != LESSONS.inputs.tobytes()
    rows = sorted(tuple(row) for row in LESSONS.inputs[:5].reshape(15, 3))
    assert rows == sorted(published.DISTINCT_INPUTS * published.REPEATS)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_a_training_in_any_number_of_shares_agrees_with_float64(world: int) -> None:
    shared = trained(LESSONS, world)
    checks = [
        stepwise.check_steps(shared, LESSONS),
        stepwise.check_gradient(shared, LESSONS),
        stepwise.check_same_end(shared, trained(LESSONS, 1), LESSONS),
    ]
    assert [check.passed for check in checks] == [True] * 3, checks


def test_the_mean_of_the_ranks_own_means_is_not_the_mean_of_the_batch() -> None:
    # Two ranks share three rows: two and one. Left to itself, DistributedDataParallel weighs them alike.
    shared = trained(LESSONS, 2, mean_of_means=True)
    assert not stepwise.check_gradient(shared, LESSONS).passed
    assert not stepwise.check_steps(shared, LESSONS).passed
    assert not stepwise.check_same_end(shared, trained(LESSONS, 1), LESSONS).passed


def test_a_gradient_off_by_a_hundred_thousandth_is_caught() -> None:
    trace = trained(LESSONS, 2)
    gradients = trace.gradients.copy()
    gradients[7] *= np.float32(1.00001)
    check = stepwise.check_gradient(replace(trace, gradients=gradients), LESSONS)
    assert not check.passed
    assert "at step 8" in check.detail


def test_the_drift_is_what_separates_two_ends_that_may_differ_from_two_that_may_not() -> None:
    alone, shared = trained(LESSONS, 1), trained(LESSONS, 3)
    allowed = float((stepwise.drift(alone, LESSONS) + stepwise.drift(shared, LESSONS))[0, 0])
    near, far = ended_elsewhere(alone, 0.9 * allowed), ended_elsewhere(alone, 1.5 * allowed)
    assert stepwise.check_same_end(near, alone, LESSONS).passed
    assert not stepwise.check_same_end(far, alone, LESSONS).passed


def test_the_drift_is_small_beside_the_parameters() -> None:
    # Otherwise the comparison of ends would prove nothing.
    assert stepwise.drift(trained(LESSONS, 2), LESSONS).max() < 0.01


def test_the_drift_bounds_what_float32_really_does() -> None:
    # The same training in float64 is exact by comparison.
    rounded = trained(LESSONS, 1)
    wide = Lessons(*(part.astype(np.float64) for part in (LESSONS.parameters, LESSONS.inputs, LESSONS.targets)))
    parameters, momenta = wide.parameters, np.zeros((2, 4))
    for features, targets in zip(wide.inputs, wide.targets, strict=True):
        inputs = np.c_[features, np.ones(len(features))]
        momenta = published.MOMENTUM * momenta + (2 / targets.size * (inputs @ parameters.T - targets)).T @ inputs
        parameters = parameters - published.LEARNING_RATE * momenta
    assert (np.abs(rounded.parameters[-1] - parameters) <= stepwise.drift(rounded, LESSONS)).all()
