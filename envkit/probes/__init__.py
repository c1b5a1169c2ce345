"""Live facts, one file per source, gathered side by side, each with its own time limit.

A probe never judges. One that crashes, hangs or is left out becomes an `Unknown` section and a
`ProbeRun` that says so, and the others still answer.
"""

from functools import partial

from envkit.errors import EnvkitError
from envkit.probes.gathering import Gathering, Probe, WaitingFor
from envkit.probes.host import probe_host
from envkit.probes.nvidia import probe_cuda, probe_nvml
from envkit.probes.selection import choose_interpreter
from envkit.probes.target import Progress, probe_interpreter, probe_target, probe_torch
from envkit.snapshot import Absent

__all__ = ["Gathering", "WaitingFor", "find_interpreter", "start"]

FACTS_LIMIT = 20.0
"""Seconds for a probe that imports nothing of the target's."""
TOOLKIT_LIMIT = 4.0
"""Seconds for what builds extensions: who builds none need not wait for it."""
TORCH_LIMIT = 60.0
"""Seconds for the child that imports torch: a cold network file system needs most of a minute."""
DEEP_LIMIT = 1800.0
"""Seconds for reading every file of torch: several gigabytes, from the same file system."""


def start(
    python: str | None = None,
    *,
    quick: bool = False,
    deep: bool = False,
    packages: bool = True,
    timeout: float | None = None,
) -> Gathering:
    """Start every probe for the interpreter that `python` names and return at once.

    `quick` leaves out what imports torch and the sizes of its headers, `packages=False` also what is installed; `deep`
    reads every file of torch and compares its hash. `timeout` replaces the limit of every probe (seconds).
    Raise `EnvkitError` when `python` names no interpreter; an environment that has lost its
    interpreter is a fact, not an error.
    """
    choice = choose_interpreter(python)
    facts, torch = (FACTS_LIMIT, TORCH_LIMIT) if timeout is None else (timeout, timeout)
    machine = [
        Probe(("cuda",), partial(probe_cuda, facts), facts),
        Probe(("nvml",), partial(probe_nvml, facts), facts),
        Probe(("host",), probe_host, facts),
    ]
    if isinstance(choice, Absent):
        if not choice.environment:
            raise _no_interpreter(choice)
        return Gathering(machine, absent=dict.fromkeys(("target", "packages", "torch"), choice))
    if not packages:
        target = Probe(("target",), partial(probe_interpreter, choice, facts), facts)
        return Gathering([target, *machine], skipped=dict.fromkeys(("packages", "torch"), "not asked for"))
    target = Probe(("target", "packages"), partial(probe_target, choice, facts, quick=quick), facts)
    if deep:
        progress, limit = Progress(), timeout or DEEP_LIMIT
        read = partial(probe_target, choice, limit, deep=progress)
        target = Probe(("target", "packages"), read, limit, lambda: progress.told)
    if quick:
        return Gathering([target, *machine], skipped={"torch": "left out by --quick"})
    from envkit.probes.toolkit import probe_toolkit

    tools = min(TOOLKIT_LIMIT, facts)
    toolkit = Probe(("toolkit",), partial(probe_toolkit, tools), tools)
    # The slowest first: everything else happens beside it.
    return Gathering([Probe(("torch",), partial(probe_torch, choice, torch), torch), target, *machine, toolkit])


def find_interpreter(python: str | None = None) -> str:
    """Return the path of the interpreter that `python` names, by the doctor's own rule.

    Raise `EnvkitError` when it names none.
    """
    choice = choose_interpreter(python)
    if isinstance(choice, Absent):
        raise _no_interpreter(choice)
    return choice.executable


def _no_interpreter(choice: Absent) -> EnvkitError:
    return EnvkitError(choice.why, hint="name an interpreter: `--python PATH`, `--python 3.12`")
