"""What systems and processors are called."""

import pytest

from envkit.systems import name_architecture, name_system


@pytest.mark.parametrize(
    ("told", "system"),
    [("Linux", "linux"), ("Darwin", "macos"), (" osx ", "macos"), ("win32", "windows"), ("FreeBSD", "freebsd")],
)
def test_a_system_has_one_name(told: str, system: str) -> None:
    assert name_system(told) == system


@pytest.mark.parametrize(
    ("told", "system", "name"),
    [
        pytest.param("AMD64", "windows", "x86_64", id="as Windows says"),
        pytest.param("x64", "linux", "x86_64", id="as people say"),
        pytest.param("i586", "linux", "i686", id="an older one"),
        pytest.param("arm64", "linux", "aarch64", id="ARM as Linux says"),
        pytest.param("aarch64", "macos", "arm64", id="ARM as the others say"),
        pytest.param("ARM64", None, "arm64", id="a system that is not known"),
        pytest.param("vax", "linux", "vax", id="one that nobody knows"),
    ],
)
def test_a_processor_has_the_name_that_wheels_give_it(told: str, system: str | None, name: str) -> None:
    assert name_architecture(told, system) == name
