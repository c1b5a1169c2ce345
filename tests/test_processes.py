"""Whatever a program does comes back as a value, in time."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envkit import processes
from envkit.processes import End
from tests.conftest import is_running

WAITS = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"


def python(code: str, **options: object) -> processes.Completed:
    return processes.run([sys.executable, "-c", code], **{"timeout": 20.0, **options})  # type: ignore[arg-type]


def test_output_and_exit_code_are_kept() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.end, done.exit_code, done.ok) == (End.EXITED, 3, False)
    assert (done.stdout.strip(), done.stderr.strip()) == (b"out", b"err")
    assert done.describe() == "exit code 3"


def test_a_missing_program_is_an_ordinary_result() -> None:
    done = processes.run(["/no/such/program"], timeout=1)
    assert done.end is End.NOT_STARTED
    assert "could not be started" in done.describe()


def test_a_program_without_permission_is_an_ordinary_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert processes.run([str(tmp_path / "file")], timeout=1).end is End.NOT_STARTED


def test_a_limit_that_is_put_off_leaves_the_program_running() -> None:
    deadline = processes.Deadline(1.0)
    code = "import time; print('on', flush=True); time.sleep(2); print('done')"
    done = python(code, timeout=deadline, on_line=lambda _: deadline.renew(20.0))
    assert done.ok
    assert done.stdout.split() == [b"on", b"done"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows itself sends Ctrl-C to every program of the console")
def test_a_program_that_is_interrupted_ends_in_its_own_way() -> None:
    code = (
        "import sys, time\n"
        "try: print('on', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt: print('last words'); sys.exit(130)"
    )
    try:
        done = python(code, on_line=lambda line: processes.interrupt(10.0) if line == b"on" else None)
        assert (done.end, done.exit_code) == (End.EXITED, 130)
        assert b"last words" in done.stdout
        assert python("pass").end is End.NOT_STARTED  # envkit is leaving
    finally:
        processes.start_again()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows itself sends Ctrl-C to every program of the console")
def test_a_program_that_does_not_heed_is_killed_after_the_grace() -> None:
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    try:
        done = python(code, on_line=lambda _: processes.interrupt(0.5))
        assert done.describe() == "SIGKILL"
    finally:
        processes.start_again()


def test_a_hanging_program_ends_at_its_limit() -> None:
    began = time.monotonic()
    done = python("import time; time.sleep(600)", timeout=0.5)
    assert time.monotonic() - began < 5
    assert done.end is End.TIMED_OUT
    assert done.describe().startswith("timed out after")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the standard library's own waiting is used")
def test_the_end_of_a_program_is_noticed_at_once() -> None:
    late = min(processes.run(["sleep", "0.07"], timeout=20).seconds - 0.07 for _ in range(7))
    assert late < 0.025


@pytest.mark.parametrize("timeout", [1e7, 1e12])
def test_a_limit_may_be_as_long_as_one_likes(timeout: float) -> None:
    assert python("pass", timeout=timeout).ok


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_program_that_ignores_sigterm_is_killed_too() -> None:
    done = python("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", timeout=0.5)
    assert done.end is End.TIMED_OUT


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_signal_is_named() -> None:
    done = python("import os; os.abort()")
    assert (done.end, done.describe()) == (End.SIGNALLED, "SIGABRT")


def test_the_end_of_endless_output_is_kept_and_memory_is_bounded() -> None:
    done = python("import sys\nfor i in range(300000): print(i)", limit=1000)
    assert len(done.stdout) <= 1000
    assert done.stdout.splitlines()[-1] == b"299999"


@pytest.mark.skipif(os.name == "nt", reason="POSIX sessions")
def test_a_grandchild_that_keeps_the_pipe_open_delays_nothing() -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '30'], start_new_session=True)"
    began = time.monotonic()
    assert python(code).ok
    assert time.monotonic() - began < 10


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_a_grandchild_of_a_killed_program_is_killed_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = "import subprocess, time; child = subprocess.Popen(['sleep', '600']); "
    code += f"open({str(pid_file)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    python(code, timeout=1.5)
    assert not is_running(int(pid_file.read_text()))


def test_a_program_that_outlives_being_killed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # As one does that waits in the kernel for a dead disk: it is here one that nobody kills.
    spared: list[subprocess.Popen[bytes]] = []
    monkeypatch.setattr(processes, "_kill", spared.append)
    monkeypatch.setattr(processes, "_KILL_GRACE", 0.1)
    began = time.monotonic()
    done = python("import time; time.sleep(600)", timeout=0.3)
    spared[0].kill()
    spared[0].wait()
    assert time.monotonic() - began < 10
    assert (done.end, done.exit_code) == (End.TIMED_OUT, None)


@pytest.mark.parametrize("refused", ["children", "kill"])
def test_without_process_groups_nobody_is_spared_for_one_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    import psutil

    def refuse(*_: object, **__: object) -> None:
        raise psutil.AccessDenied

    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        with monkeypatch.context() as patch:
            patch.setattr(psutil.Process, refused, refuse)
            processes._kill_tree(process)
        assert process.wait(5) != 0
    psutil.Process(child).kill()


def test_without_process_groups_the_offspring_is_killed_too() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        processes._kill_tree(process)
    assert not is_running(child)


def test_lines_are_told_as_they_come() -> None:
    lines: list[bytes] = []
    python("print('one'); print('two', end='')", on_line=lines.append)
    assert [line.strip() for line in lines] == [b"one", b"two"]


def test_standard_input_is_empty() -> None:
    assert python("import sys; print(repr(sys.stdin.read()))").stdout.strip() == b"''"


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_what_an_ended_program_left_running_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = "import subprocess; child = subprocess.Popen(['sleep', '600']); "
    code += f"open({str(pid_file)!r}, 'w').write(str(child.pid))"
    assert python(code).ok
    assert not is_running(int(pid_file.read_text()))


def test_after_a_stop_nothing_is_started() -> None:
    processes.stop()
    try:
        done = python("print('started')")
    finally:
        processes.start_again()
    assert done.end is End.NOT_STARTED
    assert python("print('started')").ok


def test_a_line_may_be_longer_than_what_is_kept() -> None:
    lines: list[bytes] = []
    done = python("print('x' * 100_000)", limit=1000, longest_line=10**6, on_line=lines.append)
    assert [len(line) for line in lines] == [100_000]
    assert len(done.stdout) <= 1000
