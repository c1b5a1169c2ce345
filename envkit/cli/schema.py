"""`envkit schema`: the JSON Schema of what envkit writes for programs."""

from __future__ import annotations

import click

_EPILOG = """\b
Examples:
  envkit schema findings > findings.schema.json       what `doctor --json` prints
  envkit schema snapshot                              what `doctor --save` and the collector write
  envkit doctor --json > here.json; check-jsonschema --schemafile findings.schema.json here.json

\b
Exit codes: 0 done, 2 usage, 3 envkit failed
"""

NAMES = ("snapshot", "findings", "results", "plan")


@click.command("schema", epilog=_EPILOG)
@click.argument("name", type=click.Choice(NAMES), metavar="|".join(NAMES))
def command(name: str) -> int:
    """Print the JSON Schema (2020-12) of a document.

    snapshot is what `doctor --save` and the collector write, findings what `doctor --json` prints, results what
    `smoke --json` prints, plan what `create --json` prints. A document says in `schema_version` which version it is.
    """
    from envkit.cli.output import echo_json
    from envkit.render.schema import schema_document

    echo_json(schema_document(name))
    return 0
