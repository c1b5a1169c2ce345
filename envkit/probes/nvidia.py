"""Facts about the NVIDIA driver: through NVML, and through cuInit as torch would meet it."""

import importlib.util
import sys
from pathlib import Path
from typing import TypeVar

from envkit.probes.framing import Answers, run_script, unanswered
from envkit.probes.loader import is_certainly_absent
from envkit.probes.target import decoded
from envkit.snapshot import Absent, CudaDriver, Nvml, Unknown

T = TypeVar("T")

# envkit's own interpreter, without site and the user's Python settings: faster, and nothing in the way.
_OWN = (sys.executable, "-I", "-S")

_NVML, _CUDA = "libnvidia-ml.so.1", "libcuda.so.1"
_NOWHERE = "is in no folder that the loader searches"
_NO_DRIVER = "there is no NVIDIA driver on this operating system"


def probe_nvml(timeout: float) -> Nvml | Absent | Unknown:
    """Ask NVML for the driver and its devices, in a child process."""
    spec = importlib.util.find_spec("pynvml")
    if spec is None or spec.origin is None:
        return Unknown(why="nvidia-ml-py, which envkit depends on, is not installed beside it")
    if sys.platform == "darwin":
        return Absent(why=_NO_DRIVER)
    if is_certainly_absent(_NVML):
        return Absent(why=f"{_NVML} {_NOWHERE}")
    answers = run_script(_OWN, "nvml.py", [str(Path(spec.origin).parent)], timeout=timeout)
    return _section(answers, "nvml", Nvml)


def probe_cuda(timeout: float) -> CudaDriver | Absent | Unknown:
    """Ask libcuda to initialise, in a child process; its numeric answer is a fact."""
    if sys.platform == "darwin":
        return Absent(why=_NO_DRIVER)
    if is_certainly_absent(_CUDA):
        return Absent(why=f"{_CUDA} {_NOWHERE}")
    return _section(run_script(_OWN, "cuda.py", [], timeout=timeout), "cuda", CudaDriver)


def _section(answers: Answers, name: str, shape: type[T]) -> T | Absent | Unknown:
    said = answers.merged(name)
    if said is None:
        return unanswered(answers.completed, f"the driver library ({name})")
    return Absent(why=str(said["absent"])) if "absent" in said else decoded(said, shape)
