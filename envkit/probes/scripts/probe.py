"""Facts from inside a foreign interpreter: run by path, standard library only, Python 3.6 and later.

    TARGET_PYTHON probe.py TOKEN SECTION [SECTION ...]     sections: interpreter packages torch

`packages-deep` answers as packages does, after it has read every file that a RECORD lists; on its way it sends
frames of a section `progress`.

Each section answers with frames: a line of its own, the token, a space, one JSON array. What the
target's site hooks or native libraries print can then neither be taken for an answer nor spoil one.
A section that fails says so in its frame; the facts gathered before a crash have already been sent.

All of the standard library that is used here is imported first, while the current folder is not on
the search path: a csv.py there belongs to the user, and reading what is installed must not run it.

The syntax stays within what Python 2.7 can parse, so that an interpreter that is too old is still
told by its version instead of a SyntaxError.
"""

import csv
import errno
import functools
import gc
import json
import os
import re
import site
import struct
import sys
import sysconfig
import time
import warnings

if "torch" in sys.argv:
    import traceback
else:
    gc.disable()  # facts have no cycles; a run of torch is to be as the user's own
if "packages-deep" in sys.argv:
    import base64
    import hashlib

if sys.version_info >= (3,):
    import importlib.machinery
    import importlib.util

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
        data = json.dumps([section, facts], ensure_ascii=False, default=str)  # type: Any
        if not isinstance(data, bytes):
            # A folder's name need not be valid text; a lone surrogate in its place would be refused as JSON.
            data = data.encode("utf-8", "replace")
        data = b"\n" + token.encode("ascii") + b" " + data + b"\n"
        while data:
            data = data[os.write(descriptor, data) :]

    return send


# -- the search path of the user's own run --------------------------------------------------------


def user_search_path():
    # type: () -> tuple[list[Any], str]
    """sys.path as `python -c` or `python -m` has it here, and the current folder that it begins with.

    Python put this script's folder first; the user's run has the current folder there, unless
    safe-path mode (-P, -I, PYTHONSAFEPATH) leaves both out: then the second answer is "".
    """
    path = list(sys.path)
    if path and is_text(path[0]) and real(path[0]) == real(os.path.dirname(os.path.realpath(__file__))):
        del path[0]
    # Before Python 3.11 there is no flag for safe-path mode, only -I, which includes it.
    if getattr(sys.flags, "safe_path", False) or getattr(sys.flags, "isolated", False):
        return path, ""
    try:
        folder = os.getcwd()
    except OSError:  # it was deleted under the user
        return path, ""
    path.insert(0, folder)
    return path, folder


def is_text(entry):
    # type: (Any) -> bool
    """Whether the import system looks at an entry of the search path at all; it passes over a pathlib.Path."""
    return isinstance(entry, str)


def real(entry):
    # type: (str) -> str
    """The folder that an entry of the search path means, without links; "" means the current one."""
    try:
        return os.path.realpath(entry or ".")
    except OSError:  # a relative entry, and the current folder was deleted
        return entry


# -- section: interpreter -------------------------------------------------------------------------


def interpreter_facts(path, current_folder):
    # type: (list[Any], str) -> dict[str, Any]
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
        "site_dirs": site_dirs(),
        "user_site": user_site(),
        "user_site_enabled": bool(site.ENABLE_USER_SITE),
        "search_path": [str(entry) for entry in path],
        "current_folder": current_folder,
        "platform_tag": sysconfig.get_platform(),
        "machine": os.uname()[4] if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "libc": libc(),
        "free_threaded": free_threaded(),
        "loader_first": loader_first([entry for entry in path if is_text(entry)]),
        "launchers": launchers(),
    }


def environment_kind(base_prefix):
    # type: (str) -> str
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):
        return "conda"
    config = read_text(os.path.join(sys.prefix, "pyvenv.cfg"))
    if config is None:
        return "system" if sys.prefix == base_prefix else "virtualenv"
    keys = [line.split("=")[0].strip() for line in config.splitlines()]
    return "uv" if "uv" in keys else "virtualenv" if "virtualenv" in keys else "venv"


