"""Text for shells and YAML: quoted, or refused with a reason."""

import json

import pytest

from envkit.planning.quoting import (
    UnquotableError,
    quote_cmd,
    quote_cmd_argument,
    quote_fish,
    quote_json,
    quote_markdown,
    quote_posix,
    quote_powershell,
    requirement_line,
)


@pytest.mark.parametrize(
    ("quote", "text", "quoted"),
    [
        pytest.param(quote_posix, "plain", "plain", id="posix plain"),
        pytest.param(quote_posix, "it's $(x)", "'it'\"'\"'s $(x)'", id="posix quote"),
        pytest.param(quote_powershell, "plain", "'plain'", id="powershell plain"),
        pytest.param(quote_powershell, "it's", "'it''s'", id="powershell quote"),
        pytest.param(quote_powershell, "it\u2019s", "'it\u2019\u2019s'", id="powershell typographic quote"),
        pytest.param(quote_cmd, "my env", "my env", id="cmd name"),
        pytest.param(quote_cmd_argument, "numpy<2", '"numpy<2"', id="cmd argument"),
        pytest.param(quote_posix, "=ls", "'=ls'", id="posix, which zsh would look up"),
        pytest.param(quote_fish, "plain", "'plain'", id="fish plain"),
        pytest.param(quote_fish, "it's \\ $(x)", "'it\\'s \\\\ $(x)'", id="fish quote and backslash"),
        pytest.param(quote_json, 'a "b": c', '"a \\"b\\": c"', id="json"),
        pytest.param(quote_json, "ünï", '"ünï"', id="json unicode"),
        pytest.param(quote_json, "\ufffe", '"\\ufffe"', id="json, what no YAML may hold"),
        pytest.param(quote_markdown, "a_b *c* <d>", "a\\_b \\*c\\* \\<d\\>", id="markdown"),
        pytest.param(requirement_line, "pandas[x]>=2", "pandas[x]>=2", id="requirement"),
    ],
)
def test_text_is_quoted_for_its_language(quote, text, quoted):
    assert quote(text) == quoted


@pytest.mark.parametrize("character", list('%"!^&|<>'))
def test_cmd_refuses_names_that_it_would_read_as_commands(character):
    with pytest.raises(UnquotableError, match="meaning of its own"):
        quote_cmd(f"a{character}b")


@pytest.mark.parametrize("character", list('%"'))
def test_cmd_refuses_arguments_that_quotes_do_not_hold(character):
    with pytest.raises(UnquotableError, match="meaning of its own"):
        quote_cmd_argument(f"a{character}b")


def test_cmd_refuses_what_its_code_page_may_lack():
    with pytest.raises(UnquotableError, match="code page"):
        quote_cmd("ünï")


def test_powershell_refuses_double_quotes():
    with pytest.raises(UnquotableError, match="double quote"):
        quote_powershell('a"b')


def test_cmd_refuses_a_backslash_that_hides_the_quote_behind_it():
    with pytest.raises(UnquotableError, match="backslash"):
        quote_cmd_argument("a\\")


@pytest.mark.parametrize("text", ["a\\", "a #b", "${HOME}"])
def test_requirements_refuse_what_pip_would_read_as_more_than_a_requirement(text):
    with pytest.raises(UnquotableError, match="no quotes"):
        requirement_line(text)


@pytest.mark.parametrize(
    "quote",
    [
        quote_posix,
        quote_fish,
        quote_powershell,
        quote_cmd,
        quote_cmd_argument,
        quote_json,
        quote_markdown,
        requirement_line,
    ],
)
@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x1b", "\x85", "\u2028", "\u202e", "\udc80"])
def test_no_language_takes_what_a_reader_cannot_see(quote, character):
    with pytest.raises(UnquotableError):
        quote(f"a{character}b")


def test_json_reads_back_what_was_quoted():
    assert json.loads(quote_json("a'b\\c: #d")) == "a'b\\c: #d"
