"""`envkit diff`: it works on my machine, so what differs?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.options import Seconds
from envkit.cli.output import echo_json, waiting
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from envkit.differences import Side
    from envkit.snapshot import Snapshot

_EPILOG = """\b
Examples:
  envkit diff works.json broken.json      two snapshots (`envkit doctor --save`, `envkit collector`)
  envkit diff issue.txt .venv             a pasted collect_env, and an environment here
  envkit diff .venv other/bin/python
  envkit diff 3.11 3.12 --quick --json
  ssh HOST python3 - < collector.py | envkit diff - .venv

\b
Exit codes:
  0  nothing differs that can matter to torch
  1  something does
  2  usage
  3  envkit failed
  4  incomplete: nothing is known to differ, and not all is known
"""

_CODES = {"same": 0, "different": 1, "incomplete": 4}
_PROGRAMS = (b"\x7fELF", b"MZ", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How programs of Linux and Windows, scripts, and programs of macOS begin."""


@click.command("diff", epilog=_EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--quick", is_flag=True, help="of environments here: leave out what imports torch")
@click.option("--timeout", type=Seconds(), metavar="SECONDS", help="of environments here: limit of each probe")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("-v", "--verbose", is_flag=True, help="show what rarely matters too")
def command(a: str, b: str, *, quick: bool, timeout: float | None, as_json: bool, verbose: bool) -> int:
    """Tell what differs between two environments, that first which can matter to torch.

    Each is a file (a snapshot, what `doctor --json` printed, a pasted report; - for stdin) or an environment on this
    machine, named as for `doctor --python`.
    """
    if a == b == "-":
        raise click.UsageError("stdin holds one of the two: - stands for A or for B")
    from envkit.differences import compare

    look = partial(_look, quick=quick, timeout=timeout)
    with waiting("comparing") as show, ThreadPoolExecutor(2) as pool:
        show((a, b))
        left, right = pool.map(look, (a, b))
    found = compare(left, right)
    if as_json:
        from envkit.render.json import differences_document

        echo_json(differences_document(left, right, found))
    else:
        from envkit.render.terminal.differences import print_differences
        from envkit.render.terminal.lines import output

        print_differences(output(), left, right, found, verbose=verbose)
    return _CODES[found.verdict.value]


def _look(name: str, *, quick: bool, timeout: float | None) -> Side:
    """Return one of the two, with what the doctor says of it."""
    from envkit.cli.doctor import examine
    from envkit.differences import Side

    if _is_recorded(name):
        examined = examine(None, recorded=Path(name), show=False)
    else:
        examined = examine(name, quick=quick, timeout=timeout, show=False)
    return Side(_shown(name, examined.snapshot), examined.snapshot, examined.diagnosis)


def _is_recorded(name: str) -> bool:
    """Say whether a name is that of a file with facts; an interpreter is a file too."""
    if name == "-":
        return True
    try:
        with Path(name).open("rb") as file:
            return not file.read(4).startswith(_PROGRAMS)
    except FileNotFoundError:
        if Path(name).suffix in (".json", ".txt"):
            raise EnvkitError(f"there is no file {name}", hint="name a snapshot, a report or an environment") from None
        return False
    except OSError:  # a folder, or what may not be read: the doctor says what it is
        return False


def _shown(name: str, snapshot: Snapshot) -> str:
    """The name as it was typed, and of an environment the interpreter that was found for it."""
    python = getattr(snapshot.target, "executable", "")
    return name if _is_recorded(name) or not python or python == name else f"{name} ({python})"
