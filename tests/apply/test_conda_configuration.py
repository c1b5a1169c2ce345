"""The user's conda configuration, as far as it says where packages come from and environments go."""

import pytest

from envkit.errors import EnvkitError

pytest.importorskip("yaml", reason="it comes with the extra [conda]")

from envkit.apply.conda.condarc import read_configuration


@pytest.fixture
def configured(tmp_path):
    """`configured({".condarc": "channels: [a]"}, CONDA_CHANNELS="b")`: files below the home folder, and variables."""

    def read(files=None, **variables):
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return read_configuration({"HOME": str(tmp_path), **variables})

    return read


def test_without_a_file_a_name_is_a_channel_of_condas_own_server(configured):
    configuration = configured()

    assert configuration.channels == ()
    assert configuration.channel_priority == "flexible"
    assert configuration.locate("conda-forge") == ("https://conda.anaconda.org/conda-forge",)


@pytest.mark.parametrize(
    ("text", "channel", "urls"),
    [
        pytest.param(
            "channel_alias: https://mirror.corp/conda/", "pytorch", ["https://mirror.corp/conda/pytorch"], id="alias"
        ),
        pytest.param(
            "custom_channels: {conda-forge: https://a.corp/x}",
            "conda-forge",
            ["https://a.corp/x/conda-forge"],
            id="custom",
        ),
        pytest.param(
            "custom_channels: {conda-forge: 'file:///srv'}",
            "conda-forge/label/rc",
            ["file:///srv/conda-forge/label/rc"],
            id="custom, with a label",
        ),
        pytest.param(
            "mirrored_channels: {conda-forge: [https://one/x, https://two/y]}",
            "conda-forge",
            ["https://one/x", "https://two/y"],
            id="mirrored",
        ),
        pytest.param(
            "custom_multichannels: {ours: [conda-forge, https://b.corp/x]}",
            "ours",
            ["https://conda.anaconda.org/conda-forge", "https://b.corp/x"],
            id="several under one name",
        ),
        pytest.param("default_channels: [https://m/main]", "defaults", ["https://m/main"], id="defaults"),
        pytest.param("channel_alias: https://m", "file:///srv/x", ["file:///srv/x"], id="a URL is itself"),
        pytest.param("channel_alias: https://m", "/srv/x", ["file:///srv/x"], id="a path is itself"),
    ],
)
def test_a_name_is_looked_up_as_conda_does(configured, text, channel, urls):
    assert configured({".condarc": text}).locate(channel) == tuple(urls)


def test_files_are_merged_with_the_nearer_one_first(configured):
    files = {
        ".config/conda/.condarc": "channels: [far, both]\nchannel_alias: https://far\ncustom_channels: {a: 'file:///a'}",
        ".conda/condarc.d/one.yml": "envs_dirs: [/one]",
        ".condarc": "channels: [near, both]\nchannel_alias: https://near\ncustom_channels: {b: 'file:///b'}",
    }

    configuration = configured(files)

    assert configuration.channels == ("near", "both", "far")
    assert configuration.channel_alias == "https://near"
    assert configuration.custom_channels == {"a": "file:///a", "b": "file:///b"}
    assert configuration.envs_dirs == ("/one",)


def test_the_file_that_a_variable_names_counts_most(configured, tmp_path):
    (tmp_path / "mine.yml").write_text("channel_priority: strict")

    configuration = configured({".condarc": "channel_priority: disabled"}, CONDARC=str(tmp_path / "mine.yml"))

    assert configuration.channel_priority == "strict"


def test_variables_count_more_than_files(configured):
    configuration = configured(
        {".condarc": "channels: [a]\nchannel_alias: https://file"},
        CONDA_CHANNELS="b,c",
        CONDA_CHANNEL_ALIAS="https://variable",
        CONDA_ENVS_PATH="/one:/two",
    )

    assert configuration.channels == ("b", "c", "a")
    assert configuration.channel_alias == "https://variable"
    assert configuration.envs_dirs == ("/one", "/two")


def test_proxies_and_certificates_are_read(configured):
    configuration = configured({".condarc": "proxy_servers: {https: 'http://proxy:3128'}\nssl_verify: false"})

    assert configuration.proxy_servers == {"https": "http://proxy:3128"}
    assert configuration.ssl_verify is False


def test_variables_inside_a_file_are_put_in(configured, monkeypatch):
    monkeypatch.setenv("CONDA_TOKEN", "s3cret")

    configuration = configured({".condarc": "channels: ['https://m/t/${CONDA_TOKEN}/x']"})

    assert configuration.channels == ("https://m/t/s3cret/x",)


@pytest.mark.parametrize("text", ["", "- a list", "channels: conda-forge", "channels: {a: b}\ncustom_channels: [x]"])
def test_what_is_of_another_shape_than_it_should_be_is_no_failure(configured, text):
    assert configured({".condarc": text}).channels in ((), ("conda-forge",))


def test_a_file_that_is_no_yaml_is_named(configured, tmp_path):
    with pytest.raises(EnvkitError, match=r"conda's configuration `.*\.condarc` cannot be read: while parsing"):
        configured({".condarc": "channels: [a"})
