"""Documents: how much of the evidence is among the chunks that a token budget pays for?

On QMSum's meetings, whose questions have spans of evidence, and on generated haystacks of 10^5 to
10^6 words with a few sentences that answer questions. Beside the order of the memory: cosine, BM25,
and the sum of both after min-max scaling, over the same chunks.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from agentmem.controller.controller import MemoryController
from agentmem.embedding.embedder import Embedder, estimate_tokens
from agentmem.evaluation.baselines import BASELINES, baseline_scores
from agentmem.evaluation.phrases import phrases
from agentmem.progress import NullProgress, Progress
from agentmem_stores import DataFormatError, Granularity, InMemoryStore, Memory, Scope

__all__ = ["BUDGET", "DocumentQuestion", "LongDocument", "haystacks", "measure_documents",
           "read_qmsum"]  # fmt: skip

# Tokens of a context of several chunks.
BUDGET = 1500
_SCOPE = Scope("reader")
# Sentences about rooms that are inserted into a generated haystack, each with a question.
_NEEDLES = 20


@dataclass(frozen=True)
class DocumentQuestion:
    """A question, and where its evidence is in the text, in characters."""

    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LongDocument:
    """A text and questions about it."""

    name: str
    text: str
    questions: tuple[DocumentQuestion, ...]


def read_qmsum(path: Path) -> Iterator[LongDocument]:
    """Yield the meetings of a file in the form of `data/qmsum`; one line for each turn.

    Raises:
        DataFormatError: the file has another form.
    """
    try:
        meetings = json.loads(path.read_text(encoding="utf-8"))
        for meeting in meetings:
            yield _meeting(meeting)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFormatError(f"{path} is not a file of QMSum's meetings: {error!r}") from error


def _meeting(meeting: Mapping[str, Any]) -> LongDocument:
    text, place = "", {}
    for session in meeting["sessions"]:
        for turn in session["turns"]:
            line = f"{turn['speaker']}: {turn['content']}\n"
            place[turn["turn_id"]] = (len(text), len(text) + len(line))
            text += line
    questions = []
    for question in meeting["questions"]:
        spans = [
            (place[first][0], place[last][1])
            for first, last in question["spans"]
            if first in place and last in place
        ]
        if spans:
            questions.append(DocumentQuestion(question["question"], tuple(spans)))
    return LongDocument(meeting["id"], text, tuple(questions))


def haystacks(words: Sequence[int], *, seed: int = 0) -> Iterator[LongDocument]:
    """Yield generated texts of the given lengths, in which a few sentences answer questions.

    The hay is of the same making as the needles: what other people say about themselves.
    """
    known = phrases()
    for n_words in words:
        rng = random.Random(f"{seed}/{n_words}")
        sentences: list[str] = []
        count = 0
        while count < n_words:
            attribute = rng.choice(known.attributes)
            name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
            sentence = rng.choice(attribute.others).format(name, rng.choice(attribute.values))
            sentences.append(f"{sentence[0].upper()}{sentence[1:]}")
            count += len(sentence.split())
        needles = [
            (f"The {thing} of the {place} is kept in room {rng.randint(100, 999)}.",
             f"Where is the {thing} of the {place} kept?")
            for thing in _THINGS for place in _PLACES
        ]  # fmt: skip
        chosen = rng.sample(needles, _NEEDLES)
        for sentence, _ in chosen:
            sentences.insert(rng.randrange(len(sentences)), sentence)
        text = "".join(
            f"{sentence}\n\n" if n % 6 == 5 else f"{sentence} "
            for n, sentence in enumerate(sentences)
        )
        questions = tuple(
            DocumentQuestion(
                question, ((text.index(sentence), text.index(sentence) + len(sentence)),)
            )
            for sentence, question in chosen
        )
        yield LongDocument(f"{n_words} words", text, questions)


_FIRST = ("Ann", "Clara", "Dev", "Eva", "Femi", "Greta", "Hugo", "Ines", "Jon", "Kira", "Luca")
_LAST = ("Abel", "Berg", "Cruz", "Dahl", "Ekman", "Fuchs", "Gray", "Holm", "Ivers", "Jung", "Kern")
_THINGS = ("spare key", "seed catalogue", "blue lantern", "weather log", "brass compass")
_PLACES = ("lighthouse", "boat house", "old mill", "school", "observatory", "chapel")


def measure_documents(
    documents: Iterable[LongDocument],
    embeddings: Embeddings,
    *,
    budget: int = BUDGET,
    progress: Progress | None = None,
) -> dict[str, list[float]]:
    """Return the share of the evidence within a token budget, for each ranking and question."""
    report = progress or NullProgress()
    shares: dict[str, list[float]] = {}
    for document in documents:
        report.expect(document.name, len(document.questions))
        with MemoryController(
            InMemoryStore(Embedder(embeddings).spec),
            scope=_SCOPE,
            embeddings=embeddings,
            linger=None,
        ) as memory:
            added = memory.add_document(document.text, title="Document", source=document.name)
            chunks = memory.get_all(session_id=added.session_id, limit=None)
            for question in document.questions:
                for name, order in _orders(memory, question.text, chunks).items():
                    share = covered(order, question.spans, budget)
                    shares.setdefault(name, []).append(share)
                report.advance(document.name, 1)
    return shares


def _orders(
    memory: MemoryController, question: str, chunks: Sequence[Memory]
) -> dict[str, list[Memory]]:
    table = memory.services.memories.index(_SCOPE).tables[Granularity.TURN]
    rows = np.array([table.row_of[chunk.id] for chunk in chunks], dtype=np.intp)
    scores = baseline_scores(memory, _SCOPE, question, rows)
    hits = memory.search(question, k=100, reinforce=False)
    return {
        "agentmem": [hit.memory for hit in hits],
        **{name: _ranked(chunks, scores[name]) for name in BASELINES},
    }


def _ranked(chunks: Sequence[Memory], scores: NDArray[np.float64]) -> list[Memory]:
    return [chunks[i] for i in np.argsort(-scores, kind="stable")]


def covered(chunks: Iterable[Memory], spans: Sequence[tuple[int, int]], budget: int) -> float:
    """Return the share of the spans within the first chunks that fit into a token budget."""
    total = sum(end - start for start, end in spans)
    inside = 0
    for chunk in chunks:
        budget -= estimate_tokens(chunk.text)
        if budget < 0:
            break
        origin = chunk.metadata["document"]
        for start, end in spans:
            inside += max(0, min(end, origin["end"]) - max(start, origin["start"]))
    return inside / total
