"""The images that containers are built on."""

import pytest

from envkit.matrix.images import python_image


@pytest.mark.parametrize(
    ("minor", "image"),
    [
        pytest.param("3.11", "python:3.11-slim-bookworm", id="most"),
        pytest.param("3.6", "python:3.6-slim-bullseye", id="the last one made"),
    ],
)
def test_a_python_has_an_image_that_torch_runs_on(minor, image):
    assert python_image(minor) == image
