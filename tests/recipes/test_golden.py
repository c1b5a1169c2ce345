"""Whole recipes for typical machines, compared with `golden/`; of most, the files that make the environment.

After a wanted change, write them anew and read the difference:

    ENVKIT_GOLDEN=write python -m pytest tests/recipes/test_golden.py

Each file that a recipe has is also read by the reader of its language.
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
    "venv-linux-cu121": ("linux-a100", {"cuda": "12.1", "packages": ("torchvision",)}),
    "venv-linux-cpu": ("linux-cpu", {}),
    "venv-linux-default-index": ("linux-cpu", {"cuda": "13.0"}),
    "venv-linux-aarch64": ("linux-aarch64", {}),
    "venv-linux-old-glibc": ("linux-old-glibc", {}),
    "venv-linux-rocm": ("linux-7900xtx", {"packages": ("torchvision", "torchaudio")}),
    "venv-linux-xpu": ("linux-arc", {"engine": Engine.UV}),
    "venv-linux-uv": (
        "linux-a100",
        {"engine": Engine.UV, "torch": "2.5.1", "cuda": "11.8", "packages": ("torchaudio",)},
    ),
    "venv-macos-arm64": ("macos-arm64", {}),
    "venv-macos-x86_64": ("macos-x86_64", {}),
    "venv-windows": ("windows-4090", {"path": "it's mine"}),
    "venv-free-threaded": ("linux-cpu", {"python": "3.14t"}),
    "virtualenv-windows": ("windows-cpu", {"manager": Manager.VIRTUALENV, "path": "my env"}),
    "virtualenv-python38": ("linux-cpu", {"manager": Manager.VIRTUALENV, "python": "3.8"}),
    "conda-linux-cpu": ("linux-cpu", {"manager": Manager.CONDA}),
    "conda-linux-cuda": ("linux-a100", {"manager": Manager.CONDA, "packages": ("torchvision", "pandas>=2")}),
    "conda-linux-cu118": (
        "linux-a100",
        {"manager": Manager.CONDA, "torch": "2.1.0", "cuda": "11.8", "name": "lecture", "packages": ("torchaudio",)},
    ),
    "conda-windows": ("windows-4090", {"manager": Manager.CONDA, "torch": "2.5.1", "path": "env"}),
}
WHOLE = ("venv-linux-cu121", "virtualenv-windows", "conda-linux-cu118")
"""Of these every file is kept: one recipe of each manager."""
WHAT_MAKES_IT = ("requirements.txt", "environment.yml", "Dockerfile")


@pytest.mark.parametrize("case", CASES)
def test_the_recipe_is_the_recorded_one(make_plan, case):
    host, request = CASES[case]
    made = recipe(make_plan(host, **request))
    kept = made.names if case in WHOLE else [name for name in made.names if name in (made.main, *WHAT_MAKES_IT)]
    files = {name: made.text(name).replace("\r\n", "\n") for name in kept}

    if os.environ.get("ENVKIT_GOLDEN") == "write":
        shutil.rmtree(GOLDEN / case, ignore_errors=True)
        write(GOLDEN / case, files)
    recorded = [path for path in (GOLDEN / case).rglob("*") if path.is_file()]
    assert files == {path.relative_to(GOLDEN / case).as_posix(): path.read_text(encoding="utf-8") for path in recorded}


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