def site_dirs():
    # type: () -> list[str]
    try:
        return list(site.getsitepackages())
    except AttributeError:  # virtualenv before 20 ships a site module without it
        return [entry for entry in sys.path if is_text(entry) and entry.endswith(("site-packages", "dist-packages"))]


def user_site():
    # type: () -> str
    try:
        return str(site.getusersitepackages())
    except Exception:
        return ""


def free_threaded():
    # type: () -> bool
    # Older ones have no such build, and what they were built with is long to read.
    return sys.version_info >= (3, 13) and bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


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


# -- which Python other programs belong to --------------------------------------------------------


def launchers():
    # type: () -> list[dict[str, Any]]
    """What `pip` and `python` start here, and the notebook kernels of this environment."""
    found = [launcher("python", name) for name in ("python3", "python")]
    found.append(launcher("pip", "pip") or launcher("pip", "pip3"))
    return [one for one in found if one] + kernels()


def launcher(program, name):
    # type: (str, str) -> dict[str, Any] | None
    windows = os.name == "nt"
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name + (".exe" if windows else ""))
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            starts = path if windows or (program == "python" and not is_script(path)) else shebang(path)
            prefix = prefix_of(starts) if starts else ""
            return {"program": program, "path": path, "prefix": prefix, "has_torch": holds_torch(prefix)}
    return None


def is_script(path):
    # type: (str) -> bool
    """Whether a `python` is itself a script, as pyenv's is, which starts the one that its settings name."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except (OSError, IOError):
        return False


def shebang(path):
    # type: (str) -> str
    """The interpreter that a script names; "" for `env`, which takes whatever is on PATH."""
    try:
        with open(path, "rb") as file:
            head = file.read(1000).decode("utf-8", "replace")
    except (OSError, IOError):
        return ""
    # A path that is too long for the first line, or holds a blank, is put into a line of shell.
    found = re.match(r"#! *(/\S*python[^/\s]*)\s", head) or re.match(
        r"#!/bin/sh\n'{3}exec' \"?(/[^\"\n]+?)\"? \"\$0\"", head
    )
    return found.group(1) if found else ""


def prefix_of(interpreter):
    # type: (str) -> str
    """The environment of an interpreter: the folder over its own. Its own link is not followed: it leaves a venv."""
    folder = os.path.dirname(os.path.abspath(interpreter))
    return real(os.path.dirname(folder) if os.path.basename(folder).lower() in ("bin", "scripts") else folder)


def holds_torch(prefix):
    # type: (str) -> bool | None
    if not prefix:
        return None
    folders = [os.path.join(prefix, "Lib", "site-packages")]
    for library in (os.path.join(prefix, "lib"), os.path.join(prefix, "local", "lib")):
        names = [name for name in listing(library) if name.startswith("python")]
        folders += [os.path.join(library, name, kind + "-packages") for name in names for kind in ("site", "dist")]
    return any(os.path.isfile(os.path.join(folder, "torch", "version.py")) for folder in folders)


def kernels():
    # type: () -> list[dict[str, Any]]
    """The kernels that a notebook in this environment offers as its own."""
    share = os.path.join(sys.prefix, "share", "jupyter")
    if not os.path.isdir(share):
        return []
    found = [os.path.join(share, "kernels", name) for name in listing(os.path.join(share, "kernels"))]
    # One of the user's own of this name is taken in the place of the environment's.
    home = "~/Library/Jupyter" if sys.platform == "darwin" else "~/.local/share/jupyter"
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.expanduser(home)
    found.append(os.path.join(data, "kernels", "python3"))
    return [one for one in map(kernel, found) if one]


def kernel(folder):
    # type: (str) -> dict[str, Any] | None
    text = read_text(os.path.join(folder, "kernel.json"))
    try:
        starts = json.loads(text)["argv"][0] if text else ""
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    # Jupyter itself puts its own Python in the place of a bare name.
    if not is_text(starts) or not os.path.isabs(starts):
        return None
    name = "jupyter kernel " + os.path.basename(folder)
    return {"program": name, "path": starts, "prefix": prefix_of(starts) if os.path.isfile(starts) else ""}


# -- libraries that several packages bring --------------------------------------------------------

LIBRARY = re.compile(
    r"lib(cudnn\w*|cublas\w*|cudart|cufft|curand|cusolver|cusparse\w*|nvJitLink|nvrtc|nccl|cupti|nvshmem\w*|stdc\+\+"
    r"|gomp|iomp5|omp)(-[0-9a-f]+)?\.so(\.\d+)*$"
)


def bundled_libraries(path):
    # type: (list[str]) -> dict[str, str]
    """The libraries that torch and the nvidia-* wheels on the search path bring, by file name."""
    found = {}  # type: dict[str, str]
    for entry in path:
        nvidia = os.path.join(entry, "nvidia")
        folders = [os.path.join(entry, "torch", "lib")]
        folders += [os.path.join(nvidia, name, "lib") for name in listing(nvidia)]
        for folder in folders:
            for name in listing(folder):
                if LIBRARY.match(name):
                    found.setdefault(name, os.path.join(folder, name))
    return found


def loader_first(path):
    # type: (list[str]) -> list[str]
    """Copies of them that the loader's variables put before the others."""
    folders = [folder for folder in re.split("[:;]", os.environ.get("LD_LIBRARY_PATH", "")) if folder]
    files = [file for file in re.split("[: ]", os.environ.get("LD_PRELOAD", "")) if file]
    if not folders and not files:
        return []
    bundled = bundled_libraries(path)
    own = set(map(real, bundled.values()))
    files += [os.path.join(folder, name) for folder in folders for name in listing(folder) if LIBRARY.match(name)]
    return [file for file in files if os.path.basename(file) in bundled and real(file) not in own][:20]


