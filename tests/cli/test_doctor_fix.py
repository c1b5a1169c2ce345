"""`envkit doctor --fix` on real environments, installing from small indexes on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envkit import matrix
from envkit.apply.claim import claimed
from envkit.apply.places import Mode
from tests.cli.test_doctor_recorded import TOO_OLD
from tests.conftest import Cli, make_target, site_of
from tests.recipes.local_index import make_indexes, write_pages, write_wheel
from tests.standins.torch_package import add_metadata, install_torch

RELEASE = matrix.load().torch.releases()[-1]
AWAY = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""Nobody listens there: PyTorch's own index cannot be reached."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables that configure pip for indexes in a folder, which have the build that fits a machine without a GPU."""
    torch_index, configured = make_indexes(tmp_path_factory.mktemp("indexes"), torch=(f"{RELEASE}+cpu",))
    return {**configured, **AWAY, "PIP_EXTRA_INDEX_URL": torch_index}


@pytest.fixture
def without_numpy_files(tmp_path: Path) -> Path:
    """A target with a whole torch, and a NumPy that has lost a file."""
    python = make_target(tmp_path / "env")
    site = site_of(python)
    install_torch(site, "2.13.0+cpu", cuda=None)
    (site / "numpy").mkdir()
    for name in ("__init__.py", "core.py"):
        (site / "numpy" / name).write_text("")
    add_metadata(site, "numpy", "2.4.0", site / "numpy")
    (site / "numpy/core.py").unlink()
    return python


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def journal_of(python: Path) -> list[dict[str, object]]:
    lines = (python.parent.parent / "envkit-fix.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_without_consent_it_only_shows(cli: Cli, without_numpy_files: Path, sources: dict[str, str]) -> None:
    env = without_numpy_files.parent.parent
    before = files_of(env)
    run = cli("doctor", "--fix", "--python", str(env), env=sources)
    assert run.code == 1
    assert "--fix mends numpy-abi with:" in run.out
    assert "-m pip install --force-reinstall --no-deps numpy==2.4.0" in run.out
    assert "`--yes`" in run.err
    assert files_of(env) == before


def test_with_consent_it_mends_and_looks_again(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str], tmp_path: Path
) -> None:
    env = without_numpy_files.parent.parent
    outside = files_of(tmp_path) - files_of(env)
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(env), env=sources)
    assert run.code == 0, run.out + run.err
    assert run.json["verdict"] == "healthy"
    assert run.json["fix"]["before"]["findings"][0]["code"] == "numpy-abi"
    (done,) = run.json["fix"]["done"]
    assert (done["code"], done["gone"], done["error"]) == ("numpy-abi", True, None)
    assert [entry["state"] for entry in journal_of(without_numpy_files)] == ["begun", "done"] * 2 + ["gone"]
    assert "numpy==2.4.0" in (env / "envkit-fix.log").read_text()
    new = {name for name in files_of(tmp_path) - outside if not name.startswith("env/")}
    assert new <= {"env"}


def test_what_is_damaged_beside_a_damaged_torch_is_mended_too(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str]
) -> None:
    (site_of(without_numpy_files) / "torch/lib/libtorch_cpu.so").unlink()
    run = cli("doctor", "--fix", "--json", "--python", str(without_numpy_files), env=sources)
    assert [(one["code"], one["explains"]) for one in run.json["findings"] if one["severity"] == "error"] == [
        ("torch-corrupt", []),
        ("numpy-abi", []),
    ]
    assert [one["code"] for one in run.json["fix"]["planned"]] == ["torch-corrupt", "numpy-abi"]


def test_a_torch_outside_the_target_is_not_touched(
    cli: Cli, bare_target: Path, sources: dict[str, str], tmp_path: Path
) -> None:
    install_torch(tmp_path / "libs", "2.13.0+cpu", cuda=None)
    (tmp_path / "libs/torch/lib/libtorch_cpu.so").unlink()
    before = files_of(tmp_path)
    variables = {**sources, "PYTHONPATH": str(tmp_path / "libs")}
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=variables)
    assert run.codes[0] == "torch-corrupt"
    assert f"--target {tmp_path / 'libs'}" in run.json["findings"][0]["fix"]["commands"][-1]
    assert run.json["fix"]["planned"] == []
    assert files_of(tmp_path) == before


