"""Conda channels in a folder: packages written by hand, and a Python that really runs, made from the one at hand."""

import functools
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
_SUBDIRS = {("Linux", "x86_64"): "linux-64", ("Linux", "aarch64"): "linux-aarch64", ("Darwin", "arm64"): "osx-arm64"}
SUBDIR = _SUBDIRS.get((platform.system(), platform.machine()), "linux-64")

# What a library of 60 MB is for the most part, and nothing here imports.
_LEFT_OUT = (
    "__pycache__", "asyncio", "config-*", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "sqlite3", "test", "tests", "tkinter", "turtledemo", "unittest", "xml", "xmlrpc",
    *(f"{extension}.*so" for extension in ("_test*", "xxlimited*", "_codecs_*", "_curses*")),
    *(f"{extension}.*so" for extension in ("_asyncio", "_decimal", "_elementtree", "_sqlite3", "_tkinter", "pyexpat")),
)  # fmt: skip


class Channel:
    """A channel below a folder; `url` is what conda is told."""

    def __init__(self, folder):
        self.folder = folder
        self.url = folder.as_uri()
        self._records = {SUBDIR: {}, "noarch": {}}
        self._index()

    def add(self, name, version, *, files=None, build="0", depends=(), constrains=(), noarch=None, **record):
        """Add a package with these files, text or a path each; `noarch` is "python" or "generic"."""
        subdir = "noarch" if noarch else SUBDIR
        record = {
            "name": name, "version": version, "build": build, "build_number": 0, "subdir": subdir,
            "depends": list(depends), "constrains": list(constrains), **record,
        }  # fmt: skip
        if noarch:
            record["noarch"] = noarch
        self._put(subdir, record, _pack(record, files or {}))

    def _put(self, subdir, record, packed):
        file_name = "{name}-{version}-{build}.tar.bz2".format(**record)
        (self.folder / subdir / file_name).write_bytes(packed)
        sums = {"md5": hashlib.md5(packed).hexdigest(), "sha256": hashlib.sha256(packed).hexdigest()}
        self._records[subdir][file_name] = {**record, **sums, "size": len(packed)}
        self._index()

    def add_records(self, records, subdir=SUBDIR):
        """Add records without packages: enough to solve with."""
        self._records[subdir].update(records)
        self._index()

    def add_python(self):
        """Add the running interpreter as the package "python"."""
        self._put(SUBDIR, _PYTHON, _packed_python())

    def _index(self):
        for subdir, records in self._records.items():
            (self.folder / subdir).mkdir(parents=True, exist_ok=True)
            listing = {"info": {"subdir": subdir}, "packages": records, "packages.conda": {}, "repodata_version": 1}
            (self.folder / subdir / "repodata.json").write_text(json.dumps(listing))


def make_record(name, version, build="0", *, depends=(), constrains=(), subdir=SUBDIR, **more):
    """Return (file name, record) of a package that is only solved for."""
    record = {
        "name": name, "version": version, "build": build, "build_number": 0, "subdir": subdir,
        "depends": list(depends), "constrains": list(constrains),
        "md5": "0" * 32, "sha256": "0" * 64, "size": 1, **more,
    }  # fmt: skip
    return f"{name}-{version}-{build}.tar.bz2", record


def run_python(prefix, program):
    """Return what an environment's interpreter prints."""
    python = prefix / "bin" / "python"
    return subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.strip()


_PYTHON = {
    "name": "python", "version": VERSION, "build": f"0_cp{MINOR.replace('.', '')}", "build_number": 0, "subdir": SUBDIR,
    "depends": [], "constrains": [],
}  # fmt: skip


@functools.cache
def _packed_python():
    return _pack(_PYTHON, _python_files())


def _python_files():
    base = Path(sys.base_prefix)
    library = Path(sysconfig.get_path("stdlib"))
    executable = Path(os.path.realpath(sys.executable))
    files = {f"bin/python{MINOR}": executable, "bin/python": f"python{MINOR}", "bin/python3": f"python{MINOR}"}
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library)
        if path.is_file() and not any(part.match(left) for part in map(Path, inside.parts) for left in _LEFT_OUT):
            files[f"lib/python{MINOR}/{inside}"] = path
    makefile = Path(sysconfig.get_config_h_filename())
    if makefile.is_relative_to(base):
        files[str(makefile.relative_to(base))] = makefile
    files[f"lib/python{MINOR}/site-packages/README.txt"] = "third-party packages\n"
    # Debian's Python looks for packages in dist-packages alone.
    files[f"lib/python{MINOR}/sitecustomize.py"] = _SITE_PACKAGES
    return files


_SITE_PACKAGES = """import os, site, sys
folder = os.path.join(os.path.dirname(os.__file__), "site-packages")
if folder not in sys.path:
    site.addsitedir(folder)
"""


def _pack(record, files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:bz2", compresslevel=1) as archive:
        paths = [_put(archive, name, content) for name, content in files.items()]
        _put(archive, "info/index.json", json.dumps(record))
        _put(archive, "info/paths.json", json.dumps({"paths": paths, "paths_version": 1}))
        if record.get("noarch") == "python":
            link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
            _put(archive, "info/link.json", json.dumps(link))
    return packed.getvalue()


def _put(archive, name, content):
    """Put a file into a package; below bin/ a text that is the name of a neighbour is a link to it."""
    if isinstance(content, str) and name.startswith("bin/") and f"bin/{content}" in archive.getnames():
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, content
        archive.addfile(link)
        return {"_path": name, "path_type": "softlink"}
    data = content.read_bytes() if isinstance(content, Path) else content.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o755 if name.startswith("bin/") else 0o644
    archive.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": name, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(data)}
