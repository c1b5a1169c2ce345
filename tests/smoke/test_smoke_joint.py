"""Several devices together: what is told of them, and that one that fails is named while the others go on.

The CPU under its two names stands for two devices, torch's "meta" device, which holds no data, for one that fails.
"""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from envkit_smoke import cli, copies, joint, session, together, toolchain
from envkit_smoke.descent import Descent
from envkit_smoke.events import EventStream
from envkit_smoke.reporter import Reporter, Tally
from envkit_smoke.stage import Bench, Benches
from envkit_smoke.stepwise import draw_lessons

from tests.smoke.conftest import SMOKE

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = cli.parse(["--epochs", "3"])


def idle() -> None:
    """The CPU always is."""


def run(devices: Sequence[str]) -> tuple[int, list[dict[str, Any]]]:
    """Run the stages on these devices and return the exit code and the events."""
    file, tally = io.StringIO(), Tally()
    waits = dict.fromkeys(["cpu", *devices], idle)
    joint.run(Benches(devices, OPTIONS, Reporter(EventStream(file), tally), waits))
    return tally.code, [json.loads(line) for line in file.getvalue().splitlines()]


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "LARGE", 4099)


@pytest.mark.parametrize("devices", [(), ("cpu",), ("cuda:0",)])
def test_fewer_than_two_devices_say_nothing(devices: tuple[str, ...]) -> None:
    assert run(devices) == (0, [])


def test_two_devices_copy_both_ways_and_train_together() -> None:
    events = run(["cpu", "cpu:0"])[1]
    assert [(event["device"], event["to"], event["passed"]) for event in of(events, "copy")] == [
        ("cpu", "cpu:0", True),
        ("cpu:0", "cpu", True),
    ]
    names = [check["name"] for check in of(events, "check") if check["device"] == "cpu"]
    assert names == ["copy", "every-step", "gradient", "on-device", "undisturbed"]
    assert all(check["passed"] for check in of(events, "check") if check["device"] == "cpu")
    (told,) = of(events, "together")
    assert list(told) == ["event", "devices", "workload", "alone", "together"]
    assert set(told["alone"]) == set(told["together"]) == {"cpu", "cpu:0"}
    assert of(events, "result")[0] == {
        "event": "result", "device": "cpu", "workload": "devices", "dtype": "float32", "passed": True,
    }  # fmt: skip


def test_a_tensor_elsewhere_than_on_its_device_is_caught() -> None:
    # torch says "cpu" of what was put on "cpu:0".
    code, events = run(["cpu", "cpu:0"])
    assert code == 1
    (stray,) = [check for check in of(events, "check") if not check["passed"]]
    assert (stray["name"], stray["device"]) == ("on-device", "cpu:0")
    assert [event["passed"] for event in of(events, "result")] == [True, False]


def test_a_copy_event_has_its_fields_in_order() -> None:
    (first, _) = of(run(["cpu", "cpu:0"])[1], "copy")
    assert list(first) == ["event", "device", "to", "bytes", "seconds", "passed", "peer_access"]
    assert first["bytes"] == 8 * 4099
    assert first["seconds"]["rounds"] == copies.ROUNDS


def test_a_device_that_fails_is_named_with_its_pair_and_the_others_are_measured() -> None:
    code, events = run(["cpu", "cpu:0", "meta"])
    errors = of(events, "error")
    assert code == 1
    assert {error["kind"] for error in errors} == {"device-failed"}
    assert [error["message"].partition(":")[0] for error in errors if error["device"] == "cpu"] == [
        "while copying from cpu to meta"
    ]
    assert any(error["device"] == "meta" and "while copying" not in error["message"] for error in errors)
    assert [(event["device"], event["to"]) for event in of(events, "copy")] == [("cpu", "cpu:0"), ("cpu:0", "cpu")]
    assert "meta" not in of(events, "together")[0]["together"]
    assert "cpu" in of(events, "together")[0]["together"]


