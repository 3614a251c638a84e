"""What "my sister Ania", "my dog" and "my 2018 Honda" say in passing: that there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentmem.facts import lexicon
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.possessions import car, device, kind_of_pet, named_pets
from agentmem.facts.grammar.predicate import OVER, SPEAKER, Predicate
from agentmem.facts.grammar.pursuits import liked
from agentmem.facts.grammar.readers import employer, job, place, text
from agentmem.facts.grammar.rule import Claim, Rule
from agentmem.facts.lexicon import PET, RELATION, RELATIONS, TITLE, TOLD_APART
from agentmem.facts.patterns import any_of, pattern
from agentmem.facts.values import listed, name_in

__all__ = ["mentioned", "mentioned_in_sentence"]

_GONE = pattern(
    r"\b(?:sold|scrapped|selling|gave away|gave (?:my|our|the) .+ (?:to|away)|given away|got rid|"
    r"crashed|stolen|donated|traded|rehomed|died|passed away|is dead|ran away|broke up|split up|"
    r"divorced|dumped|was put|put (?:him|her|it) down|lost|left me|used to)\b"
)
_FORMER = pattern(
    r"(?:an?|the|that|this)\b|"
    r".*\b(?:ex|late|former|old|previous|future|imaginary|fictional|childhood|first|next|dream|"
    r"last)\b[ -](?:\w+ )?(?:husband|wife|girlfriend|boyfriend|dog|cat|job|role|position|car|"
    r"apartment|house)|.*\bno longer\b|.*\bn't have\b|.*\bno (?:dog|cat|kids|children)"
)
_PAST = pattern(r"\b(?:was|were|had|sold|left|quit)\b")


def mentioned(clause: str, *, passing: bool) -> Iterator[Claim]:
    """Yield what a clause presupposes.

    Args:
        passing: whether the clause is about a limited time, so that only people and things count.
    """
    mine = pattern(r"\b(?:my|our)\b").search(clause)
    if not mine or clause.isupper() or OVER.search(clause) or _GONE.search(clause):
        return
    yield from _relatives(clause)
    yield from _pets(clause)
    if _FORMER.match(clause):
        return
    past = passing or _PAST.search(clause)
    p = Predicate(SPEAKER, "", clause, clause)
    for rule in _THINGS if past else (*_THINGS, *_CIRCUMSTANCES):
        yield from rule.claims(p)


# --- People and pets --------------------------------------------------------------------------

_NAME = r"[A-Z\u00c0-\u00de][a-z\u00df-\u00ff'-]+"
_TITLE = re.compile(rf"\b{TITLE}\.? ")
_RELATIVE = re.compile(
    rf"(?<!called )(?<!named )\b(?:[Mm]y|[Oo]ur) (?P<which>(?:(?:{TOLD_APART}|new|good|dear)[ -])*)"
    rf"(?P<relation>{RELATION}),? "
    rf"(?P<name>(?:{_TITLE.pattern})?{_NAME}(?: (?:van |von |de |der )*{_NAME})?)(?!\w)"
)
_PET_NAMED = re.compile(
    r"\b(?:[Mm]y|[Oo]ur) (?!(?:[a-z]+ )?(?:hot|stuffed|toy|robot)\b)(?:[a-z]+ ){0,2}?"
    rf"(?P<kind>{PET}),? (?P<names>[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?:(?:, | and |, and )"
    r"[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?!'| [A-Z]))*)(?!\w|'\w)"
)
_NO_NAMES = ("Mode", "Day", "Days", "Group", "Office", "Who", "That", "Is", "In", "On")


def _relatives(clause: str) -> Iterator[Claim]:
    for match in _RELATIVE.finditer(clause):
        # "My girlfriend, Toby and I" are three.
        several = pattern("$| and (?:i|me|my|his|her)\\b").match(clause[match.end() :])
        if "," in match.group() and not match.start() and several:
            continue
        name = re.sub(r"'s?$", "", match["name"])
        which = re.sub(r"\b(?:new|good|dear)[ -]", "", match["which"].lower())
        relation = which + match["relation"].lower()
        named = name.split()[0] not in _NO_NAMES and not relation.startswith("ex")
        if named and name_in(_TITLE.sub("", name), clause, certain=False):
            yield Claim(SPEAKER, (relation,), name)
    for match in _FAMILY.finditer(clause) if not _FORMER.match(clause) else ():
        yield Claim(SPEAKER, ("family",), match["v"])


_CLOSE = any_of("""
    husband wife fianc\u00e9 fianc\u00e9e fiance fiancee girlfriend boyfriend son sons daughter
    daughters kids children sister sisters brother brothers twins grandson granddaughter grandkids
    grandchildren niece nephew cousin cousins aunt uncle
