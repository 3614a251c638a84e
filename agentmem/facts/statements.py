"""Sentences in which somebody is said to be, have or do something now; and what of them is new.

Nothing here knows what a sentence is about. It tells whom it is about, whether it claims to hold,
and which of its words might be others if something else held: its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentmem.digest.sentences import split
from agentmem.facts.values import CHANGED, values_in
from agentmem_retrievers.text.question import RELATIVES

__all__ = ["SPEAKER", "Statement", "is_own", "own_words", "statements"]

# Whom a statement is about when it is about who says it.
SPEAKER = ""

_LONGEST_CLAUSE = 160
# Of words: of a clause, of what is none, and of a sentence of several that is seen as a whole.
_SHORTEST, _LONGEST_WHOLE = 3, 20

_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)
_OBJECT = re.compile(r"\b(?:me|us)\b")
_PERSON = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur)\s+(?:[a-z-]+\s+){{0,2}}(?P<who>{RELATIVES})s?\b"
    r"(?:\s+(?P<name>[A-Z]\w+)\b)?"
)
# A name at the beginning, with a verb that people go with: "Music helps" is about nobody.
_NAMED = re.compile(
    r"^(?P<who>(?!(?:He|She|It|They|This|That|There|The|You|What|Who|Those|These|\w+ing|\w+ly)\b)"
    r"[A-Z][a-z]+(?: [A-Z][a-z]+)?)\s+"
    r"(?:lives|works|plays|drives|likes|loves|speaks|studies|has (?:a|an|moved|bought|adopted)|"
    r"is (?:married|engaged|single|divorced|learning|reading))\b"
)
# Somebody takes a place in the speaker's life.
_ROLE = re.compile(
    r"^\W*(?:[Mm]y|[Oo]ur)\s+(?:[\w'-]+\s+){1,3}(?:is|are)\s+(?:now\s+)?(?:(?:called|named)\s+)?"
    r"(?:(?:Dr|Mr|Mrs|Ms)\.? )?[A-Z]\w+(?: now| these days| at present)?\W*$"
)
# Somebody says something of the speaker, or is one of two who do.
_WITH_ME = re.compile(
    r"\b(?:says?|said|thinks?|tells|reckons?|insists?|claims?|swears?|knows?|noticed)"
    r"(?: that|,)? (?:i|i'\w+|we|we'\w+|my|our)\b|\band i\b",
    re.IGNORECASE,
)
# What does not hold now, or is not claimed to: former habits, conditions, wishes, plans, denials.
# "If you need me, call ..." is no condition, and "you will find me at ..." is no plan.
_NOT_SO = re.compile(
    r"\bused to\b|\bif(?! you\b)|(?<!you )\b(?:will|want|wants|wanted)\b|"
    r"\b(?:unless|whether|would|might|maybe|perhaps|wish|hope|hoping|imagine|suppose|wanting|"
    r"dream of|pretend|formerly|previously|almost|nearly|no longer|any ?more|never|not|shall|"
    r"planning|plan to|gonna|thinking|think about|considering|ready to|game for|back when|"
    r"back then|in those days|ever|trying to|try to|need to|been to|heard|your|you(?= and)|"
    r"looking (?:for|forward)|about to|someday|sounds like|"
    r"once(?! (?:a|an|every|per)\b)|as a (?:child|kid|boy|girl|student))\b|"
    r"\b(?:it|you)'d\b|\bcould\b(?!.*\b(?:always|every|all|any) ?(?:day|time|night)?\b)|"
    r"(?:\b(?:am|are|is)|'m|'re|'s) going to\b(?! (?:the|a|my)\b)|"
    r"n't\b|(?<!you)'ll\b|^\W*(?:should|can|do|did|are|is|have|has|let)\s+(?:i|we|you|my|us|me)\b",
    re.IGNORECASE,
)
# A state in the past tense is over, and what somebody did once was over when they had done it;
# "have lived", "moved" and "was hired" are not meant.
_PAST = (
    r"\w{2,}ed|had|went|saw|ate|met|told|said|ran|thought|felt|knew|wrote|heard|spent|lost|left|"
    r"drove|made|did|loved|came|gave|found|kept|won|drank|slept|stayed|sat|watched|read a|took"
)
_OVER = re.compile(
    rf"\b(?:i|we)\s+(?:\w+ly\s+|just\s+|also\s+|even\s+|all\s+)*(?!(?:{CHANGED})\b)(?:{_PAST})\b|"
    r"(?<!have )(?<!'ve )(?<!has )\b(?:lived|worked|drove|owned|played|studied|liked|loved|"
    r"preferred|wanted|had|(?:was|were)(?! \w+ed\b| taken\b| given\b| made\b))\b",
    re.IGNORECASE,
)
_DONE = re.compile(r"^\w+ed\b")
_QUOTED = re.compile(r"[\"\u201c\u201d].+[\"\u201c\u201d]")
_SUPPOSED = re.compile(r"^\W*(?:if(?! you\b)|unless|suppose|imagine)\b", re.IGNORECASE)
_ASKING = re.compile(r"^(?:can|could|would|will) you (?:please )?(?=\w.*\?$)", re.IGNORECASE)
# What is asked but in form: "Could you note that ...?", "Can you believe I ...?".
_RHETORICAL = re.compile(
    r"^\W*(?:(?:can|could|would|will) you (?:please )?"
    r"(?=(?:note|save|store|remember|write|put|jot|update|change|enter|add|keep)\b)|"
    r"(?:(?:can|would|will) you believe(?: it)?|did (?:you (?:know|hear)|i (?:\w+ )?tell you)|"
    r"have (?:you heard|i told you)|you know what|guess what)[,:]?(?: that)? "
    r"(?=(?:i|we|my|our)\b))(?=.*\?$)",
    re.IGNORECASE,
)
_ASSERTS = re.compile(r"^(?:I|We|My|Our|They)\b")
_SUBJECT = re.compile(r"(?:i|we|it|they|he|she|you|there)\b", re.IGNORECASE)
_SUBJECTS = r"(?:i|we|my|our|it|they|he|she|you|the|there|that|this)\b"
# Where a sentence falls into clauses that are said of themselves.
_JOINT = re.compile(
    r"\s*[,;:]\s+|\s+[-\u2013\u2014]+\s+|(?<!\bis)(?<!\ba)\s+(?=(?:because|if|which|although|"
    r"though|while|whereas|until|where|when|so that)\b)|"
    rf"(?<!looks)\s+(?=(?:and|but|so|since|after)\s+{_SUBJECTS})|"
    rf"\s+(?=(?:and|but)\s+(?:{CHANGED})\b)",
    re.IGNORECASE,
)
# What stands before a clause and says nothing; and a clause that says nothing of itself.
_LEAD = re.compile(
    r"^\W*(?:(?:and|but|so|because|since|well|oh|hey|also|then|now|finally|honestly|actually|"
    r"luckily|anyway|guess what|by the way|turns out|as for me|(?:i|we) (?:think|believe|guess|"
    r"know|mean|must say|feel like)(?: that)?)\b[\s,]*)+",
    re.IGNORECASE,
)
_DEPENDENT = re.compile(
    r"^(?:(?:which|who|whose|where|when|if|unless|until|although|though|while|whereas|as|than|"
    # "After the injury I changed to tennis" says something, "after I had left" does not.
    r"even|mostly|so that)\b|(?:after|before)\b(?: (?:i|we)\b|(?!.*\b(?:i|we)\b)))",
    re.IGNORECASE,
)
_ELLIPTIC = re.compile(rf"^(?:{CHANGED})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """Somebody is said to be, have or do something.

    Attributes:
        subject: whom it is about; `SPEAKER` for who says it.
        text: the sentence, or the clause of it.
        value: the words of it that would be others if something else held.
        attribute: what of the subject, where that is known already.
        sure: whether the subject of the sentence is whom it is about.
    """

    subject: str
    text: str
    value: str
    attribute: str = ""
    sure: bool = True

    @property
    def skeleton(self) -> str:
        """The sentence without its value, as it would be said of anything."""
        if self.attribute:
            return f"My {self.attribute} is something."
        return self.text.replace(self.value, "something", 1) if self.value else self.text


def statements(text: str) -> Iterator[Statement]:
    """Yield what a text may state, the likeliest value of each clause first.

    Neither questions nor wishes, nor what is over. A clause without a value is yielded with none.
    """
    for said in split(text):
        sentence = said
        # "Could you note my new number, 555 0123?" claims as much as a command does.
        if request := _ASKING.match(sentence):
            sentence = sentence[request.end() :].replace("?", ".")
        if not (_QUOTED.search(sentence) or _SUPPOSED.match(sentence)):
            yield from _stated(sentence)


def own_words(text: str) -> Iterator[str]:
    """Yield the sentences of a text, and the clauses of them, that may be about who says it.

    Those about somebody else are left out, and questions; whether they claim anything is not asked.
    """
    for said in split(text):
        sentence = _claimed(said)
        asks = sentence.endswith("?") and not (_ASSERTS.match(sentence) and "," in sentence)
        if not (asks or _is_about_other(sentence)):
            clauses = (c for c in _clauses(sentence) if not _is_about_other(c))
            yield from dict.fromkeys([sentence, *clauses])


def _claimed(sentence: str) -> str:
    """A sentence that claims something, where it asks but in form."""
    frame = _RHETORICAL.match(sentence)
    return sentence[frame.end() :].rstrip("? ") + "." if frame else sentence


def is_own(text: str) -> bool:
    """Whether a text may be about whoever says it, in part at least."""
    return next(own_words(text), None) is not None


def _is_about_other(clause: str) -> bool:
    person, first = _PERSON.search(clause), _FIRST_PERSON.search(clause)
    if person is None or first is None:
        return first is None and _NAMED.match(clause) is not None
    # "My new flatmate is Hugo" is about me, as are "my teacher shows me how" and "says I improve".
    mine = _OBJECT.search(clause) or _ROLE.match(clause) or _WITH_ME.search(clause)
    return first.start() >= person.start() and not mine


def _stated(sentence: str) -> Iterator[Statement]:
    """What each clause states; and with what is said around it, where that is not too long."""
    clauses = _clauses(sentence)
    short = len(clauses) > 1 and len(sentence.split()) <= _LONGEST_WHOLE
    for clause in clauses:
        subject = _subject(clause, sentence)
        if subject is not None and _claims(clause):
            sure = _is_sure(clause, subject)
            for value in values_in(_without_person(clause).rstrip(".!… ")) or [""]:
                yield Statement(subject, clause, value, sure=sure)
                if short:
                    yield Statement(subject, sentence, value, sure=sure)


def _clauses(sentence: str) -> list[str]:
    """The clauses of a sentence that say something of themselves, each with who does it."""
    parts: list[str] = []
    for part in filter(None, _JOINT.split(sentence)):
        # "I changed to another dentist, Dr. Brown": this is no clause of its own.
        if parts and len(part.split()) <= _SHORTEST and not _SUBJECT.match(part):
            parts[-1] += f", {part}"
        else:
            parts.append(part)
    if sentence.endswith("?"):
        # "I bought a boat, can you believe it?"
        parts = parts[:-1] if _ASSERTS.match(sentence) else []
    found = []
    for part in parts:
        clause = _LEAD.sub("", part)
        if _ELLIPTIC.match(clause):
            clause = f"I {clause[0].lower()}{clause[1:]}"
        if len(clause.split()) > 2 and not _DEPENDENT.match(clause):
            found.append(clause)
    return found


def _claims(clause: str) -> bool:
    too_long = len(clause) > _LONGEST_CLAUSE
    return not (too_long or any(p.search(clause) for p in (_NOT_SO, _OVER, _DONE)))


def _subject(clause: str, sentence: str) -> str | None:
    """Whoever is mentioned first: the speaker, or a person of theirs; None for nobody."""
    person = _PERSON.search(clause)
    first = _FIRST_PERSON.search(clause)
    # "My teacher shows me how" is about me.
    if person and _OBJECT.search(clause, person.end()):
        return SPEAKER
    if person and (first is None or person.start() <= first.start()):
        return person["name"] or person["who"].lower()
    if first:
        return SPEAKER
    named = _NAMED.match(clause)
    if named:
        return named["who"]
    # "I lost my phone, so the number is 555 0123."
    return SPEAKER if _FIRST_PERSON.search(sentence) else None


def _without_person(clause: str) -> str:
    """The clause without the person whom it is about, who is no value."""
    person = _PERSON.search(clause)
    return clause if person is None else f"{clause[: person.start()]}it{clause[person.end() :]}"


_SURE = re.compile(r"\b(?:I|i|[Ww]e)\b|^(?:[Mm]y|[Oo]ur)\b|\b(?:is|are|'s|become)\s+(?:my|our)\b")


def _is_sure(clause: str, subject: str) -> bool:
    return subject != SPEAKER or _SURE.search(clause) is not None
