"""GPUs: what code they run, by product name or PCI device, and which of a build's code objects that is."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from envkit.matrix.data_files import read
from envkit.matrix.versions import numbers


class _Nvidia(msgspec.Struct, frozen=True):
    cc: str
    aliases: tuple[str, ...] = ()


class _Amd(msgspec.Struct, frozen=True):
    gfx: str
    rocm_wheel_native: tuple[str, str | None] | None = None
    """The first and the last ROCm whose wheels have code for it, the last None where they still have; None: never."""
    hsa_override: str | None = None


class _Devices(msgspec.Struct, frozen=True):
    """Further products and PCI devices of one target."""

    names: tuple[str, ...] = ()
    pci: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    """The only systems that it is supported on; () for all."""


class _File(msgspec.Struct, frozen=True):
    nvidia: dict[str, _Nvidia]
    nvidia_more: dict[str, _Devices]
    amd: dict[str, _Amd]
    amd_more: dict[str, _Devices]
    intel_xpu: dict[str, _Devices]


class GpuTable:
    """Queries on GPUs; a name that the table does not know gives None, never the nearest one."""

    def __init__(self, file: _File) -> None:
        nvidia = [(name, entry.cc) for product, entry in file.nvidia.items() for name in (product, *entry.aliases)]
        amd = [(name, entry.gfx) for name, entry in file.amd.items()]
        self._nvidia = _Names((*nvidia, *_more(file.nvidia_more)))
        self._amd = _Names((*amd, *_more(file.amd_more)))
        self._intel = _Names(_more(file.intel_xpu))
        self._pci = {
            device: target
            for table in (file.amd_more, file.intel_xpu)
            for target, devices in table.items()
            for device in devices.pci
        }
        self._systems = {generation: devices.systems for generation, devices in file.intel_xpu.items()}
        self._native = {entry.gfx: entry.rocm_wheel_native for entry in file.amd.values() if entry.rocm_wheel_native}
        self._overrides = {entry.gfx: entry.hsa_override for entry in file.amd.values() if entry.hsa_override}

    @classmethod
    def load(cls) -> "GpuTable":
        """Read the shipped table."""
        return cls(read("gpus.json", _File))

    def compute_capability(self, name: str) -> str | None:
        """Return the compute capability of an NVIDIA GPU by its product name, however it is spelled."""
        return self._nvidia.target(name)

    def gfx_target(self, name: str, device_id: str = "") -> str | None:
        """Return the code target of an AMD GPU, "gfx1100", by its product name or its PCI device."""
        told = _GFX.search(name.lower())
        return told.group() if told else self._amd.target(name) or self._pci.get(device_id.lower())

    def xpu_generation(self, name: str, device_id: str = "") -> str | None:
        """Return the generation of an Intel GPU that torch's XPU builds are for, "Alchemist"; None for any other."""
        return self._intel.target(name) or self._pci.get(device_id.lower())

    def xpu_systems(self, generation: str) -> tuple[str, ...]:
        """Return the only systems that a generation of Intel GPUs is supported on, () for all."""
        return self._systems.get(generation, ())

    def native_to(self, rocm: str) -> tuple[str, ...]:
        """Return the AMD targets that wheels for a ROCm release are known to have code for."""
        release = numbers(rocm)
        return tuple(
            gfx
            for gfx, (first, last) in self._native.items()
            if _rocm(first) <= release and (last is None or release <= _rocm(last))
        )

    def hsa_override(self, gfx: str) -> str | None:
        """Return the HSA_OVERRIDE_GFX_VERSION with which such a GPU was seen to run another target's code."""
        return self._overrides.get(gfx)


def _rocm(variant: str) -> tuple[int, ...]:
    return numbers(variant.removeprefix("rocm"))


def _more(table: Mapping[str, _Devices]) -> tuple[tuple[str, str], ...]:
    return tuple((name, target) for target, devices in table.items() for name in devices.names)


_GFX = re.compile(r"\bgfx[0-9a-f]{3,4}\b")
_MARKS = re.compile(
    r"\((?:tm|r|c)\)|[™®©]|\(?\brev\b\.? ?[0-9a-f]{1,2}\b\)?"
    r"|\(uuid:[^)]*\)?|^gpu \d+: |^\d+ ?x (?=\D)"
)
_BRACKETS = re.compile(r"\[([^\]]+)\]")
_PCI_ID = re.compile(r"[0-9a-f]{4}(:[0-9a-f]{4})?")
_WORD = re.compile(r"[a-z0-9]+")
_MAKERS = frozenset(
    (
        *("nvidia", "corporation", "geforce", "tesla", "grid", "amd", "ati", "advanced", "micro", "devices", "inc"),
        *("radeon", "instinct", "intel"),
        *("asus", "rog", "strix", "tuf", "zotac", "evga", "msi", "gigabyte", "aorus", "palit", "gainward", "pny"),
        *("inno3d", "galax", "colorful"),
    )
)
"""Who made the chip, or the board, and the lines of products that names go without as well."""
# What tells two boards of one chip apart, and says nothing about the code that they run: memory, socket,
# form, shares of a virtual GPU.
_BOARD = re.compile(
    r"\d+g[bi]?|\d+gib|[a-z]?gddr\d\w?|hbm\d?e?|ddr\d|pcie?|sxm\d?|oam|nvl\d*|fhhl|dgxs|lhr|oem|ac|lc|vf|mig|\d{1,2}[abcq]"
    r"|laptop|mobile|notebook|max|with|design|gpu|graphics|card|adapter|video|generation|gen|edition|founders|passive"
    r"|active|workstation|server|embedded|developer|kit|module|nvgpu|superchip|series|collectors|jedi|lite|hash|rate"
    r"|sc\d?|ssc|ftw\d?|xc\d?|oc|gaming"
)
_LINE = re.compile(r"[gr]tx")
_NUMBER = re.compile(r"\d{4}")
_MAX_Q = ("max", "q")


