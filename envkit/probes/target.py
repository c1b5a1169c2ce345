"""Facts from the target interpreter: what it is, what is installed in it, and torch live."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.probes.framing import Answers, Facts, run_script, unanswered
from envkit.probes.selection import Choice, is_environment
from envkit.processes import End
from envkit.snapshot import Absent, Interpreter, Packages, RunEnd, TorchRuntime, Unknown

_SCRIPT = "probe.py"
_STDERR_KEPT = 4000

T = TypeVar("T")


class Progress:
    """How far the reading of files is, in words that the target's own numbers fill."""

    def __init__(self) -> None:
        self.told = ""

    def hear(self, section: str, facts: Facts) -> None:
        """Take a frame of the script; only those of its progress matter here."""
        if section == "progress":
            with suppress(KeyError, TypeError, ValueError):
                done, total = (int(facts[name]) / 1e6 for name in ("done", "total"))
                self.told = f"{facts['package']}, {done:.0f} of {total:.0f} MB"


def probe_interpreter(choice: Choice, timeout: float) -> Interpreter | Absent | Unknown:
    """Ask the interpreter what it is, and nothing more."""
    answers = run_script([choice.executable], _SCRIPT, ["interpreter"], timeout=timeout)
    return _interpreter(choice, answers)


def probe_target(
    choice: Choice, timeout: float, *, quick: bool = False, deep: Progress | None = None
) -> tuple[Interpreter | Absent | Unknown, Packages | Unknown]:
    """Ask the interpreter what it is and what is installed in it, importing none of that.

    `quick` leaves the sizes of headers out. `deep` lets it read every file of torch and what belongs to it, and is
    told how far that is.
    """
    sections = ["interpreter", "packages-deep" if deep else "packages-quick" if quick else "packages"]
    hear = deep.hear if deep else None
    answers = run_script([choice.executable], _SCRIPT, sections, timeout=timeout, hear=hear)
    interpreter = _interpreter(choice, answers)
    packages = answers.merged("packages")
    if packages is None:
        who = "reading the installed packages" if isinstance(interpreter, Interpreter) else choice.executable
        return interpreter, unanswered(answers.completed, who)
    return interpreter, decoded(packages, Packages)


def _interpreter(choice: Choice, answers: Answers) -> Interpreter | Absent | Unknown:
    said = answers.merged("interpreter")
    return _silent(choice, answers) if said is None else decoded({**said, "chosen_by": choice.chosen_by}, Interpreter)


_OUT_OF_MEANS = tuple(map(os.strerror, (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)))
"""Why a program cannot be started that is nothing of its own."""


def _silent(choice: Choice, answers: Answers) -> Absent | Unknown:
    """Say what an interpreter is that gave no answer: gone from its environment, or beyond telling."""
    prefix = Path(choice.executable).parent.parent
    out_of_means = answers.completed.reason in _OUT_OF_MEANS
    if answers.completed.end is End.NOT_STARTED and not out_of_means and is_environment(prefix):
        why = f"{choice.executable} could not be started: {answers.completed.reason}"
        return Absent(why=why, environment=str(prefix))
    return unanswered(answers.completed, choice.executable)


def probe_torch(choice: Choice, timeout: float) -> TorchRuntime | Absent | Unknown:
    """Import torch in the target and use each of its devices, in a child that may end in any way."""
    answers = run_script([choice.executable], _SCRIPT, ["torch"], timeout=timeout)
    said = answers.merged("torch")
    if said is None:
        return unanswered(answers.completed, choice.executable)
    error = said.get("error") or {}
    if error.get("type") in ("ModuleNotFoundError", "ImportError") and error.get("message") in _NO_TORCH:
        return Absent(why=error["message"])
    return decoded({**said, **_ending(answers, said)}, TorchRuntime)


_NO_TORCH = ("No module named 'torch'", "No module named torch")


def _ending(answers: Answers, said: Facts) -> Facts:
    completed = answers.completed
    if said.get("stage") == "done" or "error" in said:
        end, died_of = RunEnd.FINISHED, ""
    elif completed.end is End.TIMED_OUT:
        end, died_of = RunEnd.TIMED_OUT, completed.describe()
    else:
        end, died_of = RunEnd.CRASHED, completed.describe()
    return {"end": end, "died_of": died_of, "stderr": completed.error_text[-_STDERR_KEPT:]}


def decoded(facts: Facts, shape: type[T]) -> T | Unknown:
    """Return a foreign program's facts in our form, or Unknown when they do not have it."""
    if "failed" in facts:
        return Unknown(why=str(facts["failed"]))
    try:
        return msgspec.convert({"state": "known", **facts}, shape)
    except msgspec.ValidationError as nonsense:
        return Unknown(why=f"the answer makes no sense: {nonsense}")
