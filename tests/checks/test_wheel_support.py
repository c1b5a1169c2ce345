"""Pythons and systems that have no wheel: what they are measured by, and what it means where no torch is wanted."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.checks.selection import Codes, Selection, select
from envkit.findings import Diagnosis, Finding
from envkit.planning.decide import plan
from envkit.planning.model import Request
from envkit.snapshot import Absent, Refusal, Snapshot
from tests.builders import SITE, make_host, make_interpreter, make_packages, make_snapshot

TABLES = matrix.load()


def without_torch(**changes: Any) -> Snapshot:
    nothing = make_packages().named("pip")
    gone: dict[str, Any] = {
        "packages": make_packages(*nothing, modules=()),
        "torch": Absent(why="No module named 'torch'"),
    }
    return make_snapshot(**{**gone, **changes})


def first(snapshot: Snapshot) -> Finding:
    return diagnose(snapshot, TABLES).findings[0]


def passing_over_a_missing_torch(snapshot: Snapshot) -> Diagnosis:
    return select(diagnose(snapshot, TABLES), Selection(ignore=Codes(("torch-missing",), "--ignore")))


def test_an_old_python_is_measured_by_the_release_that_its_fix_installs() -> None:
    snapshot = without_torch(target=make_interpreter(version="3.8.20"))
    found = first(snapshot)
    assert found.code == "python-unsupported"
    assert found.fix
    python = found.fix.commands[0].split("--python ")[1].split()[0]
    assert found.summary == f"torch {plan(Request(python=python), snapshot, TABLES).torch} does not run on this Python"


def test_a_python_that_a_recent_release_still_has_wheels_for_is_supported() -> None:
    release = TABLES.torch.tested
    dropped = set(TABLES.torch.pythons(release)) - set(TABLES.torch.pythons(TABLES.torch.releases()[-1]))
    assert dropped
    for python in dropped:
        assert first(without_torch(target=make_interpreter(version=f"{python}.1"))).code == "torch-missing"


def test_the_pythons_of_other_systems_do_not_count() -> None:
    mac = make_host(os="macos", os_name="macOS 14.6", arch="x86_64", libc="")
    newest = TABLES.torch.builds(platform="macos-x86_64")[-1]
    target = make_interpreter(version="3.13.1", machine="x86_64", libc="", platform_tag="macosx-10.13-x86_64")
    found = first(without_torch(host=mac, target=target))
    assert found.code == "python-unsupported"
    assert f"torch {newest.torch}" in found.cause


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(without_torch(target=make_interpreter(version="3.8.20")), id="an old Python"),
        pytest.param(without_torch(target=make_interpreter(bits=32)), id="32 bit"),
        pytest.param(without_torch(host=make_host(libc="musl 1.2")), id="musl"),
    ],
)
def test_where_nobody_wants_torch_no_python_is_wrong_for_it(snapshot: Snapshot) -> None:
    assert diagnose(snapshot, TABLES).verdict.value == "faulty"
    answer = passing_over_a_missing_torch(snapshot)
    assert answer.verdict.value == "healthy"
    assert not {"torch-missing", first(snapshot).code} - {one.code for one in answer.ignored}


def test_who_asks_for_the_code_is_shown_it_all_the_same() -> None:
    found = diagnose(without_torch(target=make_interpreter(version="3.8.20")), TABLES)
    only = Codes(("python-unsupported",), "--only")
    answer = select(found, Selection(only, Codes(("torch-missing",), "pyproject.toml")))
    assert [one.code for one in answer.findings] == ["python-unsupported"]


def test_an_install_that_was_refused_was_wanted() -> None:
    refused = without_torch(
        target=make_interpreter(version="3.8.20"), refusals=(Refusal(name="torch", version=TABLES.torch.tested),)
    )
    assert passing_over_a_missing_torch(refused).findings[0].code == "python-unsupported"


def test_the_python_that_windows_is_told_to_install_is_of_the_table() -> None:
    windows = make_host(os="windows", arch="x86_64", libc="")
    target = make_interpreter(bits=32, executable=r"C:\env\python.exe", site_dirs=(SITE,))
    found = first(without_torch(host=windows, target=target))
    assert found.fix
    command, _, python = found.fix.commands[0].rpartition("Python.")
    assert command == "winget install Python."
    assert python in TABLES.torch.pythons(TABLES.torch.tested)
