"""Split text into content words and reduce them to stems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import Stemmer

__all__ = ["stems_of", "tokenize", "words_in"]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_APOSTROPHE = re.compile(r"['\u2019]")
# Scripts written without spaces (kana, Han, Hangul, Thai) are indexed as character bigrams.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]")
_STOP_WORDS = frozenset(
    "a an the and or but if of to in on at by for with from as is are was were be been being am "  # noqa: SIM905
    "do does did done doing have has had having it its this that these those there here i me my "
    "mine you your yours he him his she her hers they them their theirs we us our ours what which "
    "who whom whose when where why how will would can could shall should may might must not no so "
    "than then too very just about into over up down out off s t re ve ll d m don".split()
)


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    # Cache size 0: PyStemmer's cache would keep deleted words alive as long as the process.
    return Stemmer.Stemmer("english", 0)


def words_in(text: str) -> list[str]:
    """Return the content words of a text in lower case, without stop words.

    Example:
        >>> words_in("Biscuit's vet is in Porto")
        ['biscuit', 'vet', 'porto']
    """
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if _UNSPACED.search(word):
            words.extend(word[i : i + 2] for i in range(max(len(word) - 1, 1)))
            continue
        # Drop the clitic: "Biscuit's" and "I'm" become "biscuit" and "i".
        base = _APOSTROPHE.split(word)[0]
        if base not in _STOP_WORDS:
            words.append(base)
    return words


def stems_of(words: Sequence[str]) -> list[str]:
    """Return the stem of each word (Snowball English)."""
    stems: list[str] = _stemmer().stemWords(list(words))
    return stems


def tokenize(text: str) -> list[str]:
    """Return the stems of the content words of a text, in order.

    Example:
        >>> tokenize("Where did my sisters move?")
        ['sister', 'move']
    """
    return stems_of(words_in(text))
