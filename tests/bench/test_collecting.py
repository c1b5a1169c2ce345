"""Events in, Results out: all that was told is kept, nothing that makes no sense passes in silence."""

from typing import Any

import msgspec
import pytest

from envkit.bench.stream import parse_event
from envkit.processes import End
from envkit.results import Spread
from tests.bench.recorded import BOTH, END, GOOD, place, results_of, start


def test_the_events_of_a_training_become_one_result() -> None:
    results = results_of(GOOD)
    first = results.results[0]
    assert results.passed
    assert results.complete
    assert (first.workload, first.device, first.dtype, first.variant) == (
        "linear-regression", "cpu", "float32", "eager",
    )  # fmt: skip
    assert first.passed
    assert first.timing is not None
    assert first.timing.step_seconds.median == 58.5e-6


def test_variants_are_results_of_their_own() -> None:
    assert [(one.workload, one.variant) for one in results_of(GOOD).results] == [
        ("linear-regression", "eager"),
        ("linear-regression", "compile"),
        ("backprop", "eager"),
    ]


def test_every_event_of_the_contract_is_kept() -> None:
    network = {"event": "network", "device": "reference", "dtype": "float64",
               "steps": [{"loss": 0.25, "layers": [{"net": [[-0.7, 0.1]], "output": [[0.3, 0.5]]}]}]}  # fmt: skip
    distributed = {"event": "distributed", "backend": "gloo", "world": 1, "all_reduce": None,
                   "ranks": [{"rank": 0, "device": "cpu", "host": "a"}]}  # fmt: skip
    results = results_of([*BOTH[:-1], network, distributed, BOTH[-1]])
    expected = {"ceilings": 4, "points": 8, "conditions": 2, "copies": 1, "together": 1, "distributed": 1,
                "networks": 1, "skips": 2, "errors": 1}  # fmt: skip
    assert {name: len(getattr(results, name)) for name in expected} == expected
    assert results.networks[0].steps[0].layers[0]["net"] == [[-0.7, 0.1]]
    assert results.points[0].seconds.interval == (results.points[0].seconds.low, results.points[0].seconds.high)


def test_what_was_no_finite_number_is_told_in_words() -> None:
    lost = {"event": "training", **place("cpu"), "epochs": 1, "losses": [None], "not_finite": {"losses.0": "nan"}}
    training = results_of([lost, *GOOD]).results[0].training
    assert training is not None
    assert training.not_finite == {"losses.0": "nan"}


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = [{**event, "of a later version": [1, {"more": None}]} for event in GOOD]
    assert results_of(later) == results_of(GOOD)


@pytest.mark.parametrize("kind", ["new in a later version", ["end"], None, 7])
def test_an_event_of_an_unknown_kind_is_passed_over(kind: object) -> None:
    results = results_of([{"event": kind, **place("cpu")}, *GOOD])
    assert results.passed
    assert results.results == results_of(GOOD).results


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param({"event": "start", "devices": 3}, id="devices that are a number"),
        pytest.param({"event": "start", "python": ["3.11"]}, id="a version that is a list"),
        pytest.param({"event": "check", **place("cpu"), "passed": "yes"}, id="a check without a name"),
        pytest.param({"event": "training", **place("cpu"), "losses": "low"}, id="losses that are a word"),
        pytest.param({"event": "timing", **place("cpu"), "step_seconds": None}, id="a timing without figures"),
        pytest.param({"event": "result", **place("cpu"), "passed": 1}, id="a verdict that is a number"),
        pytest.param({"event": "ceiling", "device": "cpu", "rate": "fast"}, id="a ceiling that is a word"),
        pytest.param({"event": "point", **place("cpu"), "size": [15, 3]}, id="a size that is a list"),
        pytest.param({"event": "network", "device": "cpu", "steps": 7}, id="steps that are a number"),
        pytest.param({"event": "skip", **place("cpu")}, id="a skip without a reason"),
        pytest.param({"event": "copy", "device": "cpu", "to": 1}, id="a copy to a number"),
        pytest.param({"event": "error"}, id="an error without words"),
        pytest.param({"event": "end", "passed": "true"}, id="an end that is a word"),
    ],
)
def test_an_event_that_makes_no_sense_is_told_and_the_rest_is_kept(nonsense: dict[str, Any]) -> None:
    results = results_of([nonsense, *GOOD])
    (error,) = results.errors
    assert error.kind == "nonsense"
    assert repr(nonsense["event"]) in error.message
    assert not results.passed
    assert results.complete
    assert results.results[0].checks