class _Names:
    """Targets by name: as a product is called, without what only tells boards apart, and, for a GeForce, by its number.

    A short name that products of different targets share tells nothing, and is left out: "4000" is a Quadro and an RTX.
    """

    def __init__(self, products: Iterable[tuple[str, str]]) -> None:
        full: dict[str, set[str]] = {}
        short: dict[str, set[str]] = {}
        numbered: dict[str, set[str]] = {}
        of_other_lines: set[str] = set()
        for name, target in products:
            words = _words(name)
            kept = _without_board(words)
            full.setdefault("".join(words), set()).add(target)
            short.setdefault("".join(kept), set()).add(target)
            if len(kept) > 1 and _LINE.fullmatch(kept[0]) and _NUMBER.fullmatch(kept[1]) and "geforce" in name.lower():
                numbered.setdefault("".join(kept[1:]), set()).add(target)
            else:
                of_other_lines.update(word for word in kept if _NUMBER.fullmatch(word))
            if words[0] == "quadro" and words[1] != "rtx" and not words[1].isdigit():
                # "P4000" is of one generation; "4000" and "RTX 4000" without Quadro may be of several.
                short.setdefault("".join(_without_board(words[1:])), set()).add(target)
        self._full = _telling(full)
        self._short = _telling(short)
        self._numbered = {
            name: own for name, own in _telling(numbered).items() if not name.startswith(tuple(of_other_lines))
        }
        self.target = lru_cache(maxsize=4096)(self._target)

    def _target(self, name: str) -> str | None:
        words = _words(name)
        kept = _without_board(words)
        found = self._full.get("".join(words)) or self._short.get("".join(kept))
        return found or self._numbered.get("".join(kept))


def _telling(targets: Mapping[str, set[str]]) -> dict[str, str]:
    return {name: min(found) for name, found in targets.items() if len(found) == 1 and name}


def _words(name: str) -> tuple[str, ...]:
    """Return the words that name the product: "GP102 [GeForce GTX 1080 Ti] (rev a1)" gives "gtx 1080 ti"."""
    text = _MARKS.sub(" ", name.lower())
    # The PCI list has the product last, behind the maker's own brackets and before the number of the device.
    inside = [told for told in _BRACKETS.findall(text) if not _PCI_ID.fullmatch(told)]
    text = inside[-1] if inside else _BRACKETS.sub(" ", text)
    # It names every product of a chip, "Radeon RX 7900 XT/7900 XTX", and OpenGL adds how it is reached, "/PCIe/SSE2".
    return tuple(word for word in _WORD.findall(text.split("/")[0]) if word not in _MAKERS)


def _without_board(words: tuple[str, ...]) -> tuple[str, ...]:
    kept = [word for at, word in enumerate(words) if (words[at - 1 : at + 1] != _MAX_Q) and not _BOARD.fullmatch(word)]
    return tuple(kept)


JETSON = frozenset({(3, 2), (5, 3), (6, 2), (7, 2), (8, 7), (10, 1), (11, 0)})
"""Compute capabilities of Jetson boards, which run machine code of exactly their own."""


def runs_on(archs: Iterable[str], compute_capability: str) -> bool:
    """Say whether a device of that compute capability finds code that it can start among these code objects.

    Machine code ("sm_86") runs on the same major with an equal or higher minor; PTX ("compute_70")
    is compiled for anything newer (CUDA C++ programming guide, "application compatibility"). Jetson
    boards run machine code of exactly their own capability (`_meta.legend` in torch.json).
    """
    major, minor = (*numbers(compute_capability), 0, 0)[:2]
    return any(_object_runs(arch, major, minor) for arch in archs)


def is_built_for(archs: Iterable[str], compute_capability: str) -> bool:
    """Say whether a build of torch with these code objects is of use on that compute capability.

    Its own PTX can be compiled for a newer major; that of cuBLAS and cuDNN, which come with it, cannot:
    PTX of another major does not count.
    """
    major, minor = (*numbers(compute_capability), 0, 0)[:2]
    own = (arch for arch in archs if not arch.startswith("compute_") or _numbers_of(arch)[:1] == (major,))
    return any(_object_runs(arch, major, minor) for arch in own)


def _numbers_of(arch: str) -> tuple[int, ...]:
    digits = arch.partition("_")[2].rstrip("af")
    return (int(digits[:-1]), int(digits[-1])) if digits.isdigit() and len(digits) > 1 else ()


def _object_runs(arch: str, major: int, minor: int) -> bool:
    built = _numbers_of(arch)
    if not built:
        return False
    built_major, built_minor = built
    if arch.startswith("sm_"):
        same = built == (major, minor)
        return same or (built_major == major and built_minor < minor and (major, minor) not in JETSON)
    return arch.startswith("compute_") and built <= (major, minor)
