"""What ends: "I quit", "I sold the Volvo", "Tom the cat died", "I don't live there any more"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agentmem.facts.attributes import attribute_name
from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import DONE, Read, Rule, Rules, fact
from agentmem.facts.lexicon import MONTH, PET, RELATION, RELATIONS
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix
from agentmem.facts.values import listed, name_in, place_in

__all__ = ["denied", "ended", "gone"]

# The attributes that a verb of ending may end.
_WORK = ("employer", "job")
_THINGS = (
    "car", "motorcycle", "bike", "device", "computer", "phone", "home", "holiday home", "business",
    "pet",
)  # fmt: skip
_PURSUITS = ("sport", "instrument", "hobby", "likes", "learning", "favourite")
_SPOUSES = (
    "girlfriend", "boyfriend", "partner", "fiance", "fianc\u00e9", "fiancee", "fianc\u00e9e",
    "husband", "wife", "spouse",
)  # fmt: skip
_PARTNERS = (*_SPOUSES, "relationship")

# What is said of when and why does not belong to the thing.
_THING_END = (
    rf" (?:last|yesterday|today|this|ago|in (?:\d|{MONTH})|because|to (?:a|my|the|our)|"
    r"for (?:an?|good|\d|health)|on|after|when|since|and|two|three|a few|as|at|years?|so|but|"
    r"recently|now|completely|altogether|entirely|already|with|over|before|from|again)\b|[,.!]"
)
_LIST_END = (
    r" (?:last|yesterday|ago|in \d|because|after|when|since|years|for (?:good|health|lent)|two|"
    r"three|a few|recently)\b|[.!]"
)
_OWNED = (
    r"(?:(?:my|our|the) (?:old|beloved|dear|poor) |(?:my|our|the|an?|that|this|his|her|poor|old|"
    r"all) )"
)


def _end(subject: str, attributes: tuple[str, ...], value: str = "") -> list[Claim]:
    return [Claim(subject, attributes, value, ends=True)]


def _thing(text: str) -> str:
    """Return a thing without article, time and reason."""
    return strip_prefix(_OWNED, before(_THING_END, text.strip())).strip()


def _things(text: str) -> list[str]:
    return [thing for item in listed(before(_LIST_END, text)) if (thing := _thing(item))]


# --- How endings are read ---------------------------------------------------------------------


def _all(*attributes: str) -> Read:
    """End what there is of these attributes."""
    return lambda p, _: _end(p.subject, attributes)


def _one(*attributes: str, idle: str = "") -> Read:
    """End the value of these attributes that follows some idle words; all without a value."""
    return lambda p, text: _end(p.subject, attributes, _thing(strip_prefix(idle, text)))


def _each(*attributes: str) -> Read:
    """End each value of an enumeration."""
    return lambda p, text: [c for v in _things(text) for c in _end(p.subject, attributes, v)]


_JOB = pattern(r"(?:job|work|position|day job|company|old job|last job|previous job)\b")
_ING = pattern(r"(?P<verb>\w+ing)\b ?(?P<rest>.*)$")
# "I quit tennis", "I quit Northwind last week": one thing, or a name.
_ONE_THING = re.compile(
    r"(?:my|our|the|working|from|[A-Z])|\w*\W*$|[a-z]+ (?:last|yesterday|today|this)\b"
)


def _quit(p: Predicate, text: str) -> list[Claim]:
    ing = _ING.match(text)
    if ing and ing["verb"].lower() != "working":
        return _stopped(p, text)
    if not _ONE_THING.match(text):
        return []
    thing = _thing(strip_prefix("(?:from|working (?:at|for)) ", text))
    if not thing or _JOB.match(thing) or before(_THING_END, f" {text}") == "":
        return _end(p.subject, _WORK)
    if thing.lower() == "gym":
        return _end(p.subject, ("gym",))
    return _end(p.subject, ("employer", "gym", "membership", *_PURSUITS), thing)


# "I left Lidl at five" is the end of a day.
_FOR_TODAY = pattern(
    r"\b(?:early|late|at \w+|for (?:the day|lunch|today|home)|around|and went|before)\b"
)


def _left_place(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(text)
    if _FOR_TODAY.search(text) or thing.lower() == "work":
        return []
    if _JOB.match(thing):
        return _end(p.subject, _WORK)
    if not (name_in(thing, p.clause, certain=False) or place_in(thing, p.clause)):
        return []
    home = ("home",) if pattern(r"\bfor good\b").search(text) else ()
    return _end(p.subject, ("employer", "membership", *home), thing)


def _sold(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(
        strip_prefix("(?:away|rid of|in|off) ", before(" (?:away|off|in|up for adoption)\\b", text))
    )
    kind = {"motorbike": "motorcycle"}.get(thing.lower(), thing.lower())
    whole = _end(p.subject, (kind,)) if kind in ("car", "motorcycle", "business") else []
    return whole + _end(p.subject, _THINGS, thing) if thing else []


def _gave_up(p: Predicate, text: str) -> list[Claim]:
    return [
        claim
        for item in listed(before(_LIST_END, text))
        for claim in _stopped(p, item) or _end(p.subject, (*_PURSUITS, "diet"), _thing(item))
    ]


# "I stopped playing tennis" ends tennis, "I stopped running marathons" also running.
_LIGHT = any_of("playing drinking eating learning practicing doing taking studying speaking")


def _stopped(p: Predicate, text: str) -> list[Claim]:
    """ "I stopped working at Acme", "... being a vegan", "... playing tennis"."""
    ing = _ING.match(text)
    if ing is None:
        return []
    verb, rest = ing["verb"].lower(), ing["rest"]
    if verb == "working":
        return _one(*_WORK, idle="there|at |for |as ")(p, rest)
    if verb == "being":
        was = Predicate(p.subject, "be", rest, p.clause)
        return [replace(claim, ends=True) for claim in BEING.read(was)]
    if verb == "living":
        return _one("home", idle="(?:in|at) ")(p, rest)
    things = _things(strip_prefix("(?:the|to|as|for) ", rest))
    attributes = (*_PURSUITS, "diet", "language", "membership")
    claims = [c for thing in things or [verb] for c in _end(p.subject, attributes, thing)]
    light = not things or re.fullmatch(_LIGHT, verb)
    return claims if light else claims + _end(p.subject, _PURSUITS, verb)


def _divorced(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _SPOUSES) + fact(p, "relationship", "divorced")


def _died(p: Predicate, _: str) -> list[Claim]:
    return _dead(p.subject) if p.subject else []


# "My neighbour's dog Rex", "her cat".
_OF_OTHERS = pattern(r"(?:his|her|their|your)\b|.*\w(?:'s|s') \w")


def _dead(who: str) -> list[Claim]:
    """A relative or a pet: "Grandma", "my dear cat Tom", "Tom the cat"."""
    adjectives = "poor dear old beloved sweet little sadly unfortunately yesterday today"
    if _OF_OTHERS.match(who):
        return []
    text = strip_prefix(f"(?:(?:my|our|the) )?(?:{any_of(adjectives)} )*", who)
    text = before(r" (?:the|our|my) \w+$", text).strip(" ,")
    relation, _, name = text.partition(" ")
    relation = relation.lower()
    if relation in RELATIONS:
        subject = f"{relation} {name}".strip()
        return _end(SPEAKER, (relation,), name) + _end(subject, ())
    if not text:
        return []
    named = _end(SPEAKER, tuple(sorted(RELATIONS)), text) if text[0].isupper() else []
    return _end(SPEAKER, ("pet",), text) + named


# --- Whole clauses ----------------------------------------------------------------------------


def _lost(match: re.Match[str]) -> list[Claim]:
    if re.search(r"\bin (?:the|a) |\bfound\b", match.string):
        return []
    who = before(_THING_END, match["who"])
    if _JOB.match(strip_prefix(_OWNED, who)):
        return _end(SPEAKER, _WORK)
    mine = pattern("(?:my|our) ").match(who)
    if mine and not pattern(rf"\b(?:{PET}|{RELATION})\b").search(who):
        return _sold(Predicate(SPEAKER, "lose", who, who), who)
    return _dead(who)


def _no_longer_mine(match: re.Match[str]) -> list[Claim]:
    name = attribute_name(match["phrase"].lower())
    is_pet = pattern(PET).fullmatch(name.split()[-1])
    return _end(SPEAKER, ("pet",) if is_pet else (name,), match["value"])


def _left(match: re.Match[str]) -> list[Claim]:
    who = match["who"].split()[-1]
    return _end(SPEAKER, _PARTNERS) if who.islower() else _end(SPEAKER, _SPOUSES, who)


def _who_died(match: re.Match[str]) -> list[Claim]:
    return _dead(match["who"]) if len(match["who"].split()) <= 6 else []


_CONTACT = r"(?:[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d ()./-]{4,}\d)"
_WHOLE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[Claim]]], ...] = tuple(
    (pattern(form), read)
    for form, read in (
        (rf".*(?<![\w@.+-])(?<!\d )(?P<v>{_CONTACT}).*\b(?:no longer works?|(?:doesn't|does not) "
         r"work|is (?:dead|no longer (?:valid|active|in use))|isn't (?:valid|active)|stopped "
         r"working)\b",
         lambda match: _end(SPEAKER, (), match["v"])),
        (r"(?:i|we) (?:had to |have to )?put (?P<who>.+?) (?:down|to sleep)\b", _who_died),
        (r"(?:i|we)(?: have|'ve)?(?: just| sadly| also| recently)? lost "
         r"(?P<who>(?:(?:my|our) .+|(?-i:[A-Z])\w+))", _lost),
        (r"(?P<value>.+?) (?:is no longer|are no longer|is not|are not|isn't|aren't) (?:my|our) "
         r"(?P<phrase>(?:[\w-]+ ){0,3}?[\w-]+)"
         r"(?: any ?(?:more|longer))?(?: (?:because|since|and)\b.*)?$", _no_longer_mine),
        (r"(?!i\b|we\b|please\b).{2,40}? (?:has |have |just |recently )*"
         r"(?:(?:fired|sacked) me\b|laid me off\b|let me go\W*$)", lambda _: _end(SPEAKER, _WORK)),
        (r"(?!(?:he|she|it|they|this|that)\b)(?P<who>(?-i:[A-Z])\w+|my (?:husband|wife|partner|"
         r"girlfriend|boyfriend)) (?:has |just )*(?:left|dumped|divorced) me"
         r"(?! (?:an?|the|this|with|in)\b)\b", _left),
        (r"(?:my|our|the) (?P<v>[\w -]{2,40}?) (?:was|were|got|has been) (?:just |recently )?"
         r"(?:stolen|totaled|totalled|written off|sold|scrapped|repossessed)\b",
         lambda match: _sold(Predicate(SPEAKER, "sell", "", ""), match["v"])),
        (r"my (?P<v>[\w -]{2,30}?) allergy (?:is|has|seems|went|'s)(?: \w+)? ?"
         r"(?:gone|disappeared|away|cured|over)\b",
         lambda match: _end(SPEAKER, ("allergy",), match["v"])),
        (r"(?!(?:i|we|he|she|it|they|you|that|this|who|someone|everyone|nobody|the (?:\w+ )?one|"
         r"\w+ (?:people|men|soldiers))\b)(?P<who>.+?) (?:(?:has|have|had|just|sadly|recently|"
         r"suddenly|unfortunately|finally) )*(?:died|passed(?: away| on)?|is dead|ran away|was put "
         r"(?:down|to sleep)|got run over|crossed the rainbow bridge|is gone|went missing|"
         r"didn't make it|(?:is no longer|isn't) with us)\b", _who_died),
    )
)  # fmt: skip


def gone(text: str) -> list[Claim]:
    """Return what a whole clause says to be gone: "Tom the cat died"."""
    for form, read in _WHOLE:
        if match := form.match(text):
            return read(match)
    return []


# --- Verbs ------------------------------------------------------------------------------------

_REPAIR = any_of("mechanic garage shop valet cleaner vet dentist doctor")
# fmt: off
_ENDINGS = Rules((
    Rule("quit", "", _quit, DONE),
    Rule("leave", "", _left_place, DONE),
    Rule("be get", r"(?:fired|laid off|let go|made redundant|sacked)\b", _all(*_WORK), DONE),
    Rule("retire", "", _all(*_WORK), DONE),
    Rule("sell", "", _sold, DONE),
    Rule("give", r"(?P<v>(?:.* )?away\b.*)$", _sold, DONE),
    Rule("give", rf"(?P<v>(?:my|our|the) .+?) to (?!the {_REPAIR})", _sold, DONE),
    Rule("get", "(?P<v>rid of .+)$", _sold, DONE),
    Rule("have own", r"no (?P<v>\w+)(?: now| any ?more| at all| left| of my own)?\W*$",
         lambda p, thing: _has_none(p, thing), "present"),
    Rule("eat", r"(?:meat|fish|dairy|eggs|cheese)\b.*\b(?:again|now)\b", _all("diet"), "present"),
    Rule("hate dislike detest", "", _each("likes", "favourite"), "present"),
    Rule("give", "up (?:on )?...", _gave_up, DONE),
    Rule("stop", "", _stopped, DONE),
    Rule("break split separate", r"(?:.*\bup\b|$|from (?:my|our))", _all(*_PARTNERS), DONE),
    Rule("break", r"(?:(?-i:[A-Z])\w+|my \w+)\W*$", _all(*_PARTNERS), DONE),
    Rule("divorce", "", _divorced, DONE),
    Rule("get", r"(?:a )?divorced?\b", _divorced, DONE),
    Rule("graduate", "", _all("studies", "school", "major"), DONE),
    Rule("drop", r"out\b", _all("studies", "school", "major"), DONE),
    Rule("cancel", r"(?P<v>.+?)(?: (?:membership|subscription)\b.*)?$",
         _one("membership", "subscription", "gym"), DONE),
    Rule("outgrow", "(?:my )?(?P<v>.+?)(?: allergy)?$", _one("allergy", "intolerance", "illness"),
         DONE),
    Rule("move", "(?:out|away) ?(?:of|from) (?P<v>(?!.* to ).+)$", _one("home"), DONE),
    Rule("pass", r"(?:away|on)\b", _died, DONE),
))
# fmt: on


def ended(p: Predicate) -> list[Claim]:
    """Return what is over by a verb: quit, sold, gave up, broke up."""
    return [] if p.negated else _ENDINGS.read(p)


# --- Denials ----------------------------------------------------------------------------------

_NONE_OF = (
    ("pet", "pets?|animals?"), ("children", "kids|children|child"), ("car", "car|vehicle"),
    ("sibling", "siblings?"), ("allergy", "allerg(?:y|ies)"), ("job", "job"),
)  # fmt: skip


def _has_none(p: Predicate, thing: str) -> list[Claim]:
    """ "I have no pets", "I don't have pets"."""
    names = (name for name, words in _NONE_OF if pattern(words).fullmatch(thing))
    return [claim for name in names for claim in _end(p.subject, (name,))]


def _not_had(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(strip_prefix("(?:any|an?|the|that|my) ", text))
    if none := _has_none(p, thing):
        return none
    kinds = (*_THINGS, "allergy", "illness", "children", "sibling", *_SPOUSES)
    return _end(p.subject, kinds, thing.removesuffix(" allergy")) if thing else []


def _not_with(p: Predicate, text: str) -> list[Claim]:
    name = _thing(text)
    return _end(p.subject, _PARTNERS, name if name[:1].isupper() else "")


def _not_been(p: Predicate, text: str) -> list[Claim]:
    states = (
        "job", "diet", "religion", "relationship", "nationality", "illness", "name", "handedness",
    )  # fmt: skip
    value = _thing(strip_prefix("(?:based in|in|at) ", text))
    return _end(p.subject, states, value) if value and len(value.split()) <= 3 else []


_PASTIMES = (
    "play like love enjoy learn study speak practice eat drink collect adore ride sing paint"
)
_DENIALS = Rules(
    (
        Rule("live", r"(?:there|here)\b", _all("home")),
        Rule("live", "(?:at|in) ...", _one("home", "address")),
        Rule("work", "", _one(*_WORK, idle=r"(?:there|here|at|for|as)\b ?")),
        Rule("have own drive", "", _not_had),
        Rule(_PASTIMES, "", _each(*_PURSUITS, "language", "studies")),
        Rule("be", r"(?:with|dating|seeing|together|married to)\b(?P<v>.*)$", _not_with),
        Rule("be", "(?:called|named) ...", _one("name", "last name")),
        Rule("be", "", _not_been),
    )
)


def denied(p: Predicate, rules: Rules) -> list[Claim]:
    """Return what a negated predicate ends: what it would state, else what it may deny."""
    positive = replace(p, negated=False, tense="present")
    stated = [replace(claim, ends=True) for claim in rules.read(positive) if not claim.ends]
    for claim in list(stated):
        if claim.value.lower() in RELATIONS:
            # "I don't have a sister" also denies the sister who has a name.
            stated += _end(claim.subject, (claim.value.lower(),))
    return stated or _DENIALS.read(positive)
