"""Faults of the installed torch: its files, its metadata, what its import does."""

import json
import os
import shutil
from pathlib import Path

from tests.faults.fault import Fault
from tests.faults.place import Place
from tests.standins.torch_package import add_metadata, install_torch

CPU = "2.13.0+cpu"


def torch(place: Place, version: str = CPU, *, cuda: str | None = None, **options: object) -> Path:
    """Install a stand-in torch, by default a sound one for the CPU."""
    return install_torch(place.site, version, cuda=cuda, **options)  # type: ignore[arg-type]


def importing(*lines: str) -> object:
    """Return what plants a torch that runs these lines when it is imported."""
    return lambda place: torch(place, prelude="\n".join(lines))


def _library(place: Place) -> Path:
    return torch(place) / "lib/libtorch_cpu.so"


def _record(place: Place) -> Path:
    torch(place)
    return next(place.site.glob("torch-*.dist-info")) / "RECORD"


def _metadata_gone(place: Place) -> None:
    shutil.rmtree(_record(place).parent)


def _folder_gone(place: Place) -> None:
    shutil.rmtree(torch(place))


def _leads_nowhere(place: Place) -> None:
    package = torch(place)
    shutil.rmtree(package)
    package.symlink_to(place.folder / "was/here")


def _altered(place: Place) -> None:
    (torch(place) / "version.py").write_text("cuda = None\n" * 9)


def _other_bytes(place: Place) -> None:
    """A library of the size that it should have, with other bytes: as a failing disk gives it back."""
    library = _library(place)
    library.write_bytes(bytes(byte ^ 1 for byte in library.read_bytes()))
    place.arguments = ("--python", str(place.python), "--deep")


def _pipe(name: str) -> object:
    """A pipe in the place of a file of the metadata: who opens it waits for ever."""

    def plant(place: Place) -> None:
        file = _record(place).with_name(name)
        file.unlink(missing_ok=True)
        os.mkfifo(file)

    return plant


def _device(place: Place) -> None:
    """Metadata that has no end."""
    record = _record(place)
    record.unlink()
    record.symlink_to("/dev/zero")


def _short_library(place: Place) -> None:
    """A library that was cut short, in a torch whose list of files was written afterwards."""
    library = "ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'lib/libtorch_cpu.so'))"
    torch(place, prelude=f"import ctypes, os\n{library}")


def _unreadable(place: Place) -> None:
    (torch(place) / "version.py").chmod(0)
    place.without_rights()


def _closed_package(place: Place) -> None:
    torch(place).chmod(0)
    place.without_rights()


def _unreadable_site(place: Place) -> None:
    torch(place)
    place.site.chmod(0)
    place.without_rights()


def _without_c(place: Place) -> None:
    """The compiled part of a torch that tells its user what to think of that."""
    package = torch(place, prelude="raise ImportError('Failed to load PyTorch C extensions:\\n    It appears')")
    (package / "_C.so").write_bytes(b"\x7fELF stand-in")
    shutil.rmtree(next(place.site.glob("torch-*.dist-info")))
    add_metadata(place.site, "torch", CPU, package)
    (package / "_C.so").unlink()


def _two_releases(place: Place) -> None:
    """A release that was laid over another one's metadata."""
    add_metadata(place.site, "torch", "2.12.0", torch(place, "2.13.0"))
    shutil.rmtree(place.site / "torch-2.13.0.dist-info")


def _old_sympy(place: Place) -> None:
    torch(place, requires=("sympy>=1.13.3",))
    add_metadata(place.site, "sympy", "1.5")


def _elsewhere(place: Place, *, by: str) -> None:
    """A torch that lacks a file, in a folder that nothing is installed to."""
    folder = place.folder / "libs"
    (install_torch(folder, CPU, cuda=None) / "lib/libtorch_cpu.so").unlink()
    if by == "PYTHONPATH":
        place.variables[by] = str(folder)
    else:
        (place.site / by).write_text(f"{folder}\n")


def _two_infos(place: Place) -> None:
    add_metadata(place.site, "torch", "2.1.0", torch(place))


def _left_over(place: Place) -> None:
    """What pip leaves of an install that it could not take away."""
    torch(place)
    shutil.copytree(place.site / "torch", place.site / "~orch")
    add_metadata(place.site, "~orch", "2.1.0")


