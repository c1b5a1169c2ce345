"""Two Snapshots and what differs between them, that first which can matter to torch. Pure functions, as checks are."""

from envkit.differences.comparing import compare
from envkit.differences.model import Difference, Differences, Fact, OnlyOne, Other, Side, State, Verdict

__all__ = ["Difference", "Differences", "Fact", "OnlyOne", "Other", "Side", "State", "Verdict", "compare"]
