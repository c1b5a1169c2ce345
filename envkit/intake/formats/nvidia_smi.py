"""`nvidia-smi`: its table of every generation, `-q`, `-L`, `--query-gpu=... --format=csv`, and its failures."""

import csv
import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Complaint, NvmlDevice

_WINDOW = 60_000
"""Characters after a headline that belong to it: 16 GPUs with their processes take a third of that."""
_MOST_REPORTS = 4


def parse(text: Text) -> Iterator[Part]:
    """Yield what each kind of output tells."""
    yield from _tables(text)
    yield from _queries(text)
    yield from _csv(text)
    yield from _applications(text)
    yield from _list(text)
    yield from _failure(text)


# -- the table ------------------------------------------------------------------------------------

_HEAD = re.compile(
    r"NVIDIA-SMI[ \t]+(?:version[ \t]*:[ \t]*)?(\d+\.\d+(?:\.\d+)?)"
    r"(?:[^\n]{0,60}?(?:Driver|KMD) Version:[ \t]*(\d+[\d.]*))?"
    r"(?:[^\n]{0,80}?CUDA (?:UMD )?Version:[ \t]*(\d+\.\d+))?"
)
_GPU_ROW = re.compile(
    r"\|[ \t]+(\d{1,3})[ \t]+(\S[^|\n]{0,50}?)[ \t]+(On|Off|N/A|WDDM|TCC|MCDM|ERR!|WDDM +|TCC +)[ \t]*\|"
    r"[ \t]*([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])[ \t]+(\S+)[ \t]*\|[ \t]*(\S+)"
)
_WINDOWS_ROW = re.compile(r"^[ \t]*\|[ \t]+\d{1,3}[ \t]+\S[^|\n]{0,50}[ \t](?:WDDM|TCC|MCDM)[ \t]*\|", re.MULTILINE)
"""Only Windows has driver models."""
_MEMORY_ROW = re.compile(
    r"(\d{1,9})MiB[ \t]*/[ \t]*(\d{1,9})MiB[^|\n]{0,20}\|[ \t]*(?:\d+%|N/A|ERR!)?[ \t]*"
    r"(Default|E\. ?(?:Process|Thread)|Prohibited)?"
)
_STATE_ROW = re.compile(
    r"^\|[ \t]*(?:\d{1,3}%|N/A|ERR!|\[N/A\])?[ \t]+(\d{1,3}|N/A|ERR!)C?[ \t]+(?:P(\d{1,2})|N/A|ERR!)[ \t]+"
    r"(\d+|N/A|ERR!)W?[ \t]*/[ \t]*(\d+|N/A|ERR!)W?[ \t]*\|[^|\n]{0,40}\|[ \t]*(?:(\d{1,3})%)?",
    re.MULTILINE,
)
_MIG_ROW = re.compile(r"^\|[^\n]*\|[^\n]*\|[ \t]+(Enabled|Disabled|N/A)\*?[ \t]*\|", re.MULTILINE)
_MODES = {"D": "default", "E": "exclusive-process", "P": "prohibited"}
"""By the first letter: a narrow table writes "E. Process"."""


def _tables(text: Text) -> Iterator[Part]:
    for head in islice(_HEAD.finditer(text.text), _MOST_REPORTS) if text.has("NVIDIA-SMI") else ():
        body = text.text[head.start() : head.start() + _WINDOW]
        following = body.find("NVIDIA-SMI", 12)
        body = body[:following] if following > 0 else body
        devices = tuple(_rows(body))
        # A table whose head alone was pasted tells nothing of the GPUs.
        os = "windows" if _WINDOWS_ROW.search(body) else None
        yield Part(driver=head[2] or head[1], driver_cuda=head[3], gpus=devices or None, os=os)


