"""`envkit create --for` and `--explain` as a person, or a fleet's script, runs them."""

import json
import subprocess
import sys

import pytest

from envkit.snapshot import encode
from tests.builders import make_gpu_snapshot, make_host, make_nvml, make_snapshot

PASCAL = {
    "os": "linux",
    "arch": "x86_64",
    "libc": "glibc 2.31",
    "python": "3.11.4",
    "driver": "570.86.15",
    "gpus": [{"vendor": "nvidia", "name": "NVIDIA GeForce GTX 1080 Ti"}],
}
MAC = {"os": "macos", "arch": "arm64", "python": "3.12", "gpus": [{"vendor": "apple", "name": "Apple M2"}]}
ALPINE = {"os": "linux", "arch": "x86_64", "libc": "musl 1.2", "python": "3.12"}
REPORT = """\
PyTorch version: 2.5.1+cu121
Is debug build: False
CUDA used to build PyTorch: 12.1
OS: Ubuntu 22.04.4 LTS (x86_64)
Libc version: glibc-2.35
Python version: 3.10.12 (main, Sep 11 2024, 15:47:36) [GCC 11.4.0] (64-bit runtime)
Python platform: Linux-6.8.0-45-generic-x86_64-with-glibc2.35
Is CUDA available: True
GPU models and configuration: GPU 0: NVIDIA GeForce RTX 3090
Nvidia driver version: 550.54.14
"""


@pytest.fixture
def ask(cli, tmp_path):
    """Run `envkit create --for` on a file with these lines."""

    def asked(*options, lines):
        path = tmp_path / "machines"
        path.write_bytes(b"\n".join(json.dumps(line).encode() if isinstance(line, dict) else line for line in lines))
        return cli("create", "--for", str(path), *options)

    return asked


def answers(done):
    return [json.loads(line) for line in done.out.splitlines()]


# -- one machine --------------------------------------------------------------------------------


def test_a_described_machine_gets_its_answer_in_one_line(ask):
    done = ask("--json", lines=[PASCAL])

    (answer,) = answers(done)
    assert done.code == 0
    assert {key: answer[key] for key in ("torch", "backend", "index", "python", "companions")} == {
        "torch": "2.14.1",
        "backend": "cu126",
        "index": "https://download.pytorch.org/whl/cu126",
        "python": "3.11",
        "companions": {"torchvision": "0.29.1", "torchaudio": "2.11.0"},
    }
    assert [reason["decides"] for reason in answer["reasons"]] == ["python", "torch", "backend", "index", "numpy"]


def test_a_described_machine_gets_its_script(ask):
    done = ask(lines=[PASCAL])

    assert done.code == 0
    assert "torch==2.14.1+cu126" in done.out
    assert "has code for NVIDIA GeForce GTX 1080 Ti (6.1)" in " ".join(done.err.split())


