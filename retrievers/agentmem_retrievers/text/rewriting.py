"""Questions about those who speak, put as they would be to themselves."""

from __future__ import annotations

import re
from collections.abc import Collection

from agentmem_retrievers.text.tokenize import tokenize

__all__ = ["addressed"]

# What is asked in other languages is not mixed with English words.
_ENGLISH = re.compile(
    r"\b(?:what|who|whom|whose|when|where|why|how|which|do|does|did|is|are|was|were|has|have|had|"
    r"can|could|will|would|the|about)(?:n['’]t)?\b",  # noqa: RUF001
    re.IGNORECASE,
)
_NAME = re.compile(r"^(?P<before>\W*)[^\W_][\w-]*(?P<of>['’]s?)?(?P<after>\W*)$")  # noqa: RUF001
_VERBS = {"does": "do", "is": "are", "was": "were", "has": "have"}
_VERB = re.compile(rf"\b(?P<verb>{'|'.join(_VERBS)})(?P<rest>(?:n['’]t)? you)\b", re.IGNORECASE)  # noqa: RUF001
_BEHIND = re.compile(rf"\byou (?P<verb>{'|'.join(_VERBS)})\b")
# "Gave her a book" speaks of her, "gave her book" of what she has.
_HERS = re.compile(
    r"\b(?:his|her)\b(?=\s+(?!(?:an?|the|to|in|at|on|for|with|from|about|and|or|when)\b)\w)",
    re.IGNORECASE,
)
_THEM = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)


def addressed(text: str, named: Collection[str]) -> str:
    """Speak of those who are named, and of the one who alone is by pronouns too, as "you".

    What people say of themselves names nobody and is embedded as it was said: a question is
    nearer to it when put to them.

    Args:
        named: stems of names.
    """
    if not named:
        return text
    english = _ENGLISH.search(text) is not None
    words = [_put(word, english) if {*tokenize(word)} & {*named} else word for word in text.split()]
    put = " ".join(filter(None, words))
    if not english:
        return put or text
    if len(named) == 1:
        put = _THEM.sub("you", _HERS.sub("your", put))
    put = _VERB.sub(lambda found: _of_you(found["verb"]) + found["rest"], put)
    return _BEHIND.sub(lambda found: f"you {_of_you(found['verb'])}", put)


def _of_you(verb: str) -> str:
    form = _VERBS[verb.lower()]
    return form if verb.islower() else form.capitalize()


def _put(name: str, english: bool) -> str:
    if not english:
        return ""
    found = _NAME.match(name)
    if found is None:
        return "you"
    return f"{found['before']}{'your' if found['of'] else 'you'}{found['after']}"
