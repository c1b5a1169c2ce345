"""Why other builds were not chosen, and answers for many machines, in the terminal."""

from collections.abc import Iterable

from envkit.planning.answers import Answer, Impossible
from envkit.planning.model import Other
from envkit.render.terminal.lines import Lines


def answer_text(found: Answer | Impossible) -> str:
    """Return an answer in one line."""
    if isinstance(found, Impossible):
        return f"impossible: {found.why}"
    return f"torch {found.torch} ({found.backend}) for Python {found.python} on {found.platform}"


def print_others(out: Lines, others: Iterable[Other]) -> None:
    """Print every reason once, with the builds that it kept out: newest release first, runs of releases as one."""
    told: dict[tuple[str, str], list[str]] = {}
    releases: dict[str, list[str]] = {}
    for other in others:
        told.setdefault((other.backend, other.why), []).append(other.torch)
        releases.setdefault(other.backend, []).append(other.torch)
    if not told:
        return
    out.line()
    out.line("not chosen, newest first:")
    out.facts(
        (f"{backend}  torch {_spans(torches, releases[backend])}", why) for (backend, why), torches in told.items()
    )


def _spans(torches: list[str], of_all: list[str]) -> str:
    """Return releases with runs that have no gap among all of the backend's as "2.14.1 to 2.9.0"."""
    spans: list[list[str]] = []
    known = list(dict.fromkeys(of_all))
    for torch in dict.fromkeys(torches):
        at = known.index(torch)
        if spans and at and known[at - 1] == spans[-1][-1]:
            spans[-1].append(torch)
        else:
            spans.append([torch])
    return ", ".join(span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans)
