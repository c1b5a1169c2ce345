"""Data sheets by the whole name of a product, never by the nearest."""

import pytest

from envkit import matrix


@pytest.mark.parametrize(
    ("name", "bandwidth"),
    [
        pytest.param("NVIDIA H100 80GB HBM3", 3.35e12, id="as the driver spells it"),
        pytest.param("nvidia  h100 80gb hbm3", 3.35e12, id="in other letters"),
        pytest.param("NVIDIA H100 PCIe", 2.0e12, id="another board of the same chip"),
        pytest.param("GeForce GTX 1080 Ti", 484.4e9, id="without the maker, as old drivers have it"),
        pytest.param("Tesla V100-SXM2-16GB", 900e9, id="a name that never had it"),
        pytest.param("AMD Instinct MI300X", 5.3e12, id="AMD"),
        pytest.param("Apple M1", 68.25e9, id="Apple"),
    ],
)
def test_a_product_is_found(name: str, bandwidth: float) -> None:
    sheet = matrix.load().data_sheets.of(name)
    assert sheet is not None
    assert sheet.bandwidth == pytest.approx(bandwidth)


@pytest.mark.parametrize("name", ["", "cpu", "NVIDIA H100 200GB", "H100", "NVIDIA A100-PG509-200"])
def test_a_name_without_figures_has_none(name: str) -> None:
    assert matrix.load().data_sheets.of(name) is None


def test_a_rate_that_a_generation_lacks_is_unknown() -> None:
    sheet = matrix.load().data_sheets.of("Tesla V100-SXM2-16GB")
    assert sheet is not None
    assert set(sheet.flops) == {"float32", "float16"}
