"""`envkit create --conda --apply`, with a real solver, a channel in a folder and a Python that runs."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from tests.conda_channel import MINOR, VERSION, Channel, run_python

pytest.importorskip("rattler", reason="the embedded conda is py-rattler")
pytest.importorskip("yaml", reason="py-rattler comes with PyYAML")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the package is laid out as on POSIX")

ASKED = ("create", "--conda", "--engine", "rattler", "--python", MINOR, "--apply")
TORCH = "from torch.version import __version__\n", '__version__ = "2.13.0"\ncuda = None\n'


@pytest.fixture(scope="module")
def channel(tmp_path_factory):
    """Python, pip, and stand-ins for what a torch environment of conda-forge is made of."""
    made = Channel(tmp_path_factory.mktemp("channel") / "main")
    made.add_python()
    made.add("pip", "24.0", noarch="python", depends=["python"], files={"site-packages/pip/__init__.py": ""})
    files = dict(zip(("site-packages/torch/__init__.py", "site-packages/torch/version.py"), TORCH, strict=True))
    made.add("pytorch", "2.13.0", noarch="python", build="cpu_0", depends=["python", "numpy"], files=files)
    made.add("pytorch-cpu", "2.13.0", noarch="generic", depends=["pytorch 2.13.0 cpu*"])
    made.add("numpy", "2.3.0", noarch="python", depends=["python"], files={"site-packages/numpy.py": ""})
    return made


@pytest.fixture
def variables(tmp_path):
    """A home folder and a package cache of one's own, with whatever conda the machine has out of sight."""
    (tmp_path / "home").mkdir()
    blank = dict.fromkeys(("CONDA_EXE", "MAMBA_EXE", "CONDARC", "MAMBA_ROOT_PREFIX", "CONDA_ENVS_PATH"), "")
    return {**blank, "HOME": str(tmp_path / "home"), "RATTLER_CACHE_DIR": str(tmp_path / "cache")}


def test_a_bare_environment_is_python_and_pip(cli, channel, variables, tmp_path):
    place = tmp_path / "an env, $(touch pwned)"

    done = cli(*ASKED, str(place), "--bare", "--index", channel.url, env=variables)

    assert done.code == 0, done.err
    assert run_python(place, "import sys, pip; print(sys.prefix, sys.version.split()[0])") == f"{place} {VERSION}"
    assert (place / "conda-meta" / "history").is_file()
    assert f"conda activate '{place}'" in done.out
    assert not list(tmp_path.rglob("pwned"))


def test_a_channel_with_nothing_but_a_python_is_enough(cli, variables, tmp_path):
    channel = Channel(tmp_path / "channel")
    channel.add_python()

    done = cli(*ASKED, str(tmp_path / "env"), "--bare", "--index", channel.url, env=variables)

    assert done.code == 0, done.err
    assert run_python(tmp_path / "env", "print(6 * 7)") == "42"


def test_the_channels_are_those_of_the_users_configuration(cli, channel, variables, tmp_path):
    (tmp_path / "home" / ".condarc").write_text(f"channels: ['{channel.url}']\nchannel_alias: file:///nowhere\n")

    done = cli(*ASKED, str(tmp_path / "env"), "--bare", env=variables)

    assert done.code == 0, done.err
    assert run_python(tmp_path / "env", "import pip; print('pip')") == "pip"


def test_a_torch_environment_is_checked_with_its_own_interpreter(cli, channel, variables, tmp_path):
    done = cli(*ASKED, str(tmp_path / "env"), "--torch", "2.13.0", "--index", channel.url, "--json", env=variables)

    # The stand-in torch computes nothing: the environment is made, and is told to be no good.
    assert done.code == 1, done.err
    assert done.json["python"] == str(tmp_path / "env" / "bin" / "python")
    assert [step["name"] for step in done.json["steps"]] == ["install torch 2.13.0 (cpu) with rattler"]
    assert done.json["doctor"]["verdict"] != "healthy"
    assert run_python(tmp_path / "env", "import torch; print(torch.__version__)") == "2.13.0"


def test_by_name_it_goes_where_conda_keeps_its_own(cli, channel, variables, tmp_path):
    done = cli(*ASKED, "--name", "lecture", "--bare", "--index", channel.url, env=variables)

    place = tmp_path / "home" / ".conda" / "envs" / "lecture"
    assert done.code == 0, done.err
    assert run_python(place, "import sys; print(sys.prefix)") == str(place)
    assert str(place) in done.out


def test_an_unreachable_channel_is_named_and_nothing_is_left_behind(cli, variables, tmp_path):
    gone = (tmp_path / "gone").as_uri()

    done = cli(*ASKED, str(tmp_path / "env"), "--bare", "--index", gone, env={**variables, "TMPDIR": str(tmp_path)})

    assert done.code == 1
    assert f"the channel {gone} cannot be used" in done.err
    assert not (tmp_path / "env").exists()


def test_what_cannot_be_solved_is_told_in_the_solvers_words(cli, channel, variables, tmp_path):
    done = cli(
        *ASKED, str(tmp_path / "env"), "--with", "no-such-thing", "--index", channel.url,
        env={**variables, "TMPDIR": str(tmp_path)},
    )  # fmt: skip

    assert done.code == 1
    assert "No candidates were found for no-such-thing" in " ".join(done.err.split())
    assert not (tmp_path / "env").exists()


def test_a_dry_run_prints_the_command(cli, channel, variables, tmp_path):
    done = cli(*ASKED, str(tmp_path / "env"), "--bare", "--index", channel.url, "--dry-run", env=variables)

    assert done.code == 0, done.err
    assert f"-m envkit.apply.conda.embedded --prefix {tmp_path}/env --channel {channel.url} --" in done.out
    assert not (tmp_path / "env").exists()


def test_a_conda_that_is_there_is_used(cli, variables, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "micromamba").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo 2.0.5 && exit\nprintf "%s\\n" "$@" >{tmp_path}/calls\n'
        f'while [ "$1" != --prefix ]; do shift; done\nmkdir -p "$2/bin" && ln -s {sys.executable} "$2/bin/python"\n'
    )
    (tools / "micromamba").chmod(0o755)

    done = cli(
        "create", "--conda", "--python", MINOR, "--bare", "--apply", str(tmp_path / "env"), "--no-verify",
        env={**variables, "PATH": f"{tools}:/usr/bin:/bin"},
    )  # fmt: skip

    assert done.code == 0, done.err
    calls = (tmp_path / "calls").read_text().split("\n")
    assert calls[:4] == ["install", "--yes", "--prefix", str(tmp_path / "env")]
    assert f"micromamba activate {tmp_path}/env" in done.out
    assert f"python={MINOR}" in (tmp_path / "env" / "envkit-environment.yml").read_text()


def test_killed_at_any_moment_a_second_run_finishes(channel, variables, tmp_path):
    place = tmp_path / "env"
    command = [sys.executable, "-m", "envkit", *ASKED, str(place), "--bare", "--no-verify", "--index", channel.url]
    environment = {**os.environ, **variables}
    chance = random.Random(11)
    for _ in range(5):
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(chance.uniform(0.1, 0.9))
        process.kill()
        _, told = process.communicate()
        if process.returncode == 0:  # it was done before it could be killed
            break
    else:
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (told, done.stderr)

    assert run_python(place, "import sys, pip; print(sys.prefix)") == str(place)
    records = [json.loads(path.read_text())["name"] for path in (place / "conda-meta").glob("*.json")]
    assert sorted(records) == ["pip", "python"]
