"""Which of several complaints of one report is told first."""

import pytest

from envkit import matrix
from envkit.findings import Severity
from tests.builders import make_host
from tests.checks.reports import codes_of, diagnosis_of, first_of, report_of, way_out
from tests.intake.reading import snapshot_of

OTHER_COMPILER = "Your compiler (c++) is not compatible with the compiler Pytorch was built with for this platform"
NO_CUDA = "AssertionError: Torch not compiled with CUDA enabled"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ((OTHER_COMPILER,), "compiler-unsupported"),
        ((OTHER_COMPILER, "nvcc fatal   : Unsupported gpu architecture 'compute_89'"), "toolkit-mismatch"),
        ((OTHER_COMPILER, "OSError: [Errno 28] No space left on device"), "disk-low"),
        (("UserWarning: Not enough free disk space to download the file.",), "disk-low"),
        (("NCCL all-reduce hangs on two of the GPUs",), "nccl-failure"),
    ],
)
def test_a_hint_counts_only_where_nothing_else_is_said(texts: tuple[str, ...], code: str) -> None:
    assert codes_of(report_of(*texts))[0] == code


def test_a_hint_beside_the_program_s_own_error_is_no_fault() -> None:
    found = diagnosis_of(report_of(OTHER_COMPILER, "RuntimeError: CUDA error: device-side assert triggered"))
    assert [one.code for one in found.findings if one.severity is Severity.ERROR] == []


def test_nccl_without_infiniband_only_looks_like_a_failure() -> None:
    plain = "node1:1:1 [0] misc/ibvwrap.cc:63 NCCL WARN Failed to open libibverbs.so[.1]"
    assert codes_of(report_of(plain, source="warning")) == ["healthy"]
    failed = "node1:1:1 [0] NCCL WARN Connect to 10.0.0.2<4000> failed : No route to host"
    assert codes_of(report_of(plain, failed, source="warning")) == ["nccl-failure"]


def test_a_retry_of_torch_s_launcher_is_no_failure() -> None:
    said = "c10d] The client socket has failed to connect to [localhost]:29500 (errno: 111 - Connection refused)."
    assert codes_of(report_of(f"[W socket.cpp:697] [{said}", source="warning")) == ["healthy"]
    assert codes_of(report_of(f"[E socket.cpp:957] [{said}", source="warning")) == ["nccl-failure"]


def test_only_hints_are_hints() -> None:
    errors = matrix.load().errors
    assert [errors.is_hint(text) for text in (OTHER_COMPILER, NO_CUDA, "nothing known")] == [True, False, False]


@pytest.mark.parametrize("arch", ["arm64", "x86_64", None])
def test_a_mac_without_cuda_is_right_as_it_is(arch: str | None) -> None:
    mac = make_host(os="macos", arch=arch, libc="", gpus=None, device_nodes=None)
    found = first_of(report_of(NO_CUDA, source="python", host=mac))
    assert (found.code, found.severity, "macOS" in found.cause) == ("gpu-absent", Severity.NOTE, True)


@pytest.mark.parametrize("said", ["I use a MacBook Air", "on my M2 Mac", "Chip: M3 Max chip", "(OSX)"])
def test_somebody_s_mac_is_taken_from_their_words(said: str) -> None:
    assert codes_of(snapshot_of(f"{said}\n{NO_CUDA}")) == ["gpu-absent"]


@pytest.mark.parametrize("said", ["a MAC address", "machine", "RX 6600 and maco", "It runs on macOS too"])
def test_other_words_tell_of_no_mac(said: str) -> None:
    assert codes_of(snapshot_of(f"{said}\n{NO_CUDA}")) == ["torch-cpu-build"]


def test_a_local_file_in_the_place_of_the_standard_library_is_to_be_renamed() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/home/me/app/select.py", line 1, in <module>\n    import torch\n'
        '  File "/usr/lib/python3.11/site-packages/torch/__init__.py", line 20, in <module>\n    import subprocess\n'
        '  File "/usr/lib/python3.11/selectors.py", line 3, in <module>\n    import select\n'
        '  File "/home/me/app/select.py", line 1, in <module>\n    import torch\n'
        "AttributeError: partially initialized module 'torch' has no attribute 'nn'"
    )
    snapshot = snapshot_of(text)
    found = first_of(snapshot)
    assert (found.code, found.expected) == ("module-shadowed", "select from the standard library")
    assert "mv -n /home/me/app/select.py /home/me/app/select_local.py" in way_out(snapshot)


