"""A diagnosis for other people to read: redacted, unless asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envkit.cli.diagnosing.asked import Asked
    from envkit.findings import Diagnosis
    from envkit.snapshot import Snapshot


def hand_on(asked: Asked, diagnosis: Diagnosis, snapshot: Snapshot) -> str:
    """Return the text that was asked for."""
    if not asked.no_redact:
        from envkit.cli.sharing import redacted, redactor

        by = redactor(snapshot, diagnosis)
        diagnosis, snapshot = redacted(diagnosis, by), redacted(snapshot, by)
    if asked.collect_env:
        from envkit.render.collect_env import render_collect_env

        return render_collect_env(snapshot)
    from envkit.render.markdown import render_diagnosis

    return render_diagnosis(diagnosis, snapshot)
