"""`environment.yml` before a real solver, with real metadata of the pytorch channel and stand-ins for the rest."""

import asyncio
import json
from pathlib import Path

import pytest

from envkit import matrix as shipped
from envkit.matrix.versions import numbers
from envkit.planning.candidates import candidates
from envkit.planning.model import Manager
from envkit.planning.recipe import recipe
from tests.conda_channel import Channel, make_record

rattler = pytest.importorskip("rattler", reason="the solver is py-rattler's")
SolverError = pytest.importorskip("rattler.exceptions").SolverError
yaml = pytest.importorskip("yaml", reason="py-rattler comes with PyYAML")

REAL = json.loads((Path(__file__).parent / "pytorch_channel.json").read_text())["records"]
PRIORITIES = ("Strict", "Flexible", "Disabled")
PYTHONS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12")
MKL = {"2022.2.1": "15.0.6", "2023.1.0": "16.0.1", "2024.0.0": "17.0.6", "2024.2.2": "18.1.8"}
"""Releases of MKL, each with the least llvm-openmp that it needs; torch 2.1.0 wants one below 16."""


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """The folder of each channel by name; torch of conda-forge is there too, newer builds that must not be taken."""
    root = tmp_path_factory.mktemp("channels")
    made = {name: Channel(root / name) for name in ("pytorch", "nvidia", "conda-forge")}
    made["pytorch"].add_records(dict(make_record(**record, subdir="linux-64") for record in REAL), "linux-64")
    made["pytorch"].add_records(
        dict(
            (
                _noarch("pytorch-mutex", "1.0", "cpu", constrains=["cpuonly"], track_features="pytorch-mutex"),
                _noarch("pytorch-mutex", "1.0", "cuda", constrains=["cpuonly <0"]),
                _noarch("cpuonly", "2.0", depends=["pytorch-mutex 1.0 cpu"], track_features="cpuonly"),
            )
        ),
        "noarch",
    )
    made["nvidia"].add_records(dict(_nvidia()), "linux-64")
    made["conda-forge"].add_records(dict(_conda_forge()), "linux-64")
    made["conda-forge"].add_records(dict(_noarch(name, "4.0", depends=["python"]) for name in PURE_PYTHON), "noarch")
    return {name: channel.url for name, channel in made.items()}


PURE_PYTHON = ("filelock", "jinja2", "networkx", "pip", "pyyaml", "requests", "sympy", "typing_extensions")


def _noarch(name, version, build="0", **more):
    return make_record(name, version, build, subdir="noarch", noarch="generic", **more)


def _nvidia():
    """For each range that pytorch-cuda asks for, the release at its lower end, and one beyond all of them."""
    for meta in (record for record in REAL if record["name"] == "pytorch-cuda"):
        for name, asked in map(str.split, meta["depends"]):
            yield make_record(name, asked.split(",")[0].removeprefix(">="), subdir="linux-64")
            yield make_record(name, "99.0", subdir="linux-64")


def _conda_forge():
    for python in PYTHONS:
        major, minor = map(int, python.split("."))
        this = f"python >={python},<{major}.{minor + 1}.0a0"
        yield _forge("python", f"{python}.9")
        yield _forge("python_abi", python, f"5_cp{major}{minor}")
        yield _forge("pillow", "10.4.0", f"py{python}_0", depends=[this])
        for release in ("1.21.6", "1.24.4", "2.0.2"):
            yield _forge("numpy", release, f"py{python}_0", depends=[this, "libblas"])
        for torch in ("1.12.1", "2.1.0"):
            yield _forge("pytorch", torch, f"cpu_mkl_py{python}_100", build_number=100, depends=[this, "mkl"])
            yield _forge("pytorch", torch, f"cuda118_py{python}_300", build_number=300, depends=[this, "cudatoolkit"])
        yield _forge("torchvision", "0.16.0", f"cpu_py{python}_1", build_number=1, depends=[this, "pytorch 2.1.0"])
        yield _forge("torchaudio", "2.1.0", f"cpu_py{python}_1", build_number=1, depends=[this, "pytorch 2.1.0"])
        yield _forge("pytorch", "2.13.0", f"cpu_mkl_py{python}_100", depends=[this])
        for cuda in ("128", "129"):
            needs = [this, "__cuda", f"cuda-version >=12.{cuda[-1]},<13"]
            yield _forge("pytorch", "2.13.0", f"cuda{cuda}_py{python}_300", depends=needs)
    yield from _libraries()


