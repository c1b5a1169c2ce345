"""From pasted bytes to a Snapshot: what is joined, what stays unknown, and what is no report at all."""

import string
from itertools import chain

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit import matrix
from envkit.checks import diagnose
from envkit.errors import EnvkitError
from envkit.intake.formats import FORMATS
from envkit.intake.recorded import read
from envkit.intake.text import read_text
from envkit.snapshot import Nvml, Unknown, decode, encode
from tests.builders import make_gpu_snapshot
from tests.intake import test_collect_env, test_nvidia_smi, test_other_formats, test_project_formats
from tests.intake.reading import host_of, nvml_of, snapshot_of, target_of, torch_of

SAMPLES = (
    test_collect_env.FIRST_GENERATION,
    test_collect_env.LATER_GENERATION,
    test_collect_env.VLLM,
    test_nvidia_smi.KEPLER,
    test_nvidia_smi.ADA,
    test_other_formats.OPENMMLAB,
    test_other_formats.DETECTRON,
    test_other_formats.DEEPSPEED,
    test_other_formats.XFORMERS,
    test_project_formats.ACCELERATE,
    test_project_formats.BITSANDBYTES,
    test_project_formats.CONDA_INFO,
    test_project_formats.PIP_CHECK,
    test_project_formats.SMI_OF_WINDOWS,
    test_project_formats.ROCM_SMI,
)
LINES = sorted(set(chain.from_iterable(sample.splitlines() for sample in SAMPLES)))
HEADS = """\
==============NVSMI LOG==============
NVIDIA-SMI 535.54.03
Attached GPUs : 2
GPU 00000000:01:00.0
GPU 0:
ROCm System Management
Agent 1
Name: gfx90a
Collecting environment information...
Versions of relevant libraries:
[pip3]
Package    Version
---------- -------
# packages in environment at /opt/conda:
Device 0:
Driver Version:
DeepSpeed general environment info:
torch version ....................
bug report information
* CUDA:
      Successfully uninstalled torch
torch 2.1.0 requires
Because only
NVRM: Xid (PCI:0000:01:00): 79,
TorchVision:
sys.platform: linux
------------------
Environment info
pip freeze
{'torch':
|===
""".splitlines()

words = st.sampled_from(
    [*LINES, *HEADS, "Traceback (most recent call last):", '  File "/a/torch/__init__.py", line 1, in <module>']
)
noise = st.text(alphabet=string.printable + "\u00e9\u4e2d\x1b\x00", max_size=60)
pasted = st.lists(st.one_of(words, noise), max_size=40).map("\n".join)


@pytest.mark.parametrize("form", [pytest.param(form, id=form.name) for form in FORMATS])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(pasted, st.text(max_size=400)))
def test_no_text_makes_a_format_fail(form, text) -> None:
    for part in form.parse(read_text(text.encode("utf-8", "surrogatepass"))):
        assert msgspec.to_builtins(part)


def test_no_line_alone_makes_a_format_fail() -> None:
    for line in (*LINES, *HEADS):
        for form in FORMATS:
            assert all(msgspec.to_builtins(part) for part in form.parse(read_text(line.encode())))


@st.composite
def cut_reports(draw: st.DrawFn) -> str:
    """A whole report of which lines are missing and others end early, as a hand that copies leaves it."""
    lines = draw(st.sampled_from(SAMPLES)).splitlines()
    kept = draw(st.lists(st.sampled_from([0, 1, 1, 1, 2]), min_size=len(lines), max_size=len(lines)))
    ends = draw(st.lists(st.integers(0, 60), min_size=len(lines), max_size=len(lines)))
    each = zip(lines, kept, ends, strict=True)
    return "\n".join(line if keep == 1 else line[:end] for line, keep, end in each if keep)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=cut_reports())
def test_a_report_with_lines_missing_or_cut_makes_no_format_fail(text: str) -> None:
    for form in FORMATS:
        for part in form.parse(read_text(text.encode())):
            assert msgspec.to_builtins(part)


@settings(max_examples=100, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), pasted.map(str.encode), pasted.map(lambda text: text.encode("utf-16"))))
def test_any_bytes_are_a_snapshot_or_one_clear_error(data) -> None:
    try:
        snapshot = read(data, "paste")
    except EnvkitError:
        return
    assert decode(encode(snapshot)) == snapshot


@settings(max_examples=60, deadline=None)
@given(data=pasted)
def test_every_report_can_be_diagnosed(data) -> None:
    try:
        snapshot = read(data.encode(), "paste")
    except EnvkitError:
        return
    assert not [gap for gap in diagnose(snapshot, matrix.load()).incomplete if gap.startswith("check_")]


def test_a_report_is_read_whatever_stands_around_it() -> None:
    plain = snapshot_of(test_collect_env.LATER_GENERATION)
    quoted = "Hi,\n\n> " + test_collect_env.LATER_GENERATION.replace("\n    ", "\n> ") + "\n\ngreetings"
    for section in ("host", "target", "packages", "nvml", "cuda", "torch", "toolkit"):
        assert getattr(snapshot_of(quoted), section) == getattr(plain, section)


def test_a_snapshot_of_ours_is_read_as_it_is() -> None:
    snapshot = make_gpu_snapshot()
    assert read(encode(snapshot), "machine.json") == snapshot


