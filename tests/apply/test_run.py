"""Steps run in order, told and logged, with a stand-in for Python."""

import json
import sys

import pytest

from envkit.apply.run import LOG, RECORD, apply_plan
from envkit.errors import EnvkitError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")

# Makes the environment that it is asked for, with a copy of itself inside; says what its variables are.
STANDIN = """#!/bin/sh
echo "called with $*"
echo "PYTHONPATH=${PYTHONPATH-unset} VIRTUAL_ENV=${VIRTUAL_ENV-unset} PIP_USER=$PIP_USER PIP_TIMEOUT=$PIP_TIMEOUT"
case "$*" in
    *' venv '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    *"$FAIL_AT"*) echo 'ERROR: no such thing' >&2; exit 3 ;;
esac
"""


@pytest.fixture(autouse=True)
def _keep_logs_here(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def python(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL_AT", "nowhere")
    script = tmp_path / "python3.11"
    script.write_text(STANDIN)
    script.chmod(0o755)
    return str(script)


def test_every_step_is_told_in_order(make_plan, python, tmp_path, listener):
    applied = apply_plan(make_plan(), tmp_path / "env", python, listener)

    assert [line for line in listener.told if not line.startswith("said")] == [
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
    apply_plan(make_plan(), tmp_path / "env", python, listener)

    record = json.loads((tmp_path / "env" / RECORD).read_text())
    log = (tmp_path / "env" / LOG).read_text()
    assert (record["schema_version"], record["plan"]["torch"], record["python"]) == (1, "2.13.0", python)
    assert record["install"][1] == ["torch==2.13.0+cpu", "numpy"]
    assert log.count("$ ") == log.count("# exit code 0") == 3


def test_pip_keeps_the_users_settings_but_not_those_that_lead_elsewhere(
    make_plan, python, tmp_path, listener, monkeypatch
):
    for name, value in {"PYTHONPATH": "/x", "VIRTUAL_ENV": "/x", "PIP_USER": "1", "PIP_TIMEOUT": "77"}.items():
        monkeypatch.setenv(name, value)

    apply_plan(make_plan(), tmp_path / "env", python, listener)

    variables = {line for line in listener.told if "PYTHONPATH" in line}
    assert variables == {"said PYTHONPATH=unset VIRTUAL_ENV=unset PIP_USER=0 PIP_TIMEOUT=77"}


def test_a_failing_step_leaves_only_its_log_elsewhere(make_plan, python, tmp_path, listener, monkeypatch):
    monkeypatch.setenv("FAIL_AT", "torch==2.13.0+cpu numpy")

    with pytest.raises(EnvkitError, match="could not install its dependencies and the rest: no such thing") as failed:
        apply_plan(make_plan(), tmp_path / "env", python, listener)

    (kept,) = tmp_path.glob("envkit-create-*.log")
    assert failed.value.hint == f"all that was said is in `{kept}`"
    assert "ERROR: no such thing" in kept.read_text()
    assert not (tmp_path / "env").exists()


def test_another_build_than_the_planned_one_is_refused(make_plan, python, tmp_path, listener):
    swapped = STANDIN + '\nmkdir -p "$(dirname "$0")/../lib/python3.11/site-packages/torch-2.13.0+cpu.dist-info"\n'
    (tmp_path / "python3.11").write_text(swapped)

    with pytest.raises(EnvkitError) as refused:
        apply_plan(make_plan(cuda="13.0"), tmp_path / "env", python, listener)

    assert refused.value.message == "pip installed the cpu build of torch, and the plan is cu130"
    assert not (tmp_path / "env").exists()


def test_an_interpreter_that_is_gone_is_one_sentence(make_plan, tmp_path, listener):
    with pytest.raises(EnvkitError, match="could not make the environment: could not be started"):
        apply_plan(make_plan(), tmp_path / "env", str(tmp_path / "gone"), listener)
