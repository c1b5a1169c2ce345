"""An import of torch that fails over what is not torch's own."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Severity
from envkit.snapshot import Snapshot, TorchError
from tests.builders import make_host, make_interpreter, make_runtime, make_snapshot


def failing(kind: str, message: str, **changes: object) -> Snapshot:
    live = make_runtime(stage="import", version=None, error=TorchError(type=kind, message=message))
    return make_snapshot(**{"torch": live, **changes})


def first(snapshot: Snapshot) -> Finding:
    return diagnose(snapshot, matrix.load()).findings[0]


@pytest.mark.parametrize("seen", [True, False], ids=["a copy of what torch brings", "any other"])
def test_a_broken_library_that_is_searched_for_first_is_the_cause(*, seen: bool) -> None:
    file = "/opt/lib/libgomp.so.1"
    finding = first(
        failing(
            "OSError",
            f"{file}: file too short",
            host=make_host(variables={"LD_LIBRARY_PATH": "/odd:/opt/lib/"}),
            target=make_interpreter(loader_first=(file,) if seen else ()),
        )
    )
    assert (finding.code, finding.severity) == ("library-path-conflict", Severity.ERROR)
    assert finding.cause.startswith(file)
    assert finding.fix is not None
    assert finding.fix.commands == ("unset LD_LIBRARY_PATH LD_PRELOAD",)


def test_files_that_are_in_place_are_not_for_envkit_to_replace() -> None:
    variables = {"TORCH_LOGS": "odd"}
    finding = first(failing("ValueError", "\nInvalid log settings: odd", host=make_host(variables=variables)))
    assert finding.code == "torch-corrupt"
    assert finding.cause == "`import torch` fails: ValueError: Invalid log settings: odd"
    assert finding.fix is not None
    assert finding.fix.commands[0] == "unset TORCH_LOGS"
    assert finding.fix.summary.startswith("first start without TORCH_LOGS")
    assert finding.fix.pip == ()
