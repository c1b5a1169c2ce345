"""The published schemas against an independent validator, and against documents that are broken on purpose."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit import matrix
from envkit.bench.comparing import compare
from envkit.checks import diagnose
from envkit.cli.schema import NAMES
from envkit.errors import EnvkitError
from envkit.findings import Ignored, Severity
from envkit.intake.recorded import read
from envkit.planning.decide import explain, plan
from envkit.planning.model import Request
from envkit.render import documents
from envkit.render import json as rendered
from envkit.render.schema import TITLES, schema_document
from envkit.snapshot import Snapshot, encode
from tests.builders import make_gpu_snapshot, make_snapshot
from tests.intake.test_recorded import SAMPLES, pasted
from tests.render.test_smoke_terminal import PAGES, shown
from tests.render.test_terminal import REPORTS, SNAPSHOTS

MACHINES: dict[str, Snapshot] = {
    **SNAPSHOTS,
    **{name: read(text.encode(), "report.txt") for name, text in REPORTS.items()},
    **{f"sample {at}": read(text.encode(), "report.txt") for at, text in enumerate(SAMPLES)},
}


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = schema_document(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def told(document: Any) -> Any:
    """The document as a reader gets it."""
    return json.loads(encode(document))


def plain_findings(snapshot: Snapshot) -> Any:
    return told(rendered.diagnosis_document(diagnose(snapshot, matrix.load()), snapshot))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_names_itself_and_no_host(name: str) -> None:
    schema = schema_document(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:envkit:schema:{name}:1"
    assert schema["title"] == TITLES[name]
    validator(name)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for one in schema.values():
            yield from objects(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from objects(one)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_closed_and_every_field_of_the_model_is_in_it(name: str) -> None:
    records = [one for one in objects(schema_document(name)) if "properties" in one]
    assert len(records) > 5
    assert all(one["additionalProperties"] is False for one in records)
    assert {field for one in records for field in one["required"]} <= {
        key for one in records for key in one["properties"]
    }


def test_fields_are_described_with_the_model_s_own_words() -> None:
    definitions = schema_document("findings")["$defs"]
    assert definitions["Nvml"]["properties"]["driver_version"]["description"] == "Version of the driver package."
    assert definitions["FindingsDocument"]["properties"]["asks"]["description"].startswith("Of a report")
    assert (
        "None when" in schema_document("plan")["$defs"]["Availability"]["properties"]["driver_runs_it"]["description"]
    )


@pytest.mark.parametrize("name", MACHINES)
def test_snapshots_and_findings_of_recorded_machines_are_valid(name: str) -> None:
    validator("snapshot").validate(told(MACHINES[name]))
    validator("findings").validate(plain_findings(MACHINES[name]))


def test_what_is_ignored_is_valid() -> None:
    document = plain_findings(make_snapshot())
    ignored = Ignored(code="gpu-absent", severity=Severity.NOTE, summary="none here", by="--ignore")
    validator("findings").validate({**document, "ignored": told((ignored,))})


@pytest.mark.parametrize("name", PAGES)
def test_results_of_recorded_runs_are_valid(name: str) -> None:
    validator("results").validate(told(rendered.results_document(*shown(name))))


def test_a_comparison_is_valid() -> None:
    results = shown("held-back")[0]
    compared = rendered.results_document(results, (), compare(results, results, "before.json"))
    validator("results").validate(told(compared))
    assert told(compared)["comparison"]["compared"]


@pytest.mark.parametrize("snapshot", [make_snapshot(), make_gpu_snapshot()], ids=["cpu", "gpu"])
def test_plans_are_valid(snapshot: Snapshot) -> None:
    request = Request(python="3.11")
    tables = matrix.load()
    others = explain(request, snapshot, tables)
    document = rendered.plan_document(plan(request, snapshot, tables), files={"create.sh": "x"}, others=others)
    validator("plan").validate(told(document))
    validator("plan").validate(told(rendered.plan_document(None, path="/x", steps=[{"name": "a", "argv": ["b"]}])))


def wrong(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield what no envkit writes, each with what is wrong."""
    changes: dict[str, Any] = {
        "a field too many": lambda found: found.update(surprise=1),
        "another version": lambda found: found.update(schema_version=2),
        "no version": lambda found: found.pop("schema_version"),
        "the version is text": lambda found: found.update(schema_version="1"),
    }
    for what, change in changes.items():
        changed = copy.deepcopy(document)
        change(changed)
        yield what, changed


def documents_of_each() -> dict[str, Any]:
    snapshot = make_gpu_snapshot()
    return {
        "snapshot": told(snapshot),
        "findings": plain_findings(snapshot),
        "results": told(rendered.results_document(*shown("held-back"))),
        "plan": told(rendered.plan_document(plan(Request(), snapshot, matrix.load()))),
    }


DOCUMENTS = documents_of_each()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_broken_on_purpose_fails(name: str) -> None:
    check = validator(name)
    check.validate(DOCUMENTS[name])
    for what, document in wrong(DOCUMENTS[name]):
        assert not check.is_valid(document), what


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every object in a document, plugins' own facts left out."""
    if isinstance(value, dict):
        yield at
        for key, one in value.items():
            yield from paths(one, (*at, key))
    elif isinstance(value, list):
        for key, one in enumerate(value):
            yield from paths(one, (*at, key))


OPEN = ("variables", "own_modules", "plugins", "size", "not_finite", "companions", "files", "alone", "together")
"""What is named by others than the model."""
OPEN_TOO = ("environment", "layers", "lowered_from")
RECORDS = [
    (name, way)
    for name, document in DOCUMENTS.items()
    for way in paths(document)
    if not {*OPEN, *OPEN_TOO} & {key for key in way if isinstance(key, str)}
]


@given(st.sampled_from(RECORDS))
@settings(max_examples=150, deadline=None)
def test_a_field_that_the_model_has_not_fails_wherever_it_stands(record: tuple[str, tuple[Any, ...]]) -> None:
    name, way = record
    document = copy.deepcopy(DOCUMENTS[name])
    inner = document
    for key in way:
        inner = inner[key]
    inner["surprise"] = 1
    assert not VALIDATORS[name].is_valid(document), way


@given(st.sampled_from(RECORDS), st.data())
@settings(max_examples=150, deadline=None)
def test_a_value_of_another_kind_fails_wherever_it_stands(
    record: tuple[str, tuple[Any, ...]], data: st.DataObject
) -> None:
    name, way = record
    document = copy.deepcopy(DOCUMENTS[name])
    inner = document
    for key in way:
        inner = inner[key]
    typed = [key for key in inner if key not in {*OPEN, *OPEN_TOO}]
    if typed:
        inner[data.draw(st.sampled_from(typed))] = [[{"no": "such"}]]
        assert not VALIDATORS[name].is_valid(document), way


VALIDATORS = {name: validator(name) for name in NAMES}


@given(pasted)
@settings(max_examples=100, deadline=None)
def test_whatever_is_pasted_becomes_a_valid_document(text: str) -> None:
    try:
        snapshot = read(text.encode("utf-8", "replace"), "x")
    except EnvkitError:
        return
    VALIDATORS["snapshot"].validate(told(snapshot))
    VALIDATORS["findings"].validate(plain_findings(snapshot))


def test_every_kind_of_document_has_a_schema() -> None:
    assert set(documents.ALTERNATIVES) == set(NAMES) == set(TITLES)
