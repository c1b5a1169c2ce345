"""Does the NVIDIA driver answer, and does it run the CUDA that this torch was built with?"""

from envkit import reading
from envkit.checks.fixes import install_torch, on_driver_s_machine, quoted
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.errors import NOT_A_FAULT
from envkit.matrix.versions import numbers
from envkit.snapshot import Absent, Snapshot

_NVML_NOT_LOADED, _NVML_MISMATCH = 9, 18
_CUDA_NO_DEVICE, _CUDA_NOT_READY = 100, 802
_CUDA_COMPAT = (803, 804)

_RELOAD = "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"

_USE_FAILS = ("gpu-hidden", "gpu-lost", "gpu-exclusive", "device-permission")


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
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="load the new module: restart the machine",
                commands=("sudo reboot",),
                steps=(f"without a restart, once nothing uses the GPU: `{_RELOAD}`",),
            ),
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
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="load it, and read why it does not load",
                commands=(
                    "sudo modprobe nvidia",
                    "sudo dmesg | grep -iE 'nvidia|nouveau|secure boot' | tail -n 20",
                ),
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
    """Find an NVIDIA GPU without the driver, or with half of it."""
    machine = reading.host(snapshot)
    if machine is None or not isinstance(snapshot.cuda, Absent):
        return None
    manager = reading.nvml(snapshot)
    half = bool(machine.kernel_module_version) or bool(manager and manager.devices)
    if not half and (not reading.nvidia_gpus(snapshot) or not isinstance(snapshot.nvml, Absent)):
        return None
    facts = (*_pci_facts(snapshot), Fact("libcuda", snapshot.cuda.why, "loader"), *_version_facts(snapshot))
    return _half_a_driver(snapshot, facts) if half else _no_driver(snapshot, facts)


def _no_driver(snapshot: Snapshot, facts: tuple[Fact, ...]) -> Finding:
    return Finding(
        code="driver-missing",
        severity=Severity.ERROR,
        summary="there is an NVIDIA GPU and no NVIDIA driver",
        cause="the machine shows the GPU; neither libcuda nor NVML is on the loader's path",
        expected="libcuda.so.1 and libnvidia-ml.so.1, which the driver package brings (the CUDA toolkit does not)",
        facts=facts,
        fix=on_driver_s_machine(snapshot, _driver_install(snapshot)),
        explains=_USE_FAILS,
    )


def _half_a_driver(snapshot: Snapshot, facts: tuple[Fact, ...]) -> Finding:
    """The driver is loaded and libcuda is not here: as a rule a container, whatever marks it leaves."""
    machine, torch = reading.host(snapshot), reading.installed_torch(snapshot)
    for_cpu = torch is not None and torch.cuda == "" and not torch.hip
    contained = bool(machine and machine.container)
    return Finding(
        code="container-no-gpu" if contained else "driver-missing",
        # A CPU build in a container that was given no GPU is what somebody wanted.
        severity=Severity.NOTE if contained and for_cpu else Severity.ERROR,
        summary="the NVIDIA driver is loaded, and its CUDA library is not here",
        cause="the kernel module answers and libcuda.so.1 is in no folder that the loader searches: a container that "
        "was started without the GPU or its compute part, or a driver package of which a part is missing",
        expected="libcuda.so.1, of the version of the loaded module",
        facts=facts,
        fix=Fix(
            summary="start the container with the whole GPU; the machine needs the NVIDIA Container Toolkit",
            commands=("docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE",),
            steps=("outside a container: install the driver package again, in the version of the loaded module",),
        ),
        explains=_USE_FAILS,
    )


def _version_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    version = reading.driver_version(snapshot)
    return (Fact("driver", version, "kernel module or NVML"),) if version else ()


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
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="start it, in the version of the driver",
                commands=(
                    "sudo systemctl enable --now nvidia-fabricmanager",
                    "systemctl status nvidia-fabricmanager",
                ),
                steps=(f"if it is not installed: nvidia-fabricmanager-{version.split('.')[0]}, exactly {version}",),
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
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="take the compat folder out of the loader's path, or update the driver",
                steps=(
                    f"the library in use: {driver.library or 'libcuda.so.1'}",
                    "remove cuda/compat from LD_LIBRARY_PATH and from /etc/ld.so.conf.d, then run `sudo ldconfig`",
                    "if the driver was just updated, restart the machine",
                ),
            ),
        ),
        explains=("driver-init-failed", *_USE_FAILS),
    )


