"""Reading a data file of the matrix into its typed form."""

from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
DATA = Path(__file__).parent / "data"


def read(name: str, shape: type[T]) -> T:
    """Return the data file `name` decoded as `shape`; fields that `shape` lacks are passed over."""
    return msgspec.json.decode((DATA / name).read_bytes(), type=shape)
