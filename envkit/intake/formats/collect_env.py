"""`python -m torch.utils.collect_env` of every torch since 1.0, and vLLM's, which prints the same in sections."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.formats import package_lists
from envkit.intake.part import Part
from envkit.intake.text import Labelled, Text
from envkit.snapshot import NvmlDevice, PciGpu

_ANCHORS = (
    "is debug build",
    "cuda used to build pytorch",
    "gpu models and configuration",
    "cuda_module_loading set to",
)
_BEFORE, _AFTER = 45, 700
"""Lines around the first of its own labels that belong to a report: lscpu of a large machine takes most."""
_MOST_REPORTS = 4

_NO_CUDA = "no cuda"
_LIBRARIES = "versions of relevant libraries"
_GPU_LINES = 130


def parse(text: Text) -> Iterator[Part]:
    """Yield the facts of each report in the text."""
    for first, head, last in islice(_extents(text), _MOST_REPORTS):
        fields = _fields(text, first, head, last)
        if len(fields) > 2:
            yield _part(text, fields, first, last)


def _extents(text: Text) -> Iterator[tuple[int, int, int]]:
    """Of each report: its first line at the earliest, that of torch's version, and the line after its last."""
    begun = [found.line for found in text.labels.get("pytorch version", ())]
    end = 0
    for anchor in sorted(found.line for label in _ANCHORS for found in text.labels.get(label, ())):
        if anchor < end:
            continue
        head = max((line for line in begun if anchor - _BEFORE < line <= anchor), default=anchor)
        following = min((line for line in begun if line > anchor), default=len(text.lines))
        start = max(end, head - _BEFORE)
        end = min(anchor + _AFTER, following)
        yield start, head, end


def _fields(text: Text, first: int, head: int, last: int) -> dict[str, Labelled]:
    """The report's labels with line and value.

    Torch's own report begins with the version; in vLLM's the system comes before, as does the prose of either.
    """
    found: dict[str, Labelled] = {}
    for label in (*_FIELDS, *_ANCHORS):
        inside = [one for one in text.labels.get(label, ()) if first <= one.line < last]
        after = [one for one in inside if one.line >= head]
        if inside:
            found[label] = after[0] if after else inside[-1]
    return found


_FIELDS = (
    "pytorch version",
    "rocm used to build pytorch",
    "os",
    "gcc version",
    "libc version",
    "python version",
    "python platform",
    "is cuda available",
    "cuda runtime version",
    "nvidia driver version",
    "is xpu available",
    "hip runtime version",
    "model name",
    "name",
    "architecture",
    "cpu(s)",
    _LIBRARIES,
)


def _part(text: Text, fields: dict[str, Labelled], first: int, last: int) -> Part:
    def value(label: str) -> str | None:
        return values.told(fields[label].value) if label in fields else None

    def raw(label: str) -> str:
        return fields[label].value if label in fields else ""

    torch = values.torch_version(value("pytorch version")) or _without_colon(text.lines[first:last])
    system, platform = value("os"), value("python platform") or ""
    os = values.system_of(platform.partition("-")[0]) or values.system_of(system)
    cuda, hip = _built_for(raw("cuda used to build pytorch"), raw("rocm used to build pytorch"), torch)
    listed = package_lists.bracketed(text.lines[first:last])
    gpus, display, no_cuda = _gpus(text.lines, fields)
    driver = value("nvidia driver version")
    available = values.truth(raw("is cuda available"))
    python = values.python_version(value("python version"))
    return Part(
        os=os,
        os_name=system,
        kernel=platform.partition("-")[2].partition("-with-")[0] or None if os == "linux" else None,
        arch=values.architecture(system, os)
        or values.architecture(platform, os)
        or _processor(raw("architecture"), os),
        libc=values.libc(raw("libc version")) or values.libc(platform.partition("-with-")[2]),
        cpu=value("model name") or value("name"),
        wsl=values.wsl_of(platform) if os == "linux" else 0 if os else None,
        display=display,
        python=python,
        implementation="cpython" if python else None,
        bits=values.python_bits(raw("python version")),
        distributions=listed or None,
        whole_list=True if listed and "pytorch version" in fields and not torch else None,
        driver=values.version(driver) if driver and driver.lower() != _NO_CUDA else None,
        gpus=gpus,
        nvml_absent="collect_env found no nvidia-smi that answers" if no_cuda and os != "macos" else None,
        torch=torch,
        torch_cuda=cuda,
        torch_hip=hip,
        torch_absent=_absent(fields),
        cuda_available=available if torch else None,
        xpu_available=values.truth(raw("is xpu available")),
        nvcc=values.version(value("cuda runtime version")),
        gcc=values.version(_after_brackets(value("gcc version"))),
    )


_WITHOUT_COLON = re.compile(r"^\s*(?:PyTorch|Torch) version +(\d\S{0,40})$")


def _without_colon(lines: list[str]) -> str | None:
    """The version from a line that somebody wrote anew."""
    return next((values.torch_version(found[1]) for line in lines if (found := _WITHOUT_COLON.match(line))), None)


def _absent(fields: dict[str, Labelled]) -> str | None:
    told = fields["pytorch version"].value.lower() if "pytorch version" in fields else ""
    return "collect_env could not import torch (PyTorch version: N/A)" if told == "n/a" else None


def _built_for(cuda: str, hip: str, torch: str | None) -> tuple[str | None, str | None]:
    """What the build is for: None, N/A and "Could not collect" all stand for a `torch.version.cuda` of None."""
    own = values.build_of(torch)
    if not cuda:
        return own.cuda, own.hip
    rocm = values.release(hip) or ("" if hip and torch else None)
    return values.release(cuda) or ("" if torch else None), rocm


def _processor(value: str, os: str | None) -> str | None:
    """Windows' own numbers for processor architectures, else lscpu's word."""
    return {"9": "x86_64", "12": "arm64", "0": "i686"}.get(value.strip()) or values.architecture(value, os)


def _after_brackets(value: str | None) -> str | None:
    return value.rpartition(")")[2] or value if value else None


def _gpus(
    lines: list[str], fields: dict[str, Labelled]
) -> tuple[tuple[NvmlDevice, ...] | None, tuple[PciGpu, ...] | None, bool]:
    """The GPUs as nvidia-smi lists them, those of other makers, and whether nothing of CUDA was found."""
    if "gpu models and configuration" not in fields:
        return None, None, False
    line, value, _ = fields["gpu models and configuration"]
    if value.lower().startswith(_NO_CUDA):
        return None, None, True
    block = [value]
    for following in lines[line + 1 : line + _GPU_LINES]:
        plain = following.strip()
        if plain and not plain.upper().startswith(("GPU", "MIG")):
            break
        block.append(plain)
    found = values.listed_gpus(block)
    if found:
        return found, None, False
    name = values.told(value)
    vendor = values.vendor_of(name) if name else None
    if name is None or vendor is None:
        return None, None, False
    if vendor == "nvidia":
        return (NvmlDevice(index=0, name=name),), None, False
    return None, (values.pci_gpu(name, vendor=vendor),), False
