"""What people do for a living, study, like, practice and do regularly."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts.grammar.person import BEING, called
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.readers import each, employer, fact, job, job_title, known, place, text
from agentmem.facts.grammar.rule import DONE, END, EVER, Claim, Read, Rule
from agentmem.facts.lexicon import ACTIVITIES, INSTRUMENTS, LANGUAGES, SPORTS, TITLE
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix, words
from agentmem.facts.values import is_common, listed

__all__ = ["PURSUITS", "learned", "liked"]

# --- Likes ------------------------------------------------------------------------------------

# Words that begin a phrase which points to something said before, or is no pastime.
_POINTING_WORD = any_of("""
    the this that these those your his her its it them him you me us how what when where who why to
    being having getting my our their all both some a an one every any each more most not no so as
    if for about seeing knowing hearing talking chatting feeling doing using making staying like
    number spending throwing trying going taking finding working breaking keeping adding
    incorporating thinking sharing giving looking starting connecting experimenting helping turning
    bringing something anything everything things stuff everyone people nothing idea ideas
    suggestion suggestions recommendation recommendations option options activities bands hobbies
    sports animals too also in on at from with by and or but
""")
_POINTING = pattern(
    rf"{_POINTING_WORD}\b|shooting\b(?! (?:landscapes|portraits|film|videos|hoops))|watching\b(?! "
    "(?:movies|films|tv|birds|anime|football|soccer|documentaries|basketball|baseball|sports|art))"
)
_SUCH_AS = (
    r"(?:[\w-]+ ){0,2}(?:activities|things|sports|hobbies|genres|bands|artists|foods?|games|"
    r"movies|films|books|authors|shows|outdoors) (?:such as|like|including) "
)
# What follows an unfinished phrase: "pieces that ...", "watching birds of prey".
_UNFINISHED = pattern(
    r" (?:of|about|to(?! (?:relax|unwind|de-?stress)\b)|is|are|was|can|it's|they're|that|than)\b"
)
_PARTICLE = pattern(
    r" (?:on|up|out|off|in|into|around|down|away|back|through|for|with|about|over|at|to)\b"
)
_WORDS_OF_OTHERS = words(
    "my your it them this that these those you i we up 'em new the a an out his her some more one"
)
_VAGUE = words("love life work it fun cool mine yours good clean simple home much")
_TO_DO = pattern(
    r"to (?:(?:listen to )|(?=(?:read|travel|cook|bake|paint|draw|write|dance|sing|hike|swim|ski|"
    r"run|knit|garden|fish|cycle|sew|play|camp|climb|surf|collect)\b))(?P<v>.*)$"
)
# "Adele", "J. Cole", "Dr. Dre"
_WORD = rf"(?:(?:{TITLE}|[a-z])\. )*[\w'-]+"
_LISTENING = pattern(
    rf"listening to (?P<v>(?!(?:the|this|that|it|my|your|you)\b){_WORD}(?: {_WORD}){{0,4}})(?=\W|$)"
)


def liked(p: Predicate, rest: str) -> list[Claim]:
    """Take things and activities that somebody likes, if the phrase names them whole."""
    if action := _TO_DO.match(rest):
        return _liked_to_do(p, rest[: action.start("v")], action["v"])
    rest = strip_prefix(_SUCH_AS, strip_prefix("(?:some|a lot of|a bit of) ", rest))
    if heard := _LISTENING.match(rest):
        what = before(END, heard["v"])
        return fact(p, "likes", f"listening to {what}" if what else None)
    return [] if _POINTING.match(rest) or rest.startswith('"') else _liked_things(p, rest)


def _liked_to_do(p: Predicate, begin: str, rest: str) -> list[Claim]:
    """ "I love to bake bread"."""
    first = next(iter(listed(before(END, rest))), "")
    parts = first.lower().split()
    plain = 1 <= len(parts) <= 4 and _WORDS_OF_OTHERS.isdisjoint(parts)
    return fact(p, "likes", begin + first) if plain else []


def _liked_things(p: Predicate, rest: str) -> list[Claim]:
    phrase = before(END, rest)
    after = rest[len(phrase) :]
    if _UNFINISHED.match(after):
        cut = re.match(r"(.*)(?:, | and )", phrase)
        phrase = cut[1] if cut else ""
    claims: list[Claim] = []
    for item in _items(phrase):
        cut_off = phrase.endswith(item) and _PARTICLE.match(after) and re.fullmatch(r"\w+ing", item)
        if not cut_off and _is_thing(item, p.verb):
            claims += fact(p, "likes", item)
    return claims


def _items(phrase: str) -> list[str]:
    match = list(listed(phrase))
    if not match or _POINTING.match(match[0]):
        return []
    if len(match) > 1 and " " in match[-1] and not re.search(r" |s$|ing$", match[-2]):
        # "sunny and warm weather" is one thing.
        both = re.search(rf"{re.escape(match[-2])} (?:and|or|&) {re.escape(match[-1])}", phrase)
        match[-2:] = [both.group()] if both else match[-2:]
    # "Spanish culture, music and cuisine", "improving education and infrastructure": what comes
    # first may belong to all of them.
    adjective, _, noun = match[0].lower().partition(" ")
    joint = noun and (adjective in LANGUAGES or adjective.endswith("ing"))
    spaced = " " if adjective in LANGUAGES else "ing"
    whole = [item for item in match[1:] if "ing" in item or spaced in item or not joint]
    return [match[0], *whole]


def _is_thing(item: str, verb: str) -> bool:
    parts = item.lower().split()
    if (
        not 1 <= len(parts) <= 4
        or _POINTING.match(item)
        or not _WORDS_OF_OTHERS.isdisjoint(parts)
        or is_common(parts[-1])
        or parts[-1].endswith(("ed", "'s", "ly", "able"))
    ):
        return False
    # "I love Anna" is about a person.
    named = item[0].isupper() and verb != "be" and parts[0] not in LANGUAGES
    return len(parts) > 1 or not (named or parts[0] in _VAGUE)


def _likes(p: Predicate, rest: str) -> list[Claim]:
    # "We love painting" may be somebody else's pleasure.
    return [] if p.plural else liked(p, rest)


_OVER = (
    r"(?P<v>(?!to\b)[\w -]{2,30}?) (?:over|to|than) "
    r"(?!(?:[\w-]+ )?(?:stay|go|have|keep|use|do|be|get)\b)[\w-]+(?: [\w-]+)?$"
)


def _unless_pointing(attribute: str, begin: str = "") -> Read:
    """Take a short phrase that does not point to something said before."""

    def read(p: Predicate, rest: str) -> list[Claim]:
        thing = before(END, rest)
        plain = 1 <= len(thing.split()) <= 3 and not _POINTING.match(thing)
        return fact(p, attribute, begin + thing if plain else None)

    return read


# --- Sports, instruments, languages ---------------------------------------------------------------

# "I play bass" may be a game of fish; "the bass" is played.
_NEED_ARTICLE = words("bass organ horn recorder drum harp")
_PLAYED = frozenset(f"{article}{name}" for name in INSTRUMENTS for article in ("the ", "my ", "a "))
_instruments = each("instrument", _PLAYED | INSTRUMENTS - _NEED_ARTICLE)
_sports = each("sport", SPORTS)


def _played(p: Predicate, rest: str) -> list[Claim]:
    """Take each instrument and each sport of an enumeration."""
    played = _instruments(p, rest) + _sports(p, rest)
    return [replace(c, value=strip_prefix("(?:the|my|a) ", c.value)) for c in played]


_SKILL = pattern(
    rf"(?:how )?(?P<v>(?:programming|coding|python|cooking|singing|dancing|drawing|sketching|chess|"
    rf"{ACTIVITIES})(?={END}| and\b|$)|"
    r"to (?:cook|code|draw|paint|sing|dance|swim|drive|knit|sew|bake|program|surf|ski|sail)\b)"
)


def learned(p: Predicate, rest: str) -> list[Claim]:
    """Take a language, an instrument or a skill that somebody learns."""
    what = strip_prefix("(?:(?:how )?to (?:play|speak) )?(?:the |some |a bit of |a little )?", rest)
    word = before(rf"{END}| and\b|,", what)
    if word.lower() in LANGUAGES:
        return fact(p, "learning", word)
    if word.lower() in INSTRUMENTS:
        return fact(p, "instrument", word)
    skill = None if p.subject else _SKILL.match(rest)
    return fact(p, "learning", skill["v"] if skill else None)


_LESSON = (
    r"(?:(?:an?|some|private|weekly|online) )?(?P<v>[\w ]+?) (?:lessons?|class(?:es)?|course)\b"
)
_ACTIVITY = pattern(rf"(?:[\w-]+ )?{ACTIVITIES}")


def _lessons(p: Predicate, thing: str) -> list[Claim]:
    """ "I'm taking piano lessons"."""
    if _ACTIVITY.fullmatch(thing):
        return fact(p, "hobby", thing)
    return learned(p, thing) if thing.lower() in INSTRUMENTS | LANGUAGES else []


_CHARITY = (
    r"(?:(?:regularly|weekly|there) )*(?:at|with|for) (?:(?:an?|the|my|our) )?"
    r"(?P<v>\S+(?: \S+){0,5}?)(?=\W*$| (?:every|on|for|since|once|twice|and|where|which|lately|"
    r"recently|in my|as|to|a few|during|this|last|these)\b|[,(])"
)
_WEIGHT = (
    "(?:(?:about|around|roughly|almost|nearly|exactly|just|over|under) )?"
    r"(?P<v>\d[\d.,]* ?(?:kg|kilos?|lbs?|pounds|stone))\b"
)
_FAN = (
    r"(?:(?:always|really|so|very|quite|super|totally|pretty) )*(?:an? )?(?:(?:big|huge|massive|"
    r"great|avid|lifelong|longtime|long-time|die-hard|true) )*(?:fan of|fond of|"
    r"partial to|crazy about|passionate about|obsessed with|big on|into)"
)
_GROUP = (
    r"(?:an?|my|our|the local) (?:(?:new|local|small) )*"
    r"(?P<v>(?:[\w'-]+ ){1,3}?(?:group|club|choir|band|league|team|society|orchestra))\b"
)
_CLOCK = (
    r"(?:at|around|by) (?:around |about )?(?P<v>(?:\d{1,2}(?::\d\d)? ?(?:am|pm|a\.m\.|p\.m\.|"
    r"o'clock)?|midnight|noon|(?:half past |quarter (?:past|to) )?(?:five|six|seven|eight|nine|ten|"
    r"eleven|twelve))(?: ?(?:am|pm|o'clock))?)"
)
_VEHICLE = r"(?P<v>by (?:bike|bicycle|train|bus|car|subway|metro|tram|ferry|motorcycle|tube))\b"
_DAILY = r"(?!.*\b(?:weekend|sunday|saturday|on)\b)"
_EVERY = r"\b(?:(?:every|each|a|per) (?:day|morning|evening|night|week|weekend)|daily)\b"
_SCHOOL = "University|College|High School|School|Academy|Institute"

# --- Work --------------------------------------------------------------------------------------

_AS = pattern(r"(?P<at>.+?) as (?:their |(?=an? |the |our ))(?P<job>.+)$")


def _position(p: Predicate, rest: str) -> list[Claim]:
    """ "at Novartis as a chemist"."""
    both = _AS.match(rest)
    if both is None:
        return employer(p, rest)
    titles = job_title(p, both["job"])
    return employer(p, both["at"]) + [c for c in titles if c.attributes == ("job",)]


def _became(p: Predicate, rest: str) -> list[Claim]:
    return BEING.of(Predicate(p.subject, "be", rest, p.clause), ("job", "diet", "religion"))


# --- Studies ----------------------------------------------------------------------------------

_AT_SCHOOL = re.compile(
    r"(?:(?P<what>(?:(?!(?:for|my|the|hard|abroad|a|and)\b)[\w&-]+ )+)|[\w &-]+ )?"
    r"at (?P<at>(?:the )?[A-Z].+)$"
)


def _studies(p: Predicate, rest: str) -> list[Claim]:
    """ "I study law at Leiden University"."""
    match = _AT_SCHOOL.match(rest)
    return fact(p, "studies", match["what"]) + place("school")(p, match["at"]) if match else []


_DEGREE = (
    r"an? (?:(?:bachelor'?s?|master'?s?|phd|doctorate|undergraduate|university|college|"
    r"associate'?s?)(?: degree)?|degree|mba|ba|bsc|msc|ma)"
)
_IN_FIELD = r"in (?P<v>[\w &]+?)(?= (?:from|at|and|but|with|so|in|not|about)\b|\W*$)"
_WITH_DEGREE = pattern(rf"(?:.* )?with {_DEGREE} {_IN_FIELD}")


def _graduated(p: Predicate, rest: str) -> list[Claim]:
    """ "I graduated from Leiden with a degree in law"."""
    where, what = strip_prefix("from ", rest), _WITH_DEGREE.match(rest)
    school = [] if where == rest else place("education")(p, where)
    named = [c for c in school if " " in c.value or c.value[0].isupper()]
    return named + fact(p, "degree", what["v"] if what else None)


_MANNER = r"(?:(?:part-?time|full-?time|freelance|remotely|mostly|nights|from home|currently) )*"
_INDUSTRY = any_of("""
    marketing finance it tech healthcare education sales hr human_resources construction retail
    consulting advertising publishing journalism hospitality logistics real_estate insurance banking
    cybersecurity software e-commerce biotech public_relations pr
