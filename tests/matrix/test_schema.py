"""The data files: their form, and what must be true of them together."""

import json
from itertools import pairwise

import msgspec
import pytest
from packaging.specifiers import SpecifierSet

from envkit.matrix.cuda import backend_of, cuda_of
from envkit.matrix.data_files import DATA
from envkit.matrix.learned import problems_of_release, python_order
from envkit.matrix.versions import numbers
from tests.matrix import shapes

FILES = sorted(path.name for path in DATA.glob("*.json"))
SHAPES = {
    "torch.json": shapes.Torch,
    "cuda.json": shapes.CudaFile,
    "python.json": shapes.PythonFile,
    "gpus.json": shapes.GpuFile,
    "macos.json": shapes.MacFile,
    "images.json": shapes.ImageFile,
    "modules.json": shapes.ModuleFile,
    "dependencies.json": shapes.DependencyFile,
}


def load(name):
    return msgspec.json.decode((DATA / name).read_bytes(), type=SHAPES[name])


TORCH = load("torch.json").releases
CUDA = load("cuda.json")
PYTHONS = load("python.json").pythons

cu118 = {
    "linux-x86_64": {
        **dict.fromkeys(("2.0.0", "2.0.1", "2.1.0", "2.1.1", "2.1.2"), "3.8 3.9 3.10 3.11"),
        **dict.fromkeys(("2.2.0", "2.2.1", "2.2.2", "2.3.0", "2.3.1", "2.4.0", "2.4.1"), "3.8 3.9 3.10 3.11 3.12"),
        **dict.fromkeys(("2.5.0", "2.5.1"), "3.9 3.10 3.11 3.12 3.13"),
        **dict.fromkeys(("2.6.0", "2.7.0", "2.7.1"), "3.9 3.10 3.11 3.12 3.13 3.13t"),
    },
    "win-amd64": {
        **dict.fromkeys(("2.0.0", "2.0.1", "2.1.0", "2.1.1", "2.1.2"), "3.8 3.9 3.10 3.11"),
        **dict.fromkeys(("2.2.0", "2.2.1", "2.2.2", "2.3.0", "2.3.1", "2.4.0", "2.4.1"), "3.8 3.9 3.10 3.11 3.12"),
        **dict.fromkeys(("2.5.0", "2.5.1"), "3.9 3.10 3.11 3.12"),
        "2.6.0": "3.9 3.10 3.11 3.12 3.13",
        **dict.fromkeys(("2.7.0", "2.7.1"), "3.9 3.10 3.11 3.12 3.13 3.13t"),
    },
}
_FROM_21 = ("2.1.0", "2.1.1", "2.1.2", "2.2.0", "2.2.1", "2.2.2", "2.3.0", "2.3.1", "2.4.0", "2.4.1", "2.5.0", "2.5.1")
cu121 = {platform: {torch: rows[torch] for torch in _FROM_21} for platform, rows in cu118.items()}


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_where_it_is_from_and_when(name):
    meta = msgspec.json.decode((DATA / name).read_bytes(), type=shapes.Head).meta
    assert meta.sources or meta.source


@pytest.mark.parametrize("name", SHAPES)
def test_every_file_has_its_form(name):
    load(name)


def test_a_field_that_nobody_defined_is_found():
    damaged = json.loads((DATA / "torch.json").read_bytes())
    damaged["releases"]["2.5.1"]["cuda_archz"] = {}
    with pytest.raises(msgspec.ValidationError, match="cuda_archz"):
        msgspec.json.decode(json.dumps(damaged), type=shapes.Torch)


@pytest.mark.parametrize("version", TORCH)
def test_a_release_is_well_formed_by_the_rules_for_what_is_learned(version):
    release = TORCH[version]
    plain = {platform: wheel.pythons for platform, wheel in release.default_index.items()}
    variants = {
        folder: platforms
        for folder, platforms in release.download_index.items()
        if not folder.endswith(("_full", "_pypi_cudnn", "-abi"))
    }
    assert problems_of_release(version, plain, variants) == []


def test_releases_are_complete_and_in_order():
    assert list(TORCH) == sorted(TORCH, key=numbers)
    assert (next(iter(TORCH)), list(TORCH)[-1]) == ("1.8.0", "2.15.0")
    for older, newer in pairwise(version for version in TORCH if version != "1.8.2"):
        assert TORCH[older].released_day <= TORCH[newer].released_day, (older, newer)


