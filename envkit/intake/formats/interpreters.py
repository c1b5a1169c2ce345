"""Which Python each program of a report belongs to: pip's word on itself, `which`, `sys.executable`, `pip show`."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Launcher, ModuleOrigin

_MOST = 12

_PATH = r"(?:/|[A-Za-z]:[\\/]|~/)[^\n'\"`|]{2,300}?"
_PIP = re.compile(rf"pip \d[\d.]{{0,12}} from ({_PATH})[\\/]pip \(python (\d\.\d{{1,2}})\)")
_WHICH = re.compile(
    rf"(?:which|where|type|command -v|Get-Command)(?: -\w)? (pip|python|jupyter|ipython)[\d.]{{0,5}}"
    rf"(?:`|\s|=>|:)*?\n?\s*(?:\w+ is )?({_PATH})\s*$",
    re.MULTILINE,
)
_EXECUTABLE = re.compile(
    rf"(?:sys\.executable\)?|[Pp]ython executable:?)[ \t]*:?\s{{0,4}}(?:Out ?\[\d+\]: ?)?['\"]?({_PATH})['\"]?\s*$",
    re.MULTILINE,
)
_TORCH_FILE = re.compile(
    rf"torch\.__file__\)?['\"]?\s{{0,4}}\n\s*(?:Out ?\[\d+\]: ?)?['\"]?({_PATH})[\\/]torch[\\/]__init__\.py"
)
_LOCATION = re.compile(rf"^Name: torch\s*$(?:\n[^\n]*){{0,8}}?\nLocation: ({_PATH})\s*$", re.MULTILINE)
_SATISFIED = re.compile(rf"Requirement already satisfied: ([\w.-]{{1,60}})[^\n]{{0,60}}? in ({_PATH})[\\/]?(?:\s|$)")
_FOLDER = re.compile(
    r"(?P<prefix>.+?)[\\/](?:lib(?:64)?[\\/]python(?P<unix>\d\.\d{1,2})|lib)[\\/](?:site|dist)-packages", re.IGNORECASE
)
_PROGRAM = re.compile(
    r"(?P<prefix>.+?)[\\/](?:bin|Scripts)[\\/][\w.]+(?:\.exe)?|(?P<bare>.+?)[\\/]python\.exe", re.IGNORECASE
)

_USER_SITE = re.compile(
    r"((?:/[^\s'\":,]{1,200}?|~)/\.local/lib/python\d\.\d{1,2}/site-packages"
    r"|[A-Za-z]:[\\/][^\n'\":,]{1,120}?[\\/]AppData[\\/]Roaming[\\/]Python[\\/]Python\d{2,3}[\\/]site-packages)"
    r"[\\/](torch|torchvision|numpy)(?=[\\/'\"])",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(
    r"(?:^|[\s'\"(=])((?:/|[A-Za-z]:[\\/])[^\n'\":,;]{1,200}?(?:[\\/](?:anaconda|miniconda|miniforge|mambaforge|conda)\d?(?:[\\/]envs[\\/][^\s\\/'\":,]+)?"
    r"|[\\/]\.?conda[\\/]envs[\\/][^\s\\/'\":,]+|[\\/][^\s\\/'\":,]*v?env[^\s\\/'\":,]*|[\\/]python_embeded))"
    r"[\\/](?:lib|bin|Scripts|python\.exe)",
    re.IGNORECASE | re.MULTILINE,
)


def parse(text: Text) -> Iterator[Part]:
    """Yield the programs that the report tells the Python of, and a copy of torch in the user's own site folder."""
    found = tuple(dict.fromkeys(islice(_launchers(text), _MOST)))
    if found:
        yield Part(launchers=found)
    if text.has(".local/lib/python", "Roaming\\Python", "roaming\\python"):
        yield from _user_site(text)


def _launchers(text: Text) -> Iterator[Launcher]:
    for mark, pattern, tell in _SIGNS:
        if text.has(*mark):
            yield from (tell(match) for match in islice(pattern.finditer(text.text), _MOST))


def _by_itself(match: re.Match[str]) -> Launcher:
    return Launcher(program="pip", path=match[1], prefix=prefix_of(match[1]), version=match[2])


def _by_which(match: re.Match[str]) -> Launcher:
    return Launcher(program=match[1], path=match[2], prefix=prefix_of(match[2]))


def _by_executable(match: re.Match[str]) -> Launcher:
    return Launcher(program="python", path=match[1], prefix=prefix_of(match[1]))


def _with_torch(program: str) -> Callable[[re.Match[str]], Launcher]:
    return lambda match: Launcher(
        program=program, path=match[1], prefix=prefix_of(match[1]), version=_version(match[1]), has_torch=True
    )


def _by_satisfied(match: re.Match[str]) -> Launcher:
    has_torch = True if match[1] == "torch" else None
    folder = match[2]
    return Launcher(program="pip", path=folder, prefix=prefix_of(folder), version=_version(folder), has_torch=has_torch)


_SIGNS: tuple[tuple[tuple[str, ...], re.Pattern[str], Callable[[re.Match[str]], Launcher]], ...] = (
    (("(python ",), _PIP, _by_itself),
    (("which ", "where ", "type ", "command -v", "Get-Command"), _WHICH, _by_which),
    (("executable",), _EXECUTABLE, _by_executable),
    (("torch.__file__",), _TORCH_FILE, _with_torch("python")),
    (("Location: ",), _LOCATION, _with_torch("pip")),
    (("already satisfied",), _SATISFIED, _by_satisfied),
)


def prefix_of(path: str) -> str:
    """Return the environment that a site folder, or a program of it, lies in; "" when that cannot be told."""
    match = _FOLDER.match(path) or _PROGRAM.fullmatch(path.strip())
    if match is None:
        return ""
    groups = match.groupdict()
    return str(groups.get("prefix") or groups.get("bare") or "")


def _version(path: str) -> str:
    match = _FOLDER.match(path)
    return (match["unix"] or "") if match else ""


def _user_site(text: Text) -> Iterator[Part]:
    """A copy in the user's own site folder that is imported, though the report is of an environment."""
    user = _first(text, _USER_MARKS, _USER_SITE)
    environment = _first(text, _ENVIRONMENT_MARKS, _ENVIRONMENT) if user else None
    if user is None or environment is None:
        return
    origin = ("\\" if "\\" in user[1] else "/").join((user[1], user[2]))
    yield Part(
        modules=(ModuleOrigin(name=user[2], origin=origin, entry=user[1], way_in="user-site"),),
        launchers=(Launcher(program="environment", path=environment[1], prefix=environment[1]),),
    )


_USER_MARKS = (".local/lib/python", "oaming\\Python", "oaming\\python")
_ENVIRONMENT_MARKS = ("env", "conda", "forge", "python_embeded")
_MOST_LINES = 2_000


def _first(text: Text, marks: tuple[str, ...], pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The first match in a line with one of these marks; a long log repeats its paths."""
    likely = (line for line in text.lines if any(map(line.__contains__, marks)))
    return next((found for line in islice(likely, _MOST_LINES) if (found := pattern.search(line))), None)
