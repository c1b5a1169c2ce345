"""The kernel's word on the NVIDIA driver: /proc/driver/nvidia/version, the kernel log, lsmod, lspci, lshw."""

import re
from collections.abc import Iterator
from itertools import islice

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Complaint, DeviceNode, PciGpu

_MOST = 64

_MODULE = re.compile(
    r"NVIDIA UNIX (?:Open )?(?:(x86_64|aarch64|arm64|ppc64le) )?(?:Open )?Kernel Module(?: for (x86_64|aarch64))?"
    r"[ \t]+(\d{3}\.\d{1,3}(?:\.\d{1,3})?)"
)
_MODULE_HAS = re.compile(r"this kernel module has the version (\d{3}\.\d{1,3}(?:\.\d{1,3})?)")

_LSPCI = re.compile(
    r"[ \t]*((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]) "
    r"(?:VGA compatible|3D|Display) controller(?: \[\w{4}\])?: ([^\n]{3,200})",
    re.IGNORECASE,
)
_IN_USE = re.compile(r"[ \t]*Kernel driver in use: (\S{1,40})")
_ID = re.compile(r"\[(10de|1002|8086|1022):([0-9a-f]{4})\]", re.IGNORECASE)
_REVISION = re.compile(r"\(rev \w+\)")
_VENDORS = {"10de": "nvidia", "1002": "amd", "1022": "amd", "8086": "intel"}
_MARKETING = re.compile(r"\[([^\]\n]{3,100})\]")

_LSHW_DISPLAY = re.compile(r"\*-(?:display|3d)")
_LSHW_FIELD = re.compile(r"^[ \t]*(product|vendor|bus info|configuration): ([^\n]{1,300})", re.MULTILINE)


def parse(text: Text) -> Iterator[Part]:
    """Yield the version of the loaded module, and the display controllers with their kernel drivers."""
    module = _MODULE.search(text.text) if text.has("Kernel Module") else None
    if module:
        yield Part(kernel_module=module[3], os="linux", arch=module[1] or module[2])
    if text.has("API mismatch"):
        loaded = _MODULE_HAS.search(text.text)
        yield Part(nvml_error=18, os="linux", kernel_module=loaded[1] if loaded else None)
    apart = _other_packages(text, module[3]) if module else None
    if apart:
        yield Part(complaints=(apart,))
    nodes = tuple(_nodes(text))
    if nodes:
        yield Part(nodes=nodes, os="linux")
    slow = tuple(_slow_links(text))
    if slow:
        yield Part(complaints=slow, os="linux")
    display = (*_lspci(text), *_lshw(text), *_inxi(text))
    if display:
        yield Part(display=display, os="linux")


_PACKAGE = re.compile(
    r"\b(?:nvidia-(?:driver|utils|smi|compute-utils)|libnvidia-(?:compute|ml\d?)|libcuda1)(?:-\d{3})?(?:-server|-open)?"
    r"(?::\w+)?[ \t=]+(\d{3}\.\d{1,3}(?:\.\d{1,3})?)-"
)


def _other_packages(text: Text, module: str) -> Complaint | None:
    """That a package list has the driver's libraries in another version than the loaded module, and in no same one."""
    listed = dict.fromkeys(_PACKAGE.findall(text.text)) if text.has("nvidia-", "libcuda1") else {}
    if not listed or module in listed:
        return None
    told = f"the driver's packages are of {', '.join(listed)}, the loaded kernel module is of {module}"
    return Complaint(source="packages", text=told)


_NODE = re.compile(
    r"^[ \t]*c([rwx-]{9})[.+@]?[ \t]+\d+[ \t]+(\S{1,32})[ \t]+(\S{1,32})[ \t]+\d+,[^\n/]{1,60}?"
    r"[ \t](/dev/nvidia\S{0,20}|(?:/dev/)?kfd|(?:/dev/dri/)?renderD\d{3})$",
    re.MULTILINE,
)
_MEMBER = re.compile(r"\bgroups=([^\n]{1,500})|^[^\n]{0,80}[^\w\s,.:;][ \t]*groups[ \t]*\n([^\n]{1,500})", re.MULTILINE)


def _nodes(text: Text) -> Iterator[DeviceNode]:
    """Device files as `ls -l` lists them; one that is closed to all but owner and group is closed to who complains.

    AMD's are open to a group by default, which says nothing unless the groups of who complains are told too.
    """
    listed = islice(_NODE.findall(text.text), 32) if text.has("/dev/", "kfd", "renderD") else ()
    told = _MEMBER.search(text.text) if text.has("groups") else None
    groups = (told[1] or told[2]) if told else None
    for mode, _owner, group, path in listed:
        closed = "rw" not in mode[6:]
        if closed and not path.startswith("/dev/nvidia"):
            strange = groups is not None and not re.search(rf"\b{re.escape(group)}\b", groups)
            closed = "rw" not in mode[3:6] or group == "root" or strange
        yield DeviceNode(path=_whole(path), openable=False if closed else None, group=group)


