"""What a failed step says about itself, from the words of the program that failed."""

import re
import sys

from envkit.apply.steps import Step
from envkit.errors import EnvkitError
from envkit.processes import Completed, End
from envkit.urls import redacted

_NO_ENSUREPIP = re.compile(r"ensurepip\s+is\s+not\s+available|No module named '?ensurepip|No module named '?venv")
_UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|connection broken"
    r"|error sending request|dns error"
)
_FULL = re.compile(r"No space left on device|Disk quota exceeded|not enough space on the disk", re.IGNORECASE)
_FRAME = "×╰─▶│├·?"  # noqa: RUF001 - what uv draws round its sentences


def explain_failure(step: Step, completed: Completed, minor: str, log: str) -> EnvkitError:
    """Return the error to raise for a step that did not succeed; `log` is where its output is kept."""
    output = f"{completed.stdout.decode('utf-8', 'replace')}\n{completed.error_text}"
    if completed.end is End.EXITED and _NO_ENSUREPIP.search(output):
        return EnvkitError(
            f"`{step.argv[0]}` cannot make an environment with pip in it: its ensurepip is missing",
            hint=_ways_to_get_ensurepip(minor),
            exit_code=1,
        )
    if _FULL.search(output):
        return EnvkitError(
            f"could not {step.name}: the disk is full",
            hint=f"free some space, or name a path on another disk; all that was said is in `{log}`",
            exit_code=1,
        )
    because = redacted(error_line(output)) if completed.end is End.EXITED else ""
    unreachable = "; the index could not be reached" if _UNREACHABLE.search(output) else ""
    started = f"`{step.argv[0]}` " if completed.end is End.NOT_STARTED else ""
    return EnvkitError(
        f"could not {step.name}: {started}{because or completed.describe()}{unreachable}",
        hint=f"all that was said is in `{log}`",
        exit_code=1,
    )


def _ways_to_get_ensurepip(minor: str) -> str:
    debian = f"`sudo apt install python{minor.rstrip('t') or '3'}-venv`, or " if sys.platform == "linux" else ""
    return f"{debian}`envkit create --virtualenv`"


def error_line(output: str) -> str:
    """Return the last line that tells an error: pip marks it, uv frames it or names its cause, others end with it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    framed = next((number for number, line in enumerate(lines) if line.startswith("×")), None)  # noqa: RUF001
    if framed is not None:
        return " ".join(line.strip(_FRAME + " ") for line in lines[framed:])
    cause = next((line.removeprefix("cause: ") for line in lines if line.startswith("cause: ")), "")
    marked = [line for line in lines if line.lower().startswith("error:")]
    said = (marked or lines or [""])[-1].removeprefix("ERROR: ").removeprefix("error: ")
    return f"{said}: {cause}" if cause and marked else said
