"""What speaks for a turn being the answer: one number per candidate and aspect.

Every feature has a name `part.aspect`; the part is what an explanation and an ablation call it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from agentmem_retrievers.features.late_interaction import LateInteraction
from agentmem_retrievers.features.lexical import NEAR, WIDE, Features, Floats, LexicalFeatures
from agentmem_retrievers.index.scope_index import ScopeIndex
from agentmem_retrievers.index.table import NONE, Rows
from agentmem_retrievers.text.question import Question
from agentmem_stores import Granularity, Vectors

__all__ = ["TurnFeatures"]

_DAY = 86_400.0


class TurnFeatures:
    """Computes the features of candidate turns for one question."""

    def __init__(
        self,
        index: ScopeIndex,
        question: Question,
        vector: Vectors,
        wording: LexicalFeatures,
        late: LateInteraction,
    ) -> None:
        """Prepare.

        Args:
            vector: embedding of `question.addressed`, shape (dimension,).
        """
        self.index = index
        self.table = index.tables[Granularity.TURN]
        self.question = question
        self.vector = vector
        self.session = self.table.column("session")
        self.wording = wording
        self.late = late

    def compute(self, rows: Rows) -> Features:
        """Return all features of candidates, rows of the turn table; each of their shape."""
        self.rows = rows
        self.around = self.table.around(rows, WIDE)
        return {
            **self.wording.compute(self.around),
            **self._dense(),
            **self.late.features(self.around, self.session[rows]),
            **self._time(),
            **self._manner(),
        }

    def _dense(self) -> Features:
        own, near = self.table.similar(self.around, NEAR, self.vector)
        return {"turn.dense": _floats(own), "context.dense": _floats(near)}

    def _time(self) -> Features:
        timed = self.table.flags(self.rows, "timed")
        return {
            "time.named": np.maximum(self._in_periods(), self._in_windows()),
            "time.told": timed,
            "time.told_when_asked": timed * self.question.asks_when,
            **self._direction(),
        }

    def _direction(self) -> Features:
        """Where a time is asked for: whether a turn tells of one gone by, or of one to come."""
        about = self.table.column("about_from")[self.rows]
        day = np.floor(self.table.column("said")[self.rows] / _DAY) * _DAY
        # What speaks of no time has NaN there, which is neither.
        past, ahead = _floats(about < day + _DAY), _floats(about >= day + _DAY)
        asks, later = float(self.question.asks_when), float(self.question.asks_ahead)
        return {
            "time.past": asks * past,
            "time.ahead": asks * ahead,
            "time.ahead_when_ahead": asks * later * ahead,
        }

    def _in_periods(self) -> Floats:
        """How well the time of saying fits the dates that the question names."""
        fits = np.zeros(len(self.rows))
        if self.question.periods:
            for i, seconds in enumerate(self.table.column("said")[self.rows]):
                moment = datetime.fromtimestamp(float(seconds), UTC)
                fits[i] = max(period.fits(moment) for period in self.question.periods)
        return fits

    def _in_windows(self) -> Floats:
        """How well the time spoken of fits the times asked about; or where those are no dates,
        such as "last week", the time of saying.
        """
        about = [self.table.column(name)[self.rows] for name in ("about_from", "about_until")]
        said = self.table.column("said")[self.rows]
        fits = np.zeros(len(self.rows))
        for window in self.question.windows:
            fits = np.fmax(fits, window.fits(*about))
            if not self.question.periods:
                fits = np.maximum(fits, window.fits(said, said))
        return fits

    def _manner(self) -> Features:
        before = self.around[-1]
        asked_before = np.where(before == NONE, 0.0, self.table.flags(before, "asks"))
        return {
            "manner.question": self.table.flags(self.rows, "ends_asking"),
            "manner.answer": asked_before,
            "manner.length": np.log1p(self.wording.all.lengths(self.rows)),
            "manner.opening": (self.table.column("position")[self.rows] < 2).astype(np.float64),
            "manner.speaker": self.table.spoken_by(self.rows, self.question.named),
        }


def _floats(values: NDArray[np.float32] | NDArray[np.bool_]) -> Floats:
    return values.astype(np.float64)
