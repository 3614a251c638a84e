"""Extractive summaries and keywords: TextRank (Mihalcea and Tarau 2004) over sentences."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agentmem.digest.sentences import Sentence, is_unspaced, stem
from agentmem.embedding.embedder import estimate_tokens

__all__ = ["keywords", "selection", "summary"]

# PageRank runs on at most this many sentences; the rest are those least like all others.
MOST_NODES = 256
# Cosine of TF-IDF from which two sentences are taken to say the same. On LoCoMo, sessions are
# found better by summaries made with 0.35 than with 0.6.
_SAME = 0.35
# A sentence of fewer terms comes after all others: it greets, agrees or asks back.
_FEWEST_TERMS = 2


def summary(said: Sequence[Sentence], *, max_tokens: int, max_sentences: int) -> str:
    """Return the sentences that stand for all, in their order, each run under its speaker.

    Args:
        said: the conversation's sentences.
        max_tokens: size limit, as `estimate_tokens` counts.
        max_sentences: how many sentences at most.
    """
    order, matrix = _ranking(said)
    chosen: list[int] = []
    room = max_tokens
    for i in order:
        cost = _cost(said[i])
        if cost <= room and not _repeats(matrix, i, chosen):
            chosen.append(i)
            room -= cost
        if len(chosen) == max_sentences:
            break
    return _written([said[i] for i in sorted(chosen)])


def selection(said: Sequence[Sentence], *, max_tokens: int) -> list[Sentence]:
    """Return the best sentences that fit together, in their order; all of them if they do."""
    if sum(map(_cost, said)) <= max_tokens:
        return list(said)
    chosen = []
    for i in _ranking(said)[0]:
        if (cost := _cost(said[i])) <= max_tokens:
            chosen.append(i)
            max_tokens -= cost
    return [said[i] for i in sorted(chosen)]


def _cost(sentence: Sentence) -> int:
    return estimate_tokens(f"{sentence.speaker}: {sentence.text}")


def _written(said: Sequence[Sentence]) -> str:
    lines: list[str] = []
    speaker: str | None = None
    for sentence in said:
        if sentence.speaker == speaker:
            lines[-1] += f" {sentence.text}"
        else:
            lines.append(f"{sentence.speaker}: {sentence.text}")
        speaker = sentence.speaker
    return "\n".join(lines)


def _stems(sentence: Sentence) -> list[str]:
    return [stem for stem, _ in sentence.words if stem]


def _ranking(said: Sequence[Sentence]) -> tuple[list[int], Any]:
    """Return indices of sentences, best first, and their TF-IDF as a sparse (n, terms) matrix.

    The matrix is None where no sentence holds a term; the order is that of speaking then.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    documents = [_stems(sentence) for sentence in said]
    if not any(documents):
        return list(range(len(said))), None
    vectorizer = TfidfVectorizer(analyzer=list, sublinear_tf=True)
    matrix = vectorizer.fit_transform(documents).tocsr()
    # How like all others each one is, which is the first step of PageRank and takes no graph.
    degrees = matrix @ np.asarray(matrix.sum(axis=0)).ravel()
    order = _descending(degrees)
    head = sorted(order[:MOST_NODES])
    ranks = _page_rank(matrix[head])
    order = [head[i] for i in _descending(ranks)] + order[MOST_NODES:]
    return sorted(order, key=lambda i: len(set(documents[i])) < _FEWEST_TERMS), matrix


def _page_rank(matrix: Any) -> list[float]:
    import networkx as nx

    similarity = (matrix @ matrix.T).tolil()
    similarity.setdiag(0)
    ranks = nx.pagerank(nx.from_scipy_sparse_array(similarity.tocsr()))
    return [ranks[i] for i in range(matrix.shape[0])]


def _descending(scores: Sequence[float]) -> list[int]:
    # Rounded, so that equal sentences stay in their order whatever the last bits are.
    largest = max(scores) or 1.0
    return sorted(range(len(scores)), key=lambda i: (-round(float(scores[i] / largest), 9), i))


def _repeats(matrix: Any, i: int, chosen: Sequence[int]) -> bool:
    if matrix is None or not chosen:
        return False
    return bool((matrix[list(chosen)] @ matrix[i].T).max() > _SAME)


# Where a candidate was met: sentence, place in it, as it was written.
_Met = tuple[int, int, str]


def keywords(said: Sequence[Sentence], *, at_most: int) -> tuple[str, ...]:
    """Return the words and pairs of words that tell a conversation apart, best first.

    Scored by TF-IDF with sentences as documents. Pairs must occur twice; they count half as
    much again and displace their words, and names (capital letter within a sentence) count
    half as much again. Names of speakers are left out: they are in every session that the same
    people have.
    """
    found = _candidates(said)
    scores = {key: round(_score(key, met, len(said)), 9) for key, met in found.items()}
    chosen: list[tuple[str, ...]] = []
    for key in sorted(scores, key=lambda k: (-scores[k], found[k][0][:2], len(k))):
        if any(set(key) <= set(other) for other in chosen):
            continue
        chosen = [other for other in chosen if not set(other) <= set(key)]
        chosen.append(key)
        if len(chosen) == at_most:
            break
    return tuple(_usual([surface for _, _, surface in found[key]]) for key in chosen)


def _score(key: tuple[str, ...], met: Sequence[_Met], documents: int) -> float:
    idf = math.log((1 + documents) / (1 + len({n for n, _, _ in met}))) + 1
    named = any(place > 0 and surface[0].isupper() for _, place, surface in met)
    return len(met) * idf * (1.5 if len(key) == 2 else 1.0) * (1.5 if named else 1.0)


def _usual(surfaces: Sequence[str]) -> str:
    return Counter(surface.lower() for surface in surfaces).most_common(1)[0][0]


def _candidates(said: Sequence[Sentence]) -> dict[tuple[str, ...], list[_Met]]:
    speakers = {stem(word.lower()) for s in said for word in s.speaker.split()}
    found: dict[tuple[str, ...], list[_Met]] = defaultdict(list)
    for n, sentence in enumerate(said):
        for place, key, surface in _windows(sentence.words):
            if speakers.isdisjoint(key):
                found[key].append((n, place, surface))
    return {key: met for key, met in found.items() if len(met) > 1 or _stands_alone(key)}


def _stands_alone(key: tuple[str, ...]) -> bool:
    # Two words, or two characters of a script without spaces, may be together by chance.
    return len(key) == 1 and not is_unspaced(key[0])


def _windows(words: Sequence[tuple[str, str]]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for place, (word, surface) in enumerate(words):
        if word:
            yield place, (word,), surface
            after, other = words[place + 1] if place + 1 < len(words) else ("", "")
            if after:
                yield place, (word, after), _joined(surface, other)


def _joined(first: str, second: str) -> str:
    if is_unspaced(first) and is_unspaced(second):
        # Pairs of characters overlap.
        return first + second[1:]
    return f"{first} {second}"
