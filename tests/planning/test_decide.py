"""Which build is chosen for which machine and wish."""

import msgspec
import pytest

from envkit.errors import EnvkitError
from envkit.planning.decide import plan
from envkit.planning.model import ImpossibleError, Manager, Plan, Request
from envkit.snapshot import Nvml, NvmlDevice, Unknown
from tests.builders import make_host, make_interpreter, make_snapshot
from tests.planning.hosts import (
    A100,
    GTX_1080_TI,
    HOSTS,
    RTX_4090,
    RTX_5090,
    make_driver,
    make_gpus,
    make_mac,
    make_windows,
)

TORCH_INDEX = "https://download.pytorch.org/whl"


@pytest.mark.parametrize(
    ("host", "torch", "backend"),
    [
        pytest.param("linux-cpu", "2.15.0", "cpu", id="no GPU: the CPU build"),
        pytest.param("linux-a100", "2.14.1", "cu126", id="driver 550 runs no CUDA 13"),
        pytest.param("linux-new-driver", "2.15.0", "cu132", id="newest CUDA that the driver runs"),
        pytest.param("linux-1080ti-new-driver", "2.14.1", "cu126", id="CUDA 13 has no code for Pascal"),
        pytest.param("linux-1080ti-old-driver", "2.7.1", "cu118", id="driver 470 ends with CUDA 11"),
        pytest.param("linux-k80", "2.7.1", "cu118", id="last release with code for Kepler"),
        pytest.param("linux-5090", "2.15.0", "cu132", id="Blackwell"),
        pytest.param("linux-mixed", "2.15.0", "cu132", id="one of two GPUs served is better than none"),
        pytest.param("linux-7900xtx", "2.14.1", "rocm7.14", id="AMD: newest ROCm with code for it"),
        pytest.param("linux-6700xt", "2.15.0", "cpu", id="AMD: no ROCm build has code for it"),
        pytest.param("linux-arc", "2.14.1", "xpu", id="Intel Arc: newest with an XPU build"),
        pytest.param("linux-driver-broken", "2.15.0", "cpu", id="a driver that does not work is not counted on"),
        pytest.param("linux-driver-unknown", "2.15.0", "cpu", id="unknown is not guessed"),
        pytest.param("linux-old-glibc", "2.6.0", "cpu", id="last release for glibc 2.17"),
        pytest.param("linux-python39", "2.8.0", "cpu", id="last release for Python 3.9"),
        pytest.param("linux-aarch64", "2.15.0", "cpu", id="ARM"),
        pytest.param("macos-arm64", "2.15.0", "mps", id="Apple silicon"),
        pytest.param("macos-x86_64", "2.2.2", "cpu", id="last release for Intel Macs"),
        pytest.param("windows-cpu", "2.15.0", "cpu", id="Windows"),
        pytest.param("windows-4090", "2.14.1", "cu126", id="Windows drivers have limits of their own"),
        pytest.param("wsl-4090", "2.14.1", "cu126", id="inside WSL the driver is that of Windows"),
    ],
)
def test_each_machine_gets_the_build_that_fits_it(matrix, host, torch, backend):
    chosen = plan(Request(), HOSTS[host], matrix)

    assert (chosen.torch, chosen.backend) == (torch, backend)


