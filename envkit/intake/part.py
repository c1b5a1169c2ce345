"""What one format tells: any of these facts, and nothing that it does not say."""

from typing import NamedTuple

from envkit.snapshot import (
    Complaint,
    CudaDevice,
    DeviceNode,
    Distribution,
    EnvironmentKind,
    Launcher,
    ModuleOrigin,
    NvmlDevice,
    PciGpu,
    Record,
    Refusal,
    TorchError,
)


class Build(NamedTuple):
    """What a torch build is for: "" is built without it, None is unknown."""

    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None


class Part(Record, frozen=True, kw_only=True):
    """Facts of one format; None (or an empty value) is not told."""

    # the machine
    os: str | None = None
    os_name: str | None = None
    kernel: str | None = None
    arch: str | None = None
    libc: str | None = None
    cpu: str | None = None
    cpus: int | None = None
    memory_total: int | None = None
    shm_total: int | None = None
    container: str | None = None
    wsl: int | None = None
    display: tuple[PciGpu, ...] | None = None
    """Display controllers, of any vendor."""
    kernel_module: str | None = None
    nodes: tuple[DeviceNode, ...] | None = None
    variables: dict[str, str] | None = None

    # the interpreter
    python: str | None = None
    implementation: str | None = None
    executable: str | None = None
    bits: int | None = None
    kind: EnvironmentKind | None = None
    externally_managed: bool | None = None
    environment_broken: str | None = None
    """The environment whose interpreter is gone."""

    # what is installed
    distributions: tuple[Distribution, ...] | None = None
    whole_list: bool | None = None
    """Torch is not installed if it is not among them."""
    modules: tuple[ModuleOrigin, ...] | None = None

    # the NVIDIA driver
    driver: str | None = None
    driver_cuda: str | None = None
    gpus: tuple[NvmlDevice, ...] | None = None
    nvml_error: int | None = None
    nvml_absent: str | None = None
    cuda_error: int | None = None
    cuda_api: str | None = None
    cuda_devices: tuple[CudaDevice, ...] | None = None
    cuda_library: str | None = None
    cuda_absent: str | None = None

    # torch
    torch: str | None = None
    torch_cuda: str | None = None
    torch_hip: str | None = None
    torch_file: str | None = None
    torch_absent: str | None = None
    arch_list: tuple[str, ...] | None = None
    import_error: TorchError | None = None
    cuda_available: bool | None = None
    cuda_count: int | None = None
    cuda_why: str | None = None
    """What torch says when asked why there is no CUDA."""
    mps_available: bool | None = None
    mps_why: str | None = None
    xpu_available: bool | None = None
    device_error: str | None = None
    """What torch said when a device was used."""

    # tools
    nvcc: str | None = None
    gcc: str | None = None
    cuda_home: str | None = None

    complaints: tuple[Complaint, ...] | None = None
    launchers: tuple[Launcher, ...] | None = None
    refusals: tuple[Refusal, ...] | None = None
