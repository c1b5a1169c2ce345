"""A target that gave no answer: when its environment is to blame, and when it is not."""

import errno
import os
from pathlib import Path

import pytest

from envkit import processes
from envkit.probes.selection import Choice
from envkit.probes.target import probe_interpreter
from envkit.processes import Completed, End
from envkit.snapshot import Absent, Unknown


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOENT, Absent), (errno.EMFILE, Unknown), (errno.ENOMEM, Unknown), (errno.EAGAIN, Unknown)],
)
def test_an_environment_is_not_lost_where_no_program_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type
) -> None:
    (tmp_path / "pyvenv.cfg").write_text("")
    refused = Completed(
        argv=(), end=End.NOT_STARTED, exit_code=None, stdout=b"", stderr=b"", seconds=0.0, reason=os.strerror(number)
    )
    monkeypatch.setattr(processes, "run", lambda *_, **__: refused)
    assert isinstance(probe_interpreter(Choice(str(tmp_path / "bin/python"), "--python"), 1.0), kind)
