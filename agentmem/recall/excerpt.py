"""The sentences of a text that bear on a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from agentmem.digest.sentences import split
from agentmem_retrievers.features.lexical import idf
from agentmem_retrievers.index.inverted_index import InvertedIndex
from agentmem_retrievers.text.tokenize import tokenize

__all__ = ["Excerpts"]

# A sentence without a word of the question counts as much as one rare word in so many: the first
# sentences of a turn say what it is about.
_LEAD = 0.3


class Excerpts:
    """Chooses sentences by the idf of the question's words in them, the earlier first.

    Args:
        query: the question.
        words: of the turns, for the rarity of words.
        count: returns the number of tokens of a text.
    """

    def __init__(self, query: str, words: InvertedIndex, count: Callable[[str], int]) -> None:
        self._terms = list(dict.fromkeys(tokenize(query)))
        self._words = words
        self.count = count

    @cached_property
    def _rarity(self) -> Mapping[str, float]:
        frequencies = np.array([self._words.document_frequency(t) for t in self._terms], float)
        weights = idf(max(len(self._words), 1), frequencies)
        return dict(zip(self._terms, weights.tolist(), strict=True))

    def best(self, text: str, max_tokens: int) -> str:
        """Return the best sentences of a text within a number of tokens, in their order.

        Returns:
            Empty if not even the shortest sentence fits.
        """
        return " ".join(self.choose([text], max_tokens)[0])

    def choose(self, texts: Sequence[str], max_tokens: int) -> list[list[str]]:
        """Return the best sentences of each text, all of them together within a token budget."""
        sentences = [(i, s) for i, text in enumerate(texts) for s in split(text)]
        order = sorted(range(len(sentences)), key=lambda n: (-self._score(sentences, n), n))
        left, chosen = max_tokens, set[int]()
        for n in order:
            cost = self.count(sentences[n][1])
            if cost <= left:
                chosen.add(n)
                left -= cost
        result: list[list[str]] = [[] for _ in texts]
        for n in sorted(chosen):
            number, sentence = sentences[n]
            result[number].append(sentence)
        return result

    def _score(self, sentences: Sequence[tuple[int, str]], n: int) -> float:
        number, sentence = sentences[n]
        matched = sum(self._rarity.get(term, 0.0) for term in set(tokenize(sentence)))
        is_first = n == 0 or sentences[n - 1][0] != number
        return matched + (_LEAD if is_first else 0.0)