def test_a_description_may_stand_on_several_lines(ask):
    done = ask("--json", lines=[json.dumps(PASCAL, indent=2).encode()])

    assert [answer["backend"] for answer in answers(done)] == ["cu126"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_description_may_come_from_a_windows_editor(cli, tmp_path, encoding):
    (tmp_path / "host.json").write_text(json.dumps(PASCAL), encoding)

    done = cli("create", "--json", "--for", str(tmp_path / "host.json"))

    assert [answer["backend"] for answer in answers(done)] == ["cu126"]


def test_what_is_impossible_is_answered_with_why_and_the_nearest(ask):
    done = ask("--json", lines=[{**PASCAL, "request": {"torch": "2.8.0", "cuda": "12.1"}}])

    (answer,) = answers(done)
    assert done.code == 1
    assert answer["impossible"] is True
    assert answer["why"] == (
        "torch 2.8.0 has no CUDA 12.1 wheel; newest with CUDA 12.1: 2.5.1; "
        "newest CUDA for torch 2.8.0 that this driver runs: 12.6"
    )
    assert [(one["torch"], one["backend"]) for one in answer["nearest"]] == [("2.5.1", "cu121"), ("2.8.0", "cu126")]


def test_a_refusal_is_told_to_a_person(ask):
    done = ask(lines=[ALPINE])

    assert (done.code, done.out) == (1, "")
    assert "torch has no wheel for linux x86_64 musl 1.2" in done.err


def test_a_saved_snapshot_is_planned_for(cli, tmp_path):
    saved = make_gpu_snapshot(host=make_host(os="windows", libc=""), nvml=make_nvml(driver_version="551.61"))
    (tmp_path / "server.json").write_bytes(encode(saved))

    done = cli("create", "--json", "--for", str(tmp_path / "server.json"))

    plan = json.loads(done.out)["plan"]
    assert (plan["platform"], plan["torch"], plan["backend"]) == ("win-amd64", "2.14.1", "cu126")


def test_a_pasted_report_is_planned_for(ask):
    done = ask("--json", lines=[REPORT.encode()])

    plan = json.loads(done.out)["plan"]
    assert (plan["python"], plan["torch"], plan["backend"]) == ("3.10", "2.14.1", "cu126")


def test_a_python_that_nobody_named_is_chosen(ask):
    done = ask("--json", lines=[{**PASCAL, "python": None}])

    assert [answer["python"] for answer in answers(done)] == ["3.14"]


# -- many machines ------------------------------------------------------------------------------


def test_an_inventory_is_answered_line_by_line_in_order(ask):
    done = ask("--json", lines=[PASCAL, MAC, ALPINE])

    assert done.code == 0
    assert [answer.get("backend", "impossible") for answer in answers(done)] == ["cu126", "mps", "impossible"]


def test_a_line_that_is_no_description_is_named_and_the_rest_is_answered(ask):
    done = ask("--json", lines=[PASCAL, {"python": 3.11}, b"not JSON", b'{"os": "\xff"}', {"python": "three"}, MAC])

    told = answers(done)
    assert done.code == 1
    assert [answer.get("backend") for answer in told] == ["cu126", None, None, None, None, "mps"]
    assert [answer["error"]["line"] for answer in told[1:5]] == [2, 3, 4, 5]
    assert told[1]["error"]["message"] == (
        "line 2 is no description of a host: Expected `str | null`, got `float` - at `$.python`"
    )


def test_an_answer_comes_before_the_next_line_is_asked_for():
    command = [sys.executable, "-m", "envkit", "create", "--json", "--for", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for machine, backend in ((PASCAL, "cu126"), (MAC, "mps")):
            process.stdin.write(json.dumps(machine).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["backend"] == backend


def test_an_inventory_may_begin_with_a_mistake(ask):
    done = ask("--json", lines=[b"not JSON", PASCAL, MAC])

    assert [answer.get("backend") for answer in answers(done)] == [None, "cu126", "mps"]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([b"null", b"[]", b"5"], id="no objects"),
        pytest.param([b"xx", b"yy", b"zz"], id="no JSON"),
        pytest.param([b'{"os": "linux", '], id="cut short"),
    ],
)
def test_lines_are_answered_wherever_the_mistakes_are(ask, bad):
    for lines in ([*bad, PASCAL, *bad], [PASCAL, *bad], [*bad, PASCAL]):
        told = answers(ask("--json", lines=lines))

        assert [answer.get("backend") for answer in told] == ["cu126" if line is PASCAL else None for line in lines]


def test_a_lone_line_with_a_mistake_has_an_answer_in_one_line(ask):
    (answer,) = answers(ask("--json", lines=[b'{"os": "linux", ']))

    assert answer["error"]["line"] == 1


def test_lines_are_counted_as_an_editor_counts_them(ask):
    told = answers(ask("--json", lines=[b"", PASCAL, b"", b"{bad", b"  ", MAC]))

    assert [answer.get("backend") for answer in told] == ["cu126", None, "mps"]
    assert told[1]["error"]["line"] == 4


def test_a_line_that_is_too_long_has_one_answer(ask):
    long = {**PASCAL, "gpus": PASCAL["gpus"] * 30_000}

    done = ask("--json", lines=[PASCAL, long, MAC])

    told = answers(done)
    assert [answer.get("backend") for answer in told] == ["cu126", None, "mps"]
    assert told[1]["error"] == {"line": 2, "message": "line 2 is too long for a description of a host", "hint": ""}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /dev/zero")
def test_a_file_without_an_end_is_one_error(cli):
    done = cli("create", "--json", "--for", "/dev/zero")

    assert done.code == 2
    assert done.json["error"]["message"].startswith("/dev/zero begins with no description of a host, and is too long")


def test_an_inventory_may_be_a_list(ask):
    done = ask("--json", lines=[json.dumps([PASCAL, MAC]).encode()])

    assert [answer["backend"] for answer in answers(done)] == ["cu126", "mps"]


def test_people_get_a_line_for_each_machine_under_its_name(ask):
    done = ask(lines=[{**PASCAL, "name": "render-1"}, MAC, {"python": 3}])

    assert done.code == 1
    assert done.out.splitlines()[:2] == [
        "render-1  torch 2.14.1 (cu126) for Python 3.11 on linux-x86_64",
        "line 2  torch 2.15.0 (mps) for Python 3.12 on macos-arm64",
    ]
    assert "line 3  not answered: line 3 is no description of a host" in done.out


def test_the_name_of_a_machine_cannot_command_the_terminal(ask):
    done = ask(lines=[{**PASCAL, "name": "\x1b[2Jx"}, MAC])

    assert "\x1b" not in done.out


# -- what a machine is known not to have --------------------------------------------------------

NO_GPU = {**PASCAL, "gpus": [], "driver": None}
RADEON = {**NO_GPU, "gpus": [{"vendor": "amd", "name": "AMD Radeon RX 7900 XTX"}]}


@pytest.mark.parametrize(
    ("machine", "wish", "nearest"),
    [
        pytest.param(NO_GPU, {"cuda": "12.1"}, "cpu", id="no GPU at all"),
        pytest.param({**PASCAL, "gpus": []}, {"cuda": "12.1"}, "cpu", id="a driver without a GPU"),
        pytest.param(RADEON, {"cuda": "12.1"}, "rocm7.14", id="an AMD GPU for CUDA"),
        pytest.param(PASCAL, {"rocm": "auto"}, "cu126", id="an NVIDIA GPU for ROCm"),
        pytest.param(PASCAL, {"xpu": True}, "cu126", id="an NVIDIA GPU for XPU"),
        pytest.param({**PASCAL, "driver": "590.44.01"}, {"cuda": "12.6"}, "cpu", id="a GPU that the driver dropped"),
        pytest.param({**RADEON, "wsl": True}, {"rocm": "auto"}, "cpu", id="a GPU that its kernel has no driver for"),
    ],
)
def test_what_a_described_machine_has_not_is_refused_with_what_fits(ask, machine, wish, nearest):
    (answer,) = answers(ask("--json", lines=[{**machine, "request": wish}]))

    assert answer["impossible"] is True
    assert " is of no use here: " in answer["why"]
    assert [one["backend"] for one in answer["nearest"]] == [nearest]


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        pytest.param({**PASCAL, "gpus": None, "driver": None}, "could not be checked", id="nothing is known"),
        pytest.param({**PASCAL, "gpus": None}, "could not be checked", id="the GPUs are not known"),
        pytest.param({**PASCAL, "driver": None}, "CUDA 12.1 needs NVIDIA driver 525.60.13 or newer", id="no driver"),
        pytest.param({**NO_GPU, "gpus": [{"name": "?"}]}, "could not be checked", id="somebody's GPU"),
    ],
)
def test_what_is_not_known_is_planned_and_said(ask, machine, told):
    (answer,) = answers(ask("--json", lines=[{**machine, "request": {"cuda": "12.1"}}]))

    assert (answer["torch"], answer["backend"]) == ("2.5.1", "cu121")
    (because,) = (reason["because"] for reason in answer["reasons"] if reason["decides"] == "backend")
    assert told in because


