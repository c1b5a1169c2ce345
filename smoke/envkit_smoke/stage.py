"""A stage of the run on one device: what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

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
