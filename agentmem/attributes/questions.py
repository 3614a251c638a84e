"""Which facts a question asks for."""

from __future__ import annotations

import re

from agentmem.attributes.ownership import is_own
from agentmem.facts.assertions import normalize
from agentmem.facts.attributes import attribute_name, is_known
from agentmem.facts.lexicon import LANGUAGES, PET, RELATION
from agentmem_retrievers.index.fact_index import SELF, AttributeKey

__all__ = ["RuleClassifier", "asked_attributes"]

_KIN = rf"(?:(?:older|younger|big|little|other|best) )?{RELATION}"
_SLOTS = {
    "WHO": rf"(?P<who>i|we|my {_KIN}(?: [A-Z]\w+)?)",
    "AUX": r"(?:do|does|am|is|are|have|has|can|'m|'s)",
    "WHAT": r"\b(?:what|which)(?: (?:kind|sort|type|make) of)?",
}


def _question(form: str) -> re.Pattern[str]:
    for slot, words in _SLOTS.items():
        form = form.replace(slot, words)
    return re.compile(form, re.IGNORECASE)


# Ways of asking that do not call the attribute by its name. An adverb may stand in between.
_ASKED = [
    (_question(form.replace("WHO ", r"WHO (?:\w+ )?")), tuple(names.split("|")))
    for names, form in (
        ("home", r"\bwhere AUX WHO (?:live|living|based|settled|reside)\b"),
        ("home", r"WHAT (?:city|town|village|country|place) AUX WHO "
         r"(?:live|living|based|settled|moved|reside|call home)"),
        ("home", r"\bin (?:which|what) (?:city|town|village|country) AUX (?:WHO|my home)\b"),
        ("home", r"\bwhere(?:'s| is) (?P<who>my )?home\b"),
        ("job", r"\bwhat AUX WHO (?:do|work) (?:for a living|for work|professionally|as|to earn)"),
        ("job", r"\bwhat AUX WHO (?:work )?(?:by (?:trade|profession)|working as)"),
        ("job", r"\bwhat AUX WHO do(?: now| these days| at present)?\W*$"),
        ("job", r"\b(?:how|as what|with what) AUX WHO (?:earn|make)\b.*\b(?:money|living)"),
        ("job", r"WHAT (?:occupation|line of work|work|profession) AUX WHO\b"),
        ("employer", r"\bwhere AUX WHO work"),
        ("employer", r"\b(?:who|whom|(?:which|what) (?:company|firm|employer)) AUX WHO "
         r"(?:work|employed)"),
        ("employer", r"\bwho (?:employs|pays) (?P<who>me)\b"),
        ("name", r"\bwho am (?P<who>i)\b|\bwhat AUX (?P<who2>i) called\b"),
        ("age", r"\bhow old AUX WHO\b"),
        ("birthday", r"\bwhen (?:was|were) WHO born\b|\bwhen AUX (?P<who2>i) (?:celebrate|turn)\b"),
        ("birthplace", r"\bwhere (?:was|were) WHO born\b"),
        ("hometown", r"\bwhere AUX WHO (?:come )?from\b"),
        ("car", r"\bwhat AUX WHO driv(?:e|ing)\b|WHAT car is (?P<mine>mine)\b"),
        ("allergy", r"\ballergic\b"),
        ("learning", r"WHAT (?:foreign )?language AUX WHO (?:learn|study|practi[cs]|taking)"),
        ("language", r"WHAT languages? AUX WHO (?:speak|know)"),
        ("relationship", r"\bAUX WHO (?:married|single|divorced|engaged)\b"),
        ("diet", r"\bAUX WHO (?:an? )?(?:vegetarian|vegan)\b"),
        ("pet", r"\bAUX WHO (?:have|own) (?:a|any) (?:pets?|dog|cat)\b"),
        ("children", r"\bhow many (?:children|kids) AUX WHO\b"),
        ("children", r"\bAUX WHO have (?:any )?(?:children|kids)\b"),
        ("phone number", r"\bnumber (?:can|do|should)\b.*\b(?P<who>i|me)\b"),
        ("phone number", r"\bhow (?:can|do|should) (?:people |you |one )?"
         r"(?:(?P<who>i) be (?:called|reached)|(?:call|phone|ring|reach) (?P<me>me))\b"),
        ("weight", r"\bhow (?:much do|heavy am) WHO\b.*\b(?:weigh)?"),
        ("height", r"\bhow tall AUX WHO\b"),
        ("time to get up", r"\bwhen AUX WHO (?:get up|wake up)"),
        ("bedtime", r"\bwhen AUX WHO go to (?:bed|sleep)"),
        ("commute", r"\bhow AUX WHO (?:get to work|commute)"),
        ("studies", r"\b(?:what|which) AUX WHO stud(?:y|ying)\b"),
    )
]  # fmt: skip
# "Which colour do I like best?", "what is the dish I love most?", "what do I like to eat most?"
_LIKED_MOST = _question(
    r"(?:WHAT (?:(?P<np>[a-z]+) )?do i|\bwhat(?:'s| is) the (?P<np2>[a-z]+) (?:that )?i) "
    r"(?:like|love|enjoy|prefer) (?P<eat>to eat |eating )?(?:the )?(?:most|best)\b"
)
_DISHES = ("food", "dish", "meal")
# "Which sport do I play?", "what kind of car do we have?": any attribute, asked for by its name.
_BY_NAME = _question(
    r"WHAT (?:musical )?(?P<np>[a-z]+(?: [a-z]+)?) AUX WHO\b"
    r"(?! (?:\w+ )?(?:want|plan|need|hope|wish|mention|talk|say|tell|told|visit|ask|buy|like to))"
)
# "Which language am I learning?", "which doctor checks my teeth?" may ask for another attribute.
_UNCLEAR = ("language", "doctor")
_MINE = re.compile(
    rf"\b(?:my|our)\s+(?:(?P<who>{_KIN}(?:\s+[A-Z]\w+)?|(?P<pet>{PET}))'s\s+)?"
    r"(?P<np>[\w'&/-]+(?:\s+[\w'&/-]+){0,4}?)(?:\s+(?:called|named|located))?"
    r"(?:\s+(?:now|currently|these days|nowadays|at the moment|again|at present|today))*\W*$",
    re.IGNORECASE,
)
# What was, and what was counted, is not asked for as it is now.
_PAST = re.compile(
    r"\b(?:did|used to|before|formerly|previous(?:ly)?|ever|first(?! name)|"
    r"old(?= (?:job|home|car|number|address|phone|boss|flat))|(?:was|were)(?! (?:i|we) born))\b",
    re.IGNORECASE,
)