@pytest.mark.parametrize(
    ("gpus", "code"), [pytest.param((), 1, id="it has none"), pytest.param(None, 0, id="it does not say")]
)
def test_a_saved_snapshot_without_a_gpu_gets_no_cuda(cli, tmp_path, gpus, code):
    (tmp_path / "server.json").write_bytes(encode(make_snapshot(host=make_host(gpus=gpus))))

    done = cli("create", "--json", "--cuda", "12.1", "--for", str(tmp_path / "server.json"))

    assert done.code == code


def test_here_an_environment_may_be_made_for_a_gpu_that_is_elsewhere(cli):
    done = cli("create", "--json", "--cuda", "12.1", "--python", "3.11")

    assert done.json["plan"]["backend"] == "cu121"


# -- what options ask ---------------------------------------------------------------------------


def test_options_are_for_every_machine_that_asks_for_nothing_else(ask):
    done = ask("--json", "--torch", "2.5.1", "--cuda", "cpu", lines=[PASCAL, {**PASCAL, "request": {"cuda": "12.1"}}])

    assert [(answer["torch"], answer["backend"]) for answer in answers(done)] == [("2.5.1", "cpu"), ("2.5.1", "cu121")]


@pytest.mark.parametrize("python", ["3.13t", "3.13.1t"])
def test_a_machine_may_ask_for_another_python_than_it_has(ask, python):
    (answer,) = answers(ask("--json", lines=[{**PASCAL, "request": {"python": python}}]))

    assert (answer["python"], answer["torch"]) == ("3.13t", "2.12.0")


def test_a_machine_may_ask_for_conda(ask):
    (answer,) = answers(ask("--json", lines=[{**PASCAL, "request": {"engine": "conda", "torch": "2.5.1"}}]))

    assert (answer["index"], answer["channels"][0]) == (None, "pytorch")
    assert answer["dependencies"][0] == "python=3.11"


