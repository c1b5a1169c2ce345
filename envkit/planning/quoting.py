"""Text made safe for each language that a recipe is written in, or refused with a reason."""

import json
import re
import shlex
import unicodedata


class UnquotableError(ValueError):
    """The text cannot be written in that language; the message says why."""


# Control characters, surrogates, line and paragraph separators: no name on one line holds them.
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
# These show the text around them in another order than a shell reads it in.
_REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CMD_SPECIAL = '%"!^&|<>'
_CMD_SPECIAL_IN_QUOTES = '%"'
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
# Within a line: at its beginning more would mean something.
_MARKDOWN_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|$]")
# YAML's readers stop at these two, but know them by their numbers.
_NO_CHARACTERS = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})


def check_printable(text: str) -> str:
    """Return the text; raise `UnquotableError` when it holds what a reader could not see."""
    for character in text:
        if unicodedata.category(character) in _UNPRINTABLE or character in _REORDERING:
            name = unicodedata.name(character, "a control character")
            raise UnquotableError(f"it holds {name} (U+{ord(character):04X})")
    return text


def quote_posix(text: str) -> str:
    """Quote one word for sh, bash, dash and zsh."""
    # zsh puts the path of a program in the place of "=program".
    return f"'{text}'" if re.fullmatch(r"=[\w@%+=:,./-]*", check_printable(text)) else shlex.quote(text)


def quote_fish(text: str) -> str:
    """Quote one word for fish, which knows two escapes inside single quotes."""
    return "'" + check_printable(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_powershell(text: str) -> str:
    """Quote one word for PowerShell, which also takes typographic quotes for quotes."""
    if '"' in text:
        raise UnquotableError("PowerShell 5 loses a double quote on its way to another program")
    return "'" + _POWERSHELL_QUOTES.sub(lambda found: found.group() * 2, check_printable(text)) + "'"


def quote_cmd(text: str) -> str:
    """Return a name or path for use inside cmd's double quotes and as a variable's value."""
    _refuse_in_cmd(text, _CMD_SPECIAL)
    return check_printable(text)


def quote_cmd_argument(text: str) -> str:
    """Quote one argument for a program run by cmd, where "<" and ">" are plain inside the quotes."""
    _refuse_in_cmd(text, _CMD_SPECIAL_IN_QUOTES)
    if text.endswith("\\"):
        raise UnquotableError(f"a program takes the backslash and the quote after it for a quote: `{text}`")
    return f'"{check_printable(text)}"'


def quote_json(text: str) -> str:
    """Quote a string for JSON, which is how TOML, YAML and the lists of a Dockerfile write it too."""
    return json.dumps(check_printable(text), ensure_ascii=False).translate(_NO_CHARACTERS)


def quote_markdown(text: str) -> str:
    """Return text that Markdown shows as it is in the middle of a line, its marks behind a backslash."""
    return _MARKDOWN_SPECIAL.sub(r"\\\g<0>", check_printable(text))


def requirement_line(text: str) -> str:
    """Return a line for requirements.txt, in which pip knows continued lines, comments and variables."""
    if text.endswith("\\") or " #" in text or "${" in text:
        raise UnquotableError(f"requirements.txt has no quotes to hold `{text}`")
    return check_printable(text)


def _refuse_in_cmd(text: str, special: str) -> None:
    found = next((character for character in text if character in special), None)
    if found:
        raise UnquotableError(f"cmd gives {found} a meaning of its own in `{text}`")
    if not text.isascii():
        raise UnquotableError(f"cmd reads files in the system's code page, which may not have `{text}`")
