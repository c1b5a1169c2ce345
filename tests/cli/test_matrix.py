"""`envkit matrix` as a person asks it, and what it learns from an index on this machine."""

import json
import os
import re
import sys

import pytest

from tests.package_index import HTML, OLD, PLAIN, RELEASE, VARIANTS, pip_variables, running_index

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the options leave the system to the host")
GTX = ("matrix", "--os", "linux", "--gpu", "GTX 1080 Ti", "--driver", "470")


def rows(done, torch=None):
    return {(row["torch"], row["backend"]): row for row in done.json["rows"] if torch in (None, row["torch"])}


def fitting(done):
    return {key for key, row in rows(done).items() if row["fits"]}


# -- questions ----------------------------------------------------------------------------------


@linux_only
def test_the_table_fits_this_host_and_names_what_create_takes(cli):
    done = cli("matrix", "--python", sys.executable)
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert done.code == 0
    assert done.out.startswith("MATRIX  linux-")
    assert f"Python {minor}" in done.out.splitlines()[0]
    assert re.search(r"`envkit create` takes torch [\d.]+ \(cpu\) for this machine", done.out)
    assert done.err == ""


@linux_only
def test_driver_and_gpus_of_the_host_count(cli, driver):
    done = cli("matrix", "--python", sys.executable, "--json", env=driver(cuinit=0, nvml=0, version="550.54.14"))
    found = rows(done, "2.13.0")
    assert found["2.13.0", "cu126"]["fits"]
    assert "needs NVIDIA driver 580.65.06 or newer" in found["2.13.0", "cu130"]["why"]
    assert done.json["chosen"][1] == "cu126"


def test_what_runs_on_a_gtx_1080_ti_with_driver_470(cli):
    done = cli(*GTX, env={"COLUMNS": "80"})
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0] == "MATRIX  linux-x86_64, any Python, driver 470, GTX 1080 Ti (6.1)"
    assert lines[3].split() == ["2.7.1", "cu118,", "cpu", "450.80.02", "3.9-3.13,", "3.13t"]
    assert "on the CPU alone: torch 2.8.0 to 2.15.0" in lines
    assert max(map(len, lines)) <= 80


def test_which_torch_still_has_cuda_11_8_on_python_3_12(cli):
    done = cli("matrix", "--os", "linux", "--cuda", "11.8", "--python", "3.12", "--json")
    releases = list(dict.fromkeys(row["torch"] for row in done.json["rows"] if row["fits"]))
    assert releases == [
        *("2.7.1", "2.7.0", "2.6.0", "2.5.1", "2.5.0", "2.4.1", "2.4.0", "2.3.1", "2.3.0", "2.2.2", "2.2.1", "2.2.0")
    ]


def test_one_release_shows_every_build_and_why_some_cannot_run(cli):
    done = cli(*GTX, "--torch", "2.5.1")
    assert "2.5.1  cu118" in done.out
    assert "needs NVIDIA driver 525.60.13 or newer, and this machine has 470" in " ".join(done.out.split())
    assert "torchvision 0.20.1, torchaudio 2.5.1, NumPy 1 and 2" in done.out


def test_another_machine_has_nothing_of_this_one(cli):
    done = cli("matrix", "--os", "windows", "--gpu", "RTX 5090", "--json")
    about = done.json["about"]
    assert (about["platforms"], about["python"], about["driver"], about["no_gpu"]) == (["win-amd64"], None, None, "")
    assert ("2.13.0", "cu130") in fitting(done)
    assert ("2.7.1", "cu118") not in fitting(done)


@linux_only
def test_a_named_gpu_takes_the_place_of_the_hosts_and_its_driver_stays(cli, driver):
    done = cli(
        *("matrix", "--gpu", "GTX 1080 Ti", "--torch", "2.5.1", "--json"),
        env=driver(cuinit=0, nvml=0, version="470.57.02"),
    )
    assert done.json["about"]["driver"] == "470.57.02"
    assert [gpu["name"] for gpu in done.json["about"]["gpus"]] == ["GTX 1080 Ti"]
    assert fitting(done) == {("2.5.1", "cu118"), ("2.5.1", "cpu")}


@linux_only
def test_that_this_host_has_no_gpu_does_not_count_for_a_named_one(cli):
    done = cli("matrix", "--gpu", "RTX 5090", "--torch", "2.7.1", "--json")
    assert fitting(done) == {("2.7.1", "cu128"), ("2.7.1", "cpu")}


