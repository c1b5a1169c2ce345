"""Reading an index: real pages from a server on this machine, and every way in which one can be no help."""

import gzip

import pytest

from envkit.probes import index as probe
from envkit.probes.index import IndexFile, read_listings, read_metadata
from envkit.probes.pip_config import PipSources
from envkit.urls import without_credentials
from tests.package_index import HTML, JSON, PLAIN, VARIANTS, running_index

pytest.importorskip("pypi_simple")

DIRECT = PipSources()


@pytest.fixture
def index(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_index() as served:
        yield served


def read(*urls, sources=DIRECT, seconds=20.0):
    return read_listings(urls, "torch", sources, seconds=seconds)


def test_a_page_in_json_is_read(index):
    (listing,) = read(index.serve_json(PLAIN, yanked=PLAIN[:1]))
    assert [file.name for file in listing.files] == list(PLAIN)
    assert [file.yanked for file in listing.files] == [True] + [False] * (len(PLAIN) - 1)
    assert listing.problem == ""


def test_a_page_in_html_is_read(index):
    (listing,) = read(index.serve_html(VARIANTS, yanked=VARIANTS[1:2]))
    assert [file.name for file in listing.files] == list(VARIANTS)
    assert [file.name for file in listing.files if file.yanked] == [VARIANTS[1]]


def test_an_index_in_a_folder_is_read(tmp_path):
    page = tmp_path / "simple index/torch/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<html><body><a href="{PLAIN[0]}">{PLAIN[0]}</a></body></html>')
    (listing,) = read((tmp_path / "simple index").as_uri())
    assert [file.name for file in listing.files] == [PLAIN[0]]


def test_an_index_without_torch_lists_nothing_and_is_no_problem(index, tmp_path):
    assert [(found.files, found.problem) for found in read(index.url, tmp_path.as_uri())] == [((), "")] * 2


def test_indexes_are_read_side_by_side_and_one_that_fails_spares_the_others(index):
    index.status["/broken/torch/"] = 503
    good, broken, closed = read(index.serve_json(PLAIN), f"{index.url}/broken", "http://127.0.0.1:1/simple")
    assert len(good.files) == len(PLAIN)
    assert broken.problem == "HTTP status 503"
    assert "cannot be reached" in closed.problem
    assert "Connection refused" in closed.problem


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        pytest.param(JSON, b"{]", "the page is no index page in JSON", id="no JSON"),
        pytest.param(JSON, b"[" * 100_000, "the page is no index page in JSON", id="deep JSON"),
        pytest.param(JSON, b'{"files": 1}', "the page is no index page in JSON", id="other JSON"),
        pytest.param(
            "image/png", b"\x89PNG", "the page is of kind 'image/png', which is no index page", id="a picture"
        ),
    ],
)
def test_a_page_that_is_none_is_told(index, kind, body, problem):
    index.pages["/simple/torch/"] = (kind, body)
    (listing,) = read(f"{index.url}/simple")
    assert listing.problem.startswith(problem)
    assert listing.files == ()


@pytest.mark.parametrize("body", [b"\xff\xfe\x00garbage<a href=", b"<html>Please log in</html>", b""])
def test_html_without_wheels_lists_none(index, body):
    index.pages["/simple/torch/"] = (HTML, body)
    (listing,) = read(f"{index.url}/simple")
    assert [file for file in listing.files if file.name.endswith(".whl")] == []
    assert listing.problem == ""


def test_a_page_without_end_is_left(index, monkeypatch):
    monkeypatch.setattr(probe, "PAGE_LIMIT", 2**20)
    index.pages["/simple/torch/"] = (HTML, b"<a>" * 2**20)
    (listing,) = read(f"{index.url}/simple")
    assert listing.problem == "the answer is larger than 1 MiB"


def test_an_index_that_drips_is_left_when_the_time_is_over(index):
    index.slow.add("/slow/torch/")
    slow, good = read(f"{index.url}/slow", index.serve_json(PLAIN), seconds=1.0)
    assert slow.problem == "no full answer within 1 s"
    assert len(good.files) == len(PLAIN)


def test_credentials_are_used_and_never_shown(index):
    url = index.serve_json(PLAIN).replace("http://", "http://user:secret@")
    (listing,) = read(url)
    assert len(listing.files) == len(PLAIN)
    assert listing.url == without_credentials(url) == f"{index.url}/simple"


def test_a_proxy_is_gone_through(index, monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    index.pages["http://index.example/simple/torch/"] = (HTML, f"<a href='{PLAIN[0]}'>{PLAIN[0]}</a>".encode())
    (listing,) = read("http://index.example/simple", sources=PipSources(proxy=index.url))
    assert [file.name for file in listing.files] == [PLAIN[0]]


def test_metadata_is_read_where_the_index_serves_it(index):
    index.serve_json(PLAIN, metadata={PLAIN[0]: "Metadata-Version: 2.1\nName: torch\n"})
    (listing,) = read(f"{index.url}/simple")
    assert read_metadata(listing.files, DIRECT, seconds=20) == {PLAIN[0]: "Metadata-Version: 2.1\nName: torch\n"}


def test_metadata_that_is_not_the_announced_one_is_left_out(index):
    index.pages["/m"] = ("text/plain", b"Requires-Dist: evil")
    file = IndexFile(PLAIN[0], yanked=False, metadata_url=f"{index.url}/m", metadata_sha256="0" * 64)
    assert read_metadata([file], DIRECT, seconds=20) == {}


def test_compressed_garbage_without_end_is_left(index, monkeypatch):
    monkeypatch.setattr(probe, "PAGE_LIMIT", 2**20)
    bomb = gzip.compress(b"\0" * 2**24)
    index.pages["/simple/torch/"] = (f"{HTML}\r\nContent-Encoding: gzip", bomb)
    (listing,) = read(f"{index.url}/simple")
    assert listing.problem == "the answer is larger than 1 MiB"
