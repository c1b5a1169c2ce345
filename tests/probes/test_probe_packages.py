"""What the probe says of installed packages and of where modules come from, in small real environments."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from envkit.probes.framing import SCRIPTS, run_script
from envkit.probes.selection import Choice
from envkit.probes.target import Progress, decoded, probe_target
from envkit.processes import run
from envkit.snapshot import Distribution, FileDamage, ModuleOrigin, Packages
from tests.conftest import make_target, site_of
from tests.standins.torch_package import add_metadata, install_torch


def packages_of(
    python: Path, monkeypatch: pytest.MonkeyPatch, folder: Path | None = None, section: str = "packages"
) -> Packages:
    """Probe a target from within `folder`, its own by default."""
    monkeypatch.chdir(folder or python.parent)
    said = run_script([str(python)], "probe.py", [section], timeout=30).merged("packages")
    assert said is not None
    packages = decoded(said, Packages)
    assert isinstance(packages, Packages), packages
    return packages


def installed_by(packages: Packages, site: Path) -> Distribution:
    """Return the torch that lies in a site folder, as its own metadata tells it."""
    (found,) = (found for found in packages.named("torch") if Path(found.metadata).parent == site)
    return found


# -- conda ----------------------------------------------------------------------------------------


def conda_record(prefix: Path, package: str, folder: Path) -> None:
    """Write the record of a conda package whose files are all those in `folder` of the prefix and its metadata."""
    files = sorted(path.relative_to(prefix).as_posix() for path in folder.rglob("torch*/**/*") if path.is_file())
    files += sorted(path.relative_to(prefix).as_posix() for path in folder.glob("*.egg-info") if path.is_file())
    name, version, build = package.rsplit("-", 2)
    paths = [_path(prefix, file) for file in files]
    record = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "channel": "pytorch",
        "depends": ["python >=3.11,<3.12.0a0"],
        "files": files,
        "paths_data": {"paths": paths, "paths_version": 1},
        "link": {"source": "/opt/conda/pkgs/" + package, "type": 1},
    }
    (prefix / "conda-meta").mkdir(exist_ok=True)
    (prefix / "conda-meta" / f"{package}.json").write_text(json.dumps(record))


def _path(prefix: Path, name: str) -> dict[str, Any]:
    """What conda notes of a file: where it has put the prefix in, size and hash are those of before."""
    data = (prefix / name).read_bytes()
    told = {"_path": name, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest()}
    if b"/home/user/conda" not in data:
        return {**told, "sha256_in_prefix": told["sha256"], "size_in_bytes": len(data)}
    before = {"sha256": "0" * 64, "size_in_bytes": 7, "file_mode": "text", "prefix_placeholder": "/build/placehold"}
    return {**told, **before, "sha256_in_prefix": told["sha256"]}


@pytest.mark.parametrize("installer", ["conda", "pip"])
def test_a_dist_info_that_conda_brought_is_conda_s(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, installer: str
) -> None:
    site = site_of(bare_target)
    package = install_torch(site, "2.5.1", installer=installer)
    # conda puts the prefix into files after RECORD was written: another size is no damage.
    (package / "version.py").write_text("__version__ = '2.5.1'\ncuda = '12.4'\n# /home/user/conda/envs/lecture\n")
    conda_record(site_of(bare_target).parents[2], "pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0", site)
    packages = packages_of(bare_target, monkeypatch)
    torch = installed_by(packages, site)
    assert (torch.installer, torch.damage, torch.version) == ("conda", None, "2.5.1")
    (record,) = packages.named("pytorch")
    assert record.damage is not None
    assert (record.damage.missing, record.damage.altered) == (0, 0)
    assert record.damage.entries > 3


def test_a_file_that_conda_s_record_misses_is_damage(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    package = install_torch(site, "2.5.1", installer="conda")
    conda_record(site.parents[2], "pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0", site)
    (package / "lib/libtorch_cpu.so").unlink()
    (record,) = packages_of(bare_target, monkeypatch).named("pytorch")
    assert record.damage is not None
    assert record.damage.missing == 1


PYTORCH = "pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0"


def test_sizes_are_compared_with_conda_s_record(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    library = install_torch(site, "2.5.1", installer="conda") / "lib/libtorch_cpu.so"
    conda_record(site.parents[2], PYTORCH, site)
    library.write_bytes(b"")
    (record,) = packages_of(bare_target, monkeypatch).named("pytorch")
    assert record.damage is not None
    assert (record.damage.missing, record.damage.altered) == (0, 1)
    assert "libtorch_cpu.so has 0 bytes" in record.damage.examples[0]


def test_deep_compares_with_the_hashes_of_conda_s_record(bare_target: Path) -> None:
    site = site_of(bare_target)
    package = install_torch(site, "2.5.1", installer="conda")
    (package / "version.py").write_text("__version__ = '2.5.1'\n# /home/user/conda/envs/lecture\n")
    conda_record(site.parents[2], PYTORCH, site)

    def read() -> Any:
        said = run_script([str(bare_target)], "probe.py", ["packages-deep"], timeout=30).merged("packages")
        (record,) = decoded(said or {}, Packages).named("pytorch")  # type: ignore[union-attr]
        return record.damage

    whole = read()
    assert (whole.hashed, whole.altered) == (whole.entries, 0)
    (package / "lib/libtorch_cpu.so").write_bytes(b"\x7fELF stand-iN")
    (package / "version.py").write_text("__version__ = '2.5.2'\n# /home/user/conda/envs/lecture\n")
    assert read().altered == 2


def test_sizes_are_not_compared_for_what_says_that_conda_installed_it(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_of(bare_target)
    (install_torch(site, installer="conda") / "version.py").write_text("")
    assert installed_by(packages_of(bare_target, monkeypatch), site).damage is None


def test_what_pip_put_beside_conda_s_stays_pip_s(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    conda_record(site.parents[2], "pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0", site)
    install_torch(site, "2.13.0")
    torch = installed_by(packages_of(bare_target, monkeypatch), site)
    assert torch.installer == "pip"
    assert torch.damage is not None


PKG_INFO = "Metadata-Version: 2.1\r\nName: torch\r\nVersion: 2.1.0\r\n\r\nVersion: in the description\r\n"


@pytest.mark.parametrize("name", ["torch-2.1.0-py3.11.egg-info", "torch.egg-info"])
@pytest.mark.parametrize("as_folder", [True, False], ids=["folder", "file"])
def test_an_egg_info_tells_its_version_and_conda_s_is_conda_s(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, name: str, as_folder: bool
) -> None:
    site = site_of(bare_target)
    (site / "torch").mkdir()
    (site / "torch/version.py").write_text("__version__ = '2.1.0'\ncuda = '12.1'\n")
    if as_folder:
        (site / name).mkdir()
    (site / name / "PKG-INFO" if as_folder else site / name).write_text(PKG_INFO, newline="")
    conda_record(site.parents[2], "pytorch-2.1.0-py3.11_cuda12.1_cudnn8.9.2_0", site)
    torch = installed_by(packages_of(bare_target, monkeypatch), site)
    assert (torch.version, torch.installer) == ("2.1.0", "conda")
    assert (torch.damage, torch.requires) == (None, None)
    assert torch.build is not None
    assert torch.build.cuda == "12.1"


@pytest.mark.parametrize(
    "record",
    [
        *("", "{}", '{"files": 3}', "[]", '{"files": [7, null]}'),
        '{"files": ["a"], "paths_data": {"paths": [7]}}',
        '{"files": ["a"], "paths_data": {"paths": [{"_path": "a", "path_type": "hardlink", "size_in_bytes": "x"}]}}',
    ],
)
def test_a_damaged_record_of_conda_costs_nothing_else(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    install_torch(site_of(bare_target))
    meta = site_of(bare_target).parents[2] / "conda-meta"
    meta.mkdir()
    (meta / "pytorch-2.1.0-py3.11_0.json").write_text(record)
    packages = packages_of(bare_target, monkeypatch)
    assert [found.version for found in packages.named("pytorch")] == ["2.1.0"]
    assert packages.named("torch")


# -- where modules come from ----------------------------------------------------------------------


def origin_of_torch(python: Path, monkeypatch: pytest.MonkeyPatch, folder: Path | None = None) -> ModuleOrigin:
    found = packages_of(python, monkeypatch, folder).module("torch")
    assert found is not None
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a torch.py of the user's."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "torch.py").write_text("mine = True\n")
    return folder


def test_the_installed_module_has_no_way_in(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    origin = str(install_torch(site) / "__init__.py")
    torch = origin_of_torch(bare_target, monkeypatch)
    assert torch == ModuleOrigin(
        name="torch", origin=origin, entry=str(site), way_in="", otherwise=origin, version="2.13.0+cu130"
    )


def test_a_module_in_the_current_folder_came_in_by_it(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    installed = str(install_torch(site_of(bare_target)) / "__init__.py")
    assert origin_of_torch(bare_target, monkeypatch, project) == ModuleOrigin(
        name="torch",
        origin=str(project / "torch.py"),
        entry=str(project),
        way_in="current-folder",
        otherwise=installed,
        hidden=(installed,),
    )


def test_the_site_folder_as_the_current_one_shadows_nothing(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    install_torch(site)
    torch = origin_of_torch(bare_target, monkeypatch, site)
    assert torch.otherwise == torch.origin


@pytest.mark.parametrize("spelling", ["{0}", "{0}/", "{0}/../project", "/nowhere:{0}", "link"])
def test_a_module_on_pythonpath_came_in_by_it(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, project: Path, spelling: str
) -> None:
    installed = str(install_torch(site_of(bare_target)) / "__init__.py")
    (project.parent / "link").symlink_to(project)
    value = str(project.parent / "link") if spelling == "link" else spelling.format(project)
    monkeypatch.setenv("PYTHONPATH", value.replace(":", os.pathsep))
    torch = origin_of_torch(bare_target, monkeypatch)
    assert (torch.way_in, torch.entry, torch.otherwise) == ("PYTHONPATH", str(project), installed)


def test_the_site_folder_on_pythonpath_shadows_nothing(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    install_torch(site)
    monkeypatch.setenv("PYTHONPATH", f"{site}/")
    torch = origin_of_torch(bare_target, monkeypatch)
    assert (torch.way_in, torch.otherwise) == ("", torch.origin)


def test_a_module_that_is_only_on_pythonpath_hides_none(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))
    torch = origin_of_torch(bare_target, monkeypatch)
    assert (torch.way_in, torch.otherwise) == ("PYTHONPATH", "")


def test_a_folder_that_a_pth_file_names_is_no_situation_of_the_user_s(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (site_of(bare_target) / "mine.pth").write_text(f"{project}\n")
    torch = origin_of_torch(bare_target, monkeypatch)
    assert (torch.origin, torch.way_in) == (str(project / "torch.py"), "")
    assert torch.otherwise == torch.origin


# -- oddities of a search path ---------------------------------------------------------------------

SHADOWS = ("csv", "site", "sysconfig", "traceback", "warnings", "time", "importlib", "struct", "json", "ctypes", "_csv")


def test_nothing_of_the_current_folder_is_run(bare_target: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'run')!r}, 'a').write({name!r})\nraise SystemExit\n")
    install_torch(site_of(bare_target))
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert packages_of(bare_target, monkeypatch, folder).named("torch")
    assert not (folder / "run").exists()


def facts_with(hook: str, python: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # Debian has a sitecustomize of its own in the standard library, which would win.
    (site_of(python) / "site_hook.py").write_text(hook)
    (site_of(python) / "site_hook.pth").write_text("import site_hook\n")
    monkeypatch.chdir(python.parent)
    answers = run_script([str(python)], "probe.py", ["interpreter", "packages"], timeout=30)
    packages, interpreter = answers.merged("packages"), answers.merged("interpreter")
    assert packages is not None
    assert interpreter is not None
    assert not {"failed"} & {*packages, *interpreter}
    return {**interpreter, **packages}


def test_an_entry_that_is_no_text_is_told_and_passed_over(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_metadata(folder := bare_target.parent.parent / "odd", "torch", "2.13.0", None)
    code = f"import pathlib, sys\nsys.path += [pathlib.Path({str(folder)!r}), 7, None]\n"
    facts = facts_with(code, bare_target, monkeypatch)
    assert facts["search_path"][-3:] == [str(folder), "7", "None"]
    assert facts["distributions"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="a file system that takes any bytes as a name")
def test_a_folder_whose_name_is_no_text_spoils_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_target(tmp_path / "target")
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(odd)).mkdir()
    facts = facts_with(f"import sys\nsys.path.append({os.fsdecode(odd)!r})\n", python, monkeypatch)
    assert facts["search_path"][-1] == f"{tmp_path}/caf?"


def test_a_name_beyond_ascii_arrives_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "größe 𝛑"
    folder.mkdir()
    python = make_target(tmp_path / "target")
    facts = facts_with(f"import sys\nsys.path.append({str(folder)!r})\n", python, monkeypatch)
    assert facts["search_path"][-1] == str(folder)


# -- files against their RECORD --------------------------------------------------------------------


def with_headers(site: Path) -> Path:
    """Install a torch that has a folder of headers, one of them with a comma in its name; return that folder."""
    package = install_torch(site)
    headers = package / "include/ATen"
    headers.mkdir(parents=True)
    for name in (*(f"op_{number}.h" for number in range(9)), "a,b.h"):
        (headers / name).write_bytes(b"//")
    rows = [f"torch/include/ATen/op_{number}.h,,2" for number in range(9)] + ['"torch/include/ATen/a,b.h",,2']
    record = next(site.glob("torch-*.dist-info")) / "RECORD"
    record.write_text(record.read_text() + "\n".join(rows) + "\n")
    return headers


def harm_of(python: Path, section: str, monkeypatch: pytest.MonkeyPatch) -> FileDamage:
    found = installed_by(packages_of(python, monkeypatch, section=section), site_of(python)).damage
    assert found is not None
    return found


@pytest.mark.parametrize("section", ["packages", "packages-quick", "packages-deep"])
def test_each_way_to_compare_finds_what_is_missing(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    headers = with_headers(site_of(bare_target))
    whole = harm_of(bare_target, section, monkeypatch)
    assert (whole.entries, whole.missing, whole.altered) == (14, 0, 0)
    (headers / "op_4.h").unlink()
    (headers / "a,b.h").unlink()
    (headers.parent.parent / "lib/libtorch_cpu.so").unlink()
    harm = harm_of(bare_target, section, monkeypatch)
    assert (harm.entries, harm.missing, harm.altered) == (14, 3, 0)
    assert "torch/include/ATen/op_4.h is missing" in harm.examples


def test_a_quick_look_passes_over_the_sizes_of_headers_alone(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = with_headers(site_of(bare_target))
    (headers / "op_4.h").write_text("// altered")
    (headers.parent.parent / "lib/libtorch_cpu.so").write_bytes(b"")
    assert harm_of(bare_target, "packages", monkeypatch).altered == 2
    quick = harm_of(bare_target, "packages-quick", monkeypatch)
    assert (quick.entries, quick.altered) == (14, 1)
    assert quick.examples[0].startswith("torch/lib/libtorch_cpu.so has 0 bytes")


@pytest.mark.skipif("os.name == 'nt'", reason="pipes as POSIX has them")
@pytest.mark.parametrize("section", ["packages", "packages-quick", "packages-deep"])
@pytest.mark.parametrize("name", ["METADATA", "RECORD", "INSTALLER"])
def test_a_pipe_in_place_of_metadata_is_not_waited_for(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, name: str, section: str
) -> None:
    install_torch(site_of(bare_target))
    file = next(site_of(bare_target).glob("torch-*.dist-info")) / name
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    torch = installed_by(packages_of(bare_target, monkeypatch, section=section), site_of(bare_target))
    assert (torch.damage is None) is (name == "RECORD")


@pytest.mark.skipif("os.name == 'nt'", reason="pipes as POSIX has them")
@pytest.mark.parametrize("section", ["packages", "packages-deep"])
def test_a_pipe_in_place_of_an_empty_file_is_damage(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    package = install_torch(site_of(bare_target))
    os.mkfifo(package / "py.typed")
    record = next(site_of(bare_target).glob("torch-*.dist-info")) / "RECORD"
    record.write_text(record.read_text() + "torch/py.typed,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n")
    harm = harm_of(bare_target, section, monkeypatch)
    assert harm.examples == ("torch/py.typed is no file any more",)


@pytest.mark.skipif("sys.platform != 'linux'", reason="/proc")
def test_no_folder_stays_open(tmp_path: Path) -> None:
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from envkit_probe.records import look_up\n"
        "before = os.listdir('/proc/self/fd'); look_up(sys.argv[2], [('x', '', None)] * 3)\n"
        "sys.exit(os.listdir('/proc/self/fd') != before)"
    )
    assert run([sys.executable, "-c", script, str(SCRIPTS), str(tmp_path)], timeout=20).exit_code == 0


def test_how_far_the_reading_of_files_is_comes_while_it_goes_on(bare_target: Path) -> None:
    install_torch(site_of(bare_target))
    progress = Progress()
    probe_target(Choice(str(bare_target), ""), 30, deep=progress)
    assert progress.told.startswith("torch, 0 of 0 MB")
    for nonsense in ({}, {"package": "x", "done": "many", "total": 1}, {"package": "x", "done": None, "total": None}):
        progress.hear("progress", nonsense)
    assert progress.told.startswith("torch, ")


# -- what other Pythons, and other packages, have to do with it -----------------------------------


def test_what_any_package_asks_of_torch_is_read(bare_target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_of(bare_target)
    add_metadata(site, "sglang", "0.4.0", requires=("torch==2.5.1", "torchvision", "torch (>=2) ; extra == 'odd'"))
    add_metadata(site, "acme", "1.0", requires=("torchvision==0.1", "torch-geometric"))
    told = {one.name: one.requires for one in packages_of(bare_target, monkeypatch).distributions}
    assert told == {"sglang": ("torch==2.5.1", "torch (>=2) ; extra == 'odd'"), "acme": None}
    quick = packages_of(bare_target, monkeypatch, section="packages-quick").distributions
    assert [one.requires for one in quick] == [None, None]


def test_the_compiled_part_is_told_by_the_names_of_its_files(
    bare_target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = install_torch(site_of(bare_target), "2.13.0+cpu", cuda=None)
    for name in ("_C.cpython-310-x86_64-linux-gnu.so", "_C.cp311-win_amd64.pyd", "_C.pyi", "_Cx.so"):
        (package / name).write_text("")
    (package / "_C").mkdir()
    module = packages_of(bare_target, monkeypatch).module("torch")
    assert module is not None
    assert sorted(module.compiled) == ["_C.cp311-win_amd64.pyd", "_C.cpython-310-x86_64-linux-gnu.so"]
