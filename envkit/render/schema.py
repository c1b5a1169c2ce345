"""The published JSON Schemas (2020-12), generated from the model: fields, types, and their docstrings.

A schema is as strict as what is written: no field that the model does not have, and every field that is always there.
The one of snapshots asks only for the fields without a default: the collector leaves out what it has nothing to say of.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import msgspec

from envkit import findings, results, snapshot
from envkit.planning import answers, model
from envkit.render import documents
from envkit.render.json import SCHEMA_VERSION
from envkit.snapshot import SCHEMA_VERSION as SNAPSHOT_VERSION

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

TITLES = {
    "snapshot": "envkit snapshot: the facts of a machine (doctor --save, collector)",
    "findings": "envkit findings: what doctor --json prints",
    "results": "envkit results: what smoke --json prints",
    "plan": "envkit plan: what create --json prints",
}
"""The schemas that are published."""


def schema_document(name: str) -> Schema:
    """Return the schema of that name."""
    alternatives = documents.ALTERNATIVES[name]
    roots, components = msgspec.json.schema_components(alternatives, ref_template="#/$defs/{name}")
    whole = name != "snapshot"
    described = _docstrings()
    defined = {each: _strict(each, one, described, whole=whole) for each, one in components.items()}
    return {
        "$schema": DIALECT,
        "$id": f"urn:envkit:schema:{name}:{version_of(name)}",
        "title": TITLES[name],
        **(roots[0] if len(roots) == 1 else {"anyOf": list(roots)}),
        "$defs": defined,
    }


def version_of(name: str) -> int:
    """Return the `schema_version` of the documents that a schema is for."""
    return SNAPSHOT_VERSION if name == "snapshot" else SCHEMA_VERSION


_BARE = frozenset(
    one.__name__ for group in documents.ALTERNATIVES.values() for one in group if one.__struct_config__.omit_defaults
)
"""They leave out what says nothing for the request."""


def _strict(name: str, schema: Schema, described: dict[tuple[str, str], str], *, whole: bool) -> Schema:
    """Return the schema of a record with nothing beside its fields; `whole` asks for every one that is written."""
    if "properties" not in schema:
        return schema
    properties = {field: _told(one, described.get((name, field))) for field, one in schema["properties"].items()}
    required = schema.get("required", [])
    if whole and name not in _BARE:
        # A field that may be left out altogether is UNSET, which is no default that a schema could tell.
        required = [field for field, one in schema["properties"].items() if field in required or "default" in one]
    if name == "Snapshot":
        properties["schema_version"] = {"const": SNAPSHOT_VERSION}
        required = list(dict.fromkeys(("schema_version", *required)))
    if name in _ENVELOPED:
        properties = {"schema_version": {"const": SCHEMA_VERSION}, "envkit_version": {"type": "string"}, **properties}
        required = ["schema_version", "envkit_version", *required]
    return {**schema, "properties": properties, "required": required, "additionalProperties": False}


_ENVELOPED = frozenset(one.__name__ for one in documents.IN_ENVELOPE)


def _told(schema: Schema, description: str | None) -> Schema:
    kept = {key: value for key, value in schema.items() if key != "default"}
    return {**kept, "description": description} if description else kept


_MODEL = (snapshot, findings, results, model, answers, documents)
"""The modules that the records stand in."""


@cache
def _docstrings() -> dict[tuple[str, str], str]:
    """Return what the model says of its fields, by the names of record and field."""
    own = {pair: text for module in _MODEL for pair, text in _said_in(module)}
    inherited = {
        (record.__name__, field): text
        for alternatives in documents.ALTERNATIVES.values()
        for record in alternatives
        for base in record.__mro__
        for (of, field), text in own.items()
        if of == base.__name__
    }
    return own | inherited


def _said_in(module: ModuleType) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the strings that follow fields in the classes of a module."""
    for record in ast.parse(inspect.getsource(module)).body:
        if not isinstance(record, ast.ClassDef):
            continue
        for field, text in zip(record.body, record.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                yield (record.name, field.target.id), inspect.cleandoc(text.value.value).replace("\n", " ")
