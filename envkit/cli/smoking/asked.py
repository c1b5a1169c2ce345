"""What a person asked smoke for, and what does not go together: said before anything is started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from envkit.bench.request import Request
from envkit.errors import EnvkitError

if TYPE_CHECKING:
    from pathlib import Path

    from envkit.bench.distributed import Launch
    from envkit.cli.reporting import Reports

PLOTS = (".svg", ".png")
_NETWORK_FIELDS = ("layers", "inputs", "targets", "loss", "rate")
_LARGEST_NETWORK = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of `envkit smoke`."""

    devices: tuple[str, ...]
    workloads: tuple[str, ...]
    dtypes: tuple[str, ...]
    variants: tuple[str, ...]
    python: str | None
    quick: bool
    full: bool
    budget: float | None
    memory: int | None
    network: Path | None
    epochs: int | None
    seed: int | None
    repeat: int
    timeout: float | None
    list_only: bool
    save: Path | None
    no_redact: bool
    compare: Path | None
    plot: Path | None
    as_json: bool
    markdown: bool
    verbose: bool
    reports: Reports
    launch: Launch | None = None

    def check(self) -> None:
        """Raise for what does not go together, and for files that cannot be read or written."""
        if self.quick and self.full:
            raise click.UsageError("--quick and --full are two answers to one question")
        files = {
            "--save": self.save, "--compare": self.compare, "--plot": self.plot, "--junit": self.reports.junit
        }  # fmt: skip
        beside_list = [option for option, file in files.items() if file is not None]
        if self.list_only and beside_list:
            raise click.UsageError(f"--list measures nothing: no {', '.join(beside_list)} beside it")
        if self.markdown and (self.as_json or self.list_only):
            raise click.UsageError("--markdown tells the results: no --json or --list beside it")
        if self.no_redact and not (self.save or self.markdown):
            raise click.UsageError("--no-redact is for what is handed on: --save, --markdown")
        self.reports.check()
        if self.launch is not None:
            self._check_alone()
        if self.network is not None:
            if self.workloads and "backprop" not in self.workloads:
                raise click.UsageError("--network is for the workload backprop")
            check_network(self.network)
        if self.plot is not None:
            check_plot(self.plot)
        if self.save is not None:
            from envkit.bench.saved import check_place

            check_place(self.save)

    def _check_alone(self) -> None:
        """Several processes share the linear regression, as the lecture has it, and nothing else."""
        given = {
            "--workload": self.workloads,
            "--dtype": self.dtypes,
            "--variant": self.variants,
            "--network": self.network,
            "--budget": self.budget,
            "--memory": self.memory,
            "--quick": self.quick,
            "--full": self.full,
            "--list": self.list_only,
        }
        beside = [option for option, value in given.items() if value]
        if beside:
            raise click.UsageError(
                f"--distributed shares the lecture's linear regression: no {', '.join(beside)} beside it"
            )

    def request(self) -> Request:
        """Return what the workloads are told."""
        alone = ("backprop",) if self.network is not None else ()
        return Request(
            devices=self.devices,
            workloads=self.workloads or alone,
            dtypes=self.dtypes,
            variants=self.variants,
            mode="quick" if self.quick else "full" if self.full else None,
            epochs=self.epochs,
            seed=self.seed,
            budget=self.budget,
            memory=self.memory,
            network=str(self.network) if self.network is not None else None,
            list_only=self.list_only,
        )


def check_network(path: Path) -> None:
    """Refuse a file that is no network as far as its fields tell; the workload itself looks at every number."""
    hint = "its shape is in smoke/README.md: layers, inputs, targets, loss, rate, steps"
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_NETWORK + 1)
        network = json.loads(text)
    except OSError as error:
        raise EnvkitError(f"{path} cannot be read: {error.strerror}", hint="name a JSON file") from error
    except (ValueError, RecursionError) as error:
        raise EnvkitError(f"{path} is no JSON: {error}", hint=hint) from error
    lacking = [field for field in _NETWORK_FIELDS if field not in _fields(network)]
    if lacking:
        raise EnvkitError(f"{path} is no network: it lacks {', '.join(lacking)}", hint=hint)


def _fields(network: Any) -> dict[str, Any]:
    return network if isinstance(network, dict) else {}


def check_plot(path: Path) -> None:
    """Refuse a plot that could not be drawn after the run: its format, its place, the library."""
    from importlib.util import find_spec

    if path.suffix.lower() not in PLOTS:
        raise EnvkitError(f"{path} is no plot that can be drawn: its name ends in {path.suffix or 'nothing'}",
                          hint=f"a name that ends in {' or '.join(PLOTS)}")  # fmt: skip
    if not path.parent.is_dir():
        raise EnvkitError(f"{path} cannot be written: {path.parent} is no folder", hint="name another file")
    if find_spec("matplotlib") is None:
        raise EnvkitError(
            "--plot needs matplotlib, which is not installed beside envkit",
            hint="python -m pip install 'torch-envkit[plot]'",
        )
