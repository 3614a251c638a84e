"""What is asked for as it is now, and of whom: how a question has to be worded."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentmem_retrievers.index.fact_index import SELF, FactIndex, Key
from agentmem_retrievers.text.question import RELATIVES, Question
from agentmem_retrievers.text.tokenize import tokenize

__all__ = ["SURELY", "asked_for", "asks_now", "asks_of_user"]

# So likely a question has to ask for a kind of thing.
SURELY = 0.3

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


def asks_of_user(question: Question, kinds: Mapping[str, float], ledger: FactIndex) -> float:
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
    if question.keys or _OF_OTHERS.search(question.text):
        return 0.0
    return max(kinds.values(), default=0.0)


def asked_for(question: Question, kinds: Mapping[str, float], ledger: FactIndex) -> list[Key]:
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
        if (terms >= set(tokenize(name)) or (subject != SELF and kinds.get(name, 0.0) >= SURELY))
        and _is_meant(subject, question)
    ]


def _says_now(question: Question) -> bool:
    return _NOW.search(question.text) is not None


def _is_meant(subject: str, question: Question) -> bool:
    if subject == SELF:
        return _OF_SELF.search(question.text) is not None
    return _says_now(question) and bool(set(tokenize(subject)) & set(question.terms))
