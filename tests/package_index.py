"""A package index on this machine, for tests: pages of any kind, over HTTP, and what was asked of it."""

import hashlib
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"

# A release that no envkit ships: default wheels for all systems, as the real ones are named.
RELEASE = "99.1.0"
PLAIN = (
    f"torch-{RELEASE}-cp312-cp312-manylinux_2_28_x86_64.whl",
    f"torch-{RELEASE}-cp313-cp313-manylinux_2_28_x86_64.whl",
    f"torch-{RELEASE}-cp313-cp313t-manylinux_2_28_x86_64.whl",
    f"torch-{RELEASE}-cp313-cp313-manylinux_2_28_aarch64.whl",
    f"torch-{RELEASE}-cp313-cp313-macosx_14_0_arm64.whl",
    f"torch-{RELEASE}-cp313-cp313-win_amd64.whl",
)
VARIANTS = tuple(
    f"torch-{RELEASE}+{local}-cp313-cp313-{platform}.whl"
    for local in ("cpu", "cu126", "cu132")
    for platform in ("manylinux_2_28_x86_64", "win_amd64")
)
OLD = ("torch-2.5.1-cp312-cp312-manylinux1_x86_64.whl", "torch-1.0.0-cp37-cp37m-manylinux1_x86_64.whl")


@dataclass
class Index:
    """What is served: path -> (kind, body); `slow` paths send a byte now and then and never end."""

    url: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    status: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve_json(self, names, *, folder="simple", yanked=(), metadata=None):
        """Serve a page of torch in JSON (PEP 691); `metadata` is the METADATA of wheels by name (PEP 658)."""
        told = metadata or {}
        files = [
            {
                "filename": name,
                "url": f"/files/{name}",
                "hashes": {},
                **({"yanked": "withdrawn"} if name in yanked else {}),
                **({"core-metadata": {"sha256": _sha256(told[name])}} if name in told else {}),
            }
            for name in names
        ]
        body = json.dumps({"meta": {"api-version": "1.0"}, "name": "torch", "files": files}).encode()
        self.pages[f"/{folder}/torch/"] = (JSON, body)
        for name, text in told.items():
            self.pages[f"/files/{name}.metadata"] = ("text/plain", text.encode())
        return f"{self.url}/{folder}"

    def serve_html(self, names, *, folder="whl", yanked=()):
        """Serve a page of torch in HTML (PEP 503), as PyTorch's own index does."""
        marks = dict.fromkeys(yanked, ' data-yanked=""')
        links = "".join(f'<a href="/files/{_quoted(name)}"{marks.get(name, "")}>{name}</a><br/>\n' for name in names)
        page = f"<!DOCTYPE html><html><body><h1>Links for torch</h1>{links}</body></html>"
        self.pages[f"/{folder}/torch/"] = (HTML, page.encode())
        return f"{self.url}/{folder}"


def _sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _quoted(name):
    return name.replace("+", "%2B")


@contextmanager
def running_index():
    """Serve an index until the end of the block."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            index.asked.append(self.path)
            if self.path in index.slow:
                self._drip()
                return
            kind, body = index.pages.get(self.path, ("text/plain", b"no such page"))
            self.send_response(index.status.get(self.path, 200 if self.path in index.pages else 404))
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def _drip(self):
            self.send_response(200)
            self.send_header("Content-Type", HTML)
            self.end_headers()
            with suppress(OSError):
                while not stopped.wait(0.05):
                    self.wfile.write(b" ")

        def log_message(self, *_):
            pass

    stopped = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def pip_variables(index_url, **more):
    """Return variables with which pip is configured for that index alone, whatever this machine says."""
    import os

    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index_url,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "",
        "PIP_CERT": "",
        "PIP_PROXY": "",
        "HTTP_PROXY": "",
        "http_proxy": "",
        "NO_PROXY": "127.0.0.1",
        **more,
    }
