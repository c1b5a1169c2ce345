"""The one exception that a person is meant to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class EnvkitError(Exception):
    """An expected failure: what happened, to which input, why; and the way out as a hint.

    `exit_code` follows the command line's table: 1 the answer is no, 2 wrong usage, 3 envkit failed.
    """

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        self.details: Mapping[str, Any] = {}
        """What a program is told beside the message."""
