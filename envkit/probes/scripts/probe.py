"""Facts from inside a foreign interpreter: run by path, standard library only, Python 3.6 and later.

    TARGET_PYTHON probe.py TOKEN SECTION [SECTION ...]     sections: interpreter packages cuda torch

Each section answers with frames: a line of its own, the token, a space, one JSON object. What the
target's site hooks or native libraries print can then neither be taken for an answer nor spoil one.
A section that fails says so in its frame; the facts gathered before a crash have already been sent.

The syntax stays within what Python 2.7 can parse, so that an interpreter that is too old is still
told by its version instead of a SyntaxError.
"""

import json
import os
import re
import struct
import sys

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

# -- the channel ----------------------------------------------------------------------------------


def open_channel(token):
    # type: (str) -> Any
    """Keep the real stdout for frames and let everything else that is printed go to stderr."""
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)

    def send(section, facts):
        # type: (str, dict[str, Any]) -> None
        frame = "\n%s %s\n" % (token, json.dumps([section, facts]))
        data = frame.encode("ascii")
        while data:
            data = data[os.write(descriptor, data) :]

    return send


# -- the search path of the user's own run --------------------------------------------------------


CURRENT_FOLDER = [""]


def user_search_path():
    # type: () -> list[str]
    """sys.path as `python -c` or `python -m` has it in the current folder.

    Python put this script's folder first; the user's run has the current folder there, unless
    safe-path mode (-P, -I, PYTHONSAFEPATH) leaves both out.
    """
    path = list(sys.path)
    here = os.path.dirname(os.path.realpath(__file__))
    if path and os.path.realpath(path[0]) == here:
        del path[0]
    if not getattr(sys.flags, "safe_path", False):
        try:
            CURRENT_FOLDER[0] = os.getcwd()
            path.insert(0, CURRENT_FOLDER[0])
        except OSError:
            pass  # the folder was deleted under the user
    return path


# -- section: interpreter -------------------------------------------------------------------------


def interpreter_facts():
    # type: () -> dict[str, Any]
    import site
    import sysconfig

    base_prefix = str(getattr(sys, "real_prefix", None) or getattr(sys, "base_prefix", sys.prefix))
    return {
        "executable": sys.executable or "",
        "version": "%d.%d.%d" % sys.version_info[:3],
        "implementation": getattr(getattr(sys, "implementation", None), "name", "cpython"),
        "bits": struct.calcsize("P") * 8,
        "prefix": sys.prefix,
        "base_prefix": base_prefix,
        "kind": environment_kind(base_prefix),
        "externally_managed": sys.prefix == base_prefix
        and os.path.isfile(os.path.join(sysconfig.get_path("stdlib") or "", "EXTERNALLY-MANAGED")),
        "site_dirs": site_dirs(site),
        "user_site": user_site(site),
        "user_site_enabled": bool(site.ENABLE_USER_SITE),
        "search_path": sys.path,
        "current_folder": CURRENT_FOLDER[0],
        "platform_tag": sysconfig.get_platform(),
        "machine": os.uname()[4] if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "libc": libc(),
        "free_threaded": "t" in getattr(sys, "abiflags", ""),
    }


def environment_kind(base_prefix):
    # type: (str) -> str
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        return "conda"
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg")) as config:
            keys = [line.split("=")[0].strip() for line in config]
    except (OSError, IOError):
        return "system" if sys.prefix == base_prefix else "virtualenv"
    return "uv" if "uv" in keys else "virtualenv" if "virtualenv" in keys else "venv"


def site_dirs(site):
    # type: (Any) -> list[str]
    try:
        return list(site.getsitepackages())
    except AttributeError:  # virtualenv before 20 ships a site module without it
        return [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]


def user_site(site):
    # type: (Any) -> str
    try:
        return str(site.getusersitepackages())
    except Exception:
        return ""


def libc():
    # type: () -> str | None
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        pass
    if not sys.platform.startswith("linux"):
        return ""
    try:
        loaders = [name for name in os.listdir("/lib") if name.startswith("ld-musl-")]
    except OSError:
        return None
    return "musl" if loaders else None


# -- section: packages ----------------------------------------------------------------------------

NOTABLE = re.compile(
    r"(torch|torchvision|torchaudio|torchtext|torchdata|numpy|triton|pytorch(-.*)?|xformers|libtorch|nvidia-.*)$"
)
MODULES = ("torch", "torchvision", "torchaudio", "numpy")
EXAMPLES = 5


def packages_facts():
    # type: () -> dict[str, Any]
    distributions = []
    seen = set()
    for entry in sys.path:
        folder = os.path.realpath(entry or ".")
        if folder in seen or not os.path.isdir(folder):
            continue
        seen.add(folder)
        distributions += pip_distributions(folder)
    distributions += conda_distributions(os.path.join(sys.prefix, "conda-meta"))
    return {"distributions": distributions, "modules": [module_origin(name) for name in MODULES]}


