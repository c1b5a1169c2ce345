"""`collect_env` of every generation, and vLLM's."""

import pytest

from envkit.snapshot import Absent, Host, Interpreter, Packages, TorchRuntime, Unknown
from tests.intake.reading import cuda_of, host_of, nvml_of, packages_of, snapshot_of, target_of, torch_of

FIRST_GENERATION = """
    Collecting environment information...
    PyTorch version: 1.1.0
    Is debug build: No
    CUDA used to build PyTorch: 9.0.176

    OS: CentOS Linux 7 (Core)
    GCC version: (GCC) 4.8.5 20150623 (Red Hat 4.8.5-36)
    CMake version: version 2.8.12.2

    Python version: 3.6
    Is CUDA available: Yes
    CUDA runtime version: 9.2.88
    GPU models and configuration:
    GPU 0: Quadro P5000
    GPU 1: Quadro P5000

    Nvidia driver version: 396.26
    cuDNN version: Could not collect

    Versions of relevant libraries:
    [pip3] numpy==1.16.4
    [pip3] torch==1.1.0
    [conda] Could not collect
"""

LATER_GENERATION = """
    PyTorch version: 2.3.0
    Is debug build: False
    CUDA used to build PyTorch: 12.1
    ROCM used to build PyTorch: N/A

    OS: Ubuntu 22.04.3 LTS (x86_64)
    GCC version: (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0
    Clang version: Could not collect
    CMake version: version 3.27.7
    Libc version: glibc-2.35

    Python version: 3.11.9 (main, Apr  6 2024, 17:59:24) [GCC 11.4.0] (64-bit runtime)
    Python platform: Linux-6.5.0-28-generic-x86_64-with-glibc2.35
    Is CUDA available: True
    CUDA runtime version: 12.3.107
    CUDA_MODULE_LOADING set to: LAZY
    GPU models and configuration: GPU 0: NVIDIA L4
    Nvidia driver version: 550.54.15
    cuDNN version: Probably one of the following:
    /usr/lib/x86_64-linux-gnu/libcudnn.so.8.9.7
    HIP runtime version: N/A
    MIOpen runtime version: N/A
    Is XNNPACK available: True

    CPU:
    Architecture:                       x86_64
    Model name:                         Intel(R) Xeon(R) CPU @ 2.20GHz

    Versions of relevant libraries:
    [pip3] numpy==1.26.4
    [pip3] nvidia-cudnn-cu12==8.9.2.26
    [pip3] torch==2.3.0
    [pip3] triton==2.3.0
    [conda] Could not collect
"""

VLLM = """
    ==============================
            System Info
    ==============================
    OS                           : Debian GNU/Linux 12 (bookworm) (aarch64)
    GCC version                  : (Debian 12.2.0-14) 12.2.0
    Libc version                 : glibc-2.36

    ==============================
           PyTorch Info
    ==============================
    PyTorch version              : 2.7.0+cu128
    Is debug build               : False
    CUDA used to build PyTorch   : 12.8
    ROCM used to build PyTorch   : N/A

    ==============================
          Python Environment
    ==============================
    Python version               : 3.12.10 (main, Apr  9 2025, 04:03:51) [Clang 20.1.0 ] (64-bit runtime)
    Python platform              : Linux-6.8.0-1024-nvidia-64k-aarch64-with-glibc2.36

    ==============================
           CUDA / GPU Info
    ==============================
    Is CUDA available            : True
    CUDA runtime version         : Could not collect
    CUDA_MODULE_LOADING set to   : LAZY
    GPU models and configuration : GPU 0: NVIDIA GH200 480GB
    Nvidia driver version        : 570.124.06
    cuDNN version                : Could not collect

    ==============================
    Versions of relevant libraries
    ==============================
    [pip3] torch==2.7.0
    [pip3] torchvision==0.22.0
"""


def test_the_first_generation() -> None:
    snapshot = snapshot_of(FIRST_GENERATION)
    nvml, torch = nvml_of(FIRST_GENERATION), torch_of(FIRST_GENERATION)
    assert (torch.version, torch.cuda, torch.hip) == ("1.1.0", "9.0", None)
    assert (nvml.error, nvml.driver_version) == (0, "396.26")
    assert [(gpu.index, gpu.name) for gpu in nvml.devices or ()] == [(0, "Quadro P5000"), (1, "Quadro P5000")]
    assert packages_of(FIRST_GENERATION) == {"numpy": "1.16.4", "torch": "1.1.0"}
    assert (snapshot.toolkit.nvcc, snapshot.toolkit.gcc) == ("9.2.88", "4.8.5")
    host = host_of(FIRST_GENERATION)
    assert (host.os, host.os_name, host.arch, host.libc) == ("linux", "CentOS Linux 7 (Core)", None, None)