def _odd_metadata(place: Place) -> None:
    torch(place)
    for name in ("torch", "-", "torch-", "numpy-x-y"):
        (place.site / f"{name}.dist-info").mkdir()
    (place.site / "triton-3.0.0.dist-info").write_bytes(bytes(range(256)))
    (place.site / "nvidia_x-1.egg-info").symlink_to("nvidia_x-1.egg-info")
    (place.site / "numpy-1.26.4.dist-info").mkdir()
    (place.site / "numpy-1.26.4.dist-info/METADATA").write_bytes(b"\xff\xfe" + bytes(range(256)) * 4000)


def _read_only(place: Place) -> None:
    torch(place)
    for folder in (place.site, place.prefix, place.python.parent, place.cwd):
        folder.chmod(0o555)
    place.without_rights()


def _conda_and_pip(place: Place) -> None:
    torch(place)
    folder = place.prefix / "conda-meta"
    folder.mkdir()
    record = {"name": "pytorch", "version": "2.5.1", "build": "cpu_0", "files": ["lib/python/torch/__init__.py"]}
    (folder / "pytorch-2.5.1-cpu_0.json").write_text(json.dumps(record))


def _another_record(text: str | bytes) -> object:
    def plant(place: Place) -> None:
        _record(place).write_bytes(text.encode() if isinstance(text, str) else text)

    return plant


_FORKS = """
import os, time
if os.fork() == 0:
    time.sleep(300)
    os._exit(0)
"""

_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(8)
    os._exit(0)
