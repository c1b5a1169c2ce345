"""The plots of a smoke run as a file: time against size with the roofline, and the loss with its optimum.

Drawn by matplotlib without its global state. The same run gives the same bytes: no date is kept, the identifiers of an
SVG come from a fixed salt, letters are drawn as paths, and nobody's own settings are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit import attained
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from envkit.results import Point, Results, Training, WorkloadResult

_SETTINGS = {
    "svg.hashsalt": "envkit",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "legend.frameon": False,
}
_NO_DATE: dict[str, dict[str, Any]] = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}
_WIDTH, _HEIGHT = 4.6, 3.4
"""Inches of each plot."""


def draw(results: Results, path: Path) -> None:
    """Write the plots of a run; raise `EnvkitError` when there is nothing to draw or the file cannot be written."""
    rows = [(device, _panels(results, device)) for device in _devices(results)]
    rows = [(device, panels) for device, panels in rows if panels]
    if not rows:
        raise EnvkitError("there is nothing to plot: neither a loss nor a speed was measured")
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(panels) for _, panels in rows)
    settings: Any = {**mpl.rcParamsDefault, **_SETTINGS, "backend": "agg"}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(_WIDTH * columns, _HEIGHT * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for line, (device, panels) in zip(grid, rows, strict=True):
            for axes, panel in zip(line, panels, strict=False):
                panel(axes)
                axes.set_title(f"{device}  {results.name_of(device)}".strip(), loc="left", fontsize=9)
            for axes in line[len(panels) :]:
                axes.set_axis_off()
        _write(figure, path)


def _write(figure: Any, path: Path) -> None:
    suffix = path.suffix.lower()
    try:
        figure.savefig(path, format=suffix.removeprefix("."), dpi=150, metadata=_NO_DATE[suffix])
    except OSError as error:
        raise EnvkitError(f"{path} cannot be written: {error.strerror}", hint="name another file") from error


def _devices(results: Results) -> list[str]:
    return list(dict.fromkeys([*(one.device for one in results.results), *(one.device for one in results.points)]))


def _panels(results: Results, device: str) -> list[Any]:
    """What draws each plot of a device: one a workload that was swept, then the loss."""
    from functools import partial

    swept: dict[str, list[list[Point]]] = {}
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in results.points:
        if point.device == device:
            groups.setdefault((point.workload, point.dtype, point.variant), []).append(point)
    for (workload, _, _), points in groups.items():
        swept.setdefault(workload, []).append(points)
    trained = next(
        (one for one in results.results if one.device == device and one.training and one.training.optimum), None
    )
    sweeps = [partial(_draw_sweep, workload, groups, results) for workload, groups in swept.items()]
    loss = [partial(_draw_loss, trained, trained.training)] if trained and trained.training else []
    return [*sweeps, *loss]


def _draw_sweep(workload: str, groups: Sequence[Sequence[Point]], results: Results, axes: Any) -> None:
    """Time against size, one colour a dtype and variant, each with its own roofline as a dashed line."""
    by_flops = 2 * sum(one.bound_by == "flops" for points in groups for one in points) > sum(map(len, groups))
    for number, points in enumerate(groups):
        at = [point.flops if by_flops else point.bytes for point in points]
        times = [point.seconds.median for point in points]
        low, high = zip(*(point.seconds.interval for point in points), strict=True)
        errors = [[t - x for t, x in zip(times, low, strict=True)], [x - t for t, x in zip(times, high, strict=True)]]
        colour = f"C{number % 10}"
        name = f"{points[0].dtype} {points[0].variant}".strip()
        axes.errorbar(at, times, yerr=errors, fmt="o-", ms=4, lw=1, capsize=2, color=colour, label=name)
        roof = attained.measured_roof(results, points[0].device, points[0].dtype)
        floor = min(times) / 10
        line = [(x, s) for x, point in zip(at, points, strict=True) if (s := roof.seconds(point)) and s > floor]
        if line:
            axes.plot(*zip(*sorted(line), strict=True), "--", lw=1, color=colour, label=f"roofline {points[0].dtype}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"{workload}: {'FLOP' if by_flops else 'bytes'} a step")
    axes.set_ylabel("seconds a step")
    axes.legend()


def _draw_loss(result: WorkloadResult, training: Training, axes: Any) -> None:
    losses = [(epoch, loss) for epoch, loss in enumerate(training.losses, 1) if loss is not None and loss > 0]
    if losses:
        axes.plot(*zip(*losses, strict=True), lw=1, label=f"{result.dtype} {result.variant}".strip())
    axes.axhline(training.optimum, ls="--", lw=1, color="C3", label=f"closed-form optimum, {training.optimum:.4g}")
    axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"loss of {result.workload}")
    axes.legend()
