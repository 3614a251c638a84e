"""Read by rules what the user's words call for: a search, or a goal to keep in mind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentmem_stores import Memory

__all__ = ["needs_memory", "open_goals"]

# Working state of constant size, after MEM1: old goals make room for new ones.
_MAX_GOALS = 3
_MAX_GOAL_CHARS = 120

_GREETING = (
    r"(?:hi|hey|hello|howdy|greetings|good (?:morning|afternoon|evening|day|night))"
    r"(?: (?:there|again|everyone|all))*"
)
_THANKS = (
    r"(?:thanks|thank you|thx|many thanks|cheers)"
    r"(?: (?:so much|very much|a lot|again|for your help))*"
)
_GOODBYE = r"(?:bye|goodbye|bye bye|see you|good night)(?: (?:later|soon|tomorrow|then|for now))*"
_INTERJECTION = r"(?:ok|okay|great|cool|nice|perfect|lol|haha|wow)"
_PHATIC = re.compile(rf"(?:(?:{_GREETING}|{_THANKS}|{_GOODBYE}|{_INTERJECTION})(?: |$))+")
# A sum needs words that ask for it or an equals sign: "555-1234" alone may be a phone number.
_ARITHMETIC = re.compile(
    r"(?:(?P<request>(?:what(?: is|'s)|how much is|calculate|compute)) )?"
    r"[\d\s.,()%]*\d\s*[-+*/x\u00d7\u00f7^]\s*[\d(]"
    r"[-+*/x\u00d7\u00f7^\d\s.,()%]*(?P<end>[=?][ ?]*)?",
    re.IGNORECASE,
)
_GOAL = re.compile(
    r"\b(?:i (?:want|need|have|would like|'d like|hope|plan) to|remind me (?:to|of|about)|"
    r"help me(?: to| with)?|my goal is(?: to)?|let's|we (?:need|have) to|"
    r"i'm (?:trying|planning) to)"
    r"\s+([^.!?\n]{4,})",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"\b(?:done|finished|never ?mind|forget (?:it|about it|that)|no longer need|solved|"
    r"that's (?:it|all))\b",
    re.IGNORECASE,
)


def needs_memory(text: str) -> bool:
    """Decide whether to search memories for a message (the activation control of SCM).

    False only for nothing but a greeting, thanks or arithmetic: a needless search costs less
    than a forgotten fact.

    >>> needs_memory("Good morning!"), needs_memory("What is 12*7?")
    (False, False)
    >>> needs_memory("Good morning, where did I park?")
    True
    """
    words = re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'"))
    if _PHATIC.fullmatch(" ".join(words.split())):
        return False
    arithmetic = _ARITHMETIC.fullmatch(text.strip().replace("\u2019", "'"))
    return not (arithmetic and (arithmetic["request"] or arithmetic["end"]))


def open_goals(turns: Sequence[Memory]) -> list[str]:
    """Return the latest goals that the user named and did not call done, oldest first.

    Args:
        turns: the session's turns, in order.
    """
    goals: list[str] = []
    for turn in turns:
        if turn.role != "user":
            continue
        text = turn.text.replace("\u2019", "'")
        if _DONE.search(text) and goals:
            goals.pop()
        for match in _GOAL.finditer(text):
            goal = match[1].strip()[:_MAX_GOAL_CHARS]
            goals = [g for g in goals if g != goal] + [goal]
    return goals[-_MAX_GOALS:]
