"""A text, or a few lines of a report: the code that is told first."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.intake import recorded


def first(text: str) -> Finding:
    return diagnose(recorded.read(text.encode(), "report"), matrix.load()).findings[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("RuntimeError: module compiled against API version 0xf but this version of numpy is 0xd", "numpy-abi"),
        ("AttributeError: `np.x` was removed in the NumPy 2.0 release. Use `np.y`", "numpy-abi"),
        ("ModuleNotFoundError: No module named 'numpy.x'", "numpy-abi"),
        ("ImportError: cannot import name '_x' from 'numpy._core.y' (/a/numpy/_core/y.py)", "numpy-abi"),
        ("SyntaxError: future feature annotations is not defined", "python-unsupported"),
        ("RuntimeError: Cannot install on Python version 3.99.1; only versions >=3.1,<3.9", "python-unsupported"),
        ("RuntimeError: Python 3.99+ not yet supported for torch.compile", "python-unsupported"),
        ("Current Python version (3.1.1) is not allowed by the project (^3.9)", "python-unsupported"),
        ("torch requires Python '>=3.9.0' but the running Python is 3.1.2", "python-unsupported"),
        ("OMP: Error a/b#15: Initializing libx.dylib, but found liby.dylib already initialized.", "openmp-duplicate"),
        ("ImportError: /a/torch/lib/libtorch_cpu.so: undefined symbol: __kmpc_x", "openmp-duplicate"),
        ("The code execution cannot proceed because VCRUNTIME140_1.dll was not found.", "msvc-runtime-missing"),
        ("WinError 126 Error loading C:\\a\\torch\\lib\\shm.dll or one of its dependencies", "msvc-runtime-missing"),
        ('OSError: [WinError 127] odd. Error loading "C:\\a\\torchaudio\\lib\\x.pyd"', "companion-mismatch"),
        ("ImportError: cannot import name 'x' from 'torchvision.y' (/a/torchvision/y.py)", "companion-mismatch"),
        ("OSError: /a/libgomp.so.1: version `GOMP_9.0' not found (required by /b/c.so)", "libc-too-old"),
        ("Download failed because not enough bytes were received (1 MB/2 MB)", "network-index"),
        ("ResolvePackageNotFound:\n  - pytorch==9.9.9", "network-index"),
        ("CondaError: Downloaded bytes did not match Content-Length", "network-index"),
        ("LibMambaUnsatisfiableError: odd\n  - nothing provides requested pytorch-cuda 99.9", "network-index"),
        ("Because no versions of torch match 9.9, version solving failed.", "network-index"),
        ("SafetyError: The package for pytorch located at /a\nappears to be corrupted. odd", "torch-corrupt"),
        ("The package's contents are unknown: no RECORD file was found for torch.", "torch-corrupt"),
        ("Broken symlink at `a`, was the underlying Python interpreter removed?", "venv-broken"),
        ("error: virtual environment `a` is not a valid Python environment (no executable)", "venv-broken"),
        ("a/python: error while loading shared libraries: libpython3.9.so.1.0: odd", "venv-broken"),
        ("No pyvenv.cfg file", "venv-broken"),
        ("E: You don't have enough free space in /a/.", "disk-low"),
        ("[1]    12345 killed     python a.py", "memory-low"),
        ("WARNING: Package(s) not found: torch", "torch-missing"),
        ("RuntimeError: operator torchvision::x does not exist", "companion-mismatch"),
        ("UnsatisfiableError: odd:\n  - cudatoolkit==1.0\n  - pytorch==9.9 -> cudatoolkit=9", "companion-mismatch"),
        ("  - package torchaudio-9 requires b 1.*, but none of the providers can be installed", "companion-mismatch"),
        ("AttributeError: module 'torchaudio' has no attribute 'x'", "companion-mismatch"),
        ("ModuleNotFoundError: No module named 'torch._C.x'; 'torch._C' is not a package", "companion-mismatch"),
        ("/lib64/libstdc++.so.6: version `GLIBCXX_9.4.20'", "libc-too-old"),
        ("ImportError: /a/libmkldnn.so.0: undefined symbol: cblas_x", "mkl-mismatch"),
        ("ImportError: /a/libtorch_cpu.so: ELF load command alignment not page-aligned", "platform-no-wheel"),
        ("NotImplementedError: Could not run 'aten::x' with arguments from the 'CUDA' backend.", "torch-cpu-build"),
        ("RuntimeError: PyTorch is not linked with support for cuda devices", "torch-cpu-build"),
        ("ValueError: Invalid CUDA 'device=0' requested.", "torch-cpu-build"),
        ("LLVM ERROR: out of memory", "memory-low"),
        ("error: Requirements contain conflicting indexes for package `torch`:", "companion-mismatch"),
        ("libomp.dylib`__kmp_suspend_64", "openmp-duplicate"),
        ("two `libomp.dylib` runtimes, which crashes with SIGSEGV, torch", "openmp-duplicate"),
        ("INCOMPATIBLE PYTHON VERSION\nThis program is tested with 3.1", "python-unsupported"),
        ("curl: (35) odd SSL_ERROR_SYSCALL in connection to conda.anaconda.org:443", "network-index"),
        ("    torchvision 9.14.0 depends on torch==9.13.0", "companion-mismatch"),
        (
            "AttributeError: partially initialized module 'torchvision' has no attribute 'extension' (most likely odd)",
            "companion-mismatch",
        ),
        ("critical libmamba Download error (28) Timeout was reached", "network-index"),
        ("AssertionError: SRE module mismatch", "venv-broken"),
        ("EnvironmentNameNotFound: Could not find conda environment: x", "venv-broken"),
        ('error: Import "torch" could not be resolved', "interpreter-mismatch"),
        ("ImportError: X requires the PyTorch library but it was not found in your environment.", "torch-missing"),
    ],
)
def test_a_text_names_its_cause(text: str, code: str) -> None:
    assert first(text).code == code


@pytest.mark.parametrize(
    ("text", "python", "code"),
    [
        ("TypeError: 'type' object is not subscriptable", "3.8.1", "python-unsupported"),
        ("TypeError: 'type' object is not subscriptable", "3.9.1", "healthy"),
        ("TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'", "3.9.1", "python-unsupported"),
        ("TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'", "3.10.1", "healthy"),
        ("ModuleNotFoundError: No module named 'imp'", "3.12.1", "python-unsupported"),
        ("ModuleNotFoundError: No module named 'imp'", "3.11.1", "healthy"),
        (
            "ValueError: mutable default <x> for field y is not allowed: use default_factory",
            "3.11",
            "python-unsupported",
        ),
        ("ImportError: cannot import name 'Mapping' from 'collections' (/a.py)", "3.10.2", "python-unsupported"),
    ],
)
def test_what_a_text_means_depends_on_the_python(text: str, python: str, code: str) -> None:
    assert first(f"Python version: {python}\n{text}").code == code


NUMPY = """
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    import torch
  File "/a/lib/python3.11/site-packages/numpy/core/x.py", line 3, in <module>
    y.z
