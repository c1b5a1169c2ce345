"""What the system's own tools print: uname, ldd, /etc/os-release, lsb_release, lscpu, nvcc, gcc, df, ver."""

import re
from collections.abc import Callable, Iterator

from envkit.intake import values
from envkit.intake.formats.own_words import WSL
from envkit.intake.part import Part
from envkit.intake.text import Text

_UNAME = re.compile(
    r"Linux (\S{1,100}) (\d+\.\d+\S{0,80}) #\d[^\n]{5,160}?\b(x86_64|aarch64|armv7l|i686|ppc64le|riscv64|s390x)\b",
    re.MULTILINE,
)
_DARWIN = re.compile(r"^Darwin \S{1,100} (\d+\.\d+\S{0,20}) Darwin Kernel[^\n]{5,200}?\b(x86_64|arm64)\b", re.MULTILINE)
_LDD = re.compile(r"^ldd \([^)\n]{1,80}\) (\d+\.\d+)", re.MULTILINE)
_MUSL = re.compile(r"^musl libc \((\w+)\)[ \t]*\n[Vv]ersion (\d+\.\d+)", re.MULTILINE)
_PRETTY = re.compile(r"^PRETTY_NAME=[\"']?([^\"'\n]{2,100})", re.MULTILINE)
_LSB = re.compile(r"^Description:[ \t]+([A-Z][^\n]{3,80})$", re.MULTILINE)
_SW_VERS = re.compile(r"^ProductVersion:[ \t]+(\d+[\d.]{0,10})", re.MULTILINE)
_WINDOWS = re.compile(r"Microsoft Windows \[[^\]\n]{0,20}?(\d+\.\d+[\d.]{0,20})\]")
_NVCC = re.compile(r"Cuda compilation tools, release (\d+\.\d+)(?:, V(\d+\.\d+\.\d+))?")
_GCC = re.compile(r"^gcc(?:-\d+)?(?:\.exe)? \([^)\n]{0,100}\) (\d+\.\d+(?:\.\d+)?)", re.MULTILINE)
_SHM = re.compile(
    r"^[ \t]*(?:shm|tmpfs)[ \t]+(\d+(?:\.\d+)?[KMGT]?)[ \t]+\S+[ \t]+\S+[ \t]+\d{1,3}%[ \t]+/dev/shm", re.MULTILINE
)
_LSCPU = re.compile(r"^Architecture:[ \t]+(\w{3,12})$", re.MULTILINE)


_MOST = 40_000
"""Characters in which people say that they are in WSL."""

_Meaning = Callable[[re.Match[str]], Part]


def _uname(found: re.Match[str]) -> Part:
    return Part(os="linux", kernel=found[2], arch=values.architecture(found[3], "linux"), wsl=values.wsl_of(found[2]))


def _lsb(found: re.Match[str]) -> Part:
    return Part(os="linux", os_name=found[1].strip()) if values.system_of(found[1]) == "linux" else Part()


def _shm(found: re.Match[str]) -> Part:
    """A size of `df -h`, or of `df`, which counts in KiB."""
    return Part(os="linux", shm_total=values.size(f"{found[1]}B" if found[1][-1].isalpha() else f"{found[1]}K"))


def _windows(found: re.Match[str]) -> Part:
    """Windows' own version, unless it is told of the host of a WSL."""
    return Part() if WSL.search(found.string[:_MOST]) else Part(os="windows", os_name=f"Windows {found[1]}", wsl=0)


_TOOLS: tuple[tuple[str, re.Pattern[str], _Meaning], ...] = (
    ("Linux ", _UNAME, _uname),
    ("Darwin ", _DARWIN, lambda on: Part(os="macos", kernel=on[1], arch=values.architecture(on[2], "macos"))),
    ("ldd (", _LDD, lambda ldd: Part(os="linux", libc=f"glibc {ldd[1]}")),
    (
        "musl libc",
        _MUSL,
        lambda musl: Part(os="linux", libc=f"musl {musl[2]}", arch=values.architecture(musl[1], "linux")),
    ),
    ("PRETTY_NAME=", _PRETTY, lambda release: Part(os="linux", os_name=release[1])),
    ("Description:", _LSB, _lsb),
    ("ProductVersion:", _SW_VERS, lambda version: Part(os="macos", os_name=f"macOS {version[1]}")),
    ("Microsoft Windows [", _WINDOWS, _windows),
    ("Architecture:", _LSCPU, lambda cpu: Part(arch=values.architecture(cpu[1], "linux"))),
    ("Cuda compilation tools", _NVCC, lambda nvcc: Part(nvcc=nvcc[2] or nvcc[1])),
    ("gcc", _GCC, lambda gcc: Part(gcc=gcc[1])),
    ("% /dev/shm", _SHM, _shm),
)
"""What must be in the text for a tool's pattern to be tried, the pattern, and what it tells."""


def parse(text: Text) -> Iterator[Part]:
    """Yield what each tool's output tells of the machine."""
    for mark, pattern, meaning in _TOOLS:
        found = pattern.search(text.text) if text.has(mark) else None
        if found:
            yield meaning(found)
