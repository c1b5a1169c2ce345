"""Damage to installed files, in words."""

import re

from envkit.findings import Fact
from envkit.snapshot import Distribution, FileDamage

_LIBRARY = re.compile(r"\.(so|dll|pyd|dylib)\b", re.IGNORECASE)


def library_is_harmed(harm: FileDamage | None) -> bool:
    """Say whether a library is missing or altered. A .py may have been edited, and several wheels share one."""
    return harm is not None and any(map(_LIBRARY.search, harm.examples))


def describe_damage(harm: FileDamage, name: str) -> str:
    """Say how many files of a distribution are missing or altered."""
    parts = [f"{count} {word}" for count, word in ((harm.missing, "missing"), (harm.altered, "altered")) if count]
    return f"of the {harm.entries} files that {name} installed, {' and '.join(parts)}"


def record_of(copy: Distribution) -> str:
    """Return what lists the files of a distribution, in words: pip's RECORD, or the record in conda-meta."""
    return "conda's record" if copy.metadata.endswith(".json") else "RECORD"


def damage_facts(copy: Distribution) -> tuple[Fact, ...]:
    """The damaged files of a distribution that were noted."""
    return tuple(Fact("file", example, record_of(copy)) for example in (copy.damage.examples if copy.damage else ()))
