"""What programs say of drivers, containers, GPUs and other accelerators: a text each, and the cause it names."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Severity
from envkit.intake.recorded import read

WORKS = (
    "PyTorch version: 2.1.2+cu121\nCUDA used to build PyTorch: 12.1\nOS: Ubuntu 22.04.3 LTS (x86_64)\n"
    "Python version: 3.10.12\nIs CUDA available: True\nGPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB\n"
    "Nvidia driver version: 535.129.03\n"
)


def codes(text: str) -> list[str]:
    return [finding.code for finding in diagnose(read(text.encode(), "report"), matrix.load()).findings]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # the driver
        ("nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown", "driver-not-loaded"),
        ("modprobe: ERROR: could not insert 'nvidia': Key was rejected by service", "driver-not-loaded"),
        ("modprobe: FATAL: Module nvidia not found in directory /lib/modules/6.5.0", "driver-not-loaded"),
        ("NVRM: API mismatch: the client has the version 1, but this kernel module 2", "driver-library-mismatch"),
        ("NVMLError_LibRmVersionMismatch: RM has detected an NVML/RM version mismatch.", "driver-library-mismatch"),
        ("nvidia-container-cli: nvml error: driver/library version mismatch: unknown", "driver-library-mismatch"),
        ("unsatisfied condition: cuda>=12.4, please update your driver to a newer version", "driver-too-old"),
        ("CUDA error: the provided PTX was compiled with an unsupported toolchain.", "driver-too-old"),
        ("failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error", "driver-init-failed"),
        ("Check failed: error == cudaSuccess (999 vs. 0) unknown error", "driver-init-failed"),
        ("kernel version 460.91.3 does not match DSO version 470.82.1", "driver-library-mismatch"),
        ("cuInit(0) failed: CUDA_ERROR_SYSTEM_NOT_READY", "fabric-manager-down"),
        ("failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "forward-compat-unsupported"),
        ("RuntimeError: Found no NVIDIA driver on your system.", "driver-missing"),
        (
            "bash: nvidia-smi: command not found\n01:00.0 VGA compatible controller: NVIDIA GP104 [GTX 1080]",
            "driver-missing",
        ),
        # what surrounds the process
        ("error during container init: load library failed: libnvidia-ml.so.1: cannot open", "driver-missing"),
        ('could not select device driver "" with capabilities: [[gpu]]: error', "container-no-gpu"),
        ("Error response from daemon: Unknown runtime specified nvidia.", "container-no-gpu"),
        ("$ docker run -it image python\n>>> import torch\n>>> torch.cuda.is_available()\nFalse", "container-no-gpu"),
        ("Failed to initialize NVML: Unknown Error", "device-permission"),
        ("Failed to initialize NVML: Insufficient Permissions", "device-permission"),
        ("in WSL2: Failed to initialize NVML: Driver Not Loaded", "wsl-driver"),
        ("Failed to initialize NVML: GPU access blocked by the operating system", "wsl-driver"),
        (
            "nvidia-container-cli: initialization error: WSL environment detected but no adapters were found",
            "wsl-driver",
        ),
        ("$ LD_LIBRARY_PATH=/usr/lib/wsl/lib/ python\n$ ls /usr/lib/wsl/lib/libcuda.so.1", "wsl-driver"),
        # the GPU
        (
            (
                "| NVIDIA-SMI 470.57.02    Driver Version: 470.57.02    CUDA Version: 11.4     |\n"
                "|   0  GeForce RTX 2080    Off  | 00000000:01:00.0 Off |                  N/A |\n"
                "|ERR!   ERR! P0    ERR! / 215W |     10MiB /  7982MiB |    ERR!      Default |\n"
            ),
            "gpu-lost",
        ),
        ("Unable to determine the device handle for GPU0000:05:00.0: Unknown Error", "gpu-lost"),
        ("NVRM: Xid (PCI:0000:4c:00): 119, Timeout after 6s of waiting for RPC response", "gpu-lost"),
        ("NVRM: Xid (0000:03:00): 48, Double Bit ECC Error", "gpu-memory-errors"),
        ("RuntimeError: CUDA error: uncorrectable ECC error encountered", "gpu-memory-errors"),
        ("RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable", "gpu-exclusive"),
        ("export CUDA_VISIBLE_DEVICES=3\nRuntimeError: No CUDA GPUs are available", "gpu-hidden"),
        ("RuntimeError: CUDA error: invalid device ordinal", "gpu-hidden"),
        ("/content/run.py\nRuntimeError: No CUDA GPUs are available", "gpu-absent"),
        (
            (
                "GPU 0: A100-SXM4-40GB (UUID: GPU-aaaa)\n  MIG 3g.20gb Device 0: (UUID: MIG-aaaa)\n"
                "RuntimeError: CUDA error: invalid device ordinal"
            ),
            "gpu-mig",
        ),
        ("RuntimeError: FlashAttention only supports Ampere GPUs or newer.", "gpu-arch-unsupported"),
        ("ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name', error", "gpu-arch-unsupported"),
        (
            "Free memory on device (3/24 GiB) on startup is less than desired GPU memory utilization: Error",
            "gpu-memory-full",
        ),
        ("pcieport 0000:00:01.0: PCIe Bus Error: severity=Corrected, type=Physical Layer", "pcie-degraded"),
        # other accelerators
        ("RuntimeError: HIP error: invalid device function", "rocm-gpu-unsupported"),
        ("Unable to open /dev/kfd read-write: Permission denied", "rocm-permission"),
        ("ROCk module is NOT loaded, possibly no GPU devices", "rocm-driver-mismatch"),
        ("OSError: libmkl_sycl_blas.so.4: cannot open shared object file", "xpu-runtime-missing"),
        ("UserWarning: XPU device count is zero!", "xpu-runtime-missing"),
        ("RuntimeError: Number of dpcpp devices should be greater than zero!", "xpu-runtime-missing"),
        ("RuntimeError: The MPS backend is supported on MacOS 13.0+.", "mps-unavailable"),
        (
            "RuntimeError: Found no NVIDIA driver on your system.\nOS: Windows 11\nGPU: AMD Radeon RX 6600",
            "torch-wrong-backend",
        ),
        (
            "RuntimeError: Found no NVIDIA driver on your system.\nI don't have any NVIDIA GPU in my laptop",
            "gpu-absent",
        ),
        (
            "RuntimeError: Torch is not able to use GPU\nGPU: AMD Radeon RX 6600\nOS: Windows 11",
            "torch-wrong-backend",
        ),
        (
            (
                "pip install torch --index-url https://download.pytorch.org/whl/rocm6.4\n"
                "RuntimeError: Torch is not able to use GPU\nGPU: AMD Radeon RX 6800\nOS: Linux"
            ),
            "rocm-driver-mismatch",
        ),
        # nobody's fault
        ("RuntimeError: CUDA error: device-side assert triggered", "healthy"),
        ("NotImplementedError: 'aten::x' is not currently implemented for the MPS device.", "healthy"),
    ],
)
def test_a_text_names_its_cause(text: str, code: str) -> None:
    assert codes(text)[0] == code


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: CUDA error: device-side assert triggered",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "NVRM: Xid (PCI:0000:01:00): 13, Graphics Exception",
        (
            "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has a total capacity of 79 GiB of "
            "which 1.00 GiB is free. Including non-PyTorch memory, this process has 78.10 GiB memory in use."
        ),
    ],
)
def test_a_program_s_own_error_where_all_works_is_no_error_of_the_environment(text: str) -> None:
    found = diagnose(read((WORKS + text).encode(), "report"), matrix.load()).findings
    assert [finding.code for finding in found if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize(
    "text", ["RuntimeError: Found no NVIDIA driver on your system.", "nvidia-smi: command not found", "Error 804: no"]
)
def test_what_is_said_of_the_driver_does_not_count_where_cuda_works(text: str) -> None:
    assert codes(WORKS)[0] == "healthy"
    errors = {"driver-missing", "container-no-gpu"} & set(codes(WORKS + text))
    assert errors == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NVRM: Xid (PCI:0000:41:00): 79, pid=1", "gpu-lost"),
        ("NVRM: Xid (0000:41:00): 63, Row Remapper", "gpu-memory-errors"),
        ("XID 79 was seen", "gpu-lost"),
        ("NVRM: Xid (PCI:0000:41:00): 31, MMU Fault", "healthy"),
        ("fiXids 79", None),
        ("DRIVER/LIBRARY VERSION MISMATCH", "driver-library-mismatch"),
    ],
)
def test_an_xid_points_to_its_cause_and_capitals_do_not_matter(text: str, code: str | None) -> None:
    assert matrix.load().errors.cause_of(text) == code
