"""Markdown for an issue tracker: short, folded, and foreign text stays text whatever is in it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from envkit.findings import Diagnosis, Finding, Fix, consequences
from envkit.render.terminal.diagnosis import availability_row, headline, machine_rows
from envkit.render.terminal.report import asked_rows, told_rows
from envkit.render.text import amount, clean, duration, duration_range, size
from envkit.results import Comparison, Results, SmokeError, WorkloadResult
from envkit.snapshot import Interpreter, Snapshot

Lines = Iterator[str]
Rows = Iterable[tuple[str, str]]

_MARKUP = re.compile(r"([\\`*{}\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_]))")
_AT_THE_START = re.compile(r"^(\d+)([.)])(?=\s|$)|^([#+=:-])")
# GitHub looks for people and issues in what is rendered, where a backslash is gone: a word joiner keeps them text.
_MENTION = re.compile(r"(?<!\w)(@|#|GH-)(?=\w)")
_MOST_FAILED, _MOST_ROWS, _MOST_LOSSES = 10, 30, 5


def text(foreign: str) -> str:
    """Return foreign text on one line, with nothing in it that Markdown takes for markup."""
    line = " ".join(clean(foreign).split())
    line = _MARKUP.sub(r"\\\1", line)
    line = _AT_THE_START.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", line)
    return _MENTION.sub("\\1\N{WORD JOINER}", line)


def fenced(lines: Iterable[str], language: str = "") -> Lines:
    """Yield a block of code whose fence is longer than any in it."""
    told = [line for each in lines for line in clean(each).splitlines() or [""]]
    longest = max((len(run) for line in told for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", *told, fence)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    """Yield a table; nothing where there are no rows."""
    told = [" | ".join(map(text, row)) for row in rows]
    if told:
        yield from (f"| {' | '.join(head)} |", f"|{'---|' * len(head)}")
        yield from (f"| {row} |" for row in told)


def folded(summary: str, lines: Iterable[str]) -> Lines:
    """Yield what is shown on demand; nothing where there is none of it."""
    told = list(lines)
    if told:
        # What stands inside is Markdown only between empty lines.
        yield from ("<details>", f"<summary>{_html(summary)}</summary>", "", *told, "", "</details>", "")


def _html(foreign: str) -> str:
    """A tag's line is HTML to its end: no backslash counts in it."""
    return _MENTION.sub("\\1\N{WORD JOINER}", escape(" ".join(clean(foreign).split())))


# -- the doctor ----------------------------------------------------------------------------------------


def render_diagnosis(diagnosis: Diagnosis, snapshot: Snapshot) -> str:
    """Return a diagnosis: the verdict, its cause with the fix, and all the rest folded."""
    return _page(_diagnosis(diagnosis, snapshot))


def _diagnosis(diagnosis: Diagnosis, snapshot: Snapshot) -> Lines:
    yield from (f"**{diagnosis.verdict.value.upper()}** {text(headline(diagnosis, snapshot))}", "")
    follows = consequences(diagnosis.findings)
    first, rest = diagnosis.findings[:1], diagnosis.findings[1:]
    for finding in first:
        yield from _finding(finding, snapshot)
    for finding in (one for one in rest if one.code not in follows):
        yield from folded(_title(finding), _finding(finding, snapshot, titled=False))
    behind = [finding for finding in rest if finding.code in follows]
    yield from folded(
        f"{len(behind)} more that follow from it", (f"- `{one.code}`: {text(one.summary)}" for one in behind)
    )
    rows = told_rows(snapshot) if snapshot.pasted else machine_rows(snapshot)
    yield from folded("read of the report" if snapshot.pasted else "the machine", table(("", ""), rows))
    if not snapshot.pasted:
        yield from folded("which CUDA can be used", table(("", ""), map(availability_row, diagnosis.cuda)))
    gaps = [("ask for", row) for _, row in asked_rows(diagnosis)]
    gaps += [("not known", missing) for missing in diagnosis.incomplete[len(diagnosis.asks) :]]
    gaps += [("ignored", f"{one.code} ({one.severity.value}; by {one.by})") for one in diagnosis.ignored]
    yield from folded("what is not known, or does not count", table(("", ""), gaps))


def _title(finding: Finding) -> str:
    return f"{finding.severity.value} {finding.code}: {finding.summary}"


def _finding(finding: Finding, snapshot: Snapshot | None = None, *, titled: bool = True) -> Lines:
    if titled:
        yield from (f"**{finding.severity.value}** `{finding.code}`", "")
    yield from (text(finding.cause), "")
    yield from [f"- expected: {text(finding.expected)}"] if finding.expected else []
    facts = [f"- {text(fact.what)}: {text(fact.value)} ({text(fact.source)})" for fact in finding.facts]
    yield from (*facts[:_MOST_ROWS], "")
    if finding.fix:
        yield from _fix(finding.fix, snapshot)


def _fix(fix: Fix, snapshot: Snapshot | None) -> Lines:
    yield from (f"Fix: {text(fix.summary)}", "")
    if fix.commands:
        yield from (*fenced(fix.commands, _language(snapshot)), "")
    yield from (f"{at}. {text(step)}" for at, step in enumerate(fix.steps, 1))
    yield ""


