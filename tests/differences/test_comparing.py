"""What differs between two Snapshots: what matters, what does not, what nobody can say."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from envkit import matrix
from envkit.checks import diagnose
from envkit.differences import Differences, Fact, Side, State, Verdict, compare
from envkit.differences.subjects import PASSING, SUBJECTS, TOLD
from envkit.errors import EnvkitError
from envkit.intake.recorded import read
from envkit.snapshot import (
    Absent,
    CudaDriver,
    Distribution,
    EnvironmentKind,
    Host,
    Interpreter,
    LoadedLibrary,
    Nvml,
    NvmlDevice,
    Packages,
    ProbeOutcome,
    Snapshot,
    Toolkit,
    TorchError,
    TorchRuntime,
    Unknown,
    decode,
    encode,
)
from tests.builders import (
    A100,
    SITE,
    make_cuda,
    make_gpu_snapshot,
    make_host,
    make_interpreter,
    make_nvml,
    make_packages,
    make_runtime,
    make_snapshot,
    make_torch_distribution,
    nvidia_pci,
)
from tests.intake.test_recorded import SAMPLES, pasted
from tests.render.test_terminal import REPORTS, SNAPSHOTS

TABLES = matrix.load()


def side(snapshot: Snapshot, name: str = "x") -> Side:
    return Side(name, snapshot, diagnose(snapshot, TABLES))


def between(a: Snapshot, b: Snapshot) -> Differences:
    return compare(side(a), side(b))


def package(name: str, version: str) -> Distribution:
    return Distribution(name=name, version=version, metadata=f"{SITE}/{name}-{version}.dist-info", site=SITE)


def with_packages(*more: Distribution, **changes: Any) -> Snapshot:
    return make_snapshot(packages=make_packages(make_torch_distribution(), *more, **changes))


def on_host(**changes: Any) -> Snapshot:
    return make_snapshot(host=make_host(**changes))


def with_python(**changes: Any) -> Snapshot:
    return make_snapshot(target=make_interpreter(**changes))


def with_torch(**changes: Any) -> Snapshot:
    return make_snapshot(torch=make_runtime(**changes))


HERE = make_snapshot()
GPU = make_gpu_snapshot()
FOREIGN = LoadedLibrary(name="libgomp.so.1", path="/usr/lib/libgomp.so.1", bundled=f"{SITE}/torch/lib/libgomp.so.1")


def gpus(**changes: Any) -> Snapshot:
    facts = {"name": A100, "compute_capability": "8.0", "memory_total": 80 * 2**30, **changes}
    devices = (NvmlDevice(index=0, **facts),)
    return make_gpu_snapshot(nvml=make_nvml(devices=devices))


@pytest.mark.parametrize(
    ("a", "b", "what", "told"),
    [
        pytest.param(HERE, with_torch(version="2.12.0+cpu"), "version", ("2.13.0", "2.12.0"), id="release"),
        pytest.param(HERE, with_torch(cuda="12.6"), "built for", ("no CUDA, ROCm or XPU", "CUDA 12.6"), id="CUDA"),
        pytest.param(with_torch(hip="6.2"), HERE, "built for", ("ROCm 6.2", "no CUDA, ROCm or XPU"), id="ROCm"),
        pytest.param(
            HERE,
            with_torch(version=None, error=TorchError(type="OSError", message="libc10.so: no\nmore")),
            "import torch",
            ("works", "OSError: libc10.so: no"),
            id="import",
        ),
        pytest.param(with_torch(arch_list=("sm_80",)), with_torch(arch_list=("sm_90",)), "code for GPUs",
                     ("sm_80", "sm_90"), id="code"),
        pytest.param(GPU, make_gpu_snapshot(nvml=make_nvml(driver_version="550.54")), "NVIDIA driver",
                     ("560.35.03", "550.54"), id="driver"),
        pytest.param(GPU, make_gpu_snapshot(cuda=make_cuda(cuda_version="12.4")), "CUDA of the driver",
                     ("12.6", "12.4"), id="CUDA of the driver"),
        pytest.param(GPU, make_gpu_snapshot(cuda=make_cuda(init_error=802)), "cuInit answers", ("0", "802"), id="init"),
        pytest.param(gpus(), gpus(name="NVIDIA H100"), "NVIDIA GPUs", (A100, "NVIDIA H100"), id="GPU"),
        pytest.param(gpus(), gpus(compute_capability="9.0"), "compute capability", ("8.0", "9.0"), id="capability"),
        pytest.param(gpus(), gpus(memory_total=40 * 2**30), "GPU memory", ("80 GiB", "40 GiB"), id="memory"),
        pytest.param(gpus(mig_enabled=False), gpus(mig_enabled=True), "MIG", ("False", "True"), id="MIG"),
        pytest.param(gpus(compute_mode="default"), gpus(compute_mode="exclusive"), "compute mode",
                     ("default", "exclusive"), id="mode"),
        pytest.param(on_host(), on_host(gpus=(nvidia_pci(vendor="amd", device_id="0x73bf"),)), "AMD GPUs",
                     ("", "0x73bf"), id="AMD"),
        pytest.param(on_host(), on_host(gpus=(nvidia_pci(vendor="intel", name="Arc"),)), "Intel GPUs",
                     ("", "Arc"), id="Intel"),
        pytest.param(HERE, with_python(version="3.12.1"), "Python", ("3.11", "3.12"), id="Python"),
        pytest.param(HERE, with_python(implementation="pypy"), "implementation", ("cpython", "pypy"), id="PyPy"),
        pytest.param(HERE, with_python(bits=32), "bits", ("64", "32"), id="bits"),
        pytest.param(HERE, with_python(free_threaded=True), "free-threaded", ("no", "yes"), id="free-threaded"),
        pytest.param(HERE, with_python(kind=EnvironmentKind.UV), "kind of environment", ("venv", "uv"), id="kind"),
        pytest.param(with_packages(package("torchvision", "0.28.0")), with_packages(package("torchvision", "0.27.0")),
                     "torchvision", ("0.28.0", "0.27.0"), id="companion"),
        pytest.param(with_packages(package("nvidia-nccl-cu12", "2.27")), HERE, "nvidia-nccl-cu12",
                     ("2.27", ""), id="wheel of NVIDIA's"),
        pytest.param(with_packages(package("numpy", "1.26.4")), with_packages(package("numpy", "2.4.0")), "numpy",
                     ("1.26.4", "2.4.0"), id="NumPy"),
        pytest.param(with_packages(package("sympy", "1.14")), with_packages(), "sympy", ("installed", ""), id="sympy"),
        pytest.param(with_torch(libraries=()), with_torch(libraries=(FOREIGN,)), "libgomp.so.1",
                     ("torch's own copy, or none", "/usr/lib/libgomp.so.1"), id="library"),
        pytest.param(HERE, with_python(loader_first=("/opt/libc10.so",)), "loaded first", ("", "/opt/libc10.so"),
                     id="loaded first"),
        pytest.param(HERE, on_host(variables={"CUDA_VISIBLE_DEVICES": ""}), "CUDA_VISIBLE_DEVICES", ("", "''"),
                     id="an empty variable is one"),
        pytest.param(HERE, on_host(container="docker"), "container", ("", "docker"), id="container"),
        pytest.param(HERE, on_host(wsl=2), "WSL", ("", "2"), id="WSL"),
        pytest.param(on_host(memory_limit=0), on_host(memory_limit=2**32), "memory limit", ("", "4 GiB"), id="limit"),
        pytest.param(HERE, on_host(os="windows"), "system", ("linux", "windows"), id="system"),
        pytest.param(HERE, on_host(arch="aarch64"), "processor", ("x86_64", "aarch64"), id="processor"),
        pytest.param(HERE, on_host(libc="musl 1.2"), "C library", ("glibc 2.39", "musl 1.2"), id="C library"),
        pytest.param(on_host(shm_total=2**36), on_host(shm_total=2**30), "shared memory", ("64 GiB", "1 GiB"), id="sh"),
        pytest.param(
            make_snapshot(toolkit=Toolkit(nvcc="12.4.131")), make_snapshot(toolkit=Toolkit(nvcc="")), "nvcc",
            ("12.4.131", ""), id="nvcc",
        ),
    ],
)  # fmt: skip
def test_what_can_matter_is_told_with_both_values(a: Snapshot, b: Snapshot, what: str, told: tuple[str, str]) -> None:
    found = between(a, b)
    one = next(one for one in found.differences if one.what == what)
    assert (one.a.value, one.b.value) == told
    assert [fact.state for fact in (one.a, one.b)] == [State.KNOWN if value else State.ABSENT for value in told]
    assert one.why
    assert found.verdict is Verdict.DIFFERENT


def test_what_matters_most_comes_first() -> None:
    groups = list(dict.fromkeys(one.group for one in between(HERE, GPU).differences))
    order = list(dict.fromkeys(subject.group for subject in SUBJECTS))
    assert groups == [group for group in order if group in groups]
    assert order[:4] == ["torch", "driver", "GPU", "Python"]


def test_a_finding_of_one_side_comes_with_its_side() -> None:
    found = between(GPU, make_gpu_snapshot(cuda=make_cuda(init_error=802, devices=None)))
    assert [(one.side, one.code) for one in found.findings if one.severity.value == "error"] == [
        ("b", "fabric-manager-down")
    ]
    assert not any(one.code == "healthy" for one in found.findings)


def test_a_finding_that_the_other_side_may_have_too_is_no_difference() -> None:
    without = make_snapshot(packages=make_packages(distributions=(), modules=()), torch=Absent(why="no torch"))
    dark = {name: Unknown(why="no answer") for name in ("target", "packages", "torch")}
    found = between(without, replace(without, **dark))
    assert [(one.side, one.code, one.certain) for one in found.findings if one.code == "torch-missing"] == [
        ("a", "torch-missing", False)
    ]
    assert found.verdict is Verdict.INCOMPLETE


def test_unknown_is_told_apart_from_absent() -> None:
    unknown = make_snapshot(cuda=Unknown(why="no answer"), nvml=Unknown(why="no answer"))
    found = between(unknown, GPU)
    driver = next(one for one in found.unclear if one.what == "NVIDIA driver")
    assert (driver.a, driver.b.value) == (Fact(State.UNKNOWN), "560.35.03")
    absent = next(one for one in between(HERE, GPU).differences if one.what == "NVIDIA driver")
    assert absent.a == Fact(State.ABSENT)


def test_what_only_one_knows_makes_the_answer_incomplete() -> None:
    assert between(on_host(cpu="EPYC"), on_host(cpu=None)).verdict is Verdict.INCOMPLETE


def test_what_a_report_does_not_name_is_unknown_and_what_a_whole_list_lacks_is_absent() -> None:
    report = read(b"PyTorch version: 2.13.0+cpu\nPython version: 3.11.7\n[pip3] torch==2.13.0+cpu\n", "report.txt")
    here = with_packages(package("torchvision", "0.28.0"), package("filelock", "3.0"), package("rich", "15.0"))
    found = between(report, here)
    assert "torchvision" in {one.what for one in found.unclear}
    assert "filelock" not in {one.what for one in (*found.unclear, *found.differences)}
    assert not [one for one in found.others if "rich" in one.path]
    assert "torchvision" in {one.what for one in between(HERE, here).differences}


def test_the_rest_is_folded_and_none_of_it_is_lost() -> None:
    a = with_packages(package("rich", "15.0"), package("only-here", "1.0"))
    found = between(a, replace(with_packages(package("rich", "14.0")), host=make_host(kernel="6.1.0")))
    told = {one.path: (one.a, one.b) for one in found.others}
    assert told == {
        "host.kernel": ("6.8.0", "6.1.0"),
        "packages.distributions.rich.version": ("15.0", "14.0"),
        "packages.distributions.only-here.version": ("1.0", None),
    }
    assert found.verdict is Verdict.SAME


def test_what_changes_from_one_moment_to_the_next_is_no_difference() -> None:
    later = on_host(memory_available=1, disk_free=2)
    found = between(HERE, replace(later, taken_at="2026-11-25T00:00:00+00:00"))
    assert (found.differences, found.others) == ((), ())


def test_two_environments_in_different_places_are_the_same() -> None:
    moved = decode(encode(HERE).replace(b'"/env', b'"/somewhere/else'))
    assert moved.target != HERE.target
    found = between(HERE, moved)
    assert (found.verdict, found.differences, found.others) == (Verdict.SAME, (), ())


def test_every_pattern_fits_something_that_a_snapshot_has() -> None:
    sections = {"host": Host, "target": Interpreter, "packages": Packages, "nvml": Nvml, "cuda": CudaDriver}
    sections |= {"torch": TorchRuntime, "toolkit": Toolkit}
    fields = {name: section.__struct_fields__ for name, section in sections.items()}
    for pattern in (*TOLD, *PASSING):
        section, _, rest = pattern.partition(".")
        assert section in (*Snapshot.__struct_fields__, "*"), pattern
        assert section not in fields or rest.split(".")[0] in fields[section], pattern


# -- whatever the machines ----------------------------------------------------------------------


def _read(text: str) -> Snapshot:
    try:
        return read(text.encode("utf-8", "replace"), "x")
    except EnvkitError:
        return HERE


RECORDED = [*SNAPSHOTS.values(), *(_read(text) for text in (*REPORTS.values(), *SAMPLES))]
gone = st.sampled_from([Absent(why="not there"), Unknown(why="?"), Unknown(why="?", outcome=ProbeOutcome.SKIPPED)])


@st.composite
def machines(draw: st.DrawFn) -> Snapshot:
    """A recorded machine, a pasted text, or one that has lost some of its sections."""
    snapshot = draw(st.one_of(st.sampled_from(RECORDED), pasted.map(_read)))
    lost = draw(st.sets(st.sampled_from(["target", "nvml", "cuda", "torch"])))
    return replace(snapshot, **{name: draw(gone) for name in sorted(lost)})


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(machines())
@quick
def test_nothing_differs_from_itself(snapshot: Snapshot) -> None:
    found = between(snapshot, decode(encode(snapshot)))
    assert (found.findings, found.differences, found.unclear, found.others) == ((), (), (), ())
    gaps = bool(side(snapshot).diagnosis.incomplete) and not snapshot.pasted
    assert found.verdict is (Verdict.INCOMPLETE if gaps else Verdict.SAME)


@given(machines(), machines())
@quick
def test_the_other_way_round_the_same_differs(a: Snapshot, b: Snapshot) -> None:
    found, back = between(a, b), between(b, a)
    turned = {"a": "b", "b": "a"}
    assert back.verdict is found.verdict
    assert {replace(one, side=turned[one.side]) for one in back.findings} == set(found.findings)
    for name in ("differences", "unclear", "others"):
        assert tuple(replace(one, a=one.b, b=one.a) for one in getattr(back, name)) == getattr(found, name)


@given(machines(), machines())
@quick
def test_unknown_is_never_called_a_difference(a: Snapshot, b: Snapshot) -> None:
    found = between(a, b)
    assert not [one for one in found.differences if State.UNKNOWN in (one.a.state, one.b.state)]
    assert all(State.UNKNOWN in (one.a.state, one.b.state) for one in found.unclear)
