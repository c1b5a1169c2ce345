"""A page in Markdown: laid out on a terminal, as it is written where a program reads it."""

from rich.console import Console
from rich.markdown import Markdown

from envkit.render.text import clean


def print_markdown(out: Console, text: str) -> None:
    """Print a page, which may hold what a plugin says of itself."""
    if out.is_terminal:
        out.print(Markdown(clean(text)))
    else:
        out.file.write(clean(text))
