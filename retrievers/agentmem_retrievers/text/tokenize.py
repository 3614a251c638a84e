"""The words of a text that carry meaning, and their stems."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import Stemmer

__all__ = ["stems_of", "tokenize", "words_in"]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_APOSTROPHE = re.compile(r"['\u2019]")
# Written without spaces, so every pair of neighbouring characters is taken as a word.
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
    # It would keep the words that it has seen, for as long as the process lives.
    return Stemmer.Stemmer("english", 0)


def words_in(text: str) -> list[str]:
    """Return the words of a text that carry meaning as they are written, in lower case."""
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if _UNSPACED.search(word):
            words.extend(word[i : i + 2] for i in range(max(len(word) - 1, 1)))
            continue
        # What follows an apostrophe is an ending: "Biscuit's" and "I'm" are "Biscuit" and "I".
        bare = _APOSTROPHE.split(word)[0]
        if bare not in _STOP_WORDS:
            words.append(bare)
    return words


def stems_of(words: Sequence[str]) -> list[str]:
    """Return the stem of each word (Snowball English)."""
    stems: list[str] = _stemmer().stemWords(list(words))
    return stems


def tokenize(text: str) -> list[str]:
    """Return the stems of the words of a text that carry meaning, in order."""
    return stems_of(words_in(text))
