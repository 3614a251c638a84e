"""Sentences in which somebody is said to be, have or do something now; and what of them is new.

Nothing here knows what a sentence is about. It tells whom it is about, whether it claims to hold,
and which of its words would be others if something else held: the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..digest import split

__all__ = ["SPEAKER", "Statement", "statements"]

# Whom a statement is about when it is about who says it.
SPEAKER = ""

_LONGEST_VALUE = 5
_LONGEST_SENTENCE = 200

_FIRST_PERSON = re.compile(
    r"\b(?:i|i'm|i've|i'll|i'd|me|my|mine|myself|we|we're|we've|us|our|ours)\b", re.IGNORECASE
)
_OBJECT = re.compile(r"\b(?:me|us)\b")
_RELATIVES = (
    "brother|sister|mother|mom|mum|father|dad|parents?|uncle|aunt|cousin|nephew|niece|grandma|"
    "grandpa|grandmother|grandfather|son|daughter|kids?|child|children|husband|wife|partner|"
    "girlfriend|boyfriend|fiancee?|friend|buddy|neighbou?r|colleague|co-?worker|boss|manager|"
    "teacher|landlord|landlady|flatmate|roommate|guest|in-law"
)
_PERSON = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur)\s+(?:[a-z-]+\s+){{0,2}}(?P<who>{_RELATIVES})s?\b"
    r"(?:\s+(?P<name>[A-Z]\w+)\b)?"
)
_NAMED = re.compile(
    r"^(?P<who>(?!(?:He|She|It|They|This|That|There|The|You|What|Who)\b)"
    r"[A-Z][a-z]+(?: [A-Z][a-z]+)?)\s+"
    r"(?:is|has|was|lives|works|plays|drives|likes|loves|[a-z]{2,}s)\b"
)
# What does not hold now, or is not claimed to: former habits, conditions, wishes, plans, denials.
# "If you need me, call ..." is no condition, and "you will find me at ..." is no plan.
_NOT_SO = re.compile(
    r"\bused to\b|\bif(?! you\b)|(?<!you )\b(?:will|want|wants)\b|"
    r"\b(?:unless|whether|would|might|maybe|perhaps|wish|hope|hoping|imagine|suppose|"
    r"dream of|pretend|formerly|previously|almost|nearly|no longer|never|not|shall|planning|"
    r"plan to|gonna|thinking|considering|back when|back then|in those days|ever|"
    r"once(?! (?:a|an|every|per)\b)|as a (?:child|kid|boy|girl|student))\b|"
    r"\bcould\b(?!.*\b(?:always|every|all|any) ?(?:day|time|night)?\b)|"
    r"(?:\b(?:am|are|is)|'m|'re|'s) going to\b(?! (?:the|a|my)\b)|"
    r"n't\b|(?<!you)'ll\b|^\W*(?:should|can|do|did|are|is|have|has)\s+(?:i|we|you|my)\b",
    re.IGNORECASE,
)
# A state in the past tense is over; "have lived", "moved" and "was hired" are not meant.
_OVER = re.compile(
    r"(?<!have )(?<!'ve )(?<!has )\b(?:lived|worked|drove|owned|played|studied|liked|loved|"
    r"preferred|wanted|had|(?:was|were)(?! \w+ed\b| taken\b| given\b| made\b))\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"\u201c\u201d].+[\"\u201c\u201d]")
# When and how often, which are no part of a value.
_WHEN = re.compile(
    r"[\s,]+(?:right now|just now|now|nowadays|these days|currently|at the moment|lately|recently|"
    r"today|tonight|yesterday|instead|again|anyway|too|as well|already|at last|finally|for now|"
    r"by now|from now on|for good|since .+|(?:this|last|next|every|each)\s+\w+|"
    r"(?:once|twice|\w+ times)\s+(?:a|per)\s+\w+|in the (?:morning|evening|afternoon)s?|"
    r"on (?:\w+ )?(?:days|weekdays|weekends)|(?:a|an|\w+) (?:day|week|month|year)s? ago)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])[+(]?\d[\d\s()/:.-]*\d(?!\w)|\S+@\S+\.\w+")
_PROPER = re.compile(
    r"(?<!^)(?<![.!?] )\b(?:(?:Dr|Mr|Mrs|Ms|St|Prof)\. )?"
    r"(?!I\b|I'|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May\b|June|"
    r"July|August|September|October|November|December)"
    r"[A-Z][\w'-]*(?:\s+(?:of |de |the )?[A-Z][\w'-]*)*"
)
_TURNED = re.compile(
    r"^(?P<value>(?!(?:i|we|my|our|it|this|that|there|here|he|she|they|you|nothing|no|what|the)\b)"
    r"[\w.' -]{2,40}?)\s+(?:is|are|has become|have become|became|looks|pays|takes|suits|makes)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:as an?|is an?|is the|is|are|called|named|into|to|in|at|on|for|with|of|from|the|an?|"
    r"like|love|prefer|do|does|than|eat|drink|play|study|train|learn|learning|reading|up)\s+",
    re.IGNORECASE,
)
# "tea better than coffee", "tea most of all": what follows is no part of what is liked.
_COMPARED = re.compile(
    r"\s+(?:(?:better|more|rather) than|(?:best|most) of|the (?:best|most)|"
    r"over (?:everything|anything|all|any))\b.*$"
)
_NOTHING = re.compile(r"^\W*(?:no|nothing|none|nobody)\b", re.IGNORECASE)
# What of a sentence may hold though the rest does not: "I am no baker any more, but a nurse".
_CLAUSE = re.compile(r"\s*[,;:]\s+|\s+but\s+|\s+and\s+")
_STOP = re.compile(r"\s+(?:and|but|because|so|which|who|that|as|with|for|before|after|when)\b.*$")


@dataclass(frozen=True)
class Statement:
    """Somebody is said to be, have or do something.

    Attributes:
        subject: whom it is about; `SPEAKER` for who says it.
        text: the sentence.
        value: the words of it that would be others if something else held.
        attribute: what of the subject, where that is known already.
    """

    subject: str
    text: str
    value: str
    attribute: str = ""

    @property
    def skeleton(self) -> str:
        """The sentence without its value, as it would be said of anything."""
        if self.attribute:
            return f"My {self.attribute} is something."
        return self.text.replace(self.value, "something", 1)


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a text: neither questions nor wishes, nor what is over."""
    for sentence in split(text):
        subject = _subject(sentence)
        claimed = _claimed(sentence)
        value = _value(claimed.rstrip(".!… ")) if subject is not None else ""
        if subject is not None and value:
            yield Statement(subject, claimed, value)


