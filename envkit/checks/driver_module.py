"""Is the driver's kernel module loaded, and of the version of its libraries?"""

import re

from envkit import reading
from envkit.checks.driver_facts import USE_FAILS, driver_codes, module_facts, pci_facts
from envkit.checks.fixes import on_driver_s_machine
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.snapshot import Snapshot

_NVML_NOT_LOADED, _NVML_MISMATCH = 9, 18

_RELOAD = "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"


def check_driver_library_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a kernel module and a user-space driver of different versions."""
    manager = reading.nvml(snapshot)
    told = manager is not None and manager.error == _NVML_MISMATCH
    quotes, apart = reading.quotes(snapshot, matrix, "driver-library-mismatch"), _two_versions(snapshot)
    if not (told or apart or (quotes and not reading.cuda_starts(snapshot))):
        return None
    return Finding(
        code="driver-library-mismatch",
        severity=Severity.ERROR,
        summary="the NVIDIA kernel module and the driver's libraries are of different versions",
        cause="the driver was updated and the old kernel module is still loaded, or a container brings other libraries",
        expected="kernel module and libraries of one version",
        facts=(*driver_codes(snapshot, matrix), *apart, *quotes),
        fix=on_driver_s_machine(
            snapshot,
            Fix(
                summary="load the new module: restart the machine",
                commands=("sudo reboot",),
                steps=(
                    f"without a restart, once nothing uses the GPU: `{_RELOAD}`",
                    "if they still differ then, two drivers are installed: remove one of them with its package manager",
                ),
            ),
        ),
        explains=("driver-init-failed", "forward-compat-unsupported", "driver-not-loaded", *USE_FAILS),
    )


_LIBRARY_VERSION = re.compile(r"libcuda\.so\.(\d{3}\.\d+(?:\.\d+)?)$")


def _two_versions(snapshot: Snapshot) -> tuple[Fact, ...]:
    """The versions of module and library, where libcuda fails, its file tells one, and they differ."""
    driver, machine = reading.cuda(snapshot), reading.host(snapshot)
    if driver is None or machine is None or driver.init_error == 0 or "compat" in (driver.library or ""):
        return ()
    found, module = _LIBRARY_VERSION.search(driver.library or ""), machine.kernel_module_version
    if found is None or not module or found[1] == module:
        return ()
    return (Fact("libcuda", found[1], driver.library or ""), Fact("kernel module", module, "/proc/driver/nvidia"))


def check_driver_not_loaded(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an installed driver whose kernel module is not loaded."""
    manager, machine = reading.nvml(snapshot), reading.host(snapshot)
    told = manager is not None and manager.error == _NVML_NOT_LOADED
    quotes = reading.quotes(snapshot, matrix, "driver-not-loaded")
    if reading.cards(snapshot, "amd") and not reading.nvidia_gpus(snapshot):
        # Beside AMD's GPU alone, a module that cannot be built is AMD's.
        quotes = tuple(quote for quote in quotes if "nvidia" in quote.value.lower())
    if not told and (not quotes or reading.cuda_starts(snapshot)):
        return None
    if machine is not None and machine.wsl:
        return None  # inside WSL no kernel module belongs to the driver
    why, way_out = _why_not_loaded(snapshot, quotes)
    return Finding(
        code="driver-not-loaded",
        severity=Severity.ERROR,
        summary="the NVIDIA driver is installed and its kernel module is not loaded",
        cause=why,
        expected="`lsmod` lists nvidia",
        facts=(*driver_codes(snapshot, matrix), *module_facts(snapshot), *pci_facts(snapshot), *quotes),
        fix=on_driver_s_machine(snapshot, way_out),
        explains=("driver-init-failed", "driver-missing", "container-no-gpu", *USE_FAILS),
    )


_SEE_WHY = "sudo dmesg | grep -iE 'nvidia|nouveau|secure boot|lockdown' | tail -n 20"
_UNSIGNED = ("Key was rejected", "Required key not available", "unsigned module")


def _why_not_loaded(snapshot: Snapshot, quotes: tuple[Fact, ...]) -> tuple[str, Fix]:
    """What keeps the module out, as far as the facts tell, and what lets it in."""
    traces = reading.traces(snapshot)
    nouveau = "nouveau" in (traces.modules or ()) or any(
        gpu.kernel_driver == "nouveau" for gpu in reading.cards(snapshot, "nvidia")
    )
    if nouveau or any("nouveau" in quote.value.lower() for quote in quotes):
        return "nouveau, the free driver, holds the GPU, and two drivers cannot share it", _NOT_NOUVEAU
    if any(sign in quote.value for sign in _UNSIGNED for quote in quotes):
        return "Secure Boot is on, and the module is not signed with a key that this machine trusts", _SIGN
    boot = "; Secure Boot is on and may refuse it" if traces.secure_boot else ""
    return (
        (
            f"the library is there and finds no nvidia kernel module{boot}: it was not built for the running kernel, "
            "Secure Boot refused it, nouveau holds the GPU, or there is no GPU in this machine"
        ),
        _LOAD,
    )


_LOAD = Fix(
    summary="load it, and read why it does not load",
    commands=("sudo modprobe nvidia", _SEE_WHY),
    steps=(
        (
            "`dkms status` lists the kernels that it was built for; "
            "the headers of the running kernel must be installed before it can be built"
        ),
        "if `modprobe` finds no module: install the driver's package again, then restart the machine",
    ),
)
_NOT_NOUVEAU = Fix(
    summary="keep nouveau from loading, then restart the machine",
    commands=(
        r"printf 'blacklist nouveau\noptions nouveau modeset=0\n' | sudo tee /etc/modprobe.d/blacklist-nouveau.conf",
    ),
    steps=(
        "into the boot image: `sudo update-initramfs -u` (Debian, Ubuntu) or `sudo dracut --force` (Fedora, RHEL)",
        "restart the machine; `lsmod | grep nvidia` then lists the module",
    ),
)
_SIGN = Fix(
    summary="let the firmware trust the module's key, or switch Secure Boot off",
    commands=("mokutil --sb-state", "sudo dmesg | grep -iE 'nvidia|secure boot|lockdown' | tail -n 20"),
    steps=(
        (
            "with DKMS: `sudo mokutil --import` the key that signed it "
            "(Ubuntu keeps it in /var/lib/shim-signed/mok/MOK.der), restart, and choose `Enroll MOK` in the blue menu"
        ),
        "or switch Secure Boot off in the firmware's set-up",
    ),
)


CHECKS = (check_driver_library_mismatch, check_driver_not_loaded)
