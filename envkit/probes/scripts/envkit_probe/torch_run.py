"""`import torch` and first use of each device, told as it goes on: the run may end in any way."""

import functools
import os
import sys
import time
import traceback
import warnings

from envkit_probe.files import is_text, real
from envkit_probe.libraries import loaded_libraries
from envkit_probe.modules import ways_in

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401


def run_torch(send, current_folder):
    # type: (Any, str) -> None
    def stage(name):
        # type: (str) -> None
        send("torch", {"stage": name})

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stage("import")
        began = time.time()
        try:
            import torch
        except BaseException as error:  # also SystemExit: a target may do anything on import
            own = own_modules(current_folder)
            send("torch", {"error": error_facts(error), "own_modules": own, "libraries": libraries_now()})
            return
        send("torch", {"import_seconds": time.time() - began})
        stage("version")
        send("torch", torch_version_facts(torch))
        stage("backends")
        backends = [guarded_backend(torch, name, facts) for name, facts in BACKENDS]
        send("torch", {"backends": backends, "arch_list": arch_list(torch)})
        devices = []
        for name in device_names(backends):
            stage("device " + name)
            devices.append(device_facts(torch, name))
            send("torch", {"devices": devices})
        # What a device needs is loaded on its first use.
        send("torch", {"libraries": libraries_now()})
        send("torch", {"warnings": sorted(set(str(warning.message) for warning in caught))[:20]})
    stage("done")


def own_modules(current_folder):
    # type: (str) -> dict[str, str]
    """The modules that came from the folders that the user's situation put on the search path, each with its file."""
    ways = ways_in(current_folder)
    found = {}
    for name, module in list(sys.modules.items()):
        file = attempt(functools.partial(getattr, module, "__file__"))
        if "." in name or not file or not is_text(file):
            continue
        folder, base = os.path.split(file)
        entry = os.path.dirname(folder) if base.startswith("__init__.") else folder
        if ways.get(real(entry)) in ("current-folder", "PYTHONPATH"):
            found[name] = file
    return found


def libraries_now():
    # type: () -> list[dict[str, str]] | None
    return loaded_libraries([entry for entry in sys.path if is_text(entry)])


def error_facts(error):
    # type: (BaseException) -> dict[str, Any]
    """The exception that is being handled."""
    message = attempt(lambda: str(error)) or ""
    return {"type": type(error).__name__, "message": message[:4000], "traceback": traceback.format_exc()[-8000:]}


def torch_version_facts(torch):
    # type: (Any) -> dict[str, Any]
    version = getattr(torch, "version", None)
    return {
        "version": text_or_none(getattr(torch, "__version__", None)),
        "file": text_or_none(getattr(torch, "__file__", None)),
        "cuda": str(getattr(version, "cuda", None) or ""),
        "hip": str(getattr(version, "hip", None) or ""),
        "threads": attempt(lambda: int(torch.get_num_threads())),
    }


def text_or_none(value):
    # type: (Any) -> str | None
    return None if value is None else str(value)


def attempt(function):
    # type: (Any) -> Any
    """The function's result, None when it raises."""
    try:
        return function()
    except Exception:
        return None


def guarded_backend(torch, name, facts):
    # type: (Any, str, Any) -> dict[str, Any]
    try:
        answer = dict(facts(torch))
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    answer["name"] = name
    return answer


def cuda_backend(torch):
    # type: (Any) -> dict[str, Any]
    built = bool(torch.version.cuda or getattr(torch.version, "hip", None))
    if not built:
        return {"built": False, "available": False, "device_count": 0}
    available = bool(torch.cuda.is_available())
    return {
        "built": True,
        "available": available,
        "device_count": int(torch.cuda.device_count()),
        "error": "" if available else why_not(torch.cuda.init),
    }


def why_not(initialise):
    # type: (Any) -> str
    try:
        initialise()
    except Exception as error:
        return str(error)[:2000]
    return ""


def mps_backend(torch):
    # type: (Any) -> dict[str, Any]
    mps = getattr(torch.backends, "mps", None)
    available = mps is not None and bool(mps.is_available())
    return {
        "built": mps is not None and bool(mps.is_built()),
        "available": available,
        "device_count": int(available),
    }


def xpu_backend(torch):
    # type: (Any) -> dict[str, Any]
    xpu = getattr(torch, "xpu", None)
    if xpu is None:
        return {"built": False, "available": False, "device_count": 0}
    built = getattr(xpu, "_is_compiled", lambda: None)()
    available = bool(xpu.is_available()) if built is not False else False
    return {
        "built": built,
        "available": available,
        "device_count": int(xpu.device_count()) if available else 0,
    }


BACKENDS = (("cuda", cuda_backend), ("mps", mps_backend), ("xpu", xpu_backend))


def arch_list(torch):
    # type: (Any) -> list[str] | None
    """The code objects in the build; torch's public call is empty unless a device works."""
    flags = attempt(lambda: torch._C._cuda_getArchFlags())
    if flags:
        return str(flags).split()
    listed = attempt(lambda: torch.cuda.get_arch_list())  # what is called torch may be a folder of the user's
    return None if listed is None else [str(arch) for arch in listed]


def device_names(backends):
    # type: (list[dict[str, Any]]) -> list[str]
    names = ["cpu"]
    for backend in backends:
        if backend.get("available"):
            names += ["%s:%d" % (backend["name"], index) for index in range(min(backend["device_count"], 64))]
    return names


def device_facts(torch, name):
    # type: (Any, str) -> dict[str, Any]
    facts = {"device": name}  # type: dict[str, Any]
    try:
        if name.startswith("cuda"):
            properties = torch.cuda.get_device_properties(name)
            facts["name"] = str(properties.name)
            facts["compute_capability"] = "%d.%d" % (properties.major, properties.minor)
            facts["memory_total"] = int(properties.total_memory)
        facts["works"] = tiny_operation(torch, name)
    except Exception as error:
        facts["works"] = False
        facts["error"] = "%s: %s" % (type(error).__name__, str(error)[:2000])
    return facts


def tiny_operation(torch, device):
    # type: (Any, str) -> bool
    """A 2x3 matrix of 0..5 times its transpose sums to 83, exactly, in any float type."""
    matrix = torch.arange(6, dtype=torch.float32, device=device).reshape(2, 3)
    return float(torch.mm(matrix, matrix.t()).sum().item()) == 83.0
