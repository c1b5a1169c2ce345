"""`envkit doctor` where what it prints cannot be printed, and what it prints for a person of the oddest faults."""

import sys
from pathlib import Path

import pytest

from tests.conftest import make_target
from tests.faults import in_interpreter, in_surroundings, in_torch
from tests.faults.fault import Fault
from tests.faults.in_torch import torch
from tests.faults.needs import lacking
from tests.faults.place import Place, clone, examine

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the faults are planted as Linux has them")


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that every place gets a copy of."""
    return make_target(tmp_path_factory.mktemp("blank") / "env")


@pytest.fixture
def place(blank: Path, tmp_path: Path) -> Place:
    """A place with nothing in its environment."""
    return Place(tmp_path, clone(blank, tmp_path / "env"))


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        pytest.param('exec "$@" >&-', 0, "", id="closed"),
        pytest.param('exec "$@" <&- >&- 2>&-', 0, "", id="all closed"),
        pytest.param('exec "$@" >/dev/full', 3, "cannot be written: No space left", id="full"),
        pytest.param('exec "$@" >/dev/full 2>/dev/full', 3, "", id="both full"),
        pytest.param('{ "$@"; echo "code $?" >&2; } | head -c 1 >/dev/null', 0, "", id="nobody reads on"),
    ],
)
def test_a_stream_that_takes_nothing_is_no_crash(
    place: Place, script: str, code: int, told: str, as_json: bool
) -> None:
    torch(place)
    place.in_shell(script)
    outcome = examine(place, 10, as_json=as_json)
    assert outcome.exit == code, outcome.err
    assert "Traceback" not in outcome.err
    assert "Exception ignored" not in outcome.err
    assert told in outcome.err
    assert not outcome.changed


_TOLD = [
    pytest.param(fault, id=fault.name)
    for fault in (*in_torch.FAULTS, *in_interpreter.FAULTS, *in_surroundings.FAULTS)
    if fault.name
    in (
        "none is installed",
        "a file deleted",
        "complains in colour",
        "raises what has no words",
        "its base is gone",
        "prints 30 MB",
        "answers with lies",
        "a FIFO",
        "control: names of odd bytes",
        "control: a locale that is not UTF-8",
        "control: 300 variables of odd bytes",
        "the current folder was deleted",
        "the report goes to a full device",
    )
]


@pytest.mark.parametrize("fault", _TOLD)
def test_a_person_is_told_the_same_without_escapes_and_tracebacks(place: Place, fault: Fault) -> None:
    assert not any(map(lacking, fault.needs))
    fault.plant(place)
    outcome = examine(place, fault.limit, as_json=False)
    told = outcome.out.decode(errors="replace") + outcome.err
    assert outcome.exit == fault.exit, told
    assert fault.code in told
    assert "\x1b" not in told
    assert "Traceback" not in told
    assert "mistake in envkit" not in told