def check_driver_error(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an error of cuInit or NVML that no other check names, by what the error table says it points to."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    told_elsewhere = {0, _CUDA_NO_DEVICE, _CUDA_NOT_READY, *_CUDA_COMPAT}
    if driver is not None and driver.init_error not in told_elsewhere:
        error = matrix.errors.cuda(driver.init_error)
    elif manager is not None and manager.error not in (0, _NVML_NOT_LOADED, _NVML_MISMATCH):
        error = matrix.errors.nvml(manager.error)
    else:
        return None
    works = driver is not None and driver.init_error == 0
    causes = f"; usual causes: {', '.join(error.causes)}" if error.causes else ""
    return Finding(
        code=error.diagnosis if error.diagnosis not in ("", NOT_A_FAULT) else "driver-init-failed",
        # NVML alone may be out of order (in a sandbox, on a vGPU) while CUDA works.
        severity=Severity.WARNING if works else Severity.ERROR,
        summary="NVML is out of order" if works else "the NVIDIA driver is there and does not initialise",
        cause=f"{error.name}: {error.meaning}{causes}",
        expected="cuInit and nvmlInit answer 0",
        facts=(*_codes(snapshot, matrix), *_node_facts(snapshot)),
        fix=_start_anew(snapshot),
        explains=_USE_FAILS,
    )


def _start_anew(snapshot: Snapshot) -> Fix:
    anew = Fix(
        summary="load the unified-memory module again; if that does not help, restart the machine",
        commands=("sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm", "ls -l /dev/nvidia*"),
    )
    return on_driver_s_machine(snapshot, anew)


def check_devices_without_cuda(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find GPUs that NVML lists and CUDA does not, though no variable hides them."""
    if not _devices_without_cuda(snapshot):
        return None
    manager = reading.nvml(snapshot)
    mig = any(device.mig_enabled for device in (manager.devices if manager else None) or ())
    facts = (*_codes(snapshot, matrix), *_node_facts(snapshot), reading.gpu_fact(snapshot))
    if not mig:
        return Finding(
            code="driver-init-failed",
            severity=Severity.ERROR,
            summary="NVML lists GPUs that CUDA does not find",
            cause="no variable hides them: the device nodes cannot be opened, or the GPU did not start",
            expected="cuInit answers 0",
            facts=facts,
            fix=_start_anew(snapshot),
        )
    return Finding(
        code="gpu-mig",
        severity=Severity.ERROR,
        summary="the GPU is split into MIG instances, and there is none to use",
        cause="MIG mode is on; CUDA offers compute instances alone, and none was made",
        expected="a compute instance, or MIG mode off",
        facts=facts,
        fix=Fix(
            summary="make an instance, or switch MIG off",
            commands=("sudo nvidia-smi mig -lgip", "sudo nvidia-smi -i 0 -mig 0"),
        ),
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
    if torch is None or not torch.cuda or machine is None or reading.cuda_works(snapshot):
        return None  # what works is new enough, whatever a table says: there are compat libraries
    os = reading.driver_os(machine)
    minimum = matrix.cuda.minimum_driver(torch.cuda, os)
    runs = matrix.cuda.fit(torch.cuda, version, os).runs if version else _runs_by_api(torch.cuda, snapshot)
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


def check_unused_gpu(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a torch for GPUs that uses none beside one of its kind: the last resort, when no other check told why."""
    live, machine = reading.runtime(snapshot), reading.host(snapshot)
    backend = live.backend("cuda") if live else None
    if live is None or backend is None or not backend.built or backend.available is not False:
        return None
    amd = any(gpu.vendor == "amd" for gpu in (machine.gpus if machine else None) or ())
    if live.hip and reading.nvidia_gpus(snapshot) and not amd:
        return _wrong_backend(snapshot, matrix)
    if not (amd if live.hip else reading.nvidia_gpus(snapshot)):
        return None
    return Finding(
        code="rocm-driver-mismatch" if live.hip else "driver-init-failed",
        severity=Severity.ERROR,
        summary="there is a GPU, this torch is built for its kind, and does not find it",
        cause=f"no known cause shows; torch says: {backend.error or 'nothing'}",
        expected="torch.cuda.is_available() is True",
        facts=(Fact("torch", live.version or "unknown", "live run"), *_codes(snapshot, matrix), *_node_facts(snapshot)),
        fix=Fix(
            summary="look at what differs for torch's process",
            commands=(quoted(snapshot, "envkit", "doctor", "--json"),),
            steps=("LD_LIBRARY_PATH and LD_PRELOAD are the usual suspects: try without them",),
        ),
    )


def _wrong_backend(snapshot: Snapshot, matrix: Matrix) -> Finding:
    torch = reading.installed_torch(snapshot)
    return Finding(
        code="torch-wrong-backend",
        severity=Severity.ERROR,
        summary="this torch is built for AMD GPUs, and the GPU is NVIDIA's",
        cause="a ROCm build holds no CUDA code",
        expected="a CUDA build of torch",
        facts=(*((torch.fact,) if torch else ()), reading.gpu_fact(snapshot)),
        fix=install_torch(snapshot, matrix, "install the CUDA build that fits", reinstall=True),
    )


CHECKS = (
    check_driver_library_mismatch,
    check_driver_not_loaded,
    check_driver_missing,
    check_fabric_manager_down,
    check_forward_compat,
    check_driver_too_old,
    check_driver_error,
    check_devices_without_cuda,
)
LAST_RESORT = (check_unused_gpu,)
