"""A machine described in a few words of JSON, and what is asked for it: one object, or one in each line.

    {"os": "linux", "arch": "x86_64", "libc": "glibc 2.31", "python": "3.11.4", "driver": "570.86.15",
     "gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce GTX 1080 Ti"}], "request": {"cuda": "12.1"}}

Every field may be missing or null, which is "unknown"; an empty list of GPUs is "none". Keys that are not known
are passed over.
"""

import re
from typing import NamedTuple

import msgspec

from envkit.errors import EnvkitError
from envkit.snapshot import (
    Absent,
    CudaDriver,
    EnvironmentKind,
    Host,
    Interpreter,
    Nvml,
    NvmlDevice,
    PciGpu,
    ProbeOutcome,
    Snapshot,
    Unknown,
)
from envkit.systems import name_architecture, name_system


class DescribedGpu(msgspec.Struct, frozen=True):
    """A GPU as its owner calls it."""

    vendor: str | None = None
    name: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for this machine, in the words of the options of `envkit create`."""

    torch: str | None = None
    cuda: str | None = None
    rocm: str | None = None
    xpu: bool | None = None
    python: str | None = None
    engine: str | None = None


class Description(msgspec.Struct, frozen=True):
    """A machine as it is described."""

    os: str | None = None
    arch: str | None = None
    libc: str | None = None
    wsl: bool | int | None = None
    python: str | None = None
    gpus: tuple[DescribedGpu, ...] | None = None
    driver: str | None = None
    request: Wanted | None = None


class Assumption(NamedTuple):
    """What stands in for a fact that the description does not give."""

    what: str
    taken: str
    why: str


class Described(NamedTuple):
    """A description in the form of all other facts."""

    snapshot: Snapshot
    assumptions: tuple[Assumption, ...]


_decoder = msgspec.json.Decoder(Description)


def parse(data: bytes, source: str) -> Description:
    """Return the description in a JSON object; raise `EnvkitError`, which names `source`, where there is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvkitError(
            f"{source} is no description of a host: {error}", hint="see `envkit create --help`"
        ) from error


def described(description: Description) -> Described:
    """Return the facts of a description; raise `EnvkitError` for a value that says nothing."""
    gpus = None if description.gpus is None else tuple(map(_gpu, description.gpus))
    os, assumed_os = _os(description, gpus)
    nvidia = [gpu for gpu in gpus or () if gpu.vendor == "nvidia"]
    snapshot = Snapshot(
        host=Host(
            os=os,
            arch=name_architecture(description.arch or "", os) or None,
            libc=_libc(description.libc) if os == "linux" else "",
            wsl=2 if description.wsl and os == "linux" else 0,
            gpus=None if gpus is None else tuple(gpu for gpu in gpus if gpu.vendor != "nvidia"),
        ),
        target=_interpreter(description.python),
        packages=_UNTOLD,
        nvml=_nvml(_driver(description.driver), None if gpus is None else nvidia),
        cuda=_UNASKED,
        torch=_UNTOLD,
    )
    return Described(snapshot, assumed_os)


_UNTOLD = Unknown(why="the description does not say", outcome=ProbeOutcome.SKIPPED)
_UNASKED: CudaDriver | Absent | Unknown = _UNTOLD


def _os(description: Description, gpus: tuple[PciGpu, ...] | None) -> tuple[str, tuple[Assumption, ...]]:
    told = (description.os or "").strip()
    if told:
        return name_system(told), ()
    if any(gpu.vendor == "apple" for gpu in gpus or ()):
        return "macos", (Assumption("system", "macos", "an Apple GPU is in no other"),)
    return "linux", (Assumption("system", "linux", "assumed, as it is not known"),)


_LIBC = re.compile(r"(?P<name>[a-z ]*)[ -]*(?P<version>\d+(?:\.\d+)*)?")
_GLIBC = frozenset(("", "glibc", "gnu", "gnu libc", "libc"))


def _libc(told: str | None) -> str | None:
    text = (told or "").strip().lower()
    if not text:
        return None
    found = _LIBC.match(text)
    name, version = (found["name"].strip(), found["version"] or "") if found else (text, "")
    return f"{'glibc' if name in _GLIBC else name} {version}".strip()


_PYTHON = re.compile(
    r"(?:python )?(?P<version>\d+\.\d+(?:\.\d+)?(?:(?:a|b|rc)\d+)?)\+?(?P<free_threaded>t?)\+?", re.IGNORECASE
)


def _interpreter(told: str | None) -> Interpreter | Unknown:
    text = (told or "").strip()
    if not text:
        return _UNTOLD
    found = _PYTHON.fullmatch(text)
    if found is None:
        raise EnvkitError(f"`{text}` is no Python version", hint='give it as in `"python": "3.11.4"`')
    return Interpreter(
        executable="",
        chosen_by="as described",
        version=found["version"],
        implementation="cpython",
        bits=64,
        prefix="",
        base_prefix="",
        kind=EnvironmentKind.SYSTEM,
        externally_managed=False,
        site_dirs=(),
        user_site="",
        user_site_enabled=False,
        search_path=(),
        current_folder="",
        platform_tag="",
        free_threaded=bool(found["free_threaded"]),
    )


_DRIVER = re.compile(r"\d+(?:\.\d+){0,3}")


def _driver(told: str | None) -> str | None:
    text = (told or "").strip()
    if text and not _DRIVER.fullmatch(text):
        raise EnvkitError(f"`{text}` is no version of an NVIDIA driver", hint='give it as in `"driver": "570.86.15"`')
    return text or None


def _nvml(driver: str | None, gpus: list[PciGpu] | None) -> Nvml | Absent | Unknown:
    if gpus is None and driver is None:
        return Unknown(why="neither driver nor GPUs are described", outcome=ProbeOutcome.SKIPPED)
    if not gpus and gpus is not None and driver is None:
        return Absent(why="no NVIDIA GPU is described")
    devices = None if gpus is None else tuple(NvmlDevice(index=at, name=gpu.name) for at, gpu in enumerate(gpus))
    return Nvml(error=0, driver_version=driver, devices=devices)


# Who makes it, by how the maker is written and by the lines of products that are known without one.
_VENDORS = {
    "nvidia": re.compile(
        r"nvidia|10de|geforce|quadro|tesla|titan|jetson|tegra|orin|xavier|[rg]tx|gts?\b|mx ?\d|[ahvptlbk]\d|g[bh]\d"
    ),
    "amd": re.compile(r"amd|ati\b|advanced micro|1002|radeon|instinct|firepro|rx ?\d|mi\d|vega|gfx\d"),
    "intel": re.compile(r"intel|8086|arc\b|uhd\b|iris|data center gpu"),
    "apple": re.compile(r"apple|106b|m\d\b"),
}


def _gpu(gpu: DescribedGpu) -> PciGpu:
    return PciGpu(address="", vendor=_vendor(gpu), device_id="", name=(gpu.name or "").strip() or None)


def _vendor(gpu: DescribedGpu) -> str:
    """Return the maker that the description names, else the one whose products are called so; "" for neither."""
    told = (gpu.vendor or "").strip().lower()
    text = told or (gpu.name or "").strip().lower()
    return next((vendor for vendor, known in _VENDORS.items() if known.match(text.removeprefix("0x"))), told)
