"""Corrections of what was said before: "Actually it's Tuesday, not Thursday"."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.patterns import pattern

__all__ = ["correction"]

_OPENING = r"(?:(?:actually|sorry|no|wait|oops|correction|my mistake|i was wrong)[,.:!]? )*"
_VALUE = r"[\w$\u20ac\u00a3+:.@ '-]{1,40}"
_AT = "(?:on |in |at )?"
_FORMS = (
    pattern(
        f"{_OPENING}(?:(?:it|that|he|she|they|there)(?:'s| is| was|'re| are)|i mean(?:t)?|"
        "i live in|make (?:it|that)) (?:actually |really |in fact |supposed to be "
        f")?{_AT}(?P<new>{_VALUE}?),? (?:and )?not {_AT}(?P<old>{_VALUE})$"
    ),
    pattern(
        rf"(?:{_OPENING}(?:(?:it|that|he|she)(?:'s| is) )?not|my .{{2,30}} (?:isn't|is not)) {_AT}"
        rf"(?P<old>{_VALUE}?)(?:,? but|,(?: it(?:'s| is))?) (?:it(?:'s| is) )?{_AT}"
        rf"(?P<new>{_VALUE})$"
    ),
    pattern(
        "(?:i|we)(?: have|'ve)?(?: just| recently)? (?:switched|changed|moved|transferred|"
        f"went) from (?P<old>{_VALUE}?) to (?P<new>{_VALUE}?)(?: (?:last|this|yesterday|today|in|"
        r"on|because)\b.*)?$"
    ),
)
_NO_VALUE = re.compile(
    r"(?:a|an|the|that|so|very|too|just|only|really|bad|good|about|sure|fair|easy)\b"
)


def correction(sentence: str) -> Claim | None:
    """Return the claim that one value takes the place of another, whatever their attribute."""
    rest = sentence.strip(" .!")
    result = next((match for form in _FORMS if (match := form.match(rest))), None)
    if result is None or len(result["old"].split()) > 4 or len(result["new"].split()) > 4:
        return None
    new, old = result["new"].strip(), result["old"].strip()
    pointing = _NO_VALUE.match(new) or re.match(r"(?:just|always|only|about|also)\b", old)
    return None if pointing else Claim(SPEAKER, (), new, old=old)