""")
_FIELD = (
    r"(?!(?:this|that|my|our|an?|the (?:same|field))\b)(?:the )?"
    rf"(?P<v>(?!(?:the|this|that|my|our|same) )(?:[\w& -]{{2,30}}? (?:industry|field|sector|"
    rf"business)|{_INDUSTRY})(?= (?:and|at|for|so|as|now|but|in|with)\b|\W*$))"
)
_POST = r"(?:working|work|my (?:new )?job|a (?:new )?job|a (?:new )?position)"
_HIRED = r"(?:hired|promoted|a (?:new |full-time |part-time )?(?:job|position|role|promotion))"
_SALARY = (
    r"(?P<v>[$\u20ac\u00a3\u00a5]? ?\d[\d.,]*(?: ?(?:k|euros?|dollars|pounds|usd|eur|gbp))?\b)"
    r"(?=(?: (?:gross|net|(?:before|after) tax(?:es)?))?,? (?:(?:an?|per|every|each) "
    r"(?:year|month|hour|week)|annually)\b)"
)
_SUBJECT = any_of("""
    law medicine biology chemistry physics mathematics math maths history economics philosophy
    psychology engineering computer_science architecture literature linguistics nursing journalism
    sociology business finance accounting art music design marketing anthropology geography geology
    astronomy pharmacy dentistry education politics political_science data_science theology
