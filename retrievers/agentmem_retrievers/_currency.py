"""What is so now comes before what was, where a question asks for what is.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that told its value last is the answer, and
those that told it before come after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from agentmem_stores import Entry, Vectors

from ._fusion import Ranked
from ._ledger import SELF, Key, Ledger
from ._lexical import tokenize
from ._question import RELATIVES, Question
from ._table import Rows

__all__ = [
    "NEAREST",
    "PLAINLY",
    "asked_for",
    "asks_now",
    "asks_of_user",
    "competing",
    "likeliest",
    "newest_first",
    "telling",
]

# So many of the best may tell what is asked for though they only seem to.
_SEEMING = 5

# A turn tells what is asked for if it is so much as likely to as the likeliest; and that one has to
# be as likely as this.
_AS_LIKELY, _LEAST = 0.4, 0.2
# So likely a question has to ask for a kind of thing.
_SURELY = 0.3
# Of kinds that nobody thought of, so many turns are compared: what is as near to the question as
# the nearest one, less this, and so much like it, may be about the same.
NEAREST = 50
_AS_NEAR, _ALIKE = 0.15, 0.3
# What is as near to a question as this, and nearer than anything else, has to be among what tells
# what is asked for; or the kind was wrong.
PLAINLY = 0.5

_OF_SELF = re.compile(r"\b(?:i|me|my|mine|we|us|our|i'm|i've|the user)\b", re.IGNORECASE)
_OF_OTHERS = re.compile(
    r"\b(?i:he|she|they|him|her|hers|his|their|them|you|your|yours|people)\b|\w\W+[A-Z][a-z]"
)
_OF_RELATIVE = re.compile(
    rf"\b(?:my|our)\s+(?:[a-z-]+\s+){{0,2}}(?P<who>{RELATIVES})\b", re.IGNORECASE
)
# Asks for what was, or for everything, not for what is; "what was it again?" does.
_NOT_NOW = re.compile(
    r"\bbefore\W*$|(?<!of )\ball\b|"
    r"\b(?:did|was|were|had(?! to\b)|used|formerly|first(?! name)|ever|different|previous|"
    r"(?<!how )old)\b",
    re.IGNORECASE,
)
# "When do I get up?" asks for what is so, "when have I got up late?" does not.
_COUNTS = re.compile(
    r"^\W*(?:when|how (?:long|often|many|much))\b(?!.*\b(?:do|does|am|is|are) (?:i|my|we|our)\b)",
    re.IGNORECASE,
)
# What was so then is what is asked for where memory is asked as it stood then.
_THEN = re.compile(r"\b(?:did|was|were|had)\b", re.IGNORECASE)
_NOW = re.compile(
    r"\b(?:now|again|currently|these days|at the moment|nowadays|most recent(?:ly)?|latest)\b",
    re.IGNORECASE,
)


def asks_now(question: Question, *, then: bool = False) -> bool:
    """Whether a question asks what is so, rather than what was.

    Args:
        then: whether memory is asked as it stood at some time.
    """
    text = _THEN.sub("", question.text) if then else question.text
    past = _NOT_NOW.search(text) or _COUNTS.search(text)
    return past is None or _says_now(question)


def asks_of_user(question: Question, kinds: Mapping[str, float], ledger: Ledger) -> float:
    """How far a question asks for something of the user themselves, in [0, 1].

    "Favourite food?" may be asked of anybody, so it is asked of them if there is hardly anything
    else that it can ask for.

    Args:
        kinds: what it may ask for, and how likely.
    """
    # "What is my brother's job?" does not ask for mine, though "who is my boss?" does.
    others = {subject for subject, _ in ledger.known()} - {SELF, *kinds}
    if any(set(question.terms) & set(tokenize(subject)) for subject in others):
        return 0.0
    relative = _OF_RELATIVE.search(question.text)
    if relative and relative["who"].lower() not in kinds:
        return 0.0
    if _OF_SELF.search(question.text):
        return 1.0
    return 0.0 if _OF_OTHERS.search(question.text) else max(kinds.values(), default=0.0)


def likeliest(kinds: Mapping[str, float], telling: Mapping[int, float]) -> list[int]:
    """Return the rows that are nearly as likely as any to tell what is asked for, in their order.

    Args:
        kinds: what may be asked for, and how likely; where nothing is likely, nothing tells it.
        telling: rows, each with how likely it tells it.
    """
    best = max(telling.values(), default=0.0)
    if max(kinds.values(), default=0.0) < _SURELY or best < _LEAST:
        return []
    return [row for row, likely in telling.items() if likely >= _AS_LIKELY * best]


def competing(question: Vectors, entries: Sequence[Entry]) -> list[Entry]:
    """Return what may say the same as what is nearest to a question, in order of saying.

    That is what is nearly as near to the question, and alike.

    Args:
        question: its embedding, shape (dimension,).
        entries: what may answer it.
    """
    if not entries:
        return []
    vectors = np.stack([entry.vector for entry in entries])
    near = vectors @ question
    best = int(near.argmax())
    same = (near >= near[best] - _AS_NEAR) & (vectors @ vectors[best] >= _ALIKE)
    found = [entry for entry, is_same in zip(entries, same.tolist(), strict=True) if is_same]
    return sorted(found, key=lambda entry: (entry.memory.said_at, entry.memory.position))


def asked_for(question: Question, kinds: Mapping[str, float], ledger: Ledger) -> list[Key]:
    """Return what a question asks for besides what is commonly known of the user.

    That is what is known of others, where it says "now" (a question without it asks for all that
    was said of them as often as not), and anything that it calls by its name.

    Args:
        kinds: what it may ask for, and how likely.
    """
    terms = set(question.terms)
    return [
        (subject, name)
        for subject, name in ledger.known()
        if (terms >= set(tokenize(name)) or (subject != SELF and kinds.get(name, 0.0) >= _SURELY))
        and _is_meant(subject, question)
    ]


def _says_now(question: Question) -> bool:
    return _NOW.search(question.text) is not None


def _is_meant(subject: str, question: Question) -> bool:
    if subject == SELF:
        return _OF_SELF.search(question.text) is not None
    return _says_now(question) and bool(set(tokenize(subject)) & set(question.terms))


def telling(known: Mapping[int, bool], ranked: Ranked) -> list[int]:
    """Return the rows that tell what is asked for, in their order.

    Those that only seem to are believed where the ranking finds them to be as near to the question
    as one that certainly does, or where they are among the best of all.

    Args:
        known: rows, each with whether it certainly tells it.
    """
    place = {int(row): n for n, row in enumerate(ranked.rows)}
    far = len(place)
    found = [place.get(row, -1) for row, sure in known.items() if sure]
    least = max(_SEEMING - 1, *found, -1)
    return [row for row, sure in known.items() if sure or place.get(row, far) <= least]


def newest_first(ranked: Ranked, told: Sequence[int], *, lift: bool) -> Ranked:
    """Order the turns that tell of an attribute newest first, in the places that they hold.

    Args:
        told: rows, the newest last.
        lift: put the newest before everything else; if it is not ranked, it is added.
    """
    if lift:
        ranked = _with(ranked, np.array(told, dtype=np.intp))
    place = {int(row): n for n, row in enumerate(ranked.rows)}
    newest = [place[row] for row in reversed(told) if row in place]
    if not newest:
        return ranked
    order = np.arange(len(ranked.rows))
    order[sorted(newest)] = newest
    scores = ranked.scores
    if lift:
        order = np.concatenate([newest[:1], order[order != newest[0]]])
        scores = np.concatenate([scores[:1], np.delete(scores, min(newest))])
    parts = {name: values[order] for name, values in ranked.parts.items()}
    gained = scores - ranked.scores[order] + parts.get("currency", 0.0)
    return Ranked(ranked.rows[order], scores, {**parts, "currency": gained})


def _with(ranked: Ranked, rows: Rows) -> Ranked:
    """Append rows that are not ranked, below all that are."""
    more = rows[~np.isin(rows, ranked.rows)]
    if not len(more):
        return ranked
    least = float(ranked.scores[-1]) if len(ranked.scores) else 0.0
    zeros = np.zeros(len(more))
    parts = {name: np.concatenate([v, zeros]) for name, v in ranked.parts.items()}
    parts["rest"] = np.concatenate(
        [ranked.parts.get("rest", np.zeros(len(ranked.rows))), zeros + least]
    )
    return Ranked(
        np.concatenate([ranked.rows, more]), np.concatenate([ranked.scores, zeros + least]), parts
    )