def loaded_libraries(path):
    # type: (list[str]) -> list[dict[str, str]] | None
    """Those that are in this process, each with the copy that torch brings; None where the system does not tell."""
    maps = read_text("/proc/self/maps")
    if maps is None:
        return None
    files = sorted(set(re.findall(r" (/\S.*\.so[.\d]*)$", maps, re.MULTILINE)))
    files = [file for file in files if LIBRARY.match(os.path.basename(file))]
    bundled = bundled_libraries(path) if files else {}
    found = []
    for file in files:
        name = os.path.basename(file)
        asked, own = name, bundled.get(name, "")
        # The map shows the file behind a link: libcudnn.so.9.1.0 was asked for as libcudnn.so.9.
        while not own and asked.rpartition(".")[2].isdigit():
            asked = asked.rpartition(".")[0]
            own = bundled.get(asked, "")
        same = bool(own) and real(own) == real(file)
        found.append({"name": asked if own else name, "path": file, "bundled": file if same else own})
    return found


# -- section: packages ----------------------------------------------------------------------------

NOTABLE = re.compile(
    r"(torch|torchvision|torchaudio|torchtext|torchdata|torchcodec|torchrec|numpy|triton|pytorch(-.*)?|xformers|libtorch"
    r"|flash-attn|fbgemm-gpu.*|vllm|mmcv|numpy-base|nvidia-.*)$"
)
MODULES = ("torch", "torchvision", "torchaudio", "numpy")
EXAMPLES = 5


def packages_facts(path, current_folder, hashes=None):
    # type: (list[Any], str, Hashes | None) -> dict[str, Any]
    entries = [entry for entry in path if is_text(entry)]
    installed = []
    seen = set()  # type: set[str]
    for folder in map(real, entries):
        if folder not in seen:
            seen.add(folder)
            installed += [(folder, entry) for entry in listing(folder) if entry.endswith((".dist-info", ".egg-info"))]
    notable = set(entry for _, entry in installed if NOTABLE.match(name_and_version(entry)[0]))
    records, owned = conda_distributions(os.path.join(sys.prefix, "conda-meta"), notable, hashes)
    return {
        "distributions": [pip_distribution(folder, entry, owned, hashes) for folder, entry in installed] + records,
        "modules": module_origins(entries, current_folder),
        "unreadable": [folder for folder in sorted(seen) if is_closed(folder)],
    }


