"""What people are: their names, ages, origins, homes, families, beliefs and health."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts import lexicon
from agentmem.facts.grammar.predicate import SPEAKER, Predicate
from agentmem.facts.grammar.readers import each, fact, job, place, text
from agentmem.facts.grammar.rule import DONE, END, EVER, Claim, Rule, Rules
from agentmem.facts.lexicon import RELATION, RELATIONS
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix, words
from agentmem.facts.values import date_in, is_common, listed, name_in, place_in

__all__ = ["BEING", "PERSON", "called", "languages"]

# --- Names ------------------------------------------------------------------------------------


def called(p: Predicate, rest: str, *, certain: bool = True) -> list[Claim]:
    """Take the name of the author, or of the relative that is spoken of."""
    name = name_in(rest, p.clause, certain=certain)
    if p.subject == SPEAKER:
        return fact(p, "name", name)
    relative = p.subject.split()[-1] in RELATIONS
    return [Claim(SPEAKER, (p.subject,), name)] if name and relative else []


def _named(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm Ada", "my boss is Petra"."""
    # "I'm Frank with people": after other words it may be no name.
    name = before(r",| (?:and|who|from|by the way|here|btw|again)\b", rest)
    return [] if p.plural or name.endswith("'s") else called(p, name, certain=False)


# --- Age, origin and home -----------------------------------------------------------------------

_TENS = any_of("twenty thirty forty fifty sixty seventy eighty ninety")
_UNITS = any_of("one two three four five six seven eight nine")
_OLD = r"[ -]?(?:years?[ -]olds?|y/?o|yrs? old)\b"
_AGE = pattern(
    rf"(?:an? )?(?P<age>\d{{1,3}}|{_TENS}(?:[- ]{_UNITS})?|eighteen|nineteen)"
    rf"(?:(?P<unit>{_OLD})(?P<more> [a-z].*)?|(?: now| today| already)?[ .!,]*$)"
)
_TURNED = pattern(r"(?P<age>\d{1,3})\b(?! ?(?:degrees|pages|\w+s\b)|.*\b(?:ago|in (?:19|20)))")


