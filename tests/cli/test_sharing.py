"""A machine full of planted secrets: none of them comes out in what is written to be handed on, by any path."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli, make_target, site_of
from tests.standins.torch_package import install_torch

USER, HOST = "zaphodbeeble", "heartofgold42"
UUID = "8932f937-d72c-4106-c12f-20bd9faed9f6"
PLANTED = {
    "user": USER,
    "host": HOST,
    "password of the proxy": "fordPrefect88",
    "password of the index": "m4rvin-paranoid",
    "key": "tr1cia-mcmillan",
    "token": "hf_slartibartfastslartibartfast",
    "address": "10.42.42.17",
    "address of six": "fd12:3456:789a::42",
    "mac": "de:ad:be:ef:42:17",
    "uuid": UUID,
    "mail": "arthur.dent@earth.example",
    "jwt": "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl",
}
SAYS = f"""\
import os, sys
sys.stderr.write("warning: {PLANTED["mac"]} of " + os.environ["USER"] + " at " + os.environ["HOME"] + "\\n")
raise ImportError(
    "libsecret.so: cannot open shared object file, searched in " + os.environ["HOME"] + "/lib as {PLANTED["mail"]}, "
    "asked " + os.environ["PIP_INDEX_URL"] + " through " + os.environ["HTTPS_PROXY"] + " with " + os.environ["APP_KEY"]
    + " and {PLANTED["token"]} from [{PLANTED["address of six"]}] as {HOST} with {PLANTED["jwt"]}"
)
"""

Hand = Callable[..., str]


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "people" / USER
    home.mkdir(parents=True)
    (home / "pip.conf").write_text(
        f"[global]\nindex-url = https://{USER}:{PLANTED['password of the index']}@pypi.{HOST}.example/simple\n"
    )
    return {
        "HOME": str(home),
        "USER": USER,
        "LOGNAME": USER,
        "HOSTNAME": HOST,
        "HTTPS_PROXY": f"http://{USER}:{PLANTED['password of the proxy']}@{PLANTED['address']}:3128",
        "PIP_INDEX_URL": f"https://{USER}:{PLANTED['password of the index']}@pypi.{HOST}.example/simple",
        "PIP_CONFIG_FILE": str(home / "pip.conf"),
        "APP_KEY": PLANTED["key"],
        "TORCH_HOME": str(home / "torch"),
        "CUDA_VISIBLE_DEVICES": f"GPU-{UUID}",
        "NCCL_COMM_ID": f"{PLANTED['address']}:4000",
        "TORCH_LOGS_OUT": f"{HOST}:{PLANTED['key']}",
    }


@pytest.fixture
def target(tmp_path: Path, planted: dict[str, str]) -> Path:
    python = make_target(Path(planted["HOME"]) / "env")
    install_torch(site_of(python), "2.13.0+cpu", cuda=None, prelude=SAYS)
    return python


def in_full(planted: dict[str, str], text: str) -> Iterator[str]:
    """Name what a text has of what was planted."""
    yield from (name for name, secret in PLANTED.items() if secret.lower() in text.lower())
    yield from ["home"] if planted["HOME"] in text else []


def save(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    file = target.parent / "shared.json"
    cli("doctor", "--python", str(target), "--save", str(file), *options, env=planted)
    return file.read_text("utf-8")


def collect(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    script = cli("collector").out
    done = subprocess.run(
        [sys.executable, "-", "--python", str(target), *options],
        input=script,
        env={"PATH": os.environ["PATH"], **planted},
        cwd=planted["HOME"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + done.stderr


def save_smoke(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    file = target.parent / "run.json"
    cli("smoke", "--quick", "--device", "cpu", "--python", str(target), "--save", str(file), *options, env=planted)
    return file.read_text("utf-8")


def markdown(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    return cli("doctor", "--python", str(target), "--markdown", *options, env=planted).out


def smoke_markdown(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    run = cli("smoke", "--quick", "--device", "cpu", "--python", str(target), "--markdown", *options, env=planted)
    return run.out


def collect_env(cli: Cli, target: Path, planted: dict[str, str], *options: str) -> str:
    return cli("doctor", "--python", str(target), "--collect-env", *options, env=planted).out


HANDS = (save, collect, save_smoke, markdown, smoke_markdown, collect_env)
HANDED = [pytest.param(hand, id=hand.__name__) for hand in HANDS]


@pytest.mark.parametrize("hand", HANDED)
def test_nothing_planted_is_handed_on(cli: Cli, target: Path, planted: dict[str, str], hand: Hand) -> None:
    assert list(in_full(planted, hand(cli, target, planted))) == []


@pytest.mark.parametrize("hand", HANDED)
def test_what_was_planted_is_there_to_be_handed_on(cli: Cli, target: Path, planted: dict[str, str], hand: Hand) -> None:
    told = set(in_full(planted, hand(cli, target, planted, "--no-redact")))
    without = {"mac"} if hand in (save, collect) else {"mac", "uuid"}
    assert told >= ({"user", "home"} if hand is save_smoke else {*PLANTED} - without)


def test_a_redacted_snapshot_has_the_diagnosis_of_the_machine(
    cli: Cli, target: Path, planted: dict[str, str], tmp_path: Path
) -> None:
    here = cli("doctor", "--python", str(target), "--json", "--save", str(tmp_path / "shared.json"), env=planted)
    there = cli("doctor", "--from", str(tmp_path / "shared.json"), "--json")
    assert (there.code, there.codes, there.json["verdict"]) == (here.code, here.codes, here.json["verdict"])


def test_the_user_s_own_terminal_and_document_are_in_full(cli: Cli, target: Path, planted: dict[str, str]) -> None:
    assert planted["HOME"] in cli("doctor", "--python", str(target), env=planted).out
    assert planted["HOME"] in cli("doctor", "--python", str(target), "--json", env=planted).out


@pytest.mark.parametrize("command", ["doctor", "smoke"])
def test_no_redact_alone_is_told_what_it_is_for(cli: Cli, command: str) -> None:
    run = cli(command, "--no-redact")
    assert (run.code, "--save" in run.err) == (2, True)


@pytest.mark.parametrize("command", ["doctor", "smoke"])
def test_what_is_read_by_programs_is_no_page(cli: Cli, command: str) -> None:
    run = cli(command, "--markdown", "--json")
    assert (run.code, "--json" in run.err) == (2, True)


def test_a_page_has_one_format(cli: Cli) -> None:
    run = cli("doctor", "--markdown", "--collect-env")
    assert (run.code, "name one" in run.err) == (2, True)
