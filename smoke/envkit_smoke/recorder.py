"""Keeping what happens on a device, cheaply: judged only once the run is over."""

from __future__ import annotations

from typing import Any, Iterable

import numpy as np
import torch


class Recorder:
    """Copies of the same named tensors at many moments, and where the tensors themselves were.

    A copy changes no bit. Each moment's tensors are joined into one vector on the device and copied to the
    CPU in one go, which costs a device one transfer instead of ten.
    """

    def __init__(self) -> None:
        self._moments: list[torch.Tensor] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._placements: set[tuple[str, torch.device]] = set()

    def keep(self, tensors: dict[str, torch.Tensor]) -> None:
        """Record the tensors as they are now; at every moment the same names and shapes."""
        self._placements.update((name, tensor.device) for name, tensor in tensors.items())
        if not self._shapes:
            self._shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        parts = [tensor.detach().reshape(-1) for tensor in tensors.values()]
        if len({part.device for part in parts}) > 1:  # a stray tensor, which is for the on-device check to report
            parts = [part.cpu() for part in parts]
        self._moments.append(torch.cat(parts).cpu())

    @property
    def placements(self) -> set[tuple[str, str]]:
        """Pairs of a tensor's name and the device it was on, such as ("inputs", "cuda:0")."""
        return {(name, str(device)) for name, device in self._placements}

    def arrays(self) -> dict[str, Any]:
        """Each name's tensors as one float64 array (moments, *shape), which has every dtype's numbers exactly."""
        table = torch.stack(self._moments).to(torch.float64).numpy()
        sizes = [int(np.prod(shape)) for shape in self._shapes.values()]
        columns = np.split(table, np.cumsum(sizes)[:-1], axis=1)
        return {
            name: column.reshape((len(table), *shape)) for (name, shape), column in zip(self._shapes.items(), columns)
        }


def bits(tensors: Iterable[torch.Tensor]) -> bytes:
    """The tensors as the device holds them, one after another."""
    joined = torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).cpu()
    return joined.view(torch.uint8).numpy().tobytes()
