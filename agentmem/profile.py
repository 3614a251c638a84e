"""The profile of a user: what facts and topics say of them, on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentmem.facts.attributes import SECTIONS, base_name
from agentmem.facts.lexicon import RELATIONS
from agentmem.facts.views import Fact
from agentmem_retrievers.index.fact_index import SELF
from agentmem_stores import Memory

__all__ = ["ProfileLine", "profile_lines"]

# So many keywords say what a topic is about.
_WORDS = 5
# A page: what a profile shows at most, pinned and best remembered lines first.
_PAGE = 40
# What has no place in a text that goes into every prompt.
_SECRET = (
    "password", "passcode", "pin", "code", "iban", "combination", "hint", "passport number",
    "account number",
)  # fmt: skip
# Appointments pass; whoever asks for them finds them among the facts.
_PASSING = ("appointment", "interview", "exam", "meeting", "checkup")


@dataclass(frozen=True)
class ProfileLine:
    """A line of a profile.

    Attributes:
        id: of the fact or topic that it shows; `update` and `delete` it to edit the profile.
        section: one of person, work, places, people, preferences, pursuits, routines, things,
            health, contact, other and topics.
        sources: ids of the turns that tell it.
        retention: R = exp(-t/S), in [0, 1].
        pinned: whether somebody has pinned it; such lines come first.
    """

    id: str
    section: str
    text: str
    sources: tuple[str, ...]
    retention: float
    pinned: bool = False


def profile_lines(
    facts: Iterable[Fact],
    topics: Sequence[Memory],
    retention: Callable[[Memory], float],
    *,
    limit: int | None = None,
) -> list[ProfileLine]:
    """Return the profile of the user: what they said of themselves and of those around them.

    Only what is certain and lasting: nothing that contradicts itself, no secrets, no appointments,
    nothing that another line says more fully.

    Args:
        topics: memories of what they have talked about, the largest first.
        retention: of a topic, in [0, 1].
        limit: at most so many lines, pinned and best remembered ones first; a page by default.
    """
    own = [f for f in facts if f.memory.role == "user" and _is_fit(f)]
    several = len({f.memory.speaker for f in own}) > 1
    lines = [
        ProfileLine(
            id=f.id,
            section=f.section if _is_of_user(f) else "people",
            text=_line(f, several),
            sources=f.memory.sources,
            retention=f.retention,
            pinned=_pinned(f.memory),
        )
        for f in _without_vague(own)
    ]
    lines += [
        ProfileLine(m.id, "topics", _talked_of(m), m.sources, retention(m), _pinned(m))
        for m in topics
    ]
    best = sorted(lines, key=lambda line: (not line.pinned, -line.retention))[: limit or _PAGE]
    chosen = [line for line in lines if line in best]
    name_of = {f.id: f.attribute for f in own}
    return sorted(
        chosen,
        key=lambda line: (
            not line.pinned,
            SECTIONS.index(line.section),
            name_of.get(line.id) != "name",
        ),
    )


def _pinned(memory: Memory) -> bool:
    return memory.metadata.get("pinned") is True


def _is_fit(fact: Fact) -> bool:
    name = fact.attribute
    secret = any(name == s or name.endswith(" " + s) for s in _SECRET)
    passing = name.split()[-1] in _PASSING and not fact.value.lower().endswith("days")
    return fact.edited or not (fact.contradicts or secret or passing)


def _without_vague(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out what another fact says more fully, and what it says again."""
    relations = {f.subject.split()[0] for f in facts} | {f.attribute.split()[-1] for f in facts}
    # "Rex (dog)" says more than "dog" and "dogs".
    pets = {f.value.lower().rpartition(" (")[2] for f in facts if f.attribute == "pet"}
    chosen: dict[tuple[str, str, str], Fact] = {}
    for fact in facts:
        kind = fact.value.lower()
        vague = (fact.attribute == "pet" and f"{kind.rstrip('s')})" in pets) or (
            fact.attribute == "family" and kind.split()[-1] in relations & RELATIONS
        )
        if not vague:
            chosen.setdefault((fact.subject, fact.attribute, kind), fact)
    return list(chosen.values())


def _talked_of(topic: Memory) -> str:
    """What a topic is about: its keywords, or what somebody has written instead."""
    words = topic.metadata.get("keywords")
    if topic.version > 1 or not isinstance(words, list) or not words:
        return topic.text
    return f"talks of: {', '.join(map(str, words[:_WORDS]))}"


def _is_of_user(fact: Fact) -> bool:
    return fact.subject in (SELF, fact.memory.speaker)


def _line(fact: Fact, several: bool) -> str:
    if fact.edited:
        return fact.memory.text
    whose = "" if _is_of_user(fact) else f"{fact.subject}, "
    if several and fact.memory.speaker and fact.subject == fact.memory.speaker:
        whose = f"{fact.subject}, "
    elif several and fact.memory.speaker and whose:
        whose = f"{fact.memory.speaker}'s {whose}"
    # An age does not stay what it is, so it is shown with the year in which it was said.
    when = f" (in {fact.date:%Y})" if base_name(fact.attribute) == "age" else ""
    return f"{whose}{fact.attribute}: {fact.value}{when}"
