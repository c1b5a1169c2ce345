"""Installed files against the hashes that their distribution keeps: every byte of them is read."""

import base64
import hashlib
import os
import time

from envkit_probe.records import Sizes, damage, look_up

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

    from envkit_probe.records import File  # noqa: F401


class Hashes(Sizes):
    """The bytes of each file that has its size too; how far it is goes to `tell`, a few times a second."""

    EVERY = 0.25
    CHUNK = 2**20

    def __init__(self, tell):
        # type: (Any) -> None
        self.tell, self.told, self.done, self.total = tell, 0.0, 0, 0

    def of_files(self, folder, files):
        # type: (str, list[File]) -> dict[str, Any]
        """What an installer wrote itself has no hash."""
        missing, altered = look_up(folder, files)
        prefix = folder + os.sep
        whole = [(name, digest) for name, digest, size in files if digest and has_size(prefix + name, size)]
        self.done, self.total = 0, sum(os.path.getsize(prefix + name) for name, _ in whole)
        told = [self.difference(prefix, name, digest) for name, digest in whole]
        return damage(len(files), missing, altered + [why for why in told if why], len(whole))

    def difference(self, prefix, name, digest):
        # type: (str, str, str) -> str
        """What is wrong with a file, by its hash: "sha256=Zm9v", or in conda's hexadecimal digits; "" for nothing."""
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
        actual = base64.urlsafe_b64encode(hasher.digest()).decode("ascii").rstrip("=")
        return (
            ""
            if wanted.rstrip("=") in (actual, hasher.hexdigest())
            else "%s has other bytes than its hash tells" % name
        )

    def tell_progress(self, name):
        # type: (str) -> None
        if time.time() - self.told >= self.EVERY:
            self.told = time.time()
            self.tell({"package": name.split("/")[0], "done": self.done, "total": self.total})


def has_size(path, size):
    # type: (str, int | None) -> bool
    """Whether a file is there and has its size, where that is known; a pipe in its place is none, and has no end."""
    try:
        return os.path.isfile(path) and (size is None or os.path.getsize(path) == size)
    except OSError:
        return False
