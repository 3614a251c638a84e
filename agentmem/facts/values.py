"""Values of facts: names, places, dates, numbers and lists, as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from agentmem.facts.lexicon import JOB_ENDINGS, JOBS, NOT_NAMES, ORGANIZATIONS, TITLE
from agentmem.facts.patterns import any_of, pattern, words
from agentmem_retrievers.text.dates import find_time_spans

__all__ = [
    "date_in", "is_common", "job_in", "listed", "name_in", "number_in", "organization_in",
    "place_in",
]  # fmt: skip

_PARTICLES = frozenset(
    "van von der den de da di du del della la le les el al bin ibn ben ter ten zu zur y e of dos das do "
    "und st. saint the upon sur am im & 't d' o' mc af av".split()
)
# Words in lower case that are no name, where everything is in lower case.
_COMMON = words("""
    a an the this that these those my your our his her its their some any no not very so too just
    really always never now here there home work school bed night day morning later tomorrow today
    soon when if because and or but with without for from to at in on of by about up out off over it
    he she they we you i me is are was be been being do does did have has had will would can could
    should may might must important secret crazy stupid sir man dude bro back anytime maybe
    old-fashioned something someone anything nothing everything everyone whatever what who which
    where how why small big large little tiny huge new old same different beautiful nice quiet rural
    remote town city village country countryside suburb suburbs area neighborhood neighbourhood
    place house apartment flat condo studio dorm building street road room basement van boat farm
    cabin student hell heaven fear peace bliss style world moment future past present family friends
    parents mother husband wife one two three four five six seven eight nine ten few many most all
    both each every another other than then also still only even well good great fine busy tired
    happy sad hungry sorry sick ill late early ready sure glad far away close closed nearby chaos
    disarray shambles ruins danger trouble sight order progress cold hot bored excited lost done
    free single married alone lonely lazy afraid scared nervous curious fond stuck worried confused
    interested trying going getting looking thinking working living feeling doing making apartments
    houses cities towns dorms hotels shelters denial harmony poverty limbo vain sin having taking
    planning learning studying reading writing playing using hoping wondering considering starting
    weird biased strange selfish silly naive sentimental nerdy boring cheap skeptical impressed
    however yesterday meanwhile moreover besides nevertheless instead