def test_a_later_generation() -> None:
    host, target, torch = host_of(LATER_GENERATION), target_of(LATER_GENERATION), torch_of(LATER_GENERATION)
    assert (host.arch, host.libc, host.wsl, host.kernel) == ("x86_64", "glibc 2.35", 0, "6.5.0-28-generic-x86_64")
    assert (target.version, target.bits, target.implementation) == ("3.11.9", 64, "cpython")
    assert (torch.version, torch.cuda, torch.hip) == ("2.3.0", "12.1", "")
    assert nvml_of(LATER_GENERATION).driver_version == "550.54.15"
    assert packages_of(LATER_GENERATION)["nvidia-cudnn-cu12"] == "8.9.2.26"


def test_vllm_s_sections_tell_the_same_facts() -> None:
    host, torch = host_of(VLLM), torch_of(VLLM)
    assert (host.os, host.arch, host.libc) == ("linux", "aarch64", "glibc 2.36")
    assert (torch.version, torch.cuda) == ("2.7.0+cu128", "12.8")
    assert [gpu.name for gpu in nvml_of(VLLM).devices or ()] == ["NVIDIA GH200 480GB"]


def test_a_cuda_that_is_available_has_answered_zero() -> None:
    assert cuda_of(LATER_GENERATION).init_error == 0


def test_a_cuda_that_is_not_available_says_nothing_of_libcuda() -> None:
    snapshot = snapshot_of(LATER_GENERATION.replace("CUDA available: True", "CUDA available: False"))
    assert isinstance(snapshot.cuda, Unknown)


@pytest.mark.parametrize(
    ("built", "cuda", "available"),
    [("None", "", False), ("Could not collect", "", False), ("12.1", "12.1", False), ("11.8.89", "11.8", False)],
)
def test_what_torch_is_built_for(built: str, cuda: str, available: bool) -> None:
    torch = torch_of(
        f"""
        PyTorch version: 2.2.0
        Is debug build: False
        CUDA used to build PyTorch: {built}
        OS: Ubuntu 22.04.3 LTS (x86_64)
        Is CUDA available: False
        """
    )
    backend = torch.backend("cuda")
    assert torch.cuda == cuda
    assert backend is not None
    assert (backend.built, backend.available) == (cuda != "", available)


def test_a_build_for_amd() -> None:
    text = """
        PyTorch version: 2.3.0+rocm6.0
        Is debug build: False
        CUDA used to build PyTorch: N/A
        ROCM used to build PyTorch: 6.0.32830-d62f6a171
        OS: Fedora Linux 39 (x86_64)
        Is CUDA available: True
        GPU models and configuration: AMD Radeon RX 7900 XTX (gfx1100)
        Nvidia driver version: Could not collect
        HIP runtime version: 6.0.32830
    """
    torch, host = torch_of(text), host_of(text)
    assert (torch.cuda, torch.hip) == ("", "6.0")
    assert [(gpu.vendor, gpu.name, gpu.architecture) for gpu in host.gpus or ()] == [
        ("amd", "AMD Radeon RX 7900 XTX", "gfx1100")
    ]
    assert isinstance(snapshot_of(text).nvml, Unknown)


def test_no_cuda_is_told_apart_from_not_collected() -> None:
    text = """
        PyTorch version: 2.2.0+cpu
        Is debug build: False
        CUDA used to build PyTorch: None
        OS: Ubuntu 22.04.3 LTS (x86_64)
        Is CUDA available: False
        GPU models and configuration: {0}
        Nvidia driver version: {0}
    """
    assert isinstance(snapshot_of(text.format("No CUDA")).nvml, Absent)
    assert isinstance(snapshot_of(text.format("Could not collect")).nvml, Unknown)


def test_an_interpreter_without_torch_is_told() -> None:
    snapshot = snapshot_of(
        """
        PyTorch version: N/A
        Is debug build: N/A
        CUDA used to build PyTorch: N/A
        OS: Microsoft Windows 10 Pro
        Python version: 3.11 (64-bit runtime)
        Is CUDA available: N/A
        GPU models and configuration: GPU 0: NVIDIA GeForce GTX 1660
        Versions of relevant libraries:
        [pip3] numpy==1.25.0
        """
    )
    assert isinstance(snapshot.torch, Absent)
    assert isinstance(snapshot.packages, Packages)
    assert [one.name for one in snapshot.packages.distributions] == ["numpy"]