def test_a_missing_torch_is_installed_from_what_answers(cli: Cli, bare_target: Path, sources: dict[str, str]) -> None:
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=sources)
    assert "torch-missing" not in run.codes
    assert [(one["code"], one["gone"], one["error"]) for one in run.json["fix"]["done"]] == [
        ("torch-missing", True, None)
    ]
    assert "cannot be reached" in run.err
    version = "import torch; print(torch.__version__)"
    told = subprocess.run([bare_target, "-c", version], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{RELEASE}+cpu"


def test_an_environment_of_uv_s_is_mended_by_uv_from_where_pip_looks(
    cli: Cli, sources: dict[str, str], tmp_path: Path
) -> None:
    uv = pytest.importorskip("uv").find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "env"], check=True)
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(tmp_path / "env"), env=sources)
    (done,) = run.json["fix"]["done"]
    assert (done["code"], done["gone"], done["error"]) == ("torch-missing", True, None)
    assert all(step["argv"][1:3] == ["pip", "install"] for step in done["steps"])


def test_an_environment_that_cannot_be_written_to_is_told(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str]
) -> None:
    (without_numpy_files.parent.parent / "envkit-fix.log").mkdir()
    run = cli("doctor", "--fix", "--yes", "--python", str(without_numpy_files), env=sources)
    assert run.code == 1
    assert "Is a directory" in run.out
    assert "numpy-abi: still there" in run.out


def test_while_another_changes_the_environment_it_waits_for_nobody(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str]
) -> None:
    env = without_numpy_files.parent.parent
    with claimed(env, Mode.UPDATE, "what another is about"):
        run = cli("doctor", "--fix", "--yes", "--python", str(env), env=sources)
    assert run.code == 1
    assert f"another envkit is at work on `{env}`" in "".join(run.out.splitlines())
    assert "wait for it" in run.out
    assert "envkit create" not in run.out
    assert "another path" not in run.out


def test_two_installs_over_each_other_become_one(cli: Cli, bare_target: Path, sources: dict[str, str]) -> None:
    package = install_torch(site_of(bare_target), f"{RELEASE}+cpu", cuda=None)
    stale = add_metadata(site_of(bare_target), "torch", "2.1.0", package)
    for info in (stale, stale.with_name(f"torch-{RELEASE}+cpu.dist-info")):
        with (info / "RECORD").open("a") as record:
            record.writelines(f"{info.name}/{name},,\n" for name in ("METADATA", "INSTALLER"))
    run = cli("doctor", "--fix", "--yes", "--json", "--quick", "--python", str(bare_target), env=sources)
    assert run.code == 0, run.out + run.err
    assert len(list(site_of(bare_target).glob("torch-*.dist-info"))) == 1


def test_a_companion_is_mended_and_the_torch_that_works_stays(
    cli: Cli, bare_target: Path, sources: dict[str, str]
) -> None:
    site = site_of(bare_target)
    mine = install_torch(site, "2.13.0+cpu", cuda=None) / "version.py"
    before = mine.stat().st_mtime_ns
    info = add_metadata(site, "torchvision", "0.19.1+cpu", requires=("torch==2.4.1",))
    with (info / "RECORD").open("a") as record:
        record.writelines(f"{info.name}/{name},,\n" for name in ("METADATA", "INSTALLER"))
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=sources)
    assert run.json["fix"]["before"]["findings"][0]["code"] == "companion-mismatch"
    (done,) = run.json["fix"]["done"]
    assert (done["code"], done["gone"], done["error"]) == ("companion-mismatch", True, None)
    assert [one.name for one in site.glob("torchvision-*")] == ["torchvision-0.28.0+cpu.dist-info"]
    assert mine.stat().st_mtime_ns == before


def test_a_nightly_build_is_never_replaced_by_a_release(cli: Cli, bare_target: Path, sources: dict[str, str]) -> None:
    package = install_torch(site_of(bare_target), "2.99.0.dev20260801+cpu", cuda=None)
    (package / "lib/libtorch_cpu.so").unlink()
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=sources)
    assert run.codes[0] == "torch-corrupt"
    assert "none of the releases" in run.json["findings"][0]["fix"]["summary"]
    assert [one.name for one in package.parent.glob("torch-*")] == ["torch-2.99.0.dev20260801+cpu.dist-info"]


