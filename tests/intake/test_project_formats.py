"""Reports of more projects, and more generations of tools: each with the facts that it tells."""

from envkit.snapshot import Packages
from tests.intake.reading import cuda_of, host_of, nvml_of, packages_of, snapshot_of, target_of, torch_of

TRANSFORMERS_5 = """\
- `transformers` version: 5.1.0
- Platform: Windows-11-10.0.26100-SP0
- Python version: 3.12.4
- PyTorch version (accelerator?): 2.9.0+cu130 (CUDA)
- GPU type: NVIDIA GeForce RTX 5080
"""
ACCELERATE = """\
- `Accelerate` version: 1.2.0
- Platform: Linux-5.15.0-119-generic-x86_64-with-glibc2.31
- Python version: 3.11.9
- PyTorch version (GPU?): 2.5.0+cu124 (False)
- PyTorch XPU available: False
- System RAM: 251.49 GB
"""
BITSANDBYTES = """\
=================== bitsandbytes v0.45.0 ===================
Platform: Linux-6.8.0-45-generic-x86_64-with-glibc2.39
Python: 3.12.3
PyTorch: 2.5.1+cu124
PyTorch settings found: CUDA_VERSION=124, Highest Compute Capability: (8, 6).
"""
LIGHTNING_2 = """\
* CUDA:
\t- GPU:
\t\t- Tesla V100-SXM2-32GB
\t\t- Tesla V100-SXM2-32GB
\t- available:         True
\t- version:           11.7
* System:
\t- OS:                Linux
\t- python:            3.10.12
"""
FAIRSEQ = """\
 - fairseq Version (e.g., 1.0 or main): main
 - PyTorch Version (e.g., 1.0) 1.9.0
 - OS (e.g., Linux): Linux
 - Python version: 3.8.10
 - GPU models and configuration: V100
"""
DICTIONARY = (
    "{'sys.platform': 'linux', 'Python': '3.8.10 (default, May 19 2021) [GCC 7.3.0]', 'CUDA available': True, "
    "'GPU 0,1': 'TITAN RTX', 'CUDA_HOME': '/usr', 'NVCC': 'Cuda compilation tools, release 9.1, V9.1.85', "
    "'PyTorch': '1.8.1', 'PyTorch compiling details': 'PyTorch built with:\\n  - GCC 7.3\\n  - CUDA Runtime 10.2\\n'}\n"
)
ULTRALYTICS = """\
Ultralytics 8.3.40 Python-3.11.10 torch-2.5.1+cu124 CUDA:0 (NVIDIA GeForce RTX 4060, 8188MiB)
Setup complete (16 CPUs, 31.2 GB RAM, 200.1/475.9 GB disk)

OS                  Windows-11-10.0.22631-SP0
Python              3.11.10
"""
CONDA_INFO = """\
     active environment : base
          conda version : 24.5.0
         python version : 3.12.2.final.0
       virtual packages : __archspec=1=zen3
                          __cuda=12.2=0
                          __glibc=2.31=0
               platform : linux-64
"""
PIP_CHECK = """\
torchvision 0.15.2 has requirement torch==2.0.1, but you have torch 2.1.0.
ERROR: torchaudio 2.0.2 requires torch==2.0.1, but you have torch 2.1.0 which is incompatible.
"""
FREEZE_FROM_A_URL = """\
numpy==1.26.4
torch @ https://download.pytorch.org/whl/cu121/torch-2.3.0%2Bcu121-cp311-cp311-linux_x86_64.whl#sha256=0
"""
SMI_OF_WINDOWS = """\
| NVIDIA-SMI 546.33                 Driver Version: 546.33       CUDA Version: 12.3     |
|   0  NVIDIA GeForce RTX 4070 ...  WDDM  | 00000000:01:00.0  On |                  N/A |
| N/A   45C    P8               3W /  60W |    512MiB /  8188MiB |      2%      Default |
"""
ROCM_SMI = """\
============================ ROCm System Management Interface ============================
Device  Node  IDs              Temp    Power  Partitions          SCLK  MCLK   Fan  Perf  PwrCap  VRAM%  GPU%
0       1     0x73bf,   12345  45.0C   30.0W  N/A, N/A, 0         0Mhz  96Mhz  0%   auto  255.0W  4%     0%
1       2     0x744c,   12346  41.0C   12.0W  N/A, N/A, 0         0Mhz  96Mhz  0%   auto  327.0W  1%     0%
"""
ROCM_SMI_OLD = """\
======================= ROCm System Management Interface =======================
GPU  Temp (DieEdge)  AvgPwr  SCLK    MCLK    Fan     Perf  PwrCap  VRAM%  GPU%
0    35.0c           4.0W    800Mhz  96Mhz   0%      auto  250.0W    1%   0%
"""


