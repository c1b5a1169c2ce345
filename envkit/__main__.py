"""`envkit` and `python -m envkit`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # What is imported stays to the end: to look through it for what may go, again and again, takes a twentieth.
    gc.set_threshold(50_000)
    put_own_modules_first()
    arguments = sys.argv[1:]
    if arguments in ([], ["--help"], ["-h"]):
        # The front page needs no command line library: it appears in a tenth of the time.
        from envkit.cli.overview import page

        sys.stdout.write(page())
        return
    try:
        from envkit.cli.app import run
    except KeyboardInterrupt:  # before there is anything to clean up
        sys.exit(130)
    leave(run(arguments))


def put_own_modules_first() -> None:
    """Let nothing that the user's PYTHONPATH or current folder holds take the place of a module that envkit needs.

    They are what the target sees, and often what is wrong there. They stay at the end: a plugin may lie in them.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    try:
        theirs = {os.path.realpath(entry) for entry in ("", *given)}  # noqa: PTH - pathlib takes long to import
        sys.path.sort(key=lambda entry: os.path.realpath(entry) in theirs)  # noqa: PTH - likewise; a stable sort
    except OSError:  # the current folder was deleted: nothing is imported from it
        return


def leave(code: int) -> None:
    """End the process at once: taking everything apart that was imported takes a fifth of a short command's time.

    Whatever envkit starts or opens is closed where it is used, so nothing waits for the interpreter's end.
    """
    from contextlib import suppress

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader left, or the disk is full: both were told already
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
