"""`envkit` and `python -m envkit`."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
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
    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
