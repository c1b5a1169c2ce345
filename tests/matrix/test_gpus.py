"""GPUs by the names that people and programs give them, and the code that they run."""

import pytest

from envkit.matrix import load
from envkit.matrix.gpus import is_built_for, runs_on

GPUS = load().gpus


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        pytest.param("NVIDIA GeForce GTX 1080 Ti", "6.1", id="as newer drivers spell it"),
        pytest.param("GeForce GTX 1080 Ti", "6.1", id="as older drivers spell it"),
        pytest.param("gtx 1080ti", "6.1", id="as people type it"),
        pytest.param("NVIDIA Corporation GP102 [GeForce GTX 1080 Ti] (rev a1)", "6.1", id="lspci"),
        pytest.param("TU117M [GeForce GTX 1650 Mobile / Max-Q]", "7.5", id="lspci, two products"),
        pytest.param("NVIDIA A100-SXM4-80GB", "8.0", id="with socket and memory"),
        pytest.param("A100", "8.0", id="without"),
        pytest.param("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "8.0", id="a part of a GPU"),
        pytest.param("NVIDIA L40S-48Q", "8.9", id="a virtual GPU"),
        pytest.param("H100 SXM5", "9.0", id="another socket"),
        pytest.param("Tesla V100-SXM2-32GB", "7.0", id="Tesla"),
        pytest.param("V100", "7.0", id="without Tesla"),
        pytest.param("GeForce RTX 2070 with Max-Q Design", "7.5", id="Max-Q"),
        pytest.param("NVIDIA GeForce RTX 4070Ti Super", "8.9", id="Ti and Super"),
        pytest.param("NVIDIA GeForce RTX™ 3080", "8.6", id="trademark"),
        pytest.param("NVIDIA RTX 6000 Ada", "8.9", id="Ada without Generation"),
        pytest.param("Quadro RTX 6000", "7.5", id="the Quadro of that number"),
        pytest.param("GTX TITAN X", "5.2", id="the Maxwell TITAN X"),
        pytest.param("NVIDIA TITAN X (Pascal)", "6.1", id="the Pascal TITAN X"),
        pytest.param("RTX 3050 A Laptop GPU", "8.9", id="a letter that makes another GPU"),
        pytest.param("RTX 3050", "8.6", id="without that letter"),
        pytest.param("Orin (nvgpu)", "8.7", id="Jetson, as its driver says"),
        pytest.param("NVIDIA Jetson AGX Orin Developer Kit", "8.7", id="Jetson, as its board says"),
        pytest.param("Tesla K40m", "3.5", id="Kepler"),
        pytest.param("NVIDIA GeForce 940MX", "5.0", id="a laptop's"),
        pytest.param("NVIDIA GeForce RTX 3090/PCIe/SSE2", "8.6", id="OpenGL's renderer"),
        pytest.param("3090", "8.6", id="a number that only one line has"),
        pytest.param("1080 Ti", "6.1", id="number and Ti"),
        pytest.param("GeForce RTX 2080 Ti Rev. A", "7.5", id="a revision"),
        pytest.param("TITAN Xp COLLECTORS EDITION", "6.1", id="an edition"),
        pytest.param("TITAN V JEDI", "7.0", id="another edition"),
        pytest.param("Quadro RTX A6000", "8.6", id="Quadro's name for an RTX A"),
        pytest.param("GeForce RTX 3070 Lite Hash Rate", "8.6", id="a limit that says nothing of the chip"),
        pytest.param("EVGA GeForce GTX 1080 Ti SC2", "6.1", id="the board's maker and model"),
        pytest.param("ASUS ROG STRIX RTX 3080", "8.6", id="another board's"),
        pytest.param("GPU 0: NVIDIA GeForce RTX 3090", "8.6", id="nvidia-smi -L"),
        pytest.param("GPU 0: NVIDIA GeForce RTX 3090 (UUID: GPU-1-2)", "8.6", id="nvidia-smi -L in full"),
        pytest.param("2x NVIDIA A100", "8.0", id="how many"),
        pytest.param("NVIDIA Corporation GP102 [GeForce GTX 1080 Ti] [10de:1b06] (rev a1)", "6.1", id="lspci -nn"),
        pytest.param("GRID V100D-32Q", "7.0", id="a virtual V100"),
        pytest.param("NVIDIA Tegra Orin", "8.7", id="Tegra"),
        pytest.param("Jetson TX2 NX", "6.2", id="a small Jetson"),
        pytest.param("Tesla P6", "6.1", id="a Tesla for blades"),
    ],
)
def test_a_product_is_known_however_it_is_spelled(name, capability):
    assert GPUS.compute_capability(name) == capability


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("NVIDIA GeForce RTX 9999", id="no such product"),
        pytest.param("TITAN X", id="two generations"),
        pytest.param("RTX 6000", id="three generations"),
        pytest.param("GeForce GTX 860M", id="one name for two chips"),
        pytest.param("NVIDIA", id="the maker alone"),
        pytest.param("4000", id="a number alone"),
        pytest.param("2000", id="a number that Quadro and RTX have"),
        pytest.param("580", id="a number that AMD has too"),
        pytest.param("Laptop GPU", id="no product at all"),
        pytest.param("", id="empty"),
    ],
)
def test_a_name_that_may_mean_several_things_is_not_guessed(name):
    assert GPUS.compute_capability(name) is None


