"""Facts from inside a foreign interpreter: run by path, standard library only, Python 3.6 and later.

    TARGET_PYTHON probe.py TOKEN interpreter|packages|packages-quick|packages-deep ...
    TARGET_PYTHON probe.py TOKEN torch

`packages-quick` answers as packages does, and compares no sizes of headers; `packages-deep` does so after it has read
every file that a RECORD lists: on its way it sends frames of a section `progress`. The facts themselves are the affair
of `envkit_probe/`, beside this script.

Each section answers with frames: a line of its own, the token, a space, one JSON array. What the
target's site hooks or native libraries print can then neither be taken for an answer nor spoil one.
A section that fails says so in its frame; the facts gathered before a crash have already been sent.

All of the standard library that is used here is imported before anything is looked at, while the current folder is
not on the search path: a csv.py there belongs to the user, and reading what is installed must not run it.

The syntax stays within what Python 2.7 can parse, so that an interpreter that is too old is still
told by its version instead of a SyntaxError.
"""

import gc
import json
import os
import sys

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

FOLDER = os.path.dirname(__file__) or "."


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


def section(name, send):
    # type: (str, Any) -> Any
    """What tells a section's facts, from the search path and the current folder; what it needs is imported."""
    if name == "interpreter":
        from envkit_probe.interpreter import interpreter_facts

        return interpreter_facts
    from envkit_probe import packages, records

    compare = records.Presence() if name == "packages-quick" else records.Sizes()
    if name == "packages-deep":
        from envkit_probe.hashes import Hashes

        compare = Hashes(lambda facts: send("progress", facts))
    return lambda path, current_folder: packages.packages_facts(path, current_folder, compare)


def tell(names, path, current_folder, send):
    # type: (list[str], list[Any], str, Any) -> None
    gc.disable()  # facts have no cycles
    for name, facts in [(name, section(name, send)) for name in names]:
        told = name.partition("-")[0]
        try:
            send(told, facts(path, current_folder))
        except Exception as error:
            send(told, {"failed": "%s: %s" % (type(error).__name__, error)})


def main(arguments):
    # type: (list[str]) -> None
    token, names = arguments[0], arguments[1:]
    send = open_channel(token)
    started_with = list(sys.path)
    sys.path.insert(0, FOLDER)  # safe-path mode leaves it out
    from envkit_probe.search_path import user_search_path

    path, current_folder = user_search_path(started_with, FOLDER)
    if names == ["torch"]:
        from envkit_probe.torch_run import run_torch

        # From here on what is imported is the user's affair: this run must be as the user's own.
        sys.path[:] = path
        run_torch(send, current_folder)
    else:
        tell(names, path, current_folder, send)
    # Leave at once: tearing down a loaded torch takes time and may crash on its own.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
