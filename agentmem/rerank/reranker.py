"""Reranking by a cross-encoder, which reads question and memory together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from agentmem_retrievers import RecalledMemory
from agentmem_stores import InvalidInputError, MissingExtraError

__all__ = ["Reranker"]


class Reranker:
    """Orders the best hits anew by a sentence-transformers `CrossEncoder`.

    Their scores become the cross-encoder's. It reads what was said with its speaker.

    Args:
        model: a model's name on the hub, its folder, or anything with
            `predict(pairs) -> scores`, such as a loaded `CrossEncoder`.
        candidates: how many hits are read, each with the question: what it costs.

    Raises:
        InvalidInputError: `candidates` is less than 1, or the model cannot be used; the latter
            when it is first needed.
    """

    def __init__(self, model: Any, *, candidates: int = 50) -> None:
        if candidates < 1:
            raise InvalidInputError(f"candidates={candidates} must be at least 1")
        self.candidates = candidates
        self._given = model

    @cached_property
    def _model(self) -> Any:
        if not isinstance(self._given, str):
            return self._given
        try:
            from sentence_transformers import CrossEncoder

            return CrossEncoder(self._given)
        except ImportError as error:
            raise MissingExtraError(f"{self._given} needs {error.name}; install it") from error
        except Exception as error:
            raise InvalidInputError(
                f"{self._given} is no cross-encoder that can be loaded: {error}"
            ) from error

    def __call__(self, query: str, hits: Sequence[RecalledMemory]) -> list[RecalledMemory]:
        """Return the hits, best first.

        Raises:
            InvalidInputError: the model did not return one finite score for each hit.
        """
        if not hits:
            return []
        scores = self._scores([(query, hit.memory.text_with_speaker) for hit in hits])
        order = np.argsort(-scores, kind="stable")
        return [replace(hits[i], score=float(scores[i]), contributions={}) for i in order]

    def _scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        given = self._model.predict(list(pairs))
        scores = np.asarray(given, dtype=np.float64)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise InvalidInputError(
                f"the cross-encoder returned shape {scores.shape} for {len(pairs)} pairs, or scores"
                " that are not finite; take one with a single label"
            )
        return scores
