"""What torch, the CUDA runtime and Python say when something fails."""

import pytest

from envkit.snapshot import Absent, EnvironmentKind, Packages, TorchRuntime, Unknown
from tests.intake.reading import complaints_of, cuda_of, host_of, nvml_of, snapshot_of, target_of, torch_of

SINCE_1_9 = (
    "UserWarning: CUDA initialization: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions "
    "before calling NumCudaDevices() that might have already set an error? Error 804: forward compatibility was "
    "attempted on non supported HW (Triggered internally at ../c10/cuda/CUDAFunctions.cpp:109.)"
)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (SINCE_1_9, 804),
        ("Unexpected error from cudaGetDeviceCount()... Error 101: invalid device ordinal", None),
        ("Error 803: system has unsupported display driver / cuda driver combination", 803),
        ("Error 802: system not yet initialized (Triggered internally at x)", 802),
        ("RuntimeError: CUDA error: system not yet initialized", 802),
        ("CUDA initialization: CUDA unknown error - this may be due to an incorrectly set up environment", 999),
        ("THCudaCheck FAIL file=/pytorch/aten/src/THC/THCGeneral.cpp line=50 error=30 : unknown error", 999),
        ("RuntimeError: cuda runtime error (30) : unknown error at /pytorch/aten/src/THC/THCGeneral.cpp:50", 999),
        ("RuntimeError: cuda runtime error (38) : no CUDA-capable device is detected at x.cpp:51", 100),
        ("RuntimeError: No CUDA GPUs are available", 100),
        ("RuntimeError: CUDA driver initialization failed, you might not have a CUDA gpu.", 3),
        ("CUDA driver version is insufficient for CUDA runtime version", 35),
    ],
)
def test_a_start_that_fails_is_cuda_s_own_code(said: str, error: int | None) -> None:
    found = snapshot_of(said).cuda
    if error is None:
        assert isinstance(found, Unknown)
    else:
        assert cuda_of(said).init_error == error


def test_torch_s_own_word_stands_with_the_backend() -> None:
    backend = torch_of("RuntimeError: No CUDA GPUs are available").backend("cuda")
    assert backend is not None
    assert (backend.available, backend.error) == (False, "No CUDA GPUs are available")


def test_a_driver_that_torch_finds_too_old_is_told_with_its_cuda() -> None:
    cuda = cuda_of("The NVIDIA driver on your system is too old (found version 10020). Please update your GPU driver")
    assert (cuda.init_error, cuda.cuda_version) == (35, "10.2")


@pytest.mark.parametrize(
    "said",
    [
        "AssertionError: \nFound no NVIDIA driver on your system. Please check that you\nhave an NVIDIA GPU",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
    ],
)
def test_a_driver_that_is_not_there(said: str) -> None:
    assert isinstance(snapshot_of(said).cuda, Absent)


def test_a_failure_at_use_is_the_device_s_and_not_cuda_s() -> None:
    text = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    snapshot = snapshot_of(text)
    assert isinstance(snapshot.cuda, Unknown)
    assert [(device.device, device.works, device.error) for device in torch_of(text).devices] == [
        ("cuda", False, "CUDA error: no kernel image is available for execution on the device")
    ]


NO_CODE = (
    "NVIDIA GeForce RTX 5070 with CUDA capability sm_120 is not compatible with the current PyTorch installation.\n"
    "The current PyTorch install supports CUDA capabilities sm_50 sm_80 sm_90 compute_90."
)


@pytest.mark.parametrize(
    "said",
    [
        NO_CODE,
        "UserWarning: \n    " + NO_CODE.replace("\n", "\n    "),
        "/x/torch/cuda/__init__.py:235: UserWarning: " + NO_CODE,
    ],
)
def test_a_gpu_that_the_build_has_no_code_for(said: str) -> None:
    assert torch_of(said).arch_list == ("sm_50", "sm_80", "sm_90", "compute_90")
    assert [(gpu.name, gpu.compute_capability) for gpu in cuda_of(said).devices or ()] == [
        ("NVIDIA GeForce RTX 5070", "12.0")
    ]


def test_a_gpu_that_is_too_old() -> None:
    text = "Found GPU0 Quadro K2000 which is of cuda capability 3.0.\n    PyTorch no longer supports this GPU"
    assert [(gpu.name, gpu.compute_capability) for gpu in cuda_of(text).devices or ()] == [("Quadro K2000", "3.0")]


def test_a_build_without_cuda_says_so_itself() -> None:
    assert torch_of("AssertionError: Torch not compiled with CUDA enabled").cuda == ""


IMPORT = """
    Traceback (most recent call last):
      File "train.py", line 3, in <module>
        import torch
      File "/data/miniconda3/envs/seg/lib/python3.9/site-packages/torch/__init__.py", line 229, in <module>
        from torch._C import *  # noqa: F403
    ImportError: /data/miniconda3/envs/seg/lib/python3.9/site-packages/torch/lib/libtorch_cpu.so: undefined symbol: xyz
"""


def test_a_failed_import_with_its_traceback() -> None:
    torch = torch_of(IMPORT)
    assert torch.stage == "import"
    assert torch.error is not None
    assert torch.error.type == "ImportError"
    assert torch.error.message.endswith("undefined symbol: xyz")
    assert torch.error.traceback.startswith("Traceback")
    assert torch.file == "/data/miniconda3/envs/seg/lib/python3.9/site-packages/torch/__init__.py"


