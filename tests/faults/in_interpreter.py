"""Faults of the target itself: no Python, one that does not start, lies or hangs, and what stands before torch."""

import os
import re
import shutil
import sys
from pathlib import Path

from tests.conftest import installed_python
from tests.faults.fault import Fault
from tests.faults.in_torch import limit, torch
from tests.faults.place import Place
from tests.standins.torch_package import install_torch


def target(place: Place, path: Path | str) -> None:
    """Make something else the target."""
    place.arguments = ("--python", str(path))


def script(body: str) -> object:
    """Return what makes a shell script the target."""

    def plant(place: Place) -> None:
        file = place.folder / "python"
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
        target(place, file)

    return plant


def _base_gone(place: Place) -> None:
    for link in place.python.parent.glob("python*"):
        link.unlink()
    place.python.symlink_to(place.folder / "gone/python3")


def _another_minor(place: Place) -> None:
    """What an upgrade of the system leaves: a new Python under the old name, and packages that it does not look at."""
    config = place.prefix / "pyvenv.cfg"
    config.write_text(re.sub(r"(?m)^version = .*$", "version = 3.0.1", config.read_text()))
    install_torch(place.prefix / "lib/python3.0/site-packages", "2.13.0+cpu", cuda=None)


def _active_gone(place: Place) -> None:
    place.arguments = ("--verbose",)
    place.variables["VIRTUAL_ENV"] = str(place.folder / "gone")


def _python_home(place: Place) -> None:
    torch(place)
    place.variables["PYTHONHOME"] = str(place.folder)
    place.flags = ("-E",)


def _no_encoding(place: Place) -> None:
    torch(place)
    place.variables["PYTHONIOENCODING"] = "no-such"
    place.flags = ("-E",)


def _old(version: str) -> object:
    return lambda place: target(place, installed_python(version) or "")


def _pypy(place: Place) -> None:
    """As far as the seam can see: the real script, under an interpreter that calls itself pypy."""
    code = "import sys, runpy; sys.implementation.name = 'pypy'; sys.argv = sys.argv[2:]; "
    code += "sys.path[0] = ''; runpy.run_path(sys.argv[0], run_name='__main__')"
    script(f'exec {place.python} -c "{code}" "$@"')(place)


def _folder(place: Place) -> None:
    target(place, place.home)


def _text(place: Place) -> None:
    (place.folder / "python").write_text("no program\n")
    target(place, place.folder / "python")


def _text_that_may_run(place: Place) -> None:
    _text(place)
    (place.folder / "python").chmod(0o755)


def _loop(place: Place) -> None:
    for one, other in (("python", "other"), ("other", "python")):
        (place.folder / one).symlink_to(place.folder / other)
    target(place, place.folder / "python")


def _fifo(place: Place) -> None:
    os.mkfifo(place.folder / "python")
    target(place, place.folder / "python")


def _foreign_program(place: Place) -> None:
    """An ELF header, of a processor that is none."""
    (place.folder / "python").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xfe\xfe" + bytes(100))
    (place.folder / "python").chmod(0o755)
    target(place, place.folder / "python")


_LIES = r"""printf '\n%s ["interpreter", {"executable": 7, "version": [], "bits": "many"}]\n' "$3" """
_LIES_WELL = r"""printf '\n%s ["interpreter", {"failed": "\\ud800 \033[31m"}]\n\377\n' "$3" """
_LIES_DEEPLY = r"""printf '\n%s ["interpreter", {"a":' "$3"; head -c 200000 /dev/zero | tr '\0' '['"""


# -- what stands before torch ---------------------------------------------------------------------


def local(name: str, *, by: str = "cwd", needs: str = "", holds: str = "mine = True") -> object:
    """Return what puts a module of the user's own before the installed one; `needs` is what torch does with it."""

    def plant(place: Place) -> None:
        torch(place, prelude=needs or "pass")
        file = (place.cwd if by == "cwd" else place.folder / "mine") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{holds}\n")
        if by != "cwd":
            place.variables["PYTHONPATH"] = str(place.folder / "mine")

    return plant


def typed_into(shell: str, *options: str) -> object:
    """Return what plants that copy, and starts envkit as one does who types into a shell: in a group of its own."""

    def plant(place: Place) -> None:
        _user_site(place)
        place.started_by = (shell, *options)
        # fish keeps files of its own there.
        place.variables |= dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME"), "/dev/null")

    return plant


def _alone(place: Place) -> None:
    (place.cwd / "torch.py").write_text("mine = True\n")


