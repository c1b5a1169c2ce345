"""Is what torch itself depends on installed, in a release that torch takes?"""

from envkit import reading
from envkit.checks.fixes import in_target
from envkit.checks.requirements import Unmet, named_in, unmet
from envkit.checks.torch_install import check_torch_corrupt
from envkit.findings import Fact, Finding, Severity
from envkit.matrix import Matrix
from envkit.matrix.dependencies import Without
from envkit.snapshot import Snapshot


def check_torch_incomplete(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an installed torch without packages that its own metadata asks for, or with older ones than it asks for."""
    # Where it is damaged itself, it comes again with all it needs.
    lacking = () if check_torch_corrupt(snapshot, matrix) else unmet(snapshot)
    live = reading.runtime(snapshot)
    error = f"{live.error.type}: {live.error.message}" if live and live.error else ""
    named = named_in(error, lacking)
    if not lacking or (error and not named):
        return None  # an import that fails of something else is another check's matter
    from envkit.matrix.dependencies import without

    told = (*named, *lacking)
    first = next((one for one in told if one in named or without(one.name).vital), told[0])
    grave = first in named or (without(first.name).vital and first.too_old)
    return Finding(
        code="torch-corrupt",
        severity=Severity.ERROR if grave else Severity.WARNING,
        summary=f"what torch needs is not installed: {', '.join(one.name for one in lacking)}"
        if not any(one.version for one in lacking)
        else f"what torch needs is not there as it needs it: {', '.join(map(_short, lacking))}",
        cause=_cause(first, without(first.name), broken=first in named),
        expected="every package that the metadata of the installed torch names",
        facts=(
            *(Fact(one.name, f"torch needs {one.requirement}: {_here(one)}", "metadata") for one in lacking),
            *((Fact("import torch", reading.first_line(error), "live run"),) if named else ()),
        ),
        fix=in_target(
            snapshot,
            "install what torch needs and lacks; torch itself stays",
            ("install", *(one.requirement for one in lacking)),
            over=first.site,
        ),
        proven=True,
    )


def _short(one: Unmet) -> str:
    return f"{one.name} {one.version}".strip()


def _here(one: Unmet) -> str:
    return f"{one.version} is installed ({one.metadata})" if one.version else "not installed"


def _cause(first: Unmet, without: Without, *, broken: bool) -> str:
    if not first.version:
        return f"torch asks for {first.requirement}, which is not there; without it {without.fails}"
    effect = "`import torch` fails over it" if broken else f"without one that fits {without.fails}"
    return f"torch asks for {first.requirement}, and {first.name} {first.version} is installed; {effect}"


CHECKS = (check_torch_incomplete,)
