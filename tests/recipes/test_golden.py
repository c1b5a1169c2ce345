"""Whole recipes for typical machines, compared with `golden/`.

After a wanted change, write them anew and read the difference:

    ENVKIT_GOLDEN=write python -m pytest tests/recipes/test_golden.py
"""

import os
import shutil
from pathlib import Path

import pytest

from envkit.planning.model import Manager
from envkit.planning.recipe import recipe

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "venv-linux-cpu": ("linux-cpu", {}),
    "venv-linux-cu121": ("linux-a100", {"cuda": "12.1", "packages": ("torchvision",)}),
    "venv-linux-default-index": ("linux-cpu", {"cuda": "13.0"}),
    "venv-macos-arm64": ("macos-arm64", {}),
    "venv-windows": ("windows-4090", {"path": "it's mine"}),
    "venv-free-threaded": ("linux-cpu", {"python": "3.14t"}),
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
    files = {name: text.replace("\r\n", "\n") for name, text in recipe(make_plan(host, **request)).files.items()}

    if os.environ.get("ENVKIT_GOLDEN") == "write":
        shutil.rmtree(GOLDEN / case, ignore_errors=True)
        (GOLDEN / case).mkdir(parents=True)
        for name, text in files.items():
            (GOLDEN / case / name).write_bytes(text.encode())
    recorded = {path.name: path.read_text(encoding="utf-8") for path in (GOLDEN / case).iterdir()}
    assert files == recorded


def test_no_recorded_recipe_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)
