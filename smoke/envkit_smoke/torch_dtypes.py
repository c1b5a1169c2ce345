"""The dtypes as torch has them, what a device or a torch lacks of them, and TF32 on and off."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import torch

TORCH_DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
TF32_CAPABILITY = (8, 0)  # Ampere, by the CUDA programming guide's table of compute capabilities

# torch says in these words that a backend lacks a dtype: in RuntimeError ('"addmm_impl_cpu_" not implemented for
# 'Half''), TypeError (MPS for float64: "doesn't support float64") and NotImplementedError.
LACKING = ("not implemented for", "doesn't support", "does not support", "not supported", "unsupported")


def why_lacking(dtype: str, device: str) -> str | None:
    """Why the dtype cannot be had on the device, as far as that is known without trying it."""
    if dtype != "tf32":
        return None
    if not device.startswith("cuda") or getattr(torch.version, "hip", None):
        return f"TF32 is a mode of NVIDIA GPUs, which {device} is not"
    if torch.cuda.get_device_capability(device) < TF32_CAPABILITY:
        return f"TF32 needs an NVIDIA GPU of compute capability 8.0 or newer, which {device} is not"
    return None


def is_lacking(error: BaseException, dtype: str) -> bool:
    """Whether this error, raised on trying, says that the device lacks the dtype; float32 is never lacking."""
    if dtype in ("float32", "tf32"):
        return False
    words = str(error).lower()
    return isinstance(error, NotImplementedError) or any(phrase in words for phrase in LACKING)


@contextmanager
def products(dtype: str) -> Iterator[None]:
    """TF32 on within it for "tf32", off for all else, and off after it."""
    if dtype == "tf32":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        if dtype == "tf32":
            torch.set_float32_matmul_precision("highest")
