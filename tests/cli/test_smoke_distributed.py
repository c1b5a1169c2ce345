"""`envkit smoke --distributed`, through the command line, with a real torchrun of several processes on gloo.

A rank is broken by a `sitecustomize` on its path, which only that rank heeds.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import Cli, is_running

FAST = ("--distributed", "--epochs", "4", "--json", "--python", sys.executable)
CHECKS = [
    "all-reduce", "all-gather", "broadcast", "barrier", "every-step", "gradient", "single-process", "on-device",
    "ranks-agree",
]  # fmt: skip

IN_STEP_3 = """
import torch.nn.functional
whole, calls = torch.nn.functional.mse_loss, []
def mse_loss(*arguments, **options):
    calls.append(1)
    if len(calls) == 3:
        {fault}
    return whole(*arguments, **options)
torch.nn.functional.mse_loss = mse_loss
"""
AFTER_ALL_REDUCE = """
import torch.distributed
whole = torch.distributed.all_reduce
def all_reduce(tensor, *arguments, **options):
    result = whole(tensor, *arguments, **options)
    tensor[-1] += 1
    return result
torch.distributed.all_reduce = all_reduce
"""
OTHER_BITS = """
import json
dumps = json.dumps
def other_bits(value, *arguments, **options):
    if isinstance(value, dict) and "bits" in value:
        value = {**value, "bits": "ff" + value["bits"][2:]}
    return dumps(value, *arguments, **options)
json.dumps = other_bits
"""


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[int, str], dict[str, str]]:
    """The environment in which one rank runs some code before all else."""

    def write(rank: int, code: str) -> dict[str, str]:
        folder = tmp_path / "broken"
        folder.mkdir()
        guarded = "\n".join("    " + line for line in code.splitlines())
        text = f"import os\nif os.environ.get('RANK') == '{rank}':\n{guarded}\n"
        (folder / "sitecustomize.py").write_text(text)
        return {"PYTHONPATH": str(folder)}

    return write


def checks_of(run: object) -> dict[str, dict[str, object]]:
    (result,) = run.json["results"]  # type: ignore[attr-defined]
    return {check["name"]: check for check in result["checks"]}


@pytest.mark.parametrize(
    ("options", "ranks"),
    [
        pytest.param((), 2, id="two, the default on the CPU"),
        pytest.param(("--nproc-per-node", "3"), 3, id="three"),
        pytest.param(("--nproc-per-node", "4"), 4, id="one more than a batch has rows"),
    ],
)
def test_a_training_that_is_shared_is_right_and_is_that_of_one_process(
    cli: Cli, options: tuple[str, ...], ranks: int
) -> None:
    run = cli("smoke", *options, *FAST)
    assert run.code == 0, run.out + run.err
    (result,) = run.json["results"]
    assert (result["workload"], result["device"], result["passed"]) == ("distributed", "cpu", True)
    assert list(checks_of(run)) == CHECKS
    assert all(check["passed"] for check in result["checks"])
    assert f"on all {ranks} ranks" in checks_of(run)["single-process"]["detail"]


def test_two_machines_meet_at_an_endpoint_and_each_tells_the_whole(cli: Cli, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        endpoint = f"localhost:{free.getsockname()[1]}"
    meeting = ("--nnodes", "2", "--nproc-per-node", "1", "--rdzv-endpoint", endpoint, "--rdzv-id", "test")
    with ThreadPoolExecutor() as machines:
        runs = [machines.submit(cli, "smoke", *meeting, *FAST) for _ in range(2)]
        ended = [run.result() for run in runs]
    for run in ended:
        assert run.code == 0, run.out + run.err
        assert "all 2 ranks" in checks_of(run)["ranks-agree"]["detail"]


def test_a_rank_that_raises_is_named_with_its_step_and_its_error(
    cli: Cli, broken: Callable[..., dict[str, str]]
) -> None:
    env = broken(1, IN_STEP_3.format(fault="raise ValueError('bad luck')"))
    run = cli("smoke", "--nproc-per-node", "3", *FAST, env=env)
    assert run.code == 1
    (error,) = run.json["errors"]
    assert (error["kind"], error["message"]) == (
        "distributed-failed",
        "rank 1 failed in training step 2: ValueError: bad luck",
    )


def test_a_rank_that_is_killed_is_named(cli: Cli, broken: Callable[..., dict[str, str]]) -> None:
    env = broken(1, IN_STEP_3.format(fault="os.kill(os.getpid(), 9)"))
    run = cli("smoke", "--nproc-per-node", "2", *FAST, env=env)
    assert run.code in (1, 4)
    error = run.json["errors"][0]
    assert error["kind"] == "distributed-failed"
    assert error["message"].startswith("rank 1 on ")
    assert error["message"].endswith(" ended first, by SIGKILL")


def test_a_rank_that_hangs_is_named_within_the_time_limit(cli: Cli, broken: Callable[..., dict[str, str]]) -> None:
    env = broken(1, IN_STEP_3.format(fault="import time; time.sleep(1000)"))
    began = time.monotonic()
    run = cli("smoke", "--nproc-per-node", "2", "--timeout", "45", *FAST, env=env)
    assert time.monotonic() - began < 60
    assert run.code == 1
    (error,) = run.json["errors"]
    assert error["message"].startswith("rank 1 did not come further than training step 2; no rank moved for ")


def test_a_sum_over_all_ranks_that_is_off_by_one_on_one_rank_is_named(
    cli: Cli, broken: Callable[..., dict[str, str]]
) -> None:
    run = cli("smoke", "--nproc-per-node", "2", *FAST, env=broken(1, AFTER_ALL_REDUCE))
    assert run.code == 1
    failed = {name: check["detail"] for name, check in checks_of(run).items() if not check["passed"]}
    assert failed == {"all-reduce": "rank 1 failed; rank 1: not so: 1 int64: 1 of 1 differ"}


def test_a_rank_that_ends_with_other_bits_is_named(cli: Cli, broken: Callable[..., dict[str, str]]) -> None:
    run = cli("smoke", "--nproc-per-node", "3", *FAST, env=broken(2, OTHER_BITS))
    assert run.code == 1
    failed = {name: check["detail"] for name, check in checks_of(run).items() if not check["passed"]}
    assert failed == {"ranks-agree": "rank 2 ended with other bits than the rest of 3"}


def test_a_rank_that_computes_wrong_is_named(cli: Cli, broken: Callable[..., dict[str, str]]) -> None:
    # Rank 0 learns from data that are off by a ten-thousandth in one step: all ranks get its share of the gradient.
    env = broken(0, IN_STEP_3.format(fault="arguments = (arguments[0] * 1.0001, *arguments[1:])"))
    run = cli("smoke", "--nproc-per-node", "2", *FAST, env=env)
    assert run.code == 1
    failed = {name: check["detail"] for name, check in checks_of(run).items() if not check["passed"]}
    assert failed["gradient"].startswith("ranks 0, 1 failed; ")
    assert "at step 3" in failed["gradient"]
    assert "ranks-agree" not in failed


def test_a_torch_without_distributed_is_one_clear_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import torch.distributed\ntorch.distributed.is_available = lambda: False\n"
    )
    run = cli("smoke", *FAST, env={"PYTHONPATH": str(tmp_path)})
    assert run.code == 1
    (error,) = run.json["errors"]
    assert error["kind"] == "distributed-failed"
    assert error["message"].endswith("was built without torch.distributed")


def test_an_endpoint_that_nobody_serves_is_one_clear_error(cli: Cli) -> None:
    meeting = ("--nnodes", "2", "--rdzv-endpoint", "192.0.2.1:29400", "--timeout", "25")  # RFC 5737: nobody's address
    run = cli("smoke", *meeting, *FAST)
    assert run.code in (1, 4)
    said = [error["message"] for error in run.json["errors"]]
    assert any("must run this command with the same --rdzv-endpoint 192.0.2.1:29400" in one for one in said), said
    assert "Traceback" not in run.err


def _offspring_of(process: "subprocess.Popen[bytes]", count: int, limit: float = 60) -> list[int]:
    """The processes below it, once there are so many."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        below = psutil.Process(process.pid).children(recursive=True)
        if len(below) >= count:
            return [member.pid for member in below]
        time.sleep(0.1)
    raise AssertionError(f"{count} processes did not start")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a polite kill"])
