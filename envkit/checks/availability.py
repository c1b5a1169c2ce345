"""Can this machine use a given CUDA release, and which torch brings it?"""

from envkit import reading
from envkit.findings import Availability
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.snapshot import Absent, Snapshot

ALWAYS_STATED = ("11.8", "12.1")
"""The CUDA releases of the lecture: stated for every machine."""


def cuda_availability(cuda: str, snapshot: Snapshot, matrix: Matrix) -> Availability:
    """State whether the driver here runs a CUDA release and which torch releases bring it for this Python."""
    target, platform = reading.interpreter(snapshot), reading.platform(snapshot)
    releases = None
    if target:
        python = reading.wheel_python(target)
        builds = matrix.torch.builds(backend=backend_of(cuda), platform=platform, python=python) if platform else ()
        releases = tuple(build.torch for build in builds)
    runs, why = _driver_runs(cuda, snapshot, matrix)
    torch = reading.installed_torch(snapshot)
    return Availability(
        cuda=cuda,
        driver_runs_it=runs,
        why=why,
        torch_releases=releases,
        installed=torch is not None and torch.cuda == cuda,
    )


def _driver_runs(cuda: str, snapshot: Snapshot, matrix: Matrix) -> tuple[bool | None, str]:
    machine = reading.host(snapshot)
    if machine is None:
        return None, "the machine's facts could not be read"
    if machine.os == "macos":
        return False, "CUDA does not exist on macOS"
    os = reading.driver_os(machine)
    needs = f"needs driver {matrix.cuda.minimum_driver(cuda, os)} or newer"
    version, how = _driver(snapshot, matrix)
    if version is None:
        gpus = reading.nvidia_gpus(snapshot)
        if gpus == ():
            return False, f"no NVIDIA GPU here; it {needs}"
        return (False if gpus else None), f"no driver answers; it {needs}"
    if isinstance(snapshot.cuda, Absent):
        return False, f"libcuda is not here, though a driver is ({how}); it {needs}"
    fit = matrix.cuda.fit(cuda, version, os)
    minor = " by minor-version compatibility" if fit.by_minor_compatibility else ""
    return fit.runs, f"{needs}; {how}{minor}"


def _driver(snapshot: Snapshot, matrix: Matrix) -> tuple[str | None, str]:
    """The driver's version, else the least that the CUDA of libcuda implies; and how it is known."""
    version, library = reading.driver_version(snapshot), reading.cuda(snapshot)
    if version is not None:
        return version, f"here is {version}"
    if library is None or library.cuda_version is None:
        return None, ""
    return matrix.cuda.own_driver(library.cuda_version), f"libcuda here runs CUDA {library.cuda_version}"
