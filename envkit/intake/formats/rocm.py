"""AMD's tools: rocminfo, rocm-smi, amd-smi, and the messages of the ROCm kernel driver."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import PciGpu

_AGENT = re.compile(r"^\*{3,}[ \t]*\n[ \t]*Agent \d{1,3}[ \t]*\n\*{3,}", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]*(Name|Marketing Name|Device Type):[ \t]+(\S[^\n]{0,100}?)[ \t]*$", re.MULTILINE)
_GREPPED = re.compile(r"^[ \t]*Name:[ \t]+(gfx[0-9a-f]{3,4})[ \t]*$", re.MULTILINE)
"""What is left of rocminfo's report after `grep gfx`."""
_SERIES = re.compile(
    r"^GPU\[(\d{1,3})\][ \t]*: "
    r"(?:Card series|Card Series|Device Name|Card Model|Card model|GFX Version):[ \t]+(\S[^\n]{0,100}?)[ \t]*$",
    re.MULTILINE,
)
_INDEX = re.compile(
    r"(?:pytorch\.org/whl/(?:nightly/)?|\btorch(?:-|==)\d[\d.]{1,10}(?:\+|%2B))rocm(\d{1,2}\.\d{1,2}(?:\.\d)?)(?![\d.])"
)
"""An index of PyTorch's, or a version of torch: both name the release of ROCm."""
_OF_CUDA = "Found no NVIDIA driver"
"""What a CUDA build alone says: the ROCm build that was wanted is not what was installed."""
_CONCISE = re.compile(r"^[ \t]*(\d{1,2})[ \t]+(?:\d{1,2}[ \t]+(0x[0-9a-f]{4}),|\d{1,3}\.\d[cC][ \t])", re.MULTILINE)
"""A row of rocm-smi's own table: with the device's number in newer ones, with its temperature in older ones."""
_NOT_LOADED = re.compile(r"ROCk module is NOT loaded")


def parse(text: Text) -> Iterator[Part]:
    """Yield the AMD GPUs with their code targets."""
    if text.has("Agent "):
        gpus = tuple(islice(_agents(text.text), 64))
        if gpus:
            yield Part(display=gpus, os="linux")
    elif text.has("gfx") and (targets := dict.fromkeys(islice(_GREPPED.findall(text.text), 64))):
        yield Part(display=tuple(_amd(target) for target in targets), os="linux")
    if text.has("GPU["):
        cards = tuple(_cards(text.text))
        if cards:
            yield Part(display=cards, os="linux")
    # Only where no other build is named: an index may be advice.
    index = (
        _INDEX.search(text.text)
        if text.has("/whl/rocm", "/nightly/rocm", "+rocm", "%2Brocm") and not text.has("+cu", "/whl/cu")
        else None
    )
    if index and text.has(_OF_CUDA):
        yield Part(display=(PciGpu(address="", vendor="amd", device_id=""),))
    elif index:
        yield Part(torch_hip=index[1])
    if text.has("ROCm System Management Interface"):
        rows = dict(islice(_CONCISE.findall(text.text), 64))
        yield Part(
            os="linux",
            display=tuple(PciGpu(address="", vendor="amd", device_id=device) for device in rows.values()) or None,
        )
    if _NOT_LOADED.search(text.text):
        yield Part(os="linux")


def _amd(target: str) -> PciGpu:
    return PciGpu(address="", vendor="amd", device_id="", architecture=target)


def _agents(text: str) -> Iterator[PciGpu]:
    heads = list(islice(_AGENT.finditer(text), 64))
    for at, head in enumerate(heads):
        end = heads[at + 1].start() if at + 1 < len(heads) else head.end() + 4_000
        fields: dict[str, str] = {}
        for label, value in _FIELD.findall(text[head.end() : min(end, head.end() + 4_000)]):
            fields.setdefault(label, value)
        if fields.get("Device Type") == "GPU" or fields.get("Name", "").startswith("gfx"):
            yield PciGpu(
                address="",
                vendor="amd",
                device_id="",
                name=fields.get("Marketing Name"),
                architecture=fields["Name"] if fields.get("Name", "").startswith("gfx") else None,
            )


def _cards(text: str) -> Iterator[PciGpu]:
    names: dict[str, str] = {}
    targets: dict[str, str] = {}
    for index, value in islice(_SERIES.findall(text), 256):
        (targets if value.startswith("gfx") else names).setdefault(index, value)
    for index in sorted({*names, *targets}, key=int):
        yield PciGpu(address="", vendor="amd", device_id="", name=names.get(index), architecture=targets.get(index))
