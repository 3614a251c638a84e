"""Keeping the facts of a scope: what holds now, what held before, and what has ended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem.facts.attributes import attribute, base_name
from agentmem.facts.extractor import ExtractedFact, FactExtractor
from agentmem.facts.grammar.predicate import SPEAKER
from agentmem.facts.grammar.rule import Claim
from agentmem.facts.lexicon import PARTNERS, RELATIONS
from agentmem.provenance import derived_provenance
from agentmem_retrievers.index.fact_index import SELF, FactRecord
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Batch, Edge, Entry, Granularity, Memory, MemoryStore, Scope, State

__all__ = ["FORGOTTEN", "Facts", "forgotten", "settled"]

# In a turn's metadata: the ids of the facts of it that were deleted, and are not to come back.
FORGOTTEN = "forgotten_facts"

_IDS = uuid.UUID("0d3b4a52-3d0a-4c3e-9a6e-3f1f2f5c9b11")

_COUNT = re.compile(r"^(?:one|two|three|four|five|six|seven|eight|nine|ten|\d+)\s+")


@dataclass(frozen=True)
class Facts:
    """Writes what turns say of people, and lets newer facts take the place of older ones.

    An ending ("I sold the Volvo") is a memory of its own beside the facts, with the turn that told
    it as its source. So it goes with its turn, and what it had ended holds again.
    """

    store: MemoryStore
    memories: IndexedStore
    extractor: FactExtractor
    embedder: Embedder

    def of_turns(self, scope: Scope, turns: Sequence[Entry]) -> list[Entry]:
        """Return the facts that turns tell, and those of others that they change.

        Facts that somebody has edited are left as they are.
        """
        spoken = [t for t in turns if t.memory.role == "user" or t.memory.speaker is not None]
        extracted = self.extractor.extract([t.memory for t in spoken])
        if not extracted:
            return []
        own = {turn.memory.id for turn in spoken}
        known = {e.memory.id: e for e in self._known(scope, extracted, own)}
        memories = list(self._written(extracted, [e.memory for e in known.values()]))
        written = {e.memory.id: e for e in self._embedded(memories, spoken)}
        stored = self.store.get(scope, Granularity.FACT, list(written))
        edited = {e.memory.id: e for e in stored if e.memory.version > 1}
        entries = known | written | edited
        changed = {new.id: (new, old) for new, old in settled([e.memory for e in entries.values()])}
        wanted = written.keys() | {i for i, (new, old) in changed.items() if new != old}
        return [
            Entry(changed[i][0] if i in changed else entries[i].memory, entries[i].vector)
            for i in entries
            if i in wanted
        ]

    def _known(
        self, scope: Scope, extracted: Sequence[ExtractedFact], own: set[str]
    ) -> list[Entry]:
        """The facts in the store that these may replace, end or correct."""
        facts = self.memories.index(scope).facts
        subjects = {_subject(fact) for fact in extracted} | {SELF}
        named = {a for fact in extracted for a in fact.claim.attributes}
        named |= {other for name in named for other in _CONSEQUENCES.get(name, ())}
        anything = any(not f.claim.attributes or f.claim.ends for f in extracted)
        keys = [
            key
            for key in facts.by_key
            if (key.subject in subjects or key.subject.split()[0] in RELATIONS)
            and (anything or key.attribute in named or key.attribute.split()[-1] in RELATIONS)
        ]
        ids = dict.fromkeys(i for key in keys for i in facts.about(key))
        stored = self.store.get(scope, Granularity.FACT, list(ids))
        return [e for e in stored if FactRecord.of(e.memory) and own.isdisjoint(e.memory.sources)]

    def _written(
        self, extracted: Sequence[ExtractedFact], known: Sequence[Memory]
    ) -> Iterator[Memory]:
        """Memories of facts and of endings, each of which may end one before it."""
        so_far = [m for m in known if not _record(m).ends]
        for fact in extracted:
            gone = forgotten(fact.turn)
            stated = {a for f in extracted if f.turn.id == fact.turn.id for a in f.claim.attributes}
            for memory in _made(fact, stated, so_far):
                if memory.id not in gone and _former_id(fact.turn, _record(memory)) not in gone:
                    if not _record(memory).ends:
                        so_far.append(memory)
                    yield memory

    def _embedded(self, memories: Sequence[Memory], turns: Sequence[Entry]) -> Iterator[Entry]:
        """Facts with the embeddings of their sentences; that of a whole turn is there already."""
        known = {turn.memory.text.strip(): turn.vector for turn in turns}
        new = [t for t in dict.fromkeys(m.text for m in memories) if t not in known]
        if new:
            known.update(zip(new, self.embedder.documents(new), strict=True))
        for memory in memories:
            yield Entry(memory, np.asarray(known[memory.text]))

    def edited(self, scope: Scope, ids: Iterable[str]) -> set[str]:
        """Which facts have been edited, with the ids of their former versions."""
        stored = self.store.get(scope, Granularity.FACT, list(ids))
        return {m.id for m in (e.memory for e in stored) if m.version > 1 or m.version_of}

    def not_again(self, scope: Scope, facts: Iterable[Memory]) -> list[Memory]:
        """Return the turns that told facts, so marked that they are not found there again."""
        facts_of: dict[str, list[str]] = {}
        for fact in facts:
            for source in fact.sources if fact.granularity is Granularity.FACT else ():
                facts_of.setdefault(source, []).append(fact.version_of or fact.id)
        stored = self.store.get(scope, Granularity.TURN, list(facts_of))
        return [_marked(entry.memory, facts_of[entry.memory.id]) for entry in stored]

    def outdated(self, scope: Scope) -> list[str]:
        """The sessions whose facts are as version 0.1.0 wrote them, and are to be read again."""
        stored = self.store.scan(scope, Granularity.FACT)
        return list(dict.fromkeys(m.session_id for m in stored if FactRecord.is_outdated(m)))

    def settle(self, scope: Scope) -> None:
        """Say anew of all facts which hold; to be called when some were deleted."""
        stored = [m for m in self.store.scan(scope, Granularity.FACT) if m.version_of is None]
        changed = [new for new, old in settled(stored) if new != old]
        self.memories.write(Batch(scope, patch=changed))


def forgotten(turn: Memory) -> set[str]:
    """The ids of a turn's facts that were deleted."""
    ids = turn.metadata.get(FORGOTTEN)
    return set(map(str, ids)) if isinstance(ids, list) else set()


