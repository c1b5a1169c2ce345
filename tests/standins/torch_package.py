"""A stand-in torch: the few files that make an installed distribution, and a module that answers as told.

It stands in for builds that cannot be had or run here (CUDA builds of several gigabytes, broken
ones). What it cannot stand in for is tested with the real torch.
"""

import base64
import hashlib
from pathlib import Path

_INIT = '''
"""Stand-in torch."""
{prelude}
from . import version
__version__ = version.__version__

float32 = "float32"

def get_num_threads():
    return 1

class _Number:
    def item(self):
        return 83.0

class _Tensor:
    def reshape(self, *shape):
        return self
    def t(self):
        return self
    def sum(self):
        return _Number()

def arange(*arguments, **options):
    return _Tensor()

def mm(left, right):
    return left

class _C:
    @staticmethod
    def _cuda_getArchFlags():
        return {archs!r}

class _Properties:
    name, major, minor, total_memory = "NVIDIA A100-SXM4-80GB", 8, 0, 80 << 30

class cuda:
    @staticmethod
    def is_available():
        return {available!r}
    @staticmethod
    def device_count():
        return {devices!r}
    @staticmethod
    def init():
        raise RuntimeError({error!r})
    @staticmethod
    def get_device_properties(device):
        return _Properties
    @staticmethod
    def get_arch_list():
        return {archs!r}.split()

class backends:
    pass
'''


def install_torch(
    site: Path,
    version: str = "2.13.0+cu130",
    *,
    cuda: str | None = "13.0",
    available: bool = False,
    devices: int = 0,
    error: str = "",
    archs: str = "sm_80 sm_90",
    prelude: str = "",
    installer: str = "pip",
    requires: tuple[str, ...] = (),
) -> Path:
    """Put a stand-in torch with its metadata and RECORD into a site folder; return its package folder.

    `prelude` is run first on import: what makes it crash, hang or print.
    """
    package = site / "torch"
    package.mkdir(parents=True)
    init = _INIT.format(prelude=prelude, available=available, devices=devices, error=error, archs=archs)
    (package / "__init__.py").write_text(init)
    (package / "version.py").write_text(f"__version__ = {version!r}\ndebug = False\ncuda = {cuda!r}\nhip = None\n")
    (package / "lib").mkdir()
    (package / "lib/libtorch_cpu.so").write_bytes(b"\x7fELF stand-in")
    add_metadata(site, "torch", version, package, installer=installer, requires=requires)
    return package


def add_metadata(
    site: Path,
    name: str,
    version: str,
    package: Path | None = None,
    *,
    installer: str = "pip",
    requires: tuple[str, ...] = (),
) -> Path:
    """Write a .dist-info with METADATA, INSTALLER and a RECORD of `package`; return it."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}\nStand-in.\n")
    (info / "INSTALLER").write_text(installer + "\n")
    files = sorted(path for path in package.rglob("*") if path.is_file()) if package else []
    rows = [_row(site, path) for path in files]
    (info / "RECORD").write_text("".join(rows) + f"{info.name}/RECORD,,\n")
    return info


def _row(site: Path, path: Path) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
    return f"{path.relative_to(site).as_posix()},sha256={digest},{path.stat().st_size}\n"
