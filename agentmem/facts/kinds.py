"""Which of what is commonly known of people a sentence tells, or a question asks for."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.cache import cached_documents
from agentmem.embedding.embedder import Embedder
from agentmem.facts.statements import is_own
from agentmem.facts.values import CHANGED
from agentmem_retrievers.index.indexed_store import SINGLE_THREADED_BLAS
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Vectors

__all__ = ["Kinds", "framing", "named"]

# Of the regression: the inverse of the penalty on the squared length of its coefficients.
_CLOSELY = 100.0
_STEPS = 1000
# Of the discriminants: variance that is added to what the wordings of a kind have, as a multiple of
# its mean; and by how much the odds which they give are too sure, since few wordings are known.
_RIDGE = 8.0
_DOUBT = np.float32(2.0)
# A kind that is less likely is not worth keeping.
_LEAST = 0.08
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_CHANGE = re.compile(rf"{CHANGED}|\w+ed")


@dataclass(frozen=True)
class Kinds:
    """Tells kinds of statements, such as home or job, and the questions for them.

    What it goes by are the sentences in `wordings.toml`. Two models learn from their embeddings,
    and the mean of the log odds that these give counts: multinomial logistic regression, which
    draws the borders between kinds where their sentences meet, and linear discriminant analysis,
    which knows a kind by what its sentences have in common. The first is right more often about
    what is worded like one of them, the second about what is worded in another way, and the mean
    depends less than either on which sentences happen to be there. What is none of the kinds is
    one more of them.
    """

    embedder: Embedder

    @cached_property
    def _odds(self) -> tuple[Vectors, Vectors]:
        found = cached_documents(self.embedder, [text for text, _, _ in _sentences()])
        return _odds(found.tobytes(), found.shape[1])

    def likely(self, vectors: Vectors) -> Vectors:
        """How likely sentences are of each kind, shape (sentences, kinds).

        Args:
            vectors: their embeddings, shape (sentences, dimension).
        """
        factors, shifts = self._odds
        with SINGLE_THREADED_BLAS:
            odds = vectors @ factors + shifts
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
        likely: Vectors = (shares / shares.sum(axis=1, keepdims=True))[:, :-1]
        return likely

    def told(self, vectors: Vectors) -> list[dict[str, float]]:
        """The kinds that statements may be of, see `attributes_asked`."""
        return [named(likely) for likely in self.likely(vectors)]

    def attributes_asked(self, question: Vectors) -> dict[str, float]:
        """Return the kinds that a question may ask for, the most probable first.

        Args:
            question: its embedding, shape (dimension,).
        """
        return named(self.likely(question[np.newaxis])[0])

    def is_own(self, text: str) -> bool:
        """Return whether a text may be about its speaker."""
        return is_own(text)


def named(likely: Vectors) -> dict[str, float]:
    """Give the kinds that are likely enough their names, the likeliest first.

    Args:
        likely: of each kind, shape (kinds,).
    """
    order = np.argsort(-likely, kind="stable")
    return {_names()[i]: round(float(likely[i]), 3) for i in order if likely[i] >= _LEAST}


@lru_cache(maxsize=256)
def framing(kind: str) -> frozenset[str]:
    """Stems in which a kind of thing is told and asked for, whatever its value: "colour", "best".

    Those that say that something has changed are none: who has moved to a town says more than that
    this is home. Empty for what is no kind.

    Args:
        kind: such as "home".
    """
    words = _wordings().get(kind, {})
    said = [template.format("") for template in words.get("told", ())]
    counts = Counter(stem for text in [*said, *words.get("asked", ())] for stem in _stems(text))
    return frozenset(stem for stem, n in counts.items() if n > 1)


def _stems(text: str) -> set[str]:
    words = (w for w in _WORD.findall(text.lower()) if not _CHANGE.fullmatch(w))
    return {stem for word in words for stem in tokenize(word)}


@lru_cache(maxsize=1)
def _wordings() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(files(__package__).joinpath("wordings.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple(_wordings())


# All controllers of one embedder share what is learned, which takes a third of a second.
@lru_cache(maxsize=2)
def _odds(embeddings: bytes, dimension: int) -> tuple[Vectors, Vectors]:
    """What a sentence's embedding is multiplied with, and what is added, for its log odds.

    Args:
        embeddings: of `_sentences`, float32 of shape (sentences, dimension).

    Returns:
        Shapes (dimension, kinds + 1) and (kinds + 1,).
    """
    _, kinds, start_nearest = zip(*_sentences(), strict=True)
    found, of = np.frombuffer(embeddings, np.float32).reshape(-1, dimension), np.array(kinds)
    factors, shifts = _discriminants(found, of, np.array(start_nearest))
    borders, heights = _borders(found, of)
    half = np.float32(0.5)
    return half * (factors / _DOUBT + borders), half * (shifts / _DOUBT + heights)


def _borders(found: Vectors, of: NDArray[np.intp]) -> tuple[Vectors, Vectors]:
    """The coefficients of a logistic regression, and its intercepts, shaped like `_odds`.

    Args:
        found: embeddings, shape (sentences, dimension).
        of: the number of each sentence's kind, shape (sentences,).
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_CLOSELY, max_iter=_STEPS).fit(found, of)
    return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)


def _discriminants(
    found: Vectors, of: NDArray[np.intp], asks: NDArray[np.bool_]
) -> tuple[Vectors, Vectors]:
    """Those of normal distributions of one covariance, shaped like `_odds`.

    Args:
        found: embeddings, shape (sentences, dimension).
        of: the number of each sentence's kind, shape (sentences,); the last one for none.
        asks: whether it is a question, shape (sentences,).
    """
    none = len(_names())
    means = np.stack([_middle(found[of == i], asks[of == i]) for i in range(none + 1)])
    apart = (found - means[of])[of < none]
    scatter = apart.T @ apart / len(apart)
    # However alike all embeddings are, this can be solved.
    ridge = _RIDGE * float(np.trace(scatter)) / len(scatter) + 1e-6
    factors = np.linalg.solve(scatter + ridge * np.eye(len(scatter)), means.T)
    shifts = -0.5 * (means.T * factors).sum(axis=0)
    return factors.astype(np.float32), shifts.astype(np.float32)


def _middle(found: Vectors, asks: NDArray[np.bool_]) -> Vectors:
    """The mean of sentences, where statements count as much as questions, however many."""
    groups = [group for group in (found[~asks], found[asks]) if len(group)]
    middle: Vectors = np.mean([group.mean(axis=0) for group in groups], axis=0)
    return middle


def _sentences() -> Iterator[tuple[str, int, bool]]:
    """Each sentence with the number of its kind, the last one for none, and whether it asks."""
    for kind, words in enumerate(_wordings().values()):
        values = words["values"]
        for n, template in enumerate(words["told"]):
            yield template.format(values[n % len(values)]), kind, False
        for text in words["asked"]:
            yield text, kind, True
        for text in words["besides"]:
            yield text, len(_names()), False
