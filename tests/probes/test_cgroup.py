"""The limits of memory that control groups set, in small trees of both versions."""

from pathlib import Path

import pytest

from envkit.probes.cgroup import memory_limit
from envkit.probes.host import probe_host

MIB = 2**20
NO_LIMIT = "9223372036854771712"


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def second(folder: str, limit: str, used: int = 0, reclaimable: int = 0) -> dict[str, str]:
    where = f"sys/fs/cgroup/{folder}".rstrip("/")
    stat = f"anon 7\ninactive_file {reclaimable}\nactive_file 5"
    return {f"{where}/memory.max": limit, f"{where}/memory.current": str(used), f"{where}/memory.stat": stat}


def first(folder: str, limit: str, used: int = 0, reclaimable: int = 0) -> dict[str, str]:
    where = f"sys/fs/cgroup/memory/{folder}".rstrip("/")
    return {
        f"{where}/memory.limit_in_bytes": limit,
        f"{where}/memory.usage_in_bytes": str(used),
        f"{where}/memory.stat": f"inactive_file 1\ntotal_inactive_file {reclaimable}",
    }


@pytest.mark.parametrize(
    ("own", "files", "told"),
    [
        pytest.param("0::/", second("", str(512 * MIB), 100 * MIB), (512 * MIB, 412 * MIB), id="a container"),
        pytest.param(
            "0::/", second("", str(512 * MIB), 500 * MIB, 50 * MIB), (512 * MIB, 62 * MIB), id="what can be taken back"
        ),
        pytest.param("0::/", second("", "max", 100 * MIB), (0, None), id="no limit"),
        pytest.param("0::/", {}, (0, None), id="the top, which has none"),
        pytest.param(
            "0::/a/b",
            {**second("a/b", "max", 50 * MIB), **second("a", str(300 * MIB), 299 * MIB)},
            (300 * MIB, MIB),
            id="of a group above",
        ),
        pytest.param(
            "0::/a/b",
            {**second("a/b", str(200 * MIB), 10 * MIB), **second("a", str(300 * MIB), 299 * MIB)},
            (200 * MIB, MIB),
            id="two: the lower, and what the tighter leaves",
        ),
        pytest.param("0::/../other", second("", str(MIB), 0), (MIB, MIB), id="outside of what is seen"),
        pytest.param(
            "4:cpu,memory:/job\n0::/", first("job", str(300 * MIB), 40 * MIB, 8 * MIB), (300 * MIB, 268 * MIB), id="old"
        ),
        pytest.param("4:memory:/docker/a", first("", str(300 * MIB), 300 * MIB), (300 * MIB, 0), id="old, a container"),
        pytest.param("4:memory:/", first("", NO_LIMIT, 300 * MIB), (0, None), id="old, no limit"),
        pytest.param("4:cpu:/", first("", str(MIB)), (0, None), id="old, of something else"),
        pytest.param("4:memory:/", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "nonsense"}, (0, None), id="odd"),
    ],
)
def test_the_limits_over_a_process(tmp_path: Path, own: str, files: dict[str, str], told: tuple[int, int]) -> None:
    assert memory_limit(write(tmp_path, **{"proc/self/cgroup": own}, **files)) == told


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) == (None, None)


@pytest.mark.skipif("sys.platform != 'linux'", reason="the tree is a Linux machine's")
def test_a_host_has_no_more_memory_than_its_limit_leaves(tmp_path: Path) -> None:
    meminfo = "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB"
    write(tmp_path, **{"proc/self/cgroup": "0::/", "proc/meminfo": meminfo}, **second("", str(512 * MIB), 100 * MIB))
    host = probe_host(tmp_path)
    assert (host.memory_total, host.memory_limit, host.memory_available) == (8192 * MIB, 512 * MIB, 412 * MIB)
