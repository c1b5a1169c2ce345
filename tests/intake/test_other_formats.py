"""System tools, Python sessions, environment variables, AMD's tools, and other projects' reports."""

from typing import Any

import pytest

from envkit.snapshot import EnvironmentKind
from tests.intake.reading import cuda_of, host_of, nvml_of, packages_of, snapshot_of, target_of, torch_of


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "Linux box 6.6.87.2-microsoft-standard-WSL2 #1 SMP Thu Jun 5 18:30:46 UTC 2025 x86_64 GNU/Linux",
            {"os": "linux", "arch": "x86_64", "wsl": 2, "kernel": "6.6.87.2-microsoft-standard-WSL2"},
        ),
        (
            "Linux pi 6.1.21-v8+ #1642 SMP PREEMPT Mon Apr  3 17:24:16 BST 2023 aarch64 GNU/Linux",
            {"os": "linux", "arch": "aarch64", "wsl": 0},
        ),
        (
            "Darwin mini 23.4.0 Darwin Kernel Version 23.4.0: Fri Mar 15 00:12:37 PDT 2024; root:xnu arm64",
            {"os": "macos", "arch": "arm64"},
        ),
        ("ldd (Ubuntu GLIBC 2.31-0ubuntu9.9) 2.31", {"os": "linux", "libc": "glibc 2.31"}),
        ("ldd (GNU libc) 2.17", {"os": "linux", "libc": "glibc 2.17"}),
        ("musl libc (x86_64)\nVersion 1.2.4", {"libc": "musl 1.2", "arch": "x86_64"}),
        ('NAME="Fedora"\nPRETTY_NAME="Fedora Linux 40 (Workstation)"', {"os_name": "Fedora Linux 40 (Workstation)"}),
        ("Distributor ID: Ubuntu\nDescription:    Ubuntu 16.04.7 LTS", {"os_name": "Ubuntu 16.04.7 LTS"}),
        ("ProductName:  macOS\nProductVersion: 13.2.1", {"os": "macos", "os_name": "macOS 13.2.1"}),
        ("Microsoft Windows [Version 10.0.19045.4291]", {"os": "windows"}),
        ("shm              64M     0   64M   0% /dev/shm", {"shm_total": 64 * 2**20}),
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021",
            {"kernel_module_version": "470.82.01", "arch": "x86_64"},
        ),
        ("       platform : linux-aarch64\n  __glibc=2.35=0", {"arch": "aarch64", "libc": "glibc 2.35"}),
        ("root@0123456789ab:/workspace# ls /usr/local/cuda", {"os": "linux", "container": "docker"}),
        ("$ ls -l /usr/lib/wsl/lib/libcuda.so.1", {"os": "linux", "wsl": 2}),
    ],
)
def test_the_machine(text: str, facts: dict[str, Any]) -> None:
    host = host_of(text)
    assert {name: getattr(host, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("text", "nvcc", "gcc"),
    [
        ("Cuda compilation tools, release 11.8, V11.8.89\nBuild cuda_11.8.r11.8", "11.8.89", None),
        ("Cuda compilation tools, release 9.1, V9.1.85", "9.1.85", None),
        ("gcc (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0\nCopyright (C) 2019", None, "9.4.0"),
    ],
)
def test_the_compilers(text: str, nvcc: str | None, gcc: str | None) -> None:
    toolkit = snapshot_of(text).toolkit
    assert (toolkit.nvcc, toolkit.gcc) == (nvcc, gcc)


def test_the_controllers_on_the_bus_with_their_drivers() -> None:
    gpus = host_of(
        """
        00:02.0 VGA compatible controller [0300]: Intel Corporation UHD Graphics 630 [8086:3e92] (rev 02)
        \tKernel driver in use: i915
        01:00.0 3D controller [0302]: NVIDIA Corporation GP107M [GeForce GTX 1050 Mobile] [10de:1c8d] (rev a1)
        \tKernel driver in use: nouveau
        \tKernel modules: nouveau
        """
    ).gpus
    assert [(gpu.vendor, gpu.device_id, gpu.kernel_driver, gpu.name) for gpu in gpus or ()] == [
        ("intel", "0x3e92", "i915", "Intel Corporation UHD Graphics 630"),
        ("nvidia", "0x1c8d", "nouveau", "GeForce GTX 1050 Mobile"),
    ]


def test_a_python_session() -> None:
    text = """
        Python 3.8.10 (tags/v3.8.10:3d8993a, May  3 2021, 11:48:03) [MSC v.1928 64 bit (AMD64)] on win32
        Type "help", "copyright", "credits" or "license" for more information.
        >>> import torch
        >>> torch.__version__
        '1.9.0+cu111'
        >>> torch.cuda.is_available()
        False
        >>> torch.version.cuda
        '11.1'
        >>> torch.cuda.get_arch_list()
        ['sm_37', 'sm_80']
    """
    target, torch, host = target_of(text), torch_of(text), host_of(text)
    backend = torch.backend("cuda")
    assert (target.version, target.bits, host.os, host.arch) == ("3.8.10", 64, "windows", "x86_64")
    assert (torch.version, torch.cuda, torch.arch_list) == ("1.9.0+cu111", "11.1", ("sm_37", "sm_80"))
    assert backend is not None
    assert backend.available is False


def test_a_32_bit_python_shows_by_its_banner() -> None:
    text = "Python 3.7.4 (default, Jul  8 2019, 19:29:22) [MSC v.1916 32 bit (Intel)] on win32"
    assert target_of(text).bits == 32


def test_several_questions_in_one_line() -> None:
    torch = torch_of('$ python -c "import torch; print(torch.__version__, torch.version.cuda)"\n2.4.0+cu124 12.4')
    assert (torch.version, torch.cuda) == ("2.4.0+cu124", "12.4")


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("export CUDA_VISIBLE_DEVICES=2,3", "CUDA_VISIBLE_DEVICES", "2,3"),
        ('$env:CUDA_VISIBLE_DEVICES = "-1"', "CUDA_VISIBLE_DEVICES", "-1"),
        ("set CUDA_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES", "0"),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = '7'", "CUDA_VISIBLE_DEVICES", "7"),
        ("LD_LIBRARY_PATH=/usr/local/cuda-11/lib64 python train.py", "LD_LIBRARY_PATH", "/usr/local/cuda-11/lib64"),
        ("CUDA_VISIBLE_DEVICES=", "CUDA_VISIBLE_DEVICES", ""),
    ],
)
def test_variables(line: str, name: str, value: str) -> None:
    assert host_of(f"ls /usr/lib/x.so.1\n{line}").variables == {name: value}


