"""Guess which attribute of a person a sentence states, or a question asks for.

Facts are found by rules (`agentmem.facts`) and shown to people; this model only orders hits, also
for wordings that no rule covers.
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

# The inverse of the L2 penalty of the logistic regression, and its iterations.
_C, _MAX_ITERATIONS = 100.0, 1000
# Added to the diagonal of the covariance of the discriminant analysis, as a multiple of its mean.
_SHRINKAGE = 8.0
# The discriminants are overconfident, since few sentences are known; their log odds are divided by
# this.
_TEMPERATURE = np.float32(2.0)
# Probabilities below this count as 0.
_MIN_PROBABILITY = 0.08
_fitting = Lock()
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
# Verbs of change say more than that something is so: who has moved somewhere lives there now.
_CHANGE = re.compile(
    r"moved|changed|switched|started|joined|bought|adopted|settled|signed|became|began|picked|"
    r"chose|opened|married|got|turned|transferred|swapped|replaced|traded|enrolled|landed|ended up|"
    r"accepted|decided|took up|took over|have|has|named|called|relocated|registered|celebrated|"
    r"gone|graduated|adapted|promoted|hired|made me|\w{3,}ed"
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
    def _coefficients(self) -> tuple[Vectors, Vectors]:
        # One thread fits, the others wait for it.
        with _fitting:
            sentences = cached_documents(self.embedder, [text for text, _, _ in _sentences()])
            coefficients, intercepts = _fitted(sentences.tobytes(), sentences.shape[1])
        return np.ascontiguousarray(coefficients.T), intercepts

    def load(self) -> None:
        """Fit the model to the sentences, which takes seconds the first time."""
        self._coefficients  # noqa: B018

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
            if probabilities[i] >= _MIN_PROBABILITY
        }

    @property
    def names(self) -> Sequence[str]:
        """The attributes that it knows."""
        return _names()

    def attribute_probabilities(self, vectors: Vectors) -> Vectors:
        """Return how likely texts state each attribute, shape (texts, names).

        Args:
            vectors: embeddings of the texts, shape (texts, dimension).
        """
        probabilities = self._probabilities(vectors)
        probabilities[probabilities < _MIN_PROBABILITY] = 0
        return probabilities

    def framing(self, name: str) -> frozenset[str]:
        """Return the stems in which an attribute is stated and asked for, whatever its value."""
        return _framing(name)

    def _probabilities(self, vectors: Vectors) -> Vectors:
        coefficients, intercepts = self._coefficients
        logits = dot_products(vectors, coefficients) + intercepts
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Vectors = (weights / weights.sum(axis=1, keepdims=True))[:, :-1]
        return probabilities


@lru_cache(maxsize=256)
def _framing(attribute: str) -> frozenset[str]:
    """Return the stems of an attribute's name and sentences, verbs of change excepted."""
    sentences = _wordings().get(attribute, {})
    statements = [template.format("") for template in sentences.get("statements", ())]
    texts = [attribute, *statements, *sentences.get("questions", ())]
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


def _sentences() -> Iterator[tuple[str, int, bool]]:
    """Yield each sentence, the number of its class, and whether it is a question.

    The last class is "no attribute". Two to four values for each statement classify the sentences
    left out by cross-validation better (92 to 93 % instead of 89 %), those of another author not.
    """
    for number, sentences in enumerate(_wordings().values()):
        values = sentences["values"]
        for n, template in enumerate(sentences["statements"]):
            yield template.format(values[n % len(values)]), number, False
        yield from ((text, number, True) for text in sentences["questions"])
        yield from ((text, len(_names()), False) for text in sentences["distractors"])


# All controllers of one embedder share the coefficients, which take a third of a second to fit.
@lru_cache(maxsize=2)
def _fitted(embeddings: bytes, dimension: int) -> tuple[Vectors, Vectors]:
    """Return the coefficients and intercepts of the classifier.

    Args:
        embeddings: of `_sentences`, float32 of shape (sentences, dimension).

    Returns:
        Shapes (dimension, classes) and (classes,).
    """
    # Fitting takes a third of a second, and importing scikit-learn's models as long again.
    settings = (version("scikit-learn"), _C, _MAX_ITERATIONS, _SHRINKAGE, float(_TEMPERATURE))
    labels = [(number, is_question) for _, number, is_question in _sentences()]
    key = f"{settings} {labels}".encode() + embeddings
    shape = (dimension + 1, len(_names()) + 1)
    stacked = cached_array(key, shape, partial(_fit, embeddings, dimension))
    return stacked[:-1], stacked[-1]


def _fit(embeddings: bytes, dimension: int) -> Vectors:
    """Return the coefficients of `_fitted` with the intercepts as the last row."""
    _, numbers, are_questions = zip(*_sentences(), strict=True)
    x, y = np.frombuffer(embeddings, np.float32).reshape(-1, dimension), np.array(numbers)
    discriminants = _linear_discriminants(x, y, np.array(are_questions)) / _TEMPERATURE
    return np.asarray((discriminants + _logistic_regression(x, y)) / 2, dtype=np.float32)


def _logistic_regression(x: Vectors, y: NDArray[np.intp]) -> Vectors:
    """Return the coefficients of a multinomial logistic regression, shaped like those of `_fit`.

    Args:
        x: embeddings, shape (sentences, dimension).
        y: the class of each sentence, shape (sentences,).
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_C, max_iter=_MAX_ITERATIONS).fit(x, y)
    return np.vstack([model.coef_.T, model.intercept_]).astype(np.float32)


def _linear_discriminants(
    x: Vectors, y: NDArray[np.intp], are_questions: NDArray[np.bool_]
) -> Vectors:
    """Return the coefficients of a linear discriminant analysis, shaped like those of `_fit`.

    The covariance is that of sentences about an attribute; "no attribute" has a mean only.

    Args:
        x: embeddings, shape (sentences, dimension).
        y: the class of each sentence, shape (sentences,).
        are_questions: shape (sentences,).
    """
    none = len(_names())
    means = np.stack([_balanced_mean(x[y == i], are_questions[y == i]) for i in range(none + 1)])
    centered = (x - means[y])[y < none]
    covariance = centered.T @ centered / len(centered)
    # The small constant keeps the system solvable, however alike all embeddings are.
    ridge = _SHRINKAGE * float(np.trace(covariance)) / len(covariance) + 1e-6
    coefficients = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), means.T)
    intercepts = -0.5 * (means.T * coefficients).sum(axis=0)
    return np.vstack([coefficients, intercepts]).astype(np.float32)


def _balanced_mean(x: Vectors, are_questions: NDArray[np.bool_]) -> Vectors:
    """Return the mean of sentences in which statements and questions have the same weight."""
    groups = [group for group in (x[~are_questions], x[are_questions]) if len(group)]
    mean: Vectors = np.mean([group.mean(axis=0) for group in groups], axis=0)
    return mean
