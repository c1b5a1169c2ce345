"""The embedded conda for real: py-rattler, a channel in a folder, a Python that runs."""

import json
import os
import random
import socket
import subprocess
import sys
import time

import pytest

from tests.conda_channel import MINOR, SUBDIR, VERSION, Channel, run_python
from tests.conftest import is_running

pytest.importorskip("rattler", reason="the embedded conda is py-rattler")
pytest.importorskip("yaml", reason="py-rattler comes with PyYAML")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the package is laid out as on POSIX")


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    made = Channel(tmp_path_factory.mktemp("channel") / "main")
    made.add_python()
    made.add(
        "greeting", "1.0", noarch="python", depends=["python"], files={"site-packages/greeting.py": "text = 'hi'\n"}
    )
    made.add("needy", "1.0", depends=["python", "nowhere >=3"])
    made.add("gpu", "1.0", depends=["__cuda >=12"])
    made.add("cuda-version", "12.6")
    return made


@pytest.fixture
def start(tmp_path):
    """Start it as envkit does: `start(prefix, "python", channels=(...))`, with a home folder and a cache of its own."""

    def start(prefix, *specs, channels, **variables):
        words = [word for channel in channels for word in ("--channel", channel)]
        command = [sys.executable, "-m", "envkit.apply.conda.embedded", "--prefix", prefix, *words, "--", *specs]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONDA", "MAMBA", "XDG"))}
        return subprocess.Popen(
            command,
            env={**kept, "HOME": str(tmp_path / "home"), "RATTLER_CACHE_DIR": str(tmp_path / "cache"), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    (tmp_path / "home").mkdir()
    return start


@pytest.fixture
def fill(start):
    """Run it to its end: (exit code, stdout, stderr)."""

    def fill(*arguments, **more):
        process = start(*arguments, **more)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return fill


def test_the_environment_runs_and_is_one_that_conda_knows(fill, channel, tmp_path):
    prefix = tmp_path / "env"

    code, out, err = fill(prefix, f"python={MINOR}", "greeting", channels=[channel.url])

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "2 packages in place"
    assert run_python(prefix, "import sys, greeting; print(sys.prefix, greeting.text)") == f"{prefix} hi"
    records = {json.loads(path.read_text())["name"] for path in (prefix / "conda-meta").glob("*.json")}
    assert records == {"python", "greeting"}
    history = (prefix / "conda-meta" / "history").read_text().splitlines()
    assert history[2].startswith(f"+{channel.url}/{SUBDIR}::python-{VERSION}-")
    assert history[3] == f"+{channel.url}/noarch::greeting-1.0-0"
    assert history[4] == f'# update specs: ["python={MINOR}", "greeting"]'


def test_python_brings_pip_where_the_channel_has_it(fill, tmp_path):
    channel = Channel(tmp_path / "channel")
    channel.add("python", "3.11.7")
    channel.add("pip", "24.0", noarch="generic")

    code, _, _ = fill(tmp_path / "env", "python=3.11", "pip", channels=[channel.url])

    assert code == 0
    assert list((tmp_path / "env" / "conda-meta").glob("pip-24.0-*.json"))


def test_where_no_channel_has_pip_the_environment_comes_without_it_and_that_is_said(fill, tmp_path):
    channel = Channel(tmp_path / "channel")
    channel.add("python", "3.11.7")

    code, out, _ = fill(tmp_path / "env", "python=3.11", "pip", channels=[channel.url])

    assert code == 0
    assert "no channel has pip: the environment comes without it" in out


def test_killed_at_any_moment_a_second_run_finishes(start, fill, channel, tmp_path):
    prefix = tmp_path / "env"
    chance = random.Random(7)
    for _ in range(5):
        process = start(prefix, f"python={MINOR}", "greeting", channels=[channel.url])
        time.sleep(chance.uniform(0.05, 0.5))
        process.kill()
        process.communicate()

    code, _, err = fill(prefix, f"python={MINOR}", "greeting", channels=[channel.url])

    assert (code, err) == (0, "")
    assert run_python(prefix, "import json, subprocess, greeting; print(greeting.text)") == "hi"
    assert missing_files(prefix) == []


def missing_files(prefix):
    """Return the files that the records name and that are not there, or not whole."""
    recorded = (json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json"))
    paths = [entry for record in recorded for entry in record["paths_data"]["paths"]]
    assert len(paths) > 100
    return [
        entry["_path"]
        for entry in paths
        if not (prefix / entry["_path"]).exists()
        or (entry.get("size_in_bytes") or 0) > (prefix / entry["_path"]).stat().st_size
    ]


# Starts it, tells its process id, and waits to be killed.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Windows tells no process that its parent is gone")
def test_it_ends_when_whoever_started_it_is_killed(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a channel that takes calls and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        words = ["--prefix", tmp_path / "env", "--channel", address, "--", "python"]
        command = [sys.executable, "-c", PARENT, sys.executable, "-m", "envkit.apply.conda.embedded", *words]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child = int(parent.stdout.readline())
        caller, _ = silent.accept()  # it is at work
        with caller:
            parent.kill()
            parent.communicate()
            assert not is_running(child)


def test_a_record_that_was_torn_is_written_again(fill, channel, tmp_path):
    prefix = tmp_path / "env"
    fill(prefix, "greeting", channels=[channel.url])
    (record,) = (prefix / "conda-meta").glob("greeting-*.json")
    whole = record.read_text()
    record.write_text(whole[:100])

    code, _, err = fill(prefix, "greeting", channels=[channel.url])

    assert (code, err) == (0, "")
    assert json.loads(record.read_text())["files"] == json.loads(whole)["files"]


def test_what_somebody_added_since_is_left_to_them(fill, tmp_path):
    channel = Channel(tmp_path / "channel")
    for name in ("greeting", "theirs"):
        channel.add(name, "1.0", files={f"share/{name}": ""})
    fill(tmp_path / "env", "theirs", channels=[channel.url])

    code, _, err = fill(tmp_path / "env", "greeting", channels=[channel.url])

    assert (code, err) == (0, "")
    assert {path.name for path in (tmp_path / "env" / "share").iterdir()} == {"greeting", "theirs"}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        pytest.param(
            ("nothing",), "Cannot solve the request because of: No candidates were found for nothing *.", id="unknown"
        ),
        pytest.param(("python=2.6",), "No candidates were found for python 2.6.*.", id="another version"),
        pytest.param(("needy",), "nowhere >=3, for which no candidates were found.", id="a missing dependency"),
        pytest.param(
            ("gpu", "cuda-version=12.6"),
            "no NVIDIA driver is seen here, and CONDA_OVERRIDE_CUDA=12.6 would say that it is meant for a machine",
            id="no driver",
        ),
    ],
)
def test_what_cannot_be_solved_is_one_sentence_with_the_solvers_reason(fill, channel, tmp_path, specs, message):
    code, _, err = fill(tmp_path / "env", *specs, channels=[channel.url])

    assert code == 1
    assert err.startswith("ERROR: no set of packages satisfies the plan: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "env").exists()


def test_a_driver_that_conda_does_not_see_can_be_told_of(fill, channel, tmp_path):
    code, _, _ = fill(tmp_path / "env", "gpu", channels=[channel.url], CONDA_OVERRIDE_CUDA="12.9")

    assert code == 0


def test_a_driver_that_is_too_old_is_not_said_to_be_missing(fill, channel, tmp_path):
    _, _, err = fill(tmp_path / "env", "gpu", channels=[channel.url], CONDA_OVERRIDE_CUDA="11.4")

    assert "the NVIDIA driver here runs CUDA up to 11.4" in err


def test_a_channel_that_cannot_be_reached_is_named_without_its_token(fill, tmp_path):
    code, out, err = fill(tmp_path / "env", "python", channels=["http://me:s3cret@127.0.0.1:9/t/tk-12/main"])

    assert code == 1
    assert err.startswith("ERROR: the channel http://*****@127.0.0.1:9/t/*****/main cannot be used: ")
    assert "s3cret" not in out + err
    assert "tk-12" not in out + err


@pytest.mark.parametrize(
    "condarc",
    [
        pytest.param("channel_alias: {root}", id="alias"),
        pytest.param("custom_channels: {{conda-forge: '{root}'}}", id="custom channel"),
        pytest.param("mirrored_channels: {{conda-forge: ['{root}/conda-forge']}}", id="mirror"),
    ],
)
def test_channels_are_those_of_the_users_configuration(fill, tmp_path, condarc):
    Channel(tmp_path / "store" / "conda-forge").add("greeting", "1.0")
    (tmp_path / "home" / ".condarc").write_text(condarc.format(root=(tmp_path / "store").as_uri()))

    code, _, err = fill(tmp_path / "env", "greeting", channels=["conda-forge"])

    assert (code, err) == (0, "")


def test_a_configured_channel_stands_in_for_one_that_does_not_answer_and_that_is_said(fill, tmp_path):
    store = Channel(tmp_path / "store")
    store.add("greeting", "1.0")
    (tmp_path / "home" / ".condarc").write_text(f"channels: ['{store.url}']")

    code, out, _ = fill(tmp_path / "env", "greeting", channels=[(tmp_path / "gone").as_uri()])

    assert code == 0
    assert f"the channel {(tmp_path / 'gone').as_uri()} cannot be used: could not find subdir" in out
    assert f"its place is taken by what conda is configured with: {store.url}" in out


def test_a_planned_channel_counts_more_than_a_configured_one(fill, tmp_path):
    planned, own = Channel(tmp_path / "planned"), Channel(tmp_path / "own")
    planned.add("greeting", "1.0")
    own.add("greeting", "9.0")
    own.add("else", "1.0")
    (tmp_path / "home" / ".condarc").write_text(f"channels: ['{own.url}']")

    code, _, _ = fill(tmp_path / "env", "greeting", "else", channels=[planned.url])

    assert code == 0
    assert {path.name for path in (tmp_path / "env" / "conda-meta").glob("*.json")} == {
        "greeting-1.0-0.json",
        "else-1.0-0.json",
    }


def test_a_channel_that_was_filled_by_hand_may_lack_its_second_half(fill, tmp_path):
    channel = Channel(tmp_path / "channel")
    channel.add("greeting", "1.0")
    (tmp_path / "channel" / "noarch" / "repodata.json").unlink()

    assert fill(tmp_path / "env", "greeting", channels=[channel.url])[0] == 0


def test_a_package_that_is_not_what_its_record_says_is_refused(fill, tmp_path):
    channel = Channel(tmp_path / "channel")
    channel.add("greeting", "1.0", files={"greeting": "hello"})
    (package,) = (tmp_path / "channel" / SUBDIR).glob("greeting-*.tar.bz2")
    package.write_bytes(b"something else")

    code, _, err = fill(tmp_path / "env", "greeting", channels=[channel.url])

    assert code == 1
    assert err.startswith("ERROR: ")
    assert "greeting" in err
