"""Interpreter, install, build and libraries: facts or a short report in, the code that is told first out."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Severity
from envkit.intake import recorded
from envkit.snapshot import (
    Absent,
    Backend,
    Complaint,
    Distribution,
    EnvironmentKind,
    Launcher,
    LoadedLibrary,
    ModuleOrigin,
    Packages,
    PciGpu,
    Refusal,
    RunEnd,
    Snapshot,
    TorchError,
    Unknown,
)
from tests.builders import (
    SITE,
    make_cuda,
    make_cuda_runtime,
    make_gpu_snapshot,
    make_host,
    make_interpreter,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
)


def first(snapshot: Snapshot) -> Finding:
    return diagnose(snapshot, matrix.load()).findings[0]


def codes(snapshot: Snapshot) -> list[str]:
    return [finding.code for finding in diagnose(snapshot, matrix.load()).findings]


def severity(snapshot: Snapshot, code: str) -> Severity:
    return next(one.severity for one in diagnose(snapshot, matrix.load()).findings if one.code == code)


def told(text: str) -> list[str]:
    """The codes for a pasted report."""
    return codes(recorded.read(text.encode(), "report.txt"))


def beside_torch(name: str, version: str, **facts: Any) -> Packages:
    other = Distribution(name=name, version=version, metadata=f"{SITE}/{name}", site=SITE, installer="pip", **facts)
    return make_packages(make_torch_distribution(), other)


def in_a_report(**changes: Any) -> Snapshot:
    """Only what is named is known, as in a report."""
    unknown = Unknown(why="not told")
    sections: dict[str, Any] = dict.fromkeys(("host", "target", "packages", "nvml", "cuda", "torch"), unknown)
    return Snapshot(**{**sections, **changes})


def refused(version: str = "", offered: tuple[str, ...] | None = (), **changes: Any) -> Snapshot:
    return in_a_report(refusals=(Refusal(name="torch", version=version, offered=offered),), **changes)


def complaint(text: str) -> Snapshot:
    return in_a_report(complaints=(Complaint(source="program", text=text),))


WINDOWS = make_host(os="windows", arch="x86_64", libc="")
MAC = make_host(os="macos", arch="x86_64", libc="", gpus=None)


@pytest.mark.parametrize(
    ("snapshot", "code"),
    [
        pytest.param(refused("1.13.1", ("2.2.0", "2.14.1")), "python-unsupported", id="older than all that fits"),
        pytest.param(refused("2.6.0", ("1.8.0", "2.4.1")), "python-unsupported", id="newer than all that fits"),
        pytest.param(
            refused("2.1.0", target=make_interpreter(version="3.13.1")), "python-unsupported", id="by version"
        ),
        pytest.param(refused("2.1.0+cu118", ()), "python-unsupported", id="nothing fits"),
        pytest.param(
            refused("2.5.1", None, host=WINDOWS, target=make_interpreter(version="3.13.1")),
            "python-unsupported",
            id="no wheel for that Python on Windows",
        ),
        pytest.param(refused("", (), host=WINDOWS, target=make_interpreter()), "python-32bit", id="only bits are left"),
        pytest.param(refused("2.6.0", None, host=MAC), "platform-no-wheel", id="Intel Mac"),
        pytest.param(
            refused("2.5.1+cu121", ("2.4.0", "2.5.1", "2.6.0"), host=make_host(os="macos", arch=None)),
            "platform-no-wheel",
            id="CUDA on a Mac",
        ),
        pytest.param(
            refused("2.5.1+cu121", ("2.5.1",), host=make_host(os="macos", arch="arm64")),
            "platform-no-wheel",
            id="CUDA on Apple silicon",
        ),
        pytest.param(refused("2.4.0", None, target=make_interpreter()), "platform-no-wheel", id="the Python fits"),
        pytest.param(
            refused("1.13.1", None, target=make_interpreter(version="3.11.2")),
            "python-unsupported",
            id="not on every system",
        ),
        pytest.param(refused("", None, host=make_host(libc="musl 1.2")), "platform-no-wheel", id="musl"),
        pytest.param(refused("", (), host=make_host(arch="armv7l")), "platform-no-wheel", id="32-bit ARM"),
        pytest.param(refused("2.7.0", None, host=make_host(libc="glibc 2.17")), "libc-too-old", id="glibc 2.17"),
    ],
)
def test_a_refused_install_is_named_by_what_does_not_fit(snapshot: Snapshot, code: str) -> None:
    assert first(snapshot).code == code


def test_a_release_that_the_index_lacks_between_others_is_no_matter_of_the_python() -> None:
    assert "python-unsupported" not in codes(refused("2.1.0+cu118", ("2.0.1", "2.1.0", "2.2.0")))


def test_an_index_that_cannot_be_reached_has_nothing_to_offer() -> None:
    failed = (Complaint(source="pip", text="NewConnectionError: planted"),)
    assert "python-unsupported" not in codes(refused("2.1.0", (), complaints=failed))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("error: externally-managed-environment", "externally-managed"),
        ("error: The interpreter at /usr is externally managed, and indicates the following", "externally-managed"),
        ("bash: /a/bin/pip: /b/bin/python: bad interpreter: No such file or directory", "venv-broken"),
        ("zsh: /a/bin/pip: bad interpreter: /b/bin/python3: no such file or directory", "venv-broken"),
        ("AttributeError: partially initialized module 'torch' has no attribute 'x'", "module-shadowed"),
        ("ModuleNotFoundError: No module named 'queue.x'; 'queue' is not a package", "module-shadowed"),
        ("ImportError: cannot import name 'Tensor' from 'torch' (unknown location)", "torch-corrupt"),
        ("WARNING: Ignoring invalid distribution -orch (/a/site-packages)", "torch-corrupt"),
        ("ImportError: /a/torch/lib/libtorch_python.so: undefined symbol: _ZN2at1xE", "torch-corrupt"),
        ("ERROR: Cannot uninstall 'torch'. It is a distutils installed project", "torch-duplicate"),
        ("ImportError: /a/ext.so: undefined symbol: _ZNK3c101xE", "companion-mismatch"),
        ("RuntimeError: No such operator torchvision::nms", "companion-mismatch"),
        ("OSError: libcudart.so.10.1: cannot open shared object file", "companion-mismatch"),
        ("ERROR: Cannot install torch==1 and x because these package versions have conflicting dependencies.",
         "companion-mismatch"),
        ("RuntimeError: Numpy is not available", "numpy-abi"),
        ("ModuleNotFoundError: No module named 'numpy._core'", "numpy-abi"),
        ("OSError: libcupti.so.12: cannot open shared object file", "nvidia-wheels-mismatch"),
        ("ImportError: /a/b.so: symbol __nvJitLinkX, version libnvJitLink.so.12 not defined", "library-path-conflict"),
        ("RuntimeError: cuDNN version mismatch: PyTorch was compiled against 1", "library-path-conflict"),
        ("ImportError: /opt/libtorch/lib/libtorch_python.so: undefined symbol: _ZN2at1xE", "library-path-conflict"),
        ("ImportError: /lib/libstdc++.so.6: version 'GLIBCXX_3.4.99' not found", "libc-too-old"),
        ("Error #15: Initializing libiomp5md.dll, but found libiomp5md.dll already initialized.", "openmp-duplicate"),
        ("INTEL MKL ERROR: /a/libmkl_avx.so: undefined symbol: x", "mkl-mismatch"),
        ("ImportError: DLL load failed: planted", "msvc-runtime-missing"),
        ("ImportError: DLL load failed: The specified procedure could not be found.", "companion-mismatch"),
        ("Could not locate cudnn_ops64_9.dll. Please make sure it is in your library path!", "library-path-conflict"),
        ("ModuleNotFoundError: No module named 'triton.ops'", "companion-mismatch"),
        ("RuntimeError: Dynamo is not supported on Python 3.99+", "python-unsupported"),
        ("Specifications:\n\n  - torchaudio -> python[version='>=9.8,<9.9.0a0']\n", "python-unsupported"),
        ("  - package torchvision-9-py99 requires python >=9.9,<10, but none of the providers can be installed",
         "python-unsupported"),
        ("ModuleNotFoundError: No module named 'torch._custom'", "companion-mismatch"),
        ("ModuleNotFoundError: No module named 'torchvision.transforms.v9'", "companion-mismatch"),
        ("[WinError 193] planted", "python-32bit"),
        ("ERROR: torch-9.whl is not a supported wheel on this platform.", "platform-no-wheel"),
        ("AssertionError: Torch not compiled with XPU enabled", "torch-wrong-backend"),
        ("AssertionError: Torch not compiled with CUDA enabled", "torch-cpu-build"),
        ("# RuntimeError: Numpy is not available\n\nA title is told as well as any line", "numpy-abi"),
        ("RuntimeError: PyTorch was compiled without NumPy support", "numpy-abi"),
        ("RuntimeError: Could not infer dtype of numpy.int64", "numpy-abi"),
        ("ValueError: numpy.x size changed, may indicate binary incompatibility", "numpy-abi"),
        ("Importing the numpy C-extensions failed. This error can have many reasons", "numpy-abi"),
        ("ValueError: object __array__ method not producing an array", "numpy-abi"),
        ("it says Expected np.ndarray but got numpy.ndarray, an error", "numpy-abi"),
        ("ImportError: libcufft.so.12: cannot open shared object file", "nvidia-wheels-mismatch"),
        ("nvrtc: error: failed to open libnvrtc-builtins.so.99.1", "nvidia-wheels-mismatch"),
        ("ImportError: libcublas.so.10: cannot open shared object file", "companion-mismatch"),
        ("OSError: libtorch_hip.so: cannot open shared object file", "companion-mismatch"),
        ("ImportError: /a/ext.so: undefined symbol: _ZNR5torch7Library", "companion-mismatch"),
        ("ImportError: dlopen(/a/ext.so): Symbol not found: __ZNK3c101xE", "companion-mismatch"),
        ("ImportError: dlopen(/a/ext.so): Library not loaded: @rpath/libc10.dylib", "companion-mismatch"),
        ("ImportError: dlopen(/a/torch/_C.so): Library not loaded: @rpath/libodd.dylib", "torch-corrupt"),
        ("OSError: /a/torch/lib/libodd.so: file too short", "torch-corrupt"),
        ("ImportError: libodd_torch.so: cannot enable executable stack as shared object requires", "torch-corrupt"),
        ("ImportError: cannot import name 'x' from 'torch.y' (unknown location)", "torch-corrupt"),
        ("AttributeError: module 'torch' has no attribute 'odd'", "companion-mismatch"),
        ("AttributeError: module 'torch.odd' has no attribute 'x'", "companion-mismatch"),
        ("AttributeError: module 'torch' has no attribute 'Tensor'", "module-shadowed"),
        ("ModuleNotFoundError: No module named 'mmcv._ext'", "companion-mismatch"),
        ("Because odd (1) depends on torch (2), version solving failed.", "companion-mismatch"),
        ("ERROR: odd 1 has requirement torch==9.1, but you'll have torch 9.2 which is incompatible.",
         "companion-mismatch"),
        ("ImportError: /a/libcusparse.so: undefined symbol: _nvJitLinkOdd_99_1", "library-path-conflict"),
        ("Loaded runtime CuDNN library: 1.0 but source was compiled with: 2.0", "library-path-conflict"),
        ("cuDNN compiled (9001) and runtime (9000) versions mismatch", "library-path-conflict"),
        ("error: version GLIBCXX_3.4.99 not found (required by /a/b.so)", "libc-too-old"),
        ("ImportError: dlopen(/a.so): Symbol not found: _odd\n  Expected in: /usr/lib/libSystem.B.dylib",
         "libc-too-old"),
        ("OMP: Error #15: Initializing libomp140.x86_64.dll, but found libiomp5md.dll already initialized.",
         "openmp-duplicate"),
        ('Error loading "C:\\a\\torch\\lib\\fbgemm.dll" or one of its dependencies.', "msvc-runtime-missing"),
        ("ImportError: DLL load failed: %1 is not a valid Win32 application.", "python-32bit"),
        ("ERROR: torch-9-cp99-cp99-manylinux1_x86_64.whl is not a supported wheel on this platform.",
         "python-unsupported"),
        ("ImportError: cannot import name 'Odd' from 'typing' (/a/typing.py)", "python-unsupported"),
        ("Because Python 9.9 does not satisfy Python>=9.10 and torch==9 depends on it, that failed",
         "python-unsupported"),
        ('  File "/a/site-packages/odd/b.py", line 3\n    x = f""\nSyntaxError: invalid syntax', "python-unsupported"),
        ("Illegal instruction (core dumped)", "platform-no-wheel"),
        ("OSError: Error relocating /a/torch/lib/libodd.so: x: symbol not found", "platform-no-wheel"),
        ("RuntimeError: PyTorch does not currently provide packages for PyPI\nFROM python:9-alpine",
         "platform-no-wheel"),
        ("Could not find platform independent libraries <prefix>", "venv-broken"),
        ("ModuleNotFoundError: No module named 'encodings'", "venv-broken"),
        ("error: Broken virtual environment `/a/.venv`: `pyvenv.cfg` is missing", "venv-broken"),
        ("pip: SSL certificate problem: unable to get local issuer certificate", "network-index"),
        ("RuntimeError: Only a single TORCH_LIBRARY can be used to register the namespace odd", "healthy"),
        ('ImportError: generic_type: type "Odd" is already registered!', "torch-duplicate"),
        ("NameError: name '_C' is not defined", "toolkit-missing"),
        ("OMP: Error #179: Function pthread_mutex_init failed:", "openmp-duplicate"),
        ("RuntimeError: Could not load libtorchcodec. Likely causes:", "companion-mismatch"),
        ('Error: Architecture "odd" is not supported in this OS', "platform-no-wheel"),
        ("- nothing provides odd 9.9.* needed by pytorch-odd-9.9-0, failed", "network-index"),
        ("   └─ odd 9.9.* , which does not exist (perhaps a missing channel).", "network-index"),
    ],
)  # fmt: skip
def test_a_message_points_to_its_mechanism(text: str, code: str) -> None:
    assert told(text)[0] == code


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: Cannot uninstall 'PyYAML'. It is a distutils installed project",
        "WARNING: Ignoring invalid distribution -ip (/a/site-packages)",
        "notebook 6.0 requires tornado>=6, but you have tornado 5.0 which is incompatible.",
        "ERROR: Cannot install a and b because these package versions have conflicting dependencies.",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
        "Package python conflicts for:\npytorch -> python[version='>=9.8,<9.9.0a0']",
    ],
)
def test_what_has_nothing_to_do_with_torch_is_no_error(text: str) -> None:
    answer = diagnose(recorded.read(text.encode(), "report.txt"), matrix.load())
    assert not [finding.code for finding in answer.findings if finding.severity is Severity.ERROR]


NO_TORCH = make_packages(Distribution(name="odd", version="1", metadata="", site=SITE), modules=())

# -- which interpreter --------------------------------------------------------------------------


def test_torch_here_and_missing_there_is_interpreter_mismatch() -> None:
    text = '$ pip list\ntorch  2.1.0\n$ python a.py\nTraceback (most recent call last):\n  File "a.py", line 1\n'
    assert told(text + "ModuleNotFoundError: No module named 'torch'\n")[0] == "interpreter-mismatch"


def test_a_build_without_torch_is_torch_missing_whatever_is_installed() -> None:
    text = "torch==2.1.0\n  Getting requirements to build wheel did not run successfully.\n  error: exit code 1\n"
    assert "interpreter-mismatch" not in told(text + "ModuleNotFoundError: No module named 'torch'\n")


@pytest.mark.parametrize(
    ("prefix", "has_torch", "packages", "expected"),
    [
        ("/other", True, NO_TORCH, "error"),
        ("/other", False, NO_TORCH, "warning"),
        ("/other", True, make_packages(), "note"),
        ("/env", True, make_packages(), None),
    ],
    ids=["torch is there", "torch is nowhere", "torch is here", "the same environment"],
)  # fmt: skip
def test_the_pip_on_path_is_compared_with_the_python_on_path(
    prefix: str, has_torch: bool, packages: Packages, expected: str | None
) -> None:
    programs = (
        Launcher(program="python", path="/env/bin/python", prefix="/env"),
        Launcher(program="pip", path=f"{prefix}/bin/pip", prefix=prefix, has_torch=has_torch),
    )
    snapshot = make_snapshot(target=make_interpreter(launchers=programs), packages=packages, torch=Absent(why="none"))
    found = [one for one in diagnose(snapshot, matrix.load()).findings if one.code == "interpreter-mismatch"]
    assert [one.severity.value for one in found] == ([expected] if expected else [])


def user_torch(**changes: Any) -> Packages:
    user = "/home/user/.local/lib/python3.11/site-packages"
    facts = {"name": "torch", "origin": f"{user}/torch/__init__.py", "entry": user, "way_in": "user-site", **changes}
    return make_packages(modules=(ModuleOrigin(**facts),))


def test_the_user_s_own_copy_over_the_environment_s_is_user_site_shadow() -> None:
    snapshot = make_snapshot(packages=user_torch(otherwise=f"{SITE}/torch/__init__.py"))
    assert (first(snapshot).code, first(snapshot).severity) == ("user-site-shadow", Severity.ERROR)


def test_a_system_python_reads_the_user_s_site_folder_by_right() -> None:
    target = make_interpreter(kind=EnvironmentKind.SYSTEM)
    assert "user-site-shadow" not in codes(make_snapshot(target=target, packages=user_torch()))


def test_a_torch_of_site_packages_that_loads_itself_half_is_corrupt_not_shadowed() -> None:
    text = f'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    import torch\n  File "{SITE}/'
    text += 'torch/__init__.py", line 9, in <module>\nImportError: Failed to load PyTorch C extensions:\n'
    assert told(text)[0] == "torch-corrupt"
    assert told(text.replace(SITE, "/home/user/pytorch"))[0] == "module-shadowed"


# -- the build ----------------------------------------------------------------------------------


def test_in_a_report_nvidia_smi_s_word_for_a_gpu_is_enough() -> None:
    snapshot = make_gpu_snapshot(
        packages=make_packages(complete=False), torch=make_runtime(), cuda=Unknown(why="the report does not say")
    )
    assert first(snapshot).code == "torch-cpu-build"


def test_a_listed_cpu_build_is_told_where_nothing_else_is() -> None:
    assert told("pytorch                   2.1.2               py3.9_cpu_0    pytorch\n")[0] == "torch-cpu-build"


def test_torch_s_word_that_it_has_no_cuda_is_no_error_on_a_mac() -> None:
    text = "Python platform: macOS-14.2-arm64-arm-64bit\nAssertionError: Torch not compiled with CUDA enabled\n"
    assert "error" not in [
        one.severity.value for one in diagnose(recorded.read(text.encode(), "x"), matrix.load()).findings
    ]


def test_a_program_that_asks_for_cuda_on_a_mac_is_told_that_there_is_none() -> None:
    text = "I run it on my MacBook Pro.\nAssertionError: Torch not compiled with CUDA enabled\n"
    assert told(text) == ["gpu-absent"]


def test_a_driver_at_work_beside_a_torch_of_unknown_build_that_sees_nothing() -> None:
    nothing = make_runtime(version=None, cuda=None, backends=(Backend(name="cuda", built=None, available=False),))
    facts = {"packages": make_packages(complete=False, distributions=()), "pasted": True}
    snapshot = make_gpu_snapshot(torch=nothing, cuda=Unknown(why="not told"), **facts)
    assert codes(snapshot)[0] == "torch-cpu-build"


def test_what_breaks_a_torch_on_the_cpu_too_is_told_before_its_build() -> None:
    cpu = {"packages": make_packages(complete=False), "torch": make_runtime(), "cuda": Unknown(why="not told")}
    said = (Complaint(source="python", text="RuntimeError: Numpy is not available"),)
    assert codes(make_gpu_snapshot(pasted=True, complaints=said, **cpu))[:2] == ["numpy-abi", "torch-cpu-build"]


def test_a_build_in_a_plan_of_conda_s_is_the_one_that_is_installed() -> None:
    assert told("  pytorch   pytorch/win-64::pytorch-1.9.0-py3.8_cpu_0\n")[0] == "torch-cpu-build"


def test_a_source_tree_without_its_compiled_part_is_shadowed() -> None:
    text = 'Traceback (most recent call last):\n  File "/src/pytorch/torch/__init__.py", line 9, in <module>\n'
    assert told(text + "NameError: name '_C' is not defined\n")[0] == "module-shadowed"


AMD = PciGpu(address="0000:0b:00.0", vendor="amd", device_id="0x73bf", name="Radeon RX 6800")


def test_a_cuda_build_beside_an_amd_gpu_alone_is_torch_wrong_backend() -> None:
    told_none = make_cuda_runtime(backends=(Backend(name="cuda", built=True, available=False),))
    packages = make_packages(make_torch_distribution(version="2.13.0+cu126"), complete=False)
    snapshot = make_snapshot(host=make_host(gpus=(AMD,)), torch=told_none, packages=packages)
    assert first(snapshot).code == "torch-wrong-backend"


def test_a_rocm_build_beside_an_nvidia_gpu_is_told_without_the_last_resort() -> None:
    rocm = make_runtime(hip="6.2", cuda="", version="2.13.0+rocm6.2", backends=())
    assert first(make_gpu_snapshot(torch=rocm)).code == "torch-wrong-backend"


# -- companions and NumPy -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "version", "requires", "fits"),
    [
        ("torchvision", "0.28.0+cpu", ("torch==2.13.0",), True),
        ("torchvision", "0.28.1", None, True),
        ("torchvision", "0.19.0", None, False),
        ("torchvision", "0.28.0+cu126", None, False),
        ("torchaudio", "2.4.0+cpu", ("torch==2.4.0",), False),
        ("xformers", "0.0.20", ("torch==2.0.1",), False),
        ("xformers", "0.0.20", ("torch>=2.0",), True),
        ("odd", "1.0", ("torch<2",), False),
        ("odd", "1.0", ("torch<2; extra == 'old'", "not a requirement"), True),
        ("torchmetrics", "1.0", None, True),
    ],
)
def test_a_companion_is_held_against_the_installed_torch(
    name: str, version: str, requires: tuple[str, ...] | None, fits: bool
) -> None:
    snapshot = make_snapshot(packages=beside_torch(name, version, requires=requires))
    assert ("companion-mismatch" in codes(snapshot)) is not fits


def test_a_list_alone_gives_a_warning_and_a_requirement_an_error() -> None:
    by_table = "torch==2.4.1\ntorchvision==0.15.2\n"
    asked = "torchvision 0.15.2 requires torch==2.0.1, but you have torch 2.4.1 which is incompatible.\n"
    found = [first(recorded.read(text.encode(), "x")) for text in (by_table, asked)]
    assert [(one.code, one.severity) for one in found] == [
        ("companion-mismatch", Severity.WARNING),
        ("companion-mismatch", Severity.ERROR),
    ]


def test_the_fix_names_what_belongs_to_the_torch_that_is_kept() -> None:
    report = "torchvision 0.16.0 requires torch==2.1.0, but you have torch 2.2.0 which is incompatible.\n"
    fix = first(recorded.read(report.encode(), "x")).fix
    assert fix is not None
    assert fix.commands == ("python -m pip install torch==2.2.0 torchvision==0.17.0",)


def test_conda_s_numpy_is_taken_back_by_conda() -> None:
    numpy = Distribution(name="numpy", version="2.1.0", metadata="", site=SITE, installer="conda")
    fix = first(
        make_snapshot(
            packages=make_packages(make_torch_distribution(version="2.1.2"), numpy), torch=make_runtime(version="2.1.2")
        )
    ).fix
    assert fix is not None
    assert fix.commands == ("conda install --prefix /env 'numpy<2'",)


def test_triton_is_held_against_what_torch_asks_for() -> None:
    text = "torch 2.1.2 requires triton==2.1.0; os_name == 'posix', but you have triton 2.2.0 which is incompatible."
    assert told(text)[0] == "companion-mismatch"
    assert "companion-mismatch" not in told(text.replace("2.2.0", "2.1.0"))


def test_a_program_that_finds_no_gpu_beside_an_amd_gpu_has_the_wrong_build() -> None:
    assert told("Radeon RX 6700 XT\nRuntimeError: Torch is not able to use GPU\n")[0] == "torch-wrong-backend"


def test_a_cuda_library_that_a_cpu_torch_does_not_need_is_missed_by_an_extension() -> None:
    text = "PyTorch version: 2.5.1+cpu\nImportError: libcudart.so.12: cannot open shared object file\n"
    assert "nvidia-wheels-mismatch" not in told(text)


@pytest.mark.parametrize(
    ("torch", "numpy", "fits"),
    [("2.1.2", "2.0.0", False), ("2.1.2", "1.26.4", True), ("2.13.0", "2.1.0", True)],
)
def test_numpy_2_needs_a_torch_that_was_built_for_it(torch: str, numpy: str, fits: bool) -> None:
    one = Distribution(name="numpy", version=numpy, metadata="", site=SITE, installer="pip")
    packages = make_packages(make_torch_distribution(version=torch), one)
    assert ("numpy-abi" in codes(make_snapshot(packages=packages, torch=make_runtime(version=torch)))) is not fits


# -- libraries ----------------------------------------------------------------------------------

PIN = 'nvidia-cudnn-cu12==9.1.0.70; platform_system == "Linux" and platform_machine == "x86_64"'


def pinned(*installed: tuple[str, str], torch: str = PIN, **changes: Any) -> Snapshot:
    wheels = (Distribution(name=name, version=version, metadata="", site=SITE) for name, version in installed)
    packages = make_packages(make_torch_distribution(requires=(torch, "filelock")), *wheels)
    return make_snapshot(packages=packages, **changes)


@pytest.mark.parametrize(
    ("snapshot", "fits"),
    [
        pytest.param(pinned(), False, id="missing"),
        pytest.param(pinned(("nvidia-cudnn-cu12", "9.5.1.17")), False, id="another version"),
        pytest.param(pinned(("nvidia-cudnn-cu12", "9.1.0.70")), True, id="as pinned"),
        pytest.param(pinned(host=make_host(os="windows", libc="")), True, id="not for this system"),
        pytest.param(pinned(torch="nvidia-cudnn-cu12==9; extra == 'x'"), True, id="an extra's"),
    ],
)
def test_the_nvidia_wheels_are_held_against_torch_s_pins(snapshot: Snapshot, fits: bool) -> None:
    assert ("nvidia-wheels-mismatch" in codes(snapshot)) is not fits


def test_two_releases_of_one_library_in_one_folder_are_told() -> None:
    both = (("nvidia-nccl-cu12", "2.20"), ("nvidia-nccl-cu13", "2.27"), ("nvidia-cudnn-cu12", "9.1.0.70"))
    finding = first(pinned(*both))
    assert (finding.code, finding.severity) == ("nvidia-wheels-mismatch", Severity.WARNING)
    assert "nvidia-nccl-cu12 2.20 and nvidia-nccl-cu13 2.27" in finding.cause


OWN = f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9"
FOREIGN = LoadedLibrary(name="libcudnn.so.9", path="/usr/local/cuda/lib64/libcudnn.so.9", bundled=OWN)


def test_a_library_from_elsewhere_is_an_error_until_a_gpu_works_with_it() -> None:
    idle = make_snapshot(torch=make_runtime(libraries=(FOREIGN,)))
    at_work = make_gpu_snapshot(torch=make_cuda_runtime(libraries=(FOREIGN,)))
    assert severity(idle, "library-path-conflict") is Severity.ERROR
    assert severity(at_work, "library-path-conflict") is Severity.WARNING


@pytest.mark.parametrize(
    "library",
    [
        LoadedLibrary(name="libcudnn.so.9", path=OWN, bundled=OWN),
        LoadedLibrary(name="libstdc++.so.6.0.33", path="/usr/lib/libstdc++.so.6.0.33"),
        LoadedLibrary(
            name="libomp.dylib", path="/opt/homebrew/lib/libomp.dylib", bundled=f"{SITE}/torch/lib/libomp.dylib"
        ),
    ],
    ids=[
        "torch's own",
        "the system's, which torch does not bring",
        "an OpenMP runtime that takes the place of torch's",
    ],
)
def test_a_library_in_its_place_is_no_finding(library: LoadedLibrary) -> None:
    assert codes(make_snapshot(torch=make_runtime(libraries=(library,)))) == ["gpu-absent"]


def test_a_copy_that_waits_is_told_until_torch_s_own_was_loaded() -> None:
    target = make_interpreter(loader_first=("/usr/local/cuda/lib64/libcudnn.so.9",))
    settled = LoadedLibrary(name="libcudnn.so.9", path=OWN, bundled=OWN)
    assert severity(make_snapshot(target=target), "library-path-conflict") is Severity.WARNING
    loaded = make_snapshot(target=target, torch=make_runtime(libraries=(settled,)))
    assert "library-path-conflict" not in codes(loaded)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("libiomp5.so", "libomp.so.5"), True),
        (("libgomp.so.1", "libgomp-1.so.1"), False),
        (("libiomp5.so", "libgomp.so.1"), False),
    ],
)
def test_two_runtimes_of_intel_s_and_llvm_s_family_are_told(names: tuple[str, ...], expected: bool) -> None:
    libraries = tuple(LoadedLibrary(name=name, path=f"/lib/{name}") for name in names)
    assert ("openmp-duplicate" in codes(make_snapshot(torch=make_runtime(libraries=libraries)))) is expected


def test_a_glibc_older_than_the_wheel_needs_is_told_where_torch_was_not_imported() -> None:
    failed = make_runtime(
        end=RunEnd.FINISHED, stage="import", version=None, error=TorchError(type="ImportError", message="planted")
    )
    old = make_snapshot(host=make_host(libc="glibc 2.17"), torch=failed)
    assert first(old).code == "libc-too-old"
    assert "libc-too-old" not in codes(make_snapshot(host=make_host(libc="glibc 2.17")))


def test_a_cpu_build_is_told_once_a_gpu_waits() -> None:
    snapshot = make_gpu_snapshot(packages=make_packages(), torch=make_runtime(), nvml=make_nvml(), cuda=make_cuda())
    assert codes(snapshot) == ["torch-cpu-build"]