def test_a_frame_whose_beginning_was_not_copied_is_a_frame() -> None:
    cut = 'venv/site-packages/torch/__init__.py", line 9, in <module>\n    from torch._C import *\n'
    error = torch_of(f"{cut}ImportError: libodd.so: x").error
    assert error is not None
    assert error.message == "libodd.so: x"


def test_a_package_that_this_python_cannot_parse_is_told_with_its_file() -> None:
    file = "/usr/lib/python2.7/site-packages/torch/_odd.py"
    error = torch_of(f'  File "{file}", line 3\n    f"x"\n       ^\nSyntaxError: invalid syntax\n').error
    assert error is not None
    assert (error.type, error.message) == ("SyntaxError", f"invalid syntax in {file}")


@pytest.mark.parametrize(
    "said", ["`torch.cuda.is_available() `\nfalse", "I get torch.cuda.is_available=**False** here"]
)
def test_an_answer_may_stand_in_the_next_line_or_without_parentheses(said: str) -> None:
    backend = torch_of(said).backend("cuda")
    assert backend is not None
    assert backend.available is False


def test_the_paths_of_a_traceback_tell_python_and_system() -> None:
    assert (target_of(IMPORT).version, target_of(IMPORT).kind) == ("3.9", EnvironmentKind.CONDA)
    assert host_of(IMPORT).os == "linux"


def test_a_failure_after_the_import_is_no_failed_import() -> None:
    text = """
        Traceback (most recent call last):
          File "/usr/lib/python3/dist-packages/torch/cuda/__init__.py", line 229, in _lazy_init
            torch._C._cuda_init()
        RuntimeError: No CUDA GPUs are available
    """
    assert torch_of(text).error is None


def test_a_library_of_torch_s_that_windows_cannot_load() -> None:
    text = (
        'OSError: [WinError 126] The specified module could not be found. Error loading "C:\\Python311\\Lib\\'
        'site-packages\\torch\\lib\\shm.dll" or one of its dependencies.'
    )
    error = torch_of(text).error
    assert error is not None
    assert error.message.startswith("[WinError 126]")
    assert host_of(text).os == "windows"


def test_a_missing_torch() -> None:
    snapshot = snapshot_of(">>> import torch\nModuleNotFoundError: No module named 'torch'")
    assert isinstance(snapshot.torch, Absent)
    assert isinstance(snapshot.packages, Packages)
    assert [(module.name, module.origin) for module in snapshot.packages.modules] == [("torch", "")]


def test_a_missing_part_of_torch_is_not_a_missing_torch() -> None:
    assert not isinstance(snapshot_of("ModuleNotFoundError: No module named 'torch._C'").torch, Absent)


def test_a_venv_whose_python_is_gone() -> None:
    target = snapshot_of('venv "D:\\sd\\venv\\Scripts\\Python.exe"\nNo Python at "C:\\Python310\\python.exe"').target
    assert isinstance(target, Absent)
    assert target.environment == "D:\\sd\\venv\\Scripts\\Python.exe"


def test_a_kernel_module_of_another_version() -> None:
    text = (
        "[  12.3] NVRM: API mismatch: the client has the version 550.54.15, but\n"
        "[  12.3] NVRM: this kernel module has the version 545.29.06.  Please\n"
    )
    assert nvml_of(text).error == 18
    assert host_of(text).kernel_module_version == "545.29.06"


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("[81231.5] NVRM: Xid (PCI:0000:41:00): 79, pid=1234, GPU has fallen off the bus.", "kernel"),
        ("ERROR: Could not find a version that satisfies the requirement torch==1.7.1 (from versions: 2.0.0)", "pip"),
        ("UserWarning: Failed to initialize NumPy: _ARRAY_API not found", "warning"),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error.", "python"),
        ("./app: /lib64/libc.so.6: version `GLIBC_2.28' not found (required by ./app)", "loader"),
        ("OMP: Error #15: Initializing libiomp5.so, but found libomp.so already initialized.", "program"),
    ],
)
def test_every_complaint_is_kept_with_who_made_it(line: str, source: str) -> None:
    assert complaints_of(line) == [(source, line)]


def test_the_lines_of_one_message_stay_together() -> None:
    text = """
        RuntimeError:
            The detected CUDA version (12.2) mismatches the version that was used to compile
            PyTorch (11.8). Please make sure to use the same CUDA versions.
    """
    assert complaints_of(text)[0][1].splitlines()[-1].startswith("PyTorch (11.8).")
    assert torch_of(text).cuda == "11.8"


def test_code_that_names_an_error_is_no_complaint() -> None:
    assert snapshot_of("CUDA_VISIBLE_DEVICES=0\n    raise RuntimeError('no error')").complaints == ()


def test_apple_s_backend_says_why_not() -> None:
    text = "RuntimeError: The MPS backend is supported on MacOS 14.0+. Current OS version can be queried"
    backend = torch_of(text).backend("mps")
    assert backend is not None
    assert (backend.available, backend.error.startswith("The MPS backend")) == (False, True)
    assert host_of(text).os == "macos"


def test_a_message_alone_does_not_make_a_version() -> None:
    found = snapshot_of("RuntimeError: No CUDA GPUs are available").torch
    assert isinstance(found, TorchRuntime)
    assert (found.version, found.cuda) == (None, None)