def test_an_amd_gpu_gets_the_rocm_builds_that_have_its_code(cli):
    done = cli("matrix", "--os", "linux", "--gpu", "RX 7900 XTX", "--torch", "2.5.1", "--json")
    assert fitting(done) == {("2.5.1", "rocm6.2"), ("2.5.1", "rocm6.1"), ("2.5.1", "cpu")}


def test_a_driver_alone_leaves_the_gpu_open(cli):
    done = cli("matrix", "--os", "linux", "--driver", "535.104", "--torch", "2.5.1", "--json")
    assert {("2.5.1", "cu118"), ("2.5.1", "cu121"), ("2.5.1", "cu124")} <= fitting(done)


def test_all_shows_every_platform(cli):
    done = cli("matrix", "--all", "--torch", "2.2.2", "--cuda", "cpu", "--json")
    assert {row["platform"] for row in done.json["rows"] if row["fits"]} == {
        *("linux-x86_64", "linux-aarch64", "win-amd64", "macos-arm64", "macos-x86_64")
    }


def test_a_compute_capability_stands_for_a_gpu_that_has_no_name_yet(cli):
    done = cli("matrix", "--os", "linux", "--gpu", "8.6", "--torch", "2.5.1", "--json")
    assert ("2.5.1", "cu124") in fitting(done)


def test_verbose_shows_the_code_in_each_build(cli):
    done = cli(*GTX, "--torch", "2.7.1", "-v", env={"COLUMNS": "200"})
    assert "code for sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_37 sm_90" in done.out


def test_json_is_one_document_with_a_version(cli):
    done = cli(*GTX, "--json")
    assert done.json["schema_version"] == 1
    assert {"about", "rows", "chosen", "why", "tables", "learned"} <= set(done.json)


def test_help_shows_examples(cli):
    done = cli("matrix", "--help")
    assert 'envkit matrix --gpu "GTX 1080 Ti" --driver 470' in done.out


def test_of_two_makers_the_best_is_what_create_takes(cli):
    described = ("--os", "linux", "--gpu", "GTX 1080 Ti", "--gpu", "RX 7900 XTX", "--driver", "470.82.01")
    done = cli("matrix", *described, "--python", "3.11", "--json")
    first = done.json["rows"][0]
    assert [first["torch"], first["backend"]] == done.json["chosen"] == ["2.14.1", "rocm7.14"]


def test_the_lts_release_has_builds(cli):
    done = cli("matrix", "--all", "--torch", "1.8.2", "--json")
    assert {row["backend"] for row in done.json["rows"] if row["fits"]} == {"cpu", "cu102", "cu111"}
    assert all(row["inferred"] for row in done.json["rows"])


# -- answers that are no ------------------------------------------------------------------------


def test_nothing_fits_says_why_and_is_code_1(cli):
    done = cli("matrix", "--os", "linux", "--torch", "2.8.0", "--cuda", "12.1")
    assert done.code == 1
    assert "nothing fits: torch 2.8.0 has no build for CUDA 12.1 on linux-x86_64" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(
            ("--gpu", "GTX 1080 Ti", "--driver", "590", "--cuda", "12.6"),
            "driver 590 drives GPUs from compute capability 7.5 on, and GTX 1080 Ti has 6.1",
            id="a driver that dropped the GPU",
        ),
        pytest.param(
            ("--gpu", "Tesla K80", "--driver", "535", "--cuda", "12.8"),
            "driver 535 drives GPUs from compute capability 5.0 on, and Tesla K80 has 3.7",
            id="an older one",
        ),
        pytest.param(
            ("--gpu", "RX 7900 XTX", "--cuda", "12.1"), "no NVIDIA GPU is among those that were named", id="AMD's GPU"
        ),
        pytest.param(("--gpu", "RTX 4090", "--driver", "570", "--rocm"), "there is no AMD GPU", id="NVIDIA's GPU"),
    ],
)
def test_a_gpu_that_is_of_no_use_fits_nothing_even_by_name(cli, arguments, why):
    done = cli("matrix", "--os", "linux", *arguments)
    assert done.code == 1
    assert why in " ".join(done.out.split())


