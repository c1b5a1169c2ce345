"""Can this machine use a given CUDA release, and which torch brings it?"""

from envkit.checks import reading
from envkit.findings import Availability
from envkit.matrix import Matrix
from envkit.matrix.cuda import backend_of
from envkit.snapshot import Snapshot

ALWAYS_STATED = ("11.8", "12.1")
"""The CUDA releases of the lecture: stated for every machine."""


def cuda_availability(cuda: str, snapshot: Snapshot, matrix: Matrix) -> Availability:
    """State whether the driver here runs a CUDA release and which torch releases bring it for this Python."""
    target, platform = reading.interpreter(snapshot), reading.platform(snapshot)
    builds = (
        matrix.torch.builds(backend=backend_of(cuda), platform=platform, python=reading.wheel_python(target))
        if target and platform
        else ()
    )
    runs, why = _driver_runs(cuda, snapshot, matrix)
    torch = reading.installed_torch(snapshot)
    return Availability(
        cuda=cuda,
        driver_runs_it=runs,
        why=why,
        torch_releases=tuple(build.torch for build in builds),
        installed=torch is not None and torch.cuda == cuda,
    )


def _driver_runs(cuda: str, snapshot: Snapshot, matrix: Matrix) -> tuple[bool | None, str]:
    machine, version = reading.host(snapshot), reading.driver_version(snapshot)
    if machine is None:
        return None, "the machine's facts could not be read"
    if machine.os == "macos":
        return False, "CUDA does not exist on macOS"
    needs = f"needs driver {matrix.cuda.minimum_driver(cuda, machine.os)} or newer"
    if version is None:
        gpus = reading.nvidia_gpus(snapshot)
        if gpus == ():
            return False, f"no NVIDIA GPU here; it {needs}"
        return (False if gpus else None), f"no driver answers; it {needs}"
    fit = matrix.cuda.fit(cuda, version, machine.os)
    how = " by minor-version compatibility" if fit.by_minor_compatibility else ""
    return fit.runs, f"{needs}; here is {version}{how}"
