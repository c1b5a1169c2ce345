"""More of what programs say, and words that only name a thing: a text each, and the cause it names."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Severity
from envkit.intake.recorded import read

WORKS = (
    "PyTorch version: 2.5.1+cu124\nCUDA used to build PyTorch: 12.4\nOS: Ubuntu 22.04.3 LTS (x86_64)\n"
    "Python version: 3.11.9\nIs CUDA available: True\nGPU models and configuration: GPU 0: NVIDIA A100-SXM4-80GB\n"
    "Nvidia driver version: 560.35.03\n"
)
CPU_BUILD = (
    "PyTorch version: 2.5.1+cpu\nCUDA used to build PyTorch: None\nOS: Ubuntu 22.04.3 LTS (x86_64)\n"
    "Python version: 3.11.9\nIs CUDA available: False\n"
    "| NVIDIA-SMI 560.35.03     Driver Version: 560.35.03      CUDA Version: 12.6     |\n"
)


def codes(text: str) -> list[str]:
    return [finding.code for finding in diagnose(read(text.encode(), "report"), matrix.load()).findings]


def errors(text: str) -> list[str]:
    found = diagnose(read(text.encode(), "report"), matrix.load()).findings
    return [finding.code for finding in found if finding.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # the kernel module, as its loaders and builders tell
        ("modprobe: FATAL: Module nvidia-uvm not found.", "driver-not-loaded"),
        ("==> ERROR: module not found: 'nvidia_drm'", "driver-not-loaded"),
        ("Error! Your kernel headers for kernel 6.1.0-9 cannot be found at /lib/modules/6.1.0-9", "driver-not-loaded"),
        ("Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7", "driver-not-loaded"),
        ("NVRM: installed in this system requires use of the NVIDIA open kernel modules.", "driver-not-loaded"),
        ("NVRM: GPU0 RmInitAdapter: Cannot initialize GSP firmware RM", "gpu-lost"),
        ("warning : CUDA driver version is 11020, expected at least 11040.", "driver-too-old"),
        # containers
        ("failed to discover GPU vendor from CDI: no known GPU vendor found", "container-no-gpu"),
        ("E0101 factory.go:112] Incompatible strategy detected auto", "container-no-gpu"),
        # GPUs
        ("ERROR: No supported GPU(s) detected to run this container", "gpu-arch-unsupported"),
        ("ValueError: invalid literal for int() with base 10: 'MIG-aaaa'", "gpu-mig"),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", "gpu-memory-full"),
        # the toolkit and the host's compiler
        ("raw_output = check_output([cuda_dir + \"/bin/nvcc\", '-V'])", "toolkit-missing"),
        ("NameError: name 'bare_metal_version' is not defined", "toolkit-missing"),
        ("nvcc fatal   : nvcc cannot find a supported version of Microsoft Visual Studio.", "compiler-unsupported"),
        ("ERROR: No supported gcc/g++ host compiler found, but clang-3.8 is available.", "compiler-unsupported"),
        (
            "nvcc fatal : The version ('90000') of the host compiler ('Apple clang') is not supported",
            "compiler-unsupported",
        ),
        ("cuda_utils.c:14: error: include file 'Python.h' not found", "compiler-unsupported"),
        # libraries
        (
            (
                "ImportError: /lib/python3.9/site-packages/torch/_C.cpython-39-x86_64-linux-gnu.so: "
                "undefined symbol: cudnnSetConvolutionGroupCount"
            ),
            "library-path-conflict",
        ),
        # other accelerators
        ("aborting with error : HSA_STATUS_ERROR_INVALID_ISA: The instruction set is invalid.", "rocm-gpu-unsupported"),
        ("RuntimeError: HIP error: hipErrorNoDevice", "rocm-driver-mismatch"),
        ("HIP initialization: Unexpected error from hipGetDeviceCount().", "rocm-driver-mismatch"),
        ("UserWarning: Failed to initialize XPU devices. The driver may not be installed.", "xpu-runtime-missing"),
        (">>> torch.xpu.is_available()\nFalse", "xpu-runtime-missing"),
        ("MPSAccelerator can not run on your system since the accelerator is not available.", "mps-unavailable"),
        # words that name a thing beside a word for its failing
        ("tool: starting NCCL on rank 3 failed", "nccl-failure"),
        ("[setup] the fabric manager was not running, trying anyway", "fabric-manager-down"),
        ("loader: error, this library wants a newer NVIDIA driver: please update the driver", "driver-too-old"),
        ("mytool: fatal: cannot find nvcc in this image", "toolkit-missing"),
        ("mytool: error: kernel needs compute capability 8.0 or higher", "gpu-arch-unsupported"),
        ("mytool: error: ran out of memory on the GPU", "gpu-memory-full"),
    ],
)
def test_a_text_names_its_cause(text: str, code: str) -> None:
    assert codes(text)[0] == code


@pytest.mark.parametrize(
    ("text", "first"),
    [
        pytest.param("tool: NCCL failed\nRuntimeError: CUDA error: device-side assert triggered", "healthy", id="own"),
        pytest.param("tool: NCCL failed\nOSError: [Errno 28] No space left on device", "disk-low", id="another text"),
        pytest.param(f"{CPU_BUILD}tool: error: cuDNN version mismatch", "torch-cpu-build", id="facts"),
        pytest.param("failed call to cuInit: CUDA_ERROR_SYSTEM_NOT_READY", "fabric-manager-down", id="a name"),
    ],
)
def test_words_count_only_where_nothing_else_is_known(text: str, first: str) -> None:
    assert codes(text)[0] == first


@pytest.mark.parametrize(
    "text",
    [
        "node1:1:1 [0] NCCL INFO NET/Plugin : No plugin found (libnccl-net.so), using internal implementation",
        "RuntimeError: OutOfResources: out of resource: shared memory, Required: 101376, Hardware limit: 99000.",
        "nvidia: module verification failed: signature and/or required key missing - tainting kernel",
    ],
)
def test_what_good_runs_print_too_is_no_error(text: str) -> None:
    assert errors(WORKS + text) == []


def test_a_driver_that_answers_801_does_not_initialise() -> None:
    said = "Unexpected error from cudaGetDeviceCount()... Error 801: operation not supported"
    assert codes(said)[0] == "driver-init-failed"


@pytest.mark.parametrize(
    ("value", "code"),
    [("1", "gpu-hidden"), ("-1", "gpu-hidden"), ("", "gpu-hidden"), ("0", "torch-cpu-build")],
)
def test_a_variable_that_chooses_no_gpu_is_named(value: str, code: str) -> None:
    text = f"`export CUDA_VISIBLE_DEVICES={value}`\n>>> import torch\n>>> torch.cuda.is_available()\nFalse\n"
    assert codes(text)[0] == code


def test_the_second_gpu_of_two_may_be_chosen() -> None:
    two = (
        "export CUDA_VISIBLE_DEVICES=1\nGPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-a)\nGPU 1: NVIDIA A100-SXM4-40GB "
        "(UUID: GPU-b)\n>>> import torch\n>>> torch.cuda.is_available()\nFalse\n"
    )
    assert codes(two)[0] != "gpu-hidden"


def test_a_module_that_cannot_be_built_beside_amd_s_gpu_is_amd_s() -> None:
    amd = (
        "dpkg: error processing package amdgpu-dkms (--configure):\n"
        "Error! Bad return status for module build on kernel: 6.8.0-45-generic (x86_64)\n"
    )
    assert codes(amd)[0] == "rocm-driver-mismatch"
    assert "driver-not-loaded" not in codes(amd)


def test_amd_s_tools_tell_of_amd_s_gpu() -> None:
    text = "$ sudo amdgpu-install --usecase=rocm\nRuntimeError: Found no NVIDIA driver on your system.\n"
    assert codes(text)[0] == "torch-wrong-backend"


def test_a_wheel_for_rocm_that_finds_no_gpu() -> None:
    text = (
        "wget https://repo.example/torch-2.1.2%2Brocm6.1-cp310-cp310-linux_x86_64.whl\nAMD Radeon RX 7900 XTX\n"
        'python -c "import torch; print(torch.cuda.is_available())"\nFalse\n'
    )
    assert codes(text)[0] == "rocm-driver-mismatch"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("AMD Radeon RX 6600\nSegmentation fault (core dumped)\n", "rocm-gpu-unsupported"),
        ("$ rocminfo | grep gfx\n  Name:                    gfx1102\nSIGSEGV\n", "rocm-gpu-unsupported"),
        ("NVIDIA GeForce RTX 3060\nSegmentation fault (core dumped)\n", "healthy"),
        ("AMD Radeon RX 6600\nSegmentation fault\nlibamdhip64.so.6: cannot open shared object", "rocm-driver-mismatch"),
    ],
)
def test_a_crash_beside_an_amd_gpu_is_the_last_resort(text: str, first: str) -> None:
    assert (codes(text) or ["healthy"])[0] == first


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("$ ls -la /dev | grep kfd\ncrw-------   1 root    root    234,   0 Mai 21 05:13 kfd\n", "rocm-permission"),
        ("thread 'main' panicked: Unable to dynamically load the \"cuda\" shared library", "driver-missing"),
        ("thread 'main' panicked: Unable to dynamically load the \"nvrtc\" shared library", "toolkit-missing"),
        ("thread 'main' panicked at 'Could not find a cuda installation'", "toolkit-missing"),
        ("CMake Error: CUDA compiler not found", "toolkit-missing"),
        ("$ docker-compose up\nollama doesn't detect any GPU", "container-no-gpu"),
        ("NCCL: ncclGroupEnd() : 0002 unhandled system error", "nccl-failure"),
        ("rocBLAS warning: No paths matched /opt/rocm/lib/rocblas/library/*gfx1031*co.", "rocm-gpu-unsupported"),
        ("RuntimeError: Cannot initialize CUDA without ATen_cuda library.", "torch-cpu-build"),
        ("the NVIDIA kernel module not load, it is backing to nouveau", "driver-not-loaded"),
        ("After rebooting I ran nvidia-smi and got No devices were found", "gpu-lost"),
        ("My GPU is very slow, its clock speed looks stuck at 33MHz", "gpu-throttled"),
        ("An A100 at full load: frequency reduction and SW Power Cap will appear", "gpu-throttled"),
        ("On macOS 26.2 (Apple M3): torch.backends.mps.is_available() => False", "mps-unavailable"),
    ],
)
def test_texts_of_other_programs(text: str, first: str) -> None:
    assert codes(text)[0] == first
