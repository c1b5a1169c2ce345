"""Libraries that several packages bring: which copy would be loaded first, and which was loaded."""

import os
import re

from envkit_probe.files import listing, real
from envkit_probe.loaded import loaded_files

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

# On Linux, macOS and Windows, the last in small letters.
LIBRARY = re.compile(
    r"lib(cudnn\w*|cublas\w*|cudart|cufft|curand|cusolver|cusparse\w*|nvJitLink|nvrtc|nccl|cupti|nvshmem\w*|stdc\+\+"
    r"|gomp|iomp5|omp)(-[0-9a-f]+)?\.so(\.\d+)*$"
    r"|lib(gomp|iomp5|omp)(\.\d+)*\.dylib$"
    r"|(cudnn\w*64|cublas(lt)?64|cudart64|cufftw?64|curand64|cusolver(mg)?64|cusparse64|nvjitlink|nvrtc64)_\w+\.dll$"
    r"|libiomp5md\.dll$"
)


def is_of_interest(name):
    # type: (str) -> bool
    return bool(LIBRARY.match(os.path.normcase(name)))


def bundled_libraries(path):
    # type: (list[str]) -> dict[str, str]
    """The libraries that torch and the nvidia-* wheels on the search path bring, by file name."""
    found = {}  # type: dict[str, str]
    for entry in path:
        nvidia = os.path.join(entry, "nvidia")
        folders = [os.path.join(entry, "torch", "lib")]
        folders += [os.path.join(nvidia, name, kind) for name in listing(nvidia) for kind in ("lib", "bin")]
        for folder in folders:
            for name in listing(folder):
                if is_of_interest(name):
                    found.setdefault(os.path.normcase(name), os.path.join(folder, name))
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
    files += [os.path.join(folder, name) for folder in folders for name in listing(folder) if is_of_interest(name)]
    return [file for file in files if os.path.basename(file) in bundled and real(file) not in own][:20]


def loaded_libraries(path):
    # type: (list[str]) -> list[dict[str, str]] | None
    """Those that are in this process, each with the copy that torch brings; None where the system does not tell."""
    files = loaded_files()
    return None if files is None else with_bundled(files, path)


def with_bundled(files, path):
    # type: (list[str], list[str]) -> list[dict[str, str]]
    files = [file for file in files if is_of_interest(os.path.basename(file))]
    bundled = bundled_libraries(path) if files else {}
    found = []
    for file in files:
        name = os.path.basename(file)
        asked, own = name, bundled.get(os.path.normcase(name), "")
        # The map shows the file behind a link: libcudnn.so.9.1.0 was asked for as libcudnn.so.9.
        while not own and asked.rpartition(".")[2].isdigit():
            asked = asked.rpartition(".")[0]
            own = bundled.get(asked, "")
        same = bool(own) and os.path.normcase(real(own)) == os.path.normcase(real(file))
        found.append({"name": asked if own else name, "path": file, "bundled": file if same else own})
    return found