def _rows(body: str) -> Iterator[NvmlDevice]:
    rows = list(islice(_GPU_ROW.finditer(body), 64))
    processes = _processes(body)
    for at, row in enumerate(rows):
        end = rows[at + 1].start() if at + 1 < len(rows) else min(row.end() + 600, len(body))
        details = body[row.end() : end]
        memory = _MEMORY_ROW.search(details)
        mig = _MIG_ROW.search(details)
        state = _STATE_ROW.search(details)
        held = processes.get(int(row[1]), []) if processes is not None else None
        yield NvmlDevice(
            index=int(row[1]),
            name=_whole(row[2]),
            memory_total=int(memory[2]) * 2**20 if memory else None,
            memory_used=int(memory[1]) * 2**20 if memory else None,
            compute_mode=_MODES[memory[3][0]] if memory and memory[3] else None,
            mig_enabled=(mig[1] == "Enabled") if mig and mig[1] != "N/A" else None,
            ecc_uncorrected=int(row[6]) if row[6].isdigit() else None,
            temperature=_number(state[1]) if state else None,
            performance_state=_number(state[2]) if state else None,
            utilization=_number(state[5]) if state else None,
            processes=None if held is None else len(held),
            processes_memory=None if held is None else sum(held),
        )


def _number(told: str | None) -> int | None:
    return int(told) if told and told.isdecimal() and len(told) < 16 else None


_PROCESS_HEAD = re.compile(r"^\|[ \t]*Processes:", re.MULTILINE)
_PROCESS = re.compile(
    r"^\|[ \t]+(\d{1,3})[ \t]+(?:(?:N/A|\d{1,3})[ \t]+(?:N/A|\d{1,3})[ \t]+)?(\d{1,9})[ \t]+"
    r"(C|G|C\+G|M\+C)[ \t][^|\n]{0,80}?"
    r"(\d{1,9})MiB[ \t]*\|",
    re.MULTILINE,
)


def _processes(body: str) -> dict[int, list[int]] | None:
    """What each process holds, by GPU; None where the list of processes is not there, or does not tell."""
    head = _PROCESS_HEAD.search(body)
    if head is None:
        return None
    found: dict[int, list[int]] = {}
    for index, _, kind, held in islice(_PROCESS.findall(body[head.end() :]), 256):
        if kind != "G":  # what only draws is no competitor
            found.setdefault(int(index), []).append(int(held) * 2**20)
    return found


def _whole(name: str) -> str | None:
    """Old tables cut long names and end them in dots: what is left still names the GPU to a person."""
    plain = " ".join(name.split())
    return plain or None


# -- nvidia-smi -q --------------------------------------------------------------------------------

_LOG = re.compile(r"=+ ?NVSMI LOG ?=+")
_Q_GPU = re.compile(r"^[ \t]*GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])", re.MULTILINE)


_SECTIONS = ("Remapped Rows", "ECC Errors", "Clocks Throttle Reasons", "Clocks Event Reasons", "GPU Link Info")


def _queries(text: Text) -> Iterator[Part]:
    if not text.has("NVSMI LOG"):
        if text.has(*_SECTIONS):  # a piece of the log, of one GPU
            yield Part(gpus=(_queried(0, text.text[:_WINDOW]),))
        return
    for head in islice(_LOG.finditer(text.text), _MOST_REPORTS):
        body = text.text[head.end() : head.end() + 16 * _WINDOW]
        following = _LOG.search(body)
        body = body[: following.start()] if following else body
        gpus = list(islice(_Q_GPU.finditer(body), 64))
        ends = [gpu.start() for gpu in gpus[1:]] + [len(body)] * bool(gpus)
        devices = tuple(
            _queried(index, body[gpu.start() : min(end, gpu.start() + _WINDOW)])
            for index, (gpu, end) in enumerate(zip(gpus, ends, strict=True))
        )
        yield Part(
            driver=values.version(_field(body, "Driver Version")),
            driver_cuda=values.release(_field(body, "CUDA Version")),
            gpus=devices or None,
        )


def _field(body: str, label: str, below: str = "") -> str | None:
    """A value of `label : value`, the first below the line that begins with `below`."""
    if below:
        section = re.search(rf"^[ \t]*{re.escape(below)}[ \t]*$", body, re.MULTILINE)
        if section is None:
            return None
        body = body[section.end() : section.end() + 600]
    found = re.search(rf"^[ \t]*{re.escape(label)}[ \t]*:[ \t]*(\S[^\n]*)", body, re.MULTILINE)
    return found[1].strip() if found else None


