"""Importing torch and NumPy in an interpreter where either may be missing or broken."""

from __future__ import annotations

import importlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# The kinds of fault of a module that is there but does not work.
BROKEN = {"torch": "torch-import", "numpy": "numpy-missing"}


@dataclass(frozen=True)
class Fault:
    """Why smoke cannot do its work: the ``kind`` of the error event, and its message."""

    kind: str
    message: str


@dataclass
class Toolchain:
    """The modules as far as they could be imported, and what was wrong with the others."""

    torch: Any
    numpy: Any
    faults: list[Fault]

    @property
    def facts(self) -> dict[str, Any]:
        """The part of the start event that is about them; None for what is not there."""
        return {
            "torch": version_of(self.torch),
            "torch_file": getattr(self.torch, "__file__", None),
            "numpy": version_of(self.numpy),
        }

    @property
    def threads(self) -> int | None:
        """How many threads torch uses on the CPU."""
        count = getattr(self.torch, "get_num_threads", None)
        return None if count is None else int(count())


def version_of(module: Any) -> str | None:
    """A module's ``__version__`` as plain text."""
    return None if module is None else str(module.__version__)


def load() -> Toolchain:
    """Import torch and NumPy and see that each works with the other; never raises for what it finds."""
    faults: list[Fault] = []
    torch = _import("torch", faults)
    numpy = _import("numpy", faults)
    if torch is not None and numpy is not None:
        faults.extend(_bridge_faults(torch, numpy))
        # Some containers switch TF32 on through the environment, which keeps 11 of float32's 24 bits.
        with suppress(AttributeError, RuntimeError):
            torch.set_float32_matmul_precision("highest")
    return Toolchain(torch, numpy, faults)


def one_line(error: BaseException) -> str:
    """An exception as "Type: text" without line breaks; libraries add whole stack listings."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:1000]}" if text else type(error).__name__


def _import(name: str, faults: list[Fault]) -> Any:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken package may raise anything
        faults.append(_import_fault(name, error))
        return None
    if hasattr(module, "__version__"):
        return module
    # A folder that an uninstall left behind imports as an empty namespace package.
    where = getattr(module, "__file__", None) or ", ".join(getattr(module, "__path__", []))
    faults.append(Fault(BROKEN[name], f"{name} at {where} is not the library: it has no version"))
    return None


def _import_fault(name: str, error: BaseException) -> Fault:
    if isinstance(error, ModuleNotFoundError) and error.name == name:
        return Fault(name + "-missing", f"{name} is not installed in this interpreter")
    return Fault(BROKEN[name], f"{name} cannot be imported: {one_line(error)}")


def _bridge_faults(torch: Any, numpy: Any) -> list[Fault]:
    """A torch built for NumPy 1 imports beside NumPy 2, but cannot exchange data with it."""
    try:
        torch.zeros(1).numpy()
    except Exception as error:  # noqa: BLE001 - RuntimeError today, but that is torch's affair
        pair = f"torch {version_of(torch)} cannot use the installed NumPy {version_of(numpy)}"
        return [Fault("numpy-missing", f"{pair}: {one_line(error)}")]
    return []
