"""What people are: their names, ages, origins, families, beliefs and health."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.patterns import DETERMINER, RELATION, any_of, pattern, strip_prefix
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import (
    Rule,
    Rules,
    fact,
    items,
    job,
    one_of,
    place,
    text,
)  # fmt: skip
from agentmem.facts.lexicon import (
    DIETS,
    ILLNESSES,
    LANGUAGES,
    NATIONALITIES,
    RELATIONS,
    RELIGIONS,
)  # fmt: skip
from agentmem.facts.values import date_in, listed, name_in, place_in

__all__ = ["BEING", "PERSON", "illnesses", "is_relative", "languages"]


def is_relative(subject: str) -> bool:
    """Return whether a subject is called by a relation: "sister", but not "sister Anna"."""
    return bool(subject) and subject.split()[-1] in RELATIONS


# --- Names ------------------------------------------------------------------------------------

_NAME_END = pattern(r",| (?:and|who|from|by the way|here|btw|again)\b")
_IS_MY = pattern(
    rf"(?:my|our) (?P<modifier>(?:\w+ )??)(?P<relation>{RELATION})\b(?!')(?P<more>.*)$"
)


def _called(p: Predicate, said: str) -> list[Claim]:
    name = name_in(said, p.clause)
    if name and p.subject == SPEAKER:
        return fact(p, "name", name)
    return [Claim(SPEAKER, (p.subject,), name)] if name and is_relative(p.subject) else []


def _named(p: Predicate, said: str) -> list[Claim]:
    """ "I'm Ada", "my boss is Petra", "Petra is my boss"."""
    if p.subject and (mine := _IS_MY.match(said)) and not is_relative(p.subject):
        if re.match(r"[ .!]*$| ?(?:and|who|from|,|now)", mine["more"]):
            relation = (mine["modifier"] + mine["relation"]).lower()
            return [Claim(SPEAKER, (relation,), p.subject)]
        return []
    name = name_in(_NAME_END.split(said)[0], p.clause, certain=False)
    if name is None or name.endswith("'s"):
        return []
    if is_relative(p.subject):
        return [Claim(SPEAKER, (p.subject,), name)]
    return fact(p, "name", name) if p.subject == SPEAKER and not p.plural else []


# --- Age, origin and body ---------------------------------------------------------------------

_TENS = any_of("twenty thirty forty fifty sixty seventy eighty ninety")
_UNITS = any_of("one two three four five six seven eight nine")
_AGE = pattern(
    rf"(?:an? )?(?P<age>\d{{1,3}}|{_TENS}(?:[- ]{_UNITS})?|eighteen|nineteen)"
    r"(?P<unit>[ -]?(?:years?[ -]olds?|y/?o|yrs? old)\b)?(?P<more>.*)$"
)
_NO_AGE = pattern(r" ?(?:%|percent|minutes|pounds|kg|weeks|months|days|feet|in)")
_LENGTH = r"\d[\d.,]* ?(?:m|cm|meters|metres|feet|foot|ft|'\d{1,2}\"?)"
_TURNED = pattern(r"(?! ?(?:degrees|pages|\w+s\b)|.*\b(?:ago|in (?:19|20)))")


def _age(p: Predicate, said: str) -> list[Claim]:
    found = _AGE.match(said)
    if found is None:
        return []
    number = int(found["age"]) if found["age"].isdigit() else 30
    sure = found["unit"] or re.match(r"(?: now| today| already)?[ .!,]*$", found["more"])
    claims = []
    if sure and 3 <= number <= 115 and not _NO_AGE.match(found["more"]):
        claims += fact(p, "age", found["age"])
    if found["unit"] and re.match(r" [a-z]", found["more"]):
        claims += job(p, found["more"])
    return claims


def _turned(p: Predicate, said: str) -> list[Claim]:
    """ "I just turned 30"."""
    number = re.match(r"\d{1,3}", said)
    if number and 3 <= int(number.group()) <= 115 and _TURNED.match(said[number.end() :]):
        return fact(p, "age", number.group())
    return []


_YEAR = pattern(r"(?:(?P<month>[a-z]+) )?(?P<year>(?:19|20)\d\d)\b")


def _born(p: Predicate, said: str) -> list[Claim]:
    if date := date_in(said):
        claims = fact(p, "birthday", date)
        where = re.search(r"\bin (?=[A-Z])(?P<v>.+)$", said[len(date) :])
        if where and not date_in(where["v"]):
            claims += place("birthplace")(p, where["v"])
        return claims
    if year := _YEAR.match(said):
        if year["month"]:
            return fact(p, "birthday", year.group())
        return fact(p, "birth year", year["year"])
    found = place_in(said, p.clause)
    if found is None:
        return []
    on = re.match(r" ?,? ?(?:on|in) (?P<v>.+)$", found[1])
    return fact(p, "birthplace", found[0]) + (_born(p, on["v"]) if on else [])


# --- Relationship, belief, origin ----------------------------------------------------------------

_STATES = any_of(
    "married engaged divorced single widowed separated in_a_relationship a_widow a_widower"
)
_STATE = pattern(rf"(?P<state>{_STATES})\b(?P<more>.*)$")
_COUNT = r"(?:two|three|four|five|six|\d)(?: (?:kids|children|boys|girls|sons|daughters))?"
_CHILDREN = pattern(rf"(?:of|to) (?P<v>{_COUNT}|an? (?:son|daughter|boy|girl))\b")
_NO_COUPLE = pattern(
    r" ?(?:in|with (?:my|the) (?:work|job)|by|-|to (?:it|(?:my|the|this) (?:job|work|idea|career|"
    r"sea))\b)"
)
_SINGLE_AGAIN = pattern(r"(?: (?:and|now|again|at the moment|these|for|since|but|too)\b|\W*$)")


def _relationship(p: Predicate, said: str) -> list[Claim]:
    """ "I'm happily married to Sofia"."""
    found = _STATE.match(said)
    if found is None:
        return []
    state, more = found["state"], found["more"]
    if _NO_COUPLE.match(more) or (state.lower() == "single" and not _SINGLE_AGAIN.match(more)):
        return []
    claims = fact(p, "relationship", state)
    to = re.match(r" to (?P<v>[A-Z]\S*(?: [A-Z]\S*)?)", more)
    name = name_in(to["v"], p.clause, certain=False) if to else None
    if name and p.subject == SPEAKER:
        claims += fact(p, "partner" if state.lower() == "engaged" else "spouse", name)
    return claims


def _parent(p: Predicate, said: str) -> list[Claim]:
    """ "I'm a single mother of two"."""
    claims = (
        fact(p, "relationship", "single") if re.match("an? single ", said, re.IGNORECASE) else []
    )
    children = _CHILDREN.search(said)
    return claims + (fact(p, "children", children["v"]) if children else [])


def _without_determiner(p: Predicate, said: str) -> list[Claim]:
    bare = re.sub(rf"^{DETERMINER}", "", said, flags=re.IGNORECASE)
    return one_of("religion", RELIGIONS, but="orthodox")(p, bare)


def _diet(p: Predicate, said: str) -> list[Claim]:
    return [] if p.plural and said.lower() == "keto" else fact(p, "diet", said)


_ILLNESS_END = pattern(
    r" (?:and|but|since|for|when|that|so|which|in|at|on|last|this|a few|two|three|"
    r"\d+ (?:years|months|weeks))\b"
)
_DEGREE_OF_ILLNESS = pattern(
    r"(?:an?|mild|severe|chronic|seasonal|bad|terrible|really bad|frequent) "
)


def illnesses(p: Predicate, said: str) -> list[Claim]:
    """Take each illness of an enumeration."""
    claims = []
    for item in listed(said):
        name = _ILLNESS_END.split(strip_prefix(_DEGREE_OF_ILLNESS, item))[0]
        claims += one_of("illness", ILLNESSES)(p, name)
    return claims


_LANGUAGE_END = pattern(
    r" (?:at|with|as|and|but|to|fluently|natively|well|very|quite|pretty|on|in|because|since|for|"
    r"too|now|again)\b"
)
_FLUENCY = pattern(
    r"(?:very |really |quite |pretty |some |my native |native |good |fluently |fluent |basic |"
    r"little )+"
)


def languages(p: Predicate, said: str) -> list[Claim]:
    """Take each language of an enumeration."""
    claims: list[Claim] = []
    for item in listed(said):
        word = strip_prefix(_FLUENCY, _LANGUAGE_END.split(item)[0])
        if word.lower() not in LANGUAGES:
            break
        claims += fact(p, "language", word)
    return claims


def _described(p: Predicate, said: str) -> list[Claim]:
    """ "I'm a nurse", "I'm the head of sales", "we are teachers"."""
    role = said.startswith(("a ", "an ", "A ", "An "))
    the = re.match(r"the\b.*\b(?:of|at|for)\b", said, re.IGNORECASE)
    return job(p, said) if role or the or (p.plural and said.endswith("s")) else []


def _perfect(p: Predicate, said: str) -> list[Claim]:
    """ "I've been a nurse for ten years" holds still."""
    now = re.split(r" (?:for|since)\b", said, maxsplit=1)[0]
    return BEING.of(replace(p, rest=now), ("job", "diet", "relationship", "religion"))


_SEVERITY = any_of("severe bad mild serious slight terrible strong life-threatening seasonal")
_ILL = any_of(
    "diabetic asthmatic dyslexic epileptic autistic color-blind colorblind colour-blind "
    "colourblind "
    "deaf legally_blind celiac coeliac"
)
_PARENT = "an? (?:[a-z]+ )?(?:mother|mom|mum|father|dad|parent)"
_END = (
    r"(?= (?:and|but|so|since|for|now|by|because|these|of|living|originally|from|last|this|in|at|"
    r"after|when|two|three|a few|recently)\b|\W*$)"
)

PERSON = (
    Rule("be", "(?:called|named|known as) (?P<v>.+)$", _called),
    Rule("be", "(?:originally |actually )?from (?P<v>.+)$", place("hometown")),
    Rule(
        "be",
        "(?:now |currently )?(?:based|settled|located|an? resident|resident) (?:in|out of|of) "
        "(?P<v>.+)$",
        place("home"),
    ),
    Rule(
        "be",
        "(?:(?:[a-z]+ly|very|also|a bit|quite|allergic to) )*allergic to (?P<v>.+)$",
        items("allergy"),
    ),
    Rule("be", "(?P<v>lactose|gluten|fructose|histamine)[ -]intolerant", text("intolerance")),
    Rule(
        "be",
        "(?:an? |on a )?(?:(?:strict|lifelong|committed|proud|devoted|longtime|ethical|"
        "practicing) )?"
        rf"(?P<v>{any_of(DIETS)})s?(?: diet)?{_END}",
        _diet,
    ),
    Rule("be", rf"(?P<v>{_LENGTH}(?: ?\d{{1,2}}(?: ?(?:inches|in|\"))?)?) ?tall", text("height")),
    Rule("be", "(?:an? )?(?:\\d|\\w+teen|\\w+ty)", _age),
    Rule("be", f"(?:(?!hardly|barely)(?:[a-z]+ly|now) )*(?P<v>{_STATES}\\b.*)$", _relationship),
    Rule("be", _PARENT, _parent),
    Rule("be", "", _without_determiner),
    Rule(
        "be",
        f"(?:an? |originally )?(?P<v>{any_of(NATIONALITIES)})(?: citizen| national)?(?: by "
        f"birth)?{_END}",
        text("nationality"),
    ),
    Rule("be", f"(?:an? )?(?:(?:type [12]|severely|mildly) )?(?P<v>{_ILL}){_END}", text("illness")),
    Rule("be", "(?P<v>(?:left|right)[- ]handed)", text("handedness")),
    Rule("be", "(?:also )?(?:fluent|bilingual|proficient) in (?P<v>.+)$", languages),
    Rule(
        "be",
        "an? (?:proud |active |longtime |founding )?member of (?:the |an? )?(?P<v>.+)$",
        place("membership"),
    ),
    Rule("be", "", _described),
    Rule("be", "(?P<v>retired|unemployed|self-employed)\\W*$", text("job")),
    Rule("be", "", _named),
    Rule("turn", "(?P<v>\\d.*)$", _turned, "past perfect"),
    Rule("be", "born (?:and raised )?(?:in|on|near) (?P<v>.+)$", _born, "past"),
    Rule("be", "raised in (?P<v>.+)$", place("hometown"), "past"),
    Rule("be", "(?:recently |just )?diagnosed with (?P<v>.+)$", illnesses, "past perfect"),
    Rule(
        "be",
        "(?:just |recently )?(?:promoted to|hired as|made|appointed(?: as)?) (?P<v>.+)$",
        job,
        "past perfect",
    ),
    Rule("be", "(?!(?:an? )?(?:in|at|on|to)\\b).*\\b(?:for|since)\\b", _perfect, "perfect"),
    Rule("grow", "up (?:in|near|on) (?P<v>.+)$", place("hometown"), "past"),
    Rule("come", "(?:originally )?from (?P<v>.+)$", place("hometown"), "present"),
    Rule("speak", "", languages, "present"),
    Rule("suffer", "from (?P<v>.+)$", illnesses),
    Rule(
        "have",
        f"(?:an? )?(?:{_SEVERITY} )*allerg(?:y|ies) to (?P<v>.+)$",
        items("allergy"),
        "present",
    ),
    Rule(
        "have",
        f"(?:an? )?(?:{_SEVERITY} )*(?P<v>(?!food\\b|any\\b|some\\b|no\\b|other\\b|several\\b|"
        f"many\\b)"
        r"[\w-]+(?: [\w-]+)?) allerg(?:y|ies)\b",
        items("allergy"),
        "present",
    ),
    Rule("have", "", illnesses, "present"),
    Rule("follow eat", f"(?:an? )?(?:strict )?(?P<v>{any_of(DIETS)}) diet", text("diet")),
)
BEING = Rules(PERSON)
