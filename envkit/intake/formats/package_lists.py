"""What is installed: `pip list`, `pip freeze`, `pip show`, `conda list`, and the lists inside collect_env."""

import re
from collections.abc import Iterable, Iterator

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import Distribution, EnvironmentKind, TorchBuild

_MOST = 5_000
_HEADERS = ("ersion", " list", "environment at")
_NAME = r"[A-Za-z0-9][\w.-]{0,80}"
_NUMBER = r"v?\d[\w.!+*-]{0,60}"

_FREEZE = re.compile(rf"({_NAME})==({_NUMBER})(?:\s*[;#].*)?")
_FREEZE_FROM = re.compile(rf"({_NAME}) ?@ ?\S*?/(?:{_NAME}?)-({_NUMBER}?)-(?:cp|py)\S*")
_PIP_COLUMNS = re.compile(rf"({_NAME})\s+({_NUMBER})(?:\s+(\S.*))?")
_PIP_OLD = re.compile(rf"({_NAME}) \(({_NUMBER})(?:, [^)]*)?\)")
_CONDA_COLUMNS = re.compile(rf"({_NAME})\s+({_NUMBER})\s+([\w.*+-]{{1,80}})(?:\s+([\w./:-]{{1,120}}))?")
_EXPORTED = re.compile(rf"- ({_NAME})=({_NUMBER})=([\w.*+-]{{1,80}})")
_PLANNED = re.compile(
    r"(?:^|[ /:])(pytorch)(?:==?|-)(\d[\d.]{2,12})(?:=|-| +\| +)(py\d[\w.]{1,60}_\d{1,3})\b", re.MULTILINE
)
"""A build as conda names it in its plans: "pytorch/linux-64::pytorch-1.9.0-py3.8_cpu_0"."""
_BRACKETED = re.compile(r"\[(pip3?|conda)\]\s+(\S.*)")
_SHOWN = re.compile(rf"Name: ({_NAME})\s*\n(?:[^\n]*\n){{0,2}}?Version: ({_NUMBER})")
_WITH_CONDA_BUILD = re.compile(r"py\d|_\d+$|^\d+$|^h[0-9a-f]{6,}|^cpu$|^cuda$|cuda\d|^mkl$|pypi|^openblas$")

_NOTABLE = re.compile(
    r"torch|pytorch|numpy|nvidia-|triton|cuda|cudnn|nccl|mkl|xformers|flash-attn|bitsandbytes|intel-|vllm|"
    r"deepspeed|apex|functorch|fbgemm|openmp|libgcc|libstdcxx|jax|tensorflow|cpuonly|python$|pip$"
)


def bracketed(lines: Iterable[str]) -> tuple[Distribution, ...]:
    """Return what collect_env's lines "[pip3] torch==2.1.0" and "[conda] pytorch 2.1.0 ..." list."""
    found = []
    for line in lines:
        match = _BRACKETED.match(line.strip())
        if match is None:
            continue
        one = _of_conda(match[2]) if match[1] == "conda" else _of_pip(match[2])
        found += [one] if one else []
    return united(found)


def parse(text: Text) -> Iterator[Part]:
    """Yield the lists of the text, pip's and conda's as one."""
    listed, whole = _listed(text)
    for name, version in _SHOWN.findall(text.text) if "Name: " in text.text else ():
        listed.append(_distribution(name, version))
    for name, version, build in _PLANNED.findall(text.text) if not listed and "pytorch" in text.text else ():
        listed.append(_distribution(name, version, build=build, conda=True))
    found = united(listed)
    if found:
        conda = any(one.installer == "conda" for one in found)
        python = next((one.version for one in found if one.name == "python" and one.installer == "conda"), None)
        yield Part(
            distributions=found,
            whole_list=whole or None,
            python=python,
            implementation="cpython" if python else None,
            kind=EnvironmentKind.CONDA if conda else None,
        )


