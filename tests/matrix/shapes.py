"""The whole form of the data files: every field that may stand in one, and nothing else."""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Month = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)*$")]
Minor = Annotated[str, msgspec.Meta(pattern=r"^3\.\d{1,2}t?$")]
Cuda = Annotated[str, msgspec.Meta(pattern=r"^\d{1,2}\.\d$")]
Capability = Annotated[str, msgspec.Meta(pattern=r"^\d{1,2}\.\d$")]
Arch = Annotated[str, msgspec.Meta(pattern=r"^(sm|compute)_\d{2,3}[af]?$")]
Backend = Annotated[str, msgspec.Meta(pattern=r"^(cpu|mps|xpu|cu\d{3}|rocm\d+\.\d+(\.\d+)?)$")]
Folder = Annotated[
    str,
    msgspec.Meta(pattern=r"^(cpu|xpu|cu\d{3}|rocm\d+\.\d+(\.\d+)?)(_full|_pypi_cudnn|-cxx11-abi)?$"),
]
Platform = Annotated[
    str, msgspec.Meta(pattern=r"^(linux-(x86_64|aarch64|s390x)|macos-(arm64|x86_64)|win-(amd64|arm64))$")
]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record in which nothing may stand that is not named here."""


# -- torch.json ---------------------------------------------------------------------------------


class DefaultWheel(Strict, frozen=True, kw_only=True):
    pythons: tuple[Minor, ...]
    tags: dict[Text, tuple[Minor, ...]]
    variant: Backend
    backend: Backend | None = None
    torch_version: Text
    cuda: Cuda | None
    wheel_mb: int
    cuda_archs: tuple[Arch, ...] | None = None
    min_glibc: Version | None = None
    min_glibcxx: Version | None = None
    numpy2: bool
    build_numbers: tuple[Text, ...] = ()


class Archs(Strict, frozen=True, kw_only=True):
    archs: tuple[Arch, ...] | None
    source: Text


class Conda(Strict, frozen=True, kw_only=True):
    channel: Text | None = None
    package: Text | None = None
    packages: tuple[Text, ...] = ()
    cuda: tuple[Cuda, ...]
    cuda_selector: Text | None = None
    cpu_selector: Text | None = None
    extra_channels: tuple[Text, ...] = ()
    platforms: tuple[Platform, ...] | None = None
    pythons: tuple[Minor, ...] | None = None
    companions: dict[Text, Version] = {}
    seen: Text | None = None
    companions_source: Text | None = None


class Companions(Strict, frozen=True, kw_only=True):
    torchvision: tuple[Version, ...]
    torchaudio: tuple[Version, ...]
    torchtext: tuple[Version, ...] = ()
    torchdata: tuple[Version, ...] = ()
    torchcodec: tuple[Version, ...] = ()
    torchvision_note: Text | None = None
    torchaudio_note: Text | None = None


class Release(Strict, frozen=True, kw_only=True):
    released: Month
    released_day: Day
    requires_python: Text
    default_index: dict[Platform, DefaultWheel]
    pins: dict[Text, str] = {}
    numpy2: dict[Platform, bool] = {}
    download_index: dict[Folder, dict[Platform, tuple[Minor, ...]]]
    download_index_source: tuple[Text, ...]
    download_index_tag: Text | None = None
    download_index_folder: Text | None = None
    variant_min_glibc: dict[Backend, Version] = {}
    variant_min_glibc_source: Text | None = None
    download_index_note: Text | None = None
    download_index_seen: tuple[Folder, ...] = ()
    download_index_unknown: tuple[Folder, ...] = ()
    cuda_archs: dict[Backend, dict[Platform, Archs]]
    cudnn: dict[Text, Text | None] = {}
    cxx_standard: Text | None = None
    companions: Companions
    conda: dict[Text, Conda]
    note: Text | None = None


class Torch(msgspec.Struct, frozen=True):
    releases: dict[Version, Release]


# -- cuda.json ----------------------------------------------------------------------------------


class Drivers(Strict, frozen=True, kw_only=True):
    min_driver_linux: Version | None
    min_driver_windows: Version | None
    note: Text | None = None


class MinorCompatibility(Strict, frozen=True, kw_only=True):
    linux: Version
    windows: Version
    windows_uv_table: Version | None = None
    branch_range: Text
    note: Text | None = None


class Branch(Strict, frozen=True, kw_only=True):
    cuda: Version
    runs_by_minor_compat: Text | None = None
    min_cc: Capability | None = None
    inferred: bool = False
    note: Text | None = None


class Toolkit(msgspec.Struct, frozen=True, kw_only=True):
    """Compilers and cuDNN, which stand beside these, are of no interest to a plan."""

    torch_variant: Backend
    min_driver_linux: Version | None
    min_driver_windows: Version | None
    updates: dict[Version, Drivers]
    minor_version_compat: MinorCompatibility | None
    compute_capabilities: tuple[Capability, ...] | None
    cc_first: Capability | None
    cc_last: Capability | None


class CudaFile(msgspec.Struct, frozen=True):
    toolkits: dict[Cuda, Toolkit]
    driver_branches: dict[Version, Branch]


# -- python.json, gpus.json ---------------------------------------------------------------------


class Python(msgspec.Struct, frozen=True, kw_only=True):
    released: Month
    end_of_life: Month


class PythonFile(msgspec.Struct, frozen=True):
    pythons: dict[Minor, Python]


class Nvidia(msgspec.Struct, frozen=True):
    cc: Capability
    family: Text


Rocm = Annotated[str, msgspec.Meta(pattern=r"^rocm\d+\.\d+(\.\d+)?$")]


class Amd(msgspec.Struct, frozen=True):
    gfx: Annotated[str, msgspec.Meta(pattern=r"^gfx[0-9a-f]{3,4}$")]
    rocm_wheel_native: tuple[Rocm, Rocm | None] | None


class Apple(msgspec.Struct, frozen=True):
    backend: Backend


class Intel(Strict, frozen=True, kw_only=True):
    names: tuple[Text, ...]
    pci: tuple[Text, ...]
    systems: tuple[Text, ...] = ()


class GpuFile(msgspec.Struct, frozen=True):
    nvidia: dict[Text, Nvidia]
    amd: dict[Text, Amd]
    apple: dict[Text, Apple]
    intel_xpu: dict[Text, Intel]


class MacFile(msgspec.Struct, frozen=True):
    by_kernel: dict[Annotated[str, msgspec.Meta(pattern=r"^\d+$")], Version]


class ImageFile(msgspec.Struct, frozen=True):
    python: dict[Text, Text]
    micromamba: Text


ModuleName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_]\w*$")]


class ModuleFile(msgspec.Struct, frozen=True):
    imported_by_torch: frozenset[ModuleName]
    often_beside_torch: frozenset[ModuleName]


class Without(Strict, frozen=True):
    fails: Text
    vital: bool = False


class DependencyFile(msgspec.Struct, frozen=True):
    without: dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")], Without]


# -- what every file begins with ----------------------------------------------------------------


class Meta(msgspec.Struct, frozen=True):
    generated: Day
    sources: tuple[Text, ...] = ()
    source: Text | None = None


class Head(msgspec.Struct, frozen=True):
    meta: Meta = msgspec.field(name="_meta")
