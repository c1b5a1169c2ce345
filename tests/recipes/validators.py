"""Each file of a recipe before the real reader of its language, or the nearest to it that runs here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest brings it
    import tomli as tomllib

# https://containers.dev/implementors/json_reference: of its keys those that a recipe uses.
DEVCONTAINER = {
    "type": "object",
    "required": ["name", "build", "remoteUser"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "build": {
            "type": "object",
            "required": ["dockerfile"],
            "additionalProperties": False,
            "properties": {"dockerfile": {"const": "../Dockerfile"}, "context": {"const": ".."}},
        },
        "hostRequirements": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"gpu": {"enum": [True, False, "optional"]}},
        },
        "runArgs": {"type": "array", "items": {"type": "string", "pattern": "^--"}},
        "remoteUser": {"enum": ["user", "mambauser"]},
        "customizations": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "vscode": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "extensions": {"type": "array", "items": {"type": "string", "pattern": r"^[\w-]+\.[\w-]+$"}},
                        "settings": {"type": "object"},
                    },
                }
            },
        },
    },
}


def program(name):
    """Return a program beside the interpreter, where wheels put theirs, or on PATH; skip the test without it."""
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def check_sh(path):
    for shell in ("sh", "dash", "bash", "zsh", "ksh"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", path], check=True)
    subprocess.run([program("shellcheck"), "--shell=sh", path], check=True)


def check_fish(path):
    subprocess.run([program("fish"), "--no-execute", path], check=True)


def check_powershell(path):
    assert _syntax_errors(pytest.importorskip("tree_sitter_powershell"), path.read_bytes()) == []


def check_cmd(path):
    text = path.read_bytes()
    assert _syntax_errors(pytest.importorskip("tree_sitter_batch"), text) == []
    assert text.count(b"\r\n") == text.count(b"\n")


def _syntax_errors(grammar, text):
    tree_sitter = pytest.importorskip("tree_sitter")
    tree = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(text)
    waiting, wrong = [tree.root_node], []
    while waiting:
        node = waiting.pop()
        waiting += node.children
        # A symbol that the parser had to add is an error too.
        if node.is_error or node.is_missing:
            wrong.append((node.start_point.row + 1, node.text.decode(errors="replace")))
    return wrong or (["somewhere"] if tree.root_node.has_error else [])


def check_requirements(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for line in lines:
        assert line.startswith("--extra-index-url https://download.pytorch.org/") or Requirement(line)


def check_environment(path):
    yaml = pytest.importorskip("yaml")
    environment = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(environment) == ["name", "channels", "dependencies"]
    assert all(isinstance(value, str) for value in (*environment["channels"], *environment["dependencies"]))


def check_pyproject(path):
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    requirements = {Requirement(text).name for text in document["project"]["dependencies"]}
    assert SpecifierSet(document["project"]["requires-python"])
    sources = document["tool"]["uv"].get("sources", {})
    indexes = {index["name"]: index for index in document["tool"]["uv"].get("index", ())}
    assert set(sources) <= requirements
    assert {source["index"] for source in sources.values()} == set(indexes)
    open_too = "index-strategy" in document["tool"]["uv"]
    assert all(index.get("explicit") is (None if open_too else True) for index in indexes.values())


def check_dockerfile(path):
    subprocess.run([program("hadolint"), "--no-color", path], check=True)


def check_devcontainer(path):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), DEVCONTAINER)


def check_readme(path):
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt().parse(path.read_text(encoding="utf-8"))
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[1:] == ["Make it", "Enter it", "Check it", "Why this one"]
    # What a value could smuggle in: markup of its own.
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}
    assert not [token for token in tokens if token.type == "html_block"]


VALIDATORS = {
    "create.sh": check_sh,
    "create.fish": check_fish,
    "create.ps1": check_powershell,
    "create.cmd": check_cmd,
    "requirements.txt": check_requirements,
    "environment.yml": check_environment,
    "pyproject.toml": check_pyproject,
    "Dockerfile": check_dockerfile,
    ".devcontainer/devcontainer.json": check_devcontainer,
    "README.md": check_readme,
}


def write(folder, files):
    """Write the files of a recipe as they are, and return their folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder
