"""Faults of what stands beside torch: companions, NumPy, NVIDIA's wheels, libraries that are loaded first."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.conftest import STANDINS
from tests.faults.fault import Fault
from tests.faults.in_torch import CPU, torch
from tests.faults.place import Place
from tests.standins.torch_package import add_metadata

_PIN = ("nvidia-cudnn-cu13==9.20.0.48; platform_system == 'Linux'",)


def beside(name: str, version: str, *requires: str, release: str = CPU, pins: tuple[str, ...] = ()) -> object:
    """Return what plants a distribution beside a torch."""

    def plant(place: Place) -> None:
        torch(place, release, cuda=None if release.endswith("cpu") else "13.0", requires=pins)
        add_metadata(place.site, name, version, requires=requires)

    return plant


def _numpy_half_gone(place: Place) -> None:
    torch(place)
    package = place.site / "numpy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text("")
    add_metadata(place.site, "numpy", "1.26.4", package)
    (package / "core.py").unlink()


def _numpy_cut_short(place: Place) -> None:
    """What pip leaves that was stopped over it."""
    torch(place)
    (place.site / "numpy").mkdir()
    (place.site / "numpy/__init__.py").write_text("")


def _numpy_of_conda(place: Place, *, altered: bool = False) -> None:
    torch(place)
    library = place.site / "numpy/_core/_multiarray_umath.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\x7fELF stand-in")
    add_metadata(place.site, "numpy", "2.4.6", place.site / "numpy")
    name = library.relative_to(place.prefix).as_posix()
    path = {"_path": name, "path_type": "hardlink", "size_in_bytes": library.stat().st_size}
    info = (place.site / "numpy-2.4.6.dist-info/METADATA").relative_to(place.prefix).as_posix()
    record = {"files": [name, info], "paths_data": {"paths": [path]}}
    meta = place.prefix / "conda-meta"
    meta.mkdir()
    (meta / "numpy-2.4.6-py311_0.json").write_text(json.dumps(record))
    library.write_bytes(b"") if altered else library.unlink()


def _library(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    compiler = shutil.which("gcc") or shutil.which("cc") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", file, STANDINS / "libcuda.c"], check=True)
    return file


def _cudnn(place: Place, *, loaded: bool) -> None:
    """A libcudnn of the machine's in the place of the wheel's."""
    _library(place.site / "nvidia/cudnn/lib/libcudnn.so.9")
    other = place.folder / "cuda/lib64/libcudnn.so.9"
    other.parent.mkdir(parents=True)
    shutil.copy(place.site / "nvidia/cudnn/lib/libcudnn.so.9", other)
    torch(place, "2.13.0+cu130", cuda="13.0", prelude="import ctypes; ctypes.CDLL('libcudnn.so.9')" if loaded else "")
    place.variables["LD_LIBRARY_PATH"] = str(other.parent)


def _openmp_broken(place: Place) -> None:
    """An OpenMP runtime in a folder that is searched first, cut short: a copy of what torch brings."""
    (torch(place, prelude="import ctypes; ctypes.CDLL('libgomp.so.1')") / "lib/libgomp.so.1").write_bytes(b"\x7fELF")
    other = place.folder / "other/libgomp.so.1"
    other.parent.mkdir()
    other.write_text("odd")
    place.variables["LD_LIBRARY_PATH"] = str(other.parent)


def _openmp_twice(place: Place) -> None:
    files = (_library(place.folder / name) for name in ("a/libiomp5.so", "b/libomp.so"))
    torch(place, prelude="import ctypes\n" + "\n".join(f"ctypes.CDLL({str(file)!r})" for file in files))


def _no_preload(place: Place) -> None:
    torch(place)
    place.variables["LD_PRELOAD"] = str(place.folder / "libnone.so")


_LOADS_EXTENSION = """
try:
    raise ImportError("libhccl.so: cannot open shared object file: No such file or directory")
