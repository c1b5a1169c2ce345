"""torch.compile, where it can be had."""

from __future__ import annotations


class NoCompiler(Exception):
    """torch.compile cannot be had here; ``kind`` is that of the skip event, the text its reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