""")
_FAMILY = pattern(
    rf"\b(?:my|our) (?P<v>(?:(?:{TOLD_APART}|baby|[\w-]+-(?:old|month-old)|\d+ (?:year|month) old|"
    rf"two|three|four|five)[ -])*{_CLOSE})\b(?! (?:of|in (?:christ|arms))\b|-)"
    r"(?!'s? (?:ex|old|former|late)\b| (?:and i )?(?:died|passed|has died|left|split))"
)
_MY_PET = pattern(
    rf"\b(?:my|our) (?:(?!{PET}\b)(?:new|old|little|beloved|two|three|four|five|senior|young|"
    rf"rescue|black|white|elderly|\d+) )*(?P<v>{PET})\b(?! {lexicon.NO_PET_BUT}\b|-)"
    r"(?! (?:died|passed|ran away|is dead|has died)|'s? (?:death|grave|ashes))"
)


def _pets(clause: str) -> Iterator[Claim]:
    for match in _PET_NAMED.finditer(clause):
        names = [n for n in listed(match["names"]) if n not in _NO_NAMES]
        names = [n for n in names if name_in(n, clause, certain=False)]
        yield from named_pets(names, kind_of_pet(match["kind"].lower()))
    for match in _MY_PET.finditer(clause) if not _FORMER.match(clause) else ():
        if match["v"].lower() not in lexicon.AMBIGUOUS_PETS:
            yield Claim(SPEAKER, ("pet",), match["v"])


# --- Things and circumstances -----------------------------------------------------------------

_OWN = r".*?\bmy (?:new |trusty |trusty old |beloved |own |current )*"
_WHICH = r".*?\bmy (?:new |own |current |full-time |part-time |day )*"
_CLUB = (
    "(?:hiking|running|book|chess|cycling|tennis|photography|walking|gardening|ski|rowing|drama|"
    "writing|sewing|knitting|board game|swim|dance|debate) (?:club|group|team)"
)
_MY_CAR = (
    rf"{_OWN}(?P<v>(?:(?:19|20)\d\d )?{lexicon.CAR}\b(?: (?:(?-i:[A-Z0-9])[\w-]*))*+)(?![\w-])"
    r"(?! (?:club|dealer\w*|amp|guitar|keyboard|bike|jacket|shirt|watch|perfume))"
)
_MY_DEVICE = (
    rf"(?!.*(?:upgrade from|replac)){_OWN}(?P<v>(?:(?-i:[A-Z])[\w.-]* ){{0,2}}?{lexicon.DEVICE}\b"
    r"(?: (?:(?-i:[A-Z0-9])[\w-]*|pro|max|mini|plus))*+)(?![\w-])(?! (?:app|account|case|game|"
    "store|subscription|stand|bag|gift|controller|band|group|community|games|library|collection|"
    r"screen|charger|battery|data|scale|binoculars|lens)\b)"
)
_ROOMS = (
    r".*?\bmy (?:new |own |current |little |small |tiny |one-bedroom |two-bedroom |studio )*"
    "(?:apartment|house|home|flat|condo|place|studio)"
)
# fmt: off
_THINGS = (
    Rule("", rf".*?\bmy (?:local |new )*(?P<v>{_CLUB})\b", text("membership")),
    Rule("", r".*?\bmy (?!(?:new|other|favou?rite|main|old) )(?P<v>[\w-]+(?: [\w-]+)?) hobby\b",
         text("hobby")),
    Rule("", r".*?\bmy (?:love (?:of|for)|passion for) (?P<v>[\w-]+(?: [\w-]+)?)", liked),
    Rule("", _MY_CAR, car),
    Rule("", _MY_DEVICE, device),
)
_CIRCUMSTANCES = (
    Rule("", rf"{_ROOMS} in (?P<v>(?:the )?(?-i:[A-Z]).*)$", place("home")),
    Rule("", rf"{_WHICH}(?:role|job|position|work|career) as (?P<v>(?:an?|the) .+)$", job),
    Rule("", rf"{_WHICH}(?:job|role|position) at (?P<v>(?-i:[A-Z])[\w&. -]+)", employer),
)
# fmt: on

# --- Whole sentences --------------------------------------------------------------------------

# "I saw Tamar, my new dentist, today". Elsewhere the name before may be whoever is addressed, a
# place or an exclamation ("Thanks Mia, my son loved it"), and what follows may be a list.
_NOT_ONE = any_of((*lexicon.UNNAMED_MANY, "assistant"))
_KEPT = r"(?!late|former|previous|old|first|childhood|favou?rite|imaginary|toy|stuffed)(?:\w+ )??"
_MEETING = (
    r"\b(?:with|met|meet|meeting|saw|ask|asked|asking|phoned|texted|emailed|hired|thanked|"
    r"(?:\b(?:I|we|We|just|to|and) )called|(?:treated|examined|seen|taught|coached|hired|made|"
    r"written|given|recommended|raised|helped) by)"
)
_KEEPING = (
    r"\b(?:with|by|(?<!left )(?<!leave )for|about|met|meet|saw|see|walk|walked|walking|took|take|"
    "taking|feed|fed|feeding|adopted|brought|brushed|bathed|groomed|love|miss|called|(?:give|gave|"
    r"giving|feed|fed|read|talk|sing) (?:\w+ ){0,4}to|(?:photos?|pictures?|pics?|videos?|care) of)"
)
_AFTERWARDS = (
    r"(?=[.!?]|$|, (?:yesterday|today|tonight|tomorrow|last|this|for|from|at|in|on|about|because|"
    r"since|when|while|but|so|to)\b)"
)
_APPOSED_RELATIVE = re.compile(
    rf"{_MEETING} (?P<name>(?:{_TITLE.pattern})?{_NAME}(?: {_NAME})?), (?:my|our) (?:new )?"
    # "I agree with Tom, my son."
    rf"(?!{_NOT_ONE}\b|(?:son|brother)(?:[.!?]|$))"
    rf"(?P<relation>(?:{TOLD_APART}[ -])*{RELATION}){_AFTERWARDS}"
)
_APPOSED_PET = re.compile(
    rf"(?:{_KEEPING} |(?P<subject>, (?:and|but) ))(?P<name>{_NAME}(?: {_NAME})?), (?:my|our) "
    rf"(?:new )?{_KEPT}(?P<kind>(?i:{PET}))"
    rf"(?(subject)(?=, (?:is|has|had|can|loves|likes|got|just)\b)|{_AFTERWARDS})"
)
_WHERE_I_LIVE = re.compile(
    r".*?\b(?:in|at) (?P<v>[A-Z][\w' -]+), (?:since |because |as |and )?"
    r"(?:that's|that is|which is) where (?:I|we) live\b"
)
_AS_A = pattern(
    r"\s*as (?![\w' -]*\b(?:kid|child|student|teenager|beginner|result|side note|newbie|bonus|"
    r"language model|ai)\b)"
    r"(?P<v>an? [\w' -]{3,50}?)(?: (?:at|for|in|with|who|myself)\b[^,]*)?, (?:i|my|i'm|i've)\b"
)
_ROLES = ("job", "diet", "religion", "nationality", "relationship", "illness")


def mentioned_in_sentence(sentence: str) -> Iterator[Claim]:
    """Yield what a sentence says across its clauses: "As a software engineer, I ..."."""
    if not _GONE.search(sentence):
        yield from _apposed(sentence)
    if home := _WHERE_I_LIVE.match(sentence):
        yield from place("home")(Predicate(SPEAKER, "be", "", sentence), home["v"])
    if role := _AS_A.match(sentence):
        yield from BEING.of(Predicate(SPEAKER, "be", role["v"], sentence), _ROLES)


def _apposed(sentence: str) -> Iterator[Claim]:
    for match in _APPOSED_RELATIVE.finditer(sentence):
        if _is_name(match["name"], sentence):
            yield Claim(SPEAKER, (match["relation"],), match["name"])
    for match in _APPOSED_PET.finditer(sentence):
        if _is_name(match["name"], sentence):
            yield from named_pets([match["name"]], match["kind"].lower())


def _is_name(name: str, sentence: str) -> bool:
    # "I came with Mom, my sister": of two people.
    other = name.lower() in lexicon.SOFTWARE | RELATIONS
    return not other and name_in(_TITLE.sub("", name), sentence, certain=False) is not None