def asked_attributes(question: str) -> list[AttributeKey]:
    """Return whose attributes a question asks for, as they are now.

    >>> asked_attributes("What is my wife's job?")
    [AttributeKey(subject='wife', attribute='job')]

    Returns:
        Nothing for a question about the past, or about nothing that facts tell. An attribute
        without a qualifier asks for those with one as well, where there is none without.
    """
    text = normalize(question).strip()
    if _PAST.search(text):
        return []
    keys = [
        AttributeKey(_subject(next((v for v in asked.groupdict().values() if v), "i")), name)
        for form, names in _ASKED
        if (asked := form.search(text))
        for name in names
    ]
    keys += _favourites(text)
    return list(dict.fromkeys(keys)) or _by_name(text)


def _favourites(text: str) -> list[AttributeKey]:
    liked = _LIKED_MOST.search(text)
    if liked is None:
        return []
    np = (liked["np"] or liked["np2"] or "").lower()
    kinds = _DISHES if liked["eat"] or np in _DISHES else (np,) if np else ()
    return [AttributeKey(SELF, attribute_name(f"favourite {kind}")) for kind in kinds]


def _by_name(text: str) -> list[AttributeKey]:
    """The attribute that a question calls by its name: "my wife's job", "which sport"."""
    named = _BY_NAME.search(text)
    if named and is_known(name := attribute_name(named["np"])) and name not in _UNCLEAR:
        return [AttributeKey(_subject(named["who"]), name)]
    mine = _MINE.search(text)
    if mine is None:
        return []
    np = mine["np"].lower()
    if mine["pet"] or re.fullmatch(PET, np.split()[-1]):
        return [AttributeKey(SELF, "pet")]
    subject = _subject(f"my {mine['who']}") if mine["who"] else SELF
    return [] if np in LANGUAGES else [AttributeKey(subject, attribute_name(np))]


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
