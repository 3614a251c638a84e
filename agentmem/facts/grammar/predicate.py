"""Read a clause as subject, verb, tense, negation and rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentmem.facts.assertions import Clause
from agentmem.facts.lexicon import PARTNERS, RELATION, TOLD_APART, UNNAMED_MANY
from agentmem.facts.patterns import any_of, pattern, strip_prefix, words
from agentmem.facts.values import is_common, name_in

__all__ = ["OVER", "SPEAKER", "Predicate", "parse", "without_over"]

# The subject of what is said of the author of a message.
SPEAKER = ""


@dataclass(frozen=True)
class Predicate:
    """What is said of a subject.

    Attributes:
        subject: the person; `SPEAKER` for the author, else as in "sister", "sister Anna", "Hugo".
        plural: whether the subject is "we".
        verb: in its base form.
        tense: `present`, `progressive`, `past`, `perfect`, or `lasting` for a perfect with "for",
            "since" or "always".
        negated: whether it is denied, or said to be over ("used to").
        rest: what follows the verb.
        clause: all of the clause, to tell whether its capitals mean something.
    """

    subject: str
    verb: str
    rest: str
    clause: str
    tense: str = "present"
    plural: bool = False
    negated: bool = False


_MODIFIER = any_of("""
    baby second first late new good close dear old lovely two three four five next-door upstairs
    downstairs current former previous immediate male female
""")
# Modifiers that tell nobody apart: "my dear sister" is "my sister".
_IDLE_MODIFIER = pattern(
    r"\b(?:new|good|close|dear|lovely|current|next-door|upstairs|downstairs|old)\b[ -]?"
)
_NAME = r"[^\W\d_][\w'-]*(?: (?:van|von|de|der|den|la|el|bin|al)\b)*(?: [^\W\d_][\w'-]*)?"
_RELATIVE = (
    f"(?:my|our) (?P<modifier>(?:(?:{TOLD_APART}|{_MODIFIER})[ -])*)(?P<relation>{RELATION})"
    r"(?!'s? | (?:number|name|email|birthday|phone|office|and)\b)"
    rf"(?:,? (?P<name>{_NAME}?)(?:,|(?= |'s ))|(?= |'s ))"
)
# A bare name is a subject only before verbs that are said of people and pets.
_SUBJECT = pattern(
    r"(?P<i>i)\b|(?P<we>we|my (?:family|husband|wife|partner|girlfriend|boyfriend) and i)\b|"
    rf"{_RELATIVE}|(?P<bare>{_NAME}?)(?= (?:lives|works|died|passed|has died|the|"
    r"is no longer|was put|ran away|moved to|got lost)\b)"
)
_ADVERBS = any_of("""
    also now currently just really actually still always mostly usually recently finally already
    only even both all mainly primarily officially happily proudly definitely sadly truly basically
    presently originally normally generally typically regularly absolutely very_much have_to_say
    myself ourselves once_again again today lately honestly certainly personally particularly
    especially quite in_fact of_course
""")
_SKIPPED = rf"(?:{_ADVERBS}\b )+"
_MODAL = any_of(
    "'d 'll had hadn't can can't cannot could couldn't will won't would wouldn't should may might "
    "must shall did didn't"
)
_AUXILIARY = pattern(
    rf"(?:{_ADVERBS}\b )*(?:(?P<modal>{_MODAL})|(?P<word>'m|'re|'s|'ve|am|are|is|was|were|have|has|"
    r"do|does|used to|ai)(?P<negation>n't)?)(?![\w'])"
)
OVER = pattern(r"\b(?:any ?more|any ?longer|no longer|after all|no more)\b")
_LASTING = pattern(r"\b(?:for|since|always)\b")
_NOT = r"(?:not|never)\b ?"

_BE = frozenset(("'m", "am", "are", "is", "'re", "'s", "ai"))
_HAVE = frozenset(("have", "has", "'ve"))
_POSSESSED = pattern(r"(?:an?|one|two|three|four|five|six|no|some)\b")
_UNREAD_PARTICIPLE = words(
    "seen done made found taken had gotten read to heard met felt known grown put"
)
_VERBS = words("""
    accept adopt adore be become belong break buy call cancel collect come commute detest die
    dislike divorce do drink drive drop earn eat enjoy follow get give go graduate grow hate have
    hire identify join learn leave like live lose love major make marry move name need open outgrow
    own paint pass play practice practise prefer put quit rename rent report reside retire ride run
    sell separate settle sing speak spend split start stop study suffer support switch take teach
    tell turn use volunteer wake wear weigh work
