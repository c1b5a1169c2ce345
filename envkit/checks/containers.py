"""Does what surrounds the process let it reach the GPU: container runtime, WSL, the permissions of device files?"""

from envkit import reading
from envkit.checks.driver_facts import USE_FAILS, driver_codes, node_facts
from envkit.checks.fixes import on_driver_s_machine
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import HOSTED, Absent, DeviceNode, Snapshot

_NO_GPU_GIVEN = ("", "none", "void")
_WSL_FOLDER = "/usr/lib/wsl/lib"


# -- WSL ------------------------------------------------------------------------------------------


def check_wsl_driver(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a WSL in which the driver of Windows is not found, or another one hides it."""
    quotes = reading.quotes(snapshot, matrix, "wsl-driver")
    machine = reading.host(snapshot)
    inside = bool(machine and machine.wsl)
    why = _why_not_from_windows(snapshot, matrix) if inside else ""
    if reading.cuda_works(snapshot) or not (quotes or why):
        return None
    return Finding(
        code="wsl-driver",
        severity=Severity.ERROR,
        summary="Linux inside WSL does not reach the GPU through the driver of Windows",
        cause=why or "inside WSL the driver of Windows is used; it is not found, or something hides it",
        expected=f"libcuda.so.1 from {_WSL_FOLDER}, and no NVIDIA driver installed inside WSL",
        facts=(*_wsl_facts(snapshot), *driver_codes(snapshot, matrix), *quotes),
        fix=_from_windows(snapshot),
        explains=(
            "driver-missing",
            "driver-not-loaded",
            "driver-init-failed",
            "container-no-gpu",
            "driver-library-mismatch",
            *USE_FAILS,
        ),
    )


def _why_not_from_windows(snapshot: Snapshot, matrix: Matrix) -> str:
    """What keeps this WSL from the driver of Windows, "" where nothing shows."""
    machine, driver, traces = reading.host(snapshot), reading.cuda(snapshot), reading.traces(snapshot)
    if machine is None or not _wants_cuda(snapshot):
        return ""
    if machine.wsl == 1:
        return "this is WSL 1, which has no way to a GPU; WSL 2 has"
    foreign = driver is not None and driver.init_error != 0 and (driver.library or "").startswith("/")
    if driver and foreign and _WSL_FOLDER not in (driver.library or "") and "/drivers/" not in (driver.library or ""):
        return f"libcuda is taken from {driver.library}: a Linux driver inside WSL hides that of Windows"
    if traces.wsl_driver and isinstance(snapshot.cuda, Absent):
        return f"Windows has put its libcuda in {_WSL_FOLDER}, and that folder is not on the loader's path"
    manager = reading.nvml(snapshot)
    if manager is not None and manager.error != 0 and (driver is None or driver.init_error != 0):
        return (
            f"NVML answers {matrix.errors.nvml(manager.error).meaning}: a Linux driver inside WSL, or none in Windows"
        )
    if reading.quotes(snapshot, matrix, "driver-library-mismatch"):
        return "what NVML and libcuda say does not go together: parts of a Linux driver were installed inside WSL"
    said = isinstance(snapshot.cuda, Absent) and traces.wsl_driver is None
    if said or (reading.quotes(snapshot, matrix, "driver-missing") and not isinstance(snapshot.cuda, Absent)):
        return f"no libcuda is found: Windows has no NVIDIA driver, or {_WSL_FOLDER} is not on the loader's path"
    return ""


def _wants_cuda(snapshot: Snapshot) -> bool:
    """Say whether torch is built for CUDA, or may be."""
    torch = reading.installed_torch(snapshot)
    return torch is None or torch.cuda != ""


def _wsl_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    machine, traces = reading.host(snapshot), reading.traces(snapshot)
    version = (Fact("WSL", str(machine.wsl), machine.kernel or "kernel"),) if machine and machine.wsl else ()
    seen = (("libcuda of Windows", traces.wsl_driver, _WSL_FOLDER), ("/dev/dxg", traces.wsl_paravirtual, "file system"))
    words = {True: "there", False: "not there"}
    return (*version, *(Fact(what, words[here], source) for what, here, source in seen if here is not None))


def _from_windows(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.wsl == 1:
        return Fix(summary="turn this distribution into WSL 2", commands=("wsl.exe --set-version DISTRIBUTION 2",))
    not_found = isinstance(snapshot.cuda, Absent)
    listed = (f"echo {_WSL_FOLDER} | sudo tee /etc/ld.so.conf.d/ld.wsl.conf", "sudo ldconfig") if not_found else ()
    return Fix(
        summary="let WSL use the driver of Windows",
        commands=(*listed, "wsl.exe --shutdown"),
        steps=(
            "in Windows: install NVIDIA's current driver, then `wsl --update`",
            (
                "inside WSL: remove what a Linux driver package has installed "
                "(`dpkg -l 'nvidia-driver*' 'libnvidia-compute*'` lists it); the CUDA toolkit may stay"
            ),
            "in a container inside WSL: start it with `--gpus all`",
        ),
    )


def check_wsl_for_nothing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a report of WSL in which torch has no CUDA, and nothing says why: the last resort."""
    machine = reading.host(snapshot)
    if not (machine and machine.wsl and snapshot.pasted and _refused(snapshot) and _for_nvidia(snapshot)):
        return None
    return Finding(
        code="wsl-driver",
        severity=Severity.WARNING,
        summary="Linux inside WSL offers no GPU to torch",
        cause="inside WSL the driver of Windows is used: it is missing or too old, WSL itself is, or a Linux driver "
        "inside hides it",
        expected=f"libcuda.so.1 from {_WSL_FOLDER}, and no NVIDIA driver installed inside WSL",
        facts=(*_wsl_facts(snapshot), *driver_codes(snapshot, matrix)),
        fix=_from_windows(snapshot),
    )


def check_wsl_path_by_hand(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find a WSL whose folder of libraries somebody had to name by hand: the last resort."""
    path = reading.variables(snapshot).get("LD_LIBRARY_PATH", "")
    if _WSL_FOLDER not in path or reading.cuda_works(snapshot):
        return None
    return Finding(
        code="wsl-driver",
        severity=Severity.WARNING,
        summary="the libraries of Windows' driver are on the loader's path by hand alone",
        cause=f"LD_LIBRARY_PATH names {_WSL_FOLDER}: the loader's own list, which WSL writes, should hold it",
        expected=f"`ldconfig -p` lists libcuda.so.1 in {_WSL_FOLDER}, and no variable is needed",
        facts=(Fact("LD_LIBRARY_PATH", path, "environment"),),
        fix=_from_windows(snapshot),
    )


# -- containers -----------------------------------------------------------------------------------


def check_container_no_gpu(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a container that was started without the GPU, or a runtime that cannot give it one."""
    quotes = reading.quotes(snapshot, matrix, "container-no-gpu")
    if reading.cuda_works(snapshot) or not (quotes or _contained_without(snapshot, matrix)):
        return None
    return _no_gpu_given(snapshot, matrix)


def _no_gpu_given(snapshot: Snapshot, matrix: Matrix) -> Finding:
    quotes = reading.quotes(snapshot, matrix, "container-no-gpu")
    given = reading.variables(snapshot).get("NVIDIA_VISIBLE_DEVICES")
    return Finding(
        code="container-no-gpu",
        severity=Severity.ERROR,
        summary="this container has no GPU",
        cause="it was started without one, or the runtime that should give it one is not set up on the machine",
        expected="`nvidia-smi` lists the GPU inside the container",
        facts=(
            *_container_facts(snapshot),
            *((Fact("NVIDIA_VISIBLE_DEVICES", repr(given), "environment"),) if given is not None else ()),
            *driver_codes(snapshot, matrix),
            *quotes,
        ),
        fix=with_gpu(snapshot),
        explains=("driver-missing", "driver-init-failed", *USE_FAILS),
    )


def _contained_without(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether a program in a container wants CUDA, and the driver is not there or was withheld."""
    machine = reading.host(snapshot)
    if machine is None or not machine.container or machine.wsl or not _for_nvidia(snapshot):
        return False
    if isinstance(snapshot.cuda, Absent) and (machine.kernel_module_version or reading.devices(snapshot)):
        return False  # half a driver, which the driver's own check tells
    missing = isinstance(snapshot.cuda, Absent) or isinstance(snapshot.nvml, Absent)
    withheld = reading.variables(snapshot).get("NVIDIA_VISIBLE_DEVICES") in _NO_GPU_GIVEN
    if withheld and bool(machine.kernel_module_version):
        return missing or not reading.devices(snapshot)
    driver = reading.cuda(snapshot)
    none_given = driver is not None and driver.init_error == _CUDA_NO_DEVICE and not _chosen(snapshot)
    if none_given and snapshot.pasted:
        return True  # the GPUs that NVML lists are the host's, as its owner pasted them
    # Only what somebody complains of: a CUDA build in a container without a GPU may well be what was wanted.
    complained = bool(reading.quotes(snapshot, matrix, "driver-missing")) or (missing and _refused(snapshot))
    return complained and snapshot.pasted


def _chosen(snapshot: Snapshot) -> bool:
    return "CUDA_VISIBLE_DEVICES" in reading.variables(snapshot)


def _for_nvidia(snapshot: Snapshot) -> bool:
    """Say whether torch is built for CUDA, or may be, in a container that its user starts."""
    torch, machine = reading.installed_torch(snapshot), reading.host(snapshot)
    hosted = machine is not None and machine.container == HOSTED
    return not hosted and (torch is None or (torch.cuda != "" and not torch.hip))


def _refused(snapshot: Snapshot) -> bool:
    """Say whether torch was asked for CUDA and has none."""
    live = reading.runtime(snapshot)
    backend = live.backend("cuda") if live else None
    return backend is not None and backend.available is False


def check_container_for_nothing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a report of a container in which torch has no CUDA, and nothing says why: the last resort."""
    machine = reading.host(snapshot)
    if machine is None or not machine.container or not (snapshot.pasted and _for_nvidia(snapshot)):
        return None
    return _no_gpu_given(snapshot, matrix) if _refused(snapshot) else None


def _container_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    machine = reading.host(snapshot)
    return (Fact("container", machine.container, "marks of the runtime"),) if machine and machine.container else ()


def with_gpu(snapshot: Snapshot) -> Fix:
    """Return how a container of this kind is started with the GPU."""
    machine, torch = reading.host(snapshot), reading.installed_torch(snapshot)
    name = _by_its_words(snapshot) or (machine.container if machine else "")
    if name == "apptainer" and torch is not None and torch.hip:
        return _IN_APPTAINER_FOR_AMD
    return _WITH_GPU.get(name or "", _IN_DOCKER)


_WORDS = {
    "kubernetes": ("Insufficient nvidia.com/gpu", "FailedScheduling", "nodes are available", "kubelet"),
    "podman": ("podman", "Podman", "crun", "unresolvable CDI devices"),
}
"""What each says of a GPU that it does not find, in a report that may not name it."""


def _by_its_words(snapshot: Snapshot) -> str:
    """What starts containers here by the words of its own errors, "" where it has said nothing."""
    told = "\n".join(one.text for one in reading.said(snapshot)) if snapshot.pasted else ""
    if "docker: " in told:
        return "docker"
    return next((name for name, words in _WORDS.items() if any(map(told.__contains__, words))), "")


_IN_DOCKER = Fix(
    summary="start the container with the GPU; the machine needs the NVIDIA Container Toolkit",
    commands=(
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
        "docker run --rm --gpus all IMAGE nvidia-smi",
    ),
    steps=(
        "without `nvidia-ctk`: install the package nvidia-container-toolkit on the machine, not in the container",
        "with compose: `deploy: resources: reservations: devices:` with `driver: nvidia` and `capabilities: [gpu]`",
        "`nvidia-smi` on the machine itself must work first",
    ),
)
_IN_PODMAN = Fix(
    summary="start the container with the GPU; the machine needs the NVIDIA Container Toolkit",
    commands=(
        "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
        "podman run --rm --device nvidia.com/gpu=all IMAGE nvidia-smi",
    ),
    steps=(
        "without `nvidia-ctk`: install the package nvidia-container-toolkit on the machine, not in the container",
        "after each update of the driver the first command again: the file names the driver's libraries",
        "`nvidia-smi` on the machine itself must work first",
    ),
)
_IN_KUBERNETES = Fix(
    summary="ask for a GPU in the pod's specification, on a node that offers one",
    commands=("kubectl describe nodes", "kubectl get pods --all-namespaces"),
    steps=(
        "under `resources: limits:` of the container: `nvidia.com/gpu: 1`",
        "the nodes' `Allocatable:` must list nvidia.com/gpu, and more than `Allocated resources:` has of it",
        "where none does: NVIDIA's device plugin or GPU operator is not installed, or its pods do not run",
    ),
)
_IN_APPTAINER = Fix(
    summary="start the container with --nv, which brings the machine's NVIDIA driver into it",
    commands=("apptainer exec --nv IMAGE nvidia-smi",),
    steps=(
        "Singularity takes the same: `singularity exec --nv`; also `run`, `shell` and `instance start`",
        '"Could not find any nv files on this host": this machine has no driver; ask a cluster for a node with a GPU',
        "`nvidia-smi` on the machine itself must work first",
    ),
)
_IN_APPTAINER_FOR_AMD = Fix(
    summary="start the container with --rocm, which brings the machine's GPUs and ROCm libraries into it",
    commands=("apptainer exec --rocm IMAGE rocminfo",),
    steps=("Singularity takes the same: `singularity exec --rocm`",),
)
_WITH_GPU = {
    **dict.fromkeys(("kubernetes", "kubepods"), _IN_KUBERNETES),
    "podman": _IN_PODMAN,
    "apptainer": _IN_APPTAINER,
}


# -- device files ---------------------------------------------------------------------------------

_NVML_REFUSED, _NVML_BLOCKED, _NVML_UNKNOWN = 4, 17, 999
_CUDA_OS, _CUDA_NO_DEVICE = 304, 100


def check_device_permission(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find NVIDIA device files that exist and that this process may not open."""
    manager, driver, machine = reading.nvml(snapshot), reading.cuda(snapshot), reading.host(snapshot)
    works = reading.cuda_works(snapshot) or (driver is not None and driver.init_error == 0)
    if works or (machine is not None and machine.wsl):
        return None
    closed = [node for node in reading.traces(snapshot).nodes or () if _nvidia(node.path) and node.openable is False]
    refused = manager is not None and manager.error in (_NVML_REFUSED, _NVML_BLOCKED)
    # A control group that lost its devices shows as an unknown error; outside any container that has other causes.
    lost = manager is not None and manager.error == _NVML_UNKNOWN and not (machine and machine.container == "")
    fails = driver is not None and driver.init_error != 0
    quotes = reading.quotes(snapshot, matrix, "device-permission")
    os_call = driver is not None and driver.init_error in (_CUDA_OS, 800)
    shut_out = bool(closed) and (fails or _refused(snapshot))
    if not (shut_out or refused or lost or quotes or os_call):
        return None
    return Finding(
        code="device-permission",
        severity=Severity.ERROR,
        summary="the NVIDIA device files are there, and this process may not use them",
        cause=_who_refuses(closed, lost=lost),
        expected="this process may read and write /dev/nvidiactl, /dev/nvidia-uvm and /dev/nvidia0",
        facts=(
            *(
                Fact(node.path, f"closed to this process, group {node.group or 'unknown'}", "file system")
                for node in closed
            ),
            *_group_facts(snapshot, closed=bool(closed)),
            *driver_codes(snapshot, matrix),
            *node_facts(snapshot),
            *quotes,
        ),
        fix=on_driver_s_machine(snapshot, _open_nodes(snapshot, closed, lost=lost)),
        explains=("driver-init-failed", "gpu-hidden", "gpu-lost", "gpu-exclusive", "container-no-gpu"),
    )


def _nvidia(path: str) -> bool:
    return path.startswith(("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm")) and not path.endswith("-tools")


def _who_refuses(closed: list[DeviceNode], *, lost: bool) -> str:
    if closed:
        return f"the owner and group of {closed[0].path} let others in, and this user is not among them"
    if lost:
        return (
            "the container lost the right to use the devices: systemd has reloaded, and wrote its control group anew "
            "without them; or it was never given all of them"
        )
    return "the operating system refuses: a control group without the devices, a security module, or the owner's group"


def _group_facts(snapshot: Snapshot, *, closed: bool) -> tuple[Fact, ...]:
    groups = reading.traces(snapshot).groups
    return (Fact("groups of this process", ", ".join(groups), "process"),) if closed and groups is not None else ()


def _open_nodes(snapshot: Snapshot, closed: list[DeviceNode], *, lost: bool) -> Fix:
    group = next((node.group for node in closed if node.group and node.group != "root"), None)
    if group:
        return Fix(
            summary=f"join the group {group}, then log in anew",
            commands=(f"sudo usermod --append --groups {group} {shell_of(snapshot).user}",),
        )
    if lost:
        return Fix(
            summary="start the container again; to keep it from coming back, name the devices when it is started",
            commands=(
                "docker run --gpus all --device /dev/nvidiactl --device /dev/nvidia-uvm --device /dev/nvidia0 IMAGE",
            ),
            steps=("or let Docker use `cgroupfs`: `native.cgroupdriver=cgroupfs` in /etc/docker/daemon.json",),
        )
    return Fix(
        summary="see who may open them, and let this user in",
        commands=("ls -l /dev/nvidia*", "id"),
        steps=(
            (
                "NVreg_DeviceFileMode of the nvidia module sets who may; "
                "a batch system gives devices to its jobs alone: ask it for a GPU"
            ),
        ),
    )


CHECKS = (check_wsl_driver, check_device_permission, check_container_no_gpu)
LAST_RESORT = (check_wsl_path_by_hand, check_wsl_for_nothing, check_container_for_nothing)
