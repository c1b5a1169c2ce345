"""`envkit doctor` on broken set-ups, built for real: it ends in time, names the cause first, shows no error of its own.

What each fault is stands in the tables beside this file.
"""

import json
import os
import sys
from pathlib import Path

import jsonschema
import pytest

from envkit.render.schema import schema_document
from tests.conftest import make_target
from tests.faults import in_companions, in_driver, in_interpreter, in_reports, in_surroundings, in_torch
from tests.faults.fault import Fault
from tests.faults.needs import lacking
from tests.faults.place import Outcome, Place, clone, examine

_TABLES = {
    "torch": in_torch.FAULTS,
    "companions": in_companions.FAULTS,
    "interpreter": in_interpreter.FAULTS,
    "surroundings": in_surroundings.FAULTS,
    "driver": (*in_driver.FAULTS, *in_driver.CUDA_ERRORS, *in_driver.NVML_ERRORS),
    "report": in_reports.FAULTS,
}
FAULTS = [pytest.param(fault, id=f"{room}: {fault.name}") for room, faults in _TABLES.items() for fault in faults]

SCHEMA = jsonschema.Draft202012Validator(schema_document("findings"))


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that every place gets a copy of."""
    return make_target(tmp_path_factory.mktemp("blank") / "env")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the faults are planted as Linux has them")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: Fault, blank: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for need in fault.needs:
        if reason := lacking(need):
            pytest.skip(reason)
    drivers = request.getfixturevalue("driver_folder") if fault.driver else None
    place = Place(tmp_path, clone(blank, tmp_path / "env"), drivers)
    fault.plant(place)
    try:
        _judge(fault, examine(place, fault.limit))
    finally:
        for folder in (place.site, place.site / "torch", place.cwd):
            if os.path.isdir(folder):  # noqa: PTH112 - pathlib's raises for what may not be seen
                folder.chmod(0o755)  # or pytest cannot clear it away


def _judge(fault: Fault, outcome: Outcome) -> None:
    document = outcome.document
    shown = "\n" + json.dumps({**document, "snapshot": "...", "cuda": "..."}, indent=1) + "\n" + outcome.err
    told = json.dumps(outcome.first if fault.code else document.get("incomplete") or outcome.first)
    assert [one.message[:300] for one in SCHEMA.iter_errors(document)] == []
    assert outcome.exit == fault.exit, shown
    assert "Traceback" not in outcome.err, shown
    assert "mistake in envkit" not in outcome.err, shown
    assert not outcome.changed, shown
    if fault.code:
        assert outcome.first["code"] in (fault.code, fault.also), shown
    assert fault.says in told, shown
