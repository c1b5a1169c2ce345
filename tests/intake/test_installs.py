"""What installers refuse, which Python a program belongs to, and what packages ask of each other."""

import pytest

from envkit.snapshot import Launcher, Refusal, Unknown
from tests.intake.reading import host_of, packages_of, snapshot_of, target_of


def refusal_of(text: str) -> Refusal:
    found = snapshot_of(text).refusals
    assert len(found) == 1, found
    return found[0]


def launchers_of(text: str) -> list[Launcher]:
    return list(snapshot_of(text).launchers)


NO_WHEEL = "can't be installed because it doesn't have a source distribution or wheel for the current platform"


@pytest.mark.parametrize(
    ("line", "version", "offered"),
    [
        ("satisfies the requirement torch==2.1.0 (from versions: 2.2.0, 2.2.1+cpu)", "2.1.0", ("2.2.0", "2.2.1+cpu")),
        ("satisfies the requirement torch (from versions: none)", "", ()),
        ("satisfies the requirement torch===1.9.0+cu111 (from versions: 0.1.2, 0.1.2.post1)", "1.9.0+cu111", None),
        ("satisfies the requirement torch==1.3.0 (from -r r.txt (line 2)) (from versions: 1.4.0)", "1.3.0", ("1.4.0",)),
        ("satisfies the requirement torch>=2 (from versions: 1.4.0)", "", ("1.4.0",)),
    ],
)
def test_pip_s_refusal_tells_what_was_asked_and_what_is_offered(
    line: str, version: str, offered: tuple[str, ...] | None
) -> None:
    found = refusal_of(f"ERROR: Could not find a version that {line}\nERROR: No matching distribution found for it\n")
    assert (found.name, found.version) == ("torch", version)
    assert found.offered == offered or (offered is None and found.offered == ("0.1.2", "0.1.2.post1"))


def test_a_title_with_pip_s_words_does_not_hide_the_list_below() -> None:
    text = (
        "No matching distribution found for torch on my machine\nsatisfies the requirement torch (from versions: none)"
    )
    assert refusal_of(text).offered == ()


def test_another_package_s_refusal_is_none_of_torch() -> None:
    text = "ERROR: Could not find a version that satisfies the requirement torch-scatter==9 (from versions: none)\n"
    assert snapshot_of(text).refusals == ()


@pytest.mark.parametrize(
    ("tag", "os", "arch", "libc"),
    [
        ("macosx_14_0_x86_64", "macos", "x86_64", ""),
        ("musllinux_1_2_x86_64", "linux", "x86_64", "musl 1.2"),
        ("manylinux_2_17_aarch64", "linux", "aarch64", "glibc 2.17"),
        ("win_arm64", "windows", "arm64", ""),
    ],
)
def test_uv_names_the_system_that_it_installs_into(tag: str, os: str, arch: str, libc: str) -> None:
    text = f"error: Distribution `torch==2.6.0 @ registry+https://example.invalid/simple` {NO_WHEEL}\n\n"
    host = host_of(text + f"hint: You're on X (`{tag}`), but `torch` (v2.6.0) only has wheels for `win_amd64`\n")
    assert (host.os, host.arch, host.libc or "") == (os, arch, libc)


@pytest.mark.parametrize(
    ("mark", "os"),
    [('sys_platform != "darwin"', "macos"), ("platform_system != 'Linux'", "linux"), ('sys_platform == "win32"', "")],
)
def test_a_mark_that_pip_passes_over_tells_the_system(mark: str, os: str) -> None:
    text = f"Ignoring a: markers '{mark}' don't match your environment\n"
    found = snapshot_of(
        text + "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
    ).host
    assert getattr(found, "os", "") == os


def test_uv_names_the_python_that_no_wheel_fits() -> None:
    text = f"error: Distribution `torch==2.5.1 @ registry+https://example.invalid/simple` {NO_WHEEL}\n"
    text += "hint: You're using CPython 3.14 (`cp314`), but `torch` (v2.5.1) only has wheels with `cp312`\n"
    assert target_of(text).version == "3.14"
    assert refusal_of(text).version == "2.5.1"


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_poetry_s_refusal_is_read(name: str) -> None:
    found = refusal_of(f"RuntimeError\n\n  Unable to find installation candidates for {name} (2.5.1)\n")
    assert (found.name, found.version, found.offered) == (name, "2.5.1", None)


@pytest.mark.parametrize("said", ["I use it on my MacBook Pro.", "It fails, I am on macOS with an error"])
def test_a_mac_that_is_named_in_passing(said: str) -> None:
    assert host_of(f"{said}\nRuntimeError: No CUDA GPUs are available\n").os == "macos"


def test_a_macbook_that_runs_another_system_is_no_mac() -> None:
    text = "It fails on my MacBook running Asahi Linux.\nRuntimeError: No CUDA GPUs are available\n"
    assert isinstance(snapshot_of(text).host, Unknown)


