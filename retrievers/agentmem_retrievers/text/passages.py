"""Split a text into passages, and find the one that a query is about."""

from __future__ import annotations

import re

from agentmem_retrievers.text.tokenize import literals_in, tokenize

__all__ = ["best_passage", "split_passages"]

_SENTENCES = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")
# A passage has at least this many words where the text allows, so that a short sentence keeps what
# it refers to.
_MIN_WORDS = 20


def split_passages(text: str) -> list[str]:
    """Split a text at ends of sentences and lines into passages of some 20 words or more.

    Example:
        >>> split_passages("I like tea.")
        ['I like tea.']
    """
    passages: list[str] = []
    begin, count = 0, 0
    for match in [*_SENTENCES.finditer(text), None]:
        end = match.start() if match else len(text)
        count = len(text[begin:end].split())
        if count >= _MIN_WORDS or match is None:
            if count:
                passages.append(text[begin:end].strip())
            begin = match.end() if match else end
    if len(passages) > 1 and len(passages[-1].split()) < _MIN_WORDS // 2:
        last = passages.pop()
        passages[-1] = f"{passages[-1]} {last}"
    return passages or [text.strip()]


def best_passage(text: str, query: str) -> str:
    """Return the passage with most of the query's words, each counted by how few passages have it.

    Example:
        >>> best_passage("I like tea.", "What do I drink?")
        'I like tea.'
    """
    passages = split_passages(text)
    if len(passages) == 1:
        return passages[0]
    wanted = {*tokenize(query), *literals_in(query)}
    contained = [wanted & {*tokenize(passage), *literals_in(passage)} for passage in passages]
    frequency = {term: sum(term in terms for terms in contained) for term in wanted}
    scores = [sum(1 / frequency[term] for term in sorted(terms)) for terms in contained]
    return passages[max(range(len(passages)), key=lambda n: (scores[n], -n))]
