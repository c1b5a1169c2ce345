"""The shipped table against the real listing of the configured index. Asked for with `pytest -m network`."""

import sys

import pytest

from envkit import matrix
from envkit.matrix.learning import Source, learn, new_wheels, read_wheel_name
from envkit.matrix.versions import numbers
from envkit.probes.index import default_index, read_listings
from envkit.probes.pip_config import PipSources, read_pip_sources

pytestmark = pytest.mark.network
pytest.importorskip("pypi_simple")

TORCH = matrix.load().torch
PYTHONS = matrix.load().pythons.minors()
NEWEST = sorted(TORCH.shipped_releases, key=numbers)[-8:]


@pytest.fixture(scope="module")
def names():
    """The files that the index lists; one that was withdrawn counts as gone."""
    sources = read_pip_sources(sys.executable)
    assert isinstance(sources, PipSources)
    if sources.no_index:
        pytest.skip("pip is configured to use no index")
    (listing,) = read_listings([sources.index_url or default_index()], "torch", sources, seconds=120)
    if listing.problem:
        pytest.skip(f"the index cannot be read: {listing.problem}")
    return tuple(file.name for file in listing.files if not file.yanked)


@pytest.fixture(scope="module")
def listed(names):
    """Release -> platform -> Pythons, as the index lists them."""
    found = {}
    for name in names:
        wheel = read_wheel_name(name, PYTHONS)
        if wheel and not wheel.variant:
            found.setdefault(wheel.version, {}).setdefault(wheel.platform, set()).update(wheel.pythons)
    return found


@pytest.mark.parametrize("version", TORCH.shipped_releases)
def test_pythons_and_platforms_of_a_release_are_those_of_the_index(listed, version):
    shipped = {
        build.platform: set(build.pythons)
        for build in TORCH.builds(torch=version)
        if build.default_index and not build.learned
    }
    assert shipped == listed.get(version, {})


def test_what_would_have_been_learned_of_the_newest_releases_is_what_is_shipped(listed, names):
    older = tuple(version for version in TORCH.shipped_releases if version not in NEWEST)
    source = Source("https://index.example", names)
    found = learn({source.url: new_wheels(source, older, PYTHONS)}, {})
    assert {
        version: {platform: set(wheel.pythons) for platform, wheel in release.plain.items()}
        for version, release in found.items()
    } == {version: listed[version] for version in NEWEST}


def test_the_newest_releases_are_among_those_that_are_compared(listed):
    assert set(NEWEST) <= set(listed)
