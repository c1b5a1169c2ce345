"""The state of GPUs as `nvidia-smi` and the kernel print it, and what people say of their machine in passing."""

from typing import Any

import pytest

from envkit.intake.recorded import read
from envkit.snapshot import Host, Nvml
from tests.intake.reading import complaints_of, host_of, nvml_of, snapshot_of, torch_of

HEAD = "| NVIDIA-SMI 550.54.15     Driver Version: 550.54.15      CUDA Version: 12.4     |\n"
OLD_ROW = (
    "|   0  Tesla V100-SXM2...  On   | 00000000:06:00.0 Off |                    0 |\n"
    "| N/A   42C    P0    57W / 300W |  31500MiB / 32510MiB |      3%      Default |\n"
)
NEW_ROW = (
    "|   0  NVIDIA H100 NVL                On  |   00000000:33:00.0 Off |                    2 |\n"
    "| 30%   91C    P2            259W /  400W |    9000MiB /  95830MiB |     99%   E. Process |\n"
)
PROCESSES = (
    "| Processes:                                                                            |\n"
    "|    0   N/A  N/A      2222      C   /usr/bin/python3                           7000MiB |\n"
    "|    0   N/A  N/A      3333    C+G   /usr/bin/other                             1000MiB |\n"
    "|    0   N/A  N/A      1111      G   /usr/lib/xorg/Xorg                           70MiB |\n"
)
LOG = """\
==============NVSMI LOG==============
Driver Version                            : 535.54.03
GPU 00000000:01:00.0
    Product Name                          : NVIDIA A100-SXM4-40GB
    PCI
        GPU Link Info
            PCIe Generation
                Max                       : 4
                Current                   : 1
            Link Width
                Max                       : 16x
                Current                   : 8x
    Performance State                     : P0
    Clocks Event Reasons
        SW Power Cap                      : Active
        HW Slowdown                       : Active
            HW Thermal Slowdown           : Not Active
            HW Power Brake Slowdown       : Active
    ECC Errors
        Volatile
            SRAM Uncorrectable            : 1
            DRAM Uncorrectable            : 2
        Aggregate
            DRAM Uncorrectable            : 9
    Remapped Rows
        Pending                           : Yes
        Remapping Failure Occurred        : No
    Temperature
        GPU Current Temp                  : 30 C
    Utilization
        Gpu                               : 5 %
"""


def device(text: str) -> dict[str, Any]:
    found = nvml_of(text).devices
    assert found
    return {field: value for field in found[0].__struct_fields__ if (value := getattr(found[0], field)) is not None}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            OLD_ROW,
            {"temperature": 42, "performance_state": 0, "utilization": 3, "memory_used": 31500 * 2**20},
            id="old",
        ),
        pytest.param(
            NEW_ROW,
            {
                "temperature": 91,
                "performance_state": 2,
                "utilization": 99,
                "ecc_uncorrected": 2,
                "memory_total": 95830 * 2**20,
                "compute_mode": "exclusive-process",
            },
            id="wide",
        ),
        pytest.param(NEW_ROW + PROCESSES, {"processes": 2, "processes_memory": 8000 * 2**20}, id="processes"),
    ],
)
def test_the_table_tells_a_gpu_s_state(rows: str, expected: dict[str, Any]) -> None:
    told = device(HEAD + rows)
    assert {field: told.get(field) for field in expected} == expected


def test_a_table_without_its_list_of_processes_does_not_tell_that_there_are_none() -> None:
    assert "processes" not in device(HEAD + OLD_ROW)


def test_the_long_log_tells_health_clocks_and_link() -> None:
    told = device(LOG)
    expected = {
        "ecc_uncorrected": 3,
        "ecc_lifetime": 9,
        "remap_pending": True,
        "remap_failed": False,
        "throttle": ("sw-power-cap", "hw-slowdown", "hw-power-brake"),
        "performance_state": 0,
        "temperature": 30,
        "utilization": 5,
        "pcie_generation": 1,
        "pcie_generation_best": 4,
        "pcie_width": 8,
        "pcie_width_best": 16,
    }
    assert {field: told.get(field) for field in expected} == expected


def test_a_piece_of_the_log_is_read_without_its_headline() -> None:
    told = device(
        "    Remapped Rows\n        Pending                           : No\n        Remapping Failure Occurred : Yes\n"
    )
    assert (told["remap_pending"], told["remap_failed"]) == (False, True)


