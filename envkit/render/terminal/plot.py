"""A plot in plain characters: the measured against what limits it, on logarithmic axes.

Its own small code: of the libraries for it, one has no logarithmic axes and the other takes longer to import than
the plot to measure. Letters and signs of ASCII only, so that it reads in any terminal, without colour too.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, floor, log10
from typing import NamedTuple

HEIGHT = 12
_WIDEST = 100
_NARROWEST = 10


class Series(NamedTuple):
    """Points that belong together. A later series is drawn over an earlier one; `joined` draws lines between.

    What is `clipped` is drawn as far as the others reach down, and no further.
    """

    mark: str
    name: str
    points: Sequence[tuple[float, float]]
    joined: bool = False
    clipped: bool = False


class Axis(NamedTuple):
    """What one axis shows, and how its numbers are written."""

    title: str
    label: Callable[[float], str]
    logarithmic: bool = True

    def at(self, value: float) -> float:
        """Return the place of a value on the axis."""
        return log10(value) if self.logarithmic else value


class _Scale(NamedTuple):
    low: float
    high: float
    cells: int

    def cell(self, place: float) -> int:
        return round((place - self.low) / (self.high - self.low) * (self.cells - 1))


def render_plot(series: Sequence[Series], x: Axis, y: Axis, width: int, height: int = HEIGHT) -> list[str]:
    """Return the lines of a plot, none where there are not two different points.

    Values must be above 0 on a logarithmic axis.
    """
    placed = [[(x.at(a), y.at(b)) for a, b in one.points] for one in series]
    everything = [point for points in placed for point in points]
    if len({a for a, _ in everything}) < 2:
        return []
    least = min(
        (b for one, points in zip(series, placed, strict=True) if not one.clipped for _, b in points), default=0
    )
    y_scale = _scale([max(b, least) for _, b in everything], height, whole=y.logarithmic)
    ticks = _ticks(y_scale, y)
    margin = max(len(label) for _, label in ticks)
    x_scale = _scale([a for a, _ in everything], max(min(width, _WIDEST) - margin - 3, _NARROWEST), whole=False)
    canvas = [[" "] * x_scale.cells for _ in range(height)]
    for one, points in zip(series, placed, strict=True):
        for a, b in _filled(sorted(points), x_scale) if one.joined else points:
            if b >= y_scale.low:
                canvas[height - 1 - y_scale.cell(b)][x_scale.cell(a)] = one.mark
    labels = {height - 1 - y_scale.cell(place): label for place, label in ticks}
    body = [f"{labels.get(row, ''):>{margin}} |{''.join(cells)}".rstrip() for row, cells in enumerate(canvas)]
    legend = [f"{y.title}:", *(f"{one.mark} {one.name}" for one in series)]
    foot = [f"{'':{margin}} +{'-' * x_scale.cells}", " " * (margin + 2) + _x_labels(x_scale, x)]
    return [*_folded(legend, width), *body, *foot, f"{x.title:>{margin + 2 + x_scale.cells}}"]


def _folded(parts: Sequence[str], width: int) -> list[str]:
    """The parts side by side as far as there is room, none of them broken."""
    lines = [parts[0]]
    for part in parts[1:]:
        together = f"{lines[-1]}  {part}"
        lines[-1:] = [together] if len(together) <= width else [lines[-1], part]
    return lines


def _scale(places: Sequence[float], cells: int, *, whole: bool) -> _Scale:
    """From the least to the greatest place, `whole` to whole decades where those are near."""
    low, high = min(places), max(places)
    if whole:
        low, high = floor(low), ceil(high)
    return _Scale(low, high if high > low else low + 1, cells)


def _ticks(scale: _Scale, axis: Axis) -> list[tuple[float, str]]:
    if not axis.logarithmic:
        return [(place, axis.label(place)) for place in (scale.low, scale.high)]
    decades = range(ceil(scale.low), floor(scale.high) + 1)
    return [(place, axis.label(10.0**place)) for place in decades]


def _x_labels(scale: _Scale, axis: Axis) -> str:
    """The labels below the axis, each where it belongs, as many as have room."""
    line = [" "] * scale.cells
    free = 0
    for place, label in _ticks(scale, axis):
        begin = min(scale.cell(place), scale.cells - len(label))
        if begin >= free:
            line[begin : begin + len(label)] = label
            free = begin + len(label) + 2
    return "".join(line).rstrip()


def _filled(points: Sequence[tuple[float, float]], scale: _Scale) -> list[tuple[float, float]]:
    """The points and those on straight lines between them, one for each column."""
    filled = list(points[:1])
    for (a, b), (c, d) in pairwise(points):
        steps = max(1, scale.cell(c) - scale.cell(a))
        filled += [(a + (c - a) * step / steps, b + (d - b) * step / steps) for step in range(1, steps + 1)]
    return filled
