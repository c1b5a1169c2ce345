"""Environment variables that change what torch finds, as a shell, a Dockerfile or a report sets or prints them."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake.part import Part
from envkit.intake.text import Text

_NAME = (
    r"(?:CUDA|NVIDIA|HIP|ROCR|HSA|NCCL|TORCH|PYTORCH|OMP|MKL|KMP|ZE|SYCL)_[A-Z][A-Z0-9_]{2,50}|LD_LIBRARY_PATH|LD_PRELOAD|"
    r"PYTHONPATH|PYTHONHOME|PYTHONNOUSERSITE|VIRTUAL_ENV|CONDA_PREFIX|CONDA_DEFAULT_ENV"
)
_SET = re.compile(
    r"(?:^|[$#>] ?|^\s*(?:- |-e |export |set |setx |ENV |env )|\bexport |\$env:)"
    rf"[\"']?({_NAME})[\"']? ?= ?([\"']?)([^\n\"'`;&|]{{0,500}})"
)
_IN_PYTHON = re.compile(rf"os\.environ\[[\"']({_NAME})[\"']\] ?= ?[\"']([^\"'\n]{{0,200}})[\"']")
_IN_COMMAND = re.compile(rf"(?:^|[ (]|-e )({_NAME})=([^\s\"']{{0,200}}) +(?=\S)")
_MOST = 2_000
"""Lines that are looked at."""
_TEMPLATE = ("$", "%", "{")
_MARKS = (
    "CUDA_",
    "LD_",
    "HIP_",
    "HSA_",
    "NCCL_",
    "PYTHON",
    "ROCR_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "KMP_",
    "TORCH_",
    "CONDA_",
    "ZE_",
    "VIRTUAL_ENV",
)
_ADVICE = ("KMP_DUPLICATE_LIB_OK", "CUDA_LAUNCH_BLOCKING", "TORCH_USE_CUDA_DSA", "TORCH_CUDA_ARCH_LIST", "NCCL_DEBUG")
"""Variables that error messages advise to set, in words that look like setting them."""


def parse(text: Text) -> Iterator[Part]:
    """Yield the variables that are set somewhere in the text."""
    if not text.has(*_MARKS):
        return
    found: dict[str, str] = {}
    likely = (line for line in text.lines if "=" in line and any(map(line.__contains__, _MARKS)))
    for line in islice(likely, _MOST):
        _read(found, line)
    module_loading = text.labels.get("cuda_module_loading set to", ())
    if module_loading and module_loading[0].value in ("LAZY", "EAGER"):
        found.setdefault("CUDA_MODULE_LOADING", module_loading[0].value)
    if found:
        yield Part(variables=found)


def _read(found: dict[str, str], line: str) -> None:
    for name, value in _IN_COMMAND.findall(line):
        # An error message's advice looks like a command, and so does a report's list with commas.
        if name not in _ADVICE and not value.endswith(","):
            _keep(found, name, value)
    for name, value in _IN_PYTHON.findall(line):
        _keep(found, name, value)
    for name, _, value in _SET.findall(line):
        _keep(found, name, value)


def _keep(found: dict[str, str], name: str, value: str) -> None:
    plain = value.strip().strip("'\"")
    # A value that is itself made of variables is not known.
    if not any(mark in plain for mark in _TEMPLATE) and not plain.startswith("<"):
        found.setdefault(name, plain)
