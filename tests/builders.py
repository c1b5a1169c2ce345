"""Snapshots made by hand: a healthy machine by default, one fact changed at a time."""

from typing import Any

from envkit.snapshot import (
    Absent,
    Backend,
    CudaDevice,
    CudaDriver,
    Distribution,
    EnvironmentKind,
    FileDamage,
    Host,
    Interpreter,
    ModuleOrigin,
    Nvml,
    NvmlDevice,
    Packages,
    PciGpu,
    ProbeOutcome,
    ProbeRun,
    RunEnd,
    Snapshot,
    TorchBuild,
    TorchDevice,
    TorchRuntime,
)

SITE = "/env/lib/python3.11/site-packages"
PYTHON = "/env/bin/python"
A100 = "NVIDIA A100-SXM4-80GB"


def make_host(**changes: Any) -> Host:
    facts: dict[str, Any] = {
        "os": "linux",
        "os_name": "Ubuntu 24.04 LTS",
        "kernel": "6.8.0",
        "arch": "x86_64",
        "libc": "glibc 2.39",
        "cpus": 8,
        "memory_total": 32 * 2**30,
        "memory_available": 30 * 2**30,
        "disk_free": 100 * 2**30,
        "container": "",
        "wsl": 0,
        "gpus": (),
        "kernel_module_version": "",
        "device_nodes": (),
        "variables": {},
    }
    return Host(**{**facts, **changes})


def make_interpreter(**changes: Any) -> Interpreter:
    facts: dict[str, Any] = {
        "executable": PYTHON,
        "chosen_by": "--python",
        "version": "3.11.7",
        "implementation": "cpython",
        "bits": 64,
        "prefix": "/env",
        "base_prefix": "/usr",
        "kind": EnvironmentKind.VENV,
        "externally_managed": False,
        "site_dirs": (SITE,),
        "user_site": "/home/user/.local/lib/python3.11/site-packages",
        "user_site_enabled": False,
        "search_path": ("/project", "/usr/lib/python3.11", SITE),
        "current_folder": "/project",
        "platform_tag": "linux-x86_64",
    }
    return Interpreter(**{**facts, **changes})


def make_torch_distribution(**changes: Any) -> Distribution:
    version = changes.pop("version", "2.13.0+cpu")
    facts: dict[str, Any] = {
        "name": "torch",
        "version": version,
        "metadata": f"{SITE}/torch-{version}.dist-info",
        "site": SITE,
        "installer": "pip",
        "build": TorchBuild(version=version, cuda="", hip="", xpu=""),
        "damage": FileDamage(entries=12000, missing=0, altered=0, examples=()),
    }
    return Distribution(**{**facts, **changes})


def make_packages(*distributions: Distribution, **changes: Any) -> Packages:
    pip = Distribution(name="pip", version="26.3", metadata="", site=SITE, installer="pip")
    found = distributions or (make_torch_distribution(), pip)
    modules = (ModuleOrigin(name="torch", origin=f"{SITE}/torch/__init__.py", entry=SITE),)
    return Packages(**{"distributions": found, "modules": modules, **changes})


def make_runtime(**changes: Any) -> TorchRuntime:
    facts: dict[str, Any] = {
        "end": RunEnd.FINISHED,
        "stage": "done",
        "version": "2.13.0+cpu",
        "file": f"{SITE}/torch/__init__.py",
        "import_seconds": 1.0,
        "cuda": "",
        "hip": "",
        "arch_list": (),
        "backends": (Backend(name="cuda", built=False, available=False, device_count=0),),
        "devices": (TorchDevice(device="cpu", works=True),),
    }
    return TorchRuntime(**{**facts, **changes})


def make_cuda_runtime(cuda: str = "12.6", **changes: Any) -> TorchRuntime:
    """A CUDA build that works on two GPUs."""
    facts: dict[str, Any] = {
        "version": "2.13.0+cu" + cuda.replace(".", ""),
        "cuda": cuda,
        "arch_list": ("sm_80", "sm_90"),
        "backends": (Backend(name="cuda", built=True, available=True, device_count=2),),
        "devices": tuple(TorchDevice(device=name, works=True) for name in ("cpu", "cuda:0", "cuda:1")),
    }
    return make_runtime(**{**facts, **changes})


def make_nvml(**changes: Any) -> Nvml:
    facts: dict[str, Any] = {
        "error": 0,
        "driver_version": "560.35.03",
        "cuda_version": "12.6",
        "devices": tuple(NvmlDevice(index=index, name=A100, compute_capability="8.0") for index in range(2)),
    }
    return Nvml(**{**facts, **changes})


def make_cuda(**changes: Any) -> CudaDriver:
    facts: dict[str, Any] = {
        "init_error": 0,
        "library": "/usr/lib/libcuda.so.1",
        "cuda_version": "12.6",
        "devices": tuple(CudaDevice(index=index, name=A100, compute_capability="8.0") for index in range(2)),
    }
    return CudaDriver(**{**facts, **changes})


def nvidia_pci(**changes: Any) -> PciGpu:
    return PciGpu(
        **{
            "address": "0000:01:00.0",
            "vendor": "nvidia",
            "device_id": "0x20b2",
            "kernel_driver": "",
            **changes,
        }
    )


def make_snapshot(**changes: Any) -> Snapshot:
    """A healthy CPU-only machine; name the sections that differ."""
    sections: dict[str, Any] = {
        "host": make_host(),
        "target": make_interpreter(),
        "packages": make_packages(),
        "nvml": Absent(why="libnvidia-ml.so.1: No such file"),
        "cuda": Absent(why="libcuda.so.1: No such file"),
        "torch": make_runtime(),
        "probes": (ProbeRun(name="target", outcome=ProbeOutcome.OK, seconds=0.1),),
    }
    return Snapshot(**{**sections, **changes})


def make_gpu_snapshot(**changes: Any) -> Snapshot:
    """A healthy machine with two GPUs and a CUDA build."""
    sections: dict[str, Any] = {
        "host": make_host(gpus=(nvidia_pci(kernel_driver="nvidia"),), kernel_module_version="560.35.03"),
        "packages": make_packages(
            make_torch_distribution(
                version="2.13.0+cu126", build=TorchBuild(version="2.13.0+cu126", cuda="12.6", hip="", xpu="")
            )
        ),
        "nvml": make_nvml(),
        "cuda": make_cuda(),
        "torch": make_cuda_runtime(),
    }
    return make_snapshot(**{**sections, **changes})
