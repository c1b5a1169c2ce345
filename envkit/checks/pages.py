"""The page of each diagnosis code: what it means, how it is detected, how to confirm it by hand, how to fix it."""

from pathlib import Path

from envkit.errors import EnvkitError

_PAGES = Path(__file__).parent / "pages"
SECTIONS = ("What it means", "How it is detected", "Confirm by hand", "Fix")


def codes() -> tuple[str, ...]:
    """Return every diagnosis code, sorted."""
    return tuple(sorted(page.stem for page in _PAGES.glob("*.md")))


def read_page(code: str) -> str:
    """Return the page of a code in Markdown; raise `EnvkitError`, which names the nearest, where there is none."""
    check_code(code)
    return (_PAGES / f"{code}.md").read_text("utf-8")


def check_code(code: str, by: str = "", others: tuple[str, ...] = ()) -> None:
    """Raise `EnvkitError`, which names the nearest, where there is no such code; `by` says who asked for it.

    `others` are those that plugins find.
    """
    known = (*codes(), *others)
    if code in known:
        return
    from difflib import get_close_matches

    near = get_close_matches(code, known, n=3, cutoff=0.3)
    hint = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else ""
    raise EnvkitError(
        f"{by and f'{by}: '}there is no diagnosis code `{code}`",
        hint=hint or "`envkit doctor --explain list` names all",
        exit_code=2,
    )


def render_list() -> str:
    """Return all codes in Markdown, a line each with the sentence that its page begins with."""
    return "\n".join(f"- `{code}`: {_first_sentence(code)}" for code in codes()) + "\n"


def _first_sentence(code: str) -> str:
    return read_page(code).split("\n\n")[1].replace("\n", " ")
