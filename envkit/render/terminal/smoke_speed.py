"""How fast a device was: steps at the lecture's size, ceilings, the sweep of sizes, and the plots of both."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from envkit import attained, matrix
from envkit.render.terminal.columns import render_columns
from envkit.render.terminal.layout import fact_table
from envkit.render.terminal.plot import Axis, Series, render_plot
from envkit.render.text import amount, clean, duration, duration_range, percent
from envkit.results import Point, Results, Spread, WorkloadResult

_INDENT = 2
_NOISY = 0.05
"""A median absolute deviation above a twentieth of the median is said."""


def _print_lines(out: Console, lines: Sequence[str]) -> None:
    for line in lines:
        out.print(Text(" " * _INDENT + clean(line) if line else ""), no_wrap=True, crop=False, overflow="ignore")


def _print_remarks(out: Console, remarks: Iterable[str]) -> None:
    for remark in remarks:
        out.print(Padding(Text(clean(remark)), (0, 0, 0, _INDENT)))


# -- the lecture's size -----------------------------------------------------------------------------


def print_steps(out: Console, results: Sequence[WorkloadResult]) -> None:
    """Print the time of a training step at the lecture's size: a row a workload and dtype, a column a variant."""
    timed = [one for one in results if one.timing]
    variants = list(dict.fromkeys(one.variant or "step" for one in timed))
    times = {(one.workload, one.dtype, one.variant or "step"): one.timing.step_seconds for one in timed if one.timing}
    rows = [
        (f"{workload} {dtype}", *(_step(times.get((workload, dtype, variant))) for variant in variants))
        for workload, dtype in dict.fromkeys((one.workload, one.dtype) for one in timed)
    ]
    if rows:
        out.print()
        _print_lines(out, render_columns(("a step of the lecture", *variants), rows, out.width - _INDENT))
        _print_remarks(out, _spreads(times))


def _step(seconds: Spread | None) -> str:
    return duration(seconds.median) if seconds else "-"


def _spreads(times: dict[tuple[str, str, str], Spread]) -> Iterator[str]:
    """How sure the medians are, the least sure one in figures."""
    widest, seconds = max(times.items(), key=lambda item: _width(item[1]))
    low, high = seconds.interval
    known = f"medians of {seconds.count}; the widest interval, of {' '.join(widest)}: "
    yield f"{known}{duration(seconds.median)} ({duration_range(low, high, seconds.median)})"
    if seconds.between_runs is not None:
        yield f"between runs the medians differ by {percent(max(one.between_runs or 0 for one in times.values()))}"


def _width(seconds: Spread) -> float:
    low, high = seconds.interval
    return (high - low) / seconds.median if seconds.median else 0.0


def print_loss(out: Console, results: Sequence[WorkloadResult]) -> None:
    """Print how the loss came down, and how far from the closed-form optimum it ended."""
    trainings = [(one, one.training) for one in results if one.training and one.training.optimum]
    if not trainings:
        return
    shown, training = trainings[0]
    ends = [one.final_loss for _, one in trainings if one.final_loss is not None]
    others = f"; {len(ends)} trainings end between {min(ends):.4g} and {max(ends):.4g}" if len(set(ends)) > 1 else ""
    told = "not finite" if training.final_loss is None else f"{training.final_loss:.4g}"
    best = training.optimum or 0.0
    out.print()
    row = ("loss", f"{told} at the end, {best:.4g} at best{others}")
    out.print(Padding(fact_table([row]), (0, 0, 0, _INDENT)))
    losses = [(float(at + 1), loss) for at, loss in enumerate(training.losses) if loss is not None and loss > 0]
    optimum = [(1.0, best), (float(max(training.epochs, 2)), best)]
    _print_lines(
        out,
        render_plot(
            [Series(".", f"optimum, {best:.4g}", optimum, joined=True), Series("*", "loss", losses)],
            Axis("epoch", lambda value: f"{value:.0f}", logarithmic=False),
            Axis(f"{shown.workload} {shown.dtype} loss", lambda value: f"{value:g}"),
            out.width - _INDENT,
            8,
        ),
    )


# -- ceilings and the sweep -------------------------------------------------------------------------


