"""However a report is wrapped, it says the same: quoted, indented, fenced, coloured, with other line ends."""

from collections.abc import Callable
from textwrap import dedent

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit import matrix
from envkit.checks import diagnose
from envkit.errors import EnvkitError
from envkit.intake.recorded import read
from tests.intake import test_collect_env, test_nvidia_smi, test_other_formats, test_project_formats

SAMPLES = {
    f"{module.__name__.rpartition('_')[2]}-{name.lower()}": dedent(text)
    for module in (test_collect_env, test_nvidia_smi, test_other_formats, test_project_formats)
    for name, text in vars(module).items()
    if name.isupper() and isinstance(text, str) and "\n" in text
}
ERRORS = """\
Traceback (most recent call last):
  File "/srv/app/train.py", line 12, in <module>
    model(batch)
RuntimeError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call.
ERROR: Could not find a version that satisfies the requirement torch==2.99 (from versions: 2.5.1)
[  123.456789] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.
/usr/bin/python: error while loading shared libraries: libcudart.so.12: cannot open shared object file
"""

Wrap = Callable[[str], str]


def each_line(before: str, after: str = "") -> Wrap:
    return lambda text: "\n".join(f"{before}{line}{after}" for line in text.split("\n"))


WRAPS: dict[str, Wrap] = {
    "quoted": each_line("> "),
    "quoted twice": each_line("> > "),
    "indented": each_line("    "),
    "indented by a tab": each_line("\t"),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "old Mac": lambda text: text.replace("\n", "\r"),
    "fenced": lambda text: f"Hello,\n```text\n{text}\n```\nbye",
    "fenced with tildes": lambda text: f"~~~\n{text}\n~~~",
    "in a list": lambda text: "1. I ran it\n   ```\n" + each_line("   ")(text) + "\n   ```",
    "folded": lambda text: f"<details><summary>the log</summary>\n\n```\n{text}\n```\n\n</details>",
    "in colours": each_line("\x1b[1;32m", "\x1b[0m"),
    "blanks at the end": each_line("", "   "),
    "fixed blanks": lambda text: text.replace("  ", " \u00a0"),
    "of a docker build": lambda text: "\n".join(f"#12 {at / 7:.2f} {line}" for at, line in enumerate(text.split("\n"))),
    "quoted, CRLF, fenced": lambda text: each_line("> ")(f"```\n{text}\n```").replace("\n", "\r\n"),
}


def facts(data: bytes) -> object:
    """Everything that was read, but for how long it took and where in the paste it stood."""
    snapshot = read(data, "paste")
    plain = msgspec.to_builtins(snapshot)
    return {**plain, "probes": [run.name for run in snapshot.probes]}


@pytest.mark.parametrize("name", [*SAMPLES, "errors"])
def test_a_wrapped_report_says_what_the_plain_one_says(name: str) -> None:
    plain = SAMPLES.get(name, ERRORS)
    expected = facts(plain.encode())
    different = [wrap for wrap, apply in WRAPS.items() if facts(apply(plain).encode()) != expected]
    assert different == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_any_unicode_encoding_says_the_same(encoding: str) -> None:
    plain = SAMPLES["env-later_generation"]
    assert facts(plain.encode(encoding)) == facts(plain.encode())


reports = st.sampled_from([*SAMPLES.values(), ERRORS])
wraps = st.lists(st.sampled_from(list(WRAPS)), max_size=3, unique=True)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    report=reports, wrapping=wraps, start=st.integers(0, 400), length=st.integers(0, 4000), junk=st.binary(max_size=40)
)
def test_no_piece_of_a_wrapped_report_makes_the_doctor_fail(report, wrapping, start, length, junk) -> None:
    for wrap in wrapping:
        report = WRAPS[wrap](report)
    try:
        snapshot = read(report.encode()[start : start + length] + junk, "paste")
    except EnvkitError:
        return
    assert not [gap for gap in diagnose(snapshot, matrix.load()).incomplete if gap.startswith("check_")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=reports, second=reports, prose=st.text(max_size=80))
def test_two_reports_and_prose_are_read_as_one(first, second, prose) -> None:
    snapshot = read(f"{first}\n{prose}\n{second}".encode("utf-8", "surrogatepass"), "paste")
    assert snapshot.pasted
