"""`envkit doctor` on targets that are healthy, damaged, hanging, crashing or not there, through the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Cli, installed_python, is_running, make_target, site_of
from tests.standins.torch_package import add_metadata, install_torch


def test_this_environment_is_healthy_without_a_gpu(cli: Cli) -> None:
    run = cli("doctor", "--json", "--python", sys.executable)
    assert run.code == 0, run.out + run.err
    assert run.json["verdict"] == "healthy"
    assert run.codes == ["gpu-absent"]
    assert {"device": "cpu", "works": True}.items() <= run.json["snapshot"]["torch"]["devices"][0].items()


def test_why_this_interpreter_is_the_target_is_told(cli: Cli, bare_target: Path) -> None:
    active = cli("doctor", "--quick", "--json", env={"VIRTUAL_ENV": str(bare_target.parent.parent)})
    assert active.json["snapshot"]["target"]["chosen_by"] == "the active environment (VIRTUAL_ENV)"
    named = cli("doctor", "--quick", "--json", "--python", str(bare_target))
    assert named.json["snapshot"]["target"]["chosen_by"] == f"--python {bare_target}"


def test_quick_leaves_torch_out_and_says_so(cli: Cli) -> None:
    run = cli("doctor", "--quick", "--json", "--python", sys.executable)
    assert run.code == 0
    assert run.json["snapshot"]["torch"]["outcome"] == "skipped"
    assert run.json["incomplete"] == []


def test_a_target_without_torch_names_torch_missing_and_the_command(cli: Cli, bare_target: Path) -> None:
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "torch-missing"
    commands = run.json["findings"][0]["fix"]["commands"]
    assert commands[0] == f"{bare_target} -m ensurepip"  # the target has no pip yet
    assert commands[1].startswith(f"{bare_target} -m pip install")
    assert "torch==" in commands[1]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        pytest.param(lambda package: (package / "lib/libtorch_cpu.so").unlink(), "is missing", id="file deleted"),
        pytest.param(lambda package: (package / "lib/libtorch_cpu.so").write_bytes(b""), "has 0 bytes", id="emptied"),
        pytest.param(
            lambda package: (package / "version.py").write_text("cuda = None\n" * 9),
            "instead of",
            id="altered",
        ),
    ],
)
def test_damaged_files_are_torch_corrupt(cli: Cli, bare_target: Path, harm: object, told: str) -> None:
    harm(install_torch(site_of(bare_target)))  # type: ignore[operator]
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "torch-corrupt"
    assert any(told in fact["value"] for fact in run.json["findings"][0]["facts"])


def test_a_torch_folder_without_metadata_is_torch_corrupt(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target))
    for file in (info := next(site_of(bare_target).glob("*.dist-info"))).iterdir():
        file.unlink()
    info.rmdir()
    assert cli("doctor", "--json", "--quick", "--python", str(bare_target)).codes[0] == "torch-corrupt"


def test_metadata_without_the_package_is_torch_corrupt(cli: Cli, bare_target: Path) -> None:
    add_metadata(site_of(bare_target), "torch", "2.13.0", None)
    assert cli("doctor", "--json", "--python", str(bare_target)).codes[0] == "torch-corrupt"


def test_two_dist_infos_are_torch_duplicate(cli: Cli, bare_target: Path) -> None:
    package = install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    add_metadata(site_of(bare_target), "torch", "2.1.0", package)
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "torch-duplicate"


@pytest.mark.parametrize("name", ["torch.py", "torch/__init__.py", "numpy/__init__.py"])
def test_a_local_module_is_module_shadowed(cli: Cli, bare_target: Path, tmp_path: Path, name: str) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    local = tmp_path / "project" / name
    local.parent.mkdir(parents=True)
    local.write_text("mine = True\n")
    run = cli("doctor", "--json", "--python", str(bare_target), cwd=tmp_path / "project")
    assert run.code == 1
    assert run.codes[0] == "module-shadowed"
    assert run.json["findings"][0]["facts"][0]["value"] == str(local)


def test_a_local_module_on_pythonpath_is_module_shadowed(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/torch.py").write_text("mine = True\n")
    run = cli("doctor", "--json", "--python", str(bare_target), env={"PYTHONPATH": str(tmp_path / "mine")})
    assert run.codes[0] == "module-shadowed"


def test_an_import_that_hangs_ends_at_the_time_limit_and_is_incomplete(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude="import time; time.sleep(600)")
    began = time.monotonic()
    run = cli("doctor", "--json", "--timeout", "3", "--python", str(bare_target))
    assert time.monotonic() - began < 10
    assert run.code == 4
    assert run.json["verdict"] == "incomplete"
    assert "import" in run.json["snapshot"]["torch"]["stage"]
    assert any("timed out" in missing for missing in run.json["incomplete"])


@pytest.mark.parametrize(
    ("prelude", "died_of"),
    [
        pytest.param("import os; os.abort()", "SIGABRT", id="abort"),
        pytest.param("import ctypes; ctypes.string_at(0)", "SIGSEGV", id="segfault"),
        pytest.param("import os; os._exit(3)", "exit code 3", id="exit"),
    ],
)
def test_an_import_that_kills_the_interpreter_is_torch_corrupt(
    cli: Cli, bare_target: Path, prelude: str, died_of: str
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=prelude)
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.code == 1
    assert run.codes[0] == "torch-corrupt"
    assert run.json["snapshot"]["torch"]["died_of"] == died_of
    assert "Traceback" not in run.err


def test_an_import_that_raises_is_named_with_its_words(cli: Cli, bare_target: Path) -> None:
    prelude = "raise OSError('libcudart.so.13: cannot open shared object file')"
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=prelude)
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.codes[0] == "nvidia-wheels-mismatch"
    assert "libcudart.so.13" in run.json["findings"][0]["cause"]


def test_what_the_target_prints_spoils_nothing(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    noise = 'import sys; sys.stdout.write("{\\"event\\": 1}\\n" * 100000 + "\\x1b[31m no newline"); sys.stdout.flush()'
    install_torch(site, "2.13.0+cpu", cuda=None, prelude=noise)
    (site / "noise.pth").write_text(noise + "\n")
    run = cli("doctor", "--json", "--python", str(bare_target))
    assert run.codes == ["gpu-absent"]
    assert run.code == 0


def test_terminal_escapes_of_the_target_never_reach_the_terminal(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude="raise RuntimeError('\\x1b]0;owned\\x07')")
    run = cli("doctor", "--python", str(bare_target))
    assert "\x1b" not in run.out
    assert "owned" in run.out


def test_an_environment_whose_base_is_gone_is_venv_broken(cli: Cli, tmp_path: Path) -> None:
    python = make_target(tmp_path / "target")
    for link in python.parent.glob("python*"):
        link.unlink()
    python.symlink_to(tmp_path / "gone/python3")
    for arguments, env in (
        (("--python", str(tmp_path / "target")), {}),
        (("--python", str(python)), {}),
        ((), {"VIRTUAL_ENV": str(tmp_path / "target")}),
    ):
        run = cli("doctor", "--json", *arguments, env=env)
        assert run.code == 1, run.err
        assert run.codes[0] == "venv-broken"


def test_an_interpreter_that_hangs_is_incomplete(cli: Cli, tmp_path: Path) -> None:
    python = _script(tmp_path / "python", "sleep 600")
    run = cli("doctor", "--json", "--timeout", "2", "--python", str(python), limit=20)
    assert run.code == 4
    assert "timed out" in run.json["snapshot"]["target"]["why"]


def test_an_interpreter_that_prints_garbage_is_incomplete(cli: Cli, tmp_path: Path) -> None:
    python = _script(tmp_path / "python", "head -c 20000000 /dev/urandom; echo nonsense >&2; exit 7")
    run = cli("doctor", "--json", "--python", str(python))
    assert run.code == 4
    assert "exit code 7: nonsense" in run.json["snapshot"]["target"]["why"]


def test_a_target_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    run = cli("doctor", "--json", "--python", "no-such-python")
    assert run.code == 2
    assert "no-such-python" in run.json["error"]["message"]
    assert "hint:" in run.err


def test_another_implementation_is_python_unsupported(cli: Cli, tmp_path: Path) -> None:
    # A PyPy, as far as the seam can see: the real script, under an interpreter that calls itself pypy.
    wrapper = "import sys, runpy; sys.implementation.name = 'pypy'; sys.argv = sys.argv[2:]; "
    wrapper += "sys.path[0] = ''; runpy.run_path(sys.argv[0], run_name='__main__')"
    python = _script(tmp_path / "pypy", f'exec {make_target(tmp_path / "base")} -c "{wrapper}" "$@"')
    run = cli("doctor", "--json", "--python", str(python))
    assert run.code == 1
    assert run.codes[0] == "python-unsupported"
    assert "torch-missing" in run.json["findings"][0]["explains"]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.8"])
def test_an_old_python_is_python_unsupported(cli: Cli, version: str) -> None:
    if (python := installed_python(version)) is None:
        pytest.skip(f"no Python {version} on this machine")
    run = cli("doctor", "--json", "--python", python)
    assert run.code == 1
    assert run.codes[0] == "python-unsupported"
    assert version in run.json["findings"][0]["cause"]
    passed_over = cli("doctor", "--json", "--python", python, "--ignore", "torch-missing")
    assert (passed_over.code, passed_over.json["verdict"]) == (0, "healthy")
    assert [one["code"] for one in passed_over.json["ignored"]] == ["python-unsupported", "torch-missing"]
    by_name = cli("doctor", "--json", "--python", python, "--only", "python-unsupported")
    assert (by_name.code, by_name.codes) == (1, ["python-unsupported"])


def test_a_saved_snapshot_gives_the_same_findings(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    saved = str(tmp_path / "machine.json")
    live = cli("doctor", "--json", "--python", str(bare_target), "--save", saved, "--no-redact")
    recorded = cli("doctor", "--json", "--from", saved)
    assert recorded.json == live.json
    assert recorded.code == live.code


@pytest.mark.parametrize("content", ["", "not json", "{}", '{"schema_version": 1}', "\x00\xff"])
def test_a_file_that_is_no_snapshot_is_one_clear_error(cli: Cli, tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    run = cli("doctor", "--from", str(tmp_path / "bad.json"))
    assert run.code == 2
    assert "bad.json" in run.err
    assert "Traceback" not in run.err


def test_stdout_is_one_json_document_and_nothing_else(cli: Cli) -> None:
    run = cli("doctor", "--quick", "--json", "--python", sys.executable)
    document = json.loads(run.out)
    assert {"schema_version", "verdict", "findings", "cuda", "snapshot"} <= set(document)
    assert {"code", "severity", "summary", "facts", "cause", "fix", "explains"} <= set(document["findings"][0])


def test_ctrl_c_ends_at_once_and_leaves_no_child_behind(bare_target: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    prelude = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude=prelude)
    command = [sys.executable, "-m", "envkit", "doctor", "--python", str(bare_target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.decode().strip() == "envkit: interrupted"
    assert not is_running(int(pid_file.read_text()))


def _script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_file_that_cannot_be_executed_is_incomplete(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("no program\n")
    run = cli("doctor", "--json", "--python", str(tmp_path / "python"))
    assert run.code == 4
    assert run.json["snapshot"]["target"]["state"] == "unknown"
    assert "could not be started" in run.json["snapshot"]["target"]["why"]


def test_files_of_the_user_s_that_are_named_like_the_standard_library_s_are_not_run(
    cli: Cli, bare_target: Path, tmp_path: Path
) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("csv", "ctypes", "sysconfig", "site"):
        (folder / f"{name}.py").write_text(f"open({name!r}, 'w'); raise SystemExit('run')\n")
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), cwd=folder)
    assert run.code == 0, run.out
    assert run.json["snapshot"]["packages"]["state"] == "known"
    assert sorted(path.name for path in folder.iterdir()) == ["csv.py", "ctypes.py", "site.py", "sysconfig.py"]


def test_every_section_that_was_probed_says_how_that_ended(cli: Cli, bare_target: Path) -> None:
    run = cli("doctor", "--json", "--python", str(bare_target))
    ends = {probe["name"]: probe["outcome"] for probe in run.json["snapshot"]["probes"]}
    assert ends == dict.fromkeys(("host", "target", "packages", "nvml", "cuda", "torch", "toolkit"), "ok")


def test_an_active_folder_that_is_no_environment_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    run = cli("doctor", "--json", env={"VIRTUAL_ENV": str(tmp_path / "thesis")})
    assert run.code == 2
    assert "has no interpreter" in run.json["error"]["message"]


def test_an_active_conda_environment_without_python_is_no_fault(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    (tmp_path / "r/conda-meta").mkdir(parents=True)
    path = f"{bare_target.parent}{os.pathsep}{os.environ['PATH']}"
    run = cli("doctor", "--json", "--quick", env={"CONDA_PREFIX": str(tmp_path / "r"), "PATH": path})
    assert "venv-broken" not in run.codes
    assert run.json["snapshot"]["target"]["state"] == "known"
