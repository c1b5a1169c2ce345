"""Sound times: in rounds, after a warm-up that lasts until they are steady, with an interval that says how sure.

A machine's noise comes in spells: another program, a clock that falls, a neighbour on the memory bus. Samples taken
one after another all share a spell, so that their spread tells nothing of the next one. Everything that is measured
is therefore measured a little in every round, round after round, and the interval is drawn from the rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Callable, List, Sequence

import numpy as np

RESAMPLES = 2000
COVERED = 95  # per cent, of the interval

BETWEEN_PROCESSES = 0.03
"""Relative: what the median of one process differs from another's by, though their rounds are steady.

Where memory lies, which processors are taken and how warm they are is decided once a process. On a virtual machine with
two processors the medians of runs one after another differed by up to 6 %, 3 % from their middle.
"""

OUTLYING = 5  # times the usual distance from the median
SHORTEST_SAMPLE = 1e-3  # seconds: hundreds of times what reading a clock takes
STEADY = 0.05  # relative: two warm-up samples this close are steady
WARMUP_SAMPLES = 20  # at most
ROUNDS = (3, 40)  # at least, however long they take, and at most
SAMPLES = 3  # of each subject in a round,
LONG_SAMPLE = 0.05  # unless one takes as many seconds

Clock = Callable[[Callable[[], object], int], float]
"""Seconds that a number of calls of a unit of work took in all, the device idle before and after."""


@dataclass(frozen=True)
class Measure:
    """Seconds of one unit of work in each sample of each round."""

    rounds: Sequence[Sequence[float]]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Measure:
        """Of one sample a round."""
        return cls([[one] for one in seconds])

    @property
    def median(self) -> float:
        """The median over the rounds of each round's median, in seconds."""
        return float(np.median([np.median(one) for one in self.rounds]))

    def interval(self) -> tuple[float, float]:
        """Where the median of another run would lie, to 95 in 100: a bootstrap over the rounds, widened.

        B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13: rounds are drawn with
        replacement, the percentiles of their medians bound the interval. Few rounds give too narrow a one, by about
        sqrt(n / (n - 1)). What differs from one process to the next does not show in the rounds of one, and is added in
        quadrature. One round alone falls back on its samples.
        """
        units = [float(np.median(one)) for one in self.rounds] if len(self.rounds) > 1 else list(self.rounds[0])
        draws = np.random.default_rng(0).integers(0, len(units), (RESAMPLES, len(units)))
        medians = np.median(np.array(units)[draws], axis=1)
        low, high = np.percentile(medians, [(100 - COVERED) / 2, (100 + COVERED) / 2])
        few = float(np.sqrt(len(units) / max(1, len(units) - 1)))
        middle = self.median
        below, above = (
            float(np.hypot(few * distance, BETWEEN_PROCESSES * middle)) for distance in (middle - low, high - middle)
        )
        return middle - below, middle + above

    def fields(self) -> dict[str, Any]:
        """The numbers of the measure: see the README."""
        seconds = np.concatenate([np.asarray(one) for one in self.rounds])
        least, p25, p75, most = (float(q) for q in np.percentile(seconds, [0, 25, 75, 100]))
        distances = np.abs(seconds - np.median(seconds))
        usual = float(np.median(distances))
        low, high = self.interval()
        return {
            "median": self.median,
            "low": max(0.0, low),
            "high": high,
            "p25": p25,
            "p75": p75,
            "min": least,
            "max": most,
            "count": int(seconds.size),
            "rounds": len(self.rounds),
            "outliers": int(np.sum(distances > OUTLYING * usual)) if usual else 0,
            "noise": usual / self.median if self.median else 0.0,
        }


@dataclass
class Subject:
    """Something to be timed: ``work`` does ``steps`` steps at a call; a sample is ``calls`` calls of it."""

    work: Callable[[], object]
    steps: int = 1
    calls: int = 1

    def warm_up(self, clock: Clock, patience: float = 1.0) -> float:
        """Run until two samples agree or ``patience`` seconds end; set ``calls`` so that a sample can be timed.

        Returns the seconds of the shortest sample: noise only ever adds to one.
        """
        began = perf_counter()
        last = clock(self.work, 1)
        self.calls = max(1, int(np.ceil(SHORTEST_SAMPLE / max(last, 1e-9))))
        least = last * self.calls
        for _ in range(WARMUP_SAMPLES):
            seconds = clock(self.work, self.calls)
            if seconds < SHORTEST_SAMPLE / 2:  # the first call was slow
                self.calls, least = self.calls * 2, 2 * seconds
                continue
            least = min(least, seconds)
            if abs(seconds - last) <= STEADY * last or perf_counter() - began > patience:
                break
            last = seconds
        return least

    def sample(self, clock: Clock) -> float:
        """Seconds of a step, from one sample."""
        return clock(self.work, self.calls) / (self.calls * self.steps)


class Rounds:
    """Every subject sampled in every round; what the finished rounds gave is kept whatever happens."""

    def __init__(self, subjects: Sequence[Subject], clock: Clock) -> None:
        self._subjects = subjects
        self._clock = clock
        self._rounds: List[List[List[float]]] = []

    def run(self, seconds: float, tell: Callable[[float], object] = float) -> None:
        """Sample for about so many seconds, within ``ROUNDS``; ``tell`` hears which part is done, round by round."""
        began = perf_counter()
        least, most = ROUNDS
        for done in range(1, most + 1):
            self._rounds.append([self._samples(subject) for subject in self._subjects])
            spent = perf_counter() - began
            over = done == most or (done >= least and spent * (done + 1) / done > seconds)
            tell(1.0 if over else round(min(1.0, max(done / most, spent / seconds)), 3))
            if over:
                return

    def _samples(self, subject: Subject) -> List[float]:
        """A few samples, or one where that takes long: what is long has little noise and uses up the time."""
        samples = [subject.sample(self._clock)]
        if samples[0] * subject.calls * subject.steps < LONG_SAMPLE:
            samples += [subject.sample(self._clock) for _ in range(SAMPLES - 1)]
        return samples

    def measures(self) -> list[Measure]:
        """One measure a subject, in their order; none before the first round is done."""
        return [Measure(list(rounds)) for rounds in zip(*self._rounds)]
