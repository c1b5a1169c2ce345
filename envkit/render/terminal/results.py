"""Smoke results in the terminal."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from envkit.render.terminal.layout import fact_table
from envkit.render.text import clean, duration, duration_range
from envkit.results import CheckResult, Results, SmokeError, Spread, WorkloadResult


def print_results(out: Console, results: Results, *, verbose: bool = False) -> None:
    """Print smoke results: verdict, a row a workload and device, what failed, what could not be run."""
    word, style = ("PASSED", "bold green") if results.passed else ("FAILED", "bold red")
    about = f"torch {results.torch or 'unknown'} on Python {results.python or 'unknown'}"
    out.print(Text.assemble((word, style), "  ", clean(f"{about}, {duration(results.seconds)} in all")))
    for result in results.results:
        out.print()
        _print_result(out, result, verbose=verbose)
    for error in results.errors:
        out.print()
        _print_smoke_error(out, error)


def _print_result(out: Console, result: WorkloadResult, *, verbose: bool) -> None:
    right = sum(check.passed for check in result.checks)
    word, style = ("right", "bold green") if result.passed else ("WRONG", "bold red")
    about = f": {right} of {len(result.checks)} checks passed"
    out.print(Text.assemble(clean(f"{result.workload} on {result.device}, {result.dtype}  "), (word, style), about))
    rows = [_check_row(check) for check in result.checks if verbose or not check.passed]
    if result.timing:
        rows += [("step", _spread(result.timing.step_seconds)), ("epoch", _spread(result.timing.epoch_seconds))]
    if result.training and result.training.optimum is not None and result.training.final_loss is not None:
        rows.append(("loss", f"{result.training.final_loss:.4g} at the end, {result.training.optimum:.4g} at best"))
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))


def _spread(spread: Spread) -> str:
    middle = duration_range(spread.p25, spread.p75, spread.median)
    return f"{duration(spread.median)} (median of {spread.count}; the middle half {middle})"


def _check_row(check: CheckResult) -> tuple[str, str]:
    known = check.error is not None and check.tolerance is not None
    measured = f"error {check.error:.3g}, allowed {check.tolerance:.3g}; " if known else ""
    return f"{check.name} {'right' if check.passed else 'WRONG'}", f"{measured}{check.detail}"


def _print_smoke_error(out: Console, error: SmokeError) -> None:
    about = " ".join(word for word in (error.workload, error.device) if word)
    out.print(Text.assemble((f"error  {error.kind}", "bold red"), clean(f"  {about}" if about else "")))
    rows = [("what", error.message)]
    if error.available:
        rows.append(("available", ", ".join(error.available)))
    out.print(Padding(fact_table(rows), (0, 0, 0, 2)))
