"""torchrun in a target: its command, and what its end means."""

import sys
from pathlib import Path

import pytest

from envkit.bench.distributed import Launch, count_ranks, explain, find_first_end, run_distributed, torchrun
from envkit.processes import Completed, End
from envkit.results import SmokeError

# As torch 2.13 prints it, times shortened.
SUMMARY = """\
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
smoke FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 20:37:42
  host      : node7
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 1908)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 1908
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 20:37:42
  host      : node7
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 1909)  (SIGKILL)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 1909
============================================================
"""
START = {"event": "start", "requested": ["cpu"]}
DIED = SmokeError(kind="died", message="the workloads did not come to their end: exit code 1")
NCCL = (
    "rank 1 failed in training step 1: DistBackendError: NCCL error in: ../ProcessGroupNCCL.cpp:1691, "
    "unhandled system error, NCCL version 2.21.5"
)


def ended(stderr: str = "", end: End = End.EXITED, code: int | None = 1) -> Completed:
    return Completed(argv=(), end=end, exit_code=code, stdout=b"", stderr=stderr.encode(), seconds=2.0)


def after(command: list[str]) -> str:
    assert command[:3] == ["python", "-m", "torch.distributed.run"]
    return " ".join(command[3:])


def test_one_machine_meets_itself() -> None:
    assert after(torchrun("python", Launch(), 2, 60)) == "--nproc_per_node 2 --max_restarts 0 --standalone"


def test_the_number_of_processes_that_was_asked_for_wins() -> None:
    assert "--nproc_per_node 3 " in after(torchrun("python", Launch(nproc_per_node=3), 8, 60))


def test_several_machines_meet_at_the_endpoint() -> None:
    launch = Launch(nnodes=2, rdzv_endpoint="node0:29400", rdzv_id="job")
    assert after(torchrun("python", launch, 8, 100)) == (
        "--nproc_per_node 8 --max_restarts 0 --nnodes 2 --rdzv_backend c10d "
        "--rdzv_conf timeout=80,join_timeout=80,read_timeout=60 --rdzv_endpoint node0:29400 --rdzv_id job"
    )


def test_a_machine_with_a_number_meets_the_others_by_numbers() -> None:
    told = after(torchrun("python", Launch(nnodes=2, node_rank=0, rdzv_endpoint="node0:29400", max_restarts=1), 8, 10))
    assert told == (
        "--nproc_per_node 8 --max_restarts 1 --nnodes 2 --rdzv_backend static "
        "--rdzv_conf timeout=8,join_timeout=8,read_timeout=8 --node_rank 0 --rdzv_endpoint node0:29400"
    )


def test_a_backend_that_was_named_is_taken() -> None:
    launch = Launch(nnodes=2, node_rank=1, rdzv_endpoint="node0:29400", rdzv_backend="etcd-v2")
    assert "--rdzv_backend etcd-v2 " in after(torchrun("python", launch, 8, 100))


@pytest.mark.parametrize(
    ("requested", "ranks"),
    [(["cpu"], 2), (["cuda:0"], 1), (["cuda:0", "cuda:1", "cuda:2"], 3), (None, 1)],
    ids=["the CPU", "one GPU", "three GPUs", "not told"],
)
def test_each_device_gets_a_process_and_the_cpu_two(requested: object, ranks: int) -> None:
    assert count_ranks([{"event": "start", "requested": requested}]) == ranks


def test_the_first_rank_that_failed_is_read_in_torchruns_last_words() -> None:
    assert find_first_end(SUMMARY) == (1, "node7", -9, "by SIGKILL")


def test_a_signal_that_torchrun_does_not_name_is_a_number() -> None:
    found = find_first_end(SUMMARY.replace("  (SIGKILL)", ""))
    assert found is not None
    assert found.signal == "by signal 9"


def test_other_last_words_name_nobody() -> None:
    assert find_first_end("RuntimeError: Root Cause unknown") is None


