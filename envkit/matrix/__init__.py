"""Compatibility knowledge: which Python, torch, CUDA, driver and GPU go together.

Data files in `data/` (each names its sources and its date) and the queries on them. Nothing else in
envkit knows a version number. Each table is loaded when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envkit.matrix.compilers import CompilerTable
    from envkit.matrix.cuda import CudaTable
    from envkit.matrix.data_sheets import DataSheetTable
    from envkit.matrix.errors import ErrorTable
    from envkit.matrix.gpus import GpuTable
    from envkit.matrix.macs import MacTable
    from envkit.matrix.pythons import PythonTable
    from envkit.matrix.torch_releases import TorchTable


class Matrix:
    """The tables, loaded lazily, their code too: most commands need two or three of them."""

    @cached_property
    def torch(self) -> TorchTable:
        """Torch releases, their builds and companions."""
        from envkit.matrix.torch_releases import TorchTable

        return TorchTable.load()

    @cached_property
    def cuda(self) -> CudaTable:
        """CUDA releases and the drivers that run them."""
        from envkit.matrix.cuda import CudaTable

        return CudaTable.load()

    @cached_property
    def compilers(self) -> CompilerTable:
        """CUDA releases and the host compilers that they take."""
        from envkit.matrix.compilers import CompilerTable

        return CompilerTable.load()

    @cached_property
    def gpus(self) -> GpuTable:
        """GPU names and compute capabilities."""
        from envkit.matrix.gpus import GpuTable

        return GpuTable.load()

    @cached_property
    def data_sheets(self) -> DataSheetTable:
        """What GPUs should do."""
        from envkit.matrix.data_sheets import DataSheetTable

        return DataSheetTable.load()

    @cached_property
    def macs(self) -> MacTable:
        """Releases of macOS by their kernel."""
        from envkit.matrix.macs import MacTable

        return MacTable.load()

    @cached_property
    def pythons(self) -> PythonTable:
        """Python releases and their end of life."""
        from envkit.matrix.pythons import PythonTable

        return PythonTable.load()

    @cached_property
    def errors(self) -> ErrorTable:
        """Names and meanings of CUDA and NVML error codes."""
        from envkit.matrix.errors import ErrorTable

        return ErrorTable.load()


def notices() -> tuple[str, ...]:
    """Return what a person should be told of the tables that were read in this process."""
    if not load.cache_info().currsize or "torch" not in vars(load()):
        return ()
    return tuple(filter(None, (load().torch.notice,)))


@lru_cache(maxsize=1)
def load() -> Matrix:
    """Return the matrix that ships with this version of envkit, and what was learned since."""
    return Matrix()
