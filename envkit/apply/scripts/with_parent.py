"""Run a program that ends when its parent does, also where that is killed: for Linux, which can be asked for it.

`python -I -S with_parent.py PARENT PROGRAM ...`: becomes the program, after the system was told to kill it when
PARENT, the process number of envkit, is gone. What a killed run began would otherwise go on writing unseen.
Standard library only.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h; it outlives becoming another program."""


def main(parent, *command):
    # type: (str, *str) -> int
    """Become the program; return only where that cannot be."""
    # Where that cannot be had the program may outlive its parent, and the next run kills it.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        return 1  # it was gone before the system was told
    try:
        os.execv(command[0], command)  # noqa: S606 - an argument list, no shell
    except OSError as refusal:
        sys.stderr.write("ERROR: {} could not be started: {}\n".format(command[0], refusal.strerror))
    return 127


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
