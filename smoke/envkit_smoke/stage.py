"""A stage of the run, on one device or on several together: what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

if TYPE_CHECKING:
    from envkit_smoke.network import Network
    from envkit_smoke.options import Options
    from envkit_smoke.reporter import Reporter


@dataclass(frozen=True)
class Bench:
    """A device to work on. ``device`` carries its index ("cuda:0"); ``synchronise`` waits until it is idle.

    ``network`` is what backprop trains instead of the textbook's.
    """

    torch: Any
    device: str
    options: Options
    reporter: Reporter
    synchronise: Callable[[], None]
    network: Network | None = None


Stage = Callable[[Bench], None]
"""Works on the device and tells the reporter; what it raises is a fault of smoke, not of the device."""


@dataclass(frozen=True)
class Benches:
    """The devices that were asked for, are there and have not failed; ``synchronise`` also has the CPU's."""

    devices: Sequence[str]
    options: Options
    reporter: Reporter
    synchronise: Mapping[str, Callable[[], None]]


JointStage = Callable[[Benches], None]
"""Works on all devices together; what it raises is a fault of smoke."""
