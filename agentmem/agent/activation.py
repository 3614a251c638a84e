"""Whether what a user says has anything to do with memory (SCM's activation control).

Only what is nothing but a greeting, thanks or arithmetic is taken not to; all else is recalled
for, since not remembering costs more than a search.
"""

from __future__ import annotations

import re

__all__ = ["is_question", "needs_memory"]

_HELLO = (
    r"(?:hi|hey|hello|howdy|greetings|good (?:morning|afternoon|evening|day|night))"
    r"(?: (?:there|again|everyone|all))*"
)
_THANKS = (
    r"(?:thanks|thank you|thx|many thanks|cheers)"
    r"(?: (?:so much|very much|a lot|again|for your help))*"
)
_BYE = r"(?:bye|goodbye|bye bye|see you|good night)(?: (?:later|soon|tomorrow|then|for now))*"
_OK = r"(?:ok|okay|great|cool|nice|perfect|lol|haha|wow)"
_PHATIC = re.compile(rf"(?:(?:{_HELLO}|{_THANKS}|{_BYE}|{_OK})(?: |$))+")
# Marks of arithmetic, and words that ask for it; "555-1234" alone may be a telephone number.
_SUM = re.compile(
    r"(?:(?P<asked>(?:what(?: is|'s)|how much is|calculate|compute)) )?"
    r"[\d\s.,()%]*\d\s*[-+*/x\u00d7\u00f7^]\s*[\d(]"
    r"[-+*/x\u00d7\u00f7^\d\s.,()%]*(?P<end>[=?][ ?]*)?",
    re.IGNORECASE,
)
_WHO_ASKS = re.compile(
    r"^(?:and |so |but )*(?:what|who|whom|whose|when|where|which|why|how|do|does|did|is|are|was|"
    r"were|am|has|have|had|can|could|will|would|should)\b",
    re.IGNORECASE,
)


def needs_memory(text: str) -> bool:
    """Whether to recall anything before answering."""
    words = re.sub(r"[^\w\s']", " ", text.lower().replace("\u2019", "'"))
    if _PHATIC.fullmatch(" ".join(words.split())):
        return False
    counted = _SUM.fullmatch(text.strip().replace("\u2019", "'"))
    return not (counted and (counted["asked"] or counted["end"]))


def is_question(text: str) -> bool:
    """Whether the user wants to know something, rather than tell something."""
    said = text.strip()
    return said.endswith("?") or bool(_WHO_ASKS.match(said))
