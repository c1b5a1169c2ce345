"""The options, and that wrong ones are refused with exit code 2."""

from __future__ import annotations

import pytest
from envkit_smoke.cli import parse
from envkit_smoke.options import DTYPES, Options


def test_defaults_are_the_usual_mode_s() -> None:
    assert parse([]) == Options(
        devices=[],
        workloads=["kernels", "linear-regression", "backprop"],
        dtypes=list(DTYPES),
        variants=["eager", "foreach", "fused"],
        explicit=frozenset(),
        mode="usual",
        epochs=100,
        seed=0,
        budget=30.0,
        memory=None,
        network=None,
        list_only=False,
    )


def test_quick_is_a_few_epochs_of_one_dtype_without_the_slow_import() -> None:
    quick = parse(["--mode", "quick"])
    assert (quick.dtypes, quick.variants, quick.epochs, quick.budget) == (["float32"], ["functional"], 4, 0.0)


def test_full_is_every_variant() -> None:
    full = parse(["--mode", "full"])
    assert full.variants == ["eager", "functional", "foreach", "fused", "compile", "cuda-graph"]


def test_what_is_named_is_remembered_as_named() -> None:
    named = parse(["--dtype", "tf32", "--variant", "fused", "--mode", "quick"])
    assert (named.dtypes, named.variants, named.explicit) == (["tf32"], ["fused"], {"tf32", "fused"})


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
    given = parse(
        ["--epochs", "3", "--seed", "7", "--budget", "2.5", "--memory", "1000", "--network", "n.json", "--list"]
    )
    assert (given.epochs, given.seed, given.budget, given.memory, given.network, given.list_only) == (
        3,
        7,
        2.5,
        1000,
        "n.json",
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--device gpu", "is no device"),
        ("--workload mnist", "invalid choice"),
        ("--epochs 0", "0 is not between 1 and 1000000"),
        ("--epochs many", "is not a whole number"),
        ("--seed -1", "-1 is not between"),
        (f"--seed {2**63}", "is not between"),
        ("--variant adam", "invalid choice"),
        ("--dtype int8", "invalid choice"),
        ("--mode slow", "invalid choice"),
        ("--budget -1", "-1 seconds is not between"),
        ("--budget nan", "nan seconds is not between"),
        ("--memory 0", "0 is not between"),
        ("--network n.json --workload linear-regression", "--network is for the workload backprop"),
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


def pairs(*arguments: str) -> list[tuple[str, str]]:
    return parse(arguments).trainings()


def test_a_fused_update_in_16_bits_is_for_the_full_mode() -> None:
    assert ("bfloat16", "fused") not in pairs()
    assert ("float32", "fused") in pairs()
    assert ("bfloat16", "eager") in pairs()
    assert ("bfloat16", "fused") in pairs("--mode", "full")


@pytest.mark.parametrize("named", [("--variant", "fused"), ("--dtype", "bfloat16"), ("--dtype", "float16")])
def test_a_fused_update_in_16_bits_is_made_where_it_is_named(named: tuple[str, str]) -> None:
    assert [dtype for dtype, variant in pairs(*named) if variant == "fused"][-1] in ("bfloat16", "float16")
