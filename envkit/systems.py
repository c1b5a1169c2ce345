"""What systems and processors are called: the many names that programs have for one, and the one that envkit uses."""

SYSTEMS = {
    "linux": "linux",
    "windows": "windows",
    "win": "windows",
    "win32": "windows",
    "win64": "windows",
    "macos": "macos",
    "mac": "macos",
    "macosx": "macos",
    "osx": "macos",
    "darwin": "macos",
}
ARCHITECTURES = {
    "x86_64": "x86_64",
    "x86-64": "x86_64",
    "amd64": "x86_64",
    "x64": "x86_64",
    "i686": "i686",
    "i586": "i686",
    "i486": "i686",
    "i386": "i686",
    "x86": "i686",
    "aarch64": "aarch64",
    "armv8": "aarch64",
    "arm64": "arm64",
    "armv7l": "armv7l",
    "armv6l": "armv6l",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
USUAL_ARCHITECTURE = {"linux": "x86_64", "windows": "x86_64", "macos": "arm64"}
"""The processor that most machines with a system have; its keys are the systems that torch is built for."""

_ARM = frozenset(("aarch64", "arm64"))


def name_system(told: str) -> str:
    """Return "linux", "windows" or "macos", or what was told in lower case where it is another system."""
    name = told.strip().lower()
    return SYSTEMS.get(name, name)


def name_architecture(told: str, system: str | None = None) -> str:
    """Return a processor as the wheels of a system spell it: Linux says aarch64, the others arm64."""
    name = told.strip().lower()
    name = ARCHITECTURES.get(name, name)
    if system is None or name not in _ARM:
        return name
    return "aarch64" if system == "linux" else "arm64"