def normalised(name):
    # type: (str) -> str
    return re.sub(r"[-_.]+", "-", name).lower()


def listing(folder):
    # type: (str) -> list[str]
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def read_text(path):
    # type: (str) -> str | None
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (OSError, IOError):
        return None


def pip_distributions(folder):
    # type: (str) -> list[dict[str, Any]]
    found = []
    for entry in listing(folder):
        if not entry.endswith((".dist-info", ".egg-info")):
            continue
        name, _, version = entry.rsplit(".", 1)[0].partition("-")
        metadata = os.path.join(folder, entry)
        facts = {
            "name": normalised(name),
            "version": version.split("-py")[0],
            "metadata": metadata,
            "site": folder,
        }
        if NOTABLE.match(normalised(name)):
            facts.update(distribution_details(facts))
        found.append(facts)
    return found


def distribution_details(facts):
    # type: (dict[str, str]) -> dict[str, Any]
    metadata, site = facts["metadata"], facts["site"]
    details = {"installer": (read_text(os.path.join(metadata, "INSTALLER")) or "").strip()}  # type: dict[str, Any]
    header = (read_text(os.path.join(metadata, "METADATA")) or "").split("\n\n")[0]
    version = re.search(r"^Version: (.+)$", header, re.MULTILINE)
    if version:
        details["version"] = version.group(1).strip()
    details["requires"] = [line.strip() for line in re.findall(r"^Requires-Dist: (.+)$", header, re.MULTILINE)]
    details["damage"] = record_damage(os.path.join(metadata, "RECORD"), site)
    if facts["name"] == "torch":
        details["build"] = torch_build(site)
    return details


def record_damage(record, site):
    # type: (str, str) -> dict[str, Any] | None
    """Compare the files of a distribution with its RECORD by presence and size."""
    import csv

    text = read_text(record)
    if text is None:
        return None
    expected = []
    for row in csv.reader(text.splitlines()):
        # Byte code comes and goes; scripts outside the site folder are rewritten by relocation.
        if len(row) >= 3 and not row[0].endswith(".pyc") and not row[0].startswith(("..", "/")):
            expected.append((row[0], int(row[2]) if row[2].isdigit() else None))
    return damage(site, expected)


def damage(root, expected):
    # type: (str, list[tuple[str, int | None]]) -> dict[str, Any]
    missing, altered = [], []
    stat, prefix = os.stat, root + os.sep
    for name, size in expected:
        try:
            actual = stat(prefix + name).st_size
        except OSError:
            missing.append("%s is missing" % name)
            continue
        if size is not None and actual != size:
            altered.append("%s has %d bytes instead of %d" % (name, actual, size))
    return {
        "entries": len(expected),
        "missing": len(missing),
        "altered": len(altered),
        "examples": (missing + altered)[:EXAMPLES],
    }


VERSION_LINE = re.compile(r"^(__version__|cuda|hip|xpu)\b[^=\n]*= *(?:'([^'\n]*)'|\"([^\"\n]*)\"|None)", re.MULTILINE)


def torch_build(site):
    # type: (str) -> dict[str, str] | None
    """What torch/version.py assigns, read as text."""
    text = read_text(os.path.join(site, "torch", "version.py"))
    if text is None:
        return None
    values = dict((name, single or double) for name, single, double in VERSION_LINE.findall(text))
    if "__version__" in values:
        values["version"] = values.pop("__version__")
    return values


def conda_distributions(folder):
    # type: (str) -> list[dict[str, Any]]
    found = []
    for entry in listing(folder):
        parts = entry[: -len(".json")].rsplit("-", 2)
        if not entry.endswith(".json") or len(parts) != 3:
            continue
        metadata = os.path.join(folder, entry)
        facts = {
            "name": normalised(parts[0]),
            "version": parts[1],
            "metadata": metadata,
            "site": sys.prefix,
            "installer": "conda",
        }  # type: dict[str, Any]
        if NOTABLE.match(facts["name"]):
            facts["damage"] = conda_damage(metadata)
        found.append(facts)
    return found


def conda_damage(metadata):
    # type: (str) -> dict[str, Any] | None
    """Presence only: conda rewrites prefixes inside files, which changes their size."""
    try:
        files = json.loads(read_text(metadata) or "")["files"]
    except (ValueError, KeyError, TypeError):
        return None
    return damage(sys.prefix, [(name, None) for name in files if not name.endswith(".pyc")])


def module_origin(name):
    # type: (str) -> dict[str, Any]
    """Where `import name` would take the module from: asked of the import system, nothing imported."""
    import importlib.machinery
    import importlib.util

    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # a broken import hook of the target's
        spec = None
    copies = []  # type: list[tuple[str, str]]
    for entry in sys.path:
        try:
            found = importlib.machinery.PathFinder.find_spec(name, [entry])
        except Exception:
            continue
        if found is not None and found.origin and found.origin not in [copy for copy, _ in copies]:
            copies.append((found.origin, entry))
    origin = spec_origin(spec)
    return {
        "name": name,
        "origin": origin,
        "entry": next((entry for copy, entry in copies if copy == origin), os.path.dirname(origin)),
        "hidden": [copy for copy, _ in copies if copy != origin],
    }


