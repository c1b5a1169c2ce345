"""A torch without its metadata, and one without what it depends on."""

from typing import Any

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding, Severity
from envkit.snapshot import Distribution, FileDamage, ModuleOrigin, Snapshot, TorchError, Unknown
from tests.builders import SITE, make_interpreter, make_packages, make_runtime, make_snapshot, make_torch_distribution

NEEDS = (
    "filelock",
    "typing-extensions>=4.10.0",
    "sympy>=1.13.3",
    'setuptools<82; python_version >= "3.12"',
    'optree>=0.13.0; extra == "optree"',
    "nvidia-nccl-cu13==2.29; platform_system == 'Darwin'",
)
ALL = ("filelock", "typing-extensions", "sympy")
PIP = Distribution(name="pip", version="26.3", metadata="", site=SITE, installer="pip")


FITTING = {"typing-extensions": "4.15.0", "sympy": "1.14.0"}


def having(*names: str, build: dict[str, Any] | None = None, **changes: Any) -> Snapshot:
    """A torch beside these packages alone: "sympy 1.5", or "sympy" in a release that fits."""
    told = (name.split(" ") for name in names)
    beside = (
        Distribution(name=name, version=(version or [FITTING.get(name, "1")])[0], metadata=f"{SITE}/{name}", site=SITE)
        for name, *version in told
    )
    packages = make_packages(make_torch_distribution(**{"requires": NEEDS, **(build or {})}), PIP, *beside)
    return make_snapshot(**{"packages": packages, **changes})


def corrupt(snapshot: Snapshot) -> Finding | None:
    found = [one for one in diagnose(snapshot, matrix.load()).findings if one.code == "torch-corrupt"]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(
    ("snapshot", "severity", "requirements"),
    [
        pytest.param(having("filelock", "typing-extensions"), Severity.ERROR, ("sympy>=1.13.3",), id="no step without"),
        pytest.param(having("typing-extensions", "sympy"), Severity.WARNING, ("filelock",), id="a part without"),
        pytest.param(
            having(*ALL, target=make_interpreter(version="3.12.1")),
            Severity.WARNING,
            ("setuptools<82",),
            id="where the marker holds",
        ),
        pytest.param(
            having("filelock"),
            Severity.ERROR,
            ("typing-extensions>=4.10.0", "sympy>=1.13.3"),
            id="several",
        ),
        pytest.param(
            having("filelock", "typing-extensions", "sympy 1.5"),
            Severity.ERROR,
            ("sympy>=1.13.3",),
            id="too old, and no step without",
        ),
        pytest.param(
            having(*ALL, "fsspec 0.8.4", build={"requires": (*NEEDS, "fsspec>=0.8.5")}),
            Severity.WARNING,
            ("fsspec>=0.8.5",),
            id="too old, and a part fails",
        ),
        pytest.param(
            having("filelock", "typing-extensions", "sympy 1.14.0", build={"requires": ("sympy==1.13.1",)}),
            Severity.WARNING,
            ("sympy==1.13.1",),
            id="newer than the one that is pinned",
        ),
        pytest.param(
            having("filelock", "typing-extensions 4.0rc1", "sympy"),
            Severity.ERROR,
            ("typing-extensions>=4.10.0",),
            id="a release that has more than numbers",
        ),
    ],
)
def test_what_torch_needs_and_lacks_is_installed_and_torch_stays(
    snapshot: Snapshot, severity: Severity, requirements: tuple[str, ...]
) -> None:
    finding = corrupt(snapshot)
    assert finding is not None
    assert finding.fix is not None
    assert (finding.severity, finding.fix.pip) == (severity, (("install", *requirements),))


def test_an_import_that_fails_for_want_of_it_is_told_by_its_name() -> None:
    error = TorchError(type="ModuleNotFoundError", message="No module named 'typing_extensions'")
    live = make_runtime(stage="import", version=None, error=error)
    finding = corrupt(having("sympy", "filelock", torch=live))
    assert finding is not None
    assert finding.severity is Severity.ERROR
    assert finding.cause.startswith("torch asks for typing-extensions>=4.10.0")
    assert ("import torch", "ModuleNotFoundError: No module named 'typing_extensions'") in [
        (fact.what, fact.value) for fact in finding.facts
    ]


