"""Steps run in order, told and logged, with a stand-in for Python."""

import _thread
import json
import subprocess
import sys
import threading
import time

import psutil
import pytest

from envkit.apply.engines import PIP, Installer
from envkit.apply.journal import MARK
from envkit.apply.places import Mode
from envkit.apply.record import RECORD
from envkit.apply.run import LOG, carried_out
from envkit.apply.steps import Step
from envkit.apply.work import Work, planned_work
from envkit.errors import EnvkitError
from envkit.planning.model import Engine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")

# Makes the environment that it is asked for, with a copy of itself inside; says what its variables are.
STANDIN = """#!/bin/sh
echo "called with $*"
echo "PYTHONPATH=${PYTHONPATH-unset} VIRTUAL_ENV=${VIRTUAL_ENV-unset} PIP_USER=$PIP_USER PIP_TIMEOUT=$PIP_TIMEOUT"
echo "bar $PIP_PROGRESS_BAR"
case "$*" in
    *make_venv*)
        mkdir -p "$3/bin" "$3/lib/python3.11/site-packages/pip-$PIP_RELEASE.dist-info"
        cp "$0" "$3/bin/python" ;;
    *"$FAIL_AT"*) echo 'ERROR: no such thing' >&2; exit 3 ;;
    *'pip install'*)
        mkdir -p "$(dirname "$0")/../lib/python3.11/site-packages/torch-2.13.0.dist-info"
        echo 'Progress 10 of 20'; echo 'on stderr' >&2 ;;
esac
"""


RUN_A_LONG_STEP = """
import sys
from envkit import processes
from envkit.apply.run import _with_us

step = (sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
processes.run((*_with_us(step[0]), *step), timeout=60, on_line=lambda line: print(line.decode(), flush=True))
"""