def _queried(index: int, body: str) -> NvmlDevice:
    mig = _field(body, "Current", "MIG Mode")
    mode = (_field(body, "Compute Mode") or "").lower().replace("_", "-")
    ecc, life = _section(body, "Volatile"), _section(body, "Aggregate")
    rows, pages = _section(body, "Remapped Rows"), _section(body, "Retired Pages")
    link = _section(body, "GPU Link Info")
    generation, width = _section(link, "PCIe Generation"), _section(link, "Link Width")
    state = _field(body, "Performance State") or ""
    return NvmlDevice(
        index=index,
        name=values.told(_field(body, "Product Name")),
        uuid=values.told(_field(body, "GPU UUID")),
        memory_total=values.size(_field(body, "Total", "FB Memory Usage")),
        memory_used=values.size(_field(body, "Used", "FB Memory Usage")),
        compute_mode=mode if mode in ("default", "exclusive-process", "prohibited") else None,
        mig_enabled={"Enabled": True, "Disabled": False}.get(mig or ""),
        ecc_uncorrected=_uncorrected(ecc),
        ecc_lifetime=_uncorrected(life),
        remap_pending=_yes(
            _field(rows, "Pending") or _field(pages, "Pending Page Blacklist") or _field(pages, "Pending")
        ),
        remap_failed=_yes(_field(rows, "Remapping Failure Occurred")),
        retired_pages=_number(_field(pages, "Double Bit ECC")),
        throttle=_reasons(body),
        performance_state=_number(state.removeprefix("P")),
        temperature=_leading(_field(body, "GPU Current Temp")),
        utilization=_leading(_field(body, "Gpu", "Utilization")),
        pcie_generation=_leading(_field(generation, "Current")),
        pcie_generation_best=_leading(_field(generation, "Max")),
        pcie_width=_leading(_field(width, "Current")),
        pcie_width_best=_leading(_field(width, "Max")),
    )


def _section(body: str, head: str) -> str:
    """The lines that are indented below a heading, "" where there is none."""
    found = re.search(rf"^([ \t]*){re.escape(head)}[ \t]*$", body, re.MULTILINE)
    if found is None:
        return ""
    kept = []
    for line in body[found.end() + 1 : found.end() + 3_000].split("\n"):
        if line.strip() and len(line) - len(line.lstrip()) <= len(found[1]):
            break
        kept.append(line)
    return "\n".join(kept)


def _uncorrected(section: str) -> int | None:
    """All uncorrectable errors of a section, whose rows have had several names."""
    told = re.findall(
        r"^[ \t]*(?:\w+ Uncorrectable(?: \w+)?|Uncorrectable)[ \t]*:[ \t]*(\d{1,15})\b", section, re.MULTILINE
    )
    old = re.search(r"Double Bit[^\n]*\n(?:[ \t]+[^\n]*\n)*?[ \t]+Total[ \t]*:[ \t]*(\d+)", section + "\n")
    return sum(map(int, told)) if told else int(old[1]) if old else None


def _yes(told: str | None) -> bool | None:
    return {"Yes": True, "No": False}.get(told or "")


def _leading(told: str | None) -> int | None:
    found = re.match(r"\d{1,15}(?!\d)", told or "")
    return int(found[0]) if found else None


_REASONS = {
    "SW Power Cap": "sw-power-cap",
    "HW Slowdown": "hw-slowdown",
    "HW Thermal Slowdown": "hw-thermal",
    "HW Power Brake Slowdown": "hw-power-brake",
    "SW Thermal Slowdown": "sw-thermal",
}


def _reasons(body: str) -> tuple[str, ...] | None:
    section = _section(body, "Clocks Throttle Reasons") or _section(body, "Clocks Event Reasons")
    told = {words: _field(section, words) for words in _REASONS}
    if all(value is None for value in told.values()):
        return None
    return tuple(_REASONS[words] for words, value in told.items() if value == "Active")


# -- nvidia-smi -L --------------------------------------------------------------------------------

_L = re.compile(r"^[ \t]*GPU (\d{1,3}): ([^\n(]{2,80}) \(UUID: ([\w-]{4,60})\)", re.MULTILINE)
_L_MIG = re.compile(r"^[ \t]+MIG [\w.+]{2,20}[ \t]+Device", re.MULTILINE)


def _list(text: Text) -> Iterator[Part]:
    if not text.has("(UUID: "):
        return
    found: dict[int, NvmlDevice] = {}
    for gpu in islice(_L.finditer(text.text), 64):
        mig = _L_MIG.match(text.text, gpu.end() + 1) is not None
        found.setdefault(
            int(gpu[1]), NvmlDevice(index=int(gpu[1]), name=gpu[2], uuid=gpu[3], mig_enabled=True if mig else None)
        )
    if found:
        yield Part(gpus=tuple(found.values()))


