"""Rules that recognize questions and requests among messages."""

from __future__ import annotations

import re

__all__ = ["is_question", "wants_answer"]

_QUESTION = re.compile(
    r"^(?:and |so |but )*(?:what|who|whom|whose|when|where|which|why|how|do|does|did|is|are|was|"
    r"were|am|has|have|had|can|could|will|would|should)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:and |so |but |now |please |just )*(?:tell|show|give|remind|list|name|summari[sz]e|find|"
    r"describe|explain|recall|recap|repeat|search|look up|compare|let me know)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Return whether a message is a question."""
    stripped = text.strip()
    return stripped.endswith("?") or bool(_QUESTION.match(stripped))


def wants_answer(text: str) -> bool:
    """Return whether a message is a question, or a request that memories may answer.

    >>> wants_answer("Tell me what my dog is called."), wants_answer("I walked the dog.")
    (True, False)
    """
    return is_question(text) or bool(_REQUEST.match(text.strip()))
