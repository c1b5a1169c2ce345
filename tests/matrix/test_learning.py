"""What file names tell of a release, and what they do not."""

import pytest

from envkit.matrix.learned import UNKNOWN, LearnedRelease, LearnedWheel
from envkit.matrix.learning import (
    RELEASES_LIMIT,
    Source,
    cuda_of_metadata,
    keep,
    learn,
    new_wheels,
    read_wheel_name,
    telling,
)

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
SHIPPED = ("1.8.0", "2.5.1")
LINUX, ARM, MAC, WINDOWS = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_14_0_arm64", "win_amd64"
CUDA_13 = "Metadata-Version: 2.1\nName: torch\nRequires-Dist: filelock\nRequires-Dist: cuda-toolkit[cublas]==13.2.0\n\n"


def wheel(platform=LINUX, python="cp313-cp313", version="3.0.0"):
    return f"torch-{version}-{python}-{platform}.whl"


def learned(*names, metadata=None, url="https://a.example"):
    return learn({url: new_wheels(Source(url, names), SHIPPED, PYTHONS)}, metadata or {})


@pytest.mark.parametrize(
    ("name", "platform", "pythons", "min_glibc"),
    [
        pytest.param(wheel(LINUX), "linux-x86_64", ("3.13",), "2.28", id="manylinux with its glibc"),
        pytest.param(wheel("manylinux2014_aarch64"), "linux-aarch64", ("3.13",), "2.17", id="manylinux2014"),
        pytest.param(wheel("manylinux1_x86_64"), "linux-x86_64", ("3.13",), "2.5", id="manylinux1"),
        pytest.param(wheel("linux_x86_64"), "linux-x86_64", ("3.13",), None, id="linux without a promise"),
        pytest.param(wheel(MAC), "macos-arm64", ("3.13",), None, id="Apple silicon"),
        pytest.param(wheel("macosx_10_9_x86_64"), "macos-x86_64", ("3.13",), None, id="Intel Mac"),
        pytest.param(wheel(WINDOWS), "win-amd64", ("3.13",), None, id="Windows"),
        pytest.param(wheel("win_arm64"), "win-arm64", ("3.13",), None, id="Windows on Arm"),
        pytest.param(wheel(python="cp314-cp314t"), "linux-x86_64", ("3.14t",), "2.28", id="free-threaded"),
        pytest.param(wheel(python="cp37-cp37m"), "linux-x86_64", ("3.7",), "2.28", id="with the m of old"),
        pytest.param(wheel(python="cp313-none"), "linux-x86_64", ("3.13",), "2.28", id="no ABI named"),
        pytest.param(
            wheel(python="cp312-abi3"), "linux-x86_64", ("3.12", "3.13", "3.14"), "2.28", id="stable ABI: from 3.12 on"
        ),
        pytest.param(
            wheel("manylinux_2_27_x86_64.manylinux_2_28_x86_64"), "linux-x86_64", ("3.13",), "2.27", id="two tags"
        ),
    ],
)
def test_a_name_tells_platform_pythons_and_glibc(name, platform, pythons, min_glibc):
    found = read_wheel_name(name, PYTHONS)
    assert (found.version, found.variant) == ("3.0.0", "")
    assert (found.platform, found.pythons, found.min_glibc) == (platform, pythons, min_glibc)


@pytest.mark.parametrize(
    "name",
    [
        "torch-3.0.0.tar.gz",
        "torch-3.0.0.dev20270101-cp313-cp313-manylinux_2_28_x86_64.whl",
        "torch-3.0.0rc1-cp313-cp313-win_amd64.whl",
        "torchvision-3.0.0-cp313-cp313-win_amd64.whl",
        "torch-3.0.0-py3-none-any.whl",
        "torch-3.0.0-cp313-cp313-musllinux_1_2_x86_64.whl",
        "torch-3.0.0-pp310-pypy310_pp73-win_amd64.whl",
        "torch-cp313-cp313-win_amd64.whl",
        "torch-1!3.0.0-cp313-cp313-win_amd64.whl",
        "",
        "\x1b[31mtorch.whl",
        "../../torch-3.0.0-cp313-cp313-win_amd64.whl/x",
    ],
)
def test_what_is_no_released_wheel_for_a_known_platform_tells_nothing(name):
    assert read_wheel_name(name, PYTHONS) is None


def test_releases_that_are_shipped_or_older_are_not_learned():
    assert learned(wheel(version="2.5.1"), wheel(version="1.7.1")) == {}


def test_a_patch_of_an_older_release_is_learned():
    assert set(learned(wheel(version="2.4.9"))) == {"2.4.9"}


