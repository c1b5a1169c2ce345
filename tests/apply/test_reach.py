"""Whether an index answers."""

import http.server
import socket
import threading
from contextlib import contextmanager, suppress

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


@contextmanager
def talking(talk):
    """A server that does with its first visitors what `talk` does with their sockets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError):
                while True:
                    visitor, _ = server.accept()
                    threading.Thread(target=talk, args=(visitor,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_what_speaks_something_else_is_no_index():
    def greet(visitor):
        visitor.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        visitor.close()

    with talking(greet) as url:
        assert why_unreachable(url) == "what answers there does not speak HTTP"


def test_an_answer_that_trickles_in_is_not_waited_for(monkeypatch):
    def trickle(visitor):
        with suppress(OSError), visitor:
            visitor.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                visitor.sendall(b"x")

    over = threading.Event()
    monkeypatch.setattr("envkit.apply.reach._LIMIT", 0.3)
    with talking(trickle) as url:
        assert why_unreachable(url) == "no answer"
    over.set()


@pytest.mark.parametrize("url", ["http://host:port/whl", "http://[::1/whl"])
def test_an_address_that_is_none_is_told(url):
    assert why_unreachable(url)
