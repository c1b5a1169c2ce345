"""One run of smoke: the order of its stages, what a failure leads to, and the exit code."""

from __future__ import annotations

import platform
import sys
import traceback
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING

from envkit_smoke import devices, events, network, ranks, toolchain
from envkit_smoke.reporter import INTERNAL, INTERRUPTED, PASSED, Reporter, Tally
from envkit_smoke.stage import Bench, Benches, JointStage, Stage

if TYPE_CHECKING:
    from envkit_smoke.options import Options


def load_stages() -> list[Stage]:
    """What is done on each device, in this order. Imports torch, which must have been found before."""
    from envkit_smoke import kernels, speed, trainings, workload

    workload.load(workload.TRAININGS)
    return [kernels.run, trainings.run, speed.run]


def load_joint_stages() -> list[JointStage]:
    """What is done with all devices together, after each alone; says nothing of fewer than two. Imports torch."""
    from envkit_smoke import joint

    return [joint.run]


class Session:
    """Runs the stages on the devices and tells the stream what happens."""

    def __init__(self, stream: events.EventStream, options: Options) -> None:
        self.stream = stream
        self.options = options
        self.tools = toolchain.Toolchain(None, None, [])
        self.available: list[devices.Device] = []
        self.network: network.Network | None = None
        self.tally = Tally()
        self.reporter = Reporter(stream, self.tally)

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
        passed = self.tally.code == PASSED
        self.stream.emit("end", passed=passed, seconds=round(perf_counter() - began, 6))
        return self.tally.code

    def _run(self) -> None:
        try:
            self.tools = toolchain.load()
            if self.tools.torch is not None:
                self.available = devices.detect(self.tools.torch)
                self.tally.available = devices.names(self.available)
        finally:
            self._start()
        for fault in self.tools.faults:
            self.reporter.fault(fault.kind, fault.message)
        if self.tally.code == PASSED and self.options.distributed:
            self._check_distributed()
        if self.tally.code == PASSED and not self.options.list_only:
            self._read_network()
        if self.tally.code == PASSED and not self.options.list_only:
            self._measure()

    def _read_network(self) -> None:
        """What the option ``--network`` names; a file that holds no network fails the run before it begins."""
        if self.options.network is None:
            return
        try:
            self.network = network.read(self.options.network)
        except network.NetworkInvalidError as error:
            self.reporter.of(workload="backprop").fault("network-invalid", str(error))

    def _start(self) -> None:
        options = self.options
        self.stream.emit(
            "start",
            schema_version=events.SCHEMA_VERSION,
            python=platform.python_version(),
            executable=sys.executable,
            **self.tools.facts,
            seed=options.seed,
            threads=self.tools.threads,
            devices=[asdict(one) for one in self.available],
            requested=self._requested(),
            mode=options.mode,
            workloads=list(options.workloads),
            dtypes=list(options.dtypes),
            variants=list(options.variants),
            epochs=options.epochs,
            budget=options.budget,
        )

    def _requested(self) -> list[str]:
        """The devices asked for, each once, with "all" written out; for ranks those that this machine has for them."""
        if self.options.distributed:
            return ranks.of_kind(self._kind(), self.tally.available)
        wanted = self.options.devices or [devices.ALL]
        expanded = [name for one in wanted for name in (self.tally.available if one == devices.ALL else [one])]
        return list(dict.fromkeys(expanded))

    def _kind(self) -> str:
        return ranks.kind_of(self.options.devices, self.tally.available)

    def _check_distributed(self) -> None:
        """See that ranks can be had, before any is started and once more in each."""
        kind = self._kind()
        reason = ranks.why_not(self.tools.torch, kind)
        if reason:
            self.reporter.fault("distributed-failed", reason)
        elif not self._requested():
            reason = devices.why_unavailable(self.tools.torch, f"{kind}:0")
            self.reporter.about(device=kind).fault("device-unavailable", f"{kind} is not available: {reason}")

    def _measure(self) -> None:
        if self.options.distributed:
            from envkit_smoke import distributed

            distributed.run(self.tools.torch, self.options, self.reporter, self._kind())
            return
        try:
            stages, joint_stages = load_stages(), load_joint_stages()
        except ImportError as error:  # torch itself was imported, a part of it cannot be
            self.reporter.fault("torch-import", f"a part of torch cannot be imported: {toolchain.one_line(error)}")
            return
        if self.network is not None:
            from envkit_smoke import trainings

            trainings.emit_reference(self.reporter, self.network)
        benches: list[Bench] = []
        for name in self._requested():
            if name in self.tally.available:
                reporter = self.reporter.about(device=name)
                wait = devices.synchroniser(self.tools.torch, name)
                bench = Bench(self.tools.torch, name, self.options, reporter, wait, self.network)
                for stage in stages:
                    stage(bench)
                benches.append(bench)
            else:
                reason = devices.why_unavailable(self.tools.torch, name)
                self.reporter.of(device=name).fault("device-unavailable", f"{name} is not available: {reason}")
        self.tally.place = {}
        able = {bench.device: bench.synchronise for bench in benches if bench.device not in self.tally.failed}
        waits = {"cpu": devices.synchroniser(self.tools.torch, "cpu"), **able}
        for joint_stage in joint_stages:
            joint_stage(Benches(list(able), self.options, self.reporter, waits))
        self.tally.place = {}

    def _fault(self, kind: str, message: str, code: int) -> None:
        """An error wherever the run is at work."""
        Reporter(self.stream, self.tally, self.tally.place).fault(kind, message, code)
