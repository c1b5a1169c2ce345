"""Two hundred thousand machines and wishes against an oracle that tries every build with rules of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit import matrix as shipped
from envkit.planning.decide import plan
from envkit.planning.installs import pip_installs
from envkit.planning.model import ImpossibleError, Request
from tests.planning import oracle
from tests.planning.hosts import HOSTS
from tests.planning.simulation import disagreements

MATRIX = shipped.load()
SHARDS, PAIRS = 10, 200_000


@pytest.mark.parametrize("seed", range(SHARDS))
def test_every_plan_is_the_best_that_is_possible_and_every_refusal_is_right(seed):
    assert list(disagreements(seed, PAIRS // SHARDS)) == []


def test_the_simulation_finds_a_planner_that_prefers_something_else(monkeypatch):
    monkeypatch.setattr("envkit.planning.choice.release_of", lambda _backend: ())

    assert {found.what for found in disagreements(1, 2_000)} == {"not the best"}


def test_the_simulation_finds_a_planner_that_forgets_a_constraint(monkeypatch):
    monkeypatch.setattr("envkit.planning.constraints.CONSTRAINTS", ())
    monkeypatch.setattr("envkit.planning.choice.CONSTRAINTS", ())

    assert "not the best" in {found.what for found in disagreements(1, 2_000)}


def test_the_simulation_finds_a_planner_that_plans_for_gpus_that_are_of_no_use(monkeypatch):
    monkeypatch.setattr("envkit.planning.machine.Machine.rules_out", lambda _machine, _kind: False)

    assert {found.what for found in disagreements(1, 2_000)} >= {"not the best", "offers what cannot be had"}


wishes = st.fixed_dictionaries(
    {
        "torch": st.one_of(st.none(), st.sampled_from(list(oracle.RELEASES))),
        "cuda": st.sampled_from((None, "cpu", "11.8", "12.1", "12.6", "13.0")),
    }
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(HOSTS)), wishes)
def test_an_install_names_its_build_beyond_doubt(host, wish):
    try:
        answer = plan(Request(**wish), HOSTS[host], MATRIX)
    except ImpossibleError:
        return
    installs = pip_installs(answer)
    if answer.index is None:
        assert [step[0] for step in installs] == [f"torch==={answer.torch}"]
    else:
        pinned = f"torch=={answer.torch}{answer.local}"
        assert installs[0] == ("--no-deps", "--index-url", answer.index, pinned)
        assert pinned in installs[1]
