"""Plugins of the doctor: a small distribution with checks and probes, installed by pip into a folder on the path."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Cli, Run
from tests.recipes.local_index import write_wheel

MODULE = """
import os, sys, time

def check_licence(snapshot, matrix):
    \"\"\"The licence of the site
    has ended.

    Ask \x1b]0;acme\x07 for another.
    \"\"\"
    from envkit.findings import Fact, Finding, Fix, Severity
    licence = snapshot.plugins.get("acme", {}).get("licence")
    if licence != "expired":
        return None
    print("what a plugin prints spoils nothing")
    return Finding(
        code="acme-licence", severity=Severity.ERROR, summary="the licence has expired", cause="it ended",
        facts=(Fact("licence", licence, "acme"), Fact("newest torch", matrix.torch.releases()[-1], "matrix")),
        fix=Fix(summary="renew it"), explains=("torch-missing",),
    )

def check_healthy(snapshot, matrix):
    return None

def check_wrong_code(snapshot, matrix):
    from envkit.findings import Finding, Severity
    return Finding(code="anything", severity=Severity.ERROR, summary="", cause="")

def check_nonsense(snapshot, matrix):
    return {"code": 7}

def check_hangs(snapshot, matrix):
    time.sleep(600)

def check_raises(snapshot, matrix):
    raise KeyError("planted")

def probe_acme():
    return {"licence": "expired", "seats": [1, 2.5, None]}

def probe_hangs():
    time.sleep(600)

def probe_dies():
    os.abort()

def probe_leaves():
    sys.exit("no more")

def probe_no_json():
    return object()