def _claimed(sentence: str) -> str:
    """The sentence, or else the last clause of it, that is claimed to hold; or nothing."""
    if _claims(sentence):
        return sentence
    whole = sentence.endswith("?") or _QUOTED.search(sentence)
    clauses = () if whole else reversed(_CLAUSE.split(sentence))
    return next((c for c in clauses if len(c.split()) > 2 and _claims(c)), "")


def _claims(sentence: str) -> bool:
    return not (
        sentence.endswith("?")
        or len(sentence) > _LONGEST_SENTENCE
        or _NOT_SO.search(sentence)
        or _OVER.search(sentence)
        or _QUOTED.search(sentence)
    )


def _subject(sentence: str) -> str | None:
    """Whoever is mentioned first: the speaker, or a person of theirs; None for nobody."""
    person = _PERSON.search(sentence)
    first = _FIRST_PERSON.search(sentence)
    # "My teacher shows me how" is about me.
    if person and _OBJECT.search(sentence, person.end()):
        return SPEAKER
    if person and (first is None or person.start() <= first.start()):
        return person["name"] or person["who"].lower()
    if first:
        return SPEAKER
    named = _NAMED.match(sentence)
    return named["who"] if named else None


def _value(sentence: str) -> str:
    sentence = _without_when(sentence)
    # "Nothing is better than tea": here what is liked comes last.
    if not _NOTHING.match(sentence):
        sentence = _COMPARED.sub("", sentence)
    number = _NUMBER.search(sentence)
    if number:
        return number.group().strip()
    proper = [m.group() for m in _PROPER.finditer(sentence) if not _is_subject(m, sentence)]
    if proper:
        return proper[-1]
    turned = _TURNED.match(sentence)
    if turned:
        return turned["value"]
    return _last_phrase(sentence)


def _is_subject(found: re.Match[str], sentence: str) -> bool:
    """Whether a name follows "my sister" and the like."""
    person = _PERSON.search(sentence)
    return person is not None and person.start() <= found.start() < person.end()


def _without_when(sentence: str) -> str:
    while (shorter := _WHEN.sub("", sentence)) != sentence:
        sentence = shorter
    return sentence


def _last_phrase(sentence: str) -> str:
    """What stands behind the last article, preposition or the like, up to five words."""
    clause = sentence.rpartition(", ")[2]
    for marker in reversed(list(_BEFORE.finditer(clause))):
        value = _STOP.sub("", clause[marker.end() :]).strip(" ,;:")
        if value and len(value.split()) <= _LONGEST_VALUE and not _FIRST_PERSON.search(value):
            return value
    if clause != sentence and len(clause.split()) <= 3 and not _FIRST_PERSON.search(clause):
        return clause
    last = sentence.rpartition(" ")[2]
    return "" if _FIRST_PERSON.search(last) else last