def _libraries():
    for kind in ("cpu", "cuda"):
        yield _forge(f"pytorch-{kind.replace('cuda', 'gpu')}", "2.13.0", kind, depends=[f"pytorch 2.13.0 {kind}*"])
    for place, (release, openmp) in enumerate(MKL.items()):
        next_year = int(release[:4]) + 1
        yield _forge("mkl", release, depends=["_openmp_mutex * *_llvm", f"llvm-openmp >={openmp}"])
        yield _forge(
            "blas", f"2.1{place}", "mkl", depends=[f"mkl >={release},<{next_year}", f"libblas 3.{place} *_mkl"]
        )
        yield _forge("libblas", f"3.{place}", f"{place}_mkl", depends=[f"mkl >={release},<{next_year}"])
    yield _forge("libblas", "3.9", "26_openblas")
    yield _forge("_openmp_mutex", "4.5", "2_kmp_llvm", depends=["llvm-openmp"])
    for release in ("15.0.7", "16.0.6", "17.0.6", "18.1.8"):
        yield _forge("llvm-openmp", release)
    for release in ("10.2.89", "11.3.1", "11.6.0", "11.8.0"):
        yield _forge("cudatoolkit", release)
    for release in ("12.8", "12.9", "13.0"):
        yield _forge("cuda-version", release)
    for name in ("ffmpeg", "jpeg", "libjpeg-turbo", "libpng"):
        yield _forge(name, "9.0")


def _forge(name, version, build="0", **more):
    return make_record(name, version, build, subdir="linux-64", **more)


@pytest.fixture
def solve(channels):
    """`solve(plan)` reads the plan's environment.yml as a person's conda would, and returns what it would install."""

    def solve(plan, *, priority="Strict", cuda=None, without=()):
        environment = yaml.safe_load(recipe(plan).files["environment.yml"])
        virtual = {"__glibc": "2.31", "__linux": "5.15", **({"__cuda": cuda} if cuda else {})}
        records = asyncio.run(
            rattler.solve(
                [rattler.Channel(channels[name]) for name in environment["channels"]],
                environment["dependencies"],
                platforms=["linux-64", "noarch"],
                channel_priority=rattler.ChannelPriority[priority],
                virtual_packages=[
                    rattler.GenericVirtualPackage(
                        rattler.PackageName(name), rattler.Version(version), rattler.BuildString("0")
                    )
                    for name, version in virtual.items()
                ],
                constraints=[f"{name} <0" for name in without],
            )
        )
        return {record.name.normalized: record for record in records}

    return solve


@pytest.mark.parametrize("priority", PRIORITIES)
@pytest.mark.parametrize("cuda", ["11.8", "12.1", "cpu"])
@pytest.mark.parametrize("python", ["3.8", "3.9", "3.10", "3.11"])
def test_torch_2_1_comes_from_the_pytorch_channel_in_the_planned_build(make_plan, solve, python, cuda, priority):
    plan = make_plan(
        manager=Manager.CONDA, torch="2.1.0", cuda=cuda, python=python, packages=("torchvision", "torchaudio")
    )

    found = solve(plan, priority=priority)

    kind = "cpu" if cuda == "cpu" else f"cuda{cuda}"
    short = "cpu" if cuda == "cpu" else f"cu{cuda.replace('.', '')}"
    assert str(found["pytorch"].build).startswith(f"py{python}_{kind}_")
    assert str(found["torchvision"].version) == "0.16.0"
    assert str(found["torchvision"].build).endswith(short)
    assert str(found["torchaudio"].version) == "2.1.0"
    assert str(found["torchaudio"].build).endswith(short)
    assert str(found["python"].version).startswith(f"{python}.")
    assert numbers(str(found["mkl"].version)) < (2024, 1)
    assert numbers(str(found["numpy"].version)) < (2,)
    assert found["pytorch"].channel.rstrip("/").endswith("/pytorch")


