"""What file names give away of the machine that they are on: its system, Python, architecture. The weakest of words."""

import re
from collections.abc import Iterator

from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import EnvironmentKind

_UNIX_PYTHON = re.compile(r"/lib(?:64)?/python(\d\.\d{1,2})/(?:site|dist)-packages")
_WINDOWS_PYTHON = re.compile(
    r"[\\/]Python[\\/]?Python(\d)(\d{1,2})(-32)?[\\/]|[\\/]python(\d)(\d{1,2})(-32)?[\\/]", re.IGNORECASE
)
_WINDOWS = re.compile(r"(?<![\w/])[A-Za-z]:\\[\w .$~(){}-]{1,80}\\|\.dll\b|\[WinError \d|^PS [A-Z]:\\", re.MULTILINE)
_MACOS = re.compile(r"(?<![\w.])/Users/[\w.-]{1,60}/|\.dylib\b|/opt/homebrew/|/Library/Frameworks/Python\.framework")
_LINUX = re.compile(
    r"(?<![\w.:])/(?:home/[\w.*-]{1,60}|root|usr/(?:lib|local|bin|src|share)|opt/(?:conda|venv)|lib64|proc|dev|workspace|etc)/|/lib(?:64)?/python\d\.\d{1,2}/|\.so\.\d"
)
_SYSTEMS = (
    ("windows", (":\\", ".dll", "[WinError "), _WINDOWS),
    ("macos", ("/Users/", ".dylib", "/opt/homebrew/", "/Library/"), _MACOS),
    (
        "linux",
        ("/home/", "/root/", "/usr/", "/opt/", "/lib64/", "/proc/", "/dev/", "/workspace/", "/etc/", "/python", ".so."),
        _LINUX,
    ),
)
_MULTIARCH = re.compile(
    r"/(x86_64|aarch64)-linux-gnu/|/targets/(x86_64)-linux/|linux_(x86_64|aarch64)\b|[/-](arm)-(?:unknown-)?linux-gnueabihf\b"
)
_CONDA = re.compile(
    r"(?:ana|mini|mambaf?|miniforge|micromamba)conda\d?[/\\]|/opt/conda/|[/\\](?:miniforge|mambaforge)\d?[/\\]",
    re.IGNORECASE,
)
_DOCKER_PROMPT = re.compile(r"^\S{0,40}?root@[0-9a-f]{12}:", re.MULTILINE)
_COMPOSED = re.compile(r"^[\w.-]{1,60}[_-]\d{1,4} exited with code \d+$", re.MULTILINE)
_KUBERNETES = re.compile(r"KUBERNETES_SERVICE_HOST|/var/run/secrets/kubernetes|kubectl (?:exec|logs)")


def parse(text: Text) -> Iterator[Part]:
    """Yield what can be told from the names of files alone."""
    system = _system(text)
    if system:
        arch = _MULTIARCH.search(text.text) if system == "linux" and text.has("-linux", "linux_") else None
        wsl = 2 if text.has("/usr/lib/wsl/") else None
        yield Part(os=system, wsl=wsl, arch=next(filter(None, arch.groups())) if arch else None)
    if text.has("site-packages", "dist-packages", "ython3", "ython2"):
        yield from _python(text)
    container = _container(text)
    if container:
        yield Part(container=container)


def _system(text: Text) -> str | None:
    """The system whose paths are in the text; none when there are those of several."""
    found = [name for name, marks, signs in _SYSTEMS if text.has(*marks) and signs.search(text.text)]
    if found == ["macos", "linux"]:  # macOS has /usr and /opt too
        return "macos"
    return found[0] if len(found) == 1 else None


def _python(text: Text) -> Iterator[Part]:
    unix = _UNIX_PYTHON.search(text.text)
    windows = None if unix else _WINDOWS_PYTHON.search(text.text)
    kind = EnvironmentKind.CONDA if text.has("conda", "forge") and _CONDA.search(text.text) else None
    if unix:
        yield Part(python=unix[1], kind=kind)
    elif windows:
        major, minor, bits = windows[1] or windows[4], windows[2] or windows[5], windows[3] or windows[6]
        yield Part(python=f"{major}.{minor}", bits=32 if bits else None, kind=kind)


def _container(text: Text) -> str | None:
    if text.has("KUBERNETES", "kubernetes", "kubectl") and _KUBERNETES.search(text.text):
        return "kubernetes"
    composed = text.has("exited with code") and _COMPOSED.search(text.text)
    prompt = text.has("root@") and _DOCKER_PROMPT.search(text.text)
    return "docker" if composed or prompt else None
