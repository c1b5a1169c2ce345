"""What else shapes the times, and how much memory there is: read where the system tells it, unknown elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from envkit_smoke import machine, memory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files that there are, by path, and what is in them."""
    texts: dict[str, str] = {}
    monkeypatch.setattr(machine, "_read", lambda path: texts.get(path.as_posix()))
    return texts


def test_conditions_of_this_machine_name_threads_and_processors() -> None:
    told = machine.conditions(torch)
    assert told["threads"] == torch.get_num_threads()
    assert told["affinity"] >= 1


def test_what_the_system_does_not_tell_is_unknown(files: dict[str, str]) -> None:
    assert not files
    told = machine.conditions(torch)
    assert (told["frequency_mhz"], told["governor"]) == (None, None)


def test_the_governors_clock_comes_before_that_of_cpuinfo(files: dict[str, str]) -> None:
    files["/proc/cpuinfo"] = "processor : 0\ncpu MHz : 2596.122\n"
    assert machine.conditions(torch)["frequency_mhz"] == 2596.122
    files["/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"] = "3100000"
    assert machine.conditions(torch)["frequency_mhz"] == 3100.0


def test_thread_settings_of_the_environment_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine.conditions(torch)["environment"]["OMP_NUM_THREADS"] == "1"


def test_free_memory_is_what_the_kernel_says_is_available(files: dict[str, str]) -> None:
    files["/proc/meminfo"] = "MemTotal: 8000 kB\nMemAvailable: 1000 kB\n"
    assert machine.free_bytes(torch, "cpu") == 1000 * 1024


@pytest.mark.parametrize(
    ("limit", "used"),
    [
        pytest.param("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", id="version 2"),
        pytest.param(
            "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes", id="version 1"
        ),
    ],
)
def test_a_containers_limit_counts_where_it_is_smaller(files: dict[str, str], limit: str, used: str) -> None:
    files.update({"/proc/meminfo": "MemAvailable: 1000 kB\n", limit: "500000", used: "200000"})
    assert machine.free_bytes(torch, "cpu") == 300000


def test_a_container_without_a_limit_leaves_the_machines(files: dict[str, str]) -> None:
    files.update(
        {
            "/proc/meminfo": "MemAvailable: 1000 kB\n",
            "/sys/fs/cgroup/memory.max": "max",
            "/sys/fs/cgroup/memory.current": "7",
        }
    )
    assert machine.free_bytes(torch, "cpu") == 1000 * 1024


def test_free_memory_is_unknown_where_nothing_tells(files: dict[str, str]) -> None:
    assert not files
    assert machine.free_bytes(torch, "cpu") is None
    assert machine.free_bytes(torch, "mps:0") is None


def test_a_gpus_cache_is_that_of_its_properties() -> None:
    cuda = SimpleNamespace(get_device_properties=lambda device: SimpleNamespace(L2_cache_size=50 * 2**20))
    assert machine.cache_bytes(SimpleNamespace(cuda=cuda), "cuda:0") == 50 * 2**20


def test_a_cache_that_nothing_tells_is_taken_to_be_large() -> None:
    assert machine.cache_bytes(SimpleNamespace(), "cuda:0") == machine.CACHE_UNKNOWN


@pytest.mark.parametrize(("text", "size"), [("32768K", 2**25), ("1M", 2**20), ("", None), ("K", None), ("9", None)])
def test_sizes_of_caches_are_read(text: str, size: int | None) -> None:
    assert machine._size(text) == size


def test_half_of_what_is_free_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_bytes", lambda torch, device: 8 * 2**30)
    monkeypatch.setattr(machine, "cache_bytes", lambda torch, device: 2**20)
    assert memory.Room.of(torch, "cpu", None) == memory.Room(4 * 2**30, memory.LEAST_DATA)


def test_data_is_several_times_the_last_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_bytes", lambda torch, device: 64 * 2**30)
    monkeypatch.setattr(machine, "cache_bytes", lambda torch, device: 384 * 2**20)
    assert memory.Room.of(torch, "cpu", None).data == 4 * 384 * 2**20


def test_data_is_never_more_than_half_of_what_may_be_used() -> None:
    assert memory.Room.of(torch, "cpu", 100 * 2**20) == memory.Room(100 * 2**20, 50 * 2**20)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), id="older CUDA"),
        pytest.param(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), id="CPU"),
        pytest.param(type("OutOfMemoryError", (RuntimeError,), {})("too much"), id="a class of its own"),
        pytest.param(RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), id="MPS"),
        pytest.param(MemoryError(), id="Python and NumPy"),
    ],
)
def test_each_backends_word_for_no_memory_is_known(error: BaseException) -> None:
    assert memory.is_exhausted(error)


def test_another_error_is_none_of_memory() -> None:
    assert not memory.is_exhausted(RuntimeError("CUDA error: an illegal memory access was encountered"))


def allocate(most: int) -> Any:
    def build(size: int) -> str:
        if size > most:
            raise RuntimeError("out of memory")
        return f"{size} bytes"

    return build


def test_a_size_that_fits_is_taken_as_it_is() -> None:
    assert memory.lowered(1000, 10, allocate(1000)) == ("1000 bytes", 1000)


def test_a_size_that_does_not_fit_is_halved_until_it_does() -> None:
    assert memory.lowered(1000, 10, allocate(300)) == ("250 bytes", 250)


def test_below_the_least_size_the_error_is_raised() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        memory.lowered(1000, 600, allocate(300))


def test_another_error_is_raised_at_once() -> None:
    def build(size: int) -> None:
        raise ValueError(size)

    with pytest.raises(ValueError, match="1000"):
        memory.lowered(1000, 10, build)


def test_the_real_allocators_refusal_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.uint8)
    assert memory.is_exhausted(caught.value)


def test_a_missing_file_reads_as_unknown(tmp_path: Path) -> None:
    assert machine._read(tmp_path / "no file") is None