def _language(snapshot: Snapshot | None) -> str:
    target = snapshot.target if snapshot else None
    windows = isinstance(target, Interpreter) and target.platform_tag.startswith("win")
    return "powershell" if windows else "sh"


def _page(lines: Iterable[str]) -> str:
    """Never two empty lines in a row, which separate no more than one does."""
    told: list[str] = []
    for line in lines:
        if line or (told and told[-1]):
            told.append(line)
    return "\n".join(told).strip("\n") + "\n"


# -- smoke ---------------------------------------------------------------------------------------------


def render_results(results: Results, findings: Sequence[Finding] = (), comparison: Comparison | None = None) -> str:
    """Return smoke results: the verdict, a line a device, what failed; times and the rest folded."""
    return _page(_results(results, findings, comparison))


def _results(results: Results, findings: Sequence[Finding], comparison: Comparison | None) -> Lines:
    word = "STOPPED" if results.interrupted else "PASSED" if results.passed else "FAILED"
    about = f"torch {results.torch or 'unknown'} on Python {results.python or 'unknown'}"
    yield from (f"**{word}** {text(about)}, {duration(results.seconds)} in all", "")
    for finding in findings:
        yield from _finding(finding)
    yield from (*table(("device", "", "right"), _devices(results)), "")
    yield from (*(f"- WRONG {line}" for line in _wrong(results)), "")
    for error in results.errors:
        yield from _error(error)
    yield from (*table(("", "", ""), _between(results)), "")
    yield from folded("a step of the lecture", table(_STEP_HEAD, (_step(one) for one in results.results if one.timing)))
    ceilings = [
        (one.device, f"largest {one.of} {one.dtype}", f"{amount(one.rate)}{one.unit}") for one in results.ceilings
    ]
    yield from folded("the most that the devices did", table(("device", "", "rate"), ceilings))
    skips = dict.fromkeys((one.kind, one.device or "", one.reason) for one in results.skips)
    yield from folded("not measured, and no fault of the numbers", table(("", "device", "why"), [*skips][:_MOST_ROWS]))
    if comparison is not None:
        yield from _comparison(comparison)


def _devices(results: Results) -> Iterator[tuple[str, str, str]]:
    for device in dict.fromkeys(one.device for one in results.results):
        checks = [check for one in results.results if one.device == device for check in one.checks]
        told = f"{sum(check.passed for check in checks)} of {len(checks)} checks"
        yield device, results.name_of(device), told


def _between(results: Results) -> Iterator[tuple[str, str, str]]:
    """What no single training tells: networks that were given, copies, processes that work together."""
    for one in results.networks[:_MOST_ROWS]:
        losses = ["not finite" if step.loss is None else f"{step.loss:.6g}" for step in one.steps]
        more = f", ... ({len(losses)} steps)" if len(losses) > _MOST_LOSSES else ""
        told = f"loss {', '.join(losses[:_MOST_LOSSES])}{more}"
        yield f"network on {one.device}", f"{one.dtype} {one.variant}".strip(), told
    for copy in results.copies:
        yield f"copy {copy.device} to {copy.to}", "right" if copy.passed else "WRONG", size(copy.bytes)
    for group in results.distributed:
        where = ", ".join(f"{one.rank} on {one.device}" for one in group.ranks)
        yield "distributed", f"{group.world} processes over {group.backend}", where


def _wrong(results: Results) -> Iterator[str]:
    failed = [(one, check) for one in results.results for check in one.checks if not check.passed]
    for one, check in failed[:_MOST_FAILED]:
        known = check.error is not None and check.tolerance is not None
        measured = f": error {check.error:.3g}, allowed {check.tolerance:.3g}" if known else ""
        about = " ".join(filter(None, (one.device, one.workload, one.dtype, one.variant, check.name)))
        yield text(f"{about}{measured} {check.detail}".strip())
    if len(failed) > _MOST_FAILED:
        yield f"and {len(failed) - _MOST_FAILED} more"


def _error(error: SmokeError) -> Lines:
    about = " ".join(filter(None, (error.kind, error.device, error.workload, error.dtype, error.variant)))
    yield from (f"**error** {text(about)}: {text(error.message)}", "")
    if error.last_words:
        yield from folded("its last words", fenced([error.last_words], "text"))


_STEP_HEAD = ("device", "workload", "dtype", "variant", "median", "interval")


def _step(one: WorkloadResult) -> tuple[str, ...]:
    assert one.timing is not None  # noqa: S101 - asked for above
    seconds = one.timing.step_seconds
    interval = duration_range(*seconds.interval, seconds.median)
    return (one.device, one.workload, one.dtype, one.variant, duration(seconds.median), interval)


def _comparison(comparison: Comparison) -> Lines:
    word = "SLOWER" if comparison.regressed else "NOT SLOWER" if comparison.compared else "NOT COMPARED"
    changed = [one for one in comparison.compared if one.regression or one.improvement]
    told = f"than {comparison.with_file}: {len(changed)} of {len(comparison.compared)} times changed"
    yield from (f"**{word}** {text(told)}", "")
    rows = [
        (one.device, one.what, f"x {one.ratio:.3f}", duration(one.before), duration(one.after))
        for one in sorted(changed, key=lambda one: -one.ratio)
    ]
    yield from folded("times that changed", table(("device", "what", "ratio", "before", "after"), rows[:_MOST_ROWS]))
