"""Is the GPU left for this process: its compute mode, its MIG instances, its memory?"""

import re

from envkit import reading
from envkit.checks.driver_facts import driver_codes, points_to
from envkit.checks.fixes import with_nvidia_smi
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import NvmlDevice, Snapshot

_CUDA_NO_DEVICE = 100


def check_gpu_exclusive(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a GPU that takes one process or none, and is refused to this one."""
    quotes = reading.quotes(snapshot, matrix, "gpu-exclusive")
    refused = points_to(snapshot, matrix, "gpu-exclusive")
    closed = [device for device in reading.devices(snapshot) if device.compute_mode == "prohibited"]
    narrow = [device for device in reading.devices(snapshot) if (device.compute_mode or "").startswith("exclusive")]
    all_closed = bool(closed) and len(closed) == len(reading.devices(snapshot))
    if not (quotes or refused or (all_closed and not reading.cuda_works(snapshot))):
        return None
    modes = tuple(Fact(f"GPU {one.index}", f"compute mode {one.compute_mode}", "NVML") for one in (*closed, *narrow))
    return Finding(
        code="gpu-exclusive",
        severity=Severity.ERROR,
        summary="the GPU takes no further process",
        cause=_why_taken(closed=bool(closed), narrow=bool(narrow)),
        expected="compute mode Default, or no other process on the GPU",
        facts=(*modes, *_users(snapshot), *quotes, *driver_codes(snapshot, matrix)),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="see who uses it; let several processes share it, or end the other one",
                commands=("nvidia-smi --query-gpu=index,compute_mode --format=csv", "sudo nvidia-smi --compute-mode=0"),
                steps=(
                    "`nvidia-smi` lists the processes; on a shared machine take another GPU with CUDA_VISIBLE_DEVICES",
                    "with MPS (nvidia-cuda-mps-control): CUDA_MPS_PIPE_DIRECTORY must be the server's",
                ),
            ),
        ),
        explains=("driver-init-failed", "nccl-failure"),
    )


def _why_taken(*, closed: bool, narrow: bool) -> str:
    if closed:
        return "its compute mode is Prohibited: no process may compute on it"
    if narrow:
        return "its compute mode is Exclusive: one process may compute on it at a time, and one does"
    return "another process has it for itself (compute mode Exclusive), the mode prohibits use, or the GPU hangs"


def _users(snapshot: Snapshot) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            f"GPU {one.index}",
            f"{one.processes} processes, {_mib(one.memory_used)} of {_mib(one.memory_total)}",
            "NVML",
        )
        for one in reading.devices(snapshot)
        if one.processes
    )


def _mib(size: int | None) -> str:
    return "unknown" if size is None else f"{size // 2**20} MiB"


def check_gpu_mig(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a GPU that is split by MIG and offers no instance, or fewer than the program asks for."""
    split = [device for device in reading.devices(snapshot) if device.mig_enabled]
    driver = reading.cuda(snapshot)
    quotes = reading.quotes(snapshot, matrix, "gpu-mig")
    asked = reading.quotes(snapshot, matrix, "gpu-hidden") if split else ()
    whole = len(reading.devices(snapshot)) > len(split)
    empty = bool(split) and driver is not None and driver.init_error == _CUDA_NO_DEVICE and not whole
    if not (quotes or asked or empty):
        return None
    none_made = empty and all(device.mig_instances in (0, None) for device in split)
    return Finding(
        code="gpu-mig",
        severity=Severity.ERROR,
        summary="the GPU is split into MIG instances, and there is none to use"
        if none_made
        else "the GPU is split into MIG instances, and a process is offered one of them",
        cause="MIG mode is on; CUDA offers compute instances alone, and none was made"
        if none_made
        else "CUDA shows one MIG instance to a process: a second one, or cuda:1, does not exist for it",
        expected="a compute instance for each process, or MIG mode off",
        facts=(*(_mig_fact(device) for device in split), *quotes, *asked),
        fix=with_nvidia_smi(
            snapshot,
            Fix(
                summary="make an instance, choose one for each process, or switch MIG off",
                commands=("nvidia-smi -L", "sudo nvidia-smi mig -lgip", "sudo nvidia-smi -i 0 -mig 0"),
                steps=(
                    "make one: `sudo nvidia-smi mig -cgi PROFILE -C`, with a profile of the list",
                    "choose one: CUDA_VISIBLE_DEVICES=MIG-UUID, of those that `nvidia-smi -L` lists",
                ),
            ),
        ),
        explains=("gpu-hidden", "driver-init-failed", "nccl-failure"),
    )


def _mig_fact(device: NvmlDevice) -> Fact:
    count = "unknown" if device.mig_instances is None else str(device.mig_instances)
    return Fact(f"GPU {device.index}", f"MIG on, instances: {count}", "NVML")


_FULL = 0.9
"""Part of the memory that others hold from which on little is left to begin with."""
_HELD_AT_REST = 0.5
"""Part of the memory that is held while nothing computes."""
_IDLE = 5
"""Per cent up to which a GPU only draws."""
_SEVERAL = 3
"""Processes that share a GPU which one program alone would not start on it."""


def check_gpu_memory_full(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find memory of a GPU that others hold, or a program that ran out of it."""
    quotes = reading.quotes(snapshot, matrix, "gpu-memory-full")
    refused = points_to(snapshot, matrix, "gpu-memory-full")
    held = [device for device in reading.devices(snapshot) if _is_held(device, live=bool(snapshot.taken_at))]
    if not (quotes or refused or held):
        return None
    own = bool(quotes) and not refused and all(map(_own_work, _in_full(snapshot, matrix)))
    return Finding(
        code="gpu-memory-full",
        # A program that fills the GPU by itself is no fault of the environment, and held memory alone hurts nobody yet.
        severity=Severity.WARNING if own or not (quotes or refused) else Severity.ERROR,
        summary="the program itself fills the memory of the GPU" if own else "the memory of the GPU is taken",
        cause="nearly all that is in use belongs to the program: its work is larger than what the GPU holds"
        if own
        else "other processes, or ones that have died without giving it back, hold the memory of the GPU",
        expected="free memory for what the program is to do",
        facts=(*(_memory_fact(device) for device in held), *quotes, *driver_codes(snapshot, matrix)),
        fix=_smaller_work(snapshot) if own else _free_memory(snapshot),
        explains=("driver-init-failed",),
    )


def _is_held(device: NvmlDevice, *, live: bool) -> bool:
    """Say whether others hold the memory. The table of a report may show the reporter's own work, which is busy."""
    used, total = device.memory_used or device.processes_memory, device.memory_total
    if not used or not total:
        return False
    at_rest = device.utilization is not None and device.utilization <= _IDLE and used > _HELD_AT_REST * total
    shared = (device.processes or 0) >= _SEVERAL and not device.utilization
    return at_rest or (used > _FULL * total and (live or shared))


def _in_full(snapshot: Snapshot, matrix: Matrix) -> tuple[str, ...]:
    return tuple(one.text for one in reading.said(snapshot) if matrix.errors.cause_of(one.text) == "gpu-memory-full")


_AMOUNT = r"(\d+(?:\.\d+)?) ?([KMGT])i?B"
_TOTAL = re.compile(rf"{_AMOUNT} total capacity|total capacity of {_AMOUNT}|max allowed: {_AMOUNT}")
_OWN = re.compile(
    rf"{_AMOUNT} (?:already allocated|memory in use|is allocated by PyTorch)"
    rf"|this process has {_AMOUNT} memory in use|allocated memory {_AMOUNT}|currently allocated: {_AMOUNT}",
    re.IGNORECASE,
)
_POWERS = {"K": 10, "M": 20, "G": 30, "T": 40}


def _own_work(told: str) -> bool:
    """Say whether torch's message tells that the program itself holds most of the memory."""
    total, own = _size(_TOTAL.search(told)), _size(_OWN.search(told))
    return total is not None and own is not None and own > _HELD_AT_REST * total


def _size(found: re.Match[str] | None) -> float | None:
    told = [group for group in found.groups() if group] if found else []
    return float(told[0]) * 2 ** _POWERS[told[1].upper()] if len(told) > 1 else None


def _memory_fact(device: NvmlDevice) -> Fact:
    seen = "" if device.processes is None else f", {device.processes} processes seen"
    return Fact(
        f"GPU {device.index}", f"{_mib(device.memory_used)} of {_mib(device.memory_total)} in use{seen}", "NVML"
    )


def _free_memory(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.os == "windows":
        return Fix(
            summary="see who holds the memory, and end what need not run",
            commands=("nvidia-smi",),
            steps=("Task Manager, Details, the column `Dedicated GPU memory`, tells it by program",),
        )
    return Fix(
        summary="see who holds the memory, and end what need not run",
        commands=("nvidia-smi", "sudo fuser -v /dev/nvidia*"),
        steps=(
            "end your own processes by their number: `kill PID`",
            (
                "memory that no listed process holds belongs to one that died or to another container: restart that, "
                "or choose another GPU with CUDA_VISIBLE_DEVICES"
            ),
        ),
    )


def _smaller_work(_snapshot: Snapshot) -> Fix:
    return Fix(
        summary="make the work smaller",
        steps=(
            "a smaller batch, shorter inputs, half precision, or gradient checkpointing",
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, where much is reserved and not allocated",
        ),
    )


CHECKS = (check_gpu_mig, check_gpu_exclusive, check_gpu_memory_full)
