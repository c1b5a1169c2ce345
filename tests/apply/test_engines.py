"""What makes an environment and what installs into it: the choice, and the commands."""

import sys
from pathlib import Path

import pytest

from envkit.apply import engines
from envkit.apply.engines import MAKE_VENV, PIP, Installer, choose_installer
from envkit.apply.places import Mode
from envkit.apply.uv_config import uv_sources
from envkit.apply.work import planned_work
from envkit.errors import EnvkitError
from envkit.planning.model import Engine, Manager
from envkit.probes.pip_config import PipSources

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths as on POSIX")

ENV = Path("/envs/one")
INSIDE = "/envs/one/bin/python"
PIP_INSTALL = (INSIDE, "-I", "-m", "pip", "install")
UV_INSTALL = ("/bin/uv", "pip", "install", "--python", INSIDE)
INDEX = "https://download.pytorch.org/whl/cpu"
WHEELS = PipSources(find_links=("/wheels",), extra_index_urls=("https://mirror.example/simple",))


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "find_uv", lambda: "/bin/uv")
    monkeypatch.setattr(engines, "_spare_wheel", lambda: ("/spare/pip.whl",))
    monkeypatch.setattr(engines, "uv_sources", lambda _variables: False)


def commands(plan, installer=PIP):
    return [(step.name, step.argv) for step in planned_work(plan, installer, ENV, "/py", Mode.NEW).steps]


def test_venv_then_torch_then_the_rest(make_plan):
    assert commands(make_plan()) == [
        ("make the environment", ("/py", "-I", str(MAKE_VENV), "/envs/one", "/spare/pip.whl")),
        ("install torch 2.13.0 (cpu)", (*PIP_INSTALL, "--no-deps", "--index-url", INDEX, "torch==2.13.0+cpu")),
        ("install its dependencies and the rest", (*PIP_INSTALL, "torch==2.13.0+cpu", "numpy")),
    ]


def test_uv_goes_the_same_two_steps(make_plan):
    make, seed, torch, rest = commands(make_plan(), Installer(Engine.UV, "/bin/uv"))

    assert make[1] == ("/bin/uv", "venv", "--no-project", "--allow-existing", "--python", "/py", "/envs/one")
    assert seed[1] == (INSIDE, "-I", str(MAKE_VENV), "--pip", "/envs/one", "/spare/pip.whl")
    assert torch[1] == (*UV_INSTALL, "--no-deps", "--index", INDEX, "--default-index", INDEX, "torch==2.13.0+cpu")
    assert rest[1] == (*UV_INSTALL, "torch==2.13.0+cpu", "numpy")


def test_uv_puts_pip_in_from_a_wheel_that_envkits_own_python_brings(make_plan):
    work = planned_work(make_plan(), Installer(Engine.UV, "/bin/uv"), ENV, sys.executable, Mode.NEW)

    assert work.steps[1].argv == (*UV_INSTALL, "--no-deps", "--no-index", "/spare/pip.whl")


def test_one_install_when_the_default_index_has_the_build(make_plan):
    assert commands(make_plan("macos-arm64"))[1:] == [
        ("install torch 2.13.0 (mps)", (*PIP_INSTALL, "torch===2.13.0", "numpy"))
    ]


def test_virtualenv_runs_beside_envkit(make_plan):
    pytest.importorskip("virtualenv")

    assert commands(make_plan(manager=Manager.VIRTUALENV))[0] == (
        "make the environment",
        (sys.executable, "-m", "virtualenv", "--no-periodic-update", "--python", "/py", "/envs/one"),
    )