@pytest.mark.parametrize(
    ("host", "request_", "torch", "backend"),
    [
        pytest.param("linux-a100", {"cuda": "12.1"}, "2.5.1", "cu121", id="CUDA 12.1"),
        pytest.param("linux-a100", {"cuda": "11.8"}, "2.7.1", "cu118", id="CUDA 11.8"),
        pytest.param("linux-a100", {"cuda": "cu118"}, "2.7.1", "cu118", id="spelled as torch does"),
        pytest.param("linux-a100", {"cuda": "cpu"}, "2.15.0", "cpu", id="CPU although there is a GPU"),
        pytest.param("linux-a100", {"cuda": "auto"}, "2.14.1", "cu126", id="auto is the default"),
        pytest.param("linux-cpu", {"cuda": "12.1"}, "2.5.1", "cu121", id="for a GPU that is elsewhere"),
        pytest.param("linux-a100", {"torch": "2.1.0"}, "2.1.0", "cu121", id="an exact release"),
        pytest.param("linux-a100", {"torch": "2.5"}, "2.5.1", "cu124", id="the newest patch of a release"),
        pytest.param("linux-a100", {"torch": ">=2.4"}, "2.14.1", "cu126", id="the newest in a range"),
        pytest.param("linux-cpu", {"torch": "<2.5"}, "2.4.1", "cpu", id="the newest of an older range"),
        pytest.param("linux-cpu", {"python": "3.8"}, "2.4.1", "cpu", id="another Python"),
        pytest.param("linux-cpu", {"python": "3.14t"}, "2.15.0", "cpu", id="a free-threaded Python"),
        pytest.param("linux-7900xtx", {"rocm": "6.2"}, "2.5.1", "rocm6.2", id="ROCm 6.2"),
        pytest.param("linux-7900xtx", {"cuda": "cpu"}, "2.15.0", "cpu", id="CPU although there is an AMD GPU"),
        pytest.param("linux-6700xt", {"rocm": "auto"}, "2.14.1", "rocm7.14", id="ROCm with code that stands in"),
        pytest.param("linux-cpu", {"rocm": "auto"}, "2.14.1", "rocm7.14", id="ROCm for a GPU that is elsewhere"),
        pytest.param("linux-cpu", {"xpu": True}, "2.14.1", "xpu", id="XPU for a GPU that is elsewhere"),
        pytest.param("macos-arm64", {"cuda": "cpu"}, "2.15.0", "cpu", id="the CPU of a Mac"),
    ],
)
def test_a_wish_is_met(matrix, host, request_, torch, backend):
    chosen = plan(Request(**request_), HOSTS[host], matrix)

    assert (chosen.torch, chosen.backend) == (torch, backend)


@pytest.mark.parametrize(
    ("host", "request_", "index", "local"),
    [
        pytest.param("linux-cpu", {}, f"{TORCH_INDEX}/cpu", "+cpu", id="on PyTorch's index, with its local version"),
        pytest.param("linux-cpu", {"torch": "2.13.0", "cuda": "13.0"}, None, "", id="the default index serves it"),
        pytest.param("macos-arm64", {}, None, "", id="one build for macOS"),
        pytest.param("windows-cpu", {}, None, "", id="the default build of Windows is the CPU's"),
        pytest.param("linux-cpu", {"index": "https://mirror/whl"}, "https://mirror/whl", "+cpu", id="a mirror"),
        pytest.param("macos-arm64", {"index": "https://mirror/whl"}, "https://mirror/whl", "", id="a mirror for macOS"),
    ],
)
def test_the_build_is_pinned_to_where_it_lies(matrix, host, request_, index, local):
    chosen = plan(Request(**request_), HOSTS[host], matrix)

    assert (chosen.index, chosen.local) == (index, local)


@pytest.mark.parametrize(
    ("torch", "packages", "requirements"),
    [
        pytest.param("2.2.2", (), ("numpy<2",), id="built against NumPy 1"),
        pytest.param("2.13.0", (), ("numpy",), id="any NumPy"),
        pytest.param("2.2.2", ("numpy>=1.24",), ("numpy<2,>=1.24",), id="with a bound of one's own"),
        pytest.param("2.13.0", ("pandas>=2", "rich[jupyter]"), ("numpy", "pandas>=2", "rich[jupyter]"), id="more"),
    ],
)
def test_numpy_goes_in_first_and_fits_torch(matrix, torch, packages, requirements):
    chosen = plan(Request(torch=torch, packages=packages), HOSTS["linux-cpu"], matrix)

    assert chosen.packages == requirements


def test_companions_are_pinned_to_the_release(matrix):
    request = Request(torch="2.5.1", cuda="12.1", packages=("torchvision", "torchaudio"))

    chosen = plan(request, HOSTS["linux-a100"], matrix)

    assert chosen.companions == {"torchvision": "0.20.1", "torchaudio": "2.5.1"}
    assert chosen.built_with == ("torchvision", "torchaudio")