def normalised(name):
    # type: (str) -> str
    return re.sub(r"[-_.]+", "-", name).lower()


def name_and_version(entry):
    # type: (str) -> tuple[str, str]
    """What the name of a .dist-info or .egg-info tells: "torch-2.1.0-py3.11.egg-info" is torch 2.1.0."""
    name, _, version = entry.rsplit(".", 1)[0].partition("-")
    return normalised(name), version.split("-py")[0]


def listing(folder):
    # type: (str) -> list[str]
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def is_closed(folder):
    # type: (str) -> bool
    """Whether a folder is there that this user may not look into."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def read_text(path):
    # type: (str) -> str | None
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (OSError, IOError):
        return None


def pip_distribution(folder, entry, owned, hashes):
    # type: (str, str, set[str], Hashes | None) -> dict[str, Any]
    name, version = name_and_version(entry)
    metadata = os.path.join(folder, entry)
    facts = {"name": name, "version": version, "metadata": metadata, "site": folder}  # type: dict[str, Any]
    if NOTABLE.match(name):
        facts.update(distribution_details(facts, os.path.normcase(metadata) in owned, hashes))
    return facts


def distribution_details(facts, owned_by_conda, hashes):
    # type: (dict[str, str], bool, Hashes | None) -> dict[str, Any]
    metadata, site_folder = facts["metadata"], facts["site"]
    installer = "conda" if owned_by_conda else (read_text(os.path.join(metadata, "INSTALLER")) or "").strip()
    details = {"installer": installer}  # type: dict[str, Any]
    header = metadata_header(metadata)
    version = re.search(r"^Version: (.+)$", header or "", re.MULTILINE)
    if version:
        details["version"] = version.group(1).strip()
    requires = [line.strip() for line in re.findall(r"^Requires-Dist: (.+)$", header or "", re.MULTILINE)]
    # An .egg-info keeps them elsewhere, in a form of its own.
    details["requires"] = requires if requires or metadata.endswith(".dist-info") else None
    # conda writes the prefix into files: the sizes in RECORD are those before. Its own record is compared instead.
    record = os.path.join(metadata, "RECORD")
    details["damage"] = None if installer == "conda" else record_damage(record, site_folder, hashes)
    if facts["name"] == "torch":
        details["build"] = torch_build(site_folder)
    return details


def metadata_header(metadata):
    # type: (str) -> str | None
    """The fields of a distribution's metadata; an .egg-info is a folder with PKG-INFO, or such a file itself."""
    for path in (os.path.join(metadata, "METADATA"), os.path.join(metadata, "PKG-INFO"), metadata):
        text = read_text(path)
        if text is not None:
            return text.replace("\r\n", "\n").split("\n\n")[0]
    return None


def record_damage(record, folder, hashes):
    # type: (str, str, Hashes | None) -> dict[str, Any] | None
    """Compare the files of a distribution with its RECORD: presence and size, and what is in them where asked for."""
    text = read_text(record)
    if text is None:
        return None
    lines = text.splitlines()
    try:
        halves = in_halves(lambda some: look_up(folder, recorded_files(some)), lines)
        return damage(halves, hashes.compare(folder, recorded_files(lines)) if hashes else (0, []))
    except csv.Error:  # before Python 3.11 a NUL is one
        return None


def recorded_files(lines):
    # type: (list[str]) -> list[tuple[str, str, int | None]]
    """The files of a RECORD that stay as they were installed, each with its hash and size."""
    found = []
    for row in csv.reader(lines):
        if len(row) >= 3:
            name, digest, size = row[:3]
            # Byte code comes and goes; scripts outside the site folder are rewritten by relocation.
            if name[-4:] != ".pyc" and name[:2] != ".." and name[:1] != "/":
                found.append((name, digest, int(size) if size.isdigit() else None))
    return found


