"""Where the payload lies: `recipes/` (templates) and `smoke/` (workloads), read or run, never imported.

An installed wheel carries them as `envkit/_payload/<name>`; a checkout and an editable install have
them beside the package. The second place counts only where `pyproject.toml` stands, so that a
stray `smoke/` in somebody's site-packages is never taken for ours.
"""

from pathlib import Path

from envkit.errors import EnvkitError

_PACKAGE = Path(__file__).resolve().parent


def find_payload(name: str) -> Path:
    """Return the folder of the payload called `name`; raise `EnvkitError` when the install lacks it."""
    installed = _PACKAGE / "_payload" / name
    if installed.is_dir():
        return installed
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise EnvkitError(
        f"this installation of envkit lacks its `{name}` folder",
        hint="reinstall it: `python -m pip install --force-reinstall torch-envkit`",
        exit_code=3,
    )
