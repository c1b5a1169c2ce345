"""Parts of several formats as one: the most trusted word counts, and a contradiction is told."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from envkit.intake.part import Part
from envkit.snapshot import Distribution, NvmlDevice, PciGpu

_FIELDS = tuple(field.name for field in msgspec.structs.fields(Part))
_LONGEST = 120

# Where several formats add to each other instead of telling one thing.
_ADDED = ("variables", "distributions", "modules", "gpus", "display", "complaints", "launchers", "refusals")
# Failures count before what else a report says: they are why it was written.
_WORST = ("nvml_error", "cuda_error")
# Free text: another wording is no contradiction.
_WORDING = frozenset(
    (
        *(
            "os_name",
            "cpu",
            "kernel",
            "kind",
            "implementation",
            "whole_list",
            "executable",
            "gcc",
            "environment_broken",
        ),
        *("nvml_absent", "cuda_absent", "cuda_library", "cuda_devices", "cuda_why", "cuda_count"),
        *("torch_absent", "torch_file", "arch_list", "import_error", "mps_why", "device_error"),
    )
)

Told = tuple[str, Part]
"""A part and the name of the format that it is from."""


class Merged(NamedTuple):
    """One part, and what was told otherwise: field, by whom, and the words of both."""

    part: Part
    contradictions: tuple[str, ...]


def merged(told: Iterable[Told]) -> Merged:
    """Return all parts as one; the first word on a fact counts."""
    parts = list(told)
    facts: dict[str, Any] = {}
    contradictions: list[str] = []
    for field in _FIELDS:
        given = [(name, value) for name, part in parts if (value := getattr(part, field)) is not None]
        if not given:
            continue
        if field in _ADDED:
            facts[field] = _together(field, [value for _, value in given])
            continue
        by, first = next((one for one in given if field in _WORST and one[1]), given[0])
        facts[field] = _fullest(field, first, [value for _, value in given])
        contradictions += _contradictions(field, by, first, given) if field not in _WORDING else []
    return Merged(Part(**facts), tuple(contradictions))


def _fullest(field: str, first: Any, values: list[Any]) -> Any:
    """The same version told more exactly is the better word: "3.10.12" for "3.10"."""
    if field not in ("python", "torch", "nvcc"):
        return first
    separators = (".", "+")
    fuller = [value for value in values if value.startswith(tuple(first + separator for separator in separators))]
    return max((first, *fuller), key=len)


def _contradictions(field: str, by: str, first: Any, given: list[tuple[str, Any]]) -> list[str]:
    others: dict[str, str] = {}
    for name, value in given:
        if value != first and not _same(str(first), str(value)):
            others.setdefault(str(value), name)
    return [
        f"{field.replace('_', ' ')}: {str(first)[:_LONGEST]!r} ({by}), also told as {value[:_LONGEST]!r} ({name})"
        for value, name in list(others.items())[:4]
    ]


def _same(one: str, other: str) -> bool:
    """The same version, one of them told to fewer places or without its local part."""
    return any(long.startswith((short + ".", short + "+")) for short, long in ((one, other), (other, one)))


def _together(field: str, values: Sequence[Any]) -> Any:
    if field == "variables":
        return {name: value for told in reversed(values) for name, value in told.items()}
    if field == "gpus":
        return _gpus(values)
    if field == "display":
        return _display(values)
    if field == "distributions":
        return _distributions(values)
    return tuple(dict.fromkeys(one for told in values for one in told))


def _gpus(values: Sequence[tuple[NvmlDevice, ...]]) -> tuple[NvmlDevice, ...]:
    """The first list counts; what later ones know of the same GPUs is added to it."""
    lists = [told for told in values if told]
    if not lists:
        return ()
    # A list of lost GPUs alone says nothing of the others.
    named = next((told for told in lists if any(one.name for one in told)), lists[0])
    devices = {one.index: one for one in named}
    for told in lists:
        for one in told:
            if one.index in devices:
                devices[one.index] = _filled(devices[one.index], one)
    return tuple(devices.values())


def _filled(known: NvmlDevice, other: NvmlDevice) -> NvmlDevice:
    """What is known of a GPU, with what another list adds; an old table's cut name gives way to the whole one."""
    cut = (known.name or "").rstrip(".")
    longer = known.name is not None and known.name.endswith("..") and (other.name or "").startswith(cut)
    added = {
        field: getattr(other, field)
        for field in NvmlDevice.__struct_fields__
        if getattr(known, field) is None and getattr(other, field) is not None
    }
    return msgspec.structs.replace(known, **added, **({"name": other.name} if longer else {}))


def _display(values: Sequence[tuple[PciGpu, ...]]) -> tuple[PciGpu, ...]:
    """The controllers as the bus lists them where that was told, else as they are named."""
    on_bus = tuple(one for told in values for one in told if one.address)
    found = on_bus or max(values, key=len)
    targets = [one.architecture for told in values for one in told if one.architecture]
    return tuple(
        msgspec.structs.replace(one, architecture=targets[0])
        if one.vendor == "amd" and one.architecture is None and len(set(targets)) == 1
        else one
        for one in dict.fromkeys(found)
    )


def _distributions(values: Sequence[tuple[Distribution, ...]]) -> tuple[Distribution, ...]:
    """The first list that knows a distribution counts: a second machine's list is not a second install."""
    found: dict[str, list[Distribution]] = {}
    for told in values:
        known = set(found)
        for one in told:
            if one.name not in known:
                found.setdefault(one.name, []).append(one)
    if {"torch", "pytorch"} <= found.keys():
        versions = {one.version.partition("+")[0] for one in found["pytorch"]}
        same = all(one.version.partition("+")[0] in versions for one in found["torch"])
        if same:  # conda's package and the same one in pip's list
            del found["torch"]
    return tuple(one for told in found.values() for one in told)
