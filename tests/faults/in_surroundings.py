"""Faults of what surrounds the run: folders, variables, limits, streams, disks, other programs on PATH."""

import os
from pathlib import Path

from tests.faults.fault import Fault
from tests.faults.in_torch import torch
from tests.faults.needs import OWN_MOUNTS
from tests.faults.place import Place


def healthy(**variables: str) -> object:
    """Return what plants a sound torch for the CPU, and sets variables."""

    def plant(place: Place) -> None:
        torch(place)
        place.variables |= variables

    return plant


def within(script: str) -> object:
    """Return what plants a sound torch, and starts envkit from a shell: `"$@"` is its command line."""

    def plant(place: Place) -> None:
        torch(place)
        place.in_shell(script)

    return plant


def on_path(name: str, body: str) -> object:
    """Return what plants a sound torch, and a program of that name on PATH."""

    def plant(place: Place) -> None:
        torch(place)
        place.program(name, body)

    return plant


# -- home and folders -----------------------------------------------------------------------------


def _no_home(place: Place) -> None:
    torch(place)
    place.without = ("HOME",)


def _read_only_home(place: Place) -> None:
    torch(place)
    place.home.chmod(0o555)
    place.without_rights()


def _home_is_a_file(place: Place) -> None:
    torch(place)
    place.home.rmdir()
    place.home.write_text("")


def _deleted_folder(place: Place) -> None:
    torch(place)
    place.in_shell('mkdir ../gone && cd ../gone && rmdir ../gone && exec "$@"')


def _closed_folder(place: Place) -> None:
    """A current folder that may be neither listed nor searched: it is entered before the rights are dropped."""
    torch(place)
    place.cwd.chmod(0)
    place.without_rights()


def _odd_settings(place: Place) -> None:
    torch(place)
    (place.cwd / "pyproject.toml").write_bytes(b"[tool.envkit\n\xff\xfe")


def _odd_names(place: Place) -> None:
    """An environment whose name is not text, and holds what a shell would take for more than a name."""
    torch(place)
    odd = os.fsencode(place.folder) + b"/a 'b\" $(c)\n\xff\xc3\xa9"
    place.prefix.rename(os.fsdecode(odd))
    place.arguments = ("--python", os.fsdecode(odd + b"/bin/python"))


# -- variables ------------------------------------------------------------------------------------


def _odd_variables(place: Place) -> None:
    torch(place)
    odd = {b"CUDA_ODD_%d" % number: b"\xff\xfe\x1b[31m%d" % number for number in range(150)}
    place.variables |= {**odd, **{b"ODD_%d\xff" % number: b"\xc3(" for number in range(150)}}


_NOT_UTF8 = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def _not_utf8(place: Place) -> None:
    _odd_names(place)
    place.variables |= _NOT_UTF8


# -- limits and disks -----------------------------------------------------------------------------


def _little_memory(place: Place) -> None:
    torch(place, prelude="held = bytearray(2**31)")
    place.in_shell('ulimit -v 1500000 && exec "$@"')


_TINY = 'mount -t tmpfs -o size={size} tmpfs {where} && exec "$@"'


def _in_a_mount(script: str) -> object:
    def plant(place: Place) -> None:
        torch(place)
        place.started_by = (*OWN_MOUNTS, "sh", "-c", script, "sh")

    return plant


_LIMITED = (
    "mount -t tmpfs tmpfs /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir memory && "
    "for file in memory.max memory/memory.limit_in_bytes; do echo 536870912 > $file; done && "
    "for file in memory.current memory/memory.usage_in_bytes; do echo 104857600 > $file; done && "
    'cd "$OLDPWD" && exec "$@"'
)
"""A control group of either version that may take 512 MiB, and has taken 100."""


def _environment_on_a_small_disk(place: Place) -> None:
    disk = place.folder / "disk"
    disk.mkdir()
    _in_a_mount(f'mount -t tmpfs -o size=900m tmpfs {disk} && cp -a {place.prefix} {disk} && exec "$@"')(place)
    place.arguments = ("--python", str(disk / place.prefix.name / "bin/python"))


def _save(where: str, script: str = "") -> object:
    def plant(place: Place) -> None:
        torch(place)
        place.arguments = ("--python", str(place.python), "--save", where)
        if script:
            place.in_shell(script)

    return plant


