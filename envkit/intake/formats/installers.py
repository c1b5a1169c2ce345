"""pip, uv and conda: what they say of the interpreter that they install into, and of the system."""

import re
from collections.abc import Iterator

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import EnvironmentKind

_PIP_VERSION = re.compile(r"pip \d+[\d.]{0,12} from (\S[^\n]{3,300}?) \(python (\d\.\d+)\)", re.MULTILINE)
_MANAGED = re.compile(r"externally[- ]managed", re.IGNORECASE)
_NO_PYTHON = re.compile(r"No Python at ['\"]{1,2}([^'\"\n]{3,300})")
_VENV = re.compile(r"^venv \"([^\"\n]{3,300})\"", re.MULTILINE)
_GLIBC = re.compile(r"__glibc=(\d+\.\d+)")
_CUDA = re.compile(r"__cuda=(\d+\.\d+)")
_PLATFORM = re.compile(r"^[ \t]*[Pp]latform ?: (linux|osx|win)-(64|32|aarch64|arm64|ppc64le)[ \t]*$", re.MULTILINE)
_PLATFORMS = {"linux": "linux", "osx": "macos", "win": "windows"}
_ARCHITECTURES = {"64": "x86_64", "32": "i686", "aarch64": "aarch64", "arm64": "arm64", "ppc64le": "ppc64le"}
_PYTHON = re.compile(r"^[ \t]*python version : (\d\.\d+\.\d+)", re.MULTILINE)
_WHEEL = re.compile(r"-cp(\d)(\d{1,2})-(?:cp\d+t?|abi3|none)-(\w{3,60})\.whl")


def parse(text: Text) -> Iterator[Part]:
    """Yield what the installers' own words tell."""
    pip = _PIP_VERSION.search(text.text) if text.has("(python ") else None
    if pip:
        yield Part(python=pip[2], kind=EnvironmentKind.CONDA if "conda" in pip[1] else None)
    if text.has("xternally") and _MANAGED.search(text.text):
        yield Part(externally_managed=True, kind=EnvironmentKind.SYSTEM)
    if text.has("No Python at") and (gone := _NO_PYTHON.search(text.text)):
        venv = _VENV.search(text.text)
        yield Part(environment_broken=venv[1] if venv else gone[1], os="windows" if "\\" in gone[1] else None)
    yield from _conda_info(text)
    yield from _wheels(text)
    yield from _managed_python(text)


def _conda_info(text: Text) -> Iterator[Part]:
    platform = _PLATFORM.search(text.text) if text.has("latform : ", "Platform: ") else None
    if platform:
        os = _PLATFORMS[platform[1]]
        python = _PYTHON.search(text.text)
        yield Part(
            os=os,
            arch=_ARCHITECTURES[platform[2]],
            python=python[1] if python else None,
            kind=EnvironmentKind.CONDA,
        )
    if text.has("__glibc=") and (glibc := _GLIBC.search(text.text)):
        yield Part(os="linux", libc=f"glibc {glibc[1]}")
    if text.has("__cuda=") and (cuda := _CUDA.search(text.text)):
        yield Part(driver_cuda=cuda[1])


def _wheels(text: Text) -> Iterator[Part]:
    """A wheel for one Python and one platform that an installer took fits what it installs into."""
    found = _WHEEL.search(text.text) if text.has(".whl") and text.has("Downloading ", "Using cached ") else None
    if found is None or found[3] == "any":
        return
    os = {"linux": "linux", "manylinux": "linux", "musllinux": "linux", "win": "windows", "macosx": "macos"}.get(
        re.split(r"\d|_", found[3])[0]
    )
    arch = values.architecture(found[3].replace("_x86_64", " x86_64").replace("_a", " a"), os)
    yield Part(python=f"{found[1]}.{found[2]}", implementation="cpython", os=os, arch=arch)


_KEY = re.compile(
    r"(?<![\w-])(cpython|pypy|graalpy)-(\d\.\d{1,2}(?:\.\d{1,2})?)(\+freethreaded)?-(linux|macos|windows)-(\w{3,10})-(gnu|musl|none|gnueabihf)\b"
)
_OF_32_BITS = frozenset(("x86", "i686", "armv7", "armv6"))


def _managed_python(text: Text) -> Iterator[Part]:
    """The name of a Python as uv has it, "cpython-3.12.4-linux-x86_64-gnu", where a report has but one."""
    if not text.has("python-", "pypy-", "graalpy-"):
        return
    keys = {match.groups() for match in _KEY.finditer(text.text)}
    if len(keys) != 1:
        return
    implementation, python, _, os, arch, libc = keys.pop()
    yield Part(
        python=python,
        implementation=implementation,
        os=os,
        arch="i686" if arch == "x86" else values.architecture(arch, os),
        libc="musl" if libc == "musl" else None,
        bits=32 if arch in _OF_32_BITS else 64,
    )
