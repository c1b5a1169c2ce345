"""Room: shared memory, disk, memory."""

import msgspec
import pytest

from envkit.findings import Diagnosis, Severity
from envkit.snapshot import Absent, Room, RunEnd, Snapshot
from tests.builders import make_gpu_snapshot, make_host, make_packages, make_runtime, make_snapshot
from tests.checks.reports import codes_of, diagnosis_of, first_of, report_of, way_out

MIB = 2**20
BUS_ERROR = "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(BUS_ERROR, "shm-too-small", id="a worker overran it"),
        pytest.param("NCCL WARN Call to posix_fallocate failed : No space left on device", "shm-too-small", id="NCCL"),
        pytest.param("OSError: [Errno 28] No space left on device: '/dev/shm/x'", "shm-too-small", id="named"),
        pytest.param("OSError: [Errno 28] No space left on device", "disk-low", id="full"),
        pytest.param("OSError: [WinError 112] Espace insuffisant sur le disque", "disk-low", id="full, in French"),
        pytest.param("error: failed to extract (os error 28)", "disk-low", id="full, as Rust says it"),
        pytest.param("OSError: [Errno 122] Disk quota exceeded", "disk-low", id="quota"),
        pytest.param("python train.py\nKilled", "memory-low", id="the shell's word"),
        pytest.param("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.batch", "memory-low", id="Slurm's"),
        pytest.param("executor failed running [/bin/sh -c pip install x]: exit code: 137", "memory-low", id="a build"),
        pytest.param(
            "Memory cgroup out of memory: Killed process 4711 (python3)", "memory-low", id="the kernel's word"
        ),
        pytest.param(
            "g++: fatal error: Killed signal terminated program cc1plus", "memory-low", id="a compiler killed"
        ),
        pytest.param("terminate called after throwing an instance of 'std::bad_alloc'", "memory-low", id="C++"),
        pytest.param("safetensors: the paging file is too small (os error 1455)", "memory-low", id="Windows, Rust"),
    ],
)
def test_what_ran_out_is_the_first_finding(text: str, code: str) -> None:
    assert codes_of(report_of(text))[0] == code


@pytest.mark.parametrize(
    "text",
    [
        "Unable to shutdown process 12 via Signals.SIGTERM, forcefully exiting via Signals.SIGKILL",
        "Killed by the user, as was asked",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    ],
)
def test_what_only_sounds_like_it_is_not_main_memory(text: str) -> None:
    assert "memory-low" not in codes_of(report_of(text))


@pytest.mark.parametrize(
    ("snapshot", "severities"),
    [
        pytest.param(make_snapshot(host=make_host(shm_total=16 * MIB)), [Severity.WARNING], id="tiny"),
        pytest.param(
            make_snapshot(host=make_host(shm_total=64 * MIB)), [Severity.NOTE], id="what containers begin with"
        ),
        pytest.param(make_gpu_snapshot(host=make_host(shm_total=64 * MIB)), [Severity.WARNING], id="and a GPU to feed"),
        pytest.param(make_snapshot(host=make_host(shm_total=8 * 2**30)), [], id="enough"),
        pytest.param(make_snapshot(host=make_host(shm_total=None)), [], id="unknown"),
    ],
)
def test_a_small_shm_is_told_by_its_size(snapshot: Snapshot, severities: list[Severity]) -> None:
    assert [one.severity for one in diagnosis_of(snapshot).findings if one.code == "shm-too-small"] == severities


def test_a_note_on_shm_does_not_come_before_the_answer() -> None:
    assert codes_of(make_snapshot(host=make_host(shm_total=64 * MIB))) == ["gpu-absent", "shm-too-small"]


@pytest.mark.parametrize(
    ("container", "words"),
    [("docker", "--shm-size"), ("kubernetes", "emptyDir"), ("", "mount -o remount"), (None, "--ipc=host")],
)
def test_more_shared_memory_comes_from_what_runs_the_machine(container: str | None, words: str) -> None:
    assert words in way_out(report_of(BUS_ERROR, host=make_host(container=container)))