AttributeError: type object 'numpy.y' has no attribute 'z'
"""


def test_numpy_that_fails_within_itself_is_not_whole() -> None:
    found = first(NUMPY)
    assert (found.code, "NumPy cannot be imported whole" in found.cause) == ("numpy-abi", True)
    assert found.fix is not None
    assert "numpy<2" not in str(found.fix)


PIP = """
Downloading torch-9.9-cp311-cp311-linux_x86_64.whl
Traceback (most recent call last):
  File "/a/lib/python3.11/site-packages/pip/_internal/x.py", line 3, in run
  File "/a/lib/python3.11/{}", line 9, in read
"""


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("zipfile.py", "zipfile.BadZipFile: File is not a zip file\n"),
        ("zipfile.py", "zlib.error: Error -3 while decompressing data\n"),
        ("ssl.py", ""),
    ],
)
def test_an_installer_s_traceback_shows_by_its_frames_that_the_download_broke(last: str, said: str) -> None:
    assert first(PIP.format(last) + said).code == "network-index"


def test_the_same_error_of_a_program_is_its_own() -> None:
    text = '  File "/a/b.py", line 9, in read\nzipfile.BadZipFile: odd\nRuntimeError: torch\n'
    assert first(text).code == "healthy"


@pytest.mark.parametrize(
    ("tags", "where", "code"),
    [
        ("cp311-cp311-linux_x86_64", "on my Mac", "platform-no-wheel"),
        ("cp311-cp311-linux_x86_64", "on Windows", "platform-no-wheel"),
        ("cp311-cp311-win_amd64", "on Windows with Python 3.11.4", "platform-no-wheel"),
        ("cp311-cp311-win_amd64", "on Windows with Python 3.10.4", "python-unsupported"),
    ],
)
def test_a_refused_wheel_s_name_is_held_against_the_machine(tags: str, where: str, code: str) -> None:
    assert first(f"{where}\nERROR: torch-2.1.2-{tags}.whl is not a supported wheel on this platform.").code == code


@pytest.mark.parametrize(
    ("key", "code"),
    [("cpython-3.12.1-windows-x86-none", "python-32bit"), ("cpython-3.12.1-windows-x86_64-none", "healthy")],
)
def test_uv_s_name_of_a_python_tells_its_bits(key: str, code: str) -> None:
    assert first(f"{key}\nerror: odd, torch\n").code == code


def test_a_refusal_that_no_table_explains_is_not_the_program_s_own() -> None:
    assert first("with Python 3.12\nERROR: No matching distribution found for torch>=1.10").code == "python-unsupported"


@pytest.mark.parametrize(("python", "code"), [("3.12.0", "python-unsupported"), ("3.12.6", "python-32bit")])
def test_a_python_that_was_new_then_had_no_wheel_yet(python: str, code: str) -> None:
    refused = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
    assert first(f"Windows, using Python {python}\n{refused}").code == code


def test_a_package_s_folder_as_the_current_one_hides_the_standard_library() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/a/lib/python3.7/tempfile.py", line 45, in <module>\n'
        "ImportError: cannot import name 'X' from 'random' (/a/lib/python3.7/site-packages/torch/random.py)\n"
    )
    assert first(text).code == "module-shadowed"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("It works in the terminal, but not in Jupyter.", "interpreter-mismatch"),
        ("I can import it from the command line, and PyCharm says", "interpreter-mismatch"),
        ("torch is installed and works, but sudo python says", "interpreter-mismatch"),
        ("I run it in a Jupyter notebook.", "torch-missing"),
    ],
)
def test_a_torch_that_is_there_in_the_terminal_alone_is_another_python_s(said: str, code: str) -> None:
    assert first(f"{said}\nModuleNotFoundError: No module named 'torch'").code == code


def test_where_there_is_no_gpu_a_program_that_wants_one_says_nothing_of_the_build() -> None:
    text = "macOS, on my Mac\nRuntimeError: No GPU found. A GPU is needed for quantization."
    assert "torch-cpu-build" not in first(text).code


@pytest.mark.parametrize(("tags", "code"), [("abi", "python-unsupported"), ("platform", "platform-no-wheel")])
def test_poetry_says_whether_wheels_are_of_another_python_or_system(tags: str, code: str) -> None:
    text = (
        "on my Mac\n    | Unable to find installation candidates for torch (2.7.1)\n"
        f"    | - 24 wheel(s) were skipped as your project's environment does not support the identified {tags} tags\n"
    )
    assert first(text).code == code


@pytest.mark.parametrize(
    ("beside", "system", "code"),
    [
        ("lightgbm", "Darwin, on my Mac", "openmp-duplicate"),
        ("lightgbm", "on Linux", "healthy"),
        ("somewhat", "Darwin, on my Mac", "healthy"),
    ],
)
def test_a_crash_on_macos_beside_what_brings_openmp(beside: str, system: str, code: str) -> None:
    found = first(f"{system}\nSegmentation fault where torch is imported before {beside}\nRuntimeError: odd")
    assert found.code == code


def test_a_local_file_by_the_name_of_a_package_is_in_the_way() -> None:
    text = (
        'Traceback (most recent call last):\n  File "/home/me/a/numpy.py", line 1, in <module>\n    import torch\n'
        '  File "/a/lib/python3.11/site-packages/torch/x.py", line 3, in <module>\n'
        "AttributeError: module 'numpy' has no attribute 'x'\n"
    )
    assert first(text).code == "module-shadowed"


def test_a_32_bit_arm_shows_by_its_folders() -> None:
    assert first("/home/me/R/arm-unknown-linux-gnueabihf-library/x.so: cannot open\n").code == "platform-no-wheel"


@pytest.mark.parametrize(
    "said", ["my python version is 3.8.2", "the version of Python I used is 3.8", "using Python 3.8"]
)
def test_a_python_is_taken_from_somebody_s_words(said: str) -> None:
    text = "TypeError: 'type' object is not subscriptable"
    assert first(f"{said}\n{text}").code == "python-unsupported"
    assert first(f"{said.replace('3.8', '3.9')}\n{text}").code == "healthy"
