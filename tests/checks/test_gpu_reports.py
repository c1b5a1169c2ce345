"""Reports of drivers and GPUs that tell their cause between the lines: in versions, listings, names of errors."""

import pytest

from tests.checks.reports import codes_of, diagnosis_of, first_of, way_out
from tests.intake.reading import complaints_of, snapshot_of

MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\n"
ROCM_INDEX = "pip install torch --index-url https://download.pytorch.org/whl/rocm6.0\n"
REFUSED = "Torch is not able to use GPU\n"
SAYS_NO = ">>> torch.cuda.is_available()\nFalse\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # errors by their names alone
        ("Error: DriverError(CUDA_ERROR_NO_DEVICE)\nCUDA_VISIBLE_DEVICES=-1 python a.py\n", "gpu-hidden"),
        ("CUDA error at a.cu:12 code=35(cudaErrorInsufficientDriver)\n", "driver-too-old"),
        ("nvmlInit failed: NVML_ERROR_LIB_RM_VERSION_MISMATCH\n", "driver-library-mismatch"),
        ("cuInit(0) = CUDA_ERROR_ILLEGAL_ADDRESS\n", "healthy"),
        ("cudaGetDeviceCount returned 802\n", "fabric-manager-down"),
        # a driver in two versions
        (
            MODULE + "ii  libnvidia-compute-550:amd64  550.90.07-0ubuntu1  amd64\n",
            "driver-library-mismatch",
        ),
        ("NVIDIA kernel module missing. Falling back to nouveau\n", "driver-not-loaded"),
        # device files
        ("crw-rw---- 1 root video 195, 0 May  1 10:00 /dev/nvidia0\n" + REFUSED, "device-permission"),
        ("nvidia-docker | Error: nvml: Insufficient Permissions\n", "device-permission"),
        ("options nvidia NVreg_DeviceFileMode=0660\n", "device-permission"),
        # the build that pip gets, and the driver in a sentence
        ("OS: Linux\nI have driver version 410.48 here\ntorch==1.4.0\n" + SAYS_NO, "driver-too-old"),
        ("OS: Linux\nmy driver is 440.100\ntorch==2.1.0\n" + SAYS_NO, "driver-too-old"),
        # a build for the CPU, and a card that somebody has
        ("I have an RTX 2060, and it says 2.1.0+cpu autocast half\nWARNING: CUDA is not used\n", "torch-cpu-build"),
        ("PyTorch version: 2.1.0+cpu\nIs CUDA available: False\nWarning: CPU mode\nRTX 3080 12GB\n", "torch-cpu-build"),
        # what surrounds the process
        ("I have an RTX 3080.\n$ docker run -it image\nFound no NVIDIA driver on your system.\n", "container-no-gpu"),
        ("INFO:    Could not find any nv files on this host!\n", "container-no-gpu"),
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.\n", "container-no-gpu"),
        ("$ docker run -it image sh\nnvcc and nvidia-smi not found\nDriver Version: 535.54.03\n", "container-no-gpu"),
        ("$ uname -r\n5.15.90.1-microsoft-standard-WSL2\n" + SAYS_NO, "wsl-driver"),
        # other accelerators
        ("RuntimeError: Native API returns: -1102 (PI_ERROR_UNINITIALIZED)\n", "xpu-runtime-missing"),
        ("torch version: 2.4.1\nROCM HIP version: 6.1.4\ndevice name: AMD Radeon RX 580\n", "rocm-gpu-unsupported"),
        (ROCM_INDEX + "RuntimeError: Found no NVIDIA driver on your system.\n", "torch-wrong-backend"),
        ("Error: couldn't find any HIP devices\n", "rocm-permission"),
        ("We are using AMD on Linux.\nRuntimeError: Found no NVIDIA driver on your system.\n", "torch-wrong-backend"),
        ("My GPU is an AMD 570 series.\nRuntimeError: Torch is not able to use GPU\n", "torch-wrong-backend"),
        ("Windows 10 + AMD6500XT\nRuntimeError: Found no NVIDIA driver\n", "torch-wrong-backend"),
        ("- Hardware: `Apple M2 Max`\n- OS: macOS 26.3.1\nMPS available: False\n", "mps-unavailable"),
    ],
)
def test_a_report_names_its_cause(text: str, code: str) -> None:
    assert codes_of(snapshot_of(text))[0] == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # one of the packages is of the module's version: what else is listed is left over
        (
            MODULE + "nvidia-utils-550 550.54.14-0\nnvidia-utils-535 535.1.1-0\n",
            "driver-library-mismatch",
        ),
        ("crw-rw-rw- 1 root root 195, 0 May  1 10:00 /dev/nvidia0\n" + REFUSED, "device-permission"),
        ("OS: Linux\nmy driver is 535.129\ntorch==2.1.0\n" + SAYS_NO, "driver-too-old"),
        ("We are using AMD Ryzen.\nRuntimeError: Found no NVIDIA driver on your system.\n", "torch-wrong-backend"),
        ("$ uname -r\n5.15.90.1-microsoft-standard-WSL2\ntorch==2.1.0+cpu\n" + SAYS_NO, "wsl-driver"),
    ],
)
def test_what_only_looks_like_it_is_not_named(text: str, code: str) -> None:
    assert code not in codes_of(snapshot_of(text))


