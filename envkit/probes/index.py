"""What a package index lists: its page of a project, read live, and the metadata of single wheels.

An index may be slow, broken or hostile: every read has a limit of size and all of them together a limit of time.
"""

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from envkit.errors import EnvkitError
from envkit.probes.pip_config import PipSources
from envkit.urls import without_credentials

if TYPE_CHECKING:
    import requests
    from pypi_simple import DistributionPackage, ProjectPage

PAGE_LIMIT = 16 * 2**20
"""Bytes of an index's page; that of torch on the default index has half a megabyte."""
METADATA_LIMIT = 2 * 2**20
FILES_LIMIT = 100_000
"""Files of a page that are looked at."""

_CONNECT_LIMIT = 15.0
_CHUNK = 64 * 2**10
_POLL = 0.1

T = TypeVar("T")
OnWait = Callable[[tuple[str, ...]], None]


class IndexFile(NamedTuple):
    """A file that an index lists; `metadata_url` is None where it does not serve the metadata by itself."""

    name: str
    yanked: bool
    metadata_url: str | None
    metadata_sha256: str


class Listing(NamedTuple):
    """An index's answer; `problem` says why there is none, "" when there is: also that it lists nothing."""

    url: str
    """The index, without credentials."""
    files: tuple[IndexFile, ...] = ()
    problem: str = ""


class UnreadableError(Exception):
    """An index did not give an answer that can be used; the text says why."""


class _NoPageError(Exception):
    """An index answers that it does not have the project."""


def check_reader() -> None:
    """Raise `EnvkitError` where the library that reads indexes is not installed."""
    try:
        import pypi_simple  # noqa: F401 - that it can be imported is the question
    except ImportError as missing:
        raise EnvkitError(
            f"indexes are read with pypi-simple, which cannot be used: {missing}",
            hint=f"`{sys.executable} -m pip install 'torch-envkit[refresh]'`",
            exit_code=1,
        ) from missing