def test_a_rank_that_was_killed_is_told_instead_of_that_the_run_died() -> None:
    (error,) = explain((DIED,), [START], ended(SUMMARY), Launch())
    assert (error.kind, error.message) == ("distributed-failed", "rank 1 on node7 ended first, by SIGKILL")


def test_a_rank_that_was_killed_comes_before_what_the_others_said_of_it() -> None:
    said = SmokeError(kind="distributed-failed", message="rank 0 failed in step 3: Connection closed by peer")
    first, second = explain((said,), [START], ended(SUMMARY), Launch())
    assert first.message == "rank 1 on node7 ended first, by SIGKILL"
    assert second == said


def test_a_rank_that_told_its_failure_itself_is_not_told_twice() -> None:
    said = SmokeError(kind="distributed-failed", message="rank 1 failed in step 3: ValueError: bad luck")
    orderly = SUMMARY.replace("-9 (pid: 1909)  (SIGKILL)", "1 (pid: 1909)")
    assert explain((said,), [START], ended(orderly), Launch()) == (said,)


def test_a_failure_of_nccl_bears_the_code_of_its_finding() -> None:
    said = SmokeError(kind="distributed-failed", message=NCCL)
    assert [(error.kind, error.message) for error in explain((said,), [START], ended(), Launch())] == [
        ("nccl-failure", NCCL)
    ]


def test_what_nccl_printed_before_a_rank_was_killed_is_told_beside_it() -> None:
    log = "node7:1909:1950 [1] misc/socket.cc:50 NCCL WARN socketStartConnect: Connect to 10.0.0.2<41231> failed\n"
    errors = explain((DIED,), [START], ended(log + SUMMARY), Launch())
    assert [error.kind for error in errors] == ["distributed-failed", "nccl-failure"]
    assert "Connect to 10.0.0.2" in errors[1].message


def test_gloos_failures_are_not_nccls() -> None:
    said = SmokeError(
        kind="distributed-failed", message="rank 0 failed: [gloo/transport/tcp/pair.cc] Connection closed"
    )
    assert explain((said,), [START], ended(), Launch()) == (said,)


def test_a_rendezvous_that_fails_is_told_with_torchruns_words_and_what_to_look_at() -> None:
    raised = "RendezvousConnectionError: The connection to the C10d store has failed."
    words = f"torch.distributed.elastic.rendezvous.api.{raised}"
    launch = Launch(nnodes=2, rdzv_endpoint="node0:29400")
    (error,) = explain((DIED,), [], ended(f"Traceback\n{words}\nSee inner exception for details.\n"), launch)
    assert error.kind == "distributed-failed"
    assert error.message == (
        "torchrun started no rank: RendezvousConnectionError: The connection to the C10d store has failed.; "
        "all 2 machines must run this command with the same --rdzv-endpoint node0:29400 (which each can reach), "
        "--rdzv-id and --nnodes"
    )


def test_a_wait_for_other_machines_that_is_cut_off_says_who_was_waited_for() -> None:
    timed_out = SmokeError(kind="timed-out", message="timed out after 2.0 s")
    launch = Launch(nnodes=2, rdzv_endpoint="node0:29400")
    errors = explain((timed_out,), [], ended("", End.TIMED_OUT, -9), launch)
    assert errors[0] == timed_out
    assert errors[1].message.startswith("no rank has started: all 2 machines must run this command")


def test_a_target_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    results = run_distributed(str(tmp_path / "no-python"), Launch())
    assert not results.passed
    assert "could not be started" in results.errors[0].message


def test_a_kind_of_device_that_is_not_there_is_told_before_any_rank_is_started() -> None:
    results = run_distributed(sys.executable, Launch(), device="cuda")
    assert not results.passed
    (error,) = results.errors
    assert error.kind in ("distributed-failed", "device-unavailable")
    assert "nccl" in error.message or "CUDA" in error.message