def look_up(root, files):
    # type: (str, list[tuple[str, str, int | None]]) -> tuple[int, list[str], list[str]]
    """How many files there should be, those that are missing and those of another size."""
    missing, altered = [], []
    prefix, stat = root + os.sep, os.stat  # type: str, Any
    if os.stat in getattr(os, "supports_dir_fd", ()):
        # Ten thousand times less far for the kernel to walk.
        prefix, stat = "", functools.partial(os.stat, dir_fd=os.open(root, os.O_RDONLY))
    for name, _, size in files:
        try:
            actual = stat(prefix + name).st_size
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            missing.append("%s is missing" % name if gone else "%s cannot be seen: %s" % (name, error.strerror))
            continue
        if actual != size and size is not None:
            altered.append("%s has %d bytes instead of %d" % (name, actual, size))
    return len(files), missing, altered


def damage(looked_up, hashed):
    # type: (list[tuple[int, list[str], list[str]]], tuple[int, list[str]]) -> dict[str, Any]
    missing = [name for _, some, _ in looked_up for name in some]
    altered = [name for _, _, some in looked_up for name in some] + hashed[1]
    return {
        "entries": sum(count for count, _, _ in looked_up),
        "missing": len(missing),
        "altered": len(altered),
        "hashed": hashed[0],
        "examples": (missing + altered)[:EXAMPLES],
    }


WORTH_A_PROCESS = 4000


def in_halves(function, lines):
    # type: (Any, list[str]) -> list[Any]
    """What a function answers to each half of a long list, the second half in a process of its own.

    A quick run waits for nothing but the ten thousand files of torch. Where a second process cannot be had, or
    ends without an answer, this one does it all.
    """
    if len(lines) < WORTH_A_PROCESS or not sys.platform.startswith("linux"):
        return [function(lines)]
    middle = len(lines) // 2
    try:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                answer = json.dumps(function(lines[middle:])).encode("ascii")
                while answer:
                    answer = answer[os.write(writer, answer) :]
            finally:
                os._exit(0)
        os.close(writer)
        first = function(lines[:middle])
        with os.fdopen(reader, "rb") as file:
            second = json.loads(file.read().decode("ascii"))
        os.waitpid(child, 0)
    except Exception:
        return [function(lines)]
    return [first, second]


class Hashes(object):
    """Comparing what is in files with the hashes of a RECORD; how far it is goes to `tell`, a few times a second."""

    EVERY = 0.25
    CHUNK = 2**20

    def __init__(self, tell):
        # type: (Any) -> None
        self.tell, self.told, self.done, self.total = tell, 0.0, 0, 0

    def compare(self, root, recorded):
        # type: (str, list[tuple[str, str, int | None]]) -> tuple[int, list[str]]
        """How many files were read, and what is wrong with each that has not the bytes it was installed with.

        A file that is missing or has another size is told of already. What an installer wrote itself has no hash.
        """
        prefix = root + os.sep
        files = [(name, digest) for name, digest, size in recorded if digest and self.has_size(prefix + name, size)]
        self.done, self.total = 0, sum(os.path.getsize(prefix + name) for name, _ in files)
        told = [self.difference(prefix, name, digest) for name, digest in files]
        return len(files), [why for why in told if why]

    def has_size(self, path, size):
        # type: (str, int | None) -> bool
        try:
            return os.path.getsize(path) == size or size is None
        except OSError:
            return False

    def difference(self, prefix, name, digest):
        # type: (str, str, str) -> str
        """What is wrong with a file, by its hash in the form "sha256=Zm9v"; "" when nothing is."""
        method, _, wanted = digest.partition("=")
        try:
            hasher = hashlib.new(method)
            with open(prefix + name, "rb") as file:
                for chunk in iter(lambda: file.read(self.CHUNK), b""):
                    hasher.update(chunk)
                    self.done += len(chunk)
                    self.tell_progress(name)
        except ValueError:  # a method that this Python does not have
            return ""
        except (OSError, IOError) as error:
            return "%s cannot be read: %s" % (name, error.strerror or type(error).__name__)
        actual = base64.urlsafe_b64encode(hasher.digest()).decode("ascii")
        return "" if actual.rstrip("=") == wanted.rstrip("=") else "%s has other bytes than its hash tells" % name

    def tell_progress(self, name):
        # type: (str) -> None
        if time.time() - self.told >= self.EVERY:
            self.told = time.time()
            self.tell({"package": name.split("/")[0], "done": self.done, "total": self.total})


