"""The options, and that wrong ones are refused with exit code 2."""

from __future__ import annotations

import pytest
from envkit_smoke.cli import parse
from envkit_smoke.session import Options


def test_defaults_are_the_lectures() -> None:
    assert parse([]) == Options(
        devices=[],
        workloads=["linear-regression", "backprop"],
        epochs=100,
        seed=0,
        optimizer="class",
        list_only=False,
    )


def test_repeated_options_count_once_and_keep_their_order() -> None:
    given = parse(
        [
            "--device",
            "cuda",
            "--device",
            "cpu",
            "--device",
            "cuda:0",
            "--workload",
            "backprop",
            "--workload",
            "backprop",
        ]
    )
    assert (given.devices, given.workloads) == (["cuda:0", "cpu"], ["backprop"])


def test_every_option_arrives() -> None:
    given = parse(["--epochs", "3", "--seed", "7", "--optimizer", "class", "--list"])
    assert (given.epochs, given.seed, given.optimizer, given.list_only) == (3, 7, "class", True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--device gpu", "is no device"),
        ("--workload mnist", "invalid choice"),
        ("--epochs 0", "0 is not between 1 and 1000000"),
        ("--epochs many", "is not a whole number"),
        ("--seed -1", "-1 is not between"),
        (f"--seed {2**63}", "is not between"),
        ("--optimizer adam", "invalid choice"),
        ("--dev cpu", "unrecognized arguments"),
        ("cpu", "unrecognized arguments"),
    ],
)
def test_wrong_usage_leaves_with_2(arguments: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(arguments.split())
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
