"""What pip and uv make of a recipe, against indexes in a folder with wheels of real names: which builds they take."""

import json
import os
import subprocess
import sys

import pytest

from envkit.apply.pylock import lock
from envkit.errors import EnvkitError
from envkit.planning.installs import pip_installs, uv_installs
from envkit.planning.recipe import recipe
from tests.recipes.local_index import TRITON, make_build_indexes
from tests.recipes.validators import program, tomllib

BACKENDS = {"cpu": "cpu", "11.8": "cu118", "12.1": "cu121"}
OTHER_GPUS = {"rocm6.2.4": {"rocm": "6.2.4"}, "xpu": {"xpu": True}}
TARGET = ("--python-version", "3.11", "--python-platform", "x86_64-unknown-linux-gnu")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    return make_build_indexes(tmp_path_factory.mktemp("indexes"))


@pytest.fixture
def variables(indexes, monkeypatch):
    """What configures pip and uv with the default index, and nothing of the machine that runs the tests."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    _, default = indexes
    wanted = {"PIP_INDEX_URL": default, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for name, value in {**wanted, "UV_DEFAULT_INDEX": default, "UV_NO_CACHE": "1", "UV_NO_CONFIG": "1"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def plan_for(make_plan, indexes):
    """`plan_for("12.1")` plans torch 2.5.1 with all its companions and pandas from that CUDA's index."""

    def plan_for(cuda, **request):
        urls, _ = indexes
        packages = ("torchvision", "torchaudio", "pandas>=2")
        wanted = {"torch": "2.5.1", "python": "3.11", "packages": packages, "index": urls[BACKENDS[cuda]], **request}
        return make_plan("linux-cpu", cuda=cuda, **wanted)

    return plan_for


def builds(backend):
    return {"torch": f"2.5.1+{backend}", "torchvision": f"0.20.1+{backend}", "torchaudio": f"2.5.1+{backend}"}


OTHERS = {"numpy": "2.1.3", "filelock": "3.16.1", "pandas": "2.2.3"}


