"""Descriptions as they come in, whatever stands between them."""

import io

import pytest

from envkit.errors import EnvkitError
from envkit.intake import inventory
from envkit.intake.inventory import read_descriptions

HOST = b'{"os": "linux"}'


def read(data):
    found = read_descriptions(io.BytesIO(data), "hosts")
    return found if isinstance(found, bytes) else [(line.number, line.data.strip()) for line in found]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(HOST + b"\n" + HOST, [(1, HOST), (2, HOST)], id="one a line"),
        pytest.param(b"\n \n" + HOST + b"\n\n" + HOST, [(3, HOST), (5, HOST)], id="blank lines"),
        pytest.param(b"\nxx\n\n" + HOST + b"\n", [(2, b"xx"), (4, HOST)], id="a mistake first"),
        pytest.param(b"null\n" + HOST + b"\nnull\n", [(1, b"null"), (2, HOST), (3, b"null")], id="JSON, but no object"),
        pytest.param(b'{"os": "linux", \n', [(1, b'{"os": "linux",')], id="one that is cut short"),
        pytest.param(HOST + b"\r" + HOST, [(1, HOST), (2, HOST)], id="old line ends"),
        pytest.param(b"[" + HOST + b", " + HOST + b"]", [(1, HOST), (2, HOST)], id="a list"),
        pytest.param(b'\n{\n"os":\n"linux"}\n', [(2, b'{\n"os":\n"linux"}')], id="one on several lines"),
    ],
)
def test_lines_are_numbered_as_they_stand(data, lines):
    assert read(data) == lines


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"PyTorch version: 2.5.1\nOS: Linux\n", id="a report"),
        pytest.param(b'PyTorch version: 2.5.1\n{"level": "info"}\nOS: Linux\n', id="a report with JSON of others"),
        pytest.param(b'{"schema_version": 1, "host": {}}', id="a snapshot"),
        pytest.param(b'{"schema_version": 1, "host": ', id="a snapshot that is cut short"),
        pytest.param(b'{\n"os": "linux",\n', id="a description on several lines that is cut short"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_inventory_is_handed_on_whole(data):
    assert read(data) == data


LONG = b'{"os": "' + b"x" * 300 + b'"}'


@pytest.mark.parametrize(
    ("lines", "too_long"),
    [
        pytest.param((HOST, LONG, HOST), [False, True, False], id="in the middle"),
        pytest.param((LONG, HOST), [True, False], id="at the beginning"),
        pytest.param((HOST, LONG), [False, True], id="at the end"),
    ],
)
def test_a_line_that_is_too_long_is_passed_over(monkeypatch, lines, too_long):
    monkeypatch.setattr(inventory, "LONGEST_LINE", 64)

    found = list(read_descriptions(io.BytesIO(b"\n".join(lines)), "hosts"))

    assert [line.is_too_long for line in found] == too_long
    assert [line.number for line in found] == list(range(1, len(lines) + 1))
    assert all(line.data.strip() == HOST for line in found if not line.is_too_long)


@pytest.mark.parametrize("before", [b"", HOST + b"\n"])
def test_what_has_no_end_is_one_error(monkeypatch, before):
    monkeypatch.setattr(inventory, "LONGEST_LINE", 64)
    monkeypatch.setattr(inventory, "MOST_BYTES", 1024)

    with pytest.raises(EnvkitError, match=r"no end within|too long for anything else"):
        list(read_descriptions(io.BytesIO(before + bytes(4096)), "hosts"))
