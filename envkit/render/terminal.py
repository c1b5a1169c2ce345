"""The terminal: the verdict first, then the root cause and its fix, then the facts."""

import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from envkit.findings import Availability, Diagnosis, Fact, Finding, Fix, Severity, Verdict
from envkit.render.text import clean, counted, duration, duration_range, size
from envkit.results import CheckResult, Results, SmokeError, Spread, WorkloadResult
from envkit.snapshot import Absent, CudaDriver, Host, Interpreter, Nvml, Snapshot, TorchRuntime, Unknown

_VERDICT_STYLE = {
    Verdict.HEALTHY: "bold green",
    Verdict.FAULTY: "bold red",
    Verdict.INCOMPLETE: "bold yellow",
}
_SEVERITY_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold"}

_Rows = Iterable[tuple[str, str]]


def console(*, stderr: bool = False) -> Console:
    """Return a console for stdout or stderr; colour only where a person looks (NO_COLOR is respected)."""
    stream = sys.stderr if stderr else sys.stdout
    # Rich takes 80 columns for a pipe; an unwrapped pipe is easier to grep.
    width = None if stream.isatty() or "COLUMNS" in os.environ else 100
    return Console(stderr=stderr, highlight=False, emoji=False, markup=False, width=width)


def _table(rows: _Rows) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(clean(name), style="dim"), Text(clean(value)))
    return table


# -- doctor -------------------------------------------------------------------------------------


def print_diagnosis(out: Console, diagnosis: Diagnosis, snapshot: Snapshot, *, verbose: bool = False) -> None:
    """Print a diagnosis: verdict, machine, findings, CUDA availability."""
    headline = _headline(diagnosis)
    out.print(Text.assemble((diagnosis.verdict.value.upper(), _VERDICT_STYLE[diagnosis.verdict]), "  ", headline))
    out.print()
    out.print(_table(_machine(snapshot)))
    consequences = {code for finding in diagnosis.findings for code in finding.explains}
    for finding in diagnosis.findings:
        if finding.code in consequences and not verbose:
            continue
        out.print()
        _print_finding(out, finding, verbose=verbose)
    out.print()
    out.print(_table(_availability(available) for available in diagnosis.cuda))
    for missing in diagnosis.incomplete:
        out.print(Text(clean(f"not known: {missing}"), style="yellow"))


def _headline(diagnosis: Diagnosis) -> str:
    if diagnosis.findings and diagnosis.verdict is not Verdict.INCOMPLETE:
        return clean(diagnosis.findings[0].summary)
    return "some facts could not be had, so nothing is certain: " + clean("; ".join(diagnosis.incomplete))


def _print_finding(out: Console, finding: Finding, *, verbose: bool) -> None:
    style = _SEVERITY_STYLE[finding.severity]
    out.print(Text.assemble((f"{finding.severity.value}  {finding.code}", style)))
    rows = [("cause", finding.cause)]
    if finding.expected:
        rows.append(("expected", finding.expected))
    if finding.severity is not Severity.NOTE or verbose:
        rows += _facts(finding.facts)
    if finding.explains:
        rows.append(("follows", f"{', '.join(finding.explains)} (a consequence: goes away with the cause)"))
    out.print(Padding(_table(rows), (0, 0, 0, 2)))
    if finding.fix:
        _print_fix(out, finding.fix)


def _facts(facts: Iterable[Fact]) -> _Rows:
    for at, fact in enumerate(facts):
        yield "facts" if at == 0 else "", f"{fact.what}: {fact.value} ({fact.source})"


def _print_fix(out: Console, fix: Fix) -> None:
    out.print(Padding(_table([("fix", fix.summary)]), (0, 0, 0, 2)))
    for command in fix.commands:
        # Unwrapped, so that a copied command is whole.
        out.print(Text(f"      {clean(command)}", style="cyan"), soft_wrap=True)
    for step in fix.steps:
        out.print(Padding(Text(clean(step)), (0, 0, 0, 6)))


def _machine(snapshot: Snapshot) -> _Rows:
    yield "target", _target(snapshot.target)
    yield "torch", _torch(snapshot.torch)
    yield "driver", _driver(snapshot)
    yield "host", _host(snapshot.host)


def _target(target: Interpreter | Absent | Unknown) -> str:
    if not isinstance(target, Interpreter):
        return target.why
    kind = f"Python {target.version}, {target.bits} bit, {target.kind.value}"
    return f"{target.executable} ({kind}; {target.chosen_by})"


def _torch(torch: TorchRuntime | Absent | Unknown) -> str:
    if not isinstance(torch, TorchRuntime):
        return torch.why
    if torch.error:
        return f"import fails: {torch.error.type}: {torch.error.message}"
    if torch.died_of:
        return f"{torch.version or 'import'}: {torch.died_of} in stage {torch.stage!r}"
    devices = ", ".join(f"{device.device} {'works' if device.works else 'fails'}" for device in torch.devices)
    build = f"CUDA {torch.cuda}" if torch.cuda else "no CUDA"
    return f"{torch.version} ({build}), imported in {duration(torch.import_seconds)}; {devices}"


def _driver(snapshot: Snapshot) -> str:
    if isinstance(snapshot.nvml, Absent) and isinstance(snapshot.cuda, Absent):
        return "no NVIDIA driver"
    nvml, cuda = snapshot.nvml, snapshot.cuda
    told = []
    if isinstance(nvml, Nvml):
        names = counted(device.name or "?" for device in nvml.devices or ()) or "no device"
        told.append(f"{nvml.driver_version or 'version unknown'}, CUDA {nvml.cuda_version or 'unknown'}: {names}")
    elif isinstance(nvml, Unknown):
        told.append(f"NVML: {nvml.why}")
    if isinstance(cuda, CudaDriver):
        told.append(f"cuInit answers {cuda.init_error}")
    else:
        told.append(f"libcuda: {cuda.why}")
    return "; ".join(told)


def _host(host: Host | Unknown) -> str:
    if not isinstance(host, Host):
        return host.why
    parts = (
        host.os_name or host.os,
        host.arch,
        host.libc,
        f"{host.cpus} CPUs" if host.cpus else None,
        f"memory {size(host.memory_total)}, {size(host.memory_available)} free",
        f"disk {size(host.disk_free)} free",
        f"shared memory {size(host.shm_total)}" if host.shm_total is not None else None,
        f"in {host.container}" if host.container else None,
        f"WSL {host.wsl}" if host.wsl else None,
    )
    return ", ".join(part for part in parts if part)


def _availability(available: Availability) -> tuple[str, str]:
    runs = {True: "the driver runs it", False: "cannot run here", None: "unknown"}[available.driver_runs_it]
    releases = available.torch_releases
    brings = f"torch {releases[0]} to {releases[-1]} bring it" if releases else "no torch brings it"
    installed = "; the installed torch is such a build" if available.installed else ""
    return (
        f"CUDA {available.cuda}",
        f"{runs}: {available.why}; {brings} for this Python and platform{installed}",
    )


# -- smoke --------------------------------------------------------------------------------------


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
    out.print(Padding(_table(rows), (0, 0, 0, 2)))


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
    out.print(Padding(_table(rows), (0, 0, 0, 2)))