@pytest.mark.parametrize(("backend", "expected"), [("cu118", cu118), ("cu121", cu121)])
def test_cuda_11_8_and_12_1_are_complete(backend, expected):
    found = {platform: {} for platform in expected}
    for version, release in TORCH.items():
        for platform, pythons in release.download_index.get(backend, {}).items():
            found[platform][version] = " ".join(pythons)
    assert found == expected


def test_every_python_is_in_the_table_of_pythons():
    used = {
        python.removesuffix("t")
        for release in TORCH.values()
        for pythons in (
            *(wheel.pythons for wheel in release.default_index.values()),
            *(pythons for platforms in release.download_index.values() for pythons in platforms.values()),
        )
        for python in pythons
    }
    assert used <= set(PYTHONS)


def test_a_python_ends_after_it_began_and_later_than_the_one_before():
    ordered = [PYTHONS[minor] for minor in sorted(PYTHONS, key=numbers)]
    assert all(python.released < python.end_of_life for python in ordered)
    assert all(a.end_of_life < b.end_of_life for a, b in pairwise(ordered))


@pytest.mark.parametrize("version", TORCH)
def test_wheels_are_for_pythons_that_the_release_asks_for(version):
    asked = TORCH[version].requires_python
    if asked == "unknown":
        return
    allowed = SpecifierSet(asked)
    for wheel in TORCH[version].default_index.values():
        for python in wheel.pythons:
            assert allowed.contains(f"{python.removesuffix('t')}.99"), python


def test_tags_name_the_same_pythons():
    for release in TORCH.values():
        for wheel in release.default_index.values():
            told = {python for pythons in wheel.tags.values() for python in pythons}
            assert sorted(told, key=python_order) == list(wheel.pythons)


def test_the_default_wheel_is_the_build_that_its_own_version_names():
    for version, release in TORCH.items():
        for platform, wheel in release.default_index.items():
            assert wheel.torch_version in (version, f"{version}+{wheel.variant}"), (version, platform)
            assert wheel.cuda == cuda_of(wheel.variant), (version, platform)


def test_apple_silicon_has_metal_since_1_12():
    for version, release in TORCH.items():
        wheel = release.default_index.get("macos-arm64")
        if wheel:
            assert (wheel.backend == "mps") == (numbers(version) >= (1, 12)), version


def test_every_cuda_build_is_of_a_known_toolkit_and_has_its_archs():
    for version, release in TORCH.items():
        for folder, platforms in release.download_index.items():
            cuda = cuda_of(folder.partition("_")[0])
            if cuda is None:
                continue
            assert cuda in CUDA.toolkits, (version, folder)
            for platform in platforms:
                entry = release.cuda_archs.get(folder.partition("_")[0], {}).get(platform)
                default = release.default_index.get(platform)
                of_default = default.cuda_archs if default and default.variant == folder else None
                assert "_" in folder or (entry and entry.archs) or of_default, (version, folder, platform)


def test_a_build_has_code_only_for_what_its_toolkit_can_make():
    for version, release in TORCH.items():
        for backend, platforms in release.cuda_archs.items():
            known = CUDA.toolkits[cuda_of(backend)].compute_capabilities
            for platform, entry in platforms.items():
                for arch in entry.archs or ():
                    number = arch.partition("_")[2].rstrip("af")
                    assert f"{number[:-1]}.{number[-1]}" in known, (version, backend, platform, arch)


def test_a_default_wheel_and_its_variant_have_one_list_of_archs():
    for version, release in TORCH.items():
        for platform, wheel in release.default_index.items():
            entry = release.cuda_archs.get(wheel.variant, {}).get(platform)
            if wheel.cuda_archs and entry and entry.archs:
                assert set(entry.archs) == set(wheel.cuda_archs), (version, platform)


def test_numpy_2_is_known_where_the_default_index_has_a_wheel_and_never_goes_back():
    for version, release in TORCH.items():
        for platform, wheel in release.default_index.items():
            assert release.numpy2[platform] is wheel.numpy2, (version, platform)
    for platform in ("linux-x86_64", "linux-aarch64", "macos-arm64", "win-amd64"):
        told = [release.numpy2[platform] for release in TORCH.values() if platform in release.numpy2]
        assert told == sorted(told), platform


def test_every_release_names_its_companions():
    for version, release in TORCH.items():
        assert release.companions.torchvision, version
        assert release.companions.torchaudio, version