def _age(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm 30", "I just turned 30", "I'm a 30-year-old nurse"."""
    match = (_AGE if p.verb == "be" else _TURNED).match(rest)
    if match is None or (match["age"].isdigit() and not 3 <= int(match["age"]) <= 115):
        return []
    more = match.groupdict().get("more")
    return fact(p, "age", match["age"]) + (job(p, more) if more else [])


_YEAR = pattern(r"(?:(?P<month>[a-z]+) )?(?P<year>(?:19|20)\d\d)\b")


def _born(p: Predicate, rest: str) -> list[Claim]:
    """ "on 3 May in Rome", "in Rome in 1990"."""
    rest = strip_prefix(r" ?,? ?(?:in|on|near) ", rest)
    if date := date_in(rest):
        where = strip_prefix(",? in ", rest.partition(date)[2])
        return fact(p, "birthday", date) + place("birthplace")(p, where)
    if year := _YEAR.match(rest):
        return fact(p, "birthday" if year["month"] else "birth year", year.group())
    match = place_in(rest, p.clause)
    return fact(p, "birthplace", match[0]) + _born(p, match[1]) if match else []


_home = place("home")
_STREET = re.compile(
    r"(?P<street>(?:\d+\w? )?[A-Z][\w.-]+(?: [A-Z][\w.-]+)* \d+\w?|"
    r"\d+\w? [A-Z][\w.-]+(?: [A-Z][\w.-]+)*)(?: in (?P<city>.+)|, (?P<also>[A-Z].+)|$)"
)


def _lives(p: Predicate, rest: str) -> list[Claim]:
    street = _STREET.match(rest)
    if street is None:
        return _home(p, rest)
    city = street["city"] or street["also"]
    return fact(p, "address", street["street"]) + (_home(p, city) if city else [])


_SECOND_HOME = pattern(
    r"(?P<kind>(?:holiday|vacation|summer|weekend|second|beach|winter|lake) "
    "(?:home|house|cottage|apartment|flat|place)|beachhouse|cabin|cottage|summerhouse|condo) "
    "(?:in|on|near|at) (?P<where>.+)$"
)


def _second_home(p: Predicate, rest: str) -> list[Claim]:
    """ "We have a holiday home in Crete"."""
    match = _SECOND_HOME.match(rest)
    return place(match["kind"].lower())(p, match["where"]) if match else []


# --- Relationship, belief, health -----------------------------------------------------------------

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
    to = re.match(r" to (?P<v>[A-Z][^\s,]*(?: (?!I )[A-Z][^\s,]*){0,3})", more)
    name = name_in(to["v"], p.clause, certain=False) if to else None
    if name and p.subject == SPEAKER:
        claims += fact(p, "partner" if state.lower() == "engaged" else "spouse", name)
    return claims


_CHILDREN = pattern(
    r".*?\b(?:of|to) (?P<v>(?:two|three|four|five|six|\d)(?: (?:kids|children|boys|girls|sons|"
    r"daughters))?|an? (?:son|daughter|boy|girl))\b"
)


def _parent(p: Predicate, rest: str) -> list[Claim]:
    """ "I'm a single mother of two"."""
    claims = fact(p, "relationship", "single") if rest.startswith("single ") else []
    children = _CHILDREN.match(rest)
    return claims + fact(p, "children", children["v"] if children else None)


# "I'm allergic to mornings" and "to stupidity" are jokes.
_NO_ALLERGY = words("them it work mornings mondays drama nonsense people everything")


def _allergies(p: Predicate, rest: str) -> list[Claim]:
    """Take each item of an enumeration, up to the first that is longer than four words."""
    claims: list[Claim] = []
    for each_item in listed(before(END, rest)):
        item = strip_prefix("(?:an?|the|any kind of|any|all) ", each_item)
        parts = item.lower().split()
        if not 1 <= len(parts) <= 4 or any(map(is_common, parts)):
            break
        if parts[0] in _NO_ALLERGY or parts[-1].endswith("ity"):
            break
        claims += fact(p, "allergy", item)
    return claims


_illnesses = each(
    "illness",
    lexicon.ILLNESSES,
    "(?:an?|mild|severe|chronic|seasonal|bad|terrible|really bad|frequent) ",
)
languages = each(
    "language",
    lexicon.LANGUAGES,
    "(?:very |really |quite |pretty |some |my native |native |good |fluently |fluent |basic |"
    "little )+",
)


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
_END = rf"(?= (?:and|living|originally)\b|{END}|\W*$)"
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
_NATION = any_of(lexicon.NATIONALITIES)
_BORN = f"(?:an? |originally )?(?P<v>{_NATION})(?: citizen| national)?(?: by birth)?"
_RELIGION = any_of(lexicon.RELIGIONS - {"orthodox"})
_HOW = (
    r"(?:(?:right|alone|together|happily|out|up|down|over|here|now|full-time|permanently|"
    r"all alone|with (?:my|our) (?:[\w-]+ ){1,5}?) ?)*"
)
# "I live on coffee" names no place.
_IN = r"(?:(?:in|at|near|outside(?: of)?) |on (?=the |(?-i:[A-Z\d])))"
_WAY = any_of("back over out here up down away again just recently house homes")
_TO = f"(?:(?:{_WAY}|from .{{2,30}}?) )*(?:to|into) "

# fmt: off
PERSON = (
    Rule("be", "(?:called|named|known as) ...", called),
    Rule("be", "(?:originally |actually )?from ...", place("hometown")),
    Rule("be", f"{_BASED}...", _home),
    Rule("be", "(?:(?:[a-z]+ly|very|also|a bit|quite) )*allergic to ...", _allergies),
    Rule("be", "(?P<v>lactose|gluten|fructose|histamine)[ -]intolerant", text("intolerance")),
    Rule("be", f"{_STRICT}(?P<v>{any_of(lexicon.DIETS)})s?(?: diet)?{_END}", text("diet")),
    Rule("be", _TALL, text("height")),
    Rule("be", r"(?:an? )?(?:\d|\w+teen|\w+ty)", _age),
    Rule("be", rf"(?:(?!hardly|barely)(?:[a-z]+ly|now) )*(?P<v>{_STATES}\b.*)$", _relationship),
    Rule("be", "an? (?P<v>(?:[a-z]+ )?(?:mother|mom|mum|father|dad|parent).*)$", _parent),
    Rule("be", rf"(?:(?:an?|the|my|our|his|her|this|that) )?(?P<v>{_RELIGION})\W*$",
         text("religion")),
    Rule("be", f"{_BORN}{_END}", text("nationality")),
    Rule("be", f"(?:an? |type [12] |severely |mildly )*(?P<v>{_ILL}){_END}", text("illness")),
    Rule("be", "(?P<v>(?:left|right)[- ]handed)", text("handedness")),
    Rule("be", "(?:also )?(?:fluent|bilingual|proficient) in ...", languages),
    Rule("be", f"{_MEMBER}...", place("membership")),
    Rule("be", "", _described),
    Rule("be", r"(?P<v>retired|unemployed|self-employed)\W*$", text("job")),
    Rule("be", "", _named),
    Rule("be", "born (?:and raised )?(?=in |on |near )...", _born, "past"),
    Rule("be", "raised in ...", place("hometown"), "past"),
    Rule("be", "diagnosed with ...", _illnesses, DONE),
    Rule("be", "(?:promoted to|hired as|made|appointed(?: as)?) ...", job, DONE),
    Rule("be", r"(?!(?:an? )?(?:in|at|on|to)\b).*\b(?:for|since)\b", _still, "lasting"),
    Rule("turn", r"(?P<v>\d.*)$", _age, DONE),
    Rule("grow", "up (?:in|near|on) ...", place("hometown"), "past"),
    Rule("come", "from ...", place("hometown"), "present"),
    Rule("speak", "", languages, "present"),
    Rule("suffer", "from ...", _illnesses),
    Rule("have", f"{_BAD}allerg(?:y|ies) to ...", _allergies, "present"),
    Rule("have", rf"{_BAD}(?P<v>{_SOME}[\w-]+(?: [\w-]+)?) allerg(?:y|ies)\b", _allergies,
         "present"),
    Rule("have", "", _illnesses, "present"),
    Rule("follow eat", f"(?:an? )?(?:strict )?(?P<v>{any_of(lexicon.DIETS)}) diet", text("diet")),
    Rule("live reside", f"{_HOW}{_IN}...", _lives, EVER),
    # "I moved to Rome" is a home, "I moved to Rome in 2003" may be a former one.
    Rule("move", rf"(?!.*\b(?:in (?:19|20)\d\d|when|as a)\b){_TO}(?P<v>[^,]+)", _home, "past"),
    Rule("move", rf"{_TO}(?P<v>[^,]+)", _home, "perfect lasting"),
    Rule("settle", "(?:down )?(?:in|into) ...", _home, DONE),
    Rule("have own", "an? ...", _second_home, "present lasting"),
    Rule("buy", "an? ...", _second_home, DONE),
)
# fmt: on
BEING = Rules(PERSON)
