"""Tables of figures for a terminal of any width: columns that do not fit go on below, beside the first ones again."""

from collections.abc import Sequence

_GAP = "  "


def render_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, keys: int = 1) -> list[str]:
    """Return the table's lines. The first `keys` columns say what a row is, and stand in every block.

    They are aligned to the left, all others to the right, as figures are.
    """
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    lines: list[str] = []
    for block in _blocks(widths, width, keys):
        lines += [""] if lines else []
        lines += [_line(row, widths, block, keys) for row in (heads, *rows)]
    return lines


def _blocks(widths: Sequence[int], width: int, keys: int) -> list[list[int]]:
    """The columns of each block: at least one figure, however narrow the terminal is."""
    used = sum(widths[:keys]) + len(_GAP) * (keys - 1)
    blocks: list[list[int]] = []
    left = 0
    for column in range(keys, len(widths)):
        needed = len(_GAP) + widths[column]
        if not blocks or needed > left:
            blocks.append([*range(keys)])
            left = width - used
        blocks[-1].append(column)
        left -= needed
    return blocks or [[*range(keys)]]


def _line(row: Sequence[str], widths: Sequence[int], block: Sequence[int], keys: int) -> str:
    cells = [row[at].ljust(widths[at]) if at < keys else row[at].rjust(widths[at]) for at in block]
    return _GAP.join(cells).rstrip()
