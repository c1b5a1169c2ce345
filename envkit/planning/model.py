"""What is asked for, and what was decided: Request and Plan."""

from enum import Enum

import msgspec

from envkit.errors import EnvkitError


class Manager(str, Enum):
    """What makes the environment."""

    VENV = "venv"
    VIRTUALENV = "virtualenv"
    CONDA = "conda"


class Engine(str, Enum):
    """What installs packages into the environment."""

    PIP = "pip"
    UV = "uv"
    CONDA = "conda"
    MAMBA = "mamba"
    MICROMAMBA = "micromamba"
    RATTLER = "rattler"
    """py-rattler, inside envkit: needs no conda on the machine."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for; None leaves the choice to the plan."""

    manager: Manager = Manager.VENV
    engine: Engine | None = None
    """None: the best one that is present, found out where it is used."""
    python: str | None = None
    """A minor version, "3.12"."""
    any_python: bool = False
    """Where the machine's Python is not known, the plan may choose one."""
    stated: bool = False
    """The machine that is meant is stated, and what it is said not to have it will not have. Else the one at hand is
    looked at, and the environment may be for another: an image is often built where there is no GPU."""
    torch: str | None = None
    """A version ("2.5.1", "2.5") or a specifier (">=2.4")."""
    cuda: str | None = None
    """A CUDA release ("12.1"), "cpu" or "auto"; also any backend as torch spells it, "cu121"."""
    rocm: str | None = None
    """A ROCm release ("6.2") or "auto": a build for AMD GPUs."""
    xpu: bool = False
    """The build for Intel GPUs."""
    bare: bool = False
    """pip alone, no torch."""
    name: str | None = None
    path: str | None = None
    """Where the environment goes unless its recipe is told otherwise."""
    packages: tuple[str, ...] = ()
    """Further requirements, "torchvision" or "pandas>=2"."""
    index: str | None = None
    """A torch index to take the place of PyTorch's own."""


class Reason(msgspec.Struct, frozen=True):
    """One decision: what it decides, what was chosen, and the constraint that decided it."""

    decides: str
    choice: str
    because: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with its reasons, from which recipes and installs follow without further choice."""

    manager: Manager
    engine: Engine | None = None
    """As asked; None leaves it to what is present where the plan is carried out."""
    name: str
    path: str
    """Where the environment goes by default; "" for a conda environment known by its name."""
    python: str
    """A minor version, "3.11"; a trailing t asks for the free-threaded build."""
    platform: str
    torch: str
    backend: str
    """"cpu", "mps", "xpu", a CUDA build, "cu121", or a ROCm build, "rocm6.2"."""
    local: str
    """The local version of the build's wheels, "+cu121"; "" where they carry none."""
    index: str | None
    """The index that has the build; None for the one that pip is configured to use."""
    channels: tuple[str, ...] = ()
    """For conda, in the order of their priority."""
    dependencies: tuple[str, ...] = ()
    """For conda, everything that goes in, Python first."""
    companions: dict[str, str] = {}
    """Packages built with this torch, and their releases."""
    built_with: tuple[str, ...] = ()
    """The companions that lie beside the build, with its local version, on its index."""
    packages: tuple[str, ...] = ()
    """All other requirements, numpy first."""
    reasons: tuple[Reason, ...] = ()


class Other(msgspec.Struct, frozen=True):
    """A build that was not chosen, and the first constraint that it fails, or what the chosen one has over it."""

    torch: str
    backend: str
    why: str


class Nearest(msgspec.Struct, frozen=True, kw_only=True):
    """A choice that can be had in place of one that cannot."""

    torch: str
    backend: str
    python: str
    options: str
    """The command line options that ask for it."""


class ImpossibleError(EnvkitError):
    """Nothing satisfies the request on this machine; says why, and what comes nearest."""

    def __init__(
        self, why: str, *, others: tuple[str, ...] = (), nearest: tuple[Nearest, ...] = (), hint: str = ""
    ) -> None:
        hint = hint or (f"`envkit create {nearest[0].options}`" if nearest else "")
        super().__init__("; ".join((why, *others)), hint=hint, exit_code=1)
        self.why = why
        self.nearest = nearest
        self.details = {"why": why, "nearest": nearest}
