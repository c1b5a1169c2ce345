"""What a check is: facts and matrix in, a finding out where it finds something. It reads, and touches nothing."""

from collections.abc import Callable

from envkit.findings import Finding
from envkit.matrix import Matrix
from envkit.snapshot import Snapshot

Check = Callable[[Snapshot, Matrix], Finding | None]
