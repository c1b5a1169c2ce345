"""A target interpreter that tells a recorded stream instead of running the workloads.

    make_target(folder, devices={"cpu": "fine", "cuda:0": "abort"})

What a device can do: "fine", "slow" (for a moment), "abort", "hang", "wait" (until it is interrupted, and then ends its
stream), "deaf" (works on whatever happens). The device's events are in tests/bench/recorded.py.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_smoke_target(folder: Path, devices: Mapping[str, str]) -> str:
    """Write the interpreter and return its path."""
    path = folder / "python"
    path.write_text(
        f"#!{sys.executable}\n"
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"from tests.standins.smoke_target import main\n"
        f"main({dict(devices)!r}, sys.argv[1:])\n"
    )
    path.chmod(0o755)
    return str(path)


def main(devices: Mapping[str, str], arguments: list[str]) -> None:
    from tests.bench.recorded import END, ceilings, place, start, training

    wanted = [arguments[at + 1] for at, word in enumerate(arguments) if word == "--device"] or list(devices)
    log = Path(sys.argv[0]).with_name("runs.jsonl")
    with log.open("a") as file:
        file.write(json.dumps({"pid": os.getpid(), "arguments": arguments}) + "\n")
    tell(start(*devices, requested=wanted))
    for device in wanted:
        tell({"event": "begin", **place(device)})
        behave(devices[device], device)
        for event in [*training(device, "backprop", "eager", 1e-4), *ceilings(device, 1e12, 5e13)]:
            tell(event)
    tell(END)


def tell(event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def behave(how: str, device: str) -> None:
    if how == "abort":
        sys.stderr.write("CUDA error: uncorrectable ECC error encountered\n")
        sys.stderr.flush()
        os.abort()
    if how == "slow":
        time.sleep(1.5)
    if how == "hang":
        time.sleep(600)
    if how == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(600)
    if how == "wait":
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            tell({"event": "error", "kind": "interrupted", "device": device, "workload": "backprop",
                  "message": "stopped from the keyboard", "available": []})  # fmt: skip
            tell({"event": "end", "passed": False, "seconds": 1.0})
            sys.exit(130)