"""

FAULTS = (
    Fault("none is installed", lambda place: None, "torch-missing"),
    # -- files ------------------------------------------------------------------------------------
    Fault("a file deleted", lambda place: _library(place).unlink(), "torch-corrupt", says="is missing"),
    Fault("a file emptied", lambda place: _library(place).write_bytes(b""), "torch-corrupt", says="has 0 bytes"),
    Fault("a file altered", _altered, "torch-corrupt", says="instead of"),
    Fault("its compiled part deleted", _without_c, "torch-corrupt", says="torch/_C.so is missing"),
    Fault("of another release than its metadata", _two_releases, "torch-corrupt", 0, says="2.12.0"),
    Fault("its first file deleted", lambda place: (torch(place) / "__init__.py").unlink(), "torch-corrupt"),
    Fault("its folder deleted", _folder_gone, "torch-corrupt"),
    Fault("its folder a link that leads nowhere", _leads_nowhere, "torch-corrupt"),
    Fault("its metadata deleted", _metadata_gone, "torch-corrupt", 0, says="no installed distribution owns it"),
    Fault("its RECORD deleted", lambda place: _record(place).unlink(), "torch-corrupt", 0, says="RECORD"),
    Fault("its RECORD emptied", _another_record(""), "torch-corrupt", 0, says="RECORD"),
    Fault("its RECORD of odd bytes", _another_record(b"\xff\0,\n" * 99), "torch-corrupt", 0, says="RECORD"),
    Fault("its RECORD a pipe", _pipe("RECORD"), "torch-corrupt", 0, says="RECORD"),
    Fault("its RECORD a device", _device, "torch-corrupt", 0, says="RECORD"),
    Fault("control: its installer a pipe", _pipe("INSTALLER"), "gpu-absent", 0),
    Fault("control: its METADATA a pipe", _pipe("METADATA"), "gpu-absent", 0),
    Fault("a byte altered, with --deep", _other_bytes, "torch-corrupt", says="has other bytes"),
    Fault("a library cut short", _short_library, "torch-corrupt", says="file too short"),
    Fault("a file that may not be read", _unreadable, "torch-corrupt", says="Permission", needs=("modes",)),
    Fault("its folder may not be entered", _closed_package, "torch-corrupt", says="Permission denied",
          needs=("modes",)),
    Fault("a folder that may not be read", _unreadable_site, "torch-missing", says="Permission denied",
          needs=("modes",)),
    Fault("what every training needs is not there", lambda place: torch(place, requires=("sympy>=1.13.3",)),
          "torch-corrupt", says="pip install 'sympy>=1.13.3'"),
    Fault("what a part of it needs is not there", lambda place: torch(place, requires=("filelock",)),
          "torch-corrupt", 0, says="pip install filelock"),
    Fault("what its import needs is not there", lambda place: torch(
        place, prelude="import typing_extensions", requires=("typing-extensions>=4.10.0",)), "torch-corrupt",
          says="pip install 'typing-extensions>=4.10.0'"),
    Fault("what every training needs is too old", _old_sympy, "torch-corrupt", says="sympy 1.5 is installed"),
    Fault("a file deleted of one on PYTHONPATH", lambda place: _elsewhere(place, by="PYTHONPATH"), "torch-corrupt",
          says="--target"),
    Fault("a file deleted of one that a .pth names", lambda place: _elsewhere(place, by="a.pth"), "torch-corrupt",
          says="--target"),
    # -- two of them ------------------------------------------------------------------------------
    Fault("two dist-infos", _two_infos, "torch-duplicate", says="2.1.0"),
    Fault("conda and pip both claim it", _conda_and_pip, "torch-duplicate", says="conda"),
    Fault("control: what pip left over", _left_over, "gpu-absent", 0),
    Fault("metadata of nonsense", _odd_metadata, "torch-duplicate"),
    Fault("control: an environment that may not be written", _read_only, "gpu-absent", 0, needs=("modes",)),
    # -- what its import does ---------------------------------------------------------------------
    Fault("hangs", lambda place: (importing("import time; time.sleep(300)")(place), limit(place, 2)), exit=4,
          says="timed out"),
    Fault("hangs and ignores signals", lambda place: (importing(
        "import signal, time", "for one in (1, 2, 15): signal.signal(one, signal.SIG_IGN)", "time.sleep(300)"
    )(place), limit(place, 2)), exit=4, says="timed out"),
    Fault("aborts", importing("import os; os.abort()"), "torch-corrupt", says="SIGABRT"),
    Fault("segfaults", importing("import ctypes; ctypes.string_at(0)"), "torch-corrupt", says="SIGSEGV"),
    Fault("leaves at once", importing("import os; os._exit(0)"), "torch-corrupt", says="exit code 0"),
    Fault("leaves politely", importing("raise SystemExit(0)"), "torch-corrupt", says="SystemExit"),
    Fault("minds a variable", lambda place: (importing(
        "import os", "if os.environ.get('TORCH_LOGS'): raise ValueError('\\nInvalid log settings')")(place),
        place.variables.update(TORCH_LOGS="odd")), "torch-corrupt", says="unset TORCH_LOGS"),
    Fault("is interrupted", importing("raise KeyboardInterrupt"), "torch-corrupt", says="KeyboardInterrupt"),
    Fault("is killed", importing("import os; os.kill(os.getpid(), 9)"), "memory-low", says="SIGKILL"),
    Fault("runs out of memory", importing("raise MemoryError"), "memory-low"),
    Fault("recurses", importing("def f(): f()", "f()"), "torch-corrupt", says="RecursionError"),
    Fault("raises what has no words", importing(
        "class Odd(Exception):", "    def __str__(self): raise RuntimeError", "raise Odd"), "torch-corrupt"),
    Fault("stops itself", lambda place: (importing("import os, signal", "os.kill(os.getpid(), signal.SIGSTOP)")(place),
          limit(place, 2)), exit=4, says="timed out"),
    Fault("waits for an answer", importing("input('really? ')"), "torch-corrupt", says="EOFError"),
    Fault("complains in colour", importing("raise RuntimeError('\\x1b[31mred\\x1b]0;owned\\x07 \\udcff')"),
          "torch-corrupt", says="RuntimeError"),
    Fault("closes what is open", importing("import os; os.closerange(0, 100)"), "torch-corrupt"),
    Fault("control: prints to stdout", importing("print('{\"event\": 1}\\n' * 10)"), "gpu-absent", 0),
    Fault("control: prints 20 MB", importing("import os; os.write(1, b'x' * 20_000_000)"), "gpu-absent", 0),
    Fault("control: prints terminal escapes", importing("print('\\x1b]0;owned\\x07\\x1b[2J')"), "gpu-absent", 0),
    Fault("control: prints 20 MB of complaints", importing("import os; os.write(2, b'x' * 20_000_000)"),
          "gpu-absent", 0),
    Fault("control: leaves a daemon behind", importing(*_DAEMON.splitlines()), "gpu-absent", 0),
    Fault("control: leaves a thread behind", importing(
        "import threading, time", "threading.Thread(target=time.sleep, args=(300,)).start()"), "gpu-absent", 0),
    Fault("control: leaves a child behind", importing(*_FORKS.splitlines()), "gpu-absent", 0),
    Fault("control: goes elsewhere", importing("import os; os.chdir('/')"), "gpu-absent", 0),
    Fault("misses a CUDA library", importing(
        "raise ImportError('libcudnn.so.9: cannot open shared object file: No such file or directory')"
    ), "nvidia-wheels-mismatch"),
)  # fmt: skip


def limit(place: Place, seconds: float) -> None:
    place.arguments = ("--python", str(place.python), "--timeout", str(seconds))