def test_a_log_without_gpus_is_no_reason_to_fail() -> None:
    assert nvml_of("==============NVSMI LOG==============\nDriver Version   : 451.67\n").driver_version == "451.67"


def test_columns_of_a_query_tell_the_link() -> None:
    text = (
        "index, name, pcie.link.gen.current, pcie.link.gen.max, pcie.link.width.current, pcie.link.width.max\n"
        "0, NVIDIA GeForce RTX 3090, 1, 4, 8, 16\n"
    )
    told = device(text)
    assert [told[f"pcie_{field}"] for field in ("generation", "generation_best", "width", "width_best")] == [
        1,
        4,
        8,
        16,
    ]


def test_processes_in_a_list_of_their_own_are_added_up() -> None:
    told = device(
        "GPU memory: 16 GB\n\npid, process_name, used_gpu_memory [MiB]\n101, python, 5000 MiB\n102, python, 6000 MiB\n"
    )
    assert (told["processes"], told["processes_memory"]) == (2, 11000 * 2**20)


@pytest.mark.parametrize("word", ["ERR!", "N/A"])
def test_a_table_without_a_cuda_version_complains(word: str) -> None:
    text = f"| NVIDIA-SMI 545.46      Driver Version: 546.80       CUDA Version: {word}     |\n"
    assert ("nvidia-smi", f"CUDA Version: {word}") in complaints_of(text)


@pytest.mark.parametrize(
    "line",
    [
        "pci 0000:0b:00.0: 32.000 Gb/s available PCIe bandwidth, limited by 2.5 GT/s PCIe x16 link at 0000:00:03.1",
        "\tLnkSta:\tSpeed 16GT/s, Width x4 (downgraded)",
    ],
)
def test_a_link_below_its_best_is_a_complaint_of_the_kernel(line: str) -> None:
    assert complaints_of(f"{line}\nOS: Ubuntu 22.04\n")[0] == ("kernel", line.strip())


def test_a_slower_link_at_rest_is_no_complaint() -> None:
    text = "OS: Ubuntu 22.04\n\tLnkSta:\tSpeed 2.5GT/s (downgraded), Width x16 (ok)\n"
    assert not complaints_of(text)


def test_the_last_bracket_of_lspci_names_the_product() -> None:
    text = "0b:00.0 VGA compatible controller: AMD, Inc. [AMD/ATI] Navi 31 [Radeon RX 7900 XTX] (rev c8)\n"
    assert [(gpu.vendor, gpu.name) for gpu in host_of(text).gpus or ()] == [("amd", "Radeon RX 7900 XTX")]


def test_inxi_names_the_gpu_and_its_driver() -> None:
    text = "Graphics:  Device-1: Intel Skylake GT2 [HD Graphics 520] driver: i915 v: kernel\n"
    found = (host_of(text).gpus or ())[0]
    assert (found.vendor, found.kernel_driver) == ("intel", "i915")


@pytest.mark.parametrize(
    ("text", "wsl"),
    [
        ("I run it in WSL2 and get an error: Driver Not Loaded", 2),
        ("- [x] WSL 2\n- [ ] WSL 1\nerror: Driver Not Loaded", 2),
        ("/mnt/c/Users/me/project: error", 2),
        ("an error in /home/me/wsl.py: no such file", None),
    ],
)
def test_wsl_is_known_by_what_is_said_of_it(text: str, wsl: int | None) -> None:
    host = snapshot_of(text).host
    assert (host.wsl if isinstance(host, Host) else None) == wsl


def test_windows_version_beside_wsl_is_that_of_the_host() -> None:
    text = "Microsoft Windows [Version 10.0.22631.3593]\n5.15.146.1-microsoft-standard-WSL2\nerror: no such file\n"
    assert host_of(text).os == "linux"


@pytest.mark.parametrize(
    ("text", "container"),
    [
        ("$ docker run -it image\nerror: not found", "docker"),
        ("inside the container it fails with an error", "docker"),
        ("a docker image is not found, error", None),
    ],
)
def test_a_container_is_known_by_what_is_said_of_it(text: str, container: str | None) -> None:
    host = snapshot_of(text).host
    assert (host.container if isinstance(host, Host) else None) == container


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("error: not found. I don't have any NVIDIA GPU on my laptop", ()),
        ("error: not found. My machine has no dedicated GPU", ()),
        ("No GPU found, falling back to the CPU: error", None),
    ],
)
def test_a_machine_without_a_gpu_is_known_by_what_its_owner_says(text: str, gpus: tuple[()] | None) -> None:
    host = snapshot_of(text).host
    assert (host.gpus if isinstance(host, Host) else None) == gpus


