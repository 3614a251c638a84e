"""Which facts a question asks for."""

from __future__ import annotations

import re

from agentmem.facts.assertions import normalize
from agentmem.facts.attributes import attribute_name
from agentmem.facts.extractor import is_own
from agentmem.facts.lexicon import LANGUAGES, PETS, RELATIONS
from agentmem_retrievers.index.fact_index import SELF, AttributeKey

__all__ = ["RuleClassifier", "asked_attributes"]

_I = re.IGNORECASE
_RELATION = "|".join(sorted(map(re.escape, RELATIONS), key=len, reverse=True))
_PET = "|".join(sorted(map(re.escape, PETS), key=len, reverse=True))
_WHO = rf"(?P<who>i|we|my (?:(?:older|younger|big|little|other|best) )?(?:{_RELATION})(?: [A-Z]\w+)?)"
_NOW = r"(?:\s+(?:now|currently|these days|nowadays|at the moment|again|at present|today))*\W*$"

# Ways of asking that do not call the attribute by its name.
_ASKED = [
    (re.compile(pattern.replace("WHO", _WHO).replace("AUX", r"(?:do|does|am|is|are|'m|'s)"), _I), names)
    for pattern, names in (
        (r"\bwhere AUX WHO (?:currently |now |actually )?(?:live|living|based|settled|reside)\b", ("home",)),
        (r"\b(?:which|what) (?:city|town|village|country|place) (?:AUX|have) WHO (?:\w+ )?(?:live|living|based|settled|moved|reside|call home)", ("home",)),
        (r"\bin (?:which|what) (?:city|town|village|country) (?:AUX|have) (?:WHO|my home)\b", ("home",)),
        (r"\bwhere(?:'s| is) (?P<who>my )home\b|\bwhere's home\b", ("home",)),
        (r"\bwhat AUX WHO (?:do|work) (?:for a living|for work|professionally|as|to earn|by (?:trade|profession))", ("job",)),
        (r"\bwhat AUX WHO do(?: now| these days| at present)?\W*$", ("job",)),
        (r"\bwhat AUX WHO (?:by (?:trade|profession)|working as)", ("job",)),
        (r"\b(?:how|as what|with what) AUX WHO (?:earn|make)\b.*\b(?:money|living)", ("job",)),
        (r"\b(?:which|what) (?:job|occupation|line of work|kind of work|profession) (?:AUX|have) WHO\b", ("job",)),
        (r"\bwhere AUX WHO (?:currently |now )?work", ("employer",)),
        (r"\b(?:who|whom|which (?:company|firm|employer)|what (?:company|firm)) AUX WHO (?:\w+ )?(?:work|employed)", ("employer",)),
        (r"\bwho (?:employs|pays) (?P<who>me)\b", ("employer",)),
        (r"\bwho am (?P<who>i)\b", ("name",)),
        (r"\bwhat AUX WHO called\b", ("name",)),
        (r"\bhow old AUX WHO\b", ("age",)),
        (r"\bwhen (?:was|were) WHO born\b", ("birthday",)),
        (r"\bwhen AUX WHO (?:celebrate|turn)\b", ("birthday",)),
        (r"\bwhere (?:was|were) WHO born\b", ("birthplace",)),
        (r"\bwhere AUX WHO (?:originally )?(?:from|come from)\b", ("hometown",)),
        (r"\b(?:what|which) (?:kind of |sort of |make of )?(?:car|vehicle|make|truck) AUX WHO (?:drive|have|own|driving)", ("car",)),
        (r"\bwhat AUX WHO driv(?:e|ing)\b", ("car",)),
        (r"\ballergic\b", ("allergy",)),
        (r"\b(?:which|what) (?:foreign )?language AUX WHO (?:\w+ )?(?:learn|study|practi[cs]|taking)", ("learning",)),
        (r"\b(?:which|what) languages? AUX WHO (?:speak|know)", ("language",)),
        (r"\b(?:which|what) (?:musical )?instruments? AUX WHO\b", ("instrument",)),
        (r"\b(?:which|what) (?:kind of |sort of )?sports? AUX WHO\b", ("sport",)),
        (r"\bAUX WHO (?:still )?(?:married|single|divorced|engaged)\b", ("relationship",)),
        (r"\bAUX WHO (?:still )?(?:an? )?(?:vegetarian|vegan)\b", ("diet",)),
        (r"\b(?:what|which) pets? AUX WHO\b", ("pet",)),
        (r"\bAUX WHO (?:have|own) (?:a|any) (?:pets?|dog|cat)\b", ("pet",)),
        (r"\bhow many (?:children|kids) AUX WHO\b", ("children",)),
        (r"\bAUX WHO have (?:any )?(?:children|kids)\b", ("children",)),
        (r"\b(?:which|what) (?:phone )?number (?:can|do|should)\b.*\b(?P<who>i|me) (?:be )?(?:called|reached|call)|\bhow can (?P<who2>i) be called", ("phone number",)),
        (r"\bhow (?:much do|heavy am) WHO\b.*\b(?:weigh)?", ("weight",)),
        (r"\bhow tall AUX WHO\b", ("height",)),
        (r"\bwhen AUX WHO (?:usually )?(?:get up|wake up)", ("time to get up",)),
        (r"\bwhen AUX WHO (?:usually )?go to (?:bed|sleep)", ("bedtime",)),
        (r"\bhow AUX WHO (?:get to work|commute)", ("commute",)),
        (r"\b(?:what|which) AUX WHO stud(?:y|ying)\b", ("studies",)),
    )
]  # fmt: skip
_MINE = re.compile(
    rf"\b(?:my|our)\s+(?:(?P<who>(?:(?:older|younger|big|little|other|best) )?(?:{_RELATION})(?:\s+[A-Z]\w+)?|(?P<pet>{_PET}))'s\s+)?(?P<np>[\w'&/-]+(?:\s+[\w'&/-]+){{0,4}}?)"
    rf"(?:\s+(?:called|named|located))?{_NOW}",
    _I,
)
# What was, and what was counted, is not asked for as it is now.
_PAST = re.compile(
    r"\b(?:did|used to|before|formerly|previous(?:ly)?|ever|first(?! name)|old(?= (?:job|home|car|number|address|phone|boss|flat))|"
    r"(?:was|were)(?! (?:i|we) born))\b",
    _I,
)


