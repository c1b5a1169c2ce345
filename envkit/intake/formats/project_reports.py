"""The reports of other projects, and issue templates: lines of `label: value`, each label with its meaning.

OpenMMLab and SGLang, detectron2, transformers and accelerate, Lightning, fastai, DeepSpeed, xFormers, ComfyUI,
Ultralytics, and PyTorch's own template of old.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import CudaDevice, Distribution, NvmlDevice

_Meaning = Callable[[str], Part | None]
_CONDA_S = re.compile(r"(?:linux|osx|win)-\w{2,8}")


def _torch(value: str) -> Part | None:
    """A version of torch, maybe with "(True)" for a CUDA that is available."""
    version = values.torch_version(value)
    if version is None:
        return None
    asked = re.search(r"\((True|False|Yes|No|CUDA)\b", value, re.IGNORECASE)
    built = values.build_of(version)
    file = re.search(r"@ ?(\S{3,300})", value)
    return Part(
        torch=version,
        torch_cuda=built.cuda,
        torch_hip=built.hip,
        cuda_available=(asked[1].upper() == "CUDA" or values.truth(asked[1])) if asked else None,
        torch_file=f"{file[1]}/__init__.py" if file else None,
    )


def _python(value: str) -> Part | None:
    version = values.python_version(value)
    bits = values.python_bits(value)
    return Part(python=version, implementation="cpython", bits=bits) if version else None


def _os(value: str) -> Part | None:
    system = values.system_of(value)
    if system is None:
        return None
    plain = values.told(value)
    return Part(
        os=system,
        os_name=plain if plain and len(plain) < 80 else None,
        arch=values.architecture(value, system),
        libc=values.libc(value),
        wsl=2 if "wsl2" in value.lower() else 1 if "wsl" in value.lower() else None,
    )


def _platform(value: str) -> Part | None:
    if _CONDA_S.fullmatch(value.strip()):
        return None  # conda's name of a platform, which `conda info` reads
    system = values.system_of(value.partition("-")[0]) or values.system_of(value)
    if system is None:
        return None
    return Part(
        os=system,
        arch=values.architecture(value, system),
        libc=values.libc(value.partition("-with-")[2]),
        kernel=value.partition("-")[2].partition("-with-")[0] or None if system == "linux" else None,
        wsl=values.wsl_of(value) if system == "linux" else 0,
    )


def _arch(value: str) -> Part | None:
    arch = "arm64" if _APPLE.search(value) else values.architecture(value)
    return Part(arch=arch) if arch else None


_APPLE = re.compile(r"\bApple M\d")


def _available(value: str) -> Part | None:
    answer = values.truth(value)
    return None if answer is None else Part(cuda_available=answer)


def _mps(value: str) -> Part | None:
    answer = values.truth(value)
    return None if answer is None else Part(mps_available=answer)


def _xpu(value: str) -> Part | None:
    answer = values.truth(value)
    return None if answer is None else Part(xpu_available=answer)


def _driver(value: str) -> Part | None:
    version = re.search(r"(?<![\d.])(\d{3}\.\d{1,3}(?:\.\d{1,3})?)(?![\d.]*\d)", value)
    return Part(driver=version[1]) if version else None


def _gpu(value: str) -> Part | None:
    """One or more GPUs by their names: "2x RTX 3090", "4 x A100-SXM4-80GB", "Tesla T4"."""
    name = values.told(value)
    if name is None or len(name) > 120:
        return None
    listed = values.listed_gpus([name])
    if listed:
        return Part(gpus=listed)
    vendor = values.vendor_of(name)
    if vendor == "nvidia":
        many = re.match(r"(\d{1,2}) ?[x*\u00d7] ?(.+)|(.+?) ?[x*\u00d7] ?(\d{1,2})$", name)
        count, plain = (int(many[1] or many[4]), many[2] or many[3]) if many else (1, name)
        return Part(gpus=tuple(NvmlDevice(index=at, name=plain.strip()) for at in range(min(max(count, 1), 64))))
    return Part(display=(values.pci_gpu(name, vendor=vendor),)) if vendor else None


def _nvcc(value: str) -> Part | None:
    full = re.search(r"V(\d+\.\d+\.\d+)", value)
    version = full[1] if full else values.version(value)
    return Part(nvcc=version) if version else None


def _gcc(value: str) -> Part | None:
    version = values.version(value.rpartition(")")[2]) or values.version(value)
    return Part(gcc=version) if version else None


def _cuda_home(value: str) -> Part | None:
    path = values.told(value)
    return Part(cuda_home=path) if path and re.match(r"[/\\]|[A-Z]:", path) else None


def _torch_cuda(value: str) -> Part | None:
    if value.strip() in ("None", "none"):
        return Part(torch_cuda="")
    version = values.release(value)
    return Part(torch_cuda=version) if version else None


def _torch_hip(value: str) -> Part | None:
    version = values.release(value)
    return Part(torch_hip=version or "") if version or value.strip() in ("None", "none") else None


def _arch_list(value: str) -> Part | None:
    """Return the code objects in the flags of nvcc, as `torch.__config__.show()` prints them."""
    found = re.findall(r"code=((?:sm|compute)_\d{2,3}[af]?)", value)
    return Part(arch_list=tuple(dict.fromkeys(found))) if found else None


def _shm(value: str) -> Part | None:
    found = values.size(value)
    return Part(shm_total=found) if found else None


def _installed(name: str) -> _Meaning:
    def told(value: str) -> Part | None:
        version = re.match(r"v?(\d+\.\d+[\w.+]{0,40})", value.strip())
        if version is None:
            return None
        return Part(distributions=(_distribution(name, version[1]),))

    return told


def _distribution(name: str, version: str) -> Distribution:
    return Distribution(name=name, version=version, metadata=f"told: {name} {version}", site="")


_COMPANIONS = (
    "torchvision",
    "torchaudio",
    "numpy",
    "xformers",
    "triton",
    "bitsandbytes",
    "deepspeed",
    "vllm",
    "torchtext",
)

_LABELS: dict[str, _Meaning] = {
    # torch
    "pytorch": _torch,
    "torch": _torch,
    "torch version": _torch,
    "pytorch version": _torch,
    "pytorch_version": _torch,
    "pytorch.version": _torch,
    "pytorch version (gpu?)": _torch,
    "pytorch version (accelerator?)": _torch,
    "pytorch version (e.g., 1.0)": _torch,
    "torch.__version__": _torch,
    "print(torch.__version__)": _torch,
    "version of pytorch": _torch,
    "pytorch cuda": _torch_cuda,
    "torch cuda": _torch_cuda,
    "torch cuda version": _torch_cuda,
    "torch.version.cuda": _torch_cuda,
    **dict.fromkeys(("torch hip version", "rocm hip version"), _torch_hip),
    "nvcc architecture flags": _arch_list,
    "- nvcc architecture flags": _arch_list,
    # is it available
    "cuda available": _available,
    "cuda is available": _available,
    "cuda_available": _available,
    "gpu available": _available,
    "is cuda available": _available,
    "torch.cuda.is_available()": _available,
    "torch.cuda.is_available": _available,
    "print(torch.cuda.is_available())": _available,
    "pytorch.cuda": _available,
    "pytorch xpu available": _xpu,
    "torch.xpu.is_available()": _xpu,
    "mps available": _mps,
    "torch.backends.mps.is_available()": _mps,
    # the interpreter and the system
    "python": _python,
    "python version": _python,
    "python version (e.g., 3.7)": _python,
    "build.python_version": lambda _value: None,
    "os": _os,
    "os (e.g., linux)": _os,
    "os platform and distribution": _os,
    "operating system": _os,
    "system": _os,
    "distro": _os,
    "sys.platform": _os,
    "system platform": _os,
    "platform": _platform,
    "python platform": _platform,
    **dict.fromkeys(("processor", "architecture", "arch", "hardware", "chip"), _arch),
    "libc version": lambda value: Part(libc=values.libc(value)) if values.libc(value) else None,
    # the GPU
    "gpu": _gpu,
    "gpus": _gpu,
    "gpu type": _gpu,
    "gpu model": _gpu,
    "gpu.name": _gpu,
    "gpu models and configuration": _gpu,
    "gpu model and configuration": _gpu,
    "gpu model and memory": _gpu,
    "gpu name": _gpu,
    "graphics card": _gpu,
    "device name": _gpu,
    "nvidia driver version": _driver,
    "driver version": _driver,
    "nvidia driver": _driver,
    "driver": _driver,
    "gpu driver": _driver,
    "cuda driver version": _driver,
    # tools
    "nvcc": _nvcc,
    "nvcc version": _nvcc,
    "cuda toolkit": _nvcc,
    "cuda toolkit version": _nvcc,
    "cuda compiler": _nvcc,
    "system compiler": _gcc,
    "gcc": _gcc,
    "gcc version": _gcc,
    "gcc/compiler version (if compiling from source)": _gcc,
    "cuda_home": _cuda_home,
    "shared memory (/dev/shm) size": _shm,
    **{name: _installed(name) for name in _COMPANIONS},
    **{f"{name} version": _installed(name) for name in _COMPANIONS},
}

_GPU_LABEL = re.compile(r"gpu ?(\d{1,2}(?:,\d{1,2}){0,31})")
_CAPABILITY_LABEL = re.compile(r"gpu ?\d{1,2}(?:,\d{1,2}){0,31} compute capability|gpu\.compute_capability")
_ULTRALYTICS = re.compile(
    r"torch[- ](\d\.\d+\.\d+\S{0,30}) (?:CUDA:\d{1,2}(?:,\d)* ?\(([^,)\n]{3,60}), ?\d+\.?\d*MiB|(CPU)|(MPS))"
)
_ULTRALYTICS_PYTHON = re.compile(r"Python-(\d\.\d+\.\d+) $")
_COMFY_DEVICE = re.compile(r"^Device: cuda:(\d{1,2}) ([^:\n]{3,60}?)(?: :|$)", re.MULTILINE)
_BITSANDBYTES = re.compile(
    r"PyTorch settings found: CUDA_VERSION=(\d{2,3}), Highest Compute Capability: \((\d{1,2}), (\d)\)"
)
_LIGHTNING = re.compile(
    r"^[ \t]*[*-] CUDA:[ \t]*\n(?P<gpus>(?:[^\n]{0,120}\n){1,20}?)"
    r"[ \t]*[*-] available:[ \t]*(?P<available>True|False)[ \t]*\n"
    r"[ \t]*[*-] version:[ \t]*(?P<cuda>None|\d{1,2}\.\d{1,2})",
    re.MULTILINE,
)
_WITHOUT_COLON = re.compile(r"^[ \t]*- PyTorch Version \(e\.g\., \d\S{0,8}\) +(\d\S{2,40})", re.MULTILINE)
_BUILT_WITH = re.compile(r"^[ \t]*- CUDA Runtime (\d{1,2}\.\d{1,2})", re.MULTILINE)
"""What `torch.__config__.show()` says of the build, which many reports quote."""
_IS_SAID = re.compile(r"orch(?: version)? is (\d\.\d+\.\d+\S{0,20})")
_TWO_COLUMNS = re.compile(
    r"^(sys\.platform|Python|PyTorch|PyTorch debug build|GPU available|GPU \d{1,2}(?:,\d{1,2})*|CUDA_HOME|"
    r"Driver version|torchvision|numpy|GCC|NVCC|OS)[ ]{2,}(\S[^\n]{0,200})$",
    re.MULTILINE,
)


def parse(text: Text) -> Iterator[Part]:
    """Yield what each labelled line means, in the order of the table; then the lines that have no label."""
    for label, meaning in _LABELS.items():
        for found in text.labels.get(label, ())[:8]:
            if not found.assigned:
                yield from _given(meaning(found.value))
    yield from _numbered(text)
    if text.has("sys.platform", "GPU available", "PyTorch debug build", "Ultralytics"):
        for label, value in islice(_TWO_COLUMNS.findall(text.text), 100):
            yield from _column(label, value)
    yield from _ultralytics(text)
    for comfy in islice(_COMFY_DEVICE.finditer(text.text), 4) if text.has("Device: cuda:") else ():
        yield Part(cuda_available=True, gpus=(NvmlDevice(index=int(comfy[1]), name=comfy[2].strip()),))
    yield from _bitsandbytes(text)
    yield from _lightning(text)
    template = _WITHOUT_COLON.search(text.text) if text.has("PyTorch Version (e.g.") else None
    if template:
        yield from _given(_torch(template[1]))
    built = _BUILT_WITH.search(text.text) if text.has("- CUDA Runtime") else None
    if built:
        yield Part(torch_cuda=built[1])
    said = _IS_SAID.search(text.text)
    if said:
        yield from _given(_torch(said[1]))


def _ultralytics(text: Text) -> Iterator[Part]:
    for ultralytics in (
        islice(_ULTRALYTICS.finditer(text.text), 2)
        if text.has("MiB)", " CPU", " MPS") and text.has(" torch", "-torch")
        else ()
    ):
        torch, gpu, cpu, mps = ultralytics.groups()
        python = _ULTRALYTICS_PYTHON.search(text.text[max(0, ultralytics.start() - 40) : ultralytics.start()])
        yield from _given(_torch(torch))
        yield Part(
            python=python[1] if python else None,
            cuda_available=True if gpu else None if mps else False if cpu else None,
            mps_available=True if mps else None,
        )
        yield from _given(_gpu(gpu) if gpu else None)


def _bitsandbytes(text: Text) -> Iterator[Part]:
    found = _BITSANDBYTES.search(text.text) if text.has("PyTorch settings found") else None
    if found:
        # It asks torch, so torch has seen the device.
        device = CudaDevice(index=0, compute_capability=f"{found[2]}.{found[3]}")
        yield Part(torch_cuda=values.dotted(found[1]), cuda_devices=(device,), cuda_error=0)


def _lightning(text: Text) -> Iterator[Part]:
    found = _LIGHTNING.search(text.text) if text.has("CUDA:") else None
    if found is None:
        return
    names = [line.strip(" \t*-") for line in found["gpus"].split("\n")]
    gpus = [name for name in names if values.vendor_of(name) == "nvidia"]
    yield Part(
        cuda_available=found["available"] == "True",
        torch_cuda="" if found["cuda"] == "None" else found["cuda"],
        gpus=tuple(NvmlDevice(index=at, name=name) for at, name in enumerate(gpus)) or None,
    )


def _given(part: Part | None) -> Iterator[Part]:
    if part is not None:
        yield part


def _column(label: str, value: str) -> Iterator[Part]:
    low = label.lower()
    if _GPU_LABEL.fullmatch(low):
        yield from _given(_gpu(f"{label}: {value.partition('(')[0]}"))
    elif low in _LABELS:
        yield from _given(_LABELS[low](value))


def _numbered(text: Text) -> Iterator[Part]:
    """Labels with the number of a GPU in them, as one list."""
    lines = [
        f"{label}: {found.value}"
        for label, places in text.labels.items()
        if label.startswith("gpu") and _GPU_LABEL.fullmatch(label)
        for found in places[:1]
        if values.vendor_of(found.value) == "nvidia"
    ]
    gpus = values.listed_gpus(lines)
    capability = next(
        (
            values.release(places[0].value)
            for label, places in text.labels.items()
            if label.startswith("gpu") and _CAPABILITY_LABEL.fullmatch(label)
        ),
        None,
    )
    if gpus:
        yield Part(
            gpus=tuple(
                NvmlDevice(index=gpu.index, name=gpu.name, mig_enabled=gpu.mig_enabled, compute_capability=capability)
                for gpu in gpus
            )
        )
