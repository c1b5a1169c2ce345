"""`envkit create --apply` as a person runs it, with real engines on small indexes: what is made, kept and put back."""

import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.recipes.local_index import make_indexes, write_pages, write_wheel

HERE = ("create", "--python", sys.executable, "--torch", "2.13.0", "--no-verify", "--apply")
BARE = ("create", "--python", sys.executable, "--bare", "--apply")
VERSIONS = "from importlib.metadata import version as v; print(v('torch'), v('numpy'), v('filelock'))"
AWAY = "http://127.0.0.1:9/whl/cpu"
"""Where nobody listens."""

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="paths and signals as on POSIX")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    return make_indexes(tmp_path_factory.mktemp("indexes"))


@pytest.fixture
def here(indexes):
    """Options and variables that install from the small indexes."""
    torch_index, configured = indexes
    return (*HERE, "--index", torch_index), configured


def python_of(environment):
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ask(environment, program):
    done = subprocess.run([python_of(environment), "-I", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def files_of(folder):
    """Everything in a folder with its content, but for what merely running Python adds."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts
    }


# -- what is told before ------------------------------------------------------------------------


def test_explain_tells_why_no_other_build_is_made(cli, here, tmp_path):
    options, configured = here
    done = cli(*options, "--dry-run", "--explain", str(tmp_path / "env"), env=configured)

    assert "is not what was asked for" in done.err
    assert not (tmp_path / "env").exists()


# -- what is made -------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", ["--venv", "--virtualenv"])
@pytest.mark.parametrize("engine", ["pip", "uv"])
def test_apply_makes_the_planned_environment(cli, here, tmp_path, manager, engine):
    options, configured = here
    place = tmp_path / "an env, $(touch pwned)"

    done = cli(
        *options, manager, "--engine", engine, str(place), "--with", "torchvision",
        env={**configured, "PYTHONPATH": "/nowhere", "PIP_USER": "1", "UV_TORCH_BACKEND": "cu128"},
    )  # fmt: skip

    assert done.code == 0, done.err
    # The default index has a torch 2.13.0 that is another build: it did not take the planned one's place.
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert ask(place, "import importlib.metadata as m; print(m.version('torchvision'))") == "0.28.0+cpu"
    assert ask(place, "import pip; print(pip.__name__)") == "pip"
    assert "Activate it with:" in done.out
    assert "install its dependencies and the rest  done" in done.err
    assert {path.name for path in place.glob("envkit-*")} == {"envkit-create.log", "envkit-plan.json"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["an env, $(touch pwned)", "cwd"]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="venv"),
        pytest.param(("--virtualenv",), id="virtualenv"),
        pytest.param(("--engine", "uv"), id="uv"),
    ],
)
def test_bare_is_pip_alone_and_pip_works(cli, tmp_path, options):
    place = tmp_path / "my env"

    done = cli(*BARE, *options, str(place), env={"PIP_INDEX_URL": AWAY, "UV_DEFAULT_INDEX": AWAY, "PIP_FIND_LINKS": ""})

    assert done.code == 0, done.err
    pip = place / ("Scripts/pip.exe" if os.name == "nt" else "bin/pip")
    told = subprocess.run([pip, "list", "--format", "json"], capture_output=True, check=True).stdout
    assert [package["name"] for package in json.loads(told)] == ["pip"]
    assert subprocess.run([python_of(place), "-m", "pip", "check"], check=False).returncode == 0


def test_apply_in_json_is_one_document_and_its_progress_a_line_of_json_an_event(cli, here, tmp_path):
    options, configured = here
    options = tuple(option for option in options if option != "--no-verify")

    done = cli(*options, "--json", str(tmp_path / "env"), env=configured)

    # The stand-in torch computes nothing: the environment is made, and is told to be no good.
    assert done.code == 1
    assert done.json["path"] == str(tmp_path / "env")
    names = ["make the environment", "install torch 2.13.0 (cpu)", "install its dependencies and the rest"]
    assert [step["name"] for step in done.json["steps"]] == names
    assert done.json["doctor"]["verdict"] != "healthy"
    assert done.json["smoke"]["errors"]
    events = [json.loads(line) for line in done.err.splitlines()]
    assert [event["step"] for event in events if event["event"] == "started"] == names


@posix_only
def test_a_dry_run_prints_the_commands_and_makes_nothing(cli, here, tmp_path):
    options, configured = here

    done = cli(*options, str(tmp_path / "my env"), "--dry-run", env=configured)

    first, second, third = done.out.splitlines()
    assert first.startswith(f"{sys.executable} -I ")
    assert f"'{tmp_path}/my env'" in first
    assert second.endswith(f"-m pip install --no-deps --index-url {options[-1]} torch==2.13.0+cpu")
    assert third.endswith("-m pip install torch==2.13.0+cpu numpy")
    assert not (tmp_path / "my env").exists()


@posix_only
def test_a_kernel_is_registered_and_never_takes_the_name_of_another(cli, here, tmp_path, indexes):
    options, configured = here
    default = Path(configured["PIP_INDEX_URL"].removeprefix("file://"))
    body = (
        "import json, os, sys\nname = sys.argv[sys.argv.index('--name') + 1]\n"
        "folder = os.path.join(os.environ['JUPYTER_DATA_DIR'], 'kernels', name)\nos.makedirs(folder, exist_ok=True)\n"
        "json.dump({'argv': [sys.executable]}, open(os.path.join(folder, 'kernel.json'), 'w'))\n"
    )
    write_wheel(
        default / "ipykernel", "ipykernel", "7.0.0", files={"ipykernel/__main__.py": body, "ipykernel/__init__.py": ""}
    )
    write_pages(default)
    variables = {**configured, "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")}
    spec = tmp_path / "jupyter" / "kernels" / "my-lecture" / "kernel.json"

    made = cli(*options, "--kernel", "--name", "My lecture", str(tmp_path / "one"), env=variables)
    refused = cli(*options, "--kernel", "--name", "My lecture", str(tmp_path / "two"), env=variables)

    assert made.code == 0, made.err
    assert json.loads(spec.read_text())["argv"] == [str(tmp_path / "one/bin/python")]
    assert refused.code == 1
    assert "there is a Jupyter kernel `my-lecture` already" in refused.err
    assert not (tmp_path / "two").exists()


# -- what is refused ----------------------------------------------------------------------------


def test_a_python_that_is_not_there_is_refused_before_anything_is_made(cli, tmp_path):
    done = cli("create", "--python", "3.8", "--apply", "--bare", str(tmp_path / "env"), env={"PATH": str(tmp_path)})

    assert done.code == 1
    assert "there is no Python 3.8 on PATH" in done.err
    assert not (tmp_path / "env").exists()


def test_a_folder_that_is_no_environment_is_refused_and_untouched_whatever_is_said(cli, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "thesis.tex").write_text("years of work")

    for mode in ((), ("--replace",)):
        done = cli(*BARE, *mode, str(tmp_path / "env"))
        assert done.code == 1
        assert "is there already and is not empty" in done.err

    assert files_of(tmp_path / "env") == {"thesis.tex": b"years of work"}


def test_an_environment_is_refused_unless_it_is_said_what_to_do_with_it(cli, tmp_path):
    cli(*BARE, str(tmp_path / "env"))
    before = files_of(tmp_path / "env")

    done = cli(*BARE, str(tmp_path / "env"))

    assert done.code == 1
    assert "hint: `--update` brings it to the plan, `--replace` makes it anew; or name another path" in done.err
    assert files_of(tmp_path / "env") == before


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        pytest.param(lambda place: place.write_text(""), "is no folder", id="a file"),
        pytest.param(lambda place: place.symlink_to("nowhere"), "is a link that leads nowhere", id="a dangling link"),
    ],
)
def test_a_path_that_cannot_be_an_environment_is_refused(cli, tmp_path, prepare, message):
    prepare(tmp_path / "env")

    done = cli(*BARE, str(tmp_path / "env"))

    assert done.code == 1
    assert message in done.err


@posix_only
def test_a_link_to_an_empty_folder_is_followed(cli, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "env").symlink_to(tmp_path / "disk")

    assert cli(*BARE, str(tmp_path / "env")).code == 0
    assert (tmp_path / "env").is_symlink()
    assert (tmp_path / "disk" / "pyvenv.cfg").is_file()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--update", "--replace"), id="update and replace"),
        pytest.param(("--torch", "2.13.0"), id="bare with torch"),
        pytest.param(("--for", "machine.json"), id="for another machine"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(cli, tmp_path, options):
    assert cli(*BARE, *options, str(tmp_path / "env")).code == 2


# -- when it fails ------------------------------------------------------------------------------


def test_when_pip_fails_nothing_is_left_behind_but_the_log(cli, tmp_path):
    torch_index, configured = make_indexes(tmp_path / "indexes", torch=("2.13.0+cu126",))
    logs = tmp_path / "logs"
    logs.mkdir()

    done = cli(*HERE, str(tmp_path / "a" / "env"), "--index", torch_index, env={**configured, "TMPDIR": str(logs)})

    assert done.code == 1
    assert "could not install torch 2.13.0 (cpu): No matching distribution found for torch==2.13.0+cpu" in done.err
    assert not (tmp_path / "a").exists()
    assert len(list(logs.glob("envkit-create-*.log"))) == 1


def start(arguments, variables=None):
    return subprocess.Popen(
        [sys.executable, "-m", "envkit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(variables or {})},
    )


def wait_for(condition, process, limit=60):
    deadline = time.monotonic() + limit
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture
def slow_index(indexes, tmp_path):
    """A torch index whose wheel never comes to its end, and what tells that it was asked for."""
    asked = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if not self.path.endswith(".whl"):
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.wfile.flush()
            asked.set()
            time.sleep(60)

        def log_message(self, *_arguments):
            pass

    folder = indexes[0].removeprefix("file://")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Handler(*given, directory=folder))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def at_work_in(place):
    return [found for found in psutil.process_iter(["cmdline"]) if str(place) in " ".join(found.info["cmdline"] or ())]


def is_at_work(process):
    """Whether it still does anything: one that ended may wait for long to be collected."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@posix_only
def test_ctrl_c_leaves_nothing_behind(tmp_path, indexes, slow_index):
    place, (url, asked) = tmp_path / "a" / "env", slow_index
    process = start((*HERE, str(place), "--index", url, "--engine", "pip"), indexes[1])
    wait_for(asked.is_set, process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told.endswith("envkit: interrupted\n")
    assert list(tmp_path.iterdir()) == []
    assert not at_work_in(place)


@posix_only
def test_what_somebody_else_put_there_meanwhile_stays(tmp_path, indexes, slow_index):
    place, (url, asked) = tmp_path / "env", slow_index
    process = start((*HERE, str(place), "--index", url, "--engine", "pip"), indexes[1])
    wait_for(asked.is_set, process)
    for name in ("thesis.tex", "bin/my-script", "notes/today.txt"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("mine")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert files_of(place) == {"thesis.tex": b"mine", "bin/my-script": b"mine", "notes/today.txt": b"mine"}


@posix_only
def test_a_second_run_on_one_path_is_refused(cli, tmp_path, indexes, slow_index):
    place, (url, asked) = tmp_path / "env", slow_index
    process = start((*HERE, str(place), "--index", url, "--engine", "pip"), indexes[1])
    try:
        wait_for(asked.is_set, process)
        done = cli(*BARE, str(place))
        assert done.code == 1
        assert f"another envkit is at work on `{place}`" in done.err
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


# -- killed at any moment -----------------------------------------------------------------------


def kill(process):
    process.kill()
    process.communicate(timeout=60)


@posix_only
def test_killed_while_it_installs_the_same_command_finishes(cli, here, tmp_path, indexes, slow_index):
    place, (url, asked) = tmp_path / "env", slow_index
    (options, configured) = here
    command = (*HERE, str(place), "--index", url, "--engine", "pip")
    process = start(command, configured)
    wait_for(asked.is_set, process)
    kill(process)
    survivors = at_work_in(place)
    (place / "thesis.tex").write_text("years of work")

    # Another command puts things back first; what it did not make stays, and is refused.
    other = cli(*BARE, str(place))
    assert other.code == 1
    assert files_of(place) == {"thesis.tex": b"years of work"}
    assert not any(map(is_at_work, survivors))

    (place / "thesis.tex").unlink()
    done = cli(*options, str(place), env=configured)
    assert done.code == 0, done.err
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"


STEPS = ("env/pyvenv.cfg", "env/bin/pip", "torch-2.13.0+cpu.dist-info", "numpy-2.4.0.dist-info", "env/envkit-plan.json")


@posix_only
@pytest.mark.parametrize("sign", STEPS)
@pytest.mark.parametrize("mode", ["new", "replace"])
def test_killed_at_every_step_the_same_command_finishes_and_nothing_of_the_users_is_lost(
    cli, here, tmp_path, sign, mode
):
    options, configured = here
    place = tmp_path / "env"
    command = (*options, "--engine", "pip", *(("--replace",) if mode == "replace" else ()), str(place))
    if mode == "replace":
        cli(*BARE, str(place))
        (place / "thesis.tex").write_text("years of work")
        (place / "old").write_text("")

    process = start(command, configured)

    def is_there():
        site = place / f"lib/python3.{sys.version_info.minor}/site-packages" / sign
        fresh = not (place / "old").exists()
        return fresh and ((tmp_path / sign).exists() or site.exists())

    wait_for(is_there, process)
    kill(process)

    done = cli(*command, env=configured)

    if done.code == 1:  # it had come to its end before it was killed
        assert "is an environment already" in done.err
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert cli("create", "--check", str(place)).code == 0
    if mode == "replace":
        (kept,) = tmp_path.rglob("thesis.tex")
        assert kept.read_text() == "years of work"
    assert not list(tmp_path.glob(".env*"))


@posix_only
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("engine", ["pip", "uv"])
def test_killed_again_and_again_at_random_it_gets_there(cli, here, tmp_path, seed, engine):
    options, configured = here
    place = tmp_path / "env"
    command = (*options, "--engine", engine, str(place))
    moments = random.Random(seed)
    for _ in range(3):
        process = start(command, configured)
        try:
            process.communicate(timeout=moments.uniform(0.05, 2.5))
        except subprocess.TimeoutExpired:
            kill(process)

    done = cli(*command, env=configured)

    assert done.code == 0 or "is an environment already" in done.err, done.err
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert not list(tmp_path.glob(".env*"))


# -- an environment that is there ---------------------------------------------------------------


@pytest.mark.parametrize("engine", ["pip", "uv"])
def test_update_brings_it_to_the_plan_and_keeps_the_rest(cli, here, indexes, tmp_path, engine):
    options, configured = here
    place = tmp_path / "env"
    cli(*BARE, str(place))
    (place / "thesis.tex").write_text("years of work")

    done = cli(*options, "--engine", engine, "--update", str(place), env=configured)

    assert done.code == 0, done.err
    assert ask(place, VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert (place / "thesis.tex").read_text() == "years of work"
    assert "make the environment" not in done.err


def test_an_update_that_fails_leaves_the_environment_in_place(cli, here, tmp_path):
    options, configured = here
    cli(*BARE, str(tmp_path / "env"))
    before = files_of(tmp_path / "env")

    done = cli(*options, "--with", "no-such-package", "--update", str(tmp_path / "env"), env=configured)

    assert done.code == 1
    assert before.keys() <= files_of(tmp_path / "env").keys()


def test_replace_makes_it_anew_and_keeps_what_no_installer_put_there(cli, here, tmp_path):
    options, configured = here
    place = tmp_path / "env"
    cli(*options, str(place), env=configured)
    (place / "thesis.tex").write_text("years of work")

    done = cli(*BARE, "--replace", str(place))

    assert done.code == 0, done.err
    assert not list(place.rglob("torch"))
    assert files_of(tmp_path / "env.before") == {"thesis.tex": b"years of work"}
    assert f"{tmp_path / 'env.before' / 'thesis.tex'}" in done.err.replace("\n  ", "")


def test_a_replacement_that_fails_leaves_the_old_one_as_it_was(cli, here, tmp_path):
    options, configured = here
    place = tmp_path / "env"
    cli(*BARE, str(place))
    before = files_of(place)

    done = cli(*options, "--with", "no-such-package", "--replace", str(place), env=configured)

    assert done.code == 1
    assert files_of(place) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd", "env"]


@posix_only
def test_an_environment_can_be_replaced_from_within(cli, tmp_path):
    place = tmp_path / "env"
    cli(*BARE, str(place))

    done = cli("create", "--python", str(python_of(place)), "--bare", "--apply", "--replace", str(place))

    assert done.code == 0, done.err
    assert ask(place, "import pip; print('there')") == "there"


# -- check --------------------------------------------------------------------------------------


def test_check_finds_no_drift_in_what_was_just_made_and_names_every_one_after(cli, here, tmp_path):
    options, configured = here
    place = tmp_path / "env"
    cli(*options, str(place), env=configured)
    assert (cli("create", "--check", str(place)).code, cli("create", "--check", str(place)).err) == (0, "")
    pip = [python_of(place), "-m", "pip", "--disable-pip-version-check", "-q"]
    variables = {**os.environ, **configured}
    subprocess.run([*pip, "uninstall", "-y", "numpy"], check=True, env=variables)
    subprocess.run([*pip, "install", "--force-reinstall", "torch==2.13.0"], check=True, env=variables)

    done = cli("create", "--check", str(place), "--json")

    assert done.code == 1
    assert [(one["kind"], one["subject"], one["recorded"], one["found"]) for one in done.json["drift"]] == [
        ("removed", "numpy", "2.4.0", ""),
        ("changed", "torch", "2.13.0+cpu", "2.13.0"),
    ]
    assert "numpy 2.4.0 was removed" in cli("create", "--check", str(place)).out


@posix_only
def test_check_names_a_python_that_is_gone(cli, tmp_path):
    place = tmp_path / "env"
    cli(*BARE, str(place))
    for link in (place / "bin").glob("python*"):
        link.unlink()

    done = cli("create", "--check", str(place))

    assert done.code == 1
    assert "does not run" in done.out


def test_check_of_what_envkit_did_not_make_is_wrong_usage(cli, tmp_path):
    done = cli("create", "--check", str(tmp_path))

    assert done.code == 2
    assert "this envkit did not make it" in done.err


# -- the torch index is away --------------------------------------------------------------------


@pytest.fixture
def find_links(indexes, tmp_path):
    """Variables with a folder of wheels that has a CPU build of torch 2.13.0."""
    folder = Path(indexes[0].removeprefix("file://")) / "torch"
    return {**indexes[1], "PIP_FIND_LINKS": str(folder), "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}


FREE = tuple(option for option in HERE if option not in ("--torch", "2.13.0"))


@pytest.mark.parametrize("engine", [(), ("--engine", "pip"), ("--engine", "uv")])
@pytest.mark.parametrize("options", [pytest.param(FREE, id="free choice"), pytest.param(HERE, id="torch 2.13.0")])
def test_the_planned_backend_is_taken_from_where_pip_is_configured_to_look(cli, find_links, tmp_path, options, engine):
    done = cli(*options, *engine, str(tmp_path / "env"), env=find_links)

    assert done.code == 0, done.err
    assert ask(tmp_path / "env", VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"
    assert "cannot be reached: Connection refused" in done.err
    assert "the sources that are configured have torch 2.13.0+cpu" in " ".join(done.err.split())


def test_uvs_own_folder_of_wheels_stands_in_too(cli, find_links, tmp_path):
    own = {"UV_FIND_LINKS": find_links["PIP_FIND_LINKS"], "UV_INDEX_URL": find_links["PIP_INDEX_URL"]}
    variables = {**find_links, "PIP_FIND_LINKS": "", **own}

    done = cli(*FREE, "--engine", "uv", str(tmp_path / "env"), env=variables)

    assert done.code == 0, done.err
    assert ask(tmp_path / "env", VERSIONS) == "2.13.0+cpu 2.4.0 3.20.0"


def test_another_backend_is_never_taken_in_its_place(cli, find_links, tmp_path, driver):
    gpu = driver(cuinit=0, nvml=0, version="550.54.14")

    done = cli(*FREE, str(tmp_path / "env"), env={**find_links, **gpu})

    assert done.code == 1
    assert "no cu126 build of torch" in done.err
    assert "hint: name a mirror of it with `--index URL`" in done.err
    assert not (tmp_path / "env").exists()


def test_with_nothing_to_stand_in_for_it_the_index_is_named_and_the_way_out(cli, indexes, tmp_path):
    done = cli(*FREE, "--index", AWAY, str(tmp_path / "env"), env=indexes[1])

    assert done.code == 1
    assert f"{AWAY} cannot be reached: Connection refused; no cpu build of torch for Python" in done.err
    assert "hint: look at the address, or leave --index out" in done.err


def test_the_default_index_stands_in_where_it_serves_the_planned_backend(cli, indexes, tmp_path):
    served = ("--torch", "2.13.0", "--cuda", "13.0")

    done = cli(*FREE, *served, "--index", AWAY, str(tmp_path / "env"), "--dry-run", env=indexes[1])

    assert done.code == 0, done.err
    assert "the default index serves the cu130 build of torch 2.13.0 too" in " ".join(done.err.split())
    assert done.out.splitlines()[-1].endswith("-m pip install torch===2.13.0 numpy")


def test_a_build_that_took_the_planned_ones_place_is_refused(cli, find_links, tmp_path):
    served = ("--torch", "2.13.0", "--cuda", "13.0")

    done = cli(*FREE, *served, "--engine", "pip", "--index", AWAY, str(tmp_path / "env"), env=find_links)

    # What this default index has under the name of the CUDA build is one for the CPU.
    assert done.code == 1
    assert "the cpu build of torch was installed, and the plan is cu130" in done.err
    assert not (tmp_path / "env").exists()


def test_an_index_that_refuses_is_named_with_its_answer(cli, indexes, tmp_path):
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503)

        def log_message(self, *_arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = cli(*FREE, "--index", url, str(tmp_path / "env"), env=indexes[1])
        server.shutdown()

    assert done.code == 1
    assert f"{url} cannot be reached: it answers 503" in done.err
