"""AMD, Intel and Apple: is the accelerator of the machine the one that this torch is built for, and does it answer?"""

from envkit import reading
from envkit.checks.fixes import install_torch, quoted
from envkit.checks.shells import shell_of
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import numbers, public
from envkit.snapshot import Backend, DeviceNode, PciGpu, Snapshot

_NVIDIA_MISSING = ("driver-missing", "driver-too-old", "driver-init-failed", "container-no-gpu", "gpu-hidden")
"""What a CUDA build says of a machine without NVIDIA's driver."""

_KFD = "/dev/kfd"


def _backend(snapshot: Snapshot, name: str) -> Backend | None:
    live = reading.runtime(snapshot)
    return live.backend(name) if live else None


def _is_rocm(snapshot: Snapshot) -> bool:
    """Say whether torch is a ROCm build, or was to be one as far as its index tells."""
    torch, live = reading.installed_torch(snapshot), reading.runtime(snapshot)
    return bool(torch and torch.hip) or bool(live and live.hip)


def _gpu_facts(gpus: tuple[PciGpu, ...]) -> tuple[Fact, ...]:
    return tuple(
        Fact(f"{gpu.vendor} GPU", gpu.architecture or gpu.name or gpu.device_id or "unnamed", gpu.address or "report")
        for gpu in gpus
    )


# -- the wrong vendor -----------------------------------------------------------------------------