@pytest.fixture(autouse=True)
def _keep_logs_here(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def python(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL_AT", "nowhere")
    monkeypatch.setenv("PIP_RELEASE", "24.2")
    script = tmp_path / "python3.11"
    script.write_text(STANDIN)
    script.chmod(0o755)
    return str(script)


def apply(plan, path, python, listener, installer=PIP, mode=Mode.NEW):
    with carried_out(planned_work(plan, installer, path, python, mode), listener) as applied:
        return applied


def test_every_step_is_told_in_order(make_plan, python, tmp_path, listener):
    applied = apply(make_plan(), tmp_path / "env", python, listener)

    assert [line for line in listener.told if not line.startswith(("said", "received"))] == [
        "1/3 make the environment",
        "ended",
        "2/3 install torch 2.13.0 (cpu)",
        "ended",
        "3/3 install its dependencies and the rest",
        "ended",
    ]
    assert applied.python == str(tmp_path / "env" / "bin" / "python")
    assert len(applied.steps) == 3


def test_the_record_and_the_log_lie_in_the_environment(make_plan, python, tmp_path, listener):
    apply(make_plan(), tmp_path / "env", python, listener)

    record = json.loads((tmp_path / "env" / RECORD).read_text())
    log = (tmp_path / "env" / LOG).read_text()
    assert (record["schema_version"], record["plan"]["torch"], record["python"]) == (1, "2.13.0", python)
    assert record["install"][1] == ["torch==2.13.0+cpu", "numpy"]
    assert record["packages"] == {"pip": "24.2", "torch": "2.13.0"}
    assert log.count("$ ") == log.count("# exit code 0") == 3
    assert log.count("on stderr") == 2


@pytest.mark.parametrize(("release", "bar"), [("24.2", "raw"), ("24.0", "off"), ("9.0.1", "off")])
def test_pip_tells_bytes_where_it_can(make_plan, python, tmp_path, listener, monkeypatch, release, bar):
    monkeypatch.setenv("PIP_RELEASE", release)

    apply(make_plan(), tmp_path / "env", python, listener)

    assert listener.told.count(f"said bar {bar}") == 2
    assert "received 10 of 20" in listener.told
    assert "Progress" not in (tmp_path / "env" / LOG).read_text()


def test_pip_keeps_the_users_settings_but_not_those_that_lead_elsewhere(
    make_plan, python, tmp_path, listener, monkeypatch
):
    for name, value in {"PYTHONPATH": "/x", "VIRTUAL_ENV": "/x", "PIP_USER": "1", "PIP_TIMEOUT": "77"}.items():
        monkeypatch.setenv(name, value)

    apply(make_plan(), tmp_path / "env", python, listener)

    variables = {line for line in listener.told if "PYTHONPATH" in line}
    assert variables == {"said PYTHONPATH=unset VIRTUAL_ENV=unset PIP_USER=0 PIP_TIMEOUT=77"}


def test_a_failing_step_leaves_only_its_log_elsewhere(make_plan, python, tmp_path, listener, monkeypatch):
    monkeypatch.setenv("FAIL_AT", "torch==2.13.0+cpu numpy")

    with pytest.raises(EnvkitError, match="could not install its dependencies and the rest: no such thing") as failed:
        apply(make_plan(), tmp_path / "env", python, listener)

    (kept,) = tmp_path.glob("envkit-create-*.log")
    assert failed.value.hint.startswith(f"all that was said is in `{kept}`")
    assert "ERROR: no such thing" in kept.read_text()
    assert not (tmp_path / "env" / "bin").exists()


def test_another_build_than_the_planned_one_is_refused(make_plan, python, tmp_path, listener):
    swapped = (
        STANDIN
        + """
torch="$(dirname "$0")/../lib/python3.11/site-packages/torch"
mkdir -p "$torch" && echo "__version__ = '2.13.0+cpu'" > "$torch/version.py"
"""
    )
    (tmp_path / "python3.11").write_text(swapped)

    with pytest.raises(EnvkitError) as refused:
        apply(make_plan(cuda="13.0"), tmp_path / "env", python, listener)

    assert refused.value.message == "the cpu build of torch was installed, and the plan is cu130"


def test_what_is_updated_is_envkits_only_if_it_was_before(make_plan, python, tmp_path, listener):
    apply(make_plan(), tmp_path / "mine", python, listener)
    (tmp_path / "mine" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    (tmp_path / "other" / "bin").mkdir()
    (tmp_path / "other" / "bin" / "python").symlink_to(python)
    (tmp_path / "other" / "lib/python3.11/site-packages/pip-24.2.dist-info").mkdir(parents=True)

    for name in ("mine", "other"):
        apply(make_plan(), tmp_path / name, python, listener, mode=Mode.UPDATE)

    made = [json.loads((tmp_path / name / RECORD).read_text())["made"] for name in ("mine", "other")]
    assert made == [True, False]


def test_a_library_that_cannot_be_stopped_is_waited_for_before_things_are_put_back(tmp_path, listener):
    def make_slowly(_variables):
        _thread.interrupt_main()
        time.sleep(0.3)
        over.set()

    over = threading.Event()
    work = Work(tmp_path / "env", (Step("make it", ("maker",), 5.0, make_slowly),), tmp_path, Mode.NEW, {})

    with pytest.raises(KeyboardInterrupt), carried_out(work, listener):
        pytest.fail("it was made")

    assert over.is_set()


def test_success_without_torch_is_none(make_plan, python, tmp_path, listener):
    script = STANDIN.replace("torch-2.13.0.dist-info", "other-1.0.dist-info")
    (tmp_path / "python3.11").write_text(script)

    with pytest.raises(EnvkitError, match="torch did not come into the environment") as refused:
        apply(make_plan(), tmp_path / "env", python, listener)

    assert "`pip config list`" in refused.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="Linux can be asked to end a program with its parent")
def test_what_a_killed_run_had_started_ends_with_it(tmp_path):
    with subprocess.Popen([sys.executable, "-c", RUN_A_LONG_STEP], stdout=subprocess.PIPE, text=True) as run:
        started = psutil.Process(int(run.stdout.readline()))
        run.kill()

    psutil.wait_procs([started], timeout=5)
    assert not started.is_running()


def test_an_interpreter_that_is_gone_is_one_sentence(make_plan, tmp_path, listener):
    with pytest.raises(EnvkitError, match=r"could not make the environment: `.*gone` could not be started"):
        apply(make_plan(), tmp_path / "env", str(tmp_path / "gone"), listener)


def test_a_disk_that_takes_no_more_is_one_sentence(make_plan, python, tmp_path, listener, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device", "/env/envkit-plan.json")

    monkeypatch.setattr("envkit.apply.run.write_record", full)

    with pytest.raises(EnvkitError, match=r"`/env/envkit-plan.json` cannot be written: No space left on device"):
        apply(make_plan(), tmp_path / "env", python, listener)

    assert not (tmp_path / "env" / "bin").exists()


def test_an_update_for_another_python_is_refused(make_plan, tmp_path, listener):
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.10.2\n")

    with pytest.raises(EnvkitError, match=r"is an environment of Python 3.10.2, and the plan is for Python 3.11"):
        apply(make_plan(), tmp_path, "python", listener, Installer(Engine.PIP), Mode.UPDATE)


def test_what_is_broken_off_after_the_environment_is_made_leaves_it(make_plan, python, tmp_path, listener):
    work = planned_work(make_plan(), PIP, tmp_path / "env", python, Mode.NEW)

    with pytest.raises(KeyboardInterrupt), carried_out(work, listener):
        raise KeyboardInterrupt

    assert (tmp_path / "env" / RECORD).is_file()
    assert not (tmp_path / ".env.envkit").exists()


def test_a_step_that_a_library_does_is_told_like_a_program(tmp_path, listener):
    path = tmp_path / "env"
    step = Step("make the environment", ("maker", str(path)), 1.0, lambda _: (path / "pyvenv.cfg").touch())

    with carried_out(Work(path, (step,), path / "bin/python", Mode.NEW, {}), listener) as applied:
        assert applied.steps[0].argv == ("maker", str(path))

    assert "$ maker" in (path / LOG).read_text()


def test_a_library_that_hangs_is_not_waited_for(tmp_path, listener, monkeypatch):
    monkeypatch.setattr("envkit.apply.run._LIBRARY_GRACE", 0.1)
    over = threading.Event()
    work = Work(tmp_path / "env", (Step("make it", ("maker",), 0.1, lambda _: over.wait(60)),), tmp_path, Mode.NEW, {})

    with pytest.raises(EnvkitError, match="could not make it: timed out after"), carried_out(work, listener):
        pytest.fail("it was made")
    over.set()


def test_what_a_library_starts_bears_the_mark_of_the_run(tmp_path, listener):
    told = {}
    work = Work(tmp_path / "env", (Step("make it", ("maker",), 1.0, told.update),), tmp_path, Mode.NEW, {})

    with carried_out(work, listener):
        assert told[MARK]


@pytest.mark.parametrize("end", [RuntimeError("no such interpreter"), SystemExit("no such interpreter")])
def test_a_library_that_fails_is_one_sentence(tmp_path, listener, end):
    def fail(_variables):
        raise end

    work = Work(tmp_path / "env", (Step("make it", ("maker",), 1.0, fail),), tmp_path, Mode.NEW, {})

    with pytest.raises(EnvkitError, match="could not make it: no such interpreter"), carried_out(work, listener):
        pytest.fail("it was made")
    assert not (tmp_path / "env").exists()