def test_a_device_that_another_disturbs_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = together.Crowd.begin
    disturbed: list[bool] = []

    def begin_disturbed(crowd: together.Crowd) -> None:
        begin(crowd)
        disturbed.append(True)

    bits = Descent.bits
    monkeypatch.setattr(together.Crowd, "begin", begin_disturbed)
    monkeypatch.setattr(Descent, "bits", lambda self: bits(self)[:-1] + (b"\xff" if disturbed else bits(self)[-1:]))
    checks = [check for check in of(run(["cpu", "cpu:0"])[1], "check") if check["name"] == "undisturbed"]
    assert [(check["passed"], check["error"]) for check in checks] == [(False, 1), (False, 1)]
    assert checks[0]["detail"] == "while the other devices trained, 1 of 32 bytes came out otherwise than alone"


def test_a_device_that_computes_wrong_beside_others_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Descent.step

    def wrong(self: Descent, number: int, *rest: Any) -> None:
        step(self, number, *rest)
        if number == 5:
            self.layer.weight.data[0, 0] *= 1.00001

    monkeypatch.setattr(Descent, "step", wrong)
    failed = [check for check in of(run(["cpu", "cpu:0"])[1], "check") if not check["passed"]]
    assert [(check["device"], check["name"]) for check in failed if check["device"] == "cpu"] == [("cpu", "every-step")]
    assert "at step 6" in failed[0]["detail"]


def test_all_devices_are_busy_until_the_last_is_done() -> None:
    crowd = together.Crowd(2)
    assert not crowd.all_are_done()
    crowd.one_is_done()
    assert not crowd.all_are_done()
    crowd.one_is_done()
    assert crowd.all_are_done()


def test_a_training_of_given_batches_is_the_lectures() -> None:
    # Shared by one rank alone it is the plain one: the same bits as torch.optim.SGD and nn.MSELoss give.
    import torch
    from envkit_smoke import published

    lessons = draw_lessons(0, 2)
    descent = Descent(lessons, "cpu")
    descent.run()
    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(lessons.parameters[:, :3]))
        model.bias.copy_(torch.from_numpy(lessons.parameters[:, 3]))
    optimizer = torch.optim.SGD(model.parameters(), lr=published.LEARNING_RATE, momentum=published.MOMENTUM)
    for inputs, targets in zip(lessons.inputs, lessons.targets, strict=True):
        optimizer.zero_grad()
        torch.nn.MSELoss()(model(torch.from_numpy(inputs)), torch.from_numpy(targets)).backward()
        optimizer.step()
    assert torch.allclose(descent.layer.weight, model.weight, rtol=1e-5, atol=1e-6)


def test_devices_that_are_missing_or_failed_take_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def stage(bench: Bench) -> None:
        bench.reporter.attempt(lambda: 1 / (bench.device != "cuda:1"))

    given: list[Benches] = []
    cuda = SimpleNamespace(
        is_available=lambda: True, device_count=lambda: 3, get_device_name=str, synchronize=lambda device: None
    )
    torch = SimpleNamespace(__version__="2.9", __file__="torch.py", cuda=cuda, version=SimpleNamespace(cuda="13.0"))
    monkeypatch.setattr(toolchain, "load", lambda: toolchain.Toolchain(torch, SimpleNamespace(__version__="2.4"), []))
    monkeypatch.setattr(session, "load_stages", lambda: [stage])
    monkeypatch.setattr(session, "load_joint_stages", lambda: [given.append])
    options = cli.parse(["--device", "cuda:0", "--device", "cuda:1", "--device", "cuda:2", "--device", "cuda:7"])
    session.Session(EventStream(io.StringIO()), options).run()
    (benches,) = given
    assert benches.devices == ["cuda:0", "cuda:2"]
    assert set(benches.synchronise) == {"cpu", "cuda:0", "cuda:2"}


def test_what_is_told_of_several_devices_is_in_the_readme() -> None:
    readme = (SMOKE / "README.md").read_text(encoding="utf-8")
    events = run(["cpu", "cpu:0"])[1]
    told = {field for one in events for field in one} | {check["name"] for check in of(events, "check")}
    told |= {field for one in of(events, "copy") for field in one["seconds"]} | {joint.WORKLOAD}
    assert {word for word in told if f"`{word}`" not in readme} == set()
