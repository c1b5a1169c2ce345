"""What the kernel and the file system show of accelerators: modules, device nodes, the kernel's log.

Everything is read below `root`, bounded, and None where it cannot be read. Nothing is opened that could wake a device:
whether a node may be opened is asked of the file system, which knows nothing of what a control group forbids.
"""

import os
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from envkit.probes.loader import is_certainly_absent
from envkit.probes.paths import exists
from envkit.snapshot import DeviceNode, Traces

NODES = ("dev/nvidia*", "dev/nvidia-caps/*", "dev/kfd", "dev/dri/renderD*", "dev/dxg")
_MODULES = frozenset(
    (
        *("nvidia", "nvidia_uvm", "nvidia_drm", "nvidia_modeset", "nouveau", "nova_core"),
        *("amdgpu", "radeon", "i915", "xe"),
    )
)
_MOST_NODES = 256
_MOST_PROCESSES = 20_000
_MOST_BYTES = 1_000_000

_SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"  # EFI's own GUID

_LOG = re.compile(r"NVRM|\bXid\b|nouveau.*(?:fail|error)|amdgpu.*(?:fail|error|reset|timeout)", re.IGNORECASE)
_LOG_MARKS = ("nvrm", "xid", "nouveau", "amdgpu")
"""A log without any of them, as most have, needs no look at each line."""
_LOG_RECORD = 8_192  # the longest that the kernel gives out, Documentation/ABI/testing/dev-kmsg
_LOG_SECONDS = 0.3
_LOG_BYTES = 16_000_000
_LOG_LINES = 40


def probe_traces(root: Path, *, wsl: bool) -> Traces:
    """Read the traces of accelerators on a Linux machine."""
    names = _group_names(root)
    switches = _count(root, "dev/nvidia-nvswitch[0-9]*")
    return Traces(
        modules=_modules(root),
        secure_boot=_secure_boot(root),
        nodes=_nodes(root, names),
        groups=_own_groups(names),
        nvswitches=switches,
        # Nobody else has one: the processes of other machines are not looked through.
        fabric_manager=_runs(root, "nv-fabricmanager") if switches else None,
        mig_instances=_mig_instances(root),
        gfx=_gfx(root),
        wsl_driver=exists(root / "usr/lib/wsl/lib/libcuda.so.1") if wsl else None,
        wsl_paravirtual=exists(root / "dev/dxg") if wsl else None,
        level_zero=_level_zero(root),
        kernel_log=_kernel_log(root / "dev/kmsg"),
    )


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def _glob(root: Path, pattern: str, most: int) -> list[Path]:
    try:
        return sorted(islice(root.glob(pattern), most))
    except OSError:
        return []


def _count(root: Path, pattern: str) -> int | None:
    return len(_glob(root, pattern, _MOST_NODES)) if exists(root / "dev") else None


def _modules(root: Path) -> tuple[str, ...] | None:
    text = _read(root / "proc/modules")
    if text is None:
        return None
    return tuple(sorted({line.partition(" ")[0] for line in text.splitlines()} & _MODULES))


def _secure_boot(root: Path) -> bool | None:
    """Whether the firmware lets signed code alone start; a machine without EFI does not know of it."""
    try:
        variable = (root / _SECURE_BOOT).read_bytes()
    except OSError:
        without_efi = exists(root / "sys/firmware/acpi") and not exists(root / "sys/firmware/efi")
        return False if without_efi else None
    return variable[4:5] == b"\x01" if len(variable) > 4 else None  # four bytes of attributes stand before the value


def _nodes(root: Path, names: dict[int, str]) -> tuple[DeviceNode, ...] | None:
    if not exists(root / "dev"):
        return None
    found = [path for pattern in NODES for path in _glob(root, pattern, _MOST_NODES) if not path.is_dir()]
    return tuple(_node(path, root, names) for path in found)


def _node(path: Path, root: Path, names: dict[int, str]) -> DeviceNode:
    name = f"/{path.relative_to(root).as_posix()}"
    try:
        owner = path.stat().st_gid
        return DeviceNode(path=name, openable=os.access(path, os.R_OK | os.W_OK), group=names.get(owner, str(owner)))
    except OSError:
        return DeviceNode(path=name)


def _group_names(root: Path) -> dict[int, str]:
    """Names of groups from the local file: the name service may ask a network that does not answer."""
    fields = (line.split(":") for line in (_read(root / "etc/group") or "").splitlines())
    return {int(field[2]): field[0] for field in fields if len(field) > 2 and field[2].isdecimal()}


def _own_groups(names: dict[int, str]) -> tuple[str, ...] | None:
    if not hasattr(os, "getgroups"):
        return None
    try:
        numbers = {os.getegid(), *os.getgroups()}
    except OSError:
        return None
    return tuple(names.get(number, str(number)) for number in sorted(numbers))


def _runs(root: Path, program: str) -> bool | None:
    """Whether a process of that name runs; the kernel keeps the first 15 letters of a name."""
    found = _glob(root, "proc/[0-9]*", _MOST_PROCESSES)
    if not found:
        return None
    return any((_read(folder / "comm") or "").strip() == program[:15] for folder in found)


def _mig_instances(root: Path) -> int | None:
    folder = root / "proc/driver/nvidia/capabilities"
    if not exists(folder):
        return None
    return len(_glob(folder, "gpu*/mig/gi*/ci*/access", _MOST_NODES))


_TARGET = re.compile(r"^gfx_target_version (\d+)$", re.MULTILINE)


def _gfx(root: Path) -> tuple[str, ...] | None:
    """Code targets from the kernel driver's topology: 90010 is 9.0.10, which is written gfx90a."""
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    if not exists(nodes):
        return () if exists(root / "sys/class") else None
    told = (_TARGET.search(_read(path) or "") for path in _glob(nodes, "*/properties", _MOST_NODES))
    versions = [int(found[1]) for found in told if found]
    # A processor is a node too, with no target.
    return tuple(f"gfx{version // 10_000}{version // 100 % 100:x}{version % 100:x}" for version in versions if version)


def _level_zero(root: Path) -> bool | None:
    if not exists(root / "etc/ld.so.cache"):
        return None
    return not is_certainly_absent("libze_loader.so.1", root=root)


def _kernel_log(path: Path) -> tuple[str, ...] | None:
    """The last lines that tell of a GPU, as far as this process may read the log."""
    try:
        log = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        text = "\n".join(_records(log))
    except OSError:
        return None
    finally:
        os.close(log)
    low = text.lower()
    lines = [line for line in text.splitlines() if _LOG.search(line)] if any(map(low.__contains__, _LOG_MARKS)) else []
    # "6,1234,5678,-;message": what stands before the semicolon is the kernel's own.
    return tuple(line.partition(";")[2][:300] or line[:300] for line in lines[-_LOG_LINES:])


def _records(log: int) -> Iterator[str]:
    """Each record of the log until its end, within bounds of time and size."""
    until, left = time.monotonic() + _LOG_SECONDS, _LOG_BYTES
    rest = ""
    while left > 0 and time.monotonic() < until:
        try:
            data = os.read(log, _LOG_RECORD)
        except BlockingIOError:  # no more for now
            break
        except BrokenPipeError:  # the record was overwritten before it was read
            continue
        if not data:
            break
        left -= len(data)
        whole, _, rest = (rest + data.decode("utf-8", "replace")).rpartition("\n")
        yield whole
    yield rest
