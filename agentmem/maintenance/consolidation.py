"""Consolidating: what was said is put in order, a piece of work at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from agentmem.facts.record import Record
from agentmem.maintenance.duplicates import About, duplicates
from agentmem.maintenance.eviction import weakest
from agentmem.maintenance.summaries import Gist, Summaries
from agentmem.progress import Progress
from agentmem.writing.sessions import Sessions
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Granularity, Memory, MemoryStore, Scope, State

__all__ = ["Consolidation", "ConsolidationReport"]

Work = Callable[[], None]


@dataclass(frozen=True)
class ConsolidationReport:
    """What consolidating did.

    Attributes:
        ended: the sessions whose derived memories were missing and have been written.
        merged: ids of near-duplicates, each to the id of the memory that now stands for it.
        topics, days: the summaries written, by id.
        archived: what was archived because there was more than was to be kept.
        finished: whether nothing is left to do; False where the budget ended before.
    """

    ended: tuple[str, ...]
    merged: dict[str, str]
    topics: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    finished: bool = True


@dataclass
class _Tally:
    """What has been done so far."""

    ended: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)

    def report(self, *, finished: bool) -> ConsolidationReport:
        return ConsolidationReport(
            tuple(self.ended),
            self.merged,
            tuple(self.topics),
            tuple(self.days),
            tuple(self.archived),
            finished,
        )


@dataclass(frozen=True)
class Consolidation:
    """Ends sessions, merges duplicates, sums up topics and days, and archives what is too much.

    Every stage finds what is left to do in the store itself, and every piece of work is one
    atomic write. So it may stop anywhere, and the next run goes on as if there had been none.
    """

    store: MemoryStore
    memories: IndexedStore
    curve: ForgettingCurve
    sessions: Sessions
    gists: Summaries
    clock: Callable[[], datetime]
    lock: AbstractContextManager[Any]

    def run(
        self,
        scope: Scope,
        *,
        current: str | None,
        budget: int | None,
        keep: int | None,
        progress: Progress,
        stopped: Callable[[], bool],
    ) -> ConsolidationReport:
        """Do up to `budget` pieces of work; see `MemoryController.consolidate`.

        Args:
            current: a session that is still going on, so not to be ended.
            stopped: asked before each piece whether to leave off.
        """
        tally, done = _Tally(), 0
        for stage, works in self._stages(scope, current, keep, tally):
            progress.expect(stage, len(works))
            for work in works:
                if done == budget or stopped():
                    return tally.report(finished=False)
                work()
                done += 1
                progress.advance(stage, 1)
        return tally.report(finished=True)

    def _stages(
        self, scope: Scope, current: str | None, keep: int | None, tally: _Tally
    ) -> Iterator[tuple[str, Sequence[Work]]]:
        """Yield what there is to do; each stage is looked into when those before it are done."""
        left = [s for s in self.sessions.unfinished(scope) if s != current]
        yield "ending sessions", [partial(self._end, scope, s, tally) for s in left]
        groups = self._duplicates(scope)
        yield "merging", [partial(self._merge, scope, group, tally) for group in groups]
        topics = self.gists.topics(scope)
        if topics is not None:
            yield "topics", self._writing(scope, Granularity.TOPIC, topics, tally.topics)
        days = self.gists.days(scope)
        yield "days", self._writing(scope, Granularity.DAY, days, tally.days)
        if keep is not None:
            yield "archiving", [partial(self._archive, scope, keep, tally)]

    def _end(self, scope: Scope, session_id: str, tally: _Tally) -> None:
        with self.lock:
            self.sessions.end(scope, session_id)
        tally.ended.append(session_id)

    def _duplicates(self, scope: Scope) -> list[list[Memory]]:
        """Groups of turns and notes that say the same; items of a LangGraph store are no such."""
        ids = [
            memory.id
            for memory in self.store.scan(scope, Granularity.TURN)
            if memory.state is State.ACTIVE and "item" not in memory.metadata
        ]
        return duplicates(self.store.get(scope, Granularity.TURN, ids), self._told(scope))

    def _told(self, scope: Scope) -> dict[str, list[About]]:
        """What turns tell, by their ids."""
        told: dict[str, list[About]] = {}
        for fact in self.store.scan(scope, Granularity.FACT):
            record = Record.of(fact) if fact.version == 1 and fact.version_of is None else None
            if record is not None and not record.hint:
                for source in fact.sources:
                    about = record.subject, record.attribute, record.value
                    told.setdefault(source, []).append(about)
        return told

    def _merge(self, scope: Scope, group: Sequence[Memory], tally: _Tally) -> None:
        """Let the newest stand for all of a group, with the others as its sources."""
        with self.lock:
            ids = [memory.id for memory in group]
            found = [entry.memory for entry in self.store.get(scope, Granularity.TURN, ids)]
            if [(m.version, m.state) for m in found] != [(m.version, m.state) for m in group]:
                return
            *older, newest = found
            others = [i for memory in older for i in (*memory.sources, memory.id)]
            stands = replace(
                newest,
                strength=max(memory.strength for memory in found),
                recall_count=sum(memory.recall_count for memory in found),
                sources=tuple(dict.fromkeys([*newest.sources, *others])),
            )
            past = [
                replace(memory, state=State.SUPERSEDED, state_changed_at=self.clock())
                for memory in older
            ]
            self.memories.write(Batch(scope, patch=[stands, *past]))
        tally.merged.update({memory.id: newest.id for memory in older})

    def _writing(
        self, scope: Scope, granularity: Granularity, wanted: Sequence[Gist], written: list[str]
    ) -> list[Work]:
        """Write the gists that are missing, then delete those that should no longer be."""
        held = self.gists.held(scope, granularity)
        missing = [gist for gist in wanted if not gist.is_written(held.get(gist.id))]
        works: list[Work] = [partial(self._write, scope, gist, written) for gist in missing]
        if held.keys() - {gist.id for gist in wanted}:
            works.append(partial(self.gists.discard, scope, granularity, wanted))
        return works

    def _write(self, scope: Scope, gist: Gist, written: list[str]) -> None:
        self.gists.write(scope, gist)
        written.append(gist.id)

    def _archive(self, scope: Scope, keep: int, tally: _Tally) -> None:
        with self.lock:
            now = self.clock()
            ids = weakest(self.memories.index(scope), keep, now)
            found = [entry.memory for entry in self.store.get(scope, Granularity.TURN, ids)]
            faded = [replace(m, state=State.ARCHIVED, state_changed_at=now) for m in found]
            self.memories.write(Batch(scope, patch=faded))
        tally.archived.extend(ids)
