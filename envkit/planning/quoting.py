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


def check_printable(text: str) -> str:
    """Return the text; raise `UnquotableError` when it holds what a reader could not see."""
    for character in text:
        if unicodedata.category(character) in _UNPRINTABLE or character in _REORDERING:
            name = unicodedata.name(character, "a control character")
            raise UnquotableError(f"it holds {name} (U+{ord(character):04X})")
    return text


def quote_posix(text: str) -> str:
    """Quote one word for sh, bash, dash and zsh."""
    return shlex.quote(check_printable(text))


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
    return f'"{check_printable(text)}"'


def quote_yaml(text: str) -> str:
    """Quote a YAML scalar: JSON's strings are YAML's too."""
    return json.dumps(check_printable(text), ensure_ascii=False)


def _refuse_in_cmd(text: str, special: str) -> None:
    found = next((character for character in text if character in special), None)
    if found:
        raise UnquotableError(f"cmd gives {found} a meaning of its own in `{text}`")
    if not text.isascii():
        raise UnquotableError(f"cmd reads files in the system's code page, which may not have `{text}`")