def print_ceilings(out: Console, results: Results, device: str) -> None:
    """Print the best that the device did in this run, and how much of its data sheet that is."""
    rows = []
    for one in (one for one in results.ceilings if one.device == device):
        rate = f"{amount(one.rate)}{one.unit} ({amount(one.rate_low)} to {amount(one.rate_high)})"
        share = attained.ceiling_share(one, results, matrix.load())
        sheet = "" if device == "cpu" else f", {percent(share)} of the data sheet"
        rows.append((f"largest {one.of} {one.dtype}", f"{rate}{sheet}"))
    if rows:
        out.print()
        out.print(Padding(fact_table(rows), (0, 0, 0, _INDENT)))


def print_sweeps(out: Console, results: Results, device: str) -> None:
    """Print a table for each workload, dtype and variant that was swept, and a plot of the first of each workload."""
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in results.points:
        if point.device == device:
            groups.setdefault((point.workload, point.dtype, point.variant), []).append(point)
    plotted: set[str] = set()
    for (workload, dtype, variant), points in groups.items():
        out.print()
        _print_lines(out, [f"{workload} {dtype} {variant}, a step".strip()])
        _print_lines(out, _table(points, results, out.width - _INDENT))
        _print_remarks(out, _remarks(points))
        if workload not in plotted:
            plotted.add(workload)
            plot = _roofline(points, results, out.width - _INDENT)
            _print_lines(out, ["", *plot] if plot else [])


_SHEET = "of data sheet"
_HEADS = ("rows x width / batch", "step", "95 %", "samples/s", "B/s", "FLOP/s", "of ceiling", _SHEET, "bound by")


def _table(points: Sequence[Point], results: Results, width: int) -> list[str]:
    table = [_HEADS, *(_row(point, results) for point in points)]
    if points[0].device == "cpu":  # processors have no data sheet here
        table = [tuple(cell for head, cell in zip(_HEADS, row, strict=True) if head != _SHEET) for row in table]
    return render_columns(table[0], table[1:], width)


def _row(point: Point, results: Results) -> tuple[str, ...]:
    seconds = point.seconds.median
    low, high = point.seconds.interval
    own = attained.measured_roof(results, point.device, point.dtype)
    sheet = attained.sheet_roof(results, point.device, point.dtype, matrix.load())
    rates = (amount(count / seconds) if seconds else "-" for count in (point.samples, point.bytes, point.flops))
    shares = (percent(roof.share(point)) for roof in (own, sheet))
    mark = "*" if point.lowered_from else "!" if (point.seconds.noise or 0) > _NOISY else ""
    times = (f"{duration(seconds)}{mark}", duration_range(low, high, seconds))
    return (size_of(point.size), *times, *rates, *shares, point.bound_by or "unknown")


def size_of(size: dict[str, int]) -> str:
    """Return a size as "15 x 3 / 3": rows, width, rows of a batch."""
    shape = " x ".join(str(size[name]) for name in ("rows", "width") if name in size)
    return f"{shape} / {size['batch']}" if "batch" in size else shape


def _remarks(points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        if point.lowered_from:
            yield f"* out of memory at {size_of(point.lowered_from)}: lowered to {size_of(point.size)}"
    noisy = [point for point in points if (point.seconds.noise or 0) > _NOISY]
    if noisy:
        worst = max(point.seconds.noise or 0 for point in noisy)
        yield f"! noisy: half of the samples differ from the median by {percent(worst)} or more"
    outliers = sum(point.seconds.outliers or 0 for point in points)
    samples = sum(point.seconds.count for point in points)
    if outliers:
        yield f"{outliers} of {samples} samples were outliers; medians pass over them"
    apart = [point.seconds.between_runs for point in points if point.seconds.between_runs is not None]
    if apart:
        yield f"between runs the medians differ by {percent(max(apart))} and less"


def _roofline(points: Sequence[Point], results: Results, width: int) -> list[str]:
    """Time against what is moved or computed, with the least time that the device's own ceilings allow."""
    by_flops = sum(point.bound_by == "flops" for point in points) * 2 > len(points)
    count = "FLOP" if by_flops else "bytes"
    roof = attained.measured_roof(results, points[0].device, points[0].dtype)
    amounts = [(point, point.flops if by_flops else point.bytes) for point in points]
    least = [(float(at), seconds) for point, at in amounts if at > 0 and (seconds := roof.seconds(point))]
    measured = [(float(at), point.seconds.median) for point, at in amounts if at > 0 and point.seconds.median > 0]
    series = [Series(".", "roofline", least, joined=True, clipped=True)] if least else []
    return render_plot(
        [*series, Series("o", "measured", measured)],
        Axis(f"{count} a step", amount),
        Axis("seconds", duration),
        width,
    )
