"""Probes side by side: each section of each leaves word of how it ended."""

from functools import partial
from typing import Any

from envkit.probes.gathering import Gathering, Probe
from envkit.snapshot import ProbeOutcome, Snapshot, Unknown
from tests.builders import make_host, make_interpreter, make_packages, make_runtime

SLOW = Unknown(why="a slow disk", outcome=ProbeOutcome.TIMED_OUT)


def gather(**answers: Any) -> Snapshot:
    sections = {"host": make_host(), "nvml": SLOW, "cuda": SLOW, "torch": make_runtime(), **answers}
    probes = [Probe(tuple(name.split("_")), partial(lambda value: value, value), 5) for name, value in sections.items()]
    return Gathering(probes).result()


def test_every_section_of_a_probe_has_its_run() -> None:
    snapshot = gather(target_packages=(make_interpreter(), SLOW))
    runs = {run.name: (run.outcome, run.detail) for run in snapshot.probes}
    assert runs["target"] == (ProbeOutcome.OK, "")
    assert runs["packages"] == (ProbeOutcome.TIMED_OUT, "a slow disk")


def test_a_probe_that_fails_fails_for_all_of_its_sections() -> None:
    def mistaken() -> Any:
        raise ZeroDivisionError("planted")

    sections = {"host": make_host(), "nvml": SLOW, "cuda": SLOW, "torch": make_runtime()}
    probes = [Probe((name,), partial(lambda value: value, value), 5) for name, value in sections.items()]
    snapshot = Gathering([*probes, Probe(("target", "packages"), mistaken, 5)]).result()
    failed = {run.name for run in snapshot.probes if run.outcome is ProbeOutcome.FAILED}
    assert failed == {"target", "packages"}


def test_what_is_known_keeps_its_run_and_its_facts() -> None:
    snapshot = gather(target_packages=(make_interpreter(), make_packages()))
    assert snapshot.packages == make_packages()
    assert all(run.outcome is ProbeOutcome.OK for run in snapshot.probes if run.name in ("target", "packages"))
