"""What pip is configured with, asked of real pips with real files and variables."""

import os
import sys

import pytest

from envkit.probes.pip_config import PipSources, read_pip_sources
from envkit.snapshot import Unknown

_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT", "PIP_PROXY")


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Write pip.conf and set variables; nothing that this machine is configured with is left."""

    def configure(text="", **variables):
        file = tmp_path / "pip.conf"
        file.write_text(text)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
        for name in _VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_pip_sources(sys.executable)

    return configure


def test_nothing_configured_is_the_default_index(configured):
    found = configured("", PIP_CONFIG_FILE=os.devnull)
    assert found == PipSources()


def test_a_file_names_the_indexes(configured):
    found = configured(
        "[global]\nindex-url = https://mirror.example/simple\n"
        "extra-index-url =\n  https://one.example/simple\n  https://two.example/simple\n"
        "find-links = /wheels /more\ntrusted-host = mirror.example\n"
    )
    assert found == PipSources(
        index_url="https://mirror.example/simple",
        extra_index_urls=("https://one.example/simple", "https://two.example/simple"),
        find_links=("/wheels", "/more"),
        trusted_hosts=("mirror.example",),
        cert=found.cert,  # the machine's own file may name one
    )


def test_the_section_of_install_stands_above_the_global_one(configured):
    found = configured("[global]\nindex-url = https://a.example\n[install]\nindex-url = https://b.example\n")
    assert found.index_url == "https://b.example"


def test_the_section_of_another_command_does_not_count(configured):
    assert configured("[download]\nindex-url = https://a.example\n").index_url == configured("").index_url


def test_a_variable_stands_above_the_files(configured):
    found = configured(
        "[global]\nindex-url = https://a.example\nextra-index-url = https://x.example\n",
        PIP_INDEX_URL="https://c.example",
        PIP_EXTRA_INDEX_URL="https://y.example https://z.example",
    )
    assert found.index_url == "https://c.example"
    assert found.extra_index_urls == ("https://y.example", "https://z.example")


def test_an_empty_variable_counts_as_none(configured):
    assert configured("[global]\nindex-url = https://a.example\n", PIP_INDEX_URL="").index_url == "https://a.example"


@pytest.mark.parametrize(("value", "means"), [("1", True), ("true", True), ("0", False), ("no", False)])
def test_no_index_is_read_as_pip_reads_it(configured, value, means):
    assert configured("", PIP_NO_INDEX=value).no_index is means


def test_a_quote_in_a_value_stays_in_it(configured):
    assert configured("", PIP_INDEX_URL="https://a.example/it's").index_url == "https://a.example/it's"


def test_certificates_and_proxy_are_the_way_to_an_index(configured):
    found = configured("[global]\ncert = /etc/ca.pem\nproxy = http://proxy.example:3128\n")
    assert (found.cert, found.proxy) == ("/etc/ca.pem", "http://proxy.example:3128")


def test_a_file_of_that_name_in_the_current_folder_is_not_pip(configured, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    assert configured("", PIP_INDEX_URL="https://a.example").index_url == "https://a.example"


def test_without_pip_nothing_is_known(bare_target):
    found = read_pip_sources(str(bare_target))
    assert isinstance(found, Unknown)
    assert "No module named pip" in found.why


def test_an_interpreter_that_is_not_there_is_no_crash(tmp_path):
    found = read_pip_sources(str(tmp_path / "python"))
    assert isinstance(found, Unknown)
    assert "could not be started" in found.why


def test_a_configuration_that_pip_cannot_read_is_told(configured):
    found = configured("this is no configuration\n")
    assert isinstance(found, Unknown)
