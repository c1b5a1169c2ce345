"""Values as reports spell them, read alike by every format."""

import re

from envkit.intake.part import Build
from envkit.snapshot import NvmlDevice, PciGpu
from envkit.systems import ARCHITECTURES, name_architecture

_NOT_TOLD = frozenset(
    (
        "",
        "n/a",
        "na",
        "[n/a]",
        "[not supported]",
        "could not collect",
        "unknown",
        "unknown error",
        "not available",
        "not found",
        "none",
        "?",
        "-",
        "err!",
        "no response",
        "_no response_",
    )
)
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_YES = frozenset(("true", "yes", "1", "available", "enabled"))
_NO = frozenset(("false", "no", "0", "not available", "unavailable", "disabled"))


def told(value: str | None) -> str | None:
    """Return a value, None for the many ways of saying that there is none to tell."""
    plain = (value or "").strip().strip("`*'\"").strip()
    return None if plain.lower() in _NOT_TOLD else plain


def truth(value: str | None) -> bool | None:
    """Return yes or no, None for anything else."""
    word = (value or "").strip().strip("`*'\",.").lower().partition(" ")[0]
    return True if word in _YES else False if word in _NO else None


def version(value: str | None) -> str | None:
    """Return the first dotted number of a text."""
    found = _VERSION.search(value or "")
    return found.group() if found else None


def release(value: str | None) -> str | None:
    """Return major and minor of the first dotted number of a text: "12.4" of "12.4.131"."""
    found = version(value)
    return ".".join(found.split(".")[:2]) if found else None


_TORCH = re.compile(r"\d+\.\d+(?:\.\d+)?(?:\.?(?:a|b|rc|post|dev)\d+){0,3}(?:\+[\w.]+)?")


def torch_version(value: str | None) -> str | None:
    """Return a release of torch with its local part: "2.1.0+cu118"."""
    found = _TORCH.search(value or "")
    return found.group().rstrip(".") if found else None


_CONDA_CUDA = re.compile(r"cuda(\d+\.\d+)|cuda_?(\d{2,3})(?!\d)|py\d+_cu(\d{2,3})")


def build_of(version: str | None, build: str = "") -> Build:
    """Return what the local part of a version, and the build string of a conda package, say of the build."""
    local = (version or "").partition("+")[2]
    if local.startswith("cu") and local[2:5].rstrip("_.").isdigit():
        return Build(cuda=dotted(re.sub(r"\D.*", "", local[2:])), hip="", xpu="")
    if local.startswith("rocm"):
        return Build(cuda="", hip=release(local), xpu="")
    if local.startswith("cpu"):
        return Build(cuda="", hip="", xpu="")
    if local.startswith("xpu"):
        return Build(cuda="", hip="", xpu=None)
    found = _CONDA_CUDA.search(build)
    if found:
        return Build(cuda=found[1] or dotted(found[2] or found[3]), hip="", xpu="")
    if re.search(r"(?:^|_)cpu(?:_|$)", build):
        return Build(cuda="", hip="", xpu="")
    return Build()


def dotted(digits: str) -> str:
    """Return a CUDA release from its short form: "11.8" of "118", "9.2" of "92"."""
    return f"{digits[:-1]}.{digits[-1]}" if len(digits) > 1 else digits


_DISTRIBUTIONS = re.compile(
    r"linux|ubuntu|debian|centos|fedora|red ?hat|rhel|suse|arch|manjaro|mint|gentoo|nixos|rocky|alma|oracle|amazon|"
    r"scientific|kali|pop!|elementary|alpine|deepin|uos|kylin|cachyos|endeavour|proxmox|mariner|slackware|zorin|"
    r"raspbian|clear|void|wsl|gnu|dgx|tumbleweed|openeuler|anolis|euler",
    re.IGNORECASE,
)


def system_of(name: str | None) -> str | None:
    """Return "linux", "windows" or "macos" for the name of a system."""
    low = (name or "").lower()
    if not told(low) and low != "linux":
        return None
    if "wsl" in low:
        return "linux"
    if "windows" in low or re.match(r"win(?:32|64|nt|\d|\b)", low):
        return "windows"
    if re.search(r"\bmac|darwin|\bos ?x\b", low):
        return "macos"
    return "linux" if _DISTRIBUTIONS.search(low) else None


# "x86" also stands in the names of folders, and of what is 64-bit.
_ARCHITECTURE = re.compile(rf"(?<!\w)({'|'.join(sorted(set(ARCHITECTURES) - {'x86'}))})(?![a-z0-9])", re.IGNORECASE)


def architecture(value: str | None, os: str | None = None) -> str | None:
    """Return the processor architecture that a text names, in the spelling of torch's wheels."""
    found = _ARCHITECTURE.search((value or "").replace("_64-", "_64 "))
    if found is None:
        return None
    return name_architecture(found[1], os)


_GLIBC = re.compile(r"\b(glibc|musl)[- ]?(\d+\.\d+)?", re.IGNORECASE)


