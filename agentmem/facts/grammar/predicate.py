"""Read a clause as subject, verb, tense, negation and rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentmem.facts.assertions import Clause
from agentmem.facts.grammar.claims import SPEAKER
from agentmem.facts.lexicon import RELATION, UNNAMED_MANY
from agentmem.facts.patterns import any_of, pattern, strip_prefix, words
from agentmem.facts.values import is_common, name_in

__all__ = ["OVER", "Predicate", "parse", "without_over"]


@dataclass(frozen=True)
class Predicate:
    """What is said of a subject.

    Attributes:
        subject: see `Claim.subject`.
        plural: whether the subject is "we".
        verb: in its base form.
        tense: `present`, `progressive`, `perfect` or `past`.
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


_MODIFIER = any_of(
    """
    older elder eldest younger youngest oldest big little baby twin other second first best half
    step late new good close dear old lovely two three four five next-door upstairs downstairs ex
    current former previous immediate male female
    """
)
# Modifiers that tell nobody apart: "my dear sister" is "my sister".
_IDLE_MODIFIER = pattern(
    r"\b(?:new|good|close|dear|lovely|current|next-door|upstairs|downstairs|old)\b[ -]?"
)
_NAME = r"[^\W\d_][\w'-]*(?: (?:van|von|de|der|den|la|el|bin|al)\b)*(?: [^\W\d_][\w'-]*)?"
_RELATIVE = (
    f"(?:my|our) (?P<modifier>(?:{_MODIFIER}[ -])*)(?P<relation>{RELATION})(?!'s? | (?:number|name|"
    rf"email|birthday|phone|office|and)\b)(?:,? (?P<name>{_NAME}?)(?:,|(?= |'s ))|(?= |'s ))"
)
# A bare name is a subject only before verbs that are said of people and pets.
_SUBJECT = pattern(
    r"(?P<i>i)\b|(?P<we>we|my (?:family|husband|wife|partner|girlfriend|boyfriend) and i)\b|"
    rf"{_RELATIVE}|(?P<bare>{_NAME}?)(?= (?:lives|works|died|passed|has died|is my|is our|the|"
    r"is no longer|was put|ran away|moved to|got lost)\b)"
)
_ADVERBS = (
    any_of(
        """
        also now currently just really actually still always mostly usually recently finally
        already only even both all mainly primarily officially happily proudly definitely sadly
        truly basically presently originally normally generally typically regularly absolutely
        very_much have_to_say myself ourselves once_again again today lately honestly certainly
        personally particularly especially quite in_fact of_course
        """
    )
    + r"\b"
)
_SKIPPED = rf"(?:{_ADVERBS} )+"
_MODAL = any_of(
    "'d 'll had hadn't can can't cannot could couldn't will won't would wouldn't should may might "
    "must shall did didn't"
)
_AUXILIARY = pattern(
    rf"(?:{_ADVERBS} )*(?:(?P<modal>{_MODAL})|(?P<word>'m|'re|'s|'ve|am|are|is|was|were|have|has|"
    r"do|does|used to|ai)(?P<negation>n't)?)(?![\w'])"
)
OVER = pattern(r"\b(?:any ?more|any ?longer|no longer|after all|no more)\b")
_NOT = pattern(r"(?:not|never)\b ?")

_BE = frozenset(("'m", "am", "are", "is", "'re", "'s", "ai"))
_HAVE = frozenset(("have", "has", "'ve"))
# "We've two cats" has no participle.
_POSSESSED = pattern(r"(?:an?|one|two|three|four|five|six|no|some)\b")
_UNREAD_PARTICIPLE = words(
    "seen done made found taken had gotten read to heard met felt known grown"
)

