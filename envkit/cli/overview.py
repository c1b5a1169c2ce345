"""The front page: `envkit` and `envkit --help`. Standard library only, so that it appears at once."""

COMMANDS = {
    "doctor": ("envkit.cli.doctor", "name what is wrong with an environment, and the command that mends it"),
    "create": ("envkit.cli.create", "write, or make, the environment that fits this machine"),
    "matrix": ("envkit.cli.matrix", "which torch, for which Python, CUDA, driver and GPU"),
    "collector": ("envkit.cli.collector", "print the probes as one script, for a machine without envkit"),
    "smoke": ("envkit.cli.smoke", "verify and time the lecture's workloads on every device"),
    "diff": ("envkit.cli.diff", "what differs between two environments, that first which matters"),
    "schema": ("envkit.cli.schema", "print the JSON Schema of what --json and --save write"),
}
"""Command, the module that holds it, what it answers in one line."""

_PAGE = """\
Usage: envkit COMMAND [OPTIONS]

Set up a PyTorch environment that fits the machine, and name the root cause
when one breaks.

Commands:
{commands}

Options:
  --version  show the version
  --help     show this page; `envkit COMMAND --help` shows a command's

Examples:
  envkit doctor                          is this environment right?
  envkit doctor --python .venv --json    another one, for a program to read
  envkit create --conda > environment.yml
  envkit create --apply .venv            make it, then check it
  envkit matrix --gpu "RTX 5090" --driver 580
  envkit smoke --device cuda             right numbers, and how fast?
  envkit diff issue.txt .venv            it works on my machine: what differs?

Exit codes: 0 healthy, 1 errors found, 2 usage, 3 envkit failed, 4 incomplete
"""


def page() -> str:
    """Return the front page."""
    rows = (f"  {name:<9} {summary}" for name, (_, summary) in COMMANDS.items())
    return _PAGE.format(commands="\n".join(rows))
