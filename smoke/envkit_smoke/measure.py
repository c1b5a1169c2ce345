"""A time that was measured in several rounds: its median, how sure that is, and how it scattered."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

RESAMPLES = 1000
OUTLYING = 1.5  # interquartile ranges beyond the quartiles (J. W. Tukey, Exploratory Data Analysis, 1977)


def measure(rounds: Sequence[float], *, count: int | None = None) -> dict[str, Any]:
    """Statistics of one time a round, in seconds; ``count`` is how many times went into all rounds.

    ``low`` and ``high`` are the 95 % percentile bootstrap interval of the median over the rounds (B. Efron and R. J.
    Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), resampled the same way each time.
    """
    seconds = np.asarray(rounds, dtype=np.float64)
    least, p25, median, p75, most = np.percentile(seconds, [0, 25, 50, 75, 100])
    drawn = np.random.default_rng(0).choice(seconds, (RESAMPLES, len(seconds)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    reach = OUTLYING * (p75 - p25)
    figures = {"median": median, "low": low, "high": high, "p25": p25, "p75": p75, "min": least, "max": most}
    return {
        **{name: float(f"{figure:.6g}") for name, figure in figures.items()},
        "count": len(seconds) if count is None else count,
        "rounds": len(seconds),
        "outliers": int(np.sum((seconds < p25 - reach) | (seconds > p75 + reach))),
        "noise": float(f"{np.median(np.abs(seconds - median)) / median:.3g}") if median > 0 else None,
    }
