"""The installer and its index."""

import pytest

from envkit.snapshot import Absent, Refusal
from tests.builders import make_snapshot
from tests.checks.reports import UNTOLD, codes_of, diagnosis_of, first_of, gpu_report_of, report_of, way_out

RETRYING = (
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, status=None)) after connection broken by "
    "'NewConnectionError('<connection>: Failed to establish a new connection: [Errno 101] Network is unreachable')'"
)
NO_MATCH = "ERROR: No matching distribution found for torch"


def listed(wanted: str, *offered: str) -> str:
    return (
        f"ERROR: Could not find a version that satisfies the requirement torch=={wanted} "
        f"(from versions: {', '.join(offered)})"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(RETRYING, "no connection", id="no network"),
        pytest.param(
            "SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')", "certificate", id="proxy"
        ),
        pytest.param("ProxyError('Cannot connect to proxy.', OSError('Tunnel failed: 407'))", "proxy", id="no proxy"),
        pytest.param(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "announced", id="hash"
        ),
        pytest.param("HTTPSConnectionPool(host='index', port=443): Read timed out.", "too slow", id="slow"),
        pytest.param("Because there is no version of torch==9.9.0 and you require it", "none of the indexes", id="uv"),
        pytest.param(
            "PackagesNotFoundError: not available from current channels:\n- cudatoolkit", "channels", id="conda"
        ),
        pytest.param(
            "Can't connect to HTTPS URL because the ssl module in Python is not available.", "ssl", id="no ssl"
        ),
    ],
)
def test_each_way_of_failing_has_its_cause(text: str, words: str) -> None:
    found = first_of(report_of(text, source="pip"))
    assert found.code == "network-index"
    assert words in found.cause


def test_what_an_installer_without_its_index_says_of_versions_means_nothing() -> None:
    found = diagnosis_of(report_of(RETRYING, listed("2.6.0", "none"), NO_MATCH, source="pip")).findings
    assert found[0].code == "network-index"


def test_a_build_that_this_index_never_has_is_sought_on_the_one_that_has_it() -> None:
    snapshot = report_of(listed("2.6.0+cu124", "2.5.1", "2.6.0"), f"{NO_MATCH}==2.6.0+cu124", source="pip")
    assert codes_of(snapshot)[0] == "network-index"
    assert "--index-url https://download.pytorch.org/whl/cu124" in way_out(snapshot)


def test_a_release_that_never_was_is_named() -> None:
    assert "no torch 2.99.0" in first_of(report_of(listed("2.99.0", "2.5.1", "2.6.0"), source="pip")).summary


def test_a_nightly_build_that_is_kept_no_longer_is_named() -> None:
    wanted, kept = "2.99.0.dev20250101+cu124", "2.99.0.dev20250301+cu124"
    assert f"no torch {wanted}" in first_of(report_of(listed(wanted, "2.98.0.dev20250201+cu124", kept))).summary


def test_nothing_at_all_for_a_python_that_has_wheels_is_the_index_s_fault() -> None:
    refused = Refusal(
        name="torch", version="", offered=(), text="satisfies the requirement torch (from versions: none)"
    )
    answers = codes_of(make_snapshot(refusals=(refused,), torch=Absent(why="not importable"), packages=UNTOLD))
    assert answers[:2] == ["network-index", "torch-missing"]


def test_a_release_that_is_only_not_offered_here_is_no_matter_of_the_index() -> None:
    assert "network-index" not in codes_of(report_of(listed("1.8.1", "2.5.1", "2.6.0"), source="pip"))


def test_what_a_program_cannot_download_for_itself_is_no_package_index() -> None:
    model = "MaxRetryError(HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /api)"
    assert codes_of(gpu_report_of(model, source="python")) == ["healthy"]
