"""Typical machines to plan for, by name."""

from envkit.snapshot import Absent, Nvml, NvmlDevice, PciGpu, Unknown
from tests.builders import make_host, make_interpreter, make_snapshot

A100 = "NVIDIA A100-SXM4-80GB"
GTX_1080_TI = "NVIDIA GeForce GTX 1080 Ti"
TESLA_K80 = "Tesla K80"
RTX_4090 = "NVIDIA GeForce RTX 4090"
RTX_5090 = "NVIDIA GeForce RTX 5090"
CAPABILITIES = {A100: "8.0", GTX_1080_TI: "6.1", TESLA_K80: "3.7", RTX_4090: "8.9", RTX_5090: "12.0"}


def make_driver(version, *names):
    devices = tuple(
        NvmlDevice(index=index, name=name, compute_capability=CAPABILITIES.get(name))
        for index, name in enumerate(names)
    )
    return Nvml(error=0, driver_version=version, devices=devices)


def make_gpus(vendor, *names, **facts):
    return tuple(PciGpu(address="", vendor=vendor, device_id="", name=name, **facts) for name in names)


def make_mac(arch, **facts):
    target = make_interpreter(platform_tag=f"macosx-11.0-{arch}")
    nvml = Absent(why="there is no NVIDIA driver on this operating system")
    return make_snapshot(host=make_host(os="macos", arch=arch, libc="", **facts), target=target, nvml=nvml)


def make_windows(**changes):
    return make_snapshot(
        host=make_host(os="windows", arch="x86_64", libc=""),
        target=make_interpreter(platform_tag="win-amd64"),
        **changes,
    )


HOSTS = {
    "linux-cpu": make_snapshot(),
    "linux-a100": make_snapshot(nvml=make_driver("550.54.14", A100, A100)),
    "linux-new-driver": make_snapshot(nvml=make_driver("595.45.04", RTX_4090)),
    "linux-1080ti-new-driver": make_snapshot(nvml=make_driver("570.86.15", GTX_1080_TI)),
    "linux-1080ti-old-driver": make_snapshot(nvml=make_driver("470.57.02", GTX_1080_TI)),
    "linux-k80": make_snapshot(nvml=make_driver("470.57.02", TESLA_K80)),
    "linux-5090": make_snapshot(nvml=make_driver("580.65.06", RTX_5090)),
    "linux-mixed": make_snapshot(nvml=make_driver("580.65.06", GTX_1080_TI, RTX_5090)),
    "linux-7900xtx": make_snapshot(host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX"))),
    "linux-6700xt": make_snapshot(host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 6700 XT"))),
    "linux-arc": make_snapshot(host=make_host(gpus=make_gpus("intel", "Intel Arc A770"))),
    "linux-driver-broken": make_snapshot(nvml=Nvml(error=18)),
    "linux-driver-unknown": make_snapshot(nvml=Unknown(why="no answer within 20 s")),
    "linux-old-glibc": make_snapshot(host=make_host(libc="glibc 2.17")),
    "linux-python39": make_snapshot(target=make_interpreter(version="3.9.18")),
    "linux-aarch64": make_snapshot(host=make_host(arch="aarch64")),
    "macos-arm64": make_mac("arm64"),
    "macos-x86_64": make_mac("x86_64"),
    "windows-cpu": make_windows(),
    "windows-4090": make_windows(nvml=make_driver("551.61", RTX_4090)),
    "wsl-4090": make_snapshot(host=make_host(wsl=2), nvml=make_driver("528.49", RTX_4090)),
}
