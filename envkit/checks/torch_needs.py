"""Is what torch itself depends on installed?"""

from typing import TYPE_CHECKING

from envkit import reading
from envkit.checks.fixes import in_target
from envkit.checks.requirements import required
from envkit.checks.torch_install import check_torch_corrupt
from envkit.findings import Fact, Finding, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Distribution, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement


def check_torch_incomplete(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an installed torch without packages that its own metadata asks for."""
    # Where it is damaged itself, it comes again with all it needs.
    lacking = () if check_torch_corrupt(snapshot, matrix) else tuple(_lacking(snapshot))
    live = reading.runtime(snapshot)
    error = f"{live.error.type}: {live.error.message}" if live and live.error else ""
    named = [wanted.name for wanted in lacking if f"'{wanted.name}'" in error.replace("_", "-")]
    if not lacking or (error and not named):
        return None  # an import that fails of something else is another check's matter
    from envkit.matrix.dependencies import without

    first = lacking[0]
    first = next((one for one in lacking if one.name in named or without(one.name).vital), first)
    return Finding(
        code="torch-corrupt",
        severity=Severity.ERROR if named or without(first.name).vital else Severity.WARNING,
        summary=f"what torch needs is not installed: {', '.join(one.name for one in lacking)}",
        cause=f"torch asks for {first.name}{first.specifier}, which is not there; "
        f"without it {without(first.name).fails}",
        expected="every package that the metadata of the installed torch names",
        facts=(
            *(Fact(one.name, f"torch needs {one.name}{one.specifier}: not installed", "metadata") for one in lacking),
            *((Fact("import torch", reading.first_line(error), "live run"),) if named else ()),
        ),
        fix=in_target(
            snapshot,
            "install what torch needs and lacks; torch itself stays",
            ("install", *(f"{one.name}{one.specifier}" for one in lacking)),
        ),
    )


def _lacking(snapshot: Snapshot) -> "Iterator[Requirement]":
    installed = reading.packages(snapshot)
    copies = [copy for copy in reading.imported_torch(snapshot) if _tells_its_needs(copy)]
    if installed is None or not installed.complete or installed.unreadable or not copies:
        return
    there = {one.name for one in installed.distributions}
    yield from required(snapshot, copies[0].requires, lambda name: _is_ours(name) and name not in there)


def _tells_its_needs(copy: Distribution) -> bool:
    """Conda has names of its own for some of them, and sees to them itself."""
    return copy.name == "torch" and copy.installer != "conda"


def _is_ours(name: str) -> bool:
    """Say whether it is no matter of another check, and the default index has it."""
    return not name.startswith(("nvidia-", "pytorch-triton", "triton-"))


CHECKS = (check_torch_incomplete,)
