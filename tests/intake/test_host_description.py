"""Machines described in a few words of JSON."""

import json

import pytest

from envkit.errors import EnvkitError
from envkit.intake.host_description import described, parse
from envkit.snapshot import Absent, Interpreter, Nvml, Unknown


def read(**description):
    return described(parse(json.dumps(description).encode(), "line 1"))


def facts(**description):
    return read(**description).snapshot


@pytest.mark.parametrize(
    ("told", "os", "arch"),
    [
        pytest.param({"os": "linux", "arch": "x86_64"}, "linux", "x86_64", id="as documented"),
        pytest.param({"os": "Linux", "arch": "AMD64"}, "linux", "x86_64", id="capitals and another name"),
        pytest.param({"os": "linux", "arch": "arm64"}, "linux", "aarch64", id="ARM as Linux calls it"),
        pytest.param({"os": "darwin", "arch": "aarch64"}, "macos", "arm64", id="ARM as macOS calls it"),
        pytest.param({"os": "win32", "arch": "x64"}, "windows", "x86_64", id="Windows"),
        pytest.param({"os": "linux", "arch": "i386"}, "linux", "i686", id="32 bit"),
        pytest.param({"os": "freebsd", "arch": None}, "freebsd", None, id="another system, unknown processor"),
    ],
)
def test_system_and_processor_are_read_however_they_are_spelled(told, os, arch):
    host = facts(**told).host

    assert (host.os, host.arch) == (os, arch)


@pytest.mark.parametrize(
    ("told", "libc"),
    [
        pytest.param("glibc 2.31", "glibc 2.31", id="as documented"),
        pytest.param("glibc-2.31-0ubuntu9", "glibc 2.31", id="a package's version"),
        pytest.param("GNU libc 2.17", "glibc 2.17", id="its full name"),
        pytest.param("2.35", "glibc 2.35", id="a number alone"),
        pytest.param("musl 1.2", "musl 1.2", id="musl"),
        pytest.param("musl", "musl", id="musl without a version"),
        pytest.param(None, None, id="unknown"),
        pytest.param("", None, id="empty is unknown"),
    ],
)
def test_the_c_library_is_read(told, libc):
    assert facts(os="linux", libc=told).host.libc == libc


@pytest.mark.parametrize(
    ("told", "version", "free_threaded"),
    [
        pytest.param("3.11.4", "3.11.4", False, id="whole"),
        pytest.param("3.11", "3.11", False, id="minor"),
        pytest.param("3.13.1t", "3.13.1", True, id="free-threaded"),
        pytest.param("3.13t", "3.13", True, id="free-threaded minor"),
        pytest.param("3.15.0rc1", "3.15.0rc1", False, id="before its release"),
        pytest.param("Python 3.12.3+", "3.12.3", False, id="as `python --version` says of a patched one"),
    ],
)
def test_a_python_is_read(told, version, free_threaded):
    target = facts(python=told).target

    assert isinstance(target, Interpreter)
    assert (target.version, target.free_threaded) == (version, free_threaded)


def test_gpus_and_driver_are_what_the_driver_would_list():
    nvml = facts(driver="570.86.15", gpus=[{"vendor": "NVIDIA", "name": "Tesla T4"}, {"vendor": "intel"}]).nvml

    assert isinstance(nvml, Nvml)
    assert (nvml.driver_version, [gpu.name for gpu in nvml.devices]) == ("570.86.15", ["Tesla T4"])


@pytest.mark.parametrize(
    ("told", "section"),
    [
        pytest.param({}, Unknown, id="nothing is said: unknown"),
        pytest.param({"gpus": None, "driver": None}, Unknown, id="null is unknown too"),
        pytest.param({"gpus": []}, Absent, id="an empty list is none"),
        pytest.param({"gpus": [{"vendor": "amd"}]}, Absent, id="none of NVIDIA's"),
        pytest.param({"gpus": [{"vendor": "nvidia"}]}, Nvml, id="a GPU and no driver"),
        pytest.param({"driver": "535.104"}, Nvml, id="a driver and unknown GPUs"),
    ],
)
def test_unknown_is_not_none(told, section):
    assert isinstance(facts(**told).nvml, section)


@pytest.mark.parametrize(
    ("gpu", "vendor"),
    [
        pytest.param({"vendor": "AMD", "name": "x"}, "amd", id="capitals"),
        pytest.param({"vendor": "Advanced Micro Devices, Inc."}, "amd", id="in full"),
        pytest.param({"name": "AMD Radeon RX 7900 XTX"}, "amd", id="by its name"),
        pytest.param({"name": "Radeon VII"}, "amd", id="by its line of products"),
        pytest.param({"name": "Intel Arc A770"}, "intel", id="Intel"),
        pytest.param({"vendor": "apple", "name": "Apple M2"}, "apple", id="Apple"),
        pytest.param({"vendor": "matrox"}, "matrox", id="somebody else"),
        pytest.param({"name": "?"}, "", id="unknown"),
        pytest.param({}, "", id="nothing said"),
    ],
)
def test_the_maker_is_known_by_its_name_or_that_of_the_product(gpu, vendor):
    assert [one.vendor for one in facts(gpus=[gpu]).host.gpus] == [vendor]


@pytest.mark.parametrize("name", ["RTX 3090", "gtx 1080ti", "A100", "Quadro P4000", "H100 SXM5", "Orin (nvgpu)"])
def test_an_nvidia_gpu_needs_no_maker(name):
    assert [one.name for one in facts(gpus=[{"name": name}]).nvml.devices] == [name]


def test_what_is_assumed_is_told():
    assert [one.what for one in read().assumptions] == ["system"]
    assert [one.taken for one in read(gpus=[{"vendor": "apple"}]).assumptions] == ["macos"]
    assert read(os="windows").assumptions == ()


def test_keys_that_nobody_knows_are_passed_over():
    assert facts(os="linux", rack=[1, {"row": 2}], gpus=[{"vendor": "nvidia", "slot": 3}]).host.os == "linux"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        pytest.param(b'{"python": 3.11}', "Expected `str | null`, got `float` - at `$.python`", id="a number"),
        pytest.param(b'{"gpus": {}}', "Expected `array | null`, got `object` - at `$.gpus`", id="not a list"),
        pytest.param(b'{"gpus": [null]}', "Expected `object`, got `null` - at `$.gpus[0]`", id="no GPU"),
        pytest.param(b"[]", "Expected `object`, got `array`", id="a list"),
        pytest.param(b'{"os": ', "Input data was truncated", id="cut short"),
        pytest.param(b'{"os": "\xff"}', "'utf-8' codec can't decode byte 0xff", id="no UTF-8"),
    ],
)
def test_what_is_no_description_is_refused_with_the_place(told, message):
    with pytest.raises(EnvkitError) as refused:
        parse(told, "line 7")

    assert refused.value.message.startswith(f"line 7 is no description of a host: {message}")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        pytest.param({"python": "three"}, "`three` is no Python version", id="Python"),
        pytest.param({"driver": "newest"}, "`newest` is no version of an NVIDIA driver", id="driver"),
    ],
)
def test_a_value_that_says_nothing_is_refused(told, message):
    with pytest.raises(EnvkitError) as refused:
        read(**told)

    assert refused.value.message == message
