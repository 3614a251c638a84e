"""A small grammar of what people reliably say of themselves and of those around them.

A clause is read as subject, tense, negation, verb and rest, and a rule of its verb says what that
tells. Rules are written for the plain forms only. What is negated, or over by its verb ("I sold the
Volvo"), tells what *ends*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agentmem.facts.assertions import Clause
from agentmem.facts.attributes import attribute_name, base_name
from agentmem.facts.lexicon import (
    CARS,
    DEVICES,
    DIETS,
    ILLNESSES,
    INSTRUMENTS,
    LANGUAGES,
    NATIONALITIES,
    PETS,
    RELATIONS,
    RELIGIONS,
    SPORTS,
    UNNAMED_MANY,
)  # fmt: skip
from agentmem.facts.values import (
    date_in,
    is_common,
    job_in,
    listed,
    name_in,
    number_in,
    organization_in,
    phone_in,
    place_in,
)  # fmt: skip

__all__ = ["SPEAKER", "Claim", "Predicate", "as_one", "claims", "correction", "parse"]

# Whom a claim is about when it is about who says it.
SPEAKER = ""
_I = re.IGNORECASE


@dataclass(frozen=True)
class Claim:
    """What a clause says of somebody.

    Attributes:
        subject: whom; `SPEAKER` for who says it, else as "sister", "sister Anna" or "Hugo".
        attributes: what of them: one for a fact; those that may be meant for what ends, none for
            any.
        value: as it is written; "" ends whatever there is.
        ends: whether it ends facts instead of telling one.
        old: the value that this one corrects, where the attribute is not said.
    """

    subject: str
    attributes: tuple[str, ...]
    value: str
    ends: bool = False
    old: str = ""


@dataclass(frozen=True)
class Predicate:
    """What is said of a subject.

    Attributes:
        verb: in its base form.
        tense: `present`, `progressive`, `perfect` or `past`.
        negated: whether it is denied, or said to be over ("used to").
        rest: what follows the verb.
    """

    subject: str
    plural: bool
    verb: str
    tense: str
    negated: bool
    rest: str
    clause: str


# --- Reading a clause -------------------------------------------------------------------------

_RELATION = "|".join(sorted(map(re.escape, RELATIONS), key=len, reverse=True))
_KIN = (
    rf"(?:my|our)\s+(?P<mod>(?:(?:older|elder|eldest|younger|youngest|oldest|big|little|baby|twin|other|second|first|best|"
    rf"half|step|late|new|good|close|dear|old|lovely|three|four|five|next-door|upstairs|downstairs|ex|new|current|former|previous|previous|immediate|male|female|two)[ -])*)(?P<rel>{_RELATION})"
)
_NAME = r"[^\W\d_][\w'-]*(?:\s+(?:van|von|de|der|den|la|el|bin|al)\b)*(?:\s+[^\W\d_][\w'-]*)?"
_SUBJECT = re.compile(
    r"^(?:(?P<me>i)\b|(?P<we>we|my (?:family|husband|wife|partner|girlfriend|boyfriend) and i)\b|"
    rf"{_KIN}(?!'s?\s|\s+(?:number|name|email|birthday|phone|office|and)\b)(?:,?\s+(?P<name>{_NAME}?)(?:,|(?=\s|'s\s))|(?=\s|'s\s))|"
    rf"(?P<bare>{_NAME}?)(?=\s+(?:lives|works|died|passed|has died|is my|is our|the|is no longer|was put|ran away|moved to|got lost)\b))",
    _I,
)
_ADVERB = (
    r"(?:also|now|currently|just|really|actually|still|always|mostly|usually|recently|finally|already|only|both|all|"
    r"mainly|primarily|officially|happily|proudly|even|definitely|sadly|truly|basically|presently|originally|"
    r"normally|generally|typically|regularly|absolutely|very much|have to say|myself|ourselves|once again|again|today|"
    r"lately|honestly|certainly|personally|particularly|especially|quite|in fact|of course)"
)
_AUX = re.compile(
    rf"^(?:(?P<adv>{_ADVERB})\s+)*(?P<aux>'m|'re|'s|'ve|am|are|is|was|were|have|has|had|'d|'ll|do|does|did|don't|doesn't|didn't|"
    r"isn't|aren't|wasn't|weren't|haven't|hasn't|hadn't|ain't|can|can't|cannot|could|couldn't|will|won't|would|"
    r"wouldn't|should|may|might|must|shall|used to)\b",
    _I,
)
_SKIP = re.compile(rf"^(?:(?:{_ADVERB})\s+)+", _I)
_OVER = re.compile(r"\b(?:any ?more|any ?longer|no longer|after all|no more)\b", _I)
_PAST = {
    "moved": "move", "relocated": "move", "adopted": "adopt", "bought": "buy", "purchased": "buy", "got": "get",
    "became": "become", "become": "become", "started": "start", "joined": "join", "quit": "quit", "left": "leave",
    "resigned": "quit", "sold": "sell", "died": "die", "grew": "grow", "settled": "settle", "lived": "live", "worked": "work",
    "had": "have", "owned": "own", "lost": "lose", "stopped": "stop", "gave": "give", "given": "give", "retired": "retire",
    "dropped": "drop", "graduated": "graduate", "broke": "break", "broken": "break", "split": "split", "divorced": "divorce",
    "separated": "separate", "scrapped": "sell", "crashed": "sell", "totaled": "sell", "traded": "sell",
    "returned": "sell", "rehomed": "sell", "donated": "sell", "passed": "pass", "ran": "run", "took": "take", "taken": "take",
    "canceled": "cancel", "cancelled": "cancel", "named": "name", "married": "marry", "went": "go", "gone": "go",
    "switched": "switch", "changed": "switch", "renamed": "rename", "outgrew": "outgrow", "outgrown": "outgrow", "put": "put",
    "been": "be", "moved out": "move", "landed": "land", "accepted": "accept", "opened": "open", "founded": "open",
    "loved": "love", "enjoyed": "enjoy", "liked": "like", "turned": "turn", "majored": "major", "volunteered": "volunteer",
    "told": "tell", "hired": "hire", "came": "come", "dumped": "break",
}  # fmt: skip
_PRESENT = (
    "live work have own speak drive play like love enjoy prefer study learn teach run weigh come go commute use take "
    "wear suffer collect practice practise reside adore get wake support ride be call need dislike hate detest rent "
    "belong report bank sing paint eat drink identify volunteer do spend"
).split()
_FORMS = {verb: (verb, "present") for verb in _PRESENT}
_FORMS |= {verb + ("es" if verb in ("go", "teach") else "s"): (verb, "present") for verb in _PRESENT}
_FORMS |= {"has": ("have", "present"), "studies": ("study", "present")}
_FORMS |= {form: (verb, "past") for form, verb in _PAST.items()}
_ING = {
    "living": "live", "working": "work", "studying": "study", "learning": "learn", "playing": "play", "having": "have",
    "residing": "reside", "renting": "rent", "teaching": "teach", "driving": "drive", "suffering": "suffer",
    "practicing": "practice", "practising": "practice", "owning": "own", "running": "run", "moving": "moving",
    "leaving": "leaving", "getting": "getting", "speaking": "speak", "taking": "take", "volunteering": "volunteer", "doing": "do", "collecting": "collect", "enjoying": "enjoy", "loving": "enjoy",
}  # fmt: skip


def parse(clause: Clause) -> Predicate | None:
    """Read a clause; None where its subject or its verb is none that the grammar knows."""
    text = clause.text
    subject = _SUBJECT.match(text)
    if subject is None:
        if clause.subject in ("i", "we"):
            return _predicate(SPEAKER, clause.subject == "we", text, text)
        return None
    rest = text[subject.end() :].strip()
    who = SPEAKER
    if not (subject["me"] or subject["we"]):
        if subject["rel"]:
            named = _person(subject, text)
            if named is None:
                return None
            who, rest = named[0], (named[1] + " " + rest).strip() if named[1] else rest
        else:
            who = subject["bare"]
            if not who[0].isupper() or is_common(who.split()[0]) or text.isupper():
                return None
    return _predicate(who, bool(subject["we"]), rest, text)


def _person(subject: re.Match[str], clause: str) -> tuple[str, str] | None:
    """Whom a relative's subject means, and what of it is no name after all."""
    if re.search(r"\b(?:former|previous|late)\b", subject["mod"] or "", _I):
        return None
    mod = re.sub(r"\b(?:new|good|close|dear|lovely|current|next-door|upstairs|downstairs|old)\b[ -]?", "", subject["mod"].lower())
    relation = (mod + subject["rel"].lower()).strip()
    raw = subject["name"]
    if raw is None:
        # "My friend lives in Rome": which of them is not known.
        return None if subject["rel"].lower() in UNNAMED_MANY else (relation, "")
    name = raw if raw[0].isupper() and not clause.isupper() else None
    tokens = raw.split()
    if name and len(tokens) > 1 and not tokens[-1][0].isupper():
        name, left = tokens[0], " ".join(tokens[1:])
    else:
        left = ""
    if name and name_in(name, clause, certain=False):
        return f"{relation} {name}", left
    return None if subject["rel"].lower() in UNNAMED_MANY else (relation, raw)


def _predicate(subject: str, plural: bool, rest: str, clause: str) -> Predicate | None:
    """Read what follows the subject."""
    negated = False
    tense = "present"
    over = _OVER.search(rest)
    if over:
        negated = "after all" not in over.group().lower() and bool(re.match(r"(?:no longer|no more)", over.group(), _I))
        rest = re.sub(r",?\s*\b(?:any ?more|any ?longer|no longer|after all|no more)\b", "", rest, flags=_I).strip()
    aux = _AUX.match(rest)
    verb = None
    if aux:
        word = aux["aux"].lower()
        rest = rest[aux.end() :].strip()
        if word == "used to":
            negated = True
        elif word in ("'d", "'ll", "had", "could", "couldn't", "will", "won't", "would", "wouldn't", "should", "may", "might",
                      "must", "shall", "hadn't", "can", "can't", "cannot"):
            return None
        if word.endswith("n't"):
            negated = True
            word = word[:-3] if word != "ain't" else "is"
        rest = _SKIP.sub("", rest)
        if deny := re.match(r"(?:not|never)\b\s*", rest, _I):
            negated, rest = True, _SKIP.sub("", rest[deny.end() :])
        first, _, tail = rest.partition(" ")
        low = first.lower().strip(",")
        if word in ("was", "were", "did"):
            tense = "past"
            verb = "be" if word != "did" else None
            if word == "did":
                return None
        elif word in ("'m", "am", "are", "is", "'re", "'s"):
            if word == "'s" and low in ("been", "got", "moved", "died", "passed", "gone"):
                word = "has"
            elif low in _ING:
                verb, tense, rest = _ING[low], "progressive", tail
            else:
                verb = "be"
        if word in ("have", "has", "'ve"):
            if low == "been":
                ing, _, after = _SKIP.sub("", tail).partition(" ")
                if ing.lower() in _ING:
                    verb, tense, rest = _ING[ing.lower()], "progressive", after
                else:
                    verb, tense, rest = "be", "perfect", tail
            elif low == "got":
                verb, rest = "have", tail
            elif low in _PAST and low not in ("had", "put"):
                verb, tense, rest = _PAST[low], "perfect", tail
            elif low.endswith("ed") or low in ("seen", "done", "made", "found", "taken", "had", "gotten", "read", "to", "heard", "met", "felt", "known", "grown"):
                return None
            elif word != "'ve" and aux["aux"].lower() not in ("haven't", "hasn't"):
                verb = "have"
            else:
                return None
        elif verb is None and word in ("do", "does", "used to", "don", "doe"):
            if low not in _FORMS or _FORMS[low][1] != "present":
                return None
            verb, rest = low, tail
    else:
        rest = _SKIP.sub("", rest)
        if deny := re.match(r"never\s+", rest, _I):
            negated, rest = True, rest[deny.end() :]
        first, _, tail = rest.partition(" ")
        form = _FORMS.get(first.lower().strip(",.!"))
        if form is None:
            return None
        verb, tense = form
        rest = tail
    if verb is None:
        return None
    return Predicate(subject, plural, verb, tense, negated, _SKIP.sub("", rest.strip()), clause)


# --- What does not hold as said ---------------------------------------------------------------

_UNSURE = re.compile(
    r"\b(?:would|could|might|may be|maybe|perhaps|probably|possibly|supposedly|allegedly|wish|hope|hoping|"
    r"pretend\w*|imagine|imaginary|kind of|sort of|almost|nearly|practically|basically a|technically|virtually|"
    r"joking|kidding|dreamt?|dreamed|as if|ish\b|something like|or so they|they say|rumou?r|if|unless|"
    r"whether|in a way|metaphorically|deep down|in spirit|at heart|by day|on paper|like to think|feel like|"
    r"hypothetically|in theory|supposed to|in another life|in my head|for halloween|in the game|in minecraft|on tv)\b",
    _I,
)
_PASSING = re.compile(
    r"\b(?:next (?:week|month|year|summer|spring|fall|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    r"this (?:week|weekend|evening|morning|afternoon|summer|month|semester)|tonight|tomorrow|soon|for (?:now|today|the (?:day|week|weekend|night|moment|time being|summer))|"
    r"temporarily|until|till|for (?:a|one|two|three|a few|several|a couple of|\d+) (?:more )?(?:days?|weeks?|nights?)|"
    r"back then|at the time|at that time|years ago|as a (?:kid|child|boy|girl|teen\w*|student|young)|growing up|when i was|"
    r"in (?:19|20)\d\d(?! model)|in the (?:past|future|19|20|eighties|nineties|sixties|seventies)|before|later|starting|from (?:monday|next|january|february|march|april|may|june|july|"
    r"august|september|october|november|december)|in (?:a|two|three|four|five|six|\d+) (?:days|weeks?|months?|years?)|eventually|some ?day|one day|"
    r"yesterday|last (?:week|night|month|year|weekend|summer|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|for school|once)\b",
    _I,
)
# Verbs whose past says what is so since then.
_LASTING = frozenset(
    "move adopt buy get become start join settle quit leave sell die lose stop give retire drop graduate break split divorce "
    "separate pass cancel run take put switch marry rename outgrow name be hire open grow turn major".split()
)


