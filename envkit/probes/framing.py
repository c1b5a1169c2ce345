"""The seam between envkit and its scripts in other interpreters: run one, read its frames.

A frame is a line of its own: a token that changes with every run, a space, one JSON array of section
and facts. Whatever else is printed around it is ignored.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from envkit import processes
from envkit.processes import Completed, End
from envkit.snapshot import ProbeOutcome, Unknown

SCRIPTS = Path(__file__).parent / "scripts"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Answers:
    """What a script said before it ended, however it ended: each section's frames, in order."""

    frames: tuple[tuple[str, Facts], ...]
    completed: Completed

    def merged(self, section: str) -> Facts | None:
        """Return a section's frames as one, later ones winning; None when there was no frame of it."""
        found = [facts for name, facts in self.frames if name == section]
        return {key: value for facts in found for key, value in facts.items()} if found else None


def run_script(
    interpreter: Sequence[str],
    script: str,
    arguments: Sequence[str],
    *,
    timeout: float,
    hear: Callable[[str, Facts], None] | None = None,
) -> Answers:
    """Run a script of ours under an interpreter, as its user would run one: here, with this environment.

    `hear` is called with each frame as it comes, in another thread.
    """
    token = "envkit-" + os.urandom(8).hex()

    def listen(line: bytes) -> None:
        for frame in read_frames(line, token.encode()):
            if hear is not None:
                hear(*frame)

    completed = processes.run(
        # -B: examining an environment leaves no byte code behind in it.
        [*interpreter, "-B", str(SCRIPTS / script), token, *arguments],
        timeout=timeout,
        on_line=listen if hear else None,
    )
    return Answers(tuple(read_frames(completed.stdout, token.encode())), completed)


def unanswered(completed: Completed, who: str) -> Unknown:
    """Say why a script gave no answer, by the way it ended."""
    outcomes = {End.TIMED_OUT: ProbeOutcome.TIMED_OUT, End.SIGNALLED: ProbeOutcome.CRASHED}
    told = _last_word(completed.error_text)
    why = f"{who} gave no answer: {completed.describe()}" + (f": {told[:500]}" if told else "")
    return Unknown(why=why, outcome=outcomes.get(completed.end, ProbeOutcome.FAILED))


_EXCEPTION = re.compile(r"^\w*(?:Error|Exception): .*", re.MULTILINE)


def _last_word(text: str) -> str:
    """Return the last exception that is told, else the end: what cannot start tells of its threads after it."""
    found = _EXCEPTION.findall(text) or text.splitlines()
    return found[-1] if found else ""


def read_frames(output: bytes, token: bytes) -> list[tuple[str, Facts]]:
    """Return the frames with that token among what else was printed."""
    frames: list[tuple[str, Facts]] = []
    for line in output.splitlines():
        marker, _, body = line.partition(b" ")
        if marker != token:
            continue
        try:
            frames.append(msgspec.json.decode(body, type=tuple[str, Facts]))
        except msgspec.DecodeError:
            continue  # cut short by a crash in mid-write; what came before it counts
    return frames
