"""The matrix in the terminal: which builds of torch fit, best first, and what was learned."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from envkit.matrix.learned import Refreshed
from envkit.matrix.torch_releases import TorchTable
from envkit.matrix.versions import numbers
from envkit.planning.compatibility import Compatibility, Row
from envkit.render.terminal.layout import fact_table
from envkit.render.text import clean, counted

_VERDICT = {True: ("yes", "green"), False: ("no", "red"), None: ("?", "yellow")}


def print_compatibility(
    out: Console, found: Compatibility, torch: TorchTable, *, verbose: bool = False, one_release: bool = False
) -> None:
    """Print what the builds were held against, then those that fit; one release in full, with its reasons."""
    out.print(Text.assemble(("MATRIX", "bold green" if found.fitting else "bold red"), clean(f"  {_headline(found)}")))
    shown = found.rows if verbose or (one_release and len({row.torch for row in found.rows}) == 1) else ()
    if shown:
        _print_builds(out, shown, several=len(found.about.platforms) > 1, verbose=verbose)
    elif found.rows:
        _print_releases(out, found, torch.releases())
    out.print()
    if found.why:
        out.print(Text(clean(f"nothing fits: {found.why}"), style="bold"))
    out.print(fact_table(_notes(found, torch)))


def _headline(found: Compatibility) -> str:
    about = found.about
    platforms = ", ".join(about.platforms) if len(about.platforms) <= 2 else "any platform"
    python = f"Python {about.python}" if about.python else "any Python"
    driver = f"driver {about.driver}" if about.driver else ""
    gpus = counted((*map(str, about.gpus), *about.apple)) or (about.no_gpu and "no GPU")
    return ", ".join(part for part in (platforms, python, driver, gpus) if part)


# -- a line for each release --------------------------------------------------------------------


def _print_releases(out: Console, found: Compatibility, releases: Sequence[str]) -> None:
    about = found.about
    table = _table("torch", "builds that fit, best first", "needs driver", "Python")
    if len(about.platforms) > 1:
        table.add_column("platform", overflow="fold")
    cpu_alone = []
    mixed = any(row.backend != "cpu" for row in found.fitting)
    for torch, rows in _by_release(row for row in found.rows if row.fits is not False):
        if mixed and all(row.backend == "cpu" for row in rows):
            cpu_alone.append(torch)
            continue
        backends = dict.fromkeys(_backend(row, len(about.gpus)) for row in rows)
        cells: list[str | Text] = [
            Text(torch + ("*" if rows[0].learned else ""), style="bold"),
            ", ".join(backends),
            _lowest_driver(rows),
            list_pythons({python for row in rows for python in row.pythons}),
        ]
        if len(about.platforms) > 1:
            cells.append(", ".join(dict.fromkeys(row.platform for row in rows)))
        table.add_row(*cells)
    if table.row_count:
        out.print()
        out.print(table)
    if cpu_alone:
        out.print()
        out.print(Text(f"on the CPU alone: torch {_runs(cpu_alone, releases)}"))


def _backend(row: Row, gpus: int) -> str:
    return f"{row.backend} ({gpus - len(row.left_out)}/{gpus})" if row.left_out else row.backend


def _by_release(rows: Iterable[Row]) -> Iterable[tuple[str, list[Row]]]:
    return ((torch, list(of)) for torch, of in groupby(rows, key=lambda row: row.torch))


def _lowest_driver(rows: Sequence[Row]) -> str:
    """Return the oldest driver that any of the CUDA builds runs with, and that build."""
    known = [row for row in rows if row.min_driver]
    if not known:
        return ""
    first = min(known, key=lambda row: numbers(row.min_driver or ""))
    return str(first.min_driver)


def _runs(versions: Sequence[str], releases: Sequence[str]) -> str:
    """Return releases, those that follow each other shortened: "2.8.0 to 2.15.0"."""
    places = sorted(releases.index(version) for version in versions)
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    ends = ((releases[run[0]], releases[run[-1]]) for run in runs)
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in ends)


# -- a line for each build ----------------------------------------------------------------------


def _print_builds(out: Console, rows: Sequence[Row], *, several: bool, verbose: bool) -> None:
    table = _table("torch", "build", *(("platform",) if several else ()), "fits", "Python", "because")
    for row in rows:
        verdict, style = _VERDICT[row.fits]
        table.add_row(
            Text(row.torch + ("*" if row.learned else ""), style="bold"),
            row.backend,
            *((row.platform,) if several else ()),
            Text(verdict, style=style),
            list_pythons(row.pythons),
            Text(clean(_because(row, verbose=verbose))),
        )
    out.print()
    out.print(table)


def _because(row: Row, *, verbose: bool) -> str:
    facts = [row.why, *(f"no code for {gpu}" for gpu in row.left_out)]
    if row.fits and row.min_driver:
        facts.append(f"needs NVIDIA driver {row.min_driver} or newer")
    if row.fits and row.min_macos:
        facts.append(f"needs macOS {row.min_macos} or newer")
    if verbose:
        facts.append(f"code for {' '.join(row.archs)}" if row.archs else "code not recorded" if row.cuda else "")
        facts.append(f"glibc {row.min_glibc}" if row.min_glibc else "")
        facts.append("existence inferred" if row.inferred else "")
    return "; ".join(fact for fact in facts if fact)


# -- both ---------------------------------------------------------------------------------------


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in ("torch", "build", "fits"))
    return table


def _notes(found: Compatibility, torch: TorchTable) -> Iterable[tuple[str, str]]:
    if found.chosen:
        yield "create", f"`envkit create` takes torch {found.chosen[0]} ({found.chosen[1]}) for this machine"
    if any(row.left_out for row in found.rows):
        yield "1/2", "has code for one of the two GPUs, and so on: `-v` tells for which"
    if found.about.gpus:
        yield from (("gpu", told) for told in found.about.left_out)
    if found.about.no_gpu and not found.about.apple:
        yield "gpu", found.about.no_gpu
    elif any(gpu.kind == "cuda" for gpu in found.about.gpus) and found.rows and not any(row.cuda for row in found.rows):
        yield "gpu", f"torch has no CUDA build for {', '.join(found.about.platforms)}"
    if found.about.end_of_life:
        yield "python", f"{found.about.python} is looked after until {found.about.end_of_life}"
    releases = {row.torch for row in found.rows}
    if len(releases) == 1 and found.rows:
        row = found.rows[0]
        numpy = {True: "NumPy 1 and 2", False: "NumPy 1 only", None: "which NumPy is not known"}[row.numpy2]
        yield "goes with", ", ".join((*(f"{name} {release}" for name, release in row.companions.items()), numpy))
    if any(row.learned for row in found.rows):
        yield "*", f"learned from an index on {torch.learned_on[:10]}: what file names do not tell is not known"
    yield "tables", f"of {torch.generated}; `envkit matrix --refresh` learns what came since"


def list_pythons(pythons: Iterable[str]) -> str:
    """Return minors in order, runs of them shortened: "3.9-3.13, 3.13t"."""
    ordered = sorted(set(pythons), key=lambda python: (python.endswith("t"), numbers(python.removesuffix("t"))))
    runs: list[list[str]] = []
    for python in ordered:
        if runs and _follows(runs[-1][-1], python):
            runs[-1].append(python)
        else:
            runs.append([python])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _follows(one: str, other: str) -> bool:
    """Say whether a Python is the next minor of the same kind."""
    if one.endswith("t") != other.endswith("t"):
        return False
    first, second = numbers(one.removesuffix("t")), numbers(other.removesuffix("t"))
    return first[:1] == second[:1] and first[-1] + 1 == second[-1]


# -- what was learned ---------------------------------------------------------------------------


def print_refreshed(out: Console, refreshed: Refreshed) -> None:
    """Print what each index answered, and what was new."""
    rows = [(source.url, source.problem or f"{source.wheels} wheels of torch") for source in refreshed.sources]
    out.print(fact_table(rows))
    learned = refreshed.overlay.releases
    told = f"learned: torch {', '.join(learned)}" if learned else "nothing newer than what envkit ships"
    out.print(Text(clean(told), style="bold"))
    if refreshed.path:
        out.print(Text(clean(f"kept in {refreshed.path}")))
    for notice in refreshed.notices:
        out.print(Text(clean(f"note: {notice}"), style="yellow"))
    out.print()
