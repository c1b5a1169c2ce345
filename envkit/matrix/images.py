"""The images that containers are built on."""

import msgspec

from envkit.matrix.data_files import read


class _File(msgspec.Struct, frozen=True):
    python: dict[str, str]
    micromamba: str


def python_image(minor: str) -> str:
    """Return the image with that Python, "3.11"."""
    images = read("images.json", _File).python
    return images.get(minor, images["other"]).format(minor=minor)


def micromamba_image() -> str:
    """Return the image that conda's packages are put into."""
    return read("images.json", _File).micromamba
