"""What room there is for an install."""

import os
import sys

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


def rooms():
    # type: () -> list[dict[str, Any]]
    """Free space where pip installs and where it unpacks, once where both are on one file system."""
    wanted = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    wanted += ["/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108 - looked at, as tempfile does
    temporary = next((folder for folder in wanted if folder and os.path.isdir(folder)), "")
    found = {}
    for what, folder in (("temporary folder", temporary), ("environment", sys.prefix)):
        try:
            # What is read only, or another's, is not what an install fills.
            if folder and os.access(folder, os.W_OK):
                found[os.stat(folder).st_dev] = {"what": what, "path": folder, "free": free_space(folder)}
        except (OSError, AttributeError):
            continue
    return list(found.values())


def free_space(folder):
    # type: (str) -> int
    if hasattr(os, "statvfs"):
        asked = os.statvfs(folder)
        return asked.f_bavail * asked.f_frsize
    import shutil

    return shutil.disk_usage(folder).free
