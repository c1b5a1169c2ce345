"""Make an environment with pip in it, in a fifth of the time of `python -m venv`.

Runs in the interpreter that the environment is made from: `python -I make_venv.py PATH [WHEEL ...]`; or, in an
environment that is there already, only puts pip into it: `PATH/bin/python -I make_venv.py --pip PATH [WHEEL ...]`.

`python -m venv` starts pip to install pip, which takes seconds; a wheel is an archive to be unpacked. The wheel is the
one that the interpreter brings for this (ensurepip); where that was taken out (Debian), the first WHEEL that this
Python can use. Standard library only, syntax of Python 3.6.
"""

import base64
import glob
import hashlib
import os
import re
import shlex
import stat
import sys
import sysconfig
import venv
import zipfile

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
SHEBANG_LIMIT = 127
"""Bytes of a script's first line that every system reads."""

SCRIPT = """\
{start}
import sys
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""
ENTRY_POINT = re.compile(r"^pip *= *([\w.]+):(\w+)", re.MULTILINE)


def main(arguments):
    # type: (list[str]) -> int
    """Make the environment, or seed the one that is there, and return the exit code."""
    only_pip = arguments[0] == "--pip"
    path, *spare = arguments[1:] if only_pip else arguments
    if not only_pip:
        # Windows' commands are programs, not scripts: there pip installs itself.
        Builder(symlinks=os.name != "nt", with_pip=os.name == "nt").create(path)
    elif os.name == "nt":
        import ensurepip

        ensurepip.bootstrap(default_pip=True)
    if os.name == "nt":
        return 0
    wheel = find_wheel(spare)
    if wheel is None:
        sys.stderr.write("ERROR: ensurepip is not available, and no other wheel of pip is at hand\n")
        return 1
    unpack(wheel, path, site_packages(path))
    return 0


class Builder(venv.EnvBuilder):
    """Makes environments whose scripts bear every path: those of older Pythons run a `$(...)` in it."""

    def replace_variables(self, text, context):
        # type: (str, Any) -> str
        """Return a script with its variables in place, quoted for the shell that it is for."""
        if os.name != "nt" and '"__VENV_DIR__"' in text:
            in_fish, in_csh = "functions -e" in text, "alias deactivate" in text
            for name, value in (("__VENV_DIR__", context.env_dir), ("__VENV_PROMPT__", context.prompt)):
                # They stand within double quotes, which close before the value and open again behind it.
                text = text.replace(name, '"{}"'.format(quote(value, in_fish, in_csh)))
        return super().replace_variables(text, context)


def quote(value, in_fish, in_csh):
    # type: (str, bool, bool) -> str
    """Return the text within single quotes."""
    if in_fish:
        return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))
    quoted = "'{}'".format(value.replace("'", "'\"'\"'"))
    return quoted.replace("!", "\\!") if in_csh else quoted


def find_wheel(spare):
    # type: (list[str]) -> str | None
    """Return the wheel of pip to unpack, None when there is none that this Python can use."""
    folders = [
        sysconfig.get_config_var("WHEEL_PKG_DIR"),
        os.path.join(os.path.dirname(os.__file__), "ensurepip/_bundled"),
    ]
    own = [wheel for folder in folders if folder for wheel in sorted(glob.glob(os.path.join(folder, "pip-*.whl")))]
    return next((wheel for wheel in own + spare if can_use(wheel)), None)


def can_use(wheel):
    # type: (str) -> bool
    """Tell whether the wheel is for this Python, by the least version that it names."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(dist_info(wheel) + "/METADATA").decode("utf-8")
    least = re.search(r"^Requires-Python:.*>=\s*(\d+)\.(\d+)", metadata, re.MULTILINE)
    return least is None or sys.version_info >= tuple(map(int, least.groups()))


def dist_info(wheel):
    # type: (str) -> str
    """Return the name of the wheel's folder of metadata."""
    return "-".join(os.path.basename(wheel).split("-")[:2]) + ".dist-info"


def site_packages(path):
    # type: (str) -> str
    """Return the environment's folder for packages."""
    schemes = sysconfig.get_scheme_names()
    usual = "nt" if os.name == "nt" else "posix_prefix"
    variables = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), path)
    return sysconfig.get_path("purelib", "venv" if "venv" in schemes else usual, variables)


def unpack(wheel, path, site):
    # type: (str, str, str) -> None
    """Install the wheel as pip would: its files, its commands, and the record of both."""
    info = os.path.join(site, dist_info(wheel))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        entry_point = ENTRY_POINT.search(archive.read(dist_info(wheel) + "/entry_points.txt").decode("utf-8"))
    # pip 9 and older kept it elsewhere; every wheel that an interpreter with `venv` brings names it.
    module, function = entry_point.groups() if entry_point else ("pip", "main")
    scripts = os.path.join(path, "bin")
    minor = "{}.{}".format(*sys.version_info)
    start = first_line(os.path.join(scripts, "python"))
    text = SCRIPT.format(start=start, module=module, function=function)
    written = []
    for name in ("pip", "pip3", "pip" + minor):
        script = os.path.join(scripts, name)
        written.append((script, write(script, text)))
        os.chmod(script, os.stat(script).st_mode | EXECUTABLE)
    for name, content in (("INSTALLER", "pip\n"), ("REQUESTED", "")):
        written.append((os.path.join(info, name), write(os.path.join(info, name), content)))
    with open(os.path.join(info, "RECORD"), "a", encoding="utf-8") as record:
        record.writelines("{},{}\n".format(os.path.relpath(file, site), signed) for file, signed in written)


def first_line(python):
    # type: (str) -> str
    """Return what starts a script with that interpreter, also where its path is too long or odd for a shebang."""
    simple = "#!" + python
    if len(os.fsencode(simple)) <= SHEBANG_LIMIT and not re.search(r"\s", python):
        return simple
    return "#!/bin/sh\n'''exec' {} \"$0\" \"$@\"\n' '''".format(shlex.quote(python))


def write(path, text):
    # type: (str, str) -> str
    """Write a file and return its hash and size as a record has them."""
    content = os.fsencode(text)
    with open(path, "wb") as file:
        file.write(content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
    return "sha256={},{}".format(digest, len(content))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
