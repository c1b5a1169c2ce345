"""What torch and the CUDA runtime say when CUDA does not start, or a device fails: messages with known meaning."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Complaint, CudaDevice

_MOST = 64
_BEFORE, _AFTER = 300, 700
"""Characters around a mark that its message may take."""

_OLD_CODES = {30: 999, 38: 100, 39: 214, 48: 209, 71: 801, 77: 700, 59: 710, 10: 101, 8: 98}
"""The CUDA runtime's numbers before CUDA 10.1, which took over those of the driver."""
_START = frozenset((3, 34, 35, 36, 100, 304, 800, 801, 802, 803, 804, 805, 919, 999))
"""Codes that the very first call answers with: no device was reached."""


class _Message(NamedTuple):
    """A text that begins with `mark`, and what it tells by what `pattern` finds in it."""

    mark: str
    pattern: re.Pattern[str]
    tell: Callable[[re.Match[str]], Part]


def _coded(found: re.Match[str]) -> Part:
    code = int(found[1])
    code = _OLD_CODES.get(code, code)
    said = found[0].strip()[:500]
    return Part(cuda_error=code, cuda_why=said) if code in _START else Part(device_error=said)


def _start(code: int) -> Callable[[re.Match[str]], Part]:
    return lambda found: Part(cuda_error=code, cuda_why=found[0].strip()[:500])


def _too_old(found: re.Match[str]) -> Part:
    digits = int(found[1]) if found[1] else 0
    api = f"{digits // 1000}.{digits % 1000 // 10}" if digits >= 1000 else None
    return Part(cuda_error=35, cuda_api=api, cuda_why=found[0].strip()[:500])


def _no_driver(found: re.Match[str]) -> Part:
    return Part(cuda_absent=f"torch said: {found[0].strip()[:200]}", cuda_why=found[0].strip()[:500])


def _at_use(found: re.Match[str]) -> Part:
    return Part(device_error=found[0].strip()[:500])


def _unbuilt(_found: re.Match[str]) -> Part:
    return Part(torch_cuda="", cuda_available=False)


def _unavailable(_found: re.Match[str]) -> Part:
    return Part(cuda_available=False)


def _architectures(found: re.Match[str]) -> Part:
    return Part(arch_list=tuple(found[1].split()))


def _new_gpu(found: re.Match[str]) -> Part:
    digits = found[2]
    capability = digits if "." in digits else f"{digits[:-1]}.{digits[-1]}"
    name = re.sub(r"^(?:.*Warning:|Found GPU ?\d+)\s*", "", found[1].strip()).strip() or None
    return Part(cuda_devices=(CudaDevice(index=0, name=name, compute_capability=capability),), cuda_error=0)


def _two_builds(found: re.Match[str]) -> Part:
    return Part(torch_cuda=found[1])


def _out_of_memory(found: re.Match[str]) -> Part:
    return Part(device_error=found[0].strip()[:500], cuda_error=0)


def _message(mark: str, pattern: str, tell: Callable[[re.Match[str]], Part]) -> _Message:
    return _Message(mark, re.compile(pattern, re.IGNORECASE), tell)


_REST = r"[^\n]{0,300}"

_MESSAGES = (
    _message("cudaGetDeviceCount", rf"from cudaGetDeviceCount[^\n]{{0,260}}?Error (\d{{1,3}}): {_REST}", _coded),
    _message("error=", rf"THCudaCheck FAIL[^\n]{{0,200}}? error=(\d{{1,3}}) : {_REST}", _coded),
    _message("cuda runtime error (", rf"cuda runtime error \((\d{{1,3}})\) : {_REST}", _coded),
    _message(
        "cuInit",
        rf"cuInit[^\n]{{0,60}}?(?:returned|failed|error|result|:|=)[^\n\d]{{0,30}}(\d{{1,3}})\b{_REST}",
        _coded,
    ),
    _message("Call to cuInit", rf"\[(\d{{1,3}})\] Call to cuInit{_REST}", _coded),
    _message("cudaSuccess (", rf"cudaSuccess \((\d{{1,3}}) vs\. 0\){_REST}", _coded),
    _message("not able to use GPU", r"Torch is not able to use GPU", _unavailable),
    _message("Error ", rf"(?<![\w.])Error (80[2-9]|35|100|999|919): {_REST}", _coded),
    *(_message(code, rf"(?:returned|error|code ?=|with) ?({code})\b{_REST}", _coded) for code in ("802", "803", "804")),
    _message("CUDA unknown error", rf"CUDA unknown error - this may be due to{_REST}", _start(999)),
    _message("CUDA driver initialization failed", rf"CUDA driver initialization failed{_REST}", _start(3)),
    _message("No CUDA GPUs are available", r"No CUDA GPUs are available", _start(100)),
    _message("no CUDA-capable device", r"no CUDA-capable device is detected", _start(100)),
    _message("system not yet initialized", r"system not yet initialized", _start(802)),
    _message(
        "unsupported display driver", r"system has unsupported display driver / cuda driver combination", _start(803)
    ),
    _message(
        "forward compatibility was attempted", r"forward compatibility was attempted on non supported HW", _start(804)
    ),
    _message(
        "driver on your system is too old",
        r"NVIDIA driver on your system is too old(?:\s{1,40}\(found version (\d{4,6})\))?",
        _too_old,
    ),
    _message(
        "CUDA driver version is insufficient",
        r"CUDA driver version is insufficient for CUDA runtime version()",
        _too_old,
    ),
    _message("Found no NVIDIA driver", r"Found no NVIDIA driver on your system", _no_driver),
    _message("libcuda.so", r"libcuda\.so(?:\.1)?: cannot open shared object file", _no_driver),
    _message("Torch not compiled with CUDA", r"Torch not compiled with CUDA enabled", _unbuilt),
    _message("Torch is not able to use GPU", r"Torch is not able to use GPU", lambda _: Part(cuda_available=False)),
    _message(
        "supports CUDA capabilities",
        r"supports CUDA capabilities ((?:(?:sm|compute)_\d{2,3}[af]?[ ,]{0,2}){1,40})",
        _architectures,
    ),
    _message("with CUDA capability sm_", r"([^\n]{0,100}?) with CUDA capability sm_(\d{2,3})", _new_gpu),
    _message("which is of cuda capability", r"([^\n]{0,100}?) which is of cuda capability (\d{1,2}\.\d)", _new_gpu),
    _message(
        "which is of compute capability",
        r"([^\n]{0,100}?) which is of compute capability \(CC\) (\d{1,2}\.\d)",
        _new_gpu,
    ),
    _message("PyTorch has CUDA Version=", r"PyTorch has CUDA Version=(\d{1,2}\.\d{1,2})", _two_builds),
    _message("used to compile", r"version that was used to compile\s{1,80}PyTorch \((\d{1,2}\.\d{1,2})\)", _two_builds),
    _message("CUDA out of memory", rf"CUDA out of memory\. Tried to allocate{_REST}", _out_of_memory),
    _message(
        "CUDA error:",
        rf"CUDA error: (?!system|no CUDA|unknown error|initialization error|forward|CUDA driver){_REST}",
        _at_use,
    ),
    _message("CUDA error: unknown error", r"CUDA error: unknown error", _start(999)),
    _message("CUDA error: initialization error", r"CUDA error: initialization error", _start(3)),
    _message("HIP error:", rf"HIP error: {_REST}", _at_use),
    _message("hipErrorNoBinaryForGpu", rf"hipErrorNoBinaryForGpu{_REST}", _at_use),
)