def claims(clause: Clause) -> Iterator[Claim]:
    """Yield what a clause claims, facts and what ends them."""
    text = clause.text
    if len(text) > 220 or _UNSURE.search(text):
        return
    gone = list(_gone(text))
    if gone:
        yield from gone
        return
    yield from _introduced(text)
    found = list(_standalone(clause))
    if found:
        yield from found
        return
    predicate = parse(clause)
    if predicate is None:
        return
    said = list(_ended(predicate))
    if said:
        yield from said
        return
    passing = bool(_PASSING.search(text))
    past = predicate.tense == "past"
    if past and predicate.verb not in _LASTING:
        # "We had a cat" says that it is over, but for whoever has one again.
        return
    if passing and not (past or predicate.tense == "perfect"):
        return
    rule = _RULES.get(predicate.verb)
    if rule is None:
        return
    if predicate.negated:
        positive = replace(predicate, negated=False, tense="present")
        denied = [replace(c, ends=True) for c in rule(positive) if not c.ends]
        yield from denied or _denied(predicate)
        return
    yield from rule(predicate)


# --- Rules --------------------------------------------------------------------------------------


def _fact(p: Predicate, attribute: str, value: str | None) -> Iterator[Claim]:
    if value and (value := value.strip(" .,!;:'\"")):
        yield Claim(p.subject, (attribute,), value)


_DET = r"(?:an?|the|my|our|his|her|this|that)\s+"
# What may follow a place or an organization without changing what is said.
_TAIL = re.compile(
    r"^(?:, [^,]*\d+\w?)?\W*(?:(?:now|too|already|currently|again|these days|nowadays|today|at the moment|though|btw|by the way|actually|"
    r"originally|full-?time|part-?time|instead|permanently|anyway|right now|together|alone)\b\W*)*"
    r"(?:(?:with|for|since|as|because|near|in|at|on|by|and|but|from|where|which|who|close to|not far|right|just|over|last|about|"
    r"around|after|to be|so|all|ever|almost|during|the|a few|two|three|five|ten|to|this|of|next to|out of|within)\b.*)?$",
    _I,
)


def _place(p: Predicate, text: str, attribute: str = "home") -> Iterator[Claim]:
    found = place_in(text, p.clause)
    if found and _TAIL.match(found[1]):
        yield from _fact(p, attribute, found[0])


def _employer(p: Predicate, text: str) -> Iterator[Claim]:
    found = organization_in(text, p.clause)
    if found and _TAIL.match(found[1]) and not re.match(r"(?:a|the)?\s*(?:day|night|\d)", found[0], _I):
        yield from _fact(p, "employer", found[0])


def _job_and_employer(p: Predicate, text: str, *, open_ended: bool) -> Iterator[Claim]:
    found = job_in(text, open_ended=open_ended)
    if found is None:
        return
    yield from _fact(p, "job", found[0])
    if at := re.match(r"\s*,?\s*(?:working )?(?:at|for|with)\s+(?P<org>.+)$", found[1], _I):
        yield from _employer(p, at["org"])


_AGE = re.compile(r"(?:an? )?(?P<age>\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|eighteen|nineteen)(?P<unit>[ -]?(?:years?[ -]olds?|y/?o|yrs? old)\b)?(?P<more>.*)$", _I)
_OF = {
    "vegetarian": "diet", "handed": "handedness",
}  # fmt: skip


def _be(p: Predicate) -> Iterator[Claim]:
    rest = p.rest
    low = rest.lower()
    bare = re.sub(rf"^{_DET}", "", low).rstrip(" .!")
    if p.tense == "past":
        if born := re.match(r"born (?:and raised )?(?:in|on|near)\s+(?P<v>.+)$", rest, _I):
            yield from _born(p, born["v"])
        elif raised := re.match(r"raised in\s+(?P<v>.+)$", rest, _I):
            yield from _place(p, raised["v"], "hometown")
        elif ill := re.match(r"(?:recently |just )?diagnosed with\s+(?P<v>.+)$", rest, _I):
            yield from _illness(p, ill["v"])
        elif up := re.match(r"(?:just |recently )?(?:promoted to|hired as|made|appointed(?: as)?)\s+(?P<v>.+)$", rest, _I):
            yield from _job_and_employer(p, up["v"], open_ended=False)
        return
    if p.tense == "perfect":
        if ill := re.match(r"(?:recently |just )?diagnosed with\s+(?P<v>.+)$", rest, _I):
            yield from _illness(p, ill["v"])
        elif up := re.match(r"(?:just |recently )?promoted to\s+(?P<v>.+)$", rest, _I):
            yield from _job_and_employer(p, up["v"], open_ended=False)
        elif re.match(r"(?:always |really |so |very |quite |super |totally |pretty )*(?:(?:an? )?(?:\w+ )?fan of|into|fond of|passionate about|obsessed with)\b", low):
            yield from _be(replace(p, tense="present", rest=re.sub(r"^(?:(?:always|really|so|very|quite|super|totally|pretty) )+", "", rest)))
        elif re.search(r"\b(?:for|since)\b", low) and not re.match(r"(?:an? )?(?:in|at|on|to)\b", low):
            since = re.split(r"\s+(?:for|since)\b", rest, maxsplit=1)[0]
            yield from (c for c in _be(replace(p, tense="present", rest=since)) if c.attributes[0] in ("job", "diet", "relationship", "religion"))
        return
    if who := re.match(r"(?:called|named|known as)\s+(?P<v>.+)$", rest, _I):
        name = name_in(who["v"], p.clause)
        if name and p.subject == SPEAKER:
            yield from _fact(p, "name", name)
        elif name and p.subject.split()[-1] in RELATIONS:
            yield Claim(SPEAKER, (p.subject,), name)
        return
    if from_ := re.match(r"(?:originally |actually )?from\s+(?P<v>.+)$", rest, _I):
        found = place_in(from_["v"], p.clause)
        if found and _TAIL.match(found[1]):
            yield from _fact(p, "hometown", found[0])
        return
    if based := re.match(r"(?:now |currently )?(?:based|settled|located|resident|a resident)\s+(?:in|out of|of)\s+(?P<v>.+)$", rest, _I):
        yield from _place(p, based["v"])
        return
    if allergic := re.match(r"(?:(?:very|severely|highly|deathly|also|mildly|terribly|slightly|extremely|a bit|really|quite|badly|allergic to) )*allergic to\s+(?P<v>.+)$", rest, _I):
        yield from _items(p, "allergy", allergic["v"])
        return
    if tolerant := re.match(r"(?P<v>lactose|gluten|fructose|histamine)[ -]intolerant", rest, _I):
        yield from _fact(p, "intolerance", tolerant["v"])
        return
    if diet := re.match(rf"(?:an? |on a )?(?:(?:strict|lifelong|committed|proud|devoted|longtime|ethical|practicing) )?(?P<v>{'|'.join(DIETS)})s?(?: diet)?(?:\s+(?:and|for|since|now|by|but|because|these|of)\b.*|$)", rest, _I):
        if p.plural and not re.match(r"an? ", low) and diet["v"].lower() == "keto":
            return
        yield from _fact(p, "diet", diet["v"])
        return
    if age := _AGE.match(rest):
        number = int(age["age"]) if age["age"].isdigit() else 30
        sure = age["unit"] or not age["more"].strip(" .!,")
        if sure and 3 <= number <= 115 and not re.match(r"\s*(?:%|percent|minutes|pounds|kg|weeks|months|days|feet|in)", age["more"], _I):
            yield from _fact(p, "age", age["age"])
        if age["unit"] and (job := re.match(r"\s+(?P<v>[a-z].+)$", age["more"], _I)):
            yield from _job_and_employer(p, job["v"], open_ended=False)
        return
    if couple := re.match(r"(?:happily |recently |newly |legally |now |finally )*(?P<v>married|engaged|divorced|single|widowed|separated|in a relationship|a widow|a widower)\b(?P<more>.*)$", rest, _I):
        more = couple["more"]
        if re.match(r"\s*(?:in|with (?:my|the) (?:work|job)|by|-|to (?:my|the) (?:job|work|idea))", more, _I) and couple["v"].lower() in ("engaged", "separated", "single"):
            return
        if couple["v"].lower() == "single" and re.match(r"\s+(?!and\b|now|again|at the moment|these|for|since|but|too)\w", more):
            if re.match(r"an? single (?:mother|mom|mum|father|dad|parent)", low):
                yield from _fact(p, "relationship", "single")
            return
        yield from _fact(p, "relationship", couple["v"])
        if to := re.match(r"\s+to\s+(?P<v>[A-Z]\S*(?: [A-Z]\S*)?)", more):
            name = name_in(to["v"], p.clause, certain=False)
            if name and p.subject == SPEAKER:
                yield from _fact(p, "partner" if couple["v"].lower() == "engaged" else "spouse", name)
        return
    if single := re.match(r"an? (?P<v>single) (?:mother|mom|mum|father|dad|parent)", low):
        yield from _fact(p, "relationship", single["v"])
    if parent := re.match(r"an? (?:\w+ )?(?:mother|mom|mum|father|dad|parent) (?:of|to) (?P<v>(?:two|three|four|five|six|\d)(?: (?:kids|children|boys|girls|sons|daughters))?|an? (?:son|daughter|boy|girl))\b", rest, _I):
        yield from _fact(p, "children", parent["v"])
        return
    if bare in RELIGIONS and bare not in ("orthodox",):
        yield from _fact(p, "religion", re.sub(rf"^{_DET}", "", rest, flags=_I))
        return
    if nation := re.match(r"(?:an? |half |originally )?(?P<v>[\w ]+?)(?: citizen| national)?(?:\s+(?:by birth|and|but|living|originally|from)\b.*|$)", rest, _I):
        words = nation["v"].lower()
        if words in NATIONALITIES and not re.match(r"half", rest, _I):
            yield from _fact(p, "nationality", nation["v"])
            return
    if ill := re.match(r"(?:an? )?(?:(?:type [12]|severely|mildly|a type [12]) )?(?P<v>diabetic|asthmatic|dyslexic|epileptic|autistic|color-?blind|colour-?blind|deaf|legally blind|celiac|coeliac)(?:\s+(?:and|but|so|since)\b.*|$)", rest, _I):
        yield from _fact(p, "illness", ill["v"])
        return
    if hand := re.match(r"(?P<v>left|right)[- ]handed", rest, _I):
        yield from _fact(p, "handedness", hand.group())
        return
    if tall := re.match(r"(?P<v>\d[\d.,]*\s?(?:m|cm|meters|metres|feet|foot|ft|'\d{1,2}\"?)(?:\s?\d{1,2}(?:\s?(?:inches|in|\"))?)?)\s*tall", rest, _I):
        yield from _fact(p, "height", tall["v"])
        return
    if fluent := re.match(r"(?:also )?(?:fluent|bilingual|proficient) in\s+(?P<v>.+)$", rest, _I):
        yield from _languages(p, fluent["v"])
        return
    if member := re.match(r"an? (?:proud |active |longtime |founding )?member of (?:the |an? )?(?P<v>.+)$", rest, _I):
        found = place_in(member["v"], p.clause)
        if found and _TAIL.match(found[1]):
            yield from _fact(p, "membership", found[0])
        return
    if fan := re.match(r"(?:an? )?(?:(?:big|huge|massive|great|avid|lifelong|longtime|long-time|die-hard|true) )*(?:fan of|fond of|crazy about|passionate about|obsessed with|big on|into)\s+(?P<v>.+)$", rest, _I):
        if p.subject == SPEAKER:
            yield from _liked(p, fan["v"])
        return
    if re.match(r"(?:the|an?)\s", rest, _I) or (p.plural and low.endswith("s")):
        if re.match(r"the\s", rest, _I) and not re.search(r"\b(?:of|at|for)\b", low):
            return
        yield from _job_and_employer(p, rest, open_ended=False)
        return
    if low.rstrip(" .!") in ("retired", "unemployed", "self-employed"):
        yield from _fact(p, "job", rest.rstrip(" .!"))
        return
    if p.subject.split()[-1:] and p.subject.split()[-1] in RELATIONS:
        name = name_in(re.split(r",|\s+(?:and|who|from)\b", rest)[0], p.clause, certain=False)
        if name:
            yield Claim(SPEAKER, (p.subject,), name)
    elif p.subject and (of := re.match(rf"(?:my|our)\s+(?P<mod>(?:\w+ )??)(?P<rel>{_RELATION})\b(?!')(?P<more>.*)$", rest, _I)):
        if not of["more"].strip(" .!") or re.match(r"\s*(?:and|who|from|,|now)", of["more"]):
            yield Claim(SPEAKER, ((of["mod"] + of["rel"]).lower().strip(),), p.subject)
    elif p.subject == SPEAKER and not p.plural:
        name = name_in(re.split(r",|\s+(?:and|from|by the way|here|btw|again)\b", rest)[0], p.clause, certain=False)
        if name and not re.search(r"'s$", name):
            yield from _fact(p, "name", name)


def _born(p: Predicate, text: str) -> Iterator[Claim]:
    date = date_in(text)
    if date:
        yield from _fact(p, "birthday", date)
        where = re.search(r"\bin\s+(?=[A-Z])(?P<v>.+)$", text[len(date) :])
        if where and not date_in(where["v"]):
            yield from _place(p, where["v"], "birthplace")
        return
    if year := re.match(r"(?:(?P<month>[A-Z]\w+) )?(?P<v>(?:19|20)\d\d)\b(?P<more>.*)", text):
        yield from _fact(p, "birth year" if not year["month"] else "birthday", ((year["month"] or "") + " " + year["v"]).strip())
        return
    found = place_in(text, p.clause)
    if found:
        yield from _fact(p, "birthplace", found[0])
        if on := re.match(r"\s*,?\s*(?:on|in)\s+(?P<v>.+)$", found[1]):
            yield from _born(p, on["v"])


