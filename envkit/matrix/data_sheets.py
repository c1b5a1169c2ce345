"""What a GPU should do by its maker's data sheet: memory bandwidth, and the rate of each dtype."""

from collections.abc import Iterator

import msgspec

from envkit.matrix.data_files import read


class _Product(msgspec.Struct, frozen=True):
    bandwidth_gbs: float | None = None
    fp32_tflops: float | None = None
    tf32_dense_tflops: float | None = None
    bf16_dense_tflops: float | None = None
    fp16_tensor_dense_tflops: float | None = None
    aliases: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True):
    nvidia: dict[str, _Product]
    amd: dict[str, _Product]
    apple: dict[str, _Product]


class DataSheet(msgspec.Struct, frozen=True):
    """Figures of one product. What is not in `flops` is unknown."""

    name: str
    bandwidth: float | None
    """Bytes a second."""
    flops: dict[str, float]
    """FLOP a second by dtype, dense; float32 is the rate without tensor cores."""


_RATES = {
    "float32": "fp32_tflops",
    "tf32": "tf32_dense_tflops",
    "bfloat16": "bf16_dense_tflops",
    "float16": "fp16_tensor_dense_tflops",
}


class DataSheetTable:
    """Data sheets by product name.

    Boards of one chip differ in memory and power, so only the whole name counts: where it is not in the table the
    figures are unknown, never those of the nearest product.
    """

    def __init__(self, file: _File) -> None:
        products = {**file.nvidia, **file.amd, **file.apple}
        self._sheets = {key: sheet for name, product in products.items() for key, sheet in _named(name, product)}

    @classmethod
    def load(cls) -> "DataSheetTable":
        """Read the shipped table."""
        return cls(read("gpus.json", _File))

    def of(self, name: str) -> DataSheet | None:
        """Return the data sheet of a GPU as its driver calls it, None where the table has no figures of it."""
        return self._sheets.get(_key(name))


def _named(name: str, product: _Product) -> Iterator[tuple[str, DataSheet]]:
    flops = {dtype: rate * 1e12 for dtype, field in _RATES.items() if (rate := getattr(product, field))}
    bandwidth = product.bandwidth_gbs * 1e9 if product.bandwidth_gbs else None
    if bandwidth or flops:
        for spelling in (name, *product.aliases):
            yield _key(spelling), DataSheet(name, bandwidth, flops)


def _key(name: str) -> str:
    """A name in lower case without its maker: drivers before about R470 left NVIDIA out."""
    return " ".join(name.casefold().split()).removeprefix("nvidia ").removeprefix("amd ")
