"""`envkit doctor --from`: the same doctor, on what somebody pasted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli

TOO_OLD = """\
Hello, it worked yesterday.

> ```
> PyTorch version: 2.2.2+cu121
> Is debug build: False
> CUDA used to build PyTorch: 12.1
> OS: Ubuntu 20.04.6 LTS (x86_64)
> Libc version: glibc-2.31
> Python version: 3.10.12 (main, Nov 20 2023, 15:14:05) [GCC 11.4.0] (64-bit runtime)
> Is CUDA available: False
> GPU models and configuration: GPU 0: NVIDIA RTX A5000
> Nvidia driver version: 460.91.03
> [pip3] torch==2.2.2+cu121
> ```
"""
WORKS = TOO_OLD.replace("available: False", "available: True").replace("460.91.03", "550.54.15")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "issue.txt"
    path.write_text(TOO_OLD)
    return path


def test_the_cause_is_read_off_a_pasted_report(cli: Cli, report: Path) -> None:
    run = cli("doctor", "--from", str(report), "--json")
    assert (run.code, run.codes[0]) == (1, "driver-too-old")
    assert "460.91.03" in run.json["findings"][0]["cause"]


def test_words_that_name_a_thing_count_where_nothing_else_is_known(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("mytool: starting NCCL on rank 3 failed\n")
    assert cli("doctor", "--from", str(log), "--json").codes[0] == "nccl-failure"
    log.write_text(f"{TOO_OLD}mytool: starting NCCL on rank 3 failed\n")
    assert cli("doctor", "--from", str(log), "--json").codes[0] == "driver-too-old"


def test_a_dash_reads_stdin(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "envkit", "doctor", "--from", "-", "--json"],
        input=TOO_OLD.encode("utf-16"),
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 1
    assert b'"driver-too-old"' in done.stdout


def test_a_report_of_what_works_is_healthy(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "fine.txt").write_text(WORKS)
    run = cli("doctor", "--from", str(tmp_path / "fine.txt"), "--json")
    assert (run.code, run.json["verdict"], run.codes) == (0, "healthy", ["healthy"])


def test_what_the_report_lacks_is_asked_for_with_the_command_that_tells_it(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "half.txt").write_text("nvcc fatal   : Unsupported gpu architecture 'compute_89'\n")
    run = cli("doctor", "--from", str(tmp_path / "half.txt"))
    assert "nvcc --version  (tells the CUDA compiler)" in run.out
    assert "nvidia-smi" not in run.out


def test_what_was_read_and_what_is_lacking_is_told_to_programs_too(cli: Cli, report: Path) -> None:
    found = cli("doctor", "--from", str(report), "--json").json
    assert "driver" in next(read["facts"] for read in found["read"] if read["format"] == "collect_env")
    assert found["asks"] == []


def test_a_contradiction_is_no_format_that_was_read(cli: Cli, report: Path) -> None:
    report.write_text(report.read_text("utf-8") + "\n- Python version: 3.1\n", "utf-8")
    run = cli("doctor", "--from", str(report))
    assert "unclear" in run.out
    found = cli("doctor", "--from", str(report), "--json").json
    assert "contradiction" not in [read["format"] for read in found["read"]]


def test_the_error_of_a_program_is_no_fault_of_the_environment(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text(f"{WORKS}\nRuntimeError: CUDA error: device-side assert triggered\n")
    run = cli("doctor", "--from", str(tmp_path / "own.txt"), "--json")
    assert (run.code, run.codes) == (0, ["healthy"])
    assert "device-side assert" in run.json["findings"][0]["facts"][0]["value"]


def test_no_pip_is_brought_into_a_place_that_may_have_it(cli: Cli, report: Path) -> None:
    assert "ensurepip" not in cli("doctor", "--from", str(report)).out


def test_a_report_can_be_saved_and_read_again(cli: Cli, report: Path, tmp_path: Path) -> None:
    first = cli("doctor", "--from", str(report), "--json", "--save", str(tmp_path / "saved.json"))
    assert cli("doctor", "--from", str(tmp_path / "saved.json"), "--json").json == first.json


def test_a_text_about_something_else_is_one_clear_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,\nthe weather is fine.\n")
    run = cli("doctor", "--from", str(tmp_path / "letter.txt"))
    assert (run.code, run.out) == (2, "")
    assert "letter.txt" in run.err
    assert "collect_env" in run.err
    assert "Traceback" not in run.err


def test_escapes_in_a_report_do_not_reach_the_terminal(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text(TOO_OLD.replace("RTX A5000", "RTX\x1b]0;x\x07 A5000\x9b31m\x08"))
    out = cli("doctor", "--from", str(tmp_path / "odd.txt"), "--verbose").out
    assert not any(odd in out for odd in ("\x1b]", "\x9b", "\x08", "\x07"))


def test_options_of_a_live_run_have_no_part_in_it(cli: Cli, report: Path) -> None:
    run = cli("doctor", "--from", str(report), "--quick")
    assert run.code == 2
    assert "--quick" in run.err


@pytest.mark.parametrize(("python", "codes"), [("3.8.10", ["python-unsupported"]), ("3.11.4", ["healthy"])])
def test_a_text_is_judged_by_the_python_of_the_report(cli: Cli, tmp_path: Path, python: str, codes: list[str]) -> None:
    said = "TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'"
    (tmp_path / "old.txt").write_text(f"Python version: {python}\n{said}\n")
    assert cli("doctor", "--from", str(tmp_path / "old.txt"), "--json").codes == codes


def test_a_numpy_of_two_releases_is_installed_anew_and_not_taken_back(cli: Cli, tmp_path: Path) -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/a/lib/python3.11/site-packages/numpy/core/x.py", line 3, in <module>\n'
        "AttributeError: type object 'numpy.y' has no attribute 'z'\n"
    )
    (tmp_path / "torn.txt").write_text(text)
    run = cli("doctor", "--from", str(tmp_path / "torn.txt"), "--json")
    fix = " ".join(run.json["findings"][0]["fix"]["commands"])
    assert (run.codes[0], "--force-reinstall" in fix, "numpy<2" in fix) == ("numpy-abi", True, False)


def test_an_install_that_went_well_after_all_is_no_fault(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    retried = "WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError': /simple/torch/\n"
    log.write_text(f"$ pip install torch\n{retried}")
    assert cli("doctor", "--from", str(log), "--json").codes[0] == "network-index"
    log.write_text(f"$ pip install torch\n{retried}Successfully installed torch-2.6.0\n")
    run = cli("doctor", "--from", str(log), "--json")
    assert run.code == 4
    assert [one["code"] for one in run.json["findings"] if one["severity"] == "error"] == []


def test_a_password_in_a_report_is_neither_printed_nor_kept(cli: Cli, tmp_path: Path) -> None:
    log, saved = tmp_path / "log.txt", tmp_path / "saved.json"
    log.write_text(
        "ERROR: HTTP error 403 while getting https://user:t0ps3cret@nexus.corp/simple/torch/torch-2.6.0.whl\n"
    )
    run = cli("doctor", "--from", str(log), "--save", str(saved))
    assert "*****@nexus.corp" in run.out
    assert "t0ps3cret" not in run.out + run.err + saved.read_text()


def test_a_report_of_windows_that_names_no_processor_gets_its_commands(cli: Cli, tmp_path: Path) -> None:
    report = tmp_path / "windows.txt"
    report.write_text(
        "PyTorch version: 2.5.1+cpu\nCUDA used to build PyTorch: None\nOS: Microsoft Windows 11 Pro\n"
        "Python version: 3.11.5\nIs CUDA available: False\n"
        "GPU models and configuration: GPU 0: NVIDIA GeForce RTX 3070\nNvidia driver version: 566.03\n"
    )
    fix = cli("doctor", "--from", str(report), "--json").json["findings"][0]["fix"]
    assert "torch==2.5.1+cu124" in fix["commands"][0]
    assert "taken to be x86_64" in fix["steps"][0]