def _marked(turn: Memory, ids: Sequence[str]) -> Memory:
    gone = sorted(forgotten(turn) | set(ids))
    return replace(turn, metadata={**turn.metadata, FORGOTTEN: gone})


def _record(memory: Memory) -> FactRecord:
    record = FactRecord.of(memory)
    assert record is not None
    return record


def _subject(fact: ExtractedFact) -> str:
    return fact.turn.speaker or SELF if fact.claim.subject == SPEAKER else fact.claim.subject


def _resolved(subject: str, speaker: str, known: Sequence[Memory]) -> str:
    """ "sister" is "sister Anna" where there is but one, and a bare name whoever is so called."""
    people = {
        (r.attribute, r.value)
        for r in map(_record, known)
        if r.subject == speaker and r.attribute.split()[-1] in RELATIONS
    }
    if subject.split()[-1] in RELATIONS:
        names = {name for relation, name in people if relation == subject}
        return f"{subject} {names.pop()}" if len(names) == 1 else subject
    who = {f"{relation} {name}" for relation, name in people if name == subject}
    return who.pop() if len(who) == 1 else subject


def _made(fact: ExtractedFact, stated: set[str], known: Sequence[Memory]) -> list[Memory]:
    """The fact or the endings that a claim makes, and the endings that follow from it.

    Args:
        stated: the attributes that the turn states.
    """
    turn, claim = fact.turn, fact.claim
    subject = _resolved(_subject(fact), turn.speaker or SELF, known)
    past = [m for m in known if m.said_at <= turn.said_at]
    if claim.old:
        return _corrected(fact, [m for m in past if _record(m).subject == subject])
    if claim.ends:
        hit = {_record(m).key for m in past if _ends(claim, subject, _record(m))}
        return [_memory(fact, *key, claim.value, ends=True) for key in sorted(hit)]
    name = _additional(claim, subject, known)
    new = _memory(fact, subject, name, claim.value)
    return [new, *_consequences(fact, subject, name, stated, known)]


# What people may have two of, and say so.
_SECOND = frozenset(
    ("employer", "job", "home", "car", "office", "gym", "bank", "business", "email", "phone number")
)


def _additional(claim: Claim, subject: str, known: Sequence[Memory]) -> str:
    """Return a claim's attribute: "I also work at Hooli" is a second employer beside the first."""
    [name] = claim.attributes
    if not claim.also or name not in _SECOND:
        return name
    current = [_record(m) for m in known if m.state is not State.SUPERSEDED]
    beside = any(r.key == (subject, name) and r.value != claim.value for r in current)
    return f"second {name}" if beside else name


def _words(text: str) -> frozenset[str]:
    return frozenset(tokenize(text)) or frozenset(re.findall(r"\w+", text.casefold()))


def _alike(one: str, other: str) -> bool:
    """Whether two values may mean the same: one says all words of the other."""
    mine, others = _words(one), _words(other)
    return bool(mine and others) and (mine <= others or others <= mine)


def _countless(value: str) -> str:
    """A value without its number: whoever has three kids now has no longer two."""
    return _COUNT.sub("", value.casefold())


# "I don't like the new opera house" does not end "opera".
_SPECIFIC = frozenset(("likes", "hobby", "sport", "instrument", "learning", "language"))


def _covers(ended: str, record: FactRecord) -> bool:
    """Whether an ending of a value means a fact's value; "" means any."""
    if record.attribute in _SPECIFIC and ended:
        return _words(ended) <= _words(record.value)
    return not ended or _alike(ended, record.value)


