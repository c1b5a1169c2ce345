"""Writing a recipe's files into a folder, without overwriting what somebody else put there."""

from collections.abc import Mapping
from pathlib import Path

from envkit.errors import EnvkitError


def write_files(files: Mapping[str, str], folder: Path, *, force: bool, dry_run: bool) -> tuple[Path, ...]:
    """Write files by name and text and return their paths; `dry_run` only checks that it could be done.

    Raise `EnvkitError` when other files of these names are there, unless `force`, or when writing fails.
    """
    if folder.exists() and not folder.is_dir():
        raise EnvkitError(f"`{folder}` is no folder", hint="name another with `--output DIR`", exit_code=1)
    different = [name for name, text in files.items() if _differs(folder / name, text)]
    if different and not force:
        raise EnvkitError(
            f"`{folder}` has other files of these names: {', '.join(different)}",
            hint="name another folder, choose files with `--format`, or overwrite them with `--force`",
            exit_code=1,
        )
    if not dry_run:
        # Where one of the folders cannot be made, nothing is written.
        for name in files:
            _make_folder(folder / name)
        for name, text in files.items():
            _write(folder / name, text)
    return tuple(folder / name for name in files)


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode()
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        raise _not_writable(path, refusal) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode())
        if path.suffix in (".sh", ".fish"):
            path.chmod(path.stat().st_mode | 0o111)
    except OSError as refusal:
        raise _not_writable(path, refusal) from None


def _not_writable(path: Path, refusal: OSError) -> EnvkitError:
    return EnvkitError(f"`{path}` cannot be written: {refusal.strerror}", exit_code=1)
