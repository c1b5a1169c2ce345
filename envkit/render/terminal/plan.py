"""A plan and its making in the terminal: what was decided and why, then how it goes."""

from collections.abc import Mapping

from rich.console import Console
from rich.status import Status
from rich.text import Text

from envkit.planning.model import Plan
from envkit.render.terminal.layout import fact_table
from envkit.render.text import clean, duration


def print_plan(out: Console, plan: Plan) -> None:
    """Print what was decided, each decision with the constraint that decided it."""
    headline = f"  torch {plan.torch} ({plan.backend}) for Python {plan.python} on {plan.platform}"
    out.print(Text.assemble((plan.manager.value.upper(), "bold green"), clean(headline)))
    out.print()
    out.print(fact_table((reason.decides, f"{reason.choice}: {reason.because}") for reason in plan.reasons))


def print_files(out: Console, names: tuple[str, ...], left_out: Mapping[str, str]) -> None:
    """Print which further files there are, and which could not be written."""
    if names or left_out:
        out.print()
    if names:
        out.print(Text(clean(f"`--output DIR` also writes {', '.join(names)}")))
    for name, why in left_out.items():
        out.print(Text.assemble(("left out  ", "bold yellow"), clean(f"{name}: {why}")))


_SPINNER_WIDTH = 3


class StepProgress:
    """Tells the steps of a plan as they go: a line each, and on a terminal what is being done right now."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._heading = ""
        self._status: Status | None = None

    def __enter__(self) -> "StepProgress":  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self._hide()

    def started(self, name: str, number: int, total: int) -> None:
        """Tell that a step begins."""
        self._heading = clean(f"{number}/{total}  {name}")
        if self._out.is_terminal:
            self._status = Status(self._line(""), console=self._out, spinner="line")
            self._status.start()
        else:
            self._out.print(Text(self._heading))

    def said(self, line: str) -> None:
        """Show the last line of the step's output; a pipe is spared them."""
        if self._status is not None and line.strip():
            self._status.update(self._line(clean(line.strip())))

    def ended(self, seconds: float) -> None:
        """Tell that the step succeeded."""
        self._hide()
        self._out.print(Text.assemble(self._heading, ("  done", "green"), f" in {duration(seconds)}"))

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, said: str) -> Text:
        line = Text.assemble(self._heading, (f"  {said}", "dim"))
        line.truncate(self._out.width - _SPINNER_WIDTH, overflow="ellipsis")
        return line