def test_two_versions_of_a_driver_are_told_with_both() -> None:
    told = complaints_of(MODULE + "nvidia-driver-550 550.90.07-1\n")
    assert told[0][1] == "the driver's packages are of 550.90.07, the loaded kernel module is of 550.54.14"


def test_a_report_of_an_old_driver_invents_no_answer_of_nvml() -> None:
    text = "torch==2.2.2+cu121\nNvidia driver version: 460.91.03\nOS: Ubuntu 22.04\nIs CUDA available: False\n"
    finding = first_of(snapshot_of(text))
    assert finding.code == "driver-too-old"
    assert {fact.what for fact in finding.facts}.isdisjoint({"nvmlInit", "cuInit"})
    assert {fact.source for fact in finding.facts if fact.what in ("driver", "GPU")} == {"report"}


def test_a_listing_of_open_device_files_is_no_fault() -> None:
    listed = "crw-rw-rw- 1 root root 195, 0 May  1 10:00 /dev/nvidia0\nIs CUDA available: True\n"
    assert diagnosis_of(snapshot_of(listed)).findings[0].code == "healthy"


@pytest.mark.parametrize(
    "text",
    [
        "$ singularity exec --nv torch.sif python train.py\nINFO:    Could not find any nv files on this host!\n",
        "INFO:    Could not find any nv files on this host!\n",
        "Apptainer> python\n>>> import torch\n>>> torch.cuda.is_available()\nFalse\n",
        "I run it inside Singularity: RuntimeError: Found no NVIDIA driver on your system.\n",
    ],
)
def test_apptainer_is_started_with_its_own_option(text: str) -> None:
    found = first_of(snapshot_of(text))
    assert found.code == "container-no-gpu"
    assert found.fix
    assert found.fix.commands == ("apptainer exec --nv IMAGE nvidia-smi",)


@pytest.mark.parametrize(
    ("text", "told", "other"),
    [
        ("Error: unresolvable CDI devices nvidia.com/gpu=all\n", "nvidia-ctk cdi generate", "docker"),
        ("$ podman run -it image\nFound no NVIDIA driver on your system.\n", "podman run", "docker"),
        ("Warning  FailedScheduling  0/3 nodes are available: 3 Insufficient nvidia.com/gpu.\n", "kubectl", "docker"),
        (
            'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].\n',
            "--runtime=docker",
            "podman",
        ),
    ],
)
def test_a_container_s_way_to_a_gpu_is_told_in_the_words_of_its_runtime(text: str, told: str, other: str) -> None:
    snapshot = snapshot_of(text)
    assert first_of(snapshot).code == "container-no-gpu"
    assert told in way_out(snapshot)
    assert other not in way_out(snapshot)