@pytest.mark.parametrize(
    "text",
    [
        "(consider renaming '/home/me/random.py' since it has the same name as the standard library module)",
        "ImportError: Error importing numpy: you should not try to import numpy from its source directory",
    ],
)
def test_python_s_and_numpy_s_own_words_on_a_local_copy(text: str) -> None:
    assert codes_of(report_of(text))[0] == "module-shadowed"


def test_a_build_step_that_was_killed_is_told_by_ninja_s_code() -> None:
    assert codes_of(report_of("FAILED: [code=137] csrc/kernel.cuda.o"))[0] == "memory-low"


@pytest.mark.parametrize("text", ["OSError: Too many open files (24)", "RuntimeError: received 0 items of ancdata"])
def test_workers_out_of_open_files(text: str) -> None:
    assert "ulimit -n" in way_out(report_of(text))


NO_HEADER = "fatal error: {}: No such file or directory"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        # of what the toolkit brings, something is not there
        (NO_HEADER.format("cusolverDn.h"), "toolkit-missing"),
        (NO_HEADER.format("thrust/complex.h"), "toolkit-missing"),
        ("fatal error C1083: Cannot open include file: 'cuda.h': No such file or directory", "toolkit-missing"),
        ("LINK : fatal error LNK1181: cannot open input file 'cudart.lib'", "toolkit-missing"),
        ("/usr/bin/ld: cannot find -lcublas", "toolkit-missing"),
        ("CMake Error: CMAKE_CUDA_COMPILER not set, after EnableLanguage", "toolkit-missing"),
        ("Error building extension 'x': [1/3] :/opt/cuda:/usr/local/cuda/bin/nvcc -c x.cu", "toolkit-missing"),
        # nvcc does not know what torch's build asks of it
        ("nvcc fatal   : Unknown option '-generate-dependencies-with-compile'", "toolkit-mismatch"),
        ("nvcc fatal   : Value 'c++17' is not defined for option 'std'", "toolkit-mismatch"),
        ("ValueError: Unknown CUDA arch (12.0) or GPU not supported", "gpu-arch-unsupported"),
        # the source is of another torch's time
        (NO_HEADER.format("THC/THC.h"), "companion-mismatch"),
        # the host's compiler is not there, too old, or too new
        ("CalledProcessError: Command '['where', 'cl']' returned non-zero exit status 1.", "compiler-unsupported"),
        ("nvcc fatal   : Cannot find compiler 'cl.exe' in PATH", "compiler-unsupported"),
        ("error: command 'cl.exe' failed: None", "compiler-unsupported"),
        ("xcrun: error: invalid active developer path (/Library/Developer)", "compiler-unsupported"),
        ('error: identifier "__builtin_ia32_serialize" is undefined', "compiler-unsupported"),
        ('error: static assertion failed with "error STL1002: Unexpected compiler version"', "compiler-unsupported"),
        # ended by a signal
        ("traceback : Signal 7 (SIGBUS) received by PID 41", "shm-too-small"),
        ("[INFO] [launch.py:428] exits with return code = -9", "memory-low"),
        ("zsh: killed     python train.py", "memory-low"),
        ("run.sh: line 5:    41 Killed                  python train.py", "memory-low"),
        ("virtual memory exhausted: Cannot allocate memory", "memory-low"),
        # a file that could not be written in full
        ("[enforce fail at inline_container.cc:337] . unexpected pos 1344 vs 1238", "disk-low"),
        # ranks that do not find each other
        ("addresses of (node1, 29500) cannot be retrieved (gai error: -2 - Name or service not known)", "nccl-failure"),
        ("DistNetworkError: The client socket has failed to connect to any network address", "nccl-failure"),
        ("DistStoreError: Timed out after 901 seconds waiting for clients. 1/2 clients joined.", "nccl-failure"),
        ("ProcessGroupNCCL's watchdog got stuck for 600 seconds without making progress", "nccl-failure"),
        ("CUDA error: peer access is not supported between these two devices", "nccl-failure"),
        # at the start, not in use
        ("Unexpected error from cudaGetDeviceCount(). Error 2: out of memory", "driver-init-failed"),
    ],
)
def test_what_build_tools_launchers_and_torch_say(said: str, code: str) -> None:
    assert codes_of(snapshot_of(f"torch==2.1.0\n{said}"))[0] == code


def test_an_unknown_error_of_cuda_in_a_report_is_the_program_s() -> None:
    found = snapshot_of("torch==2.1.0\nRuntimeError: CUDA error: something that no table knows")
    assert codes_of(found) == ["healthy"]
