"""Two package indexes in a folder, PyTorch's and the default one, with stand-in wheels of real names."""

import base64
import hashlib
import os
import zipfile

TORCH_BODY = "from torch.version import __version__\n"


def write_wheel(folder, name, version, *, requires=(), files=None, tag="py3-none-any"):
    """Write a wheel that installs the given files, by default one empty package."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents = {
        **(files or {f"{name}/__init__.py": ""}),
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {line}\n" for line in requires),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name_in_wheel, text in contents.items():
            wheel.writestr(name_in_wheel, text)
    return path


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def write_torch(folder, version):
    """Write a stand-in torch that needs one package of the default index."""
    body = {"torch/__init__.py": TORCH_BODY, "torch/version.py": f"__version__ = {version!r}\ncuda = None\n"}
    return write_wheel(folder, "torch", version, requires=("filelock",), files=body)


def write_pages(folder):
    """Write the page of each project (PEP 503) beside its wheels, and return the index's URL."""
    for project in folder.iterdir():
        links = "".join(f'<a href="{wheel.name}">{wheel.name}</a>\n' for wheel in sorted(project.glob("*.whl")))
        (project / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return folder.as_uri()


def make_indexes(root, *, torch=("2.13.0+cpu",)):
    """Return (URL of the torch index, variables that configure the default one).

    The default index holds a torch of the same version that is another build: the one to fall for.
    """
    for version in torch:
        write_torch(root / "torch-index" / "torch", version)
    write_wheel(root / "torch-index" / "torchvision", "torchvision", "0.28.0+cpu", requires=("torch==2.13.0",))
    default = root / "default-index"
    write_torch(default / "torch", "2.13.0")
    write_wheel(default / "numpy", "numpy", "2.4.0")
    write_wheel(default / "filelock", "filelock", "3.20.0")
    write_wheel(default / "pip", "pip", "26.0")
    return write_pages(root / "torch-index"), {
        "PIP_INDEX_URL": write_pages(default),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # What the machine that runs the tests is configured with must not reach them.
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_NO_INDEX": "0",
    }


def make_build_indexes(root):
    """Return ({backend: URL of its index}, URL of the default one), with wheels named as the real ones are.

    The default index has the same versions in other builds, one of them under the name of a torch index's own.
    """
    for backend in ("cpu", "cu118", "cu121", "cu124"):
        _write_builds(root / "whl" / backend, f"+{backend}", "linux_x86_64")
    default = root / "default"
    for backend, triton in TRITON.items():
        _write_builds(root / "whl" / backend, f"+{backend}", "linux_x86_64", requires=(f"{triton}==3.2.0",))
        write_wheel(root / "whl" / backend / triton, triton.replace("-", "_"), "3.2.0")
        # One like the dependencies of torch that PyTorch's index has too, in releases of long ago.
        write_wheel(root / "whl" / backend / "numpy", "numpy", "1.26.4")
        write_wheel(default / triton, triton.replace("-", "_"), "0.0.1")
    _write_builds(default, "", "manylinux1_x86_64")
    write_wheel(default / "torch", "torch", "2.5.1+cu118", tag="cp311-cp311-manylinux1_x86_64")
    write_wheel(default / "torch", "torch", "2.6.0+cpu", tag="cp311-cp311-manylinux1_x86_64")
    for name, version in (("numpy", "2.1.3"), ("filelock", "3.16.1"), ("pandas", "2.2.3")):
        write_wheel(default / name, name, version)
    return {index.name: write_pages(index) for index in (root / "whl").iterdir()}, write_pages(default)


TRITON = {"rocm6.2.4": "pytorch-triton-rocm", "xpu": "pytorch-triton-xpu"}
"""What a build needs that its own index alone has."""


def _write_builds(index, local, platform, *, requires=()):
    """Write torch 2.5.1 and 2.6.0, and their companions."""
    tag = f"cp311-cp311-{platform}"
    for torch, torchvision in (("2.5.1", "0.20.1"), ("2.6.0", "0.21.0")):
        pinned = f"torch=={torch}"
        write_wheel(index / "torch", "torch", f"{torch}{local}", requires=("filelock", *requires), tag=tag)
        write_wheel(index / "torchvision", "torchvision", f"{torchvision}{local}", requires=(pinned, "numpy"), tag=tag)
        write_wheel(index / "torchaudio", "torchaudio", f"{torch}{local}", requires=(pinned,), tag=tag)
