"""`nvidia-smi`: tables of every generation, the long query, the list, CSV, and how it fails."""

import pytest

from envkit.snapshot import Absent
from tests.intake.reading import nvml_of, snapshot_of

KEPLER = """
    Sat Mar  9 11:02:11 2019
    +-----------------------------------------------------------------------------+
    | NVIDIA-SMI 384.81                 Driver Version: 384.81                    |
    |-------------------------------+----------------------+----------------------+
    | GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
    | Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
    |===============================+======================+======================|
    |   0  Tesla K80           Off  | 00000000:00:04.0 Off |                    3 |
    | N/A   71C    P0    75W / 149W |   3150MiB / 11439MiB |     98%   E. Process |
    +-------------------------------+----------------------+----------------------+
    |   1  Tesla V100-SXM2...  Off  | 00000000:00:05.0 Off |                  N/A |
    | N/A   36C    P0    41W / 300W |      0MiB / 16160MiB |      0%      Default |
    +-------------------------------+----------------------+----------------------+
"""

AMPERE = """
    +-----------------------------------------------------------------------------+
    | NVIDIA-SMI 515.65.01    Driver Version: 515.65.01    CUDA Version: 11.7     |
    |-------------------------------+----------------------+----------------------+
    | GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
    | Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
    |                               |                      |               MIG M. |
    |===============================+======================+======================|
    |   0  NVIDIA A100-SXM...  On   | 00000000:07:00.0 Off |                   On |
    | N/A   29C    P0    62W / 400W |     45MiB / 40960MiB |     N/A      Default |
    |                               |                      |              Enabled |
    +-------------------------------+----------------------+----------------------+
"""

ADA = """
    +---------------------------------------------------------------------------------------+
    | NVIDIA-SMI 546.33                 Driver Version: 546.33       CUDA Version: 12.3     |
    |-----------------------------------------+----------------------+----------------------+
    | GPU  Name                     TCC/WDDM  | Bus-Id        Disp.A | Volatile Uncorr. ECC |
    | Fan  Temp   Perf          Pwr:Usage/Cap |         Memory-Usage | GPU-Util  Compute M. |
    |                                         |                      |               MIG M. |
    |=========================================+======================+======================|
    |   0  NVIDIA GeForce RTX 4060 Ti   WDDM  | 00000000:01:00.0  On |                  N/A |
    |  0%   34C    P8               6W / 165W |    911MiB /  8188MiB |      2%      Default |
    |                                         |                      |                  N/A |
    +-----------------------------------------+----------------------+----------------------+
"""

BLACKWELL_IN_WSL = """
    +-----------------------------------------------------------------------------------------+
    | NVIDIA-SMI 580.65.05              Driver Version: 580.88         CUDA Version: 13.0     |
    +-----------------------------------------+------------------------+----------------------+
    | GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
    |=========================================+========================+======================|
    |   0  NVIDIA GeForce RTX 5080        On  |   00000000:02:00.0  On |                  N/A |
    |  0%   41C    P5             20W /  360W |    1893MiB /  16303MiB |      6%      Default |
    |                                         |                        |                  N/A |
    +-----------------------------------------+------------------------+----------------------+
"""


@pytest.mark.parametrize(
    ("table", "driver", "cuda", "names"),
    [
        pytest.param(KEPLER, "384.81", None, ["Tesla K80", "Tesla V100-SXM2..."], id="before 410"),
        pytest.param(AMPERE, "515.65.01", "11.7", ["NVIDIA A100-SXM..."], id="with MIG"),
        pytest.param(ADA, "546.33", "12.3", ["NVIDIA GeForce RTX 4060 Ti"], id="Windows"),
        pytest.param(BLACKWELL_IN_WSL, "580.88", "13.0", ["NVIDIA GeForce RTX 5080"], id="WSL, two versions"),
    ],
)
def test_tables_of_every_generation(table: str, driver: str, cuda: str | None, names: list[str]) -> None:
    nvml = nvml_of(table)
    assert (nvml.error, nvml.driver_version, nvml.cuda_version) == (0, driver, cuda)
    assert [gpu.name for gpu in nvml.devices or ()] == names


def test_memory_compute_mode_and_memory_errors_of_a_table() -> None:
    first, second = nvml_of(KEPLER).devices or ()
    assert (first.memory_used, first.memory_total) == (3150 * 2**20, 11439 * 2**20)
    assert (first.compute_mode, first.ecc_uncorrected) == ("exclusive-process", 3)
    assert (second.compute_mode, second.ecc_uncorrected) == ("default", None)


@pytest.mark.parametrize(("table", "mig"), [(AMPERE, True), (ADA, None), (KEPLER, None)])
def test_mig_of_a_table(table: str, mig: bool | None) -> None:
    assert (nvml_of(table).devices or ())[0].mig_enabled is mig


def test_the_head_of_a_table_alone_tells_the_driver_and_not_the_gpus() -> None:
    nvml = nvml_of("| NVIDIA-SMI 470.82.01    Driver Version: 470.82.01    CUDA Version: 11.4     |")
    assert (nvml.driver_version, nvml.cuda_version, nvml.devices) == ("470.82.01", "11.4", None)


