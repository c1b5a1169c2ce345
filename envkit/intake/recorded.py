"""What people paste, or saved: one door from bytes to a Snapshot."""

import sys
from pathlib import Path
from time import perf_counter

import msgspec

from envkit import __version__
from envkit.errors import EnvkitError
from envkit.intake import saved_snapshot
from envkit.intake.assembling import sections
from envkit.intake.formats import FORMATS
from envkit.intake.merging import Told, merged
from envkit.intake.settled import without_settled
from envkit.intake.text import Text, read_text
from envkit.snapshot import ProbeOutcome, ProbeRun, Snapshot

MOST_BYTES = 64_000_000
"""A file is read up to here: what is longer is no report."""

READS = (
    "collect_env, nvidia-smi, pip and conda lists, tracebacks, error messages, torch's answers in a Python session, "
    "and what `envkit doctor --save` and `--json` write"
)


def load(path: Path) -> Snapshot:
    """Return the snapshot of a file, or of stdin for "-".

    Raise `EnvkitError` when it cannot be read, or tells nothing.
    """
    if str(path) == "-":
        return read(sys.stdin.buffer.read(MOST_BYTES), "stdin")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise EnvkitError(f"{path} cannot be read: {error.strerror}") from error
    return read(data, str(path))


def read(data: bytes, source: str) -> Snapshot:
    """Return the snapshot of a saved snapshot or of any pasted text.

    Raise `EnvkitError`, which names `source`, when nothing in it is recognised.
    """
    if _is_saved(data):
        return saved_snapshot.read(_snapshot_in(data), source)
    text = read_text(data)
    open_ = without_settled(text)
    told, runs = _told(open_)
    if not (told or open_ is not text or text.has(*_ABOUT_TORCH)):
        raise EnvkitError(
            f"{source} tells nothing of a PyTorch environment that envkit can read", hint=f"it reads {READS}"
        )
    whole = merged(told)
    notes = [
        ProbeRun(name="contradiction", outcome=ProbeOutcome.OK, seconds=0, detail=each) for each in whole.contradictions
    ]
    if text.left_out:
        notes.append(ProbeRun(name="reading", outcome=ProbeOutcome.FAILED, seconds=0, detail=text.left_out))
    return Snapshot(envkit_version=__version__, **sections(whole.part), probes=(*runs, *notes), pasted=True)


_ABOUT_TORCH = ("import torch", "torch.", "PyTorch", "CUDA", "GPU", "ROCm", "NVIDIA")
"""A text with one of these asks something of us, though it may tell too little; a list of what to install has none."""


def _is_saved(data: bytes) -> bool:
    """Say whether the bytes are meant as a snapshot: a JSON object with a snapshot's own keys, whole or not."""
    head = data[:400].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"{") and b'"schema_version"' in head


class _Document(msgspec.Struct):
    """What `envkit doctor --json` prints, as far as it matters here."""

    snapshot: msgspec.Raw = msgspec.Raw()


def _snapshot_in(data: bytes) -> bytes:
    """The snapshot inside a diagnosis of ours, else the data as they are."""
    try:
        return bytes(msgspec.json.decode(data, type=_Document).snapshot) or data
    except (msgspec.DecodeError, RecursionError):
        return data


def _told(text: Text) -> tuple[list[Told], list[ProbeRun]]:
    """The parts of every format that found something, and a run that says what each of them told."""
    told: list[Told] = []
    runs: list[ProbeRun] = []
    for each in FORMATS:
        began = perf_counter()
        try:
            parts = [(each.name, part) for part in each.parse(text) if _facts(part)]
        except Exception as mistake:  # noqa: BLE001 - what people paste may trip one format; the others still read it
            detail = f"the format could not be read: {type(mistake).__name__}: {mistake}"
            runs.append(ProbeRun(name=each.name, outcome=ProbeOutcome.CRASHED, seconds=0, detail=detail))
            continue
        if parts:
            told += parts
            facts = dict.fromkeys(fact for _, part in parts for fact in _facts(part))
            detail = ", ".join(fact.replace("_", " ") for fact in facts)
            seconds = round(perf_counter() - began, 4)
            runs.append(ProbeRun(name=each.name, outcome=ProbeOutcome.OK, seconds=seconds, detail=f"told: {detail}"))
    return told, runs


def _facts(part: msgspec.Struct) -> list[str]:
    return [field for field in part.__struct_fields__ if getattr(part, field) is not None]
