"""Machines and wishes made up from a seed, put to the planner and to the oracle."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from envkit import matrix as shipped
from envkit.errors import EnvkitError
from envkit.intake.host_description import parse
from envkit.planning.answers import Impossible, answer
from envkit.planning.inventory import described_task
from envkit.planning.model import Request
from tests.planning import oracle

GPUS = {
    "NVIDIA GeForce GTX 680": ("cuda", "3.0"),
    "Tesla K80": ("cuda", "3.7"),
    "NVIDIA GeForce GTX 970": ("cuda", "5.2"),
    "GeForce 940MX": ("cuda", "5.0"),
    "Tesla P100-PCIE-16GB": ("cuda", "6.0"),
    "NVIDIA GeForce GTX 1080 Ti": ("cuda", "6.1"),
    "NVIDIA Corporation GP107M [GeForce GTX 1050 Mobile] (rev a1)": ("cuda", "6.1"),
    "Tesla V100-SXM2-32GB": ("cuda", "7.0"),
    "Tesla T4": ("cuda", "7.5"),
    "NVIDIA A100-SXM4-80GB": ("cuda", "8.0"),
    "RTX 3060 Laptop GPU": ("cuda", "8.6"),
    "NVIDIA RTX A6000": ("cuda", "8.6"),
    "Orin (nvgpu)": ("cuda", "8.7"),
    "NVIDIA GeForce RTX 4090": ("cuda", "8.9"),
    "NVIDIA L40S": ("cuda", "8.9"),
    "NVIDIA H100 80GB HBM3": ("cuda", "9.0"),
    "NVIDIA B200": ("cuda", "10.0"),
    "NVIDIA GeForce RTX 3090/PCIe/SSE2": ("cuda", "8.6"),
    "NVIDIA B300 SXM6 AC": ("cuda", "10.3"),
    "NVIDIA Thor": ("cuda", "11.0"),
    "NVIDIA GeForce RTX 5090": ("cuda", "12.0"),
    "NVIDIA GB10": ("cuda", "12.1"),
    "NVIDIA GeForce RTX 9999": ("cuda", None),
    "AMD Radeon RX 580": ("rocm", "gfx803"),
    "AMD Radeon VII": ("rocm", "gfx906"),
    "AMD Instinct MI250X": ("rocm", "gfx90a"),
    "AMD Instinct MI300X": ("rocm", "gfx942"),
    "AMD Radeon RX 5700 XT": ("rocm", "gfx1010"),
    "AMD Radeon RX 6700 XT": ("rocm", "gfx1031"),
    "AMD Radeon RX 7900 XTX": ("rocm", "gfx1100"),
    "AMD Radeon RX 9070 XT": ("rocm", "gfx1201"),
    "Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 [Radeon RX 7900 XT/7900 XTX] (rev c8)": ("rocm", "gfx1100"),
    "AMD Radeon Graphics": ("rocm", None),
    "Intel(R) Arc(TM) A770 Graphics": ("xpu", "Alchemist"),
    "Intel(R) Data Center GPU Max 1550": ("xpu", "Ponte Vecchio"),
    "Intel UHD Graphics 770": ("xpu", None),
}
VENDORS = {"cuda": "nvidia", "rocm": "amd", "xpu": "intel"}
NAMES = {own: [name for name, (kind, _) in GPUS.items() if kind == own] for own in VENDORS}
SYSTEMS = (
    *[("linux", "x86_64")] * 6,
    *[("windows", "x86_64")] * 3,
    ("linux", "aarch64"),
    ("linux", "aarch64"),
    ("macos", "arm64"),
    ("macos", "x86_64"),
    ("windows", "arm64"),
    ("linux", "armv7l"),
    ("windows", "i686"),
)
GLIBC = ("2.12", "2.17", "2.23", "2.27", "2.28", "2.31", "2.35", "2.39", None)
PYTHONS = (
    *("2.7.18", "3.6.9", "3.7.17", "3.8.10", "3.9.18", "3.10.12", "3.11.4", "3.12.3", "3.13.1", "3.14.0"),
    *("3.15.0rc1", "3.16.0a2", "3.13.0t", "3.14t", "3.15.0t", None),
)
DRIVERS = (
    *("390.157", "410.48", "418.40.04", "440.33.01", "450.51.06", "450.80.02", "451.82", "452.39", "460.32.03"),
    *("470.57.02", "470", "510.47.03", "520.61.05", "522.06", "525.60.13", "527.41", "528.49", "535.104.05", "535.104"),
    *("550.54.14", "551.61", "560.35.03", "570.86.15", "575.57.08", "580.65.06", "581.29", "590.44.01", "595.45.04"),
    *("610.43.02", "31.0.15.3623", "27.21.14.5671", "32.0.15.8129", "36.4.0", None),
    *("450.80", "525.60", "580", "580.65", "580.00", "540.3.0"),
)
RANGES = {
    ">=2.4": lambda one: one >= (2, 4),
    "<2.3": lambda one: one < (2, 3, 0),
    ">=2.0,<2.6": lambda one: (2, 0) <= one < (2, 6),
    "2.5": lambda one: one[:2] == (2, 5),
    "1": lambda one: one[0] == 1,
}
TORCHES = (*oracle.RELEASES, *RANGES, "9.9.9", "2.8.1")
BACKENDS = sorted({backend for release in oracle.RELEASES.values() for backend in release["download_index"]})
CUDAS = tuple(oracle.cuda(backend) for backend in BACKENDS if oracle.cuda(backend))


class Case(NamedTuple):
    """One machine with what is asked for it, in the words of both sides."""

    description: dict[str, Any]
    host: oracle.Host
    wish: oracle.Wish
    conda: bool


class Disagreement(NamedTuple):
    """What the planner answered and the oracle does not accept."""

    what: str
    description: str
    answer: object
    expected: object


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield machines and wishes, the same for the same seed."""
    dice = random.Random(seed)
    for _ in range(count):
        yield _case(dice)


