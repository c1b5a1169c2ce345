"""A diagnosis in the terminal."""

from collections.abc import Iterable

from envkit.findings import Availability, Diagnosis, Fact, Finding, Fix, Severity, Verdict, consequences
from envkit.render.terminal.lines import Lines, Rows, Style
from envkit.render.terminal.report import asked_rows, told_rows
from envkit.render.text import counted, duration, size
from envkit.snapshot import Absent, CudaDriver, Host, Interpreter, Nvml, Packages, Snapshot, TorchRuntime, Unknown

_VERDICT_STYLE = {Verdict.HEALTHY: Style.GOOD, Verdict.FAULTY: Style.BAD, Verdict.INCOMPLETE: Style.WARNING}
_WELL = "healthy"
"""Its facts are what was complained of."""
_SEVERITY_STYLE = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.WARNING, Severity.NOTE: Style.STRONG}


def print_diagnosis(out: Lines, diagnosis: Diagnosis, snapshot: Snapshot, *, verbose: bool = False) -> None:
    """Print a diagnosis: verdict, machine, findings, CUDA availability."""
    told = f"  {headline(diagnosis, snapshot)}"
    out.styled(diagnosis.verdict.value.upper(), _VERDICT_STYLE[diagnosis.verdict], told)
    out.line()
    out.facts(told_rows(snapshot, verbose=verbose) if snapshot.pasted else machine_rows(snapshot))
    follows = consequences(diagnosis.findings)
    for finding in diagnosis.findings:
        if finding.code in follows and not verbose:
            continue
        out.line()
        _print_finding(out, finding, verbose=verbose)
    if not snapshot.pasted or verbose:
        out.line()
        out.facts(availability_row(available) for available in diagnosis.cuda)
    if snapshot.pasted:
        _print_asks(out, diagnosis)
        return
    for missing in diagnosis.incomplete:
        out.line(f"not known: {missing}", Style.GAP)
    if diagnosis.ignored:
        told = ", ".join(f"{one.code} ({one.severity.value}; by {one.by})" for one in diagnosis.ignored)
        out.line(f"ignored: {told}", Style.GAP)


def _print_asks(out: Lines, diagnosis: Diagnosis) -> None:
    """Print what the report lacks to be sure; a check that failed is told too."""
    if diagnosis.asks:
        out.line()
        out.facts(asked_rows(diagnosis))
    for missing in diagnosis.incomplete[len(diagnosis.asks) :]:
        out.line(f"not known: {missing}", Style.GAP)


_ANSWERS = (_WELL, "gpu-absent")
"""Notes that answer whether the environment is right; others tell what may matter beside that."""


def headline(diagnosis: Diagnosis, snapshot: Snapshot) -> str:
    """Return the answer in one line, behind the verdict."""
    if diagnosis.findings and diagnosis.verdict is not Verdict.INCOMPLETE:
        told = diagnosis.findings[0]
        if diagnosis.verdict is not Verdict.HEALTHY or told.code in _ANSWERS:
            return told.summary
        if told.severity is Severity.WARNING:
            return f"with a warning: {told.summary}"
        answer = next((one for one in diagnosis.findings if one.code in _ANSWERS), None)
        return answer.summary if answer else f"to be noted: {told.summary}"
    if snapshot.pasted:
        first = diagnosis.findings[0].summary if diagnosis.findings else "no fault is seen"
        return f"{first}, as far as this report tells"
    return "some facts could not be had, so nothing is certain: " + "; ".join(diagnosis.incomplete)


def _print_finding(out: Lines, finding: Finding, *, verbose: bool) -> None:
    out.line(f"{finding.severity.value}  {finding.code}", _SEVERITY_STYLE[finding.severity])
    rows = [("cause", finding.cause)]
    if finding.expected:
        rows.append(("expected", finding.expected))
    if finding.severity is not Severity.NOTE or verbose or finding.code == _WELL:
        rows += _facts(finding.facts)
    if finding.explains:
        rows.append(("follows", f"{', '.join(finding.explains)} (a consequence: goes away with the cause)"))
    out.facts(rows, indent=2)
    if finding.fix:
        _print_fix(out, finding.fix)


def _facts(facts: Iterable[Fact]) -> Rows:
    for at, fact in enumerate(facts):
        yield "facts" if at == 0 else "", f"{fact.what}: {fact.value} ({fact.source})"


def _print_fix(out: Lines, fix: Fix) -> None:
    out.facts([("fix", fix.summary)], indent=2)
    for command in fix.commands:
        out.whole(command, Style.COMMAND, indent=6)
    for step in fix.steps:
        out.line(step, indent=6)


def machine_rows(snapshot: Snapshot) -> Rows:
    """Yield what was examined: target, torch, driver, host."""
    yield "target", _target(snapshot.target)
    yield "torch", _torch(snapshot.torch)
    yield from _files(snapshot.packages)
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
    answers = {True: "works", False: "fails", None: "was not used"}
    devices = ", ".join(f"{device.device} {answers[device.works]}" for device in torch.devices)
    build = f"CUDA {torch.cuda}" if torch.cuda else "no CUDA"
    imported = f", imported in {duration(torch.import_seconds)}" if torch.import_seconds is not None else ""
    return f"{torch.version} ({build}){imported}" + (f"; {devices}" if devices else "")


def _files(packages: Packages | Unknown) -> Rows:
    """What `--deep` read: silence would leave open whether it did."""
    found = packages.distributions if isinstance(packages, Packages) else ()
    hashed = [f"{one.damage.hashed:,} of {one.name}" for one in found if one.damage and one.damage.hashed]
    if hashed:
        yield "files", f"read and compared by hash: {', '.join(hashed)}"


def _driver(snapshot: Snapshot) -> str:
    if isinstance(snapshot.nvml, Absent) and isinstance(snapshot.cuda, Absent):
        return "no NVIDIA driver"
    nvml, cuda = snapshot.nvml, snapshot.cuda
    told = []
    if isinstance(nvml, Nvml) and nvml.error:
        told.append(f"NVML answers {nvml.error}")
    elif isinstance(nvml, Nvml):
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
        f"limited to {size(host.memory_limit)}" if host.memory_limit else None,
        f"disk {size(host.disk_free)} free",
        f"shared memory {size(host.shm_total)}" if host.shm_total is not None else None,
        f"in {host.container}" if host.container else None,
        f"WSL {host.wsl}" if host.wsl else None,
    )
    return ", ".join(part for part in parts if part)


def availability_row(available: Availability) -> tuple[str, str]:
    """Return a CUDA release, and whether it can be used."""
    runs = {True: "the driver runs it", False: "cannot run here", None: "unknown"}[available.driver_runs_it]
    releases = available.torch_releases
    if releases is None:
        brings = "which torch brings it depends on the Python, which is unknown"
    elif releases:
        brings = f"torch {releases[0]} to {releases[-1]} bring it for this Python and platform"
    else:
        brings = "no torch brings it for this Python and platform"
    installed = "; the installed torch is such a build" if available.installed else ""
    return f"CUDA {available.cuda}", f"{runs}: {available.why}; {brings}{installed}"
