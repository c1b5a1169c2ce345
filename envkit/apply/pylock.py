"""`pylock.toml` (PEP 751): what uv finds for a plan on the indexes, each file with its address and hash."""

import os
import sys
import tempfile
from pathlib import Path

from envkit import processes
from envkit.apply.complaints import error_line
from envkit.apply.engines import choose_installer, find_uv
from envkit.errors import EnvkitError
from envkit.planning.installs import uv_index
from envkit.planning.model import Engine, Plan
from envkit.planning.recipe import recipe
from envkit.probes.pip_config import PipSources, read_pip_sources

_LIMIT = 600.0
_TARGETS = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "macos-x86_64": "x86_64-apple-darwin",
    "macos-arm64": "aarch64-apple-darwin",
    "win-amd64": "x86_64-pc-windows-msvc",
    "win-arm64": "aarch64-pc-windows-msvc",
}
"""Platforms in uv's words."""


def check_lockable(plan: Plan) -> None:
    """Raise `EnvkitError` when nothing here could resolve the plan."""
    if plan.platform not in _TARGETS or plan.python.endswith("t"):
        raise EnvkitError(
            f"there is no pylock.toml: uv resolves for no Python {plan.python} on {plan.platform} from elsewhere",
            exit_code=1,
        )
    if find_uv() is None:
        raise EnvkitError(
            "there is no pylock.toml without uv, which resolves it",
            hint='`python -m pip install "torch-envkit[uv]"`',
            exit_code=1,
        )


def lock(plan: Plan) -> str:
    """Return the lock file of a plan, from the indexes that uv, or in its place pip, is configured with.

    Raise `EnvkitError` when they do not have all that the plan needs, or cannot be reached.
    """
    check_lockable(plan)
    uv = choose_installer(Engine.UV, _pip_sources)
    index = uv_index(plan)
    with tempfile.TemporaryDirectory(prefix="envkit-") as folder:
        project = Path(folder) / "pyproject.toml"
        project.write_text(recipe(plan).text(project.name), encoding="utf-8")
        argv = (
            *(uv.program, "pip", "compile", "--no-header", "--format", "pylock.toml"),
            *(*uv.options_beside(index), *index),
            *("--python-version", plan.python, "--python-platform", _TARGETS[plan.platform], str(project)),
        )
        done = processes.run(argv, timeout=_LIMIT, env={**os.environ, **dict(uv.variables)})
    if not done.ok:
        said = error_line(done.error_text) or done.describe()
        raise EnvkitError(f"uv could not resolve pylock.toml: {said}", exit_code=1)
    return done.stdout.decode()


def _pip_sources() -> PipSources:
    told = read_pip_sources(sys.executable)
    return told if isinstance(told, PipSources) else PipSources()