def asked_attributes(question: str) -> list[AttributeKey]:
    """Return whose attributes a question asks for, as they are now.

    >>> asked_attributes("Where do I live?"), asked_attributes("What is my wife's job?")
    ([AttributeKey(subject='user', attribute='home')], [AttributeKey(subject='wife', attribute='job')])

    Returns:
        Nothing for a question about the past, or about nothing that facts tell. An attribute
        without a qualifier asks for those with one as well, where there is none without.
    """
    text = normalize(question).strip()
    if _PAST.search(text):
        return []
    found: list[AttributeKey] = []
    for pattern, names in _ASKED:
        if asked := pattern.search(text):
            who = next((v for k, v in asked.groupdict().items() if v), "i")
            found += [AttributeKey(_subject(who), name) for name in names]
    if not found and (mine := _MINE.search(text)):
        np = mine["np"].lower()
        if mine["pet"]:
            found = [AttributeKey(SELF, "pet")]
        elif mine["who"]:
            found = [AttributeKey(_subject(f"my {mine['who']}"), attribute_name(np))]
        elif np.split()[-1] in PETS:
            found = [AttributeKey(SELF, "pet")]
        elif np not in LANGUAGES:
            found = [AttributeKey(SELF, attribute_name(np))]
    return list(dict.fromkeys(found))


def _subject(who: str) -> str:
    words = who.split()
    if words[0].lower() not in ("my", "our") or len(words) == 1:
        return SELF
    return " ".join(w if w[0].isupper() else w.lower() for w in words[1:])


class RuleClassifier:
    """Recognizes by rules which attributes a question asks for, and whose statement a text is."""

    def attributes_asked(self, question: str) -> list[AttributeKey]:
        """Return the attributes that a question asks for, as they are now."""
        return asked_attributes(question)

    def is_own(self, text: str) -> bool:
        """Return whether a text may be about its speaker."""
        return is_own(text)
