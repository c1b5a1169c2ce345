"""Streams of events as `smoke/` would tell them, written from its README: a CPU and an H100 that is held back."""

from typing import Any

from envkit.bench.collecting import collect_results
from envkit.processes import Completed, End
from envkit.results import Results

Event = dict[str, Any]
NO_COMPILER = "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')"
H100 = "NVIDIA H100 80GB HBM3"
SIZES = (
    # rows, width, batch
    (15, 3, 3),
    (4096, 16, 1024),
    (65536, 64, 16384),
    (1048576, 128, 262144),
)


def measure(median: float, *, wide: float = 0.02, **changes: Any) -> Event:
    """Seconds of rounds that lie close together."""
    return {
        "median": median,
        "low": median * (1 - wide),
        "high": median * (1 + wide),
        "p25": median * (1 - 2 * wide),
        "p75": median * (1 + 2 * wide),
        "min": median * (1 - 4 * wide),
        "max": median * 1.5,
        "count": 600,
        "rounds": 30,
        "outliers": 0,
        "noise": 0.01,
        **changes,
    }


def steps(median: float) -> Event:
    """Seconds of steps timed one by one."""
    return {"median": median, "p25": median * 0.97, "p75": median * 1.08, "min": median * 0.9, "max": median * 9,
            "count": 100}  # fmt: skip


def start(*devices: str, **changes: Any) -> Event:
    names = {"cpu": "AMD EPYC", "cuda:0": H100, "cuda:1": H100}
    return {
        "event": "start",
        "schema_version": 2,
        "python": "3.11.7",
        "executable": "/env/bin/python",
        "torch": "2.13.0+cpu",
        "torch_file": "/env/torch/__init__.py",
        "numpy": "2.4.6",
        "seed": 0,
        "threads": 2,
        "devices": [{"device": device, "name": names[device]} for device in devices],
        "requested": list(devices),
        "mode": "usual",
        "workloads": ["linear-regression", "backprop"],
        "dtypes": ["float32"],
        "variants": ["eager", "compile"],
        "epochs": 100,
        "budget": 30.0,
        **changes,
    }


def place(device: str, workload: str = "backprop", dtype: str = "float32", variant: str = "eager") -> Event:
    return {"device": device, "workload": workload, "dtype": dtype, "variant": variant}


def training(device: str, workload: str, variant: str, step: float, *, wrong: bool = False) -> list[Event]:
    """All that is told of one training."""
    about = place(device, workload, variant=variant)
    losses = [5762.0 * 0.93**epoch + 0.49 for epoch in range(100)]
    optimum = 0.483121 if workload == "linear-regression" else None
    return [
        {"event": "begin", **about},
        {"event": "check", **about, "name": "gradient", "passed": True, "error": 0.1, "tolerance": 1.0,
         "detail": "autograd agrees"},
        {"event": "check", **about, "name": "every-step", "passed": not wrong, "error": 37.5 if wrong else 0.5,
         "tolerance": 1.0, "detail": "step 3 is off" if wrong else "every step is right"},
        {"event": "training", **about, "epochs": 100, "losses": losses, "final_loss": losses[-1], "optimum": optimum},
        {"event": "timing", **about, "warmup_steps": 10, "steps": 100, "epochs": 100, "step_seconds": steps(step),
         "epoch_seconds": steps(step * 5)},
        {"event": "result", **about, "passed": not wrong},
    ]  # fmt: skip


def ceilings(device: str, copy: float, matmul: float) -> list[Event]:
    """The largest copy in bytes a second, the largest product in FLOP a second."""
    return [
        {"event": "ceiling", "device": device, "dtype": "float32", "of": of, "size": {"side": 4096},
         "seconds": measure(0.01), "rate": rate, "rate_low": rate * 0.98, "rate_high": rate * 1.02, "unit": unit}
        for of, rate, unit in (("copy", copy, "B/s"), ("matmul", matmul, "FLOP/s"))
    ]  # fmt: skip


def points(device: str, workload: str, copy: float, *, floor: float = 2e-5, **changes: Any) -> list[Event]:
    """A sweep from the launch-bound floor to nine tenths of what the copy allows."""
    found = []
    for rows, width, batch in SIZES:
        moved = 4 * batch * (width + 2) * 2
        found.append(
            {
                "event": "point",
                **place(device, workload),
                "size": {"rows": rows, "width": width, "batch": batch},
                "samples": batch,
                "bytes": moved,
                "flops": 8 * batch * width,
                "seconds": measure(floor + moved / (0.9 * copy)),
                "bound_by": "launch" if moved / copy < floor else "bytes",
                "lowered_from": None,
                **changes,
            }
        )
    return found


def conditions(device: str, load: float = 0.1) -> Event:
    return {"event": "conditions", "device": device, "threads": 2, "affinity": 2, "load_average": load,
            "frequency_mhz": 2600.0, "governor": "performance", "environment": {}, "when": "before"}  # fmt: skip


def on_device(device: str, *, copy: float, matmul: float, wrong: bool = False) -> list[Event]:
    """A whole device."""
    return [
        *training(device, "linear-regression", "eager", 58.5e-6, wrong=wrong),
        *training(device, "linear-regression", "compile", 21e-6),
        *training(device, "backprop", "eager", 96.8e-6),
        {"event": "skip", **place(device, variant="compile"), "kind": "compiler-unsupported",
         "reason": NO_COMPILER},
        conditions(device),
        *ceilings(device, copy, matmul),
        *points(device, "linear-regression", copy),
    ]  # fmt: skip


END: Event = {"event": "end", "passed": True, "seconds": 34.0}
GOOD = [start("cpu"), *on_device("cpu", copy=11e9, matmul=95e9), END]
BOTH = [
    start("cpu", "cuda:0"),
    *on_device("cpu", copy=11e9, matmul=95e9, wrong=True),
    *on_device("cuda:0", copy=1.37e12, matmul=51e12),
    {"event": "copy", "device": "cpu", "to": "cuda:0", "bytes": 2**28, "seconds": measure(0.02), "passed": True},
    {"event": "together", "devices": ["cpu", "cuda:0"], "workload": "backprop",
     "alone": {"cpu": 1e-4, "cuda:0": 5e-5}, "together": {"cpu": 1.2e-4, "cuda:0": 5.1e-5}},
    {"event": "error", "kind": "device-unavailable", "device": "mps:0", "workload": None,
     "message": "built without MPS", "available": ["cpu", "cuda:0"]},
    {**END, "passed": False},
]  # fmt: skip


def ended(end: End = End.EXITED, code: int | None = 0, stderr: bytes = b"", seconds: float = 34.0) -> Completed:
    """A process that is over."""
    return Completed(argv=(), end=end, exit_code=code, stdout=b"", stderr=stderr, seconds=seconds)


def results_of(events: list[Event], *, interrupted: bool = False, **how: Any) -> Results:
    return collect_results("/env/bin/python", events, ended(**how), interrupted=interrupted)
