"""Importing torch and NumPy where they are missing, broken or at odds: stand-ins on ``sys.path``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from envkit_smoke import toolchain
from envkit_smoke.toolchain import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKING_TORCH = """
__version__ = "2.0.1+cu118"
class Tensor:
    def numpy(self): {numpy}
def zeros(size): return Tensor()
def get_num_threads(): return 3
precision = "medium"
def set_float32_matmul_precision(wanted):
    global precision
    precision = wanted
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An interpreter in which only what a test writes there can be imported as torch and NumPy."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name in ("torch", "numpy")}
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in ("torch", "numpy"):
        sys.modules.pop(name, None)
    sys.modules.update(hidden)


def write(site: Path, torch: str = WORKING_TORCH.format(numpy="pass"), numpy: str = "__version__ = '1.26.4'") -> None:
    (site / "torch.py").write_text(torch, encoding="utf-8")
    (site / "numpy.py").write_text(numpy, encoding="utf-8")


def test_both_present_is_no_fault(site: Path) -> None:
    write(site)
    tools = toolchain.load()
    assert tools.faults == []
    assert tools.facts == {"torch": "2.0.1+cu118", "torch_file": str(site / "torch.py"), "numpy": "1.26.4"}
    assert tools.threads == 3


def test_reduced_float32_modes_are_switched_off(site: Path) -> None:
    write(site)
    assert toolchain.load().torch.precision == "highest"


def test_neither_present_is_two_faults(site: Path) -> None:
    tools = toolchain.load()
    assert tools.faults == [
        Fault("torch-missing", "torch is not installed in this interpreter"),
        Fault("numpy-missing", "numpy is not installed in this interpreter"),
    ]
    assert tools.facts == {"torch": None, "torch_file": None, "numpy": None}
    assert tools.threads is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("import typing_gadgets", "ModuleNotFoundError: No module named 'typing_gadgets'", id="dependency"),
        pytest.param("raise OSError('libc10.so:\\n  no such file')", "OSError: libc10.so: no such file", id="library"),
        pytest.param("raise SystemExit('not today')", "SystemExit: not today", id="exit"),
        pytest.param("def broken(:", "SyntaxError: ", id="syntax"),
    ],
)
def test_torch_that_fails_to_import_is_not_missing(site: Path, source: str, message: str) -> None:
    write(site, torch=source)
    (fault,) = toolchain.load().faults
    assert fault.kind == "torch-import"
    assert fault.message.startswith("torch cannot be imported: " + message)


def test_a_left_over_folder_is_not_torch(site: Path) -> None:
    write(site)
    (site / "torch.py").unlink()
    (site / "torch").mkdir()
    expected = f"torch at {site / 'torch'} is not the library: it has no version"
    assert toolchain.load().faults == [Fault("torch-import", expected)]


def test_a_file_of_the_users_that_bears_the_name_is_not_torch(site: Path) -> None:
    write(site, torch="print('my experiment')")
    expected = f"torch at {site / 'torch.py'} is not the library: it has no version"
    assert toolchain.load().faults == [Fault("torch-import", expected)]


def test_torch_and_numpy_that_cannot_exchange_data_are_named_with_their_versions(site: Path) -> None:
    torch = WORKING_TORCH.format(numpy='raise RuntimeError("Numpy is not available")')
    write(site, torch=torch, numpy="__version__ = '2.1.0'")
    message = "torch 2.0.1+cu118 cannot use the installed NumPy 2.1.0: RuntimeError: Numpy is not available"
    assert toolchain.load().faults == [Fault("numpy-missing", message)]


def test_numpy_that_fails_to_import_is_reported_with_its_error(site: Path) -> None:
    write(site, numpy="raise ImportError('wrong architecture')")
    message = "numpy cannot be imported: ImportError: wrong architecture"
    assert toolchain.load().faults == [Fault("numpy-missing", message)]


def test_an_error_without_text_is_its_type() -> None:
    assert toolchain.one_line(MemoryError()) == "MemoryError"


def test_a_long_error_is_cut() -> None:
    assert len(toolchain.one_line(RuntimeError("x" * 5000))) < 1100
