"""Rerank hits with a cross-encoder, which reads the query and a memory together."""

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
    """Orders the best hits by the scores of a sentence-transformers `CrossEncoder`.

    The model reads each text with its speaker. Its scores replace those of the search, and the
    contributions are empty.

    Args:
        model: the name of a model on the Hugging Face Hub, its folder, or any object with
            `predict(pairs) -> scores`, such as a loaded `CrossEncoder`. A name or a folder is
            loaded at the first search.
        candidates: how many hits the model reads; the cost of a search grows in proportion.

    Raises:
        InvalidInputError: `candidates` is less than 1.

    Example:
        >>> from agentmem import InMemoryStore, MemoryController, Reranker, Scope
        >>> class ShortestFirst:  # in place of CrossEncoder("cross-encoder/ms-marco-MiniLM-L6-v2")
        ...     def predict(self, pairs):
        ...         return [-len(text) for _, text in pairs]
        >>> with MemoryController(
        ...     InMemoryStore(), scope=Scope(user_id="ada"), refiners=[Reranker(ShortestFirst())]
        ... ) as memory:
        ...     _ = memory.add(["I like green tea with a little honey.", "I like tea."])
        ...     print(memory.search("tea", k=1)[0].memory.text)
        I like tea.
    """

    def __init__(self, model: Any, *, candidates: int = 50) -> None:
        if candidates < 1:
            raise InvalidInputError(f"candidates={candidates}: must be >= 1")
        self.candidates = candidates
        self._name_or_model = model

    @cached_property
    def _model(self) -> Any:
        if not isinstance(self._name_or_model, str):
            return self._name_or_model
        try:
            from sentence_transformers import CrossEncoder

            return CrossEncoder(self._name_or_model)
        except ImportError as error:
            raise MissingExtraError(
                f"{self._name_or_model} needs the package {error.name}"
            ) from error
        except Exception as error:
            raise InvalidInputError(
                f"{self._name_or_model} cannot be loaded as a cross-encoder: {error}"
            ) from error

    def __call__(self, query: str, hits: Sequence[RecalledMemory]) -> list[RecalledMemory]:
        """Return the hits, best first.

        Raises:
            InvalidInputError: the model cannot be loaded, or does not return one finite score per
                hit.
            MissingExtraError: the model needs a package that is not installed.
        """
        if not hits:
            return []
        pairs = [(query, hit.memory.text_with_speaker) for hit in hits]
        scores = np.asarray(self._model.predict(pairs), dtype=np.float64)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise InvalidInputError(
                f"the cross-encoder must return one finite score per pair, got shape "
                f"{scores.shape} for {len(pairs)} pairs; use a model with a single label"
            )
        order = np.argsort(-scores, kind="stable")
        return [replace(hits[i], score=float(scores[i]), contributions={}) for i in order]
