"""What the NVIDIA driver tells of a GPU while smoke makes it work: its clocks at rest explain nothing."""

import os
import threading
from collections.abc import Mapping, Sequence

from envkit.bench.stream import Event, place_of
from envkit.probes.nvidia import probe_nvml
from envkit.snapshot import Nvml, NvmlDevice

_LIMIT = 10.0
"""Seconds for the driver's answer."""


class LoadProbe:
    """Hears the events of a run, and asks the driver about each CUDA device when its first speed has come.

    The answer comes in a thread of its own, so that neither the events nor what is measured wait for it.
    """

    def __init__(self) -> None:
        self._threads: dict[str, threading.Thread] = {}
        self._answers: dict[str, NvmlDevice] = {}
        self._names: dict[str, str] = {}

    def hear(self, event: Event) -> None:
        """Take an event of the run."""
        if event.get("event") == "start":
            listed = event.get("devices")
            entries = listed if isinstance(listed, list) else []
            self._names = {str(one.get("device")): str(one.get("name")) for one in entries if isinstance(one, dict)}
        device = place_of(event).device
        at_work = event.get("event") in ("ceiling", "point") and device.startswith("cuda:")
        if at_work and device not in self._threads:
            thread = threading.Thread(target=self._ask, args=(device,), daemon=True)
            self._threads[device] = thread
            thread.start()

    def answers(self) -> dict[str, NvmlDevice]:
        """Wait for the driver, and return what it told of each device by torch's name of it."""
        for thread in self._threads.values():
            thread.join(_LIMIT + 1)
        return dict(self._answers)

    def _ask(self, device: str) -> None:
        told = probe_nvml(_LIMIT)
        if isinstance(told, Nvml) and told.devices:
            found = find_gpu(told.devices, int(device.partition(":")[2]), self._names.get(device, ""), os.environ)
            if found is not None:
                self._answers[device] = found


def find_gpu(listed: Sequence[NvmlDevice], index: int, name: str, variables: Mapping[str, str]) -> NvmlDevice | None:
    """Return the GPU that torch calls cuda:INDEX, None where that cannot be told.

    NVML lists all in the order of the bus; CUDA lists those of CUDA_VISIBLE_DEVICES, and without
    CUDA_DEVICE_ORDER=PCI_BUS_ID the fastest first, which is the same order where all are alike.
    """
    visible = [one.strip() for one in variables.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip()]
    wanted = visible[index] if index < len(visible) else str(index)
    by_uuid = [one for one in listed if one.uuid and not wanted.isdigit() and one.uuid.startswith(wanted)]
    ordered = len({one.name for one in listed}) == 1 or variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    by_index = [one for one in listed if ordered and str(one.index) == wanted]
    by_name = [one for one in listed if one.name == name]
    return next((found[0] for found in (by_uuid, by_index, by_name) if len(found) == 1), None)
