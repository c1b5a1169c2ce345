"""Foreign text made safe to show, and figures in units that people read."""

import unicodedata
from collections.abc import Iterable

_KEPT = "\n\t"


def clean(text: str) -> str:
    """Return text with control, format and bidirectional characters shown as escapes.

    What another program printed may hold terminal escapes; none of them reaches a terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _harmless(character) else _escape(character) for character in text)


def _harmless(character: str) -> bool:
    # Cc control, Cf format (bidi marks, zero width), Cs surrogate, Co private, Cn unassigned, Zl/Zp separators
    return character in _KEPT or (
        unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp")
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def size(count: int | None) -> str:
    """Return a number of bytes as "23.5 GiB", "unknown" for None."""
    if count is None:
        return "unknown"
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns"))


def _unit(seconds: float) -> tuple[float, str]:
    """The largest unit in which a time is at least one, as it is shown: 0.9996 s are 1 s, not 1000 ms."""
    return next((unit for unit in _UNITS if float(_figure(abs(seconds) * unit[0])) >= 1), _UNITS[-1])


def _figure(value: float) -> str:
    """Three digits, or all that stand before the point."""
    shown = f"{value:.3g}"
    return f"{value:.0f}" if "e+" in shown else shown


def duration(seconds: float | None) -> str:
    """Return seconds as "1.2 s", "35 ms", "74 µs"; "unknown" for None."""
    if seconds is None:
        return "unknown"
    factor, unit = _unit(seconds)
    return f"{_figure(seconds * factor)} {unit}"


def duration_range(low: float, high: float, like: float) -> str:
    """Return a range of seconds as "70 to 81", in the unit that `duration` takes for `like`."""
    factor, _ = _unit(like)
    return f"{_figure(low * factor)} to {_figure(high * factor)}"


def counted(names: Iterable[str]) -> str:
    """Return names with equal ones counted: "2 x A100, H100"."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items())


_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def amount(value: float) -> str:
    """Return a number as "1.23 G", "45 k", "7"."""
    factor, prefix = next((pair for pair in _PREFIXES if abs(value) >= 0.9995 * pair[0]), (1.0, ""))
    return f"{_digits(value / factor)} {prefix}".rstrip()


def _digits(value: float) -> str:
    """Three digits that count, never an exponent: 1e+03 is no figure that people read in a table."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float | None) -> str:
    """Return a part as "41 %", "0.3 %"; "unknown" for None."""
    if share is None:
        return "unknown"
    return f"{share * 100:.0f} %" if share >= 0.0995 else f"{share * 100:.1f} %"
