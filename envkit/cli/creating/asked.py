"""The options of `envkit create`, as the modules beside this one read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envkit.planning.model import Request

_VERSION = re.compile(r"(?P<minor>\d+\.\d+)(?:\.\d+)?(?P<free_threaded>t?)")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of a command line."""

    place: str | None
    manager: str | None
    engine: str | None
    python: str | None
    torch: str | None
    cuda: str | None
    rocm: str | None
    xpu: bool
    packages: tuple[str, ...]
    bare: bool
    name: str | None
    path: str | None
    machine: str | None
    """The file that --for names."""
    formats: tuple[str, ...]
    output: str | None
    apply_now: bool
    dry_run: bool
    update: bool
    replace: bool
    check: str | None
    index: str | None
    kernel: bool
    no_verify: bool
    force: bool
    explain: bool
    as_json: bool

    @property
    def python_version(self) -> str | None:
        """The version that --python asks for, None when it names an interpreter."""
        return self.python if self.python and _VERSION.fullmatch(self.python) else None

    @property
    def folder(self) -> Path | None:
        """The folder that --output names."""
        return None if self.output in (None, "-") else Path(self.output or "")

    @property
    def request(self) -> Request:
        """What is asked of the planner."""
        from envkit.planning.model import Engine, Manager, Request

        version = _VERSION.fullmatch(self.python or "")
        return Request(
            manager=Manager(self.manager or "venv"),
            engine=Engine(self.engine) if self.engine else None,
            python=f"{version['minor']}{version['free_threaded']}" if version else None,
            torch=self.torch,
            cuda=self.cuda,
            rocm=self.rocm,
            xpu=self.xpu,
            bare=self.bare,
            name=self.name,
            path=self.place if self.path is None else self.path,
            packages=self.packages,
            index=self.index,
        )