def _user_site(place: Place) -> None:
    """In the order that conda's environments have: the user's site folder before the environment's."""
    torch(place)
    user = place.folder / f"user/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    install_torch(user, "2.4.1+cpu", cuda=None)
    config = place.prefix / "pyvenv.cfg"
    config.write_text(config.read_text().replace("system-site-packages = false", "system-site-packages = true"))
    (place.site / "order.pth").write_text(f"import sys; sys.path.insert(0, {str(user)!r})\n")
    place.variables["PYTHONUSERBASE"] = str(place.folder / "user")


_OTHER_C = "_C.cpython-30-x86_64-linux-gnu.so"
_NO_C = "raise ImportError('Failed to load PyTorch C extensions:\\n    It appears that PyTorch has loaded')"


def _of_another_python(place: Place, *, by: str = "") -> None:
    """A torch whose compiled part this Python does not load: copied here, or of another's site-packages."""
    site = place.folder / "other/lib/python3.0/site-packages" if by else place.site
    package = install_torch(site, "2.13.0+cpu", cuda=None, prelude=_NO_C)
    (package / _OTHER_C).write_bytes(b"\x7fELF stand-in")
    place.variables |= {by: str(site)} if by else {}


def _pip_of_another(place: Place) -> None:
    other = place.folder / "other"
    shutil.copytree(place.prefix, other, symlinks=True)
    install_torch(other / place.site.relative_to(place.prefix), "2.13.0+cpu", cuda=None)
    place.tools.joinpath("pip").write_text(f"#!{other}/bin/python\nimport pip\n")
    place.tools.joinpath("pip").chmod(0o755)
    place.arguments = ("--verbose",)
    place.variables |= {
        "VIRTUAL_ENV": str(place.prefix),
        "PATH": os.pathsep.join(map(str, (place.tools, place.python.parent, "/usr/bin", "/bin"))),
    }


# -- what Python runs before it runs anything -----------------------------------------------------


def hook(name: str, text: str) -> object:
    """Return what puts a start-up file into the environment."""

    def plant(place: Place) -> None:
        torch(place)
        (place.site / name).write_text(text)

    return plant


def _startup(place: Place) -> None:
    torch(place)
    (place.folder / "startup.py").write_text("raise RuntimeError('planted')\n")
    place.variables |= {"PYTHONSTARTUP": str(place.folder / "startup.py"), "PYTHONINSPECT": "1"}