def test_a_gpu_named_in_passing_counts_where_none_of_nvidia_s_is() -> None:
    found = host_of("error: not found. I have two Intel Arc A770 in this box").gpus or ()
    assert [(gpu.vendor, gpu.name) for gpu in found] == [("intel", "Intel Arc A770")]


@pytest.mark.parametrize(
    ("text", "available"),
    [
        ("torch 2.1.0\nprint(torch.cuda.is_available()) returns False", False),
        ("torch.cuda.is_available() = False\n", False),
        ("Is MPS available? False\ntorch.cuda.is_available(): False\n", False),
    ],
)
def test_an_answer_in_prose_is_an_answer(text: str, available: bool) -> None:
    backend = torch_of(text).backend("cuda")
    assert backend is not None
    assert backend.available is available


def test_an_answer_on_metal_is_read() -> None:
    backend = torch_of("PyTorch version: 2.9.1\nOS: macOS 15.1 (arm64)\nMPS available?: False\n").backend("mps")
    assert backend is not None
    assert backend.available is False


def test_cuinit_s_number_before_its_name_is_read() -> None:
    text = "Error at driver init:\n[802] Call to cuInit results in UNKNOWN_CUDA_ERROR\n"
    assert snapshot_of(text).cuda.init_error == 802  # type: ignore[union-attr]


def test_a_long_log_is_read_in_linear_time() -> None:
    line = "my machine without (pid=1) GPU 0 docker in error inside\n"
    assert isinstance(read((HEAD + OLD_ROW + line * 20_000).encode(), "log").nvml, Nvml)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{0}current_link_width:8\n{0}max_link_width:16\n", ["{0}current_link_width: x8 (downgraded), of x16"]),
        (
            "==> {0}current_link_width <==\n4\n\n==> {0}max_link_width <==\n16\n",
            ["{0}current_link_width: x4 (downgraded), of x16"],
        ),
        ("{0}current_link_width:16\n{0}max_link_width:16\n", []),
        ("{0}current_link_width:8\n", []),
    ],
)
def test_a_narrow_link_is_seen_in_sysfs(text: str, told: list[str]) -> None:
    folder = "/sys/bus/pci/devices/0000:01:00.0/"
    complained = complaints_of(f"driver: 550.54.15, NVIDIA A100\n{text.format(folder)}")
    assert [one for _, one in complained if "link_width" in one] == [one.format(folder) for one in told]


@pytest.mark.parametrize(
    ("said", "available"),
    [
        ("WARNING: CUDA is not available, falling back to CPU", False),
        ("CUDA not available: False", None),
        ("RuntimeError: No CUDA GPUs found", False),
        ("No GPU detected. Using the CPU.", False),
        ("GPU 0: found", None),
    ],
)
def test_programs_own_words_for_no_cuda(said: str, available: bool | None) -> None:
    backend = torch_of(f"PyTorch version: 2.5.1\n{said}\n").backend("cuda")
    assert (backend.available if backend else None) is available


@pytest.mark.parametrize(
    ("listing", "openable"),
    [
        ("$ ls -la /dev | grep kfd\ncrw-------   1 root    root    234,   0 Mai 21 05:13 kfd\n", False),
        ("crw-rw---- 1 root render 238, 0 Sep  2 15:45 /dev/kfd\n", None),
        ("crw-rw---- 1 root render 238, 0 Sep  2 15:45 /dev/kfd\n$ groups\nsam adm sudo video\n", False),
        ("crw-rw---- 1 root render 238, 0 Sep  2 15:45 /dev/kfd\n$ groups\nsam adm sudo render\n", None),
        (
            "uid=1000(sam) gid=1000(sam) groups=1000(sam),44(video)\ncrw-rw---- 1 root render 1, 2 Sep 2 1:0 kfd\n",
            False,
        ),
        ("crw-rw-rw- 1 root render 238, 0 Sep  2 15:45 /dev/kfd\n", None),
    ],
)
def test_amd_s_device_files_are_read(listing: str, openable: bool | None) -> None:
    (node,) = host_of(listing).traces.nodes or ()
    assert (node.path, node.openable) == ("/dev/kfd", openable)


def test_a_text_about_torch_that_tells_nothing_is_read() -> None:
    assert snapshot_of("I got NaN with torch.compile on my GPU, what else do you need to know?").pasted