def spec_origin(spec):
    # type: (Any) -> str
    if spec is None:
        return ""
    if spec.origin and spec.origin != "namespace":
        return str(spec.origin)
    return str(next(iter(spec.submodule_search_locations or []), ""))  # a folder without __init__.py


# -- section: cuda --------------------------------------------------------------------------------

CUDA_LIBRARIES = {"win32": "nvcuda.dll", "darwin": ""}


def cuda_facts():
    # type: () -> dict[str, Any]
    """What libcuda answers to this process, with this environment."""
    import ctypes

    name = CUDA_LIBRARIES.get(sys.platform, "libcuda.so.1")
    try:
        if not name:
            raise OSError("there is no CUDA on this operating system")
        library = ctypes.CDLL(name)
    except OSError as error:
        return {"absent": str(error)}
    call = Caller(ctypes, library)
    init_error = call("cuInit", 0)
    version = ctypes.c_int(0)
    told = call("cuDriverGetVersion", ctypes.byref(version)) == 0 and version.value > 0
    return {
        "init_error": init_error if init_error is not None else -1,
        "library": loaded_file("libcuda.so"),
        "cuda_version": "%d.%d" % (version.value // 1000, version.value % 1000 // 10) if told else None,
        "devices": cuda_devices(ctypes, call) if init_error == 0 else None,
    }


class Caller(object):
    """Calls functions of a C library; a function that the library lacks returns None."""

    def __init__(self, ctypes, library):
        # type: (Any, Any) -> None
        self.ctypes = ctypes
        self.library = library

    def __call__(self, function, *arguments):
        # type: (str, *Any) -> int | None
        try:
            entry = getattr(self.library, function)
        except AttributeError:
            return None
        entry.restype = self.ctypes.c_int
        return int(entry(*arguments))


CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76  # CUdevice_attribute in cuda.h


def cuda_devices(ctypes, call):
    # type: (Any, Caller) -> list[dict[str, Any]] | None
    count = ctypes.c_int(0)
    if call("cuDeviceGetCount", ctypes.byref(count)) != 0:
        return None
    return [cuda_device(ctypes, call, index) for index in range(min(count.value, 256))]


def cuda_device(ctypes, call, index):
    # type: (Any, Caller, int) -> dict[str, Any]
    device = ctypes.c_int(0)
    facts = {"index": index}  # type: dict[str, Any]
    if call("cuDeviceGet", ctypes.byref(device), index) != 0:
        return facts
    name = ctypes.create_string_buffer(256)
    if call("cuDeviceGetName", name, 256, device) == 0:
        facts["name"] = name.value.decode("utf-8", "replace")
    numbers = []
    for attribute in (CAPABILITY_MAJOR, CAPABILITY_MINOR):
        number = ctypes.c_int(0)
        if call("cuDeviceGetAttribute", ctypes.byref(number), attribute, device) == 0:
            numbers.append(number.value)
    if len(numbers) == 2:
        facts["compute_capability"] = "%d.%d" % tuple(numbers)
    total = ctypes.c_size_t(0)
    if call("cuDeviceTotalMem_v2", ctypes.byref(total), device) == 0:
        facts["memory_total"] = total.value
    return facts


def loaded_file(name):
    # type: (str) -> str | None
    """The file that the loader really took for a library, from this process's memory map."""
    for line in (read_text("/proc/self/maps") or "").splitlines():
        if "/" in line and os.path.basename(line).startswith(name):
            return line[line.index("/") :]
    return None


# -- section: torch -------------------------------------------------------------------------------


def torch_section(send):
    # type: (Any) -> None
    import time
    import warnings

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
            send("torch", {"error": error_facts(error)})
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
        send("torch", {"warnings": sorted(set(str(warning.message) for warning in caught))[:20]})
    stage("done")


def error_facts(error):
    # type: (BaseException) -> dict[str, Any]
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {"type": type(error).__name__, "message": str(error)[:4000], "traceback": "".join(lines)[-8000:]}


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
    listed = attempt(torch.cuda.get_arch_list)
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


# -- main -----------------------------------------------------------------------------------------

FACTS = {"interpreter": interpreter_facts, "packages": packages_facts, "cuda": cuda_facts}


def main(arguments):
    # type: (list[str]) -> None
    token, sections = arguments[0], arguments[1:]
    send = open_channel(token)
    sys.path[:] = user_search_path()
    for section in sections:
        if section == "torch":
            torch_section(send)
            continue
        try:
            facts = FACTS[section]()
        except Exception as error:
            facts = {"failed": "%s: %s" % (type(error).__name__, error)}
        send(section, facts)
    # Leave at once: tearing down a loaded torch takes time and may crash on its own.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
