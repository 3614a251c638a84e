"""Whether a message tells something lasting of its author, by whatever words.

This only orders hits: a model has taken the message for a statement of the attribute asked for, so
it is enough to leave out what is about somebody else, hypothetical, over, or of short duration.
"""

from __future__ import annotations

import re

from agentmem.facts.assertions import normalize, own_text, without_lead
from agentmem.facts.lexicon import RELATION
from agentmem.facts.patterns import pattern

__all__ = ["is_own"]

# What speaks of itself before a colon announces what follows: "new contract, new number: 0471 22".
# After "he told me:" and "Tom:" somebody else speaks.
_ANNOUNCED = re.compile(
    r"^\W*(?:(?i:they|it|that|we|i|big|good|bad|great|new|small|quick|next|another|from|since|"
    r"after) |[A-Z]?[a-z]+ (?=[a-z]))"
    r"(?i:(?![^:]*\b(?:sa(?:id|ys?)|wrote|writes|told|asked|texted|reads?|goes|e-?mail|message|"
    r"letter|post|text|story|review|sentence|quote|transcript|this|following|below)\b)"
    r"[^.:?!\n]{0,60}:\s+)"
)
# What somebody heard, thinks or did with somebody is about whom it names.
_REPORT = pattern(
    r"(?:i|we)(?:'ve| have| just| also| still)* (?:heard|hear|think|thought|know|knew|guess|"
    r"believe|found out|learned|told you|mentioned|see|saw|met|visited|helped|admire|envy|asked|"
    r"remember)\b(?: that)? "
)
_OTHER = pattern(
    rf"(?:he|she|they|his|her|their)\b|(?:my|our) (?:[\w-]+ ){{0,2}}?{RELATION}(?:'s?)?(?![\w-])|"
    rf"(?:the|a) (?:[\w-]+ ){{1,3}}of (?:my|our) (?:[\w-]+ ){{0,2}}?{RELATION}\b"
)
# "My boss is Ms. Caruso" tells who the author's boss is, "my boss is on leave" tells of the boss.
_WHO_IT_IS = re.compile(
    r"(?<!\bof )\b(?:[Mm]y|[Oo]ur) (?:[\w-]+ ){1,3}(?:is|are|'s) (?:now |currently )?"
    r"(?:called |named )?"
    r"(?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z][\w-]+(?: [A-Z][\w-]+)?(?: (?:now|these days))?(?:\W*$|,)|"
    rf"\b(?:is|as|,) (?:my|our) (?:new |current )?{RELATION}(?: now)?(?:\W*$|,)"
)
_SELF = pattern(
    r"\b(?:i|we|me|us|mine|myself)\b|"
    rf"\b(?:my|our) (?!(?:[\w-]+ ){{0,2}}?{RELATION}\b)"
)
# Where somebody else acts, it may still be the author whom it concerns: "They hired me as a cook".
_CONCERNED = pattern(
    rf"(?:he|she|they)\b.*\b(?:me|us|my)\b(?! {RELATION}\b)|.*\b(?:teach\w*|taught|show\w*|"
    r"promot\w+|made|hired|moved|switched|talked) me\b|"
    r".*(?:,| and| but| so| while| whereas) (?:i|we)\b"
)
# People leave themselves out where a verb begins: "Dropped that and enrolled in a Korean class".
_ELLIPSIS = re.compile(
    r"(?!(?:Interested|Based|Related|Need|Bored|Tired)\b)(?:(?:Just|Finally|Recently|"
    r"Also|Still|Have|Been) )?(?:[A-Za-z]{2,}ed|[Gg]ot|[Bb]ought|[Ss]old|[Ll]ost|[Ll]eft|[Pp]ut|"
    r"[Gg]ave|[Tt]ook|[Ww]ent|[Bb]egan|[Bb]een|[Qq]uit|[Cc]hose|[Ff]ound|[Mm]ade|[Ss]wapped|"
    r"[Cc]an't|[Ww]on't|[Dd]on't)\b"
)
# "Tromso is officially home", "Aberdeen it is from now on".
_NOBODY = pattern(
    r"\b(?:is|'s) (?:now |officially )?home(?: now| base)?\W*(?:$|,)|"
    r"\bit is\b.{0,200}\b(?:from now on|now|these days)\b|\bfrom now on\W*$"
)
# Conditions, wishes and plans; what is over; what lasts for a while.
_UNREAL = pattern(
    r"\bif (?:i|we|only)\b(?=[^.]{0,200}\b(?:would|had|were|won)\b)"
    r"(?![^.]{0,200}\b(?:i|we|it)'?d (?:be|have|eat|choose|pick|want|take)\b)|"
    r"\b(?:i|we) wish\b|\bsuppose\b|\bimagine\b"
)
_PLANNED = pattern(
    r"\b(?:i|we)(?:'d| would|'m|'re| am| are)? (?:also |just |still |really )*(?:want|wanted|"
    r"planning|plan|hope|hoping|like to|love to|considering|thinking (?:of|about)|dream(?:ing)?|"
    r"might|may)\b"
)
_OVER = pattern(
    r"\bwhen (?:i|we) (?:was|were)\b|^\W*(?:i|we) (?:used to|once)\b(?![^.]*\b(?:now|but)\b)"
)
_SPAN = r"(?:days?|weeks?|nights?|weekends?|months?|summer|winter|holidays?|trip)"
_PASSING = pattern(
    rf"\b(?:for|over|during) (?:the|an?|one|two|three|a few|a couple of|\d+) (?:\w+ )?{_SPAN}\b"
    rf"(?!.*\bnow\b)|\bspen[dt]\b (?:an?|the|two|three|a few) (?:\w+ )?{_SPAN}\b|"
    r"\b(?:i|we)(?:'ve| have| just)* (?:borrowed|test-drove|passed through|visited|watched|saw|"
    r"applied|interviewed)\b"
)


def is_own(text: str) -> bool:
    """Return whether a message tells, in part at least, something lasting of whoever writes it.

    >>> is_own("Dropped that and enrolled in a Korean class."), is_own("My aunt plays the harp.")
    (True, False)
    """
    plain = normalize(text)
    if announced := _ANNOUNCED.match(plain):
        whose = "" if _OTHER.match(plain) else "My news, "
        plain = f"{whose}{announced.group().replace(':', ',')}{plain[announced.end() :]}"
    return any(map(_is_own, own_text(plain)))


def _is_own(sentence: str) -> bool:
    asks = sentence.rstrip("\"') ").endswith("?") and " as my " not in sentence
    if asks or any(p.search(sentence) for p in (_UNREAL, _PLANNED, _OVER, _PASSING)):
        return False
    if _WHO_IT_IS.search(sentence):
        return True
    rest = re.sub(r"^\W+", "", without_lead(sentence))
    if (report := _REPORT.match(rest)) and _OTHER.match(rest, report.end()):
        return False
    if _OTHER.match(rest):
        # "My neighbour drives a Lada and I drive a Fiat."
        return _CONCERNED.match(rest) is not None
    return any(p.search(rest) for p in (_SELF, _NOBODY)) or _ELLIPSIS.match(rest) is not None