VERSION_LINE = re.compile(r"^(__version__|cuda|hip|xpu)\b[^=\n]*= *(?:'([^'\n]*)'|\"([^\"\n]*)\"|None)", re.MULTILINE)


OWN_VERSION = re.compile(r"^(?:__version__|version)\b[^=\n]*= *['\"]([^'\"\n]+)['\"]", re.MULTILINE)


def torch_build(folder):
    # type: (str) -> dict[str, str] | None
    """What torch/version.py assigns, read as text."""
    text = read_text(os.path.join(folder, "torch", "version.py"))
    if text is None:
        return None
    values = dict((name, single or double) for name, single, double in VERSION_LINE.findall(text))
    if "__version__" in values:
        values["version"] = values.pop("__version__")
    return values


def conda_distributions(folder, wanted, hashes):
    # type: (str, set[str], Hashes | None) -> tuple[list[dict[str, Any]], set[str]]
    """Conda's own records, and the paths of the `wanted` metadata that one of them lists as conda's."""
    found = []
    owned = set()  # type: set[str]
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
        notable = NOTABLE.match(facts["name"])
        text = (read_text(metadata) if notable or wanted else None) or ""
        # Records are long; only those that have to do with torch are worth parsing.
        if notable or any(name in text for name in wanted):
            record = conda_record(text)
            owned |= set(owned_metadata([name for name, _, _ in record or ()], wanted))
            if notable:
                facts["damage"] = conda_damage(record, hashes)
        found.append(facts)
    return found, owned


def conda_record(text):
    # type: (str) -> list[tuple[str, str, int | None]] | None
    """The files of a package, relative to the prefix, each with its hash and size; None when its record is damaged.

    conda writes the prefix into files: those have another size than in the package, and their hash is told anew.
    """
    try:
        record = json.loads(text)
        names = [name for name in record["files"] if isinstance(name, type(""))]
        data = record.get("paths_data") or {}
        told = dict((one.get("_path"), one) for one in data.get("paths") or () if one.get("path_type") == "hardlink")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return [(name, conda_hash(told.get(name, {})), conda_size(told.get(name, {}))) for name in names]


def conda_hash(told):
    # type: (dict[str, Any]) -> str
    digest = told.get("sha256_in_prefix") or ("" if "prefix_placeholder" in told else told.get("sha256"))
    return str(digest) if is_text(digest) else ""


def conda_size(told):
    # type: (dict[str, Any]) -> int | None
    size = told.get("size_in_bytes")
    return size if isinstance(size, int) and "prefix_placeholder" not in told else None


def owned_metadata(files, wanted):
    # type: (Any, set[str]) -> list[str]
    prefix = os.path.realpath(sys.prefix)
    found = []
    for name in files:
        head, inside, _ = name.partition("-info/")
        path = head + "-info" if inside else name
        if path.rsplit("/", 1)[-1] in wanted:
            found.append(os.path.normcase(os.path.join(prefix, path)))
    return found


def conda_damage(record, hashes):
    # type: (list[tuple[str, str, int | None]] | None, Hashes | None) -> dict[str, Any] | None
    """Compare the files of a package with conda's record of it, as `record_damage` does with pip's."""
    if record is None:
        return None
    files = [row for row in record if not row[0].endswith(".pyc")]
    looked_up = [look_up(sys.prefix, files)]
    if not hashes:
        return damage(looked_up, (0, []))
    return damage(looked_up, hashes.compare(sys.prefix, [(name, as_pip(digest), size) for name, digest, size in files]))


def as_pip(digest):
    # type: (str) -> str
    """Turn conda's hash, which is in hexadecimal digits, into the form of a RECORD; "" for none."""
    try:
        plain = base64.b16decode(digest.upper())
        return "sha256=" + base64.urlsafe_b64encode(plain).decode("ascii") if plain else ""
    except ValueError:
        return ""