def libc(value: str | None) -> str | None:
    """Return "glibc 2.35" or "musl 1.2", None when the text names neither."""
    found = _GLIBC.search(value or "")
    if found is None or (found[1].lower() == "glibc" and not found[2]):
        return None
    return f"{found[1].lower()} {found[2]}" if found[2] else found[1].lower()


def wsl_of(kernel: str | None) -> int | None:
    """Return the WSL version that the name of a Linux kernel tells, 0 for any other kernel."""
    low = (kernel or "").lower()
    if not low:
        return None
    if "microsoft" not in low:
        return 0
    return 2 if "wsl2" in low or "microsoft-standard" in low else 1


_MEMORY = re.compile(r"(\d+(?:[.,]\d+)?) ?([KMGT])(i?)B?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


def size(value: str | None) -> int | None:
    """Return bytes; programs that print GPU memory mean powers of 1024 by either spelling."""
    found = _MEMORY.search(value or "")
    return int(float(found[1].replace(",", ".")) * 1024 ** _POWERS[found[2].lower()]) if found else None


_VENDORS = (
    (
        "nvidia",
        re.compile(
            r"nvidia|geforce|\bgtx|\brtx|quadro|tesla|titan|\bgt ?\d{3}|\b[AVPHBL]\d{2,3}[SX]?\b|\b[TK]\d{1,2}\b|"
            r"\bGB?\d{3}\b|jetson|orin|xavier",
            re.IGNORECASE,
        ),
    ),
    (
        "amd",
        re.compile(r"\bamd\b|radeon|instinct|\bvega|navi|\braven|\brx ?\d{3,4}|\bgfx\d|\bmi\d{2,3}", re.IGNORECASE),
    ),
    ("intel", re.compile(r"intel|\barc\b|\biris\b|\buhd\b|\ba7[57]0\b|data center gpu max", re.IGNORECASE)),
    ("apple", re.compile(r"apple|\bm[1-9](?: pro| max| ultra)?\b", re.IGNORECASE)),
)


def vendor_of(name: str) -> str | None:
    """Return the maker of a GPU by its name."""
    for vendor in ("amd", "intel", "apple"):
        if re.match(rf"\s*{vendor}\b", name, re.IGNORECASE):
            return vendor
    return next((vendor for vendor, names in _VENDORS if names.search(name)), None)


_LISTED = re.compile(r"GPU ?(\d{1,3}(?: ?[,-] ?\d{1,3}){0,63}) ?: ?(.+)", re.IGNORECASE)
_UUID = re.compile(r" ?\((?:UUID|\d+ ?MiB)[^)]{0,80}\)?")
_GFX = re.compile(r"\(?\b(gfx[0-9a-f]{3,4})\b[^)]{0,40}\)?")


def listed_gpus(lines: list[str]) -> tuple[NvmlDevice, ...]:
    """Return the GPUs of lines like "GPU 0: Tesla T4" and "GPU 0,1: Tesla T4"."""
    found: dict[int, NvmlDevice] = {}
    mig = False
    for line in lines:
        match = _LISTED.search(line)
        mig = mig or line.lstrip().startswith("MIG ")
        if match is None:
            continue
        name = _UUID.sub("", match[2]).strip(" ,;")
        for index in indices(match[1]):
            found.setdefault(index, NvmlDevice(index=index, name=name or None))
    devices = tuple(found[index] for index in sorted(found))
    return tuple(NvmlDevice(index=one.index, name=one.name, mig_enabled=True) for one in devices) if mig else devices


def indices(value: str) -> list[int]:
    """Return the numbers of "0,1,2" or "0-3"."""
    found: list[int] = []
    for piece in value.split(","):
        first, _, last = piece.strip().partition("-")
        if first.strip().isdigit():
            begin = int(first)
            end = int(last) if last.strip().isdigit() else begin
            found += range(begin, min(end, begin + 63) + 1)
    return found[:64]


def pci_gpu(name: str, *, vendor: str | None = None, kernel_driver: str | None = None) -> PciGpu:
    """Return a GPU of which its name is known."""
    gfx = _GFX.search(name)
    plain = _GFX.sub("", name).strip() if gfx else name.strip()
    return PciGpu(
        address="",
        vendor=vendor or vendor_of(name) or "",
        device_id="",
        kernel_driver=kernel_driver,
        name=plain or None,
        architecture=gfx[1] if gfx else None,
    )


_PYTHON = re.compile(r"(?<![\w.])([23]\.\d{1,2}(?:\.\d{1,2})?(?:(?:a|b|rc)\d+)?\+?)(?![\w.]*\d\.)")


def python_version(value: str | None) -> str | None:
    """Return the version of a Python."""
    found = _PYTHON.search(value or "")
    return found[1].rstrip("+") if found else None


def python_bits(value: str | None) -> int | None:
    """Return 32 or 64 where the text of a Python's version tells."""
    low = (value or "").lower()
    if re.search(r"32[- ]bit", low) and not re.search(r"\(64-bit runtime\)", low):
        return 32
    return 64 if re.search(r"64[- ]bit", low) else None
