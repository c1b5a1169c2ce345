"""The facts that findings on drivers and GPUs rest on, each group of them told in one place."""

from envkit import reading
from envkit.findings import Fact
from envkit.matrix import Matrix
from envkit.snapshot import Snapshot

USE_FAILS = ("gpu-hidden", "gpu-lost", "gpu-exclusive", "device-permission")
"""What a GPU may look like to a program whose driver does not work."""


def driver_codes(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """The driver's own answers as facts; that it answers well is no fact where only a report says so."""
    facts = []
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    if driver and (driver.init_error or not snapshot.pasted):
        name = matrix.errors.cuda(driver.init_error)
        facts.append(Fact("cuInit", f"{driver.init_error} {name.name}: {name.meaning}", driver.library or "libcuda"))
    if manager and (manager.error or not snapshot.pasted):
        named = matrix.errors.nvml(manager.error)
        facts.append(Fact("nvmlInit", f"{manager.error} {named.name}: {named.meaning}", "NVML"))
    version = reading.driver_version(snapshot)
    if version:
        asked = "NVML" if manager and manager.driver_version else "kernel module"
        facts.append(Fact("driver", version, "report" if snapshot.pasted else asked))
    return tuple(facts)


def points_to(snapshot: Snapshot, matrix: Matrix, code: str) -> bool:
    """Say whether the number that cuInit or nvmlInit answers points to a diagnosis code."""
    driver, manager = reading.cuda(snapshot), reading.nvml(snapshot)
    by_cuda = driver is not None and matrix.errors.cuda(driver.init_error).diagnosis == code
    return by_cuda or (manager is not None and matrix.errors.nvml(manager.error).diagnosis == code)


def pci_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    """The display controllers on the bus, each with the kernel driver that it is bound to."""
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


def node_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    """NVIDIA's device files."""
    machine = reading.host(snapshot)
    if machine is None or machine.device_nodes is None:
        return ()
    nodes = [node for node in machine.device_nodes if node.startswith("/dev/nvidia")]
    return (Fact("device nodes", ", ".join(nodes) or "no /dev/nvidia*", "file system"),)


def module_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    """The kernel modules that drive GPUs, and whether Secure Boot may keep one out."""
    traces = reading.traces(snapshot)
    modules = () if traces.modules is None else (Fact("kernel modules", ", ".join(traces.modules) or "none", "/proc"),)
    boot = {None: (), True: (Fact("Secure Boot", "on", "EFI"),), False: (Fact("Secure Boot", "off", "EFI"),)}
    return (*modules, *boot[traces.secure_boot])
