"""How near measured times come to what limits them: the ceilings of the same run, and the maker's data sheet.

The limits form a roofline (Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM
2009): a step that moves B bytes and does F operations takes at least max(B / bandwidth, F / rate). The share that is
attained is that time over the measured one. A limit that is unknown makes the share unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from envkit.matrix import Matrix
    from envkit.matrix.data_sheets import DataSheet
    from envkit.results import Ceiling, Point, Results


class Roof(NamedTuple):
    """What limits a device: bytes a second, and FLOP a second in one dtype; None where it is unknown."""

    bandwidth: float | None
    flops: float | None

    def seconds(self, point: Point) -> float | None:
        """Return the least time that a step of this size can take."""
        times = [
            count / rate if rate else None
            for count, rate in ((point.bytes, self.bandwidth), (point.flops, self.flops))
            if count
        ]
        known = [time for time in times if time is not None]
        return max(known) if known and len(known) == len(times) else None

    def share(self, point: Point) -> float | None:
        """Return how much of what is possible was attained, 1 being all."""
        least = self.seconds(point)
        return least / point.seconds.median if least and point.seconds.median else None


def measured_roof(results: Results, device: str, dtype: str) -> Roof:
    """Return the ceilings that the run measured; the copy's dtype says nothing, since it only moves bytes."""
    of_device = [one for one in results.ceilings if one.device == device]
    copies = [one.rate for one in of_device if one.of == "copy"]
    products = [one.rate for one in of_device if one.of == "matmul" and one.dtype == dtype]
    return Roof(max(copies, default=None), max(products, default=None))


def data_sheet(results: Results, device: str, matrix: Matrix) -> DataSheet | None:
    """Return the data sheet of a device; of processors there is none."""
    return None if device == "cpu" else matrix.data_sheets.of(results.name_of(device))


def sheet_roof(results: Results, device: str, dtype: str, matrix: Matrix) -> Roof:
    """Return what the maker says of a device."""
    sheet = data_sheet(results, device, matrix)
    return Roof(sheet.bandwidth, sheet.flops.get(dtype)) if sheet else Roof(None, None)


def ceiling_share(ceiling: Ceiling, results: Results, matrix: Matrix) -> float | None:
    """Return how much of its data sheet's figure a ceiling is."""
    roof = sheet_roof(results, ceiling.device, ceiling.dtype, matrix)
    limit = roof.bandwidth if ceiling.of == "copy" else roof.flops
    return ceiling.rate / limit if limit else None