""")
_WORD = re.compile(rf"(?:{TITLE}|[A-Z])\.(?=\s)|[^\W_](?:[\w'.\u2019-]*[\w'])?|&")
_SPACE = re.compile(r" +|(?<=-)")


def is_common(word: str) -> bool:
    """Whether a word in lower case is known to be no name."""
    return word.lower() in _COMMON


def _is_proper(token: str) -> bool:
    """Whether a token is written as a name: capitalized, or in a script without capitals."""
    first = token[0]
    return first.isupper() or first.isdigit() or (first.isalpha() and not first.islower())


def _proper_run(text: str, *, most: int) -> str:
    """The longest run of names at the beginning of a text, with particles in between."""
    end = position = 0
    for _ in range(most):
        word = _WORD.match(text, position)
        if word is None or not (proper := _is_proper(word.group())) and word.group().lower() not in _PARTICLES:
            break
        end = word.end() if proper else end
        space = _SPACE.match(text, word.end())
        if space is None:
            break
        position = space.end()
    return text[:end]


def _uncased(clause: str) -> bool:
    """Whether a clause's capitals tell nothing: there are none but the first, or only capitals.

    Who writes "I" with a capital does so with names: "I live in jeans" is no place.
    """
    cased = [c for c in clause if c.isupper() or c.islower()]
    if all(c.isupper() for c in cased):
        return bool(cased)
    return not any(c.isupper() for c in clause[1:]) and re.match(r"I\b", clause) is None


def name_in(text: str, clause: str, *, certain: bool = True) -> str | None:
    """Return the name at the beginning of a text, if the text is nothing else.

    Args:
        clause: all of the clause, to tell whether its capitals mean something.
        certain: whether the clause says that a name follows ("my name is ..."): only then one in
            lower case is taken.
    """
    phrase = text.strip(" .,!'\"")
    loose = _uncased(clause)
    tokens = phrase.split()
    lowered = phrase.lower()
    if not phrase or any(c.isdigit() for c in phrase) or len(phrase) > 60 or (loose and not certain):
        return None
    if loose and (lowered in NOT_NAMES or len(tokens) > 3):
        return None
    if not certain and (lowered in NOT_NAMES or tokens[0].lower().split("-")[0] in NOT_NAMES):
        return None
    # "Will" may be a name where it is written as one.
    written = [not loose and t[0].isupper() and (certain or n > 0) for n, t in enumerate(tokens)]
    for n, token in enumerate(tokens):
        if is_common(token) and not written[n] and (token not in _PARTICLES or not n):
            return None
    if loose and clause.islower():
        return phrase if all(map(_WORD.fullmatch, tokens)) and tokens[-1] not in _PARTICLES else None
    return phrase if _is_proper(tokens[0]) and _proper_run(phrase, most=6) == phrase else None


_SETTLEMENT = pattern(
    r"(?:an?|the|our|my)\s+(?P<value>(?:[\w-]+\s+){0,3}(?:town|city|village|suburb|suburbs|house|apartment|flat|condo|studio|"
    r"cottage|farm|place|neighbou?rhood|area|outskirts|heart|center|centre|north|south|east|west|countryside|"
    r"island|district|part|middle)\s+(?:called|named|in|near|outside|of|just outside(?: of)?|on)\s+)(?P<rest>.+)"
)
# A place where capitals tell nothing: up to three words before one that is no part of it.
_WORDS = pattern(
    r"(?P<the>the )?[\w.'-]+(?:[ ,]+(?!(?:with|for|since|now|and|but|near|by|at|in|on|because|from|as|too|again|these|right|last|this|next|yesterday|today|recently|after|before|when|where|who|so|already|actually|btw|then|alone|together|instead|to|is)\b)[\w.'-]+){0,2}"
)
_WITH_ARTICLE = ("the us", "the uk", "the usa", "the netherlands", "the hague", "the bronx")


def place_in(text: str, clause: str) -> tuple[str, str] | None:
    """Return the place that a text begins with, and what follows it."""
    phrase = text.strip()
    loose = _uncased(clause)
    if wide := _SETTLEMENT.fullmatch(phrase):
        inner = place_in(wide["rest"], clause)
        return (wide["value"] + inner[0], inner[1]) if inner else None
    if loose and (phrase.islower() or phrase.isupper()):
        match = _WORDS.match(phrase)
        value = match.group().strip(" ,") if match else ""
        known = value.lower() in _WITH_ARTICLE if match and match["the"] else bool(value)
        common = any(w.lower() in _COMMON - {"new", "the"} for w in re.findall(r"[\w'-]+", value))
        return (value, phrase[match.end() :]) if match and known and not common else None
    end = 4 if re.match(r"the\s+(?=[A-Z])", phrase) else 0
    run = _proper_run(phrase[end:], most=6)
    if not run or run[0].isdigit() or (loose and is_common(run)) or run.split()[0] in ("I", "My"):
        return None
    end += len(run)
    while more := re.match(r",\s*(?=[A-Z\u00c0-\u00de])", phrase[end:]):
        run = _proper_run(phrase[end + more.end() :], most=4)
        if not run or run.split()[0] in ("I", "My") or any(c.isdigit() for c in run):
            break
        end += more.end() + len(run)
    return phrase[:end], phrase[end:]


_BUSINESS = pattern(
    r"(?:an?|the|our|my)\s+(?P<value>(?:(?!who\b|that\b|which\b|and\b)[\w'-]+\s+){0,3}?"
    rf"{any_of(ORGANIZATIONS)})\b(?:\s+(?:called|named)\s+(?P<name>.+)|(?P<tail>.*))"
)
# "A great company", "my current agency", "the same shop" tell nothing.
_SOME_BUSINESS = pattern(
    r"(?:(?:current|same|new|big|small|large|local|different|great|good|my|old) )*(?:company|firm|agency|business)|"
    r"(?:(?:big|small|large|local|different|great|good|my|old) )*(?:current|same|new) (?:startup|start-up|shop|store|garage|zoo|hotel|restaurant)"
)
_NO_ORGANIZATION = ("as", "home", "night", "nights", "monday", "least", "first")


def organization_in(text: str, clause: str) -> tuple[str, str] | None:
    """Return the organization that a text begins with, and what follows it."""
    if business := _BUSINESS.fullmatch(text.strip()):
        if business["name"]:
            return organization_in(business["name"], clause)
        known = not _SOME_BUSINESS.fullmatch(business["value"])
        return (business["value"], business["tail"]) if known else None
    match = place_in(text, clause)
    if match is None or match[0].lower().split()[0] in _NO_ORGANIZATION:
        return None
    address = match[1].startswith(",") and any(c.isdigit() for c in match[1])
    return None if address else match


_NOT_JOBS = pattern(
    r"\b(?:good|great|bad|terrible|big|huge|better|best|fast|slow|quick|heavy|light|early|hard|natural|born|avid|keen|true|"
    r"passionate|aspiring|wannabe|would-be|future|potential|fellow|terrible|awful|decent|amazing|lousy|picky|"
    r"former|ex|retired|dream|closet|last-minute|first-time|frequent|regular|fan|self-proclaimed|self-taught|"
    r"beginner|intermediate|novice|amateur|hobby|hobbyist|home|casual|excellent|horrible|poor|non|proud|new(?= (?:player|runner|driver)))\b"
)
_JOB = pattern(
    r"(?:(?:an?|the|our)\s+)?(?P<title>(?P<of>.*?\b(?:head|chief|director|vp|vice president|president|professor|teacher|manager|owner|chair) of \w+(?: \w+)?(?=\s+(?:at|for|in|with)\b|$))|.*?)"
    r"(?:[ .!]*$|(?=,|\s+(?:at|for|with|in|by|from|of|on|who|that|and|specializing|working|now|these|here|based|to|since|until|again|too|full-time|part-time|last|this|next|two|three|yesterday|today|as|where|about|over|starting|but|so)\b))"
)
_VAGUE_JOBS = words("assistant guest partner officer worker owner guide server minister executive representative specialist")
_TWO_WORDS = words("vp medical_student phd_student nurse_practitioner")
_NO_TITLE = words("team project way result whole group part couple family hobby kid child unit charm job")


def job_in(text: str, *, open_ended: bool = False) -> tuple[str, str] | None:
    """Return the job title that a text begins with, and what follows it.

    Args:
        open_ended: whether the clause says that a job follows ("I work as a ..."); else it has to
            be a job that is known.
    """
    match = _JOB.match(text.strip())
    title = match["title"].strip(" .!") if match else ""
    parts = title.lower().split()
    if match is None or not 1 <= len(parts) <= 5 or _NOT_JOBS.search(title):
        return None
    after = text.strip()[match.end() :]
    core = title.lower().partition(" of ")[0]
    last = core.split()[-1]
    if (core in ("student", "doctor", "master") and after.startswith(" of ")) or (core in _VAGUE_JOBS and not open_ended):
        return None
    known = match["of"] if last in ("head", "chief") else last in JOBS or last.endswith(JOB_ENDINGS) or " ".join(core.split()[-2:]) in JOBS | _TWO_WORDS
    plain = open_ended and len(parts) < 5 and not any(map(is_common, parts))
    titled = plain and not parts[-1].endswith("ing") and parts[-1] not in _NO_TITLE
    return (title, after) if known or titled else None


def date_in(text: str) -> str | None:
    """Return the date at the beginning of a text, as it is written; impossible days are none."""
    phrase = re.sub(r"^the ", "", text.strip(), flags=re.IGNORECASE)
    span = next(find_time_spans(phrase, _ANY_DAY), None)
    if span is None or span.place[0] or span.end - span.start != timedelta(days=1):
        return None
    date = phrase[: span.place[1]].strip()
    return date if re.search(r"\d", date) and not re.search(r"\b(?:ago|days?)\b", date) else None


_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_NUMBER = pattern(
    r"(?:about|around|roughly|approximately|almost|nearly|exactly|just|over|under)?\s*"
    r"(?P<value>[-+]?[$\u20ac\u00a3\u00a5]?\s?\d[\d.,:/']*\d?(?:\s?(?:%|kg|kilos?|lbs?|pounds|stone|cm|m|meters|metres|feet|foot|ft|inches|in|"
    r"'\d{1,2}\"?|\"|euros?|dollars|usd|eur|gbp|pounds|years?|am|pm|a\.m\.|p\.m\.|o'clock|k|km|miles|minutes|hours))?)(?!\w)"
)


def number_in(text: str) -> str | None:
    """Return the number, with its unit, at the beginning of a text."""
    match = _NUMBER.match(text.strip())
    return match["value"].strip(" .,") if match else None


_PAIRS = pattern(
    r"\b(?:mac|macaroni|rock|black|salt|fish|arts?|bed|rhythm|bread|peanut butter|cookies|ham|gin|wine|bacon|track|"
    r"science|drum|hide|dungeons)\s+(?:and|&|n|'n'|'n)\s+(?:cheese|roll|white|pepper|vinegar|chips|crafts?|breakfast|blues|butter|jelly|"
    r"cream|eggs?|tonic|dine|field|technology|bass|seek|dragons)\b"
)
_BREAK = pattern(r"\s*[,/;]\s*(?:(?:and|or|&|as well as|plus|also)\s+)?|\s+(?:and|&|or|as well as|plus)\s+(?:also\s+)?")
_TRIM = pattern(
    r"^(?:a bit of|a little(?: bit of)?|some|both|either|all kinds of|all sorts of|lots of|a lot of|especially|mostly|mainly|"
    r"fluent|basic|conversational|native|broken|also)\s+"
)


def listed(text: str) -> Iterator[str]:
    """Yield the items of an enumeration: "peanuts and shellfish" are two."""
    pairs: list[str] = []

    def hide(match: re.Match[str]) -> str:
        pairs.append(match.group())
        return f"\0{len(pairs) - 1}\0"

    for part in _BREAK.split(_PAIRS.sub(hide, text)):
        item = re.sub(r"\0(\d+)\0", lambda m: pairs[int(m[1])], part).strip(" .!,'\"")
        while trimmed := _TRIM.match(item):
            item = item[trimmed.end() :]
        if item:
            yield item
