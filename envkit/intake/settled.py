"""What a text complains of and shows itself to be past, or asked for: a later line decides over an earlier one.

A run that goes on has survived its errors, an installer that ends well has mended its own, and what somebody stopped
was not killed by a lack of memory. Such lines are taken out before any format reads the text.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from envkit import matrix
from envkit.intake.text import Text, shape

_OF_A_RUN = frozenset(("gpu-memory-full", "nccl-failure"))
_OF_AN_INSTALL = frozenset(("network-index", "disk-low", "compiler-unsupported", "toolkit-missing"))
_OF_A_STOP = frozenset(("memory-low",))

_COMMAND = re.compile(
    r"\s*(?:\([\w.-]{1,40}\) ?)?(?:[\w.-]{1,40}@[^\n$#%]{1,80})?(?:[$#%\u276f]|PS [^\n>]{1,80}>) ?(\S.*)"
)
_GOES_ON = re.compile(
    r"\b(?:epochs?|steps?|iter(?:ation)?s?)\b\W{0,6}\d[^\n]{0,80}\b(?:loss|acc\w{0,6}|finished|done|completed?)\b"
    r"|'loss': \d|\btraining (?:is |was |has )?(?:finished|completed?|done)\b|^100%\||\btrain_runtime\b"
    r"|Application startup complete|\bHTTP/1\.1\" 200\b",
    re.IGNORECASE,
)
_FAILS = re.compile(
    r"Traceback \(most recent|(?:Error|Exception)\b|\berror:|exit ?code|\bSIG[A-Z]{3,5}\b|abort|terminat|killed|"
    r"\bdied\b|core dumped|NCCL WARN|gai error|\bfailed\b",
    re.IGNORECASE,
)
_ENDS_WELL = re.compile(
    r"\s*(?:Successfully installed |Installed \d{1,5} packages? in|Executing transaction: [^\n]{0,20}done)"
)
_ENDS_BADLY = re.compile(r"\s*(?:ERROR\b|error:|Failed to build |\u00d7 )")
_LISTED = 60
"""Lines after uv's last word in which it lists what it has installed."""
_TORCH = re.compile(r"(?<![\w-])(?:py)?torch(?:[-=]=?\d|\s|$)")
_STOPS = re.compile(
    r"\s*(?:sudo )?(?:kill|pkill|killall|scancel|qdel|docker (?:stop|kill|rm|compose (?:down|stop|kill))|"
    r"podman (?:stop|kill|rm)|docker-compose (?:down|stop|kill)|kubectl delete)\b"
)
_LINES_OF_A_STOP = 4
_CRASHES = ("Illegal instruction", "Segmentation fault", "core dumped", "Bus error")
_OF_PYTHON = re.compile(
    r"py|torch|pip|conda|mamba|\buv\b|accelerate|deepspeed|\.sh\b|notebook|\bmake\b|srun|mpirun|docker|pod",
    re.IGNORECASE,
)
_OF_TENSORFLOW = re.compile(r"\b(?:tensorflow|external/local_(?:tsl|xla)|xla)/\S{1,200}\.cc:\d+\]")
_WORKS = re.compile(r"cuda\.is_available\(\)\W{0,12}True\b")
_PAST = re.compile(
    r"\bused to (?:get|see|have)\b[^\n]{0,200}\bnow\b"
    r"|\b(?:works?|working|runs?|fine|solved|fixed|gone) (?:fine |well |again )?now\b|\bnow (?:it )?(?:works|runs)\b",
    re.IGNORECASE,
)
"""What somebody tells of in the past."""


def without_settled(text: Text) -> Text:
    """Return the text without the complaints that it settles itself."""
    past = {*_survived(text), *_installed(text), *_stopped(text), *_of_other_programs(text)}
    if text.has("now"):
        past |= {number for number, line in enumerate(text.lines) if "now" in line and _PAST.search(line)}
    if not past:
        return text
    kept = ("" if number in past else line for number, line in enumerate(text.lines))
    return Text("\n".join(kept), left_out=text.left_out)