def test_a_variable_made_of_others_is_not_known() -> None:
    assert host_of("ls /usr/lib/x.so.1\nexport LD_LIBRARY_PATH=/x:$LD_LIBRARY_PATH").variables == {}


def test_rocminfo() -> None:
    text = """
        ROCk module is loaded
        =====================
        HSA Agents
        ==========
        *******
        Agent 1
        *******
          Name:                    AMD Ryzen 9 5900X 12-Core Processor
          Device Type:             CPU
        *******
        Agent 2
        *******
          Name:                    gfx1032
          Marketing Name:          AMD Radeon RX 6600
          Device Type:             GPU
    """
    assert [(gpu.vendor, gpu.name, gpu.architecture) for gpu in host_of(text).gpus or ()] == [
        ("amd", "AMD Radeon RX 6600", "gfx1032")
    ]


OPENMMLAB = """
    sys.platform: linux
    Python: 3.7.10 (default, Feb 26 2021, 18:47:35) [GCC 7.3.0]
    CUDA available: True
    GPU 0,1: NVIDIA GeForce RTX 2080 Ti
    CUDA_HOME: /usr/local/cuda-11.1
    NVCC: Build cuda_11.1.TC455_06.29069683_0
    GCC: gcc (Ubuntu 7.5.0-3ubuntu1~18.04) 7.5.0
    PyTorch: 1.9.0+cu111
    TorchVision: 0.10.0+cu111
"""
DETECTRON = """
    ----------------------  ----------------------------------------------------------------
    sys.platform            linux
    Python                  3.9.7 (default, Sep 16 2021, 13:09:58) [GCC 7.5.0]
    numpy                   1.21.2
    PyTorch                 1.10.0 @/opt/conda/lib/python3.9/site-packages/torch
    PyTorch debug build     False
    GPU available           True
    GPU 0,1                 Tesla P40 (arch=6.1)
    Driver version          470.57.02
    CUDA_HOME               /usr/local/cuda
"""
TRANSFORMERS = """
    - `transformers` version: 4.41.2
    - Platform: Windows-10-10.0.19045-SP0
    - Python version: 3.11.8
    - PyTorch version (GPU?): 2.3.0+cpu (False)
"""
LIGHTNING = """
    * CUDA:
        - GPU:
            - Tesla T4
        - available: True
        - version: 11.7
    * System:
        - OS: Linux
        - python: 3.10.9
        - pyTorch_version: 2.0.0
"""
DEEPSPEED = """
    DeepSpeed general environment info:
    torch install path ............... ['/usr/local/lib/python3.10/dist-packages/torch']
    torch version .................... 2.1.0+cu121
    deepspeed info ................... 0.12.3, unknown, unknown
    torch cuda version ............... 12.1
    torch hip version ................ None
    nvcc version ..................... 12.1
    shared memory (/dev/shm) size .... 0.06 GB
"""
XFORMERS = """
    pytorch.version:                                   2.1.2+cu118
    pytorch.cuda:                                      available
    gpu.compute_capability:                            8.9
    gpu.name:                                          NVIDIA GeForce RTX 4090
    build.python_version:                              3.10.13
"""
TEMPLATE = """
     - PyTorch Version (e.g., 1.0): 1.7.1
     - OS (e.g., Linux): Windows 10
     - How you installed PyTorch (`conda`, `pip`, source): pip
     - Python version: 3.8.5
     - CUDA/cuDNN version: 11.0
     - GPU models and configuration: 2x RTX 3070
"""


