"""Making many small operations into one: CUDA graphs."""

from __future__ import annotations

from typing import Callable

import torch

WARMUP_CALLS = 3  # before a capture, as PyTorch's notes on CUDA graphs ask for


def cuda_graph(work: Callable[[], object], device: str) -> Callable[[], None]:
    """``work`` recorded once and replayed at every call: same kernels on the same memory, queued as one.

    Raises what the capture raises, for instance where ``work`` waits for the device.
    """
    place = torch.device(device)
    current, side = torch.cuda.current_stream(place), torch.cuda.Stream(place)
    side.wait_stream(current)
    with torch.cuda.stream(side):
        for _ in range(WARMUP_CALLS):
            work()
    current.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(place), torch.cuda.graph(graph):
        work()
    return graph.replay