def parse(text: Text) -> Iterator[Part]:
    """Yield what each known message tells, in the order in which the table lists them."""
    for message in _MESSAGES:
        seen = set[str]()
        for around in islice(_around(text.text, message.mark), _MOST):
            found = message.pattern.search(around)
            if found and found[0] not in seen:
                seen.add(found[0])
                yield message.tell(found)
    yield from _mps(text)
    yield from _xpu(text)
    if _NO_CUDA.search(text.once) or any(map(_CUDA_ANSWER.search, islice(_around(text.text, "cuda.is_ava"), _MOST))):
        yield Part(cuda_available=False)


def _around(text: str, mark: str) -> Iterator[str]:
    """The text around each place of a mark: what stands before it in its line, and a few lines on."""
    at = text.find(mark)
    while at >= 0:
        begin = max(text.rfind("\n", max(0, at - _BEFORE), at) + 1, at - _BEFORE, 0)
        yield text[begin : at + _AFTER]
        at = text.find(mark, at + len(mark))


_XPU_ANSWER = re.compile(
    r"(?<![A-Za-z])xpu[._ ](?:is_available|device_count)(?:\(\))?[`'\")]{0,4}"
    r"[^\S\n]{0,4}(?:[=:,]|->|returns?|is|\n)?[^\S\n]{0,4}(?:\w{1,12} )?(?:false|0)(?![\w.])",
    re.IGNORECASE,
)


def _xpu(text: Text) -> Iterator[Part]:
    """The answer that there is no XPU, where somebody asked: what collect_env prints for everybody reads otherwise."""
    found = next(filter(None, map(_XPU_ANSWER.search, islice(_around(text.text, "xpu"), _MOST))), None)
    if found:
        yield Part(xpu_available=False, complaints=(Complaint(source="torch.xpu", text="torch.xpu finds no device"),))


_MPS = re.compile(r"The MPS backend is supported on[^\n]{0,200}|MPS not available because[^\n]{0,250}")
_CUDA_ANSWER = re.compile(
    r"(?<![A-Za-z_])cuda\.is_ava\w+(?:\(\))?[`'\")]{0,4}[^\n>]{0,24}?(?:=|:|,|->|returns?|gives|is|always|为|是|\n)"
    r"[^\n]{0,14}?(?<![A-Za-z])false(?![A-Za-z])"
    r"|(?<![A-Za-z_])cuda\.is_available\(\)\)?\s{0,4}\n\s{0,8}false\b",
    re.IGNORECASE,
)
_NO_CUDA = re.compile(
    r"\bCUDA (?:is )?(?:not available|unavailable)\b(?! ?[:=] ?(?:false|no))|"
    r"\bno (?:CUDA|NVIDIA|compatible)[ -]?(?:capable )?(?:GPUs?|devices?) (?:were |was |is |are )?"
    r"(?:found|detected|available|discovered)\b|\bno GPUs? (?:found|detected|available)\b|"
    r"\bGPU (?:is |was )?not (?:available|detected|found)\b|"
    r"\b(?:does|did|can)(?: ?not|n\W?t) (?:detect|see|find|recogni[sz]e) "
    r"(?:any |my |the |a )?(?:NVIDIA |CUDA )?GPUs?\b",
    re.IGNORECASE,
)
"""Programs' own words for torch.cuda.is_available() being False."""
_MPS_ANSWER = re.compile(
    r"\bMPS\b[^\n]{0,30}\bavailable\b\W{0,6}False|mps\.is_available\(\)\W{0,8}False", re.IGNORECASE
)


def _mps(text: Text) -> Iterator[Part]:
    found = _MPS.search(text.text) if text.has("MPS") else None
    if found:
        yield Part(os="macos", mps_available=False, mps_why=found[0].strip())
    elif any(
        _MPS_ANSWER.search(around) for mark in ("MPS", "mps.is") for around in islice(_around(text.text, mark), 64)
    ):
        yield Part(mps_available=False)