def test_an_import_that_fails_over_an_old_one_is_put_down_to_it() -> None:
    message = f"cannot import name 'deprecated' from 'typing_extensions' ({SITE}/typing_extensions.py)"
    live = make_runtime(stage="import", version=None, error=TorchError(type="ImportError", message=message))
    finding = corrupt(having("sympy", "filelock", "typing-extensions 3.7.4", torch=live))
    assert finding is not None
    assert finding.cause == (
        "torch asks for typing-extensions>=4.10.0, and typing-extensions 3.7.4 is installed; `import torch` fails "
        "over it"
    )
    assert finding.fix is not None
    assert finding.fix.pip == (("install", "typing-extensions>=4.10.0"),)


def test_an_import_that_fails_of_something_else_is_not_put_down_to_it() -> None:
    live = make_runtime(stage="import", version=None, error=TorchError(type="ImportError", message="planted"))
    finding = corrupt(having("filelock", torch=live))
    assert finding is not None
    assert "planted" in finding.cause


def test_a_damaged_torch_comes_again_with_all_it_needs() -> None:
    harm = FileDamage(entries=9, missing=1, altered=0, examples=("torch/_C.so is missing",))
    finding = corrupt(having(build={"damage": harm}))
    assert finding is not None
    assert "1 missing" in finding.cause


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(having(*ALL), id="all there"),
        pytest.param(having("filelock", "sympy", "typing-extensions 4.16.0rc1"), id="before a release that would do"),
        pytest.param(having(*ALL, "triton 2.0.0", build={"requires": ("triton>=3",)}), id="a companion"),
        pytest.param(having(build={"installer": "conda"}), id="conda sees to it"),
        pytest.param(having(build={"requires": None}), id="nothing is asked"),
        pytest.param(make_snapshot(packages=Unknown(why="planted")), id="nothing is known"),
    ],
)
def test_nothing_is_lacking(snapshot: Snapshot) -> None:
    assert corrupt(snapshot) is None


# -- without metadata ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "version", "release"),
    [
        pytest.param(make_runtime(version="2.9.1+cpu"), "", "2.9.1", id="the import tells"),
        pytest.param(Unknown(why="--quick"), "2.9.1+cpu", "2.9.1", id="version.py tells"),
    ],
)
def test_a_torch_without_metadata_comes_again_in_its_own_release(live: Any, version: str, release: str) -> None:
    module = ModuleOrigin(name="torch", origin=f"{SITE}/torch/__init__.py", entry=SITE, version=version)
    finding = corrupt(make_snapshot(packages=make_packages(PIP, modules=(module,)), torch=live))
    assert finding is not None
    assert finding.fix is not None
    assert f"torch=={release}+cpu" in finding.fix.commands[0]


def test_a_torch_that_pip_had_put_aside_comes_again_in_its_own_release() -> None:
    aside = Distribution(name="~orch", version="2.9.1+cpu", metadata="", site=SITE)
    packages = make_packages(PIP, aside, modules=(ModuleOrigin(name="torch", origin="", entry=""),))
    first = diagnose(make_snapshot(packages=packages, torch=Unknown(why="--quick")), matrix.load()).findings[0]
    assert first.code == "torch-missing"
    assert first.fix is not None
    assert "torch==2.9.1+cpu" in first.fix.commands[0]


def test_one_that_works_is_not_called_damaged() -> None:
    module = ModuleOrigin(name="torch", origin=f"{SITE}/torch/__init__.py", entry=SITE)
    finding = corrupt(make_snapshot(packages=make_packages(PIP, modules=(module,))))
    assert finding is not None
    assert (finding.severity, "damaged" in finding.summary) == (Severity.WARNING, False)
