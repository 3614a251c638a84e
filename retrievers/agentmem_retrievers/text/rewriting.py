"""Rewrite questions about a speaker into the second person."""

from __future__ import annotations

import re
from collections.abc import Collection

from agentmem_retrievers.text.tokenize import tokenize

__all__ = ["to_second_person"]

# In other languages the names are dropped instead of mixing in English words.
_ENGLISH = re.compile(
    r"\b(?:what|who|whom|whose|when|where|why|how|which|do|does|did|is|are|was|were|has|have|had|"
    r"can|could|will|would|the|about)(?:n['’]t)?\b",  # noqa: RUF001
    re.IGNORECASE,
)
_NAME = re.compile(r"^(?P<before>\W*)[^\W_][\w-]*(?P<of>['’]s?)?(?P<after>\W*)$")  # noqa: RUF001
_VERBS = {"does": "do", "is": "are", "was": "were", "has": "have"}
_VERB_BEFORE = re.compile(
    rf"\b(?P<verb>{'|'.join(_VERBS)})(?P<rest>(?:n['’]t)? you)\b",  # noqa: RUF001
    re.IGNORECASE,
)
_VERB_AFTER = re.compile(rf"\byou (?P<verb>{'|'.join(_VERBS)})\b")
# "gave her a book" has the object pronoun, "gave her book" the possessive.
_POSSESSIVE = re.compile(
    r"\b(?:his|her)\b(?=\s+(?!(?:an?|the|to|in|at|on|for|with|from|about|and|or|when)\b)\w)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)


def to_second_person(text: str, names: Collection[str]) -> str:
    """Replace the named speakers by "you", and pronouns too where only one is named.

    People rarely name themselves, and turns are embedded as they were said, so a question is
    closer to the answer when it addresses the speaker.

    Args:
        names: stems of the speakers' names; nothing changes without any.

    Example:
        >>> to_second_person("Where is Mel?", {"mel"})
        'Where are you?'
    """
    if not names:
        return text
    english = _ENGLISH.search(text) is not None
    words = []
    for word in text.split():
        if {*tokenize(word)} & {*names}:
            word = _you(word) if english else ""
        words.append(word)
    rewritten = " ".join(filter(None, words))
    if not english:
        return rewritten or text
    if len(names) == 1:
        rewritten = _PRONOUN.sub("you", _POSSESSIVE.sub("your", rewritten))
    rewritten = _VERB_BEFORE.sub(
        lambda match: _second_person(match["verb"]) + match["rest"], rewritten
    )
    return _VERB_AFTER.sub(lambda match: f"you {_second_person(match['verb'])}", rewritten)


def _you(name: str) -> str:
    match = _NAME.match(name)
    if match is None:
        return "you"
    return f"{match['before']}{'your' if match['of'] else 'you'}{match['after']}"


def _second_person(verb: str) -> str:
    form = _VERBS[verb.lower()]
    return form if verb.islower() else form.capitalize()
