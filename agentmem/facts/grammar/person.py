"""What people are: their names, ages, origins, families, beliefs and health."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import DONE, Rule, Rules, fact, items, job, one_of, place, text
from agentmem.facts.lexicon import (
    DIETS,
    ILLNESSES,
    LANGUAGES,
    NATIONALITIES,
    RELATION,
    RELATIONS,
    RELIGIONS,
)
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix
from agentmem.facts.values import date_in, listed, name_in, place_in

__all__ = ["BEING", "PERSON", "illnesses", "is_relative", "languages"]


def is_relative(subject: str) -> bool:
    """Return whether a subject is called by a relation: "sister", but not "sister Anna"."""
    return bool(subject) and subject.split()[-1] in RELATIONS


# --- Names ------------------------------------------------------------------------------------

_IS_MY = pattern(
    rf"(?:my|our) (?P<relation>(?:\w+ )??{RELATION})\b(?!')(?:[ .!]*$| ?(?:and|who|from|,|now))"
)


def _called(p: Predicate, rest: str) -> list[Claim]:
    name = name_in(rest, p.clause)
    return _name(p, name) if name else []


def _name(p: Predicate, name: str) -> list[Claim]:
    """A name of the author, or of the relative that is spoken of."""
    if is_relative(p.subject):
        return [Claim(SPEAKER, (p.subject,), name)]
    return fact(p, "name", name) if p.subject == SPEAKER else []


def _named(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm Ada", "my boss is Petra", "Petra is my boss"."""
    if p.subject and re.match("(?:my|our) ", rest, re.IGNORECASE) and not is_relative(p.subject):
        mine = _IS_MY.match(rest)
        return [Claim(SPEAKER, (mine["relation"].lower(),), p.subject)] if mine else []
    name = name_in(before(r",| (?:and|who|from|by the way|here|btw|again)\b", rest), p.clause,
                   certain=False)  # fmt: skip
    return [] if name is None or name.endswith("'s") or p.plural else _name(p, name)


# --- Age, origin and body ---------------------------------------------------------------------

_TENS = any_of("twenty thirty forty fifty sixty seventy eighty ninety")
_UNITS = any_of("one two three four five six seven eight nine")
_AGE = pattern(
    rf"(?:an? )?(?P<age>\d{{1,3}}|{_TENS}(?:[- ]{_UNITS})?|eighteen|nineteen)"
    r"(?P<unit>[ -]?(?:years?[ -]olds?|y/?o|yrs? old)\b)?(?P<more>.*)$"
)
_NO_AGE = pattern(r" ?(?:%|percent|minutes|pounds|kg|weeks|months|days|feet|in)")
_TURNED = pattern(r"(?P<v>\d{1,3})\b(?! ?(?:degrees|pages|\w+s\b)|.*\b(?:ago|in (?:19|20)))")


def _is_age(number: str) -> bool:
    return not number.isdigit() or 3 <= int(number) <= 115


def _age(p: Predicate, rest: str) -> list[Claim]:
    match = _AGE.match(rest)
    if match is None:
        return []
    sure = match["unit"] or re.match(r"(?: now| today| already)?[ .!,]*$", match["more"])
    claims = []
    if sure and _is_age(match["age"]) and not _NO_AGE.match(match["more"]):
        claims += fact(p, "age", match["age"])
    if match["unit"] and re.match(r" [a-z]", match["more"]):
        claims += job(p, match["more"])
    return claims


def _turned(p: Predicate, rest: str) -> list[Claim]:
    """ "I just turned 30"."""
    match = _TURNED.match(rest)
    return fact(p, "age", match["v"]) if match and _is_age(match["v"]) else []


_YEAR = pattern(r"(?:(?P<month>[a-z]+) )?(?P<year>(?:19|20)\d\d)\b")


def _born(p: Predicate, rest: str) -> list[Claim]:
    if date := date_in(rest):
        claims = fact(p, "birthday", date)
        where = re.search(r"\bin (?=[A-Z])(?P<v>.+)$", rest[len(date) :])
        return claims + (
            place("birthplace")(p, where["v"]) if where and not date_in(where["v"]) else []
        )
    if year := _YEAR.match(rest):
        return fact(p, "birthday" if year["month"] else "birth year", year.group())
    match = place_in(rest, p.clause)
    if match is None:
        return []
    on = re.match(r" ?,? ?(?:on|in) (?P<v>.+)$", match[1])
    return fact(p, "birthplace", match[0]) + (_born(p, on["v"]) if on else [])


