"""What "my sister Ania", "my dog" and "my 2018 Honda" say in passing: that there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.family import kind_of_pet, named_pets
from agentmem.facts.grammar.patterns import CAR, DEVICE, PET, RELATION, any_of, pattern, words
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import OVER, Predicate
from agentmem.facts.grammar.pursuits import liked
from agentmem.facts.grammar.rule import employer, fact, job, place
from agentmem.facts.grammar.things import car
from agentmem.facts.values import listed, name_in

__all__ = ["mentioned", "mentioned_in_sentence"]

_NAME = r"[A-Z\u00c0-\u00de][a-z\u00df-\u00ff'-]+"
_KIN = (
    r"(?P<modifier>(?:(?:older|elder|younger|big|little|twin|other|best|half|step|new|good|dear|"
    rf"oldest|youngest|eldest)[ -])*)(?P<relation>{RELATION})"
)
_RELATIVE = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur) {_KIN},? (?P<name>(?:(?:Dr|Mr|Mrs|Ms)\.? )?{_NAME}"
    rf"(?: (?:van |von |de |der )*{_NAME})?)(?!\w)"
)
_PET_NAMED = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur) (?P<adjectives>(?:[a-z]+ ){{0,2}}?)(?P<kind>{PET}),? "
    r"(?P<names>[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?:(?:, | and |, and )"
    r"[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?!'| [A-Z]))*)(?!\w|'\w)"
)
_NOT_SOMEBODY = words(
    "Facebook Google Zoom Mode Day Days Group Slack Skype Whatsapp Instagram Netflix Office Who "
    "That Is In On"
)
_GONE = pattern(
    r"\b(?:sold|scrapped|selling|gave away|gave (?:my|our|the) .+ to|given away|got rid|crashed|"
    r"stolen|donated|traded|rehomed|died|"
    r"passed away|is dead|ran away|broke up|split up|divorced|dumped|was put|put (?:him|her|it) "
    r"down|"
    r"lost|left me|used to)\b"
)
_FORMER = pattern(
    r"\b(?:ex|late|former|old|previous|future|imaginary|fictional|childhood|first|next|dream|"
    r"last)\b"
    r"[ -](?:\w+ )?(?:husband|wife|girlfriend|boyfriend|dog|cat|job|role|position|car|apartment|"
    r"house)|"
    r"\bno longer\b|\bn't have\b|\bno (?:dog|cat|kids|children)"
)


def mentioned(text: str, *, passing: bool) -> Iterator[Claim]:
    """Yield what a clause presupposes.

    Args:
        passing: whether the clause is about a limited time, so that only people and things count.
    """
    if text.isupper() or OVER.search(text) or _GONE.search(text):
        return
    yield from _relatives(text)
    yield from _pets(text)
    if re.match(r"(?:an?|the|that|this)\b", text, re.IGNORECASE) or _FORMER.search(text):
        return
    yield from _family(text)
    yield from _things(text)
    if not passing and not re.search(r"\b(?:was|were|had|sold|left|quit)\b", text, re.IGNORECASE):
        yield from _home_and_work(text)


def _relatives(text: str) -> Iterator[Claim]:
    for found in _RELATIVE.finditer(text):
        after = text[found.end() :]
        # "My girlfriend, Toby and I" are three.
        if (
            "," in found.group()
            and not found.start()
            and re.match(r"$| and (?:i|me|my|his|her)\b", after, re.IGNORECASE)
        ):
            continue
        name = re.sub(r"'s?$", "", found["name"])
        if name.split()[0] in _NOT_SOMEBODY or not name_in(
            name.replace(".", ""), text, certain=False
        ):
            continue
        modifier = re.sub(r"\b(?:new|good|dear)\b[ -]", "", found["modifier"].lower())
        relation = (modifier + found["relation"].lower()).strip()
        if not relation.startswith("ex"):
            yield Claim(SPEAKER, (relation,), name)


def _pets(text: str) -> Iterator[Claim]:
    for found in _PET_NAMED.finditer(text):
        if not re.search(r"hot|stuffed", found["adjectives"]):
            names = [
                n
                for n in listed(found["names"])
                if n not in _NOT_SOMEBODY and name_in(n, text, certain=False)
            ]
            yield from named_pets(names, kind_of_pet(found["kind"].lower()))


_AGED = (
    r"(?:(?:older|elder|younger|twin|eldest|youngest|oldest|little|big|baby|[\w-]+-(?:old|"
    r"month-old)|"
    r"\d+ (?:year|month) old|two|three|four|five|step)[ -])*"
)
_CLOSE = any_of(
    """
    husband wife fianc\u00e9 fianc\u00e9e fiance fiancee girlfriend boyfriend son sons daughter
    daughters kids children sister sisters brother brothers twins grandson granddaughter grandkids
    grandchildren niece nephew cousin cousins aunt uncle
    """
)
_FAMILY = pattern(
    rf"\b(?:my|our) (?P<v>{_AGED}{_CLOSE})\b(?P<own>'s?)?(?! (?:of|in (?:christ|arms))\b|-)"
)
_NO_PET_BUT = any_of(
    """
    food bed toy toys park house sitter walker plant plants show in_me day days allergy tree clip
    shed hat play video feeder bath sculpture statue costume painting figure
    """
)
_MY_PET = pattern(
    rf"\b(?:my|our) (?:(?!{PET}\b)(?:new|old|little|beloved|two|three|four|five|senior|young|"
    rf"rescue|"
    rf"black|white|elderly|\d+) )*(?P<v>{PET})\b(?! {_NO_PET_BUT}\b|-)"
)
_AMBIGUOUS = words(
    "fish chicken chickens mouse mice boxer pointer setter bird lab shepherd rat rats goat persian "
    "turkey snake whippet"
)
_DEAD = pattern(r" (?:died|passed|ran away|is dead|has died)|'s? (?:death|grave|ashes)")


def _family(text: str) -> Iterator[Claim]:
    for found in _FAMILY.finditer(text):
        after = text[found.end() :]
        former = found["own"] and re.match(r" (?:ex|old|former|late)\b", after)
        if not former and not re.match(
            r" (?:and i )?(?:died|passed|has died|left|split)", after, re.IGNORECASE
        ):
            yield Claim(SPEAKER, ("family",), found["v"])
    for found in _MY_PET.finditer(text):
        if found["v"].lower() not in _AMBIGUOUS and not _DEAD.match(text[found.end() :]):
            yield Claim(SPEAKER, ("pet",), found["v"])


_CLUB = pattern(
    r"\bmy (?:local |new )*(?P<v>(?:hiking|running|book|chess|cycling|tennis|photography|walking|"
    r"gardening|ski|rowing|drama|writing|sewing|knitting|board game|swim|dance|debate) "
    r"(?:club|group|team))\b"
)
_HOBBY = pattern(
    r"\bmy (?!new |other |favou?rite |main |only |old )(?P<v>[\w-]+(?: [\w-]+)?) hobby\b"
)
_LOVE = pattern(r"\bmy (?:love (?:of|for)|passion for) (?P<v>[\w-]+(?: [\w-]+)?)")
_OWN = r"\b[Mm]y (?:new |trusty |trusty old |beloved |own |current )*"
_CAR = re.compile(
    rf"{_OWN}(?P<v>(?:(?:19|20)\d\d )?(?i:{CAR})\b(?: (?:[A-Z0-9][\w-]*))*)(?![\w-])"
    r"(?! (?:club|dealer\w*|amp|guitar|keyboard|bike|jacket|shirt|watch|perfume))"
)
_NO_DEVICE_BUT = any_of(
    """
    app account case game store subscription stand bag gift controller band group community games
    library collection screen charger battery data scale binoculars lens
    """
)
_DEVICE = re.compile(
    rf"{_OWN}(?P<v>(?:[A-Z][\w.-]* ){{0,2}}?(?i:{DEVICE})\b(?: (?:[A-Z0-9][\w-]*|pro|max|mini|"
    rf"plus))*+)"
    rf"(?![\w-])(?! {_NO_DEVICE_BUT}\b)"
)
_UNNAMED_DEVICE = words("switch surface galaxy pixel garmin fitbit")


def _things(text: str) -> Iterator[Claim]:
    me = Predicate(SPEAKER, "have", "", text)
    for said, name in ((_CLUB, "membership"), (_HOBBY, "hobby")):
        for found in said.finditer(text):
            yield from fact(me, name, found["v"])
    for found in _LOVE.finditer(text):
        yield from liked(me, found["v"])
    for found in _CAR.finditer(text):
        yield from car(me, f"my {found['v']}")
    for found in _DEVICE.finditer(text):
        value = found["v"].lower()
        unnamed = value in _UNNAMED_DEVICE or value.startswith(("laptop", "dslr"))
        if not unnamed and not re.search("upgrade from|replac", text):
            yield Claim(SPEAKER, ("device",), found["v"])


_HOME = re.compile(
    r"\b[Mm]y (?:new |own |current |little |small |tiny |one-bedroom |two-bedroom |studio )*"
    r"(?:apartment|house|home|flat|condo|place|studio) in (?P<v>(?:the )?[A-Z].*)$"
)
_WHICH_JOB = r"\bmy (?:new |current |full-time |part-time |day )*"
_ROLE = pattern(rf"{_WHICH_JOB}(?:role|job|position|work|career) as (?P<v>(?:an?|the) .+)$")
_JOB_AT = pattern(rf"{_WHICH_JOB}(?:job|role|position) at (?P<v>(?-i:[A-Z])[\w&. -]+)")


def _home_and_work(text: str) -> Iterator[Claim]:
    me = Predicate(SPEAKER, "have", "", text)
    for said, read in ((_HOME, place("home")), (_ROLE, job), (_JOB_AT, employer)):
        if found := said.search(text):
            yield from read(me, found["v"])


# --- Whole sentences --------------------------------------------------------------------------

_NAMED_MY_PET = re.compile(rf"\b(?P<name>[A-Z][a-z]+), (?:my|our) (?:\w+ )??(?P<kind>(?i:{PET}))\b")
_WHERE_I_LIVE = re.compile(
    r"\b(?:in|at) (?P<v>[A-Z][\w' -]+), (?:since |because |as |and )?"
    r"(?:that's|that is|which is) where (?:I|we) live\b"
)
_AS_A = pattern(
    r"as (?P<v>an? [\w' -]{3,50}?)(?: (?:at|for|in|with|who|myself)\b[^,]*)?, (?:i|my|i'm|i've)\b"
)
_NO_ROLE = pattern(
    r".*\b(?:kid|child|student|teenager|beginner|result|side note|newbie|bonus|language model|ai)\b"
)
_ROLES = ("job", "diet", "religion", "nationality", "relationship", "illness")


def mentioned_in_sentence(sentence: str) -> Iterator[Claim]:
    """Yield what a sentence says across its clauses: "As a software engineer, I ..."."""
    for pet in _NAMED_MY_PET.finditer(sentence):
        if name_in(pet["name"], sentence, certain=False):
            yield from named_pets([pet["name"]], pet["kind"].lower())
    me = Predicate(SPEAKER, "be", "", sentence)
    if home := _WHERE_I_LIVE.search(sentence):
        yield from place("home")(me, home["v"])
    role = _AS_A.match(sentence.lstrip())
    if role and not _NO_ROLE.match(role["v"]):
        yield from BEING.of(Predicate(SPEAKER, "be", role["v"], sentence), _ROLES)
