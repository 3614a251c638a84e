"""Learn from citations: memories that answers to similar questions cited, or passed over.

Citations are stored as they were observed, and what is learned is computed from them (after RMM's
retrospective reflection, arXiv 2503.08026). So nothing drifts, and a deleted citation is unlearned.
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
# Questions with a smaller cosine are unrelated: similarity is rescaled to [0, 1] from here.
UNRELATED = 0.2
# The most that citations change a score, however many there are.
MAX_ADJUSTMENT = 3.0
# Penalty on the squared trust, so that a few citations change little.
_PENALTY = 1.0
# Bisection steps: the trust is exact to 2 ** -24.
_STEPS = 24


@dataclass(frozen=True, eq=False)
class Citation:
    """Which of the memories in its prompt an answer cited.

    Attributes:
        query_vector: the question's embedding, shape (dimension,), unit length.
        scores: the score of each memory in the prompt, without what citations added.
        cited: ids of the cited ones.
    """

    query_vector: Vectors
    scores: Mapping[str, float]
    cited: frozenset[str]

    def to_metadata(self) -> dict[str, Any]:
        """Return the metadata of a CITATION memory, whose sources are the ids of `scores`."""
        packed = base64.b64encode(self.query_vector.astype("<f2").tobytes()).decode()
        scores = {i: round(score, 4) for i, score in self.scores.items()}
        return {"asked": packed, "scores": scores, "cited": sorted(self.cited)}

    @classmethod
    def of(cls, memory: Memory) -> Citation | None:
        """Return the citation that `to_metadata` stored, or None for other metadata."""
        stored = memory.metadata
        try:
            packed = base64.b64decode(stored["asked"])
            query_vector = np.frombuffer(packed, dtype="<f2").astype(np.float32)
            scores = {str(i): float(score) for i, score in stored["scores"].items()}
            cited = frozenset(map(str, stored["cited"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        finite = np.isfinite(query_vector).all() and np.isfinite(list(scores.values())).all()
        return cls(query_vector, scores, cited) if finite and cited <= scores.keys() else None


class CitationIndex:
    """The citations of a scope.

    Attributes:
        citations: by the id of the memory that stores them.
    """

    def __init__(self) -> None:
        self.citations: dict[str, Citation] = {}
        self._model: _CitationModel | None = None

    def __len__(self) -> int:
        return len(self.citations)

    def put(self, memory: Memory) -> None:
        """Insert the citation that a memory stores, if it stores one."""
        citation = Citation.of(memory)
        if citation is not None:
            self.citations[memory.id] = citation
            self._model = None

    def add(self, citation: Citation) -> None:
        """Insert a citation that no memory stores."""
        self.citations[f"#{len(self.citations)}"] = citation
        self._model = None

    def remove(self, memory_id: str) -> None:
        """Remove a citation; unknown ids are ignored."""
        if self.citations.pop(memory_id, None) is not None:
            self._model = None

    def adjustments(
        self, query_vector: Vectors, ids: Sequence[str], weights: Mapping[str, float]
    ) -> Floats:
        """Return what citations add to the scores of memories.

        Returns:
            Shape (ids,), each in [-MAX_ADJUSTMENT, MAX_ADJUSTMENT].
        """
        model = self._fitted()
        return model.adjustments(query_vector, ids, weights) * model.trust(weights)

    def trust(self, weights: Mapping[str, float]) -> float:
        """Return how far the citations are believed, in [0, 1]."""
        return self._fitted().trust(weights)

    def examples(self) -> list[tuple[Floats, Floats, NDArray[np.bool_]]]:
        """Return the training examples for the weights, one for each citation.

        Each consists of the scores of the memories in the prompt, shape (memories,); their
        features by the other citations, shape (memories, len(LEARNED)); and which were cited.
        """
        return list(self._fitted().examples())

    def _fitted(self) -> _CitationModel:
        if self._model is None:
            self._model = _CitationModel(list(self.citations.values()))
        return self._model


class _CitationModel:
    """Features and trust of a fixed set of citations."""

    def __init__(self, citations: Sequence[Citation]) -> None:
        dimensions = {len(c.query_vector) for c in citations}
        # Vectors of a former embedder cannot be compared with the present one's.
        self.citations = [c for c in citations if len(c.query_vector) == max(dimensions, default=0)]
        self._trust: float | None = None

    @cached_property
    def query_vectors(self) -> Vectors:
        return np.stack([c.query_vector for c in self.citations])

    @cached_property
    def occurrences(self) -> dict[str, list[tuple[int, bool]]]:
        """For each memory the citations whose prompt had it, and whether it was cited."""
        occurrences: dict[str, list[tuple[int, bool]]] = {}
        for number, citation in enumerate(self.citations):
            for i in citation.scores:
                occurrences.setdefault(i, []).append((number, i in citation.cited))
        return occurrences

    def adjustments(
        self, query_vector: Vectors, ids: Sequence[str], weights: Mapping[str, float]
    ) -> Floats:
        if not self.citations or self.query_vectors.shape[1] != len(query_vector):
            return np.zeros(len(ids))
        coefficients = np.array([weights.get(name, 0.0) for name in LEARNED])
        added = self._features(query_vector, ids, None) @ coefficients
        return np.asarray(np.clip(added, -MAX_ADJUSTMENT, MAX_ADJUSTMENT), dtype=np.float64)

    def _features(self, query_vector: Vectors, ids: Sequence[str], left_out: int | None) -> Floats:
        """Features of memories by all citations but one, shape (ids, len(LEARNED))."""
        cosines = self.query_vectors @ query_vector
        similar = np.clip((cosines - UNRELATED) / (1 - UNRELATED), 0.0, 1.0)
        features: list[float] = []
        for i in ids:
            occurrences = self.occurrences.get(i, ())
            for is_cited in (True, False):
                near = [
                    float(similar[n])
                    for n, cited in occurrences
                    if cited is is_cited and n != left_out
                ]
                features += [float(np.log1p(len(near))), max(near, default=0.0)]
        return np.array(features).reshape(-1, len(LEARNED))

    def trust(self, weights: Mapping[str, float]) -> float:
        """Return the maximum likelihood estimate of how far citations follow relevance.

        That is the `a` in [0, 1] that makes the citations most likely, if a memory in the prompt
        is cited with probability proportional to exp(a (score + what the other citations add)).
        Citations at random have an `a` of 0.
        """
        if self._trust is None:
            coefficients = np.array([weights.get(name, 0.0) for name in LEARNED])
            groups = []
            for scores, features, cited in self.examples():
                added = np.clip(features @ coefficients, -MAX_ADJUSTMENT, MAX_ADJUSTMENT)
                groups.append((scores + added, cited / cited.sum()))
            self._trust = _maximize(groups) if groups else 0.0
        return self._trust

    def examples(self) -> Iterator[tuple[Floats, Floats, NDArray[np.bool_]]]:
        for number, citation in enumerate(self.citations):
            ids = list(citation.scores)
            cited = np.array([i in citation.cited for i in ids], dtype=np.bool_)
            if cited.any() and not cited.all():
                features = self._features(citation.query_vector, ids, number)
                yield np.array(list(citation.scores.values())), features, cited


def _maximize(groups: Sequence[tuple[Floats, Floats]]) -> float:
    """Bisect the slope of the concave log likelihood on [0, 1]."""
    low, high = 0.0, 1.0
    if _slope(groups, high) >= 0:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(groups, middle) > 0 else (low, middle)
    return (low + high) / 2


def _slope(groups: Sequence[tuple[Floats, Floats]], a: float) -> float:
    slope = -2 * _PENALTY * a
    for scores, target in groups:
        share = np.exp(a * (scores - scores.max()))
        slope += float((target - share / share.sum()) @ scores)
    return slope
