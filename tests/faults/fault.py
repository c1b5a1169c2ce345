"""What a fault is: how it is planted, and what the doctor must say of it."""

from collections.abc import Callable
from typing import NamedTuple

from tests.faults.place import Place

Plant = Callable[[Place], object]


class Fault(NamedTuple):
    """A broken set-up (or, as a control, a sound one) and the answer that is right for it."""

    name: str
    plant: Plant
    code: str = ""
    """Of the first finding; "" where there is none to name, as nothing could be learned of the target."""
    exit: int = 1
    says: str = ""
    """What must stand in the first finding, or in what is told instead of one."""
    driver: bool = False
    """It needs the compiled stand-ins."""
    limit: float = 10.0
    """Seconds that it may take at most, on a machine that has more to do."""
    needs: tuple[str, ...] = ()
    """What it cannot be planted without: "modes", "mounts" (see needs.py), "python2.7", "shell fish"."""
    also: str = ""
    """Another code that is right where the machine differs."""
