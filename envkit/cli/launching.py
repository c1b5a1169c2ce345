"""How `envkit smoke --distributed` may be asked to start its processes: torchrun's options, under torchrun's names."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.bench.distributed import Launch

_OPTIONS = (
    click.option(
        "--distributed",
        is_flag=True,
        help="train in several processes that torchrun starts in the target, and compare with one process",
    ),
    click.option(
        "--nproc-per-node",
        type=click.IntRange(min=1),
        help="processes on this machine (default: its devices of the kind; 2 on the CPU)",
    ),
    click.option("--nnodes", type=click.IntRange(min=1), help="machines; start the same command on each (default: 1)"),
    click.option("--node-rank", type=click.IntRange(min=0), help="number of this machine, for the backend `static`"),
    click.option("--rdzv-endpoint", metavar="HOST:PORT", help="where the machines meet"),
    click.option("--rdzv-id", metavar="ID", help="name of the meeting, the same on each machine"),
    click.option("--rdzv-backend", metavar="NAME", help="how they meet (default: c10d, or static with --node-rank)"),
    click.option("--max-restarts", type=click.IntRange(min=0), help="of all processes when one fails (default: 0)"),
)
_NAMES = (
    "nproc_per_node", "nnodes", "node_rank", "rdzv_endpoint", "rdzv_id", "rdzv_backend", "max_restarts",
)  # fmt: skip


def launch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets them as one `launch`, which is None without --distributed."""

    @functools.wraps(command)
    def gathered(*, distributed: bool, **options: Any) -> Any:
        given = {name: value for name in _NAMES if (value := options.pop(name)) is not None}
        if given and not distributed:
            raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} is for --distributed")
        return command(launch=_launch(given, options["devices"]) if distributed else None, **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def _launch(given: dict[str, Any], devices: tuple[str, ...]) -> Launch:
    from envkit.bench.distributed import Launch

    if len(devices) > 1 or any(":" in device or device == "all" for device in devices):
        raise click.UsageError(
            "with --distributed, --device is one kind (cpu, cuda), of which each process takes its own;"
            " CUDA_VISIBLE_DEVICES chooses among them"
        )
    launch = Launch(**given)
    if launch.nnodes > 1 and launch.rdzv_endpoint is None:
        raise click.UsageError("several machines need --rdzv-endpoint HOST:PORT, where they meet")
    if launch.node_rank is not None and launch.node_rank >= launch.nnodes:
        raise click.UsageError(f"--node-rank {launch.node_rank} is none of {launch.nnodes} machines, numbered from 0")
    return launch