def default_index() -> str:
    """Return the root of the index that pip asks when it is not configured."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return str(PYPI_SIMPLE_ENDPOINT)


def read_listings(
    urls: Sequence[str], project: str, sources: PipSources, *, seconds: float, on_wait: OnWait | None = None
) -> tuple[Listing, ...]:
    """Read the page of a project on every index, side by side; what does not answer in time has a problem."""
    # Loaded here once: threads that import one module together wait for each other.
    import pypi_simple  # noqa: F401

    answers = _together(
        {url: lambda url=url: _read_listing(url, project, sources) for url in urls},  # type: ignore[misc]
        seconds,
        {url: without_credentials(url) for url in urls},
        on_wait,
    )
    return tuple(_listing(without_credentials(url), answers[url]) for url in urls)


def _listing(url: str, answer: "tuple[IndexFile, ...] | Exception") -> Listing:
    return Listing(url, problem=str(answer)) if isinstance(answer, Exception) else Listing(url, answer)


def read_metadata(
    files: Iterable[IndexFile], sources: PipSources, *, seconds: float, on_wait: OnWait | None = None
) -> dict[str, str]:
    """Return the metadata of the wheels whose index serves it, by file name; what cannot be had is left out."""
    served = {file.name: file for file in files if file.metadata_url}
    answers = _together(
        {name: lambda file=file: _read_metadata(file, sources) for name, file in served.items()},  # type: ignore[misc]
        seconds,
        {name: f"metadata of {name}" for name in served},
        on_wait,
    )
    return {name: text for name, text in answers.items() if isinstance(text, str)}


def _together(
    tasks: Mapping[str, Callable[[], T]], seconds: float, labels: Mapping[str, str], on_wait: OnWait | None
) -> dict[str, T | Exception]:
    """Run every task in a thread of its own; one that fails or does not end in time gives its exception."""
    answers: dict[str, T | Exception] = {}

    def work(name: str, task: Callable[[], T]) -> None:
        try:
            answers[name] = task()
        except Exception as problem:  # noqa: BLE001 - whatever an answer of nobody's making sets off
            answers[name] = problem if isinstance(problem, UnreadableError) else UnreadableError(_short(problem))

    threads = {name: threading.Thread(target=work, args=(name, task), daemon=True) for name, task in tasks.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + seconds
    while (waiting := [name for name in threads if name not in answers]) and time.monotonic() < deadline:
        threads[waiting[0]].join(_POLL)
        if on_wait is not None and waiting[0] not in answers:
            on_wait(tuple(labels[name] for name in waiting))
    late = UnreadableError(f"no full answer within {seconds:g} s")
    return {name: answers.get(name, late) for name in tasks}


def _short(problem: Exception) -> str:
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."


def _read_listing(url: str, project: str, sources: PipSources) -> tuple[IndexFile, ...]:
    address = f"{url.rstrip('/')}/{project}/"
    read = _local_page if urlsplit(url).scheme == "file" else _remote_page
    try:
        page = read(address, project, sources)
    except _NoPageError:
        return ()
    return tuple(_index_file(package) for package in page.packages[:FILES_LIMIT])


def _index_file(package: "DistributionPackage") -> IndexFile:
    return IndexFile(
        name=package.filename,
        yanked=package.is_yanked,
        metadata_url=package.metadata_url if package.has_metadata else None,
        metadata_sha256=(package.metadata_digests or {}).get("sha256", ""),
    )


def _local_page(address: str, project: str, _sources: PipSources) -> "ProjectPage":
    from pypi_simple import ProjectPage

    path = Path(url2pathname(urlsplit(address).path)) / "index.html"
    try:
        with path.open("rb") as file:
            data = file.read(PAGE_LIMIT + 1)
    except FileNotFoundError as absent:
        raise _NoPageError from absent
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from error
    _check_size(len(data), PAGE_LIMIT)
    return ProjectPage.from_html(project, data, address)


def _remote_page(address: str, project: str, sources: PipSources) -> "ProjectPage":
    import msgspec
    from pypi_simple import ACCEPT_JSON_PREFERRED, ProjectPage

    response, data = _get(address, sources, PAGE_LIMIT, ACCEPT_JSON_PREFERRED)
    kind = response.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if kind == "application/vnd.pypi.simple.v1+json":
        try:
            return ProjectPage.from_json_data(msgspec.json.decode(data), response.url)
        except (ValueError, RecursionError) as problem:
            raise UnreadableError(f"the page is no index page in JSON: {_short(problem)}") from problem
    if kind in ("application/vnd.pypi.simple.v1+html", "text/html"):
        return ProjectPage.from_html(project, data, response.url)
    raise UnreadableError(f"the page is of kind {kind!r}, which is no index page")


def _read_metadata(file: IndexFile, sources: PipSources) -> str:
    _, data = _get(str(file.metadata_url), sources, METADATA_LIMIT, "*/*")
    if file.metadata_sha256 and hashlib.sha256(data).hexdigest() != file.metadata_sha256.lower():
        raise UnreadableError("the metadata is not what the index announced")
    return data.decode("utf-8", "replace")


def _get(address: str, sources: PipSources, limit: int, accept: str) -> "tuple[requests.Response, bytes]":
    import requests

    try:
        with requests.get(
            address,
            headers={"Accept": accept},
            stream=True,
            timeout=_CONNECT_LIMIT,
            **_way(sources, address),
        ) as response:
            if response.status_code in (requests.codes.not_found, requests.codes.gone):
                raise _NoPageError
            if response.status_code != requests.codes.ok:
                raise UnreadableError(f"HTTP status {response.status_code}")
            data = bytearray()
            for chunk in response.iter_content(_CHUNK):
                data += chunk
                _check_size(len(data), limit)
            return response, bytes(data)
    except requests.exceptions.SSLError as problem:
        raise UnreadableError(f"its certificate is not trusted ({_reason(problem)})") from problem
    except requests.exceptions.Timeout as problem:
        raise UnreadableError(f"no answer within {_CONNECT_LIMIT:g} s") from problem
    except requests.exceptions.RequestException as problem:
        raise UnreadableError(f"cannot be reached ({_reason(problem)})") from problem


def _way(sources: PipSources, address: str) -> dict[str, Any]:
    """Return how pip goes to an address: proxy, certificates, trusted hosts. ~/.netrc is read without being told."""
    way: dict[str, Any] = {}
    if sources.proxy:
        way["proxies"] = {"http": sources.proxy, "https": sources.proxy}
    host = urlsplit(address)
    if {host.hostname, f"{host.hostname}:{host.port}"} & set(sources.trusted_hosts):
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        way["verify"] = False
    elif sources.cert:
        way["verify"] = sources.cert
    if sources.client_cert:
        way["cert"] = sources.client_cert
    return way


def _reason(problem: Any) -> str:
    """Return the innermost words of an error that libraries wrapped into their own."""
    while isinstance(problem, BaseException):
        inner = getattr(problem, "reason", None) or next(iter(problem.args), None)
        if not isinstance(inner, BaseException) and not isinstance(inner, str):
            inner = problem.args[-1] if problem.args else type(problem).__name__
        problem = inner
    return _short(Exception(str(problem).rpartition(">: ")[2]))


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise UnreadableError(f"the answer is larger than {limit // 2**20} MiB")
