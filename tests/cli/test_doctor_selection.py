"""`envkit doctor --only`, `--ignore`, `--strict`, and the same from `pyproject.toml`, through the command line."""

from pathlib import Path

import pytest

from envkit.cli.diagnosing.settings import Settings, read_settings
from envkit.snapshot import Unknown, encode
from tests.builders import make_cuda, make_cuda_runtime, make_gpu_snapshot, make_nvml
from tests.conftest import Cli, Run, site_of
from tests.standins.torch_package import install_torch


@pytest.fixture
def machine(tmp_path: Path) -> str:
    """A recorded machine of which all is known: its driver is too old for the torch."""
    driver = {"driver_version": "470.57.02", "cuda_version": "11.4"}
    snapshot = make_gpu_snapshot(
        nvml=make_nvml(**driver), cuda=make_cuda(cuda_version="11.4"), torch=make_cuda_runtime(backends=(), devices=())
    )
    (tmp_path / "machine.json").write_bytes(encode(snapshot))
    return str(tmp_path / "machine.json")


@pytest.fixture
def warned(bare_target: Path) -> str:
    """A target that computes and has lost its RECORD: a warning."""
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    next(site_of(bare_target).glob("torch-*/RECORD")).unlink()
    return str(bare_target)


def told(run: Run) -> tuple[int, list[str], list[str]]:
    return run.code, run.codes, [one["code"] for one in run.json["ignored"]]


def test_a_project_without_wishes_gets_every_finding(cli: Cli, machine: str) -> None:
    assert told(cli("doctor", "--json", "--from", machine)) == (1, ["driver-too-old"], [])


def test_what_is_ignored_does_not_count_and_is_told(cli: Cli, machine: str) -> None:
    run = cli("doctor", "--json", "--from", machine, "--ignore", "driver-too-old")
    assert told(run) == (0, ["healthy"], ["driver-too-old"])
    assert run.json["verdict"] == "healthy"
    assert run.json["ignored"][0]["by"] == "--ignore"
    assert run.json["ignored"][0]["severity"] == "error"


def test_what_is_not_known_still_counts(cli: Cli, tmp_path: Path) -> None:
    driver = make_nvml(driver_version="470.57.02", cuda_version="11.4")
    torch = make_cuda_runtime(backends=(), devices=())
    silent = make_gpu_snapshot(nvml=driver, cuda=Unknown(why="no answer within 5 s"), torch=torch)
    (tmp_path / "machine.json").write_bytes(encode(silent))

    run = cli("doctor", "--json", "--from", str(tmp_path / "machine.json"), "--ignore", "driver-too-old")

    assert told(run) == (4, [], ["driver-too-old"])


def test_only_what_is_asked_for_counts(cli: Cli, bare_target: Path) -> None:
    everything = cli("doctor", "--json", "--quick", "--python", str(bare_target))
    run = cli("doctor", "--json", "--quick", "--python", str(bare_target), "--only", "driver-too-old")
    assert told(run) == (0, ["healthy"], everything.codes)
    assert run.json["verdict"] == "healthy"
    assert "torch-missing" in run.json["findings"][0]["cause"]


def test_the_terminal_says_in_one_line_what_is_ignored(cli: Cli, machine: str) -> None:
    run = cli("doctor", "--from", machine, "--ignore", "driver-too-old")
    assert run.code == 0
    lines = [line for line in run.out.splitlines() if line.startswith("ignored: ")]
    assert lines == ["ignored: driver-too-old (error; by --ignore)"]


def test_strict_lets_warnings_fail(cli: Cli, warned: str) -> None:
    assert told(cli("doctor", "--json", "--python", warned))[:2] == (0, ["torch-corrupt", "gpu-absent"])
    run = cli("doctor", "--json", "--python", warned, "--strict")
    assert (run.code, run.json["verdict"]) == (1, "faulty")
    assert run.json["findings"][0]["severity"] == "warning"