def _warnings_are_errors(place: Place) -> None:
    torch(place, prelude="import warnings")
    place.variables |= {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1", "PYTHONOPTIMIZE": "2"}


FAULTS = (
    # -- no target --------------------------------------------------------------------------------
    Fault("its base is gone", _base_gone, "venv-broken"),
    Fault("its Python is another minor release now", _another_minor, "venv-broken", says="made with Python 3.0"),
    Fault("the active environment is gone", _active_gone, "venv-broken"),
    Fault("PYTHONHOME is wrong", _python_home, "venv-broken", says="PYTHONHOME"),
    Fault("PYTHONIOENCODING is wrong", _no_encoding, exit=4, says="no-such"),
    Fault("Python 2.7", _old("2.7"), "python-unsupported", says="2.7", needs=("python2.7",)),
    Fault("Python 3.6", _old("3.6"), "python-unsupported", says="3.6", needs=("python3.6",)),
    Fault("another implementation", _pypy, "python-unsupported", says="pypy"),
    Fault("a folder", _folder, exit=2, says="has no interpreter"),
    Fault("nothing of that name", lambda place: target(place, "no-such-python"), exit=2, says="no-such-python"),
    Fault("a text file", _text, exit=4, says="could not be started"),
    Fault("a text file that may be run", _text_that_may_run, exit=4),
    Fault("a link to itself", _loop, exit=4, says="symbolic links"),
    Fault("a FIFO", _fifo, exit=2, says="is no"),
    Fault("a program of another processor", _foreign_program, exit=4, says="Exec format error"),
    Fault("hangs", lambda place: (script("sleep 300")(place), _limited(place)), exit=4, says="timed out"),
    Fault("says nothing", script("exit 0"), exit=4, says="exit code 0"),
    Fault("kills itself", script("kill -9 $$"), exit=4, says="SIGKILL"),
    Fault("prints 30 MB", script("head -c 30000000 /dev/urandom; echo nonsense >&2; exit 7"), exit=4, says="nonsense"),
    Fault("answers with lies", script(_LIES), exit=4, says="makes no sense"),
    Fault("answers for another machine", script(_LIES_WELL), exit=4),
    Fault("answers without end", script(_LIES_DEEPLY), exit=4),
    # -- another torch wins -----------------------------------------------------------------------
    Fault("a local torch.py", local("torch.py"), "module-shadowed", says="project/torch.py"),
    Fault("a local torch folder", local("torch/__init__.py"), "module-shadowed"),
    Fault("a local torch.py alone", _alone, "module-shadowed", says="project/torch.py"),
    Fault("a local numpy folder", local("numpy/__init__.py"), "module-shadowed", says="project/numpy"),
    Fault("torch.py on PYTHONPATH", local("torch.py", by="PYTHONPATH"), "module-shadowed", says="PYTHONPATH"),
    Fault("numpy on PYTHONPATH", local("numpy/__init__.py", by="PYTHONPATH"), "module-shadowed", says="PYTHONPATH"),
    Fault("a local random.py", local("random.py", needs="from random import Random"), "module-shadowed",
          says="project/random.py"),
    Fault("a local queue.py that lacks a name", local("queue.py", needs="import queue; queue.SimpleQueue()"),
          "module-shadowed", says="project/queue.py"),
    Fault("a local secrets.py that fails", local("secrets.py", needs="import secrets", holds="open('/no/such/file')"),
          "module-shadowed", says="project/secrets.py"),
    Fault("a local secrets.py of no Python", local("secrets.py", needs="import secrets", holds="print 'no'"),
          "module-shadowed", says="project/secrets.py"),
    Fault("a local typing_extensions.py",
          local("typing_extensions.py", needs="import typing_extensions", holds="raise 1"), "module-shadowed",
          says="project/typing_extensions.py"),
    Fault("a sympy on PYTHONPATH", local("sympy/__init__.py", by="PYTHONPATH", needs="from sympy import Symbol"),
          "module-shadowed", says="PYTHONPATH names it"),
    Fault("control: a local random.py that nothing minds", local("random.py", needs="import random"), "gpu-absent", 0),
    Fault("a torch that is broken beside a local random.py",
          local("random.py", needs="import random; raise ImportError('libtorch_cpu.so: file too short')"),
          "torch-corrupt"),
    Fault("a copy in the user's site folder", _user_site, "user-site-shadow", says="user/lib/python"),
    *(
        Fault(f"a copy in the user's site folder, told to {shell}", typed_into(shell, *options), "user-site-shadow",
              says=says, needs=(f"shell {shell}",))
        for shell, options, says in (
            ("bash", ("-m", "-c", '"$@"; exit $?', "bash"), "export PYTHONNOUSERSITE=1"),
            ("zsh", ("-m", "-c", '"$@"; exit $?', "zsh"), "export PYTHONNOUSERSITE=1"),
            ("fish", ("--no-config", "-c", "status job-control full; $argv"), "set -gx PYTHONNOUSERSITE 1"),
        )
    ),
    Fault("torch of another Python, copied", _of_another_python, "interpreter-mismatch", says="CPython 3.0"),
    Fault("another Python's packages on PYTHONPATH", lambda place: _of_another_python(place, by="PYTHONPATH"),
          "interpreter-mismatch", says="unset PYTHONPATH"),
    Fault("a Python without _ctypes", lambda place: torch(
        place, prelude="raise ModuleNotFoundError(\"No module named '_ctypes'\")"), "venv-broken", says="libffi-dev"),
    Fault("pip installs elsewhere", _pip_of_another, "interpreter-mismatch", says="other"),
    # -- start-up files ---------------------------------------------------------------------------
    Fault("control: sitecustomize raises", hook("sitecustomize.py", "raise RuntimeError\n"), "gpu-absent", 0),
    Fault("control: a .pth raises", hook("a.pth", "import sys; raise RuntimeError('planted')\n"), "gpu-absent", 0),
    Fault("control: a .pth of odd bytes", hook("a.pth", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")),
          "gpu-absent", 0),
    Fault("control: a .pth prints", hook("a.pth", "import sys; print('{}' * 9999)\n"), "gpu-absent", 0),
    Fault("a .pth leaves", hook("a.pth", "import os; os._exit(5)\n"), exit=4, says="exit code 5"),
    Fault("a .pth hangs", lambda place: (hook("a.pth", "import time; time.sleep(300)\n")(place), limit(place, 2)),
          exit=4, says="timed out"),
    Fault("control: PYTHONSTARTUP raises", _startup, "gpu-absent", 0),
    Fault("control: warnings are errors", _warnings_are_errors, "gpu-absent", 0),
)  # fmt: skip


def _limited(place: Place) -> None:
    place.arguments = (*place.arguments, "--timeout", "2")
