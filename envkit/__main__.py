"""`envkit` and `python -m envkit`."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # What is imported stays to the end: to look through it for what may go, again and again, takes a twentieth.
    gc.set_threshold(50_000)
    _own_first()
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


def _own_first() -> None:
    """Put PYTHONPATH's folders behind what is installed beside envkit.

    They are the target's affair: another Python's packages there would be imported in the place of envkit's own.
    """
    variable = os.environ.get("PYTHONPATH", "")
    if variable and not sys.flags.ignore_environment:
        import site

        # As `site` has made those of the search path; pathlib takes a tenth of a short command's time.
        named = {os.path.abspath(entry) for entry in variable.split(os.pathsep) if entry}  # noqa: PTH100
        foreign = named.difference(site.getsitepackages())
        sys.path.sort(key=foreign.__contains__)


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
