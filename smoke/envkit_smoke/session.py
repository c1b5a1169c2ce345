"""One run of smoke: the order of its events, what a failure leads to, and the exit code."""

from __future__ import annotations

import platform
import sys
import traceback
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Sequence

from envkit_smoke import devices, events, toolchain, workload

PASSED, FAILED, INTERNAL, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class Options:
    """What the command line asked for; no device means every one that is there."""

    devices: Sequence[str]
    workloads: Sequence[str]
    epochs: int
    seed: int
    optimizer: str
    list_only: bool


class Session:
    """Runs the workloads on the devices and tells the stream what happens."""

    def __init__(self, stream: events.EventStream, options: Options) -> None:
        self.stream = stream
        self.options = options
        self.tools = toolchain.Toolchain(None, None, [])
        self.available: list[devices.Device] = []
        self.code = PASSED
        self.device: str | None = None
        self.workload: str | None = None

    def run(self) -> int:
        """The whole run, from start to end event, whatever happens between. Returns the exit code."""
        began = perf_counter()
        try:
            self._run()
        except KeyboardInterrupt:
            self._fault("interrupted", "stopped from the keyboard", INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - told as an event, and the stream still ends properly
            traceback.print_exc()
            self._fault("internal", "smoke itself failed: " + toolchain.one_line(error), INTERNAL)
        self.stream.emit("end", passed=self.code == PASSED, seconds=round(perf_counter() - began, 6))
        return self.code

    def _run(self) -> None:
        try:
            self.tools = toolchain.load()
            if self.tools.torch is not None:
                self.available = devices.detect(self.tools.torch)
        finally:
            self._start()
        for fault in self.tools.faults:
            self._fault(fault.kind, fault.message)
        if self.code == PASSED and not self.options.list_only:
            self._measure()

    def _start(self) -> None:
        self.stream.emit(
            "start",
            schema_version=events.SCHEMA_VERSION,
            python=platform.python_version(),
            executable=sys.executable,
            **self.tools.facts,
            seed=self.options.seed,
            threads=self.tools.threads,
            devices=[asdict(one) for one in self.available],
            requested=self._requested(),
            workloads=list(self.options.workloads),
            epochs=self.options.epochs,
            optimizer=self.options.optimizer,
        )

    def _requested(self) -> list[str]:
        """The devices asked for, each once, with "all" written out."""
        available = devices.names(self.available)
        wanted = self.options.devices or [devices.ALL]
        expanded = [name for one in wanted for name in (available if one == devices.ALL else [one])]
        return list(dict.fromkeys(expanded))

    def _measure(self) -> None:
        try:
            workloads = workload.load(self.options.workloads)
        except ImportError as error:  # torch itself was imported, a part of it cannot be
            self._fault("torch-import", f"a part of torch cannot be imported: {toolchain.one_line(error)}")
            return
        for name in self._requested():
            self.device = name
            if name in devices.names(self.available):
                self._measure_device(name, workloads)
            else:
                reason = devices.why_unavailable(self.tools.torch, name)
                self._fault("device-unavailable", f"{name} is not available: {reason}")
        self.device = None

    def _measure_device(self, device: str, workloads: Sequence[workload.Workload]) -> None:
        options = self.options
        wait = devices.synchroniser(self.tools.torch, device)
        task = workload.Task(device, options.seed, options.epochs, options.optimizer, wait)
        for self.workload, one in zip(options.workloads, workloads):
            self._run_workload(one, task)
        self.workload = None

    def _run_workload(self, one: workload.Workload, task: workload.Task) -> None:
        """Observe, judge and report; whatever is raised while observing is the device's failure."""
        try:
            observed = one.observe(task)
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            traceback.print_exc()
            self._fault("device-failed", toolchain.one_line(error))
            self._emit("result", passed=False)
        else:
            self._report(one.judge(observed))

    def _report(self, report: workload.Report) -> None:
        for check in report.checks:
            self._emit("check", **check.fields())
        passed = all(check.passed for check in report.checks)
        losses = {"losses": report.losses, "final_loss": report.losses[-1], "optimum": report.optimum}
        self._emit("training", epochs=len(report.losses), **losses)
        self._emit("timing", **report.timing.fields())
        if not passed:
            self.code = FAILED
        self._emit("result", passed=passed)

    def _emit(self, event: str, **fields: Any) -> None:
        """An event about the workload and device at hand."""
        self.stream.emit(event, workload=self.workload, device=self.device, dtype=workload.DTYPE, **fields)

    def _fault(self, kind: str, message: str, code: int = FAILED) -> None:
        self.code = code
        where = {"device": self.device, "workload": self.workload}
        available = devices.names(self.available)
        self.stream.emit("error", kind=kind, **where, message=message, available=available)