def _save_on_full_disk(place: Place) -> None:
    _in_a_mount(_TINY.format(size="4k", where=place.home))(place)
    place.arguments = ("--python", str(place.python), "--save", str(place.home / "machine.json"))


# -- other programs -------------------------------------------------------------------------------

_HANG, _GARBAGE, _MUCH = "sleep 300", "head -c 5000 /dev/urandom; exit 3", "head -c 10000000 /dev/urandom"
_TINY_SHM = _TINY.format(size="1m", where="/dev/shm")

FAULTS = (
    Fault("control: a sound environment", healthy(), "gpu-absent", 0),
    # -- home and folders -------------------------------------------------------------------------
    Fault("control: no HOME", _no_home, "gpu-absent", 0),
    Fault("control: a home that may not be written", _read_only_home, "gpu-absent", 0, needs=("modes",)),
    Fault("control: a home that is a file", _home_is_a_file, "gpu-absent", 0),
    Fault("the current folder was deleted", _deleted_folder, exit=2, says="no longer exists"),
    Fault("control: a current folder that may not be read", _closed_folder, "gpu-absent", 0, needs=("modes",)),
    Fault("settings that are not TOML", _odd_settings, exit=2, says="pyproject.toml"),
    Fault("control: names of odd bytes", _odd_names, "gpu-absent", 0),
    # -- variables --------------------------------------------------------------------------------
    Fault("control: 300 variables of odd bytes", _odd_variables, "gpu-absent", 0),
    Fault("control: a locale that is not UTF-8", _not_utf8, "gpu-absent", 0),
    Fault("control: a locale that is not there", healthy(LC_ALL="xx_YY.no-such"), "gpu-absent", 0),
    Fault("control: no temporary folder", healthy(TMPDIR="/no/such/folder"), "gpu-absent", 0),
    Fault("control: a library path of nonsense", healthy(LD_LIBRARY_PATH=":;/no/such::/dev/null"), "gpu-absent", 0),
    Fault("control: no PATH", healthy(PATH="/no/such/folder"), "gpu-absent", 0),
    # -- limits -----------------------------------------------------------------------------------
    Fault("too little memory for the import", _little_memory, "memory-low"),
    Fault("control: hardly any memory", within('ulimit -v 600000 && exec "$@"'), "gpu-absent", 0),
    Fault("control: hardly any open files", within('ulimit -n 40 && exec "$@"'), "gpu-absent", 0),
    Fault("control: a small stack", within('ulimit -s 256 && exec "$@"'), "gpu-absent", 0),
    # -- streams ----------------------------------------------------------------------------------
    Fault("control: no stdin", within('exec "$@" <&-'), "gpu-absent", 0),
    Fault("control: no stderr", within('exec "$@" 2>&-'), "gpu-absent", 0),
    # -- disks ------------------------------------------------------------------------------------
    Fault("a tiny /dev/shm", _in_a_mount(_TINY_SHM), "shm-too-small", 0, needs=("mounts",)),
    Fault("an environment on a disk that is nearly full", _environment_on_a_small_disk, "disk-low", 0,
          says="disk of the environment", needs=("mounts",)),
    Fault("a container that may take little memory", _in_a_mount(_LIMITED), "memory-low", 0,
          says="may take 512 MiB", needs=("mounts",)),
    Fault("the report goes to a full device", _save("/dev/full"), exit=3, says="No space left"),
    Fault("the report goes to a full disk", _save_on_full_disk, exit=3, says="No space left",
          needs=("mounts",)),
    Fault("the report is longer than files may be", _save("../machine.json", 'ulimit -f 1 && exec "$@"'), exit=3,
          says="File too large"),
    Fault("the report goes where no folder is", _save("no/such/folder.json"), exit=2, says="No such file"),
    # -- other programs on PATH -------------------------------------------------------------------
    *(
        Fault(f"control: a {name} that {what}", on_path(name, body), "gpu-absent", 0)
        for name in ("nvidia-smi", "nvcc", "gcc", "ldconfig")
        for what, body in (("hangs", _HANG), ("prints garbage", _GARBAGE), ("prints 10 MB", _MUCH))
    ),
    Fault("control: a pip of garbage", lambda place: (torch(place), _garbage(place, "pip")), "gpu-absent", 0),
)  # fmt: skip


def _garbage(place: Place, name: str) -> None:
    place.program(name, "")
    Path(place.tools / name).write_bytes(b"#!" + bytes(range(256)) * 9)
