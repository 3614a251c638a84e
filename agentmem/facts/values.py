"""Which words of a clause would be others if something else held."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["CHANGED", "is_name", "is_number", "values_in"]

_LONGEST = 4
_MOST = 3

# What people do that makes something so from then on.
CHANGED = (
    "moved|changed|switched|started|joined|bought|adopted|settled|signed|became|began|picked|"
    "chose|opened|married|got|turned|transferred|swapped|replaced|traded|enrolled|landed|ended up|"
    "accepted|decided|took up|took over|have|has|named|called|relocated|registered|celebrated|"
    "gone|graduated|adapted|promoted|hired|made me"
)
# When and how often, which are no part of a value.
_WHEN = re.compile(
    r"[\s,]+(?:right now|just now|now|nowadays|these days|currently|at the moment|lately|recently|"
    r"today|tonight|yesterday|instead|again|anyway|too|as well|already|at last|finally|for now|"
    r"by now|from now on|from today on|as of (?:now|today|this \w+)|for good|officially|since .+|"
    r"in the end|so far|after all|(?:this|last|next|every|each|most|all)\s+\w+|"
    r"(?:once|twice|\w+ times)\s+(?:a|per)\s+\w+|in the (?:morning|evening|afternoon)s?|"
    r"on (?:\w+ )?(?:days|weekdays|weekends)|(?:a|an|\w+) (?:day|week|month|year)s? ago)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])[+(]?\d[\d\s()/:.-]*\d(?!\w)|\S+@\S+\.\w+")
_PROPER = re.compile(
    r"(?<!^)(?<![.!?] )\b(?:(?:Dr|Mr|Mrs|Ms|St|Prof)\. )?"
    r"(?!I\b|I'|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]*day)?\b|January|February|March|April|May\b|June|"
    r"July|August|September|October|November|December|TV\b|SIM\b|PC\b)"
    r"[A-Z][\w'-]*(?:\s+(?:of |de |the )?[A-Z][\w'-]*)*"
)
_TITLED = re.compile(r"^(?:Dr|Mr|Mrs|Ms|Prof)\. [A-Z][\w'-]+")
_TURNED = re.compile(
    r"^(?P<value>(?!(?:i|we|my|our|it|this|that|there|here|he|she|they|you|nothing|no|what|the|"
    r"one|some|being|having)\b)"
    r"[\w.' -]{2,40}?)\s+(?:is|are|has become|have become|became|looks|pays|takes|suits|makes)\b",
    re.IGNORECASE,
)
# "This company hired me"
_DOER = re.compile(r"^(?P<value>[A-Z][\w'-]+(?: [A-Z][\w'-]+)*) (?:\w+ )?\w+(?:ed|s)? (?:me|us)\b")
_CLEFT = re.compile(
    r"\bit(?:'s| is) (?:the )?(?P<value>[\w.' -]{2,40}?) (?:that|which|who)\b", re.I
)
_BEFORE = re.compile(
    r"\b(?:as an?|is an?|is the|is|are|called|named|into|to|in|at|on|for|with|of|from|the|an?|"
    r"like|love|prefer|do|does|than|eat|drink|play|study|train|learn|learning|reading|being|"
    r"allergic to|my|our|practising|practicing|playing|doing|eating|drinking|become|became|order|"
    r"(?:took|taken|take|taking) up|go|going|joined|bought|adopted|got|have|has|discovered)\s+",
    re.IGNORECASE,
)
# "tea better than coffee", "tea most of all": what follows is no part of what is liked.
_COMPARED = re.compile(
    r"\s+(?:(?:better|more|rather) than|(?:best|most) of|the (?:best|most)|"
    r"over (?:everything|anything|all|any))\b.*$"
)
# "How to cook", "I like to paint": what follows is no thing.
_INFINITIVE = re.compile(
    r"\b(?:how|learn\w*|have|has|had|want\w*|like|need\w*|going|able|try|tried|trying|decided|"
    r"used|hop\w+|plan\w*|ready|time|way|helps?|enables?|allow\w*|me|us|you|them|start\w*|"
    r"began|begun|continue\w*|love|got|about|in order)\s+to\s+$",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"^\W*(?:no|nothing|none|nobody)\b", re.IGNORECASE)
_STOP = re.compile(
    r"\s+(?:and|but|because|so|which|who|that|as|with|for|before|after|when|in|at|on|to|from|by|"
    r"twice|every|is|are|was|lessons?|class|classes|course|club|too|has|have|now|three|four|"
    r"these|this|since|best|most|instead|because|can|like|likes|love|go|goes|about|it)\b.*$"
)
# Words that stand for nothing in particular.
_VAGUE = frozenset(
    """
    it its them this that these those one ones thing things stuff way ways lot lots bit time
    times while year years month months week weeks day days hour hours minute minutes moment
    people someone something anything everything everyone nothing here there home work life
    lives live world place you your him her his their me us all both more most much best better
    new old same own kind sort part some any well good great fun hard nice little really so
    favourite favourites favorite favorites far up out back off person first last next other
    others another today spring summer autumn fall winter morning mornings evening evenings
    night nights afternoon afternoons weekend weekends birthday shape love use touch general
    advance addition particular family friend friends detail details experience experiences
    inspiration idea ideas name how why what when who where which pet pets job jobs help
    support mind heart head hand hands foot feet eye eyes case point top middle end start of
    just
    """.split()  # noqa: SIM905
)
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)


def is_number(value: str) -> bool:
    """Whether a value is a number, a time of day or an address on the net."""
    return _NUMBER.fullmatch(value) is not None


def is_name(value: str) -> bool:
    """Whether a value is written as a name."""
    return value[:1].isupper()


def values_in(clause: str) -> list[str]:
    """Return what may be the value of a clause, the likeliest first."""
    clause = _without_when(clause)
    # "Nothing is better than tea": here what is liked comes last.
    if not _NOTHING.match(clause):
        clause = _COMPARED.sub("", clause)
    found: list[str] = []
    for value in _found(clause):
        within = any(f" {value} " in f" {other} " for other in found)
        if not within and not _is_vague(value):
            found.append(value)
    return found[:_MOST]


def _is_vague(value: str) -> bool:
    words = value.lower().split()
    return _VAGUE.issuperset(words) or (words[-1].endswith("ed") and len(words) <= 2)


def _found(clause: str) -> Iterator[str]:
    number = _NUMBER.search(clause)
    if number:
        yield number.group().strip()
        return
    if titled := _TITLED.match(clause):
        yield titled.group()
    yield from reversed([m.group() for m in _PROPER.finditer(clause)])
    for turned in (_CLEFT.search(clause), _TURNED.match(clause), _DOER.match(clause)):
        if turned and len(turned["value"].split()) <= _LONGEST:
            yield turned["value"]
    yield from _phrases(clause)


def _without_when(clause: str) -> str:
    while (shorter := _WHEN.sub("", clause)) != clause:
        clause = shorter
    return clause


def _phrases(clause: str) -> Iterator[str]:
    """What stands behind articles, prepositions and the like, the last first."""
    for marker in reversed(list(_BEFORE.finditer(clause))):
        if _INFINITIVE.search(clause[: marker.end()]):
            continue
        value = _STOP.sub("", clause[marker.end() :]).strip(" ,;:'")
        short = 0 < len(value.split()) <= _LONGEST
        if short and not (_FIRST_PERSON.search(value) or _BEFORE.match(f"{value} ")):
            yield value
    last = clause.rpartition(" ")[2]
    if not _FIRST_PERSON.search(last):
        yield last
