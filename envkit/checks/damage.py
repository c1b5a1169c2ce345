"""Damage to installed files, in words."""

import re

from envkit.findings import Fact
from envkit.snapshot import FileDamage

_LIBRARY = re.compile(r"\.(so|dll|pyd|dylib)\b", re.IGNORECASE)


def library_is_harmed(harm: FileDamage | None) -> bool:
    """Say whether a library is missing or altered. A .py may have been edited, and several wheels share one."""
    return harm is not None and any(map(_LIBRARY.search, harm.examples))


def describe_damage(harm: FileDamage, name: str) -> str:
    """Say how many files of a distribution are missing or altered."""
    parts = [f"{count} {word}" for count, word in ((harm.missing, "missing"), (harm.altered, "altered")) if count]
    return f"of the {harm.entries} files that {name} installed, {' and '.join(parts)}"


def damage_facts(harm: FileDamage) -> tuple[Fact, ...]:
    """The damaged files that were noted."""
    return tuple(Fact("file", example, "RECORD") for example in harm.examples)