# -- --query-gpu=... --format=csv -----------------------------------------------------------------

_CSV_FIELDS = {
    "index": "index",
    "name": "name",
    "gpu_name": "name",
    "uuid": "uuid",
    "gpu_uuid": "uuid",
    "driver_version": "driver",
    "compute_cap": "compute_capability",
    "memory.total": "memory_total",
    "memory.used": "memory_used",
    "compute_mode": "compute_mode",
    "mig.mode.current": "mig_enabled",
    "utilization.gpu": "utilization",
    "temperature.gpu": "temperature",
    "pstate": "performance_state",
    "pcie.link.gen.current": "pcie_generation",
    "pcie.link.gen.max": "pcie_generation_best",
    "pcie.link.width.current": "pcie_width",
    "pcie.link.width.max": "pcie_width_best",
    "ecc.errors.uncorrected.volatile.total": "ecc_uncorrected",
    "ecc.errors.uncorrected.aggregate.total": "ecc_lifetime",
}
_CSV_MARKS = ("name,", ", name", "driver_version", "memory.", "compute_cap", "uuid,", "pcie.link", "utilization.gpu")
_UNIT = re.compile(r" ?\[\w+\]")


def _csv(text: Text) -> Iterator[Part]:
    if not text.has(*_CSV_MARKS):
        return
    for number, line in enumerate(text.lines):
        if not any(map(line.__contains__, _CSV_MARKS)):
            continue
        columns = [_UNIT.sub("", column).strip() for column in line.split(",")]
        if sum(column in _CSV_FIELDS for column in columns) < 2:
            continue
        if any("=" in column for column in columns):
            continue  # the command that asks for them
        rows = [
            row for row in text.lines[number + 1 : number + 65] if row.count(",") == len(columns) - 1 and row.strip()
        ]
        read = [_row(at, columns, row) for at, row in enumerate(rows)]
        driver = next((found for _, found in read if found), None)
        devices = tuple(device for device, _ in read)
        if devices:
            yield Part(driver=driver, gpus=devices if "name" in columns or "gpu_name" in columns else None)
            return


def _row(at: int, columns: list[str], row: str) -> tuple[NvmlDevice, str | None]:
    cells = [cell.strip() for cell in next(csv.reader([row.replace("\0", "")]), [])]
    facts = {
        _CSV_FIELDS[column]: told
        for column, cell in zip(columns, cells, strict=False)
        if column in _CSV_FIELDS and (told := values.told(cell))
    }
    index = facts.get("index", "")
    mode = facts.get("compute_mode", "").lower().replace("_", "-")
    device = NvmlDevice(
        index=int(index) if index.isdecimal() else at,
        name=facts.get("name"),
        uuid=facts.get("uuid"),
        compute_capability=values.release(facts.get("compute_capability")),
        memory_total=values.size(facts.get("memory_total")),
        memory_used=values.size(facts.get("memory_used")),
        compute_mode=mode or None,
        mig_enabled={"Enabled": True, "Disabled": False}.get(facts.get("mig_enabled", "")),
        utilization=_leading(facts.get("utilization")),
        temperature=_leading(facts.get("temperature")),
        performance_state=_leading(facts.get("performance_state", "").removeprefix("P")),
        pcie_generation=_leading(facts.get("pcie_generation")),
        pcie_generation_best=_leading(facts.get("pcie_generation_best")),
        pcie_width=_leading(facts.get("pcie_width")),
        pcie_width_best=_leading(facts.get("pcie_width_best")),
        ecc_uncorrected=_leading(facts.get("ecc_uncorrected")),
        ecc_lifetime=_leading(facts.get("ecc_lifetime")),
    )
    return device, values.version(facts.get("driver"))


# -- processes and what they hold, in a list of their own ---------------------------------------------

_LIST_HEAD = re.compile(r"^[ \t]*pid\b[^\n]{0,80}?mem(?:ory)?\b", re.IGNORECASE)
_LIST_ROW = re.compile(r"^[ \t]*(\d{1,9})[ \t,|]+(?:[^\n]{0,120}?[ \t,|])?(\d{1,9}) ?MiB\b")


