"""Plans to carry out, and someone to tell."""

import pytest

from envkit import matrix as shipped
from envkit.planning.decide import plan
from envkit.planning.model import Request
from tests.planning.hosts import HOSTS


@pytest.fixture(scope="session")
def make_plan():
    """`make_plan(manager=...)` plans torch 2.13.0, unless another is asked for, for a Linux machine without a GPU."""

    def make(host="linux-cpu", *, torch="2.13.0", **request):
        return plan(Request(torch=torch, **request), HOSTS[host], shipped.load())

    return make


class Listener:
    """Keeps what it was told."""

    def __init__(self):
        self.told = []

    def resumed(self, done):
        self.told.append(f"resumed after {done}")

    def started(self, name, number, total):
        self.told.append(f"{number}/{total} {name}")

    def said(self, line):
        self.told.append(f"said {line}")

    def received(self, done, total):
        self.told.append(f"received {done} of {total}")

    def ended(self, seconds):
        assert seconds >= 0
        self.told.append("ended")


@pytest.fixture
def listener():
    return Listener()
