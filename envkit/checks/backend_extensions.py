"""The extensions that `import torch` loads by itself (entry points of the group torch.backends): did one fail?"""

import re
from typing import NamedTuple

from envkit import reading
from envkit.checks.fixes import pip
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Fix
from envkit.snapshot import Distribution, Snapshot
from envkit.tracebacks import tracebacks_of

_FAILED = re.compile(r"Failed to load the backend extension: ([\w.-]+?)\.?(?=\s|$)")
_SWITCH = "TORCH_DEVICE_BACKEND_AUTOLOAD"
"""torch's own: with "0" it loads none of them."""


class FailedExtension(NamedTuple):
    """An extension over which the import of torch failed."""

    name: str
    """As its entry point is called, which is its package's name as a rule."""
    installed: Distribution | None
    why: str
    """The error that it ended with, "" where that is not told."""
    facts: tuple[Fact, ...]


def failed_extension(snapshot: Snapshot) -> FailedExtension | None:
    """Return the extension that torch says it could not load."""
    told = next((one for one in reading.said(snapshot) if _FAILED.search(one.text)), None)
    found = _FAILED.search(told.text) if told else None
    if told is None or found is None:
        return None
    name, installed = found[1], reading.packages(snapshot)
    copies = installed.named(re.sub(r"[-_.]+", "-", name).lower()) if installed else ()
    why = _own_error(snapshot)
    facts = (
        *(Fact(copy.name, copy.version, copy.metadata) for copy in copies[:1]),
        Fact("said", reading.first_line(told.text), told.source),
        *((Fact(name, why, "traceback"),) if why else ()),
    )
    return FailedExtension(name, copies[0] if copies else None, why, facts)


def _own_error(snapshot: Snapshot) -> str:
    """What the extension itself raised: torch's own error is the last of the chain."""
    live = reading.runtime(snapshot)
    chain = list(tracebacks_of(live.error)) if live and live.error else []
    own = next((one for one in reversed(chain) if not _FAILED.search(one.message)), None)
    return reading.first_line(f"{own.type}: {own.message}") if own else ""


def start_without(snapshot: Snapshot, failed: FailedExtension, *, misfit: bool) -> Fix:
    """Return the way out: torch without the extension, or an extension that fits and has what it needs."""
    torch = reading.installed_torch(snapshot)
    release = f"torch {torch.version}" if torch else "the installed torch"
    mend = (
        f"or install the release of {failed.name} that is for {release}, if there is one: its maker says which"
        if misfit
        else f"or bring {failed.name} what it misses: its maker's libraries, and the script that sets their paths"
    )
    name = failed.installed.name if failed.installed else failed.name
    return Fix(
        summary=f"let torch start without {failed.name}; torch itself stays as it is",
        commands=(shell_of(snapshot).set({_SWITCH: "0"}),),
        steps=(mend, f"where nothing here needs it: `{pip(snapshot, 'uninstall', name)}`"),
    )