def _whole(path: str) -> str:
    folder = "/dev/dri/" if path.startswith("renderD") else "/dev/"
    return path if path.startswith("/dev/") else folder + path


_SLOW = re.compile(r"[^\n]{0,60}available PCIe bandwidth, limited by[^\n]{0,200}")
_DOWNGRADED = re.compile(r"LnkSta:[^\n]{0,60}Width x\d{1,2} \(downgraded\)[^\n]{0,60}")
_WIDTH = re.compile(r"(\S{0,200})(current|max)_link_width(?: <==)?[:\s]\s{0,8}(\d{1,2})\b")
"""A file of sysfs with what is in it, as `grep .`, `tail -v` and `cat` show it."""


def _slow_links(text: Text) -> Iterator[Complaint]:
    """Links below their best, as the kernel and `lspci -vv` tell; a lower speed alone is what a GPU at rest does."""
    for found in islice(_SLOW.finditer(text.text), 8) if text.has("available PCIe bandwidth") else ():
        yield Complaint(source="kernel", text=found[0].strip())
    for found in islice(_DOWNGRADED.finditer(text.text), 8) if text.has("(downgraded)") else ():
        yield Complaint(source="kernel", text=found[0].strip())
    widths = {(where, which): int(width) for where, which, width in islice(_widths(text), 64)}
    for (where, which), width in widths.items():
        best = widths.get((where, "max"), width)
        if which == "current" and width < best:
            yield Complaint(source="kernel", text=f"{where}current_link_width: x{width} (downgraded), of x{best}")


def _widths(text: Text) -> Iterator[tuple[str, str, str]]:
    found = _WIDTH.findall(text.text) if text.has("_link_width") else ()
    return ((where, which, width) for where, which, width in found)


_INXI = re.compile(
    r"Device-\d{1,2}: ([^\n]{3,80}?)(?: vendor: [^\n]{1,60}?)? driver: (\S{2,20})(?=[^\n]{0,30}(?: v: |$))",
    re.MULTILINE,
)


def _inxi(text: Text) -> Iterator[PciGpu]:
    at = text.text.find("Graphics:") if text.has("Device-1:") else -1
    if at < 0:
        return
    for name, driver in islice(_INXI.findall(text.text[at : at + 1_500]), 8):
        vendor = values.vendor_of(name)
        if vendor:
            yield values.pci_gpu(name, vendor=vendor, kernel_driver=None if driver == "N/A" else driver)


def _lspci(text: Text) -> Iterator[PciGpu]:
    if not text.has(" controller"):
        return
    rows = [
        (number, found)
        for number, line in enumerate(text.lines)
        if " controller" in line and (found := _LSPCI.match(line))
    ]
    for number, row in rows[:_MOST]:
        used = next(filter(None, map(_IN_USE.match, _details(text.lines, number))), None)
        known = _ID.search(row[2])
        words = " ".join(_REVISION.sub("", _ID.sub("", row[2])).split())
        name = next(iter(reversed(_MARKETING.findall(words))), None)  # "[AMD/ATI] Navi 31 [Radeon RX 7900 XT]"
        yield PciGpu(
            address=row[1],
            vendor=_VENDORS[known[1].lower()] if known else values.vendor_of(row[2]) or "",
            device_id=f"0x{known[2].lower()}" if known else "",
            kernel_driver=used[1] if used else None,
            name=name or words[:100],
        )


def _details(lines: list[str], number: int) -> Iterator[str]:
    """The indented lines below a device."""
    for line in lines[number + 1 : number + 40]:
        if not line[:1].isspace():
            return
        yield line


def _lshw(text: Text) -> Iterator[PciGpu]:
    for head in islice(_LSHW_DISPLAY.finditer(text.text), 32) if text.has("*-display", "*-3d") else ():
        body = text.text[head.end() : head.end() + 1_500]
        following = body.find("*-")
        fields = dict(_LSHW_FIELD.findall(body[:following] if following > 0 else body))
        name = _MARKETING.search(fields.get("product", ""))
        driver = re.search(r"driver=(\S{1,40})", fields.get("configuration", ""))
        if fields:
            yield PciGpu(
                address=fields.get("bus info", "").removeprefix("pci@"),
                vendor=values.vendor_of(fields.get("vendor", "")) or "",
                device_id="",
                kernel_driver=driver[1] if driver else None,
                name=name[1] if name else fields.get("product"),
            )
