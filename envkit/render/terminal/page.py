"""A page in Markdown: laid out on a terminal, as it is written where a program reads it."""

from rich.console import Console
from rich.markdown import Markdown


def print_markdown(out: Console, text: str) -> None:
    """Print a page."""
    if out.is_terminal:
        out.print(Markdown(text))
    else:
        out.file.write(text)
