"""The shipped matrix, loaded once."""

import pytest

from envkit import matrix as shipped


@pytest.fixture(scope="session")
def matrix():
    return shipped.load()
