"""Installed files against the RECORD that their distribution keeps of them: presence and size."""

import csv
import errno
import functools
import os
import stat

from envkit_probe.files import listing, read_text

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

    File = tuple[str, str, int | None]
    """A name relative to the site folder, a hash, a size; "" and None where they are not recorded."""

EXAMPLES = 5
HEADER = "/include/"


def record_damage(record, folder, compare):
    # type: (str, str, Sizes) -> dict[str, Any] | None
    """The damage of a distribution by its RECORD; None where that cannot be read."""
    text = read_text(record)
    try:
        return None if text is None else compare.of_record(folder, text.splitlines())
    except csv.Error:  # before Python 3.11 a NUL is one
        return None


class Sizes(object):
    """Comparing files with what is recorded of them: is each there, and has it its size?"""

    reads_all = True
    """Whether there is time to read the metadata of every distribution, whatever its name."""

    def of_record(self, folder, lines):
        # type: (str, list[str]) -> dict[str, Any]
        return self.of_files(folder, recorded_files(lines))

    def of_files(self, folder, files):
        # type: (str, list[File]) -> dict[str, Any]
        return damage(len(files), *look_up(folder, files))


class Presence(Sizes):
    """The same, but a header of a RECORD need only be there: torch has ten thousand, and its import reads none."""

    reads_all = False

    def of_record(self, folder, lines):
        # type: (str, list[str]) -> dict[str, Any]
        there = listed(folder, [line.partition(",")[0] for line in lines if HEADER in line])
        # What is not found so is looked up like all others: a name with a comma is written otherwise.
        rest = [line for line in lines if HEADER not in line or line.partition(",")[0] not in there]
        told = self.of_files(folder, recorded_files(rest))
        told["entries"] += len(there)
        return told


def recorded_files(lines):
    # type: (list[str]) -> list[File]
    """The files that stay as they were installed."""
    found = []
    for row in csv.reader(lines):
        if len(row) >= 3:
            name, digest, size = row[:3]
            # Byte code comes and goes; scripts outside the site folder are rewritten by relocation.
            if name[-4:] != ".pyc" and name[:2] != ".." and name[:1] != "/":
                found.append((name, digest, int(size) if size.isdigit() else None))
    return found


def listed(root, names):
    # type: (str, list[str]) -> set[str]
    """Those of the names that their folders list: each folder is read once, however much is asked of it."""
    there = set()  # type: set[str]
    for folder in set(name.rpartition("/")[0] for name in names):
        there.update([folder + "/" + name for name in listing(os.path.join(root, folder))])
    return there.intersection(names)


def look_up(root, files):
    # type: (str, list[File]) -> tuple[list[str], list[str]]
    """The files that are missing and those of another size, each with what is wrong."""
    if os.stat not in getattr(os, "supports_dir_fd", ()):
        return compared(files, root + os.sep, os.stat)
    try:
        folder = os.open(root, os.O_RDONLY)
    except OSError:  # it may be entered and not be read
        return compared(files, root + os.sep, os.stat)
    try:
        # Ten thousand times less far for the kernel to walk.
        return compared(files, "", functools.partial(os.stat, dir_fd=folder))
    finally:
        os.close(folder)


def compared(files, prefix, ask):
    # type: (list[File], str, Any) -> tuple[list[str], list[str]]
    missing, altered = [], []
    for name, _, size in files:
        try:
            told = ask(prefix + name)
        except OSError as error:
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            missing.append("%s is missing" % name if gone else "%s cannot be seen: %s" % (name, error.strerror))
            continue
        if told.st_size != size and size is not None:
            altered.append("%s has %d bytes instead of %d" % (name, told.st_size, size))
        elif not told.st_size and not stat.S_ISREG(told.st_mode):
            altered.append("%s is no file any more" % name)
    return missing, altered


def damage(entries, missing, altered, hashed=0):
    # type: (int, list[str], list[str], int) -> dict[str, Any]
    return {
        "entries": entries,
        "missing": len(missing),
        "altered": len(altered),
        "hashed": hashed,
        "examples": (missing + altered)[:EXAMPLES],
    }