def test_the_long_query() -> None:
    nvml = nvml_of(
        """
        ==============NVSMI LOG==============

        Timestamp                                 : Tue May 14 09:11:02 2024
        Driver Version                            : 550.54.15
        CUDA Version                              : 12.4

        Attached GPUs                             : 1
        GPU 00000000:65:00.0
            Product Name                          : NVIDIA H100 PCIe
            MIG Mode
                Current                           : Disabled
                Pending                           : Disabled
            GPU UUID                              : GPU-11111111-2222-3333-4444-555555555555
            FB Memory Usage
                Total                             : 81559 MiB
                Reserved                          : 551 MiB
                Used                              : 4 MiB
            Compute Mode                          : Exclusive_Process
            ECC Errors
                Volatile
                    DRAM Uncorrectable            : 2
        """
    )
    assert (nvml.driver_version, nvml.cuda_version) == ("550.54.15", "12.4")
    (gpu,) = nvml.devices or ()
    assert (gpu.name, gpu.uuid) == ("NVIDIA H100 PCIe", "GPU-11111111-2222-3333-4444-555555555555")
    assert (gpu.mig_enabled, gpu.compute_mode, gpu.ecc_uncorrected) == (False, "exclusive-process", 2)
    assert (gpu.memory_total, gpu.memory_used) == (81559 * 2**20, 4 * 2**20)


def test_the_list_with_mig_instances() -> None:
    nvml = nvml_of(
        """
        GPU 0: NVIDIA A30 (UUID: GPU-aaaaaaaa-0000-0000-0000-000000000000)
          MIG 1g.6gb      Device  0: (UUID: MIG-bbbbbbbb-0000-0000-0000-000000000000)
        GPU 1: NVIDIA A30 (UUID: GPU-cccccccc-0000-0000-0000-000000000000)
        """
    )
    assert [(gpu.name, gpu.mig_enabled) for gpu in nvml.devices or ()] == [("NVIDIA A30", True), ("NVIDIA A30", None)]


def test_csv() -> None:
    nvml = nvml_of(
        """
        $ nvidia-smi --query-gpu=index,name,driver_version,compute_cap,memory.total --format=csv
        index, name, driver_version, compute_cap, memory.total [MiB]
        0, NVIDIA RTX A4000, 535.183.01, 8.6, 16376 MiB
        1, NVIDIA RTX A4000, 535.183.01, 8.6, 16376 MiB
        """
    )
    assert nvml.driver_version == "535.183.01"
    assert [(gpu.index, gpu.name, gpu.compute_capability) for gpu in nvml.devices or ()] == [
        (0, "NVIDIA RTX A4000", "8.6"),
        (1, "NVIDIA RTX A4000", "8.6"),
    ]


def test_a_name_that_a_table_cut_is_made_whole_by_the_list() -> None:
    listed = "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaaaaaa-0000-0000-0000-000000000000)"
    assert [gpu.name for gpu in nvml_of(AMPERE + listed).devices or ()] == ["NVIDIA A100-SXM4-40GB"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9),
        ("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.161", 18),
        ("Failed to initialize NVML: Unknown Error", 999),
        ("Failed to initialize NVML: Insufficient Permissions", 4),
        ("Failed to initialize NVML: GPU access blocked by the operating system", 17),
        ("pynvml.nvml.NVMLError_LibRmVersionMismatch: Driver/library version mismatch", 18),
        ("pynvml.NVMLError_DriverNotLoaded: Driver Not Loaded", 9),
    ],
)
def test_failures_are_nvml_s_own_codes(said: str, error: int) -> None:
    assert nvml_of(said).error == error


def test_no_devices_is_an_answer() -> None:
    nvml = nvml_of("$ nvidia-smi\nNo devices were found")
    assert (nvml.error, nvml.devices) == (0, ())


def test_a_gpu_without_a_handle_is_told_with_its_error() -> None:
    nvml = nvml_of("Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost.  Reboot the system")
    assert [gpu.error for gpu in nvml.devices or ()] == [15]


@pytest.mark.parametrize(
    "said",
    [
        "bash: nvidia-smi: command not found",
        "zsh: command not found: nvidia-smi",
        "'nvidia-smi' is not recognized as an internal or external command,",
        "FileNotFoundError: [Errno 2] No such file or directory: 'nvidia-smi'",
    ],
)
def test_a_machine_without_nvidia_smi(said: str) -> None:
    assert isinstance(snapshot_of(said).nvml, Absent)


def test_a_failure_counts_before_a_table_that_worked_elsewhere() -> None:
    text = AMPERE + "\nin the container:\nFailed to initialize NVML: Unknown Error"
    nvml = nvml_of(text)
    assert (nvml.error, nvml.driver_version) == (999, "515.65.01")


def test_a_query_without_a_gpu_still_tells_the_driver() -> None:
    found = nvml_of("==============NVSMI LOG==============\n\nDriver Version : 535.54.03\n\nAttached GPUs : 0\n")
    assert (found.driver_version, found.devices) == ("535.54.03", None)