def test_strict_leaves_notes_alone(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    assert told(cli("doctor", "--json", "--python", str(bare_target), "--strict"))[:2] == (0, ["gpu-absent"])


def project(tmp_path: Path, table: str) -> Path:
    """Make a project with settings, and return a folder in it."""
    inner = tmp_path / "project/src"
    inner.mkdir(parents=True)
    (tmp_path / "project/pyproject.toml").write_text(f"[tool.envkit]\n{table}\n")
    return inner


def test_a_project_says_what_is_ignored_in_it(cli: Cli, machine: str, tmp_path: Path) -> None:
    folder = project(tmp_path, 'ignore = ["driver-too-old"]')
    run = cli("doctor", "--json", "--from", machine, cwd=folder)
    assert told(run)[0] == 0
    assert run.json["ignored"][0]["by"] == f"[tool.envkit] in {tmp_path / 'project/pyproject.toml'}"


def test_the_command_line_wins_over_the_project(cli: Cli, machine: str, tmp_path: Path) -> None:
    folder = project(tmp_path, 'ignore = ["driver-too-old"]')
    run = cli("doctor", "--json", "--from", machine, "--only", "driver-too-old", cwd=folder)
    assert told(run) == (1, ["driver-too-old"], [])


def test_the_command_line_takes_strictness_back(cli: Cli, warned: str, tmp_path: Path) -> None:
    folder = project(tmp_path, "strict = true")
    assert cli("doctor", "--python", warned, cwd=folder).code == 1
    assert cli("doctor", "--python", warned, "--no-strict", cwd=folder).code == 0


def test_the_time_limit_of_a_project_counts(cli: Cli, bare_target: Path, tmp_path: Path) -> None:
    install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None, prelude="import time; time.sleep(600)")
    run = cli("doctor", "--json", "--python", str(bare_target), cwd=project(tmp_path, "timeout = 2"), limit=30)
    assert run.code == 4
    assert any("timed out" in gap for gap in run.json["incomplete"])


def test_the_nearest_project_counts_alone(cli: Cli, machine: str, tmp_path: Path) -> None:
    folder = project(tmp_path, 'ignore = ["driver-too-old"]')
    (folder / "pyproject.toml").write_text("[project]\nname = 'inner'\n")
    assert cli("doctor", "--from", machine, cwd=folder).code == 1


@pytest.mark.parametrize(
    "text",
    [
        "[tool.envkit]\nstrict = true",
        "[ tool . 'envkit' ]\nstrict = true",
        '["tool"."envkit"]\nstrict = true',
        "[tool]\nenvkit.strict = true",
        "[tool]\nruff = {}\n[tool.envkit]\nstrict = true",
        "tool.envkit.strict = true",
        "tool = {envkit = {strict = true}}",
        "'tool' = {ruff = {}, 'envkit' = {strict = true}}",
    ],
)
def test_settings_are_found_however_toml_lets_them_be_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"# of this project\n{text}\n")
    assert read_settings(tmp_path).strict is True


def test_a_project_that_says_nothing_to_envkit_has_no_settings(tmp_path: Path) -> None:
    scripts = '[project.scripts]\nenvkit = "envkit.__main__:main"\n[tool.ruff]\nline-length = 120\n'
    (tmp_path / "pyproject.toml").write_text(scripts)
    assert read_settings(tmp_path) == Settings()


@pytest.mark.parametrize("option", ["--only", "--ignore"])
def test_an_unknown_code_is_wrong_usage_that_names_the_nearest(cli: Cli, option: str) -> None:
    run = cli("doctor", "--json", "--quick", option, "driver-to-old")
    assert run.code == 2
    assert run.json["error"]["message"] == f"{option}: there is no diagnosis code `driver-to-old`"
    assert "`driver-too-old`" in run.json["error"]["hint"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param('ignore = ["driver-to-old"]', "there is no diagnosis code `driver-to-old`", id="unknown code"),
        pytest.param('ignroe = ["driver-too-old"]', "unknown field `ignroe`", id="unknown setting"),
        pytest.param('ignore = "driver-too-old"', "ignore", id="no list"),
        pytest.param("timeout = 0", "timeout", id="no time"),
        pytest.param("strict = yes", "pyproject.toml", id="no TOML"),
    ],
)
def test_settings_that_make_no_sense_are_one_clear_error(cli: Cli, tmp_path: Path, table: str, words: str) -> None:
    run = cli("doctor", "--json", "--quick", cwd=project(tmp_path, table))
    assert run.code == 2
    assert words in run.json["error"]["message"]
    assert "pyproject.toml" in run.json["error"]["message"]
    assert "Traceback" not in run.err
