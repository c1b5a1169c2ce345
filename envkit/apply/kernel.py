"""An environment as a Jupyter kernel of the user's."""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from envkit.apply.engines import Installer
from envkit.apply.steps import MAKE_TIMEOUT, Step, interpreter_in
from envkit.errors import EnvkitError

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")


def install_kernel(installer: Installer, path: Path, *, conda: bool = False) -> Step:
    """Return the command that installs what makes an environment a kernel."""
    return installer.install("install ipykernel", path, ("ipykernel",), conda=conda)


def register_kernel(path: Path, name: str, *, conda: bool = False) -> Step:
    """Return the command that tells Jupyter of it; raise `EnvkitError` when the name is another kernel's."""
    kernel = kernel_name(name)
    check_free(kernel, path)
    inside = str(interpreter_in(path, conda=conda))
    register = (inside, "-I", "-m", "ipykernel", "install", "--user", "--name", kernel, "--display-name", name)
    return Step(f"register the Jupyter kernel {kernel}", register, MAKE_TIMEOUT)


def kernel_name(name: str) -> str:
    """Return what Jupyter can call it: small letters, digits and ".", "_", "-"."""
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-.") or "envkit"


def check_free(kernel: str, path: Path) -> None:
    """Raise `EnvkitError` when the user has a kernel of that name that runs another interpreter."""
    spec = kernels_folder(os.environ) / kernel / "kernel.json"
    if not spec.parent.exists():
        return
    try:
        runs = json.loads(spec.read_bytes())["argv"][0]
    except (OSError, ValueError, LookupError, TypeError):
        runs = "something else"
    if not Path(str(runs)).is_relative_to(path):
        raise EnvkitError(
            f"there is a Jupyter kernel `{kernel}` already, which runs {runs}",
            hint="give the environment another name: `--name NAME`",
            exit_code=1,
        )


def kernels_folder(variables: Mapping[str, str]) -> Path:
    """Return where Jupyter keeps the user's own kernels."""
    if variables.get("JUPYTER_DATA_DIR"):
        return Path(variables["JUPYTER_DATA_DIR"]) / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter" / "kernels"
    if sys.platform == "win32":
        return Path(variables.get("APPDATA") or Path.home()) / "jupyter" / "kernels"
    share = variables.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(share) / "jupyter" / "kernels"