def test_what_torch_lacks_is_installed_alone(cli: Cli, bare_target: Path, sources: dict[str, str]) -> None:
    package = install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, requires=("filelock", "odd; extra == 'odd'"))
    before = package.stat().st_mtime_ns
    asked = ("doctor", "--fix", "--yes", "--json", "--strict", "--python", str(bare_target))
    run = cli(*asked, env=sources)
    assert run.code == 0, run.out
    (done,) = run.json["fix"]["done"]
    assert (done["code"], done["gone"], done["steps"][-1]["argv"][-2:]) == (
        "torch-corrupt",
        True,
        ["install", "filelock"],
    )
    assert package.stat().st_mtime_ns == before


def test_what_an_install_that_was_cut_short_has_left_goes_before_it_comes_anew(
    cli: Cli, bare_target: Path, sources: dict[str, str]
) -> None:
    site = site_of(bare_target)
    install_torch(site, "2.13.0+cpu", cuda=None)
    for name in ("numpy/_core", "numpy.libs"):
        (site / name).mkdir(parents=True)
        (site / name / "torn.so").write_bytes(b"")
    (site / "numpy/version.py").write_text('version = "2.4.0"\n')
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=sources)
    (done,) = run.json["fix"]["done"]
    assert (done["code"], done["gone"], done["error"]) == ("numpy-abi", True, None)
    assert done["steps"][0]["argv"] == ["rm", "-rf", str(site / "numpy"), str(site / "numpy.libs")]
    assert not (site / "numpy/_core").exists()
    assert not (site / "numpy.libs").exists()
    assert (site / "numpy-2.4.0.dist-info").is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_a_run_that_is_broken_off_says_where_it_was_and_the_next_one_goes_on(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str], tmp_path: Path
) -> None:
    env, site = without_numpy_files.parent.parent, site_of(without_numpy_files)
    info = site / "numpy-2.4.0.dist-info"
    with (info / "RECORD").open("a") as record:
        record.writelines(f"{info.name}/{name},,\n" for name in ("METADATA", "INSTALLER"))
    # So many files that the wheel is still being unpacked when pip is stopped.
    files = {"numpy/__init__.py": "", **{f"numpy/{number}.py": "" for number in range(8_000)}}
    write_wheel(tmp_path / "big/numpy", "numpy", "2.4.0", files=files)
    write_pages(tmp_path / "big")
    slow = {**os.environ, **sources, "PIP_INDEX_URL": (tmp_path / "big").as_uri(), "PIP_NO_COMPILE": "1"}
    command = [sys.executable, "-m", "envkit", "doctor", "--fix", "--yes", "--python", str(env)]
    run = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=slow, cwd=tmp_path
    )
    until = time.monotonic() + 60
    while not (site / "~umpy").exists() and run.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    told = " ".join(run.communicate(timeout=60)[1].split())
    assert run.returncode == 130
    assert "broken off at step 2 of 2 for numpy-abi: what that was installing may be half there" in told
    assert f"lies in {site} as ~umpy" in told
    assert f"`envkit doctor --fix --python {without_numpy_files}` looks again" in told
    last = journal_of(without_numpy_files)[-1]
    assert (last["state"], last["step"], last["finding"]) == ("broken off", 2, "numpy-abi")
    assert "~umpy" in last["aside"]  # type: ignore[operator]

    quick = cli("doctor", "--quick", "--python", str(env))
    assert (quick.code, "cut short" in quick.out or "stopped" in quick.out) == (1, True)
    again = cli("doctor", "--fix", "--yes", "--json", "--python", str(env), env=sources)
    assert [(one["gone"], one["error"]) for one in again.json["fix"]["done"]] == [(True, None)], again.out
    assert info.is_dir()
    assert not (site / "numpy/1.py").exists()


def test_a_folder_that_is_a_link_is_only_unlinked(
    cli: Cli, bare_target: Path, sources: dict[str, str], tmp_path: Path
) -> None:
    site = site_of(bare_target)
    install_torch(site, "2.13.0+cpu", cuda=None)
    mine = tmp_path / "mine/numpy"
    mine.mkdir(parents=True)
    (mine / "__init__.py").write_text("kept = True\n")
    (site / "numpy").symlink_to(mine)
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), env=sources)
    assert [one["gone"] for one in run.json["fix"]["done"]] == [True]
    assert (mine / "__init__.py").read_text() == "kept = True\n"
    assert not (site / "numpy").is_symlink()


