"""`envkit smoke`: right numbers on every device, and how fast."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envkit.bench.request import DTYPES, VARIANTS, WORKLOADS
from envkit.cli.launching import launch_options
from envkit.cli.options import Duration, Seconds, Size
from envkit.cli.reporting import report_options
from envkit.cli.smoking.asked import Asked

if TYPE_CHECKING:
    from envkit.cli.smoking.measuring import Exercised

_EPILOG = """\b
Examples:
  envkit smoke                                        every device that torch detects
  envkit smoke --quick --device cpu                   right numbers only, at once
  envkit smoke --full --device cuda --budget 2m       every variant, up to sizes that fill it
  envkit smoke --python .venv --workload backprop --json
  envkit smoke --distributed --nproc-per-node 2
  envkit smoke --workload backprop --network net.json --json
  envkit smoke --repeat 3 --save before.json          then change something, and
  envkit smoke --repeat 3 --compare before.json       how many times as long each thing takes
  envkit smoke --markdown                             for an issue tracker
  envkit smoke --plot roofline.svg
  envkit smoke --quick --junit smoke.xml

\b
Exit codes:
  0    all right
  1    a check failed, a device failed or is not there, or --compare found a regression
  2    usage, a network file that makes no sense among it
  3    envkit failed
  4    incomplete: the workloads did not come to a device, or --compare had nothing to compare
  130  stopped with Ctrl-C; what was measured so far is shown
"""


_DEVICE = re.compile(r"cpu|all|mps(?::0)?|(?:cuda|xpu)(?::\d{1,4})?", re.ASCII)


def _check_device(_context: click.Context, _parameter: click.Parameter, devices: tuple[str, ...]) -> tuple[str, ...]:
    for device in devices:
        if not _DEVICE.fullmatch(device):
            raise click.BadParameter(f"{device!r} is none of cpu, cuda, cuda:N, mps, xpu, xpu:N, all")
    return devices


_FILE = click.Path(path_type=Path, dir_okay=False)


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
    "--workload", "workloads", multiple=True, type=click.Choice(list(WORKLOADS)), help="may be repeated (default: all)"
)
@click.option("--quick", is_flag=True, help="float32 and one variant, no speed: as fast as it can be told")
@click.option("--full", is_flag=True, help="every dtype and variant, and two minutes for speed on each device")
@click.option("--budget", type=Duration(), metavar="DURATION", help="for speed on each device: 30s, 2m; 0 for none")
@click.option(
    "--memory", type=Size(), metavar="SIZE", help="that speed may use on a device (default: half of the free)"
)
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(list(DTYPES)), help="may be repeated")
@click.option("--variant", "variants", multiple=True, type=click.Choice(list(VARIANTS)), help="may be repeated")
@click.option("--network", type=_FILE, metavar="FILE", help="a JSON network for backprop, shown step by step")
@click.option("--python", metavar="PATH|NAME", help="the interpreter to run them in")
@click.option("--epochs", type=click.IntRange(1, 10**6), help="training epochs (default: 100, as the lecture)")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="of the data order and the parameters (default: 0)")
@click.option("--repeat", type=click.IntRange(1, 100), default=1, metavar="N", help="whole runs, told as one")
@click.option(
    "--timeout", type=Seconds(), metavar="SECONDS", help="give up a device after this (default: 600 and more)"
)
@click.option("--list", "list_only", is_flag=True, help="name workloads, dtypes, variants and devices, and stop")
@click.option("--save", type=_FILE, metavar="FILE", help="keep the run, to be compared with")
@click.option("--no-redact", is_flag=True, help="names, addresses and secrets as they are in what is handed on")
@click.option("--compare", type=_FILE, metavar="FILE", help="a saved run: ratios with intervals; 1 on a regression")
@click.option("--plot", type=_FILE, metavar="FILE.svg|png", help="draw time against size, and the loss")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("--markdown", is_flag=True, help="print it for an issue tracker: short, folded, redacted")
@click.option("-v", "--verbose", is_flag=True, help="show every check with its error and tolerance")
@report_options
@launch_options
def command(**options: Any) -> int:
    """Verify and time the lecture's workloads in the target interpreter, on every device.

    Linear regression and backpropagation are compared with references that do not come from
    torch, step by step; then they are timed, from the lecture's 15 rows up to sizes that fill the
    device, beside the largest copies and matrix products that it can do.
    """
    asked = Asked(**options)
    asked.check()
    if asked.list_only:
        from envkit.cli.smoking.listing import show_list

        return show_list(asked)
    from envkit.cli.smoking.measuring import measure

    return measure(asked)


def exercise(python: str | None) -> Exercised:
    """Verify and time the lecture's own sizes in the interpreter that `python` names, as the lecture has them."""
    from envkit.bench.request import Request
    from envkit.cli.smoking.measuring import exercise as run

    return run(python, Request(dtypes=("float32",), variants=("eager",), budget=0.0))
