"""What people do for a living, and what they study."""

from __future__ import annotations

import re

from agentmem.facts.grammar.claims import Claim
from agentmem.facts.grammar.person import BEING
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.pursuits import learned
from agentmem.facts.grammar.rule import (
    DONE,
    EVER,
    Rule,
    employer,
    fact,
    job,
    job_title,
    known,
    place,
    text,
)
from agentmem.facts.patterns import any_of, pattern, strip_prefix
from agentmem.facts.values import number_in

__all__ = ["WORK"]

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


def _salary(p: Predicate, rest: str) -> list[Claim]:
    return fact(p, "salary", number_in(rest))


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
_INDUSTRY = any_of(
    """
    marketing finance it tech healthcare education sales hr human_resources construction retail
    consulting advertising publishing journalism hospitality logistics real_estate insurance
    banking cybersecurity software e-commerce biotech public_relations pr
    """
)
_FIELD = (
    r"(?!(?:this|that|my|our|an?|the (?:same|field))\b)(?:the )?"
    rf"(?P<v>(?!(?:the|this|that|my|our|same) )(?:[\w& -]{{2,30}}? (?:industry|field|sector|"
    rf"business)|{_INDUSTRY})(?= (?:and|at|for|so|as|now|but|in|with)\b|\W*$))"
)
_POST = r"(?:working|work|my (?:new )?job|a (?:new )?job|a (?:new )?position)"
_HIRED = r"(?:hired|promoted|a (?:new |full-time |part-time )?(?:job|position|role|promotion))"
_PER = r"(?:(?:an?|per) (?:year|month|hour|week)|annually)"
_SUBJECT = any_of(
    """
    law medicine biology chemistry physics mathematics math maths history economics philosophy
    psychology engineering computer_science architecture literature linguistics nursing journalism
    sociology business finance accounting art music design marketing anthropology geography geology
    astronomy pharmacy dentistry education politics political_science data_science theology
    """
)

# fmt: off
WORK = (
    Rule("work", rf"{_MANNER}as (?P<v>(?:an?|the|our) .+|\w+\W*$)", job_title, EVER),
    Rule("work", f"{_MANNER}in {_FIELD}", text("industry"), EVER),
    Rule("work", f"{_MANNER}(?:at|for) ...", _position, EVER),
    Rule("be", "employed (?:at|by|with) ...", _position),
    Rule("be", "employed as (?P<v>(?:an?|the) .+)$", job_title),
    Rule("start", f"{_POST} as ...", job_title, DONE),
    Rule("start", f"{_POST} (?:at|for) ...", _position, DONE),
    Rule("start", "at (?P<v>(?-i:[A-Z]).+)$", employer, DONE),
    # "I joined Acme" may be a club: only a job says what it is.
    Rule("join", "(?P<v>(?-i:[A-Z]).+ as .+)$", _position, DONE),
    Rule("become", "", _became, DONE),
    Rule("get", f"{_HIRED} (?:as|to) ...", job, DONE, own=True),
    Rule("get", f"(?!.*promot){_HIRED} (?:at|by) ...", _position, DONE, own=True),
    Rule("teach", r"(?:[\w ]+? )?at (?P<v>(?-i:[A-Z]).+)$", employer, EVER),
    Rule("earn make", rf"(?P<v>[$\u20ac\u00a3\u00a5]? ?\d.*\b{_PER}\b)", _salary, "present"),
    Rule("earn make", "(?:my|a) living as ...", job_title),
    Rule("study", "", learned),
    Rule("study", "", _studies),
    Rule("study", rf"(?P<v>(?!(?:for|my|some)\b)(?:[a-z]+ )?{_SUBJECT})"
         r"(?=\W*$| (?:in|at|and|full|now)\b)", text("studies"), own=True),
    Rule("have", f"{_DEGREE} {_IN_FIELD}", text("degree"), "present"),
    Rule("major", _IN_FIELD, text("degree"), DONE),
    Rule("graduate", "", _graduated, DONE),
    Rule("retire", r"(?!.*\b(?:ago|from)\b)", known("job", "retired"), DONE),
)
# fmt: on