@pytest.mark.parametrize("owner", ["numpy", "conda"], ids=["over conda's package", "in conda's own environment"])
def test_pip_is_not_let_loose_on_what_is_conda_s(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str], owner: str
) -> None:
    env = without_numpy_files.parent.parent
    info = (site_of(without_numpy_files) / "numpy-2.4.0.dist-info").relative_to(env)
    files = [f"{info}/{name}" for name in ("METADATA", "RECORD")] + [f"{info.parent}/numpy/core.py"]
    (env / "conda-meta").mkdir()
    record = {"files": files if owner == "numpy" else []}
    (env / f"conda-meta/{owner}-2.4.0-py311_0.json").write_text(json.dumps(record))
    run = cli("doctor", "--fix", "--yes", "--python", str(env), env=sources)
    assert run.code == 1
    assert "not for envkit to mend: numpy-abi" in run.out
    assert (f"conda install --prefix {env} --force-reinstall numpy==2.4.0" in run.out) is (owner == "numpy")
    assert not (env / "envkit-fix.jsonl").exists()


def test_a_step_that_fails_is_told_and_the_finding_is_still_there(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str], tmp_path: Path
) -> None:
    write_wheel(tmp_path / "empty/other", "other", "1.0")
    nothing = {**sources, "PIP_INDEX_URL": (tmp_path / "empty").as_uri(), "PIP_EXTRA_INDEX_URL": ""}
    run = cli("doctor", "--fix", "--yes", "--python", str(without_numpy_files), env=nothing)
    assert run.code == 1
    assert "numpy-abi: still there" in run.out
    assert "could not mend numpy-abi: No matching distribution found for numpy==2.4.0" in run.out
    assert "Traceback" not in run.err
    assert [entry["state"] for entry in journal_of(without_numpy_files)][-2:] == ["begun", "still there"]


def test_a_terminal_is_asked(without_numpy_files: Path, sources: dict[str, str], tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    command = [sys.executable, "-m", "envkit", "doctor", "--fix", "--python", str(without_numpy_files)]
    variables = {**os.environ, **sources}
    ends = {}
    for answer in (b"n\n", b"y\n"):
        ours, theirs = pty.openpty()
        os.write(ours, answer)
        done = subprocess.run(command, stdin=theirs, capture_output=True, env=variables, cwd=tmp_path, check=False)
        os.close(ours)
        os.close(theirs)
        assert b"Run these commands?" in done.stderr
        ends[answer] = done.returncode
    assert ends == {b"n\n": 1, b"y\n": 0}


def test_a_healthy_environment_has_nothing_to_mend(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    run = cli("doctor", "--fix", "--yes", "--python", str(bare_target))
    assert run.code == 0
    assert "there is nothing to mend" in run.out


def test_what_lies_outside_the_environment_is_left_to_a_person(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/torch.py").write_text("mine = True\n")
    run = cli("doctor", "--fix", "--yes", "--json", "--python", str(bare_target), cwd=tmp_path / "project")
    assert (run.code, run.codes[0]) == (1, "module-shadowed")
    assert (run.json["fix"]["planned"], run.json["fix"]["done"]) == ([], None)
    assert (tmp_path / "project/torch.py").exists()


def test_a_python_that_is_no_environment_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    base = Path(sys.base_prefix) / "bin/python3"
    shadow = tmp_path / "python"
    shadow.write_text(
        f'#!/bin/sh\nexec {base} -S "$@"\n'
    )  # without its site folder: whatever that has, torch is missing
    shadow.chmod(0o755)
    run = cli("doctor", "--fix", "--yes", "--json", "--quick", "--python", str(shadow))
    assert run.codes[0] == "torch-missing"
    assert run.json["fix"]["planned"] == []


def test_an_environment_in_the_making_is_left_alone(
    cli: Cli, without_numpy_files: Path, sources: dict[str, str]
) -> None:
    env = without_numpy_files.parent.parent
    begun = {"what": "x", "mode": "new", "made": [], "aside": "", "at": 1.0, "mark": "none", "process": 2**22}
    (env.parent / ".env.envkit").write_text(json.dumps(begun) + "\n")
    run = cli("doctor", "--fix", "--yes", "--python", str(env), env=sources)
    assert run.code == 1
    assert "was broken off" in run.out
    assert without_numpy_files.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--yes",), "--yes is for --fix", id="consent to nothing"),
        pytest.param(("--fix", "--from", "issue.txt"), "recorded elsewhere", id="another machine"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "issue.txt").write_text(TOO_OLD)
    run = cli("doctor", *arguments, cwd=tmp_path)
    assert run.code == 2
    assert words in run.err