def check_wrong_vendor(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a torch that is built for NVIDIA's GPUs where there are only others, or that lacks a backend asked for."""
    quotes = reading.quotes(snapshot, matrix, "torch-wrong-backend")
    others = (*reading.cards(snapshot, "amd"), *reading.cards(snapshot, "intel"))
    foreign = _cuda_on_others(snapshot, others, asked=_asks_for_nvidia(snapshot, matrix))
    if not (quotes or foreign) or reading.cuda_works(snapshot):
        return None
    torch = reading.installed_torch(snapshot)
    complained = bool(quotes) or _asks_for_nvidia(snapshot, matrix)
    usable = [gpu for gpu in others if _has_a_build(gpu, snapshot, matrix)]
    # Outside a report nobody has said that the GPU should compute.
    wanted = complained or (not snapshot.taken_at and _refused(snapshot))
    if not quotes and not usable and not (wanted and reading.cards(snapshot, "amd")):
        return None  # a graphics chip that no build of torch is for: the CPU is right, whatever the build
    return Finding(
        code="torch-wrong-backend",
        severity=Severity.ERROR if complained else Severity.WARNING,
        summary="this torch is built for other accelerators than the machine has",
        cause=f"{_built_for(snapshot)}, and the GPU is of {others[0].vendor.upper()}"
        if others
        else "the program asks for a kind of accelerator that this build holds no code for",
        expected="a build for the GPU of the machine, or one for the CPU",
        facts=(*((torch.fact,) if torch else ()), *_gpu_facts(others), *quotes),
        fix=_right_build(snapshot, matrix, usable),
        explains=(
            *_NVIDIA_MISSING,
            "driver-not-loaded",
            "driver-library-mismatch",
            "gpu-absent",
            "xpu-runtime-missing",
            "mps-unavailable",
        ),
    )


def _asks_for_nvidia(snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether a program complains that there is no NVIDIA driver or GPU for it."""
    # That the shell knows no nvidia-smi says nothing of what torch is built for.
    quotes = (quote for code in _NVIDIA_MISSING for quote in reading.quotes(snapshot, matrix, code))
    told = any("nvidia-smi" not in quote.value for quote in quotes)
    # A kernel module that cannot be built may be anybody's.
    module = reading.quotes(snapshot, matrix, "driver-not-loaded")
    told = told or any("nvidia" in quote.value.lower() for quote in module)
    return told or any("is not able to use GPU" in one.text for one in reading.said(snapshot))


def _refused(snapshot: Snapshot) -> bool:
    backend = _backend(snapshot, "cuda")
    return backend is not None and backend.available is False


def _cuda_on_others(snapshot: Snapshot, others: tuple[PciGpu, ...], *, asked: bool) -> bool:
    """Say whether torch is a CUDA build, or speaks as one, where GPUs are known and none is NVIDIA's."""
    torch, machine = reading.installed_torch(snapshot), reading.host(snapshot)
    if not others or reading.nvidia_gpus(snapshot) or reading.devices(snapshot):
        return False
    if (machine is not None and machine.os == "macos") or _is_rocm(snapshot):
        return False
    if torch is None or torch.cuda is None:
        return asked
    return bool(torch.cuda) and not torch.hip and not _is_xpu(snapshot)


def _is_xpu(snapshot: Snapshot) -> bool:
    torch, backend = reading.imported_torch(snapshot), _backend(snapshot, "xpu")
    built = any(one.build and one.build.xpu for one in torch) or "+xpu" in "".join(one.version for one in torch)
    return built or bool(backend and backend.built)


def _built_for(snapshot: Snapshot) -> str:
    torch = reading.installed_torch(snapshot)
    return f"torch {torch.version} is a build for CUDA, which is NVIDIA's" if torch else "this torch is for CUDA"


def _has_a_build(gpu: PciGpu, snapshot: Snapshot, matrix: Matrix) -> bool:
    """Say whether some build of torch for this system runs on an AMD or Intel GPU."""
    machine = reading.host(snapshot)
    if gpu.vendor == "intel":
        return matrix.gpus.xpu_generation(gpu.name or "", gpu.device_id) is not None
    target = _target(gpu, matrix)
    builds = [one for one in matrix.torch.builds(platform=reading.platform(snapshot)) if one.backend.startswith("rocm")]
    if machine is None or machine.os != "linux" or target is None or not builds:
        return False
    newest = builds[-1]
    return target in (matrix.torch.rocm_gfx(newest.torch, newest.backend) or ())


def _target(gpu: PciGpu, matrix: Matrix) -> str | None:
    """The code target of an AMD GPU. A name may be that of several products of one chip: "RX 7900 XT/7900 XTX"."""
    return gpu.architecture or matrix.gpus.gfx_target(f"[{gpu.name or ''}]", gpu.device_id)


def _right_build(snapshot: Snapshot, matrix: Matrix, usable: list[PciGpu]) -> Fix:
    machine = reading.host(snapshot)
    if usable:
        return install_torch(snapshot, matrix, "install the build for the GPU of this machine", reinstall=True)
    if machine and machine.os == "windows":
        return Fix(
            summary="AMD GPUs: torch's own ROCm builds are for Linux; Intel GPUs: take the XPU build",
            commands=(quoted(snapshot, "envkit", "create", "--xpu"),),
            steps=("WSL with ROCm runs some Radeon cards", "or compute on the CPU: any build does"),
        )
    return Fix(
        summary="no build of torch is known for this GPU: take the one for the CPU",
        commands=(quoted(snapshot, "envkit", "create", "--cuda", "cpu"),),
        steps=("`envkit matrix --gpu NAME` says which builds a GPU has",),
    )


# -- AMD ------------------------------------------------------------------------------------------


def check_rocm_gpu_unsupported(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an AMD GPU that the ROCm build holds no code for."""
    quotes = reading.quotes(snapshot, matrix, "rocm-gpu-unsupported")
    if not quotes and _is_rocm(snapshot):
        quotes = reading.quotes(snapshot, matrix, "gpu-arch-unsupported")  # HIP says it in CUDA's words too
    targets, held = _gfx_targets(snapshot, matrix), _gfx_held(snapshot, matrix)
    left_out = [target for target in targets if held and not _runs(target, held)]
    overridden = "HSA_OVERRIDE_GFX_VERSION" in reading.variables(snapshot)
    if not quotes and (not left_out or overridden):
        return None
    target = (left_out or targets or [""])[0]
    return Finding(
        code="rocm-gpu-unsupported",
        severity=Severity.ERROR if quotes or len(left_out) == len(targets) else Severity.WARNING,
        summary="this ROCm build holds no code for the AMD GPU",
        cause=f"the GPU is {target}; the build is for {' '.join(held)}"
        if left_out
        else "HIP finds no code object for this GPU in torch or in one of ROCm's libraries",
        expected="a build that lists the GPU's target",
        facts=(
            *(Fact("AMD GPU", one, "kernel driver or name") for one in targets),
            *reading.variable_facts(snapshot, "HSA_OVERRIDE_GFX_VERSION"),
            *quotes,
        ),
        fix=_another_target(snapshot, matrix, target),
        explains=("driver-init-failed", "gpu-arch-unsupported", "rocm-driver-mismatch"),
    )


def check_amd_crash(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a report of a process that died beside an AMD GPU, and nothing that says why: the last resort."""
    died = tuple(one for one in reading.said(snapshot) if any(mark in one.text for mark in _DIED))
    on_cpu = (torch := reading.installed_torch(snapshot)) is not None and torch.cuda == "" and not torch.hip
    if not (snapshot.pasted and died and reading.cards(snapshot, "amd")) or reading.nvidia_gpus(snapshot) or on_cpu:
        return None
    target = (_gfx_targets(snapshot, matrix) or [""])[0]
    return Finding(
        code="rocm-gpu-unsupported",
        severity=Severity.WARNING,
        summary="a process died beside an AMD GPU, as with a GPU that the ROCm build holds no code for",
        cause="HIP and ROCm's libraries crash when they look for code for a GPU that they were not built for, or when "
        "HSA_OVERRIDE_GFX_VERSION names a GPU that differs too much",
        expected="a build that lists the GPU's target",
        facts=tuple(Fact("said", reading.first_line(one.text), one.source) for one in died[:1]),
        fix=_another_target(snapshot, matrix, target),
    )


_DIED = ("Segmentation fault", "core dumped", "SIGSEGV", "Memory access fault by GPU")


def _gfx_targets(snapshot: Snapshot, matrix: Matrix) -> list[str]:
    """The code targets of the AMD GPUs: as the kernel driver tells, else by what they are called."""
    told = reading.traces(snapshot).gfx
    if told:
        return list(dict.fromkeys(told))
    named = (_target(gpu, matrix) for gpu in reading.cards(snapshot, "amd"))
    return list(dict.fromkeys(target for target in named if target))


def _gfx_held(snapshot: Snapshot, matrix: Matrix) -> tuple[str, ...]:
    """The targets that the ROCm build holds code for; () is unknown."""
    live, torch = reading.runtime(snapshot), reading.installed_torch(snapshot)
    hip = (torch.hip if torch else None) or (live.hip if live else None)
    if not hip:
        return ()
    if live is not None and any(arch.startswith("gfx") for arch in live.arch_list or ()):
        return tuple(arch.partition(":")[0] for arch in live.arch_list or ())
    release = ".".join(map(str, numbers(hip)[:2]))
    return matrix.torch.rocm_gfx(public(torch.version) if torch else "", f"rocm{release}") or ()


def _runs(target: str, held: tuple[str, ...]) -> bool:
    return target in held or any("generic" in one for one in held)


def _another_target(snapshot: Snapshot, matrix: Matrix, target: str) -> Fix:
    override = matrix.gpus.hsa_override(target)
    if override:
        return Fix(
            summary="let it run the code of a GPU of the same family",
            commands=(shell_of(snapshot).set({"HSA_OVERRIDE_GFX_VERSION": override}),),
            steps=("this was seen to work, and AMD does not support it: compare results with the CPU's",),
        )
    return Fix(
        summary="take a build that has code for it, if there is one",
        commands=(quoted(snapshot, "envkit", "create"),),
        steps=(
            "`rocminfo | grep gfx` names the GPU's target; AMD's list of supported GPUs says which ROCm has it",
            (
                "with HSA_OVERRIDE_GFX_VERSION a GPU may run the code of another one of its family, "
                "which AMD does not support"
            ),
        ),
    )


def check_rocm_permission(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find AMD's device files closed to this user."""
    quotes = reading.quotes(snapshot, matrix, "rocm-permission")
    closed = [node for node in reading.traces(snapshot).nodes or () if _amd_node(node) and node.openable is False]
    for_amd = _is_rocm(snapshot) or (snapshot.pasted and not reading.nvidia_gpus(snapshot))
    barred = for_amd and any(node.path == _KFD for node in closed)
    if reading.cuda_works(snapshot) or not (quotes or barred):
        return None
    groups = list(dict.fromkeys(node.group for node in closed if node.group and node.group != "root"))
    wanted = ",".join(groups or ["render", "video"])
    return Finding(
        code="rocm-permission",
        severity=Severity.ERROR,
        summary="this user may not use the AMD GPU",
        cause=f"{_KFD} and /dev/dri/renderD* are open to the groups {wanted} alone, and this process is not among them",
        expected=f"read and write on {_KFD} and /dev/dri/renderD*",
        facts=(
            *(Fact(node.path, f"closed to this process, group {node.group}", "file system") for node in closed),
            *_group_facts(snapshot),
            *quotes,
        ),
        fix=_join(snapshot, wanted),
        explains=("rocm-driver-mismatch", "driver-init-failed", "gpu-hidden", "rocm-gpu-unsupported"),
    )


def _amd_node(node: DeviceNode) -> bool:
    return node.path == _KFD or node.path.startswith("/dev/dri/renderD")


def _group_facts(snapshot: Snapshot) -> tuple[Fact, ...]:
    groups = reading.traces(snapshot).groups
    return () if groups is None else (Fact("groups of this process", ", ".join(groups), "process"),)


def _join(snapshot: Snapshot, groups: str) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.container == "apptainer":
        # It runs as the machine's own user, with its groups and devices.
        return Fix(
            summary="on the machine: join the groups, log in anew, and start the container with --rocm",
            commands=(f"sudo usermod --append --groups {groups} {shell_of(snapshot).user}",),
            steps=("`apptainer exec --rocm IMAGE rocminfo` then ends without an error",),
        )
    if machine and machine.container:
        return Fix(
            summary="start the container with the devices and their groups",
            commands=(
                (
                    "docker run --device /dev/kfd --device /dev/dri --group-add video "
                    '--group-add "$(getent group render | cut -d: -f3)" IMAGE'
                ),
            ),
            steps=("groups are compared by number: those of the machine count, not the names inside the container",),
        )
    return Fix(
        summary="join the groups, then log in anew",
        commands=(f"sudo usermod --append --groups {groups} {shell_of(snapshot).user}",),
        steps=("`groups` lists them after the next log-in; `rocminfo` then ends without an error",),
    )


def check_rocm_driver_mismatch(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an AMD kernel driver that is not there, or ROCm libraries that do not fit the build."""
    quotes = reading.quotes(snapshot, matrix, "rocm-driver-mismatch")
    not_loaded = _not_loaded(snapshot)
    if reading.cuda_works(snapshot) or not (quotes or not_loaded):
        return None
    torch = reading.installed_torch(snapshot)
    return Finding(
        code="rocm-driver-mismatch",
        severity=Severity.ERROR,
        summary="the ROCm build does not find an AMD driver that fits",
        cause="the kernel driver amdgpu is not loaded, or does not offer the GPU for computing: there is no /dev/kfd"
        if not_loaded
        else "the kernel driver, or a library of ROCm's, is missing or of a release that does not go with the build",
        expected="amdgpu loaded, /dev/kfd there, and one release of ROCm",
        facts=(
            *((torch.fact,) if torch else ()),
            *_gpu_facts(reading.cards(snapshot, "amd")),
            *reading.variable_facts(snapshot, "LD_LIBRARY_PATH"),
            *quotes,
        ),
        fix=Fix(
            summary="load the kernel driver, and see whether ROCm lists the GPU",
            commands=("sudo modprobe amdgpu", "ls -l /dev/kfd /dev/dri", "rocminfo | grep -E 'Name|ROCk'"),
            steps=(
                "torch's ROCm wheels bring their own libraries: take other ROCm folders out of LD_LIBRARY_PATH",
                "a kernel older than the GPU has no driver for it: install AMD's amdgpu-dkms or a newer kernel",
                "in a container: `--device /dev/kfd --device /dev/dri`",
            ),
        ),
        explains=("driver-init-failed",),
    )


def _not_loaded(snapshot: Snapshot) -> bool:
    """Say whether a ROCm build is on Linux beside an AMD GPU that the kernel does not offer."""
    machine, traces = reading.host(snapshot), reading.traces(snapshot)
    if machine is None or machine.wsl or not _is_rocm(snapshot) or not reading.cards(snapshot, "amd"):
        return False
    kfd = any(node.path == _KFD for node in traces.nodes or ())
    return traces.nodes is not None and not kfd and not snapshot.pasted


# -- Apple ----------------------------------------------------------------------------------------


def check_mps_unavailable(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find a Mac, or a build, that cannot use Metal."""
    machine, backend = reading.host(snapshot), _backend(snapshot, "mps")
    quotes = reading.quotes(snapshot, matrix, "mps-unavailable")
    asked = _quoted_on_mac(snapshot, matrix) if machine and machine.os == "macos" else ()
    on_apple = machine is not None and machine.os == "macos" and (machine.arch == "arm64" or not machine.arch)
    without = on_apple and backend is not None and backend.available is False
    if not (quotes or asked or without) or (backend and backend.available):
        return None
    return Finding(
        code="mps-unavailable",
        severity=Severity.ERROR,
        summary="torch cannot use the GPU of this Mac",
        cause=_why_no_metal(snapshot, backend),
        expected="torch.backends.mps.is_available() is True",
        facts=(
            *(
                (Fact("system", f"{machine.os_name or machine.os} {machine.arch or ''}".strip(), "host"),)
                if machine
                else ()
            ),
            *((Fact("torch.backends.mps", backend.error, "torch"),) if backend and backend.error else ()),
            *quotes,
            *asked,
        ),
        fix=_to_metal(snapshot, matrix),
        explains=("gpu-absent", "torch-wrong-backend", "gpu-hidden", "torch-cpu-build"),
    )


def _quoted_on_mac(snapshot: Snapshot, matrix: Matrix) -> tuple[Fact, ...]:
    """What torch says on a Mac of a backend that it lacks."""
    told = reading.quotes(snapshot, matrix, "torch-wrong-backend")
    return tuple(fact for fact in told if "mps" in fact.value.lower())


def _why_no_metal(snapshot: Snapshot, backend: Backend | None) -> str:
    machine, target = reading.host(snapshot), reading.interpreter(snapshot)
    if machine and machine.os != "macos":
        return "Metal, which the backend mps needs, is a part of macOS"
    if target and target.machine.lower() == "x86_64" and machine and machine.arch == "arm64":
        return "this Python is for Intel and runs under Rosetta, where there is no Metal for torch"
    if backend is not None and backend.built is False:
        return "this build of torch is without Metal"
    return (
        "this macOS is older than the release of torch needs, the build is without Metal, or the Mac has no Metal GPU"
    )


def _to_metal(snapshot: Snapshot, matrix: Matrix) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.os != "macos":
        return Fix(
            summary="choose a device that this machine has",
            steps=("`cuda` with an NVIDIA or AMD GPU and a build for it, else `cpu`",),
        )
    build = install_torch(snapshot, matrix, "install a build with Metal", reinstall=True)
    steps = (
        "`sw_vers` tells the macOS: update it, or take a torch of its time, which asks for less",
        "on Apple silicon use a Python for arm64: `python -c 'import platform; print(platform.machine())'`",
    )
    return Fix(summary=build.summary, commands=build.commands, steps=(*build.steps, *steps))


# -- Intel ----------------------------------------------------------------------------------------


def check_xpu_runtime_missing(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an Intel GPU whose compute runtime is not there."""
    quotes = reading.quotes(snapshot, matrix, "xpu-runtime-missing")
    backend, traces = _backend(snapshot, "xpu"), reading.traces(snapshot)
    works = backend is not None and backend.available is True
    usable = [
        gpu for gpu in reading.cards(snapshot, "intel") if matrix.gpus.xpu_generation(gpu.name or "", gpu.device_id)
    ]
    torch = reading.installed_torch(snapshot)
    meant = _is_xpu(snapshot) or (
        _refuses(backend) and (torch is None or torch.cuda is None) and not _is_rocm(snapshot)
    )
    without = meant and bool(usable) and (traces.level_zero is False or _refuses(backend))
    if works or not (quotes or without):
        return None
    return Finding(
        code="xpu-runtime-missing",
        severity=Severity.ERROR,
        summary="torch finds no Intel GPU that it can compute on",
        cause="libze_loader.so.1 is in no folder that the loader searches: Intel's compute runtime is not installed"
        if traces.level_zero is False
        else "Intel's compute runtime (Level Zero and its driver) is missing or does not offer the GPU to this user",
        expected="torch.xpu.is_available() is True; `clinfo -l` lists the GPU",
        facts=(*_gpu_facts(tuple(usable)), *quotes),
        fix=_intel_runtime(snapshot),
        explains=("gpu-absent", "torch-wrong-backend"),
    )


def _refuses(backend: Backend | None) -> bool:
    return backend is not None and backend.available is False


def _join_render(snapshot: Snapshot) -> str:
    return f"sudo usermod --append --groups render {shell_of(snapshot).user}"


def _intel_runtime(snapshot: Snapshot) -> Fix:
    machine = reading.host(snapshot)
    if machine and machine.os == "windows":
        return Fix(
            summary="install Intel's graphics driver, which brings the runtime",
            steps=("from Intel's pages, the newest for this GPU; then restart Windows",),
        )
    name = (machine.os_name or "").lower() if machine else ""
    steps = (
        f"the user must be in the group render: `{_join_render(snapshot)}`, then log in anew",
        "with intel_extension_for_pytorch: in bash `source /opt/intel/oneapi/setvars.sh`, of the release that it names",
        "inside WSL: Intel's driver of Windows must be new, and the packages below are needed too",
    )
    if "ubuntu" in name or "debian" in name:
        return Fix(
            summary="install Intel's compute runtime",
            commands=(
                "sudo apt install libze1 intel-opencl-icd",
                "sudo apt install libze-intel-gpu1 || sudo apt install intel-level-zero-gpu",
            ),
            steps=steps,
        )
    return Fix(
        summary="install Intel's compute runtime: the Level Zero loader and the GPU's Level Zero driver",
        steps=("the packages are called level-zero and intel-compute-runtime, or alike", *steps),
    )


CHECKS = (
    check_wrong_vendor,
    check_rocm_permission,
    check_rocm_driver_mismatch,
    check_rocm_gpu_unsupported,
    check_mps_unavailable,
    check_xpu_runtime_missing,
)
LAST_RESORT = (check_amd_crash,)
