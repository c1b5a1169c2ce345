"""`envkit smoke`: right numbers on every device, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from envkit.cli.launching import launch_options
from envkit.cli.options import Seconds
from envkit.cli.output import echo_json, waiting

if TYPE_CHECKING:
    from envkit.bench.distributed import Launch
    from envkit.results import Results

_EPILOG = """\b
Examples:
  envkit smoke
  envkit smoke --device cuda --device cpu
  envkit smoke --python .venv --workload backprop --json
  envkit smoke --distributed --nproc-per-node 2

\b
Exit codes: 0 all right, 1 something failed or is not there, 2 usage, 3 envkit failed, 4 incomplete
"""

_EXIT_INCOMPLETE = 4


def _check_device(_context: click.Context, _parameter: click.Parameter, devices: tuple[str, ...]) -> tuple[str, ...]:
    for device in devices:
        kind, _, index = device.partition(":")
        numbered = kind in ("cuda", "xpu") and index.isdigit()
        if kind not in ("cpu", "cuda", "mps", "xpu", "all") or (":" in device and not numbered):
            raise click.BadParameter(f"{device!r} is none of cpu, cuda, cuda:N, mps, xpu, xpu:N, all")
    return devices


@click.command("smoke", epilog=_EPILOG)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="DEVICE",
    callback=_check_device,
    help="cpu, cuda, cuda:N, mps, xpu or all; may be repeated (default: all that torch detects)",
)
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=click.Choice(["linear-regression", "backprop"]),
    help="may be repeated (default: both)",
)
@click.option("--python", metavar="PATH|NAME", help="the interpreter to run them in")
@click.option("--epochs", type=click.IntRange(min=1), help="training epochs (default: 100, as the lecture)")
@click.option("--seed", type=click.IntRange(min=0), help="seed of the data order and the parameters (default: 0)")
@click.option("--timeout", type=Seconds(), metavar="SECONDS", help="give up after this (default: 600)")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("-v", "--verbose", is_flag=True, help="show every check with its error and tolerance")
@launch_options
def command(
    *,
    devices: tuple[str, ...],
    workloads: tuple[str, ...],
    python: str | None,
    epochs: int | None,
    seed: int | None,
    timeout: float | None,
    as_json: bool,
    verbose: bool,
    launch: Launch | None,
) -> int:
    """Verify and time the lecture's workloads in the target interpreter, on every device.

    Linear regression and backpropagation are compared with references that do not come from
    torch, step by step; then a training step and an epoch are timed.
    """
    if launch is not None:
        exercised = exercise_together(python, launch, devices=devices, epochs=epochs, seed=seed, timeout=timeout)
    else:
        exercised = exercise(python, devices=devices, workloads=workloads, epochs=epochs, seed=seed, timeout=timeout)
    if as_json:
        echo_json(exercised.document())
    else:
        exercised.show(verbose=verbose)
    return exercised.exit_code


def exercise(
    python: str | None,
    *,
    devices: tuple[str, ...] = (),
    workloads: tuple[str, ...] = (),
    epochs: int | None = None,
    seed: int | None = None,
    timeout: float | None = None,
) -> Exercised:
    """Run the workloads in the interpreter that `python` names."""
    from envkit.bench import SMOKE_LIMIT, run_smoke
    from envkit.probes import find_interpreter

    target = find_interpreter(python)
    with waiting("smoke") as show:
        results = run_smoke(
            target,
            devices=devices,
            workloads=workloads,
            epochs=epochs,
            seed=seed,
            timeout=timeout or SMOKE_LIMIT,
            on_event=lambda event: show((f"{event.get('workload') or 'torch'} on {event.get('device') or target}",)),
        )
    return Exercised(results)


def exercise_together(
    python: str | None,
    launch: Launch,
    *,
    devices: tuple[str, ...] = (),
    epochs: int | None = None,
    seed: int | None = None,
    timeout: float | None = None,
) -> Exercised:
    """Run the linear regression in several processes of the interpreter that `python` names."""
    from envkit.bench import SMOKE_LIMIT
    from envkit.bench.distributed import run_distributed
    from envkit.probes import find_interpreter

    target = find_interpreter(python)
    with waiting("smoke") as show:
        show(("torchrun",))
        results = run_distributed(
            target,
            launch,
            device=devices[0] if devices else None,
            epochs=epochs,
            seed=seed,
            timeout=timeout or SMOKE_LIMIT,
            on_event=lambda event: show((f"the ranks ({event.get('event')})",)),
        )
    return Exercised(results)


class Exercised(NamedTuple):
    """The results of a smoke run."""

    results: Results

    @property
    def exit_code(self) -> int:
        """The command's exit code."""
        return 0 if self.results.passed else 1 if self.results.complete else _EXIT_INCOMPLETE

    def show(self, *, verbose: bool = False) -> None:
        """Print them for a person."""
        from envkit.render.terminal.layout import console
        from envkit.render.terminal.results import print_results

        print_results(console(), self.results, verbose=verbose)

    def document(self) -> dict[str, Any]:
        """Return them for a program."""
        from envkit.render.json import results_document

        return results_document(self.results)
