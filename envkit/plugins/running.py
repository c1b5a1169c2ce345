"""Plugins at work: probes that add facts to a snapshot, checks that add findings to a diagnosis."""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import msgspec

from envkit import processes
from envkit.checks.pages import codes
from envkit.findings import Finding, Plugged
from envkit.plugins import Kind, Plugin, find_plugins, search_path
from envkit.probes import FACTS_LIMIT
from envkit.probes.framing import read_frames, unanswered
from envkit.snapshot import PLUGIN, ProbeOutcome, ProbeRun, Snapshot, encode

_CHILD = (
    # Before anything else is imported: a `json.py` of the current folder is not the standard library's.
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "import json; sys.path[:] = json.loads(sys.argv[1]); "
    "from envkit.plugins.child import main; main(*sys.argv[2:])"
)


class _Answer(NamedTuple):
    """What a plugin answered, or why it did not."""

    plugin: Plugin
    value: Any
    run: ProbeRun


Wanted = Callable[[str], bool]
"""Says of the name of a plugin whether it is to be started."""


def start_probes(timeout: float | None, wanted: Wanted) -> Callable[[Snapshot], Snapshot]:
    """Start the probes that are wanted and return what adds their facts to a snapshot."""
    probes = _plugins(Kind.PROBE, wanted)
    pool = ThreadPoolExecutor(len(probes) or 1)
    asked = [pool.submit(_ask, plugin, b"", timeout or FACTS_LIMIT) for plugin in probes]

    def add(snapshot: Snapshot) -> Snapshot:
        answers = [one.result() for one in asked]
        facts = {one.plugin.name: one.value for one in answers if one.run.outcome is ProbeOutcome.OK}
        runs = (*snapshot.probes, *(one.run for one in answers))
        return msgspec.structs.replace(snapshot, plugins=facts, probes=runs)

    return add


def run_checks(snapshot: Snapshot, timeout: float | None, wanted: Wanted) -> Plugged:
    """Let each check that is wanted look at the snapshot."""
    checks = _plugins(Kind.CHECK, wanted)
    ask = partial(_ask, given=encode(snapshot), limit=timeout or FACTS_LIMIT)
    with ThreadPoolExecutor(len(checks) or 1) as pool:
        told = [_finding(answer) for answer in pool.map(ask, checks)]
    findings = tuple(one for one in told if isinstance(one, Finding))
    return Plugged(findings, tuple(one for one in told if isinstance(one, str)))


def _plugins(kind: Kind, wanted: Wanted) -> list[Plugin]:
    return [plugin for plugin in find_plugins() if plugin.kind is kind and wanted(plugin.name)]


def _finding(answer: _Answer) -> Finding | str | None:
    """Return what a check found, or in words why it gave no answer."""
    who = answer.run.name
    if answer.run.outcome is not ProbeOutcome.OK:
        return f"{who}: {answer.run.detail}"
    if answer.value is None:
        return None
    try:
        finding = msgspec.convert(answer.value, Finding)
    except msgspec.ValidationError as nonsense:
        return f"{who}: what it found is no finding: {nonsense}"
    if finding.code != answer.plugin.name and finding.code not in codes():
        return f"{who}: it found {finding.code!r}, which is neither its own name nor a code of envkit's"
    return finding


def _ask(plugin: Plugin, given: bytes, limit: float) -> _Answer:
    token = "envkit-" + os.urandom(8).hex()
    arguments = (json.dumps(search_path()), token, plugin.kind.value, plugin.value)
    completed = processes.run((sys.executable, "-B", "-c", _CHILD, *arguments), timeout=limit, given=given)
    said = next((facts for _, facts in read_frames(completed.stdout, token.encode())), None)
    outcome, detail, value = ProbeOutcome.OK, "", None
    if said is None:
        silent = unanswered(completed, "it")
        outcome, detail = silent.outcome, silent.why
    elif "failed" in said:
        outcome, detail = ProbeOutcome.FAILED, str(said["failed"])
    else:
        value = said["answer"]
    run = ProbeRun(name=PLUGIN + plugin.name, outcome=outcome, seconds=round(completed.seconds, 4), detail=detail)
    return _Answer(plugin, value, run)
