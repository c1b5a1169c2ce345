"""Looking at files where one may not look everywhere: what cannot be seen counts as not there.

Before Python 3.14 the methods of pathlib raise for a folder that one may not enter; these never do.
"""

import os
from pathlib import Path


def exists(path: Path) -> bool:
    """Say whether something is there, links followed."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Say whether a file is there, links followed."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Say whether a folder is there, links followed."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file_or_link(path: Path) -> bool:
    """Say whether a file is there, or a link, be it to nothing."""
    return is_file(path) or os.path.islink(path)  # noqa: PTH114