def test_companions_never_go_back():
    for name in ("torchvision", "torchaudio"):
        own = [numbers(getattr(release.companions, name)[0]) for release in TORCH.values()]
        assert own == sorted(own), name


def test_a_variant_of_another_build_platform_says_where_that_is_from():
    for version, release in TORCH.items():
        assert bool(release.variant_min_glibc) == bool(release.variant_min_glibc_source), version
        assert set(release.variant_min_glibc) <= set(release.download_index), version


def test_a_release_that_no_list_shows_is_marked_as_inferred():
    lts = TORCH["1.8.2"]
    assert (lts.download_index_tag, lts.download_index_folder) == ("inferred", "lts/1.8")
    assert set(lts.download_index) == {"cpu", "cu102", "cu111"}


def test_the_pytorch_channel_ends_and_conda_forge_goes_on():
    channels = {version: set(release.conda) for version, release in TORCH.items()}
    assert max((version for version in channels if "pytorch" in channels[version]), key=numbers) == "2.5.1"
    for version, release in TORCH.items():
        entry = release.conda.get("pytorch")
        if entry:
            modern = numbers(version) >= (1, 13)
            assert entry.cuda_selector == ("pytorch-cuda=" if modern else "cudatoolkit="), version
        if "conda-forge" in release.conda:
            older = {"9.2"}  # before the first toolkit of the table
            assert set(release.conda["conda-forge"].cuda) <= set(CUDA.toolkits) | older, version


def test_the_rules_of_the_pytorch_channel_name_their_source():
    rules = json.loads((DATA / "torch.json").read_bytes())["_meta"]["conda_notes"]["pytorch_channel"]
    assert rules["source"]
    assert {rules["seen"], *rules["inferred_from"]} <= set(rules["platforms"])


def test_every_kernel_of_macos_has_the_release_after_the_one_before():
    releases = [int(release) for release in load("macos.json").by_kernel.values()]
    assert releases == sorted(set(releases))


def test_a_toolkit_has_the_name_that_torch_gives_it():
    assert all(toolkit.torch_variant == backend_of(cuda) for cuda, toolkit in CUDA.toolkits.items())


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_a_newer_toolkit_never_needs_an_older_driver(system):
    own = [getattr(CUDA.toolkits[cuda], f"min_driver_{system}") for cuda in sorted(CUDA.toolkits, key=numbers)]
    known = [numbers(driver) for driver in own if driver]
    assert known == sorted(known)


def test_minor_versions_share_one_minimum_from_cuda_11_on():
    for cuda, toolkit in CUDA.toolkits.items():
        shared = toolkit.minor_version_compat
        assert (shared is not None) == (numbers(cuda)[0] >= 11), cuda
        others = {
            (one.minor_version_compat.linux, one.minor_version_compat.windows)
            for name, one in CUDA.toolkits.items()
            if numbers(name)[0] == numbers(cuda)[0] and one.minor_version_compat
        }
        assert len(others) <= 1, cuda


def test_every_driver_minimum_that_torch_needs_is_known():
    for release in TORCH.values():
        for folder in release.download_index:
            cuda = cuda_of(folder.partition("_")[0])
            if cuda:
                toolkit = CUDA.toolkits[cuda]
                assert toolkit.min_driver_linux or toolkit.minor_version_compat
                assert toolkit.min_driver_windows or toolkit.minor_version_compat


def test_driver_branches_report_ever_newer_cuda_and_drive_ever_newer_gpus():
    ordered = [CUDA.driver_branches[branch] for branch in sorted(CUDA.driver_branches, key=numbers)]
    reported = [numbers(branch.cuda) for branch in ordered]
    least = [numbers(branch.min_cc) for branch in ordered if branch.min_cc]
    assert reported == sorted(reported)
    assert least == sorted(least)


def test_a_gpu_has_one_compute_capability_that_some_toolkit_makes_code_for():
    gpus = load("gpus.json").nvidia
    by_name = {}
    for name, gpu in gpus.items():  # drivers spell some names in more than one way
        assert by_name.setdefault(name.casefold(), gpu.cc) == gpu.cc, name
    known = {cc for toolkit in CUDA.toolkits.values() for cc in toolkit.compute_capabilities or ()}
    older = {"2.0", "2.1"}  # before the first toolkit of the table
    assert {gpu.cc for gpu in gpus.values()} <= known | older