@pytest.mark.parametrize(
    ("name", "device", "target"),
    [
        pytest.param("AMD Radeon RX 7900 XTX", "", "gfx1100", id="product"),
        pytest.param("AMD Radeon(TM) 780M Graphics", "", "gfx1103", id="trademark"),
        pytest.param("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]", "", "gfx1100", id="PCI list"),
        pytest.param("AMD Instinct MI300X OAM", "", "gfx942", id="socket"),
        pytest.param(
            "Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 [Radeon RX 7900 XT/7900 XTX] (rev c8)",
            "",
            "gfx1100",
            id="lspci, with the maker's own brackets",
        ),
        pytest.param("AMD Instinct MI250X/MI250", "", "gfx90a", id="two products without brackets"),
        pytest.param("Radeon Instinct MI50/MI60", "", "gfx906", id="two older ones"),
        pytest.param("gfx90a", "", "gfx90a", id="rocminfo"),
        pytest.param("", "0x744C", "gfx1100", id="PCI device"),
        pytest.param("AMD Radeon Graphics", "0x164e", "gfx1036", id="a name that says nothing"),
        pytest.param("AMD Radeon Graphics", "", None, id="unknown"),
        pytest.param("", "0x0000", None, id="unknown device"),
    ],
)
def test_an_amd_gpu_is_known_by_name_or_device(name, device, target):
    assert GPUS.gfx_target(name, device) == target


@pytest.mark.parametrize(
    ("name", "device", "generation"),
    [
        pytest.param("Intel(R) Arc(TM) A770 Graphics", "", "Alchemist", id="Arc"),
        pytest.param("Intel(R) Arc(TM) 140V GPU (16GB)", "", "Lunar Lake", id="built in"),
        pytest.param("", "0xe20b", "Battlemage", id="PCI device"),
        pytest.param("Intel(R) UHD Graphics 770", "", None, id="not for torch"),
        pytest.param("Intel(R) Iris(R) Xe Graphics", "", None, id="not for torch either"),
    ],
)
def test_an_intel_gpu_is_known_where_xpu_builds_are_for_it(name, device, generation):
    assert GPUS.xpu_generation(name, device) == generation


@pytest.mark.parametrize(
    ("archs", "capability", "starts", "helps"),
    [
        pytest.param(("sm_80",), "8.6", True, True, id="a newer minor of one major"),
        pytest.param(("sm_86",), "8.0", False, False, id="an older minor"),
        pytest.param(("sm_80",), "8.7", False, False, id="Jetson takes its own alone"),
        pytest.param(("sm_87",), "8.7", True, True, id="Jetson with its own"),
        pytest.param(("sm_90", "compute_37"), "12.0", True, False, id="PTX of another major"),
        pytest.param(("compute_80",), "8.6", True, True, id="PTX of one major"),
        pytest.param(("sm_100a",), "10.0", True, True, id="a suffix"),
        pytest.param((), "8.0", False, False, id="nothing"),
        pytest.param(("gfx90a", "sm_"), "8.0", False, False, id="nothing that is CUDA"),
    ],
)
def test_code_that_starts_is_not_always_a_build_that_helps(archs, capability, starts, helps):
    assert (runs_on(archs, capability), is_built_for(archs, capability)) == (starts, helps)


def test_an_override_is_told_as_the_variable_takes_it():
    assert (GPUS.hsa_override("gfx1031"), GPUS.hsa_override("gfx1100")) == ("10.3.0", None)


def test_the_wheels_of_a_rocm_release_have_code_for_what_the_table_of_gpus_says():
    assert GPUS.native_to("4.0.1") == ("gfx900", "gfx906", "gfx908")
    assert "gfx908" not in GPUS.native_to("3.10")
    assert "gfx900" not in GPUS.native_to("7.14")


def test_what_one_system_alone_supports_is_told():
    assert (GPUS.xpu_systems("Ponte Vecchio"), GPUS.xpu_systems("Alchemist")) == (("linux",), ())