# Base forms whose third person and -ing form are regular.
_REGULAR = words(
    """
    live work own speak drive play like love enjoy prefer learn teach run weigh come go commute
    use take wear suffer collect practice practise reside adore get wake support ride be call need
    dislike hate detest rent belong report bank sing paint eat drink identify volunteer do spend
    study have follow earn make
    """
)
_THIRD_PERSON = {"go": "goes", "teach": "teaches", "do": "does", "study": "studies", "have": "has"}
_REGULAR_PAST = words(
    """
    move adopt start join die settle live work own retire graduate divorce separate pass cancel name
    marry rename accept love enjoy like turn major volunteer hire open
    """
)
_PAST = {re.sub("(?<=r)y$", "i", v).removesuffix("e") + "ed": v for v in _REGULAR_PAST} | {
    form: verb
    for verb, forms in {
        "move": "relocated", "buy": "bought purchased", "get": "got", "become": "became become",
        "quit": "quit resigned", "leave": "left", "grow": "grew", "settle": "landed",
        "sell": "sold scrapped crashed totaled traded returned rehomed donated", "have": "had",
        "lose": "lost", "stop": "stopped", "give": "gave given", "drop": "dropped",
        "break": "broke broken dumped", "split": "split", "run": "ran", "take": "took taken",
        "cancel": "cancelled", "go": "went gone", "switch": "switched changed", "put": "put",
        "outgrow": "outgrew outgrown", "be": "been", "open": "founded", "tell": "told",
        "come": "came",
    }.items()
    for form in forms.split()
}  # fmt: skip
_FINITE = {form: (verb, "past") for form, verb in _PAST.items()}
_FINITE |= {verb: (verb, "present") for verb in _REGULAR | {"quit"}}
_FINITE |= {_THIRD_PERSON.get(verb, verb + "s"): (verb, "present") for verb in _REGULAR}
_PROGRESSIVE = {
    verb.removesuffix("e") + "ing": verb
    for verb in words(
        """
        live work study learn play have reside rent teach drive suffer practice practise own speak
        take volunteer do collect enjoy follow
        """
    )
} | {"running": "run", "loving": "enjoy"}
# Plans, which no rule reads.
_PROGRESSIVE |= {plan: plan for plan in ("moving", "leaving", "getting")}


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
    if re.search(r"\b(?:former|previous|late)\b", modifier):
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
    negated = over is not None and over.group().lower() in ("no longer", "no more")
    rest = without_over(rest) if over else rest
    auxiliary = _AUXILIARY.match(rest)
    if auxiliary is None:
        rest = strip_prefix(_SKIPPED, rest)
        never = re.match(r"never ", rest, re.IGNORECASE)
        rest = rest[never.end() :] if never else rest
        first, _, tail = rest.partition(" ")
        match = _FINITE.get(first.lower().strip(",.!"))
        read = (*match, tail) if match else None
        negated = negated or never is not None
    elif auxiliary["modal"]:
        return None
    else:
        word = auxiliary["word"].lower()
        rest = strip_prefix(_SKIPPED, rest[auxiliary.end() :].strip())
        never = _NOT.match(rest)
        rest = strip_prefix(_SKIPPED, rest[never.end() :]) if never else rest
        denied = bool(never or auxiliary["negation"])
        negated = negated or denied or word == "used to"
        read = _after_auxiliary(word, rest, denied=bool(auxiliary["negation"]))
    if read is None:
        return None
    verb, tense, rest = read
    rest = strip_prefix(_SKIPPED, rest.strip())
    return Predicate(subject, verb, rest, clause, tense, plural, negated)


def _after_auxiliary(word: str, rest: str, *, denied: bool) -> tuple[str, str, str] | None:
    """Return verb, tense and rest of what follows an auxiliary."""
    first, _, tail = rest.partition(" ")
    low = first.lower().strip(",")
    if word in ("was", "were"):
        return "be", "past", rest
    if word == "'s" and low in ("been", "got", "moved", "died", "passed", "gone"):
        word = "has"
    if word in _BE:
        if low in _PROGRESSIVE:
            return _PROGRESSIVE[low], "progressive", tail
        return "be", "present", rest
    if word in _HAVE:
        return _after_have(word, low, rest, tail, denied=denied)
    if _FINITE.get(low) == (low, "present"):
        return low, "present", tail
    # "I do yoga"
    return ("do", "present", rest) if word in ("do", "does") and not denied else None


def _after_have(
    word: str, low: str, rest: str, tail: str, *, denied: bool
) -> tuple[str, str, str] | None:
    if low == "been":
        ing, _, after = strip_prefix(_SKIPPED, tail).partition(" ")
        if ing.lower() in _PROGRESSIVE:
            return _PROGRESSIVE[ing.lower()], "progressive", after
        return "be", "perfect", tail
    if low == "got":
        return "have", "present", tail
    if low in _PAST and low not in ("had", "put"):
        return _PAST[low], "perfect", tail
    if low.endswith("ed") or low in _UNREAD_PARTICIPLE or denied:
        return None
    if word == "'ve" and not _POSSESSED.match(rest):
        return None
    return "have", "present", rest
