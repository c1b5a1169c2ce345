"""Whether an index answers."""

import http.server
import threading
from contextlib import contextmanager

import pytest

from envkit.apply.reach import why_unreachable


@contextmanager
def serving(answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    asked = []
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("answer", [200, 401, 404, 405])
def test_an_index_that_answers_is_there_whatever_it_says_of_one_project(answer):
    with serving(answer) as (url, asked):
        assert why_unreachable(f"{url}/whl/cpu") == ""

    assert asked == ["/whl/cpu/torch/"]


@pytest.mark.parametrize(
    ("answer", "why"), [(403, "it answers 403 Forbidden"), (503, "it answers 503 Service Unavailable")]
)
def test_an_index_that_refuses_is_not(answer, why):
    with serving(answer) as (url, _):
        assert why_unreachable(url) == why


def test_nobody_listening_is_told_at_once():
    assert why_unreachable("http://127.0.0.1:9/whl") == "Connection refused"


def test_a_proxy_is_asked_in_its_place(monkeypatch):
    with serving(200) as (proxy, asked):
        monkeypatch.setenv("http_proxy", proxy)
        assert why_unreachable("http://no.such.host.invalid/whl") == ""

    assert asked == ["http://no.such.host.invalid/whl/torch/"]


def test_a_folder_is_there_or_not(tmp_path):
    assert why_unreachable(tmp_path.as_uri()) == ""
    assert why_unreachable((tmp_path / "gone").as_uri()) == "there is no such folder"