@pytest.mark.parametrize(
    ("system", "platform", "os", "arch", "wsl"),
    [
        ("Microsoft Windows 11 Pro", "Windows-10-10.0.22631-SP0", "windows", None, 0),
        ("Microsoft Windows 11 专业版", "Windows-10-10.0.22631-SP0", "windows", None, 0),
        ("macOS 14.4.1 (arm64)", "macOS-14.4.1-arm64-arm-64bit", "macos", "arm64", 0),
        ("Mac OSX 10.15.7 (x86_64)", "Darwin-19.6.0-x86_64-i386-64bit", "macos", "x86_64", 0),
        (
            "Ubuntu 22.04.2 LTS (x86_64)",
            "Linux-5.15.153.1-microsoft-standard-WSL2-x86_64-with-glibc2.35",
            "linux",
            "x86_64",
            2,
        ),
        ("Alpine Linux v3.19 (x86_64)", "Linux-6.1.0-x86_64-with-musl1.2", "linux", "x86_64", 0),
        ("Arch Linux (x86_64)", "Linux-6.8.7-arch1-1-x86_64-with-glibc2.39", "linux", "x86_64", 0),
    ],
)
def test_every_system(system: str, platform: str, os: str, arch: str | None, wsl: int) -> None:
    host = host_of(
        f"""
        PyTorch version: 2.2.0
        Is debug build: False
        CUDA used to build PyTorch: None
        OS: {system}
        Python platform: {platform}
        """
    )
    assert (host.os, host.arch, host.wsl) == (os, arch, wsl)


def test_windows_own_number_for_the_processor_is_understood() -> None:
    host = host_of(
        """
        PyTorch version: 2.2.0
        Is debug build: False
        OS: Microsoft Windows 11 Home
        CPU:
        Architecture=9
        Name=AMD Ryzen 7 5800X 8-Core Processor
        """
    )
    assert (host.arch, host.cpu) == ("x86_64", "AMD Ryzen 7 5800X 8-Core Processor")


def test_mig_instances_show_that_mig_is_on() -> None:
    nvml = nvml_of(
        """
        PyTorch version: 2.2.0
        Is debug build: False
        GPU models and configuration:
        GPU 0: NVIDIA A100-PCIE-40GB
          MIG 1g.5gb      Device  0:
        Nvidia driver version: 535.104.05
        """
    )
    assert [gpu.mig_enabled for gpu in nvml.devices or ()] == [True]
    assert nvml.driver_version == "535.104.05"


def test_a_report_that_was_cut_short_tells_what_is_left() -> None:
    snapshot = snapshot_of("\n".join(LATER_GENERATION.splitlines()[:9]))
    assert isinstance(snapshot.host, Host)
    assert isinstance(snapshot.torch, TorchRuntime)
    assert snapshot.torch.version == "2.3.0"
    assert isinstance(snapshot.target, Unknown)
    assert isinstance(snapshot.nvml, Unknown)


def test_a_torch_of_conda_with_its_own_record_of_pip_is_one_install() -> None:
    snapshot = snapshot_of(
        """
        PyTorch version: 2.0.1
        Is debug build: False
        CUDA used to build PyTorch: 11.7
        OS: Ubuntu 20.04.6 LTS (x86_64)
        [pip3] numpy==1.25.0
        [pip3] torch==2.0.1
        [conda] numpy                     1.25.0          py310h5f9d8c6_0
        [conda] pytorch                   2.0.1           py3.10_cuda11.7_cudnn8.5.0_0    pytorch
        [conda] pytorch-cuda              11.7                 h778d358_5    pytorch
        """
    )
    assert isinstance(snapshot.packages, Packages)
    names = [(one.name, one.version, one.installer) for one in snapshot.packages.distributions]
    assert names == [
        ("numpy", "1.25.0", "conda"),
        ("pytorch", "2.0.1", "conda"),
        ("pytorch-cuda", "11.7", "conda"),
    ]


def test_prose_around_a_report_does_not_disturb_it() -> None:
    text = f"Hello! My card is a GTX 970 and OS: Windows 10 at home.\n\n```\n{LATER_GENERATION}\n```\nThanks: a lot"
    host, nvml = host_of(text), nvml_of(text)
    assert host.os == "linux"
    assert [gpu.name for gpu in nvml.devices or ()] == ["NVIDIA L4"]


def test_the_python_of_a_report_is_a_target() -> None:
    target = snapshot_of(FIRST_GENERATION).target
    assert isinstance(target, Interpreter)
    assert (target.version, target.chosen_by) == ("3.6", "the Python of the report")
