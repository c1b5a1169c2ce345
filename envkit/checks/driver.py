"""Does the NVIDIA driver answer, and does it run the CUDA that this torch was built with?"""

from envkit.checks import reading
from envkit.checks.fixes import install_torch, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers
from envkit.snapshot import Absent, Snapshot

_NVML_NOT_LOADED, _NVML_MISMATCH = 9, 18
_CUDA_NO_DEVICE, _CUDA_NOT_READY = 100, 802
_CUDA_COMPAT = (803, 804)

_RELOAD = "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"

_USE_FAILS = ("gpu-hidden", "torch-cpu-build")


def _codes(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """The driver's own answers as facts."""
    facts = []
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    if driver:
        name = matrix.errors.cuda(driver.init_error)
        facts.append(Fact("cuInit", f"{driver.init_error} {name.name}: {name.meaning}", driver.library or "libcuda"))
    if manager:
        named = matrix.errors.nvml(manager.error)
        facts.append(Fact("nvmlInit", f"{manager.error} {named.name}: {named.meaning}", "NVML"))
    version = reading.driver_version(snapshot)
    if version:
        facts.append(Fact("driver", version, "NVML" if manager and manager.driver_version else "kernel module"))
    return tuple(facts)


def check_driver_library_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a kernel module and a user-space driver of different versions."""
    manager = reading.nvml(snapshot)
    if manager is None or manager.error != _NVML_MISMATCH:
        return None
    return Finding(
        code="driver-library-mismatch",
        severity=Severity.ERROR,
        summary="the NVIDIA kernel module and the driver's libraries are of different versions",
        cause="the driver was updated and the old kernel module is still loaded, or a container brings other libraries",
        expected="kernel module and libraries of one version",
        facts=_codes(snapshot, matrix),
        fix=Fix(
            summary="load the new module: restart the machine",
            commands=("sudo reboot",),
            steps=(f"without a restart, once nothing uses the GPU: `{_RELOAD}`",),
        ),
        explains=("driver-init-failed", "forward-compat-unsupported", "driver-not-loaded", *_USE_FAILS),
    )


def check_driver_not_loaded(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an installed driver whose kernel module is not loaded."""
    manager = reading.nvml(snapshot)
    if manager is None or manager.error != _NVML_NOT_LOADED:
        return None
    return Finding(
        code="driver-not-loaded",
        severity=Severity.ERROR,
        summary="the NVIDIA driver is installed and its kernel module is not loaded",
        cause="NVML is there and finds no nvidia kernel module: it was not built for this kernel (DKMS), Secure Boot "
        "refused it, nouveau holds the GPU, or there is no GPU in this machine",
        expected="`lsmod` lists nvidia",
        facts=(*_codes(snapshot, matrix), *_pci_facts(snapshot)),
        fix=Fix(
            summary="load it, and read why it does not load",
            commands=(
                "sudo modprobe nvidia",
                "sudo dmesg | grep -iE 'nvidia|nouveau|secure boot' | tail -n 20",
            ),
        ),
        explains=("driver-init-failed", *_USE_FAILS),
    )


def _pci_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    machine = reading.host(snapshot)
    if machine is None or machine.gpus is None:
        return (Fact("PCI bus", "could not be read", "sysfs"),)
    if not machine.gpus:
        return (Fact("PCI bus", "no display controller", "sysfs"),)
    return tuple(
        Fact(
            "PCI bus",
            f"{gpu.vendor} {gpu.device_id}, kernel driver {gpu.kernel_driver or 'none'}",
            gpu.address,
        )
        for gpu in machine.gpus
    )


def check_driver_missing(snapshot: Snapshot, _matrix: Matrix) -> Finding | None:
    """Find an NVIDIA GPU without a driver."""
    machine = reading.host(snapshot)
    if machine is None or not any(gpu.vendor == "nvidia" for gpu in machine.gpus or ()):
        return None
    if not isinstance(snapshot.nvml, Absent) or not isinstance(snapshot.cuda, Absent):
        return None
    if machine.kernel_module_version and machine.container:
        return _container_without_gpu(snapshot)
    return Finding(
        code="driver-missing",
        severity=Severity.ERROR,
        summary="there is an NVIDIA GPU and no NVIDIA driver",
        cause="the PCI bus shows the GPU; neither libcuda nor NVML is on the loader's path",
        expected="libcuda.so.1 and libnvidia-ml.so.1, which the driver package brings (the CUDA toolkit does not)",
        facts=(
            *_pci_facts(snapshot),
            Fact("libcuda", snapshot.cuda.why, "loader"),
            Fact("NVML", snapshot.nvml.why, "loader"),
        ),
        fix=_driver_install(snapshot),
        explains=_USE_FAILS,
    )


def _container_without_gpu(snapshot: Snapshot) -> Finding:
    return Finding(
        code="container-no-gpu",
        severity=Severity.ERROR,
        summary="this container was started without the GPU",
        cause="the host's NVIDIA kernel module is loaded, and the container has none of the driver's libraries",
        facts=_pci_facts(snapshot),
        fix=Fix(
            summary="start the container with the GPU; the host needs the NVIDIA Container Toolkit",
            commands=("docker run --gpus all IMAGE",),
        ),
        explains=_USE_FAILS,
    )


def _driver_install(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    name = (machine.os_name or "").lower() if machine else ""
    if "ubuntu" in name:
        return Fix(summary="install the recommended driver", commands=("sudo ubuntu-drivers install", "sudo reboot"))
    if "debian" in name:
        steps = ("enable the non-free component in the package sources first",)
        return Fix(
            summary="install the driver",
            commands=("sudo apt install nvidia-driver", "sudo reboot"),
            steps=steps,
        )
    return Fix(
        summary="install the NVIDIA driver",
        steps=("use your distribution's driver package, or NVIDIA's installer, then restart the machine",),
    )


def check_fabric_manager_down(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an NVSwitch machine whose fabric is not ready."""
    driver = reading.cuda(snapshot)
    if driver is None or driver.init_error != _CUDA_NOT_READY:
        return None
    version = reading.driver_version(snapshot) or "VERSION"
    return Finding(
        code="fabric-manager-down",
        severity=Severity.ERROR,
        summary="the GPUs wait for the Fabric Manager",
        cause="cuInit answers 802: on a machine with NVSwitch no program can use CUDA until a Fabric Manager of the "
        "driver's own version runs",
        expected=f"nvidia-fabricmanager {version} running",
        facts=_codes(snapshot, matrix),
        fix=Fix(
            summary="start it, in the version of the driver",
            commands=(
                "sudo systemctl enable --now nvidia-fabricmanager",
                "systemctl status nvidia-fabricmanager",
            ),
            steps=(
                f"if it is not installed: the package nvidia-fabricmanager-{version.split('.')[0]}, exactly {version}",
            ),
        ),
        explains=("driver-init-failed", *_USE_FAILS),
    )


def check_forward_compat(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find cuda-compat libraries where hardware or driver does not allow them."""
    driver = reading.cuda(snapshot)
    if driver is None or driver.init_error not in _CUDA_COMPAT:
        return None
    return Finding(
        code="forward-compat-unsupported",
        severity=Severity.ERROR,
        summary="the libcuda that is loaded does not belong to this driver",
        cause=f"cuInit answers {driver.init_error}: a libcuda from a cuda-compat package (as CUDA containers bring it) "
        "is used with a GPU or a kernel driver that does not allow it; only data-centre GPUs do",
        expected="the libcuda of the installed driver",
        facts=_codes(snapshot, matrix),
        fix=Fix(
            summary="take the compat folder out of the loader's path, or update the driver",
            steps=(
                f"the library in use: {driver.library or 'libcuda.so.1'}",
                "remove cuda/compat from LD_LIBRARY_PATH and from /etc/ld.so.conf.d, then run `sudo ldconfig`",
                "if the driver was just updated, restart the machine",
            ),
        ),
        explains=("driver-init-failed", *_USE_FAILS),
    )


_CONTRADICTION = "NVML lists GPUs that CUDA does not find, and no variable hides them"
_NAMELESS = (
    "the driver answers with an error that names no cause; the usual ones are nvidia_uvm not loaded, "
    "a machine that was suspended, and device nodes that this user may not open"
)


def check_driver_init_failed(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a driver that fails to initialise for a reason it does not name."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    told_elsewhere = {0, _CUDA_NO_DEVICE, _CUDA_NOT_READY, *_CUDA_COMPAT}
    failing = driver is not None and driver.init_error not in told_elsewhere
    odd_nvml = manager is not None and manager.error not in (0, _NVML_NOT_LOADED, _NVML_MISMATCH)
    contradiction = _devices_without_cuda(snapshot)
    if not (failing or odd_nvml or contradiction):
        return None
    return Finding(
        code="driver-init-failed",
        severity=Severity.ERROR,
        summary="the NVIDIA driver is there and does not initialise",
        cause=_CONTRADICTION if contradiction else _NAMELESS,
        expected="cuInit answers 0",
        facts=(*_codes(snapshot, matrix), *_node_facts(snapshot)),
        fix=Fix(
            summary="load the unified-memory module again; if that does not help, restart the machine",
            commands=("sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm", "ls -l /dev/nvidia*"),
        ),
        explains=_USE_FAILS,
    )


def _devices_without_cuda(snapshot: Snapshot) -> bool:
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    hidden = "CUDA_VISIBLE_DEVICES" in reading.variables(snapshot)
    return bool(
        driver
        and manager
        and driver.init_error == _CUDA_NO_DEVICE
        and manager.error == 0
        and manager.devices
        and not hidden
    )


def _node_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    machine = reading.host(snapshot)
    if machine is None or machine.device_nodes is None:
        return ()
    nodes = [node for node in machine.device_nodes if node.startswith("/dev/nvidia")]
    return (Fact("device nodes", ", ".join(nodes) or "no /dev/nvidia*", "file system"),)


def check_driver_too_old(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a driver older than the CUDA of the torch build needs."""
    torch, version = reading.installed_torch(snapshot), reading.driver_version(snapshot)
    machine = reading.host(snapshot)
    if torch is None or not torch.cuda or machine is None:
        return None
    minimum = matrix.cuda.minimum_driver(torch.cuda, machine.os)
    runs = matrix.cuda.fit(torch.cuda, version, machine.os).runs if version else _runs_by_api(torch.cuda, snapshot)
    if runs is not False:
        return None
    return Finding(
        code="driver-too-old",
        severity=Severity.ERROR,
        summary=f"the driver is too old for the CUDA {torch.cuda} that this torch is built with",
        cause=f"CUDA {torch.cuda} needs driver {minimum} or newer, and {version or 'an older one'} is installed",
        expected=f"driver {minimum} or newer",
        facts=(torch.fact, *_codes(snapshot, matrix), reading.gpu_fact(snapshot)),
        fix=_older_build_or_newer_driver(snapshot, matrix, minimum),
        explains=("driver-init-failed", *_USE_FAILS),
    )


def _runs_by_api(cuda: str, snapshot: Snapshot) -> bool | None:
    """Judge by libcuda's own API version: from CUDA 11 on any minor of the same major runs."""
    driver = reading.cuda(snapshot)
    if driver is None or driver.cuda_version is None:
        return None
    have, need = numbers(driver.cuda_version), numbers(cuda)
    return have >= need or (have[0] == need[0] >= 11)


def _older_build_or_newer_driver(snapshot: Snapshot, matrix: Matrix, minimum: str | None) -> Fix:
    build = install_torch(snapshot, matrix, "keep the driver and install a build that it runs", reinstall=True)
    update = f"or update the driver to {minimum} or newer and keep this torch; then restart the machine"
    return Fix(summary=build.summary, commands=build.commands, steps=(*build.steps, update))


def check_cuda_unexplained(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a CUDA torch that cannot use a driver that is in order, for a reason that only torch names."""
    live, driver = reading.runtime(snapshot), reading.cuda(snapshot)
    backend = live.backend("cuda") if live else None
    if live is None or not live.cuda or backend is None or backend.available is not False:
        return None
    if driver is None or driver.init_error != 0 or not driver.devices:
        return None
    if check_driver_too_old(snapshot, matrix) is not None:
        return None
    return Finding(
        code="driver-init-failed",
        severity=Severity.ERROR,
        summary="CUDA works outside torch and fails inside it",
        cause=f"cuInit succeeds in a process of its own; torch says: {backend.error or 'nothing'}",
        expected="torch.cuda.is_available() is True",
        facts=(Fact("torch", live.version or "unknown", "live run"), *_codes(snapshot, matrix)),
        fix=Fix(
            summary="look at what differs for torch's process",
            commands=(quoted(snapshot, "envkit", "doctor", "--json"),),
            steps=("LD_LIBRARY_PATH and LD_PRELOAD are the usual suspects: try without them",),
        ),
    )