def _listed(text: Text) -> tuple[list[Distribution], bool]:
    """The entries of every list, and whether one of them was not cut: it has its header and holds pip itself."""
    found: list[Distribution] = []
    kind, names, whole = "", set[str](), False
    for line in text.lines:
        plain = line.strip()
        if not plain or plain[0] == "[":
            kind = kind if plain[:1] == "[" else _still(kind, names)
            continue
        header = _header(plain) if any(map(plain.__contains__, _HEADERS)) else None
        if header is not None:
            kind, names = header, set()
            continue
        one = _entry(plain, kind)
        if one is None:
            if plain[0] not in "-#":
                kind = ""
            continue
        names.add(one.name)
        whole = whole or ("pip" in names and bool(kind))
        if len(found) < _MOST:
            found.append(one)
    return found, whole


def _still(kind: str, names: set[str]) -> str:
    """An empty line ends a list that has begun."""
    return "" if names else kind


def _header(line: str) -> str | None:
    words = line.lstrip("# ").lower().split()
    if words[:2] == ["package", "version"]:
        return "pip"
    if words[:3] == ["name", "version", "build"]:
        return "conda"
    if line.endswith(("pip list", "pip3 list")):
        return "pip"
    if "conda list" in line[-60:] or "packages in environment at" in line:
        return "conda"
    return None


def _entry(line: str, kind: str) -> Distribution | None:
    if line.startswith("- ") and (exported := _EXPORTED.fullmatch(line)):
        return _distribution(exported[1], exported[2], build=exported[3], conda=True)
    if "==" in line[:90]:
        match = _FREEZE.fullmatch(line)
        return _distribution(match[1], match[2]) if match else None
    if kind == "pip":
        match = _PIP_COLUMNS.fullmatch(line) or _PIP_OLD.fullmatch(line)
        return _distribution(match[1], match[2]) if match else None
    if "  " in line or kind == "conda":
        match = _CONDA_COLUMNS.fullmatch(line)
        if match and (kind == "conda" or (match[4] and _WITH_CONDA_BUILD.search(match[3]))):
            return _of_conda(line)
        # A line or two of a list, picked out by `grep`.
        match = _PIP_COLUMNS.fullmatch(line)
        return _distribution(match[1], match[2]) if match and not match[3] and _notable(match[1]) else None
    match = _FREEZE_FROM.match(line.replace("%2B", "+")) if " @ " in line else _PIP_OLD.fullmatch(line)
    return _distribution(match[1], match[2]) if match and _notable(match[1]) else None


def _notable(name: str) -> bool:
    return _NOTABLE.match(_normal(name)) is not None


def _of_pip(entry: str) -> Distribution | None:
    match = _FREEZE.match(entry) or _PIP_OLD.match(entry)
    return _distribution(match[1], match[2]) if match else None


def _of_conda(entry: str) -> Distribution | None:
    match = _CONDA_COLUMNS.match(entry) or re.match(rf"({_NAME})\s+({_NUMBER})()()", entry)
    if match is None:
        return None
    name, version, build, channel = match.groups()
    if "pypi" in (channel or "") or build in ("pypi_0", "<pip>"):
        return _distribution(name, version)
    return _distribution(name, version, build=build or "", conda=True)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(name: str, version: str, *, build: str = "", conda: bool = False) -> Distribution:
    # Who installed what pip lists is not said: conda's packages are in its list too.
    plain = _normal(name)
    return Distribution(
        name=plain,
        version=version,
        metadata=f"conda list: {plain} {version} {build}".rstrip() if conda else f"pip list: {plain} {version}",
        site="",
        installer="conda" if conda else "",
        build=_build(version, build) if plain in ("torch", "pytorch") else None,
    )


def _build(version: str, build: str) -> TorchBuild:
    told = values.build_of(version, build)
    return TorchBuild(version=version, cuda=told.cuda, hip=told.hip, xpu=told.xpu)


_SAME = {"pytorch": "torch"}


def united(found: Iterable[Distribution]) -> tuple[Distribution, ...]:
    """Return each distribution once: pip's list also names what conda installed, in the same version."""
    conda: dict[str, Distribution] = {}
    others: dict[tuple[str, str], Distribution] = {}
    for one in found:
        if one.installer == "conda":
            conda.setdefault(_SAME.get(one.name, one.name), one)
        else:
            others.setdefault((one.name, one.version), one)
    left = [one for (name, version), one in others.items() if not _is_conda_s(conda.get(name), version)]
    return (*conda.values(), *left)


def _is_conda_s(owner: Distribution | None, version: str) -> bool:
    return owner is not None and owner.version.partition("+")[0] == version.partition("+")[0]
