"""The host probe on small recorded trees: one fact broken at a time."""

from pathlib import Path

import pytest

from envkit.probes.host import probe_host
from envkit.snapshot import PciGpu

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the tree is a Linux machine's")

MODULE = "NVRM version: NVIDIA UNIX {flavour}  {version}  Release Build  (dvs-builder@U16)\nGCC version: gcc 13\n"


def put(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def put_pci(root: Path, address: str, kind: str, vendor: str, device: str, driver: str = "") -> None:
    folder = f"sys/bus/pci/devices/{address}"
    put(root, f"{folder}/class", kind + "\n")
    put(root, f"{folder}/vendor", vendor + "\n")
    put(root, f"{folder}/device", device + "\n")
    if driver:
        target = root / "sys/bus/pci/drivers" / driver
        target.mkdir(parents=True, exist_ok=True)
        (root / folder / "driver").symlink_to(target)


def test_an_empty_tree_makes_facts_unknown_not_absent(tmp_path: Path) -> None:
    host = probe_host(tmp_path)
    assert host.gpus is None
    assert host.os_name is None
    assert host.cpu is None
    assert host.memory_total is None
    assert host.shm_total is None


def test_an_empty_bus_is_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    assert probe_host(tmp_path).gpus == ()


def test_display_controllers_are_listed_with_their_kernel_driver(tmp_path: Path) -> None:
    put_pci(tmp_path, "0000:01:00.0", "0x030200", "0x10de", "0x20b2", "nouveau")
    put_pci(tmp_path, "0000:02:00.0", "0x030000", "0x1002", "0x744c")
    put_pci(tmp_path, "0000:00:1f.0", "0x060100", "0x8086", "0x1234")
    assert probe_host(tmp_path).gpus == (
        PciGpu(address="0000:01:00.0", vendor="nvidia", device_id="0x20b2", kernel_driver="nouveau"),
        PciGpu(address="0000:02:00.0", vendor="amd", device_id="0x744c", kernel_driver=""),
    )


@pytest.mark.parametrize(
    ("flavour", "version"),
    [
        ("x86_64 Kernel Module", "560.35.03"),
        ("Open Kernel Module for x86_64", "580.65.06"),
        ("x86_64 Kernel Module", "470.57"),
    ],
)
def test_the_kernel_module_tells_its_version(tmp_path: Path, flavour: str, version: str) -> None:
    put(tmp_path, "proc/driver/nvidia/version", MODULE.format(flavour=flavour, version=version))
    assert probe_host(tmp_path).kernel_module_version == version


@pytest.mark.parametrize(
    ("file", "text", "container"),
    [
        (".dockerenv", "", "docker"),
        ("run/.containerenv", "", "podman"),
        ("proc/1/cgroup", "0::/kubepods/besteffort/pod1\n", "kubepods"),
        ("proc/1/cgroup", "1:name=systemd:/lxc/box\n", "lxc"),
        ("proc/1/cgroup", "0::/init.scope\n", ""),
        (".singularity.d/runscript", "", "apptainer"),
    ],
)
def test_a_container_is_known_by_its_marks(
    tmp_path: Path, file: str, text: str, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("container", raising=False)
    put(tmp_path, file, text)
    assert probe_host(tmp_path).container == container


@pytest.mark.parametrize("name", ["APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"])
def test_apptainer_and_singularity_say_so(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/images/torch.sif")
    put(tmp_path, ".dockerenv")  # of the image that theirs was made from
    assert probe_host(tmp_path).container == "apptainer"


@pytest.mark.parametrize(
    ("kernel", "wsl"),
    [
        ("Linux version 5.15.153.1-microsoft-standard-WSL2 (root@build)", 2),
        ("Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)", 1),
        ("Linux version 6.8.0-45-generic (buildd@lcy02)", 0),
    ],
)
def test_wsl_is_known_by_its_kernel(tmp_path: Path, kernel: str, wsl: int) -> None:
    put(tmp_path, "proc/version", kernel)
    assert probe_host(tmp_path).wsl == wsl


def test_memory_is_read_in_bytes(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", "MemTotal:       2048 kB\nMemFree:  1 kB\nMemAvailable:    1024 kB\n")
    host = probe_host(tmp_path)
    assert (host.memory_total, host.memory_available) == (2048 * 1024, 1024 * 1024)


def test_a_deleted_current_folder_costs_no_other_fact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "proc/meminfo", "MemTotal:       2048 kB\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert probe_host(tmp_path).memory_total == 2048 * 1024


def test_device_nodes_are_named_as_on_the_machine(tmp_path: Path) -> None:
    for name in ("dev/nvidia0", "dev/nvidiactl", "dev/kfd", "dev/dri/renderD128", "dev/null"):
        put(tmp_path, name)
    assert probe_host(tmp_path).device_nodes == ("/dev/dri/renderD128", "/dev/kfd", "/dev/nvidia0", "/dev/nvidiactl")


def test_only_variables_that_matter_to_torch_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("MY_SECRET_TOKEN", "planted")
    variables = probe_host(tmp_path).variables
    assert variables["CUDA_VISIBLE_DEVICES"] == "0"
    assert "MY_SECRET_TOKEN" not in variables