@pytest.mark.parametrize(
    ("host", "request_", "vision"),
    [
        pytest.param("linux-1080ti-new-driver", {}, "0.29.1", id="one that later ones fit too"),
        pytest.param("linux-1080ti-new-driver", {"torch": "2.14.0"}, "0.29.0", id="the first of three"),
        pytest.param("linux-cpu", {"torch": "1.8.2", "python": "3.8"}, "0.9.2", id="the LTS release"),
    ],
)
def test_a_companion_is_the_one_that_was_built_with_the_torch(matrix, host, request_, vision):
    chosen = plan(Request(**request_, packages=("torchvision",)), HOSTS[host], matrix)

    assert chosen.companions == {"torchvision": vision}
    assert chosen.built_with == ("torchvision",)


def test_a_companion_older_than_the_backend_comes_from_the_default_index(matrix):
    # torchaudio ended with 2.11.0, which was never built for CUDA 13.2
    request = Request(packages=("torchaudio", "torchvision"))

    chosen = plan(request, HOSTS["linux-new-driver"], matrix)

    assert chosen.companions["torchaudio"] == "2.11.0"
    assert chosen.built_with == ("torchvision",)


def test_a_companion_with_a_version_of_its_own_is_left_as_asked(matrix):
    chosen = plan(Request(packages=("torchvision==0.27.0",)), HOSTS["linux-cpu"], matrix)

    assert chosen.companions == {}
    assert chosen.packages == ("numpy", "torchvision==0.27.0")


@pytest.mark.parametrize(
    ("request_", "name", "path"),
    [
        pytest.param({}, "torch-2.15.0-cpu", ".venv", id="venv"),
        pytest.param({"name": "lecture"}, "lecture", "lecture", id="a name is a folder"),
        pytest.param({"name": "lecture", "path": "envs/one"}, "lecture", "envs/one", id="a path is a path"),
        pytest.param({"manager": Manager.CONDA}, "torch-2.13.0-cpu", "", id="conda goes by name"),
        pytest.param({"manager": Manager.CONDA, "path": "env"}, "torch-2.13.0-cpu", "env", id="conda by path"),
    ],
)
def test_the_environment_has_a_name_and_a_place(matrix, request_, name, path):
    chosen = plan(Request(**request_), HOSTS["linux-cpu"], matrix)

    assert (chosen.name, chosen.path) == (name, path)


def test_an_x86_python_on_apple_silicon_gets_x86_wheels(matrix):
    target = make_interpreter(machine="x86_64")

    chosen = plan(Request(), make_snapshot(host=make_host(os="macos", arch="arm64", libc=""), target=target), matrix)

    assert (chosen.platform, chosen.torch) == ("macos-x86_64", "2.2.2")


def test_a_gpu_that_does_not_tell_its_capability_is_known_by_its_name(matrix):
    nvml = make_driver("550.54.14", A100)
    silent = msgspec.structs.replace(nvml.devices[0], compute_capability=None)

    chosen = plan(Request(), make_snapshot(nvml=msgspec.structs.replace(nvml, devices=(silent,))), matrix)

    assert chosen.backend == "cu126"


def test_a_gpu_that_does_not_answer_is_left_out_and_named(matrix):
    nvml = make_driver("550.54.14", A100, RTX_4090)
    lost = msgspec.structs.replace(nvml.devices[1], error=15)
    nvml = msgspec.structs.replace(nvml, devices=(nvml.devices[0], lost))

    chosen = plan(Request(), make_snapshot(nvml=nvml), matrix)

    assert chosen.backend == "cu126"
    assert [reason.choice for reason in chosen.reasons if reason.decides == "gpu"] == ["GPU 1 left out"]