def test_a_training_cut_short_has_not_passed() -> None:
    without = [event for event in GOOD if event["event"] != "result"]
    assert not results_of(without).passed


@pytest.mark.parametrize("passed", [True, False])
def test_what_is_no_training_is_judged_by_its_checks(passed: bool) -> None:
    kernel = {"event": "check", **place("cpu", "kernels"), "name": "matmul", "passed": passed}
    results = results_of([start("cpu"), kernel, END])
    assert results.results[0].passed is passed
    assert results.passed is passed


def test_an_exit_code_outweighs_a_claim_to_have_passed() -> None:
    assert not results_of(GOOD, code=1).passed


def test_a_crash_after_the_end_is_told() -> None:
    results = results_of(GOOD, end=End.SIGNALLED, code=-11)
    assert results.errors[0].message == "after the end of the workloads: SIGSEGV"
    assert not results.passed


def test_a_death_is_laid_to_the_place_where_it_came() -> None:
    results = results_of(GOOD[:2], end=End.SIGNALLED, code=-11, stderr=b"first words\nlast words\n")
    (error,) = results.errors
    assert (error.kind, error.device, error.workload, error.dtype, error.variant) == (
        "device-died", "cpu", "linear-regression", "float32", "eager",
    )  # fmt: skip
    assert error.message == "linear-regression in float32, eager, on cpu: SIGSEGV: last words"
    assert error.last_words == "first words\nlast words"
    assert not results.passed
    assert results.complete  # it is known what became of the device


def test_what_was_measured_before_a_death_is_kept() -> None:
    results = results_of(GOOD[:-1], end=End.SIGNALLED, code=-6)
    assert results.results == results_of(GOOD).results


def test_a_death_before_any_device_leaves_the_run_incomplete() -> None:
    results = results_of([], end=End.SIGNALLED, code=-11)
    assert (results.errors[0].kind, results.complete, results.passed) == ("died", False, False)


def test_a_run_that_was_stopped_is_told_as_stopped_even_when_it_had_to_be_killed() -> None:
    results = results_of(GOOD[:3], end=End.SIGNALLED, code=-9, interrupted=True)
    assert [error.kind for error in results.errors] == ["interrupted"]
    assert results.interrupted
    assert not results.complete


def test_an_interval_of_steps_timed_one_by_one_is_the_middle_half() -> None:
    alone = Spread(median=2.0, p25=1.5, p75=3.0, min=1.0, max=9.0, count=100)
    assert alone.interval == (1.5, 3.0)
    assert msgspec.structs.replace(alone, low=1.9, high=2.1).interval == (1.9, 2.1)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        pytest.param(b'{"event": "end", "passed": true}', {"event": "end", "passed": True}, id="an event"),
        pytest.param(b'noise{"event": "end"}', {"event": "end"}, id="after an unfinished line of another's"),
        pytest.param(b"plain noise", None, id="noise"),
        pytest.param(b'{"event": "end", "pass', None, id="cut short"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b'{"event": ' + b"[" * 200_000, None, id="endlessly nested"),
        pytest.param(b'\xff\xfe{"other": 1}', None, id="another's JSON"),
    ],
)
def test_a_line_of_the_stream_is_an_event_or_nothing(line: bytes, event: object) -> None:
    assert parse_event(line) == event


def test_a_long_run_of_a_network_comes_in_parts() -> None:
    def part(first: int, *losses: float | None, **lost: str) -> dict[str, Any]:
        steps = [{"loss": loss, "layers": []} for loss in losses]
        place = {"device": "cpu", "dtype": "float32", "variant": "eager"}
        return {"event": "network", **place, "first_step": first, "steps": steps, "not_finite": lost}

    parts = [part(1, 4.0, 3.0), part(3, 2.0, None, **{"steps.1.loss": "inf"})]
    (network,) = results_of([*BOTH[:-1], *parts, BOTH[-1]]).networks
    assert [step.loss for step in network.steps] == [4.0, 3.0, 2.0, None]
    assert network.not_finite == {"steps.3.loss": "inf"}