def test_nothing_fits_is_a_document_too(cli):
    done = cli("matrix", "--os", "linux", "--cuda", "11.8", "--python", "3.14", "--json")
    assert done.code == 1
    assert "has no build for Python 3.14" in done.json["why"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ("--gpu", "RTX 5900"), "knows no GPU `RTX 5900`; the nearest names are NVIDIA GeForce RTX 5090", id="typo"
        ),
        pytest.param(("--gpu", "Titan X"), "different GPUs go by the name `Titan X`", id="several"),
        pytest.param(("--gpu", "\x1b[31m"), "knows no GPU `\\x1b[31m`", id="escape"),
        pytest.param(("--driver", "new"), "`new` is no NVIDIA driver version", id="driver"),
        pytest.param(("--torch", "latest"), "`latest` is neither a version of torch nor a range", id="torch"),
        pytest.param(("--cuda", "twelve"), "`twelve` is no CUDA release", id="cuda"),
        pytest.param(("--python", "./nowhere"), "./nowhere does not exist", id="python"),
        pytest.param(("--os", "windows", "--python", "python3"), "give a version for another one", id="their python"),
        pytest.param(("--index", "https://a.example"), "belong to --refresh", id="index alone"),
        pytest.param(("--refresh", "--index", "ftp://a"), "is no http, https or file URL", id="no URL"),
    ],
)
def test_what_cannot_be_understood_is_one_error(cli, arguments, message):
    done = cli("matrix", *arguments)
    assert done.code == 2
    assert message in " ".join(done.err.split())
    assert done.out == ""


def test_a_system_without_wheels_is_refused(cli):
    done = cli("matrix", "--os", "linux", "--libc", "musl 1.2")
    assert done.code == 1
    assert "torch has no wheel for linux x86_64 musl 1.2" in done.err


# -- refresh ------------------------------------------------------------------------------------

pypi_simple = pytest.importorskip("pypi_simple")


@pytest.fixture
def index():
    with running_index() as served:
        yield served


@pytest.fixture
def refresh(cli, index, tmp_path):
    """Run `envkit matrix --refresh` against the index; nothing outside this machine is asked."""
    cache = tmp_path / "cache"

    def run(*arguments, torch_index="whl", url=None, **variables):
        env = pip_variables(url or f"{index.url}/simple", ENVKIT_CACHE_DIR=str(cache), **variables)
        return cli("matrix", "--refresh", "--index", f"{index.url}/{torch_index}", *arguments, env=env)

    run.cache = cache
    run.ask = lambda *arguments: cli("matrix", *arguments, env={"ENVKIT_CACHE_DIR": str(cache)})
    return run


DESCRIBED = ("--os", "linux", "--torch", RELEASE)


def test_a_new_release_is_learned_shown_and_kept(index, refresh):
    index.serve_json((*PLAIN, *OLD))
    index.serve_html(VARIANTS)
    done = refresh(*DESCRIBED)
    assert done.code == 0
    assert f"learned: torch {RELEASE}" in done.err
    assert f"{RELEASE}*  cu132" in done.out

    again = refresh.ask(*DESCRIBED, "--json")
    assert again.json["learned"]["releases"] == [RELEASE]
    assert fitting(again) == {(RELEASE, "cu132"), (RELEASE, "cu126"), (RELEASE, "cpu")}
    assert rows(again)[RELEASE, "unknown"]["fits"] is None
    assert rows(again)[RELEASE, "unknown"]["pythons"] == ["3.12", "3.13", "3.13t"]
    assert rows(again)[RELEASE, "cu132"]["archs"] is None


def test_metadata_tells_the_cuda_of_the_plain_wheel(index, refresh):
    name = PLAIN[0]
    index.serve_json(PLAIN, metadata={name: "Name: torch\nRequires-Dist: cuda-toolkit[cudart]==13.2.1\n\n"})
    done = refresh(*DESCRIBED, "--json")
    assert rows(done)[RELEASE, "cu132"]["index"] is None


def test_the_planner_knows_what_was_learned(index, refresh, cli):
    index.serve_json(PLAIN)
    index.serve_html(VARIANTS)
    refresh()
    done = cli(
        *("create", "--python", "3.13", "--torch", RELEASE, "--cuda", "cpu", "--dry-run", "--json"),
        env={"ENVKIT_CACHE_DIR": str(refresh.cache)},
    )
    assert done.json["plan"]["torch"] == RELEASE
    assert done.json["plan"]["index"] == f"{index.url}/whl"


def test_a_withdrawn_file_is_not_learned(index, refresh):
    index.serve_json(PLAIN, yanked=PLAIN)
    done = refresh("--os", "linux", "--json")
    assert done.json["learned"]["releases"] == []
    assert done.json["refreshed"]["sources"][0]["yanked"] == len(PLAIN)


def test_nothing_newer_is_said(index, refresh):
    index.serve_json(OLD)
    done = refresh("--os", "linux")
    assert "nothing newer than what envkit ships" in done.err
    assert done.code == 0


def test_extra_indexes_are_read_too(index, refresh):
    index.serve_json(OLD)
    more = index.serve_json(PLAIN, folder="more")
    done = refresh("--os", "linux", "--json", PIP_EXTRA_INDEX_URL=more)
    assert done.json["learned"]["releases"] == [RELEASE]


