"""Test-time learning, after MemoryAgentBench: are examples that a user labeled in conversation
recalled for a new input, so that their labels classify it?

Generated: users tell the assistant utterances with their labels, among other talk. The utterances
of an intent are in different words, and those asked for are in words that were never told. The
labels are numbers, so that their names give nothing away.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from agentmem.evaluation.phrases import phrases
from agentmem.evaluation.tasks import MemoryUnderTest, Outcome
from agentmem.feedback.examples import label_votes

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue

__all__ = ["LearningTask", "Lesson", "lessons"]

_START = datetime(2024, 1, 1, 9, tzinfo=UTC)
# Examples that a user labels in one conversation.
_PER_SESSION = 15
# How many examples are recalled.
_RECALLED = 30
_KNN = (1, 3, 5, 10)
_LABELED = re.compile(r'^"(.*)" \(label: (\d+)\)$', re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """One user: the labeled examples that are told, and what is to be classified.

    Attributes:
        examples: pairs of utterance and label, in the order in which they are told.
        questions: pairs of utterance and label.
    """

    dialogue: Dialogue
    examples: tuple[tuple[str, int], ...]
    questions: tuple[tuple[str, int], ...]


@lru_cache(maxsize=1)
def _intents() -> list[tuple[list[str], list[str]]]:
    text = files(__package__).joinpath("intents.toml").read_text(encoding="utf-8")
    return [(one["utterances"], one["values"]) for one in tomllib.loads(text)["intents"]]


def lessons(*, users: int = 4, shots: int = 5, seed: int = 0) -> Iterator[Lesson]:
    """Generate users one by one; the result depends on the arguments only.

    Args:
        shots: how many examples of each intent are told; the rest are asked.
    """
    for number in range(users):
        yield _lesson(random.Random(f"{seed}/{number}"), f"user-{number + 1}", shots)


def _lesson(rng: random.Random, owner: str, shots: int) -> Lesson:
    labels = rng.sample(range(10, 100), len(_intents()))
    examples: list[tuple[str, int]] = []
    questions: list[tuple[str, int]] = []
    for label, (utterances, values) in zip(labels, _intents(), strict=True):
        filled = [
            text.format(rng.choice(values)) for text in rng.sample(utterances, len(utterances))
        ]
        examples += [(text, label) for text in filled[:shots]]
        questions += [(text, label) for text in filled[shots:]]
    rng.shuffle(examples)
    rng.shuffle(questions)
    return Lesson(_dialogue(rng, owner, examples), tuple(examples), tuple(questions))


def _dialogue(rng: random.Random, owner: str, examples: Sequence[tuple[str, int]]) -> Dialogue:
    """Tell examples in sessions, between small talk, each with a reply."""
    from agentmem.formats.dialogue import Dialogue, DialogueSession, DialogueTurn

    sessions = []
    for n, first in enumerate(range(0, len(examples), _PER_SESSION)):
        texts = [labeled(*pair) for pair in examples[first : first + _PER_SESSION]]
        for aside in rng.sample(phrases().asides, 3):
            texts.insert(rng.randrange(len(texts)), aside)
        start = _START + timedelta(days=n)
        turns = tuple(
            DialogueTurn(role, None, text, start + timedelta(minutes=2 * m + (role != "user")), {})
            for m, utterance in enumerate(texts)
            for role, text in (("user", utterance), ("assistant", rng.choice(phrases().replies)))
        )
        sessions.append(DialogueSession(f"day-{n + 1}", start, turns))
    return Dialogue(owner=owner, sessions=tuple(sessions), questions=())


def labeled(utterance: str, label: int) -> str:
    """Return how an example is told.

    >>> labeled("Wake me at six.", 17)
    '"Wake me at six." (label: 17)'
    """
    return f'"{utterance}" (label: {label})'


@dataclass(frozen=True)
class LearningTask:
    """Ask for the labels of new utterances; of as many for each user as `limit` says.

    `accuracy`: the label that `label_votes` puts first, of the examples that a search returns.
    `knn@k`: that with the most votes of the k nearest examples by bare embeddings of the
    utterances, weighted by similarity. `recalled`: an example with the right label is among those
    that the search returns.
    """

    users: int = 4
    shots: int = 5
    seed: int = 0
    limit: int | None = None
    name: str = "learning"
    unanswerable_elsewhere: bool = False
    headline: tuple[str, ...] = ("turn accuracy", *(f"turn knn@{k}" for k in _KNN))

    def dialogues(self) -> Iterator[Dialogue]:
        """Yield a conversation for each user."""
        for lesson in self._all():
            yield lesson.dialogue

    def count(self, dialogue: Dialogue) -> tuple[int, int]:
        """Return the number of utterances to classify; none is left out."""
        return len(self._questions(self._of(dialogue))), 0

    def ask(
        self, memory: MemoryUnderTest, dialogue: Dialogue, *, answer: bool
    ) -> Iterator[Outcome]:
        """Classify each utterance."""
        lesson = self._of(dialogue)
        embedder = _MemoizedEmbeddings(memory.memory.embeddings)
        neighbors = _Neighbors(lesson.examples, embedder)
        for text, label in self._questions(lesson):
            result, seconds = memory.search(text, memory.time_of(None), k=_RECALLED, role="user")
            examples = _examples(hit.memory.text for hit in result)
            votes = label_votes(text, examples, embedder)
            by_neighbors = {f"knn@{k}": float(neighbors.label(text, k) == label) for k in _KNN}
            yield Outcome(
                categories=(),
                turn={
                    "accuracy": float(next(iter(votes), None) == label),
                    **by_neighbors,
                    "recalled": float(label in votes),
                },
                confidence=result.confidence,
                seconds=seconds,
                text=text,
            )

    def _questions(self, lesson: Lesson) -> Sequence[tuple[str, int]]:
        return lesson.questions[: self.limit]

    def _all(self) -> Iterator[Lesson]:
        return lessons(users=self.users, shots=self.shots, seed=self.seed)

    def _of(self, dialogue: Dialogue) -> Lesson:
        return next(one for one in self._all() if one.dialogue.owner == dialogue.owner)


def _examples(texts: Iterable[str]) -> list[tuple[str, int]]:
    matches = (_LABELED.match(text) for text in texts)
    return [(match[1], int(match[2])) for match in matches if match]


class _MemoizedEmbeddings(Embeddings):
    """Embeds each text once; the same examples are recalled for many utterances."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._known: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if missing:
            vectors = self._embeddings.embed_documents(missing)
            self._known.update(zip(missing, vectors, strict=True))
        return [self._known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class _Neighbors:
    """The baseline: k nearest neighbors by the cosine of bare embeddings."""

    # Fitted to the baseline's advantage: majority votes are two points worse.
    _TEMPERATURE = 0.1

    def __init__(self, examples: Sequence[tuple[str, int]], embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._labels = [label for _, label in examples]
        self._vectors = self._embed([text for text, _ in examples])

    def label(self, text: str, k: int) -> int:
        """Return the label with the greatest weight among the k nearest examples."""
        cosines = self._vectors @ self._embed([text])[0]
        total: dict[int, float] = {}
        for row in np.argsort(-cosines, kind="stable")[:k]:
            weight = float(np.exp(cosines[row] / self._TEMPERATURE))
            total[self._labels[row]] = total.get(self._labels[row], 0.0) + weight
        return max(total, key=lambda label: total[label])

    def _embed(self, texts: list[str]) -> NDArray[np.float64]:
        vectors = np.asarray(self._embeddings.embed_documents(texts), dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors
