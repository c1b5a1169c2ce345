"""An environment in a line."""

from collections.abc import Mapping
from typing import Any

from envkit.render.text import clean

_VERDICT, _CODE = 10, 24


def render_line(told: Mapping[str, Any]) -> str:
    """Return the line of an environment: verdict, first code, interpreter, Python, torch."""
    python = f"Python {told['version']}" if told["version"] else "Python unknown"
    torch = f"torch {told['torch']}" if told["torch"] else "no torch"
    verdict, code = told["verdict"].value.upper(), told["code"] or "-"
    return clean(f"{verdict:<{_VERDICT}}  {code:<{_CODE}}  {told['python']}  {python}  {torch}")
