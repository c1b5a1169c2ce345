"""The command line of smoke."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn, Sequence, TextIO

from envkit_smoke import devices, events, ranks, workload
from envkit_smoke.options import DTYPES, MODES, VARIANTS, Options
from envkit_smoke.reporter import INTERNAL
from envkit_smoke.session import Session

LARGEST_SEED = 2**63 - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run smoke and return its exit code; leaves by ``SystemExit`` with 2 when the usage is wrong."""
    options = parse(arguments)
    try:
        stdout = events.claim_stdout()
    except OSError as error:
        sys.stderr.write(f"smoke: there is no standard output to report to: {error}\n")
        return INTERNAL
    if options.distributed:
        _work_as_rank(stdout, options)
    with stdout:
        return Session(events.EventStream(stdout), options).run()


def _work_as_rank(stdout: TextIO, options: Options) -> NoReturn:
    """One of torchrun's processes: it is alone in writing events on its machine, or writes none."""
    place = ranks.find_place()
    if place is not None:
        ranks.leave_with_parent()
    with stdout, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        code = Session(events.EventStream(stdout if place is None or place.speaks else nowhere), options).run()
    sys.stderr.flush()
    os._exit(code)  # a thread may wait for another rank without end


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options, each name once."""
    parser = build_parser()
    given = parser.parse_args(arguments)
    mode = MODES[given.mode]
    workloads = _unique(given.workload) or list(workload.NAMES)
    if given.network is not None and "backprop" not in workloads:
        parser.error("--network is for the workload backprop, which --workload leaves out")
    return Options(
        devices=_unique(given.device),
        workloads=workloads,
        dtypes=_unique(given.dtype) or list(mode.dtypes),
        variants=_unique(given.variant) or list(mode.variants),
        explicit=frozenset(given.dtype + given.variant),
        mode=given.mode,
        epochs=given.epochs or mode.epochs,
        seed=given.seed,
        budget=mode.budget if given.budget is None else given.budget,
        memory=given.memory,
        network=given.network,
        list_only=given.list,
        distributed=given.distributed,
        patience=given.patience,
    )


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def build_parser() -> argparse.ArgumentParser:
    """The parser, with every option's help."""
    parser = argparse.ArgumentParser(
        prog="smoke",
        allow_abbrev=False,
        description="Train two small models whose every number is known, and report as JSON lines whether "
        "each device computed the right ones, and how fast.",
        epilog="Exit codes: 0 all passed, 1 something failed or is unavailable, 2 wrong usage, 3 smoke "
        "itself failed, 130 interrupted.",
    )
    parser.add_argument(
        "--device",
        action="append",
        default=[],
        type=_device,
        metavar="DEVICE",
        help="cpu, cuda (that is cuda:0), cuda:N, mps, xpu, xpu:N or all; may be repeated (default: all)",
    )
    parser.add_argument(
        "--workload",
        action="append",
        default=[],
        choices=workload.NAMES,
        help="may be repeated (default: all)",
    )
    parser.add_argument(
        "--epochs", type=_epochs, metavar="N", help="of each training (default: the mode's; 100 but for quick)"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of parameters and batches (default: %(default)s)"
    )
    parser.add_argument(
        "--dtype",
        action="append",
        default=[],
        choices=DTYPES,
        help="of the work on a device; may be repeated (default: those of the mode that the device has)",
    )
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        choices=VARIANTS,
        help="how the trainings are run; may be repeated (default: those of the mode)",
    )
    parser.add_argument(
        "--mode", choices=tuple(MODES), default="usual", help="how much is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--budget",
        type=_seconds,
        metavar="SECONDS",
        help="for speed on each device; 0 measures none (default: the mode's)",
    )
    parser.add_argument(
        "--memory",
        type=_bytes,
        metavar="BYTES",
        help="that the measurements of speed may use on a device (default: half of what is free)",
    )
    parser.add_argument(
        "--network", metavar="FILE", help="a JSON network for backprop to train and to show step by step"
    )
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="be one of the processes that torchrun started; --device then is a kind, of which each takes its own",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="with --distributed, until ranks that do not move are given up (default: %(default)s)",
    )
    parser.add_argument("--list", action="store_true", help="name the devices and stop")
    return parser


def _device(text: str) -> str:
    try:
        return devices.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _epochs(text: str) -> int:
    return _integer(text, 1, 10**6)


def _seed(text: str) -> int:
    return _integer(text, 0, LARGEST_SEED)


def _bytes(text: str) -> int:
    return _integer(text, 1, 2**50)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 <= number <= 10**6:
        raise argparse.ArgumentTypeError(f"{text} seconds is not between 0 and 1000000")
    return number


def _integer(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{number} is not between {least} and {most}")
    return number
