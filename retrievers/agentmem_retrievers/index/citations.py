"""What a scope's own use teaches: memories cited before, for questions like this one.

Which memories an answer cited is kept as it was observed, and what is learned follows from the
observations alone (after RMM's retrospective reflection, arXiv 2503.08026). So nothing can drift,
and what is deleted is unlearned.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentmem_stores import Memory, Vectors

__all__ = ["LEARNED", "Citation", "CitationIndex"]

Floats = NDArray[np.float64]

LEARNED = ("learned.cited", "learned.cited_alike", "learned.passed", "learned.passed_alike")
# The cosine below which two questions have nothing to do with each other.
ALIKE_FROM = 0.2
# However often something was cited, this is the most that it changes of a score.
BOUND = 3.0
# Of the squared trust: a few citations are not believed.
_DOUBT = 1.0
_STEPS = 24


@dataclass(frozen=True, eq=False)
class Citation:
    """What an answer cited of what it was shown.

    Attributes:
        asked: the question's embedding, shape (dimension,), unit length.
        scores: how each memory shown was ranked before anything was learned.
        cited: which of them the answer cited.
    """

    asked: Vectors
    scores: Mapping[str, float]
    cited: frozenset[str]

    def to_metadata(self) -> dict[str, Any]:
        """What a memory can hold of it, beside the ids of the memories shown as its sources."""
        packed = base64.b64encode(self.asked.astype("<f2").tobytes()).decode()
        scores = {i: round(score, 4) for i, score in self.scores.items()}
        return {"asked": packed, "scores": scores, "cited": sorted(self.cited)}

    @classmethod
    def of(cls, memory: Memory) -> Citation | None:
        """Read what `to_metadata` wrote; None where it is something else."""
        kept = memory.metadata
        try:
            asked = np.frombuffer(base64.b64decode(kept["asked"]), dtype="<f2").astype(np.float32)
            scores = {str(i): float(score) for i, score in kept["scores"].items()}
            cited = frozenset(map(str, kept["cited"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        known = np.isfinite(asked).all() and np.isfinite(list(scores.values())).all()
        return cls(asked, scores, cited) if known and cited <= scores.keys() else None


class CitationIndex:
    """The citations of one scope, and what follows from them."""

    def __init__(self) -> None:
        self._citations: dict[str, Citation] = {}
        self._known: _Known | None = None

    def __len__(self) -> int:
        return len(self._citations)

    def note(self, memory: Memory) -> None:
        """Take up the citation that a record keeps."""
        citation = Citation.of(memory)
        if citation is not None:
            self._citations[memory.id] = citation
            self._known = None

    def add(self, citation: Citation) -> None:
        """Take up a citation that nothing keeps."""
        self._citations[f"#{len(self._citations)}"] = citation
        self._known = None

    def forget(self, memory_id: str) -> None:
        """Unlearn a citation; an unknown id is passed over."""
        if self._citations.pop(memory_id, None) is not None:
            self._known = None

    def adds(self, asked: Vectors, ids: Sequence[str], weights: Mapping[str, float]) -> Floats:
        """How much the citations add to the scores of memories; (ids,), in [-BOUND, BOUND]."""
        known = self._ready()
        return known.adds(asked, ids, weights) * known.trust(weights)

    def trust(self, weights: Mapping[str, float]) -> float:
        """How far the citations are believed, in [0, 1]."""
        return self._ready().trust(weights)

    def examples(self) -> list[tuple[Floats, Floats, NDArray[np.bool_]]]:
        """What the weights are learned from: for each citation, the memories shown.

        Their scores, shape (shown,); what the other citations say of them, shape
        (shown, len(LEARNED)); and which were cited.
        """
        return list(self._ready().examples())

    def _ready(self) -> _Known:
        if self._known is None:
            self._known = _Known(list(self._citations.values()))
        return self._known


class _Known:
    """Citations, made ready to be asked many times."""

    def __init__(self, citations: Sequence[Citation]) -> None:
        widths = {len(c.asked) for c in citations}
        # Those of another embedder say nothing of this one's questions.
        self.citations = [c for c in citations if len(c.asked) == max(widths, default=0)]
        self._trust: float | None = None

    @cached_property
    def asked(self) -> Vectors:
        return np.stack([c.asked for c in self.citations])

    @cached_property
    def shown(self) -> dict[str, list[tuple[int, bool]]]:
        """For each memory the citations it was shown in, and whether it was cited."""
        found: dict[str, list[tuple[int, bool]]] = {}
        for number, citation in enumerate(self.citations):
            for i in citation.scores:
                found.setdefault(i, []).append((number, i in citation.cited))
        return found

    def adds(self, asked: Vectors, ids: Sequence[str], weights: Mapping[str, float]) -> Floats:
        if not self.citations or self.asked.shape[1] != len(asked):
            return np.zeros(len(ids))
        by = np.array([weights.get(name, 0.0) for name in LEARNED])
        added = self._columns(asked, ids, None) @ by
        return np.asarray(np.clip(added, -BOUND, BOUND), dtype=np.float64)

    def _columns(self, asked: Vectors, ids: Sequence[str], but: int | None) -> Floats:
        alike = np.clip((self.asked @ asked - ALIKE_FROM) / (1 - ALIKE_FROM), 0.0, 1.0)
        return np.array([self._features(i, alike, but) for i in ids]).reshape(-1, len(LEARNED))

    def _features(self, memory_id: str, alike: Vectors, but: int | None) -> list[float]:
        shown = [(n, cited) for n, cited in self.shown.get(memory_id, ()) if n != but]
        found: list[float] = []
        for wanted in (True, False):
            near = [float(alike[n]) for n, cited in shown if cited is wanted]
            found += [float(np.log1p(len(near))), max(near, default=0.0)]
        return found

    def trust(self, weights: Mapping[str, float]) -> float:
        """How far citations follow what was known of relevance, in [0, 1].

        The `a` in [0, 1] that makes the citations likeliest where a memory shown is cited with
        probability proportional to exp(a (score + what the other citations add)). Citations
        at random follow nothing, so that they are not believed.
        """
        if self._trust is None:
            groups = list(self._groups(weights))
            self._trust = _likeliest(groups) if groups else 0.0
        return self._trust

    def _groups(self, weights: Mapping[str, float]) -> Iterator[tuple[Floats, Floats]]:
        by = np.array([weights.get(name, 0.0) for name in LEARNED])
        for scores, columns, cited in self.examples():
            added = np.clip(columns @ by, -BOUND, BOUND)
            yield scores + added, cited / cited.sum()

    def examples(self) -> Iterator[tuple[Floats, Floats, NDArray[np.bool_]]]:
        for number, citation in enumerate(self.citations):
            ids = list(citation.scores)
            cited = np.array([i in citation.cited for i in ids], dtype=np.bool_)
            if cited.any() and not cited.all():
                columns = self._columns(citation.asked, ids, number)
                yield np.array(list(citation.scores.values())), columns, cited


def _likeliest(groups: Sequence[tuple[Floats, Floats]]) -> float:
    """The end of bisecting the slope of a concave function on [0, 1]."""
    low, high = 0.0, 1.0
    if _slope(groups, high) >= 0:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(groups, middle) > 0 else (low, middle)
    return (low + high) / 2


def _slope(groups: Sequence[tuple[Floats, Floats]], a: float) -> float:
    slope = -2 * _DOUBT * a
    for scores, right in groups:
        share = np.exp(a * (scores - scores.max()))
        slope += float((right - share / share.sum()) @ scores)
    return slope