""")
# What the regular endings do not give, and verbs that say the same.
_IRREGULAR = {
    "break": "broke broken dumped", "become": "became become", "buy": "bought purchased",
    "cancel": "cancelled", "come": "came", "drop": "dropped", "get": "got", "give": "gave given",
    "go": "went gone", "grow": "grew", "have": "had", "leave": "left", "lose": "lost",
    "move": "relocated", "open": "founded", "outgrow": "outgrew outgrown", "put": "put",
    "quit": "quit resigned", "run": "ran",
    "sell": "sold scrapped crashed totaled traded returned rehomed donated", "settle": "landed",
    "split": "split", "stop": "stopped", "switch": "switched changed", "take": "took",
    "tell": "told",
}  # fmt: skip
_PAST = {re.sub("(?<![aeo])y$", "i", v).removesuffix("e") + "ed": v for v in _VERBS} | {
    form: verb for verb, forms in _IRREGULAR.items() for form in forms.split()
}
_FINITE = {verb + "s": (verb, "present") for verb in _VERBS} | {
    "goes": ("go", "present"), "teaches": ("teach", "present"), "does": ("do", "present"),
    "studies": ("study", "present"), "has": ("have", "present"),
}  # fmt: skip
_FINITE |= {verb: (verb, "present") for verb in _VERBS}
_FINITE |= {form: (verb, "past") for form, verb in _PAST.items()}
_PROGRESSIVE = {verb.removesuffix("e") + "ing": verb for verb in _VERBS} | {
    "running": "run", "getting": "get", "quitting": "quit", "being": "",
}  # fmt: skip


def without_over(text: str) -> str:
    """Return a text without "any more", "no longer" and the like."""
    return re.sub(rf",? ?{OVER.pattern}", "", text, flags=re.IGNORECASE).strip()


def parse(clause: Clause) -> Predicate | None:
    """Return the predicate of a clause; None if subject or verb are unknown to the grammar."""
    text = clause.text
    subject = _SUBJECT.match(text)
    if subject is None:
        if clause.subject not in ("i", "we"):
            return None
        return _predicate(SPEAKER, text, text, plural=clause.subject == "we")
    rest = text[subject.end() :].strip()
    if subject["i"] or subject["we"]:
        return _predicate(SPEAKER, rest, text, plural=bool(subject["we"]))
    if subject["relation"]:
        relative = _relative(subject, text)
        if relative is None:
            return None
        return _predicate(relative[0], f"{relative[1]} {rest}".strip(), text)
    who = subject["bare"]
    if not who[0].isupper() or is_common(who.split()[0]) or text.isupper():
        return None
    return _predicate(who, rest, text)


def _relative(subject: re.Match[str], clause: str) -> tuple[str, str] | None:
    """Return whom a relative's subject means, and the words of it that are no name after all."""
    modifier, relation = subject["modifier"].lower(), subject["relation"].lower()
    past = re.search(r"\b(?:(?P<ex>ex)|former|previous|late)\b", modifier)
    if past and not (past["ex"] and relation in PARTNERS):
        return None
    who = (_IDLE_MODIFIER.sub("", modifier) + relation).strip()
    # "My friend lives in Rome": it is unknown which friend.
    unnamed = None if relation in UNNAMED_MANY else who
    raw = subject["name"]
    if raw is None:
        return (unnamed, "") if unnamed else None
    name, _, left = raw.partition(" ")
    if left and left.split()[-1][0].isupper():
        name, left = raw, ""
    if raw[0].isupper() and not clause.isupper() and name_in(name, clause, certain=False):
        return f"{who} {name}", left
    return (unnamed, raw) if unnamed else None


def _predicate(subject: str, rest: str, clause: str, *, plural: bool = False) -> Predicate | None:
    """Read the verb and what follows it."""
    over = OVER.search(rest)
    rest = without_over(rest)
    auxiliary = _AUXILIARY.match(rest)
    word = auxiliary["word"].lower() if auxiliary and auxiliary["word"] else ""
    if auxiliary and auxiliary["modal"]:
        return None
    rest = strip_prefix(_SKIPPED, rest[auxiliary.end() if auxiliary else 0 :].strip())
    positive = strip_prefix(_NOT, rest)
    denied = auxiliary is not None and auxiliary["negation"] is not None
    read = _verb(word, strip_prefix(_SKIPPED, positive), denied=denied)
    if read is None:
        return None
    verb, tense, tail = read
    if tense == "perfect" and _LASTING.search(clause):
        tense = "lasting"
    ended = over is not None and over.group().lower() in ("no longer", "no more")
    negated = ended or denied or positive != rest or word == "used to"
    return Predicate(subject, verb, strip_prefix(_SKIPPED, tail), clause, tense, plural, negated)


def _verb(word: str, rest: str, *, denied: bool) -> tuple[str, str, str] | None:
    """Return verb, tense and rest of what follows an auxiliary, or none of them."""
    first, _, tail = rest.partition(" ")
    low = first.lower().strip(",.!")
    if word == "'s" and low in ("been", "got", "moved", "died", "passed", "gone"):
        word = "has"
    if word in ("was", "were"):
        return "be", "past", rest
    if word in _BE:
        doing = _PROGRESSIVE.get(low)
        return ("be", "present", rest) if doing is None else (doing, "progressive", tail)
    if word in _HAVE:
        return _after_have(word, low, rest, tail, denied=denied)
    if low in _FINITE and (not word or _FINITE[low] == (low, "present")):
        return *_FINITE[low], tail
    # "I do yoga"
    return ("do", "present", rest) if word in ("do", "does") and not denied else None


def _after_have(
    word: str, low: str, rest: str, tail: str, *, denied: bool
) -> tuple[str, str, str] | None:
    if low == "been":
        ing, _, after = strip_prefix(_SKIPPED, tail).partition(" ")
        doing = _PROGRESSIVE.get(ing.lower())
        return (doing, "progressive", after) if doing else ("be", "perfect", tail)
    if low == "got":
        return "have", "present", tail
    if low in _PAST and low not in _UNREAD_PARTICIPLE:
        return _PAST[low], "perfect", tail
    # "We've two cats" has no participle.
    participle = low in _UNREAD_PARTICIPLE or low.endswith("ed") or word == "'ve"
    read = not participle or _POSSESSED.match(rest)
    return ("have", "present", rest) if read and not denied else None
