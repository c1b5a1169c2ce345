"""`envkit diff`: snapshots, reports and real environments, end to end."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envkit.snapshot import encode
from tests.builders import make_gpu_snapshot, make_host, make_snapshot
from tests.cli.test_doctor_recorded import TOO_OLD, WORKS
from tests.conftest import Cli, make_target, site_of
from tests.standins.torch_package import add_metadata, install_torch


def saved(path: Path, snapshot: Any) -> str:
    path.write_bytes(encode(snapshot))
    return str(path)


@pytest.fixture
def environments(tmp_path: Path) -> tuple[Path, Path]:
    """Two real environments that differ in torch, NumPy and a package that is nobody's business."""
    pythons = make_target(tmp_path / "works"), make_target(tmp_path / "broken")
    for python, torch, numpy, other in zip(
        pythons, ("2.13.0+cpu", "2.12.0+cpu"), ("2.4.0", "1.26.4"), ("1.0", "2.0"), strict=True
    ):
        site = site_of(python)
        install_torch(site, torch, cuda=None)
        for name, version in (("numpy", numpy), ("somebody", other)):
            (site / name).mkdir()
            (site / name / "__init__.py").write_text("")
            add_metadata(site, name, version, site / name)
    return pythons


def facts(run: Any) -> dict[str, tuple[str, str]]:
    return {one["what"]: (one["a"]["value"], one["b"]["value"]) for one in run.json["differences"]}


def test_two_real_environments_differ_in_what_was_made_different(cli: Cli, environments: tuple[Path, Path]) -> None:
    a, b = map(str, environments)
    run = cli("diff", a, b, "--json")
    assert run.code == 1, run.err
    assert facts(run) == {"version": ("2.13.0", "2.12.0"), "numpy": ("2.4.0", "1.26.4")}
    assert {one["path"]: (one["a"], one["b"]) for one in run.json["others"]}[
        "packages.distributions.somebody.version"
    ] == ("1.0", "2.0")
    text = cli("diff", str(environments[0].parent.parent), b)
    assert text.code == 1
    assert text.out.startswith("DIFFERENT  ")
    assert "\ntorch\n  version\n    A    2.13.0\n    B    2.12.0\n" in text.out
    assert "somebody" not in text.out
    assert "somebody" in cli("diff", a, b, "-v").out


def test_an_environment_is_the_same_as_itself_and_as_its_twin(cli: Cli, tmp_path: Path) -> None:
    a, b = (make_target(tmp_path / name) for name in ("a", "b"))
    for python in (a, b):
        install_torch(site_of(python), "2.13.0+cpu", cuda=None)
    for other in (a, b):
        run = cli("diff", str(a), str(other))
        assert (run.code, run.out.partition("\n")[0]) == (0, "SAME  nothing differs that can matter to torch"), run.out


def test_a_real_environment_is_compared_with_its_own_snapshot(
    cli: Cli, environments: tuple[Path, Path], tmp_path: Path
) -> None:
    python, other = map(str, environments)
    file = tmp_path / "here.json"
    cli("doctor", "--python", python, "--save", str(file))
    assert cli("diff", str(file), python).code == 0
    assert cli("diff", str(file), other).code == 1


def test_what_doctor_printed_and_what_the_collector_wrote_are_read(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    (tmp_path / "doctor.json").write_text(cli("doctor", "--quick", "--json", "--python", str(bare_target)).out)
    script = cli("collector").out
    done = subprocess.run([bare_target, "-", "--quick"], input=script.encode(), capture_output=True, check=True)
    (tmp_path / "collected.json").write_bytes(done.stdout)
    run = cli("diff", str(tmp_path / "doctor.json"), str(tmp_path / "collected.json"), "--json")
    assert run.json["differences"] == []
    assert run.code == 0


def test_a_pasted_report_and_one_that_works(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken.txt").write_text(TOO_OLD)
    (tmp_path / "works.txt").write_text(WORKS)
    run = cli("diff", str(tmp_path / "works.txt"), str(tmp_path / "broken.txt"), "--json")
    assert run.code == 1
    assert (run.json["findings"][0]["side"], run.json["findings"][0]["code"]) == ("b", "driver-too-old")
    assert facts(run)["NVIDIA driver"] == ("550.54.15", "460.91.03")
    assert (run.json["a"]["verdict"], run.json["b"]["verdict"]) == ("healthy", "faulty")
    assert cli("diff", str(tmp_path / "works.txt"), str(tmp_path / "works.txt")).code == 0


def test_one_of_the_two_comes_from_stdin(tmp_path: Path) -> None:
    file = saved(tmp_path / "gpu.json", make_gpu_snapshot())
    done = subprocess.run(
        [sys.executable, "-m", "envkit", "diff", "-", file],
        input=encode(make_snapshot()),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"DIFFERENT")


def test_what_is_not_known_is_exit_code_4(cli: Cli, tmp_path: Path) -> None:
    a = saved(tmp_path / "a.json", make_snapshot(host=make_host(cpu="EPYC")))
    b = saved(tmp_path / "b.json", make_snapshot())
    run = cli("diff", a, b)
    assert run.code == 4
    assert run.out.startswith("INCOMPLETE  nothing that differs is known")
    assert "unknown of B, so not compared: CPU" in run.out
    assert cli("diff", a, b, "--json").json["unclear"][0]["b"] == {"state": "unknown", "value": ""}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-", "-"), "stdin holds one of the two"),
        (("here.json",), "Missing argument 'B'"),
        (("none.json", "none.txt"), "there is no file none."),
        (("no-such-python", "no-such-python"), "no-such-python"),
    ],
)
def test_wrong_usage_is_exit_code_2(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    run = cli("diff", *arguments)
    assert run.code == 2
    assert told in run.err


def test_the_document_is_versioned_and_alone_on_stdout(cli: Cli, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.json", make_snapshot())
    run = cli("diff", file, file, "--json")
    assert (run.code, run.err) == (0, "")
    assert set(run.json) == {
        *("schema_version", "envkit_version", "verdict", "a", "b"),
        *("findings", "differences", "unclear", "others"),
    }
