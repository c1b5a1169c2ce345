"""A second opinion on plans: every build of the data files, tried one by one with rules of its own.

Nothing of envkit's planner or matrix is used. The rules are those of the vendors, as the data files tell them:

* a driver runs the CUDA releases up to its own, and from CUDA 11 on every minor of its major;
  inside WSL it is that of Windows; a driver branch drives GPUs from some compute capability on; a driver that is
  told in part may be any that begins so, on Jetson "580.00" too;
* machine code runs on its own major from its minor on, on Jetson on exactly its own; PTX of another major
  does not help, since the libraries beside torch bring none;
* a wheel needs its Python, platform, glibc or macOS; a ROCm wheel a GPU of its list; an XPU wheel an Intel GPU
  that it is for;
* the machine is stated: where it is known to have no GPU of a kind, or none that can run such a build, not even a
  wish brings one. What is not known is no hindrance to a wish, and no reason to choose.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import envkit.matrix

DATA = Path(envkit.matrix.__file__).parent / "data"
TORCH = json.loads((DATA / "torch.json").read_bytes())
CUDA = json.loads((DATA / "cuda.json").read_bytes())
AMD = {row["gfx"]: row["rocm_wheel_native"] for row in json.loads((DATA / "gpus.json").read_bytes())["amd"].values()}
RELEASES = TORCH["releases"]
INDEX = "https://download.pytorch.org/whl"

PLATFORMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch64",
    ("macos", "arm64"): "macos-arm64",
    ("macos", "x86_64"): "macos-x86_64",
    ("windows", "x86_64"): "win-amd64",
    ("windows", "arm64"): "win-arm64",
}
TEGRA = ((5, 3), (6, 2), (7, 2), (8, 7), (10, 1), (11, 0))
LAST_RESORT = ("cpu", "xpu", "rocm", "cuda", "mps")


@cache
def version(text):
    return tuple(int(part) for part in text.split("."))


@cache
def cuda(backend):
    """The CUDA release of a backend, "" for none."""
    return f"{backend[2:-1]}.{backend[-1]}" if re.fullmatch(r"cu\d+", backend) else ""


@cache
def kind(backend):
    return "cuda" if cuda(backend) else "rocm" if backend.startswith("rocm") else backend


class Build:
    """One thing that can be installed, and what it is good for."""

    def __init__(self, torch, backend, pythons, archs, **needs):
        self.torch, self.backend, self.pythons, self.archs = torch, backend, frozenset(pythons), archs
        self.glibc, self.macos, self.index = needs.get("glibc"), needs.get("macos"), needs.get("index")
        self.channel = needs.get("channel", "")
        own = kind(backend)
        release = version(cuda(backend) or (backend[4:] if own == "rocm" else "0"))
        self.order = (own != "cpu", version(torch), release, LAST_RESORT.index(own))

    def __repr__(self):
        return f"{self.torch}/{self.backend}"


def rocm_list(torch, backend):
    """The GPUs of a ROCm build: listed under its ROCm release, else under a range of torch releases."""
    lists = {key: gfx for key, gfx in TORCH["_meta"]["rocm_gfx"].items() if key != "source"}
    if backend in lists:
        return lists[backend]
    for key, gfx in lists.items():
        if key.startswith(f"{backend} (main"):
            return gfx
        found = re.match(r"(\d+\.\d+)-(\d+\.\d+)( \(rocm6)?", key)
        if found and version(found[1]) <= version(torch)[:2] <= version(found[2]):
            if found[3] and version(backend[4:]) < (6, 0):
                continue
            return gfx
    own = version(backend[4:])
    spans = ((gfx, [end and version(end[4:]) for end in span]) for gfx, span in AMD.items() if span)
    return [gfx for gfx, (first, last) in spans if first <= own and (last is None or own <= last)]


def compiled_for(backend):
    """What the CUDA release of a build can make code for at all."""
    capabilities = CUDA["toolkits"].get(cuda(backend), {}).get("compute_capabilities")
    return [f"sm_{one.replace('.', '')}" for one in capabilities] if capabilities else None


@cache
def wheels(platform):
    return tuple(_wheels(platform))


def _wheels(platform):
    for torch, release in RELEASES.items():
        default = release["default_index"].get(platform)
        if default:
            uses = [default.get("backend") or default["variant"]]
            uses += ["cpu"] if uses == ["mps"] else []
            for use in uses:
                archs = default.get("cuda_archs") or _listed(release, use, platform)
                macs = {
                    tag.split("_")[1] + "." + tag.split("_")[2]: pythons
                    for tag, pythons in default["tags"].items()
                    if tag.startswith("macosx")
                }
                for macos, pythons in (macs or {None: default["pythons"]}).items():
                    yield Build(torch, use, pythons, archs, glibc=default.get("min_glibc"), macos=macos)
        for backend, places in release["download_index"].items():
            plain = re.fullmatch(r"cpu|xpu|cu\d+|rocm[\d.]+", backend)
            if not plain or platform not in places or (default and platform.startswith("macos")):
                continue
            if default and default["variant"] == backend:
                continue
            archs = rocm_list(torch, backend) if backend.startswith("rocm") else _listed(release, backend, platform)
            glibc = default.get("min_glibc") if default else None
            if platform.startswith("linux"):
                glibc = release.get("variant_min_glibc", {}).get(backend, glibc)
            folder = "/".join(filter(None, (INDEX, release.get("download_index_folder"), backend)))
            yield Build(torch, backend, places[platform], archs, glibc=glibc, index=folder)


def _listed(release, backend, platform):
    return (release["cuda_archs"].get(backend, {}).get(platform) or {}).get("archs")


@cache
def conda_packages(platform):
    return tuple(_conda_packages(platform))


def _conda_packages(platform):
    """The pytorch channel where it has the release and there is one for the platform, else conda-forge."""
    for torch, release in RELEASES.items():
        own = {build.backend: build for build in wheels(platform) if build.torch == torch}
        channels = release["conda"]
        first = "mps" if "mps" in own else "cpu"
        if "pytorch" in channels and own and platform != "linux-aarch64":
            entry, channel = channels["pytorch"], "pytorch"
            shared = [
                set(release["default_index"][where]["pythons"])
                for where in ("linux-x86_64", "win-amd64")
                if where in release["default_index"]
            ]
            shared.append({python for build in wheels(platform) if build.torch == torch for python in build.pythons})
            seen = entry.get("pythons")
            if seen and platform == "linux-x86_64":
                pythons = set(seen)
            else:
                pythons = set.intersection(*shared, *([set(seen)] if seen else []))
        elif "conda-forge" in channels and platform in (channels["conda-forge"].get("platforms") or ()):
            entry, channel = channels["conda-forge"], "conda-forge"
            everywhere = {
                python
                for places in (release["default_index"], *release["download_index"].values())
                for wheel in places.values()
                for python in (wheel["pythons"] if isinstance(wheel, dict) else wheel)
                if not python.endswith("t")
            }
            pythons = set(entry.get("pythons") or everywhere)
        else:
            continue
        cudas = [] if platform.startswith("macos") else entry.get("cuda", [])
        for backend in (first, *("cu" + one.replace(".", "") for one in cudas)):
            archs = own[backend].archs if channel == "pytorch" and backend in own else None
            for use in (backend, "cpu") if backend == "mps" else (backend,):
                yield Build(torch, use, pythons, archs, channel=channel)


# -- the rules ----------------------------------------------------------------------------------


@cache
def has_code(archs, capability):
    major, minor = version(capability)
    for arch in archs:
        form, digits = arch.split("_")
        digits = digits.rstrip("af")
        built = (int(digits[:-1]), int(digits[-1]))
        if built[0] != major:
            continue
        if built[1] == minor or (built[1] < minor and (form == "compute" or (major, minor) not in TEGRA)):
            return True
    return False


@cache
def driver_number(text):
    """31.0.15.3623 is how Windows counts 536.23."""
    parts = text.split(".")
    if len(parts) == 4:
        digits = (parts[2] + parts[3])[-5:]
        return int(digits[:3]), int(digits[3:])
    return version(text)


@cache
def driver_runs(release, driver, windows):
    """True, False, or None where the tables cannot tell."""
    toolkit = CUDA["toolkits"].get(release)
    system = "windows" if windows else "linux"
    shared = (toolkit or {}).get("minor_version_compat") or {}
    least = shared.get(system) or (toolkit or {}).get(f"min_driver_{system}")
    have = driver_number(driver)
    if least is None or have[0] < 100:  # Jetson counts in numbers of its own
        return None
    return have >= version(least) or version(least)[: len(have)] == have


@cache
def driver_drives(driver, capability):
    least = [
        row["min_cc"]
        for branch, row in CUDA["driver_branches"].items()
        if row.get("min_cc") and int(branch) <= driver_number(driver)[0]
    ]
    return not least or version(capability) >= max(map(version, least))


class Host:
    """What decides on a machine; `gpus` None is unknown, and so are GPUs without a target."""

    # Kinds of GPU of which the machine is known to have none that is of use.
    without = frozenset()

    def __init__(self, *, os, arch, glibc=None, musl=False, wsl=False, python=None, driver=None, gpus=()):
        self.platform = None if musl else PLATFORMS.get((os, arch))
        self.glibc = version(glibc) if glibc else None
        self.windows = os == "windows" or wsl
        self.python, self.driver = python, driver
        useful = list(gpus or ())
        if driver and driver_number(driver)[0] >= 100:
            useful = [one for one in useful if one[0] != "cuda" or not one[1] or driver_drives(driver, one[1])]
        if wsl:
            useful = [one for one in useful if one[0] != "rocm"]
        if os == "windows":
            useful = [one for one in useful if one[1] != "Ponte Vecchio"]
        if gpus is not None:
            self.without = frozenset(("cuda", "rocm", "xpu")) - {kind for kind, _ in useful}
        self.gpus = tuple((kind, target) for kind, target in useful if target)
        if driver and set(version(driver)[1:]) == {0} and any(version(target) in TEGRA for target in self.of("cuda")):
            self.driver = driver.partition(".")[0]

    def of(self, kind):
        return [target for own, target in self.gpus if own == kind]


def served(build, host):
    """How many of the GPUs the build is of use for."""
    own = kind(build.backend)
    if own in ("cpu", "mps"):
        return 0
    targets = host.of(own)
    if own == "xpu":
        return len(targets)
    if own == "rocm":
        return sum(target in (build.archs or ()) for target in targets)
    if build.archs is None:
        archs = tuple(compiled_for(build.backend) or ())
        return sum(version(target) not in TEGRA and has_code(archs, target) for target in targets)
    return sum(has_code(tuple(build.archs), target) for target in targets)


STAND_IN = {"gfx1031": "gfx1030", "gfx1032": "gfx1030", "gfx1010": "gfx1030", "gfx803": "gfx803"}


class Wish(NamedTuple):
    """What is asked for; None leaves it open."""

    torch: frozenset | None = None
    backend: str | None = None


@cache
def asked_for(platform, conda, wish, python):
    """The builds that the wish allows, for that Python; None is any."""
    if platform is None:
        return ()
    return tuple(
        build
        for build in (conda_packages if conda else wheels)(platform)
        if (wish.torch is None or build.torch in wish.torch)
        and (wish.backend in (None, build.backend) or (wish.backend == "rocm" and kind(build.backend) == "rocm"))
        and (python is None or python in build.pythons)
    )


def runs(build, host, *, named):
    """Whether a build would run there; what cannot be told is no hindrance where it was asked for by name."""
    if build.glibc and host.glibc and host.glibc < version(build.glibc):
        return False
    own = kind(build.backend)
    if own in ("cpu", "mps"):
        return True
    if own == "cuda":
        runs = driver_runs(cuda(build.backend), host.driver, host.windows) if host.driver else None
        if runs is False or (runs is None and not named):
            return False
    targets = host.of(own)
    if not targets:
        return named and own not in host.without
    if own != "xpu" and build.archs is None and not build.channel and not named:
        return False
    if own == "cuda" and build.archs is None and named:
        archs = compiled_for(build.backend)
        return not archs or any(has_code(tuple(archs), target) for target in targets)
    if own == "rocm" and named and any(STAND_IN.get(target) in (build.archs or ()) for target in targets):
        return True
    return served(build, host) > 0


def best(host, wish, *, conda):
    """Every (torch, backend) that nothing is better than."""
    found, top = set(), None
    for build in asked_for(host.platform, conda, wish, host.python):
        if runs(build, host, named=wish.backend is not None):
            worth = (served(build, host), *build.order)
            if top is None or worth > top:
                found, top = set(), worth
            if worth == top:
                found.add((build.torch, build.backend))
    return found


def builds_of(host, torch, backend, python, *, conda):
    """Every build of that release and backend for that Python."""
    return asked_for(host.platform, conda, Wish(frozenset({torch}), backend), python)


def anything(host, *, conda):
    """Whether this machine can have any torch at all, with whatever Python."""
    return any(runs(build, host, named=False) for build in asked_for(host.platform, conda, Wish(), None))


def obtainable(torch, backend, python, host, *, conda):
    """Whether a build could be had, asked for by name."""
    return any(runs(build, host, named=True) for build in builds_of(host, torch, backend, python, conda=conda))


def first_unmet(host, wish, *, conda):
    """Which of release, backend and Python is the first that, with those before it, no build has; else the machine."""
    for what, asked, python in (
        ("release", Wish(wish.torch), None),
        ("backend", wish, None),
        ("python", wish, host.python),
    ):
        if not asked_for(host.platform, conda, asked, python):
            return what
    return "machine"