@pytest.mark.parametrize(
    ("text", "python", "torch", "available"),
    [
        pytest.param(OPENMMLAB, "3.7.10", "1.9.0+cu111", True, id="OpenMMLab"),
        pytest.param(DETECTRON, "3.9.7", "1.10.0", True, id="detectron2"),
        pytest.param(TRANSFORMERS, "3.11.8", "2.3.0+cpu", False, id="transformers"),
        pytest.param(LIGHTNING, "3.10.9", "2.0.0", True, id="Lightning"),
        pytest.param(DEEPSPEED, "3.10", "2.1.0+cu121", None, id="DeepSpeed"),
        pytest.param(TEMPLATE, "3.8.5", "1.7.1", None, id="PyTorch's template"),
    ],
)
def test_other_projects_reports(text: str, python: str, torch: str, available: bool | None) -> None:
    found = torch_of(text)
    backend = found.backend("cuda")
    assert target_of(text).version == python
    assert found.version == torch
    assert (backend.available if backend else None) is available


def test_gpus_of_other_projects_reports() -> None:
    assert [gpu.name for gpu in nvml_of(OPENMMLAB).devices or ()] == ["NVIDIA GeForce RTX 2080 Ti"] * 2
    assert [gpu.name for gpu in nvml_of(DETECTRON).devices or ()] == ["Tesla P40"] * 2
    assert [gpu.name for gpu in nvml_of(TEMPLATE).devices or ()] == ["RTX 3070"] * 2
    assert [gpu.name for gpu in nvml_of(XFORMERS).devices or ()] == ["NVIDIA GeForce RTX 4090"]
    assert nvml_of(DETECTRON).driver_version == "470.57.02"


def test_what_else_other_projects_reports_tell() -> None:
    assert snapshot_of(OPENMMLAB).toolkit.cuda_home == "/usr/local/cuda-11.1"
    assert packages_of(OPENMMLAB)["torchvision"] == "0.10.0+cu111"
    assert host_of(DEEPSPEED).shm_total == int(0.06 * 2**30)
    assert torch_of(DEEPSPEED).cuda == "12.1"
    assert cuda_of(XFORMERS).init_error == 0
    assert host_of(TEMPLATE).os == "windows"


def test_ultralytics_one_line() -> None:
    text = "Ultralytics YOLOv8.0.20 Python-3.10.6 torch-1.13.1+cu117 CUDA:0 (NVIDIA GeForce GTX 1660, 5945MiB)"
    assert (target_of(text).version, torch_of(text).version) == ("3.10.6", "1.13.1+cu117")
    assert [gpu.name for gpu in nvml_of(text).devices or ()] == ["NVIDIA GeForce GTX 1660"]


def test_uv_names_the_python_it_takes() -> None:
    target = target_of(
        "Using CPython 3.12.3 interpreter at: /usr/bin/python3.12\nCreating virtual environment at: .venv"
    )
    assert (target.version, target.kind) == ("3.12.3", EnvironmentKind.UV)


def test_a_system_python_that_refuses_installs() -> None:
    assert target_of(
        "error: externally-managed-environment\nsee /usr/share/doc/python3.12/README.venv\nPython 3.12.3"
    ).externally_managed
