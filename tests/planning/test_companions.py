"""Companions that a build must have to be chosen."""

import pytest

from envkit.planning.decide import plan
from envkit.planning.model import ImpossibleError, Request
from tests.planning.hosts import HOSTS

AMD = HOSTS["linux-7900xtx"]


def test_a_build_without_a_companion_that_was_asked_for_is_passed_over(matrix):
    alone = plan(Request(torch="2.14.1"), AMD, matrix)
    both = plan(Request(torch="2.14.1", packages=("torchaudio",)), AMD, matrix)

    assert (alone.backend, both.backend, both.built_with) == ("rocm7.14", "rocm7.2", ("torchaudio",))
    because = next(reason.because for reason in both.reasons if reason.decides == "backend")
    assert because.endswith(
        "ROCm 7.14 has no torchaudio: 2.11.0, the one that goes with it, was not built for ROCm 7.14"
    )


def test_such_a_build_asked_for_by_name_is_refused_with_the_nearest_that_has_it(matrix):
    with pytest.raises(ImpossibleError, match=r"torch 2\.14\.1 \(rocm7\.14\) has no torchaudio") as refusal:
        plan(Request(torch="2.14.1", rocm="7.14", packages=("torchaudio",)), AMD, matrix)

    assert [(one.torch, one.backend) for one in refusal.value.nearest] == [("2.14.1", "rocm7.2")]


def test_a_companion_asked_for_in_a_version_is_left_to_the_one_who_asks(matrix):
    assert plan(Request(torch="2.14.1", packages=("torchaudio>=2",)), AMD, matrix).backend == "rocm7.14"


@pytest.mark.parametrize(
    ("host", "backend"),
    [
        pytest.param("linux-new-driver", "cu132", id="the default build, for the same major CUDA"),
        pytest.param("windows-cpu", "cpu", id="the default build, for the CPU"),
    ],
)
def test_the_default_index_has_one_that_will_do(matrix, host, backend):
    chosen = plan(Request(torch="2.13.0", packages=("torchaudio",)), HOSTS[host], matrix)

    assert (chosen.backend, chosen.companions) == (backend, {"torchaudio": "2.11.0"})
