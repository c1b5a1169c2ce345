"""How each shell writes what a fix says: words quoted, variables set and unset."""

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple

from envkit import reading
from envkit.planning.quoting import (
    UnquotableError,
    quote_cmd_argument,
    quote_fish,
    quote_posix,
    quote_powershell,
)
from envkit.snapshot import Snapshot


class _Line(NamedTuple):
    """A line of several parts, all alike."""

    begin: str
    each: str
    between: str
    end: str = ""

    def write(self, parts: list[dict[str, str]]) -> str:
        """Return the line; nothing is quoted here."""
        return self.begin + self.between.join(self.each.format(**part) for part in parts) + self.end


class Shell(NamedTuple):
    """The writing of one kind of shell."""

    quote: Callable[[str], str]
    run: str
    """How a line that runs a program begins."""
    setting: _Line
    unsetting: _Line
    prepending: str
    """How a folder is put before the others of PATH."""
    user: str
    """The variable that holds the user's name."""
    listing: str
    """Lists the variables whose names hold a text."""
    open_files: str
    """Raises the limit of open files."""
    start_file: str
    """Where variables are set for good."""

    def command(self, *words: str) -> str:
        """Return the line that runs a program."""
        return self.run + " ".join(map(self.quote, words))

    def set(self, variables: Mapping[str, str]) -> str:
        """Return the line that sets environment variables for what is started afterwards."""
        told = [{"name": name, "value": self.quote(value), "raw": value} for name, value in variables.items()]
        return self.setting.write(told)

    def unset(self, *names: str) -> str:
        """Return the line that unsets environment variables."""
        return self.unsetting.write([{"name": name} for name in names])

    def prepend_path(self, folder: str) -> str:
        """Return the line that puts a folder before the others of PATH."""
        return self.prepending.format(folder=self.quote(folder), raw=folder)

    def moving(self, system: str) -> tuple[str, ...]:
        """Return the words that move a file, never onto another one: what has that name already is somebody's too."""
        if self.run and system == "windows":
            return ("mv",)  # PowerShell's own
        return ("move", "/-Y") if self is _CMD else ("mv", "-n")

    def list_variables(self, text: str) -> str:
        """Return the line that lists the variables whose names hold a text."""
        return self.listing.format(text=text)


_PLAIN = re.compile(r"[\w@+:./-][\w@%+=:,./-]*", re.ASCII)
_PLAIN_IN_CMD = re.compile(r"[\w+:./\\-]+", re.ASCII)
"""cmd splits the arguments of its own scripts, as conda's, at "=" and "," too."""


def _posix(word: str) -> str:
    try:
        return quote_posix(word)
    except UnquotableError:  # a name that cannot be shown as it is: then at least nothing is run that it holds
        return shlex.quote(word)


def _fish(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    try:
        return quote_fish(word)
    except UnquotableError:
        return shlex.quote(word)


def _csh(word: str) -> str:
    """Quote for a shell that recalls its history inside quotes too, and ends the line there at its end."""
    if _PLAIN.fullmatch(word):
        return word
    return shlex.quote(word).replace("!", "\\!").replace("\n", "\\\n")


def _powershell(word: str) -> str:
    try:
        return quote_powershell(word)
    except UnquotableError:
        return "'" + word.replace("'", "''") + "'"


def _cmd(word: str) -> str:
    if _PLAIN_IN_CMD.fullmatch(word):
        return word
    try:
        return quote_cmd_argument(word)
    except UnquotableError:
        return '"' + word.replace('"', '""') + '"'


_POSIX = Shell(
    quote=_posix,
    run="",
    setting=_Line("export ", "{name}={value}", " "),
    unsetting=_Line("unset ", "{name}", " "),
    prepending='export PATH={folder}:"$PATH"',
    user="$USER",
    listing="env | grep {text}",
    open_files="ulimit -n 65536",
    start_file="~/.bashrc",
)
_ZSH = _POSIX._replace(start_file="~/.zshrc")
_FISH = _POSIX._replace(
    quote=_fish,
    setting=_Line("set -gx ", "{name} {value}", "; set -gx "),
    unsetting=_Line("set -e ", "{name}", " "),
    prepending="set -gx PATH {folder} $PATH",
    start_file="~/.config/fish/config.fish",
)
_CSH = _POSIX._replace(
    quote=_csh,
    setting=_Line("setenv ", "{name} {value}", "; setenv "),
    unsetting=_Line("unsetenv ", "{name}", "; unsetenv "),
    prepending='setenv PATH {folder}:"$PATH"',
    open_files="limit descriptors 65536",
    start_file="~/.cshrc",
)
_POWERSHELL = Shell(
    quote=_powershell,
    run="& ",
    setting=_Line("$env:", "{name} = {value}", "; $env:"),
    unsetting=_Line("Remove-Item ", "Env:{name}", ", "),
    prepending="$env:PATH = {folder} + [IO.Path]::PathSeparator + $env:PATH",
    user="$env:USER",
    listing="Get-ChildItem Env:*{text}*",
    open_files="prlimit --pid $PID --nofile=65536",
    start_file="$PROFILE",
)
_CMD = Shell(
    quote=_cmd,
    run="",
    setting=_Line('set "', "{name}={raw}", '" & set "', '"'),
    unsetting=_Line('set "', "{name}=", '" & set "', '"'),
    prepending='set "PATH={raw};%PATH%"',
    user="%USERNAME%",
    listing="set | findstr {text}",
    open_files="",
    start_file="the user's environment variables",
)

_BY_NAME = {
    **dict.fromkeys(("sh", "bash", "dash", "ash", "ksh", "mksh"), _POSIX),
    "zsh": _ZSH,
    "fish": _FISH,
    **dict.fromkeys(("csh", "tcsh"), _CSH),
    **dict.fromkeys(("powershell", "pwsh"), _POWERSHELL),
    "cmd": _CMD,
}


def shell_of(snapshot: Snapshot) -> Shell:
    """Return the shell that the snapshot's user types into; where that is not known, what most have on that system."""
    machine = reading.host(snapshot)
    usual = _POWERSHELL if reading.system(snapshot) == "windows" else _POSIX
    return _BY_NAME.get((machine.shell if machine else None) or "", usual)
