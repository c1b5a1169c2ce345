"""Plain dotted versions, as drivers, CUDA releases and torch releases have them."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def numbers(version: str) -> tuple[int, ...]:
    """Return "535.104.05" as (535, 104, 5), reading up to the first part that is not a number."""
    parts: list[int] = []
    for part in version.split("+", maxsplit=1)[0].split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def minor(version: str) -> str:
    """Return the first two parts: "3.11.7" gives "3.11"."""
    return ".".join(version.split(".")[:2])


def public(version: str) -> str:
    """Return a version without its local part: "2.13.0+cpu" gives "2.13.0"."""
    return version.split("+", maxsplit=1)[0]