def test_credentials_are_neither_shown_nor_kept(index, refresh):
    index.serve_json(PLAIN)
    done = refresh("--os", "linux", url=f"{index.url}/simple".replace("//", "//user:hunter2@"))
    assert f"learned: torch {RELEASE}" in done.err
    kept = "".join(path.read_text() for path in refresh.cache.iterdir())
    assert "hunter2" not in done.err + done.out + kept


def test_an_index_that_does_not_answer_is_told_and_the_rest_counts(index, refresh):
    index.serve_html(VARIANTS)
    index.status["/simple/torch/"] = 500
    done = refresh("--os", "linux")
    assert done.code == 4
    assert "HTTP status 500" in done.err
    assert f"learned: torch {RELEASE}" in done.err


def test_no_index_that_answers_is_an_error_and_keeps_what_was_learned(index, refresh):
    index.serve_json(PLAIN)
    refresh("--os", "linux")
    before = {path.name: path.read_bytes() for path in refresh.cache.iterdir()}
    index.status.update({"/simple/torch/": 500, "/whl/torch/": 500})
    done = refresh("--os", "linux")
    assert done.code == 4
    assert "no index answers" in done.err
    assert done.out == ""
    assert {path.name: path.read_bytes() for path in refresh.cache.iterdir()} == before


def test_an_index_that_drips_is_left_after_the_time_limit(index, refresh):
    index.serve_json(PLAIN)
    index.slow.add("/whl/torch/")
    done = refresh("--os", "linux", "--timeout", "2")
    assert "no full answer within 2 s" in done.err
    assert f"learned: torch {RELEASE}" in done.err


def test_hostile_names_teach_nothing_and_reach_no_terminal(index, refresh):
    names = ("torch-\x1b[31m-cp313-cp313-win_amd64.whl", "../../torch-9.9.9.whl", "&lt;script>", PLAIN[3])
    links = "".join(f'<a href="x">{name}</a>' for name in names)
    index.pages["/simple/torch/"] = (HTML, f"<html>{links}</html>".encode())
    done = refresh("--os", "linux")
    assert f"learned: torch {RELEASE}\n" in done.err
    assert "\x1b" not in done.err + done.out


def test_no_index_is_respected(index, refresh, cli):
    done = cli(
        *("matrix", "--refresh"),
        env=pip_variables(f"{index.url}/simple", PIP_NO_INDEX="1", ENVKIT_CACHE_DIR=str(refresh.cache)),
    )
    assert done.code == 1
    assert "pip is configured to use no index" in done.err
    assert index.asked == []


def test_a_damaged_overlay_is_passed_over_with_a_notice_by_every_command(refresh, cli):
    refresh.cache.mkdir()
    damaged = refresh.cache / "torch-releases.json"
    damaged.write_text('{"format": 1, "releases": {"; rm -rf": {}}}')
    done = refresh.ask("--os", "linux", "--torch", "2.5.1")
    assert done.code == 0
    assert f"envkit: what was learned is passed over ({damaged}" in done.err
    create = cli("create", "--dry-run", "--json", "--python", "3.11", env={"ENVKIT_CACHE_DIR": str(refresh.cache)})
    assert create.code == 0
    assert "what was learned is passed over" in create.err


def test_a_refresh_mends_a_damaged_overlay(index, refresh):
    refresh.cache.mkdir()
    (refresh.cache / "torch-releases.json").write_text("{")
    index.serve_json(PLAIN)
    done = refresh("--os", "linux")
    assert "passed over" not in done.err
    assert json.loads((refresh.cache / "torch-releases.json").read_text())["releases"].keys() == {RELEASE}


def test_a_cache_that_cannot_be_written_is_told(index, cli, tmp_path):
    index.serve_json(PLAIN)
    (tmp_path / "file").write_text("mine")
    env = pip_variables(f"{index.url}/simple", ENVKIT_CACHE_DIR=str(tmp_path / "file" / "cache"))
    done = cli("matrix", "--refresh", "--index", f"{index.url}/whl", env=env)
    assert done.code == 1
    assert "what was learned cannot be kept" in done.err
    assert "ENVKIT_CACHE_DIR=FOLDER" in done.err


def test_without_the_library_the_way_to_get_it_is_told(cli, tmp_path):
    # An import hook in envkit's own process takes the library away.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class Away(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pypi_simple': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Away())\n"
    )
    done = cli("matrix", "--refresh", env={"PYTHONPATH": os.fspath(tmp_path)})
    assert done.code == 1
    assert "torch-envkit[refresh]" in done.err