def test_conda_s_plan_tells_the_platform() -> None:
    assert host_of("Platform: osx-arm64\nPackagesNotFoundError: odd\n").os == "macos"


def test_an_alpine_image_has_musl() -> None:
    text = """
        FROM python:3.12-alpine
        ERROR: Could not find a version that satisfies the requirement torch (from versions: none)
    """
    assert host_of(text).libc == "musl"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "pip 24.0 from /opt/conda/lib/python3.12/site-packages/pip (python 3.12)\n",
            Launcher(
                program="pip",
                path="/opt/conda/lib/python3.12/site-packages",
                prefix="/opt/conda",
                version="3.12",
            ),
        ),
        (
            "$ which python\n/home/user/env/bin/python\n",
            Launcher(program="python", path="/home/user/env/bin/python", prefix="/home/user/env"),
        ),
        (
            ">>> sys.executable\n'C:\\\\tools\\\\python.exe'\n".replace("\\\\", "\\"),
            Launcher(program="python", path="C:\\tools\\python.exe", prefix="C:\\tools"),
        ),
        (
            "Name: torch\nVersion: 2.1.0\nLocation: /usr/lib/python3.10/dist-packages\n",
            Launcher(
                program="pip",
                path="/usr/lib/python3.10/dist-packages",
                prefix="/usr",
                version="3.10",
                has_torch=True,
            ),
        ),
        (
            "Requirement already satisfied: torch==2.1.0 in /srv/a/lib/python3.9/site-packages (2.1.0)\n",
            Launcher(
                program="pip",
                path="/srv/a/lib/python3.9/site-packages",
                prefix="/srv/a",
                version="3.9",
                has_torch=True,
            ),
        ),
    ],
)
def test_a_program_s_python_is_read(text: str, expected: Launcher) -> None:
    assert launchers_of(text) == [expected]


def test_a_copy_in_the_user_s_site_folder_is_seen_beside_an_environment() -> None:
    text = """
        Traceback (most recent call last):
          File "/home/user/miniconda3/envs/job/lib/python3.10/site-packages/tool/main.py", line 3, in <module>
          File "/home/user/.local/lib/python3.10/site-packages/torch/__init__.py", line 229, in <module>
        ImportError: planted
    """
    packages = snapshot_of(text).packages
    assert [(one.name, one.way_in) for one in packages.modules] == [("torch", "user-site")]  # type: ignore[union-attr]


def test_a_user_s_site_folder_without_an_environment_is_where_packages_are() -> None:
    text = """
        Traceback (most recent call last):
          File "/home/user/.local/lib/python3.10/site-packages/torch/__init__.py", line 229, in <module>
        ImportError: planted
    """
    packages = snapshot_of(text).packages
    assert all(one.way_in == "" for one in getattr(packages, "modules", ()))


@pytest.mark.parametrize(
    "text",
    [
        "torchvision 0.16.0 requires torch==2.1.0, but you have torch 2.2.0 which is incompatible.\n",
        "ERROR: torchvision 0.16.0 has requirement torch==2.1.0, but you'll have torch 2.2.0 which is incompatible.\n",
        "error: torch 2.2.0 is installed but torch==2.1.0 is required by {'torchvision'}\n",
    ],
)
def test_an_unmet_requirement_tells_both_packages(text: str) -> None:
    installed = snapshot_of(text).packages
    assert packages_of(text)["torch"] == "2.2.0"
    assert [one.requires for one in installed.named("torchvision")] == [("torch==2.1.0",)]  # type: ignore[union-attr]


def test_an_unmet_requirement_of_others_tells_nothing_of_torch() -> None:
    text = "notebook 6.0 requires tornado>=6, but you have tornado 5.0 which is incompatible.\nRuntimeError: x\n"
    assert "unmet requirement" not in [run.name for run in snapshot_of(text).probes]


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("I have a RX 7900 XTX\nRuntimeError: x", "amd"),
        ("Radeon Pro VII here\nRuntimeError: x", "amd"),
        ("an RX 580, and an RTX 3060\nRuntimeError: x", None),
        ("see rx 1 in the trace\nRuntimeError: x", None),
    ],
)
def test_an_amd_gpu_is_read_from_a_sentence(text: str, vendor: str | None) -> None:
    gpus = getattr(snapshot_of(text).host, "gpus", None) or (None,)
    assert (gpus[0].vendor if gpus[0] else None) == vendor


def test_docker_build_s_prefixes_are_taken_away() -> None:
    text = "#9 [4/6] RUN pip install torch\n#9 0.401 error: externally-managed-environment\n"
    assert [one.text for one in snapshot_of(text).complaints] == ["error: externally-managed-environment"]