except ImportError as error:
    raise RuntimeError("Failed to load the backend extension: torch_npu. You can disable extension auto-loading with "
                       "TORCH_DEVICE_BACKEND_AUTOLOAD=0.") from error
"""


def _extension(place: Place, *requires: str) -> None:
    """An extension that torch loads at its import, and that fails."""
    torch(place, prelude=_LOADS_EXTENSION)
    add_metadata(place.site, "torch_npu", "2.1.0", requires=requires)


FAULTS = (
    Fault("torchvision asks for another torch", beside("torchvision", "0.19.1+cpu", "torch==2.4.1"),
          "companion-mismatch", says="torch==2.4.1"),
    Fault("torchvision of another build", beside("torchvision", "0.28.0+cu126"), "companion-mismatch", says="cu126"),
    Fault("torchaudio of another release", beside("torchaudio", "2.4.1"), "companion-mismatch"),
    Fault("xformers asks for another torch", beside("xformers", "0.0.27", "torch==2.3.1"), "companion-mismatch"),
    Fault("sglang asks for another torch", beside("sglang", "0.4.0", "torch==2.5.1"), "companion-mismatch",
          says="sglang 0.4.0 asks for torch==2.5.1"),
    Fault("fastai does not know of this torch yet", beside("fastai", "2.7.18", "torch<2.6,>=1.10"),
          "companion-mismatch", 0, says="asks for torch<2.6"),
    Fault("control: vllm asks for another torch on another processor", beside(
        "vllm", "1.0", "torch==2.9.1; platform_machine == 's390x'", "torch==2.13.0; platform_machine != 's390x'"),
          "gpu-absent", 0),
    Fault("an extension that torch loads asks for another torch", lambda place: _extension(place, "torch==2.1.0"),
          "companion-mismatch", says="torch-npu 2.1.0 asks for torch==2.1.0"),
    Fault("an extension that torch loads lacks a library", _extension, "companion-mismatch", says="libhccl.so"),
    Fault("triton is not torch's", beside("triton", "2.0.0", release="2.13.0+cu130", pins=("triton==3.7.1",)),
          "companion-mismatch", says="triton==3.7.1"),
    Fault("NumPy 2 beside a torch of NumPy 1", beside("numpy", "2.1.0", release="2.1.2+cpu"), "numpy-abi",
          says="2.1.0"),
    Fault("files of NumPy deleted", _numpy_half_gone, "numpy-abi"),
    Fault("NumPy without metadata, and torch works", _numpy_cut_short, "numpy-abi", 0, says="rm -rf"),
    Fault("a file of conda's NumPy deleted", _numpy_of_conda, "numpy-abi", says="conda install --prefix"),
    Fault("a file of conda's NumPy emptied", lambda place: _numpy_of_conda(place, altered=True), "numpy-abi",
          says="has 0 bytes instead of"),
    Fault("an nvidia wheel removed", beside("six", "1.16", release="2.13.0+cu130", pins=_PIN),
          "nvidia-wheels-mismatch", says="is not installed"),
    Fault("an nvidia wheel of another version", beside("nvidia_cudnn_cu13", "9.1.0", release="2.13.0+cu130", pins=_PIN),
          "nvidia-wheels-mismatch", says="9.1.0 is installed"),
    Fault("another libcudnn is loaded", lambda place: _cudnn(place, loaded=True), "library-path-conflict",
          says="cuda/lib64/libcudnn.so.9", driver=True),
    Fault("another libcudnn lies in wait", lambda place: _cudnn(place, loaded=False), "library-path-conflict", 0,
          says="cuda/lib64/libcudnn.so.9", driver=True),
    Fault("an OpenMP runtime that is searched for first is broken", _openmp_broken, "library-path-conflict",
          says="unset LD_LIBRARY_PATH"),
    Fault("two OpenMP runtimes are loaded", _openmp_twice, "openmp-duplicate", 0, driver=True),
    Fault("control: LD_PRELOAD names what is not there", _no_preload, "gpu-absent", 0),
)  # fmt: skip
