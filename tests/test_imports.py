"""Who may import whom where import-linter cannot look: payload and scripts stand outside the package's graph."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "envkit" / "probes" / "scripts"
SMOKE = ROOT / "smoke"


def name_file(path):
    return path.relative_to(ROOT).as_posix()


def list_files(folder, *, without=()):
    """Return the Python files of a folder as parameters, each with its name as the id."""
    files = [path for path in sorted(folder.rglob("*.py")) if not any(path.is_relative_to(room) for room in without)]
    return [pytest.param(path, id=name_file(path)) for path in files]


def find_imports(path):
    """Return the top-level names that a file imports anywhere in it; a dot is its own package."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else node.module.partition(".")[0])
    return names


def test_there_are_scripts_and_workloads_to_look_at():
    assert (len(list_files(SCRIPTS)) > 0, len(list_files(SMOKE)) > 1) == (True, True)


def test_imports_inside_functions_and_of_submodules_are_found(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("def f():\n    import torch.cuda as c\n    from numpy.linalg import norm\n    from . import g\n")
    assert find_imports(module) == {"torch", "numpy", "."}


@pytest.mark.parametrize("path", list_files(ROOT / "envkit", without=[SCRIPTS]))
def test_envkit_imports_neither_torch_nor_its_payload(path):
    assert not find_imports(path) & {"torch", "numpy", "smoke", "envkit_smoke", "recipes"}


@pytest.mark.parametrize("path", list_files(SMOKE))
def test_smoke_imports_the_standard_library_torch_numpy_and_itself(path):
    assert find_imports(path) <= sys.stdlib_module_names | {".", "envkit_smoke", "torch", "numpy"}


@pytest.mark.parametrize("path", list_files(SCRIPTS))
def test_probe_script_imports_the_standard_library_and_what_it_looks_at(path):
    looked_at = {"torch", "torchvision", "torchaudio", "numpy", "triton", "pynvml", "envkit_probe"}
    assert find_imports(path) <= sys.stdlib_module_names | looked_at


@pytest.mark.parametrize("path", list_files(SMOKE))
def test_workload_is_syntax_of_the_oldest_python_with_a_torch_worth_timing(path):
    assert ast.parse(path.read_bytes(), feature_version=(3, 8)).body


def test_a_quick_look_waits_for_no_library_that_it_has_no_use_for(tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "envkit", "doctor", "--quick", "--python", sys.executable]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines()}
    assert {"envkit", "click", "msgspec"} <= imported
    assert not imported & {"rich", "packaging", "psutil", "jinja2", "tomllib", "asyncio", "http"}
