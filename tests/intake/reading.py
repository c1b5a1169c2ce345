"""Pasted text in, facts out: what the tests of the formats share."""

from textwrap import dedent

from envkit.intake.recorded import read
from envkit.snapshot import (
    CudaDriver,
    Host,
    Interpreter,
    Nvml,
    Packages,
    Snapshot,
    TorchRuntime,
)


def snapshot_of(text: str) -> Snapshot:
    return read(dedent(text).encode(), "report.txt")


def host_of(text: str) -> Host:
    found = snapshot_of(text).host
    assert isinstance(found, Host), found
    return found


def target_of(text: str) -> Interpreter:
    found = snapshot_of(text).target
    assert isinstance(found, Interpreter), found
    return found


def packages_of(text: str) -> dict[str, str]:
    found = snapshot_of(text).packages
    assert isinstance(found, Packages), found
    return {one.name: one.version for one in found.distributions}


def nvml_of(text: str) -> Nvml:
    found = snapshot_of(text).nvml
    assert isinstance(found, Nvml), found
    return found


def cuda_of(text: str) -> CudaDriver:
    found = snapshot_of(text).cuda
    assert isinstance(found, CudaDriver), found
    return found


def torch_of(text: str) -> TorchRuntime:
    found = snapshot_of(text).torch
    assert isinstance(found, TorchRuntime), found
    return found


def complaints_of(text: str) -> list[tuple[str, str]]:
    return [(one.source, one.text) for one in snapshot_of(text).complaints]