def test_the_snapshot_inside_a_json_diagnosis_is_found() -> None:
    snapshot = make_gpu_snapshot()
    document = {"schema_version": 1, "verdict": "healthy", "findings": [], "snapshot": snapshot}
    assert read(msgspec.json.encode(document), "doctor.json") == snapshot


@pytest.mark.parametrize(
    "data", [b"", b"not json", b"{}", b"\x00\xff\xfe", b"It does not work, please help!", b"\n" * 999]
)
def test_what_tells_nothing_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(EnvkitError, match=r"notes\.txt tells nothing") as caught:
        read(data, "notes.txt")
    assert "collect_env" in caught.value.hint


def test_a_damaged_snapshot_is_not_taken_for_a_pasted_text() -> None:
    with pytest.raises(EnvkitError, match="is not a snapshot of envkit"):
        read(b'{"schema_version": 1, "host": {"os": "linux", "torch 2', "cut.json")


def test_every_format_that_told_something_has_its_run() -> None:
    snapshot = snapshot_of(test_nvidia_smi.ADA + "\n$ ldd --version\nldd (GNU libc) 2.28\n")
    runs = {run.name: run.detail for run in snapshot.probes}
    assert runs["nvidia-smi"] == "told: os, driver, driver cuda, gpus"
    assert runs["system tools"] == "told: os, libc"


def test_several_formats_add_to_each_other() -> None:
    text = (
        "Linux a 5.15.0 #1 SMP Mon Jan 1 x86_64 GNU/Linux\n"
        + test_nvidia_smi.AMPERE
        + "\ntorch==2.0.1+cu118\nPython 3.9.18\n"
    )
    assert host_of(text).arch == "x86_64"
    assert nvml_of(text).driver_version == "515.65.01"
    assert target_of(text).version == "3.9.18"


def test_a_contradiction_is_told_and_the_more_trusted_word_counts() -> None:
    text = test_collect_env.LATER_GENERATION + "\n- Python version: 3.8\n- driver version: 470.57.02\n"
    snapshot = snapshot_of(text)
    said = [run.detail for run in snapshot.probes if run.name == "contradiction"]
    assert target_of(text).version == "3.11.9"
    assert any("'3.11.9' (collect_env)" in one and "'3.8' (report or template)" in one for one in said)
    assert any("'550.54.15' (collect_env)" in one and "'470.57.02'" in one for one in said)


def test_a_version_told_to_fewer_places_is_no_contradiction() -> None:
    text = test_collect_env.LATER_GENERATION + '\nFile "/usr/lib/python3.11/site-packages/x.py", line 1, in f\n'
    assert [run.detail for run in snapshot_of(text).probes if run.name == "contradiction"] == []


def test_what_is_not_told_is_unknown_and_says_what_would_tell() -> None:
    snapshot = snapshot_of("torch==2.1.0")
    for section in ("host", "target", "nvml", "cuda"):
        assert isinstance(getattr(snapshot, section), Unknown)
    assert isinstance(snapshot.nvml, Unknown)
    assert "`nvidia-smi` tells" in snapshot.nvml.why


def test_macos_has_no_cuda_and_that_is_known() -> None:
    snapshot = snapshot_of("ProductVersion: 14.1\nProductName: macOS")
    assert snapshot.nvml == snapshot.cuda
    assert not isinstance(snapshot.nvml, (Unknown, Nvml))


def test_the_build_of_a_version_that_was_told_apart_is_found() -> None:
    assert torch_of("PyTorch version: 1.12.1+cu113").cuda == "11.3"
    assert torch_of("PyTorch version: 2.0.0+cpu").cuda == ""
    assert torch_of("PyTorch version: 2.0.0").cuda is None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("\n", id="empty lines"),
        pytest.param("> " * 20 + "\n", id="quotes"),
        pytest.param("NVIDIA-SMI ", id="one mark without end"),
        pytest.param("with CUDA capability sm_", id="a message without end"),
        pytest.param('  File "/a/lib/python3.8/site-packages/torch/x.py", line 1, in f\n', id="frames"),
        pytest.param("CUDA error: a\nRuntimeError: b\n", id="errors"),
        pytest.param("GPU 0: Tesla T4\n", id="GPUs"),
        pytest.param("a==1.0\n", id="packages"),
    ],
)
def test_what_is_kept_of_a_long_text_is_bounded(line: str) -> None:
    small = read_text((line * 2_000).encode())
    large = read_text((line * 32_000).encode())
    for form in FORMATS:
        few, many = list(form.parse(small)), list(form.parse(large))
        assert len(msgspec.json.encode(many)) <= 16 * max(len(msgspec.json.encode(few)), 100)


def test_a_format_that_fails_is_told_and_the_others_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_text: object) -> None:
        raise IndexError("no such group")

    broken = [form._replace(parse=fails) if form.name == "nvidia-smi" else form for form in FORMATS]
    monkeypatch.setattr("envkit.intake.recorded.FORMATS", broken)
    snapshot = snapshot_of(test_nvidia_smi.ADA + "\n$ ldd --version\nldd (GNU libc) 2.28\n")
    runs = {run.name: run for run in snapshot.probes}
    assert "IndexError: no such group" in runs["nvidia-smi"].detail
    assert "libc" in runs["system tools"].detail
