"""What a snapshot does not take along."""

from pathlib import Path

import pytest

from envkit.probes.host import probe_host


def test_a_variable_that_may_hold_a_secret_is_no_fact(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NVIDIA_API_KEY", "TORCH_HUB_TOKEN", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "value")

    assert {"NVIDIA_API_KEY", "TORCH_HUB_TOKEN"}.isdisjoint(probe_host(tmp_path).variables)
    assert probe_host(tmp_path).variables["CUDA_VISIBLE_DEVICES"] == "value"