def _applications(text: Text) -> Iterator[Part]:
    """What `--query-compute-apps` lists; on which GPU it is not said, so it is told for a machine with one."""
    heads = (number for number, line in enumerate(text.lines) if "id" in line.lower()[:12] and _LIST_HEAD.match(line))
    for head in islice(heads, 4):
        rows = [found for line in text.lines[head + 1 : head + 65] if (found := _LIST_ROW.match(line))]
        if rows:
            held = sum(int(row[2]) for row in rows) * 2**20
            total = values.size(next((one.value for one in text.labels.get("gpu memory", ())), None))
            device = NvmlDevice(index=0, processes=len(rows), processes_memory=held, memory_total=total)
            yield Part(gpus=(device,))
            return


# -- what it says when it fails -------------------------------------------------------------------

_NVML_TEXTS = {
    "Uninitialized": 1,
    "Not Supported": 3,
    "Insufficient Permissions": 4,
    "Not Found": 6,
    "Driver Not Loaded": 9,
    "Timeout": 10,
    "Function Not Found": 13,
    "GPU is lost": 15,
    "GPU requires reset": 16,
    "GPU access blocked by the operating system": 17,
    "Driver/library version mismatch": 18,
    "Unknown Error": 999,
}
"""NVML's own words for its return codes (nvmlErrorString)."""

_INIT_FAILED = re.compile(r"initialize NVML: ([^\n.\"']{3,60})")
_NVML_ERROR = re.compile(r"NVMLError_?(\w+)?: ([^\n.\"']{3,60})")
_NO_DRIVER = re.compile(r"communicate with the NVIDIA driver")
_NO_DEVICES = "No devices were found"
_NO_HANDLE = re.compile(
    r"Unable to determine the device handle for (?:GPU|gpu) ?(?:\d{1,3}: ?)?([0-9A-Fa-f:.]{7,16}): ([^\n.]{3,60})"
)
_MISSING = re.compile(
    r"nvidia-smi(?:\.exe)?[`'\"\u00bb]? ?(?::? ?command not found|:? ?not found| is not recognized|: No such file)|"
    r"Unknown command:? ['\"]?nvidia-smi|"
    r"No such file or directory: ['\"]nvidia-smi|command not found: nvidia-smi|"
    r"exec: \"nvidia-smi\": executable file not found",
)


_NO_CUDA_VERSION = ("CUDA Version: ERR!", "CUDA Version: N/A")
_NO_SENSORS = re.compile(r"^\|[^|\n]{0,40}ERR![^|\n]{0,40}\|[^|\n]{0,40}MiB", re.MULTILINE)
_GONE = re.compile(
    r"^\|[^|\n]{3,40}\bC[ \t]+(?:Unknown Error|\[Not Found\]|\(null\))[ \t]+\d+MiB[ \t]*\|", re.MULTILINE
)


def _failure(text: Text) -> Iterator[Part]:
    told = [words for words in _NO_CUDA_VERSION if text.has(words)]
    if text.has("Unknown Error", "[Not Found]", "(null)") and _GONE.search(text.text):
        told.append("a process that is gone holds memory of the GPU")
    if text.has("ERR!") and _NO_SENSORS.search(text.text):
        told.append("a GPU does not tell the state of its sensors: ERR!")
    if told:
        yield Part(complaints=tuple(Complaint(source="nvidia-smi", text=words) for words in told))
    if _NO_DRIVER.search(text.text):
        yield Part(nvml_error=9)
    for failed in (_INIT_FAILED.search(text.text), _NVML_ERROR.search(text.text)):
        code = _code(failed[failed.re.groups]) if failed else None
        if code is not None:
            yield Part(nvml_error=code)
    if text.has(_NO_DEVICES):
        yield Part(gpus=())
    lost = tuple(
        NvmlDevice(index=at, error=_code(found[2]) or 999)
        for at, found in enumerate(islice(_NO_HANDLE.finditer(text.text), 16))
    )
    if lost:
        yield Part(gpus=lost)
    if text.has("nvidia-smi") and _MISSING.search(text.text):
        yield Part(nvml_absent="nvidia-smi, which comes with the driver, is not there")


def _code(words: str) -> int | None:
    low = words.strip().lower()
    return next((code for text, code in _NVML_TEXTS.items() if low.startswith(text.lower())), None)