@pytest.mark.parametrize(
    ("torch", "python", "cuda"),
    [
        pytest.param("2.0.0", "3.10", "11.8", id="2.0.0, whose companions have other numbers in the channel"),
        pytest.param("2.0.0", "3.8", "cpu", id="2.0.0, CPU"),
        pytest.param("1.12.1", "3.7", "10.2", id="cudatoolkit 10.2"),
        pytest.param("1.12.1", "3.10", "11.3", id="cudatoolkit 11.3"),
        pytest.param("1.12.1", "3.9", "11.6", id="cudatoolkit 11.6"),
        pytest.param("1.12.1", "3.10", "cpu", id="1.12.1, CPU"),
    ],
)
def test_older_releases_solve_too(make_plan, solve, torch, python, cuda):
    plan = make_plan(
        manager=Manager.CONDA, torch=torch, cuda=cuda, python=python, packages=("torchvision", "torchaudio")
    )

    found = solve(plan)

    assert (cuda == "cpu") == ("_cpu_" in str(found["pytorch"].build))
    assert cuda == "cpu" or f"_cuda{cuda}_" in str(found["pytorch"].build)


def test_a_cuda_build_that_is_not_to_be_had_is_no_reason_for_the_cpu_build(make_plan, solve):
    plan = make_plan(manager=Manager.CONDA, torch="1.12.1", cuda="11.6", python="3.10", packages=("torchvision",))

    # This build of torchvision alone needs python_abi: without it, a selector for the toolkit would be content with
    # the CPU builds.
    with pytest.raises(SolverError, match="python_abi"):
        solve(plan, without=("python_abi",))


def test_conda_forge_needs_to_see_a_driver_or_to_be_told_of_one(make_plan, solve):
    plan = make_plan("linux-a100", manager=Manager.CONDA, python="3.12")

    assert str(solve(plan, cuda="12.9")["pytorch"].build) == "cuda129_py3.12_300"
    with pytest.raises(SolverError, match="__cuda"):
        solve(plan)
    assert "CONDA_OVERRIDE_CUDA=12.9 conda env create" in recipe(plan).files["environment.yml"]


def test_conda_forge_gives_the_cpu_build_even_where_there_is_a_driver(make_plan, solve):
    plan = make_plan("linux-a100", manager=Manager.CONDA, cuda="cpu", python="3.12")

    assert str(solve(plan, cuda="12.9")["pytorch"].build) == "cpu_mkl_py3.12_100"


@pytest.mark.parametrize("torch", ["1.12.1", "2.0.0", "2.1.0"])
def test_the_pythons_builds_and_companions_that_are_planned_are_those_of_the_channel(make_plan, torch):
    seen = {
        (record["build"].split("_")[0].removeprefix("py"), _backend(record["build"]))
        for record in REAL
        if (record["name"], record["version"]) == ("pytorch", torch)
    }
    planned = {
        (python, candidate.backend)
        for candidate in candidates(shipped.load(), Manager.CONDA, "linux-x86_64")
        if (candidate.torch, candidate.channel) == (torch, "pytorch")
        for python in candidate.pythons
    }
    companions = make_plan(
        manager=Manager.CONDA, torch=torch, python="3.9", packages=("torchvision", "torchaudio")
    ).companions

    assert planned == seen
    for name, release in companions.items():
        assert any(
            (record["name"], record["version"]) == (name, release) and f"pytorch {torch}" in record["depends"]
            for record in REAL
        )


def _backend(build):
    kind = build.split("_")[1]
    return "cu" + kind.removeprefix("cuda").replace(".", "") if kind.startswith("cuda") else kind


@pytest.mark.parametrize("host", ["linux-cpu", "windows-cpu", "macos-arm64"])
@pytest.mark.parametrize(
    ("torch", "python"), [("1.12.1", "3.9"), ("2.0.1", "3.9"), ("2.5.1", "3.9"), ("2.13.0", "3.11")]
)
def test_every_dependency_is_one_for_strict_parsers_too(make_plan, host, torch, python):
    packages = ("torchvision", "pandas>=2,<3", "scipy==1.*", "Pillow!=10.1.*", "tqdm===4.66")
    plan = make_plan(host, manager=Manager.CONDA, torch=torch, python=python, packages=packages)

    read = [str(rattler.MatchSpec(dependency, strict=True)) for dependency in plan.dependencies]

    assert read[-4:] == ["pandas <3,>=2", "scipy 1.*", "pillow !=10.1.*", "tqdm ==4.66"]


@pytest.mark.parametrize(
    "name", ["null", "1e3", "yes", "0x10", "2001-01-01", "it's", 'a"b', "%TAG", "[a]", "*a", "ünï☃"]
)
def test_a_name_is_read_back_as_the_text_that_it_is(make_plan, name):
    text = recipe(make_plan(manager=Manager.CONDA, name=name)).files["environment.yml"]

    assert yaml.safe_load(text)["name"] == name
