"""`envkit collector`: the probes as one script, for a machine where envkit is not."""

import sys

import click

_EPILOG = """\b
Examples:
  envkit collector > collector.py
  envkit collector | ssh HOST python3 - > snapshot.json
  docker exec -i CONTAINER python3 - --quick < collector.py > snapshot.json
  envkit doctor --from snapshot.json

\b
Exit codes: 0 done, 2 usage, 3 envkit failed
"""


@click.command("collector", epilog=_EPILOG)
def command() -> int:
    """Print a script that writes a snapshot of the machine that it runs on.

    It needs Python 3.6 or later and nothing else, installs nothing and writes no file. The interpreter that runs it is
    examined; `--python PATH`, `--timeout SECONDS`, `--quick` and `--deep` after `python3 -` say otherwise.
    """
    from envkit.probes.collector import render_collector

    sys.stdout.write(render_collector())
    return 0
