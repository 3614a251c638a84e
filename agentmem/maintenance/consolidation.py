"""Consolidate a scope: end sessions, merge duplicates, summarize topics and days, archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from agentmem.maintenance.duplicates import duplicates
from agentmem.maintenance.eviction import weakest_turns
from agentmem.maintenance.summaries import Summaries, SummarySpec
from agentmem.progress import Progress
from agentmem.writing.sessions import Sessions
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_stores import Batch, Granularity, Memory, MemoryStore, Scope, State
from agentmem_stores.locks import ScopeLocks

__all__ = ["Consolidation", "ConsolidationReport"]

Work = Callable[[], None]


@dataclass(frozen=True)
class ConsolidationReport:
    """What `MemoryController.consolidate` did.

    Attributes:
        ended: sessions whose derived memories were missing and have been written.
        merged: ids of duplicates, each mapped to the id of the memory that stands for it now.
        topics, days: ids of the summaries written.
        archived: ids of the turns archived because there were more than `keep`.
        finished: whether nothing is left to do; False if the budget ran out or it was stopped.
    """

    ended: tuple[str, ...]
    merged: dict[str, str]
    topics: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    finished: bool = True


@dataclass
class _Results:
    """What a run has done so far."""

    ended: list[str] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)

    def report(self, *, finished: bool) -> ConsolidationReport:
        return ConsolidationReport(
            ended=tuple(self.ended),
            merged=self.merged,
            topics=tuple(self.topics),
            days=tuple(self.days),
            archived=tuple(self.archived),
            finished=finished,
        )


@dataclass(frozen=True)
class Consolidation:
    """Runs the stages of consolidation, each as small pieces of work.

    Every stage reads from the store what is left to do, and every piece of work is one atomic
    write. So a run may be stopped or killed anywhere, and the next one continues.

    Args:
        locks: that of the scope is taken for each piece of work, so that other calls run
            in between.
    """

    store: MemoryStore
    memories: IndexedStore
    sessions: Sessions
    summaries: Summaries
    clock: Callable[[], datetime]
    locks: ScopeLocks

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
        """Do at most `budget` pieces of work; see `MemoryController.consolidate`.

        Args:
            current: the session that is still open, which is not ended.
            keep: archive turns beyond this number; None archives none.
            stopped: called before each piece of work; True ends the run.
        """
        results, done = _Results(), 0
        for stage, works in self._stages(scope, current, keep, results):
            progress.expect(stage, len(works))
            for work in works:
                if done == budget or stopped():
                    return results.report(finished=False)
                work()
                done += 1
                progress.advance(stage, 1)
        return results.report(finished=True)

    def _stages(
        self, scope: Scope, current: str | None, keep: int | None, results: _Results
    ) -> Iterator[tuple[str, Sequence[Work]]]:
        """Yield the work of each stage, which is determined after the stage before it is done."""
        # Facts that version 0.1.0 has written are not shown; their turns are read again.
        outdated = self.sessions.facts.outdated(scope)
        yield "facts", [partial(self._extract_again, scope, s) for s in outdated]
        unfinished = [s for s in self.sessions.unfinished(scope) if s != current]
        yield "ending sessions", [partial(self._end, scope, s, results) for s in unfinished]
        groups = self._duplicates(scope)
        yield "merging", [partial(self._merge, scope, group, results) for group in groups]
        topics = self.summaries.plan_topics(scope)
        if topics is not None:
            yield "topics", self._summarize(scope, Granularity.TOPIC, topics, results.topics)
        days = self.summaries.plan_days(scope)
        yield "days", self._summarize(scope, Granularity.DAY, days, results.days)
        if keep is not None:
            yield "archiving", [partial(self._archive, scope, keep, results)]

    def _end(self, scope: Scope, session_id: str, results: _Results) -> None:
        with self.locks.hold(scope):
            self.sessions.end(scope, session_id)
        results.ended.append(session_id)

    def _duplicates(self, scope: Scope) -> list[list[Memory]]:
        """Return the groups of turns and notes that say the same."""
        # Items of a LangGraph store are addressed by key: two with the same text are two items.
        return duplicates(
            memory
            for memory in self.store.scan(scope, Granularity.TURN)
            if memory.state is State.ACTIVE and "item" not in memory.metadata
        )

    def _extract_again(self, scope: Scope, session_id: str) -> None:
        with self.locks.hold(scope):
            self.sessions.extract_facts(scope, session_id)

    def _merge(self, scope: Scope, group: Sequence[Memory], results: _Results) -> None:
        """Let the newest memory of a group stand for all, with the others as its sources."""
        with self.locks.hold(scope):
            ids = [memory.id for memory in group]
            current = [entry.memory for entry in self.store.get(scope, Granularity.TURN, ids)]
            if [(m.version, m.state) for m in current] != [(m.version, m.state) for m in group]:
                return  # Something changed one of them since: the next run decides anew.
            *older, newest = current
            merged_ids = [i for memory in older for i in (*memory.sources, memory.id)]
            # Saying something again is a repetition of it, so no recall of any of them is lost.
            representative = replace(
                newest,
                strength=max(memory.strength for memory in current),
                recall_count=sum(memory.recall_count for memory in current),
                sources=tuple(dict.fromkeys([*newest.sources, *merged_ids])),
            )
            superseded = [
                replace(memory, state=State.SUPERSEDED, state_changed_at=self.clock())
                for memory in older
            ]
            self.memories.write(Batch(scope, patch=[representative, *superseded]))
        results.merged.update({memory.id: newest.id for memory in older})

    def _summarize(
        self, scope: Scope, granularity: Granularity, specs: Sequence[SummarySpec], ids: list[str]
    ) -> list[Work]:
        """Return the work to write missing summaries, and then to delete outdated ones."""
        existing = self.summaries.existing(scope, granularity)

        def write(spec: SummarySpec) -> None:
            self.summaries.write(scope, spec)
            ids.append(spec.id)

        works: list[Work] = [
            partial(write, spec) for spec in specs if not spec.matches(existing.get(spec.id))
        ]
        if existing.keys() - {spec.id for spec in specs}:
            works.append(partial(self.summaries.delete_others, scope, granularity, specs))
        return works

    def _archive(self, scope: Scope, keep: int, results: _Results) -> None:
        with self.locks.hold(scope):
            now = self.clock()
            ids = weakest_turns(self.memories.index(scope), keep, now)
            turns = [entry.memory for entry in self.store.get(scope, Granularity.TURN, ids)]
            archived = [replace(m, state=State.ARCHIVED, state_changed_at=now) for m in turns]
            self.memories.write(Batch(scope, patch=archived))
        results.archived.extend(ids)
