"""Shares of what is possible: the roofline of Williams, Waterman and Patterson, worked by hand."""

import pytest
from msgspec.structs import replace

from envkit import matrix
from envkit.attained import Roof, ceiling_share, measured_roof, sheet_roof
from envkit.results import Point, Spread
from tests.bench.recorded import BOTH, results_of

SECOND = Spread(median=1.0, p25=1.0, p75=1.0, min=1.0, max=1.0, count=1)
POINT = Point(device="cuda:0", workload="backprop", dtype="float32", size={}, samples=1, bytes=50, flops=300,
              seconds=SECOND)  # fmt: skip
RESULTS = results_of(BOTH, code=1)


@pytest.mark.parametrize(
    ("bandwidth", "flops", "share"),
    [
        pytest.param(100.0, 1000.0, 0.5, id="bound by bytes"),
        pytest.param(1000.0, 400.0, 0.75, id="bound by products"),
        pytest.param(None, 400.0, None, id="unknown bandwidth: unknown share"),
        pytest.param(100.0, None, None, id="unknown rate: unknown share"),
    ],
)
def test_the_share_is_the_least_possible_time_over_the_measured_one(
    bandwidth: float | None, flops: float | None, share: float | None
) -> None:
    assert Roof(bandwidth, flops).share(POINT) == share


def test_what_a_step_does_not_do_need_not_be_known() -> None:
    assert Roof(100.0, None).share(replace(POINT, flops=0)) == 0.5


def test_the_ceilings_of_the_same_device_and_dtype_count() -> None:
    assert measured_roof(RESULTS, "cuda:0", "float32") == Roof(1.37e12, 51e12)
    assert measured_roof(RESULTS, "cuda:0", "bfloat16") == Roof(1.37e12, None)  # a copy only moves bytes
    assert measured_roof(RESULTS, "mps:0", "float32") == Roof(None, None)


def test_the_data_sheet_is_that_of_the_product() -> None:
    assert sheet_roof(RESULTS, "cuda:0", "bfloat16", matrix.load()) == Roof(3.35e12, 989e12)
    assert sheet_roof(RESULTS, "cpu", "float32", matrix.load()) == Roof(None, None)


def test_a_ceiling_is_a_share_of_its_own_figure() -> None:
    shares = {(one.device, one.of): ceiling_share(one, RESULTS, matrix.load()) for one in RESULTS.ceilings}
    assert shares == {
        ("cpu", "copy"): None,
        ("cpu", "matmul"): None,
        ("cuda:0", "copy"): pytest.approx(1.37 / 3.35),
        ("cuda:0", "matmul"): pytest.approx(51 / 67),
    }
