"""An environment in a line."""

from collections.abc import Mapping
from typing import Any

from envkit.findings import Severity, Verdict
from envkit.render.text import clean

_VERDICT, _CODE = 10, 24


def _is_warned(told: Mapping[str, Any]) -> bool:
    return any(one.code == told["code"] and one.severity is Severity.WARNING for one in told["findings"])


def render_line(told: Mapping[str, Any]) -> str:
    """Return the line of an environment: verdict, first code, interpreter, Python, torch."""
    python = f"Python {told['version']}" if told["version"] else "Python unknown"
    torch = f"torch {told['torch']}" if told["torch"] else "no torch"
    verdict, code = told["verdict"].value.upper(), told["code"] or "-"
    if told["verdict"] is Verdict.HEALTHY and _is_warned(told):
        code += " (warning)"
    return clean(f"{verdict:<{_VERDICT}}  {code:<{_CODE}}  {told['python']}  {python}  {torch}")
