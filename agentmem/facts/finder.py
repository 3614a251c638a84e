"""From turns to facts: what they say of whom, as memories of their own."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem.facts.attributes import Attribute, Attributes, Match
from agentmem.facts.candidates import Candidate, SentenceCache, likely
from agentmem.facts.kinds import Kinds, named
from agentmem.facts.statements import SPEAKER, Statement, own_words, statements
from agentmem_retrievers.index.fact_index import FactRecord
from agentmem_stores import Entry, Granularity, Memory, Vectors

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["FORGOTTEN", "USER", "FactFinder", "forgotten"]

# The subject of what the user says of themselves, where the conversation gives no name.
USER = "user"
# In a turn's metadata: the ids of the facts of it that were deleted, and are not to come back.
FORGOTTEN = "forgotten_facts"

_IDS = uuid.UUID("0d3b4a52-3d0a-4c3e-9a6e-3f1f2f5c9b11")
_log = logging.getLogger("agentmem")

_PER_TURN = 8


@dataclass(frozen=True)
class FactFinder:
    """Finds what turns say of people: with a model where there is one and it answers well.

    Attributes:
        model: any LangChain chat model; it needs neither tools nor a JSON mode.
        timeout: seconds after which an answer is no longer waited for; None waits for ever.
    """

    embedder: Embedder
    attributes: Attributes
    kinds: Kinds
    model: BaseChatModel | None = None
    timeout: float | None = 60.0

    def find(self, turns: Sequence[Entry]) -> list[Entry]:
        """Return the facts that turns tell, in order, without strength, state and associations.

        A turn's own embedding serves for a statement that is all it says. Only what a longer turn
        says is embedded anew, and only where it may be a fact, see `likely`.
        """
        spoken = [turn for turn in turns if _speaks_of_people(turn.memory)]
        told = self._told_to_model(spoken)
        if told is None:
            told = list(self._told(spoken))
        said = SentenceCache(self.embedder, spoken)
        facts = list(self._stated(told, said))
        return list(_with_kinds(facts, spoken, self._kinds(spoken, said)))

    def _stated(self, told: Sequence[Candidate], said: SentenceCache) -> Iterator[Entry]:
        told, may = likely(told, self.attributes, said)
        if told:
            found = [t.statement for t in told]
            texts, skeletons, values = (
                said.vectors(texts)
                for texts in zip(*((s.text, s.skeleton, s.value) for s in found), strict=True)
            )
            matches = self.attributes.match(found, may, texts, skeletons, values)
            yield from _facts(told, matches, texts)

    def _kinds(self, turns: Sequence[Entry], said: SentenceCache) -> dict[str, dict[str, float]]:
        """What turns may tell of the user, by their ids."""
        own = {t.memory.id: list(own_words(t.memory.text)) for t in turns if _is_user(t.memory)}
        telling = [i for i, texts in own.items() if texts]
        if not telling:
            return {}
        starts = np.cumsum([0, *(len(own[i]) for i in telling[:-1])])
        shares = self.kinds.likely(said.vectors([text for i in telling for text in own[i]]))
        best = np.maximum.reduceat(shares, starts, axis=0)
        return {i: named(row) for i, row in zip(telling, best, strict=True)}

    def _told_to_model(self, turns: Sequence[Entry]) -> list[Candidate] | None:
        """What the model finds; None without one, or when it fails, which is logged."""
        if self.model is None or not turns:
            return None
        from agentmem.facts.model_finder import told_by_model

        try:
            found = told_by_model(self.model, [t.memory for t in turns], timeout=self.timeout)
        except Exception as error:
            _log.warning(
                "the model found no facts (%s: %s); those that patterns find are taken",
                type(error).__name__,
                error,
            )
            return None
        return [Candidate(turn, s) for turn, group in zip(turns, found, strict=True) for s in group]

    def _told(self, turns: Sequence[Entry]) -> Iterator[Candidate]:
        for turn in turns:
            found = [Candidate(turn, statement) for statement in statements(turn.memory.text)]
            yield from found[:_PER_TURN]


def forgotten(turn: Memory) -> set[str]:
    """The ids of a turn's facts that were deleted."""
    ids = turn.metadata.get(FORGOTTEN)
    return set(map(str, ids)) if isinstance(ids, list) else set()


def _speaks_of_people(turn: Memory) -> bool:
    return turn.role == "user" or turn.speaker is not None


def _is_user(turn: Memory) -> bool:
    """Whether somebody without a name speaks: of others it is not asked what is so now."""
    return turn.role == "user" and turn.speaker is None


def _facts(
    told: Sequence[Candidate], matches: Sequence[Match | None], vectors: Vectors
) -> Iterator[Entry]:
    """The facts of each turn, of an attribute the surest only."""
    best: dict[str, tuple[float, Entry]] = {}
    for one, match, vector in zip(told, matches, vectors, strict=True):
        if match is None:
            continue
        fact = _fact(one.turn.memory, one.statement, match)
        if fact.id in forgotten(one.turn.memory):
            continue
        if fact.id not in best or match.score > best[fact.id][0]:
            best[fact.id] = match.score, Entry(fact, vector)
    yield from (entry for _, entry in best.values())


def _with_kinds(
    facts: Sequence[Entry], turns: Sequence[Entry], kinds: Mapping[str, Mapping[str, float]]
) -> Iterator[Entry]:
    """Let the first fact of each turn tell of its kinds too; or else a hint."""
    left = {i: shares for i, shares in kinds.items() if shares}
    for fact in facts:
        shares = left.pop(fact.memory.sources[0], None)
        yield fact if shares is None else _telling(fact, shares)
    for turn in turns:
        shares = left.get(turn.memory.id)
        if shares is not None:
            hint = _hint(turn.memory, next(iter(shares)))
            if hint.id not in forgotten(turn.memory):
                yield _telling(Entry(hint, turn.vector), shares)


def _telling(fact: Entry, kinds: Mapping[str, float]) -> Entry:
    record = FactRecord.of(fact.memory)
    assert record is not None
    told = replace(record, kinds=kinds).metadata()
    return replace(fact, memory=replace(fact.memory, metadata={**fact.memory.metadata, **told}))


def _hint(turn: Memory, kind: str) -> Memory:
    statement = Statement(SPEAKER, turn.text, "")
    return _fact(turn, statement, Match(Attribute(kind, "other", True)), hint=True)


def _fact(turn: Memory, statement: Statement, match: Match, *, hint: bool = False) -> Memory:
    subject = statement.subject
    if subject == SPEAKER:
        subject = turn.speaker or USER
    name = match.attribute.name
    record = FactRecord(
        subject=subject,
        attribute=name,
        value=statement.value,
        date=turn.said_at.isoformat(),
        also=match.also,
        section=match.attribute.section,
        one=match.attribute.one,
        hint=hint,
    )
    return Memory(
        id=uuid.uuid5(_IDS, f"{turn.id}\n{subject}\n{'' if hint else name}").hex,
        scope=turn.scope,
        granularity=Granularity.FACT,
        text=statement.text,
        session_id=turn.session_id,
        said_at=turn.said_at,
        written_at=turn.written_at,
        role=turn.role,
        speaker=turn.speaker,
        position=turn.position,
        strength=turn.strength,
        sources=(turn.id,),
        metadata=record.metadata(),
    )
