"""Which turns say the same: their texts are equal but for what cannot change their meaning.

Signs, symbols, numbers, units, emoji, capitals and the smallest words may all carry the difference
("A+" and "A-", "few" and "a few", "US" and "us"), and a merge hides one of the two turns.
So every token counts, and only these do not: white space, the marks at the end, typographic
variants of one character, contractions that have one full form, and a few openings such as
"as I said". What means something only after the turn before it ("2", "make another one") is never
merged. In doubt two turns stay apart.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable

from agentmem_retrievers.forgetting import IMPORTANCE
from agentmem_stores import Memory

__all__ = ["KEPT_APART", "duplicates", "same_statement"]

# In a turn's metadata: it was merged once and brought back, so it is not merged again.
KEPT_APART = "kept_apart"

_TYPOGRAPHY = str.maketrans("\u2018\u2019\u02bc\u201c\u201d\u00a0", "'''\"\" ")
_OPENING = re.compile(
    r"^(?:(?:as (?:i (?:said|mentioned)|you know)|by the way|btw|just so you know|well|hey|hi|"
    r"hello|oh|so|yes|yeah|remember|fyi),?\s+(?:that\s+)?)+(?=\w)",
    re.IGNORECASE,
)
_FULL_FORMS = {
    "i'm": "i am", "we're": "we are", "they're": "they are", "you're": "you are", "i've": "i have",
    "we've": "we have", "don't": "do not", "doesn't": "does not", "isn't": "is not",
    "aren't": "are not", "can't": "cannot", "i'll": "i will", "we'll": "we will",
    "won't": "will not", "didn't": "did not", "wasn't": "was not", "weren't": "were not",
    "haven't": "have not", "hasn't": "has not",
}  # fmt: skip
_CONTRACTION = re.compile(rf"\b(?:{'|'.join(_FULL_FORMS)})\b", re.IGNORECASE)
# Words that never are names: "Turkey" at the beginning may be the country.
_FIRST_WORD = re.compile(
    r"(?:^|(?<=[.!?]\s))(?:My|We|Our|You|Your|He|She|It|They|The|This|That|These|Those|There|An?|"
    r"Yes|No|Not|And|But|So|In|At|On|For|From|With|When|If|As|Please)\b"
)
# Said on another day, this is about something else: "yesterday", "I ran five miles".
_OF_ITS_DAY = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|now|just|currently|morning|afternoon|evening|night|"
    r"week|weekend|month|year|ago|last|next|recently|earlier|later|(?:mon|tues|wednes|thurs|fri|"
    r"satur|sun)day|was|were|had|did|went|got|saw|ate|met|took|made|came|ran|bought|sold|gave|"
    r"found|lost|left|felt|thought|heard|told|said|won|broke|began|drove|flew|read|paid|"
    r"am (?:\w+ing|tired|sick|ill|happy|sad|hungry|bored|back|here|home|late|ready|sorry)|\w+ed)\b",
    re.IGNORECASE,
)
# Whatever these words point to stands in another turn.
_POINTING = re.compile(
    r"\b(?:continue|go on|another|again|above|previous(?:ly)?|more|instead|your turn|same|"
    r"th(?:is|at|ese|ose) (?:one|ones)|it|them|this|that|those|these)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"\b(?:i|we|you|he|she|they|my|our|your|his|her|their)\b|\b(?-i:[A-Z])[\w'-]* (?-i:[a-z])",
    re.IGNORECASE,
)
# Shorter turns without a subject mean something only after the turn before them.
_FEW_WORDS = 4


def same_statement(text: str) -> str:
    """Return what two texts have in common if, and only if, they say the same.

    >>> same_statement("As I said, I\u2019m a nurse!") == same_statement("I am a nurse.")
    True
    >>> same_statement("I have few friends.") == same_statement("I have a few friends.")
    False
    """
    plain = " ".join(unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY).split())
    plain = _OPENING.sub("", plain)
    # Capitals count, but for the one that only begins a sentence.
    plain = _FIRST_WORD.sub(lambda first: first.group().lower(), plain)
    plain = _CONTRACTION.sub(lambda short: _FULL_FORMS[short.group().lower()], plain)
    plain = re.sub(r"\bI (?=am|have|will)\b", "i ", plain)
    # "A." and "A!" are one, "C." and "C++." are not.
    return re.sub(r"(?<=\w)\s*(?:[.!]+|\u2026)$", "", plain)


def duplicates(turns: Iterable[Memory]) -> list[list[Memory]]:
    """Return the groups of two and more turns that say the same, each in order of time.

    They have one speaker and the same metadata, and mean something without the turns before them;
    what speaks of its own day is only the same if it was said on one day. Takes time linear in what
    there is.
    """
    groups: dict[tuple[object, ...], list[Memory]] = {}
    for turn in turns:
        if KEPT_APART not in turn.metadata and _stands_by_itself(turn.text):
            groups.setdefault(_key(turn), []).append(turn)
    duplicates = [sorted(group, key=_when) for group in groups.values() if len(group) > 1]
    return sorted(duplicates, key=lambda group: _when(group[0]))


def _stands_by_itself(text: str) -> bool:
    short = len(text.split()) < _FEW_WORDS
    return not (_POINTING.search(text) or (short and not _SUBJECT.search(text)))


def _key(turn: Memory) -> tuple[object, ...]:
    statement = same_statement(turn.text)
    day = turn.said_at.date() if _OF_ITS_DAY.search(statement) or statement.endswith("?") else None
    ignored = ("forgotten_facts", IMPORTANCE)
    metadata = {k: v for k, v in turn.metadata.items() if k not in ignored}
    return (
        turn.role,
        turn.speaker,
        statement,
        day,
        turn.expires_at,
        json.dumps(metadata, sort_keys=True, default=str),
    )


def _when(memory: Memory) -> tuple[object, ...]:
    return memory.said_at, memory.position, memory.id