def _illness(p: Predicate, text: str) -> Iterator[Claim]:
    for item in listed(text):
        name = re.sub(r"^(?:an?|mild|severe|chronic|seasonal|bad|terrible|really bad|frequent)\s+", "", item, flags=_I)
        name = re.split(r"\s+(?:and|but|since|for|when|that|so|which|in|at|on|last|this|a few|two|three|\d+ (?:years|months|weeks))\b", name)[0]
        if name.lower() in ILLNESSES or re.fullmatch(r"(?:seasonal |severe |chronic )?(?:asthma|diabetes|migraines?)", name, _I):
            yield from _fact(p, "illness", name)


def _items(p: Predicate, attribute: str, text: str, *, most: int = 4) -> Iterator[Claim]:
    """Claims for each item of an enumeration, as far as it is one."""
    text = re.split(r"\s+(?:but|so|since|because|which|who|that|when|and (?:i|we|have|can|get|carry|it|need|must|so)\b|as well(?! as)|too\b|though|for (?:as|\w+ years)|after all|all my life|with|from)\b|[(.]", text, maxsplit=1)[0]
    for item in listed(text):
        item = re.sub(r"^(?:an?|the|any kind of|any|all)\s+", "", item, flags=_I)
        words = item.lower().split()
        if not words or len(words) > most or any(is_common(w) for w in words) or words[0] in ("them", "it", "work", "mornings"):
            break
        yield from _fact(p, attribute, item)


def _languages(p: Predicate, text: str) -> Iterator[Claim]:
    for item in listed(text):
        word = re.split(r"\s+(?:at|with|as|and|but|to|fluently|natively|well|very|quite|pretty|on|in|because|since|for)\b", item)[0]
        word = re.sub(r"^(?:very |really |quite |pretty |some |my native |native )?(?:good |fluently |fluent |basic |little )?", "", word, flags=_I)
        if word.lower() not in LANGUAGES:
            break
        yield from _fact(p, "language", word)


def _live(p: Predicate) -> Iterator[Claim]:
    if where := re.match(r"(?:(?:right|alone|together|happily|out|up|down|over|here|now|full-time|permanently|all alone|with (?:my|our) (?:[\w-]+ ){1,5}?)\s*)*(?:in|at|near|outside(?: of)?|on)\s+(?P<v>.+)$", p.rest, _I):
        street = re.match(r"(?P<v>(?:\d+\w?\s+)?[A-Z][\w.-]+(?: [A-Z][\w.-]+)*\s+\d+\w?|\d+\w? [A-Z][\w.-]+(?: [A-Z][\w.-]+)*)(?:\s+in\s+(?P<city>.+)|,\s*(?P<city2>[A-Z].+)|$)", where["v"])
        if street:
            yield from _fact(p, "address", street["v"])
            city = street["city"] or street["city2"]
            if city:
                yield from _place(p, city)
            return
        yield from _place(p, where["v"])