""")

# fmt: off
PURSUITS = (
    Rule("work", rf"{_MANNER}as (?P<v>(?:an?|the|our) .+|\w+\W*$)", job_title, EVER),
    Rule("work", f"{_MANNER}in {_FIELD}", text("industry"), EVER),
    Rule("work", f"{_MANNER}(?:at|for) ...", _position, EVER),
    Rule("be", "employed (?:at|by|with) ...", _position),
    Rule("be", "employed as (?P<v>(?:an?|the) .+)$", job_title),
    Rule("start take", f"{_POST} as ...", job_title, DONE),
    Rule("start take", f"{_POST} (?:at|for) ...", _position, DONE),
    Rule("start", "at (?P<v>(?-i:[A-Z]).+)$", employer, DONE),
    # "I joined Acme" may be a club: only a job says what it is.
    Rule("join", "(?P<v>(?-i:[A-Z]).+ as .+)$", _position, DONE),
    Rule("become", "", _became, DONE),
    Rule("get", f"{_HIRED} (?:as|to) ...", job, DONE, own=True),
    Rule("get", f"(?!.*promot){_HIRED} (?:at|by) ...", _position, DONE, own=True),
    Rule("teach", r"(?:[\w ]+? )?at (?P<v>(?-i:[A-Z]).+)$", employer, EVER),
    Rule("earn make", _SALARY, text("salary"), "present"),
    Rule("earn make", "(?:my|a) living as ...", job_title),
    Rule("study", "", learned),
    Rule("study", "", _studies),
    Rule("study", rf"(?P<v>(?!(?:for|my|some)\b)(?:[a-z]+ )?{_SUBJECT})"
         r"(?=\W*$| (?:in|at|and|full|now)\b)", text("studies"), own=True),
    Rule("have", f"{_DEGREE} {_IN_FIELD}", text("degree"), "present"),
    Rule("major", _IN_FIELD, text("degree"), DONE),
    Rule("graduate", "", _graduated, DONE),
    Rule("retire", r"(?!.*\b(?:ago|from)\b)", known("job", "retired"), DONE),
    Rule("like love enjoy adore", "", _likes, "present lasting", own=True),
    Rule("be", f"{_FAN} ...", liked, "present perfect lasting", own=True),
    Rule("become", "(?:[a-z ]+ )?interested in ...", liked, DONE, own=True),
    Rule("prefer", _OVER, _unless_pointing("likes"), "present", own=True),
    Rule("play practice practise", "", _played, EVER),
    Rule("learn", "", learned, EVER),
    Rule("take", _LESSON, _lessons),
    Rule("start", "(?:to )?learn(?:ing)? ...", learned, DONE),
    Rule("start", "(?:to )?(?:play|practic)(?:e|ing)? ...", _played, DONE),
    Rule("start", f"taking {_LESSON}", _lessons, DONE),
    Rule("collect", "", _unless_pointing("hobby", "collecting "), "present", own=True),
    Rule("volunteer", _CHARITY, text("volunteering"), own=True),
    Rule("do", rf"(?:a lot of |some |a bit of )?(?P<v>{ACTIVITIES})\b"
         r"(?! (?:class|video|project)\w* (?:today|tomorrow))", text("hobby"), own=True),
    Rule("spend", rf"(?=.*{_EVERY}).*?\b(?P<v>drawing|reading|writing|singing|dancing|"
         rf"{ACTIVITIES})\b", text("hobby"), "present", own=True),
    Rule("join", _GROUP, text("membership"), DONE, own=True),
    Rule("go", r"by (?P<v>[^\W\d].*?)(?= (?:at|in|with|online|and|but)\b|,|$)", called, "present",
         own=True),
    Rule("go", f"to (?:bed|sleep) {_CLOCK}", text("bedtime"), "present", own=True),
    Rule("go", rf"to (?P<v>(?-i:[A-Z].*(?:{_SCHOOL})))\b", place("school"), "present", own=True),
    Rule("go get", f"to work {_VEHICLE}", text("commute"), "present"),
    Rule("commute", f"(?:to work )?{_VEHICLE}", text("commute"), "present"),
    Rule("wake get", f"up (?:every (?:day|morning) )?{_CLOCK}{_DAILY}", text("time to get up"),
         "present", own=True),
    Rule("weigh", _WEIGHT, text("weight"), "present"),
)
# fmt: on
