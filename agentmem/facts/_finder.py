"""From turns to facts: what they say of whom, as memories of their own."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agentmem_stores import Entry, Granularity, Memory, Vectors

from ..embedding import Embedder
from ._attributes import Attributes, Match
from ._record import Record
from ._statements import SPEAKER, Statement, statements

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["FORGOTTEN", "USER", "FactFinder", "forgotten"]

# The subject of what the user says of themselves, where the conversation gives no name.
USER = "user"
# In a turn's metadata: the ids of the facts of it that were deleted, and are not to come back.
FORGOTTEN = "forgotten_facts"

_IDS = uuid.UUID("0d3b4a52-3d0a-4c3e-9a6e-3f1f2f5c9b11")
_log = logging.getLogger("agentmem")

# What is less near to every attribute than this holds no statement worth a look.
_WORTH = 0.3
_PER_TURN = 8


@dataclass(frozen=True)
class Told:
    """A statement, the turn that holds it, and whether it is all that the turn says."""

    turn: Entry
    statement: Statement

    @property
    def whole(self) -> bool:
        return self.turn.memory.spoken.strip() == self.statement.text


@dataclass(frozen=True)
class FactFinder:
    """Finds what turns say of people: with a model where there is one and it answers well.

    Attributes:
        model: any LangChain chat model; it needs neither tools nor a JSON mode.
        timeout: seconds after which an answer is no longer waited for; None waits for ever.
    """

    embedder: Embedder
    attributes: Attributes
    model: BaseChatModel | None = None
    timeout: float | None = 60.0

    def find(self, turns: Sequence[Entry]) -> list[Entry]:
        """Return the facts that turns tell, in order, without strength, state and associations.

        A turn's own embedding serves for a statement that is all it says. Only what a longer turn
        says is embedded anew: values first, which say most and are the shortest.
        """
        spoken = [turn for turn in turns if _speaks_of_people(turn.memory)]
        told = self._told_to_model(spoken)
        if told is None:
            told = list(self._told(spoken))
        if not told:
            return []
        told, values = self._possible(told)
        told, texts, values = self._worth(told, values)
        if not told:
            return []
        skeletons = self._embedded([t.statement.skeleton for t in told])
        matches = self.attributes.match([t.statement for t in told], texts, skeletons, values)
        return list(_facts(told, matches, texts))

    def _told_to_model(self, turns: Sequence[Entry]) -> list[Told] | None:
        """What the model finds; None without one, or when it fails, which is logged."""
        if self.model is None or not turns:
            return None
        from ._finder_model import told_by_model

        try:
            found = told_by_model(self.model, [t.memory for t in turns], timeout=self.timeout)
        except Exception as error:
            _log.warning(
                "the model found no facts (%s: %s); those that patterns find are taken",
                type(error).__name__,
                error,
            )
            return None
        return [Told(turn, s) for turn, group in zip(turns, found, strict=True) for s in group]

    def _told(self, turns: Sequence[Entry]) -> Iterator[Told]:
        for turn in turns:
            found = [Told(turn, statement) for statement in statements(turn.memory.text)]
            yield from found[:_PER_TURN]

    def _possible(self, told: Sequence[Told]) -> tuple[list[Told], Vectors]:
        """What can come to anything by its value, and the embeddings of these values.

        Of those who are called by their names no hints are kept, see `_without_hints`.
        """
        values = self._embedded([t.statement.value for t in told])
        may_match = self.attributes.may_match([t.statement for t in told], values)
        named = [t.turn.memory.speaker is not None for t in told]
        kept = [i for i in range(len(told)) if may_match[i] or not named[i]]
        return [told[i] for i in kept], values[kept]

    def _worth(self, told: Sequence[Told], values: Vectors) -> tuple[list[Told], Vectors, Vectors]:
        """What may speak of an attribute at all, and the embeddings of these texts and values."""
        if not told:
            return [], values, values
        anew = list(dict.fromkeys(t.statement.text for t in told if not t.whole))
        vectors = dict(zip(anew, self.embedder.documents(anew), strict=True))
        texts = np.stack([t.turn.vector if t.whole else vectors[t.statement.text] for t in told])
        near = self.attributes.similarities(texts).max(axis=1) >= _WORTH
        kept = [i for i, t in enumerate(told) if near[i] or t.statement.attribute]
        return [told[i] for i in kept], texts[kept], values[kept]

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of texts that may be alike, a row for each."""
        known = list(dict.fromkeys(texts))
        place = {text: i for i, text in enumerate(known)}
        return self.embedder.documents(known)[[place[text] for text in texts]]


def forgotten(turn: Memory) -> set[str]:
    """The ids of a turn's facts that were deleted."""
    ids = turn.metadata.get(FORGOTTEN)
    return set(map(str, ids)) if isinstance(ids, list) else set()


def _speaks_of_people(turn: Memory) -> bool:
    return turn.role == "user" or turn.speaker is not None


def _facts(
    told: Sequence[Told], matches: Sequence[Match | None], vectors: Vectors
) -> Iterator[Entry]:
    """The facts of each turn, of an attribute the surest only; or else what hints at one."""
    best: dict[str, tuple[float, Entry]] = {}
    for one, match, vector in zip(told, matches, vectors, strict=True):
        if match is None:
            continue
        fact = _fact(one.turn.memory, one.statement, match)
        if fact.id in forgotten(one.turn.memory):
            continue
        if fact.id not in best or match.score > best[fact.id][0]:
            best[fact.id] = match.score, Entry(fact, vector)
    yield from _without_hints([entry for _, entry in best.values()])


def _without_hints(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Leave out hints where there is a fact, and all but the first of a turn.

    Where people are called by their names, it is not asked what is so of them now, unless the
    question says so: see `asked_for`. So there hints would be of no use.
    """
    certain = {e.memory.sources for e in entries if not _is_hint(e)}
    for entry in entries:
        if _is_hint(entry):
            if entry.memory.sources in certain or entry.memory.speaker is not None:
                continue
            certain.add(entry.memory.sources)
        yield entry


def _is_hint(entry: Entry) -> bool:
    record = Record.of(entry.memory)
    return record is not None and record.hint


def _fact(turn: Memory, statement: Statement, match: Match) -> Memory:
    subject = statement.subject
    if subject == SPEAKER:
        subject = turn.speaker or USER
    name = match.attribute.name
    record = Record(
        subject=subject,
        attribute=name,
        value=statement.value,
        date=turn.said_at.isoformat(),
        also=match.also,
        section=match.attribute.section,
        one=match.attribute.one,
        hint=match.hint,
    )
    return Memory(
        id=uuid.uuid5(_IDS, f"{turn.id}\n{subject}\n{name}").hex,
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
