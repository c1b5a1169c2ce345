"""`envkit doctor --deep`: what is in the files, through the command line."""

from pathlib import Path

import pytest

from tests.conftest import Cli, site_of
from tests.standins.torch_package import add_metadata, install_torch


def alter_a_byte(file: Path) -> None:
    """Change one byte and keep the size, as a failing disk does."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_a_byte_that_changed_is_seen_by_its_hash_alone(cli: Cli, bare_target: Path) -> None:
    alter_a_byte(install_torch(site_of(bare_target)) / "lib/libtorch_cpu.so")
    asked = ("doctor", "--quick", "--json", "--python", str(bare_target))
    assert "torch-corrupt" not in cli(*asked).codes
    run = cli(*asked, "--deep")
    assert (run.code, run.codes[0]) == (1, "torch-corrupt")
    assert any(
        "torch/lib/libtorch_cpu.so has other bytes" in fact["value"] for fact in run.json["findings"][0]["facts"]
    )


def test_a_whole_torch_is_told_to_have_been_read(cli: Cli, bare_target: Path) -> None:
    install_torch(site_of(bare_target))
    asked = ("doctor", "--deep", "--python", str(bare_target))
    assert "read and compared by hash: 3 of torch" in cli(*asked).out
    (torch,) = cli(*asked, "--json").json["snapshot"]["packages"]["distributions"]
    assert (torch["damage"]["entries"], torch["damage"]["hashed"], torch["damage"]["altered"]) == (4, 3, 0)


@pytest.mark.parametrize(
    ("name", "library", "code"),
    [
        ("nvidia-cudnn-cu13", "nvidia/cudnn/lib/libcudnn.so.9", "nvidia-wheels-mismatch"),
        ("torchvision", "torchvision/_C.so", "companion-mismatch"),
        ("numpy", "numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so", "numpy-abi"),
    ],
)
def test_a_library_of_a_wheel_beside_torch_is_read_too(
    cli: Cli, bare_target: Path, name: str, library: str, code: str
) -> None:
    site = site_of(bare_target)
    install_torch(site, "2.13.0+cpu", cuda=None)
    file = site / library
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x7fELF stand-in")
    version = "0.28.0" if name == "torchvision" else "2.4.6"
    add_metadata(site, name.replace("-", "_"), version, site / library.partition("/")[0])
    asked = ("doctor", "--quick", "--deep", "--json", "--python", str(bare_target))
    assert code not in cli(*asked).codes
    alter_a_byte(file)
    assert cli(*asked).codes[0] == code


def test_a_file_that_cannot_be_compared_is_no_damage(cli: Cli, bare_target: Path) -> None:
    site = site_of(bare_target)
    install_torch(site)
    record = next(site.glob("torch-*.dist-info")) / "RECORD"
    record.write_text(record.read_text().replace("sha256=", "no-such-method="))
    assert "torch-corrupt" not in cli("doctor", "--quick", "--deep", "--json", "--python", str(bare_target)).codes


def test_what_was_recorded_has_no_files_to_read(cli: Cli, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("PyTorch version: 2.5.1\n")
    run = cli("doctor", "--deep", "--from", str(report))
    assert run.code == 2
    assert "--deep" in run.err