def _case(dice):
    os, arch = dice.choice(SYSTEMS)
    linux = os == "linux"
    glibc, python, driver = dice.choice(GLIBC), dice.choice(PYTHONS), dice.choice(DRIVERS)
    musl, wsl = linux and dice.random() < 0.03, linux and dice.random() < 0.1
    names = _names(dice)
    torch = dice.choice(TORCHES) if dice.random() < 0.4 else None
    wanted, backend = _wanted(dice)
    conda = dice.random() < 0.15
    description = {
        "os": os,
        "arch": arch,
        "libc": None if not linux else "musl 1.2" if musl else glibc and f"glibc {glibc}",
        "wsl": wsl,
        "python": python,
        "gpus": None if names is None else [{"vendor": VENDORS[GPUS[name][0]], "name": name} for name in names],
        "driver": driver,
        "request": {"torch": torch, "engine": "conda" if conda else "pip", **wanted},
    }
    minor = python and re.match(r"\d+\.\d+", python)[0] + ("t" if python.endswith("t") else "")
    host = oracle.Host(
        os=os,
        arch=arch,
        glibc=glibc if linux else None,
        musl=musl,
        wsl=wsl,
        python=minor,
        driver=driver,
        gpus=None if names is None else [GPUS[name] for name in names],
    )
    releases = None
    if torch:
        meant = RANGES.get(torch, lambda one: one == oracle.version(torch))
        releases = frozenset(release for release in oracle.RELEASES if meant(oracle.version(release)))
    return Case(description, host, oracle.Wish(releases, backend), conda)


def _names(dice):
    roll = dice.random()
    if roll < 0.05:
        return None
    if roll < 0.15:
        return []
    kinds = dice.choice((["cuda"], ["cuda"], ["cuda"], ["rocm"], ["xpu"], ["cuda", "rocm"], ["cuda", "xpu"]))
    return [dice.choice(NAMES[kind]) for kind in kinds for _ in range(dice.choice((1, 1, 2)))]


def _wanted(dice):
    roll = dice.random()
    if roll < 0.5:
        return {}, None
    if roll < 0.55:
        return {"cuda": "auto"}, None
    if roll < 0.62:
        return {"cuda": "cpu"}, "cpu"
    if roll < 0.66:
        return {"rocm": "auto"}, "rocm"
    if roll < 0.70:
        release = dice.choice(("5.6", "6.0", "6.2", "6.4", "7.1", "7.2"))
        return {"rocm": release}, f"rocm{release}"
    if roll < 0.73:
        return {"xpu": True}, "xpu"
    release = dice.choice((*CUDAS, "12.7"))
    return {"cuda": release}, "cu" + release.replace(".", "")


def disagreements(seed: int, count: int) -> Iterator[Disagreement]:
    """Yield where planner and oracle part."""
    tables = shipped.load()
    for case in cases(seed, count):
        line = json.dumps(case.description)
        try:
            task = described_task(Request(), parse(line.encode(), "line"))
            found = answer(task.request, task.snapshot, tables)
        except EnvkitError as error:
            yield Disagreement("refused to answer", line, error.message, "an answer")
            continue
        yield from (Disagreement(what, line, found, expected) for what, expected in _checked(found, case))


def _checked(found, case):
    if isinstance(found, Impossible):
        yield from _checked_refusal(found, case)
        return
    best = oracle.best(case.host, case.wish, conda=case.conda)
    if (found.torch, found.backend) not in best:
        yield "not the best", best
        return
    python = case.host.python or found.python
    (build,) = oracle.builds_of(case.host, found.torch, found.backend, python, conda=case.conda)
    if found.python != python or found.index != build.index:
        yield "not where it is", (python, build.index)
    for name in ("torchvision", "torchaudio"):
        known = oracle.RELEASES[found.torch]["companions"].get(name, ())[:1]
        seen = oracle.RELEASES[found.torch]["conda"].get(build.channel, {}).get("companions", {}).get(name)
        if name in found.companions and found.companions[name] not in (*known, seen):
            yield "a companion of another torch", known


def _checked_refusal(found, case):
    host, conda = case.host, case.conda
    best = oracle.best(host, case.wish, conda=conda)
    if best:
        yield "refused what can be had", best
        return
    if not found.nearest and oracle.anything(host, conda=conda):
        yield "offers nothing", "something"
    for offer in found.nearest:
        if not oracle.obtainable(offer.torch, offer.backend, offer.python, host, conda=conda):
            yield "offers what cannot be had", offer
    if host.platform and _told(found.why.split("; ")[0]) != oracle.first_unmet(host, case.wish, conda=conda):
        yield "names another reason", oracle.first_unmet(host, case.wish, conda=conda)


_REASONS = (
    ("release", re.compile(r"there is no torch .*|torch( \S+)? has no (wheel|package in conda) for [a-z]+-\w+")),
    ("python", re.compile(r".* (wheel|package in conda) for Python [\d.]+t?( on [a-z]+-\w+)?")),
    ("backend", re.compile(r"(torch \S+ has no|no torch release has a) .* (wheel|package in conda)( on [a-z]+-\w+)?")),
    ("machine", re.compile(r"torch \S+ \(\w[\w.]*\) (needs|has no code for|is of no use) .*")),
)


def _told(why):
    """What a refusal names as its reason."""
    return next((what for what, form in _REASONS if form.fullmatch(why)), "nothing that is known")
