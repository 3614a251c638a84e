"""Extractive summaries by TextRank (Mihalcea and Tarau 2004), and keywords by TF-IDF."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agentmem.digest.sentences import Sentence, is_unspaced, stem
from agentmem.embedding.embedder import estimate_tokens

__all__ = ["keywords", "selection", "summary"]

# Of PageRank (Brin and Page 1998).
_DAMPING = 0.85
# Sentences that PageRank runs on; of more, those least similar to all others are left out.
MAX_NODES = 256
# TF-IDF cosine from which two sentences count as redundant. On LoCoMo, sessions are retrieved
# better by summaries made with 0.35 than with 0.6.
_REDUNDANT = 0.35
# Sentences of fewer terms are ranked last: they greet, agree or ask back.
_MIN_TERMS = 2


def summary(sentences: Sequence[Sentence], *, max_tokens: int, max_sentences: int) -> str:
    """Return the most central sentences in their order, one line for each run of a speaker.

    Args:
        sentences: those of the conversation.
        max_tokens: size limit, as `estimate_tokens` counts.
        max_sentences: maximal number of sentences.
    """
    order, matrix = _ranking(sentences)
    chosen: list[int] = []
    budget = max_tokens
    # The greatest cosine of each sentence to a chosen one.
    closest = np.zeros(len(sentences))
    # Of a monotonous text, no sentence after the first would be chosen, however many are tried.
    for i in order[:MAX_NODES]:
        cost = _cost(sentences[i])
        if cost <= budget and closest[i] <= _REDUNDANT:
            chosen.append(i)
            budget -= cost
            if matrix is not None:
                closest = np.maximum(closest, (matrix @ matrix[i].T).toarray().ravel())
        if len(chosen) == max_sentences:
            break
    return _format([sentences[i] for i in sorted(chosen)])


def selection(sentences: Sequence[Sentence], *, max_tokens: int) -> list[Sentence]:
    """Return the most central sentences that fit, in their order; all of them if they fit."""
    if sum(map(_cost, sentences)) <= max_tokens:
        return list(sentences)
    chosen = []
    for i in _ranking(sentences)[0]:
        if (cost := _cost(sentences[i])) <= max_tokens:
            chosen.append(i)
            max_tokens -= cost
    return [sentences[i] for i in sorted(chosen)]


def _cost(sentence: Sentence) -> int:
    return estimate_tokens(f"{sentence.speaker}: {sentence.text}")


def _format(sentences: Sequence[Sentence]) -> str:
    lines: list[str] = []
    speaker: str | None = None
    for sentence in sentences:
        if sentence.speaker == speaker:
            lines[-1] += f" {sentence.text}"
        else:
            lines.append(f"{sentence.speaker}: {sentence.text}")
        speaker = sentence.speaker
    return "\n".join(lines)


def _ranking(sentences: Sequence[Sentence]) -> tuple[list[int], Any]:
    """Return indices of sentences, best first, and their TF-IDF as a sparse (n, terms) matrix.

    If no sentence has a term, the matrix is None and the order is that of speaking.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    documents = [[stem for stem, _ in sentence.words if stem] for sentence in sentences]
    if not any(documents):
        return list(range(len(sentences))), None
    vectorizer = TfidfVectorizer(analyzer=list, sublinear_tf=True)
    matrix = vectorizer.fit_transform(documents).tocsr()
    # The summed similarity of each sentence to all others, computed without the (n, n) matrix.
    degrees = matrix @ np.asarray(matrix.sum(axis=0)).ravel()
    order = _descending(degrees)
    head = sorted(order[:MAX_NODES])
    ranks = _page_rank(matrix[head])
    order = [head[i] for i in _descending(ranks)] + order[MAX_NODES:]
    return sorted(order, key=lambda i: len(set(documents[i])) < _MIN_TERMS), matrix