def _move(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present":
        return
    rest = re.split(r",\s", p.rest)[0]
    if to := re.match(r"(?:(?:back|over|out|here|up|down|away|again|just|recently|house|homes|from .{2,30}?)\s+)*(?:to|into)\s+(?P<v>.+)$", rest, _I):
        if not re.search(r"\b(?:in (?:19|20)\d\d|ago|when|as a)\b", to["v"]) or p.tense == "perfect" or re.search(r"\bago\b", to["v"]):
            yield from _place(p, to["v"])


def _settle(p: Predicate) -> Iterator[Claim]:
    if where := re.match(r"(?:down )?(?:in|into)\s+(?P<v>.+)$", p.rest, _I):
        yield from _place(p, where["v"])


def _grow(p: Predicate) -> Iterator[Claim]:
    if where := re.match(r"up\s+(?:in|near|on)\s+(?P<v>.+)$", p.rest, _I):
        yield from _place(p, where["v"], "hometown")


def _come(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and (where := re.match(r"(?:originally )?from\s+(?P<v>.+)$", p.rest, _I)):
        yield from _place(p, where["v"], "hometown")


def _work(p: Predicate) -> Iterator[Claim]:
    rest = re.sub(r"^(?:(?:part-?time|full-?time|freelance|remotely|mostly|nights|from home)\s+)+", "", p.rest, flags=_I)
    if as_ := re.match(r"as\s+(?P<v>(?:an?|the|our)\s+.+|\w+$)", rest, _I):
        yield from _job_and_employer(p, as_["v"], open_ended=True)
    elif field := re.match(r"in\s+(?P<v>(?:the\s+)?[\w& -]{2,30}? (?:industry|field|sector|business)|marketing|finance|it|tech|healthcare|education|sales|hr|human resources|construction|retail|consulting|advertising|publishing|journalism|hospitality|logistics|real estate|insurance|banking|cybersecurity|software|e-commerce|biotech|publishing|public relations|pr)(?=\s+(?:and|at|for|so|as|now|but|in|with)\b|\W*$)", rest, _I):
        if not re.match(r"(?:this|that|my|our|an?|the same|the field)\b", field["v"], _I):
            yield from _fact(p, "industry", re.sub(r"^the\s+", "", field["v"]))
    elif at := re.match(r"(?:at|for|with)\s+(?P<v>.+)$", rest, _I):
        if re.match(r"with\b", rest, _I) and not re.match(r"(?:[A-Z])", at["v"]):
            return
        if re.match(r"with\b", rest, _I):
            return
        both = re.match(r"(?P<org>.+?)\s+as\s+(?P<job>(?:an?|the)\s+.+)$", at["v"], _I)
        if both:
            yield from _employer(p, both["org"])
            yield from (c for c in _job_and_employer(p, both["job"], open_ended=True) if c.attributes == ("job",))
        else:
            yield from _employer(p, at["v"])


def _start(p: Predicate) -> Iterator[Claim]:
    rest = p.rest
    if at := re.match(r"(?:(?:working|work|my (?:new )?job|a (?:new )?job|a (?:new )?position) )(?P<v>(?:at|for|with|as)\s.+)$", rest, _I):
        yield from _work(replace(p, rest=at["v"]))
    elif at := re.match(r"at\s+(?P<v>[A-Z].+)$", rest):
        yield from _employer(p, at["v"])
    elif ing := re.match(r"(?:to\s+)?(?P<v>learn(?:ing)?|play(?:ing)?|study(?:ing)?|practic(?:e|ing)|taking)\s+(?P<rest>.+)$", rest, _I):
        verb = re.sub(r"ing$", "", ing["v"].lower()).replace("practic", "practice").replace("practicee", "practice")
        rule = {"tak": _lessons}.get(verb) or _RULES.get(verb)
        if rule is not None:
            yield from rule(replace(p, verb=verb, tense="progressive", rest=ing["rest"]))


def _lessons(p: Predicate) -> Iterator[Claim]:
    """"I'm taking piano lessons"."""
    if p.tense == "past":
        return
    if what := re.match(r"(?P<v>[\w ]+?) (?:lessons?|classes|class|course)\b", p.rest, _I):
        thing = re.sub(r"^(?:an?|some|private|weekly|online)\s+", "", what["v"], flags=_I)
        if thing.lower() in INSTRUMENTS:
            yield from _fact(p, "instrument", thing)
        elif thing.lower() in LANGUAGES:
            yield from _fact(p, "learning", thing)
        elif re.fullmatch(rf"(?:[\w-]+ )?(?:{_ACTIVITIES})", thing, _I):
            yield from _fact(p, "hobby", thing)


_GROUP = r"(?:[\w'-]+ ){1,3}?(?:group|club|choir|band|league|team|society|orchestra)"


def _join(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present":
        return
    if (group := re.match(rf"(?:an?|my|our|the local)\s+(?:new |local |small )*(?P<v>{_GROUP})\b", p.rest, _I)) and p.subject == SPEAKER:
        yield from _fact(p, "membership", group["v"])
        return
    both = re.match(r"(?P<org>[A-Z].+?)\s+as\s+(?P<job>(?:an?|the|their)\s+.+)$", p.rest)
    if both:
        yield from _employer(p, both["org"])
        yield from (c for c in _job_and_employer(p, re.sub("^their", "the", both["job"]), open_ended=True) if c.attributes == ("job",))


def _become(p: Predicate) -> Iterator[Claim]:
    if p.tense in ("past", "perfect"):
        if (what := re.match(r"(?:(?:more and|more|very|really|quite|increasingly) )*interested in\s+(?P<v>.+)$", p.rest, _I)) and p.subject == SPEAKER:
            yield from _liked(p, what["v"])
            return
        for claim in _be(replace(p, tense="present", verb="be")):
            if claim.attributes[0] in ("job", "diet", "religion"):
                yield claim


_NUMBERS = r"(?:an?|one|two|three|four|five|six|seven|eight|\d{1,2}|another|also an?|some|several|my|our|no|any)"
_PET = "|".join(sorted(map(re.escape, PETS), key=len, reverse=True))
_CAR = "|".join(sorted(map(re.escape, CARS), key=len, reverse=True))
_DEVICE = "|".join(sorted(map(re.escape, DEVICES), key=len, reverse=True))
_PET_NP = re.compile(
    rf"(?:(?P<n>{_NUMBERS})\s+)(?P<adj>(?:(?!{_PET}\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|that)\b)[\w-]+\s+){{0,3}}?)(?P<kind>(?:{_PET})(?:\s+(?:{_PET}|mix|cross))?)\b(?!\s+(?:plants?|food|bed|toys?|walker|park|shelter|person|lover|owner|sitter|show|race|house|allergy|hair|phobia|video|costume|stuff|clip|problem|carrier|tower|litter|leash|collar|treats?|training|rescue|sculpture|statue|painting|breed|breeds|memes?|cafe|in me)\b|[-'])"
    rf"(?P<more>.*)$",
    _I,
)
_NAMED = re.compile(r"^,?\s*(?:(?:that|which|who|whom|he|she|it)(?:'s| is| are| we)?\s+)?(?:(?:is\s+|are\s+)?(?:called|named|by the name of)|whose names? (?:is|are)|who goes by|we (?:call|named))\s+(?P<v>.+)$", _I)
_NAMES_AFTER = re.compile(r"^\s*(?:,|:|-|\u2013|\u2014|\()\s*(?P<v>[A-Z\u00c0-\u00de]\S*(?:(?:,\s*|\s+and\s+|,\s*and\s+|\s*&\s*)[A-Z\u00c0-\u00de]\S*)*)\)?")
_SINGULAR = {"puppies": "puppy", "kitties": "kitty", "bunnies": "bunny", "ponies": "pony", "mice": "mouse", "fish": "fish", "canaries": "canary"}


# "A car, a red Volvo", "a dog too, a greyhound called Pixel"
_APPOSED = re.compile(r"^an?(?:other)? (?:new )?(?:car|dog|cat|pet)(?: too| as well)?,\s+(?=an? )", _I)


def _pets(p: Predicate, text: str) -> Iterator[Claim]:
    """"two cats, Miso and Tofu, and a goldfish named Bubbles"."""
    for part in re.split(r",?\s+(?:and|plus|as well as)\s+(?=(?:an?|one|two|three|four|five|another)\s)|,\s+(?=(?:an?|one|two|three|four)\s)", text):
        found = _PET_NP.match(part.strip())
        if found is None:
            return
        number, kind, more = found["n"].lower(), found["kind"], found["more"]
        adjectives = found["adj"].lower().split()
        if number == "no" or any(a in ("stuffed", "toy", "plush", "friend's", "neighbor's", "robot", "virtual", "hot", "imaginary", "dead", "wild", "big", "favorite", "favourite", "pet's") or a.endswith("'s") or a.isdigit() for a in adjectives):
            return
        if kind.lower() in ("fish", "rabbit", "goat", "chicken", "chickens", "boxer", "pointer", "setter", "mini", "mouse", "mice", "bird", "birds", "rat", "rats", "horse", "horses", "shepherd", "boxer") and not (_NAMED.match(more) or p.verb in ("have", "own", "adopt") and re.match(r"\W*$|\s+(?:called|named|at home|and)", more)):
            return
        names = _NAMED.match(more) or _NAMES_AFTER.match(more)
        one = _SINGULAR.get(kind.lower()) or (kind[:-1] if kind.endswith("s") and number not in ("a", "an", "one", "another") else kind)
        told = []
        if names:
            for item in listed(re.split(r"\s+(?:who|which|that|from|last|and (?:he|she|they|it|we|i)|because|for|since|at|in|yesterday|today|two|three|a few|this|when)\b|[.(]", names["v"])[0]):
                name = name_in(item.strip("()"), p.clause)
                if name is None:
                    break
                told.append(name)
        if told:
            for name in told:
                yield from _fact(p, "pet", f"{name} ({one})")
        elif number in ("a", "an", "one", "another", "also a", "my", "our"):
            if re.match(r"\s+(?:in|on|at) (?:my|the|our) (?:dream|game|head|yard|garden|street|throat|lap|neighborhood|park)", more, _I):
                return
            yield from _fact(p, "pet", kind)
        else:
            yield from _fact(p, "pet", f"{number} {kind}" if number != "any" else kind)


_CHILD_NP = re.compile(r"(?P<v>(?:an?|one|two|three|four|five|six|seven|\d)\s+(?P<adj>(?:(?!of\b)[\w-]+\s+){0,3}?)(?P<kind>kids?|children|child|sons?|daughters?|boys|girls|baby (?:boy|girl)|toddlers?|twins|stepchildren|stepkids|grandchildren|grandkids|grandsons?|granddaughters?))\b(?P<more>.*)$", _I)
_SIBLING_NP = re.compile(r"(?P<v>(?:an?|one|two|three|four|five|six|\d)\s+(?P<adj>(?:(?:older|younger|big|little|twin|elder|half|step)[ -])*)(?P<kind>brothers?|sisters?|siblings?))\b(?P<more>.*)$", _I)


def _kin(p: Predicate, text: str) -> Iterator[Claim]:
    """"two kids", "a daughter called Emma", "three brothers"."""
    for part in re.split(r",?\s+and\s+(?=(?:an?|one|two|three|four)\s)|,\s+(?=(?:an?|one|two)\s)", text):
        for pattern, attribute in ((_CHILD_NP, "children"), (_SIBLING_NP, "sibling")):
            found = pattern.match(part.strip())
            if not found or re.match(r"\s+(?:who (?:is|are) (?:coming|visiting)|in (?:my|the) (?:class|story)|to|over|as|of mine|menu|version)\b|'", found["more"], _I):
                continue
            names = _NAMED.match(found["more"]) or _NAMES_AFTER.match(found["more"])
            relation = found["kind"].lower().rstrip("s") if found["kind"].lower() not in ("children", "twins") else "child"
            named = []
            if names:
                raw = re.split(r"\s+(?:who|which|that|and (?:he|she|they|it|we|i)|because|for|since|at|in)\b|[.(]", names["v"])[0]
                named = [n for item in listed(raw) if (n := name_in(item, p.clause))]
            if named and relation in RELATIONS:
                adj = re.sub(r"(?:\d+-years?-old|small|lovely|wonderful|beautiful)\s*", "", found["adj"].lower().replace("-", " ")).strip()
                keep = adj if adj in ("older", "younger", "big", "little", "twin", "elder", "half", "step") else ""
                for name in named:
                    yield Claim(p.subject, (f"{keep} {relation}".strip(),), name)
            elif _TAIL.match(found["more"]) or re.match(r"\s*(?:,|who|aged|that|\()", found["more"]):
                adj = found["adj"]
                if re.search(r"\b(?:other|more|friends'|imaginary|fur)\b|'s\b", adj):
                    continue
                yield from _fact(p, attribute, re.sub(r"^(?:an?|one)\s+", "", found["v"], flags=_I))


def _have(p: Predicate) -> Iterator[Claim]:
    rest = p.rest
    if p.tense == "past":
        return
    if re.match(r"to\b|been\b|an? (?:feeling|idea|dream|question)", rest, _I):
        return
    rest = _APPOSED.sub("", rest)
    if allergy := re.match(r"(?:an? )?(?:(?:severe|bad|mild|serious|slight|terrible|strong|life-threatening) )*(?:(?:allerg(?:y|ies)) to (?P<v>.+)|(?P<w>[\w-]+(?: [\w-]+)?) allerg(?:y|ies)(?:\W.*)?)$", rest, _I):
        words = allergy["v"] or allergy["w"]
        if words.lower() not in ("food", "seasonal", "severe", "any", "some", "no", "an", "other", "several", "many", "a", "bad"):
            yield from _items(p, "allergy", words)
        return
    if degree := re.match(r"an? (?:(?:bachelor'?s?|master'?s?|phd|doctorate|undergraduate|university|college|associate'?s?)(?: degree)?|degree|mba|ba|bsc|msc|ma) in (?P<v>[\w &]+?)(?=\s+(?:from|at|and|but|with|so)\b|$)", rest, _I):
        yield from _fact(p, "degree", degree["v"])
        return
    if second := re.match(r"an? (?P<kind>(?:holiday|vacation|summer|weekend|second|beach|winter) (?:home|house|cottage|apartment|flat|place)) (?:in|on|near|at) (?P<v>.+)$", rest, _I):
        yield from _place(p, second["v"], second["kind"].lower())
        return
    if second := re.match(r"an? (?P<kind>(?:beach ?house|cabin|cottage|summerhouse|lake house|condo)) (?:in|on|near|at) (?P<v>.+)$", rest, _I):
        yield from _place(p, second["v"], second["kind"].lower())
        return
    pets = list(_pets(p, rest))
    if pets:
        yield from pets
        return
    kin = list(_kin(p, rest))
    if kin:
        yield from kin
        return
    ill = list(_illness(p, rest))
    if ill:
        yield from ill
        return
    yield from _car(p, rest)
    yield from _device(p, rest)


_CAR_NP = re.compile(rf"(?:an?|my|our|the)\s+(?P<v>(?:(?!{_CAR}\b|(?:at|for|from|in|about|of|with|to|by|on|and|who|that)\b)[\w.-]+\s+){{0,3}}?(?:{_CAR})\b(?:\s+(?-i:[A-Z0-9][\w-]*)|\s+\d+|\s+(?:civic|corolla|golf|polo|fiesta|focus|camry|mustang|car|van|truck|suv))*)(?P<more>.*)$", _I)


def _car(p: Predicate, text: str) -> Iterator[Claim]:
    found = _CAR_NP.match(text.strip())
    if not found or not (_TAIL.match(found["more"]) or re.match(r"\s*(?:,|that|and)", found["more"])):
        return
    value = found["v"]
    if re.search(r"\b(?:fender|guitar|amp|pedal|smaller|bigger|better|second|used|toy|rental|rented|company|model|dream|matchbox|lego|hired|flash|bumper|race|racing|cable|sidecar|friend's|remote|rc|minor|thing|problem|question|look|test)\b|'s\b", value, _I):
        return
    if value.lower() in ("seat", "golf", "polo", "beetle", "jaguar", "leaf", "focus", "mini", "outback", "forester", "accord", "switch", "astra"):
        return
    if re.match(r"\s*(?:accident|crash|loan|payment|insurance|seat|wash|trouble|issue|dealer\w*|key|game|repair|ride|trip|tire|battery|at the (?:shop|garage)|key|park|rental|mechanic|charger|in mind|show)", found["more"], _I):
        return
    if re.fullmatch(r"(?:(?:new|old|own|little|big|nice|brand new|small|used) )*(?:car|van|truck|pickup|suv|sedan|minivan|motorcycle|scooter|hatchback|camper|coupe|estate|convertible)", value, _I) and not re.search(r"pickup|suv|sedan|minivan|motorcycle|scooter|camper|convertible", value, _I):
        return
    kind = re.search(r"\b(motorcycle|motorbike|scooter|vespa|harley|ducati|yamaha)\b", value, _I)
    yield from _fact(p, "motorcycle" if kind else "car", re.sub(r"^(?:new|brand new|used)\s+", "", value))


_DEVICE_NP = re.compile(rf"(?:an?|my|the)\s+(?P<v>(?:new\s+|old\s+)?(?:(?!{_DEVICE}\b)(?-i:[A-Z])[\w.-]*\s+){{0,2}}(?:{_DEVICE})\b(?:\s+(?:pro|air|mini|max|plus|ultra|charge|(?-i:[A-Z0-9][\w-]*)))*)(?P<more>.*)$", _I)


def _device(p: Predicate, text: str) -> Iterator[Claim]:
    found = _DEVICE_NP.match(text.strip())
    if not found or not _TAIL.match(found["more"]) or p.subject != SPEAKER:
        return
    value = re.sub(r"^(?:new|old)\s+", "", found["v"])
    if value.lower() in ("laptop", "switch", "surface", "galaxy", "pixel", "dslr") or "'s" in value:
        return
    yield from _fact(p, "device", value)


def _own(p: Predicate) -> Iterator[Claim]:
    if p.tense == "past":
        return
    yield from _pets(p, p.rest)
    yield from _car(p, p.rest)
    if business := re.match(r"(?:and run )?an? (?P<v>(?:[\w-]+ ){0,2}(?:bakery|shop|store|restaurant|cafe|caf\u00e9|business|company|studio|salon|gym|bookstore|bookshop|bar|farm|hotel|gallery|boutique|startup|agency))\b", p.rest, _I):
        yield from _fact(p, "business", business["v"])


def _get(p: Predicate) -> Iterator[Claim]:
    """"I got a puppy", "I bought a Tesla", "we adopted a dog"."""
    rest = _APPOSED.sub("", p.rest)
    if p.tense not in ("past", "perfect") or p.subject != SPEAKER:
        return
    if re.search(r"\bfor (?:my|our|his|her|their|a friend|the kids)\b|\b(?:my|our) \w+ (?:an?|some)\b", rest, _I):
        return
    if p.verb == "get" and (state := re.match(r"(?:just |recently |finally )?(?P<v>married|engaged|divorced)\b(?!.*\b(?:ago|in (?:19|20)))", rest, _I)):
        yield from _fact(p, "relationship", state["v"])
        return
    if p.verb == "get" and (job := re.match(r"(?:hired|promoted|a (?:new |full-time |part-time )?(?:job|position|role|promotion))\b\s*(?:(?:as|to)\s+(?P<job>.+)|(?:at|by)\s+(?P<org>.+))?$", rest, _I)):
        if job["job"]:
            yield from _job_and_employer(p, job["job"], open_ended=False)
        elif job["org"] and "promot" not in rest:
            both = re.match(r"(?P<org>.+?)\s+as\s+(?P<job>(?:an?|the)\s+.+)$", job["org"], _I)
            yield from _employer(p, both["org"] if both else job["org"])
            if both:
                yield from (c for c in _job_and_employer(p, both["job"], open_ended=True) if c.attributes == ("job",))
        return
    pets = list(_pets(p, rest))
    if pets and not (p.verb == "buy" and not re.search(r"puppy|kitten|dog|cat|named|called", rest)):
        yield from pets
        return
    if p.verb == "buy" or p.verb == "get":
        yield from _car(p, rest)


def _drive(p: Predicate) -> Iterator[Claim]:
    if p.tense in ("present", "progressive"):
        yield from _car(p, p.rest)


def _speak(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present":
        yield from _languages(p, p.rest)


def _learn(p: Predicate) -> Iterator[Claim]:
    if p.tense not in ("progressive", "present") or (p.tense == "present" and p.subject == SPEAKER and not p.negated and p.verb == "learn"):
        pass
    text = re.sub(r"^(?:how )?to (?:play|speak)\s+", "", p.rest, flags=_I)
    if re.match(r"(?:about|that|how(?! to)|from|more|a lot|new)\b", text, _I):
        return
    word = re.split(r"\s+(?:on|with|at|for|in|and|because|since|right|now|by|from|lately|again|using|so|as|too|these|through|before|this|recently|to|a bit)\b|[,.]", text)[0]
    word = re.sub(r"^(?:the|to play the|some|a bit of|a little)\s+", "", word, flags=_I)
    if word.lower() in LANGUAGES:
        yield from _fact(p, "learning", word)
    elif word.lower() in INSTRUMENTS:
        yield from _fact(p, "instrument", word)
    elif p.subject == SPEAKER and re.fullmatch(rf"(?:programming|coding|python|cooking|singing|dancing|drawing|sketching|chess|{_ACTIVITIES})", word, _I):
        yield from _fact(p, "learning", word)
    elif p.subject == SPEAKER and (to := re.match(r"(?:how )?(?P<v>to (?:cook|code|draw|paint|sing|dance|swim|drive|knit|sew|bake|program|surf|ski|sail))\b", p.rest, _I)):
        yield from _fact(p, "learning", to["v"])


def _study(p: Predicate) -> Iterator[Claim]:
    found = list(_learn(p))
    if found:
        yield from found
        return
    if p.tense not in ("present", "progressive"):
        return
    if what := re.match(r"(?P<v>[\w &-]+?)\s+at\s+(?P<at>(?:the )?[A-Z].+)$", p.rest):
        if not re.search(r"\b(?:for|my|the|hard|abroad|a lot|and)\b", what["v"]):
            yield from _fact(p, "studies", what["v"])
        place = place_in(what["at"], p.clause)
        if place and _TAIL.match(place[1]):
            yield from _fact(p, "school", place[0])
    elif where := re.match(r"at\s+(?P<at>(?:the )?[A-Z].+)$", p.rest):
        place = place_in(where["at"], p.clause)
        if place and _TAIL.match(place[1]):
            yield from _fact(p, "school", place[0])
    else:
        subject = re.match(r"(?P<v>(?:[a-z]+ )?(?:law|medicine|biology|chemistry|physics|mathematics|maths?|history|economics|philosophy|psychology|engineering|"
                           r"computer science|architecture|literature|linguistics|nursing|journalism|sociology|business|finance|accounting|art|music|design|"
                           r"marketing|anthropology|geography|geology|astronomy|pharmacy|dentistry|education|politics|political science|data science|theology))(?P<more>\s+.*)?$", p.rest, _I)
        if subject and p.subject == SPEAKER and not re.search(r"\b(?:for|my|some)\b", subject["v"]) and re.match(r"\s*$|\s+(?:in|at|and|full|now)", subject["more"] or ""):
            yield from _fact(p, "studies", subject["v"])


def _play(p: Predicate) -> Iterator[Claim]:
    if p.tense == "past":
        return
    text = re.sub(r"^(?:a lot of|a bit of|some|in a band,)\s+", "", p.rest, flags=_I)
    for item in listed(re.split(r"\s+(?:with|on|at|for|in|every|once|twice|three|because|since|when|but|regularly|to|as|after|before|competitively|professionally|most|a lot|and (?:i|it)|together|from|too|these|as well)\b|[.(]", text)[0]):
        word = re.sub(r"^(?:the|my|an?)\s+", "", item, flags=_I).lower()
        if word in INSTRUMENTS and not (word in ("bass", "organ", "horn", "recorder", "drum", "harp") and item.lower() == word):
            yield from _fact(p, "instrument", re.sub(r"^(?:the|my|an?)\s+", "", item, flags=_I))
        elif word in SPORTS and not re.match(r"(?:the|my|a)\s", item, _I):
            yield from _fact(p, "sport", item)
        else:
            return


_NO_THING = re.compile(
    r"^(?:the|this|that|these|those|your|his|her|its|it|them|him|you|me|us|how|what|when|where|who|why|to|being|having|getting|my|our|their|"
    r"all|both|some|a|an|one|every|any|each|more|most|not|no|so|as|if|for|about|seeing|knowing|hearing|talking|chatting|feeling|doing|"
    r"using|making|staying|like|number|spending|throwing|trying|going|taking|finding|working|breaking|keeping|adding|incorporating|thinking|sharing|giving|"
    r"looking|shooting(?! (?:landscapes|portraits|film|videos|hoops))|watching(?! (?:movies|films|tv|birds|anime|football|soccer|documentaries|basketball|baseball|sports|art))|looking|starting|connecting|"
    r"experimenting|helping|turning|bringing|something|anything|everything|things|stuff|everyone|people|nothing|ideas?|suggestions?|"
    r"recommendations?|options?|activities|bands|hobbies|sports|animals|too|also|in|on|at|from|with|by|and|or|but)\b",
    _I,
)
_THING_END = re.compile(r"\s+(?:and (?:i|it|they|we|have|am|would|want|was|that|how|find|can|need|really|often|always|usually)\b|but|because|since|so|which|who|that|when|where|while|with|for|from|at|in|on|near|to|as|too|very|a lot|the most|more|most|every|whenever|after|before|during|by|of course|though|especially|like|such|and much|even|if|about|around|most|over|than|together|lately|these|this|today|again|right|now|it's|they're|of|is|are|was|can)\b|[(:!;]|\.(?=\s|$)|,\s*(?:but|so|which|and (?:i|it|they|have|am)|it|they|too|especially|such|like|because|mostly|particularly)\b", _I)


def _liked(p: Predicate, text: str) -> Iterator[Claim]:
    """Things and activities that somebody likes; nothing that points to what was said before."""
    if re.match(r"to\s+(?P<v>listen|read|travel|cook|bake|paint|draw|write|dance|sing|hike|swim|ski|run|knit|garden|fish|cycle|sew|play|camp|climb|surf|collect)\b", text, _I):
        body = _THING_END.split(text[3:], maxsplit=1)[0] if not re.match(r"to listen to", text, _I) else "listen to " + _THING_END.split(re.sub(r"^to listen to\s+", "", text, flags=_I), maxsplit=1)[0]
        first = "to " + next(iter(listed(body)), "")
        if first != "to " and len(first.split()) <= 5 and not re.search(r"\b(?:it|them|my|your|this|that|these|those|some|more|the|a|an|one|his|her|new|out)\b", first, _I):
            yield from _fact(p, "likes", first)
        return
    if re.match(r"\"|number\b", text) or (_NO_THING.match(text) and not re.match(r"(?:activities|bands|hobbies|sports|animals|things|some|a lot of|a bit of)\b", text, _I)):
        return
    if such := re.match(r"(?:[\w-]+ ){0,2}(?:activities|things|sports|hobbies|genres|bands|artists|foods?|games|movies|films|books|authors|shows|outdoors) (?:such as|like|including) (?P<v>.+)$", text, _I):
        text = such["v"]
    if heard := re.match(r"listening to\s+(?P<v>(?!the\b|this\b|that\b|it\b|my\b|your\b|you\b)[\w'-]+(?: [\w'-]+){0,4})(?=\W|$)", text, _I):
        what = _THING_END.split(heard["v"], maxsplit=1)[0]
        yield from _fact(p, "likes", f"listening to {what}" if what else None)
        return
    whole = _THING_END.split(text, maxsplit=1)
    rest = text[len(whole[0]) :]
    if re.match(r"\s+(?:of|about|to|is|are|was|can|it's|they're|that|than)\b", rest) and not re.match(r"\s+to\s+(?:relax|unwind|de-?stress)", rest):
        # "I love watching birds of prey", "I like pieces that ...": the thing is not whole.
        whole = ["".join(re.split(r",\s*[^,]*$|\s+and\s+[^,]*$", whole[0], maxsplit=1)[:1])] if re.search(r",|\sand\s", whole[0]) else [""]
    items = list(listed(whole[0]))
    if len(items) > 1 and len(items[-1].split()) > 1 and len(items[-2].split()) == 1 and not re.search(r"(?:s|ing)$", items[-2]):
        # "sunny and warm weather" is one thing.
        joint = re.search(rf"{re.escape(items[-2])}\s+(?:and|or|&)\s+{re.escape(items[-1])}", whole[0])
        items[-2:] = [joint.group()] if joint else items[-2:]
    if items and _NO_THING.match(items[0]):
        return
    if items and re.match(r"\w+ing \w", items[0]):
        # "improving education and infrastructure": what follows may belong to the first.
        items = [items[0], *(item for item in items[1:] if re.search(r"ing\b", item))]
    for item in items:
        words = item.split()
        if re.match(r"\s+(?:on|up|out|off|in|into|around|down|away|back|through|for|with|about|over|at|to)\b", rest) and item is items[-1] and re.fullmatch(r"\w+ing", item):
            continue
        if words[0][0].isupper() and len(words) == 1 and p.verb in ("like", "love", "enjoy", "adore") and words[0].lower() not in LANGUAGES:
            continue
        if not 1 <= len(words) <= 4 or _NO_THING.match(item) or any(w.lower() in ("my", "your", "it", "them", "this", "that", "these", "those", "you", "i", "we", "up", "out", "'em", "new", "the", "a", "an") for w in words):
            if len(items) > 1:
                continue
            return
        if len(words) == 1 and (words[0].lower() in ("love", "life", "work", "it", "reading!", "fun", "cool", "mine", "yours", "good", "clean", "simple", "home", "much") or is_common(words[0])):
            continue
        if words[-1].lower().endswith(("ed", "'s", "ly", "able")) or is_common(words[-1]):
            continue
        yield from _fact(p, "likes", item)


def _like(p: Predicate) -> Iterator[Claim]:
    # "We love painting" may be somebody else's pleasure.
    always = p.tense == "perfect" and re.search(r"\balways\b", p.clause, _I)
    if (p.tense == "present" or always) and p.subject == SPEAKER and not p.plural:
        yield from _liked(p, p.rest)


def _prefer(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and (what := re.match(r"(?P<v>[\w -]{2,30}?)\s+(?:over|to|than)\s+(?P<w>[\w -]{2,30})$", p.rest, _I)):
        if not _NO_THING.match(what["v"]) and len(what["w"].split()) <= 2 and p.subject == SPEAKER and not re.match(r"to\b", what["v"]):
            if p.negated or not re.search(r"\b(?:stay|go|have|keep|use|do|be|get)\b", what["w"]):
                yield from _fact(p, "likes", what["v"])


def _weigh(p: Predicate) -> Iterator[Claim]:
    if (number := number_in(p.rest)) and re.search(r"[a-z]", number) and p.tense == "present":
        yield from _fact(p, "weight", number)


_CLOCK = r"(?P<v>(?:\d{1,2}(?::\d\d)?\s?(?:am|pm|a\.m\.|p\.m\.|o'clock)?|midnight|noon|(?:half past |quarter (?:past|to) )?(?:five|six|seven|eight|nine|ten|eleven|twelve))(?:\s?(?:am|pm|o'clock))?)"


def _go(p: Predicate) -> Iterator[Claim]:
    if p.tense != "present" or p.subject != SPEAKER:
        return
    if name := re.match(r"by\s+(?P<v>[^\W\d].*)$", p.rest, _I):
        name_ = name_in(re.split(r"\s+(?:at|in|with|online|and|but)\b|,", name["v"])[0], p.clause)
        if name_:
            yield from _fact(p, "name", name_)
    elif bed := re.match(rf"to (?:bed|sleep) (?:at|around|by)\s+(?:around |about )?{_CLOCK}", p.rest, _I):
        yield from _fact(p, "bedtime", bed["v"])
    elif school := re.match(r"to\s+(?P<v>[A-Z].*(?:University|College|High School|School|Academy|Institute))\b", p.rest):
        yield from _fact(p, "school", school["v"])


def _wake(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and p.subject == SPEAKER and (at := re.match(rf"up\s+(?:every (?:day|morning) )?at\s+(?:around |about )?{_CLOCK}(?P<more>.*)$", p.rest, _I)):
        if not re.search(r"\b(?:weekend|sunday|saturday|on)\b", at["more"], _I):
            yield from _fact(p, "time to get up", at["v"])


def _commute(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and (how := re.match(r"(?:to work )?(?P<v>by (?:bike|bicycle|train|bus|car|subway|metro|tram|ferry|motorcycle|tube))\b", p.rest, _I)):
        yield from _fact(p, "commute", how["v"])


def _use(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present":
        yield from _device(p, p.rest)


def _suffer(p: Predicate) -> Iterator[Claim]:
    if what := re.match(r"from\s+(?P<v>.+)$", p.rest, _I):
        yield from _illness(p, what["v"])


def _collect(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and p.subject == SPEAKER:
        thing = _THING_END.split(p.rest, maxsplit=1)[0]
        if 1 <= len(thing.split()) <= 3 and not _NO_THING.match(thing):
            yield from _fact(p, "hobby", f"collecting {thing}")


def _wear(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present" and (size := re.match(r"(?:a )?size\s+(?P<v>\d+(?:[.,]\d)?)(?: shoes?)?$", p.rest, _I)):
        yield from _fact(p, "shoe size", size["v"])


def _run(p: Predicate) -> Iterator[Claim]:
    if p.tense == "present":
        yield from (c for c in _own(replace(p, verb="own")) if c.attributes == ("business",))


def _marry(p: Predicate) -> Iterator[Claim]:
    if p.tense in ("past", "perfect") and p.subject == SPEAKER and not re.search(r"\bago|in (?:19|20)|them\b", p.rest):
        yield from _fact(p, "relationship", "married")


def _turn(p: Predicate) -> Iterator[Claim]:
    """"I just turned 30"."""
    if p.tense in ("past", "perfect") and (age := re.match(r"(?P<v>\d{1,3})(?P<more>.*)$", p.rest)):
        if 3 <= int(age["v"]) <= 115 and not re.match(r"\s*(?:degrees|pages|\w+s\b)|.*\b(?:ago|in (?:19|20))", age["more"]):
            yield from _fact(p, "age", age["v"])


def _major(p: Predicate) -> Iterator[Claim]:
    if what := re.match(r"in\s+(?P<v>[\w &]+?)(?=\s+(?:at|and|but|with|in|from)\b|$)", p.rest, _I):
        yield from _fact(p, "degree", what["v"])


def _volunteer(p: Predicate) -> Iterator[Claim]:
    if p.tense in ("present", "progressive") and p.subject == SPEAKER and (at := re.match(r"(?:regularly |weekly |there )*(?:at|with|for)\s+(?P<v>.+)$", p.rest, _I)):
        place = re.split(r"\s+(?:every|on|for|since|once|twice|and|where|which|lately|recently|in my|as|to|a few|during|this|last|these)\b|[,(]", at["v"])[0]
        place = re.sub(r"^(?:an?|the|my|our)\s+", "", place)
        if 1 <= len(place.split()) <= 6:
            yield from _fact(p, "volunteering", place)


_ACTIVITIES = "yoga|pilates|karate|judo|taekwondo|kickboxing|boxing|crossfit|photography|pottery|ceramics|woodworking|gardening|ballet|gymnastics|martial arts|jiu-jitsu|jiu jitsu|tai chi|meditation|calligraphy|embroidery|crochet|knitting|painting|rock climbing|weightlifting|archery|fencing|zumba|aerial yoga|swimming|running|cycling|hiking|surfing|skiing|sewing|quilting|birdwatching|baking"


def _spend(p: Predicate) -> Iterator[Claim]:
    """"I spend half an hour every day drawing"."""
    often = r"\b(?:every|each|a|per) (?:day|morning|evening|night|week|weekend)\b|\bdaily\b"
    if p.tense == "present" and p.subject == SPEAKER and re.search(often, p.rest):
        if what := re.search(rf"\b(?P<v>drawing|reading|writing|singing|dancing|{_ACTIVITIES})\b", p.rest, _I):
            yield from _fact(p, "hobby", what["v"])


def _do(p: Predicate) -> Iterator[Claim]:
    """"I do yoga"."""
    if p.tense in ("present", "progressive") and p.subject == SPEAKER and not p.plural and (what := re.match(rf"(?:a lot of |some |a bit of )?(?P<v>{_ACTIVITIES})\b(?!\s+(?:class|video|project)\w*\s+(?:today|tomorrow))", p.rest, _I)):
        yield from _fact(p, "hobby", what["v"])


_RULES: dict[str, Callable[[Predicate], Iterator[Claim]]] = {
    "be": _be, "live": _live, "reside": _live, "move": _move, "settle": _settle, "grow": _grow, "come": _come,
    "work": _work, "start": _start, "join": _join, "become": _become, "have": _have, "own": _own, "get": _get, "buy": _get,
    "adopt": _get, "drive": _drive, "speak": _speak, "learn": _learn, "study": _study, "play": _play, "like": _like,
    "love": _like, "enjoy": _like, "adore": _like, "prefer": _prefer, "weigh": _weigh, "go": _go, "get_up": _wake, "wake": _wake,
    "commute": _commute, "use": _use, "suffer": _suffer, "collect": _collect, "wear": _wear, "run": _run, "marry": _marry,
    "practice": _play, "practise": _play, "take": _lessons, "turn": _turn, "major": _major, "volunteer": _volunteer,
    "do": _do, "spend": _spend,
}  # fmt: skip


# --- Clauses that are no subject and predicate --------------------------------------------------

_NP = r"(?P<np>(?:[\w&/-]+\s+){0,5}?[\w&/-]+)"
_MY = re.compile(
    rf"^(?:my|our)\s+(?:(?:{_RELATION})\s+and\s+my\s+)?(?:(?P<who>(?:(?:older|younger|big|little|twin|other|best|ex)[ -])*(?:{_RELATION})(?:\s+[A-Z]\w+)?|(?P<pet>{_PET}))'s\s+)?{_NP}"
    r"(?P<is>'s|\s+is|\s+are|\s+has changed to|\s+has become|\s+will be)\s+(?P<value>.+)$",
    _I,
)
_IS_MY = re.compile(rf"^(?P<value>.+?)\s+(?:is|are)\s+(?:my|our)\s+{_NP}$", _I)
_CALL = re.compile(
    r"^(?:i think |but |and |just |please |you can |you may |feel free to |they |people |everyone |everybody |my friends |friends |folks |most people |"
    r"my family |most )*(?:just |all |also |usually )?(?:call|calls) me\s+(?P<v>[^\W\d_][\w .'-]*?)(?:,.*)?$",
    _I,
)
_NEW_HOME = re.compile(
    r"^(?:the|my|our)\s+(?:new |current )?(?:flat|apartment|house|place|home|room|studio|condo)\s+(?:is|'s)\s+(?:now |right |located )?(?:in|at|on)\s+(?P<v>.+)$", _I)
_LIVE_NOW = re.compile(r"^(?P<v>[A-Z][\w' ,.-]*?)\s+(?:is|'s)\s+(?:where (?:i|we) live(?: now)?|(?:now )?(?:my|our) (?:new )?home(?: now| base)?|home(?: now)?|officially home)$", _I)
_REACH = re.compile(r"^(?:you can |please |just )*(?:reach|call|text|phone|contact|ring) (?:me|us) (?:by phone |now |please )*(?:on|at|under)\s+(?P<v>.+)$", _I)
_FIRST_DAY = re.compile(r"^(?:(?:it's|it is|today (?:is|was)|was) )?(?:my )?first (?:day|week) (?:at|with) (?P<v>[A-Z][\w&. -]*?)(?: today| yesterday| and .*)?$", _I)
_TOOK_NAME = re.compile(r"^(?:i )?took my (?:husband|wife|spouse|partner)'s name:?\s*(?P<v>[A-Z].*)$", _I)
_TOLD_LANGUAGE = re.compile(r"^(?:my|our) (?:native|first|mother) (?:language|tongue) is (?P<v>\w+)$", _I)
_NOT_HEAD = frozenset(
    "far so part thing moment memory scene time aspect bit line quote example option feature question idea plan problem point "
    "concern opinion thought guess understanding suggestion advice experience day week weekend result issue feeling answer "
    "way project budget goal-setting heart mind life dream-team favorite favourite best first last only main biggest current "
    "focus intention concern worry hope fault turn bad pleasure fear attention priority strategy approach team score "
    "character story essay article paper thesis book novel text email-draft target word name's world situation".split()
)
_NUMERIC = frozenset("pin code number id extension".split())
_CODES = (
    "password|passcode|pin|pin code|code|username|user name|account number|membership number|license plate|plate|"
    "locker number|locker code|door code|gate code|lock code|alarm code|combination|hint|iban|passport number|"
    "policy number|ticket number|booking code|room number|flat number|apartment number|seat number|locker|"
    "blood type|shoe size|ring size|dress size|hat size|shirt size|size|height|weight|zip code|postcode|gamertag|handle|"
    "screen name|time zone|salary|pronouns|star sign|zodiac sign|resting heart rate|personal best|pb|time"
).split("|")


def _standalone(clause: Clause) -> Iterator[Claim]:
    text = clause.text
    me = Predicate(SPEAKER, False, "be", "present", False, "", text)
    if called := _CALL.match(text):
        raw = re.split(r"\s+(?:for short|instead|now|btw|please|if|by the way|anyway|too|and|but|because|at|from|when)\b", called["v"])[0]
        name = name_in(raw, text)
        later = raw.split()[0].lower() in ("later", "back", "crazy", "tomorrow", "on", "at", "old", "anytime", "today", "soon", "names", "lazy", "stupid", "weird", "nuts", "mad", "biased", "again", "during", "after", "by", "him", "her", "an", "strange", "selfish", "silly", "the", "maybe", "please", "sir", "naive", "paranoid", "picky", "sentimental", "nerdy", "boring", "out", "up", "in", "cheap", "it", "selfish", "skeptical", "impressed", "interested", "curious")
        if name and not later:
            yield from _fact(me, "name", name)
        return
    if took := _TOOK_NAME.match(text):
        yield from _fact(me, "name", name_in(took["v"], text))
        return
    for pattern in (_NEW_HOME, _LIVE_NOW):
        if home := pattern.match(text):
            if not _PASSING.search(text):
                yield from _place(me, home["v"])
            return
    if first := _FIRST_DAY.match(text):
        yield from _employer(me, first["v"])
        return
    if reach := _REACH.match(text):
        if "@" in reach["v"] and (mail := re.match(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", reach["v"])):
            yield from _fact(me, "email", mail.group())
        else:
            yield from _fact(me, "phone number", phone_in(reach["v"]))
        return
    if language := _TOLD_LANGUAGE.match(text):
        yield from _languages(me, language["v"])
        return
    if mine := _MY.match(text):
        yield from _mine(mine, text)
        return
    if turned := _IS_MY.match(text):
        name = attribute_name(turned["np"].lower())
        value = turned["value"].strip()
        if name.startswith("favourite ") and _is_short(value) and not _PASSING.search(text) and name.split()[-1] not in _NOT_HEAD and not re.search(r"^(?:this|that|it|he|she|they|those|these|which|what|one)\b|\b(?:i|we|you)\b", value, _I):
            yield from _fact(me, name, value)
        elif name in ("name", "email", "phone number") and not re.match(r"(?:this|that|it|what)\b", value, _I):
            yield from _valued(SPEAKER, name, value, text)
        elif re.fullmatch(r"(?:(?:new|current|best|other|older|younger) )?(?:" + _RELATION + ")", turned["np"], _I) and (who := name_in(value, text, certain=False)):
            yield Claim(SPEAKER, (re.sub(r"^(?:new|current) ", "", turned["np"].lower()),), who)


def _is_short(value: str) -> bool:
    return 1 <= len(value.split()) <= 6


def _mine(mine: re.Match[str], text: str) -> Iterator[Claim]:
    """"My work phone number is ...", "my sister's name is ..."."""
    np, value = mine["np"].lower(), mine["value"].strip()
    np = np.replace("e mail", "email")
    owner = SPEAKER
    if re.search(r"\b(?:ideal|dream|perfect|imaginary|fake|made-up|old|former|previous|ex|late|last|first(?! name)|next|other|future|original|today's|second(?! name))\b", np) and not re.match(r"first name|last name", np):
        return
    if mine["is"].strip().lower() == "will be":
        return
    if pet := mine["pet"]:
        name = name_in(value, text) if np == "name" else None
        if name:
            yield Claim(SPEAKER, ("pet",), f"{name} ({pet.lower()})")
        return
    if who := mine["who"]:
        words = who.split()
        relation = " ".join(w for w in words if not w[0].isupper()).lower()
        if not relation:
            relation = who.lower()
        owner = relation + (" " + words[-1] if words[-1][0].isupper() and not text.isupper() and len(words) > 1 else "")
        if np in ("name", "first name") and owner == relation:
            name = name_in(value, text)
            if name:
                yield Claim(SPEAKER, (relation,), name)
            return
        if relation.split()[-1] in UNNAMED_MANY and owner == relation:
            return
    over = _OVER.search(value)
    deny = re.match(r"(?:not|no longer)\s+", value, _I)
    if over or deny:
        bare = re.sub(r",?\s*\b(?:any ?more|any ?longer|no longer|after all)\b", "", value, flags=_I)
        bare = re.sub(r"^(?:not|no longer)\s+", "", bare, flags=_I).strip()
        if deny or (over and re.match(r"not|no longer", over.group(), _I)):
            if not re.match(r"(?:working|valid|active|called|named)", bare, _I):
                yield Claim(owner, (attribute_name(np),), bare, ends=True)
            elif bare.lower().startswith(("called", "named")):
                yield Claim(owner, ("pet", np), bare.split(" ", 1)[-1], ends=True)
            else:
                yield Claim(owner, (attribute_name(np),), "", ends=True)
        return
    # A person or a pet as the subject is no attribute: that is left to the grammar of verbs.
    if re.fullmatch(rf"(?:(?:[\w-]+) ){{0,2}}(?:{_RELATION})", np) and np not in ("dentist", "doctor", "boss", "manager"):
        if value.lower().startswith(("called ", "named ")) or name_in(value, text, certain=False) or re.match(r"(?:called|named)", value, _I):
            head = re.sub(r"^(?:called|named)\s+", "", value, flags=_I)
            name = name_in(re.split(r"\s+(?:and|who)\b|,", head)[0], text, certain=value != head)
            if name and not re.search(r"\bnew\b.*\b(?:friend)\b", np):
                yield Claim(owner, (re.sub(r"^(?:new|current|dear|good|lovely) ", "", np),), name)
                return
        clause = Clause(text, text)
        predicate = parse(clause)
        if predicate is not None and not _PASSING.search(text):
            rule = _RULES.get(predicate.verb)
            if rule:
                if predicate.subject and predicate.subject.split()[-1] in UNNAMED_MANY:
                    return
                found = list(rule(replace(predicate, negated=False)))
                yield from ([replace(c, ends=True) for c in found] if predicate.negated else found)
        return
    if re.fullmatch(rf"(?:[\w-]+ ){{0,3}}(?:{_PET})", np):
        called = re.match(r"(?:called|named)\s+(?P<v>.+)$", value, _I)
        kind = np.split()[-1]
        raw = re.split(r"\s+(?:and (?:he|she|it)|who|because|after)\b|,", called["v"])[0] if called else value
        for item in listed(raw):
            pet_name = name_in(item, text, certain=bool(called))
            if pet_name is None:
                break
            single = _SINGULAR.get(kind) or (kind[:-1] if mine["is"].strip() == "are" and kind.endswith("s") else kind)
            yield Claim(SPEAKER, ("pet",), f"{pet_name} ({single})")
        return
    yield from _valued(owner, attribute_name(np), value, text)


def _valued(owner: str, name: str, value: str, text: str) -> Iterator[Claim]:
    """The value of an attribute that is called by its name."""
    me = Predicate(owner, False, "be", "present", False, "", text)
    base = base_name(name)
    value = re.sub(r"^(?:now|currently|still|also|actually|just|:)\s+", "", value, flags=_I).strip()
    if re.match(r"(?:that|when|where|how|what|why|because|if|to(?! )|so|very|too|really|quite|pretty|always|being|getting|going|coming|about to|"
                r"not|unknown|none|a secret|private|confidential|missing|broken|gone|wrong|down|up|out|it|this|those|these|there|here|something|someone|"
                r"in (?:danger|trouble|the mail)|running|on (?:fire|hold|strike)|full|empty|closed|changing|confusing|important|long|short|weird|hard)\b", value, _I) and base not in ("goal", "dream", "hobby"):
        return
    if name in ("name", "full name") or base in ("nickname", "first name", "last name", "middle name", "maiden name"):
        raw = re.split(r",|\s+(?:and|but|by the way|btw|from|for short|with|although)\b(?!\s+[A-Z][a-z]+$)|\s+-\s+", value)[0]
        found = name_in(raw, text)
        if found and len(name.split()) <= 2:
            yield from _fact(me, name if name != "full name" else "name", found)
    elif base == "phone number":
        yield from _fact(me, name, phone_in(value))
    elif base == "email":
        if mail := re.match(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", value):
            yield from _fact(me, name, mail.group())
    elif base == "birthday":
        day = date_in(re.sub(r"^(?:on|in|actually on)\s+", "", value, flags=_I))
        month = re.fullmatch(r"(?:in\s+)?(january|february|march|april|may|june|july|august|september|october|november|december)", value.strip(" .!"), _I)
        if name == "birthday":
            yield from _fact(me, "birthday", day or (month[1] if month else None))
    elif name == "age":
        if number := re.match(r"\d{1,3}\b", value):
            yield from _fact(me, "age", number.group())
    elif base == "address":
        street = re.match(r"(?:at\s+)?(?P<v>(?=[^,]*\d)[\w .'-]+(?:,\s*[\w .'-]+){0,3})", value)
        place = place_in(re.sub(r"^(?:in|at)\s+", "", value), text)
        if street:
            yield from _fact(me, name, street["v"])
        elif place and re.match(r"in\b", value):
            yield from _place(me, re.sub(r"^in\s+", "", value))
    elif name == "job":
        value = re.sub(r"^(?:to be|being|that of)\s+", "", value, flags=_I)
        if not re.match(r"(?:in|at|to)\b", value):
            yield from _job_and_employer(me, value, open_ended=False)
    elif name == "employer":
        yield from _employer(me, value)
    elif base in ("home", "hometown", "birthplace", "office", "school", "gym", "workplace", "bank"):
        if re.match(r"(?:in|at|on|near)\s", value):
            yield from _place(me, re.sub(r"^(?:in|at|on|near)\s+", "", value), name)
        elif base not in ("home", "office", "workplace"):
            yield from _place(me, value, name)
    elif base in ("doctor", "dentist", "therapist", "boss", "manager"):
        raw = re.sub(r"^(?:called|named)\s+", "", value, flags=_I)
        found = name_in(re.split(r",|\s+(?:and|who|at|in|from)\b", raw)[0], text, certain=raw != value)
        yield from _fact(me, name, found)
    elif base == "car":
        yield from _car(me, value)
    elif name in ("hobby", "interests"):
        yield from (replace(c, attributes=("hobby",)) for c in _liked(me, re.sub(r"^(?:to|include)\s+", "", value)))
    elif base in ("language",):
        yield from _languages(me, value)
    elif base in ("diet", "religion", "nationality", "relationship"):
        if base == "diet" or _is_short(value):
            yield from (c for c in _be(replace(me, rest=value)) if c.attributes == (base,))
    elif base in ("goal", "dream"):
        if to := re.match(r"to\s+(?P<v>.+)$", value):
            if name == "goal" and len(to["v"].split()) <= 14 and not re.search(r"\b(?:this|that|it|these|them)\b", to["v"]):
                yield from _fact(me, name, to["v"])
    elif name.startswith("favourite "):
        head = name.split()[-1]
        value = re.split(r"\s+(?:because|since|but|so|which|that|and (?:i|it|my)|, )|[;(]", value)[0].strip(" ,'\"")
        value = re.sub(r"\s+(?:now|these days|at the moment|by far|though)$", "", value)
        if head not in _NOT_HEAD and _is_short(value) and not re.search(r"\b(?:it|them|i|you|we|probably|definitely the one)\b", value, _I) and not re.match(r"(?:the one|one|when|from|by|with|for|all)\b", value, _I):
            yield from _fact(me, name, value)
    elif any(name == c or name.endswith(" " + c) for c in _CODES):
        coded = value.strip("'\" .")
        head = name.split()[-1]
        if head in ("height", "weight", "salary", "time") or head == "best" or head == "pb":
            amount = number_in(coded)
            if amount and (head not in ("height", "weight") or name == head) and _TAIL.match(coded.partition(amount)[2]) and (head != "time" or re.search(r"\b(?:best|fastest|personal|record)\b", name)):
                yield from _fact(me, name, amount)
        elif len(coded.split()) <= 4 and "username" not in coded and (any(c.isdigit() for c in coded) or len(coded.split()) <= 2) and not is_common(coded.split()[0]):
            if head in _NUMERIC and not any(c.isdigit() for c in coded) and "code" not in name:
                return
            yield from _fact(me, name, coded)
    elif name.split()[-1] in ("lesson", "lessons", "class", "classes", "appointment", "meeting", "practice", "rehearsal", "training", "checkup", "exam", "interview"):
        weekday = re.match(r"(?:on|at|every)\s+(?P<v>(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?)(?:(?: and |, )(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?))*(?:\s+(?:at\s+)?\d{1,2}(?::\d\d)?\s?(?:am|pm)?)?)", value, _I)
        if weekday and len(name.split()) >= 2:
            yield from _fact(me, name, weekday["v"])


_INTRODUCED = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur)\s+(?P<mod>(?:(?:older|elder|younger|big|little|twin|other|best|half|step|new|good|dear|oldest|youngest|eldest)[ -])*)(?P<rel>{_RELATION}),?\s+(?P<name>(?:Dr\.? |Mr\.? |Mrs\.? |Ms\.? )?[A-Z\u00c0-\u00de][a-z\u00df-\u00ff'-]+(?: (?:van |von |de |der )*[A-Z\u00c0-\u00de][a-z\u00df-\u00ff'-]+)?)(?!\w)"
)
_PET_NAMED = re.compile(rf"\b(?:[Mm]y|[Oo]ur)\s+(?P<adj>(?:[a-z]+\s+){{0,2}}?)(?P<kind>{_PET}),?\s+(?P<names>[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?:(?:, | and |, and )[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]+(?!'|\s+[A-Z]))*)(?!\w|'\w)")
_CALLED = re.compile(
    rf"^(?:my|our)\s+(?P<mod>(?:(?:older|younger|best|new|little|big|other)[ -])*)(?P<rel>{_RELATION})\s+(?:is|'s)\s+(?:called|named)\s+(?P<v>[^,]+?)(?:,|\s+and\b|$)", _I)
_NOT_A_PERSON = frozenset("Facebook Google Zoom Mode Day Days Group Slack Skype Whatsapp Instagram Netflix Office Who That Is In On".split())


def _introduced(text: str) -> Iterator[Claim]:
    """Relatives and pets that are named in passing: "my sister Ania is coming with me"."""
    if text.isupper() or _OVER.search(text):
        return
    gone = re.search(r"\b(?:sold|selling|gave away|given away|got rid|crashed|stolen|donated|traded|rehomed|died|passed away|is dead|ran away|broke up|split up|divorced|was put|put (?:him|her|it) down|lost|used to)\b", text, _I)
    if gone:
        return
    for found in _INTRODUCED.finditer(text):
        # "My girlfriend, Toby and I" are three.
        if "," in found.group() and (found.end() == len(text) or re.match(r"\s+and (?:i|me|my|his|her)\b", text[found.end() :], _I)) and not found.start():
            continue
        name = re.sub(r"'s?$", "", found["name"])
        if name.split()[0] in _NOT_A_PERSON or name_in(re.sub(r"\.", "", name), text, certain=False) is None:
            continue
        mod = re.sub(r"\b(?:new|good|dear)\b[ -]", "", found["mod"].lower())
        relation = (mod + found["rel"].lower()).strip()
        if not relation.startswith("ex"):
            yield Claim(SPEAKER, (relation,), name)
    if not re.match(r"(?:an?|the|that|this)\b", text, _I):
        yield from _implied(text)
    for pet in _PET_NAMED.finditer(text):
        if re.search(r"'s|hot|stuffed", pet["adj"]):
            continue
        kind = pet["kind"].lower()
        kind = _SINGULAR.get(kind) or (kind[:-1] if kind.endswith("s") else kind)
        for item in listed(pet["names"]):
            if item not in _NOT_A_PERSON and name_in(item, text, certain=False):
                yield Claim(SPEAKER, ("pet",), f"{item} ({kind})")


_FAMILY = re.compile(
    r"\b(?:my|our)\s+(?P<v>(?:(?:older|elder|younger|twin|eldest|youngest|oldest|little|big|baby|[\w-]+-(?:old|month-old)|\d+ (?:year|month) old|two|three|four|five|step)[ -])*(?:husband|wife|"
    r"fianc\u00e9e?|fiancee?|girlfriend|boyfriend|sons?|daughters?|kids|children|sisters?|brothers?|twins|grandson|granddaughter|grandkids|grandchildren|niece|nephew|cousins?|aunt|uncle))\b(?P<own>'s?)?(?!\s+(?:of|in (?:christ|arms))\b|-)", _I)
_MY_PET = re.compile(rf"\b(?:my|our)\s+(?:(?!{_PET}\b)(?:new|old|little|beloved|two|three|four|five|senior|young|rescue|black|white|elderly|\d+)\s+)*(?P<v>{_PET})\b(?!\s+(?:food|bed|toys?|park|house|sitter|walker|plants?|show|in me|days?|allergy|tree|clip|shed|hat|play|video|feeder|bath|sculpture|statue|costume|painting|figure)\b|[-])", _I)
_MY_CLUB = re.compile(r"\bmy\s+(?:local |new )*(?P<v>(?:hiking|running|book|chess|cycling|tennis|photography|walking|gardening|ski|rowing|drama|writing|sewing|knitting|board game|swim|dance|debate) (?:club|group|team))\b", _I)
_MY_HOBBY = re.compile(r"\bmy\s+(?!new |other |favou?rite |main |only |old )(?P<v>[\w-]+(?: [\w-]+)?) hobby\b", _I)
_MY_LOVE = re.compile(r"\bmy (?:love (?:of|for)|passion for)\s+(?P<v>[\w-]+(?: [\w-]+)?)", _I)
_NAMED_MY_PET = re.compile(rf"\b(?P<name>[A-Z][a-z]+), (?:my|our) (?:\w+ )??(?P<kind>{_PET})\b")
_MY_CAR = re.compile(rf"\b[Mm]y\s+(?:new |old |trusty |beloved |own |current )*(?P<v>(?:(?:19|20)\d\d\s+)?(?:{_CAR})\b(?:\s+(?:[A-Z0-9][\w-]*))*)(?!'s|\s+(?:club|dealer\w*|amp|guitar|keyboard|bike|jacket|shirt|watch|perfume))")
_MY_DEVICE = re.compile(rf"\b[Mm]y\s+(?:new |trusty |beloved |own |current )*(?P<v>(?:[A-Z][\w.-]*\s+){{0,2}}?(?i:{_DEVICE})\b(?:\s+(?:[A-Z0-9][\w-]*|pro|max|mini|plus))*)(?!'s?\b|\s+(?:app|account|case|game|store|subscription|stand|bag|gift|controller|band|group|community|games|library|collection|screen|charger|battery|data|scale|binoculars|lens)\b)")
_MY_HOME = re.compile(r"\b[Mm]y\s+(?:new |own |current |little |small |tiny |one-bedroom |two-bedroom |studio )*(?:apartment|house|home|flat|condo|place|studio)\s+in\s+(?P<v>(?:the )?[A-Z].*)$")
_MY_ROLE = re.compile(r"\b[Mm]y\s+(?:new |current |full-time |part-time |day )*(?:role|job|position|work|career)\s+as\s+(?P<v>(?:an?|the)\s+.+)$", _I)
_MY_JOB_AT = re.compile(r"\b[Mm]y\s+(?:new |current |full-time |part-time )*(?:job|role|position)\s+at\s+(?P<v>[A-Z][\w&. -]+)")


def _implied(text: str) -> Iterator[Claim]:
    """What "my husband", "my dog", "my 2018 Honda Civic" say in passing: that there is one."""
    me = Predicate(SPEAKER, False, "have", "present", False, "", text)
    if re.search(r"\b(?:ex|late|former|old|previous|future|imaginary|fictional|childhood|first|next|dream|last)\b[ -](?:\w+ )?(?:husband|wife|girlfriend|boyfriend|dog|cat|job|role|position|car|apartment|house)|\bno longer\b|\bn't have\b|\bno (?:dog|cat|kids|children)", text, _I):
        return
    for found in _FAMILY.finditer(text):
        if found["own"] and re.match(r"\s+(?:ex|old|former|late)\b", text[found.end() :]):
            continue
        if re.match(r"\s+(?:and i )?(?:died|passed|has died|broke up|left|divorced|split)", text[found.end() :], _I):
            continue
        yield Claim(SPEAKER, ("family",), found["v"])
    for found in _MY_PET.finditer(text):
        kind = found["v"]
        if kind.lower() in ("fish", "chicken", "chickens", "mouse", "mice", "boxer", "pointer", "setter", "bird", "lab", "shepherd", "rat", "goat", "persian", "turkey", "snake", "whippet", "rats"):
            continue
        if re.match(r"\s+(?:died|passed|ran away|is dead|has died)|'s?\s+(?:death|grave|ashes)", text[found.end() :], _I):
            continue
        yield Claim(SPEAKER, ("pet",), kind)
    for pattern, name in ((_MY_CLUB, "membership"), (_MY_HOBBY, "hobby")):
        for found in pattern.finditer(text):
            yield from _fact(me, name, found["v"])
    for found in _MY_LOVE.finditer(text):
        yield from _liked(me, found["v"])
    for owned, rule in ((_MY_CAR, _car), (_MY_DEVICE, None)):
        for found in owned.finditer(text):
            if rule is not None:
                yield from rule(me, f"my {found['v']}")
            elif not re.match(r"laptop|dslr|(?:switch|surface|galaxy|pixel|garmin|fitbit)$", found["v"], _I) and not re.search(r"upgrade from|replac", text):
                yield Claim(SPEAKER, ("device",), found["v"])
    if _PASSING.search(text) or re.search(r"\b(?:was|were|had|sold|left|quit)\b", text, _I):
        return
    if home := _MY_HOME.search(text):
        yield from _place(me, home["v"])
    if role := _MY_ROLE.search(text):
        yield from _job_and_employer(me, role["v"], open_ended=False)
    if at := _MY_JOB_AT.search(text):
        yield from _employer(me, at["v"])


_AS_A = re.compile(r"^as an?\s+(?P<v>[\w' -]{3,50}?)(?:\s+(?:at|for|in|with|who|myself)\b[^,]*)?,\s*(?:i|my|i'm|i've)\b", _I)


_THAT_IS_HOME = re.compile(r"\b(?:in|at) (?P<v>[A-Z][\w' -]+), (?:since |because |as |and )?(?:that's|that is|which is) where (?:I|we) live\b")


def as_one(sentence: str) -> Iterator[Claim]:
    """Read "As a software engineer, I ..."."""
    for pet in _NAMED_MY_PET.finditer(sentence):
        if name_in(pet["name"], sentence, certain=False):
            yield Claim(SPEAKER, ("pet",), f"{pet['name']} ({pet['kind'].lower()})")
    if home := _THAT_IS_HOME.search(sentence):
        yield from _place(Predicate(SPEAKER, False, "live", "present", False, "", sentence), home["v"])
    if found := _AS_A.match(sentence.lstrip()):
        me = Predicate(SPEAKER, False, "be", "present", False, "a " + found["v"], sentence)
        if not re.search(r"\b(?:kid|child|student|teenager|beginner|result|side note|newbie|bonus|language model|ai)\b", found["v"], _I):
            for claim in _be(me):
                if claim.attributes[0] in ("job", "diet", "religion", "nationality", "relationship", "illness"):
                    yield claim


# --- What ends ----------------------------------------------------------------------------------

_THINGS = ("car", "motorcycle", "bike", "device", "computer", "phone", "home", "holiday home", "business", "pet")
_PURSUITS = ("sport", "instrument", "hobby", "likes", "learning", "favourite")
_PARTNERS = ("girlfriend", "boyfriend", "partner", "fiance", "fianc\u00e9", "fiancee", "fianc\u00e9e", "husband", "wife", "spouse", "relationship")
_DEAD = re.compile(
    r"^(?:(?P<who>.+?)\s+)(?:has |have |had |just |sadly |recently |suddenly |unfortunately |finally )*(?:died|passed(?: away| on)?|is dead|ran away|was put (?:down|to sleep)|"
    r"got run over|crossed the rainbow bridge|is gone|went missing|didn't make it)\b",
    _I,
)


_PUT_DOWN = re.compile(r"^(?:i|we) (?:had to |have to )?put (?P<who>.+?) (?:down|to sleep)\b", _I)
_NO_LONGER_MY = re.compile(
    r"^(?P<value>.+?)\s+(?:is|are)\s+(?:no longer|not)\s+(?:my|our)\s+(?P<np>(?:[\w-]+\s+){0,3}?[\w-]+)(?:\s+any ?(?:more|longer))?(?:\s+(?:because|since|and)\b.*)?$", _I)
_OUT_OF_USE = re.compile(r"\b(?:no longer works?|(?:doesn't|does not) work|is (?:dead|no longer (?:valid|active|in use))|isn't (?:valid|active)|stopped working)\b", _I)
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?\d[\d ()./-]{4,}\d")


def _gone(text: str) -> Iterator[Claim]:
    """What is said to be gone by the whole of a clause: "Tom the cat died"."""
    if dead := _DEAD.match(text):
        who = dead["who"]
        if not re.match(r"(?:i|we|he|she|it|they|you|that|this|who|someone|everyone|nobody|\w+ (?:people|men|soldiers))\b", who, _I) and len(who.split()) <= 6:
            yield from _dead(who, "")
    elif down := _PUT_DOWN.match(text):
        yield from _dead(down["who"], "")
    elif no_longer := _NO_LONGER_MY.match(text):
        name = attribute_name(no_longer["np"].lower())
        last = name.split()[-1]
        yield Claim(SPEAKER, ("pet",) if last in PETS else (name,), no_longer["value"], ends=True)
    elif _OUT_OF_USE.search(text) and (contact := _CONTACT.search(text)):
        yield Claim(SPEAKER, (), contact.group().strip(), ends=True)


def _object(text: str) -> str:
    """A thing without article and without what is said of when and why."""
    thing = re.split(r"\s+(?:last|yesterday|today|this|ago|in (?:\d|january|february|march|april|may|june|july|august|september|october|november|december)|because|to (?:a|my|the|our)|for (?:a|good|\d|health)|on|after|when|since|and|two|three|a few|as|at|years?|so|but|recently|now|completely|altogether|entirely|already|with|over|before|from|again)\b|[,.!]", text.strip(), maxsplit=1, flags=_I)[0]
    return re.sub(r"^(?:my|our|the|an?|that|this|his|her|poor|old|all)\s+", "", re.sub(r"^(?:my|our|the)\s+(?:old|beloved|dear|poor)\s+", "", thing, flags=_I), flags=_I).strip()


def _ended(p: Predicate) -> Iterator[Claim]:
    """What is over by its verb: quit, sold, died, broke up, gave up."""
    rest = p.rest
    if p.negated or p.tense == "present":
        if p.verb == "quit" and not p.negated:
            pass
        else:
            return
    me = p.subject
    if p.verb in ("quit", "leave") or (p.verb == "be" and re.match(r"(?:fired|laid off|let go|made redundant)\b", rest, _I)) or (p.verb == "get" and re.match(r"(?:fired|laid off)\b", rest, _I)):
        if p.verb in ("quit", "leave") and (ing := re.match(r"(?P<v>\w+ing)\b\s*(?P<o>.*)$", rest)) and not re.match(r"working", rest):
            yield from _stopped(p, ing["v"], ing["o"])
            return
        if p.verb == "quit" and not re.match(r"(?:my|our|the|working|from|[A-Z])|\w+$|[a-z]+ (?:last|yesterday|today|this)\b", rest):
            return
        thing = _object(re.sub(r"^(?:from|by|working (?:at|for))\s+", "", re.sub(r"^(?:fired|laid off|let go|made redundant)\s*(?:from|by)?\s*", "", rest, flags=_I), flags=_I))
        low = thing.lower()
        if not rest.strip() or re.match(r"(?:job|work|position|day job|company|old job|last job|previous job)\b", low) or p.verb in ("be", "get"):
            if p.verb == "leave" and not re.search(r"\bjob|company|position", rest, _I):
                return
            yield Claim(me, ("employer", "job"), "", ends=True)
        elif p.verb == "leave":
            if name_in(thing, p.clause, certain=False) or place_in(thing, p.clause):
                yield Claim(me, ("employer", "membership", "home") if re.search(r"\bfor good\b", rest, _I) else ("employer", "membership"), thing, ends=True)
        else:
            yield Claim(me, ("employer", "gym", "membership", *_PURSUITS), thing, ends=True)
    elif p.verb in ("sell", "lose") or (p.verb == "give" and re.match(r"away\b|.*\baway\b", rest, _I)) or (p.verb == "get" and re.match(r"rid of\b", rest, _I)):
        thing = _object(re.sub(r"^(?:away|rid of|in|off)\s+", "", re.sub(r"\s+(?:away|off|in|up for adoption)\b.*$", "", rest, flags=_I), flags=_I))
        if p.verb == "lose" and re.match(r"job\b", thing, _I):
            yield Claim(me, ("employer", "job"), "", ends=True)
        elif thing and not (p.verb == "lose" and not re.search(r"^(?:my|our)\b", rest, _I)):
            yield from (Claim(me, (a,), "", ends=True) for a in _generic(thing))
            yield Claim(me, _THINGS, thing, ends=True)
    elif p.verb == "give" and (up := re.match(r"up\s+(?:on\s+)?(?P<v>.+)$", rest, _I)):
        for item in listed(_split_list(up["v"])):
            ing = re.match(r"(?P<v>\w+ing)\b\s*(?P<o>.*)$", item)
            yield from _stopped(p, ing["v"], ing["o"]) if ing else [Claim(me, (*_PURSUITS, "diet"), _object(item), ends=True)]
    elif p.verb == "stop" and (ing := re.match(r"(?P<v>\w+ing)\b\s*(?P<o>.*)$", rest, _I)):
        yield from _stopped(p, ing["v"], ing["o"])
    elif p.verb in ("break", "split", "separate") and re.match(r"(?:up\b|$|from (?:my|our)|.*\bup\b)", rest, _I):
        yield Claim(me, _PARTNERS, "", ends=True)
    elif p.verb == "divorce" or (p.verb == "get" and re.match(r"(?:a )?divorced?\b", rest, _I)):
        yield Claim(me, tuple(a for a in _PARTNERS if a != "relationship"), "", ends=True)
        yield from _fact(p, "relationship", "divorced" if "divorced" in p.clause.lower() else None)
    elif p.verb == "retire":
        yield Claim(me, ("employer", "job"), "", ends=True)
        if not re.search(r"\bago|from\b", rest):
            yield from _fact(p, "job", "retired")
    elif p.verb in ("drop", "graduate"):
        if p.verb == "graduate" or re.match(r"out\b", rest, _I):
            yield Claim(me, ("studies", "school", "major"), "", ends=True)
        if p.verb == "graduate" and (where := re.match(r"from\s+(?P<v>.+)$", rest, _I)):
            yield from (c for c in _place(p, where["v"], "education") if " " in c.value or c.value[0].isupper())
        if p.verb == "graduate" and (what := re.search(r"\bwith an? (?:[\w']+ )?degree in (?P<v>[\w &]+?)(?=\s+(?:from|at|and|but|with|in)\b|$)", rest, _I)):
            yield from _fact(p, "degree", what["v"])
    elif p.verb == "cancel":
        yield Claim(me, ("membership", "subscription", "gym"), _object(re.sub(r"\s+(?:membership|subscription)\b.*$", "", rest, flags=_I)), ends=True)
    elif p.verb == "outgrow" and (what := re.match(r"(?:my )?(?P<v>.+?)(?: allergy)?$", rest)):
        yield Claim(me, ("allergy", "intolerance", "illness"), _object(what["v"]), ends=True)
    elif p.verb == "move" and (out := re.match(r"(?:out|away)\s*(?:of|from)\s+(?P<v>.+)$", rest, _I)):
        to = re.match(r"(?P<old>.+?)\s+to\s+(?P<new>.+)$", out["v"])
        if to:
            yield from _place(p, to["new"])
        else:
            yield Claim(me, ("home",), _object(out["v"]), ends=True)
    elif p.verb == "put" and (down := re.match(r"(?P<v>.+?)\s+(?:down|to sleep)\b", rest, _I)):
        yield from _dead(down["v"], "")
    elif p.verb == "pass" and re.match(r"away|on\b", rest, _I) and me:
        yield from _dead(me, me)


def _split_list(text: str) -> str:
    return re.split(r"\s+(?:last|yesterday|ago|in \d|because|after|when|since|years|for (?:good|health|lent)|two|three|a few|recently)\b|[.!]", text, maxsplit=1)[0]


def _generic(thing: str) -> Iterator[str]:
    """"I sold my car": whichever it was."""
    low = thing.lower()
    if low in ("car", "motorcycle", "motorbike", "business"):
        yield "motorcycle" if low == "motorbike" else low


def _dead(who: str, subject: str) -> Iterator[Claim]:
    said = re.sub(r"^(?:my|our|the|poor|dear|old|beloved|sweet|little|sadly|unfortunately|yesterday|today)\s+", "", re.sub(r"^(?:my|our)\s+(?:poor|dear|old|beloved|sweet|little)\s+", "", who, flags=_I), flags=_I)
    said = re.sub(r"\s+(?:the|our|my)\s+(?:\w+)$", "", said, flags=_I).strip(" ,")
    relation = said.lower().split()[0] if said else ""
    if relation in RELATIONS:
        yield Claim(SPEAKER, (relation,), " ".join(said.split()[1:]), ends=True)
        yield Claim(said.lower() if said.lower() in RELATIONS else said, (), "", ends=True)
    elif said:
        yield Claim(SPEAKER, ("pet",), said, ends=True)
        if said[0].isupper():
            yield Claim(SPEAKER, tuple(sorted(RELATIONS)), said, ends=True)


def _stopped(p: Predicate, verb: str, thing: str) -> Iterator[Claim]:
    low = verb.lower()
    if low == "working":
        org = _object(re.sub(r"^(?:at|for|as)\s+", "", thing))
        yield Claim(p.subject, ("employer", "job"), org if not org or not re.match(r"there", org, _I) else "", ends=True)
    elif low == "being":
        yield from (replace(c, ends=True) for c in _be(replace(p, verb="be", tense="present", negated=False, rest=thing)))
    elif low == "living":
        yield Claim(p.subject, ("home",), _object(re.sub(r"^(?:in|at)\s+", "", thing)), ends=True)
    else:
        objects = [_object(re.sub(r"^(?:the|to|as|for)\s+", "", item)) for item in listed(_split_list(thing))] or [""]
        for item in objects:
            value = item or low
            yield Claim(p.subject, (*_PURSUITS, "diet", "language", "membership"), value, ends=True)
        if objects != [""] and low not in ("playing", "drinking", "eating", "learning", "practicing", "doing", "taking", "studying", "speaking"):
            yield Claim(p.subject, _PURSUITS, low, ends=True)


def _denied(p: Predicate) -> Iterator[Claim]:
    """Denials that no rule reads: "I don't live there any more", "I don't have any pets"."""
    rest = p.rest.lower().strip(" .!")
    if p.verb == "live" and re.match(r"(?:there|here|at|in)\b", rest):
        yield Claim(p.subject, ("home",), "", ends=True) if re.match(r"(?:there|here)", rest) else Claim(p.subject, ("home", "address"), _object(re.sub(r"^(?:in|at)\s+", "", p.rest)), ends=True)
    elif p.verb == "work":
        thing = _object(re.sub(r"^(?:there|here|at|for|as)\b\s*", "", p.rest, flags=_I))
        yield Claim(p.subject, ("employer", "job"), thing, ends=True)
    elif p.verb in ("have", "own", "drive"):
        thing = _object(re.sub(r"^(?:any|an?|the|that|my)\s+", "", p.rest, flags=_I))
        for attribute, words in (("pet", r"(?:pets?|animals?)"), ("children", r"(?:kids|children|child)"), ("car", r"(?:car|vehicle)"), ("sibling", r"(?:siblings?)"), ("allergy", r"(?:allerg(?:y|ies))"), ("job", r"job")):
            if re.match(rf"{words}\b", thing, _I):
                yield Claim(p.subject, (attribute,), "", ends=True)
                return
        if thing:
            yield Claim(p.subject, (*_THINGS, "allergy", "illness", "children", "sibling", *_PARTNERS[:-1]), thing, ends=True)
    elif p.verb in ("play", "like", "love", "enjoy", "learn", "study", "speak", "practice", "eat", "drink", "collect", "adore", "ride", "sing", "paint"):
        for item in listed(_split_list(p.rest)):
            if thing := _object(item):
                yield Claim(p.subject, (*_PURSUITS, "language", "studies"), thing, ends=True)
    elif p.verb in ("be",):
        value = _object(re.sub(r"^(?:called|named|based in|in|at|with|dating|married to|seeing)\s+", "", p.rest, flags=_I))
        if re.match(r"(?:with|dating|seeing|together)\b", rest):
            yield Claim(p.subject, _PARTNERS, value if value and value[0].isupper() else "", ends=True)
        elif re.match(r"(?:called|named)", rest):
            yield Claim(p.subject, ("name", "last name"), value, ends=True)
        elif value and len(value.split()) <= 3:
            yield Claim(p.subject, ("job", "diet", "religion", "relationship", "nationality", "illness", "name", "handedness"), value, ends=True)


_IT_IS = re.compile(
    r"^(?:(?:actually|sorry|no|wait|oops|correction|my mistake|i was wrong)[,.:!]?\s+)*(?:(?:it|that|he|she|they|there)(?:'s| is| was|'re| are)|i mean(?:t)?|i live in|make (?:it|that))\s+(?:actually |really |in fact |supposed to be )?(?:on |in |at )?(?P<new>[\w$\u20ac\u00a3+:.@ '-]{1,40}?),?\s+(?:and )?not\s+(?:on |in |at )?(?P<old>[\w$\u20ac\u00a3+:.@ '-]{1,40})$", _I)
_NOT_BUT = re.compile(
    r"^(?:(?:actually|sorry|no|wait|oops|correction)[,.:!]?\s+)*(?:(?:it|that|he|she)(?:'s| is)\s+)?not\s+(?:on |in |at )?(?P<old>[\w$\u20ac\u00a3+:.@ '-]{1,40}?)(?:,|\s+but|,\s+it(?:'s| is)|,\s*but)\s+(?:it(?:'s| is)\s+)?(?:on |in |at )?(?P<new>[\w$\u20ac\u00a3+:.@ '-]{1,40})$", _I)


def correction(sentence: str) -> Claim | None:
    """Read "Actually it's Tuesday, not Thursday", where what it corrects was said before."""
    said = sentence.strip(" .!")
    found = _IT_IS.match(said) or _NOT_BUT.match(said)
    if found is None or len(found["old"].split()) > 4 or len(found["new"].split()) > 4:
        return None
    new, old = found["new"].strip(), found["old"].strip()
    if re.match(r"(?:a|an|the|that|so|very|too|just|only|really|bad|good|about|sure|fair|easy)\b", new, _I) and not new[0].isupper():
        return None
    return Claim(SPEAKER, (), new, old=old)