_WORDS = (
    *("memory", "alloc", "nccl", "socket", "peer", "barrier", "gloo", "rendezvous", "watchdog", "timed out", "timeout"),
    *("error", "warn", "fail", "retry", "connection", "space", "quota", "not found", "missing", "no such", "137"),
    *("unsupported", "mismatch", "certificate", "proxy", "hash", "resolve", "cannot", "could not", "unable", "vram"),
    "kill",
)
"""In lower case: a line with none of them is of no code that is settled here."""
_MOST = 1_000
"""Lines that are looked up as they are; of what follows those count as one that differ in their digits alone."""


def _complaining(text: Text, codes: frozenset[str], numbers: Iterable[int]) -> Iterator[int]:
    """Those of the lines that point to one of these codes."""
    errors = matrix.load().errors
    lower = text.shapes.lower()
    words = [word for word in _WORDS if shape(word) in lower]
    causes: dict[str, str | None] = {}
    for number in numbers:
        line = text.lines[number]
        low = line.lower()
        if not any(map(low.__contains__, words)):
            continue
        key = line if len(causes) < _MOST else shape(line)
        if key not in causes:
            causes[key] = errors.cause_of(line)
        if causes[key] in codes:
            yield number


def _survived(text: Text) -> Iterator[int]:
    """What a run complained of that went on after it, and ended without another failure."""
    if not text.has("loss", "poch", "tep", "raining", "100%|", "train_runtime", "startup complete", "HTTP/1"):
        return
    last = next((number for number in _backwards(text) if _GOES_ON.search(text.lines[number])), 0)
    if not last or any(_FAILS.search(line) for line in text.lines[last + 1 :]):
        return
    run = next((number for number in range(last, -1, -1) if _COMMAND.match(text.lines[number])), 0)
    yield from _complaining(text, _OF_A_RUN, range(run, last))


def _installed(text: Text) -> Iterator[int]:
    """What an installer complained of in a run that ended well, and in those before it that wanted torch as well."""
    if not text.has("Successfully installed", "Installed ", "Executing transaction"):
        return
    settled = set[int]()
    for begin, end in pairwise((*_commands(text), len(text.lines))):
        well = [number for number in range(begin, end) if _ENDS_WELL.match(text.lines[number])]
        if not well or any(_ENDS_BADLY.match(line) for line in text.lines[well[-1] + 1 : end]):
            continue
        told = (text.lines[begin], *(text.lines[number] for number in well), *text.lines[well[-1] :][:_LISTED])
        settled.update(range(0 if any(map(_TORCH.search, told)) else begin, well[-1]))
    yield from _complaining(text, _OF_AN_INSTALL, sorted(settled))


def _commands(text: Text) -> list[int]:
    """The lines at which something was typed, and the first, at which it may have been."""
    return sorted({0, *(number for number, line in enumerate(text.lines) if _COMMAND.match(line))})


def _stopped(text: Text) -> Iterator[int]:
    """What was killed because somebody asked for it just before."""
    if not text.has("kill", "docker", "podman", "kubectl", "scancel", "qdel"):
        return
    for number, line in enumerate(text.lines):
        command = _COMMAND.match(line)
        if _STOPS.match(command[1] if command else line):
            end = min(number + 1 + _LINES_OF_A_STOP, len(text.lines))
            yield from _complaining(text, _OF_A_STOP, range(number + 1, end))


def _of_other_programs(text: Text) -> Iterator[int]:
    """The crash of a program that is no Python, by the command above it, and TensorFlow's word where torch has CUDA."""
    crashes = text.has(*_CRASHES)
    works = text.has("tensorflow/", "external/") and text.has_sign(_WORKS)
    for number, line in enumerate(text.lines if crashes or works else ()):
        if works and _OF_TENSORFLOW.search(line):
            yield number
        if number and line.strip().startswith(_CRASHES):
            command = _COMMAND.match(text.lines[number - 1])
            if command and not _OF_PYTHON.search(command[1]):
                yield number


def _backwards(text: Text) -> range:
    return range(len(text.lines) - 1, -1, -1)
