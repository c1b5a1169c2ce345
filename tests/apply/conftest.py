"""Plans to carry out, and someone to tell."""

import pytest

from envkit import matrix as shipped
from envkit.planning.decide import plan
from envkit.planning.model import Request
from tests.planning.hosts import HOSTS


@pytest.fixture(scope="session")
def make_plan():
    """`make_plan(manager=...)` plans that request for a Linux machine without a GPU."""

    def make(host="linux-cpu", **request):
        return plan(Request(**request), HOSTS[host], shipped.load())

    return make


class Listener:
    """Keeps what it was told."""

    def __init__(self):
        self.told = []

    def started(self, name, number, total):
        self.told.append(f"{number}/{total} {name}")

    def said(self, line):
        self.told.append(f"said {line}")

    def ended(self, seconds):
        assert seconds >= 0
        self.told.append("ended")


@pytest.fixture
def listener():
    return Listener()