"""


@pytest.fixture
def plug(cli: Cli, tmp_path: Path) -> object:
    """Install a distribution with these entry points, and return a doctor that sees it."""

    def install(checks: dict[str, str] | None = None, probes: dict[str, str] | None = None) -> object:
        lines = ["[console_scripts]", "acme = acme_envkit:main"]
        for group, entries in (("checks", checks or {}), ("probes", probes or {})):
            lines += [f"[envkit.{group}]", *(f"{name} = acme_envkit:{function}" for name, function in entries.items())]
        files = {"acme_envkit.py": MODULE, "acme_envkit-1.0.dist-info/entry_points.txt": "\n".join(lines) + "\n"}
        wheel = write_wheel(tmp_path / "wheels", "acme_envkit", "1.0", files=files)
        folder = tmp_path / "plugins"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", folder, wheel]
        subprocess.run(pip, check=True)

        def run(*options: str, cwd: Path = tmp_path / "cwd") -> Run:
            return cli("doctor", *options, env={"PYTHONPATH": str(folder)}, cwd=cwd)

        return run

    return install


HERE = ("--quick", "--python", sys.executable)


def test_a_probe_s_facts_are_in_the_snapshot_and_a_check_judges_them(plug, tmp_path) -> None:
    doctor = plug({"acme-licence": "check_licence", "acme-fine": "check_healthy"}, {"acme": "probe_acme"})
    run = doctor(*HERE, "--json", "--save", str(tmp_path / "machine.json"))
    assert run.code == 1, run.err
    assert run.json["snapshot"]["plugins"] == {"acme": {"licence": "expired", "seats": [1, 2.5, None]}}
    assert run.codes[0] == "acme-licence"
    assert run.json["incomplete"] == []
    runs = {probe["name"]: probe["outcome"] for probe in run.json["snapshot"]["probes"]}
    assert runs["plugin acme"] == "ok"
    recorded = doctor("--from", str(tmp_path / "machine.json"), "--json")
    assert (recorded.code, recorded.codes[0]) == (1, "acme-licence")


def test_a_plugin_s_finding_takes_its_place_among_the_others(plug, bare_target) -> None:
    doctor = plug({"acme-licence": "check_licence"}, {"acme": "probe_acme"})
    run = doctor("--quick", "--python", str(bare_target), "--json")
    assert run.codes[:2] == ["acme-licence", "torch-missing"]
    assert run.json["findings"][0]["explains"] == ["torch-missing"]


def test_a_plugin_s_code_can_be_ignored(plug) -> None:
    doctor = plug({"acme-licence": "check_licence"}, {"acme": "probe_acme"})
    run = doctor(*HERE, "--json", "--ignore", "acme-licence")
    assert run.code == 0
    assert [one["code"] for one in run.json["ignored"]] == ["acme-licence"]
    assert doctor(*HERE, "--ignore", "acme-license").code == 2


def test_a_plugin_s_code_is_explained(plug) -> None:
    run = plug({"acme-licence": "check_licence"}, {})("--explain", "acme-licence")
    assert run.code == 0
    assert run.out.startswith("# acme-licence\n\nA plugin finds it: `acme_envkit:check_licence` of acme-envkit 1.0.\n")
    assert "The licence of the site\nhas ended." in run.out
    assert "\x1b" not in run.out


def test_the_list_of_codes_names_those_of_plugins(plug) -> None:
    run = plug({"acme-licence": "check_licence", "acme-odd": "check_raises", "acme-gone": "not_there"}, {})(
        "--explain", "list"
    )
    assert run.code == 0
    assert run.out.splitlines()[-3:] == [
        "- `acme-gone`: (a plugin's: acme-envkit 1.0)",
        "- `acme-licence`: The licence of the site has ended. (a plugin's: acme-envkit 1.0)",
        "- `acme-odd`: (a plugin's: acme-envkit 1.0)",
    ]
    assert "- `torch-missing`: " in run.out


def test_a_plugin_does_not_take_the_place_of_a_page(plug) -> None:
    doctor = plug({"torch-corrupt": "check_healthy"}, {})
    assert "## Confirm by hand" in doctor("--explain", "torch-corrupt").out


def test_a_code_that_is_none_is_told_with_the_plugin_s_that_is_nearest(plug) -> None:
    run = plug({"acme-licence": "check_licence"}, {})(*HERE, "--ignore", "acme-license")
    assert run.code == 2
    assert "`acme-licence`" in run.err


@pytest.mark.parametrize("option", [("--ignore", "acme"), ("--only", "gpu-absent")])
@pytest.mark.parametrize("check", ["check_hangs", "check_raises"])
def test_a_check_that_does_not_count_is_not_started(plug, option, check) -> None:
    began = time.monotonic()
    run = plug({"acme": check}, {})(*HERE, "--json", "--timeout", "15", *option)
    assert time.monotonic() - began < 12
    assert (run.code, run.json["verdict"], run.json["incomplete"]) == (0, "healthy", [])


def test_a_probe_can_be_passed_over_too(plug) -> None:
    doctor = plug({}, {"acme": "probe_dies"})
    run = doctor(*HERE, "--json", "--ignore", "acme")
    assert (run.code, run.json["incomplete"]) == (0, [])
    assert doctor(*HERE, "--only", "acme").code == 2


def test_only_a_plugin_s_code_lets_it_run(plug) -> None:
    doctor = plug(
        {"acme-licence": "check_licence", "acme": "check_hangs"}, {"facts": "probe_acme", "acme": "probe_acme"}
    )
    run = doctor(*HERE, "--json", "--only", "acme-licence")
    assert (run.code, run.codes, run.json["incomplete"]) == (1, ["acme-licence"], [])


@pytest.mark.parametrize(
    ("checks", "probes", "told"),
    [
        pytest.param({}, {"acme": "probe_hangs"}, "plugin acme: it gave no answer: timed out after", id="hangs"),
        pytest.param({}, {"acme": "probe_dies"}, "plugin acme: it gave no answer: SIGABRT", id="crashes"),
        pytest.param({}, {"acme": "probe_leaves"}, "plugin acme: SystemExit: no more", id="leaves"),
        pytest.param({}, {"acme": "probe_no_json"}, "plugin acme: TypeError: ", id="no JSON"),
        pytest.param({}, {"acme": "not_there"}, "plugin acme: AttributeError: ", id="not there"),
        pytest.param({"acme": "check_raises"}, {}, "plugin acme: KeyError: 'planted'", id="check raises"),
        pytest.param({"acme": "check_nonsense"}, {}, "plugin acme: what it found is no finding", id="no finding"),
        pytest.param({"acme": "check_wrong_code"}, {}, "plugin acme: it found 'anything'", id="another's code"),
    ],
)
def test_a_plugin_that_fails_is_told_as_incomplete(plug, checks, probes, told) -> None:
    began = time.monotonic()
    run = plug(checks, probes)(*HERE, "--json", "--timeout", "5")
    assert time.monotonic() - began < 20
    assert (run.code, run.json["verdict"]) == (4, "incomplete")
    assert [gap for gap in run.json["incomplete"] if gap.startswith(told)]
    assert run.json["snapshot"]["plugins"] == {}
    assert run.codes == ["gpu-absent"]
    assert "Traceback" not in run.err


def test_a_distribution_that_lies_in_the_current_folder_is_no_plugin(plug, tmp_path) -> None:
    doctor = plug({"acme": "check_raises"}, {})
    assert doctor(*HERE, "--json", cwd=tmp_path / "plugins").json["incomplete"] == []


def test_without_plugins_nothing_of_them_is_loaded(tmp_path) -> None:
    code = (
        "import sys; from envkit.cli.app import run; run(['doctor', '--quick', '--json', '--python', sys.executable]); "
        "print([name for name in sys.modules if 'envkit.plugins.' in name or name.startswith('importlib.metadata')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