def test_a_limit_of_open_files_has_its_own_way_out() -> None:
    text = "RuntimeError: unable to open shared memory object </torch_1_2> in read-write mode: Too many open files (24)"
    assert "ulimit -n" in way_out(report_of(text))


def test_nccl_s_failure_for_want_of_shared_memory_follows_from_it() -> None:
    both = report_of(
        "NCCL WARN Error while creating shared memory segment /dev/shm/nccl-a (size 9637888)",
        "ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error.",
    )
    found = diagnosis_of(both).findings
    assert (found[0].code, found[0].explains) == ("shm-too-small", ("nccl-failure",))


def test_a_nearly_full_disk_and_hardly_any_memory_are_warnings_of_a_live_machine() -> None:
    tight = make_snapshot(host=make_host(disk_free=100 * MIB, memory_available=200 * MIB))
    found = {one.code: one.severity for one in diagnosis_of(tight).findings}
    assert (found["disk-low"], found["memory-low"]) == (Severity.WARNING, Severity.WARNING)


def test_an_import_that_was_killed_is_for_want_of_memory() -> None:
    killed = make_snapshot(torch=make_runtime(end=RunEnd.CRASHED, stage="import", died_of="SIGKILL", version=None))
    assert codes_of(killed)[0] == "memory-low"


def test_windows_is_told_of_its_paging_file() -> None:
    text = "OSError: [WinError 1455] Die Auslagerungsdatei ist zu klein, um diesen Vorgang durchzuführen."
    assert "paging file" in way_out(report_of(text, host=make_host(os="windows")))
    assert "paging file" in first_of(report_of(text)).cause


def with_rooms(torch: bool, **free: int) -> Diagnosis:
    """What is said of a target whose environment and temporary folder have so much room."""
    names = {"environment": "/env", "temporary": "/tmp/small"}
    rooms = tuple(
        Room(what=name.replace("temporary", "temporary folder"), path=names[name], free=count)
        for name, count in free.items()
    )
    installed = make_packages() if torch else make_packages(*make_packages().named("pip"), modules=())
    gone = {} if torch else {"torch": Absent(why="No module named 'torch'")}
    return diagnosis_of(make_snapshot(packages=msgspec.structs.replace(installed, rooms=rooms), **gone))


@pytest.mark.parametrize(
    ("torch", "free", "severity", "words"),
    [
        (True, {"environment": 100 * MIB, "temporary": 2**40}, Severity.WARNING, "the environment /env has 100 MiB"),
        (
            False,
            {"environment": 2**40, "temporary": 7 * MIB},
            Severity.WARNING,
            "the temporary folder /tmp/small has 7",
        ),
        (True, {"environment": 2**40, "temporary": 7 * MIB}, Severity.NOTE, "the temporary folder /tmp/small has 7"),
        (True, {"temporary": 7 * MIB, "environment": MIB}, Severity.WARNING, "the environment /env has 1 MiB"),
    ],
)
def test_the_disks_that_an_install_writes_to_are_looked_at(
    torch: bool, free: dict[str, int], severity: Severity, words: str
) -> None:
    (found,) = (one for one in with_rooms(torch, **free).findings if one.code == "disk-low")
    assert found.severity is severity
    assert words in found.cause
    assert len(found.facts) == 3


def test_a_limit_of_memory_is_named_and_can_be_raised_outside_any_container_too() -> None:
    host = make_host(memory_available=300 * MIB, memory_limit=512 * MIB)
    (found,) = (one for one in diagnosis_of(make_snapshot(host=host)).findings if one.code == "memory-low")
    assert found.severity is Severity.WARNING
    assert "300 MiB of main memory are left to this process, whose control group may take 512 MiB" in found.cause
    assert found.fix
    assert "a batch job's `--mem`" in found.fix.steps[0]


def test_apptainer_s_shared_memory_is_the_machine_s() -> None:
    assert "Apptainer shares the machine's" in way_out(report_of(BUS_ERROR, host=make_host(container="apptainer")))
