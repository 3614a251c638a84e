"""Guess which attribute of a person a sentence states, or a question asks for.

Rules find facts (`agentmem.facts`) and are shown to people; this model only orders hits, also for
wordings that no rule covers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from importlib.metadata import version
from importlib.resources import files
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.cache import cached_array, cached_documents
from agentmem.embedding.embedder import Embedder
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Vectors
from agentmem_stores.exact import dot_products

__all__ = ["AttributeModel"]

# Of the regression: the inverse of the penalty on the squared length of its coefficients.
_CLOSELY = 100.0
_STEPS = 1000
# Of the discriminants: variance that is added to what the wordings of a kind have, as a multiple of
# its mean; and by how much the odds which they give are too sure, since few wordings are known.
_RIDGE = 8.0
_DOUBT = np.float32(2.0)
# A kind that is less likely is not worth keeping.
_LEAST = 0.08
_learning = Lock()
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
# Verbs of change say more than that something is so: who has moved somewhere lives there now.
_CHANGE = re.compile(
    r"moved|changed|switched|started|joined|bought|adopted|settled|signed|became|began|picked|"
    r"chose|opened|married|got|turned|transferred|swapped|replaced|traded|enrolled|landed|ended up|"
    r"accepted|decided|took up|took over|have|has|named|called|relocated|registered|celebrated|"
    r"gone|graduated|adapted|promoted|hired|made me|\w+ed"
)


@dataclass(frozen=True)
class AttributeModel:
    """Classifies statements and questions by attribute, such as home or job.

    It learns from the embeddings of the sentences in `wordings.toml`, with two models whose log
    odds are averaged: multinomial logistic regression is right more often about wordings like
    these, linear discriminant analysis about others, and the mean depends less than either on which
    sentences happen to be there. One more class is "none of them".
    """

    embedder: Embedder

    @cached_property
    def _log_odds(self) -> tuple[Vectors, Vectors]:
        # One thread learns, the others wait for it.
        with _learning:
            sentences = cached_documents(self.embedder, [text for text, _, _ in _sentences()])
            factors, shifts = _odds(sentences.tobytes(), sentences.shape[1])
        return np.ascontiguousarray(factors.T), shifts

    def load(self) -> None:
        """Learn from the sentences, which takes seconds the first time."""
        self._log_odds  # noqa: B018

    def attributes_asked(self, question: Vectors) -> dict[str, float]:
        """Return the attributes that a question may ask for, most probable first.

        Args:
            question: its embedding, shape (dimension,).
        """
        [probabilities] = self._probabilities(question[np.newaxis])
        order = np.argsort(-probabilities, kind="stable")
        return {
            _names()[i]: round(float(probabilities[i]), 3)
            for i in order
            if probabilities[i] >= _LEAST
        }

    def attribute_probabilities(self, vectors: Vectors, names: Sequence[str]) -> Vectors:
        """Return how likely texts state each of some attributes, shape (texts, names).

        Args:
            vectors: embeddings of the texts, shape (texts, dimension).
        """
        columns = [_names().index(name) for name in names]
        probabilities = self._probabilities(vectors)[:, columns]
        probabilities[probabilities < _LEAST] = 0
        return probabilities

    def framing(self, name: str) -> frozenset[str]:
        """Return the stems in which an attribute is stated and asked for, whatever its value."""
        return _framing(name)

    def _probabilities(self, vectors: Vectors) -> Vectors:
        factors, shifts = self._log_odds
        odds = dot_products(vectors, factors) + shifts
        shares = np.exp(odds - odds.max(axis=1, keepdims=True))
        probabilities: Vectors = (shares / shares.sum(axis=1, keepdims=True))[:, :-1]
        return probabilities


@lru_cache(maxsize=256)
def _framing(kind: str) -> frozenset[str]:
    """Return the stems of an attribute's name and wordings, verbs of change excepted."""
    words = _wordings().get(kind, {})
    said = [template.format("") for template in words.get("told", ())]
    texts = [kind, *said, *words.get("asked", ())]
    return frozenset(stem for text in texts for stem in _stems(text))


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
    # Fitting takes a third of a second, and importing scikit-learn's models as long again.
    settings = (version("scikit-learn"), _CLOSELY, _STEPS, _RIDGE, float(_DOUBT))
    labels = [(kind, asks) for _, kind, asks in _sentences()]
    key = f"{settings} {labels}".encode() + embeddings
    shape = (dimension + 1, len(_names()) + 1)
    odds = cached_array(key, shape, partial(_fit, embeddings, dimension))
    return odds[:-1], odds[-1]


def _fit(embeddings: bytes, dimension: int) -> Vectors:
    """Return the factors and, in the last row, the shifts of `_odds`."""
    _, kinds, start_nearest = zip(*_sentences(), strict=True)
    found, of = np.frombuffer(embeddings, np.float32).reshape(-1, dimension), np.array(kinds)
    factors, shifts = _discriminants(found, of, np.array(start_nearest))
    borders, heights = _borders(found, of)
    half = np.float32(0.5)
    odds = np.vstack([factors / _DOUBT + borders, shifts / _DOUBT + heights])
    return np.asarray(half * odds, dtype=np.float32)


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
