"""The stages that need more than one device: copies between every two, and all of them at work at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit_smoke import copies, together
from envkit_smoke.checks import Check
from envkit_smoke.measure import Measure

if TYPE_CHECKING:
    from envkit_smoke.stage import Benches

CPU = "cpu"
WORKLOAD = "devices"
PEER = {None: "", True: " (peer access)", False: " (no peer access: through the CPU's memory)"}


def run(benches: Benches) -> None:
    """Both stages, then a verdict for each device. With one device there is nothing to say."""
    if len(benches.devices) < 2:
        return
    places = [CPU, *(device for device in benches.devices if device != CPU)]
    verdicts = dict.fromkeys(places, True)
    for source, target in copies.pairs(places):
        verdicts[source] &= copy(benches, source, target)
    for device, passed in train_together(benches).items():
        verdicts[device] &= passed
    for device, passed in verdicts.items():
        benches.reporter.about(device=device, workload=WORKLOAD, dtype="float32").emit("result", passed=passed)


def copy(benches: Benches, source: str, target: str) -> bool:
    """Copy from one device to another, judge and tell it; True if every bit arrived."""
    reporter = benches.reporter.about(device=source, workload=WORKLOAD, dtype="float32")

    def synchronise() -> None:
        for device in (source, target):
            benches.synchronise[device]()

    try:
        observed = copies.observe(source, target, benches.options.seed, synchronise)
    except Exception as error:  # noqa: BLE001 - a device may fail in any way
        reporter.failed(error, f"while copying from {source} to {target}: ")
        return False
    passed = reporter.checks([check_copies(observed)])
    times = {"bytes": observed.size, "seconds": Measure.of(observed.seconds).fields(), "passed": passed}
    benches.reporter.about(device=source).emit("copy", to=target, **times, peer_access=observed.peer_access)
    return passed


def check_copies(pair: copies.Pair) -> Check:
    """Every bit of every copy arrived. ``error`` counts the copies that are wrong."""
    wrong = [one for one in pair.copies if one.wrong]
    way = f"from {pair.source} to {pair.target}{PEER[pair.peer_access]}"
    if not wrong:
        return Check("copy", 0, 0, f"all {len(pair.copies)} copies {way} arrived bit for bit")
    first = wrong[0]
    detail = f"{len(wrong)} of {len(pair.copies)} copies {way} are wrong, first {first.what}: {first.wrong} of "
    return Check("copy", len(wrong), 0, f"{detail}{first.count} differ")


def train_together(benches: Benches) -> dict[str, bool]:
    """Train on each device alone and on all at once, judge and tell it; whether each device was right."""
    options = benches.options
    observed = together.observe(benches.devices, options.seed, options.epochs, benches.synchronise)
    verdicts = {device: _judged(benches, device, outcome) for device, outcome in observed.items()}
    joined = {device: one for device, one in observed.items() if isinstance(one, together.Joined)}
    benches.reporter.emit(
        "together",
        devices=list(observed),
        workload="linear-regression",
        alone={device: one.alone_seconds for device, one in joined.items()},
        together={device: one.together_seconds for device, one in joined.items()},
    )
    return verdicts


def _judged(benches: Benches, device: str, outcome: together.Outcome) -> bool:
    reporter = benches.reporter.about(device=device, workload=WORKLOAD, dtype="float32")
    if isinstance(outcome, Exception):
        reporter.failed(outcome)
        return False
    return reporter.checks(together.judge(device, outcome, benches.options))
