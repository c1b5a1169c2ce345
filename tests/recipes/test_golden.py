"""Whole recipes for typical machines, compared with `golden/`.

After a wanted change, write them anew and read the difference:

    ENVKIT_GOLDEN=write python -m pytest tests/recipes/test_golden.py

Each is also read by the readers of its languages.
"""

import os
import shutil
from pathlib import Path

import pytest

from envkit.planning.model import Engine, Manager
from envkit.planning.recipe import recipe
from tests.recipes.validators import VALIDATORS, write

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "venv-linux-cpu": ("linux-cpu", {}),
    "venv-linux-cu121": ("linux-a100", {"cuda": "12.1", "packages": ("torchvision",)}),
    "venv-linux-default-index": ("linux-cpu", {"cuda": "13.0"}),
    "venv-macos-arm64": ("macos-arm64", {}),
    "venv-windows": ("windows-4090", {"path": "it's mine"}),
    "venv-free-threaded": ("linux-cpu", {"python": "3.14t"}),
    "venv-linux-uv": (
        "linux-a100",
        {"engine": Engine.UV, "torch": "2.5.1", "cuda": "11.8", "packages": ("torchaudio",)},
    ),
    "virtualenv-linux-cpu": ("linux-cpu", {"manager": Manager.VIRTUALENV, "path": "my env"}),
    "virtualenv-python38": ("linux-cpu", {"manager": Manager.VIRTUALENV, "python": "3.8"}),
    "conda-linux-cpu": ("linux-cpu", {"manager": Manager.CONDA}),
    "conda-linux-cuda": ("linux-a100", {"manager": Manager.CONDA, "packages": ("torchvision", "pandas>=2")}),
    "conda-linux-cu118": (
        "linux-a100",
        {"manager": Manager.CONDA, "torch": "2.1.0", "cuda": "11.8", "name": "lecture"},
    ),
    "conda-windows": ("windows-4090", {"manager": Manager.CONDA, "torch": "2.5.1", "path": "env"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_recipe_is_the_recorded_one(make_plan, case):
    host, request = CASES[case]
    files = recipe(make_plan(host, **request)).files

    if os.environ.get("ENVKIT_GOLDEN") == "write":
        shutil.rmtree(GOLDEN / case, ignore_errors=True)
        write(GOLDEN / case, {name: text.replace("\r\n", "\n") for name, text in files.items()})
    recorded = [path for path in (GOLDEN / case).rglob("*") if path.is_file()]
    assert {name: text.replace("\r\n", "\n") for name, text in files.items()} == {
        path.relative_to(GOLDEN / case).as_posix(): path.read_text(encoding="utf-8") for path in recorded
    }


@pytest.mark.parametrize("name", VALIDATORS)
def test_the_reader_of_each_file_has_nothing_against_it(make_plan, tmp_path, name):
    checked = 0
    for case, (host, request) in CASES.items():
        made = recipe(make_plan(host, **request))
        if name in made.names:
            VALIDATORS[name](write(tmp_path / case, {name: made.text(name)}) / name)
            checked += 1
    assert checked >= 4


def test_no_recorded_recipe_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)
