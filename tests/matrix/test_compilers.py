"""Host compilers that nvcc takes."""

import pytest

from envkit import matrix
from envkit.matrix.versions import numbers


@pytest.mark.parametrize(
    ("nvcc", "gcc"),
    [
        ("11.8.89", 11),
        ("12.0", 12),
        ("12.4.131", 13),
        ("12.8.93", 14),
        ("13.0.88", 15),
        ("8.0.61", None),
        ("99.1", None),
    ],
)
def test_the_newest_gcc_of_a_cuda_release(nvcc: str, gcc: int | None) -> None:
    assert matrix.load().compilers.newest_gcc(nvcc) == gcc


def test_a_newer_toolkit_never_takes_less() -> None:
    table = matrix.load().compilers
    known = [table.newest_gcc(release) for release in sorted(table._gcc, key=numbers)]
    assert known == sorted(known)  # type: ignore[type-var]
