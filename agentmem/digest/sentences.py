"""Split conversations into sentences, and sentences into terms; for chat, not edited prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from agentmem.embedding.embedder import estimate_tokens

__all__ = [
    "TITLES",
    "Sentence",
    "is_unspaced",
    "is_word",
    "sentences",
    "split",
    "stem",
    "stop_words",
    "terms",
]

# An end mark, closed quotes and white space, or an ideographic end mark.
_END = re.compile(r"(?<=[.!?…])[\"')\]\u201d\u2019]*\s+|(?<=[。\uff01\uff1f｡])")
# Alternatives of a pattern; before a name, with or without a stop.
TITLES = "Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Mme|Mlle|Sgt|Capt|Lt|Rev"
_NO_END = re.compile(
    r"(?:^|[\s(])[\"'\u201c\u2018\u201e\u00ab]?"
    rf"(?:[A-Z]|{TITLES}|Jr|No|vs|e\.g|i\.e|cf|approx|a\.m|p\.m)\.$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[-*•#>|]+|\d{1,3}[.)])(?:\s+|$)")
_MARKUP = re.compile(r"[*_`#]{2,}|(?<!\w)[*_`]|[*_`](?!\w)")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_APOSTROPHE = re.compile("['\u2019]")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
# Scripts written without spaces: Thai to Myanmar, Khmer, kana and Han.
_UNSPACED = re.compile(r"[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
# Tokens. A longer "sentence" is a text without end marks; it is split at a comma or space.
_MAX_SENTENCE = 100
# Characters looked at for such a split: with the whole text, the time would be quadratic.
_SPLIT_WINDOW = 4000
# Characters. Longer words are keys, hashes and the like.
_MAX_WORD = 40

# Words of chat without content, in addition to scikit-learn's English stop words.
_FILLERS = """
ah aw awesome aww bye cool did does doing definitely glad going gonna good goodbye got gotta
great guess haha hello hey hi hmm hope huh just kinda know let like little lol lot lots love
make makes making maybe nice oh ok okay omg please pretty really right say says said sorry sound
sounds sure thank thanks thing things think totally tried try u ur wanna want way welcome well
wow yay yeah yep yes yup absolutely actually bit came come done feel felt ive im youre thats
photo photos pic pics picture pictures share shared shares sharing dr mr mrs ms
"""


@dataclass(frozen=True)
class Sentence:
    """A sentence of a conversation; `turn` is the index of its turn."""

    speaker: str
    text: str
    turn: int

    @cached_property
    def words(self) -> list[tuple[str, str]]:
        """Its words as `terms` returns them."""
        return terms(self.text)


def sentences(turns: Sequence[tuple[str, str]]) -> list[Sentence]:
    """Split turns, pairs of (speaker, text), into sentences in their order.

    Bullets and emphasis marks are removed, and white space becomes single spaces.
    """
    return [
        Sentence(speaker, part, i)
        for i, (speaker, text) in enumerate(turns)
        for part in split(text)
    ]


def split(text: str) -> Iterator[str]:
    """Yield the sentences of one text."""
    for line in text.splitlines():
        sentence = ""
        for piece in _pieces(" ".join(_BULLET.sub("", line.strip()).split())):
            sentence = f"{sentence} {piece}" if sentence else piece
            if not _NO_END.search(sentence):
                yield from _limited(sentence)
                sentence = ""
        yield from _limited(sentence)


def _pieces(line: str) -> Iterator[str]:
    start = 0
    for stop in [*(end.end() for end in _END.finditer(line)), len(line)]:
        piece = _MARKUP.sub("", line[start:stop]).strip()
        if piece:
            yield piece
        start = stop


def _limited(text: str) -> Iterator[str]:
    while (tokens := estimate_tokens(text[:_SPLIT_WINDOW])) > _MAX_SENTENCE:
        limit = max(min(len(text), _SPLIT_WINDOW) * _MAX_SENTENCE // tokens, 1)
        cut = max(text.rfind(mark, limit // 2, limit) + 1 for mark in ",;:\uff0c、 ") or limit
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text


def terms(text: str) -> list[tuple[str, str]]:
    """Return the words of a text in order, as pairs of (stem, surface).

    The stem is "" for stop words, and for marks between words. Runs of a script without spaces
    become overlapping pairs of characters. URLs are ignored.
    """
    text = _URL.sub(" . ", text)
    words: list[tuple[str, str]] = []
    end = 0
    for token in _WORD.finditer(text):
        word = token.group()
        if text[end : token.start()].strip():
            words.append(("", ""))
        end = token.end()
        if match := _UNSPACED.search(word):
            run = match.group()
            pairs = (run[i : i + 2] for i in range(max(len(run) - 1, 1)))
            words.extend((pair, pair) for pair in pairs)
        else:
            head = _APOSTROPHE.split(word)[0]
            words.append((stem(head.lower()) if is_word(word) else "", head))
    return words


def is_unspaced(word: str) -> bool:
    """Return whether a word is written in a script without spaces."""
    return _UNSPACED.match(word) is not None


def is_word(word: str) -> bool:
    """Return whether a word carries content: it is no stop word, negation or number."""
    word = word.lower()
    head = _APOSTROPHE.split(word)[0]
    return (
        1 < len(head) <= _MAX_WORD
        and not head.isdecimal()
        and head not in stop_words()
        and not word.endswith(("n't", "n\u2019t"))
    )


@cache
def stop_words() -> frozenset[str]:
    """Return English words without content, in lower case."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS).union(_FILLERS.split())


def stem(word: str) -> str:
    """Return the stem of a word in lower case (Porter's second English stemmer)."""
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    import Stemmer

    # Cache size 0: it would keep words of users for as long as the process lives.
    return Stemmer.Stemmer("english", 0)
