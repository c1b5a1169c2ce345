"""Did the installer reach its index, and does that have what was asked for?"""

import re
from typing import NamedTuple

import msgspec

from envkit import reading
from envkit.checks.fixes import pip
from envkit.findings import Fact, Finding, Fix, Severity
from envkit.matrix import Matrix
from envkit.matrix.versions import minor, public
from envkit.snapshot import Snapshot

_INSTALLER = "pip"
"""The source of what an installer says, whichever it is."""


def check_network_index(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find an index that could not be reached, or that lacks the build that was asked for."""
    lacking = _lacking_build(snapshot, matrix) or _lacking_all(snapshot, matrix)
    if lacking is not None:
        return lacking
    quotes = reading.quotes(_of_installers(snapshot, matrix), matrix, "network-index")
    if not quotes:
        return None
    told = " ".join(quote.value for quote in quotes)
    way = next((way for way in _WAYS if any(mark in told for mark in way.marks)), _ANY)
    return Finding(
        code="network-index",
        severity=Severity.ERROR,
        summary="the installer got no answer from its package index"
        if way.unreachable
        else "the package index does not have what was asked for",
        cause=way.cause,
        facts=quotes,
        fix=Fix(summary=way.summary, steps=way.steps),
        # Without its index an installer knows of no version: what it says of versions then means nothing.
        explains=("python-unsupported", "platform-no-wheel", "torch-missing"),
    )


def _of_installers(snapshot: Snapshot, matrix: Matrix) -> Snapshot:
    """The same without what a program says of what it downloads for itself, which is no package index."""
    kept = (one for one in snapshot.complaints if one.source == _INSTALLER or not matrix.errors.is_of_any(one.text))
    return msgspec.structs.replace(snapshot, complaints=tuple(kept))


class _Way(NamedTuple):
    """A way of failing: what is said, what it means, the way out."""

    marks: tuple[str, ...]
    cause: str
    summary: str
    steps: tuple[str, ...]
    unreachable: bool = True


_WAYS = (
    _Way(
        ("ssl module in Python is not available", "SSL module is not available"),
        "this Python was built, or is started, without its ssl module, so it reaches no index",
        "take a Python that has ssl",
        (
            "conda on Windows: use the Anaconda prompt, or `conda activate`, so that its Library\\bin is on PATH",
            "built from source: install the headers of OpenSSL and build it again",
        ),
    ),
    _Way(
        ("CERTIFICATE_VERIFY_FAILED", "ssl certificate", "SSLError", "CondaSSLError", "certificate"),
        "the certificate that the index showed is not trusted here: as a rule that of a company's proxy",
        "make the proxy's certificate known to the installer",
        (
            "pip: `pip config set global.cert /path/to/ca.pem`; uv: `SSL_CERT_FILE=/path/to/ca.pem`",
            "conda: `conda config --set ssl_verify /path/to/ca.pem`",
            "an expired certificate is the index's own fault, or a wrong clock here",
        ),
    ),
    _Way(
        ("ProxyError", "407 Proxy", "proxy"),
        "the proxy that is set does not let the installer through",
        "set the right proxy, or none",
        ("look at HTTPS_PROXY, HTTP_PROXY and `pip config list`",),
    ),
    _Way(
        ("DO NOT MATCH THE HASHES", "Hash mismatch"),
        "what was downloaded is not what the index announced: cut off, or changed by a proxy or a mirror",
        "download it anew",
        ("repeat with `--no-cache-dir`; where it stays, use another index or mirror",),
    ),
    _Way(
        ("PackagesNotFoundError", "UnavailableInvalidChannel", "package registry", "HTTP error 404", "no version of"),
        "none of the indexes or channels that are set has such a package, release or build for this platform",
        "ask for what exists, where it exists",
        (
            "builds for a CUDA release are on https://download.pytorch.org/whl/cuXXX: `envkit create` names it",
            "torch's own conda channel ended with its releases of 2024: later ones are on conda-forge",
        ),
        unreachable=False,
    ),
    _Way(
        ("403", "401"),
        "the index refuses this request: a mirror that blocks, or credentials that are missing or wrong",
        "use an index that lets you in",
        ("look at `pip config list`, PIP_INDEX_URL and .netrc",),
    ),
    _Way(
        ("imed out", "timeout", "Timeout"),
        "the connection was too slow or broke off: torch's wheels are of gigabytes",
        "try again, with more patience",
        (
            "pip: `--timeout 120 --retries 10`; uv: `UV_HTTP_TIMEOUT=600`",
            "a mirror nearby, or a wheel fetched with a download that can resume, is the lasting way",
        ),
    ),
)
_ANY = _Way(
    (),
    "there is no connection to the index: no network, no name service, or a firewall in between",
    "restore the connection, or use an index that can be reached",
    (
        "see what it tries: `pip config list`, PIP_INDEX_URL, UV_INDEX_URL, `conda config --show channels`",
        "without a network: fetch wheels elsewhere (`pip download`) and install with `--no-index --find-links FOLDER`",
    ),
)


# -- an index that answers, and has no such build ---------------------------------------------------

_LISTED = re.compile(r"satisfies the requirement torch={2,3}(\S{1,40}) \(from versions: ([^)\n]{1,4000})")


def _lacking_build(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that pip's index has the release for this Python and lacks the build, or that there is no such release."""
    for one in reading.said(snapshot):
        found = _LISTED.search(one.text)
        if found is None or found[2].startswith("none"):
            continue
        wanted, offered = found[1], [version.strip() for version in found[2].split(",")]
        release, _, local = wanted.partition("+")
        if wanted in offered:
            continue
        releases = {public(version) for version in offered}
        if local and release in releases:
            return _no_such_build(snapshot, one, wanted, local)
        if release not in releases and release not in matrix.torch.releases():
            return _no_such_release(one, wanted, offered[-1])
    return None


def _lacking_all(snapshot: Snapshot, matrix: Matrix) -> Finding | None:
    """Find that an index offers no torch at all to a Python that has wheels on its system."""
    target, platform = reading.interpreter(snapshot), reading.platform(snapshot)
    one = next((one for one in snapshot.refusals if one.name == "torch" and one.offered == ()), None)
    if one is None or target is None or target.bits != 64 or platform is None:
        return None
    if matrix.pythons.was_new(target.version):
        return None
    if not matrix.torch.builds(
        torch=public(one.version) or None, platform=platform, python=reading.wheel_python(target)
    ):
        return None
    return Finding(
        code="network-index",
        severity=Severity.ERROR,
        summary="the index that was asked offers no torch at all",
        cause=f"there are wheels for Python {minor(target.version)} on this system, and the index names none",
        facts=(Fact("said", one.text, "installer"), Fact("Python", target.version, target.executable)),
        fix=Fix(
            summary="ask an index that has torch",
            steps=(
                "see what is asked: `pip config list`, PIP_INDEX_URL; a company's mirror may hold no torch",
                "in a report of long ago: torch had no wheels for this Python yet",
            ),
        ),
        explains=("python-unsupported", "torch-missing"),
    )


def _no_such_build(snapshot: Snapshot, said: reading.Said, wanted: str, local: str) -> Finding:
    command = pip(snapshot, "install", f"torch=={wanted}", "--index-url", f"https://download.pytorch.org/whl/{local}")
    return Finding(
        code="network-index",
        severity=Severity.ERROR,
        summary=f"the index that was asked has no builds for `{local}`",
        cause=f"it offers torch {public(wanted)} for this Python, not {wanted}: such builds are on PyTorch's own index",
        facts=(Fact("said", reading.first_line(said.text), said.source),),
        fix=Fix(summary="ask the index that has it", commands=(command,)),
        explains=("python-unsupported", "platform-no-wheel", "torch-missing", "companion-mismatch"),
    )


def _no_such_release(said: reading.Said, wanted: str, newest: str) -> Finding:
    return Finding(
        code="network-index",
        severity=Severity.ERROR,
        summary=f"there is no torch {wanted}",
        cause=f"no release of that number is known, and the index offers none; its newest here is {newest}",
        facts=(Fact("said", reading.first_line(said.text), said.source),),
        fix=Fix(summary="ask for a release that exists", steps=("`envkit matrix` lists them",)),
        explains=("python-unsupported", "platform-no-wheel", "torch-missing"),
    )


CHECKS = (check_network_index,)
