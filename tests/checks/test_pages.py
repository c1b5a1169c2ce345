"""The pages of the diagnosis codes: one each, all of one shape, none for what no check names."""

import ast
from pathlib import Path

import pytest

from envkit import checks
from envkit.checks.pages import SECTIONS, codes, read_page, render_list
from envkit.errors import EnvkitError


def _strings_in_checks() -> set[str]:
    files = Path(checks.__file__).parent.glob("*.py")
    trees = [ast.parse(file.read_text("utf-8")) for file in files]
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("code", codes())
def test_a_page_has_all_its_sections_in_order(code: str) -> None:
    lines = read_page(code).splitlines()
    assert lines[0] == f"# {code}"
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == list(SECTIONS)


@pytest.mark.parametrize("code", codes())
def test_a_page_belongs_to_a_code_that_a_check_names(code: str) -> None:
    assert code in _strings_in_checks()


def test_a_code_without_a_page_is_refused_with_the_nearest() -> None:
    with pytest.raises(EnvkitError, match="driver-to-old") as refusal:
        read_page("driver-to-old")
    assert "`driver-too-old`" in refusal.value.hint


def test_the_list_has_a_line_for_each_code() -> None:
    assert len(render_list().splitlines()) == len(codes())
