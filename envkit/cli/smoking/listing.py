"""`envkit smoke --list`: what can be asked for, and the devices of the target."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from envkit.bench.request import DTYPES, VARIANTS, WORKLOADS, Request
from envkit.cli.output import echo_json, waiting

if TYPE_CHECKING:
    from envkit.cli.smoking.asked import Asked
    from envkit.results import Results


def show_list(asked: Asked) -> int:
    """Print it, and return the exit code: 1 where torch does not tell its devices."""
    from envkit.bench import run_smoke
    from envkit.probes import find_interpreter

    target = find_interpreter(asked.python)
    with waiting("smoke") as show:
        show((f"torch in {target}",))
        results = run_smoke(target, Request(list_only=True), timeout=asked.timeout)
    if asked.as_json:
        from envkit.render.json import list_document

        echo_json(list_document(results, {"workloads": WORKLOADS, "dtypes": DTYPES, "variants": VARIANTS}))
    else:
        _print(results)
    return 0 if results.passed else 1


def _print(results: Results) -> None:
    from envkit.render.terminal.lines import Lines

    out = Lines(sys.stdout)
    devices = {one.device: one.name for one in results.devices}
    parts: dict[str, dict[str, str]] = {
        "workloads": WORKLOADS,
        "dtypes": DTYPES,
        "variants": VARIANTS,
        f"devices of {results.target}": devices,
    }
    for title, names in parts.items():
        out.line(title)
        out.facts((f"  {name}", told) for name, told in names.items())
        out.line()
    for error in results.errors:
        out.line(f"error  {error.kind}: {error.message}")
