"""What the kernel and the file system show of accelerators, on small recorded trees."""

from pathlib import Path

import pytest

from envkit.probes import traces
from envkit.probes.host import probe_host
from envkit.probes.traces import probe_traces
from envkit.snapshot import Traces

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the tree is a Linux machine's")


def put(root: Path, name: str, text: str | bytes = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def traces_of(root: Path, *, wsl: bool = False) -> Traces:
    return probe_traces(root, wsl=wsl)


def test_an_empty_tree_makes_everything_unknown(tmp_path: Path) -> None:
    assert traces_of(tmp_path) == Traces(groups=traces_of(tmp_path).groups)


def test_the_modules_that_drive_a_gpu_are_listed(tmp_path: Path) -> None:
    put(tmp_path, "proc/modules", "nvidia_uvm 1 0 - Live 0x0\nnvidia 2 1 nvidia_uvm, Live 0x0\next4 3 1 - Live 0x0\n")
    assert traces_of(tmp_path).modules == ("nvidia", "nvidia_uvm")


@pytest.mark.parametrize(
    ("value", "on"), [(b"\x06\x00\x00\x00\x01", True), (b"\x06\x00\x00\x00\x00", False), (b"\x06", None)]
)
def test_secure_boot_is_the_byte_after_the_attributes(tmp_path: Path, value: bytes, on: bool | None) -> None:
    put(tmp_path, "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", value)
    assert traces_of(tmp_path).secure_boot is on


def test_a_machine_without_efi_has_no_secure_boot(tmp_path: Path) -> None:
    put(tmp_path, "sys/firmware/acpi/tables/DSDT")
    assert traces_of(tmp_path).secure_boot is False


def test_firmware_that_cannot_be_seen_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys/firmware").mkdir(parents=True)
    assert traces_of(tmp_path).secure_boot is None


def test_the_right_to_a_device_file_is_asked_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "dev/kfd")
    put(tmp_path, "etc/group", f"render:x:{(tmp_path / 'dev/kfd').stat().st_gid}:\n")
    monkeypatch.setattr(traces.os, "access", lambda path, mode: False)
    node = (traces_of(tmp_path).nodes or ())[0]
    assert (node.path, node.openable, node.group) == ("/dev/kfd", False, "render")


def test_folders_among_the_device_files_are_no_nodes(tmp_path: Path) -> None:
    put(tmp_path, "dev/nvidia-caps/nvidia-cap1")
    assert [node.path for node in traces_of(tmp_path).nodes or ()] == ["/dev/nvidia-caps/nvidia-cap1"]


@pytest.mark.parametrize(
    ("program", "runs"), [("nv-fabricmanage", True), ("nvidia-persiste", False)], ids=["runs", "another"]
)
def test_the_fabric_manager_is_looked_for_where_there_are_switches(tmp_path: Path, program: str, runs: bool) -> None:
    put(tmp_path, "dev/nvidia-nvswitch0")
    put(tmp_path, "dev/nvidia-nvswitchctl")
    put(tmp_path, "proc/17/comm", program + "\n")
    found = traces_of(tmp_path)
    assert (found.nvswitches, found.fabric_manager) == (1, runs)


def test_without_switches_nobody_is_looked_for(tmp_path: Path) -> None:
    put(tmp_path, "dev/null")
    put(tmp_path, "proc/17/comm", "nv-fabricmanage\n")
    assert traces_of(tmp_path).fabric_manager is None


def test_mig_instances_are_those_that_the_driver_offers(tmp_path: Path) -> None:
    for name in ("gpu0/mig/gi1/access", "gpu0/mig/gi1/ci0/access", "gpu0/mig/gi2/ci0/access"):
        put(tmp_path, f"proc/driver/nvidia/capabilities/{name}")
    assert traces_of(tmp_path).mig_instances == 2


@pytest.mark.parametrize(
    ("version", "target"), [("90010", "gfx90a"), ("100300", "gfx1030"), ("110501", "gfx1151"), ("90402", "gfx942")]
)
def test_amd_s_targets_are_read_from_the_topology(tmp_path: Path, version: str, target: str) -> None:
    nodes = "sys/class/kfd/kfd/topology/nodes"
    put(tmp_path, f"{nodes}/0/properties", "cpu_cores_count 8\ngfx_target_version 0\n")
    put(tmp_path, f"{nodes}/1/properties", f"simd_count 80\ngfx_target_version {version}\n")
    assert traces_of(tmp_path).gfx == (target,)


def test_windows_libraries_are_looked_for_inside_wsl_alone(tmp_path: Path) -> None:
    put(tmp_path, "usr/lib/wsl/lib/libcuda.so.1")
    assert traces_of(tmp_path).wsl_driver is None
    inside = traces_of(tmp_path, wsl=True)
    assert (inside.wsl_driver, inside.wsl_paravirtual) == (True, False)


@pytest.mark.parametrize(("cache", "found"), [(b"", False), (b"\0libze_loader.so.1\0", True)])
def test_the_level_zero_loader_is_looked_for_where_the_loader_does(tmp_path: Path, cache: bytes, found: bool) -> None:
    put(tmp_path, "etc/ld.so.cache", cache)
    assert traces_of(tmp_path).level_zero is found


def test_the_kernel_log_keeps_what_tells_of_a_gpu(tmp_path: Path) -> None:
    put(
        tmp_path,
        "dev/kmsg",
        "6,1,10,-;usb 1-1: new device\n4,2,20,-;NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n"
        + "".join(f"4,{number},30,-;NVRM: line {number}\n" for number in range(60)),
    )
    log = traces_of(tmp_path).kernel_log
    assert log is not None
    assert len(log) == 40
    assert log[-1] == "NVRM: line 59"


def test_a_long_kernel_log_is_read_in_pieces_without_tearing_a_line(tmp_path: Path) -> None:
    put(tmp_path, "dev/kmsg", "6,1,1,-;nothing to see\n" * 2_000 + "4,2,2,-;NVRM: Xid (PCI:0000:01:00): 48, DBE\n")
    assert traces_of(tmp_path).kernel_log == ("NVRM: Xid (PCI:0000:01:00): 48, DBE",)


def test_the_host_has_the_traces(tmp_path: Path) -> None:
    put(tmp_path, "proc/modules", "amdgpu 1 0 - Live 0x0\n")
    put(tmp_path, "proc/version", "Linux version 6.8.0-45-generic")
    assert probe_host(tmp_path).traces.modules == ("amdgpu",)