def _page_rank(matrix: Any) -> Any:
    """Return the PageRank of sentences that are linked by their cosines, shape (sentences,).

    It solves r = (1 - d) / n + d Pᵀ r (Mihalcea and Tarau 2004, section 2). With a graph and
    `networkx.pagerank`, a digest takes 1.7 times as long.

    Args:
        matrix: TF-IDF, rows of unit length or zero, sparse of shape (sentences, terms).
    """
    similarity = (matrix @ matrix.T).toarray()
    np.fill_diagonal(similarity, 0)
    n, totals = len(similarity), similarity.sum(axis=1, keepdims=True)
    # A sentence without links is linked to all.
    links = np.divide(similarity, totals, out=np.full_like(similarity, 1 / n), where=totals > 0)
    return np.linalg.solve(np.eye(n) - _DAMPING * links.T, np.full(n, (1 - _DAMPING) / n))


def _descending(scores: Sequence[float]) -> list[int]:
    # Rounded, so that equal sentences stay in their order whatever the last bits are.
    largest = max(scores) or 1.0
    return sorted(range(len(scores)), key=lambda i: (-round(float(scores[i] / largest), 9), i))


# An occurrence of a candidate: sentence, place in it, and surface form.
_Occurrence = tuple[int, int, str]


def keywords(sentences: Sequence[Sentence], *, at_most: int) -> tuple[str, ...]:
    """Return the most distinctive words and pairs of words of a conversation, best first.

    The score is TF-IDF with sentences as documents. Pairs must occur twice; their score counts 1.5
    times, and they replace their words. The score of names (capitalized within a sentence) counts
    1.5 times too. Names of speakers are left out: they occur in every session of the same people.
    """
    candidates = _candidates(sentences)
    scores = {key: round(_score(key, seen, len(sentences)), 9) for key, seen in candidates.items()}
    chosen: list[tuple[str, ...]] = []
    for key in sorted(scores, key=lambda k: (-scores[k], candidates[k][0][:2], len(k))):
        if any(set(key) <= set(other) for other in chosen):
            continue
        chosen = [other for other in chosen if not set(other) <= set(key)]
        chosen.append(key)
        if len(chosen) == at_most:
            break
    return tuple(_most_common([surface for _, _, surface in candidates[key]]) for key in chosen)


def _score(key: tuple[str, ...], occurrences: Sequence[_Occurrence], documents: int) -> float:
    idf = math.log((1 + documents) / (1 + len({n for n, _, _ in occurrences}))) + 1
    is_name = any(place > 0 and surface[0].isupper() for _, place, surface in occurrences)
    return len(occurrences) * idf * (1.5 if len(key) == 2 else 1.0) * (1.5 if is_name else 1.0)


def _most_common(surfaces: Sequence[str]) -> str:
    return Counter(surface.lower() for surface in surfaces).most_common(1)[0][0]


def _candidates(sentences: Sequence[Sentence]) -> dict[tuple[str, ...], list[_Occurrence]]:
    speakers = {stem(word.lower()) for s in sentences for word in s.speaker.split()}
    occurrences: dict[tuple[str, ...], list[_Occurrence]] = defaultdict(list)
    for n, sentence in enumerate(sentences):
        for place, key, surface in _ngrams(sentence.words):
            if speakers.isdisjoint(key):
                occurrences[key].append((n, place, surface))
    # Two words, or two characters of a script without spaces, may be adjacent by chance.
    return {
        key: seen
        for key, seen in occurrences.items()
        if len(seen) > 1 or (len(key) == 1 and not is_unspaced(key[0]))
    }


def _ngrams(words: Sequence[tuple[str, str]]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    for place, (word, surface) in enumerate(words):
        if word:
            yield place, (word,), surface
            after, other = words[place + 1] if place + 1 < len(words) else ("", "")
            if after:
                yield place, (word, after), _join(surface, other)


def _join(first: str, second: str) -> str:
    if is_unspaced(first) and is_unspaced(second):
        # Pairs of characters overlap.
        return first + second[1:]
    return f"{first} {second}"
