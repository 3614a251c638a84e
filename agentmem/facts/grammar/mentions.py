"""What "my sister Ania", "my dog" and "my 2018 Honda" say in passing: that there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.possessions import (
    AMBIGUOUS_PETS,
    NO_DEVICE,
    NO_PET_BUT,
    car,
    kind_of_pet,
    named_pets,
)
from agentmem.facts.grammar.predicate import OVER, Predicate
from agentmem.facts.grammar.pursuits import liked
from agentmem.facts.grammar.rule import employer, fact, job, place, text
from agentmem.facts.lexicon import CAR, DEVICE, PET, RELATION
from agentmem.facts.patterns import any_of, pattern, words
from agentmem.facts.values import listed, name_in

__all__ = ["mentioned", "mentioned_in_sentence"]

_NAME = r"[A-Z\u00c0-\u00de][a-z\u00df-\u00ff'-]+"
_RELATIVE = re.compile(
    r"(?<!called )(?<!named )\b(?:[Mm]y|[Oo]ur) (?P<modifier>(?:(?:older|elder|younger|"
    r"big|little|twin|other|best|half|"
    rf"step|new|good|dear|oldest|youngest|eldest)[ -])*)(?P<relation>{RELATION}),? "
    rf"(?P<name>(?:(?:Dr|Mr|Mrs|Ms)\.? )?{_NAME}(?: (?:van |von |de |der )*{_NAME})?)(?!\w)"
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
    r"stolen|donated|traded|rehomed|died|passed away|is dead|ran away|broke up|split up|divorced|"
    r"dumped|was put|put (?:him|her|it) down|lost|left me|used to)\b"
)
_FORMER = pattern(
    r"\b(?:ex|late|former|old|previous|future|imaginary|fictional|childhood|first|next|dream|"
    r"last)\b[ -](?:\w+ )?(?:husband|wife|girlfriend|boyfriend|dog|cat|job|role|position|car|"
    r"apartment|house)|\bno longer\b|\bn't have\b|\bno (?:dog|cat|kids|children)"
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
    if pattern(r"(?:an?|the|that|this)\b").match(text) or _FORMER.search(text):
        return
    yield from _unnamed(text)
    past = pattern(r"\b(?:was|were|had|sold|left|quit)\b").search(text)
    for rest, read in _THINGS if passing or past else _THINGS + _CIRCUMSTANCES:
        for match in rest.finditer(text):
            yield from read(Predicate(SPEAKER, "have", "", text), match["v"])


def _relatives(text: str) -> Iterator[Claim]:
    for match in _RELATIVE.finditer(text):
        # "My girlfriend, Toby and I" are three.
        listed = "," in match.group() and not match.start()
        if listed and pattern("$| and (?:i|me|my|his|her)\\b").match(text[match.end() :]):
            continue
        name = re.sub(r"'s?$", "", match["name"])
        modifier = re.sub(r"\b(?:new|good|dear)\b[ -]", "", match["modifier"].lower())
        relation = (modifier + match["relation"].lower()).strip()
        named = name.split()[0] not in _NOT_SOMEBODY and not relation.startswith("ex")
        if named and name_in(name.replace(".", ""), text, certain=False):
            yield Claim(SPEAKER, (relation,), name)


def _pets(text: str) -> Iterator[Claim]:
    for match in _PET_NAMED.finditer(text):
        if not re.search(r"hot|stuffed", match["adjectives"]):
            rest = [n for n in listed(match["names"]) if n not in _NOT_SOMEBODY]
            names = [n for n in rest if name_in(n, text, certain=False)]
            yield from named_pets(names, kind_of_pet(match["kind"].lower()))


_CLOSE = any_of(
    """
    husband wife fianc\u00e9 fianc\u00e9e fiance fiancee girlfriend boyfriend son sons daughter
    daughters kids children sister sisters brother brothers twins grandson granddaughter grandkids
    grandchildren niece nephew cousin cousins aunt uncle
    """
)
_FAMILY = pattern(
    r"\b(?:my|our) (?P<v>(?:(?:older|elder|younger|twin|eldest|youngest|oldest|little|big|baby|"
    r"[\w-]+-(?:old|month-old)|\d+ (?:year|month) old|two|three|four|five|step)[ -])*"
    rf"{_CLOSE})\b(?! (?:of|in (?:christ|arms))\b|-)"
    r"(?!'s? (?:ex|old|former|late)\b| (?:and i )?(?:died|passed|has died|left|split))"
)
_MY_PET = pattern(
    rf"\b(?:my|our) (?:(?!{PET}\b)(?:new|old|little|beloved|two|three|four|five|senior|young|"
    rf"rescue|black|white|elderly|\d+) )*(?P<v>{PET})\b(?! {NO_PET_BUT}\b|-)"
    r"(?! (?:died|passed|ran away|is dead|has died)|'s? (?:death|grave|ashes))"
)


def _unnamed(text: str) -> Iterator[Claim]:
    for match in _FAMILY.finditer(text):
        yield Claim(SPEAKER, ("family",), match["v"])
    for match in _MY_PET.finditer(text):
        if match["v"].lower() not in AMBIGUOUS_PETS:
            yield Claim(SPEAKER, ("pet",), match["v"])


# --- Things and circumstances -----------------------------------------------------------------


def _my_car(p: Predicate, rest: str) -> list[Claim]:
    return car(p, f"my {rest}")


def _my_device(p: Predicate, rest: str) -> list[Claim]:
    unnamed = rest.lower() in NO_DEVICE or rest.lower().startswith(("laptop", "dslr"))
    return [] if unnamed or re.search("upgrade from|replac", p.clause) else fact(p, "device", rest)


_OWN = r"\b(?:my) (?:new |trusty |trusty old |beloved |own |current )*"
_NO_DEVICE_BUT = any_of(
    """
    app account case game store subscription stand bag gift controller band group community games
    library collection screen charger battery data scale binoculars lens
    """
)
_THINGS = tuple(
    (pattern(form), read)
    for form, read in (
        (r"\bmy (?:local |new )*(?P<v>(?:hiking|running|book|chess|cycling|tennis|photography|"
         r"walking|gardening|ski|rowing|drama|writing|sewing|knitting|board game|swim|dance|"
         r"debate) (?:club|group|team))\b", text("membership")),
        (r"\bmy (?!(?:new|other|favou?rite|main|old) )(?P<v>[\w-]+(?: [\w-]+)?) hobby\b",
         text("hobby")),
        (r"\bmy (?:love (?:of|for)|passion for) (?P<v>[\w-]+(?: [\w-]+)?)", liked),
        (rf"{_OWN}(?P<v>(?:(?:19|20)\d\d )?{CAR}\b(?: (?:(?-i:[A-Z0-9])[\w-]*))*)(?![\w-])"
         r"(?! (?:club|dealer\w*|amp|guitar|keyboard|bike|jacket|shirt|watch|perfume))", _my_car),
        (rf"{_OWN}(?P<v>(?:(?-i:[A-Z])[\w.-]* ){{0,2}}?{DEVICE}\b(?: (?:(?-i:[A-Z0-9])[\w-]*|pro|"
         rf"max|mini|plus))*+)(?![\w-])(?! {_NO_DEVICE_BUT}\b)", _my_device),
    )
)  # fmt: skip
_WHICH = r"\bmy (?:new |own |current |full-time |part-time |day )*"
_CIRCUMSTANCES = tuple(
    (pattern(form), read)
    for form, read in (
        (r"\bmy (?:new |own |current |little |small |tiny |one-bedroom |two-bedroom |studio )*"
         r"(?:apartment|house|home|flat|condo|place|studio) in (?P<v>(?:the )?(?-i:[A-Z]).*)$",
         place("home")),
        (rf"{_WHICH}(?:role|job|position|work|career) as (?P<v>(?:an?|the) .+)$", job),
        (rf"{_WHICH}(?:job|role|position) at (?P<v>(?-i:[A-Z])[\w&. -]+)", employer),
    )
)  # fmt: skip

# --- Whole sentences --------------------------------------------------------------------------

_NAMED_MY_PET = re.compile(rf"\b(?P<name>[A-Z][a-z]+), (?:my|our) (?:\w+ )??(?P<kind>(?i:{PET}))\b")
_WHERE_I_LIVE = re.compile(
    r"\b(?:in|at) (?P<v>[A-Z][\w' -]+), (?:since |because |as |and )?"
    r"(?:that's|that is|which is) where (?:I|we) live\b"
)
_AS_A = pattern(
    r"as (?![\w' -]*\b(?:kid|child|student|teenager|beginner|result|side note|newbie|bonus|"
    r"language model|ai)\b)"
    r"(?P<v>an? [\w' -]{3,50}?)(?: (?:at|for|in|with|who|myself)\b[^,]*)?, (?:i|my|i'm|i've)\b"
)
_ROLES = ("job", "diet", "religion", "nationality", "relationship", "illness")


def mentioned_in_sentence(sentence: str) -> Iterator[Claim]:
    """Yield what a sentence says across its clauses: "As a software engineer, I ..."."""
    for pet in _NAMED_MY_PET.finditer(sentence):
        if name_in(pet["name"], sentence, certain=False):
            yield from named_pets([pet["name"]], pet["kind"].lower())
    if home := _WHERE_I_LIVE.search(sentence):
        yield from place("home")(Predicate(SPEAKER, "be", "", sentence), home["v"])
    if role := _AS_A.match(sentence.lstrip()):
        yield from BEING.of(Predicate(SPEAKER, "be", role["v"], sentence), _ROLES)