def test_transformers_names_the_accelerator_of_torch() -> None:
    torch = torch_of(TRANSFORMERS_5)
    cuda = torch.backend("cuda")
    assert (torch.version, cuda and cuda.available) == ("2.9.0+cu130", True)


def test_accelerate_tells_that_there_is_no_gpu() -> None:
    cuda = torch_of(ACCELERATE).backend("cuda")
    assert (cuda and cuda.available, host_of(ACCELERATE).libc) == (False, "glibc 2.31")


def test_bitsandbytes_tells_the_capability_and_no_variable() -> None:
    assert [device.compute_capability for device in cuda_of(BITSANDBYTES).devices or ()] == ["8.6"]
    assert host_of(BITSANDBYTES).variables == {}


def test_lightning_tells_gpus_and_cuda_without_their_usual_labels() -> None:
    torch = torch_of(LIGHTNING_2)
    assert (torch.cuda, [gpu.name for gpu in nvml_of(LIGHTNING_2).devices or ()]) == (
        "11.7",
        ["Tesla V100-SXM2-32GB"] * 2,
    )


def test_a_template_line_without_a_colon_is_read() -> None:
    assert torch_of(FAIRSEQ).version == "1.9.0"


def test_a_dictionary_that_python_printed_is_read_as_lines() -> None:
    snapshot = snapshot_of(DICTIONARY)
    assert (torch_of(DICTIONARY).version, torch_of(DICTIONARY).cuda) == ("1.8.1", "10.2")
    assert (snapshot.toolkit.nvcc, snapshot.toolkit.cuda_home) == ("9.1.85", "/usr")


def test_ultralytics_tells_the_system() -> None:
    assert (host_of(ULTRALYTICS).os, torch_of(ULTRALYTICS).version) == ("windows", "2.5.1+cu124")


def test_conda_s_platform_is_no_kernel() -> None:
    host = host_of(CONDA_INFO)
    assert (host.os, host.arch, host.libc, host.kernel) == ("linux", "x86_64", "glibc 2.31", None)
    assert (target_of(CONDA_INFO).version, nvml_of(CONDA_INFO).cuda_version) == ("3.12.2", "12.2")


def test_pip_check_tells_what_is_installed() -> None:
    assert packages_of(PIP_CHECK) == {"torchvision": "0.15.2", "torch": "2.1.0", "torchaudio": "2.0.2"}


def test_a_wheel_s_address_tells_its_build() -> None:
    packages = snapshot_of(FREEZE_FROM_A_URL).packages
    assert isinstance(packages, Packages)
    assert [(one.version, one.build and one.build.cuda) for one in packages.named("torch")] == [("2.3.0+cu121", "12.1")]


def test_only_windows_has_driver_models() -> None:
    assert host_of(SMI_OF_WINDOWS).os == "windows"


def test_rocm_smi_s_own_tables_tell_amd_gpus() -> None:
    assert [gpu.device_id for gpu in host_of(ROCM_SMI).gpus or ()] == ["0x73bf", "0x744c"]
    assert [gpu.vendor for gpu in host_of(ROCM_SMI_OLD).gpus or ()] == ["amd"]
