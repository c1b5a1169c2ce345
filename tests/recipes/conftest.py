"""Plans to write recipes for."""

import pytest

from envkit import matrix as shipped
from envkit.planning.decide import plan
from envkit.planning.model import Request
from tests.planning.hosts import HOSTS


@pytest.fixture(scope="session")
def make_plan():
    """`make_plan("linux-cpu", path="my env")` plans that request for a host of the table."""

    def make(host="linux-cpu", **request):
        return plan(Request(**request), HOSTS[host], shipped.load())

    return make