def test_the_lts_release_is_taken_from_its_own_folder(ask):
    machine = {**PASCAL, "python": "3.8", "request": {"torch": "1.8.2", "cuda": "10.2"}}

    (answer,) = answers(ask("--json", lines=[machine]))

    assert (answer["torch"], answer["index"]) == ("1.8.2", "https://download.pytorch.org/whl/lts/1.8/cu102")


@pytest.mark.parametrize(
    ("gpu", "options", "backend"),
    [
        pytest.param("AMD Radeon RX 7900 XTX", ("--rocm", "6.2"), "rocm6.2", id="a ROCm release"),
        pytest.param("AMD Radeon RX 7900 XTX", ("--rocm",), "rocm7.14", id="any ROCm"),
        pytest.param("Intel Arc A770", ("--xpu",), "xpu", id="XPU"),
    ],
)
def test_builds_for_other_makers_can_be_asked_for(ask, gpu, options, backend):
    done = ask("--json", *options, lines=[{"os": "linux", "python": "3.11", "gpus": [{"name": gpu}]}])

    assert [answer["backend"] for answer in answers(done)] == [backend]


@pytest.mark.parametrize(
    ("options", "lines", "message"),
    [
        pytest.param(("--python", "/usr/bin/python3"), [PASCAL], "give a version for another one", id="an interpreter"),
        pytest.param(("--apply",), [PASCAL], "--for plans for another machine", id="apply"),
        pytest.param(("--output", "out"), [PASCAL, MAC], "the inventory has several machines", id="one folder"),
    ],
)
def test_what_cannot_be_done_for_another_machine_is_wrong_usage(ask, options, lines, message):
    done = ask(*options, lines=lines)

    assert done.code == 2
    assert message in " ".join(done.err.split())


def test_a_file_that_is_not_there_is_named(cli, tmp_path):
    done = cli("create", "--for", str(tmp_path / "nothing.json"))

    assert done.code == 2
    assert "nothing.json cannot be read" in done.err


# -- why not ------------------------------------------------------------------------------------


def test_explain_tells_why_every_other_build_was_not_chosen(ask):
    (answer,) = answers(ask("--json", "--explain", lines=[PASCAL]))

    why = {(other["torch"], other["backend"]): other["why"] for other in answer["others"]}
    assert why["2.15.0", "cu132"] == "needs NVIDIA driver 580.65.06 or newer, and this machine has 570.86.15"
    assert why["2.10.0", "cu128"] == "has no code for NVIDIA GeForce GTX 1080 Ti (6.1)"
    assert why["2.15.0", "cpu"] == "serves none of the GPUs, and torch 2.14.1 (cu126) 1"
    assert why["2.13.0", "cu126"] == "would fit, and torch 2.14.1 is newer"
    assert why["1.8.0", "cu102"] == "has no wheel for Python 3.11"
    assert ("2.14.1", "cu126") not in why


def test_explain_tells_people_each_reason_once(ask):
    done = ask("--explain", lines=[PASCAL])

    told = " ".join(done.err.split())
    assert "cu132 torch 2.15.0 to 2.12.0 needs NVIDIA driver 580.65.06 or newer" in told
    assert told.count("cu126 torch 2.14.0 to 2.6.0 would fit, and torch 2.14.1 is newer") == 1


def test_explain_is_part_of_the_document(cli):
    done = cli("create", "--json", "--explain", "--python", "3.12")

    document = json.loads(done.out)
    builds = {(other["torch"], other["backend"]) for other in document["others"]}
    assert (document["plan"]["torch"], document["plan"]["backend"]) not in builds
    assert ("2.5.1", "cu121") in builds


def test_explain_tells_what_each_build_lacks_where_there_is_no_plan(ask):
    machine = {**PASCAL, "request": {"torch": "2.8.0", "cuda": "12.8"}}

    (answer,) = answers(ask("--json", "--explain", lines=[machine]))
    done = ask("--explain", lines=[machine])

    why = {(other["torch"], other["backend"]): other["why"] for other in answer["others"]}
    assert why["2.8.0", "cu128"] == "has no code for NVIDIA GeForce GTX 1080 Ti (6.1)"
    assert why["2.7.1", "cu128"] == "is not what was asked for"
    assert (done.code, done.out) == (1, "")
    assert "cu128 torch 2.8.0 has no code for NVIDIA GeForce GTX 1080 Ti (6.1)" in " ".join(done.err.split())


def test_a_refusal_here_names_what_is_nearest_for_a_program_too(cli):
    done = cli("create", "--json", "--torch", "2.8.0", "--cuda", "12.1", "--python", "3.11")

    error = json.loads(done.out)["error"]
    assert error["why"] == "torch 2.8.0 has no CUDA 12.1 wheel"
    assert ("2.5.1", "cu121", "3.11") in [(one["torch"], one["backend"], one["python"]) for one in error["nearest"]]
