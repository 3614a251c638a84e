"""What ends: "I quit", "I sold the Volvo", "Tom the cat died", "I don't live there any more"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agentmem.facts.attributes import attribute_name
from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.patterns import MONTH, PET, RELATION, any_of, pattern, strip_prefix
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.rule import Rule, Rules, fact
from agentmem.facts.lexicon import RELATIONS
from agentmem.facts.values import listed, name_in, place_in

__all__ = ["denied", "ended", "gone"]

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


def _end(subject: str, attributes: tuple[str, ...], value: str = "") -> list[Claim]:
    return [Claim(subject, attributes, value, ends=True)]


# What is said of when and why does not belong to the thing.
_THING_END = pattern(
    rf" (?:last|yesterday|today|this|ago|in (?:\d|{MONTH})|because|to (?:a|my|the|our)|"
    r"for (?:an?|good|\d|health)|on|after|when|since|and|two|three|a few|as|at|years?|so|but|"
    r"recently|"
    r"now|completely|altogether|entirely|already|with|over|before|from|again)\b|[,.!]"
)
_OWNED = pattern(
    r"(?:(?:my|our|the) (?:old|beloved|dear|poor) |(?:my|our|the|an?|that|this|his|her|poor|old|"
    r"all) )"
)


def _thing(said: str) -> str:
    """Return a thing without article, time and reason."""
    return strip_prefix(_OWNED, _THING_END.split(said.strip(), maxsplit=1)[0]).strip()


_LIST_END = pattern(
    r" (?:last|yesterday|ago|in \d|because|after|when|since|years|for (?:good|health|lent)|two|"
    r"three|"
    r"a few|recently)\b|[.!]"
)


def _things(said: str) -> list[str]:
    found = (_thing(item) for item in listed(_LIST_END.split(said, maxsplit=1)[0]))
    return [thing for thing in found if thing]


# --- Whole clauses ----------------------------------------------------------------------------

_DIED = pattern(
    r"(?P<who>.+?) (?:(?:has|have|had|just|sadly|recently|suddenly|unfortunately|finally) )*"
    r"(?:died|passed(?: away| on)?|is dead|ran away|was put (?:down|to sleep)|got run over|"
    r"crossed the rainbow bridge|is gone|went missing|didn't make it|"
    r"(?:is no longer|isn't) with us)\b"
)
_NOBODY = pattern(
    r"(?:i|we|he|she|it|they|you|that|this|who|someone|everyone|nobody|\w+ (?:people|men|"
    r"soldiers))\b"
)
_PUT_DOWN = pattern(r"(?:i|we) (?:had to |have to )?put (?P<who>.+?) (?:down|to sleep)\b")
_LOST = re.compile(
    r"(?:[Ii]|[Ww]e)(?: have|'ve)?(?: just| sadly| also| recently)? lost (?P<who>(?:(?:my|our) "
    r".+|[A-Z]\w+))"
)
_NO_LONGER_MY = pattern(
    r"(?P<value>.+?) (?:is no longer|are no longer|is not|are not|isn't|aren't) (?:my|our) "
    r"(?P<phrase>(?:[\w-]+ ){0,3}?[\w-]+)"
    r"(?: any ?(?:more|longer))?(?: (?:because|since|and)\b.*)?$"
)
_OUT_OF_USE = pattern(
    r"\b(?:no longer works?|(?:doesn't|does not) work|is (?:dead|no longer (?:valid|active|in "
    r"use))|"
    r"isn't (?:valid|active)|stopped working)\b"
)
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d ()./-]{4,}\d")
_DISMISSED = pattern(
    r"(?!i\b|we\b|please\b).{2,40}? (?:has |have |just |recently )*"
    r"(?:(?:fired|sacked) me\b|laid me off\b|let me go\W*$)"
)
_LEFT_ME = re.compile(
    r"(?!(?:He|She|It|They|This|That)\b)(?P<who>[A-Z]\w+|[Mm]y (?:husband|wife|partner|girlfriend|"
    r"boyfriend)) (?:has |just )*(?:left|dumped|divorced) me(?! (?:an?|the|this|with|in)\b)\b"
)
_TAKEN = pattern(
    r"(?:my|our|the) (?P<v>[\w -]{2,40}?) (?:was|were|got|has been) (?:just |recently )?"
    r"(?:stolen|totaled|totalled|written off|sold|scrapped|repossessed)\b"
)
_ALLERGY_GONE = pattern(
    r"my (?P<v>[\w -]{2,30}?) allergy (?:is|has|seems|went|'s)(?: \w+)? ?(?:gone|disappeared|"
    r"away|cured|over)\b"
)


def gone(text: str) -> list[Claim]:
    """Return what a whole clause says to be gone: "Tom the cat died"."""
    if (broken := _OUT_OF_USE.search(text)) and (said := _CONTACT.findall(text[: broken.start()])):
        return _end(SPEAKER, (), said[-1].strip())
    for form, read in _WHOLE:
        if found := form.match(text):
            return read(found)
    died = _DIED.match(text)
    if died and not _NOBODY.match(died["who"]) and len(died["who"].split()) <= 6:
        return _dead(died["who"])
    return []


def _dead(who: str) -> list[Claim]:
    """A relative or a pet: "Grandma", "my dear cat Tom", "Tom the cat"."""
    adjectives = "poor dear old beloved sweet little sadly unfortunately yesterday today"
    said = re.sub(rf"^(?:(?:my|our|the) )?(?:{any_of(adjectives)} )*", "", who, flags=re.IGNORECASE)
    said = re.sub(r" (?:the|our|my) \w+$", "", said, flags=re.IGNORECASE).strip(" ,")
    relation, _, name = said.partition(" ")
    relation = relation.lower()
    if relation in RELATIONS:
        subject = f"{relation} {name}".strip()
        return _end(SPEAKER, (relation,), name) + _end(subject, ())
    if not said:
        return []
    claims = _end(SPEAKER, ("pet",), said)
    if said[0].isupper():
        claims += _end(SPEAKER, tuple(sorted(RELATIONS)), said)
    return claims


def _lost(found: re.Match[str]) -> list[Claim]:
    if re.search(r"\bin (?:the|a) |\bfound\b", found.string):
        return []
    who = _THING_END.split(found["who"])[0]
    if _JOB.match(strip_prefix(_OWNED, who)):
        return _end(SPEAKER, _WORK)
    kin = re.search(rf"\b(?:{PET}|{RELATION})\b", who, re.IGNORECASE)
    if re.match(r"(?:my|our) ", who, re.IGNORECASE) and kin is None:
        return _sold(Predicate(SPEAKER, "lose", who, who), who)
    return _dead(who)


def _no_longer_mine(found: re.Match[str]) -> list[Claim]:
    name = attribute_name(found["phrase"].lower())
    is_pet = re.fullmatch(PET, name.split()[-1], re.IGNORECASE)
    return _end(SPEAKER, ("pet",) if is_pet else (name,), found["value"])


def _left(found: re.Match[str]) -> list[Claim]:
    who = found["who"].split()[-1]
    return _end(SPEAKER, _PARTNERS if who.islower() else _SPOUSES, "" if who.islower() else who)


_WHOLE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], list[Claim]]], ...] = (
    (_PUT_DOWN, lambda found: _dead(found["who"])),
    (_LOST, _lost),
    (_NO_LONGER_MY, _no_longer_mine),
    (_DISMISSED, lambda _: _end(SPEAKER, _WORK)),
    (_LEFT_ME, _left),
    (_TAKEN, lambda found: _sold(Predicate(SPEAKER, "sell", "", ""), found["v"])),
    (_ALLERGY_GONE, lambda found: _end(SPEAKER, ("allergy",), found["v"])),
)


# --- Verbs of ending --------------------------------------------------------------------------

_JOB = pattern(r"(?:job|work|position|day job|company|old job|last job|previous job)\b")
_ING = pattern(r"(?P<verb>\w+ing)\b ?(?P<rest>.*)$")
# "I quit tennis", "I quit Northwind last week": one thing, or a name.
_ONE_THING = re.compile(
    r"(?:my|our|the|working|from|[A-Z])|\w*\W*$|[a-z]+ (?:last|yesterday|today|this)\b"
)


def _quit(p: Predicate, said: str) -> list[Claim]:
    ing = _ING.match(said)
    if ing and ing["verb"].lower() != "working":
        return _stopped(p, said)
    if not _ONE_THING.match(said):
        return []
    thing = _thing(re.sub(r"^(?:from|working (?:at|for)) ", "", said, flags=re.IGNORECASE))
    if _THING_END.match(f" {said}") or not thing or _JOB.match(thing):
        return _end(p.subject, _WORK)
    if thing.lower() == "gym":
        return _end(p.subject, ("gym",))
    return _end(p.subject, ("employer", "gym", "membership", *_PURSUITS), thing)


# "I left Lidl at five" is the end of a day.
_FOR_TODAY = pattern(
    r"\b(?:early|late|at \w+|for (?:the day|lunch|today|home)|around|and went|before)\b"
)


def _left_place(p: Predicate, said: str) -> list[Claim]:
    thing = _thing(said)
    if _FOR_TODAY.search(said) or thing.lower() == "work":
        return []
    if _JOB.match(thing):
        return _end(p.subject, _WORK)
    if not (name_in(thing, p.clause, certain=False) or place_in(thing, p.clause)):
        return []
    home = ("home",) if re.search(r"\bfor good\b", said, re.IGNORECASE) else ()
    return _end(p.subject, ("employer", "membership", *home), thing)


def _dismissed(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _WORK)


def _sold(p: Predicate, said: str) -> list[Claim]:
    said = re.sub(r" (?:away|off|in|up for adoption)\b.*$", "", said, flags=re.IGNORECASE)
    thing = _thing(re.sub(r"^(?:away|rid of|in|off) ", "", said, flags=re.IGNORECASE))
    kind = {"motorbike": "motorcycle"}.get(thing.lower(), thing.lower())
    whole = _end(p.subject, (kind,)) if kind in ("car", "motorcycle", "business") else []
    return whole + _end(p.subject, _THINGS, thing) if thing else []


def _gave_up(p: Predicate, said: str) -> list[Claim]:
    claims: list[Claim] = []
    for item in listed(_LIST_END.split(said, maxsplit=1)[0]):
        if _ING.match(item):
            claims += _stopped(p, item)
        else:
            claims += _end(p.subject, (*_PURSUITS, "diet"), _thing(item))
    return claims


# "I stopped playing tennis" ends tennis, "I stopped running marathons" also running.
_LIGHT = any_of("playing drinking eating learning practicing doing taking studying speaking")


def _stopped(p: Predicate, said: str) -> list[Claim]:
    """ "I stopped working at Acme", "... being a vegan", "... playing tennis"."""
    ing = _ING.match(said)
    if ing is None:
        return []
    verb, rest = ing["verb"].lower(), ing["rest"]
    if verb == "working":
        organization = _thing(re.sub(r"^(?:at|for|as) ", "", rest))
        return _end(
            p.subject, _WORK, "" if organization.lower().startswith("there") else organization
        )
    if verb == "being":
        was = Predicate(p.subject, "be", rest, p.clause)
        return [replace(claim, ends=True) for claim in BEING.read(was)]
    if verb == "living":
        return _end(p.subject, ("home",), _thing(re.sub(r"^(?:in|at) ", "", rest)))
    things = _things(re.sub(r"^(?:the|to|as|for) ", "", rest))
    attributes = (*_PURSUITS, "diet", "language", "membership")
    claims = [c for thing in things or [verb] for c in _end(p.subject, attributes, thing)]
    if things and not re.fullmatch(_LIGHT, verb):
        claims += _end(p.subject, _PURSUITS, verb)
    return claims


def _parted(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _PARTNERS)


def _divorced(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _SPOUSES) + fact(p, "relationship", "divorced")


def _retired(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _WORK)


def _studied(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, ("studies", "school", "major"))


def _canceled(p: Predicate, said: str) -> list[Claim]:
    what = re.sub(r" (?:membership|subscription)\b.*$", "", said, flags=re.IGNORECASE)
    return _end(p.subject, ("membership", "subscription", "gym"), _thing(what))


def _outgrown(p: Predicate, said: str) -> list[Claim]:
    return _end(p.subject, ("allergy", "intolerance", "illness"), _thing(said))


def _moved_out(p: Predicate, said: str) -> list[Claim]:
    return _end(p.subject, ("home",), _thing(said))


def _died(p: Predicate, _: str) -> list[Claim]:
    return _dead(p.subject) if p.subject else []


def _eats(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, ("diet",))


def _hated(p: Predicate, said: str) -> list[Claim]:
    return [
        claim for thing in _things(said) for claim in _end(p.subject, ("likes", "favourite"), thing)
    ]


_REPAIR = any_of("mechanic garage shop valet cleaner vet dentist doctor")
_DONE = "past perfect"
_ENDINGS = Rules(
    (
        Rule("quit", "", _quit, "present past perfect"),
        Rule("leave", "", _left_place, _DONE),
        Rule("be get", "(?:fired|laid off|let go|made redundant|sacked)\\b", _dismissed, _DONE),
        Rule("sell", "", _sold, _DONE),
        Rule("give", "(?P<v>(?:.* )?away\\b.*)$", _sold, _DONE),
        Rule("get", "(?P<v>rid of .+)$", _sold, _DONE),
        Rule("give", f"(?P<v>(?:my|our|the) .+?) to (?!the {_REPAIR})", _sold, _DONE),
        Rule("eat", "(?:meat|fish|dairy|eggs|cheese)\\b.*\\b(?:again|now)\\b", _eats, "present"),
        Rule("hate dislike detest", "", _hated, "present"),
        Rule("give", "up (?:on )?(?P<v>.+)$", _gave_up, _DONE),
        Rule("stop", "", _stopped, _DONE),
        Rule("break split separate", "(?:.*\\bup\\b|$|from (?:my|our))", _parted, _DONE),
        Rule("break", "(?:(?-i:[A-Z])\\w+|my \\w+)\\W*$", _parted, _DONE),
        Rule("divorce", "", _divorced, _DONE),
        Rule("get", "(?:a )?divorced?\\b", _divorced, _DONE),
        Rule("retire", "", _retired, _DONE),
        Rule("graduate", "", _studied, _DONE),
        Rule("drop", "out\\b", _studied, _DONE),
        Rule("cancel", "", _canceled, _DONE),
        Rule("outgrow", "(?:my )?(?P<v>.+?)(?: allergy)?$", _outgrown, _DONE),
        Rule("move", "(?:out|away) ?(?:of|from) (?P<v>(?!.* to ).+)$", _moved_out, _DONE),
        Rule("pass", "(?:away|on)\\b", _died, _DONE),
    )
)


def ended(p: Predicate) -> list[Claim]:
    """Return what is over by a verb: quit, sold, gave up, broke up."""
    return [] if p.negated else _ENDINGS.read(p)


# --- Denials ----------------------------------------------------------------------------------

_NONE_OF = (
    ("pet", "pets?|animals?"), ("children", "kids|children|child"), ("car", "car|vehicle"),
    ("sibling", "siblings?"), ("allergy", "allerg(?:y|ies)"), ("job", "job"),
)  # fmt: skip


def _not_had(p: Predicate, said: str) -> list[Claim]:
    thing = _thing(re.sub(r"^(?:any|an?|the|that|my) ", "", said, flags=re.IGNORECASE))
    for attribute, names in _NONE_OF:
        if re.fullmatch(names, thing, re.IGNORECASE):
            return _end(p.subject, (attribute,))
    kinds = (*_THINGS, "allergy", "illness", "children", "sibling", *_SPOUSES)
    return _end(p.subject, kinds, re.sub(r" allergy$", "", thing)) if thing else []


def _not_lived(p: Predicate, said: str) -> list[Claim]:
    if re.match(r"(?:there|here)\b", said, re.IGNORECASE):
        return _end(p.subject, ("home",))
    return _end(p.subject, ("home", "address"), _thing(re.sub(r"^(?:in|at) ", "", said)))


def _not_worked(p: Predicate, said: str) -> list[Claim]:
    return _end(p.subject, _WORK, _thing(re.sub(r"^(?:there|here|at|for|as)\b ?", "", said)))


def _not_done(p: Predicate, said: str) -> list[Claim]:
    attributes = (*_PURSUITS, "language", "studies")
    return [claim for thing in _things(said) for claim in _end(p.subject, attributes, thing)]


def _not_with(p: Predicate, said: str) -> list[Claim]:
    name = _thing(re.sub(r"^(?:with|dating|seeing|married to) ?", "", said, flags=re.IGNORECASE))
    return _end(p.subject, _PARTNERS, name if name[:1].isupper() else "")


def _not_called(p: Predicate, said: str) -> list[Claim]:
    return _end(p.subject, ("name", "last name"), _thing(said))


_STATES = (
    "job", "diet", "religion", "relationship", "nationality", "illness", "name", "handedness",
)  # fmt: skip


def _not_been(p: Predicate, said: str) -> list[Claim]:
    value = _thing(re.sub(r"^(?:based in|in|at) ", "", said, flags=re.IGNORECASE))
    return _end(p.subject, _STATES, value) if value and len(value.split()) <= 3 else []


_DENIALS = Rules(
    (
        Rule("live", "(?:there|here|at|in)\\b", _not_lived),
        Rule("work", "", _not_worked),
        Rule("have own drive", "", _not_had),
        Rule(
            "play like love enjoy learn study speak practice eat drink collect adore ride sing "
            "paint",
            "",
            _not_done,
        ),
        Rule("be", "(?:with|dating|seeing|together)\\b", _not_with),
        Rule("be", "(?:called|named) (?P<v>.+)$", _not_called),
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
