"""What is said of a step that failed."""

import pytest

from envkit.apply.complaints import explain_failure
from envkit.apply.steps import Step
from envkit.processes import Completed, End

STEP = Step("install torch 2.13.0 (cpu)", ("/env/bin/python", "-m", "pip"), 1.0)
NO_MATCH = b"""\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /whl/cpu/torch/
ERROR: Could not find a version that satisfies the requirement torch==2.13.0+cpu (from versions: none)
ERROR: No matching distribution found for torch==2.13.0+cpu
"""
UV = """\
Using Python 3.11.7
  × No solution found:
  ╰─▶ there is no torch==2.13.0+cpu
""".encode()  # noqa: RUF001 - as uv writes it
DEBIAN = b"""\
The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.
"""


def make_completed(stdout=b"", stderr=b"", *, end=End.EXITED, exit_code=1):
    return Completed(argv=STEP.argv, end=end, exit_code=exit_code, stdout=stdout, stderr=stderr, seconds=1.5)


@pytest.mark.parametrize(
    ("completed", "message"),
    [
        pytest.param(
            make_completed(stderr=NO_MATCH.partition(b"\n")[2]),
            "No matching distribution found for torch==2.13.0+cpu",
            id="pip's last error",
        ),
        pytest.param(
            make_completed(stderr=NO_MATCH),
            "No matching distribution found for torch==2.13.0+cpu; the index could not be reached",
            id="no network",
        ),
        pytest.param(
            make_completed(stdout=b"Collecting torch\n", stderr=b"Traceback ...\nOSError: disk full\n"),
            "OSError: disk full",
            id="last line of anything else",
        ),
        pytest.param(make_completed(stderr=UV), "No solution found: there is no torch==2.13.0+cpu", id="uv's frame"),
        pytest.param(make_completed(), "exit code 1", id="silence"),
        pytest.param(make_completed(end=End.TIMED_OUT), "timed out after 1.5 s", id="time limit"),
        pytest.param(make_completed(end=End.SIGNALLED, exit_code=-9), "SIGKILL", id="killed"),
    ],
)
def test_a_failed_step_is_one_sentence(completed, message):
    error = explain_failure(STEP, completed, "3.11", "/tmp/kept.log")

    assert error.message == f"could not install torch 2.13.0 (cpu): {message}"
    assert (error.hint, error.exit_code) == ("all that was said is in `/tmp/kept.log`", 1)


@pytest.mark.parametrize(
    "stdout",
    [
        pytest.param(DEBIAN, id="Debian's venv"),
        pytest.param(b"/usr/bin/python3.11: No module named ensurepip\n", id="no module"),
    ],
)
def test_a_missing_ensurepip_names_the_package_that_brings_it(stdout):
    step = Step("make the environment", ("/usr/bin/python3.11", "-m", "venv"), 1.0)

    error = explain_failure(step, make_completed(stdout=stdout), "3.11", "/tmp/kept.log")

    assert error.message == "`/usr/bin/python3.11` cannot make an environment with pip in it: its ensurepip is missing"
    assert error.hint == "`sudo apt install python3.11-venv`, or `envkit create --virtualenv`"


@pytest.mark.parametrize("said", ["OSError: [Errno 28] No space left on device", "write failed: Disk quota exceeded"])
def test_a_full_disk_is_named(said):
    error = explain_failure(STEP, make_completed(stderr=said.encode()), "3.11", "/tmp/kept.log")

    assert error.message == "could not install torch 2.13.0 (cpu): the disk is full"
    assert error.hint == "free some space, or name a path on another disk; all that was said is in `/tmp/kept.log`"