def test_virtualenv_on_path_is_the_second_choice(make_plan, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(engines.shutil, "which", lambda name: f"/usr/bin/{name}")

    assert commands(make_plan(manager=Manager.VIRTUALENV))[0][1][0] == "/usr/bin/virtualenv"


def test_without_virtualenv_the_extra_is_named(make_plan, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(engines.shutil, "which", lambda _name: None)

    with pytest.raises(EnvkitError, match="virtualenv is not installed") as refused:
        commands(make_plan(manager=Manager.VIRTUALENV))

    assert 'pip install "torch-envkit[virtualenv]"' in refused.value.hint


def test_uv_is_taken_where_it_is_there_and_pip_has_no_sources_of_its_own():
    chosen = choose_installer(None, PipSources)

    assert (chosen.engine, chosen.because) == (Engine.UV, "the fastest that is here: /bin/uv")


def test_pip_is_taken_where_it_alone_was_told_of_sources():
    chosen = choose_installer(None, lambda: WHEELS)

    assert chosen.engine is Engine.PIP
    assert chosen.because == "pip is configured with sources of its own, of which uv here knows nothing"


def test_uv_with_sources_of_its_own_is_taken_all_the_same(monkeypatch):
    monkeypatch.setattr(engines, "uv_sources", lambda _variables: True)

    chosen = choose_installer(None, lambda: pytest.fail("pip was asked"))

    assert (chosen.engine, chosen.options) == (Engine.UV, ())


def test_uv_asked_for_by_name_is_told_of_pips_sources():
    chosen = choose_installer(Engine.UV, lambda: WHEELS)

    assert chosen.options == ("--index-strategy=unsafe-best-match", "--find-links", "/wheels")
    assert chosen.variables == (("UV_EXTRA_INDEX_URL", "https://mirror.example/simple"),)
    assert "told of the sources that pip is configured with" in chosen.because


def test_a_password_reaches_uv_and_nobody_who_looks_on():
    mirror = PipSources(index_url="https://bob:s3cret@mirror.example/simple")
    chosen = choose_installer(Engine.UV, lambda: mirror)
    step = chosen.install("install", ENV, ("numpy",))

    assert step.variables == (("UV_INDEX_URL", mirror.index_url),)
    assert not any("s3cret" in text for text in (*step.argv, step.line, chosen.because))
    assert "UV_INDEX_URL='https://*****@mirror.example/simple' /bin/uv pip install" in step.line


def test_uv_is_told_once_how_to_choose_among_indexes(make_plan):
    uv = Installer(Engine.UV, "/bin/uv").with_sources(WHEELS)
    *_, rest = planned_work(make_plan("linux-arc", torch="2.9.0", xpu=True), uv, ENV, "/py", Mode.NEW).steps

    assert [word for word in rest.argv if word.startswith("--index-strategy")] == ["--index-strategy=unsafe-best-match"]
    assert "--find-links" in rest.argv


def test_torch_from_its_own_index_is_looked_for_nowhere_else(make_plan):
    uv = Installer(Engine.UV, "/bin/uv").with_sources(WHEELS)
    _, _, torch, rest = planned_work(make_plan(), uv, ENV, "/py", Mode.NEW).steps

    assert torch.variables == ()
    assert rest.variables == (("UV_EXTRA_INDEX_URL", "https://mirror.example/simple"),)


def test_without_uv_it_is_pip_unless_uv_was_asked_for(monkeypatch):
    monkeypatch.setattr(engines, "find_uv", lambda: None)

    assert choose_installer(None, PipSources).because == "uv is not on this machine"
    with pytest.raises(EnvkitError, match="uv is not installed"):
        choose_installer(Engine.UV, PipSources)


def test_an_engine_of_condas_fills_no_other_environment():
    with pytest.raises(EnvkitError, match="mamba fills environments of conda alone"):
        choose_installer(Engine.MAMBA, PipSources)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        pytest.param("uv.toml", 'find-links = ["/wheels"]\n', True, id="a folder of wheels"),
        pytest.param("uv.toml", '[[index]]\nurl = "https://mirror.example"\n', True, id="an index"),
        pytest.param("uv.toml", 'link-mode = "copy"\n', False, id="something else"),
        pytest.param("pyproject.toml", '[tool.uv]\nindex-url = "https://mirror.example"\n', True, id="of a project"),
        pytest.param("pyproject.toml", '[[tool.uv.index]]\nurl = "https://mirror.example"\n', True, id="its index"),
        pytest.param("pyproject.toml", "[tool.uv.pip]\nno-index = true\n", True, id="for uv pip alone"),
        pytest.param("pyproject.toml", '[tool.uv]\n[tool.other]\nindex = "mine"\n', False, id="another tool's"),
        pytest.param("other.toml", "no-index = true\n", False, id="another file"),
    ],
)
def test_uvs_own_sources_are_found_in_its_file(tmp_path, monkeypatch, file, text, expected):
    (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)

    assert uv_sources({"XDG_CONFIG_HOME": str(tmp_path / "nothing")}) is expected


def test_uvs_own_sources_are_found_in_its_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert uv_sources({"UV_FIND_LINKS": "/wheels"})
