"""The question that `envkit matrix` is asked."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from envkit import probes
from envkit.systems import name_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.planning.compatibility import Compatibility
    from envkit.planning.described import Question
    from envkit.planning.model import Request
    from envkit.snapshot import Snapshot

    OnWait = Callable[[tuple[str, ...]], None]

_PYTHON = re.compile(r"(?P<minor>\d+\.\d+)(?:\.\d+)?(?P<free_threaded>t?)")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of a command line."""

    torch: str | None
    python: str | None
    cuda: str | None
    rocm: str | None
    xpu: bool
    gpus: tuple[str, ...]
    driver: str | None
    os_name: str | None
    arch: str | None
    libc: str | None
    conda: bool
    everything: bool
    refresh: bool
    index: str | None
    timeout: float | None
    as_json: bool
    verbose: bool

    @property
    def python_version(self) -> str | None:
        """The minor version that --python asks for, None when it names an interpreter or nothing."""
        version = _PYTHON.fullmatch(self.python or "")
        return f"{version['minor']}{version['free_threaded']}" if version else None

    @property
    def request(self) -> Request:
        """What is asked of the planner."""
        from envkit.planning.model import Manager, Request

        return Request(
            manager=Manager.CONDA if self.conda else Manager.VENV,
            python=self.python_version,
            torch=self.torch,
            cuda=self.cuda,
            rocm=self.rocm,
            xpu=self.xpu,
        )

    @property
    def question(self) -> Question:
        """The machine that is asked about."""
        from envkit.planning.described import Question

        return Question(
            request=self.request,
            own_system=name_system(sys.platform),
            gpus=self.gpus,
            driver=self.driver,
            os=self.os_name,
            arch=self.arch,
            libc=self.libc,
            python_named=self.python is not None,
            everything=self.everything,
        )


def answer(asked: Asked, on_wait: OnWait) -> Compatibility:
    """Return every build that is meant, held against the machine that is meant."""
    from envkit import matrix
    from envkit.planning.compatibility import compare
    from envkit.planning.described import setting_here, settings_elsewhere
    from envkit.planning.wishes import read_wish

    question = asked.question
    if question.elsewhere and asked.python is not None and asked.python_version is None:
        raise click.UsageError("--python names an interpreter of this machine; give a version for another one")
    tables = matrix.load()
    wish = read_wish(asked.request, tables.torch.releases())
    settings = settings_elsewhere(question, tables)
    if not settings:
        settings = (setting_here(question, _probed(asked, question, on_wait), tables),)
    return compare(wish, settings, asked.request.manager, tables)


def _probed(asked: Asked, question: Question, on_wait: OnWait) -> Snapshot:
    # With any Python, or a version, no interpreter here is meant; envkit's own stands in for it.
    target = sys.executable if question.any_python or asked.python_version else asked.python
    return probes.start(target, packages=False).result(on_wait)
