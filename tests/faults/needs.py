"""What a fault cannot be planted without, each with the reason that is given where it is lacking."""

import os
import shutil
import subprocess
from functools import cache

from tests.conftest import installed_python

WITHOUT_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""What starts a program of root's for which the modes of files count too."""
OWN_MOUNTS = ("unshare", "--mount")
"""What starts a program that sees mounts of its own."""


@cache
def lacking(need: str) -> str:
    """Say why a need cannot be met here, "" where it can."""
    if need == "modes":
        return "" if os.geteuid() != 0 or _starts(WITHOUT_RIGHTS) else "root may read everything here"
    if need == "mounts":
        return "" if os.geteuid() == 0 and _starts(OWN_MOUNTS) else "no mounts of one's own here"
    if need.startswith("shell "):
        return "" if shutil.which(need.removeprefix("shell ")) else f"no {need.removeprefix('shell ')} on this machine"
    return "" if installed_python(need.removeprefix("python")) else f"no {need} on this machine"


def _starts(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