def module_origins(path, current_folder):
    # type: (list[str], str) -> list[dict[str, Any]]
    if sys.version_info < (3,):
        return []  # its import system cannot be asked
    ways = ways_in(current_folder)
    # The current folder is only the first entry: it may be on the path once more for a reason that lasts.
    lasting = [
        entry
        for entry in path[1 if current_folder else 0 :]
        if ways.get(real(entry)) not in ("PYTHONPATH", "user-site")
    ]
    return [module_origin(name, path, lasting, ways) for name in MODULES]


def ways_in(current_folder):
    # type: (str) -> dict[str, str]
    """The folders that the user's situation, not the environment, puts on the search path, each with how."""
    own = set(map(real, site_dirs()))
    if site.ENABLE_USER_SITE:
        own.add(real(user_site()))
    variable = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    named = map(real, variable.split(os.pathsep)) if variable else []
    ways = dict((folder, "PYTHONPATH") for folder in named if folder not in own)
    if site.ENABLE_USER_SITE:
        ways[real(user_site())] = "user-site"
    if current_folder:
        ways[real(current_folder)] = "current-folder"
    return ways


def module_origin(name, path, lasting, ways):
    # type: (str, list[str], list[str], dict[str, str]) -> dict[str, Any]
    """Where `import name` would take the module from: asked of the import system, nothing imported."""
    origin = origin_on(path, name)
    copies = []  # type: list[tuple[str, str]]
    for entry in path:
        try:
            found = importlib.machinery.PathFinder.find_spec(name, [entry])
        except Exception:
            continue
        if found is not None and found.origin and found.origin not in [copy for copy, _ in copies]:
            copies.append((found.origin, entry))
    entry = next((entry for copy, entry in copies if copy == origin), os.path.dirname(origin))
    way_in = ways.get(real(entry), "") if origin else ""
    otherwise = origin_on(lasting, name) if way_in else origin
    return {
        "name": name,
        "origin": origin,
        "entry": real(entry) if origin else "",
        "way_in": way_in,
        "otherwise": origin if real(otherwise) == real(origin) else otherwise,
        "hidden": [copy for copy, _ in copies if copy != origin],
        "version": own_version(origin),
    }


def own_version(origin):
    # type: (str) -> str
    """What the version.py of a package assigns, read as text: its metadata may be gone."""
    folder = origin if os.path.isdir(origin) else os.path.dirname(origin)
    text = read_text(os.path.join(folder, "version.py")) if origin else None
    found = OWN_VERSION.search(text or "")
    return found.group(1) if found else ""


def origin_on(path, name):
    # type: (list[str], str) -> str
    """The file that `import name` would take with this search path, "" when there is none."""
    before = list(sys.path)
    sys.path[:] = path
    try:
        return spec_origin(importlib.util.find_spec(name))
    except Exception:  # a broken import hook of the target's
        return ""
    finally:
        sys.path[:] = before


def spec_origin(spec):
    # type: (Any) -> str
    if spec is None:
        return ""
    if spec.origin and spec.origin != "namespace":
        return str(spec.origin)
    return str(next(iter(spec.submodule_search_locations or []), ""))  # a folder without __init__.py


# -- section: torch -------------------------------------------------------------------------------


def torch_section(send):
    # type: (Any) -> None
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
            send("torch", {"error": error_facts(error), "libraries": libraries_now()})
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


# -- main -----------------------------------------------------------------------------------------

FACTS = {"interpreter": interpreter_facts, "packages": packages_facts}


def main(arguments):
    # type: (list[str]) -> None
    token, sections = arguments[0], arguments[1:]
    send = open_channel(token)
    path, current_folder = user_search_path()
    for section in sections:
        if section == "torch":
            # From here on what is imported is the user's affair: this run must be as the user's own.
            sys.path[:] = path
            torch_section(send)
            continue
        name, _, deep = section.partition("-")
        more = (Hashes(lambda facts: send("progress", facts)),) if deep else ()
        try:
            send(name, FACTS[name](path, current_folder, *more))
        except Exception as error:
            send(name, {"failed": "%s: %s" % (type(error).__name__, error)})
    # Leave at once: tearing down a loaded torch takes time and may crash on its own.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
