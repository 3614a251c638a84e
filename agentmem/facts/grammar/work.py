"""What people do for a living, and what they study."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import Claim
from agentmem.facts.grammar.patterns import any_of, pattern
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.pursuits import learned
from agentmem.facts.grammar.rule import Rule, employer, fact, job, job_title, place, text
from agentmem.facts.values import number_in, place_in

__all__ = ["WORK"]

_AS = pattern(r"(?P<at>.+?) as (?P<job>(?:an?|the|their|our) .+)$")


def _only_job(p: Predicate, said: str) -> list[Claim]:
    title = re.sub(r"^their", "the", said, flags=re.IGNORECASE)
    return [claim for claim in job_title(p, title) if claim.attributes == ("job",)]


def _employer_and_job(p: Predicate, said: str) -> list[Claim]:
    """ "at Novartis as a chemist"."""
    both = _AS.match(said)
    if both is None:
        return employer(p, said)
    return employer(p, both["at"]) + _only_job(p, both["job"])


def _joined(p: Predicate, said: str) -> list[Claim]:
    # "I joined Acme" may be a club: only a job says what it is.
    return _employer_and_job(p, said) if _AS.match(said) else []


def _became(p: Predicate, said: str) -> list[Claim]:
    return BEING.of(Predicate(p.subject, "be", said, p.clause), ("job", "diet", "religion"))


_MANNER = r"(?:(?:part-?time|full-?time|freelance|remotely|mostly|nights|from home|currently) )*"
_INDUSTRY = any_of(
    """
    marketing finance it tech healthcare education sales hr human_resources construction retail
    consulting advertising publishing journalism hospitality logistics real_estate insurance
    banking cybersecurity software e-commerce biotech public_relations pr
    """
)
_THEIR_INDUSTRY = r"(?!(?:this|that|my|our|an?|the same|the field)\b)(?:the )?"
_FIELD = r"[\w& -]{2,30}? (?:industry|field|sector|business)"
_POSITION = r"(?:working|work|my (?:new )?job|a (?:new )?job|a (?:new )?position)"
_HIRED = (
    r"(?:just |recently )?(?:hired|promoted|a (?:new |full-time |part-time )?"
    r"(?:job|position|role|promotion))"
)

# --- Studies ----------------------------------------------------------------------------------

_SUBJECT = any_of(
    """
    law medicine biology chemistry physics mathematics math maths history economics philosophy
    psychology engineering computer_science architecture literature linguistics nursing journalism
    sociology business finance accounting art music design marketing anthropology geography geology
    astronomy pharmacy dentistry education politics political_science data_science theology
    """
)
_AT_SCHOOL = re.compile(r"(?:(?P<what>[\w &-]+?) )?at (?P<at>(?:the )?[A-Z].+)$")


def _studies(p: Predicate, said: str) -> list[Claim]:
    """ "I study law at Leiden University"."""
    found = _AT_SCHOOL.match(said)
    if found is None:
        return []
    what = found["what"] or ""
    usual = not re.search(r"\b(?:for|my|the|hard|abroad|a lot|and)\b", what)
    return (fact(p, "studies", what) if usual else []) + place("school")(p, found["at"])


_DEGREE = (
    r"an? (?:(?:bachelor'?s?|master'?s?|phd|doctorate|undergraduate|university|college|"
    r"associate'?s?)(?: degree)?|degree|mba|ba|bsc|msc|ma)"
)
_FIELD_OF_DEGREE = r"in (?P<v>[\w &]+?)(?= (?:from|at|and|but|with|so|in|not|about)\b|\W*$)"


_FROM = pattern(r"from (?P<v>.+)$")
_WITH_DEGREE = pattern(rf"(?:.* )?with {_DEGREE} {_FIELD_OF_DEGREE}")


def _graduated(p: Predicate, said: str) -> list[Claim]:
    """ "I graduated from Leiden with a degree in law"."""
    claims = []
    if (where := _FROM.match(said)) and (found := place_in(where["v"], p.clause)):
        named = " " in found[0] or found[0][0].isupper()
        claims += place("education")(p, where["v"]) if named else []
    what = _WITH_DEGREE.match(said)
    return claims + fact(p, "degree", what["v"] if what else None)


def _salary(p: Predicate, said: str) -> list[Claim]:
    amount = number_in(said)
    paid = re.search(r"\b(?:an?|per) (?:year|month|hour|week)\b|\bannually\b", said, re.IGNORECASE)
    return fact(p, "salary", amount) if amount and paid and not amount.isalpha() else []


_NOW = "present progressive perfect"

WORK = (
    Rule("work", rf"{_MANNER}as (?P<v>(?:an?|the|our) .+|\w+\W*$)", job_title, _NOW),
    Rule(
        "work",
        rf"{_MANNER}in {_THEIR_INDUSTRY}(?P<v>(?!the |this |that |my |our |same )(?:{_FIELD}|"
        rf"{_INDUSTRY})"
        r"(?= (?:and|at|for|so|as|now|but|in|with)\b|\W*$))",
        text("industry"),
        _NOW,
    ),
    Rule("be", "employed (?:at|by|with) (?P<v>.+)$", _employer_and_job),
    Rule("be", "employed as (?P<v>(?:an?|the) .+)$", job_title),
    Rule("work", rf"{_MANNER}(?:at|for) (?P<v>.+)$", _employer_and_job, _NOW),
    Rule(
        "start",
        rf"{_POSITION} as (?P<v>.+)$",
        job_title,
        "past perfect",
    ),
    Rule("start", rf"{_POSITION} (?:at|for) (?P<v>.+)$", _employer_and_job, "past perfect"),
    Rule("start", r"at (?-i:(?P<v>[A-Z].+)$)", employer, "past perfect"),
    Rule("join", r"(?-i:(?P<v>[A-Z].+)$)", _joined, "past perfect"),
    Rule("become", "", _became, "past perfect"),
    Rule("get", rf"{_HIRED} (?:as|to) (?P<v>.+)$", job, "past perfect", own=True),
    Rule(
        "get",
        rf"(?!.*promot){_HIRED} (?:at|by) (?P<v>.+)$",
        _employer_and_job,
        "past perfect",
        own=True,
    ),
    Rule("teach", r"(?:[\w ]+? )?at (?P<v>(?-i:[A-Z]).+)$", employer, _NOW),
    Rule("earn make", r"(?P<v>[$\u20ac\u00a3\u00a5]? ?\d.+)$", _salary, "present"),
    Rule("study", "", learned),
    Rule("study", "", _studies),
    Rule(
        "study",
        rf"(?P<v>(?!for\b|my\b|some\b)(?:[a-z]+ )?{_SUBJECT})(?=\W*$| (?:in|at|and|full|now)\b)",
        text("studies"),
        own=True,
    ),
    Rule("have", f"{_DEGREE} {_FIELD_OF_DEGREE}", text("degree"), "present"),
    Rule("major", _FIELD_OF_DEGREE, text("degree"), "past perfect"),
    Rule("graduate", "", _graduated, "past perfect"),
    Rule(
        "retire",
        r"(?!.*\b(?:ago|from)\b)",
        lambda p, _: fact(p, "job", "retired"),
        "past perfect",
    ),
)