# --- Relationship, belief, origin ----------------------------------------------------------------

_STATES = any_of(
    "married engaged divorced single widowed separated in_a_relationship a_widow a_widower"
)
_STATE = pattern(rf"(?P<state>{_STATES})\b(?P<more>.*)$")
# "I'm married to my phone", "divorced from reality".
_NO_COUPLE = pattern(
    r" ?(?:in|with (?:my|the) (?:work|job)|by|-|(?:to|from) (?!(?-i:[A-Z])|(?:[\w'-]+ ){0,4}?"
    rf"(?:{RELATION}|man|woman|guy|girl|boy|person|love|him|her)\b)[\w-])"
)
_SINGLE_AGAIN = pattern(r"(?: (?:and|now|again|at the moment|these|for|since|but|too)\b|\W*$)")


def _relationship(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm happily married to Sofia"."""
    match = _STATE.match(rest)
    if match is None:
        return []
    state, more = match["state"], match["more"]
    if _NO_COUPLE.match(more) or (state.lower() == "single" and not _SINGLE_AGAIN.match(more)):
        return []
    claims = fact(p, "relationship", state)
    to = re.match(r" to (?P<v>[A-Z]\S*(?: [A-Z]\S*)?)", more)
    name = name_in(to["v"], p.clause, certain=False) if to else None
    if name and p.subject == SPEAKER:
        claims += fact(p, "partner" if state.lower() == "engaged" else "spouse", name)
    return claims


_COUNT = r"(?:two|three|four|five|six|\d)(?: (?:kids|children|boys|girls|sons|daughters))?"
_CHILDREN = pattern(rf"(?:of|to) (?P<v>{_COUNT}|an? (?:son|daughter|boy|girl))\b")


def _parent(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm a single mother of two"."""
    claims = fact(p, "relationship", "single") if pattern("an? single ").match(rest) else []
    children = _CHILDREN.search(rest)
    return claims + fact(p, "children", children["v"] if children else None)


def _religion(p: Predicate, rest: str) -> list[Claim]:
    return one_of("religion", RELIGIONS - {"orthodox"})(
        p, strip_prefix("(?:an?|the|my|our|his|her|this|that) ", rest)
    )


def _diet(p: Predicate, rest: str) -> list[Claim]:
    return [] if p.plural and rest.lower() == "keto" else fact(p, "diet", rest)


_ILLNESS_END = (
    r" (?:and|but|since|for|when|that|so|which|in|at|on|last|this|a few|two|three|"
    r"\d+ (?:years|months|weeks))\b"
)
_HOW_ILL = "(?:an?|mild|severe|chronic|seasonal|bad|terrible|really bad|frequent) "


def illnesses(p: Predicate, rest: str) -> list[Claim]:
    """Take each illness of an enumeration."""
    read = one_of("illness", ILLNESSES)
    each = (before(_ILLNESS_END, strip_prefix(_HOW_ILL, item)) for item in listed(rest))
    return [claim for name in each for claim in read(p, name)]


_LANGUAGE_END = (
    r" (?:at|with|as|and|but|to|fluently|natively|well|very|quite|pretty|on|in|because|since|for|"
    r"too|now|again)\b"
)
_FLUENCY = (
    r"(?:very |really |quite |pretty |some |my native |native |good |fluently |fluent |basic |"
    r"little )+"
)


def languages(p: Predicate, rest: str) -> list[Claim]:
    """Take each language of an enumeration."""
    claims: list[Claim] = []
    for item in listed(rest):
        word = strip_prefix(_FLUENCY, before(_LANGUAGE_END, item))
        if word.lower() not in LANGUAGES:
            break
        claims += fact(p, "language", word)
    return claims


def _described(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm a nurse", "I'm the head of sales", "we are teachers"."""
    role = pattern(r"an? |the\b.*\b(?:of(?! (?:my|our|your)\b)|at|for)\b").match(rest)
    return job(p, rest) if role or (p.plural and rest.endswith("s")) else []


def _still(p: Predicate, rest: str) -> list[Claim]:
    """ "I've been a nurse for ten years" holds still."""
    now = replace(p, rest=before(" (?:for|since)\\b", rest))
    return BEING.of(now, ("job", "diet", "relationship", "religion"))


_ILL = any_of(
    "diabetic asthmatic dyslexic epileptic autistic color-blind colorblind colour-blind "
    "colourblind deaf legally_blind celiac coeliac"
)
_END = (
    r"(?= (?:and|but|so|since|for|now|by|because|these|of|living|originally|from|last|this|in|at|"
    r"after|when|two|three|a few|recently)\b|\W*$)"
)
_TALL = (
    r"(?P<v>\d[\d.,]* ?(?:m|cm|meters|metres|feet|foot|ft|'\d{1,2}\"?)"
    r"(?: ?\d{1,2}(?: ?(?:inches|in|\"))?)?) ?tall"
)
_BASED = "(?:now |currently )?(?:based|settled|located|an? resident|resident) (?:in|out of|of) "
_STRICT = (
    "(?:an? |on a )?(?:(?:strict|lifelong|committed|proud|devoted|longtime|ethical|practicing) )?"
)
_BAD = "(?:an? )?(?:(?:severe|bad|mild|serious|slight|terrible|strong|life-threatening|seasonal) )*"
_SOME = r"(?!(?:food|any|some|no|other|several|many)\b)"
_MEMBER = "an? (?:proud |active |longtime |founding )?member of (?:the |an? )?"
_BORN = f"(?:an? |originally )?(?P<v>{any_of(NATIONALITIES)})(?: citizen| national)?(?: by birth)?"

# fmt: off
PERSON = (
    Rule("be", "(?:called|named|known as) ...", _called),
    Rule("be", "(?:originally |actually )?from ...", place("hometown")),
    Rule("be", f"{_BASED}...", place("home")),
    Rule("be", "(?:(?:[a-z]+ly|very|also|a bit|quite) )*allergic to ...", items("allergy")),
    Rule("be", "(?P<v>lactose|gluten|fructose|histamine)[ -]intolerant", text("intolerance")),
    Rule("be", f"{_STRICT}(?P<v>{any_of(DIETS)})s?(?: diet)?{_END}", _diet),
    Rule("be", _TALL, text("height")),
    Rule("be", r"(?:an? )?(?:\d|\w+teen|\w+ty)", _age),
    Rule("be", rf"(?:(?!hardly|barely)(?:[a-z]+ly|now) )*(?P<v>{_STATES}\b.*)$", _relationship),
    Rule("be", "an? (?:[a-z]+ )?(?:mother|mom|mum|father|dad|parent)", _parent),
    Rule("be", "", _religion),
    Rule("be", f"{_BORN}{_END}", text("nationality")),
    Rule("be", f"(?:an? |type [12] |severely |mildly )*(?P<v>{_ILL}){_END}", text("illness")),
    Rule("be", "(?P<v>(?:left|right)[- ]handed)", text("handedness")),
    Rule("be", "(?:also )?(?:fluent|bilingual|proficient) in ...", languages),
    Rule("be", f"{_MEMBER}...", place("membership")),
    Rule("be", "", _described),
    Rule("be", r"(?P<v>retired|unemployed|self-employed)\W*$", text("job")),
    Rule("be", "", _named),
    Rule("be", "born (?:and raised )?(?:in|on|near) ...", _born, "past"),
    Rule("be", "raised in ...", place("hometown"), "past"),
    Rule("be", "diagnosed with ...", illnesses, DONE),
    Rule("be", "(?:promoted to|hired as|made|appointed(?: as)?) ...", job, DONE),
    Rule("be", r"(?!(?:an? )?(?:in|at|on|to)\b).*\b(?:for|since)\b", _still, "lasting"),
    Rule("turn", r"(?P<v>\d.*)$", _turned, DONE),
    Rule("grow", "up (?:in|near|on) ...", place("hometown"), "past"),
    Rule("come", "from ...", place("hometown"), "present"),
    Rule("speak", "", languages, "present"),
    Rule("suffer", "from ...", illnesses),
    Rule("have", f"{_BAD}allerg(?:y|ies) to ...", items("allergy"), "present"),
    Rule("have", rf"{_BAD}(?P<v>{_SOME}[\w-]+(?: [\w-]+)?) allerg(?:y|ies)\b", items("allergy"),
         "present"),
    Rule("have", "", illnesses, "present"),
    Rule("follow eat", f"(?:an? )?(?:strict )?(?P<v>{any_of(DIETS)}) diet", text("diet")),
)
# fmt: on
BEING = Rules(PERSON)