def _ends(claim: Claim, subject: str, record: FactRecord) -> bool:
    """Whether a claim ends a fact."""
    name = record.attribute
    names = {name, base_name(name), "favourite" if name.startswith("favourite ") else name}
    covered = not claim.attributes or not names.isdisjoint(claim.attributes)
    return record.subject == subject and covered and _covers(claim.value, record)


def _corrected(fact: ExtractedFact, known: Sequence[Memory]) -> list[Memory]:
    """The latest fact whose value holds what is corrected, with the correction in its place."""
    old, new = fact.claim.old, fact.claim.value
    pattern = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)", re.IGNORECASE)
    hit = [m for m in known if pattern.search(_record(m).value)]
    if not hit:
        return []
    latest = _record(max(hit, key=lambda m: (m.said_at, m.position)))
    value = pattern.sub(lambda _: new, latest.value, count=1)
    ended = [] if latest.single else [_memory(fact, *latest.key, old, ends=True)]
    return [*ended, _memory(fact, *latest.key, value)]


# What a new value of an attribute says to be over, where the turn does not say it anew.
_AT_WORK = ("job", "office", "boss", "manager", "supervisor", "teammate", "colleague")
_SPOUSES = tuple(sorted(PARTNERS))
_CONSEQUENCES = {"employer": _AT_WORK, "home": ("address",), "relationship": _SPOUSES}
_ALONE = ("single", "divorced", "widowed", "separated", "a widow", "a widower")


def _consequences(
    fact: ExtractedFact, subject: str, name: str, stated: set[str], known: Sequence[Memory]
) -> Iterator[Memory]:
    """Endings that follow from a new value: a new employer ends the job at the former one."""
    value = fact.claim.value
    records = [_record(m) for m in known if m.said_at < fact.turn.said_at]
    former = [r for r in records if r.subject == subject and r.attribute == name]
    if name == "relationship" and value.lower() not in _ALONE:
        return
    if name != "relationship" and (not former or _alike(former[-1].value, value)):
        return
    for other in _CONSEQUENCES.get(name, ()):
        if other not in stated and any(r.key == (subject, other) for r in records):
            yield _memory(fact, subject, other, "", ends=True)


def _former_id(turn: Memory, record: FactRecord) -> str:
    """The id under which version 0.1.0 kept a turn's fact of an attribute."""
    return uuid.uuid5(_IDS, f"{turn.id}\n{record.subject}\n{record.attribute}").hex


def _memory(
    fact: ExtractedFact, subject: str, name: str, value: str, *, ends: bool = False
) -> Memory:
    turn, single = fact.turn, attribute(name).single
    record = FactRecord(subject, name, value, turn.said_at.isoformat(), single, ends)
    which = f"\nends {value}" if ends else "" if single else f"\n{value.casefold()}"
    return Memory(
        id=uuid.uuid5(_IDS, f"{turn.id}\n{subject}\n{name}{which}").hex,
        scope=turn.scope,
        granularity=Granularity.FACT,
        text=fact.text,
        session_id=turn.session_id,
        said_at=turn.said_at,
        written_at=turn.written_at,
        role=turn.role,
        speaker=turn.speaker,
        position=turn.position,
        strength=turn.strength,
        sources=(turn.id,),
        metadata={**record.metadata(), **derived_provenance([turn])},
    )


def settled(facts: Sequence[Memory]) -> Iterator[tuple[Memory, Memory]]:
    """Yield facts and endings as they should be, each with what it was.

    A fact is superseded by the next one of its attribute, where that has one value at a time, or
    of its value, or by what ends it, whichever comes first, and since then. Facts of the same date
    cannot be ordered: all of them hold, and `Fact.contradicts` says so.
    """
    known = [(r, m) for m in facts if (r := FactRecord.of(m)) is not None]
    known.sort(key=lambda pair: (pair[0].key, pair[0].since, pair[1].position, pair[1].id))
    for _, group in groupby(known, key=lambda pair: pair[0].key):
        yield from _placed(list(group))


def _placed(group: Sequence[tuple[FactRecord, Memory]]) -> Iterator[tuple[Memory, Memory]]:
    """Put the facts and endings of one key, in order of time, in their places."""
    over: dict[str, datetime] = {}
    replaces: dict[str, list[str]] = {memory.id: [] for _, memory in group}
    for place, (record, memory) in enumerate(group):
        for later, successor in group[place + 1 :] if not record.ends else ():
            succeeds = _succeeds(later, successor, record, memory)
            if succeeds and over.setdefault(memory.id, later.since) == later.since:
                replaces[successor.id].append(memory.id)
    for _, memory in group:
        placed = replace(
            memory,
            edges=tuple(Edge(old, 1.0) for old in replaces[memory.id]),
            state=State.SUPERSEDED if memory.id in over else State.ACTIVE,
            state_changed_at=over.get(memory.id),
        )
        yield placed, memory


def _succeeds(later: FactRecord, successor: Memory, record: FactRecord, memory: Memory) -> bool:
    """Whether a later fact takes the place of one, or an ending ends it."""
    if later.ends:
        return _covers(later.value, record) and successor.sources != memory.sources
    same = record.single or _countless(later.value) == _countless(record.value)
    return same and later.since > record.since