def run(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pip_takes(tmp_path, *arguments):
    """Return {package: (version, URL)} of what pip would install for Python 3.11 on Linux."""
    told = run(
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"),
        *("--python-version", "3.11", "--platform", "linux_x86_64", "--platform", "manylinux1_x86_64"),
        *("--only-binary", ":all:", "--target", tmp_path / "target"),
        *arguments,
    )
    return {
        item["metadata"]["name"]: (item["metadata"]["version"], item["download_info"]["url"])
        for item in json.loads(told)["install"]
    }


def check_origin(taken, url):
    """Check that what carries a local version comes from that index and nothing else does."""
    for version, place in taken.values():
        assert ("+" in version) == place.startswith(url)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_pip_takes_the_build_of_requirements_txt(plan_for, tmp_path, cuda):
    plan = plan_for(cuda)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(recipe(plan).text(requirements.name))

    taken = pip_takes(tmp_path, "-r", requirements)

    assert {name: version for name, (version, _) in taken.items()} == {**builds(BACKENDS[cuda]), **OTHERS}
    # Of two indexes with one and the same version either may be asked.
    if cuda != "11.8":
        check_origin(taken, plan.index)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_the_first_step_of_the_scripts_takes_everything_from_the_torch_index(plan_for, tmp_path, cuda):
    plan = plan_for(cuda)

    taken = pip_takes(tmp_path, *pip_installs(plan)[0])

    assert {name: version for name, (version, _) in taken.items()} == builds(BACKENDS[cuda])
    check_origin(taken, plan.index)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_uv_takes_the_same_in_the_scripts_whatever_other_index_is_configured(plan_for, indexes, monkeypatch, cuda):
    plan = plan_for(cuda)
    monkeypatch.setenv("UV_INDEX", indexes[1])
    wanted = [word for word in uv_installs(plan)[0] if "==" in word]
    options = [word for word in uv_installs(plan)[0] if "==" not in word]

    told = subprocess.run(
        [program("uv"), "pip", "compile", *options, *TARGET, "--no-header", "--emit-index-annotation", "-"],
        input="\n".join(wanted),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert [line for line in told.splitlines() if "==" in line] == sorted(wanted)
    assert told.count(plan.index.removeprefix("file://")) == 3


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_uv_takes_the_build_of_requirements_txt(plan_for, tmp_path, cuda):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(recipe(plan_for(cuda)).text(requirements.name))

    told = run(program("uv"), "pip", "compile", "--no-annotate", "--no-header", *TARGET, requirements)

    pinned = dict(line.split("==") for line in told.split() if "==" in line)
    assert pinned == {**builds(BACKENDS[cuda]), **OTHERS}


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_uv_takes_the_build_of_the_project_and_the_rest_from_its_own_index(plan_for, indexes, tmp_path, cuda):
    plan = plan_for(cuda)
    (tmp_path / "pyproject.toml").write_text(recipe(plan).text("pyproject.toml"))

    told = run(
        *(program("uv"), "pip", "compile", "--no-annotate", "--no-header", "--emit-index-annotation", *TARGET),
        "pyproject.toml",
        cwd=tmp_path,
    )

    lines = [line.strip().removeprefix("# from ") for line in told.splitlines()]
    taken = {tuple(line.split("==")): place for line, place in zip(lines[::2], lines[1::2], strict=True)}
    assert set(taken) == {*builds(BACKENDS[cuda]).items(), *OTHERS.items()}
    assert {name for (name, _), place in taken.items() if place == plan.index} == set(builds(""))
    assert {place for (name, _), place in taken.items() if name in OTHERS} == {indexes[1]}


@pytest.mark.usefixtures("variables")
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="uv locks a project with the Python that it is for")
def test_uv_locks_the_project_for_its_platform_alone(plan_for, tmp_path):
    (tmp_path / "pyproject.toml").write_text(recipe(plan_for("12.1")).text("pyproject.toml"))

    run(program("uv"), "lock", "--python", sys.executable, cwd=tmp_path)

    locked = tomllib.loads((tmp_path / "uv.lock").read_text())
    assert locked["supported-markers"] == ["platform_machine == 'x86_64' and sys_platform == 'linux'"]
    versions = {package["name"]: package["version"] for package in locked["package"]}
    assert builds("cu121").items() <= versions.items()


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("cuda", BACKENDS)
def test_the_lock_file_names_each_file_with_its_hash(plan_for, indexes, cuda):
    plan = plan_for(cuda)
    program("uv")

    document = tomllib.loads(lock(plan))

    packages = {package["name"]: package for package in document["packages"]}
    assert {name: package["version"] for name, package in packages.items()} == {**builds(BACKENDS[cuda]), **OTHERS}
    for name, package in packages.items():
        assert all(wheel["hashes"]["sha256"] for wheel in package["wheels"])
        index = plan.index if name in builds("") else indexes[1]
        assert all(wheel["url"].startswith(index) for wheel in package["wheels"])
    pylock = pytest.importorskip("packaging.pylock", reason="this release of packaging knows no PEP 751")
    pylock.Pylock.from_dict(document)


@pytest.mark.usefixtures("variables")
def test_a_lock_of_what_no_index_has_says_what_is_missing(plan_for):
    program("uv")

    with pytest.raises(EnvkitError, match=r"could not resolve pylock\.toml: .* nothing-of-this-name was not found"):
        lock(plan_for("12.1", packages=("nothing-of-this-name",)))


def test_what_uv_cannot_resolve_from_elsewhere_is_refused(make_plan):
    with pytest.raises(EnvkitError, match=r"there is no pylock\.toml: uv resolves for no Python 3.14t"):
        lock(make_plan("linux-cpu", python="3.14t"))


# -- AMD and Intel GPUs: what lies on PyTorch's index beside the build ---------------------------


@pytest.fixture
def plan_for_gpu(make_plan, indexes):
    """`plan_for_gpu("xpu")` plans torch 2.6.0 and a numpy that PyTorch's index does not have."""

    def plan_for_gpu(backend):
        index = indexes[0][backend]
        packages = ("torchvision", "numpy>=2")
        return make_plan(torch="2.6.0", python="3.11", index=index, packages=packages, **OTHER_GPUS[backend])

    return plan_for_gpu


def all_for(backend):
    built = {"torch": f"2.6.0+{backend}", "torchvision": f"0.21.0+{backend}"}
    return {**built, TRITON[backend]: "3.2.0", "numpy": "2.1.3", "filelock": "3.16.1"}


def pinned(told):
    return dict(line.split("==") for line in told.split() if "==" in line)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("backend", OTHER_GPUS)
def test_pip_finds_triton_in_the_second_step_of_the_scripts(plan_for_gpu, tmp_path, backend):
    build, rest = pip_installs(plan_for_gpu(backend))

    alone, taken = pip_takes(tmp_path, *build), pip_takes(tmp_path, *rest)

    assert {name: version for name, (version, _) in alone.items()}.items() <= all_for(backend).items()
    assert {name.replace("_", "-"): version for name, (version, _) in taken.items()} == all_for(backend)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("backend", OTHER_GPUS)
def test_uv_finds_triton_in_the_second_step_of_the_scripts(plan_for_gpu, backend):
    _, rest = uv_installs(plan_for_gpu(backend))
    options, wanted = rest[:3], rest[3:]

    told = subprocess.run(
        [program("uv"), "pip", "compile", *options, *TARGET, "--no-header", "--no-annotate", "-"],
        input="\n".join(wanted),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert pinned(told) == all_for(backend)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("backend", OTHER_GPUS)
def test_uv_finds_triton_for_the_project(plan_for_gpu, monkeypatch, tmp_path, backend):
    monkeypatch.delenv("UV_NO_CONFIG")
    (tmp_path / "pyproject.toml").write_text(recipe(plan_for_gpu(backend)).text("pyproject.toml"))

    told = run(
        *(program("uv"), "pip", "compile", "--no-annotate", "--no-header", *TARGET, "pyproject.toml"), cwd=tmp_path
    )

    assert pinned(told) == all_for(backend)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("backend", OTHER_GPUS)
@pytest.mark.parametrize("configured", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_the_lock_file_has_triton_too(plan_for_gpu, monkeypatch, backend, configured):
    program("uv")
    monkeypatch.delenv({"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "PIP_INDEX_URL": "UV_DEFAULT_INDEX"}[configured])

    document = tomllib.loads(lock(plan_for_gpu(backend)))

    assert {package["name"]: package["version"] for package in document["packages"]} == all_for(backend)


# -- the default index's own builds --------------------------------------------------------------


@pytest.fixture
def plan_for_default(make_plan):
    """A plan for CUDA 12.4, which is what the default index's torch 2.6.0 is."""
    plan = make_plan(torch="2.6.0", python="3.11", cuda="12.4", packages=("torchaudio",))
    assert plan.index is None
    return plan


PLAIN = {"torch": "2.6.0", "torchaudio": "2.6.0", "numpy": "2.1.3", "filelock": "3.16.1"}


@pytest.mark.usefixtures("variables")
def test_pip_takes_the_default_build_though_one_with_a_local_version_lies_beside_it(plan_for_default, tmp_path):
    taken = pip_takes(tmp_path, *pip_installs(plan_for_default)[0])

    assert {name: version for name, (version, _) in taken.items()} == PLAIN


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_uv_takes_the_default_build_though_one_with_a_local_version_lies_beside_it(plan_for_default, tmp_path, name):
    (tmp_path / name).write_text(recipe(plan_for_default).text(name))

    told = run(program("uv"), "pip", "compile", "--no-annotate", "--no-header", *TARGET, name, cwd=tmp_path)

    assert pinned(told) == PLAIN