def test_leaving_leaves_no_process_behind(
    tmp_path: Path, broken: Callable[..., dict[str, str]], number: signal.Signals
) -> None:
    env = {**os.environ, **broken(1, IN_STEP_3.format(fault="import time; time.sleep(1000)"))}
    argv = [sys.executable, "-m", "envkit", "smoke", "--nproc-per-node", "3", *FAST]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as envkit:
        below = _offspring_of(envkit, 4)  # torchrun and its three ranks, each in a session of its own
        envkit.send_signal(number)
        envkit.communicate(timeout=30)
    assert envkit.returncode == 128 + number
    until = time.monotonic() + 5
    while any(map(is_running, below)) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in below if is_running(pid)] == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--nproc-per-node", "2"), "--nproc-per-node is for --distributed", id="without --distributed"),
        pytest.param(("--distributed", "--nnodes", "2"), "need --rdzv-endpoint HOST:PORT", id="no endpoint"),
        pytest.param(("--distributed", "--device", "cuda:1"), "CUDA_VISIBLE_DEVICES", id="one of the GPUs"),
        pytest.param(("--distributed", "--device", "cpu", "--device", "cuda"), "is one kind", id="two kinds"),
        pytest.param(
            ("--distributed", "--nnodes", "2", "--node-rank", "2", "--rdzv-endpoint", "node0:1"),
            "--node-rank 2 is none of 2 machines",
            id="a machine too many",
        ),
        pytest.param(("--distributed", "--nproc-per-node", "0"), "x>=1", id="no process"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(cli: Cli, options: tuple[str, ...], told: str) -> None:
    run = cli("smoke", *options)
    assert run.code == 2
    assert told in " ".join(run.err.replace("│", " ").split())
