"""No version of torch, CUDA, a driver or a GPU's code lives in code: the data files alone know them."""

import ast
import re
from pathlib import Path

import pytest

import envkit

ROOT = Path(envkit.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if "_payload" not in path.parts)

# A whole text that is a release (three numbers, a CUDA and its torch name, or a Python), a driver or an architecture.
# Texts for people, which give versions as examples, hold more than that; two numbers alone may be a glibc or a time.
_VERSION = re.compile(
    r"\d+\.\d+\.\d+|3\.\d\d?|.*Python\.3\.\d+|cu\d{3}|rocm\d\.\d(\.\d)?|(sm|compute)_\d{2,3}[af]?|1[0-9]\.\d|[45]\d\d\.\d+"
)


# envkit's own version; the two releases that the doctor always answers for, a question and no knowledge.
_ALLOWED = {"__init__.py": [repr(envkit.__version__)], "checks/availability.py": ["'11.8'", "'12.1'"]}


def versions_in(source):
    """Return the version literals of a module's code; docstrings are texts for people."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    prose = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, documented) or hasattr(node, "body")
        for statement in (node.body if isinstance(node.body, list) else ())
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }
    return [
        f"line {node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in prose
        and _VERSION.fullmatch(node.value)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_holds_no_version(module):
    found = [literal.partition(": ")[2] for literal in versions_in((ROOT / module).read_text("utf-8"))]
    assert found == _ALLOWED.get(module, [])


@pytest.mark.parametrize(
    "literal", ["2.5.1", "12.1", "cu121", "535.104", "sm_86", "rocm6.2", "3.12", "install Python.Python.3.12"]
)
def test_a_version_in_logic_is_found(literal):
    assert versions_in(f"if torch == {literal!r}:\n    pass") == [f"line 1: {literal!r}"]


def test_a_version_in_prose_is_none():
    assert versions_in('"""2.5.1"""\nhint = "give it as in `--torch 2.5.1`"') == []