def test_pythons_of_a_platform_come_together_in_order():
    found = learned(wheel(), wheel(python="cp312-cp312"), wheel(python="cp313-cp313t"), wheel(MAC))
    assert found["3.0.0"].plain == {
        "linux-x86_64": LearnedWheel(pythons=("3.12", "3.13", "3.13t"), min_glibc="2.28"),
        "macos-arm64": LearnedWheel(pythons=("3.13",), variant="cpu"),
    }


def test_what_a_plain_wheel_was_built_for_is_not_guessed():
    found = learned(wheel(), wheel(WINDOWS))
    assert [one.variant for one in found["3.0.0"].plain.values()] == [UNKNOWN, UNKNOWN]


def test_its_metadata_names_the_cuda():
    found = learned(wheel(), wheel(python="cp312-cp312"), metadata={wheel(): CUDA_13})
    assert found["3.0.0"].plain["linux-x86_64"].variant == "cu132"


def test_metadata_is_wanted_of_one_plain_wheel_for_each_linux():
    names = (wheel(), wheel(python="cp312-cp312"), wheel(ARM), wheel(MAC), wheel(version="3.0.0+cu132"))
    wheels = new_wheels(Source("https://a.example", names), SHIPPED, PYTHONS)
    assert [one.name for one in telling(wheels)] == [wheel(), wheel(ARM)]


@pytest.mark.parametrize(
    ("line", "cuda"),
    [
        ("Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.3; platform_system == 'Linux'", "13.0.3"),
        ("Requires-Dist: nvidia-cuda-runtime-cu12==12.8.90; platform_system == 'Linux'", "12.8.90"),
        ("requires-dist: nvidia-cuda-runtime==13.1.80", "13.1.80"),
        ("Requires-Dist: nvidia-cudnn-cu13==9.20.0.48", None),
        ("Requires-Dist: cuda-toolkit>=13", None),
        ("Requires-Dist: cuda-toolkit==latest !!", None),
        ("Summary: cuda-toolkit==13.0.3", None),
        ("\nRequires-Dist: cuda-toolkit==13.0.3", None),
    ],
)
def test_the_cuda_is_that_of_the_libraries_a_wheel_pins(line, cuda):
    assert cuda_of_metadata(f"{line}\n") == cuda


def test_local_versions_name_the_variants_and_their_index():
    found = learned(wheel(version="3.0.0+cu132"), wheel(WINDOWS, version="3.0.0+cpu"), wheel(version="3.0.0+rocm7.2"))[
        "3.0.0"
    ]
    assert found.variants == {
        "cu132": {"linux-x86_64": ("3.13",)},
        "cpu": {"win-amd64": ("3.13",)},
        "rocm7.2": {"linux-x86_64": ("3.13",)},
    }
    assert set(found.indexes.values()) == {"https://a.example"}


@pytest.mark.parametrize("local", ["cu1", "with.pypi.cudnn", "abc", "cu132.full", "git0123456"])
def test_a_local_version_that_names_no_backend_is_passed_over(local):
    assert learned(wheel(version=f"3.0.0+{local}"))["3.0.0"].variants == {}


def test_the_first_index_that_has_a_variant_keeps_it():
    name = wheel(version="3.0.0+cu132")
    sources = (Source("https://a.example", (name,)), Source("https://b.example", (name, wheel(WINDOWS))))
    found = learn({source.url: new_wheels(source, SHIPPED, PYTHONS) for source in sources}, {})
    assert found["3.0.0"].indexes == {"cu132": "https://a.example"}


def test_an_index_with_thousands_of_releases_teaches_the_newest():
    found = learned(*(wheel(version=f"3.{minor}.0") for minor in range(3000)))
    assert len(found) == RELEASES_LIMIT
    assert "3.2999.0" in found


def test_what_a_silent_index_told_before_is_kept():
    before = learned(wheel(version="3.0.0+cu132"), url="https://torch.example")
    now = learned(wheel())
    kept = keep(before, now, {"https://torch.example"}, plain_silent=False)
    assert kept["3.0.0"].variants == before["3.0.0"].variants
    assert kept["3.0.0"].plain == now["3.0.0"].plain


def test_what_an_index_no_longer_lists_is_forgotten():
    before = {**learned(wheel()), **learned(wheel(version="3.1.0+cu132"))}
    assert keep(before, {}, set(), plain_silent=False) == {}
    assert keep(before, {}, set(), plain_silent=True) == {"3.0.0": LearnedRelease(plain=before["3.0.0"].plain)}
