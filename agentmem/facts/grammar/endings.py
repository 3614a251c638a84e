"""What ends: "I quit", "I sold the Volvo", "Tom the cat died", "It's Tuesday, not Thursday"."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts.attributes import attribute_name
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import SPEAKER, Predicate
from agentmem.facts.grammar.readers import known
from agentmem.facts.grammar.rule import DONE, Claim, Read, Rule, Rules
from agentmem.facts.lexicon import MONTH, PARTNERS, PET, RELATION, RELATIONS
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix
from agentmem.facts.values import listed, name_in, place_in

__all__ = ["correction", "denied", "ended", "gone"]

# The attributes that a verb of ending may end.
_WORK = ("employer", "job")
_STUDIES = ("studies", "school", "major")
_THINGS = (
    "car", "motorcycle", "bike", "device", "computer", "phone", "home", "holiday home", "business",
    "pet",
)  # fmt: skip
_PURSUITS = ("sport", "instrument", "hobby", "likes", "learning", "favourite")
_SPOUSES = tuple(sorted(PARTNERS))
_PARTNERS = (*_SPOUSES, "relationship")

# What is said of when and why does not belong to the thing.
_WHEN = (
    rf"(?:last|yesterday|today|this|ago|in (?:\d|{MONTH})|because|to (?:a|my|the|our)|"
    r"for (?:an?|good|\d|health)|on|after|when|since|and|two|three|a few|as|at|years?|so|but|"
    r"recently|now|completely|altogether|entirely|already|with|over|before|from|again)\b"
)
_THING_END = f" {_WHEN}|[,.!]"
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
    """Return the things of an enumeration, up to the first that is followed by more."""
    things: list[str] = []
    for item in listed(text):
        things.append(_thing(item))
        if not item.endswith(things[-1]):
            break
    return [thing for thing in things if thing]


# --- How endings are read ---------------------------------------------------------------------


def _all(*attributes: str) -> Read:
    """End what there is of these attributes."""
    return lambda p, _: _end(p.subject, attributes)


def _one(*attributes: str) -> Read:
    """End the value of these attributes that the text names."""
    return lambda p, text: _end(p.subject, attributes, t) if (t := _thing(text)) else []


def _each(*attributes: str) -> Read:
    """End each value of an enumeration."""
    return lambda p, text: [c for v in _things(text) for c in _end(p.subject, attributes, v)]


# "I left Lidl at five" is the end of a day.
_FOR_TODAY = pattern(
    r".*\b(?:early|late|at \w+|for (?:the day|lunch|today|home)|around|and went|before)\b"
)


def _left_place(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(text)
    named = name_in(thing, p.clause, certain=False) or place_in(thing, p.clause)
    if _FOR_TODAY.match(text) or thing.lower() == "work" or not named:
        return []
    home = ("home",) if pattern(r".*\bfor good\b").match(text) else ()
    return _end(p.subject, ("employer", "membership", *home), thing)


def _sold(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(before(" (?:away|off|in|up for adoption)\\b", text))
    kind = attribute_name(thing)
    whole = _end(p.subject, (kind,)) if kind in ("car", "motorcycle", "business") else []
    return whole + _end(p.subject, _THINGS, thing) if thing else []


def _no_longer_being(p: Predicate, text: str) -> list[Claim]:
    was = BEING.read(Predicate(p.subject, "be", text, p.clause))
    return [replace(claim, ends=True) for claim in was]


# "I stopped playing tennis" ends tennis, "I stopped running marathons" also running.
_LIGHT = pattern("playing|drinking|eating|learning|practicing|doing|taking|studying|speaking")


def _stopped(p: Predicate, text: str) -> list[Claim]:
    """ "playing tennis", "smoking"."""
    verb, _, rest = text.partition(" ")
    things = _things(strip_prefix("(?:the|to|as|for) ", rest))
    claims = _each(*_PURSUITS, "diet", "language", "membership")(p, rest if things else verb)
    light = not things or _LIGHT.fullmatch(verb)
    return claims if light else claims + _end(p.subject, _PURSUITS, verb)


def _gave_up(p: Predicate, text: str) -> list[Claim]:
    """ "meat and playing tennis"."""
    read = {True: _stopped, False: _each(*_PURSUITS, "diet")}
    return [c for i in listed(text) for c in read[bool(re.match(r"\w+ing\b", i))](p, i)]


def _divorced(p: Predicate, _: str) -> list[Claim]:
    return _end(p.subject, _SPOUSES) + known("relationship", "divorced")(p, "")


# "My neighbour's dog Rex", "her cat".
_OF_OTHERS = pattern(r"(?:his|her|their|your)\b|.*\w(?:'s|s') \w|(?:\S+ ){6}")


def _dead(p: Predicate, who: str) -> list[Claim]:
    """A relative or a pet: "Grandma", "my dear cat Tom", "Tom the cat"."""
    adjectives = "poor dear old beloved sweet little sadly unfortunately yesterday today"
    if _OF_OTHERS.match(who):
        return []
    text = strip_prefix(f"(?:(?:my|our|the) )?(?:{any_of(adjectives)} )*", who)
    text = before(r" (?:the|our|my) \w+$", text).strip(" ,")
    relation, _, name = text.partition(" ")
    relation = relation.lower()
    if relation in RELATIONS:
        return _end(SPEAKER, (relation,), name) + _end(f"{relation} {name}".strip(), ())
    named = _end(SPEAKER, tuple(sorted(RELATIONS)), text) if text[:1].isupper() else []
    return _end(SPEAKER, ("pet",), text) + named if text else []


# --- Whole clauses ----------------------------------------------------------------------------


_NOT_MY = r"(?:is no longer|are no longer|is not|are not|isn't|aren't) (?:my|our)"


def _no_longer_mine(_: Predicate, text: str) -> list[Claim]:
    """ "Rex is no longer my dog"."""
    value, phrase = re.split(rf" {_NOT_MY} ", text, maxsplit=1, flags=re.IGNORECASE)
    name = attribute_name(phrase)
    is_pet = pattern(rf"(?:.* )?{PET}").fullmatch(phrase)
    return _end(SPEAKER, ("pet" if is_pet else name,), value)


_CONTACT = r"(?:[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d ()./-]{4,}\d)"
_JOB = (
    "(?:(?:my|the|our|his|her) )?(?:(?:day|old|last|previous) )?"
    r"(?:job|work|position|company)\b(?!')"
)
_LOST = (
    r"(?:i|we)(?: have|'ve)?(?: just| sadly| also| recently)? lost (?!.*\b(?:in (?:the|a)|found)\b)"
)
_LEFT_ME = r"(?:has |just )*(?:left|dumped|divorced) me(?! (?:an?|the|this|with|in)\b)\b"
_SOMEBODY = (
    r"(?!(?:i|we|he|she|it|they|you|that|this|who|someone|everyone|nobody|the (?:\w+ )?one|"
    r"\w+ (?:people|men|soldiers))\b)(?P<v>.+?)"
)

# fmt: off
_GONE = Rules((
    Rule("", rf".*(?<![\w@.+-])(?<!\d )(?P<v>{_CONTACT}).*\b(?:no longer works?|(?:doesn't|does "
         r"not) work|is (?:dead|no longer (?:valid|active|in use))|isn't (?:valid|active)|stopped "
         r"working)\b", lambda p, text: _end(SPEAKER, (), text)),
    Rule("", r"(?:i|we) (?:had to |have to )?put (?P<v>.+?) (?:down|to sleep)\b", _dead),
    Rule("", rf"{_LOST}{_JOB}", _all(*_WORK)),
    Rule("", rf"{_LOST}(?P<v>(?:my|our) (?!.*\b(?:{PET}|{RELATION})\b).+)", _sold),
    Rule("", rf"{_LOST}(?P<v>(?:my|our) .+?|(?-i:[A-Z])\w+)(?={_THING_END}|$)", _dead),
    Rule("", rf"(?P<v>.+? {_NOT_MY} (?:[\w-]+ ){{0,3}}?[\w-]+)(?: any ?(?:more|longer))?"
         r"(?: (?:because|since|and)\b.*)?$", _no_longer_mine),
    Rule("", r"(?!i\b|we\b|please\b).{2,40}? (?:has |have |just |recently )*"
         r"(?:(?:fired|sacked) me\b|laid me off\b|let me go\W*$)", _all(*_WORK)),
    Rule("", rf"(?!(?:he|she|it|they|this|that)\b)(?P<v>(?-i:[A-Z])\w+) {_LEFT_ME}",
         _one(*_SPOUSES)),
    Rule("", f"my (?:husband|wife|partner|girlfriend|boyfriend) {_LEFT_ME}", _all(*_PARTNERS)),
    Rule("", r"(?:my|our|the) (?P<v>[\w -]{2,40}?) (?:was|were|got|has been) (?:just |recently )?"
         r"(?:stolen|totaled|totalled|written off|sold|scrapped|repossessed)\b", _sold),
    Rule("", r"my (?P<v>[\w -]{2,30}?) allergy (?:is|has|seems|went|'s)(?: \w+)? ?"
         r"(?:gone|disappeared|away|cured|over)\b", _one("allergy")),
    Rule("", rf"{_SOMEBODY} (?:(?:has|have|had|just|sadly|recently|suddenly|unfortunately|"
         "finally) )*(?:died|passed(?: away| on)?|is dead|ran away|was put (?:down|to sleep)|"
         "got run over|crossed the rainbow bridge|is gone|went missing|didn't make it|"
         r"(?:is no longer|isn't) with us)\b", _dead),
))
# fmt: on


def gone(text: str) -> list[Claim]:
    """Return what a whole clause says to be gone: "Tom the cat died"."""
    return _GONE.read(Predicate(SPEAKER, "", text, text))


# --- Verbs ------------------------------------------------------------------------------------

_REPAIR = any_of("mechanic garage shop valet cleaner vet dentist doctor")
_GYM = ("membership", "subscription", "gym")

# fmt: off
_ENDINGS = Rules((
    Rule("quit stop", r"working(?: there)?\W*$", _all(*_WORK), DONE),
    Rule("quit stop", "working (?:at|for|as) ...", _one(*_WORK), DONE),
    Rule("quit stop", "being ...", _no_longer_being, DONE),
    Rule("quit stop", "living (?:in|at) ...", _one("home"), DONE),
    Rule("quit stop", r"(?P<v>\w+ing\b.*)$", _stopped, DONE),
    Rule("quit leave", rf"(?!work\b){_JOB}", _all(*_WORK), DONE),
    Rule("quit", rf"(?:$|work\b|{_WHEN})", _all(*_WORK), DONE),
    Rule("quit", r"(?:the |my )?gym\b", _all("gym"), DONE),
    # "I quit tennis", "I quit Northwind last week": one thing, or a name.
    Rule("quit", r"(?:from )?(?P<v>(?:(?:my|our|the|(?-i:[A-Z])).+|\w*\W*$|"
         r"[a-z]+ (?:last|yesterday|today|this)\b))", _one("employer", *_GYM, *_PURSUITS), DONE),
    Rule("leave", "", _left_place, DONE),
    Rule("be get", r"(?:fired|laid off|let go|made redundant|sacked)\b", _all(*_WORK), DONE),
    Rule("retire", "", _all(*_WORK), DONE),
    Rule("sell", "(?:(?:off|in) )?...", _sold, DONE),
    Rule("give", r"(?:away )?(?P<v>(?:(?<=away )|(?=.* away\b)).*)$", _sold, DONE),
    Rule("give", rf"(?P<v>(?:my|our|the) .+?) to (?!the {_REPAIR})", _sold, DONE),
    Rule("get", "rid of ...", _sold, DONE),
    Rule("have own", r"no (?P<v>\w+)(?: now| any ?more| at all| left| of my own)?\W*$",
         lambda p, text: _none_of(p, text), "present"),
    Rule("eat", r"(?:meat|fish|dairy|eggs|cheese)\b.*\b(?:again|now)\b", _all("diet"), "present"),
    Rule("hate dislike detest", "", _each("likes", "favourite"), "present"),
    Rule("give", "up (?:on )?being ...", _no_longer_being, DONE),
    Rule("give", "up (?:on )?...", _gave_up, DONE),
    Rule("break split separate", r"(?:.*\bup\b|$|from (?:my|our))", _all(*_PARTNERS), DONE),
    Rule("break", r"(?:(?-i:[A-Z])\w+|my \w+)\W*$", _all(*_PARTNERS), DONE),
    Rule("divorce", "", _divorced, DONE),
    Rule("get", r"(?:a )?divorced?\b", _divorced, DONE),
    Rule("graduate", "", _all(*_STUDIES), DONE),
    Rule("drop", r"out\b", _all(*_STUDIES), DONE),
    Rule("cancel", r"(?P<v>.+?)(?: (?:membership|subscription)\b.*)?$", _one(*_GYM), DONE),
    Rule("outgrow", "(?:my )?(?P<v>.+?)(?: allergy)?$", _one("allergy", "intolerance", "illness"),
         DONE),
    Rule("move", "(?:out|away) ?(?:of|from) (?P<v>(?!.* to ).+)$", _one("home"), DONE),
))
# fmt: on


def ended(p: Predicate) -> list[Claim]:
    """Return what is over by a verb: quit, sold, gave up, broke up."""
    return [] if p.negated else _ENDINGS.read(p)


# --- Denials ----------------------------------------------------------------------------------

_STATES = (
    "job", "diet", "religion", "relationship", "nationality", "illness", "name", "handedness",
)  # fmt: skip


def _none_of(p: Predicate, thing: str) -> list[Claim]:
    """ "I have no pets", "I don't have pets"."""
    name = attribute_name("pets" if thing.startswith("animal") else thing)
    some = name in ("pet", "children", "car", "sibling", "allergy", "job")
    return _end(p.subject, (name,)) if some else []


def _not_had(p: Predicate, text: str) -> list[Claim]:
    thing = _thing(strip_prefix("any ", text))
    kinds = (*_THINGS, "allergy", "illness", "children", "sibling", *_SPOUSES)
    named = _end(p.subject, kinds, thing.removesuffix(" allergy")) if thing else []
    return _none_of(p, thing) or named


def _not_been(p: Predicate, text: str) -> list[Claim]:
    value = _thing(strip_prefix("(?:based in|in|at) ", text))
    return _end(p.subject, _STATES, value) if value and len(value.split()) <= 3 else []


_PASTIMES = (
    "play like love enjoy learn study speak practice eat drink collect adore ride sing paint"
)
_WITH = "(?:with|dating|seeing|together|married to)"
_DENIALS = Rules(
    (
        Rule("live", r"(?:there|here)\b", _all("home")),
        Rule("live", "(?:at|in) ...", _one("home", "address")),
        Rule("work", r"(?:there|here)?\W*$", _all(*_WORK)),
        Rule("work", "(?:at|for|as) ...", _one(*_WORK)),
        Rule("have own drive", "", _not_had),
        Rule(_PASTIMES, "", _each(*_PURSUITS, "language", "studies")),
        Rule("be", rf"{_WITH} (?P<v>(?-i:[A-Z]).*)$", _one(*_PARTNERS)),
        Rule("be", rf"{_WITH}\b", _all(*_PARTNERS)),
        Rule("be", "", _not_been),
    )
)


def denied(p: Predicate, rules: Rules) -> list[Claim]:
    """Return what a negated predicate ends: what it would state, else what it may deny."""
    positive = replace(p, negated=False, tense="present")
    stated = [replace(claim, ends=True) for claim in rules.read(positive) if not claim.ends]
    # "I don't have a sister" also denies the sister who has a name.
    relatives = [c for c in stated if c.value.lower() in RELATIONS]
    stated += [c for r in relatives for c in _end(r.subject, (r.value.lower(),))]
    return stated or _DENIALS.read(positive)


# --- Corrections ------------------------------------------------------------------------------

_OPENING = r"(?:(?:actually|sorry|no|wait|oops|correction|my mistake|i was wrong)[,.:!]? )*"
_VALUE = r"[\w$\u20ac\u00a3+:.@ '-]{1,40}"
_AT = "(?:on |in |at )?"
_FORMS = (
    pattern(
        f"{_OPENING}(?:(?:it|that|he|she|they|there)(?:'s| is| was|'re| are)|i mean(?:t)?|"
        "i live in|make (?:it|that)) (?:actually |really |in fact |supposed to be "
        f")?{_AT}(?P<new>{_VALUE}?),? (?:and )?not {_AT}(?P<old>{_VALUE})$"
    ),
    pattern(
        rf"(?:{_OPENING}(?:(?:it|that|he|she)(?:'s| is) )?not|my .{{2,30}} (?:isn't|is not)) {_AT}"
        rf"(?P<old>{_VALUE}?)(?:,? but|,(?: it(?:'s| is))?) (?:it(?:'s| is) )?{_AT}"
        rf"(?P<new>{_VALUE})$"
    ),
    pattern(
        "(?:i|we)(?: have|'ve)?(?: just| recently)? (?:switched|changed|moved|transferred|"
        f"went) from (?P<old>{_VALUE}?) to (?P<new>{_VALUE}?)(?: (?:last|this|yesterday|today|in|"
        r"on|because)\b.*)?$"
    ),
)
_NO_VALUE = re.compile(
    r"(?:a|an|the|that|so|very|too|just|only|really|bad|good|about|sure|fair|easy|always|also)\b"
)


def correction(sentence: str) -> list[Claim]:
    """Return the claim that one value takes the place of another, whatever their attribute."""
    match = next(filter(None, (form.match(sentence.strip(" .!")) for form in _FORMS)), None)
    values = [match["new"].strip(), match["old"].strip()] if match else [""]
    if any(len(v.split()) > 4 or not v or _NO_VALUE.match(v) for v in values):
        return []
    return [Claim(SPEAKER, (), values[0], old=values[1])]
