"""What is so now comes before what was, where a question asks for what is.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that told its value last is the answer, and
those that told it before come after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ._fusion import Ranked
from ._ledger import Key, Ledger
from ._lexical import tokenize
from ._question import Question
from ._table import Rows

__all__ = ["SELF", "asked_for", "newest_first", "telling"]

# So many of the best may tell what is asked for though they only seem to.
_SEEMING = 5

# Whom a fact is about that somebody without a name tells of themselves.
SELF = "user"

_OF_SELF = re.compile(r"\b(?:i|me|my|mine|we|us|our|i'm|i've)\b", re.IGNORECASE)
# Asks for what was, for how often or for everything, not for what is; "what was it again?" does.
_NOT_NOW = re.compile(
    r"^\W*(?:when|how (?:long|often|many|much))\b|\bbefore\W*$|(?<!of )\ball\b|"
    r"\b(?:did|was|were|had|used|formerly|first|ever|different|previous|old)\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:now|again|currently|these days|at the moment|nowadays)\b", re.IGNORECASE)


def asked_for(question: Question, attributes: Sequence[str], ledger: Ledger) -> list[Key]:
    """Return whose attributes a question asks for as they are now, the likeliest first.

    Args:
        attributes: what the question asks for by its sense; an attribute whose name it holds is
            asked for in any case.
    """
    now = _NOW.search(question.text) is not None
    if _NOT_NOW.search(question.text) and not now:
        return []
    terms, known = set(question.terms), ledger.known()
    # "What is my brother's job?" does not ask for mine, though "who is my boss?" does.
    others = {subject for subject, _ in known} - {SELF, *attributes}
    of_others = any(terms.intersection(tokenize(subject)) for subject in others)
    meant = [
        (subject, name)
        for subject, name in known
        if _is_meant(subject, question, now) and not (subject == SELF and of_others)
    ]
    named = [key for key in meant if key[1] not in attributes and terms >= set(tokenize(key[1]))]
    return [*(key for name in attributes for key in meant if key[1] == name), *named]


def _is_meant(subject: str, question: Question, now: bool) -> bool:
    if subject == SELF:
        return _OF_SELF.search(question.text) is not None
    # Of others, a question without "now" asks for all that was said of them as often as not.
    return now and bool(set(tokenize(subject)) & set(question.terms))


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


def newest_first(ranked: Ranked, told: Rows, *, lift: bool) -> Ranked:
    """Order the turns that tell of an attribute newest first, in the places that they hold.

    Args:
        told: rows, the newest last.
        lift: put the newest before everything else; if it is not ranked, it is added.
    """
    if lift:
        ranked = _with(ranked, told)
    place = {int(row): n for n, row in enumerate(ranked.rows)}
    newest = [place[row] for row in reversed(told.tolist()) if row in place]
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
