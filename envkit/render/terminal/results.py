"""Smoke results in the terminal: the verdict, then device by device what was right, how fast, and what limits it."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from envkit.findings import Finding
from envkit.render.terminal.layout import fact_table
from envkit.render.terminal.smoke_speed import print_ceilings, print_loss, print_steps, print_sweeps
from envkit.render.text import clean, duration, size
from envkit.results import CheckResult, Compared, Comparison, Conditions, Results, SmokeError, WorkloadResult


def print_results(
    out: Console,
    results: Results,
    findings: Sequence[Finding] = (),
    comparison: Comparison | None = None,
    *,
    verbose: bool = False,
) -> None:
    """Print smoke results: verdict, findings, a section a device, what could not be run, the comparison."""
    _print_verdict(out, results)
    for finding in findings:
        out.print()
        _print_finding(out, finding)
    for device in _devices(results):
        out.print()
        _print_device(out, results, device, verbose=verbose)
    _print_between(out, results)
    told = {finding.code for finding in findings}
    for error in (one for one in results.errors if _CODES.get(one.kind) not in told):
        out.print()
        _print_error(out, error)
    _print_skips(out, results, told)
    if comparison is not None:
        out.print()
        _print_comparison(out, comparison, verbose=verbose)


_CODES = {"device-died": "device-died", "device-hung": "device-died"}
"""Errors that a finding says all of."""


def _print_verdict(out: Console, results: Results) -> None:
    word, style = ("PASSED", "bold green") if results.passed else ("FAILED", "bold red")
    word, style = ("STOPPED", "bold yellow") if results.interrupted else (word, style)
    about = f"torch {results.torch or 'unknown'} on Python {results.python or 'unknown'}"
    runs = f"{results.runs} runs, " if results.runs > 1 else ""
    so_far = "; this was measured so far" if results.interrupted else ""
    out.print(Text.assemble((word, style), "  ", clean(f"{about}, {runs}{duration(results.seconds)} in all{so_far}")))


def _print_finding(out: Console, finding: Finding) -> None:
    styles = {"error": "bold red", "warning": "bold yellow"}
    word = Text(finding.severity.value, styles.get(finding.severity.value, "bold"))
    out.print(Text.assemble(word, clean(f"  {finding.code}: {finding.summary}")))
    rows = [("cause", finding.cause), *((fact.what, fact.value) for fact in finding.facts)]
    fix = finding.fix
    rows += [("fix", fix.summary), *(("", step) for step in fix.steps)] if fix else []
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))
    for command in fix.commands if fix else ():
        out.print(Text(f"      {clean(command)}"), soft_wrap=True)


def _devices(results: Results) -> list[str]:
    places = [one.device for one in results.results] + [one.device for one in results.ceilings]
    places += [one.device for one in results.points] + [one.device for one in results.networks]
    measured = set(places) - {"", "reference"}
    order = [name for name in results.requested if name in measured]
    return [*order, *sorted(measured - set(order))]


# -- a device ---------------------------------------------------------------------------------------


def _print_device(out: Console, results: Results, device: str, *, verbose: bool) -> None:
    mine = [one for one in results.results if one.device == device]
    checks = [check for one in mine for check in one.checks]
    right = sum(check.passed for check in checks)
    unfinished = not all(one.passed for one in mine)
    word = ("not finished", "bold yellow") if unfinished else ("right", "bold green")
    word = ("WRONG", "bold red") if right < len(checks) else word if mine else ("not verified", "bold yellow")
    name = results.name_of(device)
    told = f": {right} of {len(checks)} checks passed" if checks else ""
    out.print(Text.assemble(clean(f"{device}  {name}  " if name else f"{device}  "), word, told))
    for result in mine:
        _print_checks(out, result, verbose=verbose)
    conditions = [one for one in results.conditions if one.device == device]
    rows = [("conditions", text)] if (text := ", ".join(_conditions(conditions))) else []
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))
    print_steps(out, mine)
    print_loss(out, mine)
    _print_network(out, results, device)
    print_ceilings(out, results, device)
    print_sweeps(out, results, device)


def _print_checks(out: Console, result: WorkloadResult, *, verbose: bool) -> None:
    rows = [_check_row(check) for check in result.checks if verbose or not check.passed]
    if not rows and result.passed:
        return
    cut_short = "" if rows else "  cut short"
    out.print(Text(clean(f"  {result.workload} {result.dtype} {result.variant}".rstrip() + cut_short)))
    out.print(Padding(fact_table(rows), (0, 0, 0, 4)))


def _check_row(check: CheckResult) -> tuple[str, str]:
    known = check.error is not None and check.tolerance is not None
    measured = f"error {check.error:.3g}, allowed {check.tolerance:.3g}; " if known else ""
    return f"{check.name} {'right' if check.passed else 'WRONG'}", f"{measured}{check.detail}"


def _conditions(told: Sequence[Conditions]) -> Iterator[str]:
    """What else may have shaped the times, where it is known."""
    first = next((one for one in told if one.when == "before"), told[0] if told else None)
    if first is None:
        return
    yield from [f"{first.threads} threads"] if first.threads else []
    load = first.load_average
    if load is not None:
        # Half a processor that others keep busy is seen in the times.
        busy = " (other work makes times longer and less sure)" if load > 0.5 else ""
        yield f"load {load:.1f} before{busy}"
    if first.frequency_mhz is not None:
        yield f"{first.frequency_mhz:.0f} MHz"
    if first.governor is not None:
        saving = ", which keeps the clocks low" if first.governor == "powersave" else ""
        yield f"governor {first.governor}{saving}"


def _print_network(out: Console, results: Results, device: str) -> None:
    reference = next((one for one in results.networks if one.device == "reference"), None)
    rows = []
    for one in results.networks:
        if one.device == device:
            losses = ", ".join("not finite" if step.loss is None else f"{step.loss:.6g}" for step in one.steps[:5])
            more = f", ... ({len(one.steps)} steps)" if len(one.steps) > 5 else ""
            rows.append((f"network {one.dtype} {one.variant}".strip(), f"loss {losses}{more}"))
    if rows and reference:
        losses = ", ".join("not finite" if step.loss is None else f"{step.loss:.6g}" for step in reference.steps[:5])
        rows.append(("network reference", f"loss {losses}; each number of each step is in --json"))
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))


# -- between devices --------------------------------------------------------------------------------


def _print_between(out: Console, results: Results) -> None:
    rows = []
    for copy in results.copies:
        rate = f", {copy.bytes / copy.seconds.median / 1e9:.3g} GB/s" if copy.seconds and copy.seconds.median else ""
        word = "right" if copy.passed else "WRONG"
        rows.append((f"copy {copy.device} to {copy.to}", f"{word}, {size(copy.bytes)}{rate}"))
    for pair in results.together:
        slower = [
            f"{device} {duration(alone)} alone, {duration(pair.together.get(device))} together"
            for device, alone in pair.alone.items()
        ]
        rows.append((f"{pair.workload} together", "; ".join(slower)))
    for group in results.distributed:
        where = ", ".join(f"{one.rank} on {one.device}" for one in group.ranks)
        sums = group.all_reduce
        summed = f"; all-reduce of {size(sums.bytes)} in {duration(sums.seconds.median)}" if sums else ""
        rows.append(("distributed", f"{group.world} processes over {group.backend}: {where}{summed}"))
    if rows:
        out.print()
        out.print(fact_table(rows))


def _print_error(out: Console, error: SmokeError) -> None:
    about = " ".join(word for word in (error.workload, error.dtype, error.variant, error.device) if word)
    out.print(Text.assemble((f"error  {error.kind}", "bold red"), clean(f"  {about}" if about else "")))
    rows = [("what", error.message)]
    if error.available:
        rows.append(("available", ", ".join(error.available)))
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))


def _print_skips(out: Console, results: Results, found: set[str]) -> None:
    """Why something was not measured, each reason once with where it holds; what is a finding was told there."""
    places: dict[tuple[str, str], list[str]] = {}
    for skip in (one for one in results.skips if one.kind not in found):
        place = " ".join(filter(None, (skip.device, skip.workload, skip.dtype, skip.variant)))
        places.setdefault((skip.kind, skip.reason), []).append(place)
    if places:
        out.print()
        out.print(Text("not measured, and no fault of the numbers"))
    for (kind, reason), where in places.items():
        more = f" and {len(where) - 3} more" if len(where) > 3 else ""
        out.print(Padding(fact_table([(kind, f"{', '.join(where[:3])}{more}: {reason}")]), (0, 0, 0, 2)))


# -- against a saved run ----------------------------------------------------------------------------


def _print_comparison(out: Console, comparison: Comparison, *, verbose: bool) -> None:
    word, style = ("SLOWER", "bold red") if comparison.regressed else ("NOT SLOWER", "bold green")
    word, style = (word, style) if comparison.compared else ("NOT COMPARED", "bold yellow")
    slower = sum(one.regression for one in comparison.compared)
    faster = sum(one.improvement for one in comparison.compared)
    told = f"  than {comparison.with_file}: of {len(comparison.compared)} times {slower} longer, {faster} shorter"
    out.print(Text.assemble((word, style), clean(told)))
    rows = [_compared(one) for one in comparison.compared if verbose or one.regression or one.improvement]
    rows += [("not compared", reason) for reason in comparison.not_compared]
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))


def _compared(one: Compared) -> tuple[str, str]:
    word = "slower" if one.regression else "faster" if one.improvement else "same"
    ratio = f"x {one.ratio:.3f} ({one.low:.3f} to {one.high:.3f}), {duration(one.before)} to {duration(one.after)}"
    return f"{word}  {one.device}", f"{ratio}: {one.what}"