def make_described(*, driver, gpus, **host):
    """A machine whose GPUs are known by name alone."""
    devices = tuple(NvmlDevice(index=index, name=name) for index, name in enumerate(gpus))
    return make_snapshot(host=make_host(**host), nvml=Nvml(error=0, driver_version=driver, devices=devices))


@pytest.mark.parametrize(
    ("machine", "torch", "backend"),
    [
        pytest.param(
            make_described(driver="580.65.06", gpus=(GTX_1080_TI, GTX_1080_TI, RTX_5090)),
            "2.14.1",
            "cu126",
            id="two old GPUs count for more than a new one",
        ),
        pytest.param(
            make_described(driver="595.45.04", gpus=(GTX_1080_TI, GTX_1080_TI, RTX_5090)),
            "2.15.0",
            "cu132",
            id="what the driver no longer drives does not count",
        ),
        pytest.param(
            make_described(driver="390.157", gpus=(A100,)), "2.15.0", "cpu", id="a driver that runs no CUDA of torch's"
        ),
        pytest.param(
            make_described(driver="31.0.15.3623", gpus=(RTX_4090,), wsl=2),
            "2.14.1",
            "cu126",
            id="a driver numbered as Windows numbers files",
        ),
        pytest.param(
            make_described(driver="540.4.0", gpus=("Orin (nvgpu)",), arch="aarch64"),
            "2.15.0",
            "cpu",
            id="Jetson runs code of exactly its own capability",
        ),
        pytest.param(
            make_described(driver="580.95.05", gpus=("NVIDIA Thor",), arch="aarch64"),
            "2.15.0",
            "cu132",
            id="Jetson Thor, for which there is code",
        ),
        pytest.param(
            make_described(driver="580.95.05", gpus=(A100,), arch="aarch64"), "2.15.0", "cu132", id="server ARM"
        ),
        pytest.param(
            make_snapshot(
                host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX", "AMD Radeon RX 7900 XTX")),
                nvml=make_driver("550.54.14", A100),
            ),
            "2.14.1",
            "rocm7.14",
            id="two AMD GPUs beside one of NVIDIA's",
        ),
        pytest.param(
            make_snapshot(
                host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX")), nvml=make_driver("550.54.14", A100)
            ),
            "2.14.1",
            "cu126",
            id="one of each in one release: CUDA before ROCm",
        ),
        pytest.param(
            make_snapshot(
                host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX")),
                nvml=make_driver("470.82.01", GTX_1080_TI),
            ),
            "2.14.1",
            "rocm7.14",
            id="one of each: the newer torch before CUDA",
        ),
        pytest.param(
            make_snapshot(
                host=make_host(os="windows", libc="", gpus=make_gpus("intel", "Intel Arc B580")),
                target=make_interpreter(platform_tag="win-amd64"),
                nvml=make_driver("572.16", RTX_5090),
            ),
            "2.14.1",
            "xpu",
            id="the newer torch before CUDA on Windows",
        ),
        pytest.param(
            make_described(driver="580.00", gpus=("NVIDIA Thor",), arch="aarch64"),
            "2.15.0",
            "cu132",
            id="Jetson names the branch of its driver",
        ),
        pytest.param(
            make_described(driver="580.00", gpus=("NVIDIA GH200",), arch="aarch64"),
            "2.14.1",
            "cu126",
            id="elsewhere that is the first driver of the branch",
        ),
        pytest.param(
            make_described(driver="535.104.05", gpus=(RTX_4090,), libc="glibc 2.17"),
            "2.6.0",
            "cu124",
            id="a variant that was built on a newer system than the default wheel",
        ),
        pytest.param(
            make_snapshot(host=make_host(libc="glibc 2.27", gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX"))),
            "2.6.0",
            "rocm6.1",
            id="a ROCm variant that was",
        ),
        pytest.param(
            make_snapshot(
                host=make_host(gpus=make_gpus("amd", "AMD Radeon VII")), target=make_interpreter(version="3.6.15")
            ),
            "1.10.2",
            "rocm4.2",
            id="a ROCm build of which the table of GPUs alone tells",
        ),
        pytest.param(
            make_snapshot(host=make_host(gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX", kernel_driver="vfio-pci"))),
            "2.15.0",
            "cpu",
            id="an AMD GPU that is given to a virtual machine",
        ),
        pytest.param(
            make_snapshot(host=make_host(wsl=2, gpus=make_gpus("amd", "AMD Radeon RX 7900 XTX"))),
            "2.15.0",
            "cpu",
            id="an AMD GPU inside WSL",
        ),
        pytest.param(make_mac("arm64", os_name="Darwin 22.6.0"), "2.11.0", "mps", id="later wheels ask for macOS 14"),
    ],
)
def test_driver_gpus_and_system_decide_together(matrix, machine, torch, backend):
    chosen = plan(Request(), machine, matrix)

    assert (chosen.torch, chosen.backend) == (torch, backend)


JETSON = make_described(driver="540.3.0", gpus=("NVIDIA Jetson AGX Orin",), arch="aarch64")


def test_a_channel_whose_code_is_not_recorded_is_not_counted_on_for_jetson(matrix):
    assert plan(Request(manager=Manager.CONDA), JETSON, matrix).backend == "cpu"


def test_a_channel_whose_code_is_not_recorded_may_be_asked_for(matrix):
    chosen = plan(Request(manager=Manager.CONDA, cuda="12.9"), JETSON, matrix)

    assert chosen.backend == "cu129"
    (because,) = (reason.because for reason in chosen.reasons if reason.decides == "backend")
    assert because.endswith("whether it has code for NVIDIA Jetson AGX Orin (8.7) is not recorded")
    assert "gpu" not in {reason.decides for reason in chosen.reasons}


@pytest.mark.parametrize("stated", [True, False])
def test_a_gpu_that_can_run_nothing_of_it_is_no_ground_for_a_wish(matrix, stated):
    machine = make_snapshot(nvml=make_driver("590.44.01", GTX_1080_TI))

    with pytest.raises(ImpossibleError, match=r"driver 590\.44\.01 drives GPUs from compute capability 7\.5 on"):
        plan(Request(cuda="12.6", stated=stated), machine, matrix)


@pytest.mark.parametrize("wish", [{"cuda": "12.1"}, {"rocm": "auto"}, {"xpu": True}])
def test_that_there_is_no_gpu_binds_where_the_machine_is_stated(matrix, wish):
    assert plan(Request(**wish), HOSTS["linux-cpu"], matrix).backend != "cpu"
    with pytest.raises(ImpossibleError, match="is of no use here: there is no"):
        plan(Request(**wish, stated=True), HOSTS["linux-cpu"], matrix)


def test_one_gpu_of_which_nothing_is_known_leaves_the_wish_open(matrix):
    machine = make_described(driver="590.44.01", gpus=(GTX_1080_TI, "NVIDIA GeForce RTX 9999"))

    assert plan(Request(cuda="12.6", stated=True), machine, matrix).backend == "cu126"


def test_ptx_of_another_generation_is_no_support(matrix):
    # The Windows builds for CUDA 11.8 hold PTX for Kepler, which their cuBLAS does not.
    with pytest.raises(ImpossibleError, match="has no code for"):
        plan(Request(cuda="11.8"), make_windows(nvml=make_driver("580.88", RTX_5090)), matrix)


def test_an_open_python_is_the_newest_that_torch_and_its_companions_are_there_for(matrix):
    machine = make_snapshot(target=Unknown(why="nobody said"))

    chosen = plan(Request(any_python=True), machine, matrix)

    assert (chosen.torch, chosen.python) == ("2.15.0", "3.14")


def test_an_environment_without_torch_is_not_planned_here(matrix):
    with pytest.raises(EnvkitError, match="without torch"):
        plan(Request(bare=True), HOSTS["linux-cpu"], matrix)


def test_a_plan_is_json(matrix):
    chosen = plan(Request(packages=("torchvision",)), HOSTS["linux-a100"], matrix)

    assert msgspec.json.decode(msgspec.json.encode(chosen), type=Plan) == chosen
